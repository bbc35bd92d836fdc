"""The table of a benchmark from its numbers: the same in the terminal and on the page."""

from statistics import median
from textwrap import shorten, wrap

HEADS = ("calls/s", "x DEAP", "from - to", "x C++", "x numpy")
WIDTH = 80
WIDTHS = (10, 11, 22, 9, 9)


def page(found):
    """The table, with what was measured where, and what was left out."""
    versions = ", ".join(found["versions"])
    lines = [
        found["machine"],
        f"{versions}. {found['repeats']} repeats of {found['seconds']:g} s of CPU,",
        f"one core, load {found['load']:.0f}; medians, and the least and the greatest ratio of a repeat.",
    ]
    for k in dict.fromkeys(task["k"] for task in found["tasks"]):
        lines += ["", f"{f'k = {k:,}':<19}" + row(HEADS)]
        for task in found["tasks"]:
            if task["k"] == k:
                lines += [task["name"], *(line_of(name, task["calls a second"]) for name in task["calls a second"])]
    for name, why in found["left out"].items():
        lines += ["", *wrap(f"left out: {name}: {shorten(why, 300, placeholder=' ...')}", WIDTH)]
    return "\n".join(line.rstrip() for line in lines)


def line_of(name, rates):
    """The row of one contestant."""
    ratios = quotients(rates[name], rates.get("DEAP"))
    spread = f"{few(min(ratios))} - {few(max(ratios))}" if ratios else "-"
    others = (quotients(rates[name], rates.get(other)) for other in ("C++", "numpy"))
    cpp, numpy = (few(median(each)) if each else "-" for each in others)
    deap = few(median(ratios)) if ratios else "-"
    return f"  {name:<17}" + row((few(median(rates[name])), deap, spread, cpp, numpy))


def row(values):
    return "".join(f"{value:>{width}}" for value, width in zip(values, WIDTHS, strict=True))


def quotients(rates, others):
    """Ratios of the same repeat."""
    return [ours / theirs for ours, theirs in zip(rates, others, strict=True)] if others else []


def few(value):
    """Three digits: 0.0123, 1.2, 45.6, 12,300, 1.23e+09."""
    if value >= 1e8:
        return f"{value:.2e}"
    short = float(f"{value:.3g}")
    return f"{short:,.0f}" if short >= 100 else f"{short:g}"


def write_between(path, name, text):
    """Put a table between the two markers of its name on a page.

    Raises: ValueError if they are not there.
    """
    begin, end = markers(name)
    before, found, rest = path.read_text().partition(begin)
    _, closed, after = rest.partition(end)
    if not found or not closed:
        raise ValueError(f"{path}: expected the lines {begin} and {end}, found {found or 'neither'}")
    path.write_text(f"{before}{begin}\n\n```text\n{text}\n```\n\n{end}{after}")


def markers(name):
    return f"<!-- {name}: begin -->", f"<!-- {name}: end -->"
