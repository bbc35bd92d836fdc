"""Candidates that are compared when they are named: subsets, a chunk each, archives and elites."""

import itertools
import math
from types import SimpleNamespace

import pytest
from typer.testing import CliRunner

from evo import EachChunk, OnePlusLambda, UniformSubset
from evo.errors import InputError
from evo.runners.archives import Archive
from evo.runners.feature_grid import MapElites
from experiments import Cell, load_grid, plan, predict
from experiments.cli.app import app
from experiments.grids.measured.file import parse_calibration
from experiments.planning.candidates import ON_DEMAND, RUNNERS, SCHEDULES, Choice, candidates, usual_sizes
from experiments.planning.grid_file import grid_toml
from experiments.planning.model import Model
from experiments.running.simulation import simulate
from operators import Measured
from problems import BlockOneMax

VALUES = {"operator.fix": {1: 0.4, 2: 0.3, 4: 0.2}, "operator.keep": {1: 0.97, 2: 0.96, 4: 0.95}}
CALL = Measured(fix={1: 0.4, 2: 0.3, 4: 0.2}, keep={1: 0.97, 2: 0.96, 4: 0.95})
PROBLEM = BlockOneMax(k=8, l=1)


def rows(**more):
    found = plan(k=8, values=VALUES, feedback="none", **more)
    return {(each.candidate.schedule, each.candidate.g, each.candidate.lam): each for each in found.ranked}


MODEL = Model("pro", parse_calibration("""
problem.k = 4
operator.fix = { 1 = 0.4, 2 = 0.3, 4 = 0.2 }
operator.keep = { 1 = 0.97, 2 = 0.96, 4 = 0.95 }
"""))  # fmt: skip
KEPT = (1, 5, 6)


def all_there_are():
    """Of 4 blocks and 4 workers: each schedule with the g that are its own, and who goes with it, in words."""
    both = ("RoundRobin", "UniformChunk", "EachChunk", "OnlyIncorrect")
    cut = {4: ("AllBlocks",), 2: ("UniformSubset", *both), 1: ("UntilResolved", *both)}
    for g, schedules in cut.items():
        chunks = 4 // g
        for schedule in schedules:
            lams = (chunks,) if schedule == "EachChunk" else (1, 2, 4)  # a call for each chunk; else up to the workers
            yield from (f"{schedule} with g = {g}, lam = {lam}, pro" for lam in lams)
            if g == 1 and schedule != "EachChunk":  # one call on one block at a time can be voted on
                yield f"{schedule} with g = {g}, lam = 1, 3 votes ahead, pro"
            if schedule == "RoundRobin" or (schedule, g) == ("OnlyIncorrect", 1):  # several chunks, none twice
                yield from (f"merged {schedule} with g = {g}, lam = {lam}, pro" for lam in (2, 4) if lam <= chunks)
            if schedule != "UntilResolved":  # a grid by the number of correct blocks has 5 cells at the most
                for lam, kept in itertools.product(lams, KEPT):
                    yield f"{schedule} with g = {g}, lam = {lam}, an archive of {kept}, pro"
                    if kept <= 5:
                        yield f"{schedule} with g = {g}, lam = {lam}, elites of {kept} cells, pro"


@pytest.mark.parametrize(("feedback", "not_told"), [
    ("blocks", ()), ("score", ("OnlyIncorrect",)), ("none", ("OnlyIncorrect", "UntilResolved")),
])  # fmt: skip
def test_all_that_may_be_compared_and_nothing_else_is(feedback, not_told):
    """Each once, under the name that a person reads; without names of schedules those on demand are left out."""
    there = [name for name in all_there_are() if not any(each in name for each in not_told)]
    named = tuple(name for name in (*SCHEDULES, *ON_DEMAND) if name not in not_told)
    choice = Choice(named, RUNNERS, KEPT, votes=(1, 3), feedback=feedback, workers=4)
    found = [str(each) for each in candidates([MODEL], choice)]
    assert sorted(found) == sorted(there)
    usual = Choice(votes=(1, 3), feedback=feedback, workers=4)
    without = [name for name in there if not any(each in name for each in (*ON_DEMAND, "archive", "elites"))]
    assert sorted(str(each) for each in candidates([MODEL], usual)) == sorted(without)
    for name in not_told:
        with pytest.raises(InputError, match=rf"plan: {name} needs more of tests than feedback = '{feedback}'"):
            Choice((name,), feedback=feedback)


