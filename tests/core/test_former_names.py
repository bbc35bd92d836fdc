"""Former names of modules still work, and say what they are called now."""

import importlib

import numpy as np
import pytest

import evo.engine.deap
import evo.runners.archives
import experiments
from evo.evaluation import Reading
from evo.former import FORMER
from evo.laws.counts import IndependentBlocks
from evo.theory import Start, all_blocks


@pytest.mark.parametrize(("name", "new"), FORMER.items())
def test_a_former_name_warns_and_gives_what_it_gave(name, new):
    module = importlib.import_module(new)
    public = next(each for each, value in vars(module).items() if getattr(value, "__module__", "") == new)
    with pytest.warns(DeprecationWarning, match=f"{name} is now {new}"):
        assert getattr(importlib.import_module(name), public) is getattr(module, public)


def test_it_can_be_imported_from():
    with pytest.warns(DeprecationWarning, match=r"evo\.selection is now"):
        from evo.selection import Archive  # the former name
    assert Archive is evo.runners.archives.Archive


def test_what_was_never_there_is_not_there():
    with pytest.warns(DeprecationWarning, match="is now"), pytest.raises(ImportError):
        from evo.selection import Nothing  # noqa: F401  # it cannot be imported


@pytest.mark.parametrize(("name", "public"), [("experiments.timing", "timed"), ("experiments.cell", "Cell")])
def test_so_do_those_of_experiments(name, public):
    with pytest.warns(DeprecationWarning, match=f"{name} is now"):
        assert getattr(importlib.import_module(name), public) is getattr(experiments, public)


def test_so_does_that_of_a_function():
    with pytest.warns(DeprecationWarning, match=r"evo\.engine\.deap\.uniform_chunk is now random_chunk"):
        from evo.engine.deap import uniform_chunk  # the former name
    assert uniform_chunk is evo.engine.deap.random_chunk


def test_so_do_those_of_a_law_of_a_run():
    law = all_blocks(IndependentBlocks(0.5, 0.5), 4, Start(4))
    with pytest.warns(DeprecationWarning, match=r"RunLaw\.short_calls is now RunLaw\.calls_on_last_chunk"):
        assert law.short_calls == law.calls_on_last_chunk == 0
    with pytest.warns(DeprecationWarning, match=r"RunLaw\.short is now RunLaw\.last_chunk"):
        assert law.short is law.last_chunk


def test_so_does_that_of_a_field():
    reading = Reading(np.zeros(2), np.ones(2, dtype=np.int64), np.eye(2))
    with pytest.warns(DeprecationWarning, match=r"Reading\.verdicts is now Reading\.judgements"):
        assert reading.verdicts is reading.judgements
