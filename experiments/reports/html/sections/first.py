"""The first screen: the question, the answer in two sentences, and the figure that shows it."""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING, Any

from experiments.grids.labels import three_digits, words
from experiments.predictions.verdict import Verdict
from experiments.reports.html.content import Content
from experiments.reports.html.elements import Html, joined, tag
from experiments.reports.html.figures.bars import Bar, bars
from experiments.reports.html.figures.figure import figure
from experiments.reports.html.table import CLASSES
from experiments.reports.measured import MARKS, Value, number
from experiments.reports.wording import counted, currency_of, share_text, size_text

if TYPE_CHECKING:
    from experiments.fits.claims import ClaimCheck

MOST_NAMED = 4
SENTENCE = re.compile(r"(?<=[a-z0-9)%][.!?]) (?=[A-Z])")


def first_screen(content: Content) -> Html:
    """Question, answer, verdicts and figure."""
    said = [tag("p", sentence) for sentence in answer(content)]
    return tag(
        "header",
        tag("p", content.made.results.grid["name"], class_="kicker"),
        tag("h1", question(content)),
        tag("div", joined(said), class_="answer", id="answer"),
        _strip(content),
        _figure(content),
        id="first",
    )


def question(content: Content) -> str:
    """The study's question, or what a grid of one's own asks."""
    made = content.made
    if made.study is not None:
        return made.study.question
    arms = list(dict.fromkeys(map(str, made.results.cells["arm"])))
    quoted = [f"“{arm}”" for arm in arms[:MOST_NAMED]]
    quoted += [f"{len(arms) - MOST_NAMED} more"] if len(arms) > MOST_NAMED else []
    named = " and ".join(filter(None, [", ".join(quoted[:-1]), quoted[-1]]))
    if not content.along:
        return f"What {'does' if len(arms) == 1 else 'do'} {named} cost?"
    return f"How does the cost of {named} change with {content.along}?"


def answer(content: Content) -> list[str]:
    """Two sentences, computed from the runs."""
    made = content.made
    if made.findings is not None and made.findings.sentences:
        sentences = [each for said in made.findings.sentences for each in SENTENCE.split(said)]
        return sentences[:2]
    if made.claims:
        return [_claims(made.claims), verdict_in_words(content)]
    return [cheapest(content), verdict_in_words(content)]


def _claims(claims: tuple[ClaimCheck, ...]) -> str:
    """How many claims hold, and which do not."""
    holding, failing = 0, dict[str, list[str]]()
    for each in claims:
        if each.verdict is Verdict.AGREES and each.reason.startswith("holds"):
            holding += 1
        elif each.verdict is Verdict.AGREES and each.reason.startswith("does not hold"):
            failing.setdefault(each.claim.paper or each.claim.text, []).append(each.claim.what)
    fail = sum(map(len, failing.values()))
    said = f"Of {counted(len(claims), 'claim')} tested, {holding} hold as measured"
    if failing:
        listed = "; ".join(f"{claim} of {' and '.join(arms)}" for claim, arms in failing.items())
        said += f" and {fail} {'does' if fail == 1 else 'do'} not: {listed}"
    open_ = len(claims) - holding - fail
    return f"{said}{f'; {open_} stay open' if open_ else ''}."


def verdict_in_words(content: Content) -> str:
    """What the check came to, in a sentence."""
    checked = content.made.check
    cells = len(checked.cells)
    agree, differ, open_ = (checked.count(each) for each in (Verdict.AGREES, Verdict.DIFFERS, Verdict.CANNOT_TELL))
    if differ:
        first = next(each for each in checked.cells if each.verdict is Verdict.DIFFERS)
        return (
            f"{differ} of {counted(cells, 'cell')} DIFFER from exact predictions, first {first.label}: {first.reason}."
        )
    if not open_:
        of = "The one cell agrees" if cells == 1 else f"All {cells:,} cells agree"
        return f"{of} with exact predictions (false-alarm rate {checked.alpha:g} over the grid)."
    unknown = sum(math.isnan(row["hit_predicted"]) and math.isnan(row["cost_predicted"]) for row in content.rows)
    of = "" if unknown >= open_ else f"{unknown} of them "
    why = f", {of}since they have no exact prediction" if unknown else ""
    return f"{agree} of {counted(cells, 'cell')} agree with exact predictions; {open_} cannot be told{why}."


