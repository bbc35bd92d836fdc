"""The notebook docs/first-look.ipynb, executed cell by cell, with the outputs that stand in it.

Jupyter is not needed: its JSON is read here, and each code cell is executed as a module's body in one namespace.
`python tests/docs/test_first_look.py` executes it and stores the outputs anew.
"""

import ast
import base64
import contextlib
import io
import json
import os
import re
import sys
import tempfile
import types
from pathlib import Path

import matplotlib.pyplot as plt
import pytest

NOTEBOOK = Path(__file__).parents[2] / "docs" / "first-look.ipynb"
NAME = "first_look"


def read():
    return json.loads(NOTEBOOK.read_text(encoding="utf-8"))


def run(source, namespace):
    """Execute the source of a cell; what it printed, and what its last expression is worth."""
    tree = ast.parse(source)
    last = tree.body.pop() if tree.body and isinstance(tree.body[-1], ast.Expr) else None
    printed, value = io.StringIO(), None
    with contextlib.redirect_stdout(printed):
        exec(compile(tree, NAME, "exec"), namespace)
        if last is not None:
            value = eval(compile(ast.Expression(last.value), NAME, "eval"), namespace)
    return printed.getvalue(), value


def outputs_of(printed, value, count):
    """As Jupyter stores them; figures as pictures."""
    found = [{"output_type": "stream", "name": "stdout", "text": lines(printed)}] if printed else []
    if value is not None:
        data = {"text/plain": lines(repr(value))}
        html = getattr(value, "_repr_html_", None)
        data |= {} if html is None else {"text/html": lines(html())}
        found.append({"output_type": "execute_result", "execution_count": count, "metadata": {}, "data": data})
    for number in plt.get_fignums():
        picture = io.BytesIO()
        plt.figure(number).savefig(picture, format="png", dpi=60, metadata={"Software": None})
        data = {"image/png": base64.b64encode(picture.getvalue()).decode(), "text/plain": ["<Figure>"]}
        found.append({"output_type": "display_data", "metadata": {}, "data": data})
    plt.close("all")
    return found


def lines(text):
    return text.splitlines(keepends=True)


def executed(folder):
    """The code cells, each with its new outputs."""
    module = types.ModuleType(NAME)
    sys.modules[NAME] = module  # classes of the notebook are found by the name of their module
    here = os.getcwd()
    try:
        os.chdir(folder)
        for count, cell in enumerate((cell for cell in read()["cells"] if cell["cell_type"] == "code"), start=1):
            yield cell, outputs_of(*run("".join(cell["source"]), vars(module)), count)
    finally:
        os.chdir(here)
        del sys.modules[NAME]


def without_pictures(outputs):
    return [each for each in outputs if each["output_type"] != "display_data"]


@pytest.mark.slow
def test_the_notebook_does_what_stands_in_it(tmp_path):
    pictures = 0
    for cell, outputs in executed(tmp_path):
        assert without_pictures(outputs) == without_pictures(cell["outputs"]), "".join(cell["source"])
        pictures += len(outputs) - len(without_pictures(outputs))
    assert pictures == 1
    assert (tmp_path / "first-look" / "report.txt").is_file()


def test_the_notebook_is_one_that_jupyter_reads_and_names_no_machine():
    found, text = read(), NOTEBOOK.read_text(encoding="utf-8")
    assert (found["nbformat"], found["nbformat_minor"]) == (4, 5)
    assert len({cell["id"] for cell in found["cells"]}) == len(found["cells"])
    code = [cell for cell in found["cells"] if cell["cell_type"] == "code"]
    assert [cell["execution_count"] for cell in code] == list(range(1, len(code) + 1))
    assert sum(bool(cell["outputs"]) for cell in code) >= 8
    assert not re.search(r"/(?:home|root|tmp|work|Users)/|https?://", text)


def test_a_cell_whose_output_has_changed_is_found():
    cell = {"source": ["1 + 1"], "outputs": outputs_of("", 3, 1)}
    assert without_pictures(outputs_of(*run("1 + 1", {}), 1)) != cell["outputs"]


def store():
    """Execute the notebook, and write it with its outputs."""
    found = read()
    with tempfile.TemporaryDirectory() as folder:
        made = list(executed(folder))
    for count, (cell, (_, outputs)) in enumerate(
        zip((cell for cell in found["cells"] if cell["cell_type"] == "code"), made, strict=True), start=1
    ):
        cell |= {"outputs": outputs, "execution_count": count}
    NOTEBOOK.write_text(json.dumps(found, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


if __name__ == "__main__":
    store()
