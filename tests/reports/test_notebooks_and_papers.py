"""What objects say in Python, in notebooks and in papers: short names, what `print` says, escaped; axes to draw on."""

from __future__ import annotations

import math
import re
from dataclasses import replace
from html import unescape
from html.parser import HTMLParser
from types import SimpleNamespace

import matplotlib.pyplot as plt
import pytest

from evo import OnePlusLambda, TokenPrices, UniformChunk, UntilResolved
from evo.errors import InputError
from experiments import Grid, Verdict, check, check_claims, fit, plan, plot_fitness, predict, run_grid, sweep, to_latex
from experiments.fits.claims import Claim, ClaimCheck
from experiments.grids.outside.sheet import Sheet, latex_escaped
from operators import FixKeep, Resample
from problems import BlockOneMax

ATTACK = "<script>alert(1)</script> & a_b^c {x} $5 50 % #1 \\end{table} ~ \"q\" 'r'"


def grid_of(label=ATTACK, lam=1):
    cells = [
        sweep(problem=[BlockOneMax(k, l=16) for k in (2, 4, 8, 16)], mutator=Resample(0.5), schedule=schedule,
              runner=[OnePlusLambda(each) for each in range(1, lam + 1)], cost=TokenPrices(0.001, 0.002, currency="$"))
        for schedule in (UntilResolved(), UniformChunk())
    ]  # fmt: skip
    return Grid("shown", {label: cells[0], "other": cells[1]}, runs=60)


@pytest.fixture(scope="module")
def results():
    return run_grid(grid_of(), workers=1)


@pytest.fixture(scope="module")
def everything(results):
    grid = grid_of()
    planned = plan(None, {"operator.fix": {1: 0.3}, "operator.keep": {1: 0.9}}, k=8)
    return [grid, results, check(results), fit(results), fit(grid), predict(grid.cells[0]), planned]


@pytest.fixture(autouse=True)
def no_window():
    yield
    plt.close("all")


class Tags(HTMLParser):
    """The names of the tags, and those that are open at the end."""

    def __init__(self):
        super().__init__()
        self.names, self.open, self.text = set(), [], []

    def handle_starttag(self, tag, attrs):
        assert not attrs
        self.names.add(tag)
        if tag != "br":
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text.append(data)


def read(html):
    tags = Tags()
    tags.feed(html)
    assert tags.open == []
    return tags


def test_a_notebook_shows_what_print_says(everything):
    for each in everything:
        html = read(each._repr_html_())
        assert html.names <= {"div", "p", "table", "thead", "tbody", "tr", "th", "td", "br"}
        shown = re.split(r"\s+", " ".join(html.text).replace(": ", " "))
        for word in re.split(r"\s+", str(each).replace(": ", " ")):
            assert word in shown or word.rstrip(":") in shown, word


def test_no_label_acts_in_a_notebook(everything):
    labelled = 0
    for each in everything:
        html = each._repr_html_()
        assert "<script" not in html
        labelled += "&lt;script&gt;alert(1)&lt;/script&gt;" in html
        assert "alert(1)" not in html or ATTACK.split(" ")[0] in unescape(html)
    assert labelled >= 4  # grid, results, check, both fits


def test_a_sheet_that_forgot_to_escape_would_be_found():
    assert "script" in read(f"<div>{ATTACK.partition('&')[0]}</div>").names


def test_names_of_big_objects_are_short_and_on_one_line(everything, results):
    for each in everything:
        said = repr(each)
        assert "\n" not in said
        assert len(said) <= 120
        assert re.fullmatch("<.*>", said)
    assert repr(results) == "<Results shown: 8 cells, 60 runs a cell, seed 1>"
    assert repr(grid_of()) == "<Grid shown: 8 cells in 2 arms, 60 runs a cell, seed 1>"
    assert repr(predict(grid_of().cells[1])) == "<Prediction hit: exact mean 8, from theory 2h, 2i, 2j>"
    assert max(map(len, str(grid_of("local")).splitlines())) <= 80


def test_the_hits_of_an_arm_are_counted(results):
    runs = results.runs.copy()
    of_other = runs.index[runs["cell"].map(results.cells["arm"]) == "other"]
    runs.loc[of_other[:7], "hit"] = None
    told = str(results.with_runs(runs))
    assert re.search(r"other +4 +240 +7$", told, re.MULTILINE)
    assert re.search(r"4 +240 +0$", told, re.MULTILINE)


