"""Parts that look alike and do something else are told apart; those that only are written otherwise are not."""

import abc
import numbers
import sys
from fractions import Fraction
from types import ModuleType

import pytest

from evo.identity import differences, identity_of
from evo.identity.classes import registered
from evo.identity.code import reads_of
from evo.identity.libraries import Libraries

HEAD = "import functools\nfrom fractions import Fraction\n"


@pytest.fixture
def read(monkeypatch):
    """The identity of a class whose method reads something of a source."""

    def made(source, rate="H"):
        module = ModuleType("mine")
        monkeypatch.setitem(sys.modules, "mine", module)
        method = f"class Op:\n    def rewrite(self, correct, rng):\n        return {rate}\n"
        exec(compile(f"{HEAD}{source}\n{method}", "<ipython-input-1-abc>", "exec"), vars(module))
        return identity_of(module.Op)

    return made


ALIKE = {
    "a method, a static one and one of the class": [
        f"class H:\n    {each}\n    def f(x=3): return x" for each in ("", "@staticmethod", "@classmethod")
    ],
    "those of kinds of one's own": [
        f"class P({each}): pass\nclass H: f = P(lambda x=3: x)" for each in ("staticmethod", "classmethod")
    ],
    "a partial and one that has the instance first": [
        f"class H: f = functools.{each}(divmod, 7)" for each in ("partial", "partialmethod")
    ],
    "what a memory view gives": [
        "H = memoryview(b'abcd')", "H = memoryview(b'abcd').cast('b')", "H = memoryview(b'abcd').cast('c')",
        "H = memoryview(b'abcd').cast('i')", "H = memoryview(b'abcd').cast('B', (2, 2))",
        "H = memoryview(b'abcd').cast('B', (4, 1))",
    ],
    "what a long memory view gives": [
        f"H = memoryview(bytes(range(80))).cast('{each}')" for each in "Bdq"
    ],
}  # fmt: skip


@pytest.mark.parametrize("case", ALIKE)
def test_what_looks_alike_and_does_something_else_is_told_apart(case, read):
    made = [read(source) for source in ALIKE[case]]
    assert len({each.digest for each in made}) == len(made)
    assert all(differences(made[0].reads, each.reads) for each in made[1:])
    assert all(each.unseen == () for each in made)


