"""Published and independently computed numbers, each to at least 1e-9 (theory 14 and the table of references)."""

import pytest

from evo.laws.counts import IndependentBlocks
from evo.theory import (
    Start,
    all_blocks,
    call_sums,
    only_incorrect,
    round_robin,
    uniform_chunk,
    until_resolved,
)

# id, schedule, k, g, fix, keep, start, lam, quantity, value
CASES = [
    ("global-mean-k1", "all", 1, 1, 0.5, 0.5, {}, 1, "mean", 2.0),
    ("global-mean-k3", "all", 3, 3, 0.5, 0.5, {}, 1, "mean", 8.0),
    ("global-mean-k4", "all", 4, 4, 0.5, 0.5, {}, 1, "mean", 16.0),
    ("global-mean-k5", "all", 5, 5, 0.5, 0.5, {}, 1, "mean", 32.0),
    ("global-mean-k8", "all", 8, 8, 0.5, 0.5, {}, 1, "mean", 256.0),
    ("global-mean-k12", "all", 12, 12, 0.5, 0.5, {}, 1, "mean", 4096.0),
    ("global-mean-k10-p9_10", "all", 10, 10, 0.9, 0.9, {}, 1, "mean", 2.8679719907924413),
    ("global-mean-k6-p3_10", "all", 6, 6, 0.3, 0.3, {}, 1, "mean", 1371.7421124828531),
    ("global-quantile-0.9-k10", "all", 10, 10, 0.5, 0.5, {}, 1, "quantile 0.9", 2357.0),
    ("global-cdf-k10-t1000", "all", 10, 10, 0.5, 0.5, {}, 1, "cdf 1000", 0.623576201943276),
    ("global-bernoulli9_10-k10-p1_2", "all", 10, 10, 0.5, 0.5, {"p0": 0.9}, 1, "mean", 666.9532773376),
    ("global-bernoulli1_2-k10-p9_10", "all", 10, 10, 0.9, 0.9, {"p0": 0.5}, 1, "mean", 2.865171236895183),
    ("global-generations-lam2", "all", 8, 8, 0.5, 0.5, {}, 2, "generations", 128.2504892367906),
    ("global-evals-whole-lam2", "all", 8, 8, 0.5, 0.5, {}, 2, "calls", 256.5009784735812),
    ("global-evals-whole-lam64", "all", 8, 8, 0.5, 0.5, {}, 64, "calls", 288.8342231631141),
    ("global-fix9_10-keep1_2-k5", "all", 5, 5, 0.9, 0.5, {}, 1, "mean", 8.11641025500995),
    ("global-fix1_2-keep99_100-k10", "all", 10, 10, 0.5, 0.99, {}, 1, "mean", 4.961900372349446),
    ("global-fix-keep-var", "all", 4, 4, 0.5, 0.9, {}, 1, "variance", 6.114730979965706),
    ("global-fix-keep-lam4", "all", 10, 10, 0.5, 0.9, {}, 4, "generations", 3.5285777025973926),
    ("global-j1-keep9_10", "all", 10, 10, 0.5, 0.9, {"incorrect": 1}, 1, "mean", 5.162349583426394),
    ("global-keep1-k4", "all", 4, 4, 0.5, 1, {}, 1, "mean", 3.5047619047619047),
    ("global-keep1-k50", "all", 50, 50, 0.5, 1, {}, 1, "mean", 6.9909779034162565),
    ("local-random-var-k4", "uniform", 4, 1, 0.5, 0.5, {}, 1, "variance", 74.44444444444444),
    ("local-seq-var-k4", "resolved", 4, 1, 0.5, 0.5, {}, 1, "variance", 8.0),
    ("local-oracle-mean-k4", "incorrect", 4, 1, 0.5, 0.5, {}, 1, "mean", 8.0),
    ("local-rr-mean-k4", "robin", 4, 1, 0.5, 0.5, {}, 1, "mean", 12.80952380952381),
    ("local-rr-var-k4", "robin", 4, 1, 0.5, 0.5, {}, 1, "variance", 46.666666666666664),
    ("local-rr-j1-k4", "robin", 4, 1, 1 / 3, 0.75, {"incorrect": 1}, 1, "mean", 10.5),
    ("local-seq-j1-k4", "resolved", 4, 1, 1 / 3, 0.75, {"incorrect": 1}, 1, "mean", 9.0),
    ("local-seq-var-j1-k4", "resolved", 4, 1, 1 / 3, 0.75, {"incorrect": 1}, 1, "variance", 44.0),
    ("local-random-j2-k4", "uniform", 4, 1, 1 / 3, 0.75, {"incorrect": 2}, 1, "mean", 18.0),
    ("local-rr-j2-k4", "robin", 4, 1, 1 / 3, 0.75, {"incorrect": 2}, 1, "mean", 15.466666666666667),
    ("local-seq-j2-k4", "resolved", 4, 1, 1 / 3, 0.75, {"incorrect": 2}, 1, "mean", 11.333333333333334),
    ("local-seq-var-j2-k4", "resolved", 4, 1, 1 / 3, 0.75, {"incorrect": 2}, 1, "variance", 36.888888888888886),
    ("local-random-j3-k4", "uniform", 4, 1, 1 / 3, 0.75, {"incorrect": 3}, 1, "mean", 22.0),
    ("local-rr-j3-k4", "robin", 4, 1, 1 / 3, 0.75, {"incorrect": 3}, 1, "mean", 18.75526315789474),
    ("local-oracle-j3-k4", "incorrect", 4, 1, 1 / 3, 0.75, {"incorrect": 3}, 1, "mean", 9.0),
    ("local-seq-var-j3-k4", "resolved", 4, 1, 1 / 3, 0.75, {"incorrect": 3}, 1, "variance", 30.0),
    ("local-seq-bernoulli1_2-k4", "resolved", 4, 1, 0.5, 0.5, {"p0": 0.5}, 1, "mean", 6.125),
    ("local-oracle-bernoulli1_2-k4", "incorrect", 4, 1, 0.5, 0.5, {"p0": 0.5}, 1, "mean", 4.0),
    ("local-random-bernoulli1_4-k4", "uniform", 4, 1, 1 / 3, 2 / 3, {"p0": 0.25}, 1, "mean", 21.55078125),
    ("local-seq-bernoulli1_4-k4", "resolved", 4, 1, 1 / 3, 2 / 3, {"p0": 0.25}, 1, "mean", 11.00390625),
    ("local-random-k10", "uniform", 10, 1, 0.5, 0.5, {}, 1, "mean", 58.57936507936508),
    ("local-random-k50", "uniform", 50, 1, 0.5, 0.5, {}, 1, "mean", 449.9205338329425),
    ("local-seq-bernoulli-k50", "resolved", 50, 1, 0.5, 0.5, {"p0": 0.5}, 1, "mean", 98.0),
    ("local-random-k100", "uniform", 100, 1, 0.5, 0.5, {}, 1, "mean", 1037.475503527924),
    ("local-rr-j10-k100", "robin", 100, 1, 0.5, 0.5, {"incorrect": 10}, 1, "mean", 428.8488367325213),
    ("rls-onemax-uniform-n100", "uniform", 100, 1, 1, 0, {"p0": 0.5}, 1, "mean", 449.4230337079675),
    ("rls-onemax-uniform-n1000", "uniform", 1000, 1, 1, 0, {"p0": 0.5}, 1, "mean", 6792.3236799904),
    ("local-rr-quantile-0.5-k50", "robin", 50, 1, 0.5, 0.5, {}, 1, "quantile 0.5", 312.0),
    ("local-random-quantile-0.5-k50", "uniform", 50, 1, 0.5, 0.5, {}, 1, "quantile 0.5", 428.0),
    ("local-rr-quantile-0.95-k50", "robin", 50, 1, 0.5, 0.5, {}, 1, "quantile 0.95", 498.0),
    ("local-oracle-cdf-k50-t110", "incorrect", 50, 1, 0.5, 0.5, {}, 1, "cdf 110", 0.8528831457778543),
    ("local-random-lam3", "uniform", 4, 1, 0.5, 0.5, {}, 3, "generations", 7.225170087424113),
    ("local-rr-lam3", "robin", 4, 1, 0.5, 0.5, {}, 3, "generations", 5.367036312241792),
    ("local-random-lam8", "uniform", 4, 1, 0.5, 0.5, {}, 8, "generations", 4.662492183981965),
    ("chunk-random-k4-g2", "uniform", 4, 2, 0.5, 0.5, {}, 1, "mean", 12.0),
    ("chunk-random-k12-g3", "uniform", 12, 3, 0.5, 0.5, {}, 1, "mean", 66.66666666666667),
    ("chunk-rr-k12-g3", "robin", 12, 3, 0.5, 0.5, {}, 1, "mean", 62.9629191321499),
    ("chunk-oracle-fix-keep", "incorrect", 4, 2, 0.5, 0.9, {}, 1, "mean", 5.62962962962963),
    ("chunk-random-fix-keep", "uniform", 4, 2, 0.5, 0.9, {}, 1, "mean", 8.197530864197532),
    # a call that does nothing, or fails, w.p. 1/10
    ("noop-random", "uniform", 4, 1, 0.45, 0.55, {}, 1, "mean", 18.518518518518519),
    ("noop-seq", "resolved", 4, 1, 0.45, 0.55, {}, 1, "mean", 8.8888888888888889),
    ("malformed-rr", "robin", 4, 1, 0.45, 0.45, {}, 1, "mean", 14.687035344081184),
    ("noop-per-block-global", "all", 4, 4, 0.25 * 0.5, 0.75 + 0.25 * 0.5, {}, 1, "mean", 21.165585904822212),
    ("ea-onemax-n10-lam1", "all", 10, 10, 1 / 10, 1 - 1 / 10, {}, 1, "generations", 56.143435296506745),
    ("ea-onemax-n10-lam8", "all", 10, 10, 1 / 10, 1 - 1 / 10, {}, 8, "generations", 10.474450833682148),
    ("ea-onemax-n50-lam1", "all", 50, 50, 1 / 50, 1 - 1 / 50, {}, 1, "generations", 485.66252707488326),
    ("ea-onemax-n500-uniform", "all", 500, 500, 1 / 500, 1 - 1 / 500, {"p0": 0.5}, 1, "generations", 7509.335324381219),
    (
        "ea-onemax-n1000-uniform",
        "all",
        1000,
        1000,
        1 / 1000,
        1 - 1 / 1000,
        {"p0": 0.5},
        1,
        "generations",
        16894.68929641383,
    ),
    (
        "ea-onemax-n100-resampling",
        "all",
        100,
        100,
        1 / 100,
        1 - 1 / 100,
        {"p0": 0.5},
        1,
        "resampling",
        678.0528170259133,
    ),
]


