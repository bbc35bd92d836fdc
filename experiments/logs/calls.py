"""A table of calls in memory: one array a column, checked for counts that contradict each other."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from evo.errors import InputError
from evo.protocols import BoolArray, FloatArray
from experiments.logs.columns import CLASS_OF, COLUMNS

Words = NDArray[np.object_]


@dataclass(frozen=True, eq=False)
class Calls:
    """Calls of a log, a row each.

    Attributes:
        file: name of the log, for messages.
        sha256: of its bytes.
        lines: where each row stands in the file, int [rows].
        numbers: columns of numbers, float [rows]; nan where there is none.
        words: columns of words, [rows]; "" where there is none.
        unused: names of columns that are not used.
        lists_of_passing: whether the blocks that were correct come from a list of those that pass reliably.
        place: what a row is called in messages.
        lost: what such a log does not tell, in words.
        survivors: why calls that failed are not in it; empty if they are, or nobody knows.
    """

    file: str
    sha256: str
    lines: NDArray[np.int64]
    numbers: dict[str, FloatArray]
    words: dict[str, Words]
    unused: tuple[str, ...] = ()
    lists_of_passing: bool = False
    place: str = "line"
    lost: tuple[str, ...] = ()
    survivors: str = ""

    def __len__(self) -> int:
        return len(self.lines)

    def __contains__(self, name: str) -> bool:
        """Whether a column is there and not empty."""
        return (name in self.numbers and bool((~np.isnan(self.numbers[name])).any())) or (
            name in self.words and bool((self.words[name] != "").any())
        )

    def number(self, name: str) -> FloatArray:
        """A column of numbers; nan throughout if it is not there."""
        return self.numbers.get(name, np.full(len(self), np.nan))

    def word(self, name: str) -> Words:
        """A column of words; empty ones throughout if it is not there."""
        return self.words.get(name, np.full(len(self), "", dtype=object))

    def where(self, rows: BoolArray) -> Calls:
        """Some of the rows."""
        numbers = {name: values[rows] for name, values in self.numbers.items()}
        words = {name: values[rows] for name, values in self.words.items()}
        return replace(self, lines=self.lines[rows], numbers=numbers, words=words)

    @property
    def classes(self) -> Words:
        """What became of each call: applied, malformed, refused, error, or "" if not said."""
        return np.array([CLASS_OF.get(str(word), "") for word in self.word("outcome")], dtype=object)

    @property
    def correct(self) -> FloatArray:
        """Correct blocks of each call before it."""
        return self.number("g") - self.number("incorrect")

    @property
    def kept(self) -> FloatArray:
        """Correct blocks that stayed so, as `kept` or `broken` say."""
        return np.where(np.isnan(self.number("kept")), self.correct - self.number("broken"), self.number("kept"))

    def groups(self, *names: str) -> list[tuple[str, ...]]:
        """The combinations of words of some columns, the most frequent first."""
        found: dict[tuple[str, ...], int] = {}
        for key in zip(*(self.word(name) for name in names), strict=True):
            found[key] = found.get(key, 0) + 1
        return sorted(found, key=lambda key: (-found[key], key))

    def wrong(self, row: int, column: str, told: str) -> InputError:
        """What to raise for a row."""
        return InputError(f"{self.file}: {self.place} {self.lines[row]}: {column}: {told}")

    def checked(self) -> Calls:
        """Itself, if its counts fit together.

        Raises: InputError naming the first row and column that do not.
        """
        if not len(self):
            raise InputError(f"{self.file}: expected a row for each call, got none")
        if not any(name in self for name in ("g", "calls", "outcome", "tokens_in", "tokens_out", "seconds", "price")):
            known = ", ".join(COLUMNS)
            raise InputError(f"{self.file}: expected some of the columns {known}, got none of what is measured")
        self._expect_parts()
        self._expect_together()
        return self

    def _expect_parts(self) -> None:
        """A part is no more than its whole."""
        wholes = {
            "k": (self.number("k"), (("g", self.number("g")),)),
            "g": (self.number("g"), (("incorrect", self.number("incorrect")), ("correct", self.number("correct")))),
            "incorrect": (self.number("incorrect"), (("repaired", self.number("repaired")),)),
            "g - incorrect": (self.correct, (("kept", self.number("kept")), ("broken", self.number("broken")))),
            "tokens_in": (self.number("tokens_in"), (("tokens_cached", self.number("tokens_cached")),)),
            "tokens_out": (self.number("tokens_out"), (("tokens_reasoning", self.number("tokens_reasoning")),)),
            "calls": (self.number("calls"), (("malformed_calls", self.number("malformed_calls")),)),
        }
        for whole, (most, parts) in wholes.items():
            for name, part in parts:
                for row in np.flatnonzero(part > most)[:1]:
                    told = f"expected at most {whole} = {most[row]:g}, got {part[row]:g}"
                    raise self.wrong(int(row), name, told)

    def _expect_together(self) -> None:
        """What needs another column has it, and sums are right."""
        for name, needed in (
            ("incorrect", "g"), ("repaired", "incorrect"), ("kept", "incorrect"), ("broken", "incorrect"),
            ("correct", "incorrect"), ("malformed_calls", "calls"), ("tokens_cached", "tokens_in"),
            ("tokens_reasoning", "tokens_out"),
        ):  # fmt: skip
            alone = ~np.isnan(self.number(name)) & np.isnan(self.number(needed))
            for row in np.flatnonzero(alone)[:1]:
                raise self.wrong(int(row), needed, f"expected a number, since {name} has one, got none")
        both = self.number("kept") + self.number("broken")
        for name, sums, whole in (
            ("correct", self.number("correct"), self.correct),
            ("kept", both, self.correct),
        ):
            for row in np.flatnonzero(~np.isnan(sums) & (sums != whole))[:1]:
                what = "kept + broken" if name == "kept" else "correct"
                told = f"expected {what} = g - incorrect = {whole[row]:g}, got {sums[row]:g}"
                raise self.wrong(int(row), name, told)
