"""What was defined is what runs: a folder is never gone on with by another part, however it became another one."""

import importlib
import os
import re
import subprocess
import sys
from dataclasses import InitVar, dataclass, field
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from evo import AllBlocks, OnePlusLambda
from evo.errors import InputError
from evo.identity import Identity, differences, expect_named, identities, identity_of, other_python
from evo.identity.code import CODE
from experiments import Cell
from experiments.store.third_party.origins import Origin, compared
from operators import Refuse, Resample
from problems import BlockOneMax, Noisy

ROOT = Path(__file__).parents[2]

HEAD = """
import enum, functools
from dataclasses import dataclass, field
import numpy as np
"""
OP = """
@dataclass(frozen=True)
class Op:
    def rewrite(self, correct, rng):
        return correct | (rng.random(correct.shape) < RATE)
"""
FILES = {
    "helper.py": "import deeper\nRATE = 0.1\ndef rate():\n    return deeper.rate()\n",
    "deeper.py": "DEEP = 0.1\ndef rate():\n    return DEEP\n",
}

EDITS = {
    "a constant": ("RATE = 0.1\n" + OP, ("RATE = 0.1", "RATE = 0.9"), "mine.RATE was 0.1 and is 0.9"),
    "a constant of a module": (
        "import helper\n" + OP.replace("RATE", "helper.RATE"), ("helper.py", "RATE = 0.1", "RATE = 0.9"),
        "helper.RATE was 0.1 and is 0.9",
    ),
    "an imported constant": (
        "from helper import RATE\n" + OP, ("helper.py", "RATE = 0.1", "RATE = 0.9"), "mine.RATE was 0.1 and is 0.9",
    ),
    "a helper of a helper": (
        "import helper\n" + OP.replace("RATE", "helper.rate()"), ("deeper.py", "DEEP = 0.1", "DEEP = 0.9"),
        "deeper.DEEP was 0.1 and is 0.9",
    ),
    "the code of a helper of a helper": (
        "from helper import rate\n" + OP.replace("RATE", "rate()"), ("deeper.py", "return DEEP", "return DEEP * 2"),
        "the code of deeper.rate() is another",
    ),
    "an import in a method": (
        OP.replace("        return", "        from helper import RATE\n        return"),
        ("helper.py", "RATE = 0.1", "RATE = 0.9"), "helper.RATE was 0.1 and is 0.9",
    ),
    "the class itself": (OP.replace("RATE", "0.1"), ("< 0.1", "< 0.9"), "the code of mine.Op.rewrite() is another"),
    "a lambda": ("rate = lambda: 0.1\n" + OP.replace("RATE", "rate()"), ("lambda: 0.1", "lambda: 0.9"), "<lambda>"),
    "a default argument": (
        OP.replace("rng):", "rng, rate=0.1):").replace("RATE", "rate"), ("rate=0.1", "rate=0.9"),
        "mine.Op.rewrite, default of rate was 0.1 and is 0.9",
    ),
    "a default argument by name": (
        OP.replace("rng):", "rng, *, rate=0.1):").replace("RATE", "rate"), ("rate=0.1", "rate=0.9"),
        "default of rate was 0.1 and is 0.9",
    ),
    "a class attribute": (
        OP.replace("    def", "    rate = 0.1\n    def").replace("RATE", "self.rate"), ("rate = 0.1", "rate = 0.9"),
        "mine.Op.rate was 0.1 and is 0.9",
    ),
    "the default of a field": (
        OP.replace("    def", "    rate: float = 0.1\n    def").replace("RATE", "self.rate"),
        ("float = 0.1", "float = 0.9"), "mine.Op.rate was 0.1 and is 0.9",
    ),
    "a factory of a field": (
        OP.replace("    def", "    rate: float = field(default_factory=lambda: 0.1)\n    def").replace(
            "RATE", "self.rate"
        ),
        ("lambda: 0.1", "lambda: 0.9"), "<lambda>",
    ),
    "what a decorator closes over": (
        "def below(rate):\n    def decorate(method):\n        def wrapped(self, correct, rng):\n"
        "            return method(self, correct, rng, rate)\n        return wrapped\n    return decorate\n"
        + OP.replace("    def", "    @below(0.1)\n    def").replace("rng):", "rng, rate):").replace("RATE", "rate"),
        ("below(0.1)", "below(0.9)"), "rate of its closure was 0.1 and is 0.9",
    ),
    "a decorator": (
        "def twice(method):\n    @functools.wraps(method)\n    def wrapped(self, correct, rng):\n"
        "        return method(self, correct, rng)\n    return wrapped\n"
        + OP.replace("    def", "    @twice\n    def").replace("RATE", "0.1"),
        ("return method(self", "return correct | method(self"), "the code of mine.Op.rewrite() is another",
    ),
    "a partial": (
        "def rate(a, b): return a * b\nhalf = functools.partial(rate, 0.1)\n" + OP.replace("RATE", "half(1)"),
        ("rate, 0.1", "rate, 0.9"), "mine.half was partial",
    ),
    "an entry of a dict": (
        "RATES = {'wild': [0.1, 0.2]}\n" + OP.replace("RATE", "RATES['wild'][0]"), ("[0.1,", "[0.9,"),
        "mine.RATES was {'wild': [0.1, 0.2]} and is {'wild': [0.9, 0.2]}",
    ),
    "an entry of a long array": (
        "RATES = np.full(1000, 0.1)\nRATES[999] = 0.1\n" + OP.replace("RATE", "RATES[999]"), ("= 0.1\n", "= 0.9\n"),
        "mine.RATES was array float64 (1000,)",
    ),
    "a nested function": (
        OP.replace("        return", "        def rate(): return 0.1\n        return").replace("RATE", "rate()"),
        ("return 0.1", "return 0.9"), "the code of mine.Op.rewrite() is another",
    ),
    "a global of a nested function": (
        "RATE = 0.1\n"
        + OP.replace("        return", "        def rate(): return RATE\n        return").replace("< RATE", "< rate()"),
        ("RATE = 0.1", "RATE = 0.9"), "mine.RATE was 0.1 and is 0.9",
    ),
    "a base class": (
        "class Base:\n    def rate(self): return 0.1\n" + OP.replace("Op:", "Op(Base):").replace("RATE", "self.rate()"),
        ("return 0.1", "return 0.9"), "the code of mine.Base.rate() is another",
    ),
    "the order of the bases": (
        "class A:\n    rate = 0.1\nclass B:\n    rate = 0.9\n"
        + OP.replace("Op:", "Op(A, B):").replace("RATE", "self.rate"),
        ("Op(A, B)", "Op(B, A)"), "class mine.Op was of class mine.A",
    ),
    "a property of a mixin": (
        "class Mixin:\n    @property\n    def rate(self): return 0.1\n"
        + OP.replace("Op:", "Op(Mixin):").replace("RATE", "self.rate"),
        ("return 0.1", "return 0.9"), "the code of mine.Mixin.rate() is another",
    ),
    "a static method": (
        OP.replace("    def", "    @staticmethod\n    def rate(): return 0.1\n    def").replace("RATE", "self.rate()"),
        ("return 0.1", "return 0.9"), "the code of mine.Op.rate() is another",
    ),
    "a method put in the place of another": (
        OP.replace("RATE", "0.1") + "def other(self, correct, rng): return ~correct\n# Op.rewrite = other\n",
        ("# Op", "Op"), "mine.other() is read now",
    ),
    "an instance of a class of one's own": (
        "class Settings:\n    def __init__(self, rate): self.rate = rate\nSETTINGS = Settings(0.1)\n"
        + OP.replace("RATE", "SETTINGS.rate"),
        ("Settings(0.1)", "Settings(0.9)"), "mine.SETTINGS was class mine.Settings(rate=0.1)",
    ),
    "a member of an enumeration": (
        "class Rate(float, enum.Enum):\n    LOW = 0.1\n" + OP.replace("RATE", "Rate.LOW.value"),
        ("LOW = 0.1", "LOW = 0.9"), "mine.Rate.LOW was 0.1 and is 0.9",
    ),
    "a bound method of an object": (
        "class Rates:\n    low = 0.1\n    def get(self): return self.low\nget = Rates().get\n"
        + OP.replace("RATE", "get()"),
        ("low = 0.1", "low = 0.9"), "mine.Rates.low was 0.1 and is 0.9",
    ),
    "what a cached function calls": (
        "RATE = 0.1\n@functools.cache\ndef rate(): return RATE\n" + OP.replace("RATE", "rate()"),
        ("RATE = 0.1", "RATE = 0.9"), "mine.RATE was 0.1 and is 0.9",
    ),
    "the metaclass": (
        "class Meta(type):\n    rate = 0.1\n"
        + OP.replace("Op:", "Op(metaclass=Meta):").replace("RATE", "type(self).rate"),
        ("rate = 0.1", "rate = 0.9"), "mine.Meta.rate was 0.1 and is 0.9",
    ),
}  # fmt: skip

