"""The page of a report, without a browser: sound HTML, users' text escaped, its numbers those of the tables."""

import math
import re
from dataclasses import dataclass, replace
from html.parser import HTMLParser

import numpy as np
import pandas as pd
import pytest

from evo import AllBlocks, Budget, OnePlusLambda, OnlyIncorrect, RoundRobin, UniformChunk, UntilResolved
from experiments import Cell, Grid, fit, load, predict, run_grid
from experiments.fits.laws import Told
from experiments.reports.files import write
from experiments.reports.html.content import Content
from experiments.reports.html.elements import VOID, Html, tag, text
from experiments.reports.html.figures.chart import Chart, Line
from experiments.reports.html.figures.labels import Named, placed, sampled
from experiments.reports.html.figures.of_panels import chart_of
from experiments.reports.html.figures.of_series import MOST_FAMILIES, growth_charts
from experiments.reports.html.figures.palette import looks, shade
from experiments.reports.html.figures.scales import Scale
from experiments.reports.html.figures.svg import draw
from experiments.reports.html.page import page
from experiments.reports.html.table import MOST_ROWS, Entry, table
from experiments.reports.kept import SOURCES
from experiments.reports.measured import Value, number
from experiments.reports.panels import Curve, Panel, panels_figure, sheet_of
from experiments.reports.quality.in_report import quality_curves
from experiments.reports.report import report
from operators import BetaBlocks, FixKeep, Resample
from problems import BlockOneMax

ATTACK = '<script>alert("pwned")</script><img src=x onerror=alert(1)>'
OTHER = "\"'><svg onload=alert(2)>&amp;"


def cell(k, schedule, **more):
    return Cell(BlockOneMax(k=k, l=4), Resample(p=0.5), schedule, OnePlusLambda(), **more)


@pytest.fixture(scope="module")
def attacked(tmp_path_factory):
    """A report of a grid whose labels are markup."""
    arms = {
        ATTACK: [cell(k, UntilResolved()) for k in (2, 3, 4)],
        OTHER: [cell(k, AllBlocks(), budget=Budget(calls=9)) for k in (2, 3, 4)],
    }
    folder = tmp_path_factory.mktemp("attacked") / "results <b>"
    run_grid(Grid("attacked", arms, runs=60, batch=60), folder, workers=1)
    made = report(load(folder))
    with pytest.MonkeyPatch.context() as patch:  # figures take a second, and are others' tests
        for name in ("_write_figure", "_write_quality"):
            patch.setattr(f"experiments.reports.files.{name}", lambda *_, **__: [])
        files = write(made, folder)
    return made, (folder / "report.html").read_text(encoding="utf-8"), [file.name for file in files]


@dataclass
class Element:
    name: str
    attributes: dict
    text: str = ""


class Reader(HTMLParser):
    """Every element with its own text; what is open is closed in order, or the page is unsound."""

    def __init__(self, content):
        super().__init__()
        self.elements, self.open, self.faults = [], [], []
        self.feed(content)
        self.close()
        self.faults += [f"{each.name} is left open" for each in self.open]

    def handle_starttag(self, name, attributes):
        names = [key for key, _ in attributes]
        self.faults += [f"{name} has {key} twice" for key in names if names.count(key) > 1]
        made = Element(name, dict(attributes))
        self.elements.append(made)
        self.open.append(made)

    def handle_startendtag(self, name, attributes):
        self.elements.append(Element(name, dict(attributes)))
        self.faults += [] if name in VOID else [f"{name} ends within itself"]

    def handle_endtag(self, name):
        if not self.open or self.open[-1].name != name:
            self.faults.append(f"</{name}> closes {self.open[-1].name if self.open else 'nothing'}")
            return
        self.open.pop()

    def handle_data(self, data):
        for each in self.open:
            each.text += data


def read(content):
    return Reader(content)


def test_the_page_is_sound_html_and_the_reader_finds_what_is_not(attacked):
    _, content, names = attacked
    found = read(content)
    assert found.faults == []
    assert names[-1] == "report.html"
    ids = [each.attributes["id"] for each in found.elements if "id" in each.attributes]
    assert len(ids) == len(set(ids))
    links = [each.attributes["href"] for each in found.elements if each.name == "a"]
    assert links
    assert set(links) <= {f"#{each}" for each in ids}
    assert read("<p><b></p>").faults
    assert read("<p>").faults


