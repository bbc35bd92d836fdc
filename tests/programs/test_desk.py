"""Programs of calls: the desk against a literal token loop, contexts, overflow, steps; models, roles, expectations."""

from dataclasses import dataclass, replace

import numpy as np
import pytest

from evo.errors import InputError
from evo.programs import (
    ENTRIES,
    Calls,
    Catalogue,
    Desk,
    Expected,
    Model,
    Program,
    Role,
    certain,
    expected_ledger,
    size_for,
)
from evo.programs.protocol import Predictable

QA, WRITER = Role("qa", Model()), Role("writer", Model(size=2.0))
LACKS = np.zeros((2, len(ENTRIES)))
LACKS[1, ENTRIES.index("cached_tokens")] = np.nan


def passes(prompt, writes, cached=0, reasoning=0):
    """The ledger of one call, forward pass by forward pass, in Python's whole numbers."""
    read = linear = squared = generated = 0
    context = prompt
    for _ in range(prompt):
        read += 1
    for _ in range(writes):
        linear += context
        squared += context * context
        context += 1
        generated += 1
    return [1, 0, read, generated, linear, squared, cached, reasoning]


def test_ledger_is_a_literal_loop_over_tokens_in_every_run_and_role():
    rng = np.random.default_rng(1)
    desk, counted = Desk((QA, WRITER), runs=7), np.zeros((7, 2, len(ENTRIES)), dtype=object)
    for _ in range(40):
        who = int(rng.integers(2))
        prompt, writes = rng.integers(0, 60, 7), rng.integers(0, 40, 7)
        cached, reasoning = rng.integers(0, prompt + 1), rng.integers(0, writes + 1)
        where, times = rng.random(7) < 0.6, rng.integers(0, 4, 7)
        desk.call(("qa", "writer")[who], prompt, writes, cached=cached, reasoning=reasoning, where=where, times=times)
        for run in np.flatnonzero(where):
            for _ in range(times[run]):
                counted[run, who] += passes(*map(int, (prompt[run], writes[run], cached[run], reasoning[run])))
    assert desk.ledger.dtype == np.int64
    assert desk.ledger.tolist() == counted.tolist()
    assert desk.depth.tolist() == counted[:, :, 0].sum(axis=1).tolist()


def test_one_number_stands_for_all_runs():
    desk = Desk((QA,), runs=3)
    desk.call("qa", prompt=20, writes=9, cached=5, reasoning=4, times=2)
    assert desk.ledger[:, 0].tolist() == [[2 * entry for entry in passes(20, 9, 5, 4)]] * 3


@pytest.mark.parametrize(
    "lengths", [(0, 0), (1, 0), (0, 1), (0, 5), (3, 1), (200, 200), (7, 1000), (7, 1001), (7, 1002)]
)
def test_every_length_is_exact(lengths):
    desk = Desk((QA,), runs=1)
    desk.call("qa", *lengths)
    assert desk.ledger[0, 0].tolist() == passes(*lengths)


def test_large_calls_are_exact_up_to_the_limit_and_refused_beyond():
    c, o = 2**20, 3 * 2**19 + 1
    desk = Desk((QA,), runs=1)
    desk.call("qa", c, o)
    exact = sum((c + t) ** 2 for t in range(o))
    assert 2**61 < exact < 2**63
    assert desk.ledger[0, 0, ENTRIES.index("pass_tokens_squared")] == exact
    with pytest.raises(InputError, match=r"qa: pass_tokens_squared came to 2\^63 or more"):
        desk.call("qa", c, o, times=3)
    with pytest.raises(InputError, match=r"2\^63 or more"):
        desk.call("qa", 2**40, 2**40)
    with pytest.raises(InputError, match=r"2\^63 or more"):
        desk.call("qa", 3, 1, times=2**61)


def test_a_call_beyond_the_context_is_not_made_and_ends_its_run():
    desk = Desk((Role("qa", Model(context=10)), WRITER), runs=3)
    desk.call("qa", prompt=np.array([5, 8, 9]), writes=2)
    assert desk.running.tolist() == [True, True, False]
    desk.call("writer", prompt=100, writes=1)
    assert desk.ledger[:, :, 0].tolist() == [[1, 1], [1, 1], [0, 0]]
    desk.call("qa", prompt=np.array([8, 9, 1]), writes=2, where=np.array([True, False, True]))
    assert desk.running.tolist() == [True, True, False]  # who does not call is not ended
    desk.evaluate()
    assert desk.ledger[:, 0, 1].tolist() == [1, 1, 0]


