"""The command `llm-evo plan`: which decomposition to pay for, before anything runs."""

from __future__ import annotations

import re
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from experiments.cli.exits import plain_errors

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from evo.costs.published import Published
    from experiments.planning.plan import Plan, Ranked

OPTIONS = (
    *("g", "lam", "votes", "schedules", "runners", "kept", "feedback", "workers"),
    *("target", "budget", "calls", "by", "odds", "published", "start", "shows"),
)
"""That `plan` in Python has by the same names."""
PANEL = "Instead of what the file says"
Files = Annotated[
    list[Path] | None, typer.Argument(metavar="[CALIBRATION.toml]...", help="One model a file; none: options alone.")
]


def _said(metavar: str, told: str) -> Any:
    return typer.Option(metavar=metavar, help=told, rich_help_panel=PANEL)


def plan(
    files: Files = None,
    k: Annotated[int | None, _said("N", "Blocks of the problem.")] = None,
    l: Annotated[int | None, _said("N", "Tokens of a block.")] = None,
    fix: Annotated[
        str | None,
        _said(
            "1=.35,5=.2", "P(an incorrect block comes back correct), by blocks a call; 1=.35:.31:.39 in an interval."
        ),
    ] = None,
    keep: Annotated[str | None, _said("1=.97,5=.96", "P(a correct block stays correct), by blocks a call.")] = None,
    operator: Annotated[str | None, _said("malformed=.08,..", "refusals, malformed, rho_fix, rho_keep.")] = None,
    tokens: Annotated[str | None, _said("instructions=2500,..", "instructions, cached_share, reasoning.")] = None,
    seconds: Annotated[str | None, _said("evaluation=12,..", "fixed, per_generated_token, tail, evaluation.")] = None,
    prices: Annotated[
        str | None, _said("prompt=3,..", "prompt, cached, generated, reasoning, call, evaluation.")
    ] = None,
    per: Annotated[float | None, _said("1e6", "Tokens that the prices of tokens are for; one unless said.")] = None,
    unit: Annotated[str | None, _said("$", "Of the prices.")] = None,
    published: Annotated[
        str | None, _said("NAME,..", "Published prices of this model, as price tables have it; of each file in turn.")
    ] = None,
    price_table: Annotated[
        Path | None, _said("FILE", "Table of published prices; that of the testbed unless said.")
    ] = None,
    as_of: Annotated[
        str | None, _said("2026-11-29", "Published prices of that day, from the package genai-prices.")
    ] = None,
    odds: Annotated[
        float, _said("1.1", "Factor by which the odds of a chance may be off where no interval is given.")
    ] = 1.1,
    start: Annotated[
        float | None, typer.Option(help="Share of blocks that are correct at first; 0 unless said.", show_default=False)
    ] = None,
    shows: Annotated[
        str | None,
        typer.Option(help="What a call reads: its chunk (unless said), or the whole solution.", show_default=False),
    ] = None,
    feedback: Annotated[
        str | None,
        typer.Option(
            help="What tests tell: none (better or not), score (how many are right; unless said), blocks (which).",
            show_default=False,
        ),
    ] = None,
    workers: Annotated[
        int | None, typer.Option(help="Calls at the same time; 1 unless said.", show_default=False)
    ] = None,
    g: Annotated[str | None, typer.Option(help="Blocks a call to compare, as 1,5; divisors of k unless said.")] = None,
    lam: Annotated[
        str | None, typer.Option(help="Calls a generation to compare; up to the workers unless said.")
    ] = None,
    votes: Annotated[str, typer.Option(help="Leads of voting to compare, as 1,2,3.")] = "1",
    schedules: Annotated[str | None, typer.Option(help="Schedules to compare; also UniformSubset, EachChunk.")] = None,
    runners: Annotated[
        str | None, typer.Option(help="Runners to compare: OnePlusLambda,Merged unless said; Archive,MapElites.")
    ] = None,
    kept: Annotated[str, typer.Option(help="Solutions that Archive and MapElites keep, as 2,4.")] = "4",
    target: Annotated[
        float | None, typer.Option(help="Blocks that are enough, or their share (up to 1).", show_default=False)
    ] = None,
    budget: Annotated[
        float | None, typer.Option(help="Money a run may cost: rank by the fitness then.", show_default=False)
    ] = None,
    calls: Annotated[
        int | None, typer.Option(help="Calls a run may make, instead of money.", show_default=False)
    ] = None,
    by: Annotated[str | None, typer.Option(help="Rank by money, hours, tokens, calls, fitness or reached.")] = None,
    exact: Annotated[
        bool, typer.Option("--exact", help="Leave out what no formula tells, instead of simulating it.")
    ] = False,
    rows: Annotated[int, typer.Option(help="Candidates to list.")] = 12,
    variants: Annotated[
        bool, typer.Option("--all", help="List every lam, runner and votes, not the best of each schedule and g.")
    ] = False,
    hangs: Annotated[bool, typer.Option(help="Say what the choice hangs on, which takes as long again.")] = True,
    toml: Annotated[
        Path | None,
        typer.Option(help="Write the listed candidates as a grid that `run` checks; must be free.", show_default=False),
    ] = None,
    figure: Annotated[
        Path | None, typer.Option(help="Draw money against hours, a PNG, SVG or PDF.", show_default=False)
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="As JSON instead of a table.")] = False,
) -> None:
    """Which decomposition to pay for: schedules, blocks a call, calls a generation, ranked by exact predictions.

    Example: `llm-evo plan calibration.toml --k 40` or `llm-evo plan --k 40 --fix 1=.35,5=.2 --keep 1=.97,5=.96`
    """
    with plain_errors():
        from experiments.cli.output import expect_free
        from experiments.cli.planned import listed, plan_json, show_plan
        from experiments.grids.arguments import expect_whole
        from experiments.planning.plan import plan as planned
        from experiments.reports.printing import PlainConsole

        if toml is not None:
            expect_free("--toml", toml)
        if figure is not None:  # before a plan that takes its time
            from experiments.reports.drawing.money_hours import expect_ending

            expect_ending("--figure", figure)
        values = {
            **_table("operator", fix, "fix"), **_table("operator", keep, "keep"), **_table("operator", operator),
            **_table("tokens", tokens), **_table("seconds", seconds), **_prices(prices, per),
            **({} if unit is None else {"prices.unit": unit}),
        }  # fmt: skip
        expect_whole("--rows", rows, 1)
        said = {*values, *(f"problem.{name}" for name, value in (("k", k), ("l", l)) if value is not None)}
        with _told_by_option(said):
            found = planned(
                _sources(files or []), values, k=k, l=l, start=start, shows=shows, feedback=feedback, workers=workers,
                g=_list("g", g, int), lam=_list("lam", lam, int), votes=_list("votes", votes, int),
                schedules=_list("schedules", schedules, str), runners=_list("runners", runners, str),
                kept=_list("kept", kept, int), target=target, budget=budget, calls=calls, by=by,
                bands=None if json else rows, exact=exact, odds=odds,
                published=_price_lists(published, price_table, as_of),
            )  # fmt: skip
        _write(found, toml, figure, listed(found, rows, variants))
        if json:
            print(plan_json(found, hangs))
        else:
            show_plan(found, PlainConsole(highlight=False), rows, hangs, variants)


