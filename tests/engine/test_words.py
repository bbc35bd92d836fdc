"""The engine `blocks` on words of 64 blocks: other draws than on blocks, the same law."""

import re
import tracemalloc
from dataclasses import dataclass, replace

import numpy as np
import pytest
from scipy import stats

from evo import AllBlocks, OnePlusLambda, OnlyIncorrect, RoundRobin, UniformChunk, UntilResolved
from evo.batch import Batch
from evo.conformance.call_laws import words_as_blocks
from evo.conformance.mutators import mutator_checks
from evo.conformance.results import NotChecked, NotConforming
from evo.costs.budget import Budget
from evo.engine import one_parent, run_batch
from evo.engine.words import at_random, chunks_at_random, in_parts, in_turn, one_block, pass_by_pass, some_blocks
from evo.engine.words.which import ONE_CHUNK, runs_on_words
from evo.errors import InputError, OperatorError
from evo.forms.words import bits_set, chance_words, packed, sparse_places, uniform_numbers, unpacked, used_bits
from evo.laws.counts import IndependentBlocks
from evo.protocols import Rewritten
from evo.seeding import streams
from experiments import Cell, Grid, check, run_grid
from experiments.predictions.verdict import Verdict
from experiments.running.simulation import simulate, simulate_traced
from operators import FixKeep, Malformed, Resample, Sparse
from problems import BlockOneMax

FALSE_FAIL = 1e-6


WHOLE = AllBlocks()


def cell(mutator, schedule=WHOLE, k=10, lam=1, start=0.3, budget=Budget()):
    return Cell(BlockOneMax(k, l=4, start=start), mutator, schedule, OnePlusLambda(lam), budget=budget)


CELLS = [
    cell(Resample(0.5), k=8),
    cell(Resample(0.3), k=5, lam=4),
    cell(FixKeep(0.4, 0.97), k=70, lam=2),
    cell(Sparse(FixKeep(1.0, 0.0), rate=0.05), k=20),
    cell(Sparse(FixKeep(0.6, 0.2), rate=0.1), k=12, lam=5),
    cell(Resample(0.5), UniformChunk(), k=20),
    cell(FixKeep(0.3, 0.9), UniformChunk(), k=20, lam=7),
    cell(Sparse(FixKeep(0.6, 0.8), rate=0.5), UniformChunk(), k=7, lam=2, start=0.0),
    cell(Resample(0.5), UntilResolved(), k=20, start=0.0),
    cell(FixKeep(0.3, 0.9), UntilResolved(), k=7, lam=3),
    cell(FixKeep(0.9, 0.2), UntilResolved(), k=9, lam=2, start=0.6),
    cell(Sparse(FixKeep(0.6, 0.8), rate=0.5), OnlyIncorrect(), k=7, lam=2),
    cell(Resample(0.5), OnlyIncorrect(), k=20),
    cell(Resample(0.5), RoundRobin(), k=20),
    cell(FixKeep(0.3, 0.9), RoundRobin(), k=9, lam=7),
    cell(FixKeep(0.7, 0.5), RoundRobin(), k=11, lam=2, start=0.0),
    cell(Resample(0.5), UniformChunk(g=2), k=12),
    cell(FixKeep(0.3, 0.9), UniformChunk(g=3), k=9, lam=4),
    cell(Sparse(FixKeep(0.6, 0.8), rate=0.5), OnlyIncorrect(g=2), k=8, lam=2),
    cell(Resample(0.5), OnlyIncorrect(g=3), k=9),
    cell(FixKeep(0.3, 0.9), RoundRobin(g=4), k=12, lam=5),
    cell(Resample(0.5), RoundRobin(g=2), k=8, start=0.0),
]
NO_LAW = [
    cell(Resample(0.5), UntilResolved(g=3), k=9),
    cell(FixKeep(0.4, 0.8), UntilResolved(g=2), k=8, lam=3, start=0.0),
]
"""Cells on words whose law nobody can tell: they are compared with the other loop alone."""


def verdict(cells, seed=1, runs=3000):
    return check(run_grid(Grid("p", cells, runs=runs, seed=seed), workers=1), alpha=FALSE_FAIL).verdict


@pytest.mark.statistical
def test_runs_agree_with_the_exact_laws():
    """Each cell against its exact law and means, false-alarm rate 1e-6 over all; `check` says which power it has."""
    assert all(runs_on_words(of.search) for of in CELLS)
    assert verdict(CELLS) is Verdict.AGREES


