"""Templates and style of the pages."""
