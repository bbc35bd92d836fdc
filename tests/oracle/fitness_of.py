"""The law of the fitness at a budget from the chains on whole solutions of `runs_of`, state by state."""

from __future__ import annotations

import numpy as np
from calls_of import INVALID
from random_cells import worlds
from runs_of import DONE, Stored, drawn, fitness, starts


def fitness_of_state(chain, state):
    """The true fitness of the current solution: the best of those kept, where there are several."""
    if state == DONE:
        return fitness(chain.truth, (True,) * chain.k)
    if type(chain).__name__ in ("Kept", "Gridded"):
        return max(fitness(chain.truth, x) for x in state[0])
    return fitness(chain.truth, state[0])


def fitness_laws(kind, cell, last):
    """For t = 0..last generations a dict of P(each fitness), and for t = 1..last P(f_t > f_{t-1})."""
    world, weights = worlds(cell, 0)
    chain = kind(cell, world)
    if isinstance(chain, Stored) and cell.problem.sigma:
        both = list(chain.solutions(last))
        laws = [{} for _ in both]
        for law, (found, _) in zip(laws, both, strict=True):
            for x, p in found.items():
                law[sum(x)] = law.get(sum(x), 0.0) + p
        return laws, [rise for _, rise in both[1:]]

    if getattr(cell.runner, "accept", "") == "always":
        return without_end(chain, last)

    def number(p):
        return float(p if weights is None else np.sum(p * weights))

    now, laws, rises = dict(chain.begin()), [], []
    for generation in range(last + 1):
        law = {}
        for state, p in now.items():
            f = fitness_of_state(chain, state)
            law[f] = law.get(f, 0.0) + number(p)
        laws.append(law)
        if generation == last:
            return laws, rises
        after, rise = {}, 0.0
        for state, p in now.items():
            if state == DONE:
                after[DONE] = after.get(DONE, 0) + p
                continue
            for (_, _, to), chance in chain.of(state).items():
                after[to] = after.get(to, 0) + p * chance
                if fitness_of_state(chain, to) > fitness_of_state(chain, state):
                    rise += number(p * chance)
        now = after
        rises.append(rise)
    raise AssertionError


def without_end(chain, last):
    """The same where every valid answer is accepted, at the optimum, too: states are (solution, pointer)."""
    now = {(x, 0): p for x, p in starts(chain.truth, float).items()}
    laws, rises = [], []
    for _ in range(last + 1):
        law, after, rise = {}, {}, 0.0
        for (x, pointer), p in now.items():
            f = fitness(chain.truth, x)
            law[f] = law.get(f, 0.0) + p
            choices = drawn(chain.schedule, chain.k, x, pointer, 0)
            for chunk in choices:
                for child, chance in chain.called(x, chunk).items():
                    to = x if child is INVALID else child
                    share = p * chance / len(choices)
                    key = (to, chain.advanced(pointer, False))
                    after[key] = after.get(key, 0.0) + share
                    rise += share * (fitness(chain.truth, to) > f)
        laws.append(law)
        rises.append(rise)
        now = after
    return laws, rises[:last]
