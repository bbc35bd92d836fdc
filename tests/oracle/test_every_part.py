"""Every part of ours stands in some comparison of a row with the chain, so that a new one cannot be forgotten."""

import numpy as np
from random_cells import ROWS, Draw

from evo.errors import InputError
from experiments.grids.parts import PART_TYPES
from operators.wrapper import Wrapper

ELSEWHERE = {
    "LLM": "no law: its runs are a loop of their own, in tests/serving/real/test_real_calls.py",
    "TextProblem": "is BlockOneMax whose start is given: compared in tests/parts/test_text_problem.py",
    "Asynchronous": "no rule: compared with a naive loop in tests/engine/test_asynchronous.py",
}
KINDS = ("problem", "mutator", "schedule", "runner")


def inside(part):
    while part is not None:
        yield type(part).__name__
        part = next((getattr(part, name) for name in ("inner", "schedule", "problem") if hasattr(part, name)), None)


def test_every_part_stands_beside_the_chain():
    draw, met = Draw(np.random.default_rng(4)), set()
    for case in ROWS.values():
        for _ in range(20):
            try:
                cell = case.cell(draw)
            except InputError:
                continue
            for kind in KINDS:
                met.update(inside(getattr(cell, kind)))
    ours = {part.__name__ for kind in KINDS for part in PART_TYPES[kind]}
    assert ours - met == set(ELSEWHERE)


def test_every_wrapper_is_known_to_the_chain():
    from calls_of import WRAPPERS

    known = {kind.__name__ for kind in Wrapper.__subclasses__() if kind.__module__.startswith("operators.")}
    assert known == {*WRAPPERS, "Repeating"}  # which has a chain of its own, with what it remembers
