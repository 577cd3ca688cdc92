"""From Python objects to what the kernels take, and nothing changed until all of them are good.

Twin of ``native/fast/arguments.c``: ``TypeError`` where a thing is not what was asked for, ``ValueError`` or
``OverflowError`` where it is out of range.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, SupportsFloat, SupportsIndex, TypeVar

import numpy as np
from numpy.typing import NDArray

from armwise_kernels import law

if TYPE_CHECKING:
    from armwise_kernels.protocol import Floats, Label

S = TypeVar("S", bound=np.generic)


def whole_time(now: object) -> int:
    """Whole nanoseconds since the epoch, as a plain int."""
    if type(now) is not int:
        message = f"now: expected None or whole nanoseconds, got {shown(now)}"
        raise TypeError(message)
    if now < 0:
        message = f"now: expected nanoseconds since the epoch, got {now}"
        raise ValueError(message)
    if now >= law.END_OF_TIME:
        message = f"now: expected nanoseconds below 2**62, got {now}"
        raise OverflowError(message) if now >> 63 else ValueError(message)
    return now


def listed(name: str, values: object, dtype: type[S], shape: tuple[int, ...]) -> NDArray[S]:
    """A contiguous array of a type and a shape; -1 stands for any length.

    What cannot be written is copied: to Numba it would be another type, and cost another compilation.
    """
    if (
        isinstance(values, np.ndarray)
        and values.dtype == dtype
        and values.ndim == len(shape)
        and all(wanted in (-1, given) for wanted, given in zip(shape, values.shape, strict=True))
        and values.flags.c_contiguous
    ):
        return values if values.flags.carray else values.copy()
    given = f"{values.dtype} {values.shape}" if isinstance(values, np.ndarray) else repr(values)[:60]
    message = f"{name}: expected a C-contiguous {dtype.__name__} array {shape}, got {given}"
    raise TypeError(message)


def contexts(name: str, values: object, shape: tuple[int, ...]) -> Floats:
    """One context (dim,), or contexts (n, dim), of finite numbers within MAX_CONTEXT.

    A subclass of ndarray may mean something else by its numbers, as a masked array does, and is refused.
    """
    if type(values) is not np.ndarray:
        message = f"{name}: expected a numpy.ndarray, got {type(values).__name__}"
        raise TypeError(message)
    array = listed(name, values, np.float64, shape)
    if not (np.abs(array) <= law.MAX_CONTEXT).all():
        message = f"{name}: expected finite numbers within {law.MAX_CONTEXT:g}"
        raise ValueError(message)
    return array


def real_number(name: str, value: object) -> float:
    """A real number: what ``float()`` reads, an array without dimensions too.

    Not a truth value, not text, and nothing of which a part would be dropped: a mask, an imaginary part, a dimension.
    """
    if type(value) is float:  # the others cost a microsecond
        return value
    good = not isinstance(value, bool)
    if isinstance(value, (np.ndarray, np.generic)):
        good = not value.ndim and value.dtype.kind in "biuf" and not isinstance(value, np.ma.MaskedArray)
    if good and isinstance(value, (SupportsFloat, SupportsIndex)):
        return float(value)
    message = f"{name}: expected a number, got {shown(value)}"
    raise TypeError(message)


def shown(value: object) -> str:
    """A value for a message, in few words; its type where Python cannot write it out."""
    try:
        return f"{value!r:.60}"
    except (ValueError, RecursionError):  # too many digits, or lists too deep
        return f"a {type(value).__name__}"


def same_types(a: tuple[Label, ...], b: tuple[Label, ...]) -> bool:
    """Whether equal labels are the same: 1, 1.0 and True are equal, and are three labels."""
    return all(type(x) is type(y) for x, y in zip(a, b, strict=True))
