"""A parameter that is a function of the axis makes no series of its own, and is named as following it."""

import numpy as np
import pytest

from evo import AllBlocks, OnePlusLambda
from experiments import Cell, Grid, fit, load_grid, run_grid, speedup
from experiments.fits.laws import Told
from experiments.fits.predicted import of_cells
from experiments.fits.series import series
from experiments.reports.figures import growth_figure
from experiments.reports.html.figures.of_series import growth_charts
from operators import FixKeep, Sparse
from problems import BlockOneMax, Noisy

KS = (8, 16, 32, 64, 128)
EA = """
name = "ea"
runs = 1000
engine = "law"

[[arm]]
label = "(1+1)-EA"
problem = {{type = "BlockOneMax", k = "$k", l = 1}}
mutator = {{type = "Sparse", inner = {{type = "FixKeep", fix = 1.0, keep = 0.0}}, rate = {rate}}}
schedule = {{type = "AllBlocks"}}
runner = {{type = "OnePlusLambda"}}
[arm.axes]
k = {{from = 8, to = 128, factor = 2}}

[[arm]]
label = "constant"
problem = {{type = "BlockOneMax", k = [8, 16, 32, 64], l = 1}}
mutator = {{type = "Sparse", inner = {{type = "FixKeep", fix = 1.0, keep = 0.0}}, rate = 0.05}}
schedule = {{type = "AllBlocks"}}
runner = {{type = "OnePlusLambda"}}
"""
TIED = "(1+1)-EA, rate = 1/k"


def written(folder, rate):
    path = folder / "grid.toml"
    path.write_text(EA.format(rate=rate))
    return load_grid(path)


@pytest.fixture(scope="module")
def ran(tmp_path_factory):
    return run_grid(written(tmp_path_factory.mktemp("tied"), '"1/$k"'))


def at(k, rate, keep=0.0, lam=1):
    return Cell(BlockOneMax(k, l=1), Sparse(FixKeep(1.0, keep), rate), AllBlocks(), OnePlusLambda(lam))


def told(**arms):
    """Label and axis of each series, whose numbers are floats though no cell has runs."""
    found = series(of_cells(Grid("g", arms, runs=1)))
    for name in ("x", "runs", "censored", "mean", "variance", "trials", "unit", "median", "unrun", "reach"):
        assert {getattr(each, name).dtype for each in found} == {np.dtype(np.float64)}, name
    return {each.label: each.unrun.tolist() for each in found}


def test_the_one_plus_one_ea_of_a_toml_is_one_series_with_its_law(ran):
    """Rate 1/k beside an arm of constant rate: E[T] = e k ln k - 1.89 k + .., told as k (ln k + c) on this range."""
    fits = fit(ran)
    assert not fits.refused
    growths = {each.series: each for each in fits.growths}
    assert list(growths) == [TIED, "constant"]
    left = {law.form.name: law for law in growths[TIED].left}
    assert growths[TIED].told in (Told.LAW, Told.UNDECIDED)
    assert left.keys() & {"x log x", "x log x + x"}
    assert growths[TIED].note == "rate = 1/k: the law is along k with what follows it"


def test_exact_means_are_one_series(tmp_path):
    (growth, _) = fit(written(tmp_path, '"1/$k"')).growths
    assert (growth.series, growth.x.tolist()) == (TIED, list(KS))
    factorial = fit(written(tmp_path, "[0.125, 0.0625, 0.03125]"))
    assert [len(each.x) for each in factorial.growths] == [5, 5, 5, 4]


def test_page_figure_and_speed_up_have_one_series_of_it(ran):
    (chart,) = growth_charts(ran, "k", "hit").charts
    assert [line.label for line in chart.lines] == [TIED, "constant"]
    texts = " ".join(each.get_text() for each in growth_figure(ran).axes[0].texts)
    assert "rate = 1/k" in " ".join(texts.split())
    ratios = speedup(ran, "constant", "(1+1)-EA")
    assert ratios["k"].tolist() == [8, 16, 32, 64]
    assert set(ratios["fast"]) == {TIED}
    assert (ratios["speedup"] / ratios["exact"]).between(0.8, 1.25).all()
    assert set(ran.labels.values()) == {"(1+1)-EA", "constant"}


def test_a_full_factorial_is_a_series_a_rate(tmp_path):
    """The twin: each k has several rates, so that none of them follows."""
    grid = written(tmp_path, "[0.125, 0.0625, 0.03125]")
    found = {each.label: each.unrun.tolist() for each in series(of_cells(grid))}
    rates = {f"(1+1)-EA, rate = {rate}": list(KS) for rate in (0.125, 0.0625, 0.03125)}
    assert found == rates | {"constant, rate = 0.05": [8, 16, 32, 64]}
    diagonal = [at(k, 1 / k) for k in KS]
    assert told(a=diagonal) == {"a, rate = 1/k": list(KS)}
    assert len(told(a=[*diagonal, at(8, 0.3)])) == 6  # one more rate at one k, and all are apart


def test_two_parameters_follow_and_a_cell_is_missing():
    both = [at(k, 1 / k, keep=1 - 2 / k) for k in KS]
    assert told(a=both) == {"a, keep = 1 - 2/k, rate = 1/k": list(KS)}
    assert told(a=both[:2] + both[3:]) == {"a, keep = 1 - 2/k, rate = 1/k": [8, 16, 64, 128]}
    lams = [at(k, 1 / k, lam=lam) for k in KS for lam in (1, 4) if (k, lam) != (16, 4)]
    assert told(a=lams) == {"a, lam = 1, rate = 1/k": list(KS), "a, lam = 4, rate = 1/k": [8, 32, 64, 128]}
    (along,) = series(of_cells([at(k, 1 / k, lam=k) for k in KS]))
    assert (along.label, along.lam) == ("cells, rate = 1/k, lam = k", None)


def test_samples_that_rise_with_k_are_one_series():
    """ceil(4 ln k) has values twice on a dense grid; values without an order are an arm of several things."""

    def noisy(k, samples):
        return Cell(Noisy(BlockOneMax(k, l=1), 1.0, samples), FixKeep(0.5, 0.5), AllBlocks(), OnePlusLambda())

    ks = range(6, 16)
    samples = np.ceil(4 * np.log(ks)).astype(int).tolist()
    assert len(set(samples)) < len(samples)
    rising = [noisy(*pair) for pair in zip(ks, samples, strict=True)]
    assert told(a=rising, one=[noisy(k, 1) for k in ks]) == {"a, samples = 8 .. 11 with k": list(ks), "one": list(ks)}
    mixed = [noisy(k, 1 + k % 2) for k in ks]
    assert told(a=mixed) == {"a, samples = 1": [6, 8, 10, 12, 14], "a, samples = 2": [7, 9, 11, 13, 15]}
