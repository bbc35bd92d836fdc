"""Section 3.1: k-task routing, Eq. 1 to 3."""

from __future__ import annotations

from experiments.paper.entry import Entry, Outcome, Section, study
from experiments.paper.exact import CALLS, done, of
from experiments.paper.numbers import said
from problems.systems import Generalist, Routing

K, N, H = 100, 1000, 10
MANY = 5000


def _speedup(k: int, n: int = N, h: int = H, m_d: float | None = None) -> float:
    return of(Generalist(k=k, n=n)) / of(Routing(k=k, n=n, h=h, o_d=1, m_d=m_d))


def _with_exponent(x: float) -> float:
    """The speed-up where size grows with tasks by an exponent, for a long input."""
    return of(Generalist(k=K, n=10**8, x=x)) / of(Routing(k=K, n=10**8, h=H, x=x, o_d=1))


def _smaller(n: int) -> tuple[float, float]:
    """What a delegator, and specialists, of a tenth of the size save."""
    whole = of(Routing(k=K, n=n, h=H))
    return whole / of(Routing(k=K, n=n, h=H, m_d=K / 10)), whole / of(Routing(k=K, n=n, h=H, m_d=K, m_s=0.1))


def _equal_sizes() -> Entry:
    """Specialists of all tasks, alike or one of them for most."""
    alike, uneven = (Routing(k=K, n=N, h=H, serves=serves) for serves in ((10,) * 10, (60,) + (10,) * 4))
    answers = [of(each) - of(each, role="delegator") for each in (alike, uneven)]
    return Entry(
        "3.1.2: specialists of equal size",
        "For simplicity, all specialists are of the same size.",
        Outcome.IF,
        f"{K} tasks by ten specialists of ten tasks each: {said(answers[0])} an answer, delegator apart; by one of 60 "
        f"and four of ten {said(answers[1])} on average, since most requests go to the large one.",
        study("routing"),
        needs="Each task as frequent as the others, and size linear in tasks.",
    )


def section() -> Section:
    """The statements of Section 3.1."""
    system = Routing(k=K, n=N, h=H)
    short, long = _smaller(N), _smaller(100 * N)
    tried = Routing(k=K, n=N, h=H, wrong=0.1, seen=1.0, attempts=10)
    blind = Routing(k=K, n=N, h=H, wrong=0.1)
    run = study("routing")
    return Section(
        "Section 3.1: k-task routing",
        (
            Entry(
                "Eq. 1",
                "A generalist of size m_g reads n tokens and gives a constant answer: Theta(m_g n).",
                Outcome.HOLDS,
                f"m_g n exactly, for an answer of one token: {said(of(Generalist(k=K, n=N)))} at k = {K} (m_g = {K}), "
                f"n = {N:,}; twice that at n = {2 * N:,}: {said(of(Generalist(k=K, n=2 * N)))}.",
                run,
            ),
            _equal_sizes(),
            Entry(
                "Eq. 2",
                "Delegator and specialist: Theta(m_d) + Theta(m_s n).",
                Outcome.HOLDS,
                f"m_d h + m_s n = {said(of(system))} at h = {H}: {said(of(system, role='delegator'))} for the "
                f"delegator "
                f"and {said(of(system, role='specialist'))} for the specialist.",
                run,
                needs="The metadata have a constant length. To name one of k tasks takes log k bits, read and written.",
            ),
            Entry(
                "3.1.3: m_d <= m_g",
                "Solving all k tasks requires identifying the task, so the delegator is no larger than the generalist.",
                Outcome.IF,
                "A parameter of the program (`m_d`), by default m_d = m_g, the worst that the paper allows; all "
                f"numbers here are for it. At k = {K}, n = {N:,}, h = {H} a request costs {said(of(system))} so, and "
                f"{said(of(Routing(k=K, n=N, h=H, m_d=1.0)))} with a delegator as small as a specialist.",
                run,
                needs="Identifying is no harder than solving.",
            ),
            Entry(
                "Eq. 3",
                "With m_g = Theta(k m_s) the speed-up of delegation is linear in the number of tasks.",
                Outcome.IF,
                f"At n = {N:,}, h = {H} it is "
                f"{', '.join(f'{said(_speedup(k))} (k = {k:,})' for k in (10, 100, 1000, 10_000))}"
                f"; at n = 10^8 {said(_speedup(10_000, 10**8), 5)} for k = 10,000.",
                run,
                needs="n much larger than k h, if the delegator is as large as the generalist (theory 13.9); and size "
                "linear in tasks, which is assumed.",
                fails=f"At fixed n the speed-up saturates at n/h = {N // H}, whatever k is.",
            ),
            Entry(
                "3.1.3: size scales with capabilities",
                "From neural scaling laws the required size scales with the number of capabilities, say linearly.",
                Outcome.IF,
                f"An assumption, the exponent x of m = m_s k^x: at k = {K}, n = 10^8 the speed-up is "
                f"{said(_with_exponent(1.0))} for x = 1, {said(_with_exponent(0.5))} for x = 1/2, "
                f"{said(_with_exponent(0.0))} for x = 0.",
                run,
                needs="Tasks that share nothing; the scaling laws do not imply it (theory 13.9).",
                fails="Where one more task costs a large model next to nothing: then there is no speed-up.",
            ),
            Entry(
                "3.1.3: thousands of tasks",
                "Systems are to tackle thousands of tasks, if not more: the advantage of specialists becomes enormous.",
                Outcome.IF,
                f"At k = {MANY:,}, n = {N:,}, h = {H} it is {said(_speedup(MANY))} where the delegator is as large as "
                f"the generalist, and {said(_speedup(MANY, m_d=1.0))} where it is as small as a specialist.",
                run,
                needs="A delegator much smaller than the generalist, or n much larger than k h.",
            ),
            Entry(
                "3.1.3: shrink the specialists",
                "It is more impactful to shrink specialists than the delegator: it is called so few times; a giant "
                "delegator is okay.",
                Outcome.IF,
                f"A delegator of a tenth of the size saves a factor {said(short[0])} at n = {N:,} = k h and "
                f"{said(long[0])} at n = {100 * N:,}; specialists of a tenth save {said(short[1])} and "
                f"{said(long[1])}.",
                run,
                needs="n much larger than k h.",
                fails="The delegator is not called fewer times: once a request, as a specialist is. It reads h tokens, "
                "not n. For k beyond n/h a giant delegator is most of the cost.",
            ),
            Entry(
                "3.1.3: an ecology of small models",
                "An optimal ecology has orders of magnitude more executions of smaller models than of larger ones.",
                Outcome.NOT,
                f"A request takes {of(system, CALLS, 'delegator'):g} call of the delegator and "
                f"{of(system, CALLS, 'specialist'):g} of a specialist. In tokens read it is {H} against {N:,}.",
                run,
                needs="Executions counted by what they read, or answers that are long.",
            ),
            Entry(
                "3.1, left unsaid",
                "(Routes that are wrong.)",
                Outcome.IF,
                f"A delegator that is wrong w.p. 0.1 gives the right answer w.p. {said(done(blind))}; if a "
                f"wrong specialist says so and the delegator is asked again, w.p. {said(done(tried))} at "
                f"{said(of(tried) / of(system))} times the cost.",
                run,
                needs="Routes are never wrong, which the paper takes for granted.",
            ),
        ),
    )
