"""What was run: the results folder and its tables."""
