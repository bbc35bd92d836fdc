"""How one begins: the version, a grid to begin with, and what the command says of a part by its name."""

from __future__ import annotations

import re
from dataclasses import dataclass, fields
from importlib.metadata import EntryPoint, version

import pytest
from typer.testing import CliRunner

from evo import Merged
from experiments.cli.app import app, main
from experiments.cli.showing import exact
from experiments.cli.showing.docs import paragraphs, parameters
from experiments.cli.showing.exact import exact_law
from experiments.cli.showing.one import _near
from experiments.grids import extensions
from experiments.grids.parts import EVERY
from experiments.grids.toml import load_grid
from experiments.presets import PRESETS
from experiments.studies import STUDIES, page_of

WITH_LAWS = ("problem", "mutator", "schedule", "runner", "prompt", "cost", "budget", "program")
PARTS = [pytest.param(kind, part, id=part.__name__) for kind, parts in EVERY.items() for part in parts]


@pytest.fixture(autouse=True)
def where(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.delenv("FORCE_COLOR", raising=False)
    return tmp_path


def llm_evo(*words):
    return CliRunner().invoke(app, list(words), prog_name="llm-evo")


def shown(*words):
    done = llm_evo("show", *words)
    assert done.exit_code == 0, done.output
    assert max(map(len, done.stdout.splitlines())) <= 80
    return " ".join(done.stdout.split())


def refused(*words):
    done = llm_evo(*words)
    assert (done.exit_code, done.stdout) == (2, "")
    return done.stderr


# ---------------------------------------------------------------------------------------------- version


def test_the_version_is_that_of_the_package(monkeypatch, capsys):
    monkeypatch.setattr("sys.argv", ["llm-evo", "--version"])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 0
    assert capsys.readouterr().out == f"llm-evo {version('llm-evo-testbed')}\n"


def test_a_class_without_a_docstring_says_nothing_of_itself():
    """The signature that `dataclass` puts there is told as parameters."""

    @dataclass(frozen=True)
    class Silent:
        p: float = 0.5

    @dataclass(frozen=True)
    class Says:
        """Says(something) of itself."""

    assert Silent.__doc__.startswith("Silent(p: ")
    assert paragraphs(Silent) == []
    assert paragraphs(Says) == ["Says(something) of itself."]


# ---------------------------------------------------------------------------------------------- a grid to begin with


@pytest.mark.usefixtures("no_figures")
def test_a_grid_to_begin_with_is_predicted_and_runs():
    done = llm_evo("init")
    assert done.exit_code == 0, done.output
    grid = load_grid("grid.toml")
    assert len(grid.cells) == 12
    predicted = llm_evo("predict", "grid.toml")
    assert predicted.exit_code == 0, predicted.output
    assert "1,024" in predicted.stdout  # 2^10 calls on ten blocks at once
    assert "cost ($)" in predicted.stdout
    run = llm_evo("run", "grid.toml", "--workers", "1", "--runs", "100", "--quiet")
    assert run.exit_code == 0, run.output
    assert "0 DIFFERS" in run.stdout


def test_the_grid_explains_what_it_is_made_of(where):
    llm_evo("init", "mine.toml")
    text = (where / "mine.toml").read_text(encoding="utf-8")
    comments = " ".join(re.findall(r"#(.*)", text))
    for word in ("arm", "axis", "range", "calls a generation", "blocks a call rewrites", "censored", "instructions",
                 "million tokens", "llm-evo show"):  # fmt: skip
        assert word in comments
    for key in (
        "name",
        "runs",
        "seed",
        "label",
        "problem",
        "mutator",
        "schedule",
        "runner",
        "prompt",
        "cost",
        "budget",
    ):
        assert re.search(rf"^{key} +=", text, re.MULTILINE), key
    assert 'name = "mine"' in text
    assert max(map(len, text.splitlines())) <= 120


def test_no_file_is_written_over(where):
    (where / "grid.toml").write_text("mine")
    assert "grid.toml; remove it or choose another name" in refused("init")
    assert (where / "grid.toml").read_text() == "mine"
    (where / "link.toml").symlink_to(where / "nowhere")
    assert "expected a file that is not there yet" in refused("init", "link.toml")


@pytest.mark.parametrize(
    ("file", "told"),
    [
        ("a.txt", "ends in .toml"), ("no/a.toml", "a folder that is there"), ("", "ends in .toml"), (".toml", ".toml"),
        ("a\nb.toml", "on one line"), ("\x1b[31m.toml", "control characters"), ("a\udcff.toml", "control characters"),
    ],
)  # fmt: skip
def test_a_file_that_cannot_be_a_grid(file, told, where):
    assert told in refused("init", file)
    assert not list(where.iterdir())


def test_paths_whose_bytes_are_no_text_are_refused_by_every_command(where):
    llm_evo("init", "é 🙂.toml")  # the twin: other signs are text
    assert load_grid("é 🙂.toml").name == "first"
    for words in (
        ("run", "é 🙂.toml", "--out", "a\udcff"), ("predict", "a\udcff.toml"), ("status", "a\udcff"),
        ("report", "a\udcff"), ("calibrate", "a\udcff.jsonl"), ("calibrate", "calls.csv", "--out", "a\udcff.toml"),
        ("plan", "--k", "4", "--fix", "1=.5", "--keep", "1=.9", "--toml", "a\udcff.toml"),
    ):  # fmt: skip
        done = llm_evo(*words)
        assert (done.exit_code, "expected a path in UTF-8, got" in done.stderr) == (2, True), (words, done.stderr)
    assert [each.name for each in where.iterdir()] == ["é 🙂.toml"]


def test_a_name_that_no_folder_can_have_is_replaced():
    llm_evo("init", "my grid.toml")
    assert load_grid("my grid.toml").name == "first"


# ---------------------------------------------------------------------------------------------- one part by its name


@pytest.mark.parametrize(("kind", "part"), PARTS)
def test_every_part_says_what_it_does_and_what_its_parameters_mean(kind, part):
    assert paragraphs(part)
    told = parameters(part)
    assert [each.name for each in told] == [field.name for field in fields(part) if field.init]
    assert [each.name for each in told if not each.meaning] == []
    if kind in WITH_LAWS:
        assert exact_law(kind, part)


def test_a_part_is_explained_with_its_law_and_parameters():
    told = shown("FixKeep")
    assert told.startswith("FixKeep (mutator) Rewrites every block")
    assert "fix float (must be given) P(wrong -> right)." in told
    assert "yes. Correct blocks after a call with i incorrect ones among g: Bin(i, fix) + Bin(g-i, keep)" in told
    assert told.endswith('mutator = {type = "FixKeep", fix = ..., keep = ...}')
    assert "lam int = 1 offspring a generation" in shown("OnePlusLambda")
    assert shown("Vote").endswith('In a grid\'s file mutator = {type = "Vote", inner = {type = ...}, ahead = ...}')
    assert shown("Role").endswith('In a grid\'s file inside a program: {type = "Role", name = ...}')
    assert shown("UntilPrecise").endswith('runs = {type = "UntilPrecise", relative = ..., most = ...}')


def test_whether_a_part_has_an_exact_law():
    assert "no: no rule names it" in shown("Asynchronous")
    assert "yes, by these rules: merged rounds, chunks in turn" in shown("Merged")
    assert "parent and offspring judged afresh" in shown("Noisy")
    assert "that of the schedule inside it" in shown("Decomposed")
    assert "yes. The number of correct blocks." in shown("BlockOneMax")


@pytest.mark.parametrize(("listed", "said"), [(2, "{}; {}"), (1, "{}, and 1 more")])
def test_rules_beyond_those_that_are_listed_are_counted(listed, said, monkeypatch):
    """Two rules are about `Merged`."""
    assert exact.LISTED == 4
    monkeypatch.setattr(exact, "LISTED", listed)
    rules = "merged rounds, chunks in turn", "merged rounds, only incorrect chunks"
    assert exact_law("runner", Merged) == f"yes, by these rules: {said.format(*rules)} (docs/predictions.md)"


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        ("prompt", "none is needed: the tokens of a call follow from it"),
        ("cost", "none is needed: costs are priced from the law of the ledger"),
        ("budget", "none is needed: predictions are of runs without a budget, which only censors them"),
    ],
)
def test_parts_that_need_no_law_say_why(kind, said):
    assert [exact_law(kind, part) for part in EVERY[kind]] == [said] * len(EVERY[kind])