def cheapest(content: Content) -> str:
    """Which series is cheapest where they are compared, or what the only one costs."""
    rows, where = compared(content)
    priced = [(row, value) for row in rows if not math.isnan((value := _cost(row)).value)]
    if not priced:
        return (
            "No cell has runs yet." if not content.made.summary["runs"].sum() else "No run of the compared cells hit."
        )
    at = f"At {where} " if where else ""
    (row, best), *others = sorted(priced, key=lambda each: each[1].value)
    name, money = f"“{row['series']}”", unit_in_words(content)
    if not others:
        return _alone(content, name) or f"{at}{name} costs {_told(best, money)}{_exact(row)}."
    endless = [each for each in others if math.isinf(each[0]["cost_predicted"])]
    others = [each for each in others if not math.isinf(each[0]["cost_predicted"])]
    if math.isinf(row["cost_predicted"]):
        return f"{at}{name} has the least measured cost, but its mean is infinite: medians, below, can be compared."
    if not others:
        named = " and ".join(f"“{each['series']}”" for each, _ in endless)
        return f"{at}{name} is cheapest: {_told(best, money)}; the mean cost of {named} is infinite."
    second, value = others[0]
    against = f"“{second['series']}” ({_amount(value.value, money)}{_censored(second)})"
    if _unclear(best, value):
        rest = f"; {counted(len(others) - 1, 'other')} cost more" if len(others) > 1 else ""
        return f"{at}{name} ({_told(best, money)}) and {against} cannot be told apart{rest}."
    less = f"{three_digits(value.value / best.value)} times less than {against}"
    return f"{at}{name} is cheapest: {_told(best, money)}, {less}."


def _censored(row: dict[Any, Any]) -> str:
    """What the cost of a cell is where its budget ended runs; nothing where none were."""
    if not row["censored"]:
        return ""
    return f", ERT, since {row['censored']:,} of {row['runs']:,} runs were censored"


def _alone(content: Content, name: str) -> str:
    """How the cost of the only series changes along what varies; empty if nothing does."""
    if not content.along:
        return ""
    priced = [(content.place[row["cell"]], _cost(row)) for row in content.rows if row["runs"]]
    known = sorted(((at, value) for at, value in priced if not math.isnan(value.value)), key=lambda each: each[0])
    if len(known) < 2:
        return ""
    (first, before), (last, after) = known[0], known[-1]
    money, ends = unit_in_words(content), [words({content.along: at})[0] for at in (first, last)]
    return f"{name} costs {_told(before, money)} at {ends[0]} and {_told(after, money)} at {ends[1]}."


def compared(content: Content) -> tuple[list[dict[Any, Any]], str]:
    """The cells that are compared, one a series, and where: the largest value that most series share, the least lam."""
    rows = [row for row in content.rows if row["runs"]]
    lams = [row["lam"] for row in rows if row["lam"] == row["lam"]]
    if lams and content.along != "lam":
        least = min(lams)
        rows = [row for row in rows if row["lam"] != row["lam"] or row["lam"] == least]
    said = [f"lam = {size_text(min(lams))}"] if len(set(lams)) > 1 and content.along != "lam" else []
    if not content.along:
        return rows, ", ".join(said)
    places = {row["cell"]: float(content.place[row["cell"]]) for row in rows}
    names = {row["cell"]: without_axis(content, row) for row in rows}
    series: dict[float, set[str]] = {}
    for row in rows:
        series.setdefault(places[row["cell"]], set()).add(names[row["cell"]])
    if not series:
        return [], ""
    shared = max(series, key=lambda place: (len(series[place]), place))
    found: dict[str, dict[Any, Any]] = {}
    for row in rows:
        if places[row["cell"]] == shared:
            found.setdefault(names[row["cell"]], row | {"series": names[row["cell"]]})
    return list(found.values()), ", ".join([*words({content.along: shared}), *said])


