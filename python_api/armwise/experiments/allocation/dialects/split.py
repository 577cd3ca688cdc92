"""Split (Harness FME): murmur3 into 1..100; its older flags have a hash of their own.

Source: splitio/python-client, ``splitio/engine/splitters.py`` and ``hashfns`` (Apache-2.0): the absolute value of the
hash modulo 100, plus 1. A flag has a whole number for a seed, and says which algorithm: 2 is murmur3, and 1 is Java's
hash of a string, exclusive-or the seed. The treatment is the first whose cumulative size reaches the bucket.
Where less than all traffic is allocated, a bucket under another seed, the flag's trafficAllocationSeed, says who is in.
"""

from __future__ import annotations

from bisect import bisect_left
from fractions import Fraction
from itertools import accumulate
from typing import Final

from armwise.experiments.allocation._config import Config
from armwise.experiments.allocation.dialects._plan import Plan, no_namespace, percent, refuse, units, utf16
from armwise_kernels.protocol import Kernels

__all__ = ["number", "plan"]

_MASK: Final = 0xFFFFFFFF


def number(kernels: Kernels, dialect: str, key: str, seed: int) -> int:
    """Return the bucket of a key under a flag's seed, in [1, 100]."""
    if dialect == "split_legacy":
        return abs(_legacy(key, seed)) % 100 + 1
    return kernels.murmur3(key.encode(), seed=seed & _MASK) % 100 + 1


def plan(config: Config, kernels: Kernels) -> Plan:
    """Assign as Split does; the salt is the flag's seed, with its trafficAllocationSeed behind a comma.

    Raises
    ------
    ConfigurationError
        If the salt is not that, if there is a namespace, or a weight or the coverage is no whole percentage.
    """
    no_namespace(config)
    dialect, allocated = str(config.dialect), percent(config)
    try:
        seeds = [int(seed) for seed in config.seed_salt.split(",")]
    except ValueError:
        seeds = []
    wanted = 2 if allocated < 100 else 1
    if not wanted <= len(seeds) <= 2 or any(not -(1 << 31) <= seed <= _MASK for seed in seeds):
        example = "'467569525,-1364119282'" if wanted == 2 else "'467569525'"
        both = " and its trafficAllocationSeed" if wanted == 2 else ""
        refuse(
            config,
            f"seed_salt is {config.seed_salt!r}; Split hashes under the flag's seed{both}, such as {example}",
        )
    seed, gate = seeds[0], seeds[-1]
    sizes = units(config, 100)
    ends = list(accumulate(sizes))

    def code(key: str) -> int:
        if allocated < 100 and number(kernels, dialect, key, gate) > allocated:
            return -1
        return bisect_left(ends, number(kernels, dialect, key, seed))

    return Plan(code, tuple(Fraction(size * allocated, 10_000) for size in sizes))


def _legacy(key: str, seed: int) -> int:
    """Java's hash of a string over its UTF-16 units, exclusive-or the seed, as a signed 32-bit integer."""
    state = 0
    for unit in utf16(key):
        state = state * 31 + unit & _MASK
    state ^= seed & _MASK
    return state - (1 << 32) if state >> 31 else state
