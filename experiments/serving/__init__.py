"""A simulated model behind HTTP, for frameworks that talk to a real one."""