def test_no_text_of_a_user_is_markup(attacked):
    """Labels of arms, the folder's name; and the twin: the reader finds markup where nothing is escaped."""
    _, content, _ = attacked
    found = read(content)
    assert [each.text.strip()[:12].rstrip(";") for each in found.elements if each.name == "script"] == ['"use strict"']
    assert not [each for each in found.elements if each.name == "img"]
    assert not [key for each in found.elements for key in each.attributes if key.startswith("on")]
    assert any(each.name == "th" and each.text.strip().startswith(ATTACK) for each in found.elements)
    assert any(OTHER in each.attributes.get("data-series", "") for each in found.elements)
    assert ATTACK not in content
    assert [each.name for each in read(f"<p>{ATTACK}</p>").elements] == ["p", "script", "img"]


def test_nothing_is_fetched_and_no_script_runs_but_its_own(attacked):
    _, content, _ = attacked
    outside = [name for name in re.findall(r"(?i)\b[a-z]+://[^\s\"'<)]*", content) if "www.w3.org/2000/svg" not in name]
    assert outside == []
    assert not re.search(r"url\(|@import", content)
    assert not [e for e in read(content).elements if {"src", "srcset", "data", "action"} & set(e.attributes)]
    policy = next(e for e in read(content).elements if e.attributes.get("http-equiv") == "Content-Security-Policy")
    assert policy.attributes["content"].startswith("default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-")


def cells_of(content, section):
    """The rows of the first table of a section, each a dictionary of (text, number) by its heading."""
    part = content.split(f'<section id="{section}"')[1].split("</section>")[0].split("<table>")[1].split("</table>")[0]
    rows = [Reader(f"<table>{row}</table>").elements for row in part.split("<tr>")[1:]]
    headings = [each.text for each in Reader(f"<table>{part.split('<tr>')[1]}</table>").elements if each.name == "th"]
    bodies = [[each for each in row if each.name in ("th", "td")] for row in rows[1:]]
    return [
        {heading: (each.text, each.attributes.get("data-v")) for heading, each in zip(headings, row, strict=True)}
        for row in bodies
    ]


def test_the_numbers_of_the_page_are_those_of_the_summary(attacked):
    made, content, _ = attacked
    cells = {(row["series"][0], int(float(row["k"][1]))): row for row in cells_of(content, "cells")}
    times = {(row["series"][0], int(float(row["k"][1]))): row for row in cells_of(content, "success")}
    assert len(cells) == len(times) == len(made.summary) == 6
    for row in made.summary.to_dict("records"):
        shown, ert = cells[row["series"], row["k"]], times[row["series"], row["k"]]
        names = {"exact calls": "hit_predicted", "cost": "cost", "exact cost": "cost_predicted"}
        for heading, column in names.items():
            text_, value = shown[heading]
            assert text_.split(" ")[0] == number(row[column])
            assert (float(value) if value else math.nan) == pytest.approx(row[column], rel=1e-12, nan_ok=True)
        if row["censored"]:
            assert shown["calls to the optimum"][0] == f"{row['censored']} censored"
        else:
            assert float(shown["calls to the optimum"][1]) == row["hit"]
        assert float(ert["ERT, calls"][1]) == row["ert"]
        assert float(ert["hits"][1]) == row["runs"] - row["censored"]
        assert shown["verdict"][0].split(" ", 1)[1] == row["verdict"].replace("_", " ").lower()


def test_the_first_screen_has_question_answer_and_figure(attacked):
    made, content, _ = attacked
    first = content.split("<nav")[0]
    assert "change with k?</h1>" in first
    answer = re.search(r'id="answer">(.*?)</div>', first)[1]
    sentences = re.findall(r"<p>(.*?)</p>", answer)
    assert len(sentences) == 2
    assert "At k = 4 " in sentences[0]
    assert "is cheapest" in sentences[0]
    cost = made.summary.set_index(["series", "k"])["cost"][ATTACK, 4]
    assert f"is cheapest: {number(cost)} a run (" in sentences[0]
    agree = (made.summary["verdict"] == "AGREES").sum()
    assert sentences[1].startswith(f"{agree} of 6 cells agree with exact predictions")
    assert first.count('class="chart"') == 2  # for a wide screen, and for a phone
    censored = made.summary["censored"].sum() / 360
    assert f"{censored:.1%} censored" in first


