"""A part that draws from a generator that everybody shares is told by name, once."""

import random
from dataclasses import dataclass

import numpy as np
import pytest

from evo import AllBlocks, OnePlusLambda
from experiments import Cell, Grid, run_grid
from operators import Refuse, Resample
from problems import BlockOneMax


@dataclass(frozen=True)
class Draws:
    source: str

    def rewrite(self, correct, rng):
        if self.source in ("np.random", "both"):
            np.random.random()  # noqa: NPY002  # what is to be found
        if self.source in ("random", "both"):
            random.random()
        return correct | (rng.random(correct.shape) < 0.5)


@pytest.mark.parametrize(
    ("source", "told"), [("np.random", "np.random"), ("random", "random"), ("both", "np.random and random"), ("", "")]
)
@pytest.mark.parametrize("wrap", [lambda part: part, lambda part: Refuse(part, 0.1)])
def test_draws_from_a_global_generator_are_told_once(source, told, wrap):
    cells = [Cell(BlockOneMax(k, 4), wrap(Draws(source)), AllBlocks(), OnePlusLambda()) for k in (2, 3)]
    cells.append(Cell(BlockOneMax(2, 4), Resample(0.5), AllBlocks(), OnePlusLambda()))
    said: list[str] = []
    run_grid(Grid("g", cells, runs=20, batch=10), workers=1, tell=said.append)
    assert len(said) == bool(told)
    assert all(words.startswith(f"{__name__}.Draws draws from {told}, which the seed of the grid") for words in said)


def test_another_numpy_is_told_once(tmp_path, monkeypatch):
    said: list[str] = []
    grid = Grid("g", [Cell(BlockOneMax(2, 4), Resample(0.5), AllBlocks(), OnePlusLambda())], runs=20)
    run_grid(grid, tmp_path / "out", workers=1, tell=said.append)
    assert said == []
    monkeypatch.setattr("experiments.store.launches.provenance._version", lambda name: "9.9")
    run_grid(grid, tmp_path / "out", workers=1, tell=said.append)
    (words,) = said
    assert f"made with numpy {np.__version__}, this is numpy 9.9, which may draw other random numbers" in words
    run_grid(grid, tmp_path / "out", workers=1, tell=said.append)
    assert len(said) == 1
