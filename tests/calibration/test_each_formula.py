"""Every share, mean and interval of a log is computed again by its formula: which calls count, which quantile, what of.

Coverage alone does not see a quantile of 90 % in the place of 95 %: a few hundred logs cannot.
"""

import numpy as np
import pytest
from scipy.stats import chi2, t, ttest_1samp

from experiments.calibration.blocks import Counts, best_mu, chance, correlation, quantile_near_the_end, share
from experiments.calibration.calibrate import calibrate
from experiments.calibration.laws import across_calls
from experiments.calibration.money import price_law
from experiments.calibration.pilots import pilots
from experiments.calibration.seconds import _median, _sigma, seconds_law
from experiments.calibration.tokens import tokens_law
from experiments.calibration.traps import Shown, traps
from experiments.logs.calls import Calls

RNG = np.random.default_rng(101)
G = RNG.choice([1.0, 2.0, 5.0], 60)
READ = np.round(2000 + 60 * G + 40 * RNG.standard_normal(60))
WROTE = np.round(50 * G + RNG.integers(1, 40, 60))
THOUGHT = np.round(0.4 * WROTE * RNG.random(60))
RUNS = np.repeat(np.arange(12), 5).astype(str).astype(object)


def calls_of(words=None, **columns):
    rows = len(next(iter((columns | (words or {})).values())))
    named = {name: np.array(values, dtype=object) for name, values in (words or {}).items()}
    numbers = {name: np.asarray(values, dtype=float) for name, values in columns.items()}
    return Calls("x.csv", "", np.arange(rows) + 2, numbers, named)


def ends(estimate):
    return [estimate.value, estimate.low, estimate.high]


# -------------------------------------------------------------------------------------------------- which calls count

KINDS = ["ok"] * 5 + ["no_parse"] * 3 + ["refusal"] * 2 + ["timeout"] * 7


def test_shares_are_of_the_calls_that_could_have_failed_so():
    """Malformed of the answers, refused of what came back, errors of all: no two of these numbers are alike."""
    report = calibrate(calls_of({"outcome": KINDS}, seconds=np.ones(17)))
    found = {name: getattr(report, name) for name in ("malformed", "refusals", "errors")}
    assert {name: (each.value, each.n) for name, each in found.items()} == {
        "malformed": (3 / 8, 8), "refusals": (2 / 10, 10), "errors": (7 / 17, 17)
    }  # fmt: skip
    made = report.calibration().operator
    assert (made.malformed, made.refusals) == (0.375, 0.2)
    for name in ("malformed", "refusals"):
        low, high = getattr(made.interval, name)
        assert [low, high] == pytest.approx([found[name].low, found[name].high], rel=1e-5)


def test_tokens_of_a_block_are_of_applied_answers_without_their_reasoning():
    words = {"outcome": (["ok"] * 50 + ["no_parse"] * 10)}
    law = tokens_law(calls_of(words, g=G, tokens_in=READ, tokens_out=WROTE, tokens_reasoning=THOUGHT, tokens_cached=G))
    assert law.block.value == pytest.approx((WROTE - THOUGHT)[:50].sum() / G[:50].sum(), rel=1e-12)
    assert law.cached_of_prompt.value == pytest.approx(G.sum() / READ.sum(), rel=1e-12)
    assert law.means["tokens_reasoning"].value == pytest.approx(THOUGHT.mean(), rel=1e-12)


FLIPS = {"repaired": ([1, 0], [3, 3], 1), "broken": ([0, 0], [3, 2], 1), "both": ([1, 0], [3, 2], 2)}


@pytest.mark.parametrize("what", FLIPS)
def test_blocks_that_flip_by_themselves_flip_either_way(what):
    repaired, kept, flips = FLIPS[what]
    calls = calls_of({"outcome": ["no_op"] * 2}, g=[5, 5], incorrect=[2, 2], repaired=repaired, kept=kept)
    for number in (3, 11):
        assert traps(calls)[number - 1].evidence.startswith(f"{flips} of 10 blocks changed in 2 calls")


@pytest.mark.parametrize(("shared", "shown"), [(3, Shown.NOT_SEEN), (2, Shown.SEEN)])
def test_sizes_have_the_same_items_if_half_of_them_are_at_each(shared, shown):
    """Three of six items at both g are half of them, two of six are fewer."""
    small, large = range(4 if shared == 2 else 5), range(4 - shared if shared == 2 else 2, 6)
    items = [*map(str, small), *map(str, large)]
    trap = traps(calls_of({"item": items}, g=[1] * len(small) + [2] * len(large)))[1]
    assert (trap.shown, trap.evidence) == (shown, f"{shared} of 6 items at every g")


