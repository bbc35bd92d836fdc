"""Cells that run programs: text, table, store, prices, predictions, checks with their twins, reports."""

import math
import re
from dataclasses import dataclass, replace
from io import StringIO
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from evo import OnePlusLambda, UntilResolved
from evo.costs import LEDGER, Budget, LLMPrimitive, QuadraticPrimitive, TokenPrices
from evo.errors import InputError, NoPrediction
from evo.programs import Calls, Expected, Model, Role, certain, expected_ledger
from evo.theory import Geometric
from experiments import (
    Cell,
    Grid,
    ProgramCell,
    check,
    fit,
    forecast,
    load,
    load_grid,
    predict,
    run_grid,
    summarise,
    sweep,
)
from experiments.checks.programs import mean_p_value
from experiments.grids.programs.cell import parse_cell
from experiments.predictions.verdict import Verdict
from experiments.reports.measured import measured
from experiments.reports.printing import PlainConsole
from experiments.reports.report import report
from experiments.reports.terminal import show_report
from experiments.store.launches.status import status
from operators import Resample
from problems import BlockOneMax

MINE = Path(__file__).parent.parent / "mine"
FILE = MINE / "drafting.toml"
DRAFTS = 'program = {type = "drafting:Drafts"}'


def grid_of(*cells, **more):
    return Grid("programs", list(cells), **({"runs": 300, "batch": 100} | more))


def parts():
    """The classes of the module beside the file, loaded as a user's."""
    return {type(cell.program).__name__: type(cell.program) for cell in load_grid(FILE).cells if cell.lam != cell.lam}


def tokens_of(prompt, writes, cached=0, reasoning=0):
    """One call, token by token."""
    linear = squared = 0
    for context in range(prompt, prompt + writes):
        linear, squared = linear + context, squared + context * context
    return np.array([1, 0, prompt, writes, linear, squared, cached, reasoning])


# ------------------------------------------------------------------------------------------------------- text, grids


def test_a_cell_has_a_text_that_names_it():
    drafts = parts()["Drafts"]
    cell = ProgramCell(drafts(k=2), cost=LLMPrimitive(m=3))
    assert cell.text == "ProgramCell(program=drafting.Drafts(k=2), cost=LLMPrimitive(m=3))"
    assert parse_cell(cell.text) == cell
    assert cell.identity == "drafting.Drafts(k=2)"
    cheap = ProgramCell(drafts(k=2))
    assert (cheap.sample, cheap.id == cell.id) == (cell.sample, False)  # prices cannot touch the draws
    assert ProgramCell(drafts(k=3)).sample != cell.sample
    assert (cell.k, str(cell.lam)) == (2, "nan")
    assert sweep(program=[drafts(k=2), drafts(k=3)], cost=LLMPrimitive(m=3))[0] == cell


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda d: ProgramCell(d), "ProgramCell: expected for program an instance"),
        (lambda d: ProgramCell(Resample(0.5)), "without roles and execute"),
        (lambda d: ProgramCell(d(), budget=Budget()), "budget must be None, since a program ends by itself"),
        (lambda d: ProgramCell(d(), cost=3), "expected for cost a cost model"),
        (
            lambda d: ProgramCell(d(), TokenPrices(3, 15)),
            r"TokenPrices: prompt: expected the price of a token, got 3: per million\? write unit",
        ),
        (lambda d: sweep(program=d(), mutator=Resample(0.5)), "a program has only cost beside it, got mutator"),
        (lambda d: sweep(program=d(), budget=Budget(calls=3)), "a program has only cost beside it, got budget"),
        (lambda d: sweep(problem=BlockOneMax(2, 2)), "or a program, got no mutator and schedule and runner"),
        (lambda d: grid_of(ProgramCell(d()), engine="deap"), "engine must be 'blocks' for programs"),
        (lambda d: predict(ProgramCell(d()), "nobody.calls"), "predict: expected a quantity"),
    ],
)
def test_what_is_no_cell_is_told(make, words):
    with pytest.raises(InputError, match=words):
        make(parts()["Drafts"])