@pytest.mark.statistical
@pytest.mark.parametrize("lam", [1, 2, 70])
@pytest.mark.parametrize(
    ("mutator", "schedule"),
    [
        (FixKeep(0.6, 0.9), WHOLE),
        (Resample(0.3), UniformChunk()),
        (FixKeep(0.6, 0.8), UntilResolved()),
        (Resample(0.3), OnlyIncorrect()),
        (Resample(0.3), RoundRobin()),
        (FixKeep(0.6, 0.9), UniformChunk(g=3)),
        (FixKeep(0.6, 0.8), UntilResolved(g=3)),
        (Resample(0.5), UntilResolved(g=2)),
        (Resample(0.6), OnlyIncorrect(g=2)),
        (Resample(0.6), RoundRobin(g=2)),
    ],
    ids=lambda part: str(part),
)
def test_both_loops_have_one_law(mutator, schedule, lam):
    """Hits and the calls that gained the first block, of 1,000 runs a loop: Kolmogorov-Smirnov at 1e-6 each.

    The twin is the other loop at k + 2.
    """
    g = getattr(schedule, "g", 1)
    of, other = (
        cell(mutator, schedule, k=5 if g == 1 else 6, lam=lam),
        cell(mutator, schedule, k=7 if g == 1 else 6 + g, lam=lam),
    )
    (words, at), (blocks, gained), (wrong, _) = (
        _hits_and_gains(loop, each) for loop, each in ((run_batch, of), (one_parent.run_batch, of), (run_batch, other))
    )
    assert stats.ks_2samp(words, blocks).pvalue > FALSE_FAIL
    assert stats.ks_2samp(at, gained).pvalue > FALSE_FAIL
    assert stats.ks_2samp(wrong, blocks).pvalue < FALSE_FAIL


def _hits_and_gains(loop, of):
    counts, trace = loop(of.search, Batch(streams(1, "both loops", 0), 1000, trace=True))
    assert trace is not None
    second = {}
    for run, call in sorted(zip(trace.run.tolist(), trace.call.tolist(), strict=True)):
        if call:
            second.setdefault(run, call)
    return counts.hit, list(second.values())


def cut_into_pieces(monkeypatch):
    for module in (at_random, in_turn, one_block, pass_by_pass, some_blocks):
        monkeypatch.setattr(module, "AT_ONCE", 5)
    for module in (in_parts, chunks_at_random):
        monkeypatch.setattr(module, "CHUNKS", 5)


@pytest.mark.slow
@pytest.mark.statistical
def test_rounds_that_are_cut_into_pieces_agree_too(monkeypatch):
    cut_into_pieces(monkeypatch)
    cut = [cell(FixKeep(0.4, 0.9), schedule, k=4, lam=7) for schedule in (WHOLE, *(kind() for kind in ONE_CHUNK))]
    assert verdict(cut, runs=1000) is Verdict.AGREES


@dataclass(frozen=True)
class Wrong(Resample):
    """Its words are right 10 % less often than its blocks."""

    def rewrite_words(self, words, rng):
        return chance_words(0.9 * self.p, words.shape, rng)

    @property
    def law(self):
        return IndependentBlocks(self.p, self.p)


@pytest.mark.statistical
def test_words_of_another_law_differ():
    assert verdict([cell(Wrong(0.5), k=8)]) is Verdict.DIFFERS


@dataclass(frozen=True)
class Breaks(FixKeep):
    """Its words break right blocks twice as often."""

    def rewrite_words(self, words, rng):
        return FixKeep(self.fix, 2 * self.keep - 1).rewrite_words(words, rng)


@dataclass(frozen=True)
class Mends(FixKeep):
    """Its words mend wrong blocks a tenth more often."""

    def rewrite_words(self, words, rng):
        return FixKeep(self.fix + 0.1, self.keep).rewrite_words(words, rng)


@dataclass(frozen=True)
class Together(Resample):
    """Its words are right as often as its blocks, but all of a solution at once."""

    def rewrite_words(self, words, rng):
        right = rng.random((*words.shape[:-1], 1)) < self.p
        return np.where(right, ~np.uint64(0), np.uint64(0)) | np.zeros_like(words)


@dataclass(frozen=True)
class Votes(Resample):
    """Each answer takes two calls."""

    def rewrite(self, correct, rng):
        return Rewritten(super().rewrite(correct, rng), calls=np.full(correct.shape[:-1], 2, dtype=np.int64))

    def rewrite_words(self, words, rng):
        return super().rewrite_words(words, rng)


