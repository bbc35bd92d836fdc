"""The command `llm-evo`. Nothing heavy is imported before a sub-command needs it, so `--help` answers at once.

Exit codes: 0 done (CANNOT TELL included); 1 a check came out DIFFERS or failed; 2 the input is wrong; 3 some batches
failed, all others are done; 4 a limit of the whole grid was reached; 5 the results folder is in use, damaged or cannot
be read or written, or no worker is left; 70 a fault of the testbed; 130 interrupted; 141 nobody reads the output.
"""

# Annotations are no strings here, which typer would compile for each command before --help is shown.
import atexit
import gc
import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from experiments.cli.calibrating import calibrate
from experiments.cli.exits import WRONG_INPUT, exit_for, plain_errors, whole_command
from experiments.cli.inputs import (
    expected_study,
    folder_of,
    grid_of,
    loaded,
    new_console,
    of_real_calls,
    own_study,
    read,
)
from experiments.cli.output import say, show_anything
from experiments.cli.planning import plan
from experiments.cli.serving import record, serve
from experiments.cli.showing.commands import check_operator, show
from experiments.cli.starting import init, told_version
from experiments.cli.unknown import refused_command
from experiments.predictions.verdict import ALPHA, CONFIDENCE

app = typer.Typer(
    name="llm-evo",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
    rich_markup_mode="markdown",
)


@app.callback()
def _options(
    version: Annotated[
        bool,
        typer.Option("--version", help="Say which version this is.", is_eager=True, callback=told_version),
    ] = False,
) -> None:
    """A testbed for LLM mutators: what LLM-driven search costs as problems grow, beside exact predictions."""


Target = Annotated[
    str,
    typer.Argument(metavar="STUDY | FILE.toml | MODULE:STUDY", help="A named study (see `show`), a file, or yours."),
]
Folder = Annotated[Path, typer.Argument(metavar="RESULTS", help="A results folder, as `run` writes it.")]
RunsOption = Annotated[
    int | None, typer.Option(help="Runs a cell, a number, instead of the grid's own or its stopping rule.")
]
Seed = Annotated[int | None, typer.Option(help="Seed, instead of the grid's own.")]
Engine = Annotated[
    str | None,
    typer.Option(help="blocks (batched), deap (DEAP's loop, slow) or law (drawn from it)."),
]
Json = Annotated[bool, typer.Option("--json", help="As JSON, and nothing else on standard output.")]
Alpha = Annotated[float, typer.Option(help="False-alarm rate over all checks of the grid.")]
Stored = Annotated[bool, typer.Option("--stored", help="Import no third-party parts; use their stored predictions.")]
Imports = Annotated[
    bool,
    typer.Option("--import", help="Import all parts that the folder names, not only those that you ran into it here."),
]


