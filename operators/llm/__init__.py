"""A real language model as a mutator: its requests, and how its answers are read."""
