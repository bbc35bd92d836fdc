"""What the command adds to results: ends of a range, whose laws, whose clock, a zero that was asked for."""

import json
from types import SimpleNamespace

import pytest

from experiments.cli import inputs
from experiments.cli.as_json.after import status_json
from experiments.cli.as_json.fits import _told, law_json
from experiments.cli.showing import one
from experiments.fits.fit import Fits

FORM = SimpleNamespace(name="power")


def a_law(series="a", dropped=""):
    names = ("confidence", "runs", "cells", "censored_share", "distance", "method")
    numbers = dict.fromkeys(names, 0.5) | {"least": 2.0, "most": 64.0, "misfit": 0.25}
    value = SimpleNamespace(value=3.0, low=2.0, high=4.0)
    return SimpleNamespace(text=f"law of {series}", form=FORM, estimates=(), series=series, dropped=dropped,
                           at=lambda x: value, **numbers)  # fmt: skip


@pytest.mark.parametrize(("at", "beyond"), [(1.99, True), (2.0, False), (8.0, False), (64.0, False), (64.01, True)])
def test_a_value_at_the_ends_of_the_range_is_none_beyond_it(at, beyond):
    told = law_json(a_law(), at)
    assert told["at"] == {"x": at, "extrapolated": beyond, "value": 3.0, "low": 2.0, "high": 4.0}
    assert (told["from"], told["to"], told["p_fit"]) == (2.0, 64.0, 0.25)


def test_a_series_tells_the_laws_that_it_has_dropped_and_no_others():
    growths = [SimpleNamespace(series=name, told="one", left=(), reason="", advice="", note="") for name in "ab"]
    laws = [a_law("a", "bent"), a_law("b", "flat"), a_law("b")]
    found = _told.dispatch(Fits)(SimpleNamespace(growths=growths, laws=laws, refused=(), note=""), None)
    dropped = {each["series"]: [(one["law"], one["reason"]) for one in each["dropped"]] for each in found["series"]}
    assert dropped == {"a": [("law of a", "bent")], "b": [("law of b", "flat")]}


def test_the_clock_of_a_folder_is_that_of_greenwich():
    found = SimpleNamespace(path="x", title="y", written=86400.0, lines=dict)
    assert json.loads(status_json(found))["written"] == "1970-01-02T00:00:00+00:00"


GRID = """name = "mine"
runs = 30
seed = 5
[[arm]]
label = "one"
problem = {type = "BlockOneMax", k = 2, l = 1}
mutator = {type = "Resample", p = 0.5}
schedule = {type = "AllBlocks"}
runner = {type = "OnePlusLambda"}
"""


@pytest.mark.parametrize(("name", "value"), [("runs", 1), ("seed", 0), ("engine", "law")])
def test_what_the_command_line_says_holds_the_smallest_value_too(name, value, tmp_path):
    file = tmp_path / "mine.toml"
    file.write_text(GRID, encoding="utf-8")
    said = dict.fromkeys(("runs", "seed", "engine"))
    plain, changed = inputs.grid_of(str(file), **said), inputs.grid_of(str(file), **said | {name: value})
    read = {word: (getattr(plain, word), getattr(changed, word)) for word in said}
    assert read.pop(name)[1] == value
    assert all(before == after for before, after in read.values())
    assert (plain.runs, plain.seed) == (30, 5)


@pytest.mark.parametrize(("parts", "more"), [(1, ""), (2, " (and 1 more)"), (4, " (and 3 more)")])
def test_parts_that_are_not_imported_are_one_and_the_others(parts, more, monkeypatch, capsys):
    left = {f"mine:Part{n}": f"Part{n} is not here" for n in range(parts)}
    monkeypatch.setattr("experiments.store.results.load", lambda *_, **__: SimpleNamespace(not_imported=left))
    inputs.read("folder", imports=False)
    assert capsys.readouterr().err == f"Without{more}, from stored predictions: Part0 is not here\n"


@pytest.mark.parametrize(
    ("name", "same", "meant"),
    [
        ("resampel", [], ["Resample"]),
        ("block", [], ["BlockE", "BlockD", "BlockC"]),  # three of the five that are as near
        ("block", ["BlockA"], ["BlockA", "BlockE", "BlockD"]),
        ("BLOCKB", [], ["BlockB", "BlockE", "BlockD"]),
        ("repairs", [], ["UntilAllRepairsAreMade"]),  # as a part of a longer name
        ("re", [], []),  # two letters stand in too many
        ("zzzz", [], []),
    ],
)
def test_no_more_than_three_names_are_said_to_be_meant(name, same, meant):
    known = dict.fromkeys(("Resample", "UntilAllRepairsAreMade", "BlockA", "BlockB", "BlockC", "BlockD", "BlockE"))
    said = f"; did you mean {' or '.join(map(repr, meant))}?" if meant else ""
    assert one._near(name, known, same) == said
