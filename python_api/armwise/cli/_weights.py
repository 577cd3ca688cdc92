"""Weights and shares as options give them: ``NAME=WEIGHT``, once for each variant."""

from __future__ import annotations

import re
from collections.abc import Iterable
from fractions import Fraction
from typing import Final

from armwise._words import shown
from armwise.errors import ConfigurationError

__all__ = ["parse_number", "parse_weights"]

_WHOLE: Final = re.compile(r"-?[0-9]+")
_RATIO: Final = re.compile(r"-?[0-9]+/[0-9]+")
_DECIMAL: Final = re.compile(r"-?(?:(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?|nan|inf)")


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
            msg = f"{option} is {shown(entry)}; expected NAME=WEIGHT, such as control=50"
            raise ConfigurationError(msg)
        if name in weights:
            msg = f"{option} names {shown(name)} twice; give each variant one weight"
            raise ConfigurationError(msg)
        weights[name] = parse_number(option, number)
    return weights


def parse_number(option: str, text: str) -> int | float | Fraction:
    """Return a number as Python would write it: 50, 0.5 or, exactly, 1/3.

    Raises
    ------
    ConfigurationError
        If it is none: Python would read more than it writes, such as blanks around a number, ``1_000``, and digits of
        other alphabets.

    Examples
    --------
    >>> parse_number("--share", "1/3"), parse_number("--share", "2.5e-3")
    (Fraction(1, 3), 0.0025)
    """
    read: type[int | float | Fraction] = int
    if _WHOLE.fullmatch(text) is None:
        read = Fraction if _RATIO.fullmatch(text) else float
    try:
        if read is not float or _DECIMAL.fullmatch(text):
            return read(text)
    except (ValueError, ZeroDivisionError):
        pass  # too many digits, or a part of nothing
    msg = f"{option} has the number {shown(text)}; expected one such as 50, 0.5 or 1/3"
    raise ConfigurationError(msg)
