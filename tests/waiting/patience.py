"""How long tests wait for a process, a thread or a file: on a busy machine what takes a second may take minutes."""

import time

SECONDS = 300
"""After which a test gives up. Nothing takes so long that does not hang."""


def wait_for(condition):
    """Wait until a condition holds; a test that waits in vain fails."""
    deadline = time.monotonic() + SECONDS
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)
