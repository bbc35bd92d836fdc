"""Prompts of frameworks: where the current program stands, and in which form the answer is wanted."""
