"""Section 3.2: iterative code debugging, Eq. 4 to 11."""

from __future__ import annotations

from itertools import count

from evo.theory.systems.debugging import system_speedup
from experiments.paper.entry import Entry, Outcome, Section, study
from experiments.paper.exact import done, of
from experiments.paper.numbers import Number, said
from problems.systems import FocusedDebugging, NaiveDebugging

K, L, B = 200, 50, 50
LIMIT = 200_000
LONGEST = 1000
"""Functions of naive systems that are run: sums of squares of a longer code leave 64 bits."""
LARGE, CHUNKS = 10_000, (1, 2, 4, 5, 8, 10)
GROWING = (100, 1), (1000, 10), (1_000_000, 1000)


def _qa(system: NaiveDebugging | FocusedDebugging) -> float:
    return of(system, role="qa")


def _debugger(system: NaiveDebugging | FocusedDebugging) -> float:
    return of(system, role="debugger")


def _naive(k: int = K, l: int = L, b: int = B) -> NaiveDebugging:
    return NaiveDebugging(k=k, l=l, b=b)


def _focused(k: int = K, l: int = L, b: int = B) -> FocusedDebugging:
    return FocusedDebugging(k=k, l=l, b=b)


def _last_bug(k: int, l: int) -> int:
    """The most bugs with which the naive system ends within a context of 200,000 tokens."""
    return next(b for b in count(1) if not _ends(k, l, b + 1))


def _ends(k: int, l: int, b: int) -> bool:
    """Whether the naive system repairs so many bugs within that context."""
    return NaiveDebugging(k=k, l=l, b=b, context=LIMIT).expected().done == 1.0


def _ended(k: int) -> str:
    """With how many bugs it just ends, and with how many it does not, of so many functions."""
    most = _last_bug(k, L)
    last, next_ = (done(NaiveDebugging(k=k, l=L, b=b, context=LIMIT)) for b in (most, most + 1))
    return f"ends w.p. {said(last)} with {most} bugs in {k * L:,} tokens of code and w.p. {said(next_)} with {most + 1}"


def _saved(k: int, b: int) -> float:
    """The speed-up of the system, of code that is short enough to be run."""
    if k > LONGEST:
        return Number(system_speedup(k, L, b))
    return of(_naive(k, L, b)) / of(_focused(k, L, b))


def _cached(b: int) -> float:
    """What prompts cost at one price, over what they cost if a cached token is a tenth of it."""
    system = NaiveDebugging(k=K, l=L, b=b, cache=True)
    read, old = of(system, "prompt_tokens"), of(system, "cached_tokens")
    return read / (read - 0.9 * old)


def _other_roles() -> Entry:
    """The exercise that Section 3.2.1 leaves to the reader: ten roles that comment, as QA does."""
    many = 10
    shares = [many * _qa(each) / (many * _qa(each) + _debugger(each)) for each in (_naive(), _focused())]
    return Entry(
        "3.2.1: other roles",
        "An exercise: extend the analysis to the other roles of such systems.",
        Outcome.ANALYSED,
        "A role that reads the transcript in each round and writes a constant message costs what QA costs, one that "
        f"writes the code again what the debugger costs. {many} roles that comment are {shares[0]:.2%} of the naive "
        f"system at k = {K}, l = {L}, b = {B}, and {shares[1]:.0%} of the focused one.",
        study("debugging"),
        fails="A role that cuts the code (`FocusedDebugging(cut=)`) reads all of it: Theta(m_c k l).",
    )


def _one_at_a_time() -> Entry:
    """QA and debugger who are capable of all bugs in one call each."""
    at_once = NaiveDebugging(k=K, l=L, b=1, u=B)
    return Entry(
        "3.2.1: one bug at a time",
        "QA has the capacity to identify exactly one bug at a time, the debugger that to repair one.",
        Outcome.IF,
        f"If one look reports all {B} bugs, a token each, and one rewrite repairs them, the naive system costs "
        f"{said(of(at_once))}: {said(of(_naive()) / of(at_once))} times less than bug by bug, and "
        f"{said(of(at_once) / of(_focused()))} times the focused one.",
        study("debugging"),
        needs="Calls that can do no more, though both see all of the code.",
        fails="Where they can, the debugger's speed-up is about k^2/b, not b k^2: Eq. 11 grows with b by this "
        "assumption.",
    )


def _history() -> Entry:
    """The naive system without its history: each call reads the last version of the code alone."""
    last = B * of(FocusedDebugging(k=1, l=K * L, b=1))
    return Entry(
        "3.2.1: the whole history",
        "All prior versions of the code are fed to each agent, which seems inefficient, but is what frameworks do.",
        Outcome.ANALYSED,
        f"Calls that read the last version alone, and write all of it, cost {said(last)} at k = {K}, l = {L}, b = "
        f"{B}. So of the speed-up of {said(of(_naive()) / of(_focused()))} the history is a factor "
        f"{said(of(_naive()) / last)}, b/3 or so, and rewriting all of the code {said(last / of(_focused()))}.",
        study("debugging"),
    )


