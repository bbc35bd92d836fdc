"""Codes of functions: what tells two of them apart and what does not, and what each form of a statement reads."""

import sys

import pytest

from evo.identity.at_run_time import changed_attributes, computes_a_name, own_attributes
from evo.identity.code import code_text, digest, reads_of


def code(source):
    """The code of the function `f` of a source; a line alone is its body."""
    names = {}
    exec(source if source.lstrip().startswith("def f(") else f"def f(self, other, name):\n    {source}", names)
    return names["f"].__code__


OTHERS = {
    "*args and **kwargs": ("def f(*a): return len(a)", "def f(**a): return len(a)"),
    "a default and none": ("def f(a, b): return a", "def f(a, *, b): return a"),
    "an argument by position alone": ("def f(a): return a", "def f(a, /): return a"),
    "names of arguments": ("def f(a): return 1", "def f(b): return 1"),
    "names of arguments by name": ("def f(*, a): return 1", "def f(*, b): return 1"),
    "the name of *args": ("def f(*a): return 1", "def f(*b): return 1"),
    "the name of **kwargs": ("def f(x, *, y, **a): return 1", "def f(x, *, y, **b): return 1"),
    "what is tried": (
        "def f(x):\n    try:\n        x()\n        x()\n    except: pass",
        "def f(x):\n    x()\n    try: x()\n    except: pass",
    ),
    "a constant": ("return 1", "return 1.0"),
    "a flag": ("return 1", "return True"),
    "a tuple and a set": ("return name in (1, 2)", "return name in {1, 2}"),
    "a constant two functions deep": (
        "def f():\n    def g():\n        def h(): return 1\n        return h\n    return g",
        "def f():\n    def g():\n        def h(): return 2\n        return h\n    return g",
    ),
    "an attribute": ("return self.a", "return self.b"),
    "a comparison": ("return self < other", "return self > other"),
    "an operator": ("return self + other", "return self - other"),
    "a variable": ("return self", "return other"),
    "a variable of a function in it": ("return lambda: self", "return lambda: other"),
    "where it goes on": (
        "def f(x):\n    while x():\n        if x(): break\n        x()",
        "def f(x):\n    while x():\n        if x(): continue\n        x()",
    ),
    "a generator": ("yield 1", "return 1"),
}


@pytest.mark.parametrize("case", OTHERS)
def test_codes_that_do_something_else_have_another_text(case):
    one, other = OTHERS[case]
    assert code_text(code(one)) != code_text(code(other))


SAME = {
    "a comment": "def f(x):\n    # more\n    return x",
    "lines": "\n\n\ndef f(x):\n\n    return x",
    "a docstring": "def f(x):\n    'More.'\n    return x",
    "annotations": "def f(x: int) -> int:\n    return x",
}


@pytest.mark.parametrize("case", SAME)
def test_codes_that_do_the_same_have_one_text(case):
    assert code_text(code(SAME[case])) == code_text(code("def f(x): return x"))


def test_docstrings_of_what_is_defined_inside_are_none():
    plainly = "def f():\n    class C:\n        {0}x = 1\n        def g(self):\n            {0}return 1\n    return C"
    one, other = (code_text(code(plainly.format(words))) for words in ("", "'More.'; "))
    assert one == other


def test_a_digest_has_sixteen_digits_of_every_text():
    assert digest("") == "e3b0c44298fc1c14"
    assert digest("\ud800") == "91a681b998555fb4"  # half of a character is a name of a file that Python can have


CHANGERS = ("append", "extend", "insert", "add", "update", "setdefault", "pop", "popitem", "remove", "discard", "clear")
CHANGERS = (*CHANGERS, "fill", "__setitem__")


@pytest.mark.parametrize("method", CHANGERS)
def test_each_method_that_changes_what_it_is_called_on(method):
    assert reads_of(code(f"X.{method}(name)")).grows == {"X"}
    assert [*changed_attributes(code(f"self.x.{method}(name)"))] == ["x"]
    assert reads_of(code(f"X.{method}_of(name)")).grows == set()
    assert [*changed_attributes(code(f"self.x.{method}_of(name)"))] == []


