"""Golden values of version 0.1.0, made by `freeze.py` before the house was rebuilt: behaviour must not have changed.

Only names that outlive the rebuilding are used, and every cell is read from its canonical text, so that it does not
matter in which module a part lives. A value that differs is a change of behaviour: not to be mended by writing the data
again.
"""

import gzip
import hashlib
import json
import math
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from evo.errors import NoPrediction
from experiments import Cell, Grid, predict, run_grid
from experiments.studies import STUDIES

HERE = Path(__file__).parent
COLUMNS = {
    "hit": "<i8",  # null, censored: -1
    "generations": "<i8",
    "calls": "<i8",
    "evaluations": "<i8",
    "prompt_tokens": "<i8",
    "generated_tokens": "<i8",
    "pass_tokens": "<i8",
    "pass_tokens_squared": "<f8",
    "seconds": "<f8",
}
QUANTITIES = ("hit", "calls", "generations", "cost")
LEVELS = (0.1, 0.5, 0.9)
PARTS = 6
"""Of the predicted cells every sixth is looked at in the quick part; of those chosen for the rules' sake nearly all."""


@cache
def data(name):
    return json.loads(gzip.decompress((HERE / name).read_bytes()))


# ---------------------------------------------------------------------------------------------------- what is compared


def digest(values, dtype):
    values = np.asarray(values, dtype=dtype)
    if dtype == "<f8":
        # one NaN of the many; and no last digits, which the logarithms of other processors have otherwise
        values = np.array([float(f"{value:.10g}") for value in values], dtype=dtype)
    return hashlib.sha256(values.tobytes()).hexdigest()


def measured(text, engine, runs, batch, seed):
    """The digest of each column of the runs of a cell, in the table's order; and the engine that its rows name."""
    grid = Grid("golden", [Cell.parse(text)], runs=runs, batch=batch, seed=seed, engine=engine)
    table = run_grid(grid, workers=1).table
    found = {name: digest(table[name].fillna(-1) if name == "hit" else table[name], COLUMNS[name]) for name in COLUMNS}
    return {"rows": len(table), "engine": ", ".join(table["engine"].unique()), **found}


def number(value):
    """A float that JSON can hold."""
    value = float(value)
    return value if math.isfinite(value) else str(value)


def or_refused(ask):
    try:
        return ask()
    except NoPrediction:
        return "NoPrediction"


def times_of(mean):
    if math.isinf(mean):
        return [1.0, 10.0, 100.0, 1000.0, 10000.0]
    return [float(round(share * mean)) for share in (0.3, 0.7, 1, 1.5, 3)]


def quantiles(known):
    return or_refused(lambda: [number(known.quantile(level)) for level in LEVELS])


def cdf(known, times):
    return or_refused(lambda: [number(value) for value in known.cdf(np.array(times))])


def close(found, golden, absolute=0.0):
    """Equal words, or numbers within 1e-12, one by one in lists."""
    if isinstance(golden, list):
        return isinstance(found, list) and all(map(close, found, golden, [absolute] * len(golden)))
    if isinstance(golden, str) or isinstance(found, str):
        return found == golden
    return math.isclose(found, golden, rel_tol=1e-12, abs_tol=absolute)


def differences_of(text, quantity, golden):
    """What of a predicted quantity is not as it was; a refusal may have become a prediction."""
    if golden.get("refused"):
        return []
    try:
        known = predict(Cell.parse(text), quantity)
    except NoPrediction as error:
        return [f"{quantity} is refused: {error!s:.200}"]
    pairs = [("mean", number(known.mean), golden["mean"], close)]
    if "variance" in golden:
        values = (
            ("variance", or_refused(lambda: number(known.variance)), close),
            ("cdf", cdf(known, golden["times"]), lambda found, was: close(found, was, 1e-12)),
            ("quantiles", quantiles(known), lambda found, was: found == was),
        )
        # what was not known beyond the mean may be known now
        pairs += [(name, found, golden[name], same) for name, found, same in values if golden[name] != "NoPrediction"]
    return [f"{quantity}, {name}: {found}, was {was}" for name, found, was, same in pairs if not same(found, was)]


# --------------------------------------------------------------------------------------------------------------- tests


def tables():
    return data("tables.json.gz")


@pytest.mark.parametrize("place", range(len(tables()["cells"])))
def test_tables_of_runs(place, monkeypatch):
    """On blocks all of them: that some are run on words, by other draws, is since 0.2.0."""
    monkeypatch.setattr("evo.engine.runs_on_words", lambda search: False)
    golden = tables()["cells"][place]
    found = measured(golden["text"], golden["asked"], **tables()["how"])
    wrong = [name for name in found if found[name] != golden["found"][name]]
    assert not wrong, f"{golden['text']} by {golden['asked']}: other values in {', '.join(wrong)}"


