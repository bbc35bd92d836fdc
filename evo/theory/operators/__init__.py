"""The law of a run with operators for which counts do not suffice."""
