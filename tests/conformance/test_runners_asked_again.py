"""Runners are asked again: for each run alone, for the same seed, and for all of what a protocol asks of them."""

from __future__ import annotations

from dataclasses import dataclass
from types import SimpleNamespace
from typing import ClassVar

import numpy as np
import pytest

from evo import OnePlusLambda
from evo.conformance import runners
from evo.conformance.results import NotConforming
from evo.runners.feature_grid import MapElites


@dataclass(frozen=True)
class Doubling(OnePlusLambda):
    """Twice as many offspring after a generation without progress, half as many after one with it."""

    initial_state: ClassVar[float] = 1.0

    def offspring(self, state):
        return state.astype(np.int64)

    def adjust(self, state, pool, offspring):
        progress = offspring.max(axis=1) > pool.seen[:, 0]
        return np.clip(np.where(progress, state / 2, state * 2), 1, self.lam)


@pytest.mark.parametrize("check", [runners._survivors, runners._adjusting])
def test_another_run_is_asked_for_alone_in_each_generation(monkeypatch, check):
    asked, alone = [], runners._alone
    monkeypatch.setattr(runners, "_alone", lambda pool, row: asked.append((pool.generation, row)) or alone(pool, row))
    assert check(Doubling(8)) == {
        runners._survivors: "of 8 offspring, some or all invalid; a batch is as many single runs",
        runners._adjusting: "from 1 to 8 offspring a generation, of at most lam = 8",
    }[check]  # fmt: skip
    assert asked == [(generation, generation) for generation in range(41)]


@pytest.mark.parametrize("method", ["survivors", "adjust"])
@pytest.mark.parametrize("generation", [0, 40])
def test_a_run_that_is_another_one_alone_is_found_in_any_generation(method, generation):
    class Alone(Doubling):
        founders: ClassVar[tuple[int, ...]] = (0, 1)

        def survivors(self, pool, offspring):
            alone = len(offspring) == 1 and pool.generation == generation and method == "survivors"
            return np.tile([1, 0] if alone else [0, 1], (len(offspring), 1))

        def adjust(self, state, pool, offspring):
            alone = len(offspring) == 1 and pool.generation == generation and method == "adjust"
            after = super().adjust(state, pool, offspring)
            return 9 - after if alone else after

    check = {"survivors": runners._survivors, "adjust": runners._adjusting}[method]
    with pytest.raises(NotConforming, match=rf"Alone\.{method} answers otherwise for a run alone than in a batch"):
        check(Alone(8))


@dataclass(frozen=True)
class TwoPlaces(OnePlusLambda):
    """The second place is empty and stays so, but where a run moves into it."""

    founders: ClassVar[tuple[int, ...]] = (0, -1)
    moves: tuple[int, ...] = ()

    def survivors(self, pool, offspring):
        stay = np.tile([0, 1], (len(offspring), 1))
        if len(stay) > 1:
            stay[list(self.moves)] = 1
        return stay


@pytest.mark.parametrize("moves", [(), (0,), (63,), tuple(range(64))])
def test_a_single_run_without_a_solution_is_found(moves):
    if not moves:
        assert runners._survivors(TwoPlaces()).startswith("of 1 offspring")
        return
    with pytest.raises(NotConforming, match=r"TwoPlaces\.survivors keeps no solution of a run; one place at least"):
        runners._survivors(TwoPlaces(moves=moves))


@pytest.mark.parametrize("wrong", [None, 0, 8, 56])
def test_every_eighth_run_is_described_alone(monkeypatch, wrong):
    asked, described = [], runners.described

    def records(runner, solutions):
        asked.append(solutions)
        alone = len(solutions) == 1 and wrong is not None and np.array_equal(solutions[0], asked[0][wrong])
        return described(runner, solutions) + alone

    monkeypatch.setattr(runners, "described", records)
    if wrong is None:
        assert runners._features(MapElites(7)).startswith("cells 0 to 6 of 7 for random solutions of 6 blocks")
        whole, again, *alone = asked
        assert whole is again
        assert [each.tolist() for each in alone] == [[whole[row].tolist()] for row in range(0, 64, 8)]
        return
    with pytest.raises(NotConforming, match=r"MapElites\.describe answers otherwise for a run alone than in a batch"):
        runners._features(MapElites(7))


@pytest.mark.parametrize(("check", "method", "said"), [
    (runners._adjusting, "offspring", "needs `initial_state`, `offspring` and `adjust` .*, got only some of them$"),
    (runners._adjusting, "adjust", "needs `initial_state`, `offspring` and `adjust` .*, got only some of them$"),
    (runners._features, "describe", "need `describe` and `fits`, beside .*, got only some of them$"),
])  # fmt: skip
def test_each_part_of_a_protocol_alone_is_no_protocol(check, method, said):
    runner = type("Part", (OnePlusLambda,), {method: lambda self, *given: None})(2)
    with pytest.raises(NotConforming, match=f"^Part: .* {said}"):
        check(runner)


@pytest.mark.parametrize("other", [None, "hit", "calls"])
def test_runs_of_the_same_seed_have_the_same_hits_and_calls(monkeypatch, other):
    made = [{"hit": np.array([5, -1]), "calls": np.array([5, 200])} for _ in range(2)]
    if other:
        made[1][other] = made[1][other] + 1
    left = iter(made)
    monkeypatch.setattr(runners, "_counts", lambda search: SimpleNamespace(**next(left)))
    if other is None:
        assert runners._batch(OnePlusLambda()).startswith("1 of 64 runs hit within 200 calls")
        return
    with pytest.raises(NotConforming, match="OnePlusLambda gives other runs for the same seed; draw from the `rng`"):
        runners._batch(OnePlusLambda())
