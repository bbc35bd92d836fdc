"""The page in a browser: first screen, sorting, filtering, values on hovering, light and dark, small and large, print.

Slow, and skipped where Chromium is not installed: Debian's package `chromium` is enough.
"""

import math
import re
import zlib
from pathlib import Path

import pytest
from chromium import Chromium, found

from evo import AllBlocks, Budget, OnePlusLambda, UntilResolved
from experiments import Cell, Grid, load, run_grid
from experiments.reports.files import write
from experiments.reports.report import report
from operators import Resample
from problems import BlockOneMax

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(found() is None, reason="Chromium is not installed (Debian's package chromium)"),
]

ATTACK = "<script>document.title = 'pwned'</script><img src='x' onerror=\"document.title = 'pwned'\">"
SIZES = ((1400, 900), (380, 800))


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    """A report of a grid of one's own, a label of which is markup; with censored runs, and k in no order of text."""

    def cells(schedule, **more):
        problems = [BlockOneMax(k=k, l=4) for k in (1, 2, 4, 10, 12)]
        return [Cell(problem, Resample(p=0.5), schedule, OnePlusLambda(), **more) for problem in problems]

    folder = tmp_path_factory.mktemp("page") / "mine"
    arms = {"GLOBAL": cells(AllBlocks(), budget=Budget(calls=1000)), ATTACK: cells(UntilResolved())}
    run_grid(Grid("mine", arms, runs=200, batch=200), folder, workers=1)
    write(report(load(folder)), folder)
    return folder / "report.html"


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    with Chromium(tmp_path_factory.mktemp("profile")) as made:
        yield made


def middle(browser, query):
    """Where the middle of an element is in the window, scrolled to; what scrolling does is done."""
    browser.run(f"{query}.scrollIntoView({{block: 'center'}}); {FRAMES}")
    return browser.run(
        f"(e => {{ const b = e.getBoundingClientRect(); return [b.x + b.width / 2, b.y + b.height / 2]; }})({query})"
    )


FRAMES = "new Promise(done => requestAnimationFrame(() => requestAnimationFrame(() => setTimeout(done, 50))))"
CELLS = "document.querySelector('#cells tbody')"


def column(browser, heading):
    """What stands in a column of the table of cells, in the order on the screen, hidden rows left out."""
    return browser.run(
        f"(() => {{ const heads = [...document.querySelectorAll('#cells thead th')].map(h => h.textContent);"
        f" const at = heads.indexOf({heading!r});"
        f" return [...{CELLS}.rows].filter(r => r.offsetParent).map(r => r.cells[at].textContent); }})()"
    )


def head(heading):
    return f"[...document.querySelectorAll('#cells thead button')].find(b => b.textContent === {heading!r})"


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", SIZES)
def test_it_opens_without_a_request_or_a_word_on_the_console(browser, file, size, scheme):
    browser.open(file, *size, scheme)
    asked = [each["request"]["url"] for each in browser.happened("Network.requestWillBeSent")]
    assert asked == [file.resolve().as_uri()]
    assert browser.happened("Runtime.consoleAPICalled") == []
    assert browser.happened("Runtime.exceptionThrown") == []
    assert browser.happened("Log.entryAdded") == []
    assert browser.run("document.title").startswith("mine: ")
    assert browser.run("document.querySelectorAll('img').length") == 0
    assert browser.run("document.documentElement.scrollWidth") <= size[0]  # the page itself is never scrolled aside
    colour, back = browser.run("(s => [s.color, s.backgroundColor])(getComputedStyle(document.body))")
    assert contrast(colour, back) > 10
    assert (brightness(back) < 0.1) == (scheme == "dark")


def brightness(colour):
    """Relative luminance of `rgb(r, g, b)` (WCAG 2)."""
    parts = [int(each) / 255 for each in re.findall(r"\d+", colour)[:3]]
    linear = [each / 12.92 if each <= 0.04045 else ((each + 0.055) / 1.055) ** 2.4 for each in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one, other):
    dark, light = sorted(map(brightness, (one, other)))
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_text_can_be_read_on_what_is_behind_it(browser, file, scheme):
    """4.5 : 1, as WCAG asks of text; of lines and marks 1.9 : 1, since light hues are among the eight."""
    browser.open(file, scheme=scheme)
    names = ("ink", "soft", "link", "ok", "bad", "open", "paper", "pale", *(f"c{n}" for n in range(8)))
    colours = browser.run(
        "(() => { const e = document.createElement('i'); document.body.append(e); const found = {};"
        f" for (const n of {list(names)!r}) "
        " { e.style.color = `var(--${n})`; found[n] = getComputedStyle(e).color; }"
        " e.remove(); return found; })()"
    )
    for name in ("ink", "soft", "link", "ok", "bad", "open"):
        assert contrast(colours[name], colours["paper"]) > 4.5, name
    assert len({colours[f"c{n}"] for n in range(8)}) == 8
    assert all(contrast(colours[f"c{n}"], colours["paper"]) > 1.9 for n in range(8))


def test_the_first_screen_shows_question_answer_and_figure(browser, file):
    for size in SIZES:
        browser.open(file, *size)
        shown = browser.run(
            "['h1', '#answer', '.strip', '#figure .chart'].map(q => [...document.querySelectorAll(q)]"
            ".find(e => e.getClientRects().length).getBoundingClientRect().top)"
        )
        assert all(0 <= top < size[1] for top in shown)
        assert shown == sorted(shown)
    browser.open(file)
    assert browser.run("document.querySelector('#figure .wide .chart').getBoundingClientRect().bottom") < 900


