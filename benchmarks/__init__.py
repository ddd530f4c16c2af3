"""Measurements, run by hand: they print what they find, and nothing depends on it."""
