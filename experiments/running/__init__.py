"""Making the runs: a launch, its agenda, its executors."""