@app.command()
def run(
    target: Target = "paper",
    out: Annotated[str | None, typer.Option(help="Results folder; results/NAME unless said.")] = None,
    runs: RunsOption = None,
    seed: Seed = None,
    workers: Annotated[int | None, typer.Option(help="Worker processes; one a core unless said.")] = None,
    scheduler: Annotated[
        str | None, typer.Option(metavar="tcp://HOST:PORT", help="Run on the workers of a dask scheduler instead.")
    ] = None,
    engine: Engine = None,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No progress, and only the verdict at the end.")] = False,
    accept_changed_code: Annotated[
        bool, typer.Option("--accept-changed-code", help="Go on though the source of a part of yours has changed.")
    ] = False,
    retry_failed: Annotated[
        bool, typer.Option("--retry-failed", help="Run only the batches that failed in earlier launches.")
    ] = False,
    time_limit: Annotated[
        float | None,
        typer.Option(help="Seconds after which a batch is ended, as a failure; an hour or more unless said."),
    ] = None,
    memory: Annotated[
        float | None, typer.Option(help="GiB of data that a worker may have; its share of the machine unless said.")
    ] = None,
    max_calls: Annotated[
        float | None, typer.Option(help="Calls of all runs after which nothing more is begun.")
    ] = None,
    max_tokens: Annotated[
        float | None, typer.Option(help="Tokens, read and written, after which nothing more is begun.")
    ] = None,
    max_cost: Annotated[float | None, typer.Option(help="Cost after which nothing more is begun.")] = None,
    max_seconds: Annotated[float | None, typer.Option(help="Seconds after which nothing more is begun.")] = None,
    base_url: Annotated[
        str | None, of_real_calls("URL", "Of the endpoint; --max-calls and so on then hold for requests.")
    ] = None,
    key_env: Annotated[str, of_real_calls("NAME", "Environment variable with its key.")] = "OPENAI_API_KEY",
    prices: Annotated[str | None, of_real_calls("prompt=3,..", "prompt, cached, generated, reasoning, call.")] = None,
    per: Annotated[float, of_real_calls("1e6", "Tokens that the prices are for.")] = 1.0,
    at_once: Annotated[int, of_real_calls("N", "Requests at the same time.")] = 8,
    timeout: Annotated[float, of_real_calls("SECONDS", "Without a byte.")] = 600.0,
    replay: Annotated[Path | None, of_real_calls("ANSWERS.jsonl", "Ask nothing; take answers from there.")] = None,
) -> None:
    """Run a grid, check it against exact predictions, fit its laws, and write a report.

    What is already in the results folder is not run again: after Ctrl-C (once: finish what is at work; twice: stop at
    once) the same command goes on.

    Example: `llm-evo run paper` or `llm-evo run grid.toml --runs 200 --out results/try`
    """
    with plain_errors():
        from experiments.cli.run import real_calls, run_and_report
        from experiments.running.limits import GridLimits

        grid = grid_of(target, runs, seed, engine)
        real = real_calls(
            grid, Path(target), prices, per, base_url=base_url, key_env=key_env, max_calls=max_calls,
            max_tokens=max_tokens, max_cost=max_cost, at_once=at_once, timeout=timeout, replay=replay,
        )  # fmt: skip
        caps = (max_calls, max_tokens, max_cost) if real is None else (None, None, None)
        code = run_and_report(
            grid, folder_of(out, grid), quiet, workers=workers, accept_changed_code=accept_changed_code,
            limits=GridLimits(*caps, max_seconds), time_limit=time_limit, memory=memory,
            retry_failed=retry_failed, scheduler=scheduler, real=real, study=own_study(target),
        )  # fmt: skip
        if code:
            raise typer.Exit(code)


@app.command()
def status(results: Folder, json: Json = False) -> None:
    """How far a grid is, from another terminal while it runs: cells, batches, who is at work, damaged parts.

    Example: `llm-evo status results/paper`
    """
    with plain_errors():
        from experiments.store.launches.status import status as status_of

        found = status_of(results)
        if json:
            from experiments.cli.as_json.after import status_json

            print(status_json(found))
            return
        console = new_console()
        console.print(found.title, markup=False, soft_wrap=True)
        for name, value in found.lines():
            console.print(f"{name:<12}  {value}", markup=False, soft_wrap=True)


@app.command()
def predict(
    target: Target = "paper",
    runs: RunsOption = None,
    engine: Engine = None,
    calls: Annotated[
        int | None, typer.Option(help="Tell the fitness after so many calls a run instead.", show_default=False)
    ] = None,
    whole: Annotated[bool, typer.Option("--all", help="All rows, not the first 40 of each table.")] = False,
    json: Json = False,
) -> None:
    """What a grid will take, before anything runs: calls, tokens, cost, censored runs, time on this machine.

    With `--calls N`: how good the solution is after N calls a run, with the band of single runs.

    Example: `llm-evo predict grid.toml` or `llm-evo predict grid.toml --calls 200`
    """
    with plain_errors():
        from experiments.cli.predicting.forecast import tell_fitness, tell_forecast

        grid = grid_of(target, runs, None, engine)
        if calls is None:
            tell_forecast(grid, new_console(), new_console(stderr=True), json, whole)
        else:
            tell_fitness(grid, calls, new_console(), json, whole)


