"""Small languages that a grid's file and options may hold: arithmetic on axes, and conditions on cells."""
