"""What a method reads by unusual ways is compared, or said to be unseen; never passed over."""

import builtins
import math
import sys
from fractions import Fraction
from types import ModuleType

import numpy as np
import pandas as pd
import pytest

import evo
from evo.identity import differences, identity_of
from evo.identity.code import constant_text
from operators import Resample

HEAD = """
import abc, builtins, collections, enum, datetime, functools, importlib, math, operator, os, pickle, pkgutil, platform
import random, secrets, sys, time, types, typing, weakref
from dataclasses import dataclass, field, fields
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
import numpy as np
import pandas as pd
import evo
from operators import Resample
"""
OP = """
@dataclass(frozen=True)
class Op:
    def rewrite(self, correct, rng):
        return correct | (rng.random(correct.shape) < RATE)
"""


LIBRARIES = (np, np.linalg, pd, math, builtins, evo, Fraction, pd.DataFrame, Resample)


@pytest.fixture
def define(monkeypatch):
    """The class `Op` of a cell of a notebook; what it puts into libraries goes with the test."""

    def made(source, rate, op=OP):
        module = ModuleType("mine")
        monkeypatch.setitem(sys.modules, "mine", module)
        exec(compile(HEAD + source + op.replace("RATE", rate), "<ipython-input-1-abc>", "exec"), vars(module))
        return module.Op

    yield made
    for library in LIBRARIES:
        if "rate" in vars(library):
            del library.rate


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

