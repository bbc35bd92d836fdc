"""Fitness at a budget as runs show it, beside what is predicted."""
