"""`FromLog` against the rows of a log, counted one by one; what was never logged; runs with verdicts, and a twin.

Statistical tests: false-fail rate 1e-6 for all of them in this file together (DKW).
"""

from __future__ import annotations

import math
import os
from collections import Counter
from dataclasses import dataclass, replace

import numpy as np
import pytest

from evo import AllBlocks, InputError, NoPrediction, OnePlusLambda, OnlyIncorrect, RoundRobin
from evo.conformance import check_mutator
from evo.text import canonical
from experiments import Cell, Grid, check, run_grid
from experiments.predictions.predict import predict
from experiments.predictions.verdict import Verdict
from operators import FromLog, Malformed, Refuse, Sparse, Vote
from operators.calibrated import log_rows
from problems import BlockOneMax


def made_log(seed=3, lengths=(1, 2, 3), each=25):
    """Calls of all kinds, some broken, one by one."""
    draw, rows = np.random.default_rng(seed), []
    for g in lengths:
        for i in range(g + 1):
            rows += [(g, i, int(draw.integers(i + 1)), int(draw.integers(g - i + 1))) for _ in range(each)]
    return rows


LOG = made_log()


def cell(mutator, schedule=None, k=4):
    return Cell(BlockOneMax(k=k, l=2), mutator, schedule or OnlyIncorrect(g=2), OnePlusLambda())


def refused(words, make, *arguments):
    with pytest.raises(InputError) as told:
        make(*arguments)
    for word in words:
        assert word in str(told.value)


def test_columns_without_a_row_are_no_log():
    columns = {name: [] for name in ("g", "incorrect", "repaired", "broken")}
    refused(["FromLog: log must be the path of a CSV file or columns g, incorrect,", "; got none"], FromLog, columns)


def test_the_law_is_the_share_of_the_logged_calls():
    law = FromLog(LOG).law
    for g in (1, 2, 3):
        for i in range(g + 1):
            after = Counter(g - i + r - b for length, wrong, r, b in LOG if (length, wrong) == (g, i))
            assert law.pmf(g, i) == pytest.approx([after[x] / 25 for x in range(g + 1)])


def test_one_block_until_it_is_right_takes_the_inverse_share():
    part = FromLog([(1, 1, 1, 0, 3), (1, 1, 0, 0, 9), (1, 0, 0, 1)])
    assert predict(cell(part, OnlyIncorrect())).mean == pytest.approx(4 * 12 / 3)
    assert predict(cell(part, OnlyIncorrect()), "fitness", calls=1).mean == pytest.approx(3 / 12)
    assert predict(cell(part, OnlyIncorrect()), "cost").mean > 0


def test_the_same_calls_are_the_same_part_wherever_they_are_from(tmp_path):
    names = ("g", "incorrect", "repaired", "broken")
    columns = {name: [row[n] for row in LOG] for n, name in enumerate(names)}
    kept = {name: columns[name] for name in names[:3]} | {"kept": [g - i - b for g, i, _, b in LOG]}
    lines = ["model,g,incorrect,repaired,kept"]
    lines += [f"m,{g},{i},{r},{g - i - b}" for g, i, r, b in LOG] + ["m,3,2,,"]  # the last gave nothing
    (tmp_path / "calls.csv").write_text("\n".join(lines) + "\n")
    ways = [LOG, LOG[::-1], np.array(LOG), columns, kept, {name: np.array(v) for name, v in columns.items()},
            str(tmp_path / "calls.csv"), tmp_path / "calls.csv"]  # fmt: skip
    texts = {canonical(FromLog(way)) for way in ways}
    assert len(texts) == 1
    assert len({hash(FromLog(way)) for way in ways}) == 1
    made = cell(FromLog(tmp_path / "calls.csv"))
    (tmp_path / "calls.csv").unlink()
    assert Cell.parse(made.text) == made  # without its file
    assert canonical(FromLog(LOG[1:])) not in texts  # twin: one call less is another part, and has other streams


def test_what_was_never_logged_is_named():
    some = FromLog([(2, 2, 1, 0), (2, 1, 1, 0), (1, 1, 1, 0)])
    refused(["FromLog: no call on g = 3 blocks was logged, only g = 1, 2"], cell, some, OnlyIncorrect(g=3))
    refused(["g = 1 blocks", "only g = 2"], cell, FromLog([(2, 2, 1, 0)]), RoundRobin(g=2), 3)  # the last chunk
    with pytest.raises(NoPrediction, match="no call on g = 2 blocks with 1 of them incorrect was logged"):
        predict(cell(FromLog([(2, 2, 1, 0)]), RoundRobin(g=2)))
    assert predict(cell(some)).mean == pytest.approx(4)  # is never asked: OnlyIncorrect
    words = ["FromLog: no call on g = 2 blocks with 0 of them incorrect was logged (logged with g = 2: 1, 2 incorrect)"]
    refused(words, some.rewrite, np.ones((5, 2), dtype=np.bool_), np.random.default_rng(1))