def _in_chunks(g: int, head: int) -> float:
    """The focused system on chunks of g functions, each bug in another chunk."""
    return of(FocusedDebugging(k=LARGE // g, l=g * L, b=5, head=head))


def _best_chunk(head: int) -> int:
    return min(CHUNKS, key=lambda g: _in_chunks(g, head))


def _minimal_chunks() -> Entry:
    """How many functions a call should see, by the instructions in front of it."""
    bare, *longer = [(head, _best_chunk(head)) for head in (0, 100, 1000)]
    return Entry(
        "3.2.3: minimal chunks",
        "Solutions should be broken down into the minimal possible bite-sized chunks that can be precisely specified.",
        Outcome.IF,
        f"At k = {LARGE:,}, l = {L}, b = 5 (each bug in another chunk) the best of chunks of "
        f"{', '.join(map(str, CHUNKS[:-1]))} and {CHUNKS[-1]} functions is {bare[1]} without instructions, "
        + ", ".join(
            f"{g} with {head:,} tokens of them in front of a call ({said(_in_chunks(g, head))} in place of "
            f"{said(_in_chunks(1, head))})"
            for head, g in longer
        )
        + ".",
        study("granularity"),
        needs="Instructions and specifications that are short beside a chunk, or bugs in most functions.",
        fails="Where each call reads instructions that are longer than a chunk, the best chunk is not the smallest.",
    )


def section() -> Section:
    """The statements of Section 3.2."""
    naive, focused = _naive(), _focused()
    qa, debugger, system = (part(naive) / part(focused) for part in (_qa, _debugger, of))
    large = [(_naive(k, L, 5), _focused(k, L, 5)) for k in (1000, 10_000)]
    whole = [of(one) / of(two) for one, two in large]
    repairs = [_debugger(one) / _debugger(two) for one, two in large]
    sizes = f"k = {K}, l = {L}, b = {B}"
    dear = NaiveDebugging(k=K, l=L, b=B, m_q=100.0)
    little = FocusedDebugging(k=K, l=L, b=B, m_q=0.1, m_d=0.1)
    run = study("debugging")
    careless = FocusedDebugging(k=K, l=L, b=5, miss=0.1)
    damaging = [NaiveDebugging(k=100, l=L, b=5, keep=keep, rounds=20) for keep in (1.0, 0.99)]
    return Section(
        "Section 3.2: iterative code debugging",
        (
            _other_roles(),
            _one_at_a_time(),
            _history(),
            Entry(
                "Eq. 4",
                "Naive QA reads all versions of the code so far: Theta(m_q b^2 n).",
                Outcome.HOLDS,
                f"n b(b+1)/2 + b(b-1)/2 exactly (a message of one token): {said(_qa(naive))} at {sizes}; twice the "
                f"bugs, {said(_qa(_naive(b=2 * B)) / _qa(naive))} times; twice the functions, "
                f"{said(_qa(_naive(k=2 * K)) / _qa(naive))} times.",
                run,
                fails="It drops the messages and a last look that finds nothing; harmless in Theta.",
            ),
            Entry(
                "Eq. 5",
                "The debugger reads i n tokens and writes n at iteration i: Theta(m_d i n^2).",
                Outcome.HOLDS,
                f"G(i(n+u), n): {said(_debugger(_naive(b=1)))} at the first bug of k = {K}, l = {L}.",
                run,
                fails="The sum has n + 1 terms, where n tokens take n passes (theory 13.10); harmless.",
            ),
            Entry(
                "Eq. 6",
                "Over all bugs Theta(m_d b^2 n^2).",
                Outcome.HOLDS,
                f"{said(_debugger(naive))} at {sizes}; twice the bugs, "
                f"{said(_debugger(_naive(b=2 * B)) / _debugger(naive))} times; twice the functions, "
                f"{said(_debugger(_naive(k=2 * K)) / _debugger(naive))} times.",
                run,
                fails="Under prices per token it is Theta(m_d b^2 n) (theory 13.8).",
            ),
            Entry(
                "Eq. 7",
                "QA and debugger together: Theta(m_q b^2 k l) + Theta(m_d b^2 k^2 l^2).",
                Outcome.HOLDS,
                f"{said(of(naive))}, of which QA takes {_qa(naive) / of(naive):.2%}.",
                run,
            ),
            Entry(
                "3.2.1: shrink the debugger",
                "It is much more important to shrink the debugging expert than the QA engineer, which could be the "
                "biggest LLM there is.",
                Outcome.IF,
                f"In the naive system QA is {_qa(naive) / of(naive):.2%} of the cost, and of a hundred times the size "
                f"{_qa(dear) / of(dear):.2%}; in the focused one "
                f"{_qa(focused) / of(focused):.1%} at {sizes}, and {_qa(large[1][1]) / of(large[1][1]):.0%} at k = "
                f"10,000, "
                "b = 5.",
                run,
                needs="The naive system.",
                fails="In the focused system reading the code once dominates as soon as k is much larger than b l.",
            ),
            Entry(
                "3.2.1, left unsaid",
                "(Transcripts only grow, so providers have read their beginning before.)",
                Outcome.HOLDS,
                f"At a tenth of the price for a cached token the naive system's prompts cost {said(_cached(B))} "
                f"times less at "
                f"{sizes}, {said(_cached(2 * B))} times less with twice the bugs: a constant, the exponent in b "
                f"stays 2 "
                "(theory 18f).",
                run,
            ),
            Entry(
                "Eq. 8",
                "Focused QA looks at each function once: Theta(m_q k l).",
                Outcome.HOLDS,
                f"k l exactly, for one token a message: {said(_qa(focused))}.",
                run,
                needs="QA never errs and nobody looks at a repaired function again.",
            ),
            Entry(
                "Eq. 9",
                "The focused debugger rewrites single functions: Theta(m_d l^2 b).",
                Outcome.HOLDS,
                f"b (3 l^2 + l)/2 exactly: {said(_debugger(focused))}; twice the length of a function, "
                f"{said(_debugger(_focused(l=2 * L)) / _debugger(focused))} times.",
                run,
                needs="Each repair succeeds at the first try.",
                fails="Under prices per token it is Theta(m_d l b) (theory 13.8).",
            ),
            Entry(
                "Eq. 10",
                "Both: Theta(m_q k l) + Theta(m_d l^2 b).",
                Outcome.HOLDS,
                f"{said(of(focused))} at {sizes}: less than one call of the naive debugger.",
                run,
            ),
            Entry(
                "3.2.3: speed-ups of the roles",
                "Theta(b^2) for QA and Theta(b k^2) for the debugger.",
                Outcome.HOLDS,
                f"QA {said(qa)} (b^2/2 = {B * B / 2:,.0f}), debugger {said(debugger)} (b k^2/3 = "
                f"{B * K * K / 3:,.0f}).",
                run,
                needs="Constants 1/2 and 1/3; l large.",
                fails="The debugger's is Theta(b k) under prices per token, and k^3 (b^2 + 3b + 3)/7 for a quadratic "
                "pass.",
            ),
            Entry(
                "3.2.3: smaller models",
                "Focused agents have smaller jobs, so they could be of smaller size.",
                Outcome.HOLDS,
                f"A size is a factor: with m_q = m_d = 0.1 the focused system costs {said(of(little))} in place of "
                f"{said(of(focused))}.",
                run,
                needs="Capability bought by size, which no ledger tells.",
            ),
            Entry(
                '3.2.3: "since n >= b"',
                "The debugger's improvement is likely to dominate, since n >= b.",
                Outcome.IF,
                "What is needed is b^2 <= b k^2; the model has b <= k, at most one bug a function, which gives it "
                "(theory 13.12).",
                run,
                needs="At most one bug a function.",
            ),
            Entry(
                "Eq. 11",
                "The improvement that dominates is Theta(b k^2).",
                Outcome.NOT,
                f"That is the debugger's. The whole system's is {said(system)} at {sizes}; from k = 1,000 to 10,000 "
                f"(l = "
                f"{L}, b = 5) the debugger's grows {said(repairs[1] / repairs[0])} times, to {said(repairs[1])}, the "
                f"system's {said(whole[1] / whole[0])} times, to {said(whole[1])}.",
                run,
                needs="b l much larger than k.",
                fails="At equal sizes the system's is Theta(b^2 k^2 l/(k + b l)), linear in k once reading the code "
                "dominates (theory 13.11).",
            ),
            _minimal_chunks(),
            Entry(
                "3.2.3: industrial codebases",
                "The improvement becomes astronomical as code grows to the size of large industrial codebases.",
                Outcome.HOLDS,
                "The system's, functions of 50 tokens: "
                + ", ".join(f"{said(_saved(k, b))} (k = {k:,}, b = {b:,})" for k, b in GROWING)
                + ".",
                run,
                needs="A naive system that ends at all: its transcripts outgrow every context.",
            ),
            Entry(
                "3.2.3: small codebases",
                "Existing systems may be limited to small codebases by this scaling.",
                Outcome.HOLDS,
                f"With a context of {LIMIT:,} tokens the naive system {_ended(100)}, and {_ended(400)}. The focused "
                f"one ends w.p. {said(done(FocusedDebugging(k=400, l=L, b=400, context=LIMIT)))} with 400 in 20,000.",
                run,
            ),
            Entry(
                "3.2.3: other applications",
                "The same holds wherever large objects are refined iteratively.",
                Outcome.NOT_RUN,
                "An analogy; an object of k parts is a `FocusedDebugging` with other numbers.",
            ),
            Entry(
                "3.2.3: perfect specification",
                "Functions have correct, precise, constant specifications: a strong, critical assumption.",
                Outcome.IF,
                f"If QA overlooks a bug w.p. 0.1, all of 5 bugs are repaired w.p. {said(done(careless))}. If rewriting "
                f"spoils each of 100 functions w.p. 0.01, the naive system is done after 20 rounds w.p. "
                f"{said(done(damaging[1]))} in place of {said(done(damaging[0]))}.",
                run,
                fails="Where a function is not right or wrong by itself.",
            ),
        ),
    )
