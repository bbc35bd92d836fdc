"""Difficulties drawn from a Beta law: products, sums and turns against independent sums and integrals."""

import math
import time
from fractions import Fraction
from functools import cache
from itertools import pairwise

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.special import log1p as scipy_log1p

from evo.errors import NoPrediction
from evo.laws.counts import IndependentBlocks
from evo.laws.gamma import log1p
from evo.laws.special import BetaBlocksLaw, RunQualityLaw
from evo.theory import Start, round_robin
from evo.theory.numeric.beta import expm1, survival
from evo.theory.operators.difficulty import beta_all_blocks, beta_only_incorrect, beta_round_robin
from evo.theory.operators.run_quality import quality_only_incorrect, quality_round_robin

MAKERS = (beta_all_blocks, beta_only_incorrect, beta_round_robin, quality_only_incorrect, quality_round_robin)


def product_tail(a, k, t):
    """P(T > t) of global mutation for b = 1: -ln P ~ Gamma(k, rate a), E[(1-P)^t] by quadrature over ln t around."""

    def density(y):
        missed = t * math.log1p(-math.exp(-y)) if y > 0 else -math.inf
        return math.exp(k * math.log(a) + (k - 1) * math.log(y) - a * y - math.lgamma(k) + missed) if y > 0 else 0.0

    mode, spread = (k - 1) / a, 12 * math.sqrt(k) / a
    places = sorted(
        {0.0, max(0.0, mode - spread), math.log(t), math.log(t) + 5, mode, mode + spread, mode + 4 * spread}
    )
    return sum(quad(density, low, high, epsabs=1e-13, limit=400)[0] for low, high in pairwise(places))


@pytest.mark.parametrize(
    ("a", "k", "median"),
    [(1, 40, 9.684618e16), (0.5, 20, 6.922791e16), (2, 70, 7.790799e14), (3, 100, 1.569214e14)],
)
def test_products_of_difficulties_at_large_times(a, k, median):
    law = beta_all_blocks(BetaBlocksLaw(a, 1), k, Start(k)).hit
    assert law.quantile(0.5) == pytest.approx(median, rel=1e-6)
    for t in (1e3, median / 100, median, 30 * median):
        assert float(law.tail(t)) == pytest.approx(product_tail(a, k, t), abs=1e-9)


def test_one_block_of_heavy_difficulty():
    assert beta_all_blocks(BetaBlocksLaw(0.02, 2), 1, Start(1)).hit.quantile(0.5) == pytest.approx(1.7294e15, rel=1e-4)
    for t in (1e5, 1e11, 1e17):
        ratio = math.exp(math.lgamma(2.02) - math.lgamma(2)) * t**-0.02  # Gamma(a+b)/Gamma(b) t^-a, to O(1/t)
        assert float(beta_all_blocks(BetaBlocksLaw(0.02, 2), 1, Start(1)).hit.tail(t)) == pytest.approx(
            ratio, rel=1e-4 if t < 1e6 else 1e-10
        )


def test_complex_logarithms_keep_their_digits():
    rng = np.random.default_rng(1)
    z = (rng.normal(size=2000) + 1j * rng.normal(size=2000)) * 10.0 ** rng.uniform(-18, 3, 2000)
    np.testing.assert_allclose(log1p(z), scipy_log1p(z), rtol=1e-14)
    small = z[np.abs(z) < 1e-3]
    np.testing.assert_allclose(expm1(small), small * (1 + small / 2 * (1 + small / 3 * (1 + small / 4))), rtol=1e-12)


@pytest.mark.parametrize("a", [1e34, 1e5, 50, 3, 0.5, 0.01])
@pytest.mark.parametrize("b", [1, 0.5, 30, 1e-3])
def test_survival_is_the_product(a, b):
    for n in (0, 1, 2, 5, 50, 700):
        exact = Fraction(1)
        for i in range(n):
            exact *= (Fraction(b) + i) / (Fraction(a) + Fraction(b) + i)
        if exact > 1e-280:
            assert float(survival(a, b, np.array(float(n)))) == pytest.approx(float(exact), rel=1e-11)