def test_tables_sort_numbers_as_numbers_and_the_other_way_again(browser, file):
    browser.open(file)
    before = column(browser, "k")
    browser.click(*middle(browser, head("k")))
    assert column(browser, "k") == sorted(before, key=int)
    assert sorted(before, key=int) != sorted(before)  # as text they would stand otherwise
    browser.click(*middle(browser, head("k")))
    assert column(browser, "k") == sorted(before, key=int, reverse=True)
    assert browser.run(f"{head('k')}.closest('th').getAttribute('aria-sort')") == "descending"
    browser.click(*middle(browser, head("series")))
    assert column(browser, "series") == [ATTACK] * 5 + ["GLOBAL"] * 5
    for _ in range(2):  # what is not known comes last, whichever way
        browser.click(*middle(browser, head("calls to the optimum")))
        said = column(browser, "calls to the optimum")
        assert "censored" not in " ".join(said[:8])
        assert "censored" in said[-1]


def test_tables_filter_by_words_that_a_row_must_have(browser, file):
    browser.open(file)
    field = "document.querySelector('#cells .filter input')"
    for words, rows in (("global", 5), ("GLOBAL agrees", None), ("global local nothing", 0), ("", 10)):
        browser.run(f"{field}.value = {words!r}; {field}.dispatchEvent(new Event('input')); 1")
        shown = column(browser, "series")
        assert rows is None or len(shown) == rows
        assert browser.run("document.querySelector('#cells .filter span').textContent") == f"{len(shown)} of 10 rows"


def test_values_are_told_on_hovering_and_by_the_keyboard(browser, file):
    browser.open(file)
    chart = "document.querySelector('#figure .wide .chart')"
    middle(browser, chart)
    place = browser.run(
        f"(c => {{ const [x, y] = c.dataset.hover.split('\\n').find(t => t.includes(' 0 k 4:')).split(' ').map(Number);"
        f" const [dx, dy] = c.dataset.offset.split(' ').map(Number);"
        f" const p = new DOMPoint(x + dx, y + dy).matrixTransform(c.getScreenCTM()); return [p.x, p.y]; }})({chart})"
    )
    tip = "document.getElementById('tip')"
    assert browser.run(f"{tip}.hidden")
    browser.move(place[0] + 3, place[1] + 2)
    first = browser.run(
        f"{chart}.dataset.hover.split('\\n').find(t => t.includes(' 0 k 4:')).split(' ').slice(3).join(' ')"
    )
    assert not browser.run(f"{tip}.hidden")
    assert browser.run(f"{tip}.textContent") == f"GLOBAL\n{first}"
    assert re.fullmatch(r"k 4: [\d.,]+ \([\d.,]+ to [\d.,]+\); exact [\d.,]+", first)
    browser.move(5, 5)
    assert browser.run(f"{tip}.hidden")
    browser.run(f"{chart}.focus(); {FRAMES}")
    browser.ask("Input.dispatchKeyEvent", type="keyDown", key="ArrowRight")
    assert browser.run(f"{tip}.textContent").startswith("GLOBAL\nk 1: ")
    told = browser.run(f"{chart}.dataset.series.split('\\n')[1]")
    assert told == ATTACK  # as text, not as markup


def test_on_a_phone_lines_have_letters_that_a_key_explains(browser, file):
    browser.open(file, *SIZES[1])
    shown = browser.run(
        "[...document.querySelectorAll('#figure .key')].filter(e => e.getClientRects().length).map(e => e.textContent)"
    )
    assert len(shown) == 1
    assert re.sub(r"\s+", " ", shown[0]).strip().startswith("A GLOBAL")
    size = browser.run(
        "(e => parseFloat(getComputedStyle(e).fontSize) * e.ownerSVGElement.getScreenCTM().a)"
        "([...document.querySelectorAll('#figure .chart .tick')].find(e => e.getClientRects().length))"
    )
    assert size > 11  # pixels


def test_it_prints_all_rows_in_black_on_white(browser, file):
    browser.open(file, scheme="dark")
    browser.ask(
        "Emulation.setEmulatedMedia", media="print", features=[{"name": "prefers-color-scheme", "value": "dark"}]
    )
    assert browser.run("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    assert browser.run("getComputedStyle(document.querySelector('nav')).display") == "none"
    assert browser.run("getComputedStyle(document.querySelector('#cells .scroll')).maxHeight") == "none"
    browser.ask("Emulation.setEmulatedMedia", media="", features=[])
    printed = browser.printed()
    assert printed.startswith(b"%PDF-")
    pages = len(re.findall(rb"/Type\s*/Page\b(?!s)", printed + inflated(printed)))
    assert 2 <= pages <= 30


def inflated(printed):
    """What is compressed in a PDF."""
    parts = []
    for stream in re.findall(rb"stream\r?\n(.*?)endstream", printed, re.DOTALL):
        try:
            parts.append(zlib.decompressobj().decompress(stream))
        except zlib.error:
            continue
    return b"".join(parts)


def test_the_reader_of_the_console_hears_what_a_broken_page_says(browser, tmp_path):
    """The twin: a page that asks for a file and fails is told."""
    broken = Path(tmp_path / "broken.html")
    broken.write_text("<!DOCTYPE html><script>console.log('here'); missing()</script><img src='nothing.png'>")
    browser.open(broken)
    assert len(browser.happened("Runtime.consoleAPICalled")) == 1
    assert len(browser.happened("Runtime.exceptionThrown")) == 1
    asked = [each["request"]["url"] for each in browser.happened("Network.requestWillBeSent")]
    assert any(each.endswith("nothing.png") for each in asked)
    assert math.isclose(contrast("rgb(0, 0, 0)", "rgb(255, 255, 255)"), 21)
