"""The law of a run under each schedule."""