def test_a_prediction_says_what_is_known_of_it():
    known = predict(grid_of().cells[1])
    assert "mean                    8\n" in str(known)
    assert f"variance                {known.variance:g}" in str(known)
    assert "10 / 50 / 90 % of runs  5 / 7 / 12" in str(known)
    alone = replace(known, law=None)
    assert "only the mean of hit is known" in " ".join(str(alone).split())


# ---------------------------------------------------------------------------------------------------------- LaTeX


def compiles(text):
    """Balanced, and no character that acts stands alone."""
    environments = []
    for kind, name in re.findall(r"\\(begin|end)\{(\w+)\}", text):
        if kind == "begin":
            environments.append(name)
        else:
            assert environments.pop() == name
    assert environments == []
    columns = len(re.search(r"\\begin\{tabular\}\{(\w+)\}", text)[1])
    rows = [line for line in text.splitlines() if line.endswith(r"\\")]
    bare = re.sub(r"\\[\\&%$#_{}]|\$\\\w+\$", "", text)
    assert not set("_^~#%$") & set(bare)
    assert bare.count("{") == bare.count("}")
    assert rows
    assert {len(re.findall(r"(?<!\\)&", row)) for row in rows} == {columns - 1}
    return text


def test_tables_for_papers_compile(results):
    measured = compiles(results.to_latex(caption="A_1 & co", label="tab:one_1"))
    assert r"\caption{A\_1 \& co}" in measured
    assert r"\label{tab:one1}" in measured
    assert measured.count("AGREES") + measured.count("CANNOT TELL") == 8
    assert measured == to_latex(results, "A_1 & co", "tab:one_1")
    fits = fit(results)
    laws = compiles(fits.to_latex())
    assert to_latex(fits) == laws
    for growth in fits.growths:
        assert all(latex_escaped(law.text) in laws for law in growth.left)
    claims = check_claims(results, [Claim("other", "Eq. 13: k_1", "hit", "linear", "A", 2.0, "holds")])
    claimed = compiles(to_latex(claims))
    assert r"Eq. 13: k\_1" in claimed
    # Words stand left: series, verdict, and all of laws and claims. Numbers right: k, lam, runs, censored, hit, cost.
    sides = [re.search(r"begin{tabular}{(\w+)}", text)[1] for text in (measured, laws, claimed)]
    assert sides == ["lrrrrrrrrl", "l" * len(fits.sheet().headings), "lllll"]


def cells_of(latex):
    """Rows of a table of LaTeX, the headings left out, as the texts of their cells."""
    rows = [line for line in latex.splitlines() if line.endswith(r"\\")][1:]
    return [[each.strip() for each in re.split(r"(?<!\\)&", line.removesuffix(r"\\"))] for line in rows]


def test_numbers_of_a_paper_are_those_of_the_summary(results):
    """All columns, in their order; where runs were censored there is no mean, and no interval."""
    from experiments import summarise
    from experiments.reports import papers
    from experiments.reports.measured import number

    summary = summarise(results, check(results))
    first = dict(zip(summary, summary.iloc[0], strict=True))
    ended = first | dict.fromkeys(("hit", "hit_low", "hit_high", "cost", "cost_low", "cost_high"), math.nan)
    ended |= {"runs": 12345, "censored": 6789, "lam": math.nan}
    rows = [*summary.to_dict("records"), ended]
    shown = [*cells_of(results.to_latex()), list(map(latex_escaped, papers._cell(ended)))]
    for cells, row in zip(shown, rows, strict=True):
        means = [f"{number(row[name])} [{number(row[f'{name}_low'])}, {number(row[f'{name}_high'])}]"
                 for name in ("hit", "cost")] if row is not ended else ["-", "-"]  # fmt: skip
        assert cells == [
            latex_escaped(row["series"]), f"{row['k']:g}",
            "-" if row is ended else f"{row['lam']:g}", f"{row['runs']:,}",
            f"{row['censored']:,}", means[0], number(row["hit_predicted"]), means[1], number(row["cost_predicted"]),
            row["verdict"].replace("_", " "),
        ]  # fmt: skip