def test_as_many_candidates_are_compared_as_a_plan_has_room_for(monkeypatch):
    choice = Choice(("RoundRobin",), ("OnePlusLambda",), g=(1, 2), lam=(1, 2, 3))
    monkeypatch.setattr("experiments.planning.candidates.MOST", 6)
    assert len({each.decomposition for each in candidates([MODEL], choice)}) == 2  # lam is no other decomposition
    monkeypatch.setattr("experiments.planning.candidates.MOST", 5)
    with pytest.raises(InputError, match="expected at most 5 candidates, got 6; give fewer g, lam or votes"):
        candidates([MODEL], choice)


@pytest.mark.parametrize(("key", "least"), [("g", 1), ("lam", 1), ("votes", 1), ("kept", 1), ("workers", 1)])
def test_a_number_of_candidates_is_whole_and_one_at_the_least(key, least):
    def chosen(value):
        return Choice(**{key: value if key == "workers" else (value,)})

    assert getattr(chosen(least), key) in (least, (least,))
    for wrong in (least - 1, -1, 1.5, True, "2"):
        with pytest.raises(InputError, match=rf"^plan: {key}: expected a whole number >= 1, got "):
            chosen(wrong)


def test_a_call_may_have_all_blocks_and_no_more():
    assert [each.g for each in candidates([MODEL], Choice(("AllBlocks",), ("OnePlusLambda",), g=(4,)))] == [4]
    with pytest.raises(InputError, match="plan: g: expected at most k = 4 blocks a call, got 5"):
        candidates([MODEL], Choice(g=(5,)))


def test_subsets_by_their_formula():
    found = rows(schedules=("UniformSubset",), g=(1, 2, 4, 8), lam=(1, 3))
    assert set(found) == {("UniformSubset", g, lam) for g in (2, 4) for lam in (1, 3)}  # 1 and 8 have other names
    for (_, g, lam), each in found.items():
        exact = predict(Cell(PROBLEM, CALL, UniformSubset(g=g), OnePlusLambda(lam=lam)), "calls").mean
        assert each.numbers.calls == pytest.approx(exact, rel=1e-12)
        assert each.numbers.kind == "exact"


@pytest.mark.statistical
def test_a_chunk_for_each_offspring():
    """By a formula for g = 1, by runs for others: 5.3 standard errors of both, false-fail rate 1e-7."""
    found = rows(schedules=("EachChunk",), g=(1, 2), lam=(4, 8), workers=8)
    assert set(found) == {("EachChunk", 1, 8), ("EachChunk", 2, 4), ("EachChunk", 2, 8)}  # no chunk is left out
    one = found["EachChunk", 1, 8].numbers
    exact = predict(Cell(PROBLEM, CALL, EachChunk(), OnePlusLambda(lam=8)), "calls").mean
    assert (one.kind, one.calls) == ("exact", pytest.approx(exact, rel=1e-12))
    two = found["EachChunk", 2, 4].numbers
    calls = simulate(Cell(PROBLEM, CALL, EachChunk(g=2), OnePlusLambda(lam=4)), 7, 0, 1000).calls
    error = math.hypot(two.error("calls"), calls.std() / math.sqrt(1000))
    assert two.kind == "simulated"
    assert abs(two.calls - calls.mean()) < 5.3 * error
    assert abs(1.2 * two.calls - calls.mean()) > 5.3 * error  # the twin
    assert set(rows(schedules=("EachChunk",), g=(2,), workers=8)) == {("EachChunk", 2, 4)}  # one a chunk unless said