def test_what_a_chart_shows_on_hovering_is_what_was_measured(attacked):
    made, content, _ = attacked
    chart = next(each for each in read(content).elements if each.attributes.get("class") == "chart")
    hovered = chart.attributes["data-hover"].split("\n")
    series = chart.attributes["data-series"].split("\n")
    row = made.summary[(made.summary["series"] == ATTACK) & (made.summary["k"] == 4)].iloc[0]
    said = [each.split(" ", 3)[3] for each in hovered if int(each.split(" ")[2]) == series.index(ATTACK)]
    interval = f"({number(row['cost_low'])} to {number(row['cost_high'])})"
    assert f"k 4: {number(row['cost'])} {interval}; exact {number(row['cost_predicted'])}" in said
    assert any("at least" in each for each in hovered)  # a bound, of censored runs


def test_the_page_is_the_same_each_time_and_counts_as_source_of_a_kept_report(attacked):
    made, content, names = attacked
    again = page(Content(made, None, page_curves(made), names[:-1]))
    assert again == content
    assert {"*.css", "*.js"} <= set(SOURCES)


def series_of(content, section):
    """The names of the lines of the charts of a section, without what a phone repeats."""
    part = content.split(f'<section id="{section}"')[1].split("</section>")[0]
    charts = [each.attributes["data-series"] for each in read(part).elements if "data-series" in each.attributes]
    return [chart.split("\n") for chart in charts[::2]]


def test_a_series_without_a_law_is_drawn_with_the_families_left_and_says_where_they_part(attacked):
    made, content, _ = attacked
    drawn = {name for chart in series_of(content, "laws") for name in chart}
    undecided = [each for each in made.fits.growths if each.told is Told.UNDECIDED and each.left]
    assert undecided
    for growth in undecided:
        left = {law.text.partition(" = ")[2] for law in growth.left}
        dropped = {law.text.partition(" = ")[2] for law in made.fits.laws if law.series == growth.series} - left
        named = {name.removeprefix(f"{growth.series}: ").removeprefix("or ") for name in drawn}
        if len(left) <= MOST_FAMILIES:
            assert left <= named
            assert not dropped & named
        else:
            assert f"{growth.series}: one of {len(left)} families" in drawn
        assert growth.advice in read(content).elements[0].text


def test_families_of_several_series_without_a_law_have_dashes_of_their_own():
    results = run_grid(
        Grid("open", {
            name: [cell(k, schedule) for k in (4, 6, 8, 12)] for name, schedule in
            (("one", RoundRobin()), ("other", UniformChunk()))
        }, runs=120, batch=120), workers=1,
    )  # fmt: skip
    grown = {each.series: each for each in fit(results, "k", quantity="hit").growths}
    assert len({name for name, each in grown.items() if each.told is Told.UNDECIDED}) == 2
    (chart,) = growth_charts(results, "k", "hit", grown).charts
    dashes = [looks(line.slot, line.dashed)[1] for line in chart.lines if line.thin]
    assert len(dashes) == len(set(dashes)) >= 2
    assert None not in dashes


def test_half_of_the_runs_are_there_where_exactly_half_are():
    """p = 1/2, one block: after t calls a share 1 - 2^-t of the runs is right; the median of an even split is below."""
    from experiments.reports.html.sections.before import _targets

    (curve,) = quality_curves(run_grid(Grid("half", [cell(1, AllBlocks())], runs=20, batch=20), workers=1))
    assert predict(curve.cell, "fitness", calls=1).quantile(0.5) == 0.0
    share, slow, half, fast = _targets(curve)[-1]
    assert (share, slow, half, fast) == (1.0, 4.0, 1.0, 1.0)


def test_a_mean_that_is_infinite_is_compared_with_none():
    """Measured, it is some number, which grows with the runs."""
    problem = BlockOneMax(k=4, l=4)
    hard = Cell(problem, BetaBlocks(0.9, 0.9), OnlyIncorrect(), OnePlusLambda(), budget=Budget(calls=10**5))
    easy = cell(4, OnlyIncorrect())
    _, content = page_of({"hard": [hard], "easy": [easy]})
    assert "“easy” is cheapest" in content
    assert "the mean cost of “hard” is infinite." in content
    _, alone = page_of({"hard": [hard], "dear": [replace(easy, mutator=FixKeep(1e-3, 1e-3))]})
    assert "“hard” has the least measured cost, but its mean is infinite" in alone


