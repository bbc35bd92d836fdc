"""What the product imports is what an environment that has nothing else installs with it."""

import ast
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PRODUCT = ("evo", "problems", "operators", "experiments")
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
OPTIONAL = {"distributed", "dask", "tornado", "cloudpickle", "genai_prices", "openai"}
"""The extras `dask`, `prices` and `openai` bring them; what imports them says so where they are missing."""


def declared() -> set[str]:
    return {line.partition(">=")[0] for line in PROJECT["dependencies"]}


def imported(source: str) -> set[str]:
    """Top-level packages that a source imports, wherever it does; of relative imports none."""
    found = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found |= {name.name.partition(".")[0] for name in node.names}
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            found.add(str(node.module).partition(".")[0])
    return found


def undeclared(source: str) -> set[str]:
    return imported(source) - declared() - OPTIONAL - set(sys.stdlib_module_names) - set(PRODUCT)


@pytest.mark.parametrize("package", PRODUCT)
def test_all_that_is_imported_is_declared(package):
    files = sorted((ROOT / package).rglob("*.py"))
    assert files
    assert {file.name: found for file in files if (found := undeclared(file.read_text()))} == {}


def test_an_import_that_only_a_test_tool_brings_is_found():
    assert undeclared("def late():\n    from click.exceptions import ClickException\n") == {"click"}
    assert undeclared("import json, numpy.linalg\nfrom evo.text import canonical\n") == set()
