"""Each option of each command reaches what does the work, by its own name: none is ignored, no two are swapped.

What does the work notes what it is given, and does nothing. The table has all options of all commands, each with its
default and another value, so that a new one cannot be forgotten.
"""

import inspect
from collections.abc import Mapping
from contextlib import nullcontext
from dataclasses import dataclass, field, fields, is_dataclass
from importlib import import_module
from pathlib import Path
from types import SimpleNamespace

import pytest
import typer

from experiments import Verdict
from experiments.cli.app import app

GROUP = typer.main.get_command(app)
INFINITE = float("inf")
ABSENT = "not called"
"""Of an argument of what was not called."""


@dataclass(frozen=True)
class Opt:
    """An option: where it arrives, what arrives unless said, and what arrives of another value."""

    at: str
    default: object
    value: object
    word: str | None = None

    def words(self, name):
        if isinstance(self.value, bool) and self.word is None:
            return [f"--{'' if self.value else 'no-'}{name}"]
        return [f"--{name}", str(self.value) if self.word is None else self.word]


@dataclass(frozen=True)
class Case:
    """A command in one of its modes.

    `does` is what is called, with what it gives back, in the place of what does the work.
    """

    command: str
    given: tuple[str, ...]
    does: Mapping[str, object]
    options: Mapping[str, Opt]
    always: Mapping[str, object] = field(default_factory=dict)


SHOWN = SimpleNamespace(title="", lines=list)
AGREES = Verdict.AGREES
READ = {"experiments.cli.app.read": "read"}
LOADED = {"experiments.cli.app.loaded": "loaded"}
STORED = {"stored": Opt("read.stored", False, True), "import": Opt("read.imports", False, True)}
RUN = {
    "experiments.cli.app.grid_of": "grid", "experiments.cli.app.folder_of": "folder",
    "experiments.cli.run.run_and_report": 0,
}  # fmt: skip
REAL_CALLS = {
    "base-url": Opt("real_calls.base_url", None, "http://here/v1"),
    "key-env": Opt("real_calls.key_env", "OPENAI_API_KEY", "MY_KEY"),
    "prices": Opt("real_calls.prices", None, "prompt=3"), "per": Opt("real_calls.per", 1.0, 1e6),
    "at-once": Opt("real_calls.at_once", 8, 3), "timeout": Opt("real_calls.timeout", 600.0, 7.0),
    "replay": Opt("real_calls.replay", None, Path("answers.jsonl")),
    "max-calls": Opt("real_calls.max_calls", None, 11.0), "max-tokens": Opt("real_calls.max_tokens", None, 12.0),
    "max-cost": Opt("real_calls.max_cost", None, 13.0),
}  # fmt: skip
ON_RUNS = {"max-calls": "calls", "max-tokens": "tokens", "max-cost": "cost"}
SERVED = {
    "experiments.serving.model.Model": "model", "experiments.cli.serving._part": "part",
    "experiments.serving.serve.Endpoint": SimpleNamespace(
        refuse=None, totals=SimpleNamespace(requests=21, calls=22, tokens_in=23, tokens_out=24)
    ),
    "experiments.serving.log.CallLog": SimpleNamespace(calls=()), "experiments.serving.web.Server": "server",
    "experiments.cli.serving.until_ended": None, "experiments.cli.serving._write": None,
}  # fmt: skip
RECORDED = {
    "experiments.serving.upstream.upstream": SimpleNamespace(address=""), "experiments.cli.serving._notes": [],
    "experiments.serving.record.Recorder": SimpleNamespace(refuse=None), "experiments.cli.serving._strip": None,
    **{name: SERVED[name] for name in SERVED if name.endswith(("CallLog", "Server", "until_ended"))},
}  # fmt: skip
CALLS = SimpleNamespace(groups=lambda *_: ["one"], unused=())
CALIBRATED = SimpleNamespace(calibration=lambda unit: f"calibration in {unit}", notes=())
PLANNED = {
    "experiments.planning.plan.plan": "plan", "experiments.cli.planned.listed": [],
    "experiments.cli.planned.plan_json": "", "experiments.cli.planned.show_plan": None,
    "experiments.cli.planning._write": None, "experiments.cli.planning._price_lists": [],
}  # fmt: skip

