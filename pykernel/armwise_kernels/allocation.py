"""What both backends ask of an allocation: its table, and the arrays that hold many keys."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final, NamedTuple, Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

from armwise_kernels._arguments import number

Bounds: TypeAlias = NDArray[np.uint64]
Codes: TypeAlias = NDArray[np.int32]
Octets: TypeAlias = NDArray[np.uint8]
Bytes: TypeAlias = bytes | bytearray | memoryview | NDArray[Any]
Keys: TypeAlias = Sequence[object] | NDArray[Any]
Careful: TypeAlias = Callable[[object], bytes]

LAST_HASH: Final = (1 << 64) - 1
MOST_CODES: Final = (1 << 31) - 1
LEAST_INT: Final = -(1 << 63)
GREATEST_INT: Final = (1 << 63) - 1
WORD: Final = 8
CODE_POINT: Final = 4
PLAIN: Final = frozenset({np.ndarray, np.memmap})
"""The members of a masked array, as of one of objects, of booleans or of times, are looked at one by one."""


class AllocationSpec(NamedTuple):
    """A table of allocation, see :meth:`armwise_kernels.Kernels.allocation`.

    A key's hash is XXH3-64 of its bytes under ``seed``. Range ``i`` holds the hashes in ``(bounds[i - 1],
    bounds[i]]``, range 0 those from 0 to ``bounds[0]``; what falls into it has code ``codes[i]``.
    """

    seed: int
    """In [0, 2**64): of the hash that chooses the variant."""
    bounds: Bounds
    """uint64 (R,), strictly ascending: the last hash of each range. It ends at 2**64 - 1 or, under the modulo law, at
    ``modulo - 1`` or above."""
    codes: Codes
    """int32 (R,): a place in ``labels``, or -1 where nobody is in the experiment."""
    labels: tuple[str, ...]
    """The variants, exactly str."""
    modulo: int = 0
    """0, or a total: then the hash modulo the total is looked up."""
    namespace: tuple[int, int, int] | None = None
    """(seed, first, last): a key whose hash under this seed is not in [first, last] has code -1."""


def checked(spec: AllocationSpec) -> AllocationSpec:
    """Return the spec with its arrays contiguous, or raise TypeError or ValueError.

    >>> spec = AllocationSpec(7, np.array([2**63 - 1, 2**64 - 1], np.uint64), np.array([0, 1], np.int32), ("a", "b"))
    >>> checked(spec).labels
    ('a', 'b')
    """
    bounds, codes = _vector("bounds", spec.bounds, np.uint64), _vector("codes", spec.codes, np.int32)
    labels, modulo = spec.labels, number("modulo", spec.modulo, 64)
    if type(labels) is not tuple or any(type(label) is not str for label in labels):
        message = f"labels: expected a tuple of str, got {labels!r}"
        raise TypeError(message)
    if not 1 <= bounds.size <= MOST_CODES or bounds.size != codes.size:
        message = f"bounds and codes: expected one length of one and more, got {bounds.size} and {codes.size}"
        raise ValueError(message)
    end = modulo - 1 if modulo else LAST_HASH
    if not (bounds[1:] > bounds[:-1]).all() or int(bounds[-1]) < end:
        message = f"bounds: expected strictly ascending numbers to {end}, got {bounds}"
        raise ValueError(message)
    if int(codes.min()) < -1 or int(codes.max()) >= len(labels):
        message = f"codes: expected -1 to {len(labels) - 1}, got {codes.min()} to {codes.max()}"
        raise ValueError(message)
    namespace = None if spec.namespace is None else _namespace(spec.namespace)
    return AllocationSpec(number("seed", spec.seed, 64), bounds, codes, labels, modulo, namespace)


def _vector(name: str, values: NDArray[Any], dtype: type[np.uint64 | np.int32]) -> NDArray[Any]:
    if not isinstance(values, np.ndarray) or values.dtype != dtype or values.ndim != 1:
        message = f"{name}: expected a one-dimensional array of {np.dtype(dtype)}, got {values!r}"
        raise TypeError(message)
    return np.require(values, dtype, ["C", "A"])


def _namespace(given: tuple[int, int, int]) -> tuple[int, int, int]:
    names = ("namespace's seed", "namespace's first hash", "namespace's last hash")
    seed, first, last = (number(name, value, 64) for name, value in zip(names, given, strict=True))
    if first > last:
        message = f"namespace: expected first <= last, got {first} and {last}"
        raise ValueError(message)
    return seed, first, last


class Batches(Protocol):
    """What a backend does with many keys at once: each call writes their codes into ``out``."""

    def of_list(self, keys: Sequence[object], out: Codes, /) -> None:
        """Codes of members that are keys one by one."""
        ...

    def of_int64(self, keys: NDArray[np.int64], out: Codes, /) -> None:
        """Codes of whole numbers."""
        ...

    def of_bytes(self, cells: Octets, width: int, out: Codes, /) -> None:
        """Codes of bytes in cells of ``width`` bytes, without the zeros at their ends."""
        ...

    def of_utf32(self, cells: NDArray[np.uint32], width: int, out: Codes, /) -> bool:
        """Codes of text in cells of ``width`` code points, without the zeros; False where some has no UTF-8."""
        ...

    def of_arrow(self, offsets: NDArray[np.int32] | NDArray[np.int64], data: Octets, out: Codes, /) -> None:
        """Codes of the bytes between offsets; ValueError where these fall or lead outside."""
        ...


def codes_of(table: Batches, keys: Keys) -> Codes:
    """Codes of many keys, int32 (n,); see :meth:`armwise_kernels.protocol.Allocation.codes`."""
    if not isinstance(keys, np.ndarray):
        if not isinstance(keys, list | tuple):
            message = f"keys: expected a list, a tuple or a NumPy array, got {type(keys).__name__}"
            raise TypeError(message)
        return _of_members(table, keys)
    if keys.ndim != 1:
        message = f"keys: expected one dimension, got shape {keys.shape}"
        raise ValueError(message)
    kind = keys.dtype.kind if type(keys) in PLAIN else ""
    if kind == "i" or (kind == "u" and not (keys.dtype.itemsize == WORD and (keys > GREATEST_INT).any())):
        out = np.empty(keys.size, np.int32)
        table.of_int64(np.require(keys, np.int64, ["C", "A"]), out)
        return out
    if kind in {"S", "U"}:
        return _of_cells(table, keys)
    return _of_members(table, list(keys))


def _of_members(table: Batches, keys: Sequence[object]) -> Codes:
    out = np.empty(len(keys), np.int32)
    table.of_list(keys, out)
    return out


def _of_cells(table: Batches, keys: NDArray[Any]) -> Codes:
    out, kind = np.empty(keys.size, np.int32), keys.dtype.kind
    # an array of nothing but empty keys may have cells of no width
    width = max(keys.dtype.itemsize // (1 if kind == "S" else CODE_POINT), 1)
    cells = np.require(keys, f"={kind}{width}", ["C", "A"]).view(np.ndarray)
    if kind == "S":
        table.of_bytes(cells.view(np.uint8), width, out)
    elif not table.of_utf32(cells.view(np.uint32), width, out):
        table.of_list(keys.tolist(), out)  # what has no UTF-8 is left to the caller there
    return out


def codes_of_arrow(table: Batches, offsets: NDArray[Any], data: Bytes) -> Codes:
    """Codes of keys between offsets; see :meth:`armwise_kernels.protocol.Allocation.codes_arrow`."""
    places = np.asarray(offsets)
    if places.dtype not in {np.dtype(np.int32), np.dtype(np.int64)} or places.ndim != 1:
        message = f"offsets: expected a one-dimensional array of int32 or int64, got {places.dtype} {places.shape}"
        raise TypeError(message)
    if not places.size:
        message = "offsets: expected one more than there are keys, got none"
        raise ValueError(message)
    out = np.empty(places.size - 1, np.int32)
    table.of_arrow(np.require(places, requirements=["C", "A"]), octets_of("data", data), out)
    return out


def octets_of(name: str, data: Bytes) -> Octets:
    """Return what a contiguous buffer holds as uint8 (n,), without a copy, or raise TypeError.

    >>> octets_of("data", b"ab").tolist()
    [97, 98]
    """
    try:
        return np.frombuffer(data, np.uint8)
    except (TypeError, ValueError, BufferError) as problem:
        message = f"{name}: expected bytes or a contiguous buffer, got {type(data).__name__}"
        raise TypeError(message) from problem
