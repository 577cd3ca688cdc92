"""FNV-1a and MurmurHash3 of 32 bits in Numba. Twin of ``native/src/dialects.c``.

Everything is a word of 64 bits of which the low half counts: Numba would widen a product of two halves by itself.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from armwise_kernels.jit import LOW, U0, U32, kernel, kernel_inline

FNV_BASIS: Final = np.uint64(2166136261)
FNV_PRIME: Final = np.uint64(16777619)
MURMUR_1: Final = np.uint64(0xCC9E2D51)
MURMUR_2: Final = np.uint64(0x1B873593)
MURMUR_ADD: Final = np.uint64(0xE6546B64)
MURMUR_MIX_1: Final = np.uint64(0x85EBCA6B)
MURMUR_MIX_2: Final = np.uint64(0xC2B2AE35)
U5: Final = np.uint64(5)
U8: Final = np.uint64(8)
U13: Final = np.uint64(13)
U15: Final = np.uint64(15)
U16: Final = np.uint64(16)


@kernel
def fnv1a32(data: NDArray[np.uint8]) -> np.uint64:
    """FNV-1a of a uint8 array."""
    h = FNV_BASIS
    for octet in data:
        h = ((h ^ np.uint64(octet)) * FNV_PRIME) & LOW
    return h


@kernel_inline
def turned(x: np.uint64, bits: np.uint64) -> np.uint64:
    """The low half, rotated."""
    return (x << bits | x >> (U32 - bits)) & LOW


@kernel_inline
def scrambled(k: np.uint64) -> np.uint64:
    """Four bytes of a key, before they are mixed in."""
    return (turned((k * MURMUR_1) & LOW, U15) * MURMUR_2) & LOW


@kernel
def murmur3(data: NDArray[np.uint8], seed: np.uint64) -> np.uint64:
    """MurmurHash3 x86_32 of a uint8 array."""
    h, whole = seed, data.size // 4 * 4
    for i in range(0, whole, 4):
        k = U0
        for j in range(4):
            k = k << U8 | np.uint64(data[i + 3 - j])
        h = (turned(h ^ scrambled(k), U13) * U5 + MURMUR_ADD) & LOW
    rest = U0
    for i in range(data.size - 1, whole - 1, -1):
        rest = rest << U8 | np.uint64(data[i])
    h = h ^ scrambled(rest) ^ (np.uint64(data.size) & LOW)
    h = ((h ^ (h >> U16)) * MURMUR_MIX_1) & LOW
    h = ((h ^ (h >> U13)) * MURMUR_MIX_2) & LOW
    return h ^ (h >> U16)
