"""Whether the runs are what was predicted."""
