"""The page: its head, its sections, and the style and script that stand within it.

Nothing is fetched: a policy in the head forbids it, and lets no script run but the page's own, by its hash.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable
from functools import cache
from pathlib import Path

from experiments.reports.html.content import Content
from experiments.reports.html.elements import Html, joined, tag
from experiments.reports.html.sections.before import fixed_budget_and_target
from experiments.reports.html.sections.cells import measured_beside_predicted, time_to_success
from experiments.reports.html.sections.claims import claims, findings, speedups
from experiments.reports.html.sections.costs import cost_by_kind
from experiments.reports.html.sections.distributions import runtime_distributions
from experiments.reports.html.sections.first import first_screen, question
from experiments.reports.html.sections.growth import laws
from experiments.reports.html.sections.provenance import provenance
from experiments.reports.html.sections.unknown import not_predicted

FILE = "report.html"
NEVER = "base-uri 'none'; form-action 'none'"
SECTIONS: tuple[tuple[str, str, str, Callable[[Content], Html]], ...] = (
    ("findings", "Findings", "What was found", findings),
    ("claims", "Claims", "Claims", claims),
    ("cells", "Cells", "Measured beside predicted", measured_beside_predicted),
    ("laws", "Laws", "Laws of growth", laws),
    ("speedups", "Speed-ups", "Speed-ups", speedups),
    ("distributions", "Runtimes", "How runtimes are spread", runtime_distributions),
    ("before", "Quality", "Before the optimum: quality against calls, tokens and money", fixed_budget_and_target),
    ("success", "ERT", "Time to a success, and what was censored", time_to_success),
    ("costs", "Costs", "Cost by kind of token", cost_by_kind),
    ("unknown", "Not predicted", "What is not predicted, and why", not_predicted),
    ("provenance", "Provenance", "Where it comes from", provenance),
)
"""Of each its id, its name in the line of links, its title, and what makes it."""


def page(content: Content) -> str:
    """The whole page."""
    made = [(name, short, title, section(content)) for name, short, title, section in SECTIONS]
    there = [each for each in made if each[-1]]
    links = joined((tag("a", short, href=f"#{name}") for name, short, _, _ in there), " ")
    bodies = joined(tag("section", tag("h2", title), body, id=name, aria_label=title) for name, _, title, body in there)
    style, script = _asset("style.css"), _asset("script.js")
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    policy = f"default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-{digest}'; {NEVER}"
    head = tag(
        "head",
        tag("meta", charset="utf-8"),
        tag("meta", http_equiv="Content-Security-Policy", content=Html(policy)),
        tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
        tag("meta", name="color-scheme", content="light dark"),
        tag("title", f"{content.made.results.grid['name']}: {question(content)}"),
        tag("style", Html(style)),
    )
    files = f"Beside this page: {', '.join(content.files)}." if content.files else ""
    body = tag(
        "body",
        first_screen(content),
        tag("nav", links, aria_label="Sections"),
        tag("main", bodies),
        tag("footer", files),
        tag("div", id="tip", role="status", hidden=True),
        tag("script", Html(script)),
    )
    return f"<!DOCTYPE html>\n{tag('html', head, body, lang='en')}\n"


@cache
def _asset(name: str) -> str:
    return (Path(__file__).parent / name).read_text(encoding="utf-8")
