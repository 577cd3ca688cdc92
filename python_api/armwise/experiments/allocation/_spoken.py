"""An allocation in another system's dialect, behind the face that the kernels' allocations have."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from armwise.experiments.allocation._keys import as_text
from armwise.experiments.allocation.dialects import Plan
from armwise.types import IntArray
from armwise_kernels.allocation import Bytes

__all__ = ["SpokenAllocation"]


class SpokenAllocation:
    """Assigns by a dialect's plan, one key after the other.

    Parameters
    ----------
    plan : Plan
        How the other system assigns.
    labels : tuple of str
        The variants.
    """

    def __init__(self, plan: Plan, labels: tuple[str, ...]) -> None:
        self._code = plan.code
        self._labels = labels

    def allocate(self, key: object, /) -> str | None:
        """Return the variant of a key, None outside."""
        code = self._code(as_text(key))
        return None if code < 0 else self._labels[code]

    def code(self, key: object, /) -> int:
        """Return the position of the variant of a key, -1 outside."""
        return self._code(as_text(key))

    def codes(self, keys: Sequence[object] | NDArray[np.generic], /) -> IntArray:
        """Return the codes of many keys, int32 (n,)."""
        listed = keys.tolist() if isinstance(keys, np.ndarray) else keys
        return np.fromiter((self._code(as_text(key)) for key in listed), dtype=np.int32, count=len(listed))

    def codes_arrow(self, offsets: NDArray[np.int32] | NDArray[np.int64], data: Bytes, /) -> IntArray:
        """Return the codes of the keys ``data[offsets[i]:offsets[i + 1]]``, int32 (n,)."""
        octets = bytes(data)
        if offsets[0] < 0 or offsets[-1] > len(octets) or (offsets[1:] < offsets[:-1]).any():
            msg = f"offsets: expected rising numbers within the {len(octets)} bytes"
            raise ValueError(msg)
        return self.codes([octets[start:end] for start, end in pairwise(offsets.tolist())])
