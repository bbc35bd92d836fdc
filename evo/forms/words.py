"""Solutions as words: block i is bit i % 64 of word i // 64, set if it is correct; the bits beyond k are 0."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from evo.protocols import BoolArray, IntArray

Words = NDArray[np.uint64]
BITS = 64
DIGITS = 53
"""Of a probability: u < p for a float u in [0, 1) has the chance ceil(p 2^53) / 2^53, and so have these words."""
DENSE = 8
"""Digits for which all words are drawn; after that few have a block that is not decided yet."""
EXACT = 2**24 // BITS
"""Words of which float32 adds the blocks exactly."""
ALL = np.uint64(2**64 - 1)
HALF_WORD = 2**16
"""Numbers that 16 bits tell apart."""


def words_for(k: int) -> int:
    """Words that k blocks take."""
    return -(-k // BITS)


def used_bits(k: int) -> Words:
    """Of each word the bits that are blocks, uint64 [w]."""
    mask = np.full(words_for(k), ALL)
    if k % BITS:
        mask[-1] = np.uint64(2 ** (k % BITS) - 1)
    return mask


def packed(correct: BoolArray) -> Words:
    """Bool [..., k] -> uint64 [..., w].

    >>> packed(np.array([[True, False, True]])).tolist()
    [[5]]
    """
    octets = np.zeros((*correct.shape[:-1], words_for(correct.shape[-1]) * 8), dtype=np.uint8)
    some = np.packbits(correct, axis=-1, bitorder="little")
    octets[..., : some.shape[-1]] = some
    return octets.view("<u8").astype(np.uint64, copy=False)


def unpacked(words: Words, k: int) -> BoolArray:
    """uint64 [..., w] -> bool [..., k].

    >>> unpacked(np.array([[5]], dtype=np.uint64), 3).tolist()
    [[True, False, True]]
    """
    octets = np.ascontiguousarray(words).astype("<u8", copy=False).view(np.uint8)
    return np.unpackbits(octets, axis=-1, count=k, bitorder="little").view(np.bool_)


def bits_set(words: Words) -> IntArray:
    """Correct blocks, uint64 [..., w] -> int64 [...]."""
    counts: NDArray[np.uint8] = np.bitwise_count(words)
    width = words.shape[-1]
    if width == 1:
        return np.asarray(counts[..., 0], dtype=np.int64)
    if width > EXACT:
        return np.asarray(counts.sum(axis=-1, dtype=np.int64))
    total = counts.astype(np.float32) @ np.ones(width, dtype=np.float32)  # in a third of the time
    return np.asarray(total).astype(np.int64)


def random_words(shape: tuple[int, ...], rng: Generator) -> Words:
    """Words whose bits are fair coins."""
    return rng.integers(0, ALL, size=shape, dtype=np.uint64, endpoint=True)


def chance_words(p: float, shape: tuple[int, ...], rng: Generator) -> Words:
    """Words whose bits are set independently w.p. p, exactly as often as `rng.random() < p` holds.

    The digits of 64 uniform numbers at once, from the first: one is below p as soon as a digit is less than that of p.
    One word for p = 1/2, on average about two a block that is not decided for other p.

    >>> bool((chance_words(1.0, (2,), np.random.default_rng(1)) == ALL).all())
    True
    """
    digits = math.ceil(p * 2.0**DIGITS)
    below, open_ = np.zeros(shape, dtype=np.uint64), np.full(shape, ALL)
    if digits >= 2**DIGITS:
        return open_
    if 2 * digits == 2**DIGITS:
        return random_words(shape, rng)
    last = (digits & -digits).bit_length() - 1 if digits else DIGITS
    flat_below, flat_open, places = below.reshape(-1), open_.reshape(-1), None
    for place in range(DIGITS - 1, last - 1, -1):
        if place == DIGITS - 1 - DENSE:
            places = np.flatnonzero(flat_open)
            flat_open = flat_open[places]
        elif places is not None:
            left = flat_open != 0
            places, flat_open = places[left], flat_open[left]
        drawn = random_words(flat_open.shape, rng)
        if digits >> place & 1:
            if places is None:
                flat_below |= flat_open & ~drawn
            else:
                flat_below[places] |= flat_open & ~drawn
            flat_open &= drawn
        else:
            flat_open &= ~drawn
    return below


def uniform_numbers(n: int, size: int, rng: Generator) -> NDArray[np.integer[Any]]:
    """So many whole numbers from 0 to n-1, each as likely; [size].

    Of 16 random bits w up to n = 2^16: w n / 2^16 rounded down, drawn again where w n mod 2^16 < 2^16 mod n (Lemire).

    >>> sorted(set(uniform_numbers(3, 1000, np.random.default_rng(1)).tolist()))
    [0, 1, 2]
    """
    if n > HALF_WORD:
        return rng.integers(n, size=size)
    numbers = random_words((-(-size // 4),), rng).view(np.uint16)[:size] * np.uint32(n)
    again = np.empty(0, dtype=np.int64)
    if over := HALF_WORD % n:
        again = np.flatnonzero(numbers.astype(np.uint16) < over)
    numbers >>= np.uint32(16)
    numbers[again] = rng.integers(n, size=len(again))
    return numbers


def sparse_places(rate: float, trials: int, rng: Generator) -> IntArray:
    """Which of so many independent trials succeed w.p. `rate` each, ascending; int64 [n].

    By the gaps between them, geometric: a draw a success, not a trial.
    """
    if rate <= 0.0 or not trials:
        return np.empty(0, dtype=np.int64)
    found: list[IntArray] = []
    last = -1
    while last < trials:
        expected = (trials - 1 - last) * rate
        gaps = rng.geometric(rate, size=int(expected + 4.0 * math.sqrt(expected) + 8.0))
        places = last + np.cumsum(np.minimum(gaps, trials + 1))
        found.append(places)
        last = int(places[-1])
    every = np.concatenate(found)
    return every[: np.searchsorted(every, trials)]
