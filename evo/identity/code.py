"""What a function's code is, whatever its file, its lines, its comments and its docstring; and the names that it reads.

Bytecode is compared, for it is there also where a source is not (`python -`, a notebook that was closed). It belongs to
one version of Python: codes of two versions cannot be compared.
"""

from __future__ import annotations

import dis
import hashlib
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from types import CodeType

from evo.identity.at_run_time import (
    ATTRIBUTES,
    CELLS,
    CHANGERS,
    GLOBALS,
    PLACELESS,
    changed_attributes,
    computes_a_name,
    singles,
)

CODE = f"code {sys.version_info.major}.{sys.version_info.minor} "
"""How the description of a code begins."""
_LOOKERS_UP = frozenset({"vars", "dir"})
_OF_PLACE = frozenset({"__doc__", "__firstlineno__", "__static_attributes__"})
"""What the body of a class stores without saying more of it."""
_KIND = 0x2AC
"""Flags of a code: *args, **kwargs, generator, coroutine, asynchronous generator."""


@dataclass(frozen=True)
class Reads:
    """The names that a code reads, those of the functions in it included.

    Attributes:
        chains: of a global or of a variable of an outer function: its name, and the attributes read from it.
        imports: level, module and names (none: the module itself) of what is imported in it.
        bound: by the variable that an import in it binds, the full name of what it stands for.
        attributes: names of all attributes.
        writes: names of the globals that it changes.
        grows: names of which it calls a method such as `append`; what is called so in a module changes nothing.
        changes: names of the attributes whose values it changes.
        computes: whether it reads an attribute under a computed name, and of what nobody looks at otherwise.
        looks_up: whether it looks computed names up, by `getattr`, `vars` or `__dict__`, of whatever.
        words: its constants that may be names.
        loads: names that it reads as globals, whatever an import in a function in it binds to them.
    """

    chains: tuple[tuple[str, ...], ...]
    imports: tuple[tuple[int, str, tuple[str, ...]], ...]
    bound: Mapping[str, str]
    attributes: frozenset[str]
    writes: frozenset[str]
    grows: frozenset[str]
    changes: frozenset[str]
    computes: bool
    looks_up: bool
    words: frozenset[str]
    loads: frozenset[str]


def code_text(code: CodeType) -> str:
    """The digest of a code.

    >>> def first(x): return x + 1
    >>> def second(x):
    ...     "Says more."
    ...     # and does the same
    ...     return x + 1
    >>> code_text(first.__code__) == code_text(second.__code__)
    True
    """
    return CODE + digest(_text(code))