@dataclass(frozen=True)
class Twice(Resample):
    """Its words give the same answer to every two calls."""

    def rewrite_words(self, words, rng):
        return np.repeat(super().rewrite_words(words[::2], rng), 2, axis=0)


@dataclass(frozen=True)
class Elsewhere(Resample):
    """Its words are drawn from a generator of their own."""

    def rewrite_words(self, words, rng):
        return super().rewrite_words(words, np.random.default_rng())


@dataclass(frozen=True)
class InPlace(Resample):
    """Its words are written over those that it is given."""

    def rewrite_words(self, words, rng):
        words[...] = super().rewrite_words(words, rng)
        return words


@dataclass(frozen=True)
class Narrow(FixKeep):
    """Serves chunks of up to 16 blocks."""

    def fits(self, k, g):
        if g > 16:
            raise InputError("too many blocks")

    def rewrite(self, correct, rng):
        assert correct.shape[1] <= 16
        return super().rewrite(correct, rng)

    def rewrite_words(self, words, rng):
        return super().rewrite_words(words, rng)


@dataclass(frozen=True)
class Pieces(FixKeep):
    """Serves no whole solution."""

    def fits(self, k, g):
        if g == k:
            raise InputError("not all at once")


def test_words_of_a_mutator_that_serves_no_whole_solution_are_not_checked():
    with pytest.raises(NotChecked, match=r"Pieces\.fits refuses all chunks of all blocks, up to k = "):
        words_as_blocks(Pieces(0.3, 0.8), 1e-6)


@pytest.mark.statistical
@pytest.mark.parametrize(
    ("mutator", "said"),
    [
        (Twice(0.5), "P(block 0 is right in two calls in a row) is 0.247 by rewrite and 0.502 by rewrite_words"),
        (Elsewhere(0.5), "Elsewhere.rewrite_words gives other words for the same state of the generator"),
        (Narrow(0.3, 0.8), ""),
        (Votes(0.5), "Votes has rewrite_words, by which each call is valid and one call"),
        (Breaks(0.5, 0.9), "P(a right block is right) is 0.900 by rewrite and 0.80"),
        (Mends(0.5, 0.9), "P(a wrong block is right) is 0.500 by rewrite and 0.60"),
        (Wrong(0.5), "blocks 0 and 1 are right) is 0.253 by rewrite and 0.202 by rewrite_words"),
        (Together(0.5), "are right) is 0.246 by rewrite and 0.496 by rewrite_words"),
        (Resample(0.37), ""),
        (FixKeep(0.2, 0.9), ""),
        (Sparse(FixKeep(1.0, 0.1), 0.03), ""),
    ],
)
def test_the_check_of_an_operator_compares_words_with_blocks(mutator, said):
    (check,) = (each for each in mutator_checks(mutator) if each.name == "words as blocks")
    if said:
        with pytest.raises(NotConforming, match=re.escape(said)):
            check.run()
    else:
        assert check.run().startswith("blocks and words agree")


def test_words_that_are_written_over_are_found():
    (check,) = (each for each in mutator_checks(InPlace(0.5)) if each.name == "words as blocks")
    with pytest.raises(OperatorError, match="changes its input"):
        check.run()


def test_an_operator_without_words_has_no_such_check():
    assert "words as blocks" not in [each.name for each in mutator_checks(Malformed(Resample(0.5), 0.1))]


@pytest.mark.statistical
@pytest.mark.parametrize("mutator", [Resample(0.5), Resample(0.37), FixKeep(0.2, 0.9), Sparse(FixKeep(1.0, 0.1), 0.03)])
def test_words_are_rewritten_as_blocks_are(mutator):
    """Blocks that are correct afterwards, of 100,000 wrong and as many right ones; two-sided exact tests at 1e-6."""
    rng = np.random.default_rng(1)
    before = np.zeros((1000, 200), dtype=bool)
    before[:, ::2] = True
    after = unpacked(mutator.rewrite_words(packed(before), rng), 200)
    inner = getattr(mutator, "inner", mutator)
    rate = getattr(mutator, "rate", 1.0)
    fix, keep = getattr(inner, "fix", getattr(inner, "p", None)), getattr(inner, "keep", getattr(inner, "p", None))
    for there, p in ((True, 1 - rate * (1 - keep)), (False, rate * fix)):
        found = after[before == there]
        assert stats.binomtest(int(found.sum()), found.size, p).pvalue > FALSE_FAIL
        other = stats.binomtest(int(found.sum()), found.size, min(0.999, p + 0.02)).pvalue
        assert other < FALSE_FAIL  # what it would have found