WRITES = {
    "global X; X = 1", "global X; del X", "global X; X += 1", "X[name] = 1", "X[name] += 1", "del X[name]", "X.a = 1",
    "X.a += 1", "del X.a", "X[self.a(1), 2:name] = 1", "def g():\n        global X\n        X = 1",
}  # fmt: skip


@pytest.mark.parametrize("line", sorted(WRITES))
def test_each_statement_that_changes_a_global(line):
    assert reads_of(code(line)).writes == {"X"}


@pytest.mark.parametrize(
    "line",
    [
        "x = X; x = 1",
        "x = X[name]",
        "x = X.a",
        "x = self.X; x.a = 1",
        "self.X[name] = 1",
        "x = y = X",
        "return (x := X)",
    ],
)
def test_the_twin_what_only_reads_a_global_changes_none(line):
    assert reads_of(code(line)).writes == set()


ATTRIBUTES = {
    "self.x[name] = 1": ["x"],
    "self.x[name] += 1": ["x"],
    "del self.x[name]": ["x"],
    "other.x = 1": ["x"],
    "other.x += 1": ["x"],
    "del type(self).x": ["x"],
    "x = self.y; x[name] = 1": ["y"],
    "x = self.y; x.add(1)": ["y"],
    "self.x[name][1] = 1": [],
    "self.x = 1": [],
    "self.x += 1": ["x"],
    "del self.x": [],
    "x = self.x[name]": [],
    "other[name(self.z, 1 if name else 2)] = 1": [],
}


@pytest.mark.parametrize("line", ATTRIBUTES)
def test_each_statement_that_changes_the_value_of_an_attribute(line):
    assert sorted(set(changed_attributes(code(line)))) == ATTRIBUTES[line]


@pytest.mark.parametrize(
    ("line", "names"), [("self.x = 1", ["x"]), ("del self.x", ["x"]), ("other.x = 1", []), ("self.x[name] = 1", [])]
)
def test_each_statement_that_gives_an_instance_an_attribute(line, names):
    assert [*own_attributes(code(line))] == names


COMPUTES = {
    "getattr(self, name)": False,
    "getattr(self.a.b, name)": False,
    "getattr(X, name)": False,
    "getattr(X.a, name, 1)": False,
    "getattr(other, 'a')": False,
    "getattr(other, 'a', name)": False,
    "getattr(name(1), 'a')": False,
    "getattr(name.b(1), 'a')": False,
    "getattr(other)": True,
    "getattr(other, 'a' + name)": True,
    "getattr(other, name)": True,
    "getattr(other, name, 1)": True,
    "getattr(self.a(1), name)": True,
    "getattr(self if name else other, name)": True,
    "getattr(other.self, name)": True,
    "list(map(getattr, self, name))": True,
    "getattr(self, name), getattr(other, name)": True,
    "(lambda: getattr(self.a, name))()": False,  # of a variable of an outer function all is looked at
    "(lambda: getattr(self.a(1), name))()": True,
}


@pytest.mark.parametrize("line", COMPUTES)
def test_each_way_to_read_an_attribute_under_a_computed_name(line):
    reads = reads_of(code(f"return {line}"))
    assert reads.computes is COMPUTES[line]
    assert reads.looks_up == ("'a')" not in line and "'a', name" not in line)


def test_of_a_variable_of_an_outer_function_all_is_looked_at():
    names = {}
    exec("def made(held):\n    def f(name): return getattr(held, name)\n    return f", names)
    inner = names["made"](1).__code__
    assert not computes_a_name(inner)
    assert computes_a_name(inner, of_anything=True)


@pytest.mark.parametrize("line", ["vars(other)", "dir(other)", "other.__dict__", "(lambda: vars(other))()"])
def test_each_way_to_look_all_names_up(line):
    reads = reads_of(code(f"return {line}"))
    assert (reads.looks_up, reads.computes) == (True, False)
    assert not reads_of(code("return other.vars")).looks_up


