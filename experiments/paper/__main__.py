"""`python -m experiments.paper` prints docs/paper.md; with a folder of results it first runs what is missing there."""

from __future__ import annotations

import sys
from pathlib import Path

from experiments.paper.kept import FOLDER
from experiments.paper.page import page, sections
from experiments.paper.runs import run

USAGE = (
    "usage: python -m experiments.paper [DOCS RESULTS]: print the page, or run what is missing and write DOCS/paper.md"
)


def main(arguments: list[str]) -> None:
    """Print the page; or run what is missing in a folder of results, keep what came out, and write the page."""
    if not arguments:
        print(page(), end="")
        return
    if len(arguments) != 2:
        sys.exit(USAGE)
    docs, results = map(Path, arguments)
    for step in run(results, FOLDER):
        print(step, flush=True)
    sections.cache_clear()
    (docs / "paper.md").write_text(page(), encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
