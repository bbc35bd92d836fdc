"""Options of the test suite, and the command in a process of its own that need not load everything again."""

import gc
import json
import os
import random
import re
import subprocess
import sys
from functools import cache
from itertools import combinations
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

few = {"max_examples": 50, "derandomize": True, "deadline": None, "suppress_health_check": [HealthCheck.too_slow]}
settings.register_profile("fixed", **few)
settings.load_profile("fixed")  # the same examples in every run: a test fails for what was changed, not for slowness

for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(name, "1")  # as in the workers of a launch: else two processes of tests have four threads

os.environ.pop("PYTHONDONTWRITEBYTECODE", None)  # else all that tests start compiles everything again, each time
sys.dont_write_bytecode = False

gc.disable()  # until all tests are there: it would go through ten thousand of them again and again

STARTER = """
import atexit, gc, importlib, json, os, sys, threading, traceback
for name in (
    "pandas",
    "scipy.stats",
    "pyarrow.parquet",
    "joblib",
    "rich.progress",
    "rich.table",
    "evo.conformance",
    "experiments.reports.report",
    "experiments.reports.terminal",
    "experiments.reports.export",
    "experiments.cli.app",
    "experiments.cli.calibrated",
):
    importlib.import_module(name)
gc.collect()
gc.freeze()
for line in sys.stdin:
    job = json.loads(line)
    if not (child := os.fork()):
        break
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
else:
    raise SystemExit
for number, name in enumerate((os.devnull, job["out"], job["err"])):
    os.dup2(os.open(name, os.O_RDWR | os.O_CREAT), number)
sys.stdin = open(os.devnull)
os.chdir(job["cwd"])
os.environ.clear()
os.environ.update(job["environment"])
sys.path[:0] = [os.path.abspath(folder) for folder in job["path"] if folder]
sys.argv = ["llm-evo", *job["words"]]
if not job["figures"]:
    from experiments.reports import files
    files._figure_of, files._curves_of, files._write_page = (lambda *_: None), (lambda *_: []), (lambda *_: [])
from experiments.cli.app import main
code = 1
try:
    main()
    code = 0
except SystemExit as end:
    if isinstance(end.code, str):
        print(end.code, file=sys.stderr)
    else:
        code = end.code or 0
except BaseException:
    traceback.print_exc()
threading._shutdown()
atexit._run_exitfuncs()
sys.stdout.flush()
sys.stderr.flush()
os._exit(code)
"""
"""A process that has loaded what commands load, and forks one that runs a command, with nothing else done before.

Neither the collector of garbage nor the end of a process goes through all that was loaded: each would copy every page
of it, which takes 0.6 s a command.
"""


def pytest_addoption(parser):
    parser.addoption(
        "--vary-seed",
        action="store_true",
        help="draw other random numbers than always, to measure how often statistical tests really fail",
    )


def some(items, names, at_least):
    """The few cases of a test in which each value of each named parameter stands: always the same ones.

    Greedy: next is what holds most values that none had yet; of equals, what holds most pairs of them.
    """
    values = [{(name, repr(item.callspec.params[name])) for name in names} for item in items]
    pairs = [set(combinations(sorted(held), 2)) for held in values]
    left = random.Random(items[0].originalname).sample(range(len(items)), len(items))
    missing, unseen, chosen = set().union(*values), set().union(*pairs), []
    while left and (missing or len(chosen) < at_least):
        best = max(left, key=lambda case: (len(missing & values[case]), len(unseen & pairs[case])))
        left.remove(best)
        chosen.append(items[best])
        missing -= values[best]
        unseen -= pairs[best]
    return chosen


@pytest.fixture(scope="session")
def some_of():
    """What the mark `some` takes."""
    return some


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items):
    """Marks as slow what the mark `some` leaves out of the quick suite."""
    tests = {}
    for item in items:
        if mark := item.get_closest_marker("some"):
            tests.setdefault((item.parent.nodeid, item.originalname), (mark, []))[1].append(item)
    for mark, cases in tests.values():
        chosen = set(some(cases, mark.args or tuple(cases[0].callspec.params), mark.kwargs.get("at_least", 1)))
        for case in cases:
            if case not in chosen:
                case.add_marker("slow")


def pytest_collection_finish():
    """From here on the collector leaves out what was loaded, which stays for good."""
    gc.freeze()
    gc.set_threshold(10_000, 20, 20)
    gc.enable()


@pytest.fixture(scope="session", autouse=True)
def state(tmp_path_factory):
    """What launches record of a user is kept in a folder of the tests."""
    with pytest.MonkeyPatch.context() as patch:
        for name in ("XDG_STATE_HOME", "LOCALAPPDATA"):
            patch.setenv(name, str(tmp_path_factory.mktemp("state")))
        yield