def test_parts_that_installed_packages_offer_are_listed_with_ours(monkeypatch):
    """Under their kind, behind ours, and not imported."""
    offers = [EntryPoint("Offered", "their_pkg:Theirs", extensions.GROUPS["mutator"])]
    monkeypatch.setattr(extensions, "entry_points", lambda group: [each for each in offers if each.group == group])
    monkeypatch.setenv("COLUMNS", "200")
    lines = llm_evo("show").stdout.splitlines()
    (at,) = (i for i, line in enumerate(lines) if "their_pkg" in line)
    assert [each.strip() for each in lines[at].split("│")[1:3]] == [
        "Offered", "of an unknown package: their_pkg:Theirs (not imported)"
    ]  # fmt: skip
    heads = [line.split("┃")[1].strip() for line in lines[:at] if line.startswith("┃")]
    assert heads[-1] == "mutator"


def test_a_part_of_ones_own_is_explained(where, monkeypatch):
    monkeypatch.syspath_prepend(str(where))
    (where / "silent_one.py").write_text(
        "from dataclasses import dataclass\n\n@dataclass(frozen=True)\nclass Silent:\n"
        '    """Says [bold]nothing[/].\n\n    Attributes:\n        q: a chance.\n    """\n\n    q: float = 0.5\n'
        "    def rewrite(self, correct, rng):\n        return rng.random(correct.shape) < self.q\n"
    )
    told = shown("silent_one:Silent")
    assert told.startswith("silent_one:Silent (mutator) Says [bold]nothing[/].")
    assert "q float = 0.5 a chance." in told
    assert "no: it declares no law" in told


