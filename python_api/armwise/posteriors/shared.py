"""Beta posteriors whose evidence several processes share, in a file that each of them maps."""

from __future__ import annotations

import mmap
import os
from typing import TYPE_CHECKING, Final, Self

import numpy as np
from numpy.typing import NDArray

from armwise.errors import ConfigurationError, SnapshotError, StoreError
from armwise.posteriors._shared_file import (
    FIRST_STREAM,
    MOST_STREAMS,
    STREAM_AT,
    WORD,
    Header,
    checked_path,
    created,
    read,
)
from armwise.posteriors.beta import BetaPosterior
from armwise.types import FloatArray, Label, State
from armwise_kernels import law
from armwise_kernels.layout import SharedArrays, padded

if TYPE_CHECKING:
    from pathlib import Path

    from armwise_kernels.protocol import Kernels

__all__ = ["SharedBetaPosterior", "SharedTable", "packed", "unpacked"]

_BITS: Final = np.uint64(law.WORD_BITS)
_COUNT: Final = np.uint64((1 << law.WORD_BITS) - 1)

Words = NDArray[np.uint64]


def packed(sums: NDArray[np.uint64], counts: NDArray[np.uint64]) -> Words:
    """Words of sums of rewards, in units of 1 / 4096, and of their counts; uint64 (K,)."""
    return sums << _BITS | counts


def unpacked(words: Words) -> tuple[Words, Words]:
    """The sums of rewards, in units of 1 / 4096, and their counts; uint64 (K,) each.

    Examples
    --------
    >>> sums, counts = unpacked(packed(np.array([2048], np.uint64), np.array([3], np.uint64)))
    >>> sums.tolist(), counts.tolist()
    ([2048], [3])
    """
    return words >> _BITS, words & _COUNT


class SharedTable:
    """One 64-bit word an arm in a mapped file; see ``native/src/shared.c`` for what a word holds.

    Parameters
    ----------
    path : Path
        The file.
    descriptor : int
        The file, open; closed here.
    header : Header
        As it was read.
    kernels : Kernels
        What reads and writes words by atomic steps.

    Raises
    ------
    StoreError
        If the file cannot be mapped.
    SnapshotError
        If a word cannot be.
    """

    def __init__(self, path: Path, descriptor: int, header: Header, kernels: Kernels) -> None:
        self.path = path
        self.arms = header.arms
        self.prior = header.prior
        self.seed = header.seed
        self._kernels = kernels
        try:
            self._mapped = mmap.mmap(descriptor, header.size)
        except (OSError, ValueError) as error:
            msg = f"{path} cannot be mapped: {error}; give a file on a local disk"
            raise StoreError(msg) from error
        finally:
            os.close(descriptor)
        self.words: Words = np.frombuffer(self._mapped, np.uint64, padded(len(self.arms)), header.words_at)
        self._next: Words = np.frombuffer(self._mapped, np.uint64, 1, STREAM_AT)
        self.load()

    @classmethod
    def open(
        cls,
        path: object,
        arms: tuple[Label, ...] | None,
        prior: tuple[float, float] | None,
        seed: int | None,
        fresh: Header,
        kernels: Kernels,
    ) -> Self:
        """The table at a path, made where there is none.

        Parameters
        ----------
        path : str or path-like
            The file; its folder is there.
        arms, prior, seed
            What it must be of; None for what it is.
        fresh : Header
            What to make it of where there is none; without arms there must be one.
        kernels : Kernels
            See the class.

        Raises
        ------
        ConfigurationError
            If there is none and no arms are given, or it is of others.
        SnapshotError
            If the file is no table, is torn, or is newer.
        StoreError
            If the file cannot be made, opened or mapped.
        """
        where = checked_path(path)
        found = read(where)
        if found is None:
            if arms is None:
                msg = f"there is no table at {where}; give arms to make one"
                raise ConfigurationError(msg)
            created(where, fresh)
            found = read(where)
        if found is None:
            msg = f"{where} went away while it was opened; keep it as long as processes share it"
            raise StoreError(msg)
        descriptor, header = found
        try:
            _require_same(where, header, arms, prior, seed)
        except ConfigurationError:
            os.close(descriptor)
            raise
        return cls(where, descriptor, header, kernels)

    def take_stream(self) -> int:
        """A stream that no process was or will be given, on the disk before this returns.

        Raises
        ------
        SnapshotError
            If the word it comes from was written by something else.
        """
        stream = self._kernels.word_take(self._next)
        if not FIRST_STREAM <= stream < MOST_STREAMS:
            msg = f"the next stream of {self.path} is {stream}, which nobody counted up to; {_ADVICE}"
            raise SnapshotError(msg)
        self._mapped.flush(0, STREAM_AT + WORD)
        return stream

    def load(self) -> Words:
        """A copy of the arms' words, uint64 (K,), each as it stood at one instant.

        Raises
        ------
        SnapshotError
            If one holds more rewards than it counts: something else wrote into the file.
        """
        words = self._kernels.words_load(self.words[: len(self.arms)])
        good = _good(*unpacked(words))
        if not good.all():
            arm = self.arms[int(np.argmin(good))]
            msg = f"the word of {arm!r} in {self.path} holds more rewards than it counts; {_ADVICE}"
            raise SnapshotError(msg)
        return words

    def store(self, words: Words) -> None:
        """Put checked words, uint64 (K,), in the place of those that are there, each by one step."""
        self._kernels.words_store(self.words[: len(self.arms)], words)

    def shapes(self) -> tuple[FloatArray, FloatArray]:
        """Alpha and beta of each arm now, float64 (K,) each."""
        sums, counts = unpacked(self.load())
        a, b = self.prior
        units = float(law.WORD_UNITS)
        return a + sums / units, b + (counts * np.uint64(law.WORD_UNITS) - sums) / units


_ADVICE: Final = "something else wrote into the file; stop the processes that share it, and restore a snapshot"


def _good(sums: Words, counts: Words) -> NDArray[np.bool_]:
    return (counts <= np.uint64(law.WORD_MOST)) & (sums <= counts * np.uint64(law.WORD_UNITS))


def _require_same(
    path: Path, header: Header, arms: tuple[Label, ...] | None, prior: tuple[float, float] | None, seed: int | None
) -> None:
    given = {"arms": arms and (arms, [type(arm) for arm in arms]), "prior": prior, "seed": seed}
    held = {"arms": (header.arms, [type(arm) for arm in header.arms]), "prior": header.prior, "seed": header.seed}
    for name, value in given.items():
        if value is not None and value != held[name]:
            msg = (
                f"{path} is of other {name} than these; leave {name} out to take those of the table, "
                "or give another file to begin anew"
            )
            raise ConfigurationError(msg)


class SharedBetaPosterior(BetaPosterior):
    """A posterior of this process that follows the words of a table.

    Parameters
    ----------
    table : SharedTable
        Whose arms, prior and words it takes.
    """

    def __init__(self, table: SharedTable) -> None:
        super().__init__(len(table.arms), prior=table.prior, half_life=0)
        self._words = table.words
        self._seen = np.zeros_like(table.words)

    def shared_arrays(self) -> SharedArrays:
        """What a core borrows beside :meth:`arrays`."""
        return SharedArrays(self._words, self._seen)

    def state(self) -> State:
        """As a posterior that is not shared, and the sums and counts of which it came to be."""
        sums, counts = unpacked(self._seen[: self.count])
        return super().state() | {"shared": {"sums": sums.tolist(), "counts": counts.tolist()}}
