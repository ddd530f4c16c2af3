"""A probe's outcome told to people and scripts: one assessment, a report for the terminal, a JSON document."""
