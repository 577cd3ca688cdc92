"""Words that several processes share, in Numba. Twin of ``native/src/shared.c``, where they are explained.

The atomic steps are those of :mod:`armwise_kernels.jit`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from armwise_kernels import law
from armwise_kernels.jit import U0, U1, add_to_word, exchange_word, kernel, kernel_inline, load_word, swap_word
from armwise_kernels.jit_beta import beta_reshape

if TYPE_CHECKING:
    from typing import TypeAlias

    Words: TypeAlias = NDArray[np.uint64]

BAD_WORD: Final = "a word of a shared table holds more rewards than it counts: something else wrote into the file"

BITS: Final = np.uint64(law.WORD_BITS)
COUNT: Final = np.uint64((1 << law.WORD_BITS) - 1)
MOST: Final = np.uint64(law.WORD_MOST)
UNITS: Final = np.uint64(law.WORD_UNITS)
WORD_SIZE: Final = np.uint64(8)


@kernel_inline
def address_of(words: Words, i: int) -> np.uint64:
    """Where a word stands."""
    return np.uint64(words.ctypes.data) + np.uint64(i) * WORD_SIZE


@kernel_inline
def word_good(word: np.uint64) -> bool:
    """Whether a word holds no more rewards than it counts, and counts no more than it may."""
    count = word & COUNT
    return bool((count <= MOST) & ((word >> BITS) <= count * UNITS))


@kernel
def words_add(words: Words, positions: NDArray[np.int32], rewards: NDArray[np.float64]) -> bool:
    """Add checked rewards to words, each in one step; False at a word that cannot be, which stays as it is."""
    for k in range(positions.size):
        where = address_of(words, positions[k])
        units = np.uint64(rewards[k] * law.WORD_UNITS + 0.5)
        old = load_word(where)
        while True:
            if not word_good(old):
                return False
            total, count = old >> BITS, old & COUNT
            if count == MOST:
                total, count = total >> U1, count >> U1
            found = swap_word(where, old, (total + units) << BITS | (count + U1))
            if found == old:
                break
            old = found
    return True


@kernel
def words_follow(
    head: NDArray[np.int64],
    parameters: NDArray[np.float64],
    stamps: NDArray[np.int64],
    table: NDArray[np.float64],
    evidence: NDArray[np.float64],
    rates: NDArray[np.uint64],
    leaders: NDArray[np.int32],
    words: Words,
    seen: Words,
) -> bool:
    """Take the shapes of every column whose word is not the one seen; False at a word that cannot be."""
    for i in range(head[law.HEAD_COUNT]):
        word = load_word(address_of(words, i))
        before = seen[i]
        if word == before:
            continue
        if not word_good(word):
            return False
        total, count, counted = word >> BITS, word & COUNT, before & COUNT
        alpha = evidence[law.EVIDENCE_PRIOR_A, i] + np.float64(total) / law.WORD_UNITS
        beta = evidence[law.EVIDENCE_PRIOR_B, i] + np.float64(count * UNITS - total) / law.WORD_UNITS
        rewards = np.int64(count - counted) if count > counted else np.int64(1)
        beta_reshape(head, parameters, stamps, table, rates, leaders, i, alpha, beta, rewards)
        seen[i] = word
    return True


@kernel
def words_load(words: Words, out: Words) -> None:
    """Each word as it stood at one instant."""
    for i in range(out.size):
        out[i] = load_word(address_of(words, i))


@kernel
def words_store(words: Words, values: Words) -> bool:
    """Put values in the place of the words, each in one step; False with nothing written where one cannot be."""
    for value in values:
        if not word_good(value):
            return False
    for i in range(values.size):
        exchange_word(address_of(words, i), values[i])
    return True


@kernel
def word_take(word: Words) -> np.uint64:
    """What the word held before one was added to it."""
    return add_to_word(address_of(word, 0), U1) + U0