@pytest.mark.parametrize("high", [{"prompt": 3}, {"generated": 0.011}, {"cached": 0.3}, {"reasoning": 5.0}])
def test_a_price_that_may_be_of_a_million_tokens_is_asked_about_wherever_it_is_made(high):
    low = {"prompt": 0.01, "generated": 0.01, "per_call": 5.0, "evaluation": 5.0}
    (name, price), *_ = high.items()
    words = rf"TokenPrices: {name}: expected the price of a token, got {price:g}: per million\? write unit = 1e6"
    with pytest.raises(InputError, match=words):
        TokenPrices(**(low | high))
    assert TokenPrices(**(low | high), unit=1).weights.shape == (8,)
    with pytest.raises(InputError, match=words):
        replace(TokenPrices(**(low | high), unit=1), unit=None)
    assert TokenPrices(**low).unit is None


def test_stored_cells_are_read_whatever_their_prices():
    text = (
        "Cell(problem=BlockOneMax(k=2, l=1), mutator=Resample(p=0.5), schedule=AllBlocks(), runner=OnePlusLambda(), "
        "cost=TokenPrices(prompt=3, generated=15))"
    )
    for kind in (Cell.parse, parse_cell):
        assert kind(text).cost.weights[2:4].tolist() == [3, 15]


def test_prices_with_a_unit_are_prices_of_tokens():
    each = TokenPrices(prompt=3, generated=15, cached=0.3, reasoning=5, per_call=0.5, evaluation=2, unit=1e6)
    ledger = np.array([2, 3, 1000, 100, 0, 0, 800, 40])
    dollars = 200 * 3e-6 + 800 * 0.3e-6 + 60 * 15e-6 + 40 * 5e-6 + 2 * 0.5 + 3 * 2
    assert float(each.weights @ ledger) == pytest.approx(dollars, rel=1e-12)
    assert TokenPrices(3, 15, unit=1).weights[2:4].tolist() == [3, 15]
    assert float(LLMPrimitive(m=2, per_evaluation=7).weights @ ledger) == 21


def write(tmp_path, arm):
    assert parts()  # so that the module is on the path
    (tmp_path / "grid.toml").write_text(f'name = "g"\n[[arm]]\nlabel = "a"\n{arm}\n')
    return tmp_path / "grid.toml"


@pytest.mark.parametrize(
    ("arm", "words"),
    [
        ('program = {type = "Rooting", k = 3}', "arm 1 ('a'): program: unknown program 'Rooting'"),
        ('program = {type = "drafting:Drafts", k = -3}', "program: Drafts: k must be a whole number >= 1, got -3"),
        ('program = {type = "drafting:Drafts", n = 3}', "program: Drafts has no parameter 'n'"),
        ('program = {type = "drafting:Drafts", small = {type = "Model", size = -1}}', "Model: size must be a finite"),
        ('program = {type = "drafting:Drafts"}\nmutator = {type = "Resample", p = 0.5}', "a program has no mutator"),
        ('program = {type = "drafting:Drafts"}\nbudget = {type = "Budget", calls = 3}', "budget must be None"),
        ('program = {type = "drafting:Drafts"}\ncots = 3', "unknown key 'arm[1].cots'; did you mean 'cost'"),
        ('program = 3\ncost = {type = "TokenPrices", prompt = 3, generated = 15}', "program: expected a table"),
        (f"{DRAFTS}\ncost = {{type = 'TokenPrices', prompt = 3, generated = 15}}", "got 3: per million"),
        ('problem = {type = "BlockOneMax", k = 3, l = 4}', "expected the key 'arm[1].mutator', got none"),
        ('program = 3', "program: expected a table with a type"),
    ],
)  # fmt: skip
def test_a_wrong_file_is_told_by_its_key(tmp_path, arm, words):
    with pytest.raises(InputError, match=re.escape(words)):
        load_grid(write(tmp_path, arm))


