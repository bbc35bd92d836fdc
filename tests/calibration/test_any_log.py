"""Whatever columns a log has, and whatever is missing in them: an answer, and a file that is read again."""

import io
import warnings

import numpy as np
import pytest
from rich.console import Console

from evo.errors import InputError
from experiments.calibration.calibrate import calibrate
from experiments.cli.calibrated import show_kinds, show_report
from experiments.grids.measured.file import calibration_toml, parse_calibration
from experiments.logs.calls import Calls
from experiments.logs.columns import CLASS_OF, COLUMNS

NEEDED = {
    "incorrect": "g",
    "repaired": "incorrect",
    "kept": "incorrect",
    "broken": "incorrect",
    "correct": "incorrect",
    "malformed_calls": "calls",
    "tokens_cached": "tokens_in",
    "tokens_reasoning": "tokens_out",
}
"""Which column another one needs."""


def some_log(rng):
    """A log of a few rows with some of the columns, each with holes; its counts fit together."""
    rows = int(rng.choice([1, 2, 3, 9, 40, 120]))
    most = int(rng.choice([1, 2, 6, 40]))
    g = rng.integers(1, most + 1, rows) if rng.random() < 0.7 else np.full(rows, most)
    incorrect = rng.binomial(g, rng.choice([0.0, 0.5, 1.0]))
    repaired = rng.binomial(incorrect, rng.choice([0.0, 0.4, 1.0]))
    broken = rng.binomial(g - incorrect, rng.choice([0.0, 0.1, 1.0]))
    prompt, out = rng.integers(0, 3000, rows), rng.integers(0, 800, rows)
    columns = {
        "g": g, "k": g + rng.integers(0, 2) * 3, "incorrect": incorrect, "repaired": repaired,
        "correct": g - incorrect, "kept": g - incorrect - broken, "broken": broken,
        "tokens_in": prompt, "tokens_cached": prompt // int(rng.integers(1, 4)), "tokens_out": out,
        "tokens_reasoning": out // int(rng.integers(1, 9)), "seconds": rng.choice([1.0, 2.5, 600.0], rows),
        "evaluation_seconds": rng.lognormal(0, 1, rows), "price": prompt * 3e-6 * rng.integers(0, 2) + out * 1e-5,
        "calls": rng.integers(5, 9, rows), "malformed_calls": rng.integers(0, 5, rows),
    }  # fmt: skip
    words = {"outcome": rng.choice(list(CLASS_OF), rows)}
    for name, most in {"run": 12, "item": 30, "call": 50, "prompt": 50, "model": 2}.items():
        words[name] = rng.integers(0, most, rows)
    holes = rng.choice([0.0, 0.3, 1.0])
    numbers = {
        name: np.where(rng.random(rows) < holes * rng.random(), np.nan, values)
        for name, values in columns.items()
        if rng.random() < 0.6
    }
    for part, whole in NEEDED.items():
        if part in numbers:
            numbers[part] = np.where(np.isnan(numbers.get(whole, np.full(rows, np.nan))), np.nan, numbers[part])
    chosen = {
        name: np.array([str(value) for value in values], dtype=object)
        for name, values in words.items()
        if rng.random() < (0.2 if name == "model" else 0.6)
    }
    return Calls("x.csv", "0" * 64, np.arange(rows) + 2, numbers, chosen)


def test_the_logs_have_all_columns():
    rng = np.random.default_rng(83)
    seen = {name for _ in range(30) for log in [some_log(rng)] for name in (*log.numbers, *log.words)}
    assert seen == set(COLUMNS) - {"kind"}


def answered(rng, logs):
    """How many logs were sound; each of them is answered, without a warning."""
    sound = 0
    for _ in range(logs):
        try:
            log = some_log(rng).checked()
        except InputError:
            continue
        sound += 1
        console = Console(file=io.StringIO(), width=80)
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            if len(log.groups("model", "kind")) > 1:
                show_kinds(log, console)
                continue
            report = calibrate(log)
            show_report(report, console)
        made = report.calibration()
        for name in ("fix", "keep"):
            for (_, value), (_, (low, high)) in zip(
                getattr(made.operator, name), getattr(made.operator.interval, name), strict=True
            ):
                assert 0.0 <= low <= value <= high <= 1.0
        if made.operator.fix and made.operator.keep:
            assert parse_calibration(calibration_toml(made)) == made
    return sound


def test_any_log_is_answered():
    assert answered(np.random.default_rng(89), 40) > 15


@pytest.mark.slow
def test_any_log_of_many_is_answered():
    assert answered(np.random.default_rng(97), 1500) > 500
