"""The law of a run as a chain on whole solutions and the schedule's pointer, by brute force over all offspring.

Nothing of the product's theory is used: what a search does is read off the parameters that its parts declare. A chain
gives for each state the outcomes of a generation: (calls up to the hit or of the whole generation, calls on the short
last chunk, next state or DONE) with their probabilities.
"""

from __future__ import annotations

import math
from fractions import Fraction
from itertools import combinations, product

import numpy as np
from calls_of import INVALID, World, answers, each_on_its_own, put, solve

DONE = "done"


def fitness(problem, x):
    """The true fitness of a solution, by the definition of the problem's class."""
    kind, c = type(problem).__name__, sum(x)
    if kind in ("BlockOneMax", "UnequalBlocks"):
        return c
    if kind == "WeightedBlocks":
        return sum(w for w, right in zip(problem.weights, x, strict=True) if right)
    if kind == "LeadingBlocks":
        return x.index(False) if False in x else len(x)
    if kind == "Needle":
        return int(c == len(x))
    if kind == "Trap":
        return len(x) + 1 if c == len(x) else len(x) - c
    assert kind == "Jump", kind
    return problem.m + c if c <= len(x) - problem.m or c == len(x) else len(x) - c


def starts(problem, number):
    """The initial solutions and their probabilities."""
    k = problem.k
    if problem.incorrect is not None:
        sets = list(combinations(range(k), problem.incorrect))
        return {tuple(j not in wrong for j in range(k)): number(1) / len(sets) for wrong in sets}
    return each_on_its_own((False,) * k, range(k), lambda j: number(problem.start))


def inside(schedule):
    return inside(schedule.schedule) if type(schedule).__name__ == "Decomposed" else schedule


def cut(schedule, k):
    g = k if type(schedule).__name__ == "AllBlocks" else schedule.g
    return [tuple(range(first, min(first + g, k))) for first in range(0, k, g)]


def drawn(schedule, k, x, pointer, number_of_offspring):
    """The blocks that an offspring may get, each choice as likely."""
    kind, chunks = type(schedule).__name__, cut(schedule, k)
    if kind == "UniformChunk":
        return chunks
    if kind == "UniformSubset":
        return list(combinations(range(k), schedule.g))
    if kind == "OnlyIncorrect":
        return [next((chunk for chunk in chunks if not all(x[j] for j in chunk)), chunks[0])]
    if kind == "EachChunk":
        return [chunks[number_of_offspring % len(chunks)]]
    return [chunks[pointer if kind in ("RoundRobin", "UntilResolved") else 0]]