def test_roles_without_a_model_and_capabilities_nobody_has_are_told_by_their_names():
    @dataclass(frozen=True)
    class Missing:
        model: Model | None = None

        @property
        def roles(self):
            return (Role("judge", self.model, needs=("law",)),)

        def execute(self, desk, rng):
            return np.ones(desk.runs, bool)

    with pytest.raises(InputError, match="role 'judge': expected a model"):
        ProgramCell(Missing())
    with pytest.raises(InputError, match="role 'judge': expected a model that has the capability 'law'"):
        ProgramCell(Missing(Model("small")))


# ------------------------------------------------------------------------------------------------------------- tables


def test_a_table_has_the_ledger_of_each_role_and_its_sum_is_priced_by_size():
    drafts = parts()["Drafts"]
    costs = [LLMPrimitive(m=3, per_call=7), QuadraticPrimitive(), TokenPrices(3, 15, cached=0.3, unit=1e6)]
    results = run_grid(grid_of(*sweep(program=drafts(k=4, l=6), cost=costs)), workers=1)
    writer, qa = 4 * tokens_of(5, 6, cached=4), tokens_of(24, 3, reasoning=2)
    for cell, cost in zip(results.cells.index, costs, strict=True):
        runs = results.by_cell[cell]
        assert len(runs) == 300
        for at, entry in enumerate(LEDGER):
            assert (runs[f"writer.{entry}"] == writer[at]).all()
            assert (runs[f"qa.{entry}"] == qa[at]).all()
            assert (runs[entry] == writer[at] + qa[at]).all()
        assert (runs["hit"] == 5).all()
        assert (runs["generations"] == 2).all()
        free = np.isin(LEDGER, ["calls", "evaluations"])
        priced = sum((cost.weights * np.where(free, 1, size)) @ each for size, each in ((2, writer), (0.5, qa)))
        assert runs["cost"].to_numpy() == pytest.approx(priced, rel=1e-12)


def test_one_table_for_any_workers_and_interruptions_stored_and_read_back(tmp_path):
    grid = load_grid(FILE)
    one = run_grid(grid, tmp_path / "one", workers=1)
    two = run_grid(replace(grid, runs=150), tmp_path / "two", workers=2)
    assert len(two.runs) < len(one.runs)
    two = run_grid(grid, tmp_path / "two", workers=2)
    pd.testing.assert_frame_equal(one.runs, two.runs)
    pd.testing.assert_frame_equal(one.runs, load(tmp_path / "one").runs)
    pd.testing.assert_frame_equal(one.runs, run_grid(grid, workers=1).runs)
    assert "cells done    20 of 20" in "\n".join(f"{a:<12}  {b}" for a, b in status(tmp_path / "one").lines())
    roles = [name for name in one.runs.columns if "." in name]
    assert roles == [f"{role}.{entry}" for role in ("qa", "writer") for entry in LEDGER]
    search = one.runs["cell"] == grid.cells[-1].id
    assert one.runs.loc[search, roles].isna().all(axis=None)
    assert one.runs.loc[~search, roles].notna().all(axis=None)
    part = next((tmp_path / "one" / "runs").glob("*.parquet"))
    assert {"qa.calls", "cached_tokens"} <= set(pd.read_parquet(part).columns)


def test_tables_without_programs_have_no_columns_of_roles():
    search = Cell(BlockOneMax(3, 2), Resample(0.5), UntilResolved(), OnePlusLambda())
    assert not [name for name in run_grid(grid_of(search), workers=1).runs.columns if "." in name]


def test_names_that_head_other_columns_are_no_names_of_roles():
    search = Cell(BlockOneMax(3, 2), Resample(0.5), UntilResolved(), OnePlusLambda())
    program = ProgramCell(parts()["Drafts"]())
    results = run_grid(grid_of(search, program), workers=1)
    columns = [*results.cells, *results.runs, *results.table, results.cells.index.name]
    heads = {str(name).partition(".")[0] for name in columns} - {role.name for role in program.roles}
    assert {"weight", "program", "cost", "hit", "problem", "cell", "role"} <= heads
    for name in heads:
        with pytest.raises(InputError, match=f"heads no other columns of the tables, got '{name}'"):
            Role(name, Model())


