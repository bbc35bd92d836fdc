"""What a code does that nobody can see before it runs: attributes under computed names, and values that it changes."""

from __future__ import annotations

import dis
import re
from collections.abc import Iterator
from itertools import pairwise
from types import CodeType

GLOBALS = frozenset({"LOAD_GLOBAL", "LOAD_NAME", "LOAD_FROM_DICT_OR_GLOBALS"})
CELLS = frozenset({"LOAD_DEREF", "LOAD_CLASSDEREF", "LOAD_FROM_DICT_OR_DEREF"})
ATTRIBUTES = frozenset({"LOAD_ATTR", "LOAD_METHOD"})
CHANGERS = frozenset(
    {"append", "extend", "insert", "add", "update", "setdefault", "pop", "popitem", "remove", "discard", "clear"}
    | {"fill", "__setitem__"}
)
"""Methods that change what they are called on."""
PLACELESS = frozenset({"NOP", "EXTENDED_ARG", "CACHE", "RESUME"})
"""Instructions that say nothing."""
_OF_CALLS = frozenset({"PRECALL", "PUSH_NULL"})
_STORES = frozenset({"STORE_SUBSCR", "DELETE_SUBSCR"})
_OF_A_VARIABLE = re.compile("LOAD_FAST|STORE_FAST")


def computes_a_name(code: CodeType, of_anything: bool = False) -> bool:
    """Whether a code reads, by `getattr`, an attribute under a computed name of what it does not hold itself.

    Of a global all is looked at, and of `self` what it holds is in the text of a part; but for what libraries are in
    them, so that it may be asked of anything.

    >>> computes_a_name((lambda self, other, name: getattr(self, name)).__code__)
    False
    >>> computes_a_name((lambda self, other, name: getattr(other, name)).__code__)
    True
    >>> computes_a_name((lambda self, other, name: getattr(other, "rate", 0.0)).__code__)
    False
    """
    steps = list(_steps(code))
    wanted = sum(each.opname in GLOBALS and each.argval == "getattr" for each in steps)
    calls = [n for n, each in enumerate(steps) if each.opname == "CALL"]
    return bool(wanted > sum(_is_seen(steps, n, of_anything) for n in calls))


def changed_attributes(code: CodeType, own: str = "self") -> Iterator[str]:
    """The names of attributes whose values a code changes, on `self`, its class or anything else.

    x.a[i] = .., x.a[i] += .., x.a.append(..), also by way of a variable; x.a = .. and x.a += .. but for `own`, where
    it is the instance that changes, or the class that is made.

    >>> class Counts:
    ...     def look(self, key):
    ...         self.memo[key] = 1
    ...         type(self).calls += 1
    ...         self.own = key
    >>> sorted(changed_attributes(Counts.look.__code__))
    ['calls', 'memo']
    """
    steps, known = list(_steps(code)), {}
    for n, each in enumerate(steps):
        before = steps[n - 1] if n else each
        if each.opname.startswith("STORE_FAST") and before.opname in ATTRIBUTES:
            known[each.argval] = str(before.argval)
        elif each.opname in ("STORE_ATTR", "DELETE_ATTR") and not _is_self(before, own):
            yield str(each.argval)
        elif each.opname in ATTRIBUTES and each.argval in CHANGERS:
            yield from _attribute(before, known)
        elif each.opname in _STORES:
            yield from _attribute(_before(steps, n, 1), known)
        elif each.opname == "BINARY_SUBSCR" and n + 1 < len(steps) and _copied(steps, n):
            yield from _attribute(_before(steps, n - 2, 1), known)


def own_attributes(code: CodeType) -> Iterator[str]:
    """The names of the attributes that a method gives its own instance: self.x = ..

    >>> class Keeps:
    ...     def look(self, other):
    ...         self.own = other.there = 1
    >>> list(own_attributes(Keeps.look.__code__))
    ['own']
    """
    steps = list(_steps(code))
    for before, each in pairwise(steps):
        if each.opname in ("STORE_ATTR", "DELETE_ATTR") and _is_self(before):
            yield str(each.argval)


def _copied(steps: list[dis.Instruction], n: int) -> bool:
    """Whether what is indexed is kept to be stored again: x[i] += .."""
    return n > 2 and all(each.opname == "COPY" and each.arg == 2 for each in steps[n - 2 : n])


def _attribute(load: dis.Instruction | None, known: dict[object, str]) -> Iterator[str]:
    """The attribute that an instruction puts where it is changed."""
    if load is not None and load.opname in ATTRIBUTES:
        yield str(load.argval)
    elif load is not None and load.argval in known:
        yield known[load.argval]


def _is_seen(steps: list[dis.Instruction], call: int, of_anything: bool) -> bool:
    """Whether a call is one of `getattr` whose name is a constant, or whose object is looked at anyway."""
    starts, end = [], call
    for _ in range(int(steps[call].arg or 0)):
        start = _start(steps, end)
        if start is None:
            return False
        starts.append((start, end))
        end = start
    of = steps[end - 1] if end else steps[call]
    if not (of.opname in GLOBALS and of.argval == "getattr") or len(starts) < 2:
        return False
    (first, last), held = starts[-2], steps[starts[-1][0] : starts[-1][1]]
    if last - first == 1 and steps[first].opname == "LOAD_CONST":
        return True
    if of_anything:
        return False
    root, attributes = held[0], held[1:]
    return (_is_self(root) or root.opname in GLOBALS | CELLS) and all(each.opname in ATTRIBUTES for each in attributes)


def _is_self(step: dis.Instruction, own: str = "self") -> bool:
    return step.opname.startswith("LOAD_FAST") and step.argval == own


def _before(steps: list[dis.Instruction], end: int, arguments: int) -> dis.Instruction | None:
    """The instruction before some values that were put on the stack up to `end`."""
    for _ in range(arguments):
        start = _start(steps, end)
        if start is None or start == 0:
            return None
        end = start
    return steps[end - 1]


def _start(steps: list[dis.Instruction], end: int) -> int | None:
    """Where the instructions begin that put the last value before `end` on the stack; None where they branch."""
    depth = 0
    for n in range(end - 1, -1, -1):
        if steps[n].opcode in dis.hasjrel or steps[n].opcode in dis.hasjabs:
            return None
        depth += 1 if steps[n].opname in GLOBALS | CELLS else _effect(steps[n])
        if depth == 1:
            return n
    return None


def _effect(step: dis.Instruction) -> int:
    """What an instruction adds to the stack; a call takes its arguments, and no null that goes with them."""
    if step.opname == "CALL":
        return -int(step.arg or 0)
    if step.opname in ATTRIBUTES:
        return 0
    return dis.stack_effect(step.opcode, step.arg, jump=False)


def singles(code: CodeType) -> Iterator[dis.Instruction]:
    """The instructions; those for two variables, which Python 3.13 has, as one for each."""
    for each in dis.get_instructions(code):
        if not isinstance(each.argval, tuple) or not (kinds := _OF_A_VARIABLE.findall(each.opname)):
            yield each
            continue
        for kind, name in zip(kinds, each.argval, strict=True):
            yield each._replace(opname=kind, opcode=dis.opmap[kind], arg=0, argval=name)


def _steps(code: CodeType) -> Iterator[dis.Instruction]:
    """The instructions that say something."""
    return (each for each in singles(code) if each.opname not in PLACELESS | _OF_CALLS)
