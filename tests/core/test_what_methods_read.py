"""What a method reads by unusual ways is compared, or said to be unseen; never passed over."""

import sys
from types import ModuleType

import pytest

from evo.identity import differences, identity_of

HEAD = """
import enum, datetime, os, platform, random, secrets, sys, time, types
from dataclasses import dataclass
from pathlib import Path
import numpy as np
import pandas as pd
"""
OP = """
@dataclass(frozen=True)
class Op:
    def rewrite(self, correct, rng):
        return correct | (rng.random(correct.shape) < RATE)
"""


@pytest.fixture
def define(monkeypatch):
    """The class `Op` of a cell of a notebook."""

    def made(source, rate):
        module = ModuleType("mine")
        monkeypatch.setitem(sys.modules, "mine", module)
        exec(compile(HEAD + source + OP.replace("RATE", rate), "<ipython-input-1-abc>", "exec"), vars(module))
        return module.Op

    return made


EDITED = {
    "a mask of a long array": ("M = np.ma.array(np.full(100, 0.5), mask=[0.1 > 0.5] * 100)", "M.filled(0)"),
    "a fill value": ("M = np.ma.array(np.full(100, 0.5), fill_value=0.1)", "M.filled()"),
    "what an array of one's own class holds": ("class A(np.ndarray): pass\nM = np.zeros(3).view(A)\nM.x = 0.1", "M.x"),
    "the class of an array": ("class A(np.ndarray): x = 0.1\nM = np.zeros(3).view(A)", "M.x"),
    "a class attribute of Python's form": ("class H:\n    __rate__ = 0.1", "H.__rate__"),
    "one that is found by way of an object": ("class H:\n    __rate__ = 0.1\nh = H()", "h.__rate__"),
    "a docstring that is read": ("class H:\n    '0.1'", "float(H.__doc__)"),
    "a docstring of a function": ("def h(): '0.1'", "float(h.__doc__)"),
    "annotations of a function": ("def h(x: 0.1): pass", "h.__annotations__['x']"),
    "a function of a module that is called like a method of lists": (
        "h = types.ModuleType('mine2')\nexec('def append(): return 0.1', vars(h))", "h.append()",
    ),
    "annotations that are read": ("class H:\n    rate: 0.1 = 3", "H.__annotations__['rate']"),
    "what an enumeration makes of other values": (
        "class M(enum.Enum):\n    A = 1\n    @classmethod\n    def _missing_(cls, value): return 0.1", "M(3)",
    ),
    "a name of Python's form in a module that is passed about": (
        "h = types.ModuleType('mine2')\nh.__rate__ = 0.1\ndef get(of): return of.__rate__", "get(h)",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", EDITED)
def test_an_edit_is_told(case, define):
    source, rate = EDITED[case]
    before, again = (identity_of(define(source, rate)) for _ in range(2))
    after = identity_of(define(source.replace("0.1", "0.9"), rate))
    assert before.digest == again.digest
    assert differences(before.reads, after.reads)
    assert (before.unseen, after.unseen) == ((), ())


def test_the_twin_names_of_pythons_form_that_nobody_reads_are_none(define):
    sources = (f"class H:\n    '{rate}'\n    __rate__ = {rate}\n    x = 1" for rate in (0.1, 0.9))
    one, other = (identity_of(define(source, "H.x")) for source in sources)
    assert one.digest == other.digest


UNSEEN = {
    "np.random.default_rng().random()": "numpy.random.default_rng",
    "np.random.RandomState().rand()": "numpy.random.RandomState",
    "np.random.Generator(np.random.PCG64()).random()": "numpy.random.PCG64",
    "default_rng().random()": "mine.default_rng gets from numpy.random.",  # its module, by another name in numpy 2.1
    "random.Random().random()": "random.Random",
    "secrets.randbelow(9)": "secrets.randbelow",
    "time.monotonic()": "time.monotonic",
    "datetime.datetime.now().second": "datetime.datetime.now",
    "day.today().day": "datetime.date.today",
    "float(sys.argv[1])": "sys.argv",
    "float(Path('rate').open().read())": "gets from open",
    "float(pd.read_json('rate')[0])": "pandas.read_json",
    "hash('rate')": "gets from hash",
    "load('rate')": "numpy.lib",  # its module, whose name is another in each numpy
    "read_csv('rate').p[0]": "pandas.io.parsers.readers.read_csv",
    "len(platform.node())": "platform.node",
    "os.cpu_count()": "os.cpu_count",
    "float(environ['RATE'])": "mine.environ (the environment",
    "made(1)": "mine.made (a ufunc of numpy.frompyfunc",
}
NAMES = """
from datetime import date as day
from os import environ
from numpy import load
from numpy.random import default_rng
from pandas import read_csv
made = np.frompyfunc(lambda x: 0.1, 1, 1)
"""


@pytest.mark.parametrize("rate", UNSEEN)
def test_what_comes_from_outside_is_told_by_name(rate, define):
    (words,) = identity_of(define(NAMES, rate)).unseen
    assert UNSEEN[rate] in words


@pytest.mark.parametrize(
    "rate",
    [
        "time.sleep(0)",
        "datetime.timedelta(1).days",
        "np.sqrt(2)",
        "day(2026, 1, 2).day",
        "os.sep",
        "rng.random()",
        "np.add(1, 2)",
    ],
)
def test_the_twin_what_is_the_same_in_every_process_is_not_told(rate, define):
    assert identity_of(define(NAMES, rate)).unseen == ()


IMPORTED = {
    "import os": ("float(os.environ['RATE'])", "os.environ"),
    "import os as o; kept = o.environ": ("float(kept['RATE'])", "os.environ"),
    "import os.path": ("os.path.getsize('rate')", "os.path.getsize"),
    "import os.path as p": ("p.getsize('rate')", "os.path.getsize"),
    "from os import path as p": ("p.getsize('rate')", "os.path.getsize"),
    "import numpy as n": ("n.load('rate')", "numpy.load"),
    "import time": ("(lambda: time.time())()", "time.time"),
}


@pytest.mark.parametrize("line", IMPORTED)
def test_what_comes_from_a_module_that_a_method_imports_is_told(line, define):
    rate, told = IMPORTED[line]
    (words,) = identity_of(define(f"def f():\n    {line}\n    return {rate}", "f()")).unseen
    assert words == f"what mine.f gets from {told} as it runs"


@pytest.mark.parametrize("line", ["import os; return len(os.sep)", "import numpy as n; return n.add(1, n.pi)"])
def test_the_twin_of_an_imported_module_what_is_the_same_everywhere_is_not_told(line, define):
    assert identity_of(define(f"def f():\n    {line}", "f()")).unseen == ()


def test_an_object_that_fails_when_it_is_looked_at_is_told(define):
    body = "    def __getattr__(self, name): raise KeyError(name)\n    def __call__(self): return 0.1\n"
    source = f"class Odd:\n{body}odd = Odd()"
    (words,) = identity_of(define(source, "odd()")).unseen
    assert words == "mine.odd (KeyError when it is looked at)"
