"""docs/programs.md: its file and grid run as they stand, and its numbers are those that come out."""

import re
from pathlib import Path

import pytest

from evo import Latency
from evo.conformance import check_part, kind_of
from experiments import check, fit, load_grid, predict, run_grid
from experiments.predictions.verdict import Verdict

PAGE = Path(__file__).parents[2] / "docs" / "programs.md"
DRAFTING = Path(__file__).parents[1] / "mine" / "drafting.toml"


@pytest.fixture(scope="module")
def grid(tmp_path_factory):
    folder = tmp_path_factory.mktemp("meeting")
    text = PAGE.read_text(encoding="utf-8")
    for name, kind in (("meeting.py", "python"), ("meeting.toml", "toml")):
        (block,) = re.findall(rf"```{kind}\n(# {re.escape(name)}\n.*?)```", text, flags=re.S)
        (folder / name).write_text(block, encoding="utf-8")
    return load_grid(folder / "meeting.toml")


def test_the_system_of_the_page_agrees_with_what_it_expects(grid):
    results = run_grid(grid, workers=1)
    checked = check(results)
    assert checked.count(Verdict.AGREES) == len(grid.cells), str(checked)
    law = fit(results, quantity="cost").best[0]
    assert (law.series, law.form.name) == ("sure", "affine")
    assert law["A"].value == pytest.approx(6190)  # 100 20 + 190 a report, and 10 20 20 of the decision on it


def test_its_numbers_are_those_that_come_out(grid):
    sure, tried = ({cell.k: cell for cell in cells}[4] for cells in grid.arms.values())
    said = re.findall(r"^\| `predict.*\| ([\d,.]+) \|$", PAGE.read_text(encoding="utf-8"), flags=re.M)
    latency = Latency(fixed=1.0, per_generated_token=0.02)
    waited = [predict(tried, "seconds", latency=latency, workers=workers) for workers in (None, 1)]
    found = [predict(sure, "cost"), predict(sure, "chair.pass_tokens"), predict(tried, "calls")]
    found += [predict(tried, "generations"), *waited]
    assert [float(number.replace(",", "")) for number in said] == pytest.approx([each.mean for each in found])
    assert predict(sure, "cost").mean == 4 * (100 * 20 + 190) + 10 * (80 * 20 + 190) + 20


def of(name, **parameters):
    kinds = {
        type(cell.program).__name__: type(cell.program) for cell in load_grid(DRAFTING).cells if cell.lam != cell.lam
    }
    return kinds[name](**parameters)


def failing(program):
    return [each.name for each in check_part(program) if each.passed is False]


def test_honest_programs_pass_all_checks(grid):
    assert kind_of(grid.cells[0].program) == "program"
    for program in (grid.cells[0].program, of("Drafts"), of("Tries", k=2)):
        assert failing(program) == []


def test_programs_that_are_not_what_they_expect_fail():
    """20,000 runs tell a chance of 0.45 from 0.5 but for one seed in a million."""
    assert failing(of("Drafts", late=1)) == ["ledger as expected"]
    assert failing(of("Tries", k=2, believed=0.45)) == ["ledger as expected", "done as expected"]
