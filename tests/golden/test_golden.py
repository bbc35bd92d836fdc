"""What version 0.1.0 gave before the house was rebuilt: tables bit for bit, predictions to 1e-12, texts of studies."""

import gzip
import importlib.util
import json
from pathlib import Path

import numpy as np
import pytest

from evo.errors import NoPrediction
from experiments import Cell, predict

HERE = Path(__file__).parent
GOLDEN = json.loads(gzip.decompress((HERE / "golden.json.gz").read_bytes()))
SHARES = 8
"""Every eighth prediction is compared each time, the others in the slow step."""


def freezer():
    spec = importlib.util.spec_from_file_location("golden_freeze", HERE / "freeze.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


FREEZE = freezer()


@pytest.mark.parametrize("engine", ["blocks", "deap", "law"])
def test_tables_are_the_same_bit_for_bit(engine):
    golden = GOLDEN["tables"] if engine == "blocks" else GOLDEN["engines"][engine]
    made = FREEZE.tables(golden, engine)
    off = [(text, name) for text in golden for name in golden[text] if made[text][name] != golden[text][name]]
    assert not off


def test_studies_have_the_same_cells():
    assert FREEZE.studies() == GOLDEN["studies"]


def close(new, old):
    if old is None or new is None:
        return old is None or new is not None
    return np.allclose(np.asarray(new, dtype=float), np.asarray(old, dtype=float), rtol=1e-12, atol=0, equal_nan=True)


def differences(text):
    """What a cell's predictions differ in; what was refused may be predicted now."""
    golden, cell = GOLDEN["predictions"][text], Cell.parse(text)
    for quantity, old in golden.items():
        if old is None:
            continue
        try:
            made = predict(cell, quantity)
        except NoPrediction as error:
            yield text, quantity, "refused", str(error)[:200]
            continue
        new = {"mean": made.mean}
        if "variance" in old:
            new["variance"] = FREEZE.known(lambda made=made: made.variance)
        if "times" in old:
            new["cdf"] = FREEZE.known(lambda made=made, old=old: made.cdf(np.array(old["times"])))
            new["quantiles"] = [FREEZE.known(lambda made=made, u=u: made.quantile(u)) for u in FREEZE.LEVELS]
        for name in new:
            if name == "quantiles":
                same = all(b is None or a == b for a, b in zip(new[name], old[name], strict=True))
            elif name == "cdf" and old[name] is not None and new[name] is not None:
                same = np.allclose(new[name], old[name], rtol=1e-12, atol=1e-12)
            else:
                same = close(new[name], old[name])
            if not same:
                yield text, quantity, name, new[name], old[name]


@pytest.mark.parametrize("share", [pytest.param(n, marks=pytest.mark.slow if n else ()) for n in range(SHARES)])
def test_predictions_are_the_same(share):
    off = [each for text in sorted(GOLDEN["predictions"])[share::SHARES] for each in differences(text)]
    assert not off, "\n".join(map(str, off[:20]))