def run_law(schedule, law, k, g, start, lam):
    if schedule == "all":
        return all_blocks(law, k, start, lam)
    if schedule == "resolved":
        return until_resolved(law, k, start, lam)
    return {"incorrect": only_incorrect, "robin": round_robin, "uniform": uniform_chunk}[schedule](
        law, k, g, start, lam
    )


def read(run, quantity, k):
    name, *number = quantity.split()
    if name == "mean":
        return run.hit.mean
    if name == "variance":
        return run.hit.variance
    if name == "quantile":
        return run.hit.quantile(float(number[0]))
    if name == "cdf":
        return float(run.hit.cdf(int(number[0])))
    if name == "resampling":  # offspring equal to the parent are not counted
        return run.hit.mean * (1 - (1 - 1 / k) ** k)
    return getattr(run, name).mean


@pytest.mark.parametrize("case", CASES, ids=[case[0] for case in CASES])
def test_reference_value(case):
    _, schedule, k, g, fix, keep, start, lam, quantity, value = case
    run = run_law(schedule, IndependentBlocks(fix, keep), k, g, Start(k, **start), lam)
    assert read(run, quantity, k) == pytest.approx(value, rel=1e-9)


# Buskulic and C. Doerr, data repository NathanBuskulic/OneMaxOptimal: k, start, schedule, rate, expected evaluations
PUBLISHED = [
    (100, {"p0": 0.5}, "uniform", None, 449.4230337079514),
    (500, {"p0": 0.5}, "uniform", None, 3049.8381247119064),
    (1000, {"p0": 0.5}, "uniform", None, 6792.323679977325),
    (100, {"p0": 0.5}, "all", 0.01, 1069.5384972597178),
    (500, {"p0": 0.5}, "all", 0.002, 7509.335324374188),
    (1000, {"p0": 0.5}, "all", 0.001, 16894.68929638156),
    (100, {"p0": 0.5}, "all", 0.0117035, 1057.1514825822),
    (100, {"incorrect": 1}, "all", 0.01, 270.4679036164738),
    (100, {"incorrect": 1}, "uniform", None, 100.0),
    (100, {"incorrect": 50}, "all", 0.01, 1070.6347742236435),
    (100, {"incorrect": 50}, "uniform", None, 449.92053383294257),
]


