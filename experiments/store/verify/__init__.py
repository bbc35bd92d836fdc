"""What a file of a results folder must be before it is believed: the folder may be a stranger's, or damaged."""
