"""A table of allocation in Python, over the jit kernels. Twin of the C type in native/fast/allocation.c."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from armwise_kernels.allocation import GREATEST_INT, LEAST_INT, WORD, checked, codes_of, codes_of_arrow
from armwise_kernels.jit_allocate import hash_cells, hash_slices, hash_text, hash_words
from armwise_kernels.jit_xxh3 import SECRET_WORDS, secret_of, xxh3

if TYPE_CHECKING:
    from armwise_kernels.allocation import AllocationSpec, Bytes, Careful, Codes, Keys, Octets


def read_only(array: NDArray[Any]) -> NDArray[Any]:
    """A view that cannot be written: to Numba what can be is another type, and would cost another compilation."""
    view = array.view()
    view.flags.writeable = False
    return view


def secret(seed: int) -> NDArray[np.uint64]:
    """What hashing under a seed takes."""
    words = np.empty(SECRET_WORDS, np.uint64)
    secret_of(np.uint64(seed), words)
    return words


class PythonAllocation:
    """Which variant a key belongs to; see :class:`armwise_kernels.protocol.Allocation`.

    Parameters
    ----------
    spec
        The table.
    careful
        The bytes of a key that is none as it stands; it may raise.

    Raises
    ------
    TypeError, ValueError
        The spec is not what :class:`armwise_kernels.allocation.AllocationSpec` says.
    """

    __slots__ = ("_bounds", "_careful", "_codes", "_labels", "_last", "_modulo", "_secret", "_space")

    def __init__(self, spec: AllocationSpec, careful: Careful) -> None:
        good = checked(spec)
        if not callable(careful):
            message = f"careful: expected a callable, got {careful!r}"
            raise TypeError(message)
        self._labels, self._modulo, self._careful = good.labels, good.modulo, careful
        self._bounds, self._codes = good.bounds.copy(), good.codes.copy()
        self._last = good.bounds.tolist()
        self._secret = secret(good.seed)
        self._space = None if good.namespace is None else (secret(good.namespace[0]), *good.namespace[1:])

    def allocate(self, key: object, /) -> str | None:
        """The label of the key's variant; None where it is not in the experiment."""
        code = self.code(key)
        return None if code < 0 else self._labels[code]

    def code(self, key: object, /) -> int:
        """The place of that label among the labels; -1 where the key is not in the experiment."""
        octets = np.frombuffer(self._octets(key), np.uint8)
        if self._space is not None:
            words, first, last = self._space
            if not first <= xxh3(words, octets, 0, octets.size) <= last:
                return -1
        h = int(xxh3(self._secret, octets, 0, octets.size))
        return int(self._codes[bisect_left(self._last, h % self._modulo if self._modulo else h)])

    def codes(self, keys: Keys, /) -> Codes:
        """Codes of many keys, int32 (n,)."""
        return codes_of(self, keys)

    def codes_arrow(self, offsets: NDArray[np.int32] | NDArray[np.int64], data: Bytes, /) -> Codes:
        """Codes of keys between offsets, int32 (n,)."""
        return codes_of_arrow(self, offsets, data)

    def _octets(self, key: object) -> bytes:
        """The bytes of a key."""
        if type(key) is str:
            try:
                return key.encode()
            except UnicodeEncodeError:
                pass
        elif type(key) is bytes:
            return key
        elif type(key) is int and LEAST_INT <= key <= GREATEST_INT:
            return key.to_bytes(WORD, "little", signed=True)
        octets = self._careful(key)
        if not isinstance(octets, bytes):
            message = f"key: expected its bytes, got {octets!r}"
            raise TypeError(message)
        return octets

    def _looked_up(self, hashed: Callable[[NDArray[np.uint64], NDArray[np.uint64]], bool | None], out: Codes) -> bool:
        """Write the codes of what ``hashed(secret, hashes)`` fills; False where that is its answer."""
        hashes = np.empty(out.size, np.uint64)
        if hashed(self._secret, hashes) is False:
            return False
        if self._modulo:
            hashes %= np.uint64(self._modulo)
        out[:] = self._codes[np.searchsorted(self._bounds, hashes)]
        if self._space is not None:
            words, first, last = self._space
            hashed(words, hashes)
            out[(hashes < np.uint64(first)) | (hashes > np.uint64(last))] = -1
        return True

    def of_list(self, keys: Sequence[object], out: Codes, /) -> None:
        """Codes of members that are keys one by one."""
        found = [self._octets(key) for key in keys]
        offsets = np.zeros(len(found) + 1, np.int64)
        np.cumsum([len(octets) for octets in found], out=offsets[1:])
        self.of_arrow(offsets, np.frombuffer(b"".join(found), np.uint8), out)

    def of_int64(self, keys: NDArray[np.int64], out: Codes, /) -> None:
        """Codes of whole numbers."""
        given = read_only(keys)
        self._looked_up(lambda words, hashes: hash_words(words, given, hashes), out)

    def of_bytes(self, cells: Octets, width: int, out: Codes, /) -> None:
        """Codes of bytes in cells."""
        given = read_only(cells)
        self._looked_up(lambda words, hashes: hash_cells(words, given, width, hashes), out)

    def of_utf32(self, cells: NDArray[np.uint32], width: int, out: Codes, /) -> bool:
        """Codes of text in cells; False where some has no UTF-8."""
        given, scratch = read_only(cells), np.empty(4 * width, np.uint8)
        return self._looked_up(lambda words, hashes: hash_text(words, given, width, scratch, hashes), out)

    def of_arrow(self, offsets: NDArray[np.int32] | NDArray[np.int64], data: Octets, out: Codes, /) -> None:
        """Codes of keys between offsets."""
        places, given = read_only(offsets), read_only(data)
        if not self._looked_up(lambda words, hashes: hash_slices(words, places, given, hashes), out):
            message = "offsets must not fall, and must lie within the data"
            raise ValueError(message)