def test_chances_have_the_digits_of_uniform_numbers():
    class Given:
        """Hands out one digit of each uniform number after the other, from the first."""

        def __init__(self, numbers):
            self.digits = iter([[number >> place & 1 for number in numbers] for place in range(52, -1, -1)])

        def integers(self, low, high, size, dtype, endpoint):
            return np.array([sum(bit << at for at, bit in enumerate(next(self.digits)))], dtype=np.uint64)

    for p in (0.3, 0.7, 0.5 + 2.0**-53, 1e-3):
        edge = int(np.ceil(p * 2.0**53))
        numbers = [0, edge - 1, edge, edge + 1, 2**53 - 1]
        expected = [number / 2.0**53 < p for number in numbers]
        found = unpacked(chance_words(p, (1,), Given(numbers)), len(numbers))
        assert found.tolist() == expected


def test_certain_words():
    rng = np.random.default_rng(1)
    assert bits_set(chance_words(1.0, (3, 2), rng)).tolist() == [128] * 3
    assert bits_set(chance_words(0.0, (3, 2), rng)).tolist() == [0] * 3
    assert sparse_places(0.0, 10, rng).tolist() == []
    assert sparse_places(1.0, 5, rng).tolist() == [0, 1, 2, 3, 4]


@pytest.mark.parametrize("k", [1, 63, 64, 65, 200])
def test_words_hold_what_blocks_do(k):
    correct = np.random.default_rng(k).random((7, k)) < 0.5
    words = packed(correct)
    assert (unpacked(words, k) == correct).all()
    assert bits_set(words).tolist() == correct.sum(axis=1).tolist()
    assert int(bits_set(used_bits(k)[None])[0]) == k


def test_counts_where_floats_would_round(monkeypatch):
    words = packed(np.random.default_rng(1).random((3, 300)) < 0.5)
    expected = bits_set(words)
    monkeypatch.setattr("evo.forms.words.EXACT", 2)
    assert (bits_set(words) == expected).all()


