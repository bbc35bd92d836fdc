"""The focused multi-agent approach (Section 3.2.2): every call sees one function."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
from numpy.random import Generator

from evo.errors import InputError, NoPrediction
from evo.parameters import flag, positive, probability, whole
from evo.programs import Calls, Desk, Expected, Role, certain, expected_ledger
from evo.protocols import BoolArray, FloatArray, IntArray
from evo.theory.systems.learning import learned_sweeps, learned_with_alarms
from evo.theory.systems.repairs import OneFunction, calls_of_functions, one_function
from evo.theory.times.finite import FiniteLaw
from evo.theory.times.law import TimeLaw
from problems.systems.debugging import Debugging


@dataclass(frozen=True)
class FocusedDebugging(Debugging):
    """QA and debugger see one function a call: Theta(m_q k l) + Theta(m_d l^2 b) (Eq. 8-10).

    QA reads l tokens and writes u, k times; the debugger reads l + u and writes l, once for each report (theory 12c).
    QA looks at all functions, then those that it reported are repaired; a repaired function is looked at again if
    tries remain.

    Attributes:
        tries: most repairs of a function; 1: the paper's, where nobody looks at a repaired function again.
        at_once: whether the calls of a sweep over the functions are made at the same time (Section 5.2). Then no
            call finds in the cache what others of its sweep read.
        cut: tokens written by a call that reads all of the code and says where it is cut into functions (Section
            5.3); 0: an oracle decomposition (Definition 2.4), which costs nothing.
        cut_wrong: chance that the cuts are wrong, which nobody notices, and with it the code.
        m_c: size of the model that cuts.
        memory: tokens of notes that each repair writes and all later ones read (Section 5.5).

    >>> from evo.programs import ENTRIES
    >>> FocusedDebugging(k=6, l=10, b=6, u=3).expected().ledger[:, ENTRIES.index("pass_tokens")].tolist()
    [198, 1050]
    """

    tries: int = 1
    at_once: bool = False
    cut: int = 0
    cut_wrong: float = 0.0
    m_c: float = 1.0
    memory: int = 0

    def __post_init__(self) -> None:
        super().__post_init__()
        for name, least in (("tries", 1), ("cut", 0), ("memory", 0)):
            whole(self, name, least=least)
        flag(self, "at_once")
        positive(self, "m_c")
        probability(self, "cut_wrong")
        if self.at_once and (self.memory or self.fix_end is not None):
            raise InputError(
                "FocusedDebugging: expected at_once = False where repairs learn from those before them (fix_end, "
                "memory), got True; calls made at the same time cannot"
            )
        if self.cut_wrong and not self.cut:
            raise InputError(
                f"FocusedDebugging: expected cut >= 1 where cuts may be wrong (cut_wrong = {self.cut_wrong}), got 0, "
                "an oracle decomposition"
            )

    @property
    def roles(self) -> tuple[Role, ...]:
        """QA and debugger, and who cuts the code if that takes a call."""
        return (*super().roles, *((self._role("cutter", self.m_c),) if self.cut else ()))

    def execute(self, desk: Desk, rng: Generator) -> BoolArray:
        """Whether all functions are correct in the end, bool [runs]."""
        correct = self._code(desk.runs, rng)
        cut_right = self._cut(desk, rng)
        looked = np.ones(correct.shape, dtype=np.bool_)
        repairs = np.zeros(desk.runs, dtype=np.int64)
        for sweep in range(self.tries):
            self._look(desk, looked.sum(axis=1), first=sweep == 0)
            missed, alarmed = self._overlooked(rng, correct.shape), self._alarmed(rng, correct.shape)
            reported = looked & np.where(correct, alarmed, ~missed) & desk.running[:, None]
            number = repairs[:, None] + np.cumsum(reported, axis=1) - 1
            self._repair(desk, reported.sum(axis=1), repairs)
            right = rng.random(correct.shape) < np.where(correct, self.repair_keeps, self.repair_fixes(number))
            correct = np.where(reported, right, correct)
            repairs, looked = repairs + reported.sum(axis=1), reported
            if not looked.any():
                break
        return np.asarray(correct.all(axis=1) & cut_right & desk.running)

    def _cut(self, desk: Desk, rng: Generator) -> BoolArray:
        right = rng.random(desk.runs) >= self.cut_wrong
        if self.cut:
            desk.call("cutter", prompt=self.head + self.n, writes=self.cut)
        return right

    def _look(self, desk: Desk, looks: IntArray, first: bool) -> None:
        """QA looks at so many functions of each run; the votes on one are asked at the same time."""
        calls = looks * self.votes
        new = (calls if self.at_once else np.minimum(calls, self.votes)) if first else 0 * calls
        with desk.together(1 if self.at_once else looks):
            desk.call("qa", self.head + self.l, self.u, times=new)
            desk.call("qa", self.head + self.l, self.u, cached=self.head * self.cache, times=calls - new)

    def _repair(self, desk: Desk, repairs: IntArray, before: IntArray) -> None:
        """The debugger repairs so many functions of each run, after `before` repairs."""
        if self.memory:
            for i in range(int(repairs.max())):
                read, known = self._with_notes(before + i)
                desk.call("debugger", read, self.l + self.memory, cached=known, where=i < repairs)
            return
        new = np.where(before == 0, repairs if self.at_once else np.minimum(repairs, 1), 0)
        prompt = self.head + self.l + self.u
        with desk.together(1 if self.at_once else repairs):
            desk.call("debugger", prompt, self.l, times=new)
            desk.call("debugger", prompt, self.l, cached=self.head * self.cache, times=repairs - new)

    def _with_notes(self, before: IntArray) -> tuple[IntArray, IntArray]:
        """Prompt and cached tokens of the repair after `before` others: notes stand behind the instructions."""
        prompt = self.head + before * self.memory + self.l + self.u
        return prompt, np.where(before > 0, self.head + (before - 1) * self.memory, 0) * self.cache

    # What is expected of it

    def expected(self) -> Expected:
        """The ledger to the last token where nothing varies, else its mean, function by function.

        Raises: NoPrediction where the debugger learns and functions and tries are too many, or the context limits the
            notes.
        """
        stopped = self._stopped()
        if stopped is not None:
            return stopped
        if self.fix_end is not None and self.tries > 1:
            return self._learning()
        functions = self._functions()
        counts = [(self.b, functions[0]), (self.k - self.b, functions[1])]
        looks = sum(number * each.mean_looks for number, each in counts)
        repairs = sum(number * each.mean_repairs for number, each in counts)
        certainly = all(each.repairs.max() == 1.0 for number, each in counts if number)
        calls = [*self._cut_calls(), *self._look_calls(looks), *self._repair_calls(repairs, counts)]
        ledger = expected_ledger(self.roles, calls)
        law = certain(int(ledger[:, 0].sum())) if certainly else self._law(counts)
        waits = [*self._cut_calls(), *self._sweeps(counts)] if self.at_once else calls
        return Expected(ledger, certainly, self._done(*functions), law, "theory 12c, 12d, Eq. 8-10", waits=waits)

    def _sweeps(self, counts: list[tuple[int, OneFunction]]) -> Iterator[Calls]:
        """What is waited for where the calls of a sweep are made at the same time: looks, then repairs if there are."""
        for sweep in range(self.tries):
            going = [(number, min(1.0, float(each.repairs[sweep:].sum()))) for number, each in counts]
            yield self._together(going, Calls("qa", self.head + self.l, self.u), self.votes)
            going = [(number, min(1.0, float(each.repairs[sweep + 1 :].sum()))) for number, each in counts]
            yield self._together(going, Calls("debugger", self.head + self.l + self.u, self.l), 1)

    def _together(self, going: list[tuple[int, float]], call: Calls, votes: int) -> Calls:
        """Calls of one step on functions that are still looked at, so many w.p. so much."""
        if all(chance in (0.0, 1.0) for number, chance in going if number):
            calls = votes * round(sum(number * chance for number, chance in going))
            return replace(call, times=calls, at_once=max(calls, 1))
        return replace(call, times=float(1.0 - np.prod([(1.0 - p) ** number for number, p in going])), at_once=None)

    def _law(self, counts: list[tuple[int, OneFunction]]) -> TimeLaw | None:
        pmf = calls_of_functions(counts, self.votes)
        return None if pmf is None else FiniteLaw.of([0.0] * (self.cut > 0) + pmf.tolist())

    def _stopped(self) -> Expected | None:
        """What is expected where the context does not hold the cutter's call, a look or the first repair."""
        if self.context is None:
            return None
        cutting = self.head + self.n + self.cut if self.cut else 0
        looking = self.head + self.l + self.u
        repairing = looking + self.l + self.memory
        at = next((i for i, length in enumerate((cutting, looking, repairing)) if length > self.context), 3)
        if at == 3:
            most = (self.k if self.alarm else self.b) * self.tries
            if self.memory and repairing + (most - 1) * self.memory > self.context:
                raise NoPrediction("notes may outgrow the context after a number of repairs that varies")
            return None
        silent = self.look_misses**self.b * (1.0 - self.look_alarms) ** (self.k - self.b)  # no repair is asked for
        calls = [*(self._cut_calls() if at > 0 else ()), *(self._look_calls(self.k) if at > 1 else ())]
        ledger = expected_ledger(self.roles, calls)
        done = silent * (1.0 - self.cut_wrong) if at == 2 and self.b == 0 else 0.0
        waits = None if self.at_once else calls
        law = certain(int(ledger[:, 0].sum()))
        return Expected(ledger, True, done, law, "a call is longer than the context", waits=waits)

    def _functions(self) -> tuple[OneFunction, OneFunction]:
        """A function with a bug, and one without."""
        errors = (self.tries, self.look_misses, self.look_alarms, float(self.repair_fixes(np.array(0))))
        return one_function(True, *errors, self.repair_keeps), one_function(False, *errors, self.repair_keeps)

    def _done(self, buggy: OneFunction, clean: OneFunction) -> float:
        if self.fix_end is not None:
            fix = self.repair_fixes(np.arange(self.k))
            errors = self.look_misses, self.look_alarms, fix, self.repair_keeps
            right = learned_with_alarms(self.k, self.b, 1, *errors).done
        else:
            right = buggy.right**self.b * clean.right ** (self.k - self.b)
        return float((1.0 - self.cut_wrong) * right)

    def _learning(self) -> Expected:
        """The same where what a repair comes to depends on how many were made before it.

        Raises: NoPrediction where functions and tries are too many.
        """
        fix = self.repair_fixes(np.arange(self.k * self.tries))
        if self.look_alarms:
            errors = self.look_misses, self.look_alarms, fix, self.repair_keeps
            made = learned_with_alarms(self.k, self.b, self.tries, *errors)
        else:
            made = learned_sweeps(self.b, self.tries, self.look_misses, fix[: self.b * self.tries])
        number = made.number
        mean = float(np.arange(len(number)) @ number)
        calls = [*self._cut_calls(), *self._look_calls(self.k + made.looks_again)]
        repairs = list(self._repairs_with_notes(number) if self.memory else self._plain_repairs(mean, 1.0 - number[0]))
        ledger = expected_ledger(self.roles, [*calls, *repairs])
        certainly = number.max() == 1.0
        before = [0.0] * (self.votes * self.k + (self.cut > 0))
        law = FiniteLaw.of(before + made.weighted(self.votes + 1, 1).tolist())
        done = made.done * (1.0 - self.cut_wrong)
        waits = [*calls, *repairs]
        return Expected(ledger, certainly, done, law, "theory 12c, 12d, Eq. 8-10", waits=waits)

    def _cut_calls(self) -> list[Calls]:
        return [Calls("cutter", self.head + self.n, self.cut)] if self.cut else []

    def _look_calls(self, looks: float) -> list[Calls]:
        new = self.votes * (self.k if self.at_once else 1)
        prompt = self.head + self.l
        known, more = self.head * self.cache, max(0.0, looks * self.votes - new)
        again = Calls("qa", prompt, self.u, more, cached=known, at_once=self.votes)
        return [Calls("qa", prompt, self.u, new, at_once=self.votes), again]

    def _repair_calls(self, repairs: float, counts: list[tuple[int, OneFunction]]) -> Iterator[Calls]:
        """Repairs by what they find in the cache."""
        if self.memory:
            made = calls_of_functions(counts, votes=0)
            if made is None:
                raise NoPrediction("notes after thousands of repairs: the law of their number is too long")
            yield from self._repairs_with_notes(made)
        else:
            yield from self._plain_repairs(repairs, self._first_repairs(counts))

    def _plain_repairs(self, repairs: float, new: float) -> Iterator[Calls]:
        """So many repairs are expected, `new` of which find nothing in the cache."""
        prompt = self.head + self.l + self.u
        yield Calls("debugger", prompt, self.l, new)
        yield Calls("debugger", prompt, self.l, max(0.0, repairs - new), cached=self.head * self.cache)

    def _repairs_with_notes(self, made: FloatArray) -> Iterator[Calls]:
        """One by one, repair i+1 w.p. P(more than i are made)."""
        more = np.append(np.cumsum(made[:0:-1])[::-1], 0.0)
        lengths = zip(*self._with_notes(np.arange(len(made) - 1)), more[:-1], strict=True)
        for c, cached, chance in lengths:
            yield Calls("debugger", int(c), self.l + self.memory, float(chance), cached=int(cached))

    def _first_repairs(self, counts: list[tuple[int, OneFunction]]) -> float:
        """Expected repairs that find nothing in the cache: of the first sweep if at once, else the first one."""
        if self.at_once:
            return float(sum(number * (1.0 - each.repairs[0]) for number, each in counts))
        return float(1.0 - np.prod([each.repairs[0] ** number for number, each in counts]))
