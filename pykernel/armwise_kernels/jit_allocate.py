"""Hashes of many keys, in Numba. Twin of the batches of ``native/src/allocate.c``: here NumPy finds the ranges.

Every kernel takes a secret of :mod:`armwise_kernels.jit_xxh3` and fills ``out`` uint64 (n,).
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from armwise_kernels.jit import U12, kernel
from armwise_kernels.jit_xxh3 import Octets, Words, of_word, xxh3

U6: Final = np.uint64(6)
U18: Final = np.uint64(18)
SIX_BITS: Final = np.uint64(0x3F)
CONTINUED: Final = np.uint64(0x80)
TWO_BYTES: Final = np.uint64(0xC0)
THREE_BYTES: Final = np.uint64(0xE0)
FOUR_BYTES: Final = np.uint64(0xF0)


@kernel
def hash_words(secret: Words, keys: NDArray[np.int64], out: Words) -> None:
    """Hashes of whole numbers."""
    for i in range(out.size):
        out[i] = of_word(secret, np.uint64(keys[i]))


@kernel
def hash_cells(secret: Words, cells: Octets, width: int, out: Words) -> None:
    """Hashes of bytes in cells, without the zeros at their ends."""
    for i in range(out.size):
        n = width
        while n > 0 and cells[width * i + n - 1] == 0:
            n -= 1
        out[i] = xxh3(secret, cells, width * i, n)


@kernel
def encoded(points: NDArray[np.uint32], at: int, n: int, out: Octets) -> int:
    """Write the UTF-8 of ``n`` code points; its length, or -1 where there is none."""
    size = 0
    for i in range(at, at + n):
        c = np.uint64(points[i])
        if c < 0x80:
            out[size] = c
            size += 1
            continue
        if c > 0x10FFFF or (c >= 0xD800 and c < 0xE000):
            return -1
        if c < 0x800:
            out[size] = TWO_BYTES | c >> U6
            size += 1
        elif c < 0x10000:
            out[size] = THREE_BYTES | c >> U12
            out[size + 1] = CONTINUED | (c >> U6 & SIX_BITS)
            size += 2
        else:
            out[size] = FOUR_BYTES | c >> U18
            out[size + 1] = CONTINUED | (c >> U12 & SIX_BITS)
            out[size + 2] = CONTINUED | (c >> U6 & SIX_BITS)
            size += 3
        out[size] = CONTINUED | (c & SIX_BITS)
        size += 1
    return size


@kernel
def hash_text(secret: Words, cells: NDArray[np.uint32], width: int, scratch: Octets, out: Words) -> bool:
    """Hashes of text in cells of code points, without the zeros at their ends; False where some has no UTF-8.

    ``scratch``: 4 * width bytes.
    """
    for i in range(out.size):
        n = width
        while n > 0 and cells[width * i + n - 1] == 0:
            n -= 1
        octets = encoded(cells, width * i, n, scratch)
        if octets < 0:
            return False
        out[i] = xxh3(secret, scratch, 0, octets)
    return True


@kernel
def hash_slices(secret: Words, offsets: NDArray[np.int64], data: Octets, out: Words) -> bool:
    """Hashes of the bytes between offsets; False where these fall or lead outside."""
    begin = int(offsets[0])
    if begin < 0 or begin > data.size:
        return False
    for i in range(out.size):
        end = int(offsets[i + 1])
        if end < begin or end > data.size:
            return False
        out[i] = xxh3(secret, data, begin, end - begin)
        begin = end
    return True
