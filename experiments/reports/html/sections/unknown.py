"""What is not predicted, and why; what could not be told; and what stands against predicted numbers."""

from __future__ import annotations

from evo.errors import InputError, NoPrediction
from experiments.predictions.verdict import Verdict
from experiments.reports.html.content import Content
from experiments.reports.html.elements import Html, joined, tag
from experiments.reports.wording import counted, merged

MOST_REASONS = 40


def not_predicted(content: Content) -> Html:
    """The cells without a prediction, by the reason; the same for those of which nothing could be told."""
    made = content.made
    labels = {each.cell: each.label for each in made.check.cells}
    refused = [(labels[cell], reason) for cell in labels if (reason := _refusal(content, cell))]
    told = {label for label, _ in refused}
    open_ = [
        (each.label, each.reason)
        for each in made.check.cells
        if each.verdict is Verdict.CANNOT_TELL and each.label not in told
    ]
    doubts = [tag("li", doubt) for doubt in made.check.doubts]
    parts = []
    if refused:
        have = "has" if len(refused) == 1 else "have"
        of = f"{counted(len(refused), 'cell')} of {len(labels):,} {have} no exact prediction of the calls:"
        parts += [tag("p", of), _listed(refused)]
    else:
        parts.append(tag("p", f"Each of the {counted(len(labels), 'cell')} has an exact prediction."))
    if open_:
        parts += [
            tag(
                "p",
                f"{counted(len(open_), 'cell')} cannot be told for another reason:"
                if refused
                else f"{counted(len(open_), 'cell')} cannot be told:",
            ),
            _listed(open_),
        ]
    if doubts:
        parts += [tag("p", "What stands against predicted numbers:"), tag("ul", *doubts)]
    return joined(parts)


def _listed(reasons: list[tuple[str, str]]) -> Html:
    told = merged(reasons)
    items = [tag("li", words) for words, _ in told[:MOST_REASONS]]
    left = sum(count for _, count in told[MOST_REASONS:])
    items += [tag("li", f"and {left} more, all in summary.csv")] if left else []
    return tag("ul", *items)


def _refusal(content: Content, cell: str) -> str:
    results = content.made.results
    try:
        results.predict(cell)
    except (NoPrediction, InputError) as error:
        stored = results.prediction(cell)
        if isinstance(error, InputError) and stored is not None:
            return stored.refused
        return str(error)
    return ""
