"""Real calls as an executor: runs of a grid whose mutator is a language model behind an endpoint."""
