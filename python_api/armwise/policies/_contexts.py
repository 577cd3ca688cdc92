"""Contexts as the kernels take them: float64, contiguous, of the right length, finite.

What is given back is always a copy: another thread may write into the caller's array between the check and the
kernel, and what was checked is what must be read.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from typing import Final, TypeGuard

import numpy as np
from numpy.typing import NDArray

from armwise._words import shown
from armwise.errors import ConfigurationError
from armwise.types import FloatArray
from armwise_kernels import law

__all__ = ["matrix", "vector"]

_EXPECTED: Final = "real numbers, as an array or a list"
_PLAIN: Final = frozenset({float, int, np.float64})
_REAL: Final = "iuf"
_FLAT: Final = (str, bytes, bytearray, memoryview)


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
    return _bounded(_real(context, "context", 1), (dim,), "context")


def matrix(contexts: object, dim: int, rows: int | None = None) -> FloatArray:
    """Contexts, float64 (rows, dim); any number of rows where `rows` is None.

    Raises
    ------
    ConfigurationError
        As :func:`vector`.
    """
    array = _real(contexts, "contexts", 2)
    wanted = len(array) if rows is None and array.ndim else rows or 0
    if not array.size and not wanted:
        return np.empty((0, dim), np.float64)
    return _bounded(array, (wanted, dim), "contexts")


def _bounded(array: FloatArray, shape: tuple[int, ...], name: str) -> FloatArray:
    if array.shape != shape:
        msg = f"{name} has shape {array.shape}; expected {shape}, the policy's dim is {shape[-1]}"
        raise ConfigurationError(msg)
    # A NaN is handed on by both, and fails the comparison.
    if not (array.min() >= -law.MAX_CONTEXT and array.max() <= law.MAX_CONTEXT):
        place = tuple(int(i) for i in np.argwhere(~(np.abs(array) <= law.MAX_CONTEXT))[0])
        where = ", ".join(map(str, place))
        msg = f"{name}[{where}] is {float(array[place])!r}; expected numbers within 1e100; impute or scale first"
        raise ConfigurationError(msg)
    return array


def _real(values: object, name: str, depth: int) -> FloatArray:
    """Real numbers as a C-contiguous float64 array of their own; refused where NumPy would guess."""
    if _is_list(values):
        _expect_real_members(values, name, depth)
    array = _read(values, name)
    if array.dtype == np.float64:
        return np.array(array, dtype=np.float64, order="C")
    with np.errstate(over="ignore"):  # an infinity is refused by its name later
        return np.array(array, dtype=np.float64, order="C")


def _expect_real_members(values: Sequence[object], name: str, depth: int) -> None:
    """Refuse what NumPy would turn into a number once it stands among numbers: truth values, masked entries."""
    if _PLAIN.issuperset(map(type, values)):
        return
    for place, value in enumerate(values):
        if type(value) is np.ndarray and value.dtype.kind in _REAL:
            continue
        if not _is_list(value):
            _read(value, f"{name}[{place}]")
        elif depth > 1:  # what is nested deeper than the contexts are is refused by its shape
            _expect_real_members(value, f"{name}[{place}]", depth - 1)


def _read(values: object, name: str) -> NDArray[np.generic]:
    """An array of real numbers, of any type and size; it may be the caller's own."""
    if not isinstance(values, np.ndarray):
        if isinstance(values, (str, bytes, Mapping, AbstractSet)):
            msg = f"{name} is {shown(values)}; expected {_EXPECTED}"
            raise ConfigurationError(msg)
        try:
            values = np.asarray(values)
        except (TypeError, ValueError) as error:
            msg = f"{name} cannot be read as an array ({error}); expected {_EXPECTED}"
            raise ConfigurationError(msg) from None
    if isinstance(values, np.ma.MaskedArray):
        msg = f"{name} is a masked array; fill what is missing first, as in {name}.filled(0.0)"
        raise ConfigurationError(msg)
    if values.dtype.kind not in _REAL:
        msg = f"{name} has dtype {values.dtype}; expected {_EXPECTED}; pass categories as a mapping"
        raise ConfigurationError(msg)
    return values


def _is_list(values: object) -> TypeGuard[Sequence[object]]:
    return isinstance(values, (list, tuple)) or (isinstance(values, Sequence) and not isinstance(values, _FLAT))
