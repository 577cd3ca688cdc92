"""Optimizely: murmur3 into 10,000 buckets.

Source: optimizely/python-sdk, ``optimizely/bucketer.py`` (Apache-2.0): murmur3 of the key with the id of its parent
behind it, under seed 1, as a share of 2**32, in ten-thousandths rounded down. The parent is the experiment, or the
group of experiments that exclude each other; both go by their ids, not by their keys.
"""

from __future__ import annotations

from fractions import Fraction

from armwise.experiments.allocation._config import Config
from armwise.experiments.allocation.dialects._plan import Plan, counted, refuse, units
from armwise_kernels.protocol import Kernels

__all__ = ["number", "plan"]

_SIZE = 10_000


def number(kernels: Kernels, key: str, parent: str) -> int:
    """Return the bucket of a key under a parent's id, in [0, 10,000)."""
    # The SDK multiplies the float h / 2**32 by 10,000. The product is exact, so that whole numbers give the same.
    return kernels.murmur3((key + parent).encode(), seed=1) * _SIZE >> 32


def plan(config: Config, kernels: Kernels) -> Plan:
    """Assign as Optimizely does: the first range whose end is above the bucket.

    Raises
    ------
    ConfigurationError
        If an end of a range, or of the namespace, is no whole number of ten-thousandths.
    """
    codes: list[int] = []
    for code, width in enumerate(units(config, _SIZE)):
        held = width * config.coverage
        if held.denominator != 1:
            refuse(config, f"coverage is {float(config.coverage)!r}; Optimizely ends ranges at whole ten-thousandths")
        codes += [code] * int(held) + [-1] * (width - int(held))
    shares, parent, namespace = counted(codes, len(config.weights)), config.seed, config.namespace
    if namespace is None:
        return Plan(lambda key: codes[number(kernels, key, parent)], shares)
    start, end = namespace.start * _SIZE, namespace.end * _SIZE
    if start.denominator != 1 or end.denominator != 1:
        refuse(config, f"namespace is {namespace!r}; Optimizely divides groups in whole ten-thousandths")
    first, beyond, group = int(start), int(end), namespace.id

    def code_of(key: str) -> int:
        return codes[number(kernels, key, parent)] if first <= number(kernels, key, group) < beyond else -1

    return Plan(code_of, tuple(share * Fraction(beyond - first, _SIZE) for share in shares))
