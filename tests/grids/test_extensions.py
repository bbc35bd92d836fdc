"""Third-party parts: in a TOML grid, from an installed package, checked, resumed and read again."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import textwrap
from functools import partial
from pathlib import Path

import pytest

from evo.errors import InputError, NoPrediction
from evo.runners.one_plus_lambda import OnePlusLambda
from evo.schedules import AllBlocks
from experiments.checks.check import check
from experiments.fits.fit import fit
from experiments.grids.cell import Cell
from experiments.grids.extensions import import_object
from experiments.grids.grid import Grid
from experiments.grids.toml import load_grid
from experiments.predictions.predict import predict
from experiments.predictions.verdict import Verdict
from experiments.running.launch import run_grid
from experiments.store.files import StoreError, write_json
from experiments.store.launches.provenance import read_launches
from experiments.store.results import load
from problems import BlockOneMax

HERE = Path(__file__).parents[1]
SLOW = pytest.mark.slow
ROOT = HERE.parent

CAREFUL = (
    (HERE / "mine" / "careful.py").read_text()
    + """
class Plain:
    def rewrite(self, correct, rng):
        return correct

@dataclass(frozen=True)
class Picky:
    p: float = 0.5
    def __post_init__(self):
        raise KeyError("no")
    def rewrite(self, correct, rng):
        return correct

careful = Careful(p=0.5)
"""
)
GRID = (HERE / "mine" / "grid.toml").read_text()
PLUGIN_GRID = """
name = "plugged"
runs = 600
batch = 100

[[arm]]
label    = "law"
problem  = {type = "BlockOneMax", k = [2, 4], l = 16}
mutator  = {type = "Refuse", rate = 0.1, inner = {type = "SampleCareful"}}
schedule = {type = "AllBlocks"}
cost     = {type = "SampleFlat", fee = 2}

