"""What is shown: summaries, figures, terminal, files."""
