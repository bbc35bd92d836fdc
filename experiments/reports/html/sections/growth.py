"""How it grows: the laws that the runs leave, or why none was fitted; fits are loaded only where there are some."""

from __future__ import annotations

from experiments.reports.html.content import Content
from experiments.reports.html.elements import Html, tag


def laws(content: Content) -> Html:
    """The fitted laws, or a sentence that says why there are none."""
    fits = content.made.fits
    if fits is None:
        said = f"Fewer than three values of {content.along} were run" if content.along else "Nothing varies but the arm"
        return tag("p", f"{said}: no law of growth is fitted.")
    from experiments.reports.html.sections.fitted import fitted_laws

    return fitted_laws(content, fits)