CASES = (
    Case("run", ("my.toml",), RUN | {"experiments.cli.run.real_calls": None}, {
        "out": Opt("folder_of.out", None, "there"), "runs": Opt("grid_of.runs", None, 5),
        "seed": Opt("grid_of.seed", None, 6), "engine": Opt("grid_of.engine", None, "law"),
        "workers": Opt("run_and_report.workers", None, 4), "quiet": Opt("run_and_report.quiet", False, True),
        "scheduler": Opt("run_and_report.scheduler", None, "tcp://x:1"),
        "accept-changed-code": Opt("run_and_report.accept_changed_code", False, True),
        "retry-failed": Opt("run_and_report.retry_failed", False, True),
        "time-limit": Opt("run_and_report.time_limit", None, 8.0), "memory": Opt("run_and_report.memory", None, 9.0),
        "max-seconds": Opt("run_and_report.limits.seconds", None, 14.0),
        **{name: Opt(f"run_and_report.limits.{of}", None, REAL_CALLS[name].value) for name, of in ON_RUNS.items()},
    }, {"grid_of.target": "my.toml", "run_and_report.real": None, "run_and_report.folder": "folder"}),
    Case("run", ("my.toml",), RUN | {"experiments.cli.run.real_calls": "real"}, REAL_CALLS, {
        "run_and_report.real": "real", "real_calls.target": Path("my.toml"),
        **{f"run_and_report.limits.{name}": None for name in ON_RUNS.values()},
    }),
    Case("status", ("there",), {
        "experiments.store.launches.status.status": SHOWN, "experiments.cli.as_json.after.status_json": "",
    }, {"json": Opt("status_json.found", ABSENT, SHOWN, "")}, {"status.path": Path("there")}),
    Case("predict", ("my.toml",), {
        "experiments.cli.app.grid_of": "grid", "experiments.cli.predicting.forecast.tell_forecast": None,
    }, {
        "runs": Opt("grid_of.runs", None, 5), "engine": Opt("grid_of.engine", None, "law"),
        "all": Opt("tell_forecast.whole", False, True), "json": Opt("tell_forecast.json", False, True),
    }, {"grid_of.target": "my.toml", "grid_of.seed": None, "tell_forecast.grid": "grid"}),
    Case("predict", ("my.toml", "--calls", "8"), {
        "experiments.cli.app.grid_of": "grid", "experiments.cli.predicting.forecast.tell_fitness": None,
    }, {"calls": Opt("tell_fitness.calls", 8, 9), "all": Opt("tell_fitness.whole", False, True),
        "json": Opt("tell_fitness.json", False, True)}),
    Case("check", ("there",), READ | {"experiments.cli.showing.checked.tell_check": AGREES}, STORED | {
        "alpha": Opt("tell_check.alpha", 1e-3, 0.5), "json": Opt("tell_check.json", False, True),
        "calibration": Opt("tell_check.calibration", None, Path("law.toml")),
    }, {"tell_check.results": "read", "read.path": Path("there")}),
    *(Case("fit", ("there", *more), LOADED | {
        "experiments.reports.growth.told.of_runs": "told", "experiments.cli.as_json.fits.fits_json": "",
        "experiments.reports.growth.told.of_exact_means": "told", "experiments.reports.growth.told.show_answer": None,
    }, {
        "along": Opt(f"{of}.asked.along", "k", "problem.l"), "quantity": Opt(f"{of}.asked.quantity", "hit", "cost"),
        "from": Opt(f"{of}.asked.least", -INFINITE, 2.0), "to": Opt(f"{of}.asked.most", INFINITE, 3.0),
        "confidence": Opt(f"{of}.asked.confidence", 0.95, 0.5), "at": Opt(f"{of}.asked.at", None, 7.0),
        "form": Opt(f"{of}.asked.form", "", "k ln k"), "against": Opt(f"{of}.asked.against", "", "A,B"),
        "A": Opt(f"{of}.given.A", ABSENT, 4.0), "b": Opt(f"{of}.given.b", ABSENT, 5.0),
        "base": Opt(f"{of}.given.base", ABSENT, 6.0), "json": Opt("fits_json.found", ABSENT, "told", ""),
        **last,
    }) for more, of, last in (
        ((), "of_runs", {"import": Opt("loaded.imports", False, True)}),
        (("--predicted",), "of_exact_means", {
            "predicted": Opt("of_exact_means.path", Path("there"), Path("there"), ""),
        }),
    )),
    Case("time", ("there",), LOADED | {
        "experiments.reports.waiting.waiting": "table", "experiments.reports.terminal.show_waiting": None,
        "experiments.cli.as_json.after.time_json": "",
    }, {
        "workers": Opt("waiting.workers", None, 4), "fixed": Opt("waiting.latency.fixed", 1.0, 2.0),
        "per-prompt-token": Opt("waiting.latency.per_prompt_token", 0.0, 0.25),
        "per-generated-token": Opt("waiting.latency.per_generated_token", 0.0, 0.5),
        "tail": Opt("waiting.latency.tail", 0.0, 0.75), "evaluation": Opt("waiting.latency.evaluation", 0.0, 3.0),
        "import": Opt("loaded.imports", False, True), "json": Opt("time_json.table", ABSENT, "table", ""),
    }, {"waiting.results": "loaded", "loaded.folder": Path("there")}),
    Case("report", ("there",), READ | {
        "experiments.cli.reporting.write_and_show": (AGREES, []),
        "experiments.cli.reporting.write_and_tell": ("", AGREES),
        "experiments.cli.app.expected_study": "study",
    }, STORED | {
        "alpha": Opt("write_and_show.alpha", 1e-3, 0.5), "study": Opt("expected_study.target", ABSENT, "mine:STUDY"),
    }, {"write_and_show.folder": Path("there")}),
    Case("report", ("there", "--json"), READ | {"experiments.cli.reporting.write_and_tell": ("", AGREES)}, {
        "json": Opt("write_and_tell.results", "read", "read", ""), "alpha": Opt("write_and_tell.alpha", 1e-3, 0.5),
    }, {"write_and_tell.folder": Path("there")}),
    Case("export", ("there", "--to", "csv", "--out", "new"), LOADED | {
        "experiments.reports.export.export_results": "new", "experiments.cli.progress.ProgressDisplay": nullcontext(),
    }, {
        "to": Opt("export_results.to", "csv", "ioh"), "out": Opt("export_results.out", "new", "newer"),
        "quiet": Opt("ProgressDisplay.quiet", False, True),
    }, {"export_results.results": "loaded"}),
    Case("calibrate", ("calls.csv",), {
        "experiments.logs.formats.read_calls": CALLS, "experiments.cli.calibrating._warn_of_bodies": None,
        "experiments.cli.calibrating._chosen": CALLS, "experiments.calibration.calibrate.calibrate": CALIBRATED,
        "experiments.cli.calibrated.show_report": None, "experiments.grids.measured.file.calibration_toml": "text",
    }, {
        "format": Opt("read_calls.format", "auto", "swe"), "model": Opt("_chosen.word", None, "flash"),
        "kind": Opt("_chosen2.word", None, "code"),
        "out": Opt("calibration_toml.calibration", ABSENT, "calibration in €", "new.toml"),
        "unit": Opt("calibration_toml.calibration", ABSENT, "calibration in €", "€"),
    }, {"_chosen.name": "model", "_chosen2.name": "kind"}),
    Case("plan", ("a.toml",), PLANNED, {
        **{name: Opt(f"plan.{name}", None, value) for name, value in (
            ("k", 6), ("l", 7), ("start", 0.5), ("shows", "solution"), ("feedback", "none"), ("workers", 3),
            ("target", 2.5), ("budget", 4.5), ("calls", 44), ("by", "hours"),
        )},
        "g": Opt("plan.g", [], [1, 5], "1,5"), "lam": Opt("plan.lam", [], [1, 2], "1,2"),
        "votes": Opt("plan.votes", [1], [2, 3], "2,3"), "kept": Opt("plan.kept", [4], [6], "6"),
        "schedules": Opt("plan.schedules", [], ["RoundRobin"], "RoundRobin"),
        "runners": Opt("plan.runners", [], ["Merged"], "Merged"), "odds": Opt("plan.odds", 1.1, 2.0),
        "exact": Opt("plan.exact", False, True), "rows": Opt("show_plan.rows", 12, 8),
        "hangs": Opt("show_plan.hangs", True, False), "all": Opt("show_plan.variants", False, True),
        "fix": Opt("plan.values.operator.fix.1", ABSENT, 0.35, "1=.35"),
        "keep": Opt("plan.values.operator.keep.1", ABSENT, 0.96, "1=.96"),
        "operator": Opt("plan.values.operator.malformed", ABSENT, 0.08, "malformed=.08"),
        "tokens": Opt("plan.values.tokens.instructions", ABSENT, 2500.0, "instructions=2500"),
        "seconds": Opt("plan.values.seconds.evaluation", ABSENT, 12.0, "evaluation=12"),
        "prices": Opt("plan.values.prices.prompt", ABSENT, 3 / 1e6, "prompt=3"),
        "per": Opt("plan.values.prices.prompt", ABSENT, 3 / 1e6, "1e6"),
        "unit": Opt("plan.values.prices.unit", ABSENT, "$"),
        "published": Opt("_price_lists.names", None, "one,two"),
        "price-table": Opt("_price_lists.table", None, Path("prices.toml")),
        "as-of": Opt("_price_lists.as_of", None, "2026-11-29"),
        "toml": Opt("_write.toml", None, Path("new.toml")), "figure": Opt("_write.figure", None, Path("new.svg")),
    }, {"plan.source": Path("a.toml")}),
    Case("plan", ("--json",), PLANNED, {
        "json": Opt("plan.bands", None, None, ""), "hangs": Opt("plan_json.hangs", True, False),
    }),
    Case("serve", ("mutator",), SERVED, {
        "k": Opt("Model.blocks.k", 4, 5), "l": Opt("Model.blocks.l", 2, 3),
        "name": Opt("Model.blocks.name", "blocks", "mine"),
        "schedule": Opt("_part2.text", "AllBlocks()", "RoundRobin()"), "seed": Opt("Model.seed", 1, 9),
        "model": Opt("Endpoint.name", "sim", "gpt"), "prompts": Opt("Endpoint.prompts", "auto", "plain"),
        "faults": Opt("Model.faults.rates.prose", ABSENT, 0.05, "prose=.05"),
        "honours-seed": Opt("Model.honours_seed", False, True), "seconds": Opt("Endpoint.seconds", 0.0, 0.5),
        "silence": Opt("Endpoint.silence", 600.0, 7.0), "log": Opt("CallLog.path", ABSENT, Path("log.jsonl")),
        "host": Opt("Server.host", "127.0.0.1", "::1"), "port": Opt("Server.port", 8017, 0),
    }, {"_part.text": "mutator"}),
    Case("serve", ("mutator", "--files", "new"), SERVED, {
        "files": Opt("_write.folder", Path("new"), Path("newer")), "start": Opt("_write.start", 0.0, 0.5),
        "seed": Opt("_write.seed", 1, 9),
    }, {"Server.host": ABSENT}),
    Case("record", ("log.jsonl", "--to", "http://a/v1", "--prices", "prompt=4,generated=8"), RECORDED, {
        "to": Opt("upstream.url", "http://a/v1", "http://b/v1"), "key-env": Opt("upstream.key_name", None, "MY_KEY"),
        "timeout": Opt("upstream.timeout", 600.0, 7.0), "max-calls": Opt("Recorder.caps.calls", None, 11.0),
        "max-tokens": Opt("Recorder.caps.tokens", None, 12.0), "max-cost": Opt("Recorder.caps.money", None, 13.0),
        "prices": Opt("Recorder.prices.each.prompt", 4.0, 3.0, "prompt=3,generated=8"),
        "answer-tokens": Opt("Recorder.answer_tokens", None, 14), "bodies": Opt("Recorder.bodies", False, True),
        "run": Opt("Recorder.run", "record", "second"), "host": Opt("Server.host", "127.0.0.1", "::1"),
        "port": Opt("Server.port", 8018, 0),
    }, {"CallLog.path": Path("log.jsonl"), "CallLog.new": False}),
    Case("record", ("log.jsonl", "--to", "http://a/v1", "--prices", "prompt=4,generated=8"), RECORDED, {
        "per": Opt("Recorder.prices.each.prompt", 4.0, 0.5, "8"),
    }),
    Case("record", ("log.jsonl", "--strip", "new.jsonl"), RECORDED, {
        "strip": Opt("_strip.out", Path("new.jsonl"), Path("newer.jsonl")),
    }, {"_strip.log": Path("log.jsonl")}),
)  # fmt: skip


