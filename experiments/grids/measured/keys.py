"""Keys of a calibration file that are unknown, and what was probably meant by them."""

from __future__ import annotations

from collections.abc import Iterable

from evo.errors import InputError
from evo.parameters import shown, suggestion

MEANT: dict[str, dict[str, tuple[str, ...]]] = {
    "operator": {
        "refusals": ("refused", "refuse", "refusal", "empty"),
        "malformed": ("invalid", "unparsed", "format_errors"),
    },
    "tokens": {
        "instructions": ("prompt", "system", "head", "input", "in"),
        "block": ("chunk", "function", "l", "output", "out"),
        "cached_share": ("cached", "cache", "hit_rate"),
    },
    "seconds": {
        "fixed": ("call", "calls", "a_call", "per_call", "latency", "median", "mean", "request", "seconds"),
        "per_prompt_token": ("prompt", "input", "in", "per_input_token"),
        "per_generated_token": ("generated", "output", "out", "token", "per_token", "per_output_token"),
        "tail": ("sigma", "spread", "deviation"),
        "evaluation": ("eval", "evaluations", "test", "tests", "evaluate"),
    },
    "prices": {
        "prompt": ("input", "in", "read", "input_tokens"),
        "generated": ("output", "out", "completion", "written", "output_tokens"),
        "cached": ("cache", "cached_input", "cache_read"),
        "call": ("per_call", "request", "fixed"),
        "evaluation": ("eval", "evaluations", "test", "tests"),
    },
    "problem": {"k": ("blocks", "functions", "n"), "l": ("block", "tokens", "length")},
}  # fmt: skip
"""By table: what others call a key. The nearest spelling is another key as often as not (`call` is near `tail`)."""


def unknown_key(table: str, name: str, known: Iterable[str]) -> InputError:
    """The refusal of a key: what was meant, and what there is.

    Args:
        table: it stands in; empty for a table itself.
        name: the key.
        known: the keys of the table.

    >>> print(unknown_key("seconds", "call", ["fixed", "tail"]))
    unknown key 'seconds.call'; did you mean 'seconds.fixed'?; allowed: fixed, tail
    """
    allowed, of = list(known), f"{table}." if table else ""
    meant = [key for key, words in MEANT.get(table, {}).items() if key in allowed and name.lower() in words]
    near = f"; did you mean {of + meant[0]!r}?" if meant else suggestion(of + name, [of + key for key in allowed])
    return InputError(f"unknown key {shown(of + name)}{near}; allowed: {', '.join(allowed)}")
