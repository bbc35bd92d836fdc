"""Predictions as columns of the table of cells, so that it can be checked without third-party parts.

* `predicted.hit.mean`, `.variance`, also of calls and cost: null where not known, infinite where they are.
* `predicted.hit.times`, `.cdf`: the law of hit at some 64 times (`law_points`), the last of them
  infinite; lists, empty where it is not known.
* `prediction.source`, `.checked`, `.trusted`: the formula and its conditions.
* `prediction.doubts`: what the mutator says against the numbers (rates that it extrapolates); null if nothing.
* `prediction.version`: of the code that predicts (`theory_version`); null for cells with third-party parts,
  whose laws may change without the version.
* `prediction.refused`: why there is no prediction; null if there is one.
* `call.calls`: LLM calls that an answer stands for; `call.a_generation`: calls of a generation, null where they are not
  a fixed number.
* `call.prompt_tokens` and so on: ledger entries of an answer on a full chunk, counted pass by pass; `short_call.` the
  same on the shorter last chunk; null where blocks differ in length.
* `expected.done`, `expected.exact`, `expected.qa.pass_tokens` and so on: of a program of calls the probability that its
  task is done right, whether (1 or 0) every run has the same ledger, and the ledger of each role, or its mean.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cache, singledispatch
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np

import evo
import experiments.predictions
import operators
import problems
from evo.costs.ledger import LEDGER, block_lengths
from evo.errors import EvoError, NoPrediction
from evo.foreign import foreign
from evo.protocols import FloatArray
from evo.runners.protocol import varies
from evo.theory.times.at_times import LawAtTimes
from experiments.grids.any_cell import AnyCell
from experiments.grids.cell import Cell
from experiments.grids.programs.cell import ProgramCell
from experiments.grids.strings import string_type
from experiments.predictions.counts import entries_of_call
from experiments.predictions.predict import Prediction, predict
from experiments.predictions.programs import columns_of_roles, expected_in
from experiments.predictions.within_budget import answers_after, generations_within
from experiments.store.table import is_of_a_role

if TYPE_CHECKING:
    import pandas as pd

PREFIXES = ("predicted.", "prediction.", "call.", "short_call.", "expected.")
"""How the names of these columns begin; no other column of the table of cells begins so."""
STORED_QUANTITIES = ("hit", "calls", "cost")
ENTRIES = LEDGER[2:]
LISTS = ("predicted.hit.times", "predicted.hit.cdf")
TEXTS = tuple(f"prediction.{name}" for name in ("source", "checked", "trusted", "doubts", "version", "refused"))
CALL_COLUMNS = ("call.a_generation", *(f"{place}.{entry}" for place in ("call", "short_call") for entry in ENTRIES))
SHORT = 300
"""Characters of a refusal that are kept."""
POINTS = 64
"""Times of a stored law, about."""
SPREADINGS = 4
SEEN = 1.0 - 1.0 / 128
"""Share of a law's mass beyond which no time is of interest."""
LARGEST = 2.0**53


def columns_of(cell: AnyCell, times: bool = True) -> dict[str, Any]:
    """The columns of one cell; None stands for null, lists are arrays.

    Args:
        cell: the cell.
        times: whether its runs may be compared with the law of hit; else the law is not looked at.

    >>> from evo import OnePlusLambda, UntilResolved
    >>> from operators import Resample
    >>> from problems import BlockOneMax
    >>> found = columns_of(Cell(BlockOneMax(k=4, l=16), Resample(p=0.5), UntilResolved(), OnePlusLambda()))
    >>> found["predicted.hit.mean"], found["predicted.hit.variance"], found["call.pass_tokens"]
    (8.0, 8.0, 376.0)
    """
    row: dict[str, Any] = dict.fromkeys(TEXTS) | dict.fromkeys(LISTS, np.empty(0))
    row["prediction.version"] = None if any(True for _ in foreign(cell)) else theory_version()
    for quantity in STORED_QUANTITIES:
        row |= dict.fromkeys((f"predicted.{quantity}.mean", f"predicted.{quantity}.variance"))
    try:
        row |= _of_hit(cell, predict(cell, "hit"), times)
    except EvoError as error:  # a law that breaks is told by the run that needs it
        words = " ".join(str(error).split())
        row["prediction.refused"] = words if len(words) <= SHORT else f"{words[: SHORT - 3]}..."
    else:
        for quantity in STORED_QUANTITIES[1:]:
            row |= _moments(cell, quantity)
    return row | _of_its_calls(cell)


