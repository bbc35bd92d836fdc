"""Checks of a program of calls: its roles, that it executes and draws from its stream alone, and what it expects."""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np

from evo.conformance.determinism import guarded, once
from evo.conformance.parts import part_checks
from evo.conformance.results import CheckResult, DoesNotApply, NotConforming, PartCheck, results
from evo.costs.ledger import LEDGER
from evo.errors import EvoError, NoPrediction
from evo.parameters import shown
from evo.programs import Expected, Program
from evo.programs.execute import ProgramCounts, expected_of, roles_of, run_program

SIZES = (1, 2, 100)
"""Runs of the batches that are executed."""
RUNS = 20_000
ALPHA = 1e-6
"""That an honest program fails, all checks together, about: means are compared by the normal law."""


def check_program(program: Program) -> tuple[CheckResult, ...]:
    """Run all checks of a program."""
    return results(program_checks(program))


def program_checks(program: Program) -> list[PartCheck]:
    """The checks of a program, to be run one by one."""
    run = lru_cache(maxsize=1)(lambda: _run(program, RUNS, 5))
    executes = once(lambda: _executes(program))
    bounded = getattr(program, "calls_between", None) is not None
    able = guarded(executes, "executes", "the program does not execute")
    return [
        *part_checks(program),
        PartCheck("roles", program, lambda: _roles(program)),
        PartCheck("executes", program, executes),
        PartCheck("draws from its stream", program, able(lambda: _same_again(program))),
        PartCheck("ledger as expected", program, able(lambda: _ledger(program, run()))),
        PartCheck("done as expected", program, able(lambda: _done(program, run()))),
        *([PartCheck("calls within bounds", program, able(lambda: _bounds(program, run())))] if bounded else []),
    ]


def _run(program: Program, runs: int, seed: int) -> ProgramCounts:
    try:
        return run_program(program, runs, np.random.default_rng(seed))
    except EvoError as error:
        raise NotConforming(str(error)) from None


def _roles(program: Program) -> str:
    try:
        first, again = roles_of(program), roles_of(program)
    except EvoError as error:
        raise NotConforming(str(error)) from None
    if first != again:
        raise NotConforming(f"roles are others each time: {first!r}, then {again!r}; they must follow from the fields")
    return "its roles: " + ", ".join(f"{role.name} (size {role.model.size:g})" for role in first)


def _executes(program: Program) -> str:
    """Batches of several sizes; a program that loops over one run or returns other shapes is found here."""
    for runs in SIZES:
        counts = _run(program, runs, runs)
    steps, calls = counts.depth.mean(), counts.ledger[:, :, 0].sum(axis=1).mean()
    undone = " its task is never done;" if (counts.hit < 0).all() else ""
    return f"batches of {', '.join(map(str, SIZES))} runs;{undone} {calls:.4g} calls a run in {steps:.4g} steps"


def _same_again(program: Program) -> str:
    one, other = _run(program, 50, 3), _run(program, 50, 3)
    if not all(np.array_equal(getattr(one, name), getattr(other, name)) for name in ("hit", "depth", "ledger")):
        raise NotConforming(
            "two executions with the same rng give other ledgers; draw from the rng that is passed, and keep nothing "
            "in the program between executions"
        )
    return "the same rng, the same ledgers"


def _expected(program: Program) -> Expected:
    try:
        return expected_of(program)
    except NoPrediction as error:
        raise DoesNotApply(str(error)) from None
    except EvoError as error:
        raise NotConforming(str(error)) from None


def _ledger(program: Program, counts: ProgramCounts) -> str:
    expected, names = _expected(program), [role.name for role in roles_of(program)]
    for at, role in enumerate(names):
        for column, entry in enumerate(LEDGER):
            found, said = counts.ledger[:, at, column], expected.ledger[at, column]
            if expected.exact_every_run:
                wrong = found[found != said]
                if len(wrong):
                    raise NotConforming(f"{role}.{entry} is {wrong[0]} in a run, expected() says {said} in every run")
            elif off := _off(found.astype(float), float(said), len(names) * len(LEDGER)):
                raise NotConforming(f"mean {role}.{entry} of {len(found):,} runs is {off}, expected() says {said:.6g}")
    if expected.steps is not None and (counts.depth != expected.steps).any():
        wrong = counts.depth[counts.depth != expected.steps]
        raise NotConforming(f"a run makes {wrong[0]} steps, expected() says {expected.steps} in every run")
    if expected.mean_steps is not None and (off := _off(counts.depth.astype(float), expected.mean_steps, len(LEDGER))):
        raise NotConforming(
            f"mean steps of {len(counts.depth):,} runs are {off}, expected() says {expected.mean_steps:.6g} by what it "
            "waits for; calls made at the same time are one step (`Calls(at_once=)`)"
        )
    every = (
        "every run has the expected ledger" if expected.exact_every_run else "the mean of every entry is as expected"
    )
    return f"{every} ({len(counts.hit):,} runs)"


def _off(values: np.ndarray, mean: float, tests: int) -> str:
    """The mean in words if it is further off than chance allows; empty if it is not."""
    from scipy.stats import norm

    found, error = float(values.mean()), float(values.std(ddof=1)) / math.sqrt(len(values))
    allowed = float(norm.isf(ALPHA / tests / 2)) * error + 1e-9 * abs(mean)
    return f"{found:.6g}" if abs(found - mean) > allowed else ""


def _done(program: Program, counts: ProgramCounts) -> str:
    from scipy.stats import binomtest

    (chance, by), done = _chance(program), int((counts.hit >= 0).sum())
    if binomtest(done, len(counts.hit), chance).pvalue < ALPHA:
        raise NotConforming(
            f"the task was done right in {done:,} of {len(counts.hit):,} runs, {by} says with probability {chance:.6g}"
        )
    return f"done right {done / len(counts.hit):.4g}, expected {chance:.4g}"


def _chance(program: Program) -> tuple[float, str]:
    """That the task is done right, and who says so: the whole expectation, or the property `done` alone."""
    try:
        return _expected(program).done, "expected()"
    except DoesNotApply:
        known = getattr(program, "done", None)
        if not isinstance(known, float) or not 0.0 <= known <= 1.0:
            raise
        return known, "its property done"


def _bounds(program: Program, counts: ProgramCounts) -> str:
    """That the mean number of calls is not outside of `calls_between`."""
    stated = program.calls_between  # type: ignore[attr-defined]  # optional, asked for before
    if not isinstance(stated, tuple) or len(stated) != 2 or not 0.0 <= stated[0] <= stated[1] < math.inf:
        raise NotConforming(
            f"calls_between must be two numbers, 0 <= low <= high, or None, got {shown(stated)}: bounds of the mean"
        )
    calls = counts.ledger[:, :, 0].sum(axis=1).astype(float)
    low, high = map(float, stated)
    if off := _off(calls, min(max(float(calls.mean()), low), high), 1):
        raise NotConforming(f"mean calls of {len(calls):,} runs are {off}, calls_between says {low:.6g} to {high:.6g}")
    return f"mean calls {calls.mean():.6g}, within {low:.6g} to {high:.6g}"
