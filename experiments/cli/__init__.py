"""The command `llm-evo`."""

from experiments.cli.app import main

__all__ = ["main"]