@app.command()
def check(
    results: Folder,
    alpha: Alpha = ALPHA,
    stored: Stored = False,
    imports: Imports = False,
    json: Json = False,
    calibration: Annotated[Path | None, of_real_calls("FILE.toml", "Their law, as calibrate wrote it.")] = None,
) -> None:
    """Compare results with exact predictions; exit code 1 if a cell DIFFERS.

    Example: `llm-evo check results/paper`
    """
    with plain_errors():
        from experiments.cli.showing.checked import tell_check

        exit_for(tell_check(read(results, imports, stored), calibration, alpha, json))


@app.command()
def fit(
    results: Annotated[
        Path, typer.Argument(metavar="RESULTS", help="A results folder; with --predicted a grid's file, too.")
    ],
    along: Annotated[str, typer.Option(help="The parameter that grows, for example k or problem.l.")] = "k",
    quantity: Annotated[str, typer.Option(help="hit, calls, cost, tokens, rounds, median cost, ERT, ...")] = "hit",
    least: Annotated[float, typer.Option("--from", help="Smallest value of it.", show_default=False)] = float("-inf"),
    most: Annotated[float, typer.Option("--to", help="Largest value of it.", show_default=False)] = float("inf"),
    confidence: Annotated[float, typer.Option(help="Level of the intervals.")] = CONFIDENCE,
    predicted: Annotated[bool, typer.Option("--predicted", help="Fit the exact means; no run is looked at.")] = False,
    form: Annotated[str, typer.Option(help="Test this form, as 'k ln k' or power.", show_default=False)] = "",
    a: Annotated[float | None, typer.Option("--A", help="Given A of --form.", show_default=False)] = None,
    b: Annotated[float | None, typer.Option("--b", help="Given b of --form.", show_default=False)] = None,
    base: Annotated[float | None, typer.Option("--base", help="Given base of --form.", show_default=False)] = None,
    at: Annotated[float | None, typer.Option(help="Tell the laws there, too.", show_default=False)] = None,
    against: Annotated[str, typer.Option(help="Two arms, A,B: from where on B is cheaper.", show_default=False)] = "",
    imports: Imports = False,
    json: Json = False,
) -> None:
    """Fit scaling laws: which families of growth the runs do not refuse, with which constants, in which intervals.

    Example: `llm-evo fit results/paper --along k --quantity cost --from 16`, or `llm-evo fit grid.toml --predicted
    --form "k ln k" --A 2.71828`
    """
    with plain_errors():
        from experiments.cli.progress import stages
        from experiments.reports.growth import told

        asked = told.Asked(along, quantity, least, most, confidence, at, against, form)
        given = {name: value for name, value in (("A", a), ("b", b), ("base", base)) if value is not None}
        with stages(new_console(stderr=True)) as stage:
            stage("fitting laws of growth")
            found = (
                told.of_exact_means(results, asked, given)
                if predicted
                else told.of_runs(loaded(results, imports), asked, given)
            )
        if json:
            from experiments.cli.as_json.fits import fits_json

            print(fits_json(found))
        else:
            told.show_answer(found, new_console())


