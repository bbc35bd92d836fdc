"""Scores a program whose blocks are lines such as B3 = "ceglafnk". Copy this file; it needs nothing but Python.

The blocks B0 .. B(K-1) are right or wrong, each by itself. The program is read, never executed.

* OpenEvolve calls `evaluate(program_path)`: combined_score is the number of right blocks, b0, b1, .. are 0 or 1.
* ShinkaEvolve calls `python evaluator.py --program_path FILE --results_dir FOLDER`.
* Anything else: `scores(text)`.
"""

import hashlib
import json
import pathlib
import re
import sys

K, L, NAME = 4, 2, "blocks"
"""Blocks, tokens of a block (four letters each), and the name of the problem: what is right follows from them."""
LETTERS = str.maketrans("0123456789abcdef", "abcdefghijklmnop")
LINE = re.compile(r'^(?P<head>[ \t]*B(?P<number>\d{1,6})[ \t]*=[ \t]*")(?P<text>[^"\n]*)(?P<tail>".*)$', re.MULTILINE)


def right_text(block: int, l: int = L, name: str = NAME) -> str:
    """The right text of a block: letters of a hash, which nobody guesses.

    >>> right_text(0, 2, "blocks"), len(right_text(1, 100, "blocks"))
    ('cakpkdic', 400)
    """
    parts = (hashlib.sha256(f"{name}/{block}/{part}".encode()).hexdigest() for part in range(4 * l // 64 + 1))
    return "".join(parts)[: 4 * l].translate(LETTERS)


def texts_of(program: str) -> dict[int, str]:
    r"""The texts of the blocks in a program, by their numbers; the first line of a block counts.

    >>> texts_of('B0 = "abc"\n  B2 = "x"  # c\nB0 = "later"')
    {0: 'abc', 2: 'x'}
    """
    found: dict[int, str] = {}
    for line in LINE.finditer(program):
        found.setdefault(int(line["number"]), line["text"])
    return found


def scores(program: str, k: int = K, l: int = L, name: str = NAME) -> list[int]:
    """For each block 1 if its text is the right one, else 0.

    >>> scores(f'B1 = "{right_text(1, 2, "blocks")}"', k=3, l=2, name="blocks")
    [0, 1, 0]
    """
    texts = texts_of(program)
    return [int(texts.get(block) == right_text(block, l, name)) for block in range(k)]


def evaluate(program_path: str) -> dict[str, float]:
    """The metrics of a program: combined_score, and b0, b1, .. block by block."""
    found = scores(pathlib.Path(program_path).read_text(encoding="utf-8", errors="replace"))
    return {"combined_score": float(sum(found)), **{f"b{block}": float(one) for block, one in enumerate(found)}}


def main(words: list[str]) -> None:
    """Write metrics.json and correct.json into a results folder, as ShinkaEvolve asks for."""
    options = dict(zip(words[::2], words[1::2], strict=True))
    metrics, folder = evaluate(options["--program_path"]), pathlib.Path(options["--results_dir"])
    public = {name: value for name, value in metrics.items() if name != "combined_score"}
    folder.mkdir(parents=True, exist_ok=True)
    told = {"combined_score": metrics["combined_score"], "public": public, "private": {}}
    (folder / "metrics.json").write_text(json.dumps(told), encoding="utf-8")
    (folder / "correct.json").write_text(json.dumps({"correct": True, "error": None}), encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
