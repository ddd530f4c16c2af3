"""Everything that holds the exporter to its word."""