@contextmanager
def _told_by_option(said: set[str]) -> Iterator[None]:
    """Errors about values that options gave, by the names of these options."""
    from evo.errors import InputError

    try:
        yield
    except InputError as error:
        told = str(error)
        at = re.match(r"plan: (?:unknown key ')?(?:(\w+)\.)?(?:interval\.)?(\w+)\b", told)
        if at is None or (at[1] and f"{at[1]}.{at[2]}" not in said) or not (at[1] or at[2] in OPTIONS):
            raise
        option = at[2] if not at[1] or at[1] == "problem" or at[2] in ("fix", "keep") else at[1]
        rest = f": {told.removeprefix('plan: ')}" if option == at[1] else told[at.end() :]
        raise InputError(f"--{option}{rest}") from None


def _write(found: Plan, toml: Path | None, figure: Path | None, chosen: list[Ranked]) -> None:
    """The files that were asked for."""
    from experiments.planning.grid_file import grid_toml
    from experiments.reports.drawing.money_hours import save_plan_figure
    from experiments.store.files import write_new

    if toml is not None:
        write_new(toml, grid_toml(found, chosen, toml.stem))
    if figure is not None:
        save_plan_figure(found, figure)


def _sources(files: list[Path]) -> Any:
    """The only file, or several by their names."""
    from evo.errors import InputError

    if len(files) < 2:
        return files[0] if files else None
    named = {file.stem: file for file in files}
    if len(named) < len(files):
        raise InputError("plan: expected files of different names, which name their models")
    return named


