"""What is expected of the verdict, row by row."""