IRRELEVANT = {
    "a comment": ("        return correct", "        # says more\n\n        return correct"),
    "a docstring": ("    def rewrite(self, correct, rng):\n", "    def rewrite(self, correct, rng):\n        'New.'\n"),
    "the docstring of the class": ("class Op:\n", "class Op:\n    '''New.'''\n"),
    "a function that is not read": ("RATE = 0.1\n", "RATE = 0.1\ndef unread(): return 3\n"),
    "a constant that is not read": ("RATE = 0.1\n", "RATE = 0.1\nOTHER = 3\n"),
    "an annotation": ("correct, rng)", "correct: object, rng)"),
}


@pytest.fixture
def define(tmp_path, monkeypatch):
    """The class `Op` of a source, with the modules beside it, as a new process would have it."""
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(sys, "dont_write_bytecode", True)

    def made(source, files=FILES):
        for name in ("mine", "helper", "deeper"):
            sys.modules.pop(name, None)
        for name, text in files.items():
            (tmp_path / name).write_text(text)
        importlib.invalidate_caches()
        module = ModuleType("mine")
        sys.modules["mine"] = module
        exec(compile(HEAD + source, "<stdin>", "exec"), vars(module))
        return module.Op

    yield made
    for name in ("mine", "helper", "deeper"):
        sys.modules.pop(name, None)


