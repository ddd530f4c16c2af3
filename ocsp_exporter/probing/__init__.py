"""Go out and bring bytes back. No verdicts."""
