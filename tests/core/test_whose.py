"""Whose a module, function or class is, what of a library's somebody has put there, and what reads from outside."""

import datetime
import functools
import inspect
import json
import math
import random
import site
import sys
import sysconfig
import weakref
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from evo import text
from evo.identity.classes import changed_by_class
from evo.identity.functions import content, holds_a_module, is_a_cache, set_by_hand
from evo.identity.libraries import Libraries, is_put_there, own_name
from evo.identity.readers import ATTRIBUTES, OUTPUT, reads_outside
from evo.identity.whose import (
    _is_the_users_file,
    is_compiled,
    is_the_users,
    is_the_users_class,
    is_the_users_function,
    is_the_users_module,
    module_of,
)
from operators import Misaligned


def function(file, **names):
    """A function whose code is said to be in a file, in a module of these names."""
    exec(compile("def f(): return 1", file, "exec"), names)
    return names["f"]


MODULES = {
    "json": False, "json.decoder": False, "sys": False, "_json": False, "numpy.random": False, "evo.other": False,
    "experiments": False, "problems.mine": False, "operators": False, "msvcrt": False, "antigravity": False,
    "__main__": True, "nobody.has.this": True, "evolution": True, "jsonx": True,
}  # fmt: skip


@pytest.mark.parametrize("name", MODULES)
def test_a_module_is_the_users_where_nobody_has_installed_it(name, monkeypatch):
    """Also what has no file, as a module of Python's for another system, and a notebook."""
    monkeypatch.setitem(sys.modules, "__main__", ModuleType("__main__"))
    assert is_the_users(name) is MODULES[name]


def test_the_script_is_the_users_also_where_an_installed_command_runs_it(monkeypatch):
    script = ModuleType("__main__")
    script.__file__ = f"{sysconfig.get_path('purelib')}/run.py"
    monkeypatch.setitem(sys.modules, "__main__", script)
    assert is_the_users("__main__")


def test_a_module_with_the_name_of_a_librarys_is_the_users():
    other = ModuleType("json")
    assert is_the_users_module(other)
    other.__file__ = "/home/me/json.py"
    assert is_the_users_module(other)
    other.__file__ = json.__file__
    assert not is_the_users_module(other)
    assert not is_the_users_module(json)


FOLDERS = ["/usr/lib/python3/dist-packages", "/opt/x/site-packages/y", sysconfig.get_path("stdlib"),
           sysconfig.get_path("platstdlib"), sysconfig.get_path("purelib"), sysconfig.get_path("platlib")]  # fmt: skip


def test_files_of_what_is_installed_are_not_the_users(monkeypatch):
    monkeypatch.setattr(site, "getsitepackages", lambda: ["/srv/shared"])
    monkeypatch.setattr(site, "getusersitepackages", lambda: "/home/me/lib")
    inside = _is_the_users_file.__wrapped__
    assert not any(inside(f"{each}/module.py") for each in [*FOLDERS, "/srv/shared", "/home/me/lib"])
    assert all(inside(f"{each}/module.py") for each in ("/home/me", "/srv/shared2", "/home/me/site-packages2"))


@pytest.mark.parametrize(
    ("file", "module", "users"),
    [
        ("<stdin>", "math", True),
        ("<ipython-input-1-a>", "math", True),
        ("<generated>", "math", False),
        ("<string>", "mine", True),
        ("/home/me/a.py", "math", True),
        (json.__file__, "math", False),
        (json.__file__, "mine", True),
        (str(Path(text.__file__)), "math", False),
        (str(Path(text.__file__).parents[1] / "tests" / "a.py"), "math", True),
        ("/home/me/a.py", None, True),
    ],
)
def test_a_function_is_the_users_by_its_module_and_by_its_file(file, module, users):
    assert is_the_users_function(function(file, __name__=module)) is users


def test_a_class_is_the_users_by_its_module_or_where_a_library_does_not_have_it():
    def of(module, name="Made", inside=None):
        return type(name, (), {"__module__": module, "__qualname__": inside or name})

    assert all(map(is_the_users_class, (of("mine"), of("fractions", "Fraction"), of("json", "A", "A.B"))))
    library = (Fraction, int, of("evo.text"), of("json", "A", "f.<locals>.A"), json.JSONDecoder)
    assert not any(map(is_the_users_class, library))
    assert is_the_users_class(of("not.loaded"))


def test_the_module_of_what_was_wrapped_is_where_its_code_is():
    named = functools.wraps(json.dumps)(lambda: 1)
    assert named.__module__ == "json"
    assert module_of(named) == __name__
    assert module_of(function("a.py", __name__=None)) == "__main__"
    assert module_of(function("a.py", __name__=3)) == "builtins"
    assert module_of(Fraction) == "fractions"