@pytest.mark.parametrize("case", EDITS)
def test_every_edit_of_what_a_part_reads_is_told(case, define):
    source, edit, told = EDITS[case]
    before = identity_of(define(source))
    assert identity_of(define(source)).digest == before.digest
    if len(edit) == 3:
        file, old, new = edit
        assert old in FILES[file]
        after = identity_of(define(source, FILES | {file: FILES[file].replace(old, new)}))
    else:
        assert edit[0] in source
        after = identity_of(define(source.replace(*edit)))
    assert told in differences(before.reads, after.reads)
    assert after.digest != before.digest
    assert (before.unseen, after.unseen) == ((), ())


@pytest.mark.parametrize("case", IRRELEVANT)
def test_an_edit_that_changes_nothing_is_none(case, define):
    source, (old, new) = "RATE = 0.1\n" + OP, IRRELEVANT[case]
    assert old in source
    before, after = identity_of(define(source)), identity_of(define(source.replace(old, new)))
    assert differences(before.reads, after.reads) == ""
    assert after.digest == before.digest


@pytest.mark.parametrize(
    ("source", "told"),
    [
        ("def rate(): return float(open('rate').read())\n" + OP.replace("RATE", "rate()"), "mine.rate gets from open"),
        ("RNG = np.random.default_rng()\n" + OP.replace("rng.", "RNG."), "mine.RNG (a generator of random numbers"),
        ("import os\n" + OP.replace("RATE", "float(os.environ['R'])"), "mine.Op.rewrite gets from os.environ"),
        (OP.replace("RATE", "eval('RATE')"), "mine.Op.rewrite gets from eval"),
        (
            "COUNT = {}\n" + OP.replace("        return", "        COUNT['n'] = 1\n        return"),
            "mine.COUNT (mine.",
        ),
        ("SEEN = []\n" + OP.replace("        return", "        SEEN.append(1)\n        return"), "mine.SEEN (mine.Op"),
        ("N = {'n': 0}\n" + OP.replace("        return", "        N['n'] += 1\n        return"), "mine.N (mine.Op"),
        (OP.replace("RATE", "vars(__import__('sys').modules['mine'])['RATE']"), "gets from __import__"),
        ("import sys\n" + OP.replace("RATE", "vars(sys.modules['mine'])['RATE']"), "rewrite gets from sys.modules"),
        (
            OP.replace("RATE", "get(self, 'RATE')") + "def get(of, name): return getattr(of, name + '')\n",
            "getattr by a",
        ),
        (
            OP.replace("RATE", "[getattr(x, str(x)) for x in correct][0]"),
            "rewrite gets from getattr by a computed name",
        ),
        ("import ctypes\nC = ctypes.CDLL(None)\n" + OP.replace("RATE", "C.rand()"), "mine.C (ctypes.CDLL"),
        (
            OP.replace("        return", "        import secrets\n        return").replace(
                "RATE", "secrets.randbelow(2)"
            ),
            "mine.Op.rewrite gets from secrets.randbelow as it runs",
        ),
        (
            OP.replace("        return", "        from time import time\n        return").replace("RATE", "time()"),
            "mine.Op.rewrite gets from time.time as it runs",
        ),
    ],
)
def test_what_cannot_be_seen_is_told_by_name(source, told, define):
    (words,) = identity_of(define("RATE = 0.1\n" + source)).unseen
    assert told in words


