"""The arrays that a core borrows, kind by kind, in the order in which :meth:`Core.bind` takes them.

NumPy owns them, C and Numba borrow them. K arms stand in the columns 0 .. K-1, in the order of their slots; the
columns K .. P-1, at least one, hold the prior: an arm that the state does not know is drawn from column K.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from armwise_kernels import law

if TYPE_CHECKING:
    from numpy.typing import NDArray


def padded(arms: int) -> int:
    """Columns for so many arms and at least one column of prior.

    >>> padded(7), padded(8)
    (8, 16)
    """
    return (arms // law.LANES + 1) * law.LANES


def zeros(*shape: int) -> NDArray[np.float64]:
    """Return float64 zeros that begin on a cache line: a vector across two lines is slow to load.

    >>> zeros(3, 5).ctypes.data % 64
    0
    """
    size = math.prod(shape)
    room = np.zeros(size + law.LANES)
    skipped = -room.ctypes.data // room.itemsize % law.LANES
    return room[skipped : skipped + size].reshape(shape)


class BetaArrays(NamedTuple):
    """``thompson``."""

    head: NDArray[np.int64]  # (HEAD_SIZE,)
    parameters: NDArray[np.float64]  # (PARAMETERS,)
    slots: NDArray[np.uint32]  # (P,)
    stamps: NDArray[np.int64]  # (P,) the version at which a column last changed
    table: NDArray[np.float64]  # (BETA_ROWS, P)
    evidence: NDArray[np.float64]  # (4, P)
    rates: NDArray[np.uint64]  # (P,)
    leaders: NDArray[np.int32]  # (64,) positions, ascending


class SharedArrays(NamedTuple):
    """What a ``thompson`` core takes after its own arrays where several processes share the evidence."""

    words: NDArray[np.uint64]  # (P,) written by every process, by atomic steps alone
    seen: NDArray[np.uint64]  # (P,) the words from which the columns were computed


class DiagonalArrays(NamedTuple):
    """``lints_diag``."""

    head: NDArray[np.int64]
    parameters: NDArray[np.float64]
    slots: NDArray[np.uint32]
    stamps: NDArray[np.int64]
    blocks: NDArray[np.float64]  # (P / 8, dim, 2, 8): posterior mean, variance
    precision: NDArray[np.float64]  # (P, dim): what was added to the prior precision, in units of the landmark
    weighted: NDArray[np.float64]  # (P, dim): b, the sum of reward * x, in units of the landmark


class FullArrays(NamedTuple):
    """``lints``."""

    head: NDArray[np.int64]
    parameters: NDArray[np.float64]
    slots: NDArray[np.uint32]
    stamps: NDArray[np.int64]
    blocks: NDArray[np.float64]  # (P / 8, dim * (dim + 1) / 2 + dim, 8): rows of the Cholesky factor L, then L^-1 b
    weighted: NDArray[np.float64]  # (P, dim): b


class MeanArrays(NamedTuple):
    """``epsilon_greedy`` and ``ucb1``."""

    head: NDArray[np.int64]
    parameters: NDArray[np.float64]
    slots: NDArray[np.uint32]
    stamps: NDArray[np.int64]
    means: NDArray[np.float64]  # (P,)
    counts: NDArray[np.float64]  # (P,) whole numbers
