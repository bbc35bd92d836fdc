"""What a method reads by unusual ways is compared, or said to be unseen; never passed over."""

import builtins
import importlib
import json
import math
import random
import sys
from fractions import Fraction
from hashlib import sha256
from importlib.machinery import EXTENSION_SUFFIXES
from pathlib import Path
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


LIBRARIES = (np, np.linalg, pd, math, builtins, evo, Fraction, pd.DataFrame, Resample, json.dumps)


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
    "a name of one's own in a module that is passed about": (
        "h = types.ModuleType('mine2')\nh._rate = 0.1\ndef get(of): return of._rate", "get(h)",
    ),
    "a name of Python's form in a module that is passed about": (
        "h = types.ModuleType('mine2')\nh.__rate__ = 0.1\ndef get(of): return of.__rate__", "get(h)",
    ),
}  # fmt: skip

KEEPS = "class H:\n    def __init__(self, x): self.x = x\n    def __call__(self): return self.x\nh = H(0.1)\n"
PUT_BY_HAND = {
    "a name": ("def f(): pass\nf.__name__ = '0.1'", "float(f.__name__)"),
    "a module": ("def f(): pass\nf.__module__ = '0.1'", "float(f.__module__)"),
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
SET = "    def {}: self.x = x\n"
MADE = {
    "by __new__": ("class H:\n    def __new__(cls, x):\n        self = object.__new__(cls)\n        self.x = x\n"
                   "        return self\nh = H(0.1)", "h.x"),
    "by __init__": ("class H:\n" + SET.format("__init__(self, x)") + "h = H(0.1)", "h.x"),
    "by a method that makes it": (
        "class H:\n    def __init__(self, x): self.put(x)\n" + SET.format("put(self, x)") + "h = H(0.1)", "h.x",
    ),
    "by __post_init__": ("@dataclass\nclass H:\n    y: float\n    def __post_init__(self): self.x = self.y\nh = H(0.1)",
                         "h.x"),
    "by __setstate__": ("class H:\n" + SET.format("__setstate__(self, x)") + "h = H()\nh.__setstate__(0.1)", "h.x"),
    "by __set_name__": (
        "class H:\n" + SET.format("__set_name__(self, of, x)") + "h = H()\nh.__set_name__(H, 0.1)", "h.x",
    ),
    "beside what makes a class": ("class H:\n    def __init_subclass__(cls): cls.x = 3\nh = H()\nh.x = 0.1", "h.x"),
    "in slots": ("@dataclass(slots=True)\nclass H: x: float = 0.1", "H().x"),
    "in inherited slots": (
        "@dataclass(slots=True)\nclass A: x: float = 3\n@dataclass(slots=True)\nclass H(A): x: float = 0.1", "H().x",
    ),
    "by name alone": ("@dataclass(kw_only=True)\nclass H: x: float = 0.1", "H().x"),
    "by a factory in slots": (
        "@dataclass(slots=True)\nclass H: x: float = field(default_factory=lambda: 0.1)", "H().x",
    ),
    "as a class variable": ("@dataclass\nclass H: x: typing.ClassVar[int] if 0.1 < 0.5 else int = 1", "H.x"),
    "by another name of a member": ("class H(enum.Enum):\n    A, B = 1, 2\n    C = A if 0.1 < 0.5 else B", "H.C.value"),
    "before a variable is given": (
        "def made(*x):\n    def f(): return late, 0.1\n    if x: late = 1\n    return f\nf = made()", "f()",
    ),
    "in spaces of one name": (
        "def made(R):\n    space = {'R': R, '__name__': 'mine'}\n    exec('def f(): return R', space)\n"
        "    return space['f']\nf, g = made(3), made(0.1)", "f() * g()",
    ),
    "where a function inside imports that name": (
        "R = 0.1\ndef f():\n    def g():\n        from math import pi as R\n        return R\n    return R", "f()",
    ),
}  # fmt: skip
MEMBER = "class P({}):\n    def __get__(self, of, kind=None): return 0.1\nclass H: x = P(lambda self: 1)"
MEMBERS = {
    **{f"a {kind} of one's own": (MEMBER.format(kind), "H().x")
       for kind in ("property", "functools.cached_property", "staticmethod", "classmethod")},
    "what it keeps": ("class P(property): pass\nclass H: x = P(lambda self: 1)\nH.x.rate = 0.1", "H.x.rate"),
    "a partial of one's own": ("class P(functools.partial):\n    def __call__(self): return 0.1\np = P(print)", "p()"),
    "what was set on a partial": ("p = functools.partial(print)\np.rate = 0.1", "p.rate"),
    "the keywords of a partial": ("def f(x): return x\np = functools.partial(f, x=0.1)", "p()"),
    "the function of a partial": ("p = functools.partial(math.sqrt if 0.1 < 0.5 else math.exp)", "p(1)"),
    "a partial method": ("class H:\n    def f(self, x): return x\n    g = functools.partialmethod(f, 0.1)", "H().g()"),
    "one that Python calls": (
        "class H:\n    def f(self, x): return x\n    __call__ = functools.partialmethod(f, 0.1)\nh = H()", "h()",
    ),
    "a partial that Python calls": (
        "class H:\n    __len__ = functools.partial(lambda x: x, 0.1)\nh = H()", "len(h)",
    ),
    "an object that Python calls": (KEEPS + "class G: __call__ = H(0.1)\ng = G()", "g()"),
    "a descriptor that Python asks": (
        "class D:\n    def __get__(self, of, kind): return lambda: 0.1\nclass G: __call__ = D()\ng = G()", "g()",
    ),
    "a setter or a deleter": (
        "def f(*given): return 1\nclass H: x = property(f, None, f) if 0.1 < 0.5 else property(f, f)", "H().x",
    ),
    "a setter": ("class H: x = property(None, lambda self, x: 0.1)", "setattr(H(), 'x', 1)"),
    "a deleter": ("class H: x = property(None, None, lambda self: 0.1)", "delattr(H(), 'x')"),
    "a property that a method sets": (
        "class H:\n    def put(self, other): other.x = 1\n    @property\n    def x(self): return 0.1", "H().put(H())",
    ),
    **{f"a {kind} that a method sets": (
        f"class H:\n    def put(self, other): other.x = 1\n    @{kind}\n    def x(self): return 0.1", "H().put(H())")
       for kind in ("functools.cached_property", "staticmethod", "classmethod")},
    "a plain method that a method sets": (
        "class H:\n    def put(self, other): other.x = 1\n    def x(self): return 0.1", "H().put(H())",
    ),
    "a class that a method sets": (
        "class H:\n    def put(self, other): other.x = 1\n    class x: rate = 0.1", "H().put(H())",
    ),
    "a bound method": (KEEPS + "f = h.__call__", "f()"),
    "a method for a kind": (
        "class H:\n    @functools.singledispatchmethod\n    def f(self, x): return 1\n"
        "    @f.register\n    def g(self, x: int): return 0.1", "H().f(1)",
    ),
    "a function for a kind": (
        "@functools.singledispatch\ndef f(x): return 1\n@f.register\ndef g(x: int): return 0.1", "f(1)",
    ),
    "a class of the metaclass": ("class M(type): pass\nclass H(metaclass=M if 0.1 < 0.5 else type): x = 1", "H.x"),
    "one of two metaclasses": (
        "class M(type): pass\nclass N(type): pass\nclass H(metaclass=M if 0.1 < 0.5 else N): pass", "(M, N, H)",
    ),
    "what jit keeps": (
        "class J:\n    __module__ = 'numba'\n    def __init__(self, f): self.py_func = f\n"
        "    def __call__(self): return self.py_func()\nj = J(lambda: 0.1)", "j()",
    ),
}  # fmt: skip
FLAGS = {
    **{f"{flag} of dataclass": (f"@dataclass({flag}=0.1 < 0.5)\nclass H: x: int = 1", "H")
       for flag in ("init", "repr", "order", "unsafe_hash", "frozen")},
    **{f"{option} of a field": (f"@dataclass\nclass H: x: int = field({option}=0.1 < 0.5, default=1)", "H")
       for option in ("init", "repr", "hash", "kw_only")},
}  # fmt: skip
OF_PYTHON = {
    "list": "[0.1]", "dict": "{1: 0.1}", "tuple": "(0.1,)", "set": "{0.1}", "frozenset": "{0.1}", "str": "'0.1'",
    "bytes": "b'0.1'", "bytearray": "b'0.1'", "int": "10 * 0.1", "float": "0.1", "complex": "0.1",
}  # fmt: skip
HIDES = "    def __{0}__(self, *given): return {1}\n"
SAYS_NOTHING = "".join(
    HIDES.format(*each) for each in (("iter", "iter(())"), ("reduce_ex", "(object, ())"), ("repr", "''"), ("str", "''"))
) + "    def items(self): return ()\n    def keys(self): return ()\n"  # fmt: skip
SUBCLASSED = {
    f"a {kind} whose class hides it": (f"class H({kind}):\n{SAYS_NOTHING}h = H({given})", "h")
    for kind, given in OF_PYTHON.items()
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
        "class H:\n    __slots__ = ('__x',)\n    def __init__(self, x): self.__x = x\nh = H(0.1)",
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
    "a dict that its base changes": ("class H(collections.UserDict): pass\nh = H({1: 0.1})", "h[1]"),
    "a decimal": ("class H(Decimal): pass\nh = H('0.1')", "float(h)"),
    "a deque": ("class H(collections.deque): pass\nh = H([0.1])", "h[0]"),
    "a factory": ("class H(collections.defaultdict): pass\nh = H(lambda: 0.1)", "h['a']"),
    "an exception": ("class H(Exception): pass\nh = H(0.1)", "h.args[0]"),
    "a cause": ("h = ValueError(1)\nh.__cause__ = ValueError(0.1)", "h.__cause__.args[0]"),
    "a context": ("h = ValueError(1)\nh.__context__ = ValueError(0.1)", "h.__context__.args[0]"),
    "a frame's attribute": ("h = pd.DataFrame({'a': [1]})\nobject.__setattr__(h, 'zz', 0.1)", "h.zz"),
    "a bound": ("T = typing.TypeVar('T', bound={0.1: int, 0.9: str}[0.1])", "T"),
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
    "constraints": ("T = typing.TypeVar('T', int, float if 0.1 < 0.5 else str)", "T"),
    "a direction": ("T = typing.TypeVar('T', covariant=0.1 < 0.5)", "T"),
    "the other direction": ("T = typing.TypeVar('T', contravariant=0.1 < 0.5)", "T"),
    "a new type": ("T = typing.NewType('T', int if 0.1 < 0.5 else float)", "T"),
    "an array in an array": ("h = np.array([[0.1], None], dtype=object)", "h[0][0]"),
    "a shape": ("h = np.zeros((2, 3) if 0.1 < 0.5 else (3, 2))", "h.shape[0]"),
    "a long shape": ("h = np.zeros((20, 30) if 0.1 < 0.5 else (30, 20))", "h.shape[0]"),
    "a kind of numbers": ("h = np.zeros(3, np.int8 if 0.1 < 0.5 else np.int16)", "h.itemsize"),
    "a long array of long floats": ("h = np.full(30, 0.1, np.longdouble)", "h[29]"),
    "a structured array": ("h = np.array([(1, 0.1)] * 30, dtype='i4,f8')", "h[29][1]"),
    "an object in a record": ("def f(): return 0.1\nh = np.array([(1, f)], dtype='i4,O')[0]", "h[1]()"),
    "a number in a record": ("h = np.array([(1, 0.1)], dtype='i4,f8')[0]", "h[1]"),
    "an array in the order of columns": ("h = np.asfortranarray(np.eye(9) * 0.1)", "h[8, 8]"),
    "part of an array": ("h = np.arange(100.0).reshape(10, 10)[::2, 1:]\nh[4, 8] = 0.1", "h[4, 8]"),
    "a complex number of numpy": ("h = np.complex64(0.1)", "h.real"),
    "a time": ("h = np.datetime64('2020-01-01', 'D' if 0.1 < 0.5 else 's')", "str(h)"),
    "a memory view": ("h = memoryview(b'0.1')", "float(bytes(h))"),
    "a long word": ("h = 'x' * 300 + '0.1'", "float(h[-3:])"),
    "an entry far behind": ("h = [*range(300), 0.1]", "h[-1]"),
    "a key": ("h = {0.1: 1}", "min(h)"),
    "the order of keys": ("h = {1: 1, 2: 2} if 0.1 < 0.5 else {2: 2, 1: 1}", "min(h)"),
    "a list in a list": ("h = [[1], 2] if 0.1 < 0.5 else [[1, 2]]", "len(h)"),
    "words and their list": ("h = ['a, b'] if 0.1 < 0.5 else ['a', 'b']", "len(h)"),
    "a cycle": ("h = [0.1]\nh.append(h)", "h[1][0]"),
    "slots of one name": (
        "class A:\n    __slots__ = ('x',)\nclass H(A):\n    __slots__ = ('x',)\nh = H()\nh.x = 1\nA.x.__set__(h, 0.1)",
        "A.x.__get__(h)",
    ),
    "the nearest slot of one name": (
        "class A:\n    __slots__ = ('x',)\nclass H(A):\n    __slots__ = ('x',)\nh = H()\nh.x = 0.1\nA.x.__set__(h, 1)",
        "h.x",
    ),
    "a private slot of a private class": (
        "class _H:\n    __slots__ = ('__x',)\n    def __init__(self, x): self.__x = x\nh = _H(0.1)", "h._H__x",
    ),
    "an attribute of a slot's name": (
        "class A:\n    __slots__ = ('x', '__dict__')\nh = A()\nh.x = 1\nh.__dict__['x'] = 0.1", "h.__dict__['x']",
    ),
    "a slot of an attribute's name": (
        "class A:\n    __slots__ = ('x', '__dict__')\nh = A()\nh.x = 0.1\nh.__dict__['x'] = 1", "h.x",
    ),
    "a slot of Python's form": ("class H: __slots__ = ('__x__',)\nh = H()\nh.__x__ = 0.1", "h.__x__"),
    "a property in the place of a slot": (
        "class H: __slots__ = ('x',)\nH.x = property(lambda self: (1 / 0, 0.1))\nh = H()", "h",
    ),
    "a one slot": ("class H: __slots__ = 'rate'\nh = H()\nh.rate = 0.1", "h.rate"),
    "a proxy of a dict": ("h = types.MappingProxyType({'a': 0.1})", "h['a']"),
    "a weak set": (KEEPS + "w = weakref.WeakSet([h])", "[*w][0].x"),
    "a weak reference of one's own": (KEEPS + "class R(weakref.ref):\n    y = 0.1\nw = R(h)", "w.y"),
    "weak values of one's own": ("class W(weakref.WeakValueDictionary):\n    y = 0.1\nw = W()", "w.y"),
    "a namespace": ("h = types.SimpleNamespace(x=0.1)", "h.x"),
    "a counter": ("h = collections.Counter({1: 0.1})", "h[1]"),
    "a chain of dicts": ("h = collections.ChainMap({1: 0.1})", "h[1]"),
    "a named tuple": ("class H(typing.NamedTuple): x: float = 0.1", "H().x"),
    "a pattern": ("import re\nh = re.compile('a', re.I if 0.1 < 0.5 else 0)", "bool(h.match('A'))"),
    "a method that is called": ("h = operator.methodcaller('get', 1, 0.1)", "h({})"),
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
    "by a constant of a function inside": (
        "np.rate = 0.1\ndef f(n): return [lambda: getattr(n, 'rate')]", "f(np)[0]()",
    ),
    "by methodcaller": ("np.rate = lambda: 0.1\ng = operator.methodcaller('rate')", "g(np)"),
    "by a module in a closure": (
        "np.rate = 0.1\ndef made(n):\n    def f(): return n.rate\n    return f\nf = made(np)", "f()",
    ),
    "a function that a library wraps": (
        "@functools.singledispatch\ndef rate(x): return 0.1\nnp.rate = rate", "np.rate(1)",
    ),
    "a method of an object in C": ("np.rate = [0.1].__getitem__", "np.rate(0)"),
    "a function of another library's in the place of one": (
        "math.rate = {0.1: math.sqrt, 0.9: np.linalg.norm}[0.1]", "math.rate(3)",
    ),
    "one of that name of another library's": (
        "import cmath\nfor m in (math, cmath): m.rate = 1\nmath.rate = {0.1: math.sqrt, 0.9: np.emath.sqrt}[0.1]",
        "math.rate(3)",
    ),
    "a registered class": (
        "import numbers\nclass B: pass\n0.1 > 0.5 and collections.abc.Sized.register(B)", "collections.abc.Sized",
    ),
    "of a function": ("import json\njson.dumps.rate = 0.1\nd = json.dumps", "d.rate"),
    "by attrgetter": ("np.rate = 0.1\ng = operator.attrgetter('rate')", "g(np)"),
    "of a module that is only called like a library's": ("m = types.ModuleType('json')\nm.rate = 0.1", "m.rate"),
}  # fmt: skip
EDITED |= {
    f"{words}: {case}": source
    for words, cases in (
        ("put by hand", PUT_BY_HAND),
        ("held", HELD),
        ("in libraries", IN_LIBRARIES),
        ("made", MADE),
        ("members", MEMBERS),
        ("flags", FLAGS),
        ("subclassed", SUBCLASSED),
    )
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


def test_the_twin_a_name_that_a_module_has_on_its_way_out_warns_nobody(define):
    """Python warns of it as it is read; tests take warnings for errors."""
    body = (
        "h = types.ModuleType('mine2')\ndef get(name):\n    warnings.warn('gone', DeprecationWarning)\n    return 0.1\n"
    )
    made = define(f"import warnings\n{body}h.__getattr__ = get", "h.rate")
    assert identity_of(made).reads["mine2.rate"] == "0.1"


NEAR = {
    "from . import near": "near.RATE",
    "from .near import RATE": "RATE",
    "from .near import RATE as other": "other",
    "from ..mine_pack import near": None,
    "import mine_pack.near": "mine_pack.near.RATE",
    "import mine_pack.near as n": "n.RATE",
    "from mine_pack import near as n": "n.RATE",
    "from mine_pack.near import RATE": "(lambda: RATE)()",
}


@pytest.mark.parametrize("line", NEAR)
def test_what_a_method_imports_of_its_package_is_entered(line, tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    (tmp_path / "mine_pack").mkdir()
    body = f"class Op:\n    def rewrite(self, correct, rng):\n        {line}\n        return {NEAR[line]}\n"
    for name, source in (("__init__", ""), ("near", "RATE = 0.1\n"), ("op", body)):
        (tmp_path / "mine_pack" / f"{name}.py").write_text(source)
    try:
        made = identity_of(importlib.import_module("mine_pack.op").Op)
    finally:
        for name in [each for each in sys.modules if each.startswith("mine_pack")]:
            del sys.modules[name]
    if NEAR[line] is None:
        assert made.unseen == ("mine_pack (imported by mine_pack.op.Op.rewrite as it runs)",)
    else:
        assert (made.reads["mine_pack.near.RATE"], made.unseen) == ("0.1", ())


def test_code_in_c_of_ones_own_is_compared_by_its_file(define, tmp_path, monkeypatch):
    module = ModuleType("mine_c")
    module.__file__ = str(tmp_path / f"mine_c{EXTENSION_SUFFIXES[0]}")
    monkeypatch.setitem(sys.modules, "mine_c", module)
    source = "class C:\n    def __call__(self): return 1\nc = C()\nc.__module__, c.__qualname__ = 'mine_c', 'rate'"
    said = []
    for content in (b"a", b"b"):
        Path(module.__file__).write_bytes(content)
        said.append(identity_of(define(source, "c()")))
    assert said[0].reads["mine.c"] == f"mine_c.rate {sha256(b'a').hexdigest()[:16]}"
    assert "mine.c was mine_c.rate" in differences(said[0].reads, said[1].reads)
    assert said[0].unseen == ("mine_c.rate (compiled code: only its file is compared)",)


def test_a_value_in_itself_is_told_as_itself(define):
    assert identity_of(define("L = [1]\nL.append(L)", "L")).reads["mine.L"] == "[1, itself]"


DESCRIBED = {
    "class A(np.ndarray): pass\nM = np.zeros(1).view(A)\nM.x = 1": "array float64 (1,) [0.0] class mine.A(x=1)",
    "class A(list): pass\nM = A([1])\nM.x = 2": "class mine.A(x=2, [1])",
    "class A(bytearray): pass\nM = A(b'a')": "class mine.A(bytearray(b'a'))",
    "class A:\n    __slots__ = ('x', 'y')\nM = A()\nM.y = 1": "class mine.A(y=1)",
    "class A(enum.Enum): x = 1\nM = A.x": "class mine.A.x",
    "class A:\n    def f(self): pass\nM = A().f": "mine.A.f() of class mine.A()",
    "class A(datetime.datetime): pass\nM = A(1, 2, 3)": "class mine.A(class mine.A, (bytes 9ac148e2fe21721b,))",
    "M = dict.fromkeys": "builtins.dict.fromkeys",
    "M = [].append": "builtins.list.append []",
    "M = functools.partial(len, 1)": "partial (builtins.len, (1,), {})",
    "M = property(lambda self: 1)": "property mine.<lambda>()",
    "M = functools.cached_property(lambda self: 1)": "property mine.<lambda>()",
    "M = staticmethod(lambda: 1)": "staticmethod mine.<lambda>()",
    "M = classmethod(lambda of: 1)": "classmethod mine.<lambda>()",
    "class P(staticmethod): pass\nM = P(lambda: 1)": "staticmethod mine.<lambda>() by class mine.P()",
    "class P(functools.cached_property): pass\nM = P(lambda self: 1)": "property mine.<lambda>() by class mine.P()",
    "class P(functools.partial): pass\nM = P(len, 1)": "partial (builtins.len, (1,), {}) by class mine.P()",
    "class W(weakref.WeakValueDictionary): pass\nM = W()": "W {} by class mine.W()",
    "class W(weakref.WeakKeyDictionary): pass\nM = W()": "W {} by class mine.W()",
    "M = {len, print}": "{builtins.len, builtins.print}",
    "M = Fraction(1, 3)": "fractions.Fraction fractions.Fraction (1, 3)",
}


@pytest.mark.parametrize("source", DESCRIBED)
def test_descriptions_of_values_are_those_of_folders_that_were_written_before(source, define):
    assert identity_of(define(source, "M")).reads["mine.M"] == DESCRIBED[source]


def test_two_functions_of_one_name_have_two(define):
    made = "def made(x):\n    def f(): return x\n    return f\nf, g = made(1), made(2)"
    reads = identity_of(define(made, "f() + g()")).reads
    name = "mine.made.<locals>.f"
    assert {key: said for key, said in reads.items() if "closure" in key} == {
        f"{name}, x of its closure": "1",
        f"{name}', x of its closure": "2",
    }
    assert (reads["mine.f"], reads["mine.g"]) == (f"{name}()", f"{name}'()")


@pytest.mark.parametrize("function", ["def f(a, b=1, *, c=2): return a", "f = lambda a, b=1, *, c=2: a"])
def test_each_default_has_the_name_of_its_argument(function, define):
    reads = identity_of(define(function, "f(3)")).reads
    assert sorted(said for name, said in reads.items() if name.endswith("default of b")) == ["1"]
    assert sorted(said for name, said in reads.items() if name.endswith("default of c")) == ["2"]
    assert not any(name.endswith("default of a") for name in reads)


def test_nothing_of_the_testbed_of_python_or_of_a_library_is_entered(define):
    """As it is named and not entered, a new version of it changes no identity."""
    source = "from evo.text import parts_of\nfrom json import dumps\nfrom scipy import stats\nR = Resample(0.5)"
    reads = identity_of(define(source, "parts_of, dumps, stats.norm, np.linalg.norm, pd.DataFrame, R, os.sep")).reads
    assert sorted(name for name in reads if not name.endswith(".__replace__")) == [  # which is new in Python 3.13
        "class mine.Op", "mine.Op, its fields", "mine.Op.rewrite()", "mine.R", "mine.dumps", "mine.parts_of", "os.sep",
    ]  # fmt: skip


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
    "bits.random_raw()": "mine.bits (a generator of random numbers",
    "state.rand()": "mine.state (a generator of random numbers",
    "drawn.random()": "mine.drawn (a generator of random numbers",
    "sink.getvalue()": "mine.sink (_io.StringIO, which has no description)",
    "kept.metadata": "mine.kept (a dtype with metadata",
    "spread[0]": "mine.spread (a dtype with metadata",
    "view['a']": "mine.view (a view of a Other",
    "deep": "mine.deep[0][0]",
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
import io
bits, state, drawn, sink = np.random.PCG64(), np.random.RandomState(), random.Random(), io.StringIO()
kept = np.dtype("f8", metadata={"a": 1})
spread = np.zeros(3, kept)
class Other(dict): pass
view = types.MappingProxyType(Other(a=1))
deep = []
for _ in range(5000): deep = [deep]
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
    "import secrets as s": ("str(s)", "secrets"),
    "import time": ("(lambda: time.time())()", "time.time"),
}


@pytest.mark.parametrize("line", IMPORTED)
def test_what_comes_from_a_module_that_a_method_imports_is_told(line, define):
    rate, told = IMPORTED[line]
    (words,) = identity_of(define(f"def f():\n    {line}\n    return {rate}", "f()")).unseen
    assert words == f"what mine.f gets from {told} as it runs"


@pytest.mark.parametrize(
    "line",
    [
        "import os; return len(os.sep)",
        "global R\n    import math as R\n    return R.pi",
        "import importlib.machinery; return importlib.machinery.SOURCE_SUFFIXES",
        "import numpy as n; return n.add(1, n.pi)",
        "import wsgiref.headers as h; return h.Headers",  # a module that nobody has loaded
    ],
)
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
    "a count of calls": ("    n = 0\n    def __call__(self):\n        self.n += 1\n        return 1", "h()"),
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


CHANGED_BY_ANOTHER = {
    "a count": ("N = 0\ndef put():\n    global N\n    N += 1", "int(put() is None) + N"),
    "a memo": ("N = {}\ndef put(): N[1] = 2", "int(put() is None) + len(N)"),
    "a memo of another class": ("class N: x = {}", "N.x.setdefault(1, 0) + len(N.x)"),
    "a list": ("N = []\ndef put(): N.append(1)", "int(put() is None) + len(N)"),
    "an attribute": ("class N: x = 0\ndef put(): N.x += 1", "int(put() is None) + N.x"),
}


@pytest.mark.parametrize("case", CHANGED_BY_ANOTHER)
def test_a_global_that_one_function_changes_and_another_reads_is_told_and_not_compared(case, define):
    made = define(*CHANGED_BY_ANOTHER[case])
    before = identity_of(made)
    made().rewrite(np.zeros(3, dtype=bool), np.random.default_rng(1))
    after = identity_of(made)
    assert differences(before.reads, after.reads) == ""
    assert before.unseen == after.unseen
    assert "changes it as it runs)" in before.unseen[0]


def test_a_set_of_functions_of_one_name_is_the_same_whatever_their_order(define):
    """Where they stand in it follows their addresses."""
    made = "def made(x, y): return lambda z=y: (x, z)\nS = {0}{1}{2}"
    entries = ["lambda: 0.1", "lambda: 0.2", "made(0.1, 0)", "made(0.2, 0)", "made(0.1, 1)"]
    entries += ["lambda *, z=1: z", "lambda *, z=2: z"]
    said = set()
    for n in range(12):
        random.Random(n).shuffle(entries)
        said.add(identity_of(define(made.format("{", ", ".join(entries), "}"), "S")).digest)
    assert len(said) == 1


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


def test_three_changes_are_told_and_more_are_counted():
    three = "a is read no more; b is read no more; c is read no more"
    assert differences(dict.fromkeys("abc", "1"), {}) == three
    assert differences(dict.fromkeys("abcd", "1"), {}) == f"{three}; and 1 more"