@pytest.mark.parametrize("of", ["self", "helper", "self.inner", "TABLE"])
def test_of_what_is_looked_at_anyway_a_computed_name_is_none(of, define):
    """The twin: of a module all is entered, of `self` what it holds is in the text of the part."""
    made = define("import helper\nTABLE = 1\n" + OP.replace("RATE", f"getattr({of}, 'RA' + 'TE'.upper())"))
    assert identity_of(made).unseen == ()
    assert ("helper.RATE" in identity_of(made).reads) == (of == "helper")


MEMOS = {
    "an entry": "self.memo[len(correct)] = 1",
    "an entry of the class": "type(self).memo[len(correct)] = 1",
    "an entry by its name": "Op.memo[len(correct)] = 1",
    "an entry by way of a variable": "memo = self.memo\n        memo[len(correct)] = 1",
    "a method": "self.memo.setdefault(len(correct), 1)",
    "an entry that grows": "self.memo[0] = 1\n        self.memo[0] += len(correct)",
}


@pytest.mark.parametrize("case", MEMOS)
def test_a_memo_of_a_class_does_not_make_it_another(case, define):
    """What a method writes into an attribute of its class is said once, and a run does not change the identity."""
    body = OP.replace("    def", "    memo = {}\n    def").replace(
        "        return", f"        {MEMOS[case]}\n        return"
    )
    made = define("RATE = 0.1\n" + body)
    before = identity_of(made)
    made().rewrite(np.zeros((3, 1), dtype=bool), np.random.default_rng(1))
    assert made.memo
    assert differences(before.reads, identity_of(made).reads) == ""
    assert "mine.Op.memo (mine.Op.rewrite changes it as it runs)" in before.unseen