@pytest.mark.parametrize(("twice", "told"), [(19, False), (20, True)])
def test_items_count_where_two_calls_are_at_them(twice, told):
    """Thirty items, of which so many were worked on twice."""
    items = np.array([*map(str, range(30)), *map(str, range(twice))], dtype=object)
    counts = Counts(np.ones(len(items)), (np.arange(len(items)) % 3 == 0) * 1.0)
    found = across_calls([counts], 0.0, [items])
    assert (found is not None) is told
    assert found is None or found.n == twice


def test_the_widest_interval_is_narrowed_first():
    """Of three intervals that are told, by width over fix: keep at g = 4, fix at g = 4, then malformed answers."""
    made = {}
    for name, n, y in (("fix", 200, 60), ("keep", 10, 6)):
        made[name] = chance(Counts(np.ones(n), np.repeat([1.0, 0.0], [y, n - y])))
    size = type("Size", (), {"g": 4, "fix": made["fix"], "keep": made["keep"]})()
    few = share(Counts(np.ones(5000), np.repeat([1.0, 0.0], [500, 4500])))
    words = [pilot.words.split(":")[0] for pilot in pilots([size, size], few, whole_tasks=False)]
    assert words == ["keep at g = 4"] * 2 + ["fix at g = 4"]


# ------------------------------------------------------------------------------------------------------ its interval


def test_a_mean_has_students_interval_over_calls_and_over_runs():
    law = tokens_law(calls_of(tokens_in=READ, tokens_out=WROTE)).means["tokens_in"]
    interval = ttest_1samp(READ, 0.0).confidence_interval(0.95)
    assert ends(law) == pytest.approx([READ.mean(), *interval], rel=1e-12)
    alike = tokens_law(calls_of({"run": RUNS}, tokens_in=READ, tokens_out=WROTE)).means["tokens_in"]
    sums = (READ - READ.mean()).reshape(12, 5).sum(axis=1)
    off = np.sqrt((sums**2).sum() * 12 / 11) * t.ppf(0.975, 11) / 60
    assert ends(alike) == pytest.approx([READ.mean(), READ.mean() - off, READ.mean() + off], rel=1e-12)


def test_instructions_have_the_interval_of_least_squares():
    law = tokens_law(calls_of(g=G, tokens_in=READ, tokens_out=WROTE)).instructions
    table = np.column_stack([np.ones(60), G])
    first = (np.linalg.inv(table.T @ table) @ table.T)[0]
    left = READ - table @ np.linalg.lstsq(table, READ, rcond=None)[0]
    off = np.std(first * left, ddof=1) * np.sqrt(60) * t.ppf(0.975, 59)
    assert ends(law) == pytest.approx([first @ READ, first @ READ - off, first @ READ + off], rel=1e-9)


def test_a_price_has_the_interval_of_its_regression():
    """Relative errors of 1e-5; variances that need not be alike, with n/(n - 3) and Student's quantile."""
    money = (3e-6 * READ + 15e-6 * WROTE + 1e-4) * (1 + 1e-5 * np.random.default_rng(5).standard_normal(60))
    found = price_law(calls_of(tokens_in=READ, tokens_out=WROTE, price=money)).prices
    table = np.column_stack([READ, WROTE, np.ones(60)]) / money[:, None]
    inverse = np.linalg.inv(table.T @ table)
    prices = inverse @ table.T @ np.ones(60)
    left = 1 - table @ prices
    errors = np.sqrt(np.diag(inverse @ (table.T * left**2) @ table @ inverse) * 60 / 57) * t.ppf(0.975, 57)
    for name, price, off in zip(("prompt", "generated", "call"), prices, errors, strict=True):
        assert ends(found[name]) == pytest.approx([price, price - off, price + off], rel=1e-6)


@pytest.mark.parametrize("runs", [None, RUNS])
def test_a_share_loses_as_much_as_its_runs_differ(runs):
    """Both ends lose half a quantile: chi-square's alone, and with the factor of 12 runs Student's, squared."""
    y = np.repeat([1.0, 0.0, 1.0, 0.0], [9, 20, 8, 23])
    counts, mu = Counts(np.ones(60), y), y.mean()
    sums = (y - mu).reshape(12, 5).sum(axis=1)
    factor = (sums**2).sum() / (mu * (1 - mu) * 60) * 12 / 11
    assert factor > 1.5
    lost = chi2.ppf(0.95, 1) / 2 if runs is None else factor * t.ppf(0.975, 11) ** 2 / 2
    found = share(counts, runs)
    for end in (found.low, found.high):
        assert counts.log_likelihood(mu, 0.0) - counts.log_likelihood(end, 0.0) == pytest.approx(lost, rel=1e-4)
    assert chance(counts, runs).widened == pytest.approx(1.0 if runs is None else factor, rel=1e-6)


