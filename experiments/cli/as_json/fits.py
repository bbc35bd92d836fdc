"""`llm-evo fit --json`: what the runs, or exact means, leave of the families, with all constants."""

from __future__ import annotations

from dataclasses import asdict
from functools import singledispatch
from typing import TYPE_CHECKING, Any

from experiments.cli.as_json.values import answer, record
from experiments.fits.constants import FormVerdict
from experiments.fits.crossovers import Crossover
from experiments.fits.laws import Estimate, Fits, Refusal, ScalingLaw, Told
from experiments.fits.predicted import ExactFits, ExactLaw
from experiments.fits.surfaces import Surface

if TYPE_CHECKING:
    from experiments.reports.growth.told import Answer


def fits_json(found: Answer) -> str:
    """What `fit` came to."""
    quantity = found.asked.quantity
    content = {"along": found.asked.along, "quantity": quantity, **_told(found.of, found.asked.at)}
    return answer("fit", {quantity: found.unit}, content)


@singledispatch
def _told(of: Any, at: float | None) -> dict[str, Any]:
    raise NotImplementedError(type(of).__name__)


@_told.register
def _(of: Fits, at: float | None) -> dict[str, Any]:
    return {
        "series": [
            {
                "series": growth.series,
                "told": str(growth.told),
                "left": [law_json(law, at) for law in growth.left],
                "reason": growth.reason,
                "advice": growth.advice,
                "note": growth.note,
                "dropped": [
                    {"family": law.form.name, "law": law.text, "reason": law.dropped, "p_fit": law.misfit}
                    for law in of.laws
                    if law.series == growth.series and law.dropped
                ],
            }
            for growth in of.growths
        ],
        "refused": _refused(of.refused),
        "notes": [of.note] if of.note else [],
    }


@_told.register
def _(of: ExactFits, at: float | None) -> dict[str, Any]:
    return {
        "series": [
            {
                "series": growth.series,
                "told": str(growth.told),
                "left": [_exact_law(law) for law in growth.left],
                "x": growth.x,
                "exact_means": growth.means,
                "local_exponents": growth.exponents,
            }
            for growth in of.growths
        ],
        "refused": _refused(of.refused),
        "notes": [],
    }


@_told.register
def _(of: tuple, at: float | None) -> dict[str, Any]:  # type: ignore[type-arg]  # of the answers to one question
    verdicts = [each for each in of if isinstance(each, FormVerdict)]
    crossed = [each for each in of if isinstance(each, Crossover)]
    surfaces = [each for each in of if isinstance(each, Surface)]
    told: dict[str, Any] = {"refused": _refused(tuple(each for each in of if isinstance(each, Refusal))), "notes": []}
    told |= {"form": [asdict(each) for each in verdicts]} if verdicts else {}
    told |= {"crossovers": [record(asdict(each), each.reason) for each in crossed]} if crossed else {}
    return told | ({"surfaces": [_surface(each) for each in surfaces]} if surfaces else {})


def law_json(law: ScalingLaw, at: float | None = None) -> dict[str, Any]:
    """A fitted law with its constants, and its value at a place if that is asked for."""
    told: dict[str, Any] = {
        "law": law.text,
        "family": law.form.name,
        "constants": [_constant(each) for each in law.estimates],
        "confidence": law.confidence,
        "from": law.least,
        "to": law.most,
        "cells": law.cells,
        "runs": law.runs,
        "censored_share": law.censored_share,
        "p_fit": law.misfit,
        "deviance": law.distance,
        "method": law.method,
    }
    if at is None:
        return told
    value = law.at(at)
    beyond = not law.least <= at <= law.most
    ends = record({name: getattr(value, name) for name in ("value", "low", "high")}, "this law has no mean there")
    return told | {"at": {"x": at, "extrapolated": beyond} | ends}


def _constant(each: Estimate) -> dict[str, Any]:
    return record(asdict(each), "the exact means are not known, or were not fitted")


def _exact_law(law: ExactLaw) -> dict[str, Any]:
    constants = [asdict(each) for each in law.constants]
    return {"law": law.text, "family": law.family.name, "constants": constants, "foretold": law.foretold}


def _surface(each: Surface) -> dict[str, Any]:
    laws = [
        {"law": law.text, "constants": [_constant(one) for one in law.estimates], "p_fit": law.misfit}
        for law in each.left
    ]
    why = {"reason": "no product of powers and an exponential fits"} if each.told is Told.NONE else {}
    return {"series": each.series, "told": str(each.told), "left": laws, **why}


def _refused(refused: tuple[Refusal, ...]) -> list[dict[str, str]]:
    return [{"series": each.series, "reason": each.reason} for each in refused]
