"""`python -m experiments` is `llm-evo`."""

from experiments.cli.app import main

main()
