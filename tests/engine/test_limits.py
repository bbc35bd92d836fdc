"""Sizes of the tables of a jump chain: the last that is made, and the first that is refused or made otherwise."""

import numpy as np
import pytest

from evo.engine.law import levels, lives
from evo.engine.law.gains import Gains, _expect_room
from evo.engine.law.levels import Levels, check_levels
from evo.engine.law.rows import Rows
from evo.errors import NoPrediction
from evo.laws.counts import IndependentBlocks
from evo.theory import Start
from evo.theory.calls.offspring_counts import subset_offspring
from evo.theory.problems.on_counts import counts_process


def test_a_table_of_gains_holds_two_to_the_24_numbers():
    _expect_room(4096, 4096)
    with pytest.raises(NoPrediction, match="up to 4,097 incorrect blocks take a table of more than 16,777,216 numbers"):
        _expect_room(4097, 4096)


def test_a_table_of_levels_is_made_of_1024_blocks():
    check_levels(1024)
    with pytest.raises(NoPrediction, match="levels of k = 1025 blocks take a table of more than 1,024 by as many"):
        check_levels(1025)


def test_runs_go_from_level_to_level_up_to_a_number_of_times(monkeypatch):
    """Each call repairs a block that is drawn, or finds it correct: a run goes down three levels."""
    offspring, by_count, start = subset_offspring(IndependentBlocks(1.0, 1.0), 3, 1), -np.arange(4.0), Start(3)
    process = counts_process(offspring, by_count, start, 1, False)
    monkeypatch.setattr(levels, "MOST_MOVES", 3)
    table = Levels.of(process, offspring, np.arange(4)[::-1], start, 1)
    assert table.upto[1:].tolist() == [[1.0, 1.0, 1.0, 1.0], [0.0, 1.0, 1.0, 1.0], [0.0, 0.0, 1.0, 1.0]]
    monkeypatch.setattr(levels, "MOST_MOVES", 2.5)
    with pytest.raises(NoPrediction, match=r"goes from level to level 3 times on average, more than 2\.5"):
        Levels.of(process, offspring, np.arange(4)[::-1], start, 1)


def test_tables_of_one_size_are_made_alike(monkeypatch):
    """What is drawn from a seed depends on which of the two is made."""
    monkeypatch.setattr(lives, "ROWS", 4)
    monkeypatch.setattr(lives, "few_at_once", lambda *given: None)
    kinds = [type(lives.table_of(IndependentBlocks(0.5, 0.7), 6, most, 1)) for most in (4, 5)]
    assert kinds == [Gains, Rows]