def test_runtimes_are_drawn_at_all_values_that_fit_from_pale_to_dark(attacked):
    _, content, _ = attacked
    first, *others = series_of(content, "distributions")
    assert first == [ATTACK, OTHER]
    assert others == [["k = 2", "k = 3", "k = 4"]] * 2
    shades = [looks(shade(i, 5))[0] for i in range(5)]
    assert shades == ["r0", "r1", "r2", "r3", "r4"]
    assert [looks(shade(i, 3))[0] for i in range(3)] == shades[::2]
    assert looks(shade(0, 1))[0] == shades[-1]


def page_curves(made):
    return quality_curves(made.results)


def page_of(cells_by_arm, runs=40):
    """The page of a small grid that is not written."""
    made = report(run_grid(Grid("small", cells_by_arm, runs=runs, batch=runs), workers=1))
    return made, page(Content(made, None, []))


def test_a_grid_is_asked_and_drawn_along_what_varies():
    cells = [Cell(BlockOneMax(k=3, l=4), FixKeep(fix, 0.9), UntilResolved(), OnePlusLambda()) for fix in (0.2, 0.6)]
    made, content = page_of({"mine": cells})
    first = content.split("<nav")[0]
    costs = [number(cost) for cost in made.summary["cost"]]
    assert "<h1>How does the cost of “mine” change with fix?</h1>" in first
    assert re.search(
        rf"“mine” costs {costs[0]} a run [^<]* at fix = 0.2 and {costs[1]} a run [^<]* at fix = 0.6", first
    )
    assert ">fix</text>" in first
    assert "growth with k" not in content.lower()
    assert "Fewer than three values of fix were run: no law of growth is fitted." in content


def test_where_nothing_varies_cells_stand_side_by_side_and_what_cannot_be_told_apart_is_said():
    made, content = page_of({"one": [cell(2, AllBlocks())], "other": [cell(2, UntilResolved())]})
    first = content.split("<nav")[0]
    assert "<h1>What do “one” and “other” cost?</h1>" in first
    assert first.count('class="row"') == 2
    assert 'class="chart"' not in first
    low, high = made.summary["cost_low"].max(), made.summary["cost_high"].min()
    assert ("cannot be told apart" in first) == (low < high)
    _, alike = page_of({"one": [cell(2, AllBlocks())], "other": [cell(2, AllBlocks(), budget=Budget(calls=999))]}, 4)
    assert "cannot be told apart" in alike


def test_the_panels_of_a_study_are_drawn_again_from_what_its_figure_is_made_of():
    from matplotlib.figure import Figure

    found = Curve("$p$ = 0.5", np.array([1.0, 2.0]), [Value(3, 2, 4), Value(5, 4, 6)], np.empty(0), np.empty(0))
    made = panels_figure("the point", [Panel("", "k", "$2^k$ calls", [found])], note="more")
    sheet = sheet_of(made)
    assert (sheet.title, sheet.legend) == ("the point", ("points: measured, with 95% intervals", "more"))
    chart = chart_of(sheet.panels[0])
    assert (chart.y_name, chart.lines[0].label) == ("2^k calls", "p = 0.5")
    assert chart.lines[0].points == found.values
    assert sheet_of(Figure()) is None


# ------------------------------------------------------------------------------------------- elements and tables


def test_text_is_escaped_once_and_markup_never():
    assert tag("p", "<&>\x1b[31m\u202e", title='"') == '<p title="&quot;">&lt;&amp;&gt;[31m</p>'
    assert tag("p", tag("b", "<")) == "<p><b>&lt;</b></p>"
    assert text(Html("<i>")) == "<i>"


