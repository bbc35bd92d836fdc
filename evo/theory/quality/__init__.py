"""Quality at a budget: the law of the true fitness of the current solution after some generations (theory 17)."""
