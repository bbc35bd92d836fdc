"""Cells that run programs of calls, beside those that search."""
