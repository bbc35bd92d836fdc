"""Planning: which decomposition of a problem to pay for, before anything runs."""
