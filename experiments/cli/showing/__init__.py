"""What `llm-evo show` tells: lists of all there is, one part, one study, one preset."""
