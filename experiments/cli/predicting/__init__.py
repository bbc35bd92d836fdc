"""What `llm-evo predict` and plans show on the terminal of what is told before anything runs."""
