"""Keys of allocation: a string, bytes or an integer each, one by one or many at a time."""

from __future__ import annotations

import operator
from collections.abc import Iterable, Iterator, Mapping
from collections.abc import Set as AbstractSet
from typing import Final, NamedTuple, Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

from armwise._words import shown
from armwise.errors import ConfigurationError

__all__ = ["Column", "Columns", "Key", "as_text", "columns", "key_bytes", "plain"]

Key: TypeAlias = str | bytes | int
"""Who or what is assigned. Integers are 64-bit; 7 and "7" are two keys, "a" and b"a" are one."""

_LOW: Final = -(1 << 63)
_HIGH: Final = (1 << 63) - 1
_BYTES: Final = ("B", "b", "c")
"""What buffers call bytes: NumPy and Python, Arrow, arrays of characters."""

_EXPECTED: Final = "expected a string, bytes or a 64-bit integer"


class Buffers(NamedTuple):
    """Keys as Arrow holds them: key i is ``data[offsets[i]:offsets[i + 1]]``."""

    offsets: NDArray[np.int32] | NDArray[np.int64]
    data: NDArray[np.uint8]


Column: TypeAlias = "list[object] | tuple[object, ...] | NDArray[np.generic] | Buffers"
Columns: TypeAlias = "Iterator[Column]"


class _ArrowArray(Protocol):
    """As much of ``pyarrow.Array`` as is read here, so that pyarrow itself need not be imported."""

    type: object
    offset: int
    null_count: int

    def buffers(self) -> list[object]: ...
    def __len__(self) -> int: ...


def key_bytes(key: object) -> bytes:
    """Return the bytes that are hashed: UTF-8, the bytes as they are, or 8 bytes of two's complement.

    Raises
    ------
    ConfigurationError
        If the key is no string, bytes or 64-bit integer, or is a string with a lone surrogate.
    """
    value = plain(key)
    if isinstance(value, str):
        return value.encode()
    if isinstance(value, bytes):
        return value
    return value.to_bytes(8, "little", signed=True)


def as_text(key: object) -> str:
    """Return the key as the other systems see it: integers in decimal, bytes as the UTF-8 that they are.

    Raises
    ------
    ConfigurationError
        If the key is none of these, or its bytes are no UTF-8.
    """
    value = plain(key)
    if isinstance(value, str):
        return value
    if isinstance(value, int):
        return str(value)
    try:
        return value.decode()
    except UnicodeDecodeError:
        msg = f"key is {value[:40]!r}, which is no UTF-8; a dialect hashes text, pass the key as a string"
        raise ConfigurationError(msg) from None


def plain(key: object) -> Key:
    """Return the key as exactly a str, bytes or int; what subclasses add is dropped, NumPy's scalars are unpacked.

    Raises
    ------
    ConfigurationError
        If the key is no string, bytes or 64-bit integer, or is a string with a lone surrogate.
    """
    if isinstance(key, str):
        text = str.__str__(key)
        try:
            text.encode()
        except UnicodeEncodeError as error:
            msg = (
                f"key is {text[:40]!r}, a string with a lone surrogate at {error.start}, which has no UTF-8;"
                " mend the string, or pass the bytes that identify the user"
            )
            raise ConfigurationError(msg) from None
        return text
    if isinstance(key, bytes):
        return bytes(key)
    if key is None:
        msg = f"key is None; {_EXPECTED}; decide first what serves a user who is not known"
        raise ConfigurationError(msg)
    if isinstance(key, (bool, np.bool_)):
        msg = f"key is {key!r}; {_EXPECTED}: a bool would be taken for 0 or 1"
        raise ConfigurationError(msg)
    if isinstance(key, (float, np.floating)):
        msg = f"key is {key!r}; {_EXPECTED}: floats do not identify; pass int(key), or its text"
        raise ConfigurationError(msg)
    try:
        number = operator.index(key)  # type: ignore[arg-type]
    except TypeError:
        msg = f"key is of type {type(key).__name__}; {_EXPECTED}; pass str(key) if its text identifies"
        raise ConfigurationError(msg) from None
    if not _LOW <= number <= _HIGH:
        msg = f"key is {shown(number)}; integers are keys in [-2**63, 2**63); pass str(key), and everywhere"
        raise ConfigurationError(msg)
    return number


def columns(keys: object) -> Columns:
    """Read many keys as columns that a kernel takes: lists, arrays of one dimension, or Arrow's buffers.

    Raises
    ------
    ConfigurationError
        If `keys` is one key, has no order, has nulls, or is an array of a kind that holds no keys.
    """
    if callable(getattr(keys, "iterchunks", None)):
        return (_arrow(chunk) for chunk in keys.iterchunks())  # type: ignore[attr-defined]
    return iter((_column(keys),))