KEEPS = "class H:\n    def __init__(self, x): self.x = x\n    def __call__(self): return self.x\nh = H(0.1)\n"
PUT_BY_HAND = {
    "a name": ("def f(): pass\nf.__name__ = '0.1'", "float(f.__name__)"),
    "a qualified name": ("def f(): pass\nf.__qualname__ = '0.1'", "float(f.__qualname__)"),
    "defaults": ("def f(x): return x\nf.__defaults__ = (0.1,)", "f()"),
    "more defaults than arguments": ("def f(x): return x\nf.__defaults__ = (3, 0.1)", "f()"),
    "defaults by name": ("def f(*, x): return x\nf.__kwdefaults__ = {'x': 0.1}", "f()"),
    "code": ("def f(): pass\nf.__code__ = (lambda: 0.1).__code__", "f()"),
    "an attribute": ("def f(): return f.table[0]\nf.table = [0.1]", "f()"),
    "the module of a class": ("class H: x = 0.1\nH.__module__ = 'numpy'", "H.x"),
    "a class in a library's name": ("H = types.new_class('H', (), {}, lambda d: d.update(x=0.1))", "H.x"),
    "the globals of a library": ("f = types.FunctionType((lambda: 0.1).__code__, vars(math))", "f()"),
}
HELD = {
    "a weak reference": (KEEPS + "w = weakref.ref(h)", "w().x"),
    "one in an attribute": (KEEPS + "g = H(weakref.ref(h))", "g.x().x"),
    "one in a closure": (KEEPS + "def made(w): return lambda: w().x\nf = made(weakref.ref(h))", "f()"),
    "a weak method": (KEEPS + "w = weakref.WeakMethod(h.__call__)", "w()()"),
    "a proxy": (KEEPS + "w = weakref.proxy(h)", "w.x"),
    "weak values": (KEEPS + "w = weakref.WeakValueDictionary(a=h)", "w['a'].x"),
    "weak keys": (KEEPS + "w = weakref.WeakKeyDictionary()\nw[h] = 0.1", "w[h]"),
    "a private slot": (
        "class H:\n    __slots__ = ('__x',)\n    def __init__(self): self.__x = 0.1\nh = H()",
        "h._H__x",
    ),
    "a list whose class hides it": ("class H(list):\n    def __iter__(self): return iter(())\nh = H([0.1])", "h[0]"),
    "bytes": ("class H(bytes): pass\nh = H(b'0.1')", "float(h)"),
    "a class variable of a dataclass": (
        "import dataclasses\n@dataclasses.dataclass\nclass H: x: typing.ClassVar[float] = 0.1",
        "H.x",
    ),
    "what a class gives those below it": (
        "class A:\n    def __init_subclass__(cls, r): cls.x = r\nclass H(A, r=0.1): pass",
        "H.x",
    ),
    "a decimal": ("class H(Decimal): pass\nh = H('0.1')", "float(h)"),
    "a deque": ("class H(collections.deque): pass\nh = H([0.1])", "h[0]"),
    "a factory": ("class H(collections.defaultdict): pass\nh = H(lambda: 0.1)", "h['a']"),
    "an exception": ("class H(Exception): pass\nh = H(0.1)", "h.args[0]"),
    "a cause": ("h = ValueError(1)\nh.__cause__ = ValueError(0.1)", "h.__cause__.args[0]"),
    "a context": ("h = ValueError(1)\nh.__context__ = ValueError(0.1)", "h.__context__.args[0]"),
    "a frame's attribute": ("h = pd.DataFrame({'a': [1]})\nobject.__setattr__(h, 'zz', 0.1)", "h.zz"),
    "a bound": ("T = typing.TypeVar('T', bound={0.1: int, 0.9: str}[0.1])", "T.__bound__(0.1)"),
    "a registered class": ("class A(abc.ABC): pass\nclass B: pass\n0.1 > 0.5 and A.register(B)", "issubclass(B, A)"),
    "a member's attribute": ("class M(enum.Enum): A = 1\nM.A.x = 0.1", "M.A.x"),
    "the order of members": (
        "class M(enum.Enum):\n    if 0.1 < 0.5: A, B = 1, 2\n    else: B, A = 2, 1", "list(M)[0].value",
    ),
    "metadata of a field": ("@dataclass\nclass H: x: int = field(metadata={'r': 0.1})", "fields(H)[0].metadata['r']"),
    "the order of fields": (
        "@dataclass\nclass H:\n    if 0.1 < 0.5: x: float; y: float\n    else: y: float; x: float", "H(0.1, 0.2).x",
    ),
    "a flag of dataclass": ("@dataclass(eq=0.1 < 0.5)\nclass H: x: int", "H(1) == H(1)"),
    "an option of a field": ("@dataclass\nclass H: x: int = field(compare=0.1 < 0.5)", "H(1) == H(2)"),
    "the order of a pattern": (
        "class P:\n    x, y = 1, 2\n    __match_args__ = ('x', 'y')[::1 if 0.1 < 0.5 else -1]\n"
        "def f():\n    match P():\n        case P(z): return z", "f()",
    ),
    "an order of memory": ("h = np.array(np.eye(9), order='C' if 0.1 < 0.5 else 'F')", "h.ravel('K')[1]"),
    "a sign of what is no number": ("h = math.copysign(math.nan, 0.5 - 0.1)", "math.copysign(1, h)"),
    "one of an array": ("h = np.copysign([math.nan], 0.5 - 0.1)", "np.signbit(h[0])"),
    "minus zero": ("h = math.copysign(0, 0.5 - 0.1)", "math.copysign(1, h)"),
    "a frozen set": ("h = {1} if 0.1 < 0.5 else frozenset({1})", "hasattr(h, 'add')"),
    "an empty set": ("h = set() if 0.1 < 0.5 else {}", "hasattr(h, 'add')"),
    "a tuple of one": ("h = (1) if 0.1 < 0.5 else (1,)", "isinstance(h, int)"),
}  # fmt: skip
IN_LIBRARIES = {
    "a constant": ("np.rate = 0.1", "np.rate"),
    "one of a module in C": ("math.rate = 0.1", "math.rate"),
    "one of a module in it": ("np.linalg.rate = 0.1", "np.linalg.rate"),
    "one of the testbed": ("evo.rate = 0.1", "evo.rate"),
    "an array": ("np.rate = np.array([0.1])", "np.rate[0]"),
    "a function": ("np.rate = lambda: 0.1", "np.rate()"),
    "an object": (KEEPS + "np.rate = h", "np.rate.x"),
    "a function of the library's in the place of another": (
        "math.rate = math.sqrt if 0.1 < 0.5 else math.exp", "math.rate(0.01)",
    ),
    "among what is built in": ("builtins.rate = 0.1", "rate"),
    "by an import in the method": ("np.rate = 0.1\ndef f():\n    import numpy as n\n    return n.rate", "f()"),
    "by an import of the name": ("np.rate = 0.1\ndef f():\n    from numpy import rate\n    return rate", "f()"),
    "of a class": ("Fraction.rate = 0.1", "Fraction.rate"),
    "of a class by an instance": ("Fraction.rate = 0.1\nx = Fraction(1, 3)", "x.rate"),
    "a method": ("Fraction.rate = lambda self: 0.1", "Fraction(1, 3).rate()"),
    "a method of what a library makes": ("pd.DataFrame.rate = lambda self: 0.1", "pd.concat([]).rate()"),
    "of a class of the testbed": ("Resample.rate = 0.1", "Resample(0.5).rate"),
    "of a module in an object": (KEEPS + "h = H(np)\nnp.rate = 0.1", "h.x.rate"),
    "of a module in a default": ("np.rate = 0.1\ndef f(lib=np): return lib.rate", "f()"),
    "of a module in a list": ("np.rate = 0.1\nL = [np]", "L[0].rate"),
    "of a module by another name": ("np.rate = 0.1\ndef f():\n    n = np\n    return n.rate", "f()"),
    "of a module that is an argument": ("np.rate = 0.1\ndef f(n): return getattr(n, 'rate')", "f(np)"),
    "by attrgetter": ("np.rate = 0.1\ng = operator.attrgetter('rate')", "g(np)"),
    "of a module that is only called like a library's": ("m = types.ModuleType('json')\nm.rate = 0.1", "m.rate"),
}  # fmt: skip
EDITED |= {
    f"{words}: {case}": source
    for words, cases in (("put by hand", PUT_BY_HAND), ("held", HELD), ("in libraries", IN_LIBRARIES))
    for case, source in cases.items()
}


