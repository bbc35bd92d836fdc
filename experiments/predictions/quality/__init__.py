"""Fitness at a budget: the table of rules, and what is told."""