def test_steps_of_calls_in_turn_and_together():
    desk = Desk((QA, WRITER), runs=2)
    desk.call("qa", 1, 1, times=3)
    with desk.together():
        desk.call("qa", 1, 1, times=5)
        desk.call("writer", 1, 1)
    with desk.together(steps=np.array([2, 4])):
        desk.call("writer", 1, 1, times=4, where=np.array([False, True]))
    assert desk.depth.tolist() == [4, 8]
    with pytest.raises(InputError, match="outside of another one"), desk.together(), desk.together():
        pass
    assert desk.depth.tolist() == [4, 8]


def test_evaluations_are_charged_to_a_role_and_are_no_step():
    desk = Desk((QA, WRITER), runs=2)
    desk.evaluate(times=np.array([1, 2]))
    desk.evaluate("writer", where=np.array([False, True]))
    assert desk.ledger[:, :, 1].tolist() == [[1, 0], [2, 1]]
    assert desk.depth.tolist() == [0, 0]


@pytest.mark.parametrize(
    ("act", "words"),
    [
        (lambda desk: desk.call("QA", 1, 1), r"expected a role of the program \(qa, writer\), got 'QA'"),
        (lambda desk: desk.call("qa", -1, 1), "qa: prompt must be a whole number >= 0"),
        (lambda desk: desk.call("qa", 1.5, 1), "qa: prompt must be a whole number"),
        (lambda desk: desk.call("qa", 1, True), "qa: writes must be a whole number"),
        (lambda desk: desk.call("qa", np.array([1, 2]), 1), r"or int \[3\]"),
        (lambda desk: desk.call("qa", 1, 1, cached=2), "cached must be at most prompt"),
        (lambda desk: desk.call("qa", 1, 1, reasoning=2), "reasoning must be at most writes"),
        (lambda desk: desk.call("qa", 1, 1, where=np.ones(3)), r"where must be bool \[3\]"),
        (lambda desk: desk.call("qa", 1, 1, times=-1), "times must be a whole number >= 0"),
        (lambda desk: desk.evaluate(times=0.5), "times must be a whole number"),
        (lambda desk: desk.call("qa", 2**62, 0), r"qa: prompt must be below 2\^62, got 4611686018427387904"),
        (lambda desk: Desk((QA, QA), 1), "got 'qa' twice"),
        (lambda desk: Desk((), 1), "tuple of one Role or more"),
        (lambda desk: Desk((QA,), 0), "runs must be a whole number >= 1"),
    ],
)
def test_wrong_input_is_told_by_its_name(act, words):
    desk = Desk((QA, WRITER), runs=3)
    with pytest.raises(InputError, match=words):
        act(desk)
    assert not desk.ledger.any()


def test_a_sum_that_would_leave_64_bits_is_refused_and_not_wrapped():
    desk = Desk((QA, WRITER), runs=2)
    desk.call("writer", 2**62 - 1, 0)
    with pytest.raises(InputError, match=r"writer: prompt_tokens came to 2\^63 or more"):
        desk.call("writer", 2**62 - 1, 0, where=np.array([False, True]))
    assert desk.ledger[:, 1, 2].tolist() == [2**62 - 1] * 2