def test_a_correlation_near_0_may_lose_what_its_distance_says():
    """Distance in errors 1/sqrt(sum of n (n-1)/2): here below 1.96, where less may be lost than 3.84."""
    rng = np.random.default_rng(7)
    counts = Counts(np.full(15, 3.0), rng.binomial(3, 0.5, 15).astype(float))
    found = correlation([counts])
    distance = np.sqrt(15 * 3 * 2 / 2) * found.high
    lost = best_mu(counts, found.value)[1] - best_mu(counts, found.high)[1]
    assert distance < 1.9
    assert lost == pytest.approx(quantile_near_the_end(distance) / 2, rel=1e-3)


SECONDS = (2 + 0.02 * WROTE) * np.exp(0.3 * np.random.default_rng(9).standard_normal(60))


@pytest.mark.parametrize("runs", [None, RUNS])
def test_a_median_has_the_ranks_of_a_half(runs):
    """n/2 less sqrt(q f n)/2 on either side, f by how much runs differ in what lies below the median."""
    values = 1000 * SECONDS / WROTE
    found = seconds_law(SECONDS, WROTE, runs).per_thousand
    below = (values < np.median(values)).astype(float)
    sums = (below - 0.5).reshape(12, 5).sum(axis=1)
    factor = (sums**2).sum() / (60 / 4) * 12 / 11
    quantile = chi2.ppf(0.95, 1) if runs is None or factor <= 1 else factor * t.ppf(0.975, 11) ** 2
    low = int(30 - np.sqrt(quantile * 60) / 2)
    ordered = np.sort(values)
    assert ends(found) == [np.median(values), ordered[low], ordered[59 - low]]


def test_sigma_has_the_interval_of_normal_logarithms_or_a_wider_one():
    logs = np.log(SECONDS)
    found = seconds_law(SECONDS, WROTE).sigma
    left = logs - logs.mean()
    variance = (left**2).sum() / 59
    robust = ((left**2 - variance) ** 2).sum() / 60**2
    if robust <= 2 * variance**2 / 59:
        off = np.sqrt(59 * variance / chi2.ppf([0.975, 0.025], 59))
    else:
        off = np.sqrt(variance * np.exp(np.array([-1, 1]) * np.sqrt(robust) / variance * t.ppf(0.975, 59)))
    assert ends(found) == pytest.approx([np.sqrt(variance), *off], rel=1e-9)


@pytest.mark.parametrize(("far", "normal"), [(4.0, True), (4.1, False)])
def test_squares_that_spread_more_than_those_of_normal_logarithms_widen_sigma(far, normal):
    """Of 12 logarithms ten are 1 off the mean and two are `far` off it; normal ones have 2 variance^2 / 11."""
    logs = np.array([1.0, -1.0] * 5 + [far, -far])
    variance = (logs**2).sum() / 11
    spread = ((logs**2 - variance) ** 2).sum() / 144 / variance**2
    assert bool(spread <= 2 / 11) is normal
    assert spread > 2 / 13
    low, high = np.sqrt(11 * variance / chi2.ppf([0.975, 0.025], 11))
    found = _sigma(logs, None)
    assert (ends(found) == pytest.approx([np.sqrt(variance), low, high], rel=1e-9)) is normal


def test_seconds_of_a_token_have_the_interval_of_residuals_that_are_left_out():
    """ln seconds on ln(fixed + rate o): a sandwich of residuals over 1 - leverage, Student's quantile over calls."""
    law = seconds_law(SECONDS, WROTE)
    x = np.array([law.fixed.value, law.per_token.value])
    expected = x[0] + x[1] * WROTE
    table = np.column_stack([np.ones(60), WROTE]) / expected[:, None]
    bread = np.linalg.inv(table.T @ table)
    pulls = (np.log(SECONDS) - np.log(expected)) / (1 - np.einsum("ij,jk,ik->i", table, bread, table))
    errors = np.sqrt(np.diag(bread @ (table.T * pulls**2) @ table @ bread)) * t.ppf(0.975, 59)
    for estimate, value, off in zip((law.fixed, law.per_token), x, errors, strict=True):
        assert ends(estimate) == pytest.approx([value, max(value - off, 0.0), value + off], rel=1e-5)


def test_calls_at_the_median_lie_half_below_it():
    """Two runs of twelve have all their calls at the median, the others half of theirs on either side: none differs."""
    runs = np.repeat(np.arange(12), 10).astype(str).astype(object)
    sides = np.linspace(1.0, 2.0, 100).reshape(2, 50)
    spread_out = np.column_stack([each.reshape(10, 5) for each in sides])
    values = np.concatenate([np.full(20, 1.5), spread_out.ravel()])
    assert _median(values, runs) == _median(values, None)


@pytest.mark.parametrize("size", [2, 9])
def test_no_interval_of_a_number_of_tokens_goes_below_zero(size):
    """Of one call that read 90 and others that read nothing the interval of Student ends below 0."""
    read = np.zeros(size)
    read[0] = 90.0
    assert ttest_1samp(read, 0.0).confidence_interval(0.95).low < 0
    assert tokens_law(calls_of(tokens_in=read)).means["tokens_in"].low == 0.0