@pytest.mark.statistical
def test_archives_and_elites():
    found = rows(schedules=("UniformChunk",), runners=("OnePlusLambda", "Archive", "MapElites"), kept=(2,), g=(1,))
    assert len(found) == 1  # one schedule, g and lam
    both = plan(k=8, values=VALUES, runners=("Archive", "MapElites"), kept=(2, 3), g=(1,), schedules=("UniformChunk",))
    assert {(each.candidate.runner, each.candidate.kept) for each in both.ranked} == {
        (runner, kept) for runner in ("Archive", "MapElites") for kept in (2, 3)
    }
    for each in both.ranked:
        runner = {"Archive": Archive, "MapElites": MapElites}[each.candidate.runner](each.candidate.kept)
        assert each.candidate.cell.runner == runner
        exact = predict(each.candidate.cell, "calls").mean
        assert each.numbers.calls == pytest.approx(exact, rel=1e-12)
    alone = plan(k=8, values=VALUES, runners=("OnePlusLambda",), g=(1,), schedules=("UniformChunk",))
    assert all(each.numbers.calls > alone.best.numbers.calls for each in both.ranked)  # nothing is won by others


@pytest.mark.parametrize(("k", "sizes"), [
    (1, [1]), (2, [1, 2]), (4, [1, 2, 3, 4]), (6, [1, 2, 3, 5, 6]), (9, [1, 2, 3, 4, 5, 8, 9]),
    (13, [1, 2, 3, 4, 5, 8, 13]), (16, [1, 2, 3, 4, 5, 8, 16]), (17, [1, 2, 3, 4, 5, 8, 16, 17]),
    (19, [1, 2, 3, 4, 5, 8, 16, 19]), (30, [1, 2, 3, 5, 6, 10, 15, 20, 30]),
])  # fmt: skip
def test_usual_sizes_are_divisors_powers_of_2_where_those_are_few_and_what_was_measured(k, sizes):
    measured = SimpleNamespace(fix=((3, 0.4), (20, 0.1)), keep=((5, 0.9),))
    assert usual_sizes(SimpleNamespace(k=k, values=SimpleNamespace(operator=measured))) == sizes


def test_what_is_not_named_is_not_compared():
    table = plan(k=8, values=VALUES, feedback="blocks", workers=8, bands=0).table
    assert set(table["runner"]) == {"OnePlusLambda", "Merged"}
    assert not set(table["schedule"]) & {"UniformSubset", "EachChunk"}


def test_a_grid_of_them_reads_back_and_names_are_refused(tmp_path):
    found = plan(
        k=8, values=VALUES, schedules=("RoundRobin",), runners=("Archive", "MapElites"), kept=(2,), g=(2,), bands=0
    )
    path = tmp_path / "grid.toml"
    path.write_text(grid_toml(found, found.ranked), encoding="utf-8")
    assert [cell.text for cell in load_grid(path).cells] == [each.candidate.cell.text for each in found.ranked]
    assert len(found.ranked) == 2
    with pytest.raises(InputError, match=r"runners: expected One.*, got 'Archives'; did you mean 'Archive'"):
        plan(k=8, values=VALUES, runners=("Archives",))
    with pytest.raises(InputError, match=r"kept: expected a whole number >= 1, got 0"):
        plan(k=8, values=VALUES, kept=(0,))
    with pytest.raises(InputError, match="no schedule and runner go with"):
        plan(k=8, values=VALUES, runners=("MapElites",), kept=(12,))


def test_the_command_names_them():
    options = "plan --k 8 --fix 1=.4,2=.3 --keep 1=.97,2=.96 --g 2 --feedback none --no-hangs"
    more = "--schedules UniformSubset,UniformChunk --runners OnePlusLambda,Archive,MapElites --kept 3 --all"
    result = CliRunner().invoke(app, [*options.split(), *more.split()], env={"COLUMNS": "80", "TERM": "dumb"})
    assert result.exit_code == 0, result.output
    named = {line.split("│")[1].strip() for line in result.output.splitlines() if "│" in line}
    assert named == {f"Uniform{kind}{mark}" for kind in ("Subset", "Chunk") for mark in ("", " A3", " E3")}
    assert "A: an archive of so many; E: elites of so many cells" in " ".join(result.output.split())