WRITTEN = {
    "what belongs to the class anyway": ("    def __init_subclass__(cls): return 3", "classmethod"),
    "what indexes the class anyway": ("    def __class_getitem__(cls, key): return 3", "classmethod"),
    "what makes an instance": ("    def __new__(cls): return 3", "staticmethod"),
    "what numbers members": (
        "    def _generate_next_value_(name, start, count, last): return 3\n    A = enum.auto()", "staticmethod",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", WRITTEN)
def test_the_twin_what_is_of_its_kind_anyway_may_be_written_with_it_or_without(case, read):
    source, kind = WRITTEN[case]
    head = f"import enum\nclass H({'enum.Enum' if 'enum' in source else ''}):\n"
    one, other = (read(f"{head}{words}{source}") for words in ("", f"    @{kind}\n"))
    assert one.digest == other.digest
    assert not any(kind in said for each in (one, other) for said in each.reads.values())


def test_the_twin_a_named_tuple_has_the_description_of_folders_that_were_written_before(read):
    reads = read("import collections\nH = collections.namedtuple('H', 'x')").reads
    assert reads["mine.H._make"] == "collections.H._make()"


def test_the_twin_bytes_one_by_one_are_those_that_a_worker_has(read):
    assert read("H = memoryview(b'abcd')").reads["mine.H"] == read("H = b'abcd'").reads["mine.H"] == "b'abcd'"


def test_registered_classes_of_one_module_are_in_the_order_of_their_names():
    """They are held by addresses; eight of them are in this order by chance once in 40,000 times."""
    kind = abc.ABCMeta("Kind", (), {})
    names = ["h", "c", "a", "f", "b", "g", "e", "d"]
    kept = [kind.register(type(name, (), {"__module__": "mine", "__qualname__": name})) for name in names]
    kept.append(kind.register(type("z", (), {"__module__": "a_module", "__qualname__": "z"})))
    assert [each.__qualname__ for each in registered(kind)] == ["z", *sorted(names)]
    assert len(kept) == 9


@pytest.mark.parametrize("line", ["name in {'rate', 'a.b'}", "[each for each in {'rate', 'a.b'}]"])
def test_words_of_a_set_among_the_constants_may_be_names(line):
    names = {}
    exec(f"def f(name): return {line}", names)
    assert reads_of(names["f"].__code__).words >= {"rate", "a", "b"}


def test_what_is_put_into_the_base_of_a_librarys_class_is_told(read, monkeypatch):
    def rate(self):
        return 0.1

    monkeypatch.setattr(numbers.Rational, "rate", rate, raising=False)
    assert list(Libraries().put_into(Fraction)) == [("numbers.Rational.rate", rate)]
    assert "numbers.Rational.rate" in read("", "Fraction").reads
    monkeypatch.delattr(numbers.Rational, "rate")
    assert "numbers.Rational.rate" not in read("", "Fraction").reads


@pytest.mark.parametrize("kind", ["Enum", "Flag"])
def test_of_an_enumeration_nothing_of_pythons_own_is_told(kind, read):
    every = "H.A._sort_order_, H.A.__objclass__, H.A._value_, H.A._name_"
    reads = read(f"import enum\nclass H(enum.{kind}): A = 1", every).reads
    own = {"class mine.Op", "mine.Op.rewrite()", "class mine.H", "mine.H.A", "mine.H, its members"}
    own |= {"mine.H._boundary_"} if kind == "Flag" else set()
    assert {name for name in reads if not reads[name].startswith("enum.")} == own


NAMES = ["__builtins__", "__cached__", "__file__", "__loader__", "__path__", "__package__", "__spec__"]


@pytest.mark.parametrize("name", NAMES)
def test_where_a_module_lies_and_what_loaded_it_says_nothing_of_what_it_does(name, read):
    """Of a module that is passed about, so that names of Python's form are told where a method reads them."""
    source = "import types\nH = types.ModuleType('mine2')\nH.{0} = {1}\ndef get(of): return of.{0}"
    one, other = (read(source.format(name, value), "get(H)") for value in ("'a'", "'b'"))
    assert one.digest == other.digest
    one, other = (read(source.format("__rate__", value), "get(H)") for value in ("'a'", "'b'"))
    assert one.digest != other.digest


def test_the_twin_what_an_abstract_class_keeps_of_its_own_is_not_told(read):
    assert "mine.H._abc_impl" not in read("import abc\nclass H(abc.ABC): pass").reads


def test_the_twin_a_class_under_a_name_of_pythons_form_that_nobody_reads_is_not_told(read):
    """Also one of a metaclass of one's own: of objects Python calls what has such a name, a class is none."""
    source = "class M(type): pass\nclass C(metaclass=M): x = {}\nclass H: __rate__ = C"
    one, other = (read(source.format(value)) for value in (1, 2))
    assert one.digest == other.digest


def test_each_field_of_a_dataclass_is_told_once_and_no_more(read):
    """As folders that were written before have it; what a class inherits is told of its base."""
    source = (
        "from dataclasses import dataclass\n@dataclass(slots=True)\nclass A: x: float = 3\n"
        "@dataclass(frozen=True)\nclass B: y: int = 1\n@dataclass(slots=True)\nclass H(A): z: int = 2"
    )
    found = read(source, "H, B").reads.items()
    reads = {name: said for name, said in found if not name.endswith(("()", ".__replace__"))}  # which is new in 3.13
    assert reads == {
        "class mine.Op": "of builtins.object",
        "class mine.H": "of class mine.A",
        "class mine.A": "of builtins.object",
        "class mine.B": "of builtins.object",
        "mine.A, its fields": "(x)",
        "mine.B, its fields": "(y) frozen=True",
        "mine.H, its fields": "(x, z)",
        "mine.A.x": "3",
        "mine.B.y": "1",
        "mine.H.z": "2",
    }


def test_what_a_dataclass_generates_is_told_by_its_fields_alone(read):
    source = "from dataclasses import dataclass\n@dataclass\nclass H: x: int\nsame, other = H.__eq__, len"
    reads = read(source, "same, other, H").reads
    assert ("mine.same" in reads, "mine.other" in reads, reads["mine.H, its fields"]) == (False, True, "(x)")


def test_a_class_that_asks_nothing_of_those_below_it_is_told(read):
    assert "mine.H.__init_subclass__()" in read("class H:\n    @staticmethod\n    def __init_subclass__(): pass").reads