@pytest.mark.parametrize(("k", "start", "schedule", "rate", "value"), PUBLISHED)
def test_published_means_of_onemax(k, start, schedule, rate, value):
    law = IndependentBlocks(1.0, 0.0) if rate is None else IndependentBlocks(rate, 1 - rate)
    assert run_law(schedule, law, k, 1, Start(k, **start), 1).hit.mean == pytest.approx(value, rel=1e-10)


def test_published_variance_of_onemax():
    run = all_blocks(IndependentBlocks(0.001, 0.999), 1000, Start(1000, p0=0.5))
    assert run.hit.variance == pytest.approx(1.20447e7, rel=1e-5)


def test_cost_of_a_call():
    assert call_sums(200, 200) == (59900, 18606700)


@pytest.mark.parametrize(("power", "value"), [(0, 61337600), (1, 19053260800)])
def test_expected_cost_of_global_evolution(power, value):
    run = all_blocks(IndependentBlocks(0.5, 0.5), 10, Start(10))
    assert run.hit.mean * call_sums(200, 200)[power] == pytest.approx(value, rel=1e-12)


def test_evolution_speedup_is_the_ratio_of_the_laws():
    law, k, l = IndependentBlocks(0.5, 0.5), 10, 20
    ratio = [
        all_blocks(law, k, Start(k)).hit.mean
        * call_sums(k * l, k * l)[power]
        / (until_resolved(law, k, Start(k)).hit.mean * call_sums(l, l)[power])
        for power in (0, 1)
    ]
    assert ratio == pytest.approx([5198.1016949152542373, 52720.699501936912009], rel=1e-12)


# k, g, p, tokens of the prompt's head, overhead a call, expected cost at l = 10 under OnlyIncorrect (theory 3d)
@pytest.mark.parametrize(
    ("k", "g", "p", "head", "overhead", "value"),
    [(12, 1, 0.5, 0, 0, 3480), (12, 4, 0.5, 0, 0, 114240), (12, 1, 0.9, 50, 100000, 1341933.3333333333)],
)
def test_expected_cost_of_chunks(k, g, p, head, overhead, value):
    calls = only_incorrect(IndependentBlocks(p, p), k, g, Start(k)).calls.mean
    assert calls * (call_sums(head + 10 * g, 10 * g)[0] + overhead) == pytest.approx(value, rel=1e-12)
