"""Exact sums of systems made of LLM calls (theory 12, 18)."""