@pytest.mark.parametrize(
    ("value", "compiled"),
    [
        (len, True), (math.sqrt, True), ([].append, True), (str.join, True), (object.__init__, True),
        (json.dumps, False), (Fraction, False), (lambda: 1, False), (3, False), (json, False),
        (np.random.mtrand.RandomState.rand, True), (Fraction(1, 3), False),
    ],
)  # fmt: skip
def test_what_is_in_c_has_no_code_to_look_at(value, compiled):
    assert is_compiled(value) is compiled


# ------------------------------------------------------------------------------------------- names in libraries


@pytest.mark.parametrize(
    ("path", "value", "said"),
    [
        *((f"sys.{name}", getattr(sys, name), "") for name in ("hexversion", "api_version", "implementation")),
        ("sys.version", sys.version, ""),
        ("sys.version_info", sys.version_info, ""),
        ("numpy.__version__", np.__version__, ""),
        ("numpy.version_of", np.__version__, None),
        ("sys.stdout", sys.stdout, ""),
        ("sys.__stdout__", sys.__stdout__, ""),
        ("sys.stderr", sys.stderr, ""),
        ("sys.__stderr__", sys.__stderr__, ""),
        ("evo.text.OWN_PACKAGES", text.OWN_PACKAGES, ""),
        ("evo.text.put_there", text.OWN_PACKAGES, None),
        ("functools.reduce", functools.reduce, ""),
        ("builtins.open", open, ""),
        ("builtins.norm", np.linalg.norm, ""),
        ("math.norm", np.linalg.norm, "numpy.norm"),
        ("math.rate", np.linalg.norm, "numpy.norm"),
        ("math.exp", math.exp, ""),
        ("math.sqrt", math.exp, "exp"),
        ("random.random", random.random, ""),
        ("random.gauss", random.random, "random"),
        ("random.own", random.Random(1).random, None),
        ("numpy.random.rand", np.random.rand, ""),
        ("numpy.random.rand", np.random.randn, "randn"),
        ("numpy.random.own", np.random.RandomState(1).rand, None),
        ("numpy.add", np.add, ""),
        ("numpy.add", np.subtract, "subtract"),
        ("numpy.made", np.frompyfunc(abs, 1, 1), None),
        ("numpy.mean", np.mean, ""),
        ("builtins.fromkeys", dict.fromkeys, ""),
        ("math.append", [].append, None),
        ("math.rate", 3, None),
        ("fractions.Fraction", Fraction, ""),
        ("fractions.Other", Fraction, "Fraction"),
        ("math.mine", function, None),
        ("math.kind", type("Mine", (), {}), None),
    ],
)
def test_what_stands_in_a_library_is_named_where_that_is_another_name(path, value, said):
    assert own_name(value, path) == said


def test_a_function_that_a_library_wraps_around_one_of_the_users_is_none_of_its_own():
    assert own_name(functools.singledispatch(function), "functools.function") is None


def test_what_a_library_exports_is_its_own_and_what_was_put_beside_it_is_not():
    from scipy import stats

    assert own_name(stats.norm, "scipy.stats.norm") == ""
    assert own_name(stats.norm, "scipy.stats.put") is None
    assert own_name(Fraction(1, 3), "scipy.stats.norm") is None


def test_what_a_library_generates_was_put_there_by_nobody():
    assert is_put_there(function)
    assert is_put_there(property(function))
    assert is_put_there(classmethod(function))
    assert not is_put_there(inspect.FullArgSpec.__new__)
    assert not is_put_there(function("<generated>"))
    assert not is_put_there(3)
    assert not is_put_there(json.dumps)
    assert list(Libraries().put_into(inspect.FullArgSpec)) == []


def test_what_was_put_into_a_class_of_a_library_is_told_once(monkeypatch):
    class Base:
        pass

    for name, value in (("rate", function), ("table", [1]), ("plain", property(json.dumps))):
        monkeypatch.setattr(Fraction, name, value, raising=False)
    libraries = Libraries()
    assert list(libraries.put_into(Fraction)) == [("fractions.Fraction.rate", function)]
    assert list(libraries.put_into(Fraction)) == []
    assert list(Libraries().put_into(Base)) == []
    read = dict(libraries.read({"table", "rate", "numerator", "real", "plain", "__slots__"}))
    assert read == {"fractions.Fraction.table": [1]}