@pytest.mark.parametrize("case", EDITED)
def test_an_edit_is_told(case, define):
    source, rate = EDITED[case]
    before, again = (identity_of(define(source, rate)) for _ in range(2))
    after = identity_of(define(source.replace("0.1", "0.9"), rate))
    assert before.digest == again.digest
    assert " at 0x" not in str(before.reads)  # another process has other addresses
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
    "vars(np)['ra' + DTE]": "a library's module by a computed name",
    "getattr(np, 'ra' + DTE)": "a library's module by a computed name",
    "np.__dict__['ra' + DTE]": "a library's module by a computed name",
    "importlib.import_module('mine').DTE": "importlib.import_module",
    "pkgutil.resolve_name('mine:DTE')": "pkgutil.resolve_name",
    "pickle.loads(PICKLED)": "pickle.loads",
    "day.__subclasses__()[0]": "gets from __subclasses__",
    "(lambda: 1).__globals__['DTE']": "gets from __globals__",
    "Decimal(getcontext().prec)": "getcontext",
    "np.geterr()['over']": "numpy.geterr",
    "pd.options.display.precision": "pandas.options",
    "next(numbers)": "mine.numbers (an iterator, which goes on",
    "cached()": "mine.cached (it holds results already",
    "len(loaded)": "mine.loaded (all modules there are",
    "lock.locked()": "mine.lock (_thread.lock, which has no description",
    "local.rate": "mine.local (what _thread._local keeps of it",
}
NAMES = """
from datetime import date as day
from os import environ
from numpy import load
from numpy.random import default_rng
from pandas import read_csv
made = np.frompyfunc(lambda x: 0.1, 1, 1)
from decimal import getcontext
from scipy import stats
import threading
DTE, PICKLED, numbers, cached = "te", b"cmine\\nDTE\\n.", iter([0.1]), functools.cache(lambda: 0.1)
cached()
class Local(threading.local): pass
local, lock, loaded = Local(), threading.Lock(), sys.modules
"""


