"""Third-party parts: whether they are what made the results, and when they may be imported for results read again."""
