"""What both backends ask of their arguments, before any kernel runs."""

from __future__ import annotations

import operator
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from armwise_kernels.protocol import Floats

PHILOX_COUNTER, PHILOX_KEY = 4, 2


def number(name: str, value: int, bits: int) -> int:
    """Return a whole number in [0, 2^bits), or raise TypeError or ValueError.

    >>> number("seed", 7, 64)
    7
    """
    if isinstance(value, bool):
        message = f"{name}: expected a whole number, got {value!r}"
        raise TypeError(message)
    whole = operator.index(value)
    if not 0 <= whole < 1 << bits:
        message = f"{name}: expected a whole number in [0, 2**{bits}), got {whole}"
        raise ValueError(message)
    return whole


def real(name: str, values: ArrayLike) -> Floats:
    """Return a C-contiguous float64 array (n,) with n >= 1, or raise TypeError or ValueError."""
    array = np.asarray(values)
    if array.dtype.kind not in "fiu":
        message = f"{name}: expected real numbers, got an array of {array.dtype}"
        raise TypeError(message)
    if array.ndim != 1 or not array.size:
        message = f"{name}: expected one dimension and at least one number, got shape {array.shape}"
        raise ValueError(message)
    return np.ascontiguousarray(array, dtype=np.float64)


def paired(first: str, a: ArrayLike, second: str, b: ArrayLike) -> tuple[Floats, Floats]:
    """Return two arrays as :func:`real` does, of one length."""
    left, right = real(first, a), real(second, b)
    if left.shape != right.shape:
        message = f"{first} and {second}: expected one length, got {len(left)} and {len(right)}"
        raise ValueError(message)
    return left, right


def counters_and_key(counters: ArrayLike, key: ArrayLike) -> tuple[NDArray[np.uint32], NDArray[np.uint32]]:
    """Return Philox counters uint32 (n, 4) and a key uint32 (2,), or raise ValueError."""
    blocks = np.ascontiguousarray(counters, dtype=np.uint32)
    words = np.ascontiguousarray(key, dtype=np.uint32)
    if blocks.ndim != PHILOX_KEY or blocks.shape[1] != PHILOX_COUNTER or words.shape != (PHILOX_KEY,):
        message = f"expected counters (n, 4) and a key (2,), got {blocks.shape} and {words.shape}"
        raise ValueError(message)
    return blocks, words


def shared_words(name: str, words: NDArray[np.uint64], count: int | None = None) -> NDArray[np.uint64]:
    """Return words (n,) that a kernel may write by atomic steps, or raise TypeError.

    >>> shared_words("words", np.zeros(3, np.uint64), 3)
    array([0, 0, 0], dtype=uint64)
    """
    good = isinstance(words, np.ndarray) and words.dtype == np.uint64 and words.ndim == 1 and words.flags.carray
    if not good or count not in (None, len(words)):
        given = f"{words.dtype} {words.shape}" if isinstance(words, np.ndarray) else type(words).__name__
        length = "any number" if count is None else count
        message = f"{name}: expected a writable array of uint64, {length} of them, got {given}"
        raise TypeError(message)
    return words
