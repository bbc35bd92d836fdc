"""Tables of the terminal: a label once above its rows, what is constant once above the table, nothing folded."""