@singledispatch
def _of_its_calls(cell: AnyCell) -> dict[str, float | None]:
    """What is expected of the calls of a cell: of the ledger of each role, or of one call."""
    raise NotImplementedError(type(cell).__name__)


@_of_its_calls.register
def _(cell: ProgramCell) -> dict[str, float | None]:
    names = columns_of_roles(cell)
    row: dict[str, float | None] = dict.fromkeys(("call.calls", *CALL_COLUMNS, "expected.done", "expected.exact"))
    row |= {f"expected.{name}": None for name in names}
    try:
        expected = expected_in(cell)
    except EvoError:  # which `prediction.refused` tells
        return row
    row |= {"expected.done": expected.done, "expected.exact": float(expected.exact_every_run)}
    values = expected.ledger.ravel().tolist()
    return row | {f"expected.{name}": float(value) for name, value in zip(names, values, strict=True)}


@cache
def theory_version() -> str:
    """A hash of the source of all that predictions are made of: the core, problems, operators, rules and this file."""
    files = [Path(__file__)]
    for package in (evo, operators, problems, experiments.predictions):
        files += sorted(Path(package.__path__[0]).rglob("*.py"))
    hashed = hashlib.sha256()
    for file in files:
        hashed.update(f"{file.name} {file.stat().st_size}\n".encode() + file.read_bytes())
    return hashed.hexdigest()[:16]


def kept_predictions(cells: pd.DataFrame) -> dict[str, dict[str, Any]]:
    """By their text, the columns of the cells of a stored table that this version of the theory has predicted."""
    table, predictions = split(cells)
    if "prediction.version" not in predictions:
        return {}
    same = predictions["prediction.version"] == theory_version()
    rows = predictions[same].astype(object).where(predictions[same].notna(), None).to_dict("records")
    texts = table.loc[same, "text"].astype(str)
    return {text: {str(name): value for name, value in row.items()} for text, row in zip(texts, rows, strict=True)}


def predictions_table(
    cells: Iterable[AnyCell],
    kept: Mapping[str, dict[str, Any]] = MappingProxyType({}),
    watch: Callable[[AnyCell, int, int], None] = lambda cell, done, of: None,
    times: bool = True,
) -> pd.DataFrame:
    """The columns of all cells, index `cell` (the id), with the same types whatever is known of them.

    Args:
        cells: the cells.
        kept: columns by the text of a cell that were made before, see `kept_predictions`.
        watch: called with each cell that is to be predicted, the number of those before it, and of all.
        times: whether runs may be compared with the laws of hit.
    """
    import pandas as pd

    cells, rows, columns = list(cells), [], {}
    for done, cell in enumerate(cells):
        if cell.text not in kept:
            watch(cell, done, len(cells))
        rows.append(kept.get(cell.text) or columns_of(cell, times))
    for name in dict.fromkeys(name for row in rows for name in row):  # programs have columns of their roles
        # arrays, not lists: a file gives them one type, even where all are empty
        kind: Any = "object" if name in LISTS else string_type() if name in TEXTS else "float64"
        columns[name] = pd.Series([row.get(name) for row in rows], dtype=kind)
    return pd.DataFrame(columns).set_index(pd.Index([cell.id for cell in cells], dtype=string_type(), name="cell"))