def test_a_program_that_breaks_its_contract_is_named():
    @dataclass(frozen=True)
    class Broken:
        how: str

        @property
        def roles(self):
            return (Role("qa", Model()),)

        def execute(self, desk, rng):
            if self.how == "raises":
                raise ValueError("no")
            return {"none": None, "short": np.ones(3, bool), "ints": np.ones(desk.runs, int)}[self.how]

    for how in ("raises", "none", "short", "ints"):
        with pytest.raises(Exception, match=r"Broken.execute (raised ValueError: no|must return bool \[100\])"):
            run_grid(grid_of(ProgramCell(Broken(how))), workers=1)


# ------------------------------------------------------------------------------------------------- predictions, checks


def test_a_program_is_predicted_by_what_it_expects():
    made = parts()
    drafts = ProgramCell(made["Drafts"](k=4, l=6), LLMPrimitive(per_call=10))
    writer, qa = 4 * tokens_of(5, 6), tokens_of(24, 3)
    assert (predict(drafts).mean, predict(drafts).variance, predict(drafts, "calls").quantile(0.5)) == (5, 0, 5)
    assert predict(drafts, "cost").mean == 50 + 2 * writer[4] + qa[4] / 2
    assert predict(drafts, "writer.pass_tokens").mean == writer[4]
    assert predict(drafts, "cost").quantile(0.9) == pytest.approx(predict(drafts, "cost").mean)
    tries = ProgramCell(made["Tries"](k=3))
    assert predict(tries, "calls").mean == 3.5
    with pytest.raises(NoPrediction, match=r"done right with probability 0\.875"):
        predict(tries)
    with pytest.raises(NoPrediction, match="only the mean of cost is known"):
        _ = predict(tries, "cost").variance
    table = forecast(grid_of(drafts, tries))
    assert table["spent"].tolist() == [5, 3.5]
    assert table["censored"].tolist() == [0, 0.125]


@dataclass(frozen=True)
class Stated:
    """A program whose ledger, law of calls and chance are those that are said."""

    every: bool
    done: float
    law: bool

    @property
    def roles(self):
        return (Role("qa", Model()),)

    def execute(self, desk, rng):
        desk.call("qa", prompt=5, writes=10, times=np.full(desk.runs, 4))
        return np.ones(desk.runs, bool)

    def expected(self):
        ledger = expected_ledger(self.roles, [Calls("qa", 5, 10, 4)])
        return Expected(ledger, self.every, self.done, calls=Geometric(0.25) if self.law else None)


@pytest.mark.parametrize(
    ("program", "hit", "calls", "cost"),
    [  # medians: of a geometric time of mean 4 it is 3, since 1 - 0.75^3 = 0.578
        (Stated(True, 1.0, False), (4, 4), (4, 4), (1200, 1200)),  # 2 (5 + .. + 14) + 110 a call
        (Stated(False, 1.0, True), (4, 3), (4, 3), (1200, None)),
        (Stated(True, 0.75, False), (math.inf, 4), (4, 4), (1200, 1200)),
        (Stated(True, 0.25, False), (math.inf, math.inf), (4, 4), (1200, 1200)),
        (Stated(False, 1.0, False), (4, None), (4, None), (1200, None)),
    ],
)
def test_means_and_medians_of_a_program_are_in_calls_and_in_money(program, hit, calls, cost):
    cell = ProgramCell(program, LLMPrimitive(m=2, per_call=110))
    for quantity, (mean, median) in {"hit": hit, "calls": calls, "cost": cost}.items():
        found = predict(cell, quantity)
        assert found.mean == mean
        assert found.unit == (300 if quantity == "cost" and median else 1)
        if median is None:
            with pytest.raises(NoPrediction, match="only the mean of"):
                found.quantile(0.5)
        else:
            assert found.quantile(0.5) == median
    assert predict(cell, "qa.generated_tokens").unit == 1