def test_fields_of_a_librarys_dataclass_and_what_it_calls_are_its_own(monkeypatch):
    holds = {"__annotations__": {"rate": float}, "rate": 0.5, "kind": Fraction, "call": functools.partial(len), "n": 3}
    made = dataclass(type("Made", (), {"__module__": "fractions", "__qualname__": "Made", **holds}))
    monkeypatch.setattr(sys.modules["fractions"], "Made", made, raising=False)
    libraries = Libraries()
    assert list(libraries.put_into(made)) == []
    assert dict(libraries.read({*holds, "__doc__", "__module__"})) == {"fractions.Made.n": 3}


def test_data_of_classes_of_the_testbed_and_of_those_in_c_are_their_own(monkeypatch):
    libraries = Libraries()
    assert list(libraries.put_into(Misaligned)) == list(libraries.put_into(datetime.date)) == []
    monkeypatch.setattr(Misaligned, "rate_of_mine", 3, raising=False)
    read = dict(libraries.read({"changes_outside", "rate_of_mine", "max", "min", "resolution"}))
    assert read == {"operators.misaligned.Misaligned.rate_of_mine": 3}


def test_of_a_module_of_the_testbed_without_a_file_nothing_was_put_there(monkeypatch):
    monkeypatch.setitem(sys.modules, "evo.without_a_file", ModuleType("evo.without_a_file"))
    assert own_name(3, "evo.without_a_file.rate") == ""
    assert own_name(3, "evo.text.rate_of_mine") is None


def test_what_was_put_into_a_module_is_told_by_the_names_that_are_read(monkeypatch):
    monkeypatch.setattr(math, "rate", 3, raising=False)
    libraries = Libraries()
    libraries.meet(math)
    assert (libraries.passed_about, dict(libraries.read({"rate"}))) == (False, {})
    libraries.pass_about(math)
    assert (libraries.passed_about, dict(libraries.read({"rate", "there"}))) == (True, {"math.rate": 3})


def test_a_method_put_into_a_class_of_a_module_that_is_read(monkeypatch):
    monkeypatch.setattr(Fraction, "rate", function, raising=False)
    libraries = Libraries()
    libraries.meet(sys.modules["fractions"])
    assert dict(libraries.read({"rate"})) == {"fractions.Fraction.rate": function}
    assert dict(libraries.read({"limit_denominator"})) == {}


# ------------------------------------------------------------------------------------------- functions and classes


def test_each_kind_of_weak_reference_is_a_cache():
    class Held:
        def method(self):
            pass

    held = Held()
    weak = [weakref.ref(held), weakref.WeakMethod(held.method), weakref.WeakKeyDictionary(),
            weakref.WeakValueDictionary(), weakref.WeakSet()]  # fmt: skip
    assert all(map(is_a_cache, weak))
    assert is_a_cache(weakref.WeakKeyDictionary().get)
    assert not any(map(is_a_cache, ([], {}, held, held.method, [].append)))


def test_what_a_variable_of_an_outer_function_holds():
    def made(*given):
        def inner():
            return late, json, given

        if given:
            late = given[0]
        return dict(zip(inner.__code__.co_freevars, inner.__closure__, strict=True))

    assert content(made()["late"]) is None
    assert content(made(3)["late"]) == 3
    assert holds_a_module(made(json)["late"])
    assert not holds_a_module(made()["late"])


def test_what_was_set_on_a_function_by_hand_is_told():
    def plain(x: int = 1):
        """Says."""

    usual = [("__doc__", "Says."), ("__annotations__", {"x": int}), ("__defaults__", (1,))]
    assert set_by_hand(plain) == usual
    plain.__name__, plain.__module__ = "other", "elsewhere"
    assert set_by_hand(plain) == [*usual, ("__name__", "other"), ("__module__", "elsewhere")]


def test_each_kind_of_member_may_change_a_table_of_its_class():
    class Base:
        def inherited(self):
            self.of_base[0] = 1

    class Members(Base):
        def method(self):
            self.by_method[0] = 1

        @classmethod
        def of_class(cls):
            cls.by_class[0] = 1

        @staticmethod
        def static(other):
            other.by_static[0] = 1

        @property
        def prop(self):
            self.by_getter[0] = 1

        @prop.setter
        def prop(self, value):
            self.by_setter[0] = value

        @prop.deleter
        def prop(self):
            self.by_deleter[0] = 1

        @functools.cached_property
        def cached(self):
            self.by_cached[0] = 1

    names = {"method": "method", "class": "of_class", "static": "static", "cached": "cached"}
    told = {f"by_{name}": f"Members.{member}" for name, member in names.items()}
    told |= {f"by_{name}": "Members.prop" for name in ("getter", "setter", "deleter")} | {"of_base": "Base.inherited"}
    inside = test_each_kind_of_member_may_change_a_table_of_its_class.__qualname__
    assert changed_by_class(Members) == {
        name: f"{__name__}.{inside}.<locals>.{member}" for name, member in told.items()
    }