def split(cells: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """A stored table of cells, without the columns of predictions, and these alone (none in earlier versions)."""
    apart = [name for name in cells.columns if str(name).startswith(PREFIXES)]
    return cells.drop(columns=apart), cells[apart]


@dataclass(frozen=True, eq=False)
class StoredPrediction:
    """What a row of the table of cells tells of a cell's prediction, and of how its ledger hangs together.

    Attributes:
        means, variances: of "hit", "calls" and "cost"; those that are known.
        law: of hit at some times; None where it is not known.
        source, checked, trusted: the formula and its conditions.
        doubts: what the mutator says against the numbers.
        refused: why there is no prediction; empty if there is one.
        call, short_call: ledger entries of one call on a full chunk and on the last one; empty where not known.
        calls: LLM calls that an answer stands for.
        a_generation: calls of a generation; None where they are not a fixed number.
        lam: offspring a generation.
        of_program: whether it is one of a program of calls.
        expected: of a program the ledger of each role, by the name of its column.
        exact: whether every run has it.
        done: probability that its task is done right; None where nothing was predicted.
    """

    means: Mapping[str, float]
    variances: Mapping[str, float]
    law: LawAtTimes | None
    source: str
    checked: tuple[str, ...]
    trusted: tuple[str, ...]
    doubts: tuple[str, ...]
    refused: str
    call: Mapping[str, float]
    short_call: Mapping[str, float]
    calls: int
    a_generation: int | None
    lam: int
    of_program: bool = False
    expected: Mapping[str, float] = field(default_factory=dict)
    exact: bool = False
    done: float | None = None

    @classmethod
    def of(cls, row: Mapping[str, Any], lam: int) -> StoredPrediction:
        """From the columns of a cell."""
        known = {name: value for name, value in row.items() if name in LISTS or _is_known(value)}
        times, cdf = (_floats(row[name]) for name in LISTS)

        def numbers(prefix: str, names: Iterable[str], suffix: str = "") -> dict[str, float]:
            found = {name: f"{prefix}{name}{suffix}" for name in names}
            return {name: float(known[column]) for name, column in found.items() if column in known}

        means = numbers("predicted.", STORED_QUANTITIES, ".mean")
        variances = numbers("predicted.", STORED_QUANTITIES, ".variance")
        law = None
        if times is not None and cdf is not None and "hit" in means:
            law = LawAtTimes(times, cdf, means["hit"], variances.get("hit"))
        return cls(
            means=means,
            variances=variances,
            law=law,
            source=str(known.get("prediction.source", "")),
            checked=tuple(str(known.get("prediction.checked", "")).split("; ")),
            trusted=tuple(str(known.get("prediction.trusted", "")).split("; ")),
            doubts=tuple(filter(None, str(known.get("prediction.doubts", "")).split("\n"))),
            refused=str(known.get("prediction.refused", "")),
            call=numbers("call.", ENTRIES),
            short_call=numbers("short_call.", ENTRIES),
            calls=int(known.get("call.calls", 1)),
            a_generation=int(known["call.a_generation"]) if "call.a_generation" in known else None,
            lam=lam,
            of_program="call.calls" not in known,
            expected={
                name.removeprefix("expected."): float(value)
                for name, value in known.items()
                if is_of_a_role(name.removeprefix("expected."))
            },
            exact=known.get("expected.exact") == 1.0,
            done=float(known["expected.done"]) if "expected.done" in known else None,
        )

    def predict(self, quantity: str = "hit") -> Prediction:
        """What was predicted of "hit", "calls" or "cost"; the law of hit alone was stored.

        Raises: NoPrediction with the reason that was stored.
        """
        if quantity not in self.means:
            raise NoPrediction(self.refused or f"no prediction of {quantity} was stored")
        law = self.law if quantity == "hit" else None
        conditions = self.source, self.checked, self.trusted
        return Prediction(quantity, self.means[quantity], *conditions, law, doubts=self.doubts)


def _of_hit(cell: AnyCell, hit: Prediction, times: bool) -> dict[str, Any]:
    try:
        variance = hit.variance
    except NoPrediction:
        variance = None
    row: dict[str, Any] = {
        "prediction.source": hit.source,
        "prediction.checked": "; ".join(hit.checked),
        "prediction.trusted": "; ".join(hit.trusted),
        "prediction.doubts": "\n".join(hit.doubts) or None,
        "predicted.hit.mean": hit.mean,
        "predicted.hit.variance": variance,
    }
    if times:
        with suppress(NoPrediction):
            row |= dict(zip(LISTS, law_points(cell, hit), strict=True))
    return row


def law_points(cell: AnyCell, hit: Prediction) -> tuple[FloatArray, FloatArray]:
    """Some 64 times and the cdf there, float [at most 66] each; the last time is infinite, its cdf P(T < infinity).

    The cdf rises by equal shares from one time to the next. Quantiles would say where, but searching for 64 of them
    takes up to a second a cell (chains of a thousand states). Here the cdf is asked at doubled times until it has
    nearly all its mass, or the budget ends, and then four times at 64 times at once, better spread each time: that
    takes milliseconds.

    Args:
        cell: the cell, beyond whose budget no time is of interest.
        hit: the prediction of `hit`.

    Raises: NoPrediction if the cdf is not known.
    """
    times = _bracket(hit, min(LARGEST, _budget(cell)))
    for _ in range(SPREADINGS):
        times = _spread(times, _rising(hit.cdf(times)))
    times = np.append(times, math.inf)
    return times, _rising(hit.cdf(times))


def _bracket(hit: Prediction, last: float) -> FloatArray:
    """Times from 0 to where nearly all mass is, or to `last`, by factors of 2."""
    enough = SEEN * float(hit.cdf(math.inf))
    time = min(last, max(1.0, 2.0 ** math.floor(math.log2(hit.mean)))) if 0 < hit.mean < math.inf else 1.0
    times = [0.0, *np.geomspace(1.0, time, 16)]
    while time < last and float(hit.cdf(time)) < enough:
        time = min(last, 2 * time)
        times.append(time)
    return np.unique(np.rint(times))


def _spread(times: FloatArray, cdf: FloatArray) -> FloatArray:
    """Whole times at which the cdf, straight between those asked so far, has risen by equal shares."""
    levels = cdf[-1] * (np.arange(POINTS - 1) + 0.5) / (POINTS - 1)
    return np.unique(np.append(np.rint(np.interp(levels, cdf, times)), [0.0, times[-1]]))


def _rising(cdf: FloatArray) -> FloatArray:
    """A cdf without what rounding did to it: within [0, 1], and never falling."""
    return np.maximum.accumulate(np.clip(cdf, 0.0, 1.0))


@singledispatch
def _budget(cell: AnyCell) -> float:
    """The last offspring within the budget; infinite where there is none."""
    return math.inf


@_budget.register
def _(cell: Cell) -> float:
    return answers_after(cell, generations_within(cell)[1])


def _moments(cell: AnyCell, quantity: str) -> dict[str, float]:
    row: dict[str, float] = {}
    try:
        prediction = predict(cell, quantity)
        row[f"predicted.{quantity}.mean"] = prediction.mean
        row[f"predicted.{quantity}.variance"] = prediction.variance
    except EvoError:  # what is known of hit stays
        pass
    return row


@_of_its_calls.register
def _(cell: Cell) -> dict[str, float | None]:
    calls = cell.tokens.calls
    fixed = not varies(cell.runner) and not hasattr(cell.mutator, "mean_calls")
    row: dict[str, float | None] = {"call.calls": calls, "call.a_generation": None}
    if fixed:
        row["call.a_generation"] = calls * cell.runner.lam
    for place, blocks in (("call", cell.chunks.g), ("short_call", cell.chunks.last)):
        names = [f"{place}.{entry}" for entry in ENTRIES]
        row |= dict.fromkeys(names)
        if block_lengths(cell.problem) is None:
            entries = entries_of_call(cell, blocks * cell.problem.l)
            row |= {f"{place}.{entry}": float(value) for entry, value in entries.items()}
    return row


def _is_known(value: Any) -> bool:
    return value is not None and not (isinstance(value, float) and math.isnan(value))


def _floats(values: Any) -> FloatArray | None:
    """A list of a Parquet file as an array; None for an empty one."""
    found = np.asarray(values, dtype=np.float64)
    return found if found.size else None