def test_a_program_without_expectations_runs_and_cannot_be_told():
    @dataclass(frozen=True)
    class Silent:
        @property
        def roles(self):
            return (Role("qa", Model()),)

        def execute(self, desk, rng):
            desk.call("qa", 1, 1)
            return np.ones(desk.runs, bool)

    results = run_grid(grid_of(ProgramCell(Silent())), workers=1)
    (only,) = check(results).cells
    assert only.verdict is Verdict.CANNOT_TELL
    assert "give it a method expected()" in only.reason


def verdict(program, runs=1000, **more):
    (only,) = check(run_grid(grid_of(ProgramCell(program), runs=runs, batch=500), workers=1), **more).cells
    return only


def test_honest_programs_agree_and_say_what_would_have_been_found():
    made = parts()
    exact = verdict(made["Drafts"](), runs=3)
    assert exact.verdict is Verdict.AGREES
    assert exact.reason == "one unit more or less of any entry of any role in any run would have been found"
    for program in (made["Tries"](), made["Tries"](k=1)):
        assert verdict(program).verdict is Verdict.AGREES, program


def test_a_program_off_by_one_token_differs_and_is_told_by_role_and_entry():
    found = verdict(parts()["Drafts"](late=1), runs=3)
    assert found.verdict is Verdict.DIFFERS
    assert found.reason.startswith("qa.prompt_tokens of batch 0, run 0 is 31, expected 30 in every run (off by +1)")


def test_a_wrong_chance_of_success_is_found():
    """0.4 for 0.5: 2.2 standard errors a run at 1,000 runs are 20; a false alarm has probability 1e-3."""
    tries = parts()["Tries"]
    found = verdict(tries(believed=0.4))
    assert found.verdict is Verdict.DIFFERS
    assert {each.test for each in found.outcomes if each.p_value < 1e-6} >= {"means", "done"}
    assert verdict(tries(believed=0.4), runs=20).verdict is not Verdict.AGREES
    assert "more runs would let means be told (100 in all)" in verdict(tries(), runs=20).reason


def test_a_law_of_calls_is_tested_where_it_is_known():
    @dataclass(frozen=True)
    class Endless:
        p: float = 0.25
        believed: float = 0.25

        @property
        def roles(self):
            return (Role("writer", Model()),)

        def execute(self, desk, rng):
            desk.call("writer", prompt=5, writes=10, times=rng.geometric(self.p, desk.runs))
            return np.ones(desk.runs, bool)

        def expected(self):
            ledger = expected_ledger(self.roles, [Calls("writer", 5, 10, 1 / self.believed)])
            return Expected(ledger, False, calls=Geometric(self.believed))

    honest = verdict(Endless(), runs=3000)
    assert honest.verdict is Verdict.AGREES
    assert [each.test for each in honest.outcomes] == ["ledger", "calls", "law", "means"]
    wrong = verdict(Endless(believed=0.3), runs=3000)
    assert {each.test for each in wrong.outcomes if each.p_value < 1e-6} == {"calls", "law", "means"}


def test_a_table_that_was_altered_is_found(tmp_path):
    results = run_grid(grid_of(ProgramCell(parts()["Drafts"]())), workers=1)
    for column, words in (
        ("qa.pass_tokens", "pass_tokens are not the sum over the roles qa, writer"),
        ("calls", "calls are not the sum over the roles"),
    ):
        runs = results.runs.copy()
        runs.loc[7, column] += 1
        assert check(results.with_runs(runs)).cells[0].reason.startswith(words)
    runs = results.runs.copy()
    runs.loc[7, "hit"] = None
    assert "task of 1 of 300 runs was not done right" in check(results.with_runs(runs)).cells[0].reason


def test_programs_that_are_not_imported_are_checked_by_what_was_stored(tmp_path):
    run_grid(load_grid(FILE), tmp_path / "r", workers=1)
    checked = check(load(tmp_path / "r", imports=False))
    assert [cell.verdict for cell in checked.cells[:16]] == [Verdict.AGREES] * 16
    assert checked.count(Verdict.DIFFERS) == 0
    assert checked.cells[0].stored