[[arm]]
label    = "all of it"
problem  = {type = "SampleWeighted", k = [2, 4]}
mutator  = {type = "SampleCareful", p = 0.25}
schedule = {type = "SampleBackwards"}
"""


@pytest.fixture
def module(request) -> str:
    """A name of its own for each test: a process imports a module once."""
    return "mine_" + re.sub(r"\W", "_", request.node.name)[:60]


@pytest.fixture(autouse=True)
def path_restored(monkeypatch):
    monkeypatch.setattr(sys, "path", list(sys.path))
    before = set(sys.modules)
    yield
    for name in set(sys.modules) - before:
        if name.startswith("mine_"):
            del sys.modules[name]


@pytest.fixture
def file(tmp_path, module) -> Path:
    """A grid, and the module that it names beside it."""
    (tmp_path / f"{module}.py").write_text(CAREFUL)
    grid = tmp_path / "grid.toml"
    grid.write_text(GRID.replace("MODULE", module))
    return grid


def python(*words: str | Path, cwd: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *map(str, words)],
        cwd=cwd,
        env=os.environ | {"PYTHONPATH": str(ROOT), "PYTHONSAFEPATH": "1", "COLUMNS": "100"} | environment,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture(scope="session")
def llm_evo(command):
    """The command in a process of its own, from which our packages and an installed one can be imported."""
    return partial(command, figures=False, PYTHONSAFEPATH="1", COLUMNS="100")


# ------------------------------------------------------------------------------------------- beside the file


def test_a_class_beside_the_file_is_a_part_of_the_grid(file, module, tmp_path):
    first = sys.path[0]
    grid = load_grid(file)
    assert grid.cells[0].text == (
        f"Cell(problem=BlockOneMax(k=2, l=16), mutator={module}.Careful(p=0.5), schedule=AllBlocks(), "
        "runner=OnePlusLambda())"
    )
    assert (sys.path[0], sys.path[-1]) == (first, str(tmp_path))
    assert load_grid(file).cells == grid.cells
    assert sys.path.count(str(tmp_path)) == 1
    assert Cell.parse(grid.cells[0].text) == grid.cells[0]


def test_an_operator_with_a_law_is_predicted_and_checked_without_a_new_rule(file):
    results = run_grid(load_grid(file), workers=2)
    assert check(results).verdict is Verdict.AGREES
    assert predict(load_grid(file).cells[0]).mean == pytest.approx(8 / 3)  # of two geometric times the longer one


def test_an_operator_without_a_law_runs_and_is_fitted_and_predict_says_why_not(file, module):
    file.write_text(file.read_text().replace("Careful", "Lawless"))
    results = run_grid(load_grid(file), workers=1)
    (growth,) = fit(results, along="k").growths
    assert (growth.told, growth.law) == ("UNDECIDED", None)
    assert "3 cells carry no law of 2 parameters" in growth.reason
    checked = check(results)
    assert checked.verdict is Verdict.CANNOT_TELL
    why = f"{module}.Lawless declares no law: it runs and is fitted, not predicted"
    assert why in checked.cells[0].reason
    with pytest.raises(NoPrediction, match=re.escape(why)):
        predict(load_grid(file).cells[0])


def test_a_wrong_law_differs(file, module, tmp_path):
    (tmp_path / f"{module}.py").write_text(CAREFUL.replace("fix=self.p", "fix=self.p / 2"))
    assert check(run_grid(load_grid(file), workers=1)).verdict is Verdict.DIFFERS


@pytest.mark.parametrize(
    ("named", "expected"),
    [
        ("nowhere:Careful", "mutator: there is no module 'nowhere' in FOLDER or on the path of this Python"),
        ("MODULE:Carefull", "mutator: the module 'MODULE' (FILE) has no 'Carefull'; did you mean 'Careful'?"),
        ("MODULE:", "mutator: expected \"module:Class\", got 'MODULE:'"),
        ("a b:C", "mutator: expected \"module:Class\", got 'a b:C'"),
        ("MODULE:Plain", "mutator: 'MODULE:Plain' is no part: expected a class marked @dataclass(frozen=True), got "),
        ("MODULE:careful", "mutator: 'MODULE:careful' is no part: expected a class marked @dataclass(frozen=True), "),
        ("Carefull", "mutator: unknown mutator 'Carefull'; known: Resample, "),
    ],
)
def test_a_name_that_stands_for_no_part(file, module, tmp_path, named, expected):
    file.write_text(file.read_text().replace(f"{module}:Careful", named.replace("MODULE", module)))
    expected = expected.replace("MODULE", module).replace("FOLDER", str(tmp_path))
    with pytest.raises(InputError) as caught:
        load_grid(file)
    expected = expected.replace("FILE", str(tmp_path / f"{module}.py"))
    assert str(caught.value).startswith(f"{file}: arm 1 ('mine'): {expected}"), caught.value


@pytest.mark.parametrize(("named", "told"), [("Clear", "; did you mean 'Clear_'?"), ("Hidden", "")])
def test_names_of_a_module_that_are_its_own_business_are_not_offered(file, module, tmp_path, named, told):
    (tmp_path / f"{module}.py").write_text("class Clear_: pass\nclass _Hidden: pass\n")
    file.write_text(file.read_text().replace(f"{module}:Careful", f"{module}:{named}"))
    with pytest.raises(InputError) as caught:
        load_grid(file)
    assert str(caught.value).endswith(f" has no {named!r}{told}")


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("1/0", "importing the module 'MODULE' failed: ZeroDivisionError: division by zero"),
        ("import no_such_thing", "importing the module 'MODULE' failed: No module named 'no_such_thing'; install it"),
        ("raise SystemExit(3)", "importing the module 'MODULE' failed: SystemExit: 3"),
        ("def", "importing the module 'MODULE' failed: SyntaxError: invalid syntax"),
    ],
)
def test_a_module_that_cannot_be_imported(file, module, tmp_path, source, expected):
    (tmp_path / f"{module}.py").write_text(source)
    with pytest.raises(InputError, match=re.escape(expected.replace("MODULE", module))):
        load_grid(file)


def test_a_part_that_raises_when_it_is_built(file, module):
    file.write_text(file.read_text().replace("Careful", "Picky"))
    with pytest.raises(InputError, match=f"mutator: cannot build {module}:Picky: KeyError: 'no'"):
        load_grid(file)


def test_a_file_that_another_module_hides_is_told(file, tmp_path):
    (tmp_path / "json.py").write_text(CAREFUL)
    file.write_text(re.sub(r"mine_\w+:", "json:", file.read_text()))
    with pytest.raises(InputError, match=r"json\.py is hidden by another module 'json' \(.+\); give yours another"):
        load_grid(file)


def test_two_files_of_one_name_are_not_taken_for_each_other(file, module, tmp_path):
    load_grid(file)
    other = tmp_path / "other"
    other.mkdir()
    (other / f"{module}.py").write_text(CAREFUL)
    (other / "grid.toml").write_text(file.read_text())
    with pytest.raises(InputError, match="is hidden by another module"):
        load_grid(other / "grid.toml")


# ------------------------------------------------------------------------------------------- the command


@pytest.fixture
def ran(file, tmp_path, llm_evo) -> Path:
    """A folder beside another one from which the command ran the grid."""
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    done = llm_evo("run", file, "--workers", "1", "--quiet", cwd=elsewhere)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "3 AGREES" in done.stdout
    return elsewhere


def test_a_stored_grid_finds_the_part_again_in_a_new_process(ran, llm_evo, module, tmp_path):
    done = llm_evo("check", "results/mine", cwd=ran)
    assert done.returncode == 0, done.stderr
    assert "3 AGREES" in done.stdout
    held = json.loads((ran / "results" / "mine" / "grid.json").read_text())["parts"]
    assert set(held) == {f"{module}.Careful"}
    assert held[f"{module}.Careful"]["named"] == f"{module}:Careful"
    assert held[f"{module}.Careful"]["folder"] == str(tmp_path)


def test_a_stored_part_that_is_gone_or_changed_is_checked_by_its_stored_prediction(ran, llm_evo, module, tmp_path):
    source = tmp_path / f"{module}.py"
    source.write_text(CAREFUL + "\nprint('imported')\n")
    done = llm_evo("check", "results/mine", cwd=ran)
    assert (done.returncode, "imported" in done.stdout) == (0, False)
    assert "1 AGREES, 0 DIFFERS, 2 CANNOT TELL" in " ".join(done.stdout.split())  # 600 runs: few for the law alone
    assert "more runs would tell times longer or shorter by 25%" in " ".join(done.stdout.split())
    assert "has changed since these results were made" in " ".join(done.stdout.split())
    source.unlink()
    results = load(ran / "results" / "mine")
    assert check(results).cells[0].stored == (
        f"the part '{module}.Careful' ('{module}:Careful' in the grid) is not found: no module '{module}' in "
        f"{tmp_path} or on the path"
    )
    assert llm_evo("report", "results/mine", cwd=ran).returncode == 0


def test_code_is_imported_only_if_a_launch_here_recorded_it(tmp_path, module):
    """Also of a grid made in Python, if its module is on the path."""
    (tmp_path / f"{module}.py").write_text(CAREFUL)
    part = import_object(module, "Careful", tmp_path)(0.5)
    grid = Grid("python", [Cell(BlockOneMax(2, 4), part, AllBlocks(), OnePlusLambda())], runs=20, batch=20)
    run_grid(grid, tmp_path / "out", workers=1)
    assert "more runs would tell" in check(load(tmp_path / "out")).cells[0].reason  # it is loaded
    del sys.modules[module]
    shutil.copytree(tmp_path / "out", tmp_path / "elsewhere")
    assert (
        check(load(tmp_path / "elsewhere"))
        .cells[0]
        .stored.startswith(
            f"the part '{module}.Careful' is not imported, for no launch of yours has recorded it for this folder"
        )
    )
    assert module not in sys.modules
    assert check(load(tmp_path / "out")).cells[0].stored == ""
    assert module in sys.modules


def test_resuming_with_another_source_stops_unless_it_is_accepted(ran, llm_evo, file, module, tmp_path):
    (tmp_path / f"{module}.py").write_text(CAREFUL.replace("< self.p", "<= self.p") + "\n# a comment\n")
    done = llm_evo("run", file, "--runs", "700", "--workers", "1", "--quiet", cwd=ran)
    assert done.returncode == 2
    assert done.stderr == (
        f"error: results/mine: {module}.Careful has changed since the runs in it were made: the code of "
        f"{module}.Careful.rewrite() is another; choose another folder with --out, or go on with "
        "--accept-changed-code (in Python run_grid(..., accept_changed_code=True)), which is noted\n"
    )
    assert len(load(ran / "results" / "mine").runs) == 3 * 600
    for _ in range(2):  # what was accepted once is no change any more
        accepted = llm_evo("run", file, "--runs", "700", "--workers", "1", "--quiet", "--accept-changed-code", cwd=ran)
        assert accepted.returncode == 0, accepted.stderr
    assert len(load(ran / "results" / "mine").runs) == 3 * 700
    launches = read_launches(ran / "results" / "mine")
    assert [launch.get("accepted changed code") for launch in launches] == [None, [f"{module}.Careful"], None]
    part = json.loads((ran / "results" / "mine" / "grid.json").read_text())["parts"][f"{module}.Careful"]
    assert len(part["earlier"]) == 1
    assert part["sha256"] not in part["earlier"]
    in_workers = llm_evo("run", file, "--runs", "900", "--workers", "2", "--quiet", cwd=ran)
    assert in_workers.returncode == 0, in_workers.stderr
    assert len(load(ran / "results" / "mine").runs) == 3 * 900


@pytest.mark.parametrize("parts", ["3", '{"a": 3}', '{"a": {"module": "a"}}'], ids=["number", "no table", "keys"])
def test_a_grid_json_with_parts_that_are_none(tmp_path, parts):
    numbers = {"runs": 1, "seed": 1, "batch": 1, "cells": 1, "batches": 1}
    held = {"format": 2, "name": "x", "engine": "blocks", "table": "", **numbers, "parts": json.loads(parts)}
    write_json(tmp_path / "grid.json", held)
    with pytest.raises(StoreError, match=r"grid\.json: expected under parts "):
        load(tmp_path)


# ------------------------------------------------------------------------------------------- check-operator


@pytest.fixture
def here(tmp_path) -> Path:
    (tmp_path / "my_ops.py").write_text(
        CAREFUL
        + textwrap.dedent("""
        @dataclass(frozen=True)
        class Wrong:
            p: float = 0.5
            def rewrite(self, correct, rng):
                return correct | (rng.random(correct.shape) < self.p)
            @property
            def law(self):
                return IndependentBlocks(fix=self.p, keep=0.9)
        """)
    )
    return tmp_path


@pytest.mark.parametrize(
    ("part", "code", "expected"),
    [
        ("my_ops:Careful(p=0.5)", 0, "13 passed, 0 FAILED, 3 do not apply"),
        pytest.param("my_ops:careful", 0, "13 passed, 0 FAILED, 3 do not apply", marks=SLOW),
        pytest.param("my_ops:Lawless", 0, "11 passed, 0 FAILED, 5 do not apply", marks=SLOW),
        ("my_ops:Wrong", 1, "law holds: P(0 of 1 blocks are correct) after a call with 0 incorrect is 0.1000 by the"),
        ("my_ops:Plain", 1, "frozen dataclass: Plain is no frozen dataclass; write @dataclass(frozen=True) above"),
        ("operators:Refuse(inner=Resample(p=0.5), rate=0.1)", 0, "mutator Refuse(inner=Resample(p=0.5), rate=0.1)"),
        ("BlockOneMax(k=4, l=16)", 0, "problem BlockOneMax(k=4, l=16"),
        ("UntilResolved", 0, "schedule UntilResolved(g=1"),
        ("LLMPrimitive", 0, "cost LLMPrimitive(m=1.0"),
        ("my_ops:Careful", 2, "error: Careful needs the parameter 'p', got none; allowed: p; give it as in "),
        ("my_ops:Careful(0.5)", 2, 'error: parameters are given by name, as in "my_ops:Careful(p=...)"; '),
        ("my_ops:Careful(q=1)", 2, "error: Careful has no parameter 'q'; allowed: p\n"),
        ("my_ops:Careful(p=", 2, "error: expected the canonical text of a part, got 'Careful(p='"),
        ("my_ops:careful()", 2, "error: 'my_ops:careful' is an object and no class; leave out its parentheses"),
        ("my_ops:Picky", 2, "error: cannot build Picky(): KeyError: 'no'"),
        ("my_ops:dataclass", 2, "is no part of a cell: a mutator has rewrite; a problem has initial, fitness; "),
        ("my_ops:Nope", 2, "has no 'Nope'"),
        ("nowhere:Nope", 2, "error: there is no module 'nowhere' in "),
        ("nowhere", 2, 'error: expected "module:Class", such as "my_pkg:MyMutator", got \'nowhere\''),
    ],
)
def test_check_operator_prints_the_checks_and_says_by_its_code_what_came_of_them(here, llm_evo, part, code, expected):
    done = llm_evo("check-operator", part, cwd=here)
    said = done.stdout + done.stderr
    assert expected in said + " ".join(said.split())  # lines are folded
    assert max(map(len, done.stdout.splitlines()), default=0) <= 100  # the columns of this terminal
    assert done.returncode == code
    assert "Traceback" not in done.stderr


# ------------------------------------------------------------------------------------------- an installed package


@pytest.fixture(scope="module")
def site(tmp_path_factory) -> Path:
    """A folder with the sample package, built as a wheel and installed without a network."""
    wheels, folder = tmp_path_factory.mktemp("wheels"), tmp_path_factory.mktemp("site")
    built = python("-m", "hatchling", "build", "-t", "wheel", "-d", wheels, cwd=HERE / "plugin")
    assert built.returncode == 0, built.stderr
    (wheel,) = wheels.glob("*.whl")
    installed = python(
        "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps", "--no-index", "--target", folder,
        wheel, cwd=folder,
    )  # fmt: skip
    assert installed.returncode == 0, installed.stderr
    return folder


def test_the_parts_of_an_installed_package_are_used_by_name(site, llm_evo, tmp_path):
    (tmp_path / "grid.toml").write_text(PLUGIN_GRID)
    environment = {"PYTHONPATH": str(site)}
    done = llm_evo("run", "grid.toml", "--workers", "2", "--quiet", cwd=tmp_path, **environment)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "2 AGREES, 0 DIFFERS, 2 CANNOT TELL" in " ".join(done.stdout.split())
    grid = json.loads((tmp_path / "results" / "plugged" / "grid.json").read_text())
    assert {name: part["named"] for name, part in grid["parts"].items()} == {
        "llm_evo_sample.mutators.Careful": "SampleCareful",
        "llm_evo_sample.parts.FlatFee": "SampleFlat",
        "llm_evo_sample.parts.Weighted": "SampleWeighted",
        "llm_evo_sample.parts.Backwards": "SampleBackwards",
    }
    again = llm_evo("check", "results/plugged", cwd=tmp_path, **environment)
    assert "2 AGREES, 0 DIFFERS, 2 CANNOT TELL" in " ".join(again.stdout.split())
    without = llm_evo("check", "results/plugged", cwd=tmp_path)
    assert "is not found: no module" in " ".join(without.stdout.split())


def test_show_lists_the_parts_of_installed_packages_and_imports_none(site, tmp_path):
    program = (
        "import sys; from experiments.cli.app import main; sys.argv = ['llm-evo', 'show']\n"
        "try: main()\nfinally: print([name for name in sys.modules if 'evo_sample' in name], file=sys.stderr)"
    )
    environment = {"PYTHONPATH": f"{ROOT}{os.pathsep}{site}", "COLUMNS": "160"}
    done = python("-c", program, cwd=tmp_path, **environment)
    assert done.stderr == "[]\n"
    assert "of llm-evo-sample 1.2: llm_evo_sample.mutators:Careful (not imported)" in done.stdout
    for name in ("SampleCareful", "SampleWeighted", "SampleBackwards", "SampleFlat"):
        assert name in done.stdout


@pytest.mark.parametrize("part", ["SampleCareful", "SampleWeighted(k=6)", "SampleBackwards", "SampleFlat(fee=2)"])
def test_the_sample_package_conforms(site, llm_evo, tmp_path, part):
    done = llm_evo("check-operator", part, cwd=tmp_path, PYTHONPATH=str(site))
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_name_that_is_misspelt_is_suggested_from_installed_packages_too(site, llm_evo, tmp_path):
    (tmp_path / "grid.toml").write_text(PLUGIN_GRID.replace('"SampleCareful"', '"SampleCarefull"'))
    done = llm_evo("predict", "grid.toml", cwd=tmp_path, PYTHONPATH=str(site))
    assert done.returncode == 2
    assert "unknown mutator 'SampleCarefull'; did you mean 'SampleCareful'?" in done.stderr