@pytest.mark.parametrize(("a", "b", "k"), [(2, 3, 1000), (30, 30, 1000), (1, 1, 1000), (0.3, 0.3, 200), (300, 1, 700)])
def test_sums_of_very_many_own_calls(a, b, k):
    """Against the k-th power of one transform on a circle, whatever is in the bulk or out of it."""
    size = 1 << 16
    own = survival(a, b, np.arange(float(size)))
    pmf = np.append(0.0, own[:-1] - own[1:])
    radius = 1.0 - 30.0 / (2 * size)  # what wraps around is below e^-30 times that far out
    radii = radius ** np.arange(2.0 * size)
    power = np.fft.rfft(np.append(pmf, np.zeros(size)) * radii) ** k
    tail = 1.0 - np.cumsum((np.fft.irfft(power) / radii)[:size])
    law = beta_only_incorrect(BetaBlocksLaw(a, b), k, Start(k)).hit
    times = np.unique(np.geomspace(1, size // 2, 60).astype(int))
    np.testing.assert_allclose(law.tail(times), np.clip(tail[times], 0, 1), atol=2e-9)


@pytest.mark.parametrize("a", [1e-6, *(pytest.param(a, marks=pytest.mark.slow) for a in (0.002, 0.01)), 0.1, 1e34])
def test_heavy_medians_end(a):
    for make in MAKERS:
        begun = time.process_time()
        refusal = ""
        try:
            assert make(RunQualityLaw(a, 1), 3, Start(3)).hit.quantile(0.5) >= 1
        except NoPrediction as error:
            refusal = str(error)
        assert refusal == "" or "largest float" in refusal or "nodes" in refusal
        assert time.process_time() - begun < 20


@pytest.mark.parametrize(
    ("a", "b", "k", "p0", "lam"),
    [
        (3, 2, 5, 0, 1),
        (6, 0.7, 2, 0, 3),
        (6, 0.7, 3, 0.5, 2),
        (5, 1, 40, 0, 1),
        pytest.param(5, 1, 200, 0, 1, marks=pytest.mark.slow),
    ],
)
def test_quality_of_a_run_in_turn(a, b, k, p0, lam):
    """Moments and tails averaged over q by an adaptive rule."""
    start = Start(k, p0=p0)
    run = quality_round_robin(RunQualityLaw(a, b), k, start, lam)

    @cache
    def given(q):
        return round_robin(IndependentBlocks(q, q), k, 1, start, lam)

    def averaged(of):
        def integrand(y):
            q = 1 / (1 + math.exp(-y))
            log = a * math.log(q) - b * math.log1p(math.exp(y)) + math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b)
            return of(given(q)) * math.exp(log)

        return sum(quad(integrand, *part, epsrel=1e-10, epsabs=0, limit=200)[0] for part in ((-20, 5), (5, 55)))

    assert (run.hit is run.generations) == (lam == 1)
    for clock in ("hit", "generations")[: 1 if lam == 1 else 2]:
        time = getattr(run, clock)
        assert time.mean == pytest.approx(averaged(lambda of, clock=clock: getattr(of, clock).mean), rel=1e-8)
        square = averaged(lambda of, clock=clock: getattr(of, clock).variance + getattr(of, clock).mean ** 2)
        assert time.variance + time.mean**2 == pytest.approx(square, rel=1e-6)
        t = time.quantile(0.7)
        assert float(time.tail(t)) == pytest.approx(
            averaged(lambda of, c=clock, t=t: float(getattr(of, c).tail(t))), abs=1e-8
        )


def test_one_block_of_unknown_quality_is_one_of_unknown_difficulty():
    for a, b in ((1.0, 1.0), (3.0, 0.5)):
        one, other = (
            quality_round_robin(RunQualityLaw(a, b), 1, Start(1)).hit,
            beta_round_robin(BetaBlocksLaw(a, b), 1, Start(1)).hit,
        )
        t = np.array([0, 1, 2, 10, 1000.0])
        np.testing.assert_allclose(one.tail(t), other.tail(t), atol=1e-12)
        assert one.mean == pytest.approx(other.mean, rel=1e-10)
