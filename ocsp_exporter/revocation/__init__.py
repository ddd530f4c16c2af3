"""Pure: bytes, certificates and a time in; verdicts out."""
