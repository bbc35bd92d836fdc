"""What was found and claimed: sentences of a study, its claims with their verdicts and sources, its speed-ups."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from experiments.predictions.verdict import CONFIDENCE, Verdict
from experiments.reports.html.content import Content
from experiments.reports.html.elements import Html, joined, tag
from experiments.reports.html.table import Entry, measure, table, told_verdict, verdict_entry
from experiments.reports.measured import MARKS, number
from experiments.reports.wording import size_text

if TYPE_CHECKING:
    from experiments.fits.claims import ClaimCheck


def findings(content: Content) -> Html:
    """All that the study found, and the table that it is from."""
    found = content.made.findings
    if found is None:
        return Html("")
    items = tag("ul", *(tag("li", sentence) for sentence in found.sentences))
    rows = [[Entry(str(each)) for each in row] for row in found.rows]
    caption = "measured, verdict (exact)" + (f"; {found.note}" if found.note else "")
    return joined([items, table(found.headings, rows, caption)])


def claims(content: Content) -> Html:
    """The claims, each with its source, the law that was measured, and what follows."""
    made = content.made
    if not made.claims:
        return Html("")
    from experiments.fits.claims import CLAIM_CONFIDENCE

    rows = [_claim(each) for each in made.claims]
    caption = (
        f"Intervals at {CLAIM_CONFIDENCE:.1%}. Agrees: the interval of the measured law meets what exact theory gives. "
        "So the claim: what follows from both for the claim of the paper."
    )
    headings = ("arm", "claim of the paper", "so the claim", "measured law", "exact theory (docs/theory.md)")
    return table(headings, rows, caption, words=True)


def _claim(each: ClaimCheck) -> list[Entry]:
    claim, law = each.claim, each.law
    measured = each.found or "none"
    if law is not None:
        measured = f"{law.text}, {law[claim.parameter]}, {law.along} = {law.least:g} to {law.most:g}"
    so = each.reason if each.verdict is Verdict.AGREES else f"open: {each.reason}"
    for words, colour in (("does not hold", "bad"), ("holds", "ok")):
        if each.verdict is Verdict.AGREES and so.startswith(words):
            so = joined([tag("b", words, class_=f"v {colour}"), so.removeprefix(words)])
            break
    theory = f"{claim.theory}: {claim.text}" if claim.theory else claim.text
    lam = "" if claim.lam == 1 else f"lam = {claim.lam}"
    return [
        Entry(claim.what, None, lam), Entry(claim.paper or "-"), Entry(so), Entry(measured),
        Entry(joined([told_verdict(each.verdict), " with ", theory])),
    ]  # fmt: skip


def speedups(content: Content) -> Html:
    """The speed-ups, measured beside exact."""
    made = content.made
    if made.speedup is None or not len(made.speedup) or made.study is None:
        return Html("")
    slow, fast = made.study.speedup or ("", "")
    axis = "k" if "k" in made.speedup else str(made.speedup.columns[0])
    rows = [_speedup(row, axis) for row in made.speedup.to_dict("records")]
    caption = (
        f"Cost of {slow} over cost of {fast}. Exact: the ratio of the predicted means. Intervals hold for all rows "
        f"together with probability {1 - made.check.alpha:g}."
    )
    return table((axis, "slow", "fast", "lam", "measured", "exact", "verdict", "note"), rows, caption, "speedup.csv")


def _speedup(row: dict[Any, Any], axis: str) -> list[Entry]:
    lam = row.get("lam", math.nan)
    return [
        Entry(size_text(row[axis]), float(row[axis])), Entry(str(row.get("slow", ""))), Entry(str(row.get("fast", ""))),
        Entry(size_text(lam), float(lam)), _ratio(row), measure(row["exact"]), verdict_entry(Verdict(row["verdict"])),
        Entry(str(row.get("note") or "")),
    ]  # fmt: skip


def _ratio(row: dict[Any, Any]) -> Entry:
    """A speed-up with its interval, or its bound where an arm has no hit; what it is a ratio of, unless of means."""
    found, low, high, of = row["speedup"], row["low"], row["high"], row["of"]
    if math.isnan(found):
        found, low, high, of = row["medians"], row["medians_low"], row["medians_high"], "medians"
    if math.isinf(high) and low > 0:
        return Entry(f"more than {number(low)}", low, f"of {of}")
    if found == 0 and high > 0:
        return Entry(f"less than {number(high)}", high, f"of {of}")
    told = measure(found, low, high if math.isfinite(high) else math.nan)
    return told if of in ("mean", "") or math.isnan(found) else replace(told, small=f"{told.small} of {of}".strip())


def how_it_is_judged(content: Content) -> str:
    """What verdicts mean, in a sentence."""
    checked = content.made.check
    return (
        f"{MARKS[Verdict.AGREES]} agrees: the tests of the cell would have found a discrepancy and found none; "
        f"{MARKS[Verdict.DIFFERS]} differs: one was found, with a false-alarm rate of {checked.alpha:g} over the whole "
        f"grid; {MARKS[Verdict.CANNOT_TELL]} cannot tell: something is missing, which is said. Intervals at "
        f"{CONFIDENCE:.0%}."
    )