CHAINS = {
    "return X.a.b": ("X", "a", "b"),
    "return X.a(name).b": ("X", "a"),
    "return lambda: X.a": ("X", "a"),
    "return lambda: lambda: lambda: X.a": ("X", "a"),
    "return [X.a for each in name]": ("X", "a"),
    "return [[X.a for each in name] for name in other]": ("X", "a"),
    "class C: a = X.a": ("X", "a"),
    "class C:\n        class D: a = X": ("X",),
    "match self:\n        case X(a=1): pass": ("X",),
    "for X.a in name: pass": ("X",),
    "with X.a: pass": ("X", "a"),
    "return f'{X.a:{name}}'": ("X", "a"),
}


@pytest.mark.parametrize("line", CHAINS)
def test_each_place_where_a_global_is_read(line):
    reads = reads_of(code(line))
    assert CHAINS[line] in reads.chains
    assert "X" in reads.loads


def test_what_is_read_of_a_variable_of_an_outer_function_is_told_and_of_its_own_is_not():
    names = {}
    exec("def made(X):\n    def f(x): return x.a, (lambda: (X.b, x.c))\n    return f", names)
    assert reads_of(names["made"](1).__code__).chains == (("X", "b"),)


def test_what_the_body_of_a_class_reads_of_an_outer_function_is_told():
    names = {}
    exec("def made(X):\n    def f():\n        class C: a = X.a\n        return C\n    return f", names)
    assert reads_of(names["made"](1).__code__).chains == (("X", "a"), ("__name__",))


def test_what_is_read_after_hundreds_of_other_names_is_told():
    """Their instructions are of two parts."""
    reads = reads_of(code("; ".join(f"X{n}.a{n}.b(name)" for n in range(300))))
    assert set(reads.chains) == {(f"X{n}", f"a{n}", "b") for n in range(300)}


IMPORTS = {
    "import a.b": ((0, "a.b", ()), {"a": "a"}),
    "import a.b as x": ((0, "a.b", ()), {"x": "a.b"}),
    "import a.b.c as x": ((0, "a.b.c", ()), {"x": "a.b.c"}),
    "from a import b, c as d": ((0, "a", ("b", "c")), {"b": "a.b", "d": "a.c"}),
    "from . import b": ((1, "", ("b",)), {"b": ".b"}),
    "from ..a import b": ((2, "a", ("b",)), {"b": "a.b"}),
    "global x; import a as x": ((0, "a", ()), {"x": "a"}),
    "import a as x; return lambda: x.y": ((0, "a", ()), {"x": "a"}),
    "class C: import a as x": ((0, "a", ()), {"x": "a"}),
}


@pytest.mark.parametrize("line", IMPORTS)
def test_each_form_of_an_import(line):
    imported, bound = IMPORTS[line]
    reads = reads_of(code(line))
    assert reads.imports == (imported,)
    assert dict(reads.bound) == bound


def test_words_and_attributes_of_functions_inside_count():
    reads = reads_of(code("return lambda: lambda: (other.a, getattr(name, 'b.c'), name in ('d', 'e f'))"))
    assert reads.attributes == {"a"}
    assert reads.words >= {"b", "c", "d"}
    assert "e f" not in reads.words


@pytest.mark.skipif(sys.version_info[:2] != (3, 11), reason="each version of Python has codes of its own")
def test_digests_of_codes_are_those_of_folders_that_were_written_before():
    digests = {
        "return [each.a for each in name if each]": "4e95133016598a88",
        "while other: other.pop()": "5937d58420807be8",
        "return lambda: (X, {1, 2}, 'a')": "9b2191ad8cf23492",
        "return lambda: (name, self)": "6753aff45a2be290",
    }
    assert {line: code_text(code(line)) for line in digests} == {
        line: f"code 3.11 {it}" for line, it in digests.items()
    }
