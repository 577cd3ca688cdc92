"""Weights and shares as options give them: ``NAME=WEIGHT``, once for each variant."""

from __future__ import annotations

from collections.abc import Iterable
from fractions import Fraction

from armwise.errors import ConfigurationError

__all__ = ["parse_number", "parse_weights"]


def parse_weights(option: str, entries: Iterable[str]) -> dict[str, int | float | Fraction]:
    """Return what a repeated option says of each variant.

    Parameters
    ----------
    option : str
        The option, for errors.
    entries : iterable of str
        Each a name, ``=`` and a number; the last ``=`` counts.

    Raises
    ------
    ConfigurationError
        If an entry is not so, or names a variant again.

    Examples
    --------
    >>> parse_weights("--variant", ["control=9", "bold=0.5", "third=1/3"])
    {'control': 9, 'bold': 0.5, 'third': Fraction(1, 3)}
    """
    weights: dict[str, int | float | Fraction] = {}
    for entry in entries:
        name, equals, number = entry.rpartition("=")
        if not equals or not name:
            msg = f"{option} is {entry!r}; expected NAME=WEIGHT, such as control=50"
            raise ConfigurationError(msg)
        if name in weights:
            msg = f"{option} names {name!r} twice; give each variant one weight"
            raise ConfigurationError(msg)
        weights[name] = parse_number(option, number)
    return weights


def parse_number(option: str, text: str) -> int | float | Fraction:
    """Return a number as Python would write it: 50, 0.5 or, exactly, 1/3.

    Raises
    ------
    ConfigurationError
        If it is none.
    """
    for read in (int, float, Fraction):
        try:
            return read(text)
        except (ValueError, ZeroDivisionError):
            continue
    msg = f"{option} has the number {text!r}; expected one such as 50, 0.5 or 1/3"
    raise ConfigurationError(msg)
