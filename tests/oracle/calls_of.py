"""What one call makes of a solution, from the parameters that the mutator declares and nothing else of the product.

Probabilities are of any kind of number: floats, fractions, or an array with an entry for each trait that a run draws.
"""

from __future__ import annotations

import math
from itertools import combinations, product

INVALID = None


class World:
    """The kind of number, and what a run draws of its own: `quality`, or `difficulty` a block (arrays of numbers)."""

    def __init__(self, number=float, quality=None, difficulty=None):
        self.number, self.quality, self.difficulty = number, quality, difficulty


def mixed(*parts):
    """A mixture of outcomes: pairs of a weight and a dict."""
    found = {}
    for weight, outcomes in parts:
        for outcome, chance in outcomes.items():
            found[outcome] = found.get(outcome, 0) + weight * chance
    return found


def answers(mutator, solution, blocks, world, generation=0):
    """The offspring of a call on the blocks, with their probabilities; `INVALID` is malformed output."""
    kind = type(mutator).__name__
    if kind in WRAPPERS:
        return WRAPPERS[kind](mutator, solution, blocks, world, generation)
    if kind == "BetaQuality":
        return beta_quality(mutator, solution, blocks, world)
    if kind == "FromLog":
        return logged(mutator, solution, blocks, world)
    if kind == "Measured":
        return measured(mutator, solution, blocks, world)
    return each_on_its_own(solution, blocks, lambda j: chance_of(mutator, solution[j], j, blocks, world, generation))


def each_on_its_own(solution, blocks, chance):
    found = {solution: 1}
    for j in blocks:
        right = chance(j)
        found = mixed((right, {put(x, j, True): p for x, p in found.items()}),
                      (1 - right, {put(x, j, False): p for x, p in found.items()}))  # fmt: skip
    return found


def put(solution, j, bit):
    return (*solution[:j], bit, *solution[j + 1 :])


def chance_of(mutator, correct, j, blocks, world, generation):
    """P(block j is correct after a call of a mutator that treats blocks on their own)."""
    n, kind = world.number, type(mutator).__name__
    if kind == "Resample":
        return n(mutator.p)
    if kind == "FixKeep":
        return n(mutator.keep if correct else mutator.fix)
    if kind == "PerBlock":
        return n(mutator.p[j])
    if kind == "Decaying":
        return n(mutator.table[len(blocks) - 1])
    if kind == "Fading":
        return n(mutator.keep if correct else mutator.fix / len(blocks) ** mutator.exponent)
    if kind == "Halving":
        return n(mutator.p * 2 ** (-(len(blocks) - 1) / mutator.half))
    if kind == "BetaRunQuality":
        return world.quality
    if kind == "BetaBlocks":
        return world.difficulty[j]
    assert kind == "Learning", kind
    return n(mutator.end - (mutator.end - mutator.start) * 2 ** (-generation / mutator.halfway))


def beta_quality(mutator, solution, blocks, world):
    """Given the quality q of the call each block is correct w.p. q: E[q^x (1-q)^(g-x)] by rising factorials."""
    a, b, found = world.number(mutator.a), world.number(mutator.b), {}
    for bits in product((False, True), repeat=len(blocks)):
        x, chance = sum(bits), 1
        for i in range(len(blocks)):
            chance = chance * ((a + i) if i < x else (b + i - x)) / (a + b + i)
        child = list(solution)
        for j, bit in zip(blocks, bits, strict=True):
            child[j] = bit
        found[tuple(child)] = chance
    return found