class Chain:
    """Base of the chains: what `outcomes` says of a generation is turned into laws.

    A subclass has `begin()`, the initial states with DONE for an optimal start, and `outcomes(state)`.
    """

    def __init__(self, cell, world=None):
        self.world = world or World()
        self.problem, self.mutator, self.runner = cell.problem, cell.mutator, cell.runner
        self.truth = getattr(cell.problem, "problem", cell.problem)
        self.schedule, self.k, self.lam = inside(cell.schedule), cell.problem.k, cell.runner.lam
        self.chunks = cut(self.schedule, self.k)
        self.g = max(len(chunk) for chunk in self.chunks)
        if type(self.schedule).__name__ == "UniformSubset":
            self.chunks = [self.chunks[0]]
        self._outcomes = {}

    def of(self, state):
        if state not in self._outcomes:
            self._outcomes[state] = {o: p for o, p in self.outcomes(state).items() if np.any(p != 0)}
        return self._outcomes[state]

    def called(self, x, chunk, generation=0):
        return answers(self.mutator, x, chunk, self.world, generation)

    # ------------------------------------------------------------------------------------------------------- results

    def reachable(self):
        """For each state that is met its next states, with their probabilities."""
        moves, waiting = {}, [s for s, p in self.begin().items() if s != DONE and np.any(p != 0)]
        while waiting:
            state = waiting.pop()
            if state in moves:
                continue
            moves[state] = {}
            for (_, _, to), p in self.of(state).items():
                moves[state][to] = moves[state].get(to, 0) + p
            waiting += [to for to in moves[state] if to != DONE]
        return moves

    def ends(self, moves):
        """Whether every state that is met leads to the end."""
        good, more = {DONE}, True
        while more:
            more = {s for s, to in moves.items() if s not in good and good & set(to)}
            good |= more
        return len(good) == len(moves) + 1

    def moments(self):
        """Mean and variance of generations and of the hit, and the mean number of short calls; inf where it may be."""
        moves, begin = self.reachable(), {s: p for s, p in self.begin().items() if np.any(p != 0)}
        if not self.ends(moves):
            return (math.inf,) * 5
        found = []
        for clock in (lambda o: 1, lambda o: o[0]):
            first = solve(moves, lambda s, c=clock: sum(p * c(o) for o, p in self.of(s).items()))
            first[DONE] = 0
            second = solve(
                moves,
                lambda s, c=clock, h=first: sum(p * (c(o) ** 2 + 2 * c(o) * h[o[2]]) for o, p in self.of(s).items()),
            )
            second[DONE] = 0
            mean = sum(p * first[s] for s, p in begin.items())
            found.append((mean, sum(p * second[s] for s, p in begin.items())))
        short = solve(moves, lambda s: sum(p * o[1] for o, p in self.of(s).items()))
        short[DONE] = 0
        return (*found[0], *found[1], sum(p * short[s] for s, p in begin.items()))

    def cdfs(self, last):
        """P(generations <= t) and P(hit <= t) for t = 0..last."""
        by_generation, by_call = [0] * (last + 1), [0] * (last + 1)
        now = {(s, 0): p for s, p in self.begin().items() if s != DONE and np.any(p != 0)}
        by_generation[0] = by_call[0] = self.begin().get(DONE, 0)
        for generation in range(1, last + 1):
            after = {}
            for (state, calls), chance in now.items():
                if state == DONE:
                    continue
                for (number, _, to), p in self.of(state).items():
                    if to == DONE:
                        by_generation[generation] = by_generation[generation] + chance * p
                        if calls + number <= last:
                            by_call[calls + number] = by_call[calls + number] + chance * p
                    else:
                        key = (to, min(calls + number, last + 1))
                        after[key] = after.get(key, 0) + chance * p
            now = after
        return sums(by_generation), sums(by_call)

    def paid(self, outcome):
        """Calls paid for in a generation of such an outcome."""
        return self.lam

    def spending(self, most, price):
        """E[generations], E[calls], E[cost] and P(censored) of runs that end once `price(calls, short)` >= most.

        Whole generations are paid for.
        """
        now, ended, generations = {}, [0, 0, 0, 0], 0
        for state, p in self.begin().items():
            if state != DONE and p != 0:
                now[state, 0, 0] = p
        while now:
            generations, after = generations + 1, {}
            for (state, calls, short), chance in now.items():
                for outcome, p in self.of(state).items():
                    to, paid, shorts = outcome[2], calls + self.paid(outcome), short + outcome[1]
                    cost = price(paid, shorts)
                    if to != DONE and cost < most:
                        after[to, paid, shorts] = after.get((to, paid, shorts), 0) + chance * p
                        continue
                    for n, value in enumerate((generations, paid, cost, to != DONE)):
                        ended[n] = ended[n] + chance * p * value
            now = after
        return ended


def sums(values):
    found = []
    for value in values:
        found.append(found[-1] + value if found else value)
    return found


# -------------------------------------------------------------------------------------------------------- one parent