def flat(name, value):
    """What was given, and what it holds, by names with dots."""
    inside = value if isinstance(value, Mapping) else {}
    if is_dataclass(value) and not isinstance(value, type):
        inside = {each.name: getattr(value, each.name) for each in fields(value)}
    found = {name: value}
    for key, each in inside.items():
        found |= flat(f"{name}.{key}", each)
    return found


def noted(monkeypatch, does):
    """What is called from now on, by the name of what is called and of the argument."""
    found, times = {}, {}

    def note(path, back):
        of, _, name = path.rpartition(".")
        signature = inspect.signature(getattr(import_module(of), name))

        def instead(*args, **options):
            bound = signature.bind(*args, **options)
            bound.apply_defaults()
            times[name] = times.get(name, 0) + 1
            called = name if times[name] == 1 else f"{name}{times[name]}"
            for argument, value in bound.arguments.items():
                kind = signature.parameters[argument].kind
                more = value if kind is inspect.Parameter.VAR_KEYWORD else {argument: value}
                for each, held in more.items():
                    found.update(flat(f"{called}.{each}", held))
            return back

        monkeypatch.setattr(path, instead)

    for path, back in does.items():
        note(path, back)
    return found


def invoked(case, words, monkeypatch):
    with monkeypatch.context() as patch:
        found = noted(patch, case.does)
        assert GROUP.main([case.command, *case.given, *words], standalone_mode=False) in (None, 0)
    return found


