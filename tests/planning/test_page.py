"""What docs/plan.md shows is what its commands say."""

import re
from functools import cache
from pathlib import Path

import pytest
from typer.testing import CliRunner

from experiments.cli.app import app

DOCS = Path(__file__).parents[2] / "docs"
PAGE = (DOCS / "plan.md").read_text(encoding="utf-8")


def sessions(page):
    """Each command of the page with what it shows."""
    for block in re.findall(r"```console\n(.*?)```", page, re.DOTALL):
        for command, shown in re.findall(r"^\$ (.*)\n((?:(?!\$ ).*\n)*)", block, re.MULTILINE):
            yield command.split(), shown


@pytest.fixture
def folder(tmp_path, monkeypatch):
    for text in re.findall(r"```toml\n(# (\S+\.toml)\n.*?)```", PAGE, re.DOTALL):
        (tmp_path / text[1]).write_text(text[0], encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def differing(page):
    """Commands that say something else."""
    for (_, *words), shown in sessions(page):
        if said_by(*words) != lines(shown):
            yield words, said_by(*words)


@cache
def said_by(*words):
    result = CliRunner().invoke(app, words, env={"COLUMNS": "80", "TERM": "dumb"})
    return lines(result.output) if result.exit_code == 0 else None


def lines(text):
    return [line.rstrip() for line in text.strip().splitlines()]


@pytest.mark.slow
def test_the_page_shows_what_its_commands_say(folder):
    assert list(sessions(PAGE))
    assert list(differing(PAGE)) == []


@pytest.mark.slow
def test_the_figure_of_the_page_shows_what_its_command_draws(folder, shows):
    (words,) = [words for (_, *words), _ in sessions(PAGE) if "--figure" in words]
    CliRunner().invoke(app, words)
    assert shows(folder / words[-1]) == shows(DOCS / "plan.png")


def test_a_number_that_no_command_gives_is_found(folder):
    (first, *_) = re.findall(r"\$0\.\d+", PAGE)
    assert next(differing(PAGE.replace(first, first + "1", 1)))
