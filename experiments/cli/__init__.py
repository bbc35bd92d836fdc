"""The command `llm-evo`."""

import atexit
import signal
import sys


def main() -> None:
    """Entry point of the command; a signal while it loads, or again while it ends, ends it without a traceback, too."""
    atexit.register(signal.signal, signal.SIGINT, signal.SIG_IGN)  # there is nothing left to interrupt
    try:
        from experiments.cli.signals import signals_heard

        with signals_heard():
            from experiments.cli.app import main as command

            command()
    except KeyboardInterrupt:  # Python would end by the signal
        sys.exit(130)  # as experiments.cli.exits.INTERRUPTED