@pytest.mark.parametrize(
    ("log", "words"),
    [
        ([], "log must be"),
        (None, "log must be"),
        (5, "log must be"),
        ([(1, 1, 1)], "row 1"),
        ([(1, 1, 1, 0, 0)], "at least 1 call"),
        ([(2, 1, 2, 0)], "repaired = 2"),
        ([(2, 1, 1, 2)], "broken = 2"),
        ([(0, 0, 0, 0)], "g = 0"),
        ([(2, 1, 0.5, 0)], "row 1: expected a whole number, got 0.5"),
        ([(2, 1, math.nan, 0)], "expected a whole number"),
        ([(2, 1, True, 0)], "expected a whole number"),
        ({"g": [1], "incorrect": [1]}, "no column repaired, kept"),
        ({"g": [1, 2], "incorrect": [1], "repaired": [1, 1], "broken": [0, 0]}, "row 2"),
        ("no-such-file.csv", "cannot read 'no-such-file.csv'"),
        ([(3000, n, 0, 0) for n in range(2001)], "at most 2,000"),
    ],
)
def test_what_is_no_log_is_refused(log, words):
    refused(["FromLog: ", words], FromLog, log)


HEAD = "g,incorrect,repaired,broken\n"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (f"{HEAD}2,1,1,0\n2,1,2,0\n", "line 3"),
        ("a,b\n1,2\n", "no column g"),
        (f"{HEAD}2,1,x,0\n", "line 2: repaired: expected a whole number, got 'x'"),
        (f"{HEAD}2,1,1,\n", "line 2: broken: expected a whole number"),
        (f"{HEAD}\n2,1,1\n", "line 3: expected 4 values, one a column, got 3"),
        (f"{HEAD}2,1,1,0,7\n", "line 2: expected 4 values, one a column, got 5"),
        ("g,g,incorrect,repaired,broken\n2,2,1,1,0\n", "expected a name once, got 'g' twice"),
        (f'{HEAD}2,1,"1"1,0\n', "line 2: expected rows of a CSV file"),
        (",".join(f"c{n}" for n in range(201)), "at most 200 columns, got 201"),
        ("", "no column g"),
    ],
)
def test_faults_of_a_file_are_told_with_line_and_column(tmp_path, text, words):
    file = tmp_path / "calls.csv"
    file.write_text(text)
    refused(["FromLog", "calls.csv", words], FromLog, file)


def test_files_are_read_within_bounds(tmp_path, monkeypatch):
    file = tmp_path / "calls.csv"
    file.write_bytes(b"\xef\xbb\xbf" + HEAD.encode() + b"2,1,1,0\n" * 3)  # as spreadsheets write it
    size = len(file.read_bytes())
    for bound, just in (("MOST_CALLS", 3), ("MOST_BYTES", size), ("MOST_COLUMNS", 4), ("MOST_ROWS", 1)):
        monkeypatch.setattr(log_rows, bound, just)
    assert FromLog(file).log == ((2, 1, 1, 0, 3),)
    refused(["at most 1 different kinds of calls, got 2: they stand"], FromLog, [(2, 1, 1, 0), (2, 2, 1, 0)])
    monkeypatch.setattr(log_rows, "MOST_CALLS", 2)
    refused(["calls.csv", "at most 2 calls, got more"], FromLog, file)
    monkeypatch.setattr(log_rows, "MOST_BYTES", 40)
    refused(["calls.csv", "at most 40 bytes, got more"], FromLog, file)
    file.write_bytes(HEAD.encode() + b"2,1\xff")
    refused(["calls.csv", "line 2: expected UTF-8, got the byte 0xff"], FromLog, file)
    os.mkfifo(tmp_path / "pipe.csv")
    for other in (tmp_path, tmp_path / "pipe.csv"):  # a pipe that nobody writes to would never end
        refused(["is no regular file"], FromLog, other)


# ------------------------------------------------------------------------------------------- samples and runs

SAMPLES = 60_000
EPSILON = math.sqrt(math.log(2 / (1e-6 / 20)) / (2 * SAMPLES))  # DKW


@pytest.mark.statistical
def test_any_of_the_blocks_is_repaired_and_broken():
    """Of 3 incorrect and 2 correct blocks one is repaired and one broken: 6 ways, all alike; off by 0.03 is found."""
    assert 2 * EPSILON < 0.03
    correct = np.broadcast_to(np.array([False, True, False, True, False]), (SAMPLES, 5))
    after = FromLog([(5, 3, 1, 1)]).rewrite(correct, np.random.default_rng(2))
    ways = np.sort((after @ (2 ** np.arange(5))).astype(int))
    assert (after.sum(axis=1) == 2).all()
    found = np.cumsum(np.unique(ways, return_counts=True)[1]) / SAMPLES
    assert np.abs(found - np.arange(1, 7) / 6).max() <= EPSILON


