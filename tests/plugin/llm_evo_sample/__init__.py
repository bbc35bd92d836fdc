"""A package of parts for llm-evo."""
