"""Absorbing chains on small states."""