@pytest.mark.parametrize("name", ["paper", "routing"])
def test_a_study_is_explained(name):
    told = shown(name)
    assert " ".join(STUDIES[name].question.split()) in told
    grid = STUDIES[name].grid()
    assert f"{len(grid.cells):,} cells" in told
    assert told.endswith(f"llm-evo predict {name}, llm-evo run {name}; what it found: {page_of(name)}")
    for claim in STUDIES[name].claims:
        assert f"{claim.what}: {' '.join(claim.text.split())}" in told


def test_a_preset_is_shown_as_a_grid(where):
    (where / "one.toml").write_text(llm_evo("show", next(iter(PRESETS))).stdout)
    assert len(load_grid("one.toml").cells) == 1


@pytest.mark.parametrize(
    ("name", "near"),
    [("fixkep", "did you mean 'FixKeep'"), ("Keeep", "'keep'"), ("lambda", "'OnePlusLambda'"), ("zzz", "lists all")],
)
def test_an_unknown_name_is_told_what_is_near(name, near):
    told = refused("show", name)
    assert f"there is no part, study or preset {name!r}" in told
    assert near in told
    assert ("did you mean" in told) == (name != "zzz")


@pytest.mark.parametrize(
    ("name", "known", "near"),
    [
        (
            "keeping",
            ["keep", "keepin", "keeping1", "keeping2"],
            ["keeping2", "keeping1", "keepin"],
        ),  # three, the nearest
        ("abx", ["abc", "ABX"], ["ABX", "abc"]),
        ("rest", ["WithRestarts", "no"], ["WithRestarts"]),  # a part of a name
        ("re", ["WithRestarts"], []),  # which two letters are not
        ("zzz", ["keep"], []),
    ],
)
def test_three_names_that_are_near_are_told_at_the_most(name, known, near):
    words = f"; did you mean {' or '.join(map(repr, near))}?" if near else ""
    assert _near(name, dict.fromkeys(known), []) == words


def test_names_are_found_whatever_their_letters():
    assert shown("FIXKEEP") == shown("FixKeep")
    assert shown("noise").startswith("noise (study)")
    assert shown("Measured").startswith("Measured (mutator)")