RESAMPLE, ONE = "mutator=Resample(p=0.5)", "runner=OnePlusLambda()"
BITS = "mutator=Sparse(inner=FixKeep(fix=1.0, keep=0.0), rate=0.05)"
WORDS = {
    f"Cell(problem=BlockOneMax(k=10, l=16), {RESAMPLE}, schedule=AllBlocks(), {ONE})": 97720,
    f"Cell(problem=BlockOneMax(k=20, l=16), {BITS}, schedule=AllBlocks(), {ONE})": 14570,
    f"Cell(problem=BlockOneMax(k=20, l=16), {RESAMPLE}, schedule=UniformChunk(), {ONE})": 14542,
    "Cell(problem=BlockOneMax(k=70, l=16), mutator=FixKeep(fix=0.4, keep=0.98), schedule=AllBlocks(), "
    "runner=OnePlusLambda(lam=3))": 2984,
    "Cell(problem=BlockOneMax(k=50, l=16), mutator=FixKeep(fix=0.3, keep=0.9), schedule=UniformChunk(), "
    "runner=OnePlusLambda(lam=8))": 94400,
    f"Cell(problem=BlockOneMax(k=20, l=16), {RESAMPLE}, schedule=UntilResolved(), {ONE})": 3943,
    "Cell(problem=BlockOneMax(k=50, l=16, start=0.4), mutator=FixKeep(fix=0.3, keep=0.9), schedule=UntilResolved(), "
    "runner=OnePlusLambda(lam=3))": 33890,
    f"Cell(problem=BlockOneMax(k=20, l=16, start=0.4), {RESAMPLE}, schedule=OnlyIncorrect(), {ONE})": 2485,
    f"Cell(problem=BlockOneMax(k=20, l=16), {RESAMPLE}, schedule=RoundRobin(), {ONE})": 11014,
    "Cell(problem=BlockOneMax(k=50, l=16, start=0.4), mutator=FixKeep(fix=0.3, keep=0.9), schedule=RoundRobin(), "
    "runner=OnePlusLambda(lam=3))": 56237,
    f"Cell(problem=BlockOneMax(k=20, l=16), {RESAMPLE}, schedule=UniformChunk(g=4), {ONE})": 17690,
    "Cell(problem=BlockOneMax(k=48, l=16, start=0.4), mutator=FixKeep(fix=0.3, keep=0.9), schedule=UniformChunk(g=6), "
    "runner=OnePlusLambda(lam=8))": 23926,
    f"Cell(problem=BlockOneMax(k=20, l=16), {RESAMPLE}, schedule=UntilResolved(g=4), {ONE})": 15130,
    "Cell(problem=BlockOneMax(k=48, l=16, start=0.4), mutator=FixKeep(fix=0.3, keep=0.9), schedule=RoundRobin(g=3), "
    "runner=OnePlusLambda(lam=3))": 24471,
    f"Cell(problem=BlockOneMax(k=20, l=16, start=0.4), {RESAMPLE}, schedule=OnlyIncorrect(g=5), {ONE})": 12161,
}
"""Cells on words, single blocks or chunks, and the sum of the hits of their first 100 runs under the seed 1."""


@pytest.mark.parametrize("text", WORDS)
def test_runs_on_words(text):
    """As they were first in 0.2.0: other numbers are a change of random streams."""
    runs = run_grid(Grid("golden", [Cell.parse(text)], runs=100), workers=1).runs
    assert runs["hit"].sum() == WORDS[text]


def check_predictions(cells):
    wrong = []
    for golden in cells:
        for quantity in QUANTITIES:
            found = differences_of(golden["text"], quantity, golden[quantity])
            wrong += [f"{golden['text']}: {each}" for each in found]
    assert not wrong, "\n".join([f"{len(wrong)} differ", *wrong[:20]])


def is_quick(name, place, text):
    return "Beta" not in text if name == "rules" else place % PARTS == 0  # Beta: integrals over what a run draws


def predicted(name, quick):
    cells = enumerate(data("predictions.json.gz")[name])
    return [cell for place, cell in cells if is_quick(name, place, cell["text"]) == quick]


@pytest.mark.parametrize("name", data("predictions.json.gz"))
def test_predictions(name):
    check_predictions(predicted(name, quick=True))


@pytest.mark.slow
@pytest.mark.parametrize("name", data("predictions.json.gz"))
def test_all_other_predictions(name):
    check_predictions(predicted(name, quick=False))


def test_no_study_is_missing():
    """Studies are added, in any place; those that were frozen stay, in their order."""
    frozen = list(data("studies.json.gz"))
    assert [name for name in STUDIES if name in frozen] == frozen


LONGER = {"granularity", "selection"}
"""Studies that have got more arms since, after those that were frozen."""


@pytest.mark.parametrize("name", data("studies.json.gz"))
def test_grids_of_studies(name):
    golden, grid = data("studies.json.gz")[name], STUDIES[name].grid()
    for word in ("runs", "seed", "batch", "engine"):
        assert getattr(grid, word) == golden[word], word
    frozen = [text for _, texts in golden["arms"] for text in texts]
    if name not in LONGER:
        assert len(grid.arms) == len(golden["arms"])
    assert list(grid.arms)[: len(golden["arms"])] == [label for label, _ in golden["arms"]]
    for label, texts in golden["arms"]:
        assert [cell.text for cell in grid.arms[label]] == texts, label
    assert [cell.text for cell in grid.cells][: len(frozen)] == frozen


def test_texts_and_identities():
    wrong = []
    for text, identity in data("identities.json.gz").items():
        cell = Cell.parse(text)
        if cell.text != text:
            wrong.append(f"{text}: the text is now {cell.text}")
        if cell.identity != identity:
            wrong.append(f"{text}: the identity is now {cell.identity}, was {identity}")
    assert not wrong, "\n".join([f"{len(wrong)} differ", *wrong[:20]])
