"""The command `llm-evo`."""

import sys


def main() -> None:
    """Entry point of the command; Ctrl-C while it is still loading ends it without a traceback, too."""
    try:
        from experiments.cli.app import main as command
    except KeyboardInterrupt:
        sys.exit(130)  # as experiments.cli.exits.INTERRUPTED
    command()
