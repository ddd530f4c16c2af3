"""A probe's outcome told to people and scripts: one verdict, a report for the terminal, a JSON document."""