class OneParent(Chain):
    """The (1+lambda)-EA: states are (solution, pointer, generation where calls depend on it)."""

    until = 0
    """Generations after which calls no longer depend on their number; 0: they never do."""

    def begin(self):
        begun = {}
        for x, p in starts(self.truth, self.world.number).items():
            begun[DONE if all(x) else (x, 0, 0)] = p
        return begun

    def outcomes(self, state):
        x, pointer, generation = state
        best = {
            (0, None, False, 0): self.world.number(1)
        }  # hit, best offspring so far, whether fitness moved, short calls
        for number in range(self.lam):
            choices, after = drawn(self.schedule, self.k, x, pointer, number), {}
            for (hit, kept, moved, short), chance in best.items():
                for chunk in choices:
                    shorts, share = short + (len(chunk) < self.g), chance / len(choices)
                    if hit:
                        after[hit, None, False, shorts] = after.get((hit, None, False, shorts), 0) + share
                        continue
                    for child, p in self.called(x, chunk, generation).items():
                        key = (*self.better(x, kept, moved, child, number), shorts)
                        after[key] = after.get(key, 0) + share * p
            best = after
        found = {}
        for (hit, kept, moved, short), chance in best.items():
            if hit:
                key = (hit, short, DONE)
            else:
                to = kept if kept is not None and self.takes(x, kept) else x
                key = (self.lam, short, (to, self.advanced(pointer, moved), min(generation + 1, self.until)))
            found[key] = found.get(key, 0) + chance
        return found

    def better(self, x, kept, moved, child, number):
        if child is INVALID:
            return 0, kept, self.noted(moved or getattr(self.schedule, "invalid", "ignore") == "down")
        if all(child):
            return number + 1, None, False
        f = fitness(self.truth, child)
        moved = self.noted(moved or f != fitness(self.truth, x))
        return 0, child if kept is None or f > fitness(self.truth, kept) else kept, moved

    def noted(self, moved):
        return moved and type(self.schedule).__name__ == "UntilResolved"

    def takes(self, x, child):
        gain = fitness(self.truth, child) - fitness(self.truth, x)
        return self.runner.accept == "always" or (gain >= 0 if self.runner.accept == "weak" else gain > 0)

    def advanced(self, pointer, moved):
        step = {"RoundRobin": 1, "UntilResolved": int(moved)}.get(type(self.schedule).__name__, 0)
        return (pointer + step) % len(self.chunks)


class Repeats(OneParent):
    """The mutator gives, by chance, what it wrote last on the blocks: states are (solution, pointer, what it wrote).

    What was written of a block is 0, 1, None (never) or "no" (malformed). Offspring of a generation repeat what was
    written before it; what the last of them wrote stays.
    """

    def begin(self):
        never = (None,) * self.k
        return {DONE if all(x) else (x, 0, never): p for x, p in starts(self.truth, self.world.number).items()}

    def outcomes(self, state):
        x, pointer, before = state
        rate, inner = self.mutator.rate, self.mutator.inner
        best = {(0, None, before, 0): self.world.number(1)}
        for number in range(self.lam):
            choices, after = drawn(self.schedule, self.k, x, pointer, number), {}
            for (hit, kept, memory, short), chance in best.items():
                for chunk in choices:
                    shorts, share = short + (len(chunk) < self.g), chance / len(choices)
                    if hit:
                        after[hit, None, memory, shorts] = after.get((hit, None, memory, shorts), 0) + share
                        continue
                    ways = [(again(x, before, chunk), memory, rate)]
                    for child, p in answers(inner, x, chunk, self.world).items():
                        ways.append((child, written(memory, child, chunk), (1 - rate) * p))
                    for child, wrote, p in ways:
                        hit_now, kept_now, _ = self.better(x, kept, False, child, number)
                        key = (hit_now, kept_now, wrote, shorts)
                        after[key] = after.get(key, 0) + share * p
            best = after
        found = {}
        for (hit, kept, memory, short), chance in best.items():
            to = kept if kept is not None and self.takes(x, kept) else x
            key = (hit, short, DONE) if hit else (self.lam, short, (to, self.advanced(pointer, False), memory))
            found[key] = found.get(key, 0) + chance
        return found


def again(x, memory, chunk):
    """The answer that is repeated."""
    if any(memory[j] == "no" for j in chunk):
        return INVALID
    child = list(x)
    for j in chunk:
        child[j] = x[j] if memory[j] is None else bool(memory[j])
    return tuple(child)


def written(memory, child, chunk):
    """What is remembered after a new answer."""
    return tuple(
        memory[j] if j not in chunk else "no" if child is INVALID else int(child[j]) for j in range(len(memory))
    )


