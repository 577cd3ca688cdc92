"""What every dialect gives, and the units that it takes."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from fractions import Fraction
from typing import NamedTuple, NoReturn

from armwise.errors import ConfigurationError
from armwise.experiments.allocation._config import Config

__all__ = ["Plan", "counted", "no_namespace", "percent", "refuse", "units", "utf16"]


class Plan(NamedTuple):
    """How another system assigns.

    Attributes
    ----------
    code : callable
        From the text of a key to the position of its variant, -1 outside.
    shares : tuple of Fraction
        Of each variant, of all keys.
    """

    code: Callable[[str], int]
    shares: tuple[Fraction, ...]


def units(config: Config, size: int) -> list[int]:
    """Return the weights in units of 1/size of the traffic.

    Raises
    ------
    ConfigurationError
        If a weight is no whole number of units.
    """
    whole = config.whole
    total = sum(whole)
    scaled = [divmod(weight * size, total) for weight in whole]
    for variant, (_, rest) in zip(config.weights, scaled, strict=True):
        if rest:
            share = config.weights[variant] / sum(config.weights.values())
            refuse(
                config,
                f"the share of {variant!r} is {share}; {config.dialect} counts in units of 1/{size:,}: give each"
                f" variant the whole number that {config.dialect} has for it, {size:,} together",
            )
    return [weight for weight, _ in scaled]


def percent(config: Config) -> int:
    """Return the coverage as a whole percentage.

    Raises
    ------
    ConfigurationError
        If it is none.
    """
    scaled = config.coverage * 100
    if scaled.denominator != 1:
        refuse(config, f"coverage is {float(config.coverage)!r}; {config.dialect} rolls out in whole percent")
    return int(scaled)


def no_namespace(config: Config) -> None:
    """Refuse a namespace.

    Raises
    ------
    ConfigurationError
        If there is one.
    """
    if config.namespace is not None:
        refuse(config, f"namespace is {config.namespace!r}; {config.dialect} has none, leave it out")


def refuse(config: Config, message: str) -> NoReturn:
    """Say what a dialect cannot do.

    Raises
    ------
    ConfigurationError
        Always; the message names the experiment.
    """
    msg = f"experiment {config.experiment_id!r}: {message}"
    raise ConfigurationError(msg)


def counted(codes: Sequence[int], variants: int) -> tuple[Fraction, ...]:
    """Return the share of each variant in a table of equally likely codes."""
    return tuple(Fraction(codes.count(code), len(codes)) for code in range(variants))


def utf16(text: str) -> Sequence[int]:
    """Return the UTF-16 units of a text, each as a number: the characters of Java and JavaScript."""
    return memoryview(text.encode("utf-16-le" if sys.byteorder == "little" else "utf-16-be")).cast("H")
