"""Allocation in plain Python: the bytes of a key, its range, and the hashes of other systems.

It imports nothing of armwise.
"""

from __future__ import annotations

from naive_xxh3 import xxh3

MASK32 = (1 << 32) - 1


def octets(key: str | bytes | int) -> bytes:
    """The bytes of a key: UTF-8; themselves; eight bytes of two's complement, the least first."""
    match key:
        case str():
            return key.encode()
        case int():
            return key.to_bytes(8, "little", signed=True)
    return key


def code(spec, key: str | bytes | int) -> int:
    """The code of a key under seed, bounds, codes, labels, modulo and namespace."""
    seed, bounds, codes, _, modulo, namespace = spec
    data = octets(key)
    if namespace is not None:
        space, first, last = namespace
        if not first <= xxh3(data, space) <= last:
            return -1
    h = xxh3(data, seed)
    if modulo:
        h %= modulo
    return next(int(c) for last, c in zip(bounds, codes, strict=True) if h <= int(last))


def fnv1a32(data: bytes) -> int:
    """Fowler, Noll & Vo, FNV-1a, 32 bits."""
    h = 2166136261
    for octet in data:
        h = (h ^ octet) * 16777619 & MASK32
    return h


def murmur3(data: bytes, seed: int = 0) -> int:
    """A. Appleby, MurmurHash3 x86_32."""

    def rotated(x: int, bits: int) -> int:
        return (x << bits | x >> (32 - bits)) & MASK32

    def scrambled(k: int) -> int:
        return rotated(k * 0xCC9E2D51 & MASK32, 15) * 0x1B873593 & MASK32

    h, whole = seed, len(data) // 4 * 4
    for i in range(0, whole, 4):
        h = rotated(h ^ scrambled(int.from_bytes(data[i : i + 4], "little")), 13) * 5 + 0xE6546B64 & MASK32
    if whole < len(data):
        h ^= scrambled(int.from_bytes(data[whole:], "little"))
    h ^= len(data)
    h = (h ^ h >> 16) * 0x85EBCA6B & MASK32
    h = (h ^ h >> 13) * 0xC2B2AE35 & MASK32
    return h ^ h >> 16