class HiddenRepeats(OneParent):
    """A wrapper hides some of the answers, which the mutator inside remembers all the same: states as of `Repeats`."""

    begin = Repeats.begin

    def outcomes(self, state):
        x, pointer, memory = state
        (chunk,) = drawn(self.schedule, self.k, x, pointer, 0)
        ways = {}
        for child, wrote, p in self.asked(self.mutator, x, memory, chunk):
            ways[child, wrote] = ways.get((child, wrote), 0) + p
        found = {}
        for (child, wrote), p in ways.items():
            hit, kept, _ = self.better(x, None, False, child, 0)
            to = kept if kept is not None and self.takes(x, kept) else x
            key = (hit, int(len(chunk) < self.g), DONE) if hit else (
                1, int(len(chunk) < self.g), (to, self.advanced(pointer, False), wrote))  # fmt: skip
            found[key] = found.get(key, 0) + p
        return found

    def asked(self, mutator, x, memory, chunk):
        """What is shown, what is remembered, and how likely: the wrappers from the inside out."""
        rate = self.world.number(mutator.rate)
        if type(mutator).__name__ == "Repeating":
            yield again(x, memory, chunk), memory, rate
            for child, p in answers(mutator.inner, x, chunk, self.world).items():
                yield child, written(memory, child, chunk), (1 - rate) * p
            return
        shown, hidden = 1 - rate, x
        if type(mutator).__name__ == "Malformed":
            shown, hidden = shown * (1 - self.world.number(mutator.per_block)) ** len(chunk), INVALID
        for child, wrote, p in self.asked(mutator.inner, x, memory, chunk):
            yield child, wrote, shown * p
            yield hidden, wrote, (1 - shown) * p


class Seen(OneParent):
    """lam = 1, parent and offspring are evaluated afresh: the offspring replaces its parent by chance."""

    def outcomes(self, state):
        x, pointer, _ = state
        found, choices = {}, drawn(self.schedule, self.k, x, pointer, 0)
        for chunk in choices:
            short = int(len(chunk) < self.g)
            for child, p in self.called(x, chunk).items():
                takes = 0 if child is INVALID else self.chance(x, child, chunk)
                for to, chance in ((child, takes), (x, 1 - takes)):
                    key = (1, short, DONE) if to is not INVALID and all(to) else (
                        1, short, (to, self.advanced(pointer, False), 0))  # fmt: skip
                    if to is not INVALID:
                        found[key] = found.get(key, 0) + p * chance / len(choices)
        return found

    def chance(self, x, child, chunk):
        """P(the offspring replaces its parent)."""
        weak, seen = self.runner.accept == "weak", self.problem
        if type(seen).__name__ == "Minibatch":
            samples = list(combinations(range(self.k), seen.size))
            gains = [sum(child[j] for j in some) - sum(x[j] for j in some) for some in samples]
            return sum(gain > 0 or (weak and gain == 0) for gain in gains) / len(samples)
        if type(seen).__name__ == "Noisy":
            gain = fitness(self.truth, child) - fitness(self.truth, x) - self.runner.threshold
            if seen.sigma == 0:
                return float(gain >= 0 if weak else gain > 0)
            return 0.5 * math.erfc(-gain * math.sqrt(seen.samples) / (2 * seen.sigma))
        blocks = chunk if seen.blocks == "changed" else range(self.k)
        old, new = (self.score(y, blocks) for y in (x, child))
        return sum(p * q for a, p in old.items() for b, q in new.items() if b > a or (weak and b == a))

    def score(self, x, blocks):
        """The law of the sum of all judgements "correct"."""
        law = {0: 1.0}
        for j in blocks:
            yes = says_correct(self.problem, x[j])
            for _ in range(self.problem.samples):
                law = {s: law.get(s, 0.0) * (1 - yes) + law.get(s - 1, 0.0) * yes for s in range(max(law) + 2)}
        return law


def says_correct(judged, right):
    """P(the verdict on a block is "correct"), after the votes of the judges."""
    one = 1 - judged.fn if right else judged.fp
    if judged.ahead is not None:
        known = {
            n: {n + 1: one, n - 1: 1 - one} for n in range(-judged.ahead + 1, judged.ahead)
        }  # votes for it less those against
        return solve(known, lambda n: one * (n + 1 == judged.ahead))[0]
    ways = product((True, False), repeat=judged.votes)
    return sum(math.prod(one if yes else 1 - one for yes in way) for way in ways if 2 * sum(way) > judged.votes)