@app.command("time")
def waiting_time(
    results: Folder,
    workers: Annotated[int | None, typer.Option(help="Calls at the same time; a whole generation unless said.")] = None,
    fixed: Annotated[float, typer.Option(help="Seconds of a call, whatever its length.")] = 1.0,
    per_prompt_token: Annotated[float, typer.Option(help="Seconds for each token read.")] = 0.0,
    per_generated_token: Annotated[float, typer.Option(help="Seconds for each token written.")] = 0.0,
    tail: Annotated[float, typer.Option(help="Heavy tail: sigma of the logarithm of the seconds.")] = 0.0,
    evaluation: Annotated[float, typer.Option(help="Seconds of one evaluation, after its call.")] = 0.0,
    imports: Imports = False,
    json: Json = False,
) -> None:
    """Waiting time beside cost, from the same runs: parallel rounds, and seconds for a latency of the calls.

    Example: `llm-evo time results/paper --workers 8 --fixed 0.5 --per-generated-token 0.02 --tail 1`
    """
    with plain_errors():
        from evo.costs.latency import Latency
        from experiments.reports.terminal import show_waiting
        from experiments.reports.waiting import waiting

        latency = Latency(fixed, per_prompt_token, per_generated_token, tail, evaluation)
        found = waiting(loaded(results, imports), workers, latency)
        if json:
            from experiments.cli.as_json.after import time_json

            print(time_json(found, workers, latency))
        else:
            show_waiting(found, workers, new_console())


@app.command()
def report(
    results: Folder,
    alpha: Alpha = ALPHA,
    stored: Stored = False,
    imports: Imports = False,
    json: Json = False,
    study: Annotated[
        str | None, typer.Option(metavar="MODULE:STUDY", help="The study of yours that they are of; it is imported.")
    ] = None,
) -> None:
    """Write the report of a results folder again and show it; exit code 1 if a cell DIFFERS.

    Example: `llm-evo report results/paper`
    """
    with plain_errors():
        from experiments.cli.reporting import write_and_show, write_and_tell

        console, own = new_console(), None if study is None else expected_study(study)
        if json:
            told, verdict = write_and_tell(read(results, imports, stored), results, alpha, own)
            print(told)
            exit_for(verdict)
            return
        verdict, files = write_and_show(read(results, imports, stored), results, console, alpha, study=own)
        console.print(f"\nWritten to {results}: {', '.join(files)}", markup=False)
        exit_for(verdict)


@app.command()
def export(
    results: Folder,
    to: Annotated[str, typer.Option(help="csv, parquet, or ioh: traces for IOHanalyzer and IOHinspector.")],
    out: Annotated[str, typer.Option(help="Folder (csv, ioh) or file (parquet) to write; must be free.")],
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No progress.")] = False,
) -> None:
    """Write results for other tools: CSV, Parquet, or traces in IOHprofiler's format.

    Traces are not stored: for ioh the runs are executed again, and compared with the stored ones.

    Example: `llm-evo export results/paper --to csv --out paper_csv`
    """
    with plain_errors():
        from evo.errors import InputError
        from experiments.cli.progress import ProgressDisplay
        from experiments.reports.export import export_results

        if not out.strip():
            raise InputError(f"--out: expected a path, got {out!r}")
        with ProgressDisplay(new_console(stderr=True), quiet) as display:
            path = export_results(loaded(results), to, out, display)
        new_console().print(f"Written to {path}", markup=False, soft_wrap=True)


app.command()(show)
app.command()(check_operator)
app.command()(init)
app.command()(calibrate)
app.command()(plan)
app.command()(serve)
app.command()(record)


def main() -> None:
    """Entry point of the command."""
    gc.set_threshold(100_000, 50, 100)  # seldom: to look through all that libraries loaded takes a tenth of a command
    atexit.register(gc.freeze)  # nor at the end, when Python would look through it three times before it leaves
    for library in ("OMP", "OPENBLAS", "MKL"):  # matrices here are small: threads would only wait for each other
        os.environ.setdefault(f"{library}_NUM_THREADS", "1")
    os.environ.pop("MPLBACKEND", None)  # figures are files; a notebook's backend may not be installed here
    show_anything()
    with whole_command():
        refused = refused_command(sys.argv[1:], _commands())
        if refused:
            say(f"error: {refused}")
            sys.exit(WRONG_INPUT)
        app()


def _commands() -> list[str]:
    """The names of the commands, as they are typed."""
    named = ((command.name, command.callback) for command in app.registered_commands)
    return [name or getattr(function, "__name__", "").replace("_", "-") for name, function in named]


if __name__ == "__main__":
    main()