def measured(mutator, solution, blocks, world):
    """Repairs and keeps of a call, each a Polya urn: P(next | x of n so far) = (p (1-rho) + rho x)/(1-rho + rho n)."""
    n, g, found = world.number, len(blocks), {solution: 1}
    for correct, table, rho in ((False, mutator.fix, n(mutator.rho_fix)), (True, mutator.keep, n(mutator.rho_keep))):
        p, some = n(interpolated(table, g)), [j for j in blocks if bool(solution[j]) is correct]
        outcomes = {}
        for bits in product((False, True), repeat=len(some)):
            x, chance = 0, 1
            for drawn, bit in enumerate(bits):
                spread = 1 - rho + rho * drawn
                right = (p * (1 - rho) + rho * x) / spread if spread else p
                chance, x = chance * (right if bit else 1 - right), x + bit
            outcomes[bits] = chance
        later = {}
        for child, before in found.items():
            for bits, chance in outcomes.items():
                after = list(child)
                for j, bit in zip(some, bits, strict=True):
                    after[j] = bit
                later[tuple(after)] = later.get(tuple(after), 0) + before * chance
        found = later
    return found


def logged(mutator, solution, blocks, world):
    """Each logged call in turn, and each choice of the blocks that it repairs and breaks alike."""
    wrong, right = [j for j in blocks if not solution[j]], [j for j in blocks if solution[j]]
    rows = [row for row in mutator.log if row[:2] == (len(blocks), len(wrong))]
    total, found = sum(row[4] for row in rows), {}
    for _, _, repaired, broken, calls in rows:
        ways = list(product(combinations(wrong, repaired), combinations(right, broken)))
        for repairs, breaks in ways:
            child = list(solution)
            for j in (*repairs, *breaks):
                child[j] = j in repairs
            child = tuple(child)
            found[child] = found.get(child, 0) + world.number(calls) / total / len(ways)
    return found


def interpolated(table, g):
    """A table at g: odds are geometric in log g between two lengths, those of the nearest beyond them."""
    below, above = [e for e in table if e[0] <= g], [e for e in table if e[0] >= g]
    if not below or not above:
        return (below[-1] if below else above[0])[1]
    (low, p), (high, q) = below[-1], above[0]
    if low == high or p == q:
        return p
    odds = (p / (1 - p)) ** (math.log(high / g) / math.log(high / low)) * (q / (1 - q)) ** (
        math.log(g / low) / math.log(high / low)
    )
    return odds / (1 + odds)


# ------------------------------------------------------------------------------------------------------------- wrappers


def refuse(mutator, solution, blocks, world, generation):
    rate = world.number(mutator.rate)
    return mixed((rate, {solution: 1}), (1 - rate, answers(mutator.inner, solution, blocks, world, generation)))


def malformed(mutator, solution, blocks, world, generation):
    rate, each = world.number(mutator.rate), world.number(mutator.per_block)
    valid = 1 - rate
    for _ in blocks:
        valid = valid * (1 - each)
    return mixed((valid, answers(mutator.inner, solution, blocks, world, generation)), (1 - valid, {INVALID: 1}))


def sparse(mutator, solution, blocks, world, generation):
    rate = world.number(mutator.rate)
    parts = []
    for child, chance in answers(mutator.inner, solution, blocks, world, generation).items():
        if child is INVALID:
            parts.append((chance, {INVALID: 1}))
            continue
        differ = [j for j in range(len(solution)) if child[j] != solution[j]]
        taken = {solution: 1}
        for j in differ:
            taken = mixed((rate, {put(x, j, child[j]): p for x, p in taken.items()}), (1 - rate, taken))
        parts.append((chance, taken))
    return mixed(*parts)


def spill(mutator, solution, blocks, world, generation):
    rate, parts = world.number(mutator.rate), []
    for child, chance in answers(mutator.inner, solution, blocks, world, generation).items():
        broken = {child: 1}
        for j in range(len(solution)):
            if child is not INVALID and j not in blocks and child[j]:
                broken = mixed((rate, {put(x, j, False): p for x, p in broken.items()}), (1 - rate, broken))
        parts.append((chance, broken))
    return mixed(*parts)


def misaligned(mutator, solution, blocks, world, generation):
    rate, k = world.number(mutator.rate), len(solution)
    missed = [(j + mutator.by) % k for j in blocks]
    return mixed((1 - rate, answers(mutator.inner, solution, blocks, world, generation)),
                 (rate, answers(mutator.inner, solution, missed, world, generation)))  # fmt: skip