def _column(keys: object) -> Column:
    """Read many keys that lie together."""
    if isinstance(keys, tuple) and _is_pair(keys):
        return _pair(*keys)
    if isinstance(keys, (list, tuple)):
        return keys
    if callable(getattr(keys, "buffers", None)):
        return _arrow(keys)  # type: ignore[arg-type]
    if hasattr(keys, "__array__"):
        return _array(np.asarray(keys))
    if isinstance(keys, (str, bytes, bytearray, memoryview)):
        msg = f"keys is {keys!r}, one key; put it in a list, or call allocate"
        raise ConfigurationError(msg)
    if isinstance(keys, Iterable) and not isinstance(keys, (AbstractSet, Mapping)):
        return list(keys)
    msg = (
        f"keys is of type {type(keys).__name__}; expected a list of keys, an array of strings, bytes or integers, a"
        " pair (offsets, bytes), or an Arrow array"
    )
    raise ConfigurationError(msg)


def _array(keys: NDArray[np.generic]) -> list[object] | NDArray[np.generic]:
    """Check an array of keys; one of objects becomes a list."""
    if keys.ndim != 1:
        msg = f"keys has shape {keys.shape}; expected one dimension, (n,)"
        raise ConfigurationError(msg)
    if keys.dtype.kind == "O":
        listed: list[object] = keys.tolist()
        return listed
    if keys.dtype.kind == "u" and keys.size and int(keys.max()) > _HIGH:
        msg = f"keys holds {keys.max()}; integers are keys in [-2**63, 2**63); pass strings, and everywhere"
        raise ConfigurationError(msg)
    if keys.dtype.kind in "iu":
        return np.ascontiguousarray(keys, dtype=np.int64)
    if keys.dtype.kind not in "SU":
        msg = f"keys has dtype {keys.dtype}; expected strings (U), bytes (S), integers, or objects of these"
        raise ConfigurationError(msg)
    return keys


def _is_pair(keys: tuple[object, ...]) -> bool:
    """Whether a tuple is (offsets, bytes) and not two keys."""
    return len(keys) == 2 and isinstance(keys[0], (np.ndarray, list))


def _pair(offsets: object, data: object) -> Buffers:
    """Check a pair of offsets and bytes; the kernel checks what the offsets say."""
    ends = np.asarray(offsets)
    if ends.ndim != 1 or not ends.size or ends.dtype.kind not in "iu" or ends.dtype == np.uint64:
        msg = f"offsets has dtype {ends.dtype}, shape {ends.shape}; expected n + 1 integers, int32 or int64"
        raise ConfigurationError(msg)
    octets = _octets(data)
    form = memoryview(data).format  # type: ignore[arg-type]  # it is a buffer, or was refused
    if octets.size and form not in _BYTES:
        msg = f"the bytes of the keys are a buffer of format {form!r}; expected bytes, or an array of uint8"
        raise ConfigurationError(msg)
    if ends.dtype.kind == "i" and ends.dtype.itemsize == 4:
        return Buffers(np.ascontiguousarray(ends, dtype=np.int32), octets)
    return Buffers(np.ascontiguousarray(ends, dtype=np.int64), octets)


def _octets(data: object) -> NDArray[np.uint8]:
    """Any buffer as bytes, without a copy."""
    try:
        view = memoryview(data)  # type: ignore[arg-type]  # refused below where it is no buffer
        return np.frombuffer(view.cast("B") if view.nbytes else b"", dtype=np.uint8)
    except (TypeError, ValueError, BufferError) as error:
        msg = f"the bytes of the keys are of type {type(data).__name__} ({error}); expected contiguous bytes"
        raise ConfigurationError(msg) from None


def _arrow(array: _ArrowArray) -> Column:
    """Read an Arrow array by its buffers: strings, binary and integers."""
    kind, start, count = str(array.type), int(array.offset), len(array)
    if array.null_count:
        msg = f"keys holds {array.null_count} nulls; a null is no key, drop them first"
        raise ConfigurationError(msg)
    if kind in {"string", "utf8", "binary", "large_string", "large_utf8", "large_binary"}:
        _, offsets, data = array.buffers()
        if offsets is None:  # an array of no keys need not have any
            return []
        width = np.dtype(np.int64 if kind.startswith("large") else np.int32)
        ends = np.frombuffer(offsets, dtype=width, count=count + 1, offset=start * width.itemsize)  # type: ignore[call-overload]
        return Buffers(ends, _octets(b"" if data is None else data))
    if kind in {"int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64"}:
        width = np.dtype(kind)
        values = array.buffers()[1]
        if values is None:
            return []
        return _array(np.frombuffer(values, dtype=width, count=count, offset=start * width.itemsize))  # type: ignore[call-overload]
    msg = f"keys is an Arrow array of {kind}; expected strings, binary or integers; cast it first"
    raise ConfigurationError(msg)
