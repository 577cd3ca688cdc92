"""Weights and fractions as exact rationals: what a float says is what counts, to the last bit."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from fractions import Fraction
from typing import Final, TypeAlias

import numpy as np

from armwise._words import shown
from armwise.errors import ConfigurationError

__all__ = ["MAX_VARIANTS", "Share", "Variants", "common", "exact", "fraction", "name", "text", "weighed"]

Share: TypeAlias = int | float | Fraction
"""A number taken exactly: 0.1 is the float nearest to a tenth, Fraction(1, 10) is a tenth."""

Variants: TypeAlias = Mapping[str, Share] | Sequence[str]
"""Variants with their weights, or names of variants of equal weight; their order is that of their codes."""

MAX_VARIANTS: Final = 1 << 16
"""Codes are int32; a table of more variants than this is a mistake long before they run out."""

# A float needs up to 1,074 bits below the point and 1,024 above it. Sums of other rationals could need any number.
_BITS: Final = 1_100
_COMMON_BITS: Final = 4_096


def weighed(variants: object) -> dict[str, Fraction]:
    """Return the variants in their order, each with its weight as an exact rational.

    Raises
    ------
    ConfigurationError
        If `variants` is no mapping and no sequence of names, is empty, holds a name twice, more than 65,536
        names, a name that is no string, or a weight that is no finite number of at least 0; or if all weights
        are 0.
    """
    if isinstance(variants, Mapping):
        entries: Iterable[tuple[object, object]] = variants.items()
    elif isinstance(variants, Sequence) and not isinstance(variants, (str, bytes, bytearray)):
        entries = ((each, 1) for each in variants)
    else:
        msg = (
            f"variants is {shown(variants)}; expected a mapping of names to weights, such as "
            "{'control': 50, 'b': 50}, or a list of names of equal weight"
        )
        raise ConfigurationError(msg)
    if not 0 < len(variants) <= MAX_VARIANTS:
        msg = f"variants holds {len(variants):,} variants; expected 1 to {MAX_VARIANTS:,}"
        raise ConfigurationError(msg)
    weights: dict[str, Fraction] = {}
    for each, weight in entries:
        variant = name(each, "the name of a variant")
        if variant in weights:
            msg = f"variants holds {variant!r} twice; give each name once"
            raise ConfigurationError(msg)
        weights[variant] = exact(weight, f"the weight of {variant!r}")
    if not any(weights.values()):
        msg = "all weights are 0; expected at least one above 0: a variant without a weight gets nobody"
        raise ConfigurationError(msg)
    common(weights.values())
    return weights


def exact(value: object, what: str) -> Fraction:
    """Return a number of at least 0 as an exact rational.

    Raises
    ------
    ConfigurationError
        If it is no int, float or Fraction, negative, NaN or infinite, or has more digits than a float could.
    """
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, bool) or not isinstance(value, (int, float, Fraction)):
        msg = f"{what} is {shown(value)}; expected a number of at least 0: an int, a float or a Fraction"
        raise ConfigurationError(msg)
    if isinstance(value, float) and not math.isfinite(value):
        msg = f"{what} is {value!r}; expected a finite number of at least 0"
        raise ConfigurationError(msg)
    number = Fraction(value)
    if number < 0:
        msg = f"{what} is {shown(value)}; expected a number of at least 0; 0 gives a variant nobody"
        raise ConfigurationError(msg)
    if max(number.numerator.bit_length(), number.denominator.bit_length()) > _BITS:
        msg = f"{what} has more than {_BITS} bits in its numerator or denominator; round it"
        raise ConfigurationError(msg)
    return number


def fraction(value: object, what: str) -> Fraction:
    """Return a share in [0, 1] as an exact rational.

    Raises
    ------
    ConfigurationError
        If it is no number, or outside [0, 1].
    """
    share = exact(value, what)
    if share > 1:
        msg = f"{what} is {shown(value)}; expected a share in [0, 1]: for 10% write 0.1, or Fraction(1, 10)"
        raise ConfigurationError(msg)
    return share


def common(weights: Iterable[Fraction]) -> tuple[list[int], int]:
    """Return the weights over their least common denominator, and their sum over it.

    Raises
    ------
    ConfigurationError
        If that denominator has more than 4,096 bits.
    """
    listed = list(weights)
    denominator = 1
    for weight in listed:
        denominator = math.lcm(denominator, weight.denominator)
        if denominator.bit_length() > _COMMON_BITS:
            msg = (
                f"the weights have no common denominator below 2**{_COMMON_BITS}; give whole numbers, or fewer"
                " different fractions"
            )
            raise ConfigurationError(msg)
    whole = [weight.numerator * (denominator // weight.denominator) for weight in listed]
    return whole, sum(whole)


def name(value: object, what: str) -> str:
    """Return a name that is not empty and can be written as UTF-8.

    Raises
    ------
    ConfigurationError
        If it is no such string.
    """
    given = text(value, what)
    if not given:
        msg = f"{what} is empty; expected a name"
        raise ConfigurationError(msg)
    return given


def text(value: object, what: str) -> str:
    """Return a string that can be written as UTF-8; a subclass of str falls to str.

    Raises
    ------
    ConfigurationError
        If it is no string, or holds a lone surrogate.
    """
    if not isinstance(value, str):
        hint = "; a set has no order" if isinstance(value, AbstractSet) else ""
        msg = f"{what} is {shown(value)}; expected a string{hint}"
        raise ConfigurationError(msg)
    given = str.__str__(value)
    try:
        given.encode()
    except UnicodeEncodeError as error:
        msg = f"{what} is {given!r}, which holds a lone surrogate at {error.start} and has no UTF-8; mend the string"
        raise ConfigurationError(msg) from None
    return given
