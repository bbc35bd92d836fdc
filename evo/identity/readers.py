"""What gives a method at run time what nobody can see before: files, clocks, entropy, the process, the network."""

from __future__ import annotations

ATTRIBUTES = frozenset(
    {
        "read_text",
        "read_bytes",
        "urlopen",
        "open",
        "iterdir",
        "__globals__",
        "__builtins__",
        "__subclasses__",
        "__code__",
    }
    | {"f_globals", "f_locals", "f_back", "tb_frame", "gi_frame", "cr_frame", "ag_frame"}
)
"""Attributes that read from outside, or what no name says, whatever they stand at."""
OUTPUT = frozenset({"sys.stdout", "sys.stderr", "sys.__stdout__", "sys.__stderr__"})
"""What is written to, and not read."""
_NAMES = {
    "builtins": "open eval exec globals __import__ input hash id",
    "io": "open",
    "sys": "modules _getframe argv orig_argv stdin flags path path_hooks path_importer_cache meta_path warnoptions "
    "executable prefix exec_prefix base_prefix base_exec_prefix getrecursionlimit last_value",
    "inspect": "currentframe stack getmodule getsource getsourcelines getsourcefile getfile",
    "importlib": "import_module reload",
    "pkgutil": "resolve_name get_data",
    "pydoc": "locate",
    "typing": "get_type_hints",
    "warnings": "filters",
    "pickle": "load loads Unpickler",
    "_pickle": "load loads Unpickler",
    "decimal": "getcontext localcontext",
    "_decimal": "getcontext localcontext",
    "os": "environ environb getenv getenvb urandom getpid getppid open read popen stat listdir scandir walk getcwd "
    "cpu_count getloadavg getlogin getuid uname times sched_getaffinity get_terminal_size",
    "os.path": "exists isfile isdir getsize getmtime",
    "posix": "urandom getpid getppid open read stat listdir scandir getcwd "
    "cpu_count getloadavg getlogin getuid uname times sched_getaffinity get_terminal_size",
    "genericpath": "exists isfile isdir getsize getmtime",
    "time": "timezone altzone daylight tzname "
    "time time_ns perf_counter perf_counter_ns monotonic monotonic_ns process_time process_time_ns "
    "thread_time thread_time_ns localtime gmtime strftime ctime",
    "datetime": "datetime.now datetime.utcnow datetime.today date.today",
    "datetime.datetime": "now utcnow today",
    "datetime.date": "today",
    "uuid": "uuid1 uuid4",
    "random": "Random SystemRandom",
    "threading": "get_ident get_native_id current_thread",
    "multiprocessing": "current_process cpu_count",
    "multiprocessing.process": "current_process",
    "ctypes": "CDLL",
    "numpy": "load loadtxt genfromtxt fromfile memmap geterr geterrcall get_printoptions getbufsize",
    "pandas": "options get_option",
    "numpy.random": "default_rng RandomState SeedSequence PCG64 PCG64DXSM MT19937 Philox SFC64",
}
_READERS = frozenset(f"{module}.{name}" for module, names in _NAMES.items() for name in names.split())
_MODULES = ("secrets.", "socket.", "subprocess.", "sqlite3.", "shelve.", "requests.", "httpx.", "tempfile.", "glob.",
            "gc.", "pandas.read_", "polars.read_", "platform.", "getpass.", "locale.", "fileinput.", "linecache.",
            "mmap.", "configparser.", "importlib.resources.", "importlib.metadata.",
            "resource.", "psutil.", "scipy.io.")  # fmt: skip
"""How the names begin of what reads from outside with all that it has."""


def reads_outside(name: str) -> bool:
    """Whether a function, class or module of a library, by its full name, gives what no code says.

    >>> [reads_outside(name) for name in ("time.time", "time.sleep", "secrets.choice", "numpy.random._pcg64.PCG64")]
    [True, False, True, True]
    """
    package = next((each for each in ("numpy.random", "numpy", "pandas") if name.startswith(f"{each}.")), "")
    last = f"{package}.{name.rpartition('.')[2]}"  # whichever of its modules it comes from
    return any(each.startswith(_MODULES) for each in (name, last)) or any(
        each in (name, last) or name.startswith(f"{each}.") for each in _READERS if each[0] == name[0]
    )
