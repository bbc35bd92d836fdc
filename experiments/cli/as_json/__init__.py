"""`--json` of the commands: one schema, the numbers that the terminal shows, nothing else on standard output."""