class Lasting(OneParent):
    """Verdicts that last: states are (solution, verdict on each block), and the best seen offspring is current."""

    def begin(self):
        begun = {}
        for x, p in starts(self.truth, self.world.number).items():
            if all(x):
                begun[DONE] = p
                continue
            for said in product((False, True), repeat=self.k):
                begun[x, said] = p * math.prod(self.verdict(right, yes) for right, yes in zip(x, said, strict=True))
        return begun

    def verdict(self, right, said):
        yes = says_correct(self.problem, right)
        return yes if said else 1 - yes

    def outcomes(self, state):
        x, said = state
        best = {None: 1}
        for number in range(self.lam):
            choices, after = drawn(self.schedule, self.k, x, 0, number), {}
            for kept, chance in best.items():
                for chunk in choices:
                    for child, p in self.called(x, chunk).items():
                        for news in product((False, True), repeat=len(chunk)):
                            judged, share = list(said), chance * p / len(choices)
                            for j, yes in zip(chunk, news, strict=True):
                                judged[j], share = yes, share * self.verdict(child[j], yes)
                            better = sum(judged) > (sum(said) if kept is None else sum(kept[1]))
                            key = (child, tuple(judged), number + 1) if better else kept
                            after[key] = after.get(key, 0) + share
            best = after
        found = {}
        for kept, p in best.items():
            done = kept is not None and all(kept[0])
            key = (kept[2], 0, DONE) if done else (self.lam, 0, state if kept is None else kept[:2])
            found[key] = found.get(key, 0) + p
        return found


# ------------------------------------------------------------------------------------------- several solutions, rounds


class Kept(Chain):
    """Runners that keep the best s of old and new: states are the solutions kept, the oldest first."""

    def begin(self):
        founders, begun = len({n for n in self.runner.founders if n >= 0}), {}
        for some in product(starts(self.truth, self.world.number).items(), repeat=founders):
            p = math.prod(chance for _, chance in some)
            state = DONE if any(all(x) for x, _ in some) else (tuple(x for x, _ in some), 0)
            begun[state] = begun.get(state, 0) + p
        return begun

    def outcomes(self, state):
        pool, pointer = state
        made = {(): self.world.number(1)}
        for number in range(self.lam):
            after = {}
            for children, chance in made.items():
                for x, share in self.parents(pool):
                    choices = drawn(self.schedule, self.k, x, pointer, number)
                    for chunk in choices:
                        for child, p in self.called(x, chunk).items():
                            key = (*children, child)
                            after[key] = after.get(key, 0) + chance * share * p / len(choices)
            made = after
        step = (pointer + (type(self.schedule).__name__ == "RoundRobin")) % len(self.chunks)
        found = {}
        for children, p in made.items():
            hit = next((n for n, x in enumerate(children) if x is not INVALID and all(x)), None)
            key = (self.lam, 0, (self.survivors(pool, children), step)) if hit is None else (hit + 1, 0, DONE)
            found[key] = found.get(key, 0) + p
        return found

    def parents(self, pool):
        if getattr(self.runner, "parent", "uniform") == "last":
            return [(pool[-1], 1)]
        weights = [1] * len(pool)
        if getattr(self.runner, "parent", "uniform") == "proportional":
            weights = [fitness(self.truth, x) for x in pool]
            weights = weights if sum(weights) else [1] * len(pool)
        return [(x, Fraction(w, sum(weights)) if self.world.number is Fraction else w / sum(weights))
                for x, w in zip(pool, weights, strict=True)]  # fmt: skip

    def survivors(self, pool, children):
        every = [*pool, *(x for x in children if x is not INVALID)]
        size = len(self.runner.founders)
        best = sorted(range(len(every)), key=lambda n: (-fitness(self.truth, every[n]), n))[:size]
        return tuple(every[n] for n in sorted(best))


class Gridded(Kept):
    """`MapElites`: states are the solutions kept, one a cell at most, in any order."""

    def feature(self, x):
        if self.runner.feature == "pattern":
            return x[: self.runner.cells.bit_length() - 1]
        blocks = self.runner.blocks or self.k
        return sum(x[:blocks]) * self.runner.cells // (blocks + 1)

    def survivors(self, pool, children):
        held = {self.feature(x): x for x in pool}
        for x in children:
            old = None if x is INVALID else held.get(self.feature(x))
            if x is not INVALID and (old is None or fitness(self.truth, x) > fitness(self.truth, old)):
                held[self.feature(x)] = x
        return tuple(sorted(held.values()))