def test_a_counter_of_a_class_does_not_make_it_another(define):
    body = OP.replace("    def", "    calls = 0\n    def").replace(
        "        return", "        type(self).calls += 1\n        return"
    )
    made = define("RATE = 0.1\n" + body)
    before = identity_of(made)
    made().rewrite(np.zeros((3, 1), dtype=bool), np.random.default_rng(1))
    assert made.calls == 1
    assert identity_of(made).digest == before.digest


def test_what_no_method_changes_is_compared(define):
    """The twin: the same table, which is only read, makes another class when it is edited."""
    body = OP.replace("    def", "    memo = {0: 0.1}\n    def").replace("RATE", "self.memo[0]")
    assert "Op.memo" in differences(*(identity_of(define(body.replace("0.1", rate))).reads for rate in ("0.1", "0.9")))


ALL = """
from mine import *
RATES, NAMES, PATTERN = {'a': [0.1]}, {'a', 'b', 'c', 'd'}, re.compile('a+')
Mode = enum.Enum('Mode', 'A B')
class Outer:
    class Inner: x = 1
class Deque(collections.deque): pass
Point = collections.namedtuple('Point', 'x y')
Held = [Outer.Inner, Deque('abc'), Point(1, 2), {'frozen', 'set'}, types.MappingProxyType({1: 2}), np.eye(9, order='F')]
PROXY = weakref.proxy(KEPT := Deque('a'))
half = functools.partial(divmod, 1)
half.name = 'half'
def made(x):
    space = {'X': x}
    exec('def f(): return X', space)
    return lambda: (space['f'], x)
SET, N = {made(1), made(2), made(3), lambda: 1, lambda: 2}, 0
def count():
    global N
    N += 1
@dataclass(slots=True)
class Slots:
    most: typing.ClassVar[int] = 3
    least: int = 1
    __len__ = functools.partialmethod(divmod, 1)
class Mixin:
    rates = np.arange(9.0)
    @functools.wraps(divmod)
    def go(self): return super().__repr__()
@dataclass(frozen=True)
class Op(Mixin):
    mode: Mode = Mode.A
    many: tuple = field(default_factory=tuple)
    def rewrite(self, correct, rng, *, least=lambda x: x):
        return [helper.rate(), RATES, NAMES, PATTERN, half, Mode.B, self.mode, THIRD, x in {'p', 'q'},
                Held, PROXY, math.pi, np.bool_, Slots(), SET, N, count]
"""
PROGRAM = """
import collections, sys, pickle, math, re, enum, functools, types, typing, weakref, helper
from dataclasses import dataclass, field
import numpy as np
from evo.identity import identity_of
if sys.argv[1] == "worker":
    Op = pickle.load(open("op", "rb"))
else:
    exec(sys.argv[2])
    from joblib.externals.loky.backend.reduction import dumps
    open("op", "wb").write(dumps(Op))
print(identity_of(Op).digest, identity_of(Op).unseen)
"""


