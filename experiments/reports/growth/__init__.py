"""Growth as the terminal tells it: what `llm-evo fit` shows."""
