"""A results folder that somebody else made runs no code: what it names is not imported, and each command says so."""

import shutil
import sys
from functools import partial

import pytest

from evo import AllBlocks, OnePlusLambda
from evo.errors import InputError
from experiments import Cell, Grid, run_grid
from experiments.checks.check import check
from experiments.grids.extensions import import_object
from experiments.store.files import write_json
from experiments.store.grid_json import read_grid
from experiments.store.results import load
from experiments.store.third_party.recorded import recorded
from problems import BlockOneMax

OP = """
from dataclasses import dataclass
from pathlib import Path
from evo.laws import IndependentBlocks
Path({marker!r}).write_text("imported")
@dataclass(frozen=True)
class Op:
    p: float = 0.5
    def rewrite(self, correct, rng):
        return rng.random(correct.shape) < self.p
    @property
    def law(self):
        return IndependentBlocks(fix=self.p, keep=self.p)
"""
COMMANDS = [("check",), ("fit", "--along", "k"), ("time",), ("report",)]


@pytest.fixture
def made(tmp_path):
    """A folder that was run with a part of a module beside it, which leaves a mark when it is imported."""
    mark, name = tmp_path / "mark", f"op_of_{tmp_path.name}".replace("-", "_")
    (tmp_path / f"{name}.py").write_text(OP.format(marker=str(mark)))
    part = import_object(name, "Op", tmp_path)
    cells = [Cell(BlockOneMax(k, 4), part(), AllBlocks(), OnePlusLambda()) for k in (2, 3)]
    run_grid(Grid("x", cells, runs=1500), tmp_path / "out", workers=1, tell=pytest.fail)
    mark.unlink()
    del sys.modules[name]
    sys.path.remove(str(tmp_path))
    yield tmp_path, name, mark
    sys.modules.pop(name, None)
    if str(tmp_path) in sys.path:
        sys.path.remove(str(tmp_path))


@pytest.fixture(scope="module")
def llm_evo(command):
    """The command in a process of its own, whose path is ours alone."""
    return partial(command, figures=False, PYTHONSAFEPATH="1", COLUMNS="100")


def attack(made_in, name, **entries):
    """The folder as an attacker hands it over: elsewhere, with what its grid.json says altered."""
    other = made_in / "theirs"
    shutil.copytree(made_in / "out", other)
    shutil.copy(made_in / f"{name}.py", other)
    grid = read_grid(other)
    (part,) = grid["parts"].values()
    part |= {"named": f"{name}:Op", "folder": str(other), **entries}
    write_json(other / "grid.json", grid)
    return other


@pytest.mark.parametrize(
    "entries",
    [{}, {"folder": "."}, {"folder": None}, {"sha256": None, "reads": None}, {"named": None}, {"reads": {}}],
    ids=["as made", "relative folder", "no folder", "no hash", "no name", "nothing read"],
)
def test_a_folder_of_somebody_else_runs_no_code(made, entries, monkeypatch):
    folder, name, mark = made
    other = attack(folder, name, **entries)
    monkeypatch.chdir(other)
    found = check(load(other))
    assert {str(each.verdict) for each in found.cells} == {"AGREES"}
    assert "no launch of yours has recorded it for this folder" in found.cells[0].stored
    assert not mark.exists()
    monkeypatch.syspath_prepend(str(other))
    load(other, imports=True).cell(found.cells[0].cell)
    assert mark.exists()  # the twin: it would have


def test_each_command_works_without_and_says_so_in_a_line(made, llm_evo):
    folder, name, mark = made
    attack(folder, name)
    for words in COMMANDS:
        done = llm_evo(words[0], "theirs", *words[1:], cwd=folder)
        assert done.returncode == 0, done.stderr
        told = f"from stored predictions: the part '{name}.Op' is not imported, for no launch of yours has recorded it"
        assert told in done.stderr
        assert len(done.stderr.splitlines()) == 1
        assert not mark.exists()
    done = llm_evo("check", "theirs", "--import", cwd=folder, PYTHONPATH=str(folder / "theirs"))
    assert (done.returncode, done.stderr, mark.exists()) == (0, "", True)


def test_what_a_launch_here_recorded_is_imported(made):
    folder, name, mark = made
    assert set(recorded(folder / "out")) == {f"{name}.Op"}
    assert recorded(folder / "theirs") == {}
    found = load(folder / "out")
    with pytest.raises(InputError, match="is not found: no module"):  # its folder is not on the path
        found.cell(found.cells.index[0])
    sys.path.append(str(folder))
    assert load(folder / "out").not_imported == {}
    assert mark.exists()


def test_a_file_that_was_changed_or_moved_since_is_not_imported(made):
    folder, name, mark = made
    sys.path.append(str(folder))
    file = folder / f"{name}.py"
    source = file.read_text()
    file.write_text(source + "# changed\n")
    assert "has changed since" in load(folder / "out").not_imported[f"{name}.Op"]
    file.unlink()
    (folder / name).mkdir()
    (folder / name / "__init__.py").write_text(source)
    assert "has changed since" in load(folder / "out").not_imported[f"{name}.Op"]
    assert not mark.exists()


def test_a_part_of_a_script_is_said_to_be_one(made):
    folder, name, _ = made
    other = attack(folder, name, module="__main__")
    for allowed in (None, True):
        (told,) = load(other, imports=allowed).not_imported.values()
        assert "was defined in a script or notebook, which another process cannot import" in told
