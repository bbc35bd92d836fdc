"""Sums and special functions that keep their digits."""
