"""XXH3-64 in Numba. Twin of ``native/src/xxh3.c``, whose essay tells how; the law: ``tests/conformance/naive_xxh3.py``.

A secret is an array of :data:`SECRET_WORDS` words, as :func:`secret_of` fills it: what hashing under one seed takes.
Keys are ``n`` bytes of a uint8 array from a place on.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from armwise_kernels.jit import LOW, U0, U24, U32, U40, kernel, kernel_inline

Octets = NDArray[np.uint8]
Words = NDArray[np.uint64]

SECRET_WORDS: Final = 30
"""The derived secret, then the seed, then what keys of 0, 1-3, 4-8 and 9-16 bytes (both ends) are mixed with."""
SEED: Final = 24
EMPTY: Final = 25
FEW: Final = 26
EIGHT: Final = 27
LOW_END: Final = 28
HIGH_END: Final = 29

DEFAULT: Final = np.array(
    [
        *(0xBE4BA423396CFEB8, 0x1CAD21F72C81017C, 0xDB979083E96DD4DE, 0x1F67B3B7A4A44072),
        *(0x78E5C0CC4EE679CB, 0x2172FFCC7DD05A82, 0x8E2443F7744608B8, 0x4C263A81E69035E0),
        *(0xCB00C391BB52283C, 0xA32E531B8B65D088, 0x4EF90DA297486471, 0xD8ACDEA946EF1938),
        *(0x3F349CE33F76FAA8, 0x1D4F0BC7C7BBDCF9, 0x3159B4CD4BE0518A, 0x647378D9C97E9FC8),
        *(0xC3EBD33483ACC5EA, 0xEB6313FAFFA081C5, 0x49DAF0B751DD0D17, 0x9E68D429265516D3),
        *(0xFCA1477D58BE162B, 0xCE31D07AD1B8F88F, 0x280416958F3ACB45, 0x7E404BBBCAFBD7AF),
    ],
    np.uint64,
)
"""The default secret, as little-endian words."""

PRIME32_1: Final = np.uint64(0x9E3779B1)
PRIME32_2: Final = np.uint64(0x85EBCA77)
PRIME32_3: Final = np.uint64(0xC2B2AE3D)
PRIME64_1: Final = np.uint64(0x9E3779B185EBCA87)
PRIME64_2: Final = np.uint64(0xC2B2AE3D27D4EB4F)
PRIME64_3: Final = np.uint64(0x165667B19E3779F9)
PRIME64_4: Final = np.uint64(0x85EBCA77C2B2AE63)
PRIME64_5: Final = np.uint64(0x27D4EB2F165667C5)
PRIME_MX1: Final = np.uint64(0x165667919E3779F9)
PRIME_MX2: Final = np.uint64(0x9FB21C651E98DF25)
U8: Final = np.uint64(8)
U15: Final = np.uint64(15)
U16: Final = np.uint64(16)
U28: Final = np.uint64(28)
U29: Final = np.uint64(29)
U33: Final = np.uint64(33)
U35: Final = np.uint64(35)
U37: Final = np.uint64(37)
U47: Final = np.uint64(47)
U49: Final = np.uint64(49)
U64: Final = np.uint64(64)
BYTE: Final = np.uint64(0xFF)

SHORT, MEDIUM, LONG = 16, 128, 240
STRIPE, STRIPES = 64, 16
BLOCK = STRIPE * STRIPES


@kernel_inline
def read32(data: Octets, at: int) -> np.uint64:
    """Four bytes, the least first."""
    return (
        np.uint64(data[at])
        | np.uint64(data[at + 1]) << U8
        | np.uint64(data[at + 2]) << U16
        | np.uint64(data[at + 3]) << U24
    )


@kernel_inline
def read64(data: Octets, at: int) -> np.uint64:
    """Eight bytes, the least first."""
    return read32(data, at) | read32(data, at + 4) << U32


@kernel_inline
def across(word: Words, offset: int) -> np.uint64:
    """The eight bytes of a secret at an offset that is no multiple of eight."""
    i, bits = offset // 8, np.uint64(offset % 8 * 8)
    return np.uint64(word[i] >> bits | word[i + 1] << (U64 - bits))


@kernel_inline
def swapped(x: np.uint64) -> np.uint64:
    """The bytes of a word in the other order."""
    y = U0
    for _ in range(8):
        y = y << U8 | (x & BYTE)
        x = x >> U8
    return y


@kernel_inline
def folded(a: np.uint64, b: np.uint64) -> np.uint64:
    """The two halves of a product of 128 bits, joined by exclusive or."""
    a0, a1, b0, b1 = a & LOW, a >> U32, b & LOW, b >> U32
    middle = a1 * b0 + (a0 * b0 >> U32)
    cross = a0 * b1 + (middle & LOW)
    return (a * b) ^ (a1 * b1 + (middle >> U32) + (cross >> U32))


@kernel_inline
def avalanche(x: np.uint64) -> np.uint64:
    """The last step."""
    x = (x ^ (x >> U37)) * PRIME_MX1
    return x ^ (x >> U32)


@kernel_inline
def avalanche_xxh64(x: np.uint64) -> np.uint64:
    """The last step for the shortest keys, that of XXH64."""
    x = (x ^ (x >> U33)) * PRIME64_2
    x = (x ^ (x >> U29)) * PRIME64_3
    return x ^ (x >> U32)


@kernel_inline
def of_eight(secret: Words, both: np.uint64, n: np.uint64) -> np.uint64:
    """Keys of 4 to 8 bytes; ``both``: the last four bytes, and the first four above them."""
    x = np.uint64(secret[EIGHT] ^ both)
    x = x ^ (x << U49 | x >> U15) ^ (x << U24 | x >> U40)
    x = x * PRIME_MX2
    x = x ^ ((x >> U35) + n)
    x = x * PRIME_MX2
    return x ^ (x >> U28)


@kernel_inline
def of_word(secret: Words, x: np.uint64) -> np.uint64:
    """XXH3-64 of the eight bytes of a whole number, the least first."""
    return of_eight(secret, x << U32 | x >> U32, U8)


@kernel_inline
def mixed(data: Octets, at: int, first: np.uint64, second: np.uint64) -> np.uint64:
    """Sixteen bytes of a key with two words of the secret."""
    return folded(read64(data, at) ^ first, read64(data, at + 8) ^ second)


@kernel
def secret_of(seed: np.uint64, secret: Words) -> None:
    """Fill a secret (SECRET_WORDS,) for a seed."""
    for i in range(0, 24, 2):
        secret[i] = DEFAULT[i] + seed
        secret[i + 1] = DEFAULT[i + 1] - seed
    secret[SEED] = seed
    secret[EMPTY] = seed ^ DEFAULT[7] ^ DEFAULT[8]
    secret[FEW] = ((DEFAULT[0] ^ (DEFAULT[0] >> U32)) & LOW) + seed
    secret[EIGHT] = (DEFAULT[1] ^ DEFAULT[2]) - (seed ^ (swapped(seed & LOW)))
    secret[LOW_END] = (DEFAULT[3] ^ DEFAULT[4]) + seed
    secret[HIGH_END] = (DEFAULT[5] ^ DEFAULT[6]) - seed


@kernel_inline
def up_to_16(secret: Words, data: Octets, at: int, n: int) -> np.uint64:
    """Keys of 0 to 16 bytes."""
    size = np.uint64(n)
    if n > 8:
        low = secret[LOW_END] ^ read64(data, at)
        high = secret[HIGH_END] ^ read64(data, at + n - 8)
        return avalanche(size + swapped(low) + high + folded(low, high))
    if n > 3:
        return of_eight(secret, read32(data, at + n - 4) | read32(data, at) << U32, size)
    if n == 0:
        return avalanche_xxh64(secret[EMPTY])
    first, middle, last = np.uint64(data[at]), np.uint64(data[at + n // 2]), np.uint64(data[at + n - 1])
    return avalanche_xxh64(secret[FEW] ^ (last | size << U8 | first << U16 | middle << U24))


@kernel_inline
def up_to_128(secret: Words, data: Octets, at: int, n: int) -> np.uint64:
    """Keys of 17 to 128 bytes: sixteen from the front and sixteen from the back, in pairs."""
    total = np.uint64(n) * PRIME64_1
    for i in range((n + 31) // 32):
        total = total + mixed(data, at + 16 * i, secret[4 * i], secret[4 * i + 1])
        total = total + mixed(data, at + n - 16 * i - 16, secret[4 * i + 2], secret[4 * i + 3])
    return avalanche(total)


@kernel
def up_to_240(secret: Words, data: Octets, at: int, n: int) -> np.uint64:
    """Keys of 129 to 240 bytes."""
    total, seed = np.uint64(n) * PRIME64_1, secret[SEED]
    for i in range(8):
        total = total + mixed(data, at + 16 * i, secret[2 * i], secret[2 * i + 1])
    total = avalanche(total)
    for i in range(8, n // 16):
        offset = 16 * (i - 8) + 3
        total = total + mixed(data, at + 16 * i, across(DEFAULT, offset) + seed, across(DEFAULT, offset + 8) - seed)
    total = total + mixed(data, at + n - 16, across(DEFAULT, 119) + seed, across(DEFAULT, 127) - seed)
    return avalanche(total)


@kernel_inline
def accumulate(sums: Words, data: Octets, at: int, word: Words, first: int) -> None:
    """One stripe of eight words, by the words of the secret from ``first`` on."""
    for i in range(8):
        value = read64(data, at + 8 * i)
        keyed = value ^ word[first + i]
        sums[i ^ 1] = sums[i ^ 1] + value
        sums[i] = sums[i] + (keyed & LOW) * (keyed >> U32)


@kernel
def beyond_240(secret: Words, data: Octets, at: int, n: int) -> np.uint64:
    """Keys of more than 240 bytes, in blocks of sixteen stripes."""
    sums = np.array([PRIME32_3, PRIME64_1, PRIME64_2, PRIME64_3, PRIME64_4, PRIME32_2, PRIME64_5, PRIME32_1])
    blocks = (n - 1) // BLOCK
    for block in range(blocks):
        for stripe in range(STRIPES):
            accumulate(sums, data, at + BLOCK * block + STRIPE * stripe, secret, stripe)
        for i in range(8):
            sums[i] = (sums[i] ^ (sums[i] >> U47) ^ secret[STRIPES + i]) * PRIME32_1
    for stripe in range((n - 1 - BLOCK * blocks) // STRIPE):
        accumulate(sums, data, at + BLOCK * blocks + STRIPE * stripe, secret, stripe)
    word = np.empty(8, np.uint64)
    for i in range(8):
        word[i] = across(secret, 121 + 8 * i)
    accumulate(sums, data, at + n - STRIPE, word, 0)
    for i in range(8):
        word[i] = across(secret, 11 + 8 * i)
    total = np.uint64(n) * PRIME64_1
    for i in range(0, 8, 2):
        total = total + folded(sums[i] ^ word[i], sums[i + 1] ^ word[i + 1])
    return avalanche(total)


@kernel_inline
def xxh3(secret: Words, data: Octets, at: int, n: int) -> np.uint64:
    """XXH3-64 of ``n`` bytes from ``at`` on."""
    if n <= SHORT:
        return up_to_16(secret, data, at, n)
    if n <= MEDIUM:
        return up_to_128(secret, data, at, n)
    if n <= LONG:
        return up_to_240(secret, data, at, n)
    return beyond_240(secret, data, at, n)
