"""Real responses and certificates with their bytes changed at random."""