@pytest.mark.parametrize(("times", "entry"), [(2, "pass_tokens_squared"), (1, "prompt_tokens")])
def test_calls_are_refused_from_a_millionth_of_a_millionth_below_the_limit_on(times, entry):
    """Those of one length by their rough bound, the others by what they come to; 1024 is the next float below."""
    half = int(2**63 * (1 - 1e-12)) // 2
    desk, other = Desk((QA,), runs=1), Desk((QA,), runs=1)
    if times == 1:
        desk.call("qa", half, 0)
        other.call("qa", half, 0)
    desk.call("qa", half - 1024 // times, 0, times=times)
    assert desk.ledger[0, 0, ENTRIES.index("prompt_tokens")] == 2 * half - 1024
    with pytest.raises(InputError, match=rf"qa: {entry} came to 2\^63 or more"):
        other.call("qa", half, 0, times=times)


def test_a_catalogue_gives_the_smallest_model_that_has_all_that_a_role_needs():
    models = (Model("large", 10, ("qa", "debug")), Model("small", 1, ("qa",)), Model("other", 2, ("debug",)))
    catalogue = Catalogue(models)
    assert catalogue.cheapest("qa", ("qa",)).name == "small"
    assert catalogue.cheapest("anybody").name == "small"
    assert catalogue.cheapest("both", ("debug", "qa")).name == "large"
    with pytest.raises(
        InputError, match="role 'judge': expected a model with the capability 'law', got none among the 3"
    ):
        catalogue.cheapest("judge", ("qa", "law"))
    with pytest.raises(InputError, match="one model with all the capabilities 'debug', 'qa'"):
        Catalogue(models[1:]).cheapest("both", ("debug", "qa"))
    with pytest.raises(InputError, match="one model with all the capabilities 'art', 'law', got none among the 3"):
        catalogue.cheapest("judge", ("qa", "art", "law"))


ALL = Catalogue((Model("small"), Model("large", 10.0, ("code",))))


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: Role("qa"), "role 'qa': expected a model"),
        (lambda: Role("qa", Model("small"), needs=("qa",)), "role 'qa': expected a model that has the capability 'qa'"),
        (lambda: Role("QA", Model()), "Role: name must be lower-case"),
        (lambda: Role("qa", Model(), needs="qa"), "Role: needs must be a tuple of words"),
        (lambda: Model(size=-1), "Model: size must be a finite number > 0"),
        (lambda: Model(size=0), "Model: size must be a finite number > 0"),
        (lambda: Model(context=0), "Model: context must be a whole number >= 1"),
        (lambda: Model(capabilities="qa"), "Model: capabilities must be a tuple of words"),
        (lambda: Model(name=3), "Model: name must be a word"),
        (lambda: Catalogue([Model()]), "Catalogue: models must be a tuple of one Model or more"),
        (lambda: Catalogue(()), "Catalogue: models must be a tuple of one Model or more"),
        (lambda: ALL.cheapest(("code",)), "Catalogue.cheapest: role must be the name of a role"),
        (lambda: ALL.cheapest(["code"]), "Catalogue.cheapest: role must be the name of a role"),
        (lambda: ALL.cheapest(None), "Catalogue.cheapest: role must be the name of a role"),
        (lambda: ALL.cheapest("qa", "code"), "Catalogue.cheapest: needs must be a tuple of words"),
        (
            lambda: Role("qa", Model(), needs=("qa",)),
            r"Catalogue\(\(...\)\).cheapest\('qa', \('qa',\)\) finds the smallest",
        ),
        (lambda: Role("weight", Model()), "expected a name that heads no other columns of the tables, got 'weight'"),
        (lambda: size_for(-1.0, 3), "size_for: base must be a finite number > 0"),
        (lambda: size_for(1.0, 0), "size_for: tasks must be a finite number >= 1"),
        (lambda: expected_ledger((QA,), [Calls("writer", 1, 1)]), "expected a role of the program"),
        (lambda: Calls("qa", -1, 2), "Calls: prompt must be a whole number >= 0, got -1"),
        (lambda: Calls("qa", 1, 2, times=-0.5), "Calls: qa: times must be a number >= 0, got -0.5"),
        (lambda: Calls("qa", 1, 2, cached=3), "Calls: qa: cached must be at most prompt = 1"),
        (lambda: Calls("qa", 1, 2, at_once=0), "Calls: at_once must be a whole number >= 1"),
        (lambda: Expected(np.zeros((1, 3)), True), "Expected: ledger must be whole numbers >= 0"),
        (lambda: Expected(expected_ledger((QA,), [Calls("qa", 1, 1, 0.5)]), True), "Expected: ledger must be whole"),
        (lambda: Expected(expected_ledger((QA,), []), True, done=1.5), "done must be a probability"),
        (lambda: Calls("qa", 1, 1, -1e-11), "qa: times must be a number >= 0, got -1e-11"),
        (lambda: Expected(LACKS, False), "finite numbers, got nan for cached_tokens of the role in row 1"),
        (lambda: size_for(1e15, tasks=2), "sizes are at most 1e\\+15, got"),
    ],
)
def test_wrong_parts_are_told_by_their_key(make, words):
    with pytest.raises(InputError, match=words):
        make()