class Rounds(Chain):
    """`Merged`: the calls of a round are on different chunks, and every improvement is kept."""

    def paid(self, outcome):
        return outcome[0]

    def begin(self):
        return {DONE if all(x) else (x, 0): p for x, p in starts(self.truth, self.world.number).items()}

    def outcomes(self, state):
        x, pointer = state
        m = len(self.chunks)
        width = m if self.runner.workers is None else min(self.runner.workers, m)
        if type(self.schedule).__name__ == "OnlyIncorrect":
            some = [chunk for chunk in self.chunks if not all(x[j] for j in chunk)][:width]
        else:
            some = [self.chunks[(pointer + n) % m] for n in range(width)]
        merged = {x: 1}
        for chunk in some:
            after = {}
            for child, p in self.called(x, chunk).items():
                better = child is not INVALID and fitness(self.truth, child) > fitness(self.truth, x)
                for y, chance in merged.items():
                    to = y
                    for j in chunk if better else ():
                        to = put(to, j, child[j])
                    after[to] = after.get(to, 0) + chance * p
            merged = after
        short, found = sum(len(chunk) < self.g for chunk in some), {}
        for y, p in merged.items():
            key = (len(some), short, DONE if all(y) else (y, (pointer + width) % m))
            found[key] = found.get(key, 0) + p
        return found


# ------------------------------------------------------------------------------------------ calls that change with time


class Learns(OneParent):
    """Calls that depend on the number of their generation, which is counted up to where that no longer matters."""

    def __init__(self, cell, world=None):
        super().__init__(cell, world)
        self.until = math.ceil(64 * cell.mutator.halfway)

    def called(self, x, chunk, generation=0):
        return super().called(x, chunk, math.inf if generation == self.until else generation)


class Stored(OneParent):
    """lam = 1, the parent keeps the value it was accepted with: densities of that value on a grid, call by call.

    Only P(hit <= t); the mean is compared with published values elsewhere, the variance is infinite.
    """

    points = 1600

    def moments(self):
        return None if self.problem.sigma else super().moments()

    def cdfs(self, last):
        if self.problem.sigma == 0:
            return super().cdfs(last)
        done = [law.get((True,) * self.k, 0.0) for law, _ in self.solutions(last)]
        return done, done

    def solutions(self, last):
        """After t = 0..last calls P(each solution is current), and P(the call raised the true fitness)."""
        s = self.problem.sigma / math.sqrt(self.problem.samples)
        z = np.linspace(-8.5 * s, self.k + 8.5 * s, self.points)
        step, best = z[1] - z[0], (True,) * self.k

        def seen(x):
            return np.exp(-0.5 * ((z - sum(x)) / s) ** 2) / (s * math.sqrt(2 * math.pi))

        def below(x):
            return np.array([0.5 * math.erfc(-(v - sum(x)) / (s * math.sqrt(2))) for v in z])

        begun = starts(self.truth, float)
        now, done, rise = {x: p * seen(x) for x, p in begun.items() if x != best}, begun.get(best, 0.0), 0.0
        for _ in range(last + 1):
            yield {best: done} | {x: float(density.sum() * step) for x, density in now.items()}, rise
            after, rise = {x: np.zeros(self.points) for x in product((False, True), repeat=self.k)}, 0.0
            for x, density in now.items():
                mass = np.concatenate(([0.0], np.cumsum((density[1:] + density[:-1]) / 2))) * step
                choices = drawn(self.schedule, self.k, x, 0, 0)
                for chunk in choices:
                    for child, p in self.called(x, chunk).items():
                        share = p / len(choices)
                        if child is INVALID:
                            after[x] += share * density
                            continue
                        taken = share * seen(child) * mass
                        after[child] += taken
                        after[x] += share * density * below(child)
                        rise += float(taken.sum() * step) * (sum(child) > sum(x))
            done += float(after.pop(best).sum() * step)
            now = after
