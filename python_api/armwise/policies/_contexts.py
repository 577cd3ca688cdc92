"""Contexts as the kernels take them: float64, contiguous, of the right length, finite."""

from __future__ import annotations

from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from typing import Final

import numpy as np

from armwise.errors import ConfigurationError
from armwise.types import FloatArray
from armwise_kernels import law

__all__ = ["matrix", "vector"]

_EXPECTED: Final = "real numbers, as an array or a list"


def vector(context: object, dim: int) -> FloatArray:
    """One context, float64 (dim,).

    Raises
    ------
    ConfigurationError
        If it is missing, does not hold real numbers, has another length, or an entry is not finite or beyond
        1e100.
    """
    if context is None:
        msg = f"context is missing; this policy needs {dim} numbers, or a mapping of features"
        raise ConfigurationError(msg)
    return _bounded(_real(context, "context"), (dim,), "context")


def matrix(contexts: object, dim: int, rows: int | None = None) -> FloatArray:
    """Contexts, float64 (rows, dim); any number of rows where `rows` is None.

    Raises
    ------
    ConfigurationError
        As :func:`vector`.
    """
    array = _real(contexts, "contexts")
    wanted = len(array) if rows is None and array.ndim else rows or 0
    if not array.size and not wanted:
        return np.empty((0, dim), np.float64)
    return _bounded(array, (wanted, dim), "contexts")


def _bounded(array: FloatArray, shape: tuple[int, ...], name: str) -> FloatArray:
    if array.shape != shape:
        msg = f"{name} has shape {array.shape}; expected {shape}, the policy's dim is {shape[-1]}"
        raise ConfigurationError(msg)
    inside = np.abs(array) <= law.MAX_CONTEXT
    if not inside.all():
        place = tuple(int(i) for i in np.argwhere(~inside)[0])
        where = ", ".join(map(str, place))
        msg = f"{name}[{where}] is {float(array[place])!r}; expected numbers within 1e100; impute or scale first"
        raise ConfigurationError(msg)
    return array


def _real(values: object, name: str) -> FloatArray:
    """Real numbers as a C-contiguous float64 array; refused where NumPy would guess."""
    if not isinstance(values, np.ndarray):
        if isinstance(values, (str, bytes, Mapping, AbstractSet)) or _holds_bool(values):
            msg = f"{name} is {values!r}; expected {_EXPECTED}"
            raise ConfigurationError(msg)
        try:
            values = np.asarray(values)
        except (TypeError, ValueError) as error:
            msg = f"{name} cannot be read as an array ({error}); expected {_EXPECTED}"
            raise ConfigurationError(msg) from None
    if isinstance(values, np.ma.MaskedArray):
        msg = f"{name} is a masked array; fill what is missing first, as in {name}.filled(0.0)"
        raise ConfigurationError(msg)
    if values.dtype.kind not in "iuf":
        msg = f"{name} has dtype {values.dtype}; expected {_EXPECTED}; pass categories as a mapping"
        raise ConfigurationError(msg)
    if values.dtype == np.float64:
        return np.asarray(values, dtype=np.float64, order="C")
    with np.errstate(over="ignore"):  # an infinity is refused by its name later
        return np.asarray(values, dtype=np.float64, order="C")


def _holds_bool(values: object) -> bool:
    """Whether a list holds a truth value, which NumPy would turn into a number beside numbers."""
    if not isinstance(values, (list, tuple)):
        return False
    types = set(map(type, values))
    if types <= {float, int}:
        return False
    return not types.isdisjoint({bool, np.bool_}) or any(map(_holds_bool, values))
