"""A PNG of a figure says what it shows: the same for the same data and words, another for each change of them."""

import numpy as np
import pytest
from matplotlib.figure import Figure

from experiments.reports.drawing.shown import png_metadata


def figure(
    x=(1, 2, 3),
    y=(1.0, 4.0, 9.0),
    error=(0.1, 0.2, 0.3),
    mark=(2, 5),
    label="calls",
    note="local, block by block",
    top=3.0,
):
    made = Figure()
    ax = made.subplots()
    ax.errorbar(x, y, yerr=error, label="points")
    ax.scatter(*mark)
    ax.fill_between(x, 0.0, top)
    ax.set_xlabel(label)
    ax.set_title("title")
    ax.text(1, 1, note)
    ax.legend()
    made.suptitle("all")
    return made


SAME = {
    "made again": figure(),
    "last digits": figure(y=(1.0, 4.0 * (1 + 1e-9), 9.0)),
    "broken into lines": figure(note="local,\nblock by block"),
}
OTHER = {
    "a place": figure(y=(1.0, 4.01, 9.0)),
    "a place across": figure(x=(1, 2, 3.5)),
    "an interval": figure(error=(0.1, 0.2, 0.4)),
    "a mark": figure(mark=(2, 6)),
    "an area": figure(top=4.0),
    "an axis": figure(label="tokens"),
    "a note": figure(note="global"),
}


@pytest.mark.parametrize("name", SAME)
def test_the_same_figure_says_the_same(name):
    assert png_metadata(SAME[name]) == png_metadata(figure())


@pytest.mark.parametrize("name", OTHER)
def test_another_figure_says_something_else(name):
    assert png_metadata(OTHER[name]) != png_metadata(figure())


@pytest.mark.parametrize("change", ["suptitle", "supxlabel", "title", "legend", "second panel"])
def test_words_beside_the_panels_and_further_panels_count(change):
    other = figure()
    ax = other.axes[0]
    {
        "suptitle": lambda: other.suptitle("some"),
        "supxlabel": lambda: other.supxlabel("points: measured"),
        "title": lambda: ax.set_title("another"),
        "legend": lambda: ax.legend(["other points"]),
        "second panel": lambda: other.add_axes((0.1, 0.1, 0.1, 0.1)),
    }[change]()
    assert png_metadata(other) != png_metadata(figure())


def test_it_stands_in_the_file(tmp_path, shows):
    drawn = figure()
    for name, metadata in (("with", png_metadata(drawn)), ("without", None)):
        drawn.savefig(tmp_path / f"{name}.png", metadata=metadata)
    assert shows(tmp_path / "with.png") == png_metadata(drawn)["Description"]
    with pytest.raises(KeyError):
        shows(tmp_path / "without.png")


def test_figures_without_places_are_figures_too():
    empty = Figure()
    empty.subplots().plot([1, 2], [np.nan, np.inf])
    assert png_metadata(empty) != png_metadata(Figure())
