"""Where a key falls: the seed of a hash, and the thresholds of a table.

The law is frozen: once users are bucketed, an assignment may never change. ``docs/allocation.md`` states it, and
``tests/conformance/vectors/allocation.json`` holds it.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import Final, Literal

from armwise_kernels.protocol import Kernels

__all__ = ["SPACE", "Purpose", "part", "seed_of", "threshold", "thresholds"]

SPACE: Final = 1 << 64
"""Hashes are the integers in [0, SPACE)."""

Purpose = Literal["variant", "namespace"]


def part(text: str) -> bytes:
    r"""Return the length of the UTF-8 of a text, as uint32 little-endian, and then that UTF-8.

    With its length before it, no text runs into the next: ("a", "bc") and ("ab", "c") have different bytes.

    Examples
    --------
    >>> part("b")
    b'\x01\x00\x00\x00b'
    """
    encoded = text.encode()
    return len(encoded).to_bytes(4, "little") + encoded


def seed_of(kernels: Kernels, purpose: Purpose, identity: str, seed_salt: str = "") -> int:
    """Return the seed under which keys are hashed, in [0, 2**64).

    Parameters
    ----------
    kernels : Kernels
        Whose XXH3-64 is taken; every backend has the same.
    purpose : {"variant", "namespace"}
        What the hash decides, so that the two of one name are independent.
    identity : str
        The experiment id, or that of the namespace.
    seed_salt : str
        Another salt gives an experiment another assignment of the same keys.
    """
    return kernels.xxh3(part("armwise.v1") + part(purpose) + part(identity) + part(seed_salt), seed=0)


def threshold(share: Fraction) -> int:
    """Return ceil(share 2**64): the hashes below it are a share of all, never less than a hash short of it."""
    return -(-share.numerator * SPACE // share.denominator)


def thresholds(weights: Sequence[int], coverage: Fraction) -> list[tuple[int, int]]:
    """Return for each variant the half-open range of hashes that it holds.

    Parameters
    ----------
    weights : sequence of int
        Whole weights, not all 0.
    coverage : Fraction
        The leading share of each variant's range that is in the experiment, in [0, 1].

    Returns
    -------
    list of (int, int)
        ``(ceil(cum 2**64 / total), ceil((cum + coverage w) 2**64 / total))``, with cum the weights before.
    """
    total = sum(weights) * coverage.denominator
    held: list[tuple[int, int]] = []
    before = 0
    for weight in weights:
        start = before * coverage.denominator
        end = start + coverage.numerator * weight
        held.append((-(-start * SPACE // total), -(-end * SPACE // total)))
        before += weight
    return held
