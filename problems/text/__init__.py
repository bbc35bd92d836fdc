"""Blocks that are texts: the problem, and who says which texts are right."""
