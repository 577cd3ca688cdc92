"""What a decision is kept with: copied as plain lists and objects, so that any store can write it down."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from numbers import Integral, Real
from typing import Final

import numpy as np

from armwise._words import shown
from armwise.errors import ConfigurationError
from armwise.types import JSON

__all__ = ["plain_context", "plain_object"]

_DEEPEST: Final = 32
_WHOLE: Final = 1 << 63


def plain_context(context: object) -> Sequence[float] | Mapping[str, JSON]:
    """A context as a list of numbers, or an object; a copy, out of the reach of the caller's later changes.

    Raises
    ------
    ConfigurationError
        If it is no row of finite real numbers, and no mapping of names to plain JSON.
    """
    if isinstance(context, np.ndarray) and context.ndim == 1 and context.dtype.kind in "iuf":
        numbers: list[float] = context.tolist()
        # One infinite or NaN makes the sum so; so may the sum of large ones, and then each is looked at.
        if math.isfinite(sum(numbers)) or all(map(math.isfinite, numbers)):
            return numbers
    elif isinstance(context, Mapping):
        return plain_object(context, "context")
    elif isinstance(context, (list, tuple)):
        return [_number(value, f"context[{place}]") for place, value in enumerate(context)]
    msg = f"context is {shown(context)}; expected finite real numbers, shape (dim,), or a mapping of features"
    raise ConfigurationError(msg)


def plain_object(values: object, name: str) -> dict[str, JSON]:
    """A mapping as a JSON object of its own.

    Raises
    ------
    ConfigurationError
        If it is no mapping of texts, or something in it is not plain JSON: nested more than 32 deep, not finite, beyond
        64 bits.
    """
    if not isinstance(values, Mapping):
        msg = f"{name} is {shown(values)}; expected a mapping of texts to plain JSON"
        raise ConfigurationError(msg)
    return _object(values, name, 1)


def _object(values: Mapping[object, object], name: str, depth: int) -> dict[str, JSON]:
    copied: dict[str, JSON] = {}
    for key, value in values.items():
        if not isinstance(key, str):
            msg = f"{name} holds the name {shown(key)}; expected texts as names"
            raise ConfigurationError(msg)
        copied[key] = _value(value, name, depth)
    return copied


def _value(value: object, name: str, depth: int) -> JSON:
    if value is None or isinstance(value, (str, bool)):
        return value
    if isinstance(value, Real):
        return _number(value, f"an entry of {name}")
    if depth == _DEEPEST:
        msg = f"{name} is nested more than {_DEEPEST} deep; expected plain JSON, flatter"
        raise ConfigurationError(msg)
    if isinstance(value, Mapping):
        return _object(value, name, depth + 1)
    if isinstance(value, np.ndarray):
        return _value(value.tolist(), name, depth)
    if isinstance(value, (list, tuple)):
        return [_value(entry, name, depth + 1) for entry in value]
    msg = f"{name} holds {shown(value)}; expected plain JSON: texts, finite numbers, lists and objects"
    raise ConfigurationError(msg)


def _number(value: object, name: str) -> int | float:
    """A finite number as Python's own."""
    if isinstance(value, Integral) and not isinstance(value, bool):
        if -_WHOLE <= (whole := int(value)) < 2 * _WHOLE:
            return whole
    elif isinstance(value, Real) and not isinstance(value, bool) and math.isfinite(value):
        return float(value)
    msg = f"{name} is {shown(value)}; expected a finite number within 64 bits"
    raise ConfigurationError(msg)
