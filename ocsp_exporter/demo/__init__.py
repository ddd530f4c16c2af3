"""The embedded lab: a CA, its responder and CRL, and endpoints in every state of health."""
