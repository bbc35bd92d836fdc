"""What frameworks do around a call, as parts: whom a call varies, what it gets to rewrite, and who stays.

A preset is the loop, not the model: the mutator is whatever you measured (docs/calibration.md). What was read in the
released packages and what is assumed here stands in docs/frameworks.md, with what theory says of each.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from evo import AllBlocks, Islands, MapElites, OnePlusLambda, RoundRobin, UniformChunk
from evo.errors import InputError
from evo.parameters import suggestion
from evo.protocols import AnyMutator, AnyRunner, Problem, Schedule
from experiments.grids.cell import Cell
from operators import Malformed, Resample
from problems import BlockOneMax, Minibatch, Noisy

Loop = tuple[Problem, Schedule, AnyRunner]


@dataclass(frozen=True)
class Preset:
    """A framework's loop in this project's parts.

    Attributes:
        name: what `preset` calls it.
        says: what it is, in a line.
        loop: problem, schedule and runner for a BlockOneMax; by keywords what the framework lets one choose.
        options: these keywords with their defaults.
    """

    name: str
    says: str
    loop: Callable[..., Loop]
    options: tuple[tuple[str, Any], ...] = ()


def _openevolve(problem: BlockOneMax, elitist: bool) -> Loop:
    return problem, UniformChunk(), OnePlusLambda() if elitist else Islands()


def _grid(problem: BlockOneMax, cells: int | None) -> Loop:
    return problem, UniformChunk(), MapElites(problem.k + 1 if cells is None else cells)


def _islands(problem: BlockOneMax, count: int, size: int, migrate: int) -> Loop:
    return problem, UniformChunk(), Islands(count, size, archive=count * size // 10 or 1, migrate=migrate)


def _gepa(problem: BlockOneMax, module_selector: str, minibatch: int | None) -> Loop:
    selectors: dict[str, Schedule] = {"round_robin": RoundRobin(), "all": AllBlocks()}
    if module_selector not in selectors:
        raise InputError(f"preset: module_selector must be 'round_robin' or 'all', got {module_selector!r:.60}")
    seen = problem if minibatch is None else Minibatch(problem, minibatch)
    return seen, selectors[module_selector], OnePlusLambda()


def _keep_if_better(problem: BlockOneMax, sigma: float, reevaluate: bool) -> Loop:
    return Noisy(problem, sigma, reevaluate=reevaluate), UniformChunk(), OnePlusLambda()


def _shinka(problem: BlockOneMax, count: int, size: int) -> Loop:
    return problem, UniformChunk(), Islands(count, size, archive=count * size)


PRESETS = {
    each.name: each
    for each in (
        Preset("openevolve", "edits of one place, islands with elites and 20 % exploration; or its elitist settings",
               _openevolve, (("elitist", False),)),
        Preset("map-elites", "edits of one place, the best of each cell of a grid, any cell varied",
               _grid, (("cells", None),)),
        Preset("shinka", "edits of one place on islands; how parents are chosen is assumed", _shinka,
               (("count", 2), ("size", 20))),
        Preset("alphaevolve-like", "edits of one place, islands that migrate; all assumed", _islands,
               (("count", 5), ("size", 20), ("migrate", 10))),
        Preset("gepa", "modules in turn or all at once, strict acceptance, on a minibatch if you give its size",
               _gepa, (("module_selector", "round_robin"), ("minibatch", None))),
        Preset("keep-if-better", "autoresearch: one edit, kept if its one noisy score beats the stored best",
               _keep_if_better, (("sigma", 0.5), ("reevaluate", False))),
    )
}  # fmt: skip
"""All presets by name."""


def preset(
    name: str,
    k: int,
    l: int = 16,
    mutator: AnyMutator | None = None,
    malformed: float = 0.0,
    start: float = 0.0,
    cell: dict[str, Any] | None = None,
    **options: Any,
) -> Cell:
    """A cell that does what a framework does, on a BlockOneMax of k blocks of l tokens.

    Args:
        name: one of PRESETS.
        k: blocks.
        l: tokens of a block.
        mutator: what a call does; the paper's, `Resample(p=0.5)`, if it is not given.
        malformed: share of the answers that cannot be applied; they are paid for and lost.
        start: P(a block is correct at the start).
        cell: what else the cell has: `prompt`, `cost`, `budget`.
        options: what the framework lets one choose (`PRESETS[name].options`).

    Raises: InputError for a name or an option that there is not, and for parameters that do not fit.

    Modules in turn, and all at once (where a proposal makes k calls: 4 x 16 = 64):

    >>> from experiments import predict
    >>> round(predict(preset("gepa", k=4)).mean, 2), predict(preset("gepa", k=4, module_selector="all")).mean
    (12.81, 16.0)
    """
    if name not in PRESETS:
        known = ", ".join(PRESETS)
        raise InputError(f"preset: expected one of {known}, got {name!r:.60}{suggestion(str(name), PRESETS)}")
    found = PRESETS[name]
    defaults = dict(found.options)
    for option in options:
        if option not in defaults:
            known = ", ".join(defaults) or "none"
            raise InputError(
                f"preset: {name} has the options {known}, got {option!r:.60}{suggestion(option, defaults)}"
            )
    problem, schedule, runner = found.loop(BlockOneMax(k=k, l=l, start=start), **defaults | options)
    model: AnyMutator = Resample(p=0.5) if mutator is None else mutator
    model = Malformed(model, rate=malformed) if malformed else model
    return Cell(problem, model, schedule, runner, **cell or {})
