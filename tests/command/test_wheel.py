"""The wheel: what is in it, and that it runs where there is no source tree."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = {"evo", "problems", "operators", "experiments"}

GRID = """
name = "tiny"
runs = 20

[[arm]]
label    = "a"
problem  = {type = "BlockOneMax", k = [1, 2], l = 4}
mutator  = {type = "Resample", p = 0.5}
schedule = {type = "UntilResolved"}
"""


def run(*command: str | Path, cwd: Path, **environment: str) -> str:
    done = subprocess.run(
        [sys.executable, *command], cwd=cwd, env=os.environ | environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory) -> Path:
    """The wheel, built without a network."""
    folder = tmp_path_factory.mktemp("wheel")
    run("-m", "hatchling", "build", "-t", "wheel", "-d", folder, cwd=ROOT)
    (built,) = folder.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def site(wheel, tmp_path_factory) -> Path:
    """A folder outside the tree with the wheel installed into it, without its dependencies."""
    folder = tmp_path_factory.mktemp("site")
    run(
        "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps", "--no-index", "--target", folder,
        wheel, cwd=folder,
    )  # fmt: skip
    return folder


def test_the_wheel_holds_the_four_packages_and_nothing_else(wheel):
    names = zipfile.ZipFile(wheel).namelist()
    top = {name.split("/")[0] for name in names}
    (metadata,) = top - PACKAGES
    assert metadata.endswith(".dist-info")
    assert top - {metadata} == PACKAGES
    assert {f"{package}/py.typed" for package in PACKAGES} <= set(names)
    source = {
        str(file.relative_to(ROOT)) for package in PACKAGES for file in (ROOT / package).rglob("*.py")
    }  # fmt: skip
    assert {name for name in names if name.endswith(".py")} == source


def test_the_wheel_says_what_it_is_and_offers_the_command(wheel):
    archive = zipfile.ZipFile(wheel)
    (metadata,) = (name for name in archive.namelist() if name.endswith(".dist-info/METADATA"))
    text = archive.read(metadata).decode()
    assert "\nName: llm-evo-testbed\n" in text
    assert "\nRequires-Python: >=3.11\n" in text
    (scripts,) = (name for name in archive.namelist() if name.endswith("entry_points.txt"))
    assert "llm-evo = experiments.cli:main" in archive.read(scripts).decode()


@pytest.mark.slow
def test_the_installed_command_runs_outside_the_tree(site, tmp_path):
    environment = {"PYTHONPATH": str(site), "PYTHONSAFEPATH": "1"}
    imports = f"import {', '.join(sorted(PACKAGES))}\n"
    imports += "".join(f"print({package}.__file__)\n" for package in sorted(PACKAGES))
    found = run("-c", imports, cwd=tmp_path, **environment).split()
    assert found == [str(site / package / "__init__.py") for package in sorted(PACKAGES)]

    assert "BlockOneMax(k, l" in run("-m", "experiments", "show", cwd=tmp_path, **environment)
    (tmp_path / "grid.toml").write_text(GRID)
    shown = run("-m", "experiments", "run", "grid.toml", "--workers", "2", "--quiet", cwd=tmp_path, **environment)
    assert "0 DIFFERS" in shown
    assert (tmp_path / "results" / "tiny" / "runs").is_dir()
    assert (tmp_path / "results" / "tiny" / "report.txt").is_file()