# ------------------------------------------------------------------------------------------- from outside

OUTSIDE = {
    "builtins": "open eval exec globals __import__ input hash id",
    "io": "open",
    "sys": "modules _getframe argv orig_argv stdin flags path path_hooks path_importer_cache meta_path warnoptions "
    "executable prefix exec_prefix base_prefix base_exec_prefix getrecursionlimit last_value",
    "inspect": "currentframe stack getmodule getsource getsourcelines getsourcefile getfile",
    "importlib": "import_module reload resources.files metadata.version",
    "pkgutil": "resolve_name get_data",
    "pydoc": "locate",
    "typing": "get_type_hints",
    "warnings": "filters",
    "pickle": "load loads Unpickler",
    "_pickle": "load loads Unpickler",
    "decimal": "getcontext localcontext",
    "_decimal": "getcontext localcontext",
    "os": "environ environ.get environb getenv getenvb urandom getpid getppid open read popen stat listdir scandir "
    "walk getcwd cpu_count getloadavg getlogin getuid uname times sched_getaffinity get_terminal_size path.exists "
    "path.isfile path.isdir path.getsize path.getmtime",
    "posix": "urandom getpid getppid open read stat listdir scandir getcwd cpu_count getloadavg getlogin getuid uname "
    "times sched_getaffinity get_terminal_size",
    "genericpath": "exists isfile isdir getsize getmtime",
    "time": "timezone altzone daylight tzname time time_ns perf_counter perf_counter_ns monotonic monotonic_ns "
    "process_time process_time_ns thread_time thread_time_ns localtime gmtime strftime ctime",
    "datetime": "datetime.now datetime.utcnow datetime.today date.today",
    "uuid": "uuid1 uuid4",
    "random": "Random SystemRandom",
    "threading": "get_ident get_native_id current_thread",
    "multiprocessing": "current_process cpu_count process.current_process",
    "ctypes": "CDLL",
    "numpy": "load loadtxt genfromtxt fromfile memmap geterr geterrcall get_printoptions getbufsize lib.npyio.load",
    "pandas": "options options.display get_option read_csv read_parquet io.parsers.readers.read_csv",
    "polars": "read_csv",
    "numpy.random": "default_rng RandomState SeedSequence PCG64 PCG64DXSM MT19937 Philox SFC64 _pcg64.PCG64",
    "secrets": "choice", "socket": "socket", "subprocess": "run", "sqlite3": "connect", "shelve": "open",
    "requests": "get", "httpx": "get", "tempfile": "mkdtemp", "glob": "glob", "gc": "get_objects", "platform": "node",
    "getpass": "getuser", "locale": "getlocale", "fileinput": "input", "linecache": "getline", "mmap": "mmap",
    "configparser": "ConfigParser", "resource": "getrusage", "psutil": "cpu_percent", "scipy.io": "loadmat",
}  # fmt: skip


@pytest.mark.parametrize("module", OUTSIDE)
def test_each_name_that_reads_from_outside(module):
    assert [name for name in OUTSIDE[module].split() if not reads_outside(f"{module}.{name}")] == []


@pytest.mark.parametrize(
    "name",
    ["time.sleep", "os.sep", "os.path.join", "numpy.add", "numpy.random.Generator", "random.choice", "sys.maxsize",
     "datetime.datetime", "datetime.datetime.fromordinal", "builtins.openly", "mine.open", "mine.load", "pandas.concat",
     "globe.glob", "importlib.util", "scipy.stats.norm", "builtins.idle", "socketserver.TCPServer", "io.StringIO"],
)  # fmt: skip
def test_the_twin_what_gives_the_same_everywhere_reads_nothing(name):
    assert not reads_outside(name)


def test_each_attribute_that_reads_from_outside_whatever_it_stands_at():
    files = ["read_text", "read_bytes", "urlopen", "open", "iterdir"]
    inside = ["__globals__", "__builtins__", "__subclasses__", "__code__"]
    frames = ["f_globals", "f_locals", "f_back", "tb_frame", "gi_frame", "cr_frame", "ag_frame"]
    assert sorted(ATTRIBUTES) == sorted([*files, *inside, *frames])
    assert sorted(OUTPUT) == ["sys.__stderr__", "sys.__stdout__", "sys.stderr", "sys.stdout"]