@pytest.mark.parametrize(
    ("of", "budget"),
    [
        *(
            (CELLS[at], calls)
            for at, calls in ((0, 20), (4, 60), (6, 200), (9, 60), (11, 20), (14, 63), (17, 90), (18, 8))
        ),
        *((CELLS[at], calls) for at, calls in ((19, 20), (20, 60), (21, 60))),
        (NO_LAW[0], 40),
        (NO_LAW[1], 24),
    ],
    ids=str,
)
def test_a_larger_budget_prolongs_the_same_runs(of, budget):
    def hits(calls):
        return simulate(cell(of.mutator, of.schedule, of.k, of.lam, budget=Budget(calls=calls)), 1, 0, 60)

    few, many = hits(budget), hits(100_000)
    last = -(-budget // of.lam)
    within = (many.generations <= last) & (many.hit >= 0)
    assert 0 < within.sum() < 60
    assert (few.hit[within] == many.hit[within]).all()
    assert (few.hit[~within] == -1).all()
    assert (few.generations[~within] == last).all()
    assert (few.calls == of.lam * few.generations).all()
    assert (few.evaluations == few.calls).all()


def test_traces_end_at_the_hit_and_rise():
    for of in CELLS + NO_LAW:
        counts, trace = simulate_traced(of, 1, 0, 40)
        assert (counts.hit == simulate(of, 1, 0, 40).hit).all()
        for run in range(40):
            rows = trace.run == run
            assert (np.diff(trace.fitness[rows]) > 0).all()
            assert trace.call[rows][0] == 0
            assert (trace.call[rows][-1], trace.fitness[rows][-1]) == (counts.hit[run], of.k)
            assert trace.spent[rows][-1].tolist() == [counts.generations[run], counts.calls[run], counts.calls[run]]


@pytest.mark.parametrize("schedule", [kind() for kind in ONE_CHUNK])
def test_rounds_that_are_cut_into_pieces_keep_a_best_offspring_a_generation(monkeypatch, schedule):
    """Seven calls in pieces of five: one block a generation at most, though each call repairs what it is handed."""
    cut_into_pieces(monkeypatch)
    counts, trace = simulate_traced(cell(FixKeep(1.0, 1.0), schedule, k=4, lam=7, start=0.0), 1, 0, 60)
    assert (counts.generations >= 4).all()
    for run in range(60):
        rows = trace.run == run
        assert trace.fitness[rows].tolist() == [0, 1, 2, 3, 4]
        assert (np.diff(-(-trace.call[rows] // 7)) > 0).all()


def test_offspring_of_whole_solutions_are_made_in_pieces(monkeypatch):
    cut_into_pieces(monkeypatch)
    made = []

    def counted(self, words, rng):
        made.append(words.shape[0] * words.shape[1])
        return np.zeros(words.shape, dtype=np.uint64)

    monkeypatch.setattr(Resample, "rewrite_words", counted)
    simulate(cell(Resample(0.5), k=4, lam=7, start=0.0, budget=Budget(calls=21)), 1, 0, 3)
    assert sum(made) == 3 * 7 * 3  # runs, offspring, generations


RARE = cell(FixKeep(0.02, 1.0), k=20, lam=7, start=0.0)
"""Several generations are made at once, so that more are made than are paid for."""


@pytest.mark.parametrize(
    ("of", "generations"),
    [*((CELLS[at], 3) for at in (2, 4, 6)), (CELLS[9], 15), (CELLS[11], 8), (CELLS[14], 9), (RARE, 10)],
)
def test_a_trace_ends_with_its_budget(of, generations):
    """What was made ahead of it is in the trace of a larger one, and in none of this one's."""
    (few, cut), (_, whole) = (
        simulate_traced(replace(of, budget=Budget(calls=calls)), 1, 0, 60)
        for calls in (generations * of.runner.lam, 100_000)
    )
    assert (few.hit < 0).sum() > 10
    within = whole.call <= few.calls[whole.run]
    assert not within.all()
    rows = sorted(zip(cut.run, cut.call, cut.fitness, strict=True))
    assert rows == sorted(zip(whole.run[within], whole.call[within], whole.fitness[within], strict=True))


@pytest.mark.parametrize("schedule", [WHOLE, *(kind() for kind in ONE_CHUNK)])
def test_runs_that_start_at_the_optimum(schedule):
    counts = simulate(cell(Resample(0.5), schedule, k=2, start=1.0), 1, 0, 5)
    assert (counts.hit.tolist(), counts.calls.tolist()) == ([0] * 5, [0] * 5)


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (lambda words: words[..., 0], "expected a uint64 array of shape"),
        (lambda words: words.astype(np.int64), "got int64"),
        (lambda words: np.bitwise_or(words, np.uint64(1), out=words), "changes its input"),
    ],
    ids=["shape", "dtype", "input"],
)
def test_words_that_break_the_contract_are_refused(monkeypatch, answer, said):
    monkeypatch.setattr(Resample, "rewrite_words", lambda self, words, rng: answer(words))
    with pytest.raises(OperatorError, match=rf"Resample\.rewrite_words.*{said}"):
        simulate(cell(Resample(0.5)), 1, 0, 2)


def test_numbers_are_drawn_again_where_16_bits_do_not_divide():
    """Of all 2^16 words each number of 0..n-1 comes as often, and what is left over is drawn again."""

    class Every:
        def integers(self, *arguments, size, **options):
            if options:
                return np.arange(2**16, dtype=np.uint16).view(np.uint64)
            self.again = size
            return np.full(size, -1)

    for n in (1, 3, 64, 1000, 40_000, 2**16):
        rng = Every()
        counts = np.bincount(uniform_numbers(n, 2**16, rng).astype(np.int32) % 2**17, minlength=n)[:n]
        assert (counts == 2**16 // n).all()
        assert getattr(rng, "again", 0) == 2**16 % n
    assert uniform_numbers(2**20, 5, np.random.default_rng(1)).shape == (5,)


@pytest.mark.parametrize("schedule", [AllBlocks(), *(kind(g=g) for kind in ONE_CHUNK for g in (1, 4))], ids=str)
@pytest.mark.parametrize(("k", "lam", "runs"), [(64, 20_000, 20), (6400, 200, 20), (64, 200, 2000)])
def test_buffers_are_bounded(schedule, k, lam, runs):
    """A hundredfold of k, lam and runs: at most 5 MB beside the parents (k bytes a run)."""
    of = cell(Resample(0.5), schedule, k=k, lam=lam, start=0.0, budget=Budget(calls=2 * lam))
    tracemalloc.start()
    simulate(of, 1, 0, runs)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 5e6 + 3 * k * runs
