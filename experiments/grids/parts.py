"""The parts known by name: what a TOML file may say, what a stored text may name, what `llm-evo show` lists."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from dataclasses import MISSING, fields

import operators
import problems
from evo import schedules
from evo.costs import budget, latency, ledger, prices
from evo.errors import InputError
from evo.parameters import shown, suggestion
from evo.programs import Catalogue, Model, Role
from evo.runners import archives, feature_grid, one_plus_lambda, parallel
from evo.text import canonical, is_frozen_class
from experiments.grids.stopping import STOPPING_RULES
from problems import systems
from problems.text import checkers

PART_TYPES: dict[str, tuple[type, ...]] = {
    "problem": (
        problems.BlockOneMax,
        problems.WeightedBlocks,
        problems.LeadingBlocks,
        problems.Jump,
        problems.Trap,
        problems.Needle,
        problems.UnequalBlocks,
        problems.Noisy,
        problems.Minibatch,
        problems.Judged,
        problems.TextProblem,
    ),
    "mutator": (
        operators.Resample,
        operators.FixKeep,
        operators.BetaQuality,
        operators.BetaRunQuality,
        operators.PerBlock,
        operators.BetaBlocks,
        operators.Decaying,
        operators.Halving,
        operators.Learning,
        operators.Measured,
        operators.Fading,
        operators.FromLog,
        operators.Sparse,
        operators.Refuse,
        operators.Malformed,
        operators.Repeating,
        operators.Spill,
        operators.Misaligned,
        operators.Vote,
        operators.LLM,
    ),
    "schedule": (
        schedules.AllBlocks,
        schedules.UntilResolved,
        schedules.RoundRobin,
        schedules.UniformChunk,
        schedules.UniformSubset,
        schedules.EachChunk,
        schedules.OnlyIncorrect,
        schedules.Decomposed,
    ),
    "runner": (
        one_plus_lambda.OnePlusLambda,
        archives.MuPlusLambda,
        archives.Archive,
        archives.Islands,
        feature_grid.MapElites,
        parallel.Merged,
        parallel.Asynchronous,
    ),
    "prompt": (ledger.Prompt,),
    "cost": (prices.LLMPrimitive, prices.QuadraticPrimitive, prices.TokenPrices),
    "budget": (budget.Budget,),
}
PROGRAM_TYPES: dict[str, tuple[type, ...]] = {
    "program": (
        systems.Generalist,
        systems.Routing,
        systems.NaiveDebugging,
        systems.FocusedDebugging,
        systems.OneCallSort,
        systems.MergeSort,
        systems.KnockOut,
        systems.ReadThenSort,
        systems.WholeDrafts,
        systems.BySections,
        systems.Debate,
        systems.SummarisedDebate,
    ),
}
"""Programs of calls: with a cost model and a budget the parts of a `ProgramCell`."""
NESTED: dict[str, tuple[type, ...]] = {
    "latency": (latency.Latency,),
    "checker": (checkers.Exact, checkers.ByFunction),
    "stopping rule": STOPPING_RULES,
}
"""Kinds that are no parts of a cell: those in other parts, by the parameter's name, and the rules for `runs`."""
OF_PROGRAMS: dict[str, tuple[type, ...]] = {"model": (Model,), "role": (Role,), "catalogue": (Catalogue,)}
"""The same of programs; there they may stand under whatever name a parameter has."""
INNER = NESTED | OF_PROGRAMS
EVERY = PART_TYPES | PROGRAM_TYPES | INNER


def parts_of_kind(kind: str) -> tuple[type, ...]:
    """The classes that are known by name for a kind of part."""
    inside = [part for parts in OF_PROGRAMS.values() for part in parts] if kind == "program" else []
    return (*EVERY[kind], *inside)


def _known() -> dict[str, type]:
    return {part.__name__: part for parts in EVERY.values() for part in parts}


def find_part(kind: str, name: str, also: Iterable[str] = ()) -> type:
    """The class of a part known by name.

    Args:
        kind: "mutator" and so on.
        name: of the class.
        also: other names that could have been meant.

    Raises: InputError with the nearest known name.

    >>> find_part("mutator", "Resample").__name__
    'Resample'
    """
    known = {part.__name__: part for part in parts_of_kind(kind)}
    if name not in known:
        names = [*(part.__name__ for part in EVERY[kind]), *also]
        listed = f"known: {', '.join(names)}"
        if kind == "program":
            listed += '; one of your own is named "module:Class"'
        if other := [each for each, parts in EVERY.items() if name in {part.__name__ for part in parts}]:
            raise InputError(f"unknown {kind} {shown(name)}, which is a {other[0]}; {listed}")
        raise InputError(f"unknown {kind} {shown(name)}{suggestion(name, [*known, *also])}; {listed}")
    return known[name]


def find_any(name: str) -> type:
    """The class a canonical text names: one of ours, or `module.Class` of a module that is already imported.

    Raises: InputError. Nothing is imported here, and nothing but a frozen dataclass is given out: a text in a file
    must not run code that nobody asked for.
    """
    known = _known()
    if name in known:
        return known[name]
    found = _loaded(name)
    if isinstance(found, type):
        if is_frozen_class(found):
            return found
        raise InputError(f"{shown(name)} is no part: expected a class marked @dataclass(frozen=True)")
    if "." in name:
        module = name.rpartition(".")[0]
        raise InputError(f"the part {shown(name)} is not loaded; import the module {module!r} first")
    raise InputError(f"unknown part {shown(name)}{suggestion(name, known)}; known: {', '.join(known)}")


def _loaded(name: str) -> object:
    """What `module.Class` or `module.Outer.Inner` stands for, in a module that is already imported; None if nothing."""
    module, _, attribute = name.rpartition(".")
    if not module:
        return None
    return getattr(sys.modules.get(module) or _loaded(module), attribute, None)


def describe(part: type) -> tuple[str, str]:
    """A part's signature and the first sentence of its docstring.

    >>> describe(operators.FixKeep)[0]
    'FixKeep(fix, keep)'
    """
    words = []
    for field in fields(part):
        words.append(field.name if field.default is MISSING else f"{field.name}={canonical(field.default)}")
    summary = (part.__doc__ or "").strip().split("\n\n")[0].replace("\n", " ")
    return f"{part.__name__}({', '.join(words)})", " ".join(summary.split())
