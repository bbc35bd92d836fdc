"""What a run costs, by the kind of token: means of the ledger, and what shares of the cost they are."""

from __future__ import annotations

import math

from evo.costs.ledger import LEDGER, PART_OF
from experiments.grids.cell_text import runs_program
from experiments.reports.html.content import Content
from experiments.reports.html.elements import Html, joined, tag
from experiments.reports.html.figures.bars import MOST_BARS, Stack, stacks
from experiments.reports.html.sections.first import compared
from experiments.reports.html.table import MOST_ROWS, Entry, measure, table
from experiments.reports.measured import number
from experiments.reports.wording import currency_of, size_text

WORDS = {
    "calls": "calls",
    "evaluations": "evaluations",
    "prompt_tokens": "tokens read",
    "generated_tokens": "tokens written",
    "pass_tokens": "m c over passes",
    "pass_tokens_squared": "m c² over passes",
    "cached_tokens": "of them cached",
    "reasoning_tokens": "of them reasoning",
}
ORDER = ("calls", "evaluations", "prompt_tokens", "cached_tokens", "generated_tokens", "reasoning_tokens",
         "pass_tokens", "pass_tokens_squared")  # fmt: skip


def cost_by_kind(content: Content) -> Html:
    """The mean ledger of a run, a row a cell; and the shares of the cost, of the cells that are compared."""
    made = content.made
    rows, there = [], [row for row in content.rows if row["runs"]]
    for row in there[:MOST_ROWS]:
        runs, mean = made.results.numbers(row["cell"]), _ledger(content, row["cell"])
        sizes = [Entry(size_text(row[name]), float(row[name])) for name in ("k", "lam")]
        cost = float(runs.floats("cost").mean())
        unknown = Entry("")
        told = [measure(mean[entry]) if mean[entry] else unknown for entry in ORDER]
        rows.append([Entry(str(row["series"])), *sizes, *told, measure(cost)])
    for place, name in enumerate(("k", "lam"), start=1):
        if name not in content.shown_axes:
            for entries in rows:
                entries[place] = Entry("")
    money = currency_of(made.summary["text"])
    headings = ("series", "k", "lam", *(WORDS[entry] for entry in ORDER), f"cost ({money})" if money else "cost")
    caption = "Means of all runs, censored ones too. c: the tokens that a forward pass reads; m: the size of the model."
    return joined([_shares(content), table(headings, rows, caption, "runs/*.parquet", len(there))])


def _ledger(content: Content, cell: str) -> dict[str, float]:
    """The means of the entries of the ledger over the runs of a cell."""
    runs = content.made.results.numbers(cell)
    return {entry: float(runs.floats(entry).mean()) for entry in LEDGER}


def _shares(content: Content) -> Html:
    """What the cost is made of; nothing where it is one price times one entry."""
    found, where = compared(content)
    made: list[Stack] = []
    for row in found[:MOST_BARS]:
        weights = dict(zip(LEDGER, content.made.results.weights[row["cell"]].tolist(), strict=True))
        parts = _parts(weights, _ledger(content, row["cell"]))
        total = sum(parts.values())
        if total > 0 and not runs_program(str(row["text"])):
            made.append(Stack(str(row["series"]), parts, number(total)))
    if not made or all(len(stack.parts) < 2 for stack in made):
        return Html("")
    money = currency_of(content.made.summary["text"])
    words = f"What a run's cost{f' ({money})' if money else ''} is made of{f', at {where}' if where else ''}"
    return joined([tag("h3", words), stacks(made)])


def _parts(weights: dict[str, float], mean: dict[str, float]) -> dict[str, float]:
    """The cost of each kind: what is read anew, cached, written as answer and as reasoning, and the rest."""
    found = {}
    for entry in LEDGER:
        if math.isnan(mean[entry]) or entry in PART_OF:
            continue
        count, price = mean[entry], weights[entry]
        for part, whole in PART_OF.items():
            if whole == entry:
                count -= mean[part]
                inside = mean[part] * (price + weights[part])
                if inside > 0:
                    found[WORDS[part].removeprefix("of them ") + " tokens"] = inside
        if count * price > 0:
            found[WORDS[entry]] = count * price
    return found
