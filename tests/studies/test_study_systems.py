"""The studies `routing` and `debugging`: known values, small ones end to end, and what their claims find."""

import math
import re
from dataclasses import dataclass, replace

import pytest

from evo.errors import InputError
from evo.theory.systems.debugging import debugger_speedup, system_speedup
from evo.theory.systems.routing import routing_speedup
from experiments import Grid, ProgramCell, Verdict, run_grid
from experiments.fits.claims import check_claims
from experiments.fits.series import series
from experiments.grids.toml import load_grid
from experiments.reports.files import write
from experiments.reports.report import report
from experiments.studies import STUDIES
from experiments.studies.systems import debugging, growth, routing
from problems.systems import FocusedDebugging, Generalist, NaiveDebugging, Routing

NAMES = ("routing", "debugging")
SLOW = pytest.mark.slow
SMALL = [pytest.param(name, marks=SLOW) for name in NAMES]  # quick, a study of programs: test_exercises.py
RUNS = 120


def smaller(name, runs=RUNS):
    """The first and the last cells of each arm."""
    arms = {
        arm: [cell for place, cell in enumerate(cells) if place < 3 or place >= len(cells) - 2]
        for arm, cells in STUDIES[name].grid().arms.items()
    }
    return Grid(name, arms, runs=runs, batch=runs)


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Reports of small studies, made when first asked for."""
    kept = {}

    def make(name):
        if name not in kept:
            folder = tmp_path_factory.mktemp(name)
            results = run_grid(smaller(name), folder, workers=1)
            reported = report(results, study=STUDIES[name])
            kept[name] = (reported, write(reported, folder))
        return kept[name]

    return make


@pytest.mark.parametrize("name", NAMES)
def test_a_study_is_a_grid_a_question_and_a_figure(name):
    study, grid = STUDIES[name], STUDIES[name].grid()
    assert (study.name, grid.name, grid.runs) == (name, name, 1250)
    assert {claim.arm for claim in study.claims} | {claim.over for claim in study.claims} <= {*grid.arms, ""}
    assert all(isinstance(cell, ProgramCell) for cell in grid.cells)
    assert study.question
    assert study.title


def test_every_theta_of_the_paper_is_claimed():
    """Eq. 1-11 (5 and 10 with their neighbours) are in the words of some claim."""
    words = " ".join(claim.paper for name in NAMES for claim in STUDIES[name].claims)
    said = {int(number) for group in re.findall(r"Eq\. ([\d, ]+)", words) for number in re.findall(r"\d+", group)}
    assert said >= {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11}


@pytest.mark.parametrize("name", SMALL)
def test_a_small_study_end_to_end(name, made):
    reported, files = made(name)
    written = {file.name for file in files}
    assert {"summary.csv", "checks.csv", "claims.csv", "report.txt", f"{name}.png"} <= written
    assert [each.reason for each in reported.check.cells if each.verdict is Verdict.DIFFERS] == []
    assert {each.claim.paper: each.reason for each in reported.claims if each.verdict is not Verdict.AGREES} == {}
    assert len(reported.claims) == len(STUDIES[name].claims)
    (text,) = [file.read_text(encoding="utf-8") for file in files if file.name == "report.txt"]
    for sentence in reported.findings.sentences:
        assert " ".join(sentence.split()) in " ".join(text.split())


@pytest.mark.parametrize("name", SMALL)
def test_findings_are_numbers_and_follow_the_runs(name, made):
    reported, _ = made(name)
    found = reported.findings
    assert [row[0] for row in found.rows] == list(reported.arms)
    assert all(len(row) == len(found.headings) for row in found.rows)
    assert "nan" not in " ".join([*found.sentences, *(text for row in found.rows for text in row)]).lower()
    dearer = {
        arm: [replace(each, cost=each.cost * (2 + place)) for each in cells]
        for place, (arm, cells) in enumerate(reported.arms.items())
    }
    assert all(a != b for a, b in zip(STUDIES[name].findings(dearer).rows, found.rows, strict=True) if a[2][0] != "0")
    assert STUDIES[name].findings(dearer).sentences[0] != found.sentences[0]


@SLOW
def test_debugging_tells_theory_13(made):
    said = made("debugging")[0].findings.sentences
    whole, repair = system_speedup(4096, 16, 5), debugger_speedup(4096, 16, 5)
    assert f"at k = 4,096 it is {repair:.3e}, that of the system {whole:,.0f}" in said[0]
    far = math.log2(whole / system_speedup(2048, 16, 5))
    assert f"exponents {math.log2(repair / debugger_speedup(2048, 16, 5)):.2f} and {far:.2f}" in said[0]
    assert f"{system_speedup(256, 16, 256):,.0f} in passes" in said[1]
    context = next(sentence for sentence in said if sentence.startswith("In a context"))
    assert "repairs all up to k = 64; at k = 128 it cannot go on after 2 of 4" in context


@SLOW
def test_routing_tells_theory_12b(made):
    said = made("routing")[0].findings.sentences
    assert f"{routing_speedup(1000, 10, 8192, 8192, 1):.3g} at k = 8,192" in said[0]
    assert "ends below n/h = 100" in said[0]
    assert f"{routing_speedup(1000, 10, 8192, 1, 1):,.0f} at k = 8,192" in said[1]


@dataclass(frozen=True)
class Repeating(NaiveDebugging):
    """Its debugger reads the transcript twice, whatever it says it expects."""

    def _repair(self, desk, i, where):
        desk.call("debugger", prompt=2 * i * (self.n + self.u), writes=self.n, where=where)


def test_claims_and_check_find_a_system_that_is_another():
    """The twin: it DIFFERS in every cell and in Eq. 6, whose constant is another."""
    cells = [ProgramCell(Repeating(k=32, l=16, b=b)) for b in debugging.ALONG["b"][1]]
    results = run_grid(Grid("twin", {"naive along b": cells}, runs=100), workers=1)
    (claim,) = [c for c in debugging.CLAIMS if "Eq. 5, 6" in c.paper and c.along == "b"]
    assert [each.verdict for each in check_claims(results, [claim])] == [Verdict.DIFFERS]
    assert {cell.verdict for cell in report(results).check.cells} == {Verdict.DIFFERS}


def test_the_far_exponent_is_that_of_a_power():
    assert growth.far_exponent([2, 4, 12], [1, 16, 144]) == pytest.approx(2)


def test_grids_have_what_the_claims_need():
    along = {claim.along for claim in (*routing.CLAIMS, *debugging.CLAIMS)}
    assert along == {"k", "n", "m_s", "m_d", "b", "l", "m_q"}
    programs = {type(cell.program) for name in NAMES for cell in STUDIES[name].grid().cells}
    assert programs == {FocusedDebugging, NaiveDebugging, Generalist, Routing}


@SLOW
@pytest.mark.parametrize("name", NAMES)
def test_a_whole_study(name, tmp_path):
    reported = report(run_grid(STUDIES[name].grid(), tmp_path, workers=1), study=STUDIES[name])
    assert {str(cell.verdict) for cell in reported.check.cells} == {"AGREES"}
    assert {each.claim.paper: each.reason for each in reported.claims if each.verdict is not Verdict.AGREES} == {}


def test_columns_of_roles_are_quantities_like_any_other():
    arm = "cut by a call"
    results = run_grid(Grid("debugging", {arm: smaller("debugging").arms[arm]}, runs=10, batch=10), workers=1)
    (cutting,) = [each for each in series(results, "k", "cutter.pass_tokens") if len(each.x)]
    assert (cutting.arm, cutting.mean.tolist()) == ("cut by a call", [32 * 32 * 16 + 32 * 31 / 2])
    with pytest.raises(InputError, match=r"or of a role, such as .*, got 'qa.passes'"):
        series(results, "k", "qa.passes")


def test_systems_are_known_by_name_in_files(tmp_path):
    grid = tmp_path / "grid.toml"
    routing_program = 'program = {type = "Routing", k = 10, n = 100, h = 5, serves = [[4, 6]]}'
    grid.write_text(f'name = "mine"\nruns = 4\n[[arm]]\nlabel = "a"\n{routing_program}\n')
    (cell,) = load_grid(grid).cells
    assert cell == ProgramCell(Routing(k=10, n=100, h=5, serves=(4, 6)))
    for old, new, words in (
        ("[4, 6]", "[4, 5]", "1 would be routed to nowhere"),
        ('"Routing"', '"Routng"', "did you mean 'Routing'"),
        ("h = 5", "h = 0", "h must be a whole number >= 1"),
    ):
        grid.write_text(grid.read_text().replace(old, new))
        with pytest.raises(InputError, match=words):
            load_grid(grid)
        grid.write_text(grid.read_text().replace(new, old))
