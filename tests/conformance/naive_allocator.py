"""The law of the allocator in plain Python, on the xxhash package: the oracle of ``armwise.experiments``.

It imports nothing of armwise, and says in whole numbers what docs/allocation.md says in words.
"""

from __future__ import annotations

from fractions import Fraction

import xxhash

SPACE = 2**64


def part(text):
    encoded = text.encode("utf-8")
    return bytes([len(encoded) >> shift & 255 for shift in (0, 8, 16, 24)]) + encoded


def seed(purpose, identity, seed_salt=""):
    parts = part("armwise.v1") + part(purpose) + part(identity) + part(seed_salt)
    return xxhash.xxh3_64_intdigest(parts, 0)


def octets(key):
    if isinstance(key, str):
        return key.encode("utf-8")
    if isinstance(key, bytes):
        return key
    return (key % SPACE).to_bytes(8, "little")


def ceiling(number):
    return -((-number.numerator) // number.denominator)


def assign(experiment_id, variants, key, *, seed_salt="", coverage=1, namespace=None, law="range"):
    """The variant of a key in a fresh experiment, or None."""
    if namespace is not None:
        identity, start, end = namespace
        h = xxhash.xxh3_64_intdigest(octets(key), seed("namespace", identity))
        if not ceiling(Fraction(start) * SPACE) <= h < ceiling(Fraction(end) * SPACE):
            return None
    h = xxhash.xxh3_64_intdigest(octets(key), seed("variant", experiment_id, seed_salt))
    weights = {name: Fraction(weight) for name, weight in variants.items()}
    total = sum(weights.values())
    cumulated = Fraction(0)
    scale = 1 if law == "modulo" else Fraction(SPACE) / total
    if law == "modulo":
        h %= int(total)
    for name, weight in weights.items():
        if ceiling(cumulated * scale) <= h < ceiling((cumulated + Fraction(coverage) * weight) * scale):
            return name
        cumulated += weight
    return None