def test_a_row_of_claims_says_the_claim_the_law_theory_and_what_follows():
    claim = Claim("arm", "Eq. 1", "hit", "linear", "A", 2.0, "holds", theory="2 k")
    bare = Claim("arm", "", "hit", "linear", "A", 3.0, "holds", over="other")
    law = SimpleNamespace(text="hit = A k", estimates=("A = 2", "B = 3"))
    claims = [
        ClaimCheck(claim, Verdict.AGREES, law, "it holds"),
        ClaimCheck(bare, Verdict.DIFFERS, None, "it does not", "no run arrived"),
        ClaimCheck(bare, Verdict.CANNOT_TELL, None, "too few"),
    ]
    assert cells_of(to_latex(claims)) == [
        ["arm", "Eq. 1", "hit = A k, A = 2, B = 3", "2 k (A = 2)", "AGREES: it holds"],
        ["arm / other", "-", "no run arrived", "A = 3", "DIFFERS: it does not"],
        ["arm / other", "-", "none", "A = 3", "CANNOT TELL: too few"],
    ]


@pytest.mark.parametrize("what", [3, [], ["claim"], None])
def test_what_has_no_table_is_refused(what):
    with pytest.raises(InputError, match="to_latex: expected results, what fit came to"):
        to_latex(what)


def test_raw_text_would_not_compile():
    with pytest.raises(AssertionError):
        compiles(Sheet("", ("a", "b"), (("x", "y"),)).latex().replace("x", "a_b"))


# ---------------------------------------------------------------------------------------------------------- axes


def test_plots_are_axes_and_draw_where_they_are_told(results):
    ax = results.plot()
    assert ax.get_xlabel() == "k  (blocks of the solution)"
    assert "$" in ax.get_ylabel()
    points = [line for line in ax.lines if line.get_marker() in "os" and len(line.get_xdata()) == 4]
    assert len(points) == 2
    assert ax.texts[0].get_text()
    figure, (one, two) = plt.subplots(1, 2)
    assert results.plot(quantity="hit", ax=two) is two
    assert not one.lines
    assert two.get_figure() is figure
    means = next(line for line in two.lines if line.get_marker() == "o").get_ydata()
    measured = results.runs.groupby("cell", sort=False)["hit"].mean()
    assert means.tolist() == [measured[cell.id] for cell in grid_of().cells[:4]]


def test_every_lam_is_named_on_one_pair_of_axes():
    ax = run_grid(grid_of("local", lam=2), workers=1).plot(quantity="hit")
    assert sum("lam = 2" in text.get_text() for text in ax.texts) == 2


def test_fitness_is_drawn_where_it_is_told():
    _, ax = plt.subplots()
    assert plot_fitness({"local": grid_of().cells[0]}, [1, 2, 4], ax=ax) is ax
    assert len(ax.lines) == 1


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (
            {"along": "lam"},
            "plot: lam has one value in this grid, 1; name a parameter that varies; what varies: problem.k",
        ),
        ({"along": "nothing"}, "expected a parameter of the grid, got 'nothing'"),
        ({"quantity": "rounds"}, "plot: expected the quantity cost, hit, calls, got 'rounds'"),
        ({"ax": 3}, "ax: expected matplotlib axes, got 3"),
    ],
)
def test_what_cannot_be_drawn_is_refused(results, options, told):
    with pytest.raises(InputError, match=re.escape(told)):
        results.plot(**options)


def test_costs_in_several_units_have_no_axis_in_common():
    cells = [replace(cell, cost=TokenPrices(0.001, 0.002, currency="EUR")) for cell in grid_of().cells[:4]]
    mixed = Grid("mixed", {"a": grid_of().cells[:4], "b": cells}, runs=20)
    with pytest.raises(InputError, match="the costs are in several units"):
        run_grid(mixed, workers=1).plot()


def test_other_mutators_are_shown_too():
    grid = Grid("one", sweep(problem=BlockOneMax(4, 16), mutator=FixKeep(0.5, 0.9), schedule=UntilResolved(),
                             runner=OnePlusLambda()), runs=20)  # fmt: skip
    with pytest.raises(InputError, match="plot: k has one value in this grid, 4"):
        run_grid(grid, workers=1).plot()
