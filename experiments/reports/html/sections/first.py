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
    """Which series is cheapest where they are compared, or what the only one costs there."""
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
        changes = _alone(content, row)
        none = _no_other(content, row, len(rows) == 1)
        if changes:
            return f"{changes}{f'{none} at {where}' if none else ''}."
        return f"{at}{name} costs {_told(row, money)}{_exact(row)}{f'{none} there' if none and where else ''}."
    if not best.value:
        return f"{at}{_nothing(priced, money)}."
    endless = [each for each in others if _endless(each[0])]
    others = [each for each in others if not _endless(each[0])]
    if _endless(row):
        return f"{at}{name} has the least measured cost, but its mean is infinite: medians, below, can be compared."
    if not others:
        named = " and ".join(f"“{each['series']}”" for each, _ in endless)
        return f"{at}{name} is cheapest: {_told(row, money)}; the mean cost of {named} is infinite."
    second, value = others[0]
    against = f"“{second['series']}” ({_amount(value.value, money)}{_censored(second)})"
    if _unclear(best, value):
        rest = f"; {counted(len(others) - 1, 'other')} cost more" if len(others) > 1 else ""
        return f"{at}{name} ({_told(row, money)}) and {against} cannot be told apart{rest}."
    less = f"{three_digits(value.value / best.value)} times less than {against}"
    return f"{at}{name} is cheapest: {_told(row, money)}, {less}."


def _nothing(priced: list[tuple[dict[Any, Any], Value]], money: str) -> str:
    """Which of the compared cells cost nothing, of which no other is a multiple; and the cheapest of the others."""
    free = [row for row, value in priced if not value.value]
    named = " and ".join(f"“{row['series']}”" for row in free)
    said = f"{named} {'costs' if len(free) == 1 else 'cost'} nothing"
    if all(row["hit"] == 0 for row in free):
        said += f": {'its' if len(free) == 1 else 'their'} runs start at the optimum"
    others = [(row, value) for row, value in priced if value.value and not _endless(row)]
    if not others:
        return said
    least, _ = min(others, key=lambda each: each[1].value)
    return f"{said}; {'of the others ' if len(others) > 1 else ''}“{least['series']}” costs {_told(least, money)}"


def _endless(row: dict[Any, Any]) -> bool:
    """Whether the mean that is told of a cell is infinite: ERT of runs that a budget ends is not."""
    return math.isinf(row["cost_predicted"]) and not _is_ert(row)


def _is_ert(row: dict[Any, Any]) -> bool:
    """Whether the cost of a cell is told as ERT: programs whose task was not done right have a mean all the same."""
    return bool(row["censored"]) and math.isnan(row["cost"])


def _censored(row: dict[Any, Any]) -> str:
    """What the cost of a cell is where its budget ended runs; nothing where it is a mean."""
    if not _is_ert(row):
        return ""
    return f", ERT, since {row['censored']:,} of {row['runs']:,} runs were censored"


def _alone(content: Content, of: dict[Any, Any]) -> str:
    """How the cost of the series of a cell changes along what varies; empty if it does not."""
    if not content.along:
        return ""
    same = [row for row in content.rows if _one_series(content, row, of)]
    priced = [(content.place[row["cell"]], row) for row in same if not math.isnan(_cost(row).value)]
    known = sorted(((at, row) for at, row in priced if not math.isnan(at)), key=lambda each: each[0])
    if len({at for at, _ in known}) < 2:
        return ""
    (first, before), (last, after) = known[0], known[-1]
    money, ends = unit_in_words(content), [words({content.along: at})[0] for at in (first, last)]
    lams = {row["lam"] for row in content.rows if row["runs"] and not math.isnan(row["lam"])}
    lam = f"At lam = {size_text(of['lam'])} " if content.along != "lam" and of["lam"] in lams and len(lams) > 1 else ""
    return f"{lam}“{of['series']}” costs {_told(before, money)} at {ends[0]} and {_told(after, money)} at {ends[1]}"


def _one_series(content: Content, row: dict[Any, Any], of: dict[Any, Any]) -> bool:
    """Whether a row is of the series of a compared cell, and of its lam unless lam is what varies."""
    alike = row["lam"] == of["lam"] or math.isnan(of["lam"]) or content.along == "lam"
    return bool(row["runs"]) and alike and without_axis(content, row) == of["series"]


def _no_other(content: Content, of: dict[Any, Any], unrun: bool) -> str:
    """That no other series has a run, or a hit, where the only cost is; nothing if there is no other."""
    names = {without_axis(content, row) for row in content.rows if row["runs"]}
    return f"; no other series has a {'run' if unrun else 'hit'}" if names - {of["series"]} else ""


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
    rows = [row for row in rows if not math.isnan(places[row["cell"]])]
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


def _told(row: dict[Any, Any], money: str) -> str:
    """The cost of a run of a cell; of a hit, and what that is, where runs were censored."""
    value = _cost(row)
    if not _is_ert(row):
        return f"{_amount(value.value, money)} a run{_interval(value)}"
    share = f"{share_text(row['censored'] / row['runs'])} of {counted(row['runs'], 'run')}"
    return f"{_amount(value.value, money)} a hit (ERT, the cost of all runs over the hits, since {share} were censored)"


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


def _predicted(row: dict[Any, Any]) -> float:
    """The exact mean, NaN beside ERT: it is that of runs which no budget ends."""
    return math.nan if _is_ert(row) else float(row["cost_predicted"])


def _exact(row: dict[Any, Any]) -> str:
    return "" if math.isnan(_predicted(row)) else f", where {number(_predicted(row))} is exact"


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
        Bar(f"{_place(content, row)}{_censored(row)}", value, _predicted(row))
        for row in rows
        if not math.isnan((value := _cost(row)).value)
    ]
    money = unit_in_words(content)
    ert = "; ERT where runs were censored" if any(map(_is_ert, rows)) else ""
    line = "" if all(math.isnan(bar.exact) for bar in said) else " (line: exact)"
    return bars(said, f"Mean cost of a run{f' in {money}' if money else ''}{ert}{line}") if said else Html("")


def _place(content: Content, row: dict[Any, Any]) -> str:
    return ", ".join([str(row["series"]), *(f"{name} = {size_text(row[name])}" for name in content.shown_axes)])