def vote(mutator, solution, blocks, world, generation):
    (j,) = blocks
    wins, _ = votes(mutator, solution, j, world)
    return {put(solution, j, True): wins, put(solution, j, False): 1 - wins}


def votes(mutator, solution, j, world):
    """P(the right answer wins), and the expected calls of an answer on block j."""
    inner = answers(mutator.inner, solution, [j], world)
    right = sum(p for x, p in inner.items() if x is not INVALID and x[j])
    wrong = sum(p for x, p in inner.items() if x is not INVALID and not x[j])
    lead, copied = mutator.ahead, world.number(mutator.copied)
    each = 1
    if type(mutator.inner).__name__ == "Vote":
        each = votes(mutator.inner, solution, j, world)[1]
    first = right / (right + wrong)
    calls_copied = 1 / (right + wrong) + lead - 1

    def moves(state):  # votes for the right answer, and for the strongest wrong one
        if mutator.wrong == "distinct":
            return {(state[0] + 1, state[1]): right, (state[0], 1): wrong}
        low = min(state[0], state[1])
        return {(state[0] + 1 - low, state[1] - low): right, (state[0] - low, state[1] + 1 - low): wrong}

    def over(state):
        return abs(state[0] - state[1]) >= lead

    known, waiting = {}, [(0, 0)]
    while waiting:
        state = waiting.pop()
        if state not in known and not over(state):
            known[state] = {to: p for to, p in moves(state).items() if p != 0}
            waiting += known[state]
    ends = solve(known, lambda s: sum(p for to, p in known[s].items() if over(to) and to[0] > to[1]))
    calls = solve(known, lambda s: 1)
    wins = copied * first + (1 - copied) * ends[0, 0]
    return wins, each * (copied * calls_copied + (1 - copied) * calls[0, 0])


WRAPPERS = {
    "Refuse": refuse,
    "Malformed": malformed,
    "Sparse": sparse,
    "Spill": spill,
    "Misaligned": misaligned,
    "Vote": vote,
}


# ------------------------------------------------------------------------------------------------------ linear systems


def solve(moves, reward):
    """The expected sum of rewards until the end: h_s = reward_s + sum_t P(s, t) h_t, by elimination.

    What is not among the keys of `moves` is an end. Nothing is subtracted: a state is left with the probability that
    its moves to others sum to, never with 1 minus something.
    """
    order = list(moves)
    place = {state: n for n, state in enumerate(order)}
    step = [{place[to]: p for to, p in moves[s].items() if to in place and place[to] != n} for n, s in enumerate(order)]
    out = [sum(p for to, p in moves[s].items() if to not in place) for s in order]
    value = [reward(s) for s in order]
    for n in range(len(order) - 1, -1, -1):
        row = {m: p for m, p in step[n].items() if m < n}
        left = out[n] + sum(row.values())
        step[n] = {m: p / left for m, p in row.items()}
        out[n], value[n] = out[n] / left, value[n] / left
        for i in range(n):
            if n in step[i]:
                via = step[i].pop(n)
                for m, p in step[n].items():
                    if m != i:
                        step[i][m] = step[i].get(m, 0) + via * p
                out[i], value[i] = out[i] + via * out[n], value[i] + via * value[n]
    # now each state goes to earlier ones only
    for n in range(len(order)):
        for m, p in step[n].items():
            value[n] = value[n] + p * value[m]
    return {state: value[n] for n, state in enumerate(order)}


def logit_nodes(a, b, step, low, high):
    """Nodes and weights of E[f(p)], p ~ Beta(a, b): the trapezoidal rule in y = ln(p/(1-p)), written anew."""
    count = math.ceil((high - low) / step)
    places = [low + step * n for n in range(count + 1)]
    logs = [-a * softplus(-y) - b * softplus(y) for y in places]
    most = max(logs)
    weights = [math.exp(log - most) for log in logs]
    total = math.fsum(weights)
    return [min(math.exp(-softplus(-y)), 1 - 2**-53) for y in places], [w / total for w in weights]


def softplus(x):
    return max(x, 0.0) + math.log1p(math.exp(-abs(x)))