def digest(text: str) -> str:
    """The first 16 hexadecimal digits of a text's SHA-256."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:16]


@lru_cache(4096)
def reads_of(code: CodeType) -> Reads:
    """The names that a code reads."""
    chains: dict[tuple[str, ...], None] = {}
    imports: dict[tuple[int, str, tuple[str, ...]], None] = {}
    attributes: set[str] = set()
    writes: set[str] = set()
    codes = {one: [each for each in singles(one) if each.opname not in PLACELESS] for one in _nested(code)}
    bound = dict(pair for steps in codes.values() for pair in _bound(steps))
    for steps in codes.values():
        chains |= dict.fromkeys(_chains(steps, bound, code.co_freevars))
        imports |= dict.fromkeys(_imports(steps))
        attributes |= {str(each.argval) for each in steps if each.opname in ATTRIBUTES}
        writes |= {name for n in range(len(steps)) if (name := _written(steps, n))}
    grows = frozenset(chain[0] for chain in chains if len(chain) == 2 and chain[1] in CHANGERS)
    changes = frozenset(name for one in codes for name in changed_attributes(one))
    computes = any(map(computes_a_name, codes))
    looks_up = any(computes_a_name(one, of_anything=True) for one in codes)
    looks_up = looks_up or "__dict__" in attributes or any(chain[0] in _LOOKERS_UP for chain in chains)
    words = frozenset(word for one in codes for constant in one.co_consts for word in words_in(constant))
    if any(each.opname == "MATCH_CLASS" for steps in codes.values() for each in steps):
        words |= {"__match_args__"}
    names = (frozenset(attributes), frozenset(writes), grows, changes)
    loads = frozenset(str(each.argval) for steps in codes.values() for each in steps if each.opname in GLOBALS)
    return Reads(tuple(sorted(chains)), tuple(imports), bound, *names, computes, looks_up, words, loads)


def words_in(constant: object) -> list[str]:
    """The names that a constant may stand for: of "linalg.norm" two, of a tuple those of its entries.

    >>> words_in(("linalg.norm", 1, "a b"))
    ['linalg', 'norm']
    """
    if isinstance(constant, tuple | frozenset):
        return [word for each in constant for word in words_in(each)]
    return [word for word in constant.split(".") if word.isidentifier()] if type(constant) is str else []


def _chains(
    steps: list[dis.Instruction], bound: Mapping[str, str], outer: tuple[str, ...]
) -> Iterator[tuple[str, ...]]:
    """Each global, variable of an outer function or imported name with the attributes read from it."""
    chain: tuple[str, ...] = ()
    for each in steps:
        if each.opname in ATTRIBUTES and chain:
            chain = (*chain, str(each.argval))
            continue
        if chain:
            yield chain
        name = str(each.argval)
        local = each.opname.startswith("LOAD_FAST") or (each.opname in CELLS and name not in outer)
        chain = (name,) if (name in bound if local else each.opname in GLOBALS | CELLS) else ()


def _imports(steps: list[dis.Instruction]) -> Iterator[tuple[int, str, tuple[str, ...]]]:
    """Level, module and names of each import; LOAD_CONST level, LOAD_CONST names, IMPORT_NAME."""
    for n, each in enumerate(steps):
        if each.opname == "IMPORT_NAME":
            level, names = steps[n - 2].argval, steps[n - 1].argval
            yield int(level or 0), str(each.argval), tuple(names or ())


def _bound(steps: list[dis.Instruction]) -> Iterator[tuple[str, str]]:
    """Each variable that an import binds, and the full name: of `import a.b` a, of `from a import b as c` a.b."""
    package = full = ""
    for each in steps:
        if each.opname == "IMPORT_NAME":
            package = str(each.argval)
            full = package.partition(".")[0]
        elif each.opname == "IMPORT_FROM":
            name = str(each.argval)
            full = package if package.endswith(f".{name}") else f"{package}.{name}"
        elif full and each.opname in ("STORE_FAST", "STORE_DEREF", "STORE_GLOBAL", "STORE_NAME"):
            yield str(each.argval), full
            full = ""
        elif each.opname not in ("SWAP", "POP_TOP"):
            full = ""


def _written(steps: list[dis.Instruction], n: int) -> str:
    """The global that an instruction changes: x = .., x[i] = .., x[i] += .., x.a = .., x.a += ..; else nothing."""
    each = steps[n]
    if each.opname in ("STORE_GLOBAL", "DELETE_GLOBAL"):
        return str(each.argval)
    if each.opname in ("STORE_ATTR", "DELETE_ATTR") or (each.opname == "COPY" and each.arg == 1):
        return _global(steps, n - 1) if each.opname != "COPY" or _reads_an_attribute(steps, n + 1) else ""
    pair = each.opname == "COPY" and each.arg == 2 and n + 1 < len(steps) and steps[n + 1].opname == "COPY"
    if each.opname not in ("STORE_SUBSCR", "DELETE_SUBSCR") and not pair:
        return ""
    depth = 0
    for m in range(n - 1, 0, -1):  # back over the index, to what is indexed
        depth += dis.stack_effect(steps[m].opcode, steps[m].arg, jump=False)
        if depth == 1:
            return _global(steps, m - 1)
    return ""


def _reads_an_attribute(steps: list[dis.Instruction], n: int) -> bool:
    return n < len(steps) and steps[n].opname in ATTRIBUTES


def _global(steps: list[dis.Instruction], n: int) -> str:
    return str(steps[n].argval) if n >= 0 and steps[n].opname in GLOBALS else ""


def _nested(code: CodeType) -> Iterator[CodeType]:
    yield code
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _nested(constant)


def _text(code: CodeType) -> str:
    arguments = code.co_argcount + code.co_kwonlyargcount + bool(code.co_flags & 4) + bool(code.co_flags & 8)
    counts = (code.co_argcount, code.co_posonlyargcount, code.co_kwonlyargcount, code.co_flags & _KIND)
    head = f"{counts} {code.co_varnames[:arguments]} {code.co_exceptiontable.hex()}"
    return "\n".join([head, *_instructions(code)])


def _instructions(code: CodeType) -> list[str]:
    """The instructions, a line each, with what they mean instead of where it stands; jumps by number."""
    kept: list[dis.Instruction] = []
    number: dict[int, int] = {}
    for each in dis.get_instructions(code):
        number[each.offset] = len(kept)
        if each.opname == "STORE_NAME" and each.argval in _OF_PLACE:
            kept.pop()
        elif each.opname not in PLACELESS:
            kept.append(each)
    jumps = {*dis.hasjrel, *dis.hasjabs}
    return [f"{each.opname} {number.get(each.argval) if each.opcode in jumps else _said(each)}" for each in kept]


def _said(instruction: dis.Instruction) -> str:
    if instruction.opcode in dis.hasconst:
        return constant_text(instruction.argval)
    if instruction.opcode in (*dis.hasname, *dis.haslocal, *dis.hasfree):
        return str(instruction.argval)
    return str(instruction.arg)


def constant_text(value: object) -> str:
    """A constant of a code as a text; sets in the order of their texts, for theirs is another in each process."""
    if isinstance(value, CodeType):
        return _text(value)
    if isinstance(value, tuple):
        return f"({', '.join(map(constant_text, value))})"
    if isinstance(value, frozenset):
        return f"{{{', '.join(sorted(map(constant_text, value)))}}}"
    return f"{type(value).__name__} {value!r}"