@dataclass(frozen=True)
class Unlike(FromLog):
    """Declares the law of one log and follows another's."""

    def rewrite(self, correct, rng):
        return FromLog([(3, i, i, 0) if i == 3 else row for row in LOG for i in [row[1]]]).rewrite(correct, rng)

    @property
    def law(self):
        return FromLog(self.log).law


@pytest.mark.statistical
def test_runs_agree_with_the_log_and_a_twin_does_not():
    schedules = (AllBlocks(), RoundRobin(g=2), OnlyIncorrect(g=3))
    cells = [cell(FromLog(LOG), schedule, 3) for schedule in schedules]
    assert [each.verdict for each in verdicts(cells)] == [Verdict.AGREES] * 3
    assert [each.verdict for each in verdicts([replace(cells[0], mutator=Unlike(LOG))])] == [Verdict.DIFFERS]


def verdicts(cells):
    return check(run_grid(Grid("logged", cells, runs=1500, seed=2), workers=1)).cells


def test_it_conforms():
    assert [each.message for each in check_mutator(FromLog(LOG)) if each.passed is False] == []


def test_in_wrappers_it_runs_and_is_predicted():
    """A call is refused or malformed w.p. 0.19, whatever the log says of the others."""
    nested = Malformed(Refuse(FromLog(LOG), rate=0.1), rate=0.1)
    cells = [cell(nested), cell(FromLog(LOG))]
    hits = run_grid(Grid("nested", cells, runs=5000, seed=2), workers=1).runs.groupby("cell")["hit"]
    (nested_mean, plain), (one, other) = ([of[each.id] for each in cells] for of in (hits.mean(), hits.sem()))
    error = 5.3 * math.hypot(0.81 * one, other)  # false-fail rate 1e-7
    assert abs(0.81 * nested_mean - plain) < error < 0.12 * plain
    assert predict(cell(nested)).mean == pytest.approx(predict(cell(FromLog(LOG))).mean / 0.81, rel=1e-12)
    assert abs(predict(cell(nested)).mean - nested_mean) < error
    assert abs(nested_mean - plain) > error  # the twin: answers that are refused or malformed cost nothing
    assert nested_mean > plain


def test_wrappers_map_repairs_and_breaks():
    """By hand: of two incorrect blocks a call repairs both w.p. 3/4 or none; each is rewritten w.p. 1/2."""
    log = FromLog([(2, 2, 2, 0, 3), (2, 2, 0, 0, 1), (2, 1, 1, 1, 1), (2, 1, 0, 0, 1)])
    assert Refuse(log, 0.5).law.pmf(2, 2).tolist() == [0.625, 0.0, 0.375]
    assert Sparse(log, 0.5).law.pmf(2, 2).tolist() == [1 / 4 + 3 / 16, 3 / 8, 3 / 16]
    # w.p. 1/2 one is repaired and one broken, each of which is rewritten w.p. 1/2
    assert Sparse(log, 0.5).law.pmf(2, 1).tolist() == [1 / 8, 3 / 4, 1 / 8]
    spoilt = Malformed(log, rate=0.25, per_block=0.5)
    assert spoilt.law.pmf(2, 2).tolist() == pytest.approx([0.25 * 3 / 16, 0.0, 0.75 * 3 / 16])
    assert spoilt.law.invalid(2) == pytest.approx(13 / 16)
    assert Malformed(Malformed(log, 0.5), 0.5).law.invalid(2) == 0.75
    assert Refuse(Malformed(log, 0.5), 0.5).law.invalid(2) == 0.25
    assert Sparse(Malformed(log, 0.5), 0.5).law.invalid(2) == 0.5
    one = FromLog([(1, 1, 1, 0, 3), (1, 1, 0, 0, 1), (1, 0, 0, 0, 4), (1, 0, 0, 1, 1)])
    voted = Vote(Refuse(one, 0.0), 2).law
    assert voted.pmf(1, 1)[1] == pytest.approx(9 / 10)  # p^2/(p^2 + q^2)
    assert voted.pmf(1, 0)[1] == pytest.approx(16 / 17)


def test_a_part_without_calls_that_were_logged_is_refused_in_wrappers_too():
    nested = Malformed(FromLog([(2, 2, 1, 0)]), 0.0)
    assert nested.law.always_valid
    with pytest.raises(NoPrediction, match="no call on g = 2 blocks with 1 of them incorrect was logged"):
        nested.law.pmf(2, 1)
