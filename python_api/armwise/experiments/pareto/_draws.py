"""The draws of Pareto Thompson sampling, by address.

The addressing law (docs/reproducibility.md) knows one draw for each arm and decision; here there is one for each
objective too. So each objective has a seed of its own, and under it the policy's own stream, slots and counters.
The seeds are the keys of streams from 2**63 up under the policy's seed, where no policy draws:

    2**63 + 0               which arm of the front (slot 0, purpose 4, as epsilon-greedy picks an arm)
    2**63 + 1 + j           the draws of objective j
    2**63 + 2**32 + 1 + j   those that propensities are estimated from, on stream 0, decisions 0, 1, 2, ...
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import numpy as np
from numpy.typing import NDArray

from armwise.experiments.pareto.front import undominated
from armwise.types import FloatArray, IntArray
from armwise_kernels import law
from armwise_kernels.protocol import Kernels

__all__ = ["FrontDraws"]

_SEEDS: Final = 1 << 63
_ESTIMATES: Final = 1 << 32
_CELLS: Final = 1 << 18
_WORK: Final = 1 << 24
_LEAST, _MOST = 256, 4096
_PART: Final = 128
_WORD: Final = 0xFFFFFFFF


class FrontDraws:
    """Fronts of draws from Beta laws, and uniform choices from them.

    Parameters
    ----------
    kernels : Kernels
        The backend.
    seed : int
        The policy's seed.
    objectives : int
        How many.
    """

    def __init__(self, kernels: Kernels, seed: int, objectives: int) -> None:
        self._kernels = kernels
        self._choice = kernels.stream_key(seed, _SEEDS)
        self._seeds = [kernels.stream_key(seed, _SEEDS + 1 + j) for j in range(objectives)]
        self._estimate_seeds = [kernels.stream_key(seed, _SEEDS + _ESTIMATES + 1 + j) for j in range(objectives)]

    def choices(
        self, shapes: FloatArray, slots: NDArray[np.intp], stream: int, decision: int, count: int
    ) -> Iterator[tuple[IntArray, IntArray]]:
        """Choose an arm at each of `count` decisions, in batches.

        Parameters
        ----------
        shapes : ndarray of float64, shape (m, 2, S)
            Alpha and beta of every objective, by slot.
        slots : ndarray of intp, shape (K,)
            The slots of the candidates, rising.
        stream, decision, count : int
            Where in the policy's own stream.

        Yields
        ------
        positions, sizes : ndarray of int32, shape (b,)
            The place of the chosen arm in `slots`, and how many arms the front held.
        """
        step = self._step(shapes, slots)
        for start in range(decision, decision + count, step):
            n = min(step, decision + count - start)
            fronts = self._fronts(self._seeds, shapes, slots, stream, start, n)
            yield self._picked(fronts, stream, start)

    def choice(self, shapes: FloatArray, slots: NDArray[np.intp], stream: int, decision: int) -> tuple[int, int]:
        """Choose an arm at one decision, as :meth:`choices` does."""
        (on,) = self._fronts(self._seeds, shapes, slots, stream, decision, 1)[:, 0].nonzero()
        counter = [0, decision & _WORD, decision >> 32, law.PURPOSE_EPSILON << 24]
        high, low, *_ = self._kernels.philox([counter], self._choice_key(stream))[0].tolist()
        return int(on[((high << 32 | low) * len(on)) >> 64]), len(on)

    def chances(self, shapes: FloatArray, slots: NDArray[np.intp]) -> tuple[FloatArray, int]:
        """Estimate how probably each candidate is chosen.

        Each of N fronts gives each of its arms an equal share of one.

        Returns
        -------
        chances : ndarray of float64, shape (K,)
            They sum to 1.
        draws : int
            N: 4,096, and fewer where there are many pairs of arms to compare, but at least 256.
        """
        count = min(_MOST, max(_LEAST, _WORK // (len(shapes) * len(slots) ** 2)))
        step = self._step(shapes, slots)
        total = np.zeros(len(slots))
        for start in range(0, count, step):
            fronts = self._fronts(self._estimate_seeds, shapes, slots, 0, start, min(step, count - start))
            total += (fronts / fronts.sum(axis=0)).sum(axis=1)
        chances: FloatArray = total / total.sum()
        return chances, count

    def _step(self, shapes: FloatArray, slots: NDArray[np.intp]) -> int:
        """How many decisions are drawn at a time."""
        cells: int = max(len(slots) ** 2, shapes.shape[2])
        return max(16, _CELLS // cells)

    def _fronts(
        self, seeds: list[int], shapes: FloatArray, slots: NDArray[np.intp], stream: int, decision: int, count: int
    ) -> NDArray[np.bool_]:
        """Which candidates stand on the front of the draws, bool (K, count)."""
        reach = int(slots[-1]) + 1
        drawn = np.empty((len(seeds), count, reach))
        for row, seed, (a, b) in zip(drawn, seeds, shapes[:, :, :reach], strict=True):
            row[:] = self._kernels.beta_draws(a, b, seed=seed, stream=stream, decision=decision, n=count)
        if len(slots) < reach:
            drawn = drawn[:, :, slots]
        draws = drawn.swapaxes(1, 2)
        if count < _PART:
            return undominated(draws, draws)
        # Decisions last where they are many: what is done for each pair of arms runs along them.
        parts = (np.ascontiguousarray(draws[:, :, i : i + _PART]) for i in range(0, count, _PART))
        return np.concatenate([undominated(part, part) for part in parts], axis=1)

    def _picked(self, fronts: NDArray[np.bool_], stream: int, decision: int) -> tuple[IntArray, IntArray]:
        """One arm of each front, each with the same chance, and the sizes of the fronts."""
        count = fronts.shape[1]
        number = np.arange(decision, decision + count, dtype=np.uint64)
        counters = np.zeros((count, 4), np.uint32)
        counters[:, 1] = number & np.uint64(_WORD)
        counters[:, 2] = number >> np.uint64(32)
        counters[:, 3] = law.PURPOSE_EPSILON << 24
        words = self._kernels.philox(counters, self._choice_key(stream)).astype(np.uint64)
        sizes = fronts.sum(axis=0)
        wide = sizes.astype(np.uint64)
        # The high word of (64 bits) * size, which is below the size.
        ranks = (words[:, 0] * wide + (words[:, 1] * wide >> np.uint64(32))) >> np.uint64(32)
        passed = fronts.cumsum(axis=0) > ranks.astype(np.int64)
        return passed.argmax(axis=0).astype(np.int32), sizes.astype(np.int32)

    def _choice_key(self, stream: int) -> list[int]:
        """The words of the key that choices from fronts are drawn under."""
        key = self._kernels.stream_key(self._choice, stream)
        return [key & _WORD, key >> 32]