def test_what_rounding_leaves_out_of_range_is_taken():
    assert Calls("qa", 1, 1, -1e-13).times == -1e-13
    assert [Expected(expected_ledger((QA,), []), True, done=done).done for done in (-1e-13, 1 + 1e-13)] == [0.0, 1.0]
    assert size_for(1e15, tasks=1) == Model(size=1e15).size == 1e15


@pytest.mark.parametrize(
    ("base", "tasks", "exponent", "size"),
    [(2.0, 9, 0.0, 2.0), (2.0, 4, -0.5, 1.0), (3, 1, 5.0, 3.0), (2.0, 3, 2, 18.0)],
)
def test_any_exponent_is_a_size_and_all_are_one_for_one_task(base, tasks, exponent, size):
    assert size_for(base, tasks, exponent) == size


def test_an_expected_ledger_is_the_sum_over_its_calls():
    ledger = expected_ledger(
        (QA, WRITER),
        [Calls("qa", 20, 9, 3, cached=5), Calls("qa", 4, 2, reasoning=1), Calls("writer", 3, 8, 2)],
        {"qa": 6},
    )
    qa = np.array(passes(20, 9, 5)) * 3 + passes(4, 2, 0, 1)
    qa[1] += 6
    assert ledger.dtype == np.int64
    assert ledger.tolist() == [qa.tolist(), (2 * np.array(passes(3, 8))).tolist()]
    mean = expected_ledger((QA,), [Calls("qa", 20, 9, 2.5)])
    assert mean.dtype == np.float64
    assert mean[0].tolist() == (2.5 * np.array(passes(20, 9))).tolist()
    assert expected_ledger((QA,), [Calls("qa", 2**20, 2**20)])[0, 5] == sum((2**20 + t) ** 2 for t in range(2**20))
    with pytest.raises(InputError, match="more than 64-bit numbers hold"):
        expected_ledger((QA,), [Calls("qa", 2**21, 2**21)])


def test_a_certain_number_of_calls_is_a_law():
    assert (certain(5).mean, certain(5).variance, certain(5).tail([4, 5]).tolist()) == (5.0, 0.0, [1.0, 0.0])
    assert certain(0).mean == 0.0


@dataclass(frozen=True)
class Retried:
    """The smallest program: a writer writes n tokens, qa reads them, until they are right, at most `most` times."""

    n: int = 10
    p: float = 0.5
    most: int = 3
    qa: Role = QA
    writer: Role = WRITER

    @property
    def roles(self):
        return (self.qa, self.writer)

    def execute(self, desk, rng):
        done = np.zeros(desk.runs, dtype=np.bool_)
        for _ in range(self.most):
            open_ = ~done
            desk.call("writer", prompt=5, writes=self.n, where=open_)
            desk.call("qa", prompt=self.n, writes=1, where=open_)
            done |= rng.random(desk.runs) < self.p
        return done

    def expected(self):
        tries = sum((1 - self.p) ** i for i in range(self.most))
        ledger = expected_ledger(self.roles, [Calls("writer", 5, self.n, tries), Calls("qa", self.n, 1, tries)])
        return Expected(ledger, False, done=1 - (1 - self.p) ** self.most)


def test_a_program_executes_many_runs_at_once_and_knows_its_mean():
    program, runs = Retried(), 200_000
    assert isinstance(program, Program)
    assert isinstance(program, Predictable)
    desk = Desk(program.roles, runs)
    done = program.execute(desk, np.random.default_rng(1))
    tries = np.minimum(np.random.default_rng(1).random((program.most, runs)) < program.p, 1)
    first = np.where(tries.any(axis=0), tries.argmax(axis=0) + 1, program.most)
    assert (desk.ledger[:, 1] == np.outer(first, passes(5, 10))).all()
    expected = program.expected()
    # sd of the tries is 0.83 a run: the mean of 200,000 is within 5 sd = 0.0093 but for one seed in 1.7 million
    assert abs(desk.ledger[:, 1, 0].mean() - expected.ledger[1, 0]) < 5 * 0.83 / runs**0.5
    assert abs(done.mean() - expected.done) < 5 * (0.875 * 0.125 / runs) ** 0.5
    wrong = replace(program, p=0.49).expected()  # the twin: one percentage point is found
    assert abs(desk.ledger[:, 1, 0].mean() - wrong.ledger[1, 0]) > 5 * 0.83 / runs**0.5
