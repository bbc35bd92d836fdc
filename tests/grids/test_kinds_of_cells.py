"""Every stage has a case for every kind of cell, and nobody asks whether a cell is a program to choose what to do."""

import importlib
import inspect
import pkgutil
import re
from pathlib import Path

import pytest

import experiments
from experiments.grids.any_cell import AnyCell
from experiments.grids.cell import Cell
from experiments.grids.cell_text import KINDS
from experiments.grids.programs.cell import ProgramCell

NEEDED = "raise NotImplementedError"
NARROWED = {"reports/measured.py"}
"""Files of arms whose kind a study knows. Asking for a `Cell` is no choice of what to do: it refuses what only searches
have."""


def generic():
    """The generic functions whose cases must be complete, by name."""
    found = {}
    for module in pkgutil.walk_packages(experiments.__path__, "experiments."):
        if module.name.endswith("__main__") or (module.name.count(".") == 1 and not module.ispkg):
            continue  # former names beside the folders warn
        for name, each in vars(importlib.import_module(module.name)).items():
            if hasattr(each, "registry") and hasattr(each, "dispatch") and each.__module__ == module.name:
                found[f"{module.name}.{name}"] = each
    return {
        name: each
        for name, each in found.items()
        if NEEDED in inspect.getsource(each.registry[object])
        and any(issubclass(kind, AnyCell) for kind in each.registry)  # others choose by something else
    }


def missing(functions, kind):
    return [name for name, each in functions.items() if each.dispatch(kind) is each.registry[object]]


@pytest.fixture(scope="module")
def functions():
    return generic()


@pytest.mark.parametrize("kind", [Cell, ProgramCell])
def test_every_stage_has_a_case_for_every_kind(functions, kind):
    assert len(functions) >= 7
    assert missing(functions, kind) == []


def test_a_kind_without_cases_is_found(functions):
    class Other(AnyCell):
        pass

    assert missing(functions, Other) == list(functions)
    with pytest.raises(TypeError, match="abstract"):
        Other()


def test_kinds_are_those_whose_texts_are_read():
    assert {kind.__name__ for kind in AnyCell.__subclasses__() if kind.__module__.startswith("experiments")} == set(
        KINDS
    )


def test_nobody_asks_whether_a_cell_is_a_program():
    top = Path(experiments.__path__[0])
    asking = re.compile(r"isinstance\([^()]+, (Cell \| )?ProgramCell\b")
    files = {
        str(file.relative_to(top)) for file in top.rglob("*.py") if asking.search(file.read_text(encoding="utf-8"))
    }
    assert files == NARROWED