def test_the_digest_is_the_same_in_every_process(tmp_path):
    for name, text in FILES.items():
        (tmp_path / name).write_text(text)
    (tmp_path / "mine.py").write_text("from fractions import Fraction\nTHIRD = Fraction(1, 3)\n")
    said = set()
    for seed, role in (("1", "driver"), ("2", "worker")):
        environment = {"PYTHONPATH": os.pathsep.join([str(ROOT), str(tmp_path)]), "PYTHONHASHSEED": seed}
        words = [sys.executable, "-c", PROGRAM, role, ALL]
        done = subprocess.run(words, cwd=tmp_path, env=os.environ | environment, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        said.add(done.stdout)
    (only,) = said
    assert only.endswith(" ('__main__.N (__main__.count changes it as it runs)',)\n")


LAUNCH = """
from evo import AllBlocks, OnePlusLambda
from evo.errors import EvoError
from problems import BlockOneMax
from experiments import Cell, Grid, run_grid
def launch(op, workers=1, **options):
    cells = [Cell(BlockOneMax(k=8, l=4), op, AllBlocks(), OnePlusLambda())]
    try:
        grid = Grid("x", cells, runs=500)
        runs = run_grid(grid, "folder", workers, tell=lambda words: print("told", words), **options)
        print(round(runs.runs.hit.mean(), 2))
    except EvoError as error:
        print("refused", str(error))
"""


def launches(folder, source, way="script"):
    """What a program prints: a script, `python -c`, or `python -`, which has its source from the input."""
    (folder / "script.py").write_text(HEAD + LAUNCH + source)
    words = {"script": ["script.py"], "-c": ["-c", HEAD + LAUNCH + source], "-": ["-"]}[way]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(ROOT), str(folder)])}
    done = subprocess.run(
        [sys.executable, *words], cwd=folder, env=environment, capture_output=True, text=True,
        input=HEAD + LAUNCH + source if way == "-" else None,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


@pytest.mark.parametrize("way", [*(pytest.param(way, marks=pytest.mark.slow) for way in ("script", "-c")), "-"])
def test_a_second_launch_with_another_constant_is_refused(way, tmp_path):
    first = launches(tmp_path, "RATE = 0.1\n" + OP + "launch(Op())", way)
    assert first == ["26.38"]
    if way == "script":
        assert launches(tmp_path, "# a comment\nRATE = 0.1\n" + OP + "launch(Op())") == first
    (refused,) = launches(tmp_path, "RATE = 0.9\n" + OP + "launch(Op())", way)
    assert refused == (
        "refused folder: __main__.Op has changed since the runs in it were made: __main__.RATE was 0.1 and is 0.9; "
        "choose another folder with --out, or go on with --accept-changed-code (in Python run_grid(..., "
        "accept_changed_code=True)), which is noted"
    )


def test_a_notebook_in_which_an_operator_is_edited_six_times(tmp_path):
    """Cells of a notebook, one after the other in one process; the fourth has the first operator again."""
    rates = (0.1, 0.3, 0.5, 0.1, 0.7, 0.9)
    cells = "".join(f"exec({OP.replace('RATE', str(rate))!r})\nlaunch(Op())\n" for rate in rates)
    told = launches(tmp_path, cells + "launch(Op(), accept_changed_code=True)")
    changed = (
        "refused folder: __main__.Op has changed since the runs in it were made: the code of __main__.Op.rewrite()"
    )
    assert [each.startswith(changed) for each in told] == [False, True, True, False, True, True, False]
    assert told[0] == told[3] == told[6] == "26.38"


@pytest.mark.skipif(not hasattr(os, "fork"), reason="the processes would take too long")
def test_a_worker_that_reads_another_module_than_the_launch_runs_nothing(tmp_path):
    (tmp_path / "helper.py").write_text("RATE = 0.1\n" + HEAD + OP)
    told = launches(
        tmp_path, "import helper\nhelper.RATE = 0.9\nif __name__ == '__main__': launch(helper.Op(), 2, isolated=True)"
    )
    assert "a worker process reads another helper.Op from its modules than the launch has" in "\n".join(told)


def test_two_classes_of_one_name_do_not_stand_in_one_grid(define):
    first, second = define(OP.replace("RATE", "0.1"))(), define(OP.replace("RATE", "0.9"))()
    assert list(identities((first, Noisy(BlockOneMax(2, 4), 0.1)))) == ["mine.Op"]
    with pytest.raises(InputError, match=r"mine\.Op stands for two different classes here: the code of"):
        identities((first, second))


def test_a_method_of_the_testbed_is_not_replaced(monkeypatch):
    assert identities(Resample(0.5)) == {}
    monkeypatch.setattr(Resample, "rewrite", lambda self, correct, rng: ~correct)
    with pytest.raises(InputError, match=r"^Resample\.rewrite of the testbed was replaced by .*class Mine\(Resample\)"):
        identities(Resample(0.5))


def test_codes_of_two_versions_of_python_are_not_compared():
    assert differences({"f()": "code 3.99 a", "RATE": "0.1"}, {"f()": "code 3.11 b", "RATE": "0.1"}) == ""
    assert other_python({"f()": "code 3.99 a"})
    held = {"m.Op": Origin("m", sha256="a", reads={"f()": "code 3.99 a"}), "m.Old": Origin("m", sha256="b")}
    now = {name: Origin("m", sha256="c", reads={"f()": "code 3.11 b"}) for name in held}
    both = compared(held, now)
    assert both.changed == {}
    assert both.told == [
        "whether the code of m.Op has changed is not known: another version of Python began here",
        "whether m.Old has changed is not known: the folder does not say what it was",
    ]


def test_differences_are_told_three_at_most_and_the_others_counted():
    old = {"a": "1", "b": "1", "c": "1", "d": "1", "f()": "code 3.11 a", "g()": "code 3.11 a", "same": "1"}
    new = {"a": "2", "b": "2", "c": "2", "d": "1", "f()": "code 3.11 b", "g()": "3", "same": "1", "new": "1"}
    assert differences({}, {}) == differences(old, old) == ""
    three = "a was 1 and is 2; b was 1 and is 2; c was 1 and is 2"
    assert differences({name: old[name] for name in "abcd"}, {name: new[name] for name in "abcd"}) == three
    assert differences(old, new) == f"{three}; and 3 more"
    for name, told in {"f()": "the code of f() is another", "g()": "g() was code 3.11 a and is 3"}.items():
        assert differences({name: old[name]}, {name: new[name]}) == told
    assert differences({}, {"a": "1"}) == "a is read now"
    assert differences({"a": "1"}, {}) == "a is read no more"


def test_the_digest_of_what_is_read_follows_names_and_values_and_not_their_order():
    reads = {"mine.a": "1", "mine.b": "2"}
    assert Identity(int, reads).digest == Identity(int, dict(reversed(reads.items()))).digest == "b3735760a7ad2f02"
    others = ({"mine.a": "2", "mine.b": "1"}, {"mine.a": "1"}, {"mine.a": "1", "mine.c": "2"}, {})
    assert len({Identity(int, each).digest for each in (reads, *others)}) == 5


PATCHES = {
    "a property": (Resample, "law", property(lambda self: None), Resample(0.5)),
    "a method of the class": (Resample, "made", classmethod(lambda cls: None), Resample(0.5)),
    "a method of its base": (Noisy.__base__, "fitness", lambda self, correct: correct, Noisy(BlockOneMax(2, 4), 0.1)),
    "a method of a part inside": (Resample, "rewrite", lambda self, correct, rng: ~correct, Refuse(Resample(0.5), 0.1)),
}


@pytest.mark.parametrize("case", PATCHES)
def test_nothing_of_the_testbed_is_replaced(case, monkeypatch):
    kind, name, value, part = PATCHES[case]
    assert identities(part) == {}
    monkeypatch.setattr(kind, name, value, raising=False)
    with pytest.raises(InputError, match=rf"^{kind.__name__}\.{name} of the testbed was replaced by .*<lambda>"):
        identities(part)


def test_a_version_of_python_is_told_by_the_codes_alone():
    assert not other_python({})
    assert not other_python({"a": "1", "f()": f"{CODE}a"})
    assert other_python({"a": "1", "f()": "code 3.99 a", "g()": f"{CODE}a"})


def named(module="mine", name="Op"):
    """A part of a class of this name."""
    return dataclass(frozen=True)(type("Op", (), {"__module__": module, "__qualname__": name}))()


@pytest.mark.parametrize(
    ("module", "name", "told"),
    [
        ("mi\x00ne", "Op", "expected a class of a module whose name can be read, got 'mi\\x00ne'; rename"),
        ("mi\ud800ne", "Op", "expected a class of a module whose name can be read"),
        ("mine", "Op()", "expected a class whose name Python can read, got 'Op()'"),
        ("mine", "class", "expected a class whose name Python can read, got 'class'"),
        ("mine", "Outer.if", "expected a class whose name Python can read, got 'Outer.if'"),
        ("mine", "1", "expected a class whose name Python can read"),
        ("mine", "<locals>", "expected a class whose name Python can read"),
    ],
)
def test_a_class_without_a_name_that_can_be_read_is_refused(module, name, told):
    with pytest.raises(InputError, match=re.escape(told)):
        expect_named((Resample(0.5), named(module, name)))
    holds = {"__annotations__": {"call": object}, "call": named, "__module__": "mine", "__qualname__": "Op"}
    expect_named(dataclass(frozen=True)(type("Op", (), holds))())  # a function in a field is told by the field
    for fine in ("Op", "Outer.Op", "made.<locals>.Op", "match", "Größe"):
        expect_named(named(name=fine))


def test_what_a_class_that_a_library_makes_closes_over_is_the_librarys():
    def base(rate):
        return type("Base", (), {"__module__": "json", "rewrite": lambda self, correct, rng: rate})

    made = base(0.1)
    assert "<locals>" in made.rewrite.__qualname__
    made.__qualname__ = "base.<locals>.Base"
    inherits = dataclass(frozen=True)(type("Op", (made,), {"__module__": "mine", "__qualname__": "Op"}))
    expect_named(inherits())
    made.__module__ = "mine"
    with pytest.raises(InputError, match="Op: rewrite closes over rate"):
        expect_named(inherits())


def local(rate=0.1, kind="closure"):
    def by_function(correct, rng):
        return correct

    @dataclass(frozen=True)
    class Closure:
        def rewrite(self, correct, rng):
            return correct | (rng.random(correct.shape) < rate)

    @dataclass(frozen=True)
    class Property:
        @property
        def law(self):
            return rate

        def rewrite(self, correct, rng):
            return correct

    class Base:
        def rewrite(self, correct, rng):
            return correct | (rng.random(correct.shape) < rate)

    @dataclass(frozen=True)
    class Inherits(Base):
        pass

    @dataclass(frozen=True)
    class Given:
        rate: InitVar[float]
        made: float = field(init=False, default=0.0)

        def __post_init__(self, rate):
            object.__setattr__(self, "made", rate)

        def rewrite(self, correct, rng):
            return correct

    import json as module

    class Other:
        pass

    @dataclass(frozen=True)
    class Fine:
        rate: float = 0.1

        def rewrite(self, correct, rng):
            assert super() is not Other
            assert module is not unset
            return by_function(correct, np.add)

    if rate > 1:
        unset = 3
    fine = Fine()
    object.__setattr__(fine, "memo", lambda: 1)  # which no method of the class is called

    patched = Fine()
    object.__setattr__(patched, "rewrite", lambda correct, rng: correct)
    made = {"closure": Closure, "property": Property, "base": Inherits, "InitVar": lambda: Given(rate)}
    return made[kind]() if kind in made else {"instance": patched, "fine": fine}[kind]


@pytest.mark.parametrize(
    ("kind", "told"),
    [
        ("closure", r"Closure: rewrite closes over rate, .* keep it in a field"),
        ("property", r"Property: law closes over rate, .* keep it in a field"),
        ("base", r"Inherits: rewrite closes over rate, .* keep it in a field"),
        ("InitVar", r"Given: rate is an InitVar, .* keep it in a field"),
        ("instance", r"Fine: rewrite was put on this instance alone, .* define it in the class"),
    ],
)
@pytest.mark.parametrize("wrap", [lambda part: part, lambda part: Refuse(part, 0.1)])
def test_a_part_whose_text_does_not_tell_all_is_refused_at_the_cell(kind, told, wrap):
    with pytest.raises(InputError, match=told):
        Cell(BlockOneMax(2, 4), wrap(local(kind=kind)), AllBlocks(), OnePlusLambda())
    Cell(BlockOneMax(2, 4), wrap(local(kind="fine")), AllBlocks(), OnePlusLambda())
