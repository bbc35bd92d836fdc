"""Families of growth, how they are fitted, and which of them the runs leave."""