def compared(found, expected):
    assert {at: found.get(at, ABSENT) for at in expected} == dict(expected)


@pytest.mark.parametrize("case", CASES, ids=lambda case: " ".join((case.command, *case.given)))
def test_what_is_said_and_what_is_not_arrive_where_the_work_is_done(case, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    compared(invoked(case, [], monkeypatch), case.always | {each.at: each.default for each in case.options.values()})
    words = [word for name, each in case.options.items() if each.word != "" for word in each.words(name)]
    modes = [f"--{name}" for name, each in case.options.items() if each.word == "" and f"--{name}" not in case.given]
    found = invoked(case, words, monkeypatch)
    compared(found, case.always | {each.at: each.value for each in case.options.values() if each.word != ""})
    for mode in modes:
        each = case.options[mode.removeprefix("--")]
        compared(invoked(case, [mode], monkeypatch), {each.at: each.value})
    for name, each in case.options.items():  # flags one by one, else two that are swapped look alike
        if isinstance(each.value, bool):
            others = {one.at: one.default for one in case.options.values() if one is not each}
            compared(invoked(case, each.words(name), monkeypatch), {each.at: each.value} | others)


def test_every_option_of_every_command_stands_in_the_table():
    told = {}
    for case in CASES:
        told.setdefault(case.command, set()).update(case.options)
    for name, command in GROUP.commands.items():
        options = [each for each in command.params if each.param_type_name == "option" and each.name != "help"]
        names = {each.opts[-1].removeprefix("--") for each in options}
        long = {next(one for one in each.opts if one.startswith("--")).removeprefix("--") for each in options}
        assert told.get(name, set()) == long, (name, names)


def test_an_option_that_is_ignored_or_swapped_is_found(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    case = next(each for each in CASES if each.command == "time")
    found = invoked(case, ["--fixed", "2"], monkeypatch)
    with pytest.raises(AssertionError):
        compared(found, {"waiting.latency.fixed": 1.0})
    with pytest.raises(AssertionError):
        compared(found, {"waiting.latency.tail": 2.0})