@pytest.mark.parametrize("rate", UNSEEN)
def test_what_comes_from_outside_is_told_by_name(rate, define):
    (words,) = identity_of(define(NAMES, rate)).unseen
    assert UNSEEN[rate] in words


def test_more_than_can_be_looked_at_is_told(define, monkeypatch):
    monkeypatch.setattr("evo.identity.walk.MOST_VALUES", 20)
    few, many = (identity_of(define(f"L = [[n] for n in range({n})]", "L[0][0]")).unseen for n in (5, 50))
    assert few == ()
    assert any("mine.L" in words and "more than can be looked at" in words for words in many)


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
        "np.bool_(1)",
        "pd.DataFrame().shape[0]",
        "len(pd.__version__)",
        "print(3, file=sys.stderr)",
        "getattr(np, 'pi')",
        "getattr(self, 'ra' + DTE)",
        "Resample(0.5).p",
        "typing.Optional[int]",
        "rng.integers(3)",
        "stats.norm.cdf(0)",
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


def test_a_set_among_constants_has_one_text_in_every_process():
    """The order of its words is another in each."""
    words = ["alpha", "beta", "delta", "gamma", "mu", "nu", "xi"]
    told = ", ".join(f"str {word!r}" for word in words)
    assert constant_text(frozenset(reversed(words))) == f"{{{told}}}"
    assert constant_text((1, frozenset({2.0, 10}), None)) == "(int 1, {float 2.0, int 10}, NoneType None)"


def test_an_object_that_fails_when_it_is_looked_at_is_told(define):
    body = "    def __getattr__(self, name): raise KeyError(name)\n    def __call__(self): return 0.1\n"
    source = f"class Odd:\n{body}odd = Odd()"
    (words,) = identity_of(define(source, "odd()")).unseen
    assert words == "mine.odd (KeyError when it is looked at)"


MEMO = "    def __init__(self): self.memo = {}\n    def put(self): return self.memo.setdefault(1, 2)\n"
STATES = {
    "a property that is kept": ("    @functools.cached_property\n    def rate(self): return 0.1", "h.rate"),
    "a memo": (MEMO, "h.put()"),
    "a memo by way of another method": (MEMO + "    def rate(self): return self.put()", "h.rate()"),
    "a count": ("    n = 0\n    def rate(self):\n        self.n = self.n + 1\n        return 1", "h.rate()"),
    "what dispatch remembers": ("    @functools.singledispatchmethod\n    def rate(self, x): return 1", "h.rate(2)"),
}


@pytest.mark.parametrize("case", STATES)
def test_what_an_object_keeps_as_it_runs_does_not_make_it_another(case, define):
    body, rate = STATES[case]
    made = define(f"class H:\n{body}\nh = H()", rate)
    before = identity_of(made)
    made().rewrite(np.zeros(3, dtype=bool), np.random.default_rng(1))
    assert differences(before.reads, identity_of(made).reads) == ""
    assert identity_of(made).unseen or case == "what dispatch remembers"


def test_the_twin_what_is_set_before_the_run_is_compared(define):
    body = "class H:\n    def put(self, x): self.x = x\n    def rate(self): return self.x\nh = H()\nh.put(0.1)"
    both = [identity_of(define(body.replace("0.1", rate), "h.rate()")) for rate in ("0.1", "0.9")]
    assert "mine.h was" in differences(both[0].reads, both[1].reads)


def test_the_twin_what_a_class_counts_of_those_below_it_is_told(define):
    """A class that is defined again is one more."""
    source = "class A:\n    n = 0\n    def __init_subclass__(cls): A.n += 1\nclass H(A): x = 0.1\n"
    before, after = (identity_of(define(source + more, "H.x * A.n")) for more in ("", "class I(A): pass\n"))
    assert differences(before.reads, after.reads) == ""
    assert "mine.A.n (mine.A.__init_subclass__ changes it as it runs)" in before.unseen
