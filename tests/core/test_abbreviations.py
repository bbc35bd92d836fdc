"""A shortcut that is inherited never outranks a more derived definition of what it abbreviates."""

from dataclasses import dataclass

import numpy as np
import pytest

from evo import AllBlocks, OnePlusLambda, RoundRobin, UniformChunk
from evo.costs.budget import Budget
from evo.declarations import ABBREVIATES, holds, is_oblivious
from evo.evaluation import offers_change
from evo.laws.declared import declared_calls
from experiments import Cell, Grid, run_grid
from operators import Resample, Vote
from problems import BlockOneMax

PAIRS = [(name, method) for name, methods in ABBREVIATES.items() for method in methods]


def kind(*names, base=object):
    return type("Made", (base,), dict.fromkeys(names, lambda self, *given: None))


@pytest.mark.parametrize(("name", "method"), PAIRS)
def test_every_shortcut_is_voided_by_each_method_that_it_is_about(name, method):
    parent = kind(name, method)
    assert holds(parent, name)
    assert holds(kind(base=parent), name)
    assert not holds(kind(method, base=parent), name)
    assert not holds(kind(base=kind(method, base=parent)), name)
    assert not holds(type("Mixed", (kind(method), parent), {}), name)  # a mixin
    assert holds(kind(name, method, base=parent), name)
    assert holds(kind(name, base=kind(method, base=parent)), name)


@pytest.mark.parametrize("name", [name for name, methods in ABBREVIATES.items() if not methods])
def test_what_speaks_of_all_is_never_inherited(name):
    assert holds(kind(name), name)
    assert not holds(kind(base=kind(name)), name)


class Trapped:
    def fitness(self, correct):
        right = np.asarray(correct).sum(axis=-1)
        return np.where(right == self.k, self.k, self.k - 1 - right)


@dataclass(frozen=True)
class Upside(BlockOneMax):
    fitness = Trapped.fitness


@dataclass(frozen=True)
class Mixed(Trapped, BlockOneMax):
    pass


@dataclass(frozen=True)
class Below(Upside):
    pass


@pytest.mark.parametrize("problem", [Upside, Mixed, Below])
@pytest.mark.parametrize("engine", ["blocks", "deap"])
def test_a_trap_on_blocks_is_one_under_both_engines(problem, engine):
    cell = Cell(problem(k=4, l=4), Resample(0.5), UniformChunk(), OnePlusLambda(), budget=Budget(calls=60))
    runs = run_grid(Grid("g", [cell], runs=50, batch=50, engine=engine), workers=1).runs
    assert runs["hit"].notna().sum() == 0
    assert not offers_change(problem(k=4, l=4))


@dataclass(frozen=True)
class Stays(RoundRobin):
    """Goes on only when something moved, and inherits that it does not look."""

    def advance(self, pointer, moved, m, generations):
        return np.where(moved, (pointer + 1) % m, pointer)


@dataclass(frozen=True)
class Says(Stays):
    oblivious = True


def test_a_schedule_that_looks_is_not_asked_ahead():
    assert [is_oblivious(each) for each in (RoundRobin(), AllBlocks(), Stays(), Says())] == [True, True, False, True]


@dataclass(frozen=True)
class Once(Vote):
    def rewrite(self, given, rng):
        return self.inner.rewrite(given, rng)


def test_calls_of_an_answer_are_those_of_its_own_rewrite():
    given = {"inner": Resample(0.5), "ahead": 2}
    assert declared_calls(Vote(**given), 1) > 1
    assert declared_calls(Once(**given), 1) is None
