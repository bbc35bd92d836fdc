"""`python -m experiments` is `llm-evo`."""

from experiments.cli import main

main()