def test_a_long_table_says_what_is_left_out_and_where():
    rows = [[Entry(f"row {n}"), Entry(str(n), n)] for n in range(MOST_ROWS + 20)]
    whole, cut = (table(("a", "n"), rows[:most], "", "summary.csv") for most in (MOST_ROWS, None))
    assert whole.count("<tr>") == cut.count("<tr>") == 1 + MOST_ROWS
    assert whole.count('data-t="n"') == 1  # the heading on paper, where a button has no text but on its first page
    assert "left out" not in whole
    assert "20 more rows are left out here: they are in summary.csv." in cut
    assert "480 more rows" in table(("a", "n"), rows[:20], "", "summary.csv", of=500)
    assert table(("a", "n"), []) == ""
    assert "n</button>" not in table(("a", "n"), [[Entry("x"), Entry("")]])  # a column without an entry


def test_a_grid_of_thousands_of_cells_has_a_page_of_a_few_megabytes(attacked):
    """The cells again and again under other names, and their figures: bounded by what is shown of them."""
    made, content, names = attacked
    from dataclasses import replace

    many = pd.concat([made.summary.assign(series=made.summary["series"] + f" {n}") for n in range(300)])
    large = page(Content(replace(made, summary=many), None, [], names))
    assert len(many) == 1800
    assert 2 * len(content) < len(large) < 3e6
    assert "1,300 more rows are left out here: they are in summary.csv." in large


# ------------------------------------------------------------------------------------------- charts


def line(label, x, y, slot=0):
    return Line(label, slot, x=np.array(x, dtype=float), y=np.array(y, dtype=float))


def test_no_name_lies_on_a_line_and_the_check_finds_one_that_does():
    rng = np.random.default_rng(5)
    for _ in range(20):
        paths = [
            sampled(np.column_stack([np.linspace(0, rng.uniform(150, 400), 9), rng.uniform(0, 300, 9)]))
            for _ in range(5)
        ]
        everything = np.concatenate(paths)
        named = [
            Named((f"series {i}",), i, False, path, np.concatenate([p for p in paths if p is not path]))
            for i, path in enumerate(paths)
        ]
        put = placed(named, everything, 400, 300, 90, False)
        for each in put or []:
            assert not covers(each, everything)
    assert covers(put_at(200, 100), np.array([[210.0, 105.0]]))


def covers(each, places):
    wide, high = 14 + 7 * max(map(len, each.lines)), 14 * len(each.lines)
    inside = (places[:, 0] > each.x) & (places[:, 0] < each.x + wide)
    return bool((inside & (places[:, 1] > each.y) & (places[:, 1] < each.y + high)).any())


def put_at(x, y):
    from experiments.reports.html.figures.labels import Placed

    return Placed(("name",), 0, False, x, y)


def test_the_first_32_series_all_look_different():
    assert len({looks(slot) for slot in range(32)}) == 32
    assert len({looks(slot)[:2] for slot in range(32)}) == 32


def test_names_that_find_no_place_become_letters_with_a_key():
    x = np.arange(1, 30)
    crowd = [
        line(f"a rather long name of series {i}", x[: 10 + i], np.sin(x[: 10 + i] * (i + 1)), i) for i in range(14)
    ]
    drawn, letters = draw(Chart("", "k", "cost", crowd), 620, 380, letters=False)
    assert letters
    assert ">A</text>" in drawn
    few, letters = draw(Chart("", "k", "cost", crowd[-1:]), 620, 380, letters=False)
    assert not letters
    assert "a rather long name of" in few


def test_scales_hold_their_values_and_ticks_lie_within():
    for log in (False, True):
        scale = Scale.around(np.array([3.0, 700.0]), 400, log)
        at = scale.at(np.array([3.0, 700.0, np.nan, -1.0]))
        assert 0 < at[0] < at[1] < 400
        assert math.isnan(at[2])
        assert all(0 <= scale.place(tick) <= 400 for tick, _ in scale.ticks(6))
    alone = Scale.around(np.array([5.0]), 100, False)
    assert alone.least < 5 < alone.most
    assert [name for _, name in Scale.around(np.empty(0), 100, True).ticks(3)]


def test_what_is_empty_or_constant_is_drawn_without_a_fault():
    for lines in ([], [line("a", [], [])], [line("a", [4], [4])], [line("a", [1, 2], [np.nan, np.nan])]):
        drawn, _ = draw(Chart("t", "k", "cost", lines, log_x=True, log_y=True), 620, 380, letters=False)
        assert read(drawn).faults == []