@pytest.mark.statistical
def test_false_alarms_of_means_are_about_what_is_stated():
    """Geometric calls, 100 runs: of 20,000 honest means some 90 have p < 1e-3 (nominal 20), some 260 p < 0.01 (200).

    A rate beyond 1 % of p < 1e-3 would be found; false-fail rate below 1e-6 (the seed is fixed).
    """
    rng = np.random.default_rng(5)
    drawn = rng.geometric(0.5, (20_000, 100)).astype(float)
    p_values = np.array([mean_p_value(row, 2.0) for row in drawn])
    assert (p_values < 1e-3).mean() < 0.006
    assert (p_values < 0.01).mean() < 0.02
    wrong = np.array([mean_p_value(row, 2.5) for row in drawn[:1000]])  # the twin: a mean off by a fifth
    assert (wrong < 0.01).mean() > 0.5


# ------------------------------------------------------------------------------------------------------- fits, reports


def test_fits_along_the_parameters_of_a_program():
    drafts = parts()["Drafts"]
    grid = grid_of(*sweep(program=[drafts(k=k, l=100) for k in (2, 4, 8, 16)]), runs=5)
    results = run_grid(grid, workers=1)
    calls = fit(results, along="k", quantity="calls").best[0]
    assert calls.form.name == "affine"
    assert (calls["A"].value, calls["c"].value) == pytest.approx((1, 1))
    with pytest.raises(InputError, match="l has one value in this grid"):
        fit(results, along="l", quantity="cost")


def test_the_ledger_of_a_role_is_fitted_and_measured():
    drafts = parts()["Drafts"]
    results = run_grid(grid_of(*sweep(program=[drafts(k=k, l=10) for k in (2, 4, 8, 16)]), runs=5), workers=1)
    law = fit(results, along="k", quantity="writer.pass_tokens").best[0]  # k (5 10 + 45)
    assert (law.form.name, law["A"].value) == ("linear", pytest.approx(95))
    each = measured(results, check(results))["cells"][1]
    assert (each.program.k, each.mean("writer.pass_tokens").value, each.exact("writer.pass_tokens")) == (4, 380, 380)
    with pytest.raises(InputError, match=r"or of a role, such as qa\.calls, got 'writer\.pass'"):
        fit(results, quantity="writer.pass")


def test_a_report_fits_80_columns_and_names_costs(tmp_path):
    results = run_grid(load_grid(FILE), tmp_path / "r", workers=1)
    made = report(results)
    stream = StringIO()
    show_report(made, PlainConsole(file=stream, width=80))
    text = stream.getvalue()
    assert max(map(len, text.splitlines())) <= 80
    assert "Programs of calls: measured mean cost in the unit of each cost model, verdict (expected)" in " ".join(
        text.split()
    )
    assert "runs of programs ended without their task done right" in text
    table = summarise(results, check(results)).set_index("arm")
    assert table.loc["tries", "success_ratio"].tolist() == pytest.approx([0.5, 0.75, 0.875], abs=0.12)
    assert table.loc["tries", "cost"].notna().all()


def test_a_context_that_is_too_short_is_an_answer():
    @dataclass(frozen=True)
    class Long:
        n: int = 100

        @property
        def roles(self):
            return (Role("qa", Model(context=64)),)

        def execute(self, desk, rng):
            desk.call("qa", prompt=10, writes=1)
            desk.call("qa", prompt=self.n, writes=1)
            return np.ones(desk.runs, bool)

        def expected(self):
            return Expected(expected_ledger(self.roles, [Calls("qa", 10, 1)]), True, done=0.0, calls=certain(1))

    results = run_grid(grid_of(ProgramCell(Long())), workers=1)
    assert results.runs["hit"].isna().all()
    assert (results.runs["calls"] == 1).all()
    assert check(results).verdict is Verdict.AGREES


def test_operator_errors_of_expectations_are_named():
    @dataclass(frozen=True)
    class Odd:
        @property
        def roles(self):
            return (Role("qa", Model()),)

        def execute(self, desk, rng):
            return np.ones(desk.runs, bool)

        def expected(self):
            return 3

    with pytest.raises(NoPrediction, match=r"Odd.expected must return an Expected with a ledger of its 1 roles"):
        predict(ProgramCell(Odd()))