def _price_lists(names: str | None, table: Path | None, as_of: str | None) -> list[Published]:
    """The published prices that were asked for."""
    from evo.costs.published import published
    from evo.costs.published.genai import PACKAGE
    from evo.errors import InputError

    if names is None:
        if table is not None or as_of is not None:
            raise InputError(
                f"--{'price-table' if table else 'as-of'}: expected it with --published NAME, got it alone"
            )
        return []
    try:
        package = None if as_of is None else PACKAGE
        return [published(name, table, package, as_of) for name in _list("published", names, str)]
    except InputError as error:
        raise InputError(f"--published: {error}".replace("--published: --published: ", "--published: ")) from None


def pairs(option: str, text: str) -> dict[str, float]:
    """`name=number,name=number`."""
    from evo.errors import InputError

    found = _numbers(option, text)
    for name, numbers in found.items():
        if len(numbers) > 1:
            raise InputError(
                f"--{option}: {name}: expected one number, got {':'.join(f'{each:g}' for each in numbers)}"
            )
    return {name: numbers[0] for name, numbers in found.items()}


def _numbers(option: str, text: str) -> dict[str, list[float]]:
    """`name=number`, or `name=number:number:number`."""
    from evo.errors import InputError

    found: dict[str, list[float]] = {}
    for piece in text.split(","):
        name, _, value = (part.strip() for part in piece.partition("="))
        try:
            numbers = [float(each) for each in value.split(":")]
        except ValueError:
            by_g = "; give chances by blocks a call, such as 1=.96,5=.96" if option in ("fix", "keep") else ""
            raise InputError(f"--{option}: expected name=number,name=number, got {piece!r}{by_g}") from None
        if len(numbers) not in (1, 3):
            told = f"expected a number, or a number and its interval as .35:.31:.39, got {value!r}"
            raise InputError(f"--{option}: {name}: {told}")
        if name in found:
            raise InputError(f"--{option}: {name} stands in it twice")
        found[name] = numbers
    return found


def _table(table: str, text: str | None, name: str | None = None) -> dict[str, Any]:
    """The values of an option by the keys of the calibration file; chances may have intervals."""
    if text is None:
        return {}
    if table != "operator":
        return {f"{table}.{key}": value for key, value in pairs(table, text).items()}
    found = _numbers(name or table, text)
    intervals = {key: (numbers[1], numbers[2]) for key, numbers in found.items() if len(numbers) == 3}
    values = {key: numbers[0] for key, numbers in found.items()}
    if name is not None:
        of_g = {f"operator.interval.{name}": intervals} if intervals else {}
        return {f"operator.{name}": values, **of_g}
    of_key = {f"operator.interval.{key}": interval for key, interval in intervals.items()}
    return {**{f"operator.{key}": value for key, value in values.items()}, **of_key}


def _prices(text: str | None, per: float | None) -> dict[str, Any]:
    """Prices of one token; those that may be of a million are asked about."""
    from evo.costs.prices import MOST_A_TOKEN
    from evo.errors import InputError

    if per is not None and not 0.0 < per < float("inf"):
        raise InputError(f"--per: expected a number of tokens > 0, such as 1e6, got {per:g}")
    if per is not None and text is None:
        raise InputError("--per: expected it with --prices, of whose tokens it says the number, got it alone")
    found = _table("prices", text)
    for key, value in found.items():
        if key in ("prices.call", "prices.evaluation"):
            continue
        if per is None and value > MOST_A_TOKEN:
            raise InputError(
                f"--prices: {key}: expected the price of a token, got {value:g}; give --per 1e6 or --per 1"
            )
        found[key] = value / (per or 1.0)
    return found


def _list(option: str, text: str | None, kind: Callable[[str], Any]) -> list[Any]:
    """Values between commas."""
    from evo.errors import InputError

    if text is None:
        return []
    pieces = [piece.strip() for piece in text.split(",")]
    if not all(pieces):
        raise InputError(f"--{option}: expected values between commas, got nothing at a place of {text!r}")
    try:
        return [kind(piece) for piece in pieces]
    except ValueError:
        raise InputError(f"--{option}: expected whole numbers between commas, as 1,5, got {text!r}") from None
