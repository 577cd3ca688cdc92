"""GrowthBook: FNV-1a, and ranges of floats.

Source: the GrowthBook SDK specification 0.8.0 (docs.growthbook.io/lib/build-your-own), whose own cases are in
``tests/conformance/vectors/dialects.json``. A text is hashed by its UTF-16 units, as in JavaScript and, since version
4, in Python; before, Python took code points, which differ beyond U+FFFF alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import Final

from armwise.experiments.allocation._config import Config
from armwise.experiments.allocation.dialects._plan import Plan, counted, refuse, utf16
from armwise_kernels.protocol import Kernels

__all__ = ["bucket_ranges", "choose_variation", "equal_weights", "in_namespace", "numbers", "plan"]

_OFFSET: Final = 0x811C9DC5
_PRIME: Final = 0x01000193
_LEAST: Final = Fraction(99, 100)
_MOST: Final = Fraction(101, 100)


def numbers(kernels: Kernels, dialect: str, key: str, seed: str) -> tuple[int, int]:
    """Return the numerator and the denominator of the bucket of a key, a decimal in [0, 1).

    Version 1 hashes the key and then the seed, to three decimals. Version 2 hashes the seed and then the key, and
    hashes the decimal digits of that once more, to four: FNV-1a alone spreads the last characters badly.
    """
    if dialect == "growthbook_v1":
        return _fnv1a32(kernels, key + seed) % 1_000, 1_000
    return _fnv1a32(kernels, str(_fnv1a32(kernels, seed + key))) % 10_000, 10_000


def equal_weights(variations: int) -> list[float]:
    """Return weights of 1/n each, none for fewer than one variation."""
    return [1 / variations] * max(variations, 0) if variations else []


def bucket_ranges(
    variations: int, coverage: float = 1.0, weights: Sequence[float] | None = None
) -> list[tuple[float, float]]:
    """Return the half-open range of each variation, in GrowthBook's floating-point arithmetic.

    Coverage is clamped to [0, 1]. Weights that are not as many as the variations, or whose sum is off 1 by more
    than .01, are replaced by equal ones.

    Examples
    --------
    >>> bucket_ranges(2, 0.5, [0.4, 0.6])
    [(0.0, 0.2), (0.4, 0.7)]
    """
    covered = min(max(coverage, 0.0), 1.0)
    if weights is None or len(weights) != variations or not 0.99 <= sum(weights) <= 1.01:
        weights = equal_weights(variations)
    ranges, before = [], 0.0
    for weight in weights:
        ranges.append((before, before + covered * weight))
        before += weight
    return ranges


def choose_variation(n: float, ranges: Sequence[Sequence[float]]) -> int:
    """Return the position of the first range that holds n, -1 where none does."""
    return next((i for i, (start, end) in enumerate(ranges) if start <= n < end), -1)


def in_namespace(kernels: Kernels, key: str, identity: str, start: float, end: float) -> bool:
    """Whether the key falls into [start, end) of a namespace."""
    numerator, denominator = numbers(kernels, "growthbook_v1", key, "__" + identity)
    return start <= numerator / denominator < end


def plan(config: Config, kernels: Kernels) -> Plan:
    """Assign as GrowthBook does.

    Weights whose sum is within .01 of 1 are taken as they are; whole numbers are divided by their sum.

    Raises
    ------
    ConfigurationError
        If the weights are neither.
    """
    dialect, seed = str(config.dialect), config.seed
    weights, namespace = list(config.weights.values()), config.namespace
    total = sum(weights)
    if not _LEAST <= total <= _MOST:
        if any(weight.denominator != 1 for weight in weights):
            refuse(
                config,
                f"the weights sum to {float(total):g}, and GrowthBook itself would put equal ones in their place; give"
                " the weights that it has, of sum 1, or whole numbers to be divided by their sum",
            )
        weights = [weight / total for weight in weights]
    ranges = bucket_ranges(len(weights), float(config.coverage), [float(weight) for weight in weights])
    size = numbers(kernels, dialect, "", seed)[1]
    codes = [choose_variation(number / size, ranges) for number in range(size)]
    shares = counted(codes, len(weights))
    if namespace is None:
        return Plan(lambda key: codes[numbers(kernels, dialect, key, seed)[0]], shares)
    identity, start, end = namespace.id, float(namespace.start), float(namespace.end)
    within = Fraction(sum(start <= number / 1_000 < end for number in range(1_000)), 1_000)

    def code(key: str) -> int:
        if not in_namespace(kernels, key, identity, start, end):
            return -1
        return codes[numbers(kernels, dialect, key, seed)[0]]

    return Plan(code, tuple(share * within for share in shares))


def _fnv1a32(kernels: Kernels, text: str) -> int:
    """FNV-1a of the UTF-16 units of a text: of its bytes where it is ASCII."""
    if text.isascii():
        return kernels.fnv1a32(text.encode())
    state = _OFFSET
    for unit in utf16(text):
        state = (state ^ unit) * _PRIME & 0xFFFFFFFF
    return state
