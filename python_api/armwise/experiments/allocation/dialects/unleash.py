"""Unleash: murmur3 into 1..total, once to roll out and once more to choose a variant.

Source: Unleash/client-specification, and the SDKs that pass it (normalizedValue of Unleash/unleash-client-node,
Apache-2.0): murmur3 of "group:key" modulo the total, plus 1. A rollout of p percent takes the buckets of 100 up to p
under seed 0. A variant is the first whose cumulative weight reaches the bucket of the sum of all weights, under seed
86028157 since version 5 of the specification: before it was 0, and the variants of those who were rolled out to were
not evenly spread.
"""

from __future__ import annotations

from bisect import bisect_left
from fractions import Fraction
from itertools import accumulate
from typing import Final

from armwise.experiments.allocation._config import Config
from armwise.experiments.allocation.dialects._plan import Plan, no_namespace, percent, refuse, units
from armwise_kernels.protocol import Kernels

__all__ = ["SEEDS", "number", "plan"]

SEEDS: Final = {"unleash": 0, "unleash_variant": 86_028_157}
_USUAL: Final = 1_000
_HASHES: Final = 1 << 32


def number(kernels: Kernels, dialect: str, key: str, group: str, total: int) -> int:
    """Return the bucket of a key in a group, in [1, total]: of rollouts, or of variants."""
    return kernels.murmur3(f"{group}:{key}".encode(), seed=SEEDS[dialect]) % total + 1


def plan(config: Config, kernels: Kernels) -> Plan:
    """Assign as Unleash does: coverage is the percentage of the rollout, whole weights are its weights.

    Weights that are not whole are shares, taken in thousandths, as Unleash itself writes them.

    Raises
    ------
    ConfigurationError
        If there is a namespace, if the coverage is no whole percentage, or a weight that is not whole no whole
        number of thousandths.
    """
    no_namespace(config)
    group, rollout = config.seed, percent(config)
    given = list(config.weights.values())
    whole = all(weight.denominator == 1 for weight in given)
    weights = [int(weight) for weight in given] if whole else units(config, _USUAL)
    ends = list(accumulate(weights))
    total = ends[-1]
    if total >= _HASHES:
        refuse(config, f"the weights sum to {total:,}; Unleash has 2**32 hashes, and gives weights of sum 1,000")

    def code(key: str) -> int:
        if rollout < 100 and number(kernels, "unleash", key, group, 100) > rollout:
            return -1
        return bisect_left(ends, number(kernels, "unleash_variant", key, group, total))

    return Plan(code, tuple(Fraction(weight * rollout, total * 100) for weight in weights))