@pytest.fixture(scope="session", autouse=True)
def our_git_once():
    """Git is asked once what it says of the testbed's own tree: each launch asks five times, a process each."""
    from experiments.store.launches import provenance

    ask, root = provenance._git, Path(__file__).parents[1]
    once = cache(lambda folder, words, without: ask(folder, *words, without=without))

    def git(folder, *words, without=()):
        if folder.is_relative_to(root):
            return once(folder, words, tuple(without))
        return ask(folder, *words, without=without)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(provenance, "_git", git)
        yield


@pytest.fixture(scope="session")
def rows_of():
    """Reads a listing of the terminal back, below the first line with these headings: a record a row.

    Each has its label, and what is said once for all rows above the headings.
    """

    def read(text, *headings, left=0):
        lines = text.splitlines()
        start = next(i for i, line in enumerate(lines) if all(f" {each} " in f" {line} " for each in headings))
        names = re.split(r"\s{2,}", lines[start].strip())
        places = [match.span() for match in re.finditer(r"\S+(?: \S+)*", lines[start])]
        assert lines[start + 1].strip("─ ") == ""
        same = next((line for line in lines[max(0, start - 2) : start] if line.startswith("in all rows: ")), "")
        told = dict(re.findall(r"([\w ]+?) = ([^,]+)(?:, |$)", same.removeprefix("in all rows: ")))
        found, label, ends = [], "", [end for _, end in places]
        column = places[left - 1][0]
        for line in lines[start + 2 :]:
            if not line.strip():
                break
            if not line.startswith("  "):
                label = line
            elif left and line[column - 2 : column] == "  " != line[column : column + 2]:
                cells = dict(zip(names[left - 1 :], re.split(r"\s{2,}", line[column:].strip()), strict=False))
                found.append({"label": label, **told, **cells})
            elif not left and all(line[end : end + 2].strip() == "" for end in ends) and len(line.rstrip()) == ends[-1]:
                cells = [line[first:end].strip() for first, end in zip([0, *ends[:-1]], ends, strict=True)]
                found.append({"label": label, **told, **dict(zip(names, cells, strict=True))})
        return found

    return read


@pytest.fixture(scope="session")
def shows():
    """What a figure says of its data: the word that stands in its file (`reports.drawing.shown`)."""
    from PIL import Image

    def read(path):
        with Image.open(path) as picture:
            return picture.text["Description"]

    return read


@pytest.fixture
def no_figures(monkeypatch):
    """Reports are written without figures and page, which take most of the time and are not what is asked."""
    for name, instead in (("_figure_of", None), ("_curves_of", []), ("_write_page", [])):
        monkeypatch.setattr(f"experiments.reports.files.{name}", lambda *_, instead=instead: instead)


class Starter:
    """Runs `llm-evo` as a new process, without the seconds that imports take."""

    def __init__(self, folder):
        self.folder, self.process = folder, None

    def __call__(self, *words, cwd, figures=True, **environment):
        """As `subprocess.run([sys.executable, "-m", "experiments", *words], ...)`, text captured.

        Without figures, as `no_figures` does it, where processes are forked.
        """
        words = [str(word) for word in words]
        everything = os.environ | {"PYTHONHASHSEED": "0"} | environment
        if not hasattr(os, "fork"):
            command = [sys.executable, "-m", "experiments", *words]
            return subprocess.run(command, cwd=cwd, env=everything, capture_output=True, text=True, check=False)
        if self.process is None:
            environment_of_all = {"PYTHONPATH": os.pathsep.join(filter(None, sys.path)), "PYTHONDONTWRITEBYTECODE": "1"}
            self.process = subprocess.Popen(
                [sys.executable, "-P", "-c", STARTER],
                text=True,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                cwd=self.folder,
                env=os.environ | environment_of_all,
            )
        out, err = self.folder / "out", self.folder / "err"
        for file in (out, err):
            file.unlink(missing_ok=True)
        path = environment.get("PYTHONPATH", "").split(os.pathsep)
        job = {"words": words, "cwd": str(cwd), "environment": everything, "path": path, "figures": figures}
        job |= {"out": str(out), "err": str(err)}
        print(json.dumps(job), file=self.process.stdin, flush=True)
        code = int(self.process.stdout.readline())
        return subprocess.CompletedProcess(words, code, out.read_text(), err.read_text())

    def stop(self):
        if self.process is not None:
            self.process.stdin.close()
            self.process.wait()
            self.process.stdout.close()


@pytest.fixture(scope="session")
def command(tmp_path_factory):
    """The command `llm-evo` in a new process: `command("check", folder, cwd=..., COLUMNS="100")`."""
    starter = Starter(tmp_path_factory.mktemp("starter"))
    yield starter
    starter.stop()