def without_axis(content: Content, row: dict[Any, Any]) -> str:
    """The series of a cell without the parameter that varies along the figure."""
    if content.is_size:
        return str(row["series"])
    short = content.along.rpartition(".")[2]
    parts = [part for part in str(row["series"]).split(", ") if not part.startswith(f"{short} = ")]
    return ", ".join(parts)


def unit_in_words(content: Content) -> str:
    """What a cost is in; nothing where the axis of the figure says it."""
    return currency_of(content.made.summary["text"])


def _told(value: Value, money: str) -> str:
    return f"{_amount(value.value, money)} a run{_interval(value)}"


def _amount(value: float, money: str) -> str:
    before, after = (money, "") if len(money) == 1 else ("", f" {money}" if money else "")
    return f"{before}{number(value)}{after}"


def _cost(row: dict[Any, Any]) -> Value:
    """The mean cost, or where runs were censored the cost of all runs over the number of hits."""
    if not math.isnan(row["cost"]):
        return Value(row["cost"], row["cost_low"], row["cost_high"])
    return Value(row["ert_cost"] if math.isfinite(row["ert_cost"]) else math.nan, math.nan, math.nan)


def _interval(value: Value) -> str:
    known = math.isfinite(value.low) and math.isfinite(value.high) and value.high > value.low
    return f" ({number(value.low)} to {number(value.high)})" if known else ""


def _exact(row: dict[Any, Any]) -> str:
    return "" if math.isnan(row["cost_predicted"]) else f", where {number(row['cost_predicted'])} is exact"


def _unclear(best: Value, second: Value) -> bool:
    known = all(math.isfinite(each) for each in (best.low, best.high, second.low, second.high))
    return known and best.high >= second.low


def _strip(content: Content) -> Html:
    """Verdicts, cells, runs and the share that was censored, in a line."""
    checked, summary = content.made.check, content.made.summary
    runs, censored = int(summary["runs"].sum()), int(summary["censored"].sum())
    pills = [
        tag("span", f"{MARKS[verdict]} {checked.count(verdict):,} {verdict.words}",
            class_=f"pill {CLASSES[verdict]}{'' if checked.count(verdict) else ' none'}")
        for verdict in Verdict
    ]  # fmt: skip
    ended = "ended without their task done right" if content.of_programs else "censored"
    share = f"{share_text(censored / runs)} {ended}" if runs and censored else f"none {ended}"
    pills += [tag("span", told, class_="pill") for told in (counted(len(summary), "cell"), counted(runs, "run"), share)]
    return tag("p", joined(pills, " "), class_="strip")


def _figure(content: Content) -> Html:
    made = content.made
    if made.results.runs.empty:
        return Html("")
    if content.sheet is None and not content.along:
        return _as_bars(content)
    from experiments.reports.html.figures.of_panels import chart_of, plain_math

    if content.sheet is not None:
        sheet = content.sheet
        return figure(
            [chart_of(panel) for panel in sheet.panels],
            plain_math("; ".join(sheet.legend)),
            plain_math(sheet.title),
            "figure",
        )
    from experiments.reports.html.figures.of_series import growth_charts, legend_of

    grown = growth_charts(made.results, content.along, "cost")
    title = plain_math(made.study.title) if made.study else ""
    return figure(grown.charts, legend_of(grown), title or f"Mean cost of a run along {content.along}", "figure")


def _as_bars(content: Content) -> Html:
    """Where nothing varies along an axis: a bar a cell."""
    rows = [row for row in content.rows if row["runs"]]
    said = [
        Bar(_place(content, row), value, row["cost_predicted"])
        for row in rows
        if not math.isnan((value := _cost(row)).value)
    ]
    money = unit_in_words(content)
    return bars(said, f"Mean cost of a run{f' in {money}' if money else ''} (line: exact)") if said else Html("")


def _place(content: Content, row: dict[Any, Any]) -> str:
    return ", ".join([str(row["series"]), *(f"{name} = {size_text(row[name])}" for name in content.shown_axes)])
