"""Running means of rewards, for policies that keep no law."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from armwise._fields import INT64, Fields
from armwise._words import shown
from armwise.errors import ConfigurationError
from armwise.posteriors._columns import Columns, rows
from armwise.posteriors._numbers import real, whole
from armwise.types import FloatArray, State
from armwise_kernels import law
from armwise_kernels.layout import MeanArrays, padded

__all__ = ["MeanPosterior"]

_LARGEST: Final = sys.float_info.max
_MANY: Final = 1 << 53  # counts are kept as float64


class MeanPosterior(Columns):
    """The mean reward of each arm, and of how many rewards; an arm without rewards has a mean of zero."""

    def __init__(self, arms: int) -> None:
        super().__init__(arms)
        self._means = np.zeros(padded(arms), np.float64)
        self._counts = np.zeros(padded(arms), np.float64)

    @property
    def means(self) -> FloatArray:
        """Mean reward of each arm, float64 (K,), a copy."""
        return self._means[: self.count].copy()

    @property
    def counts(self) -> FloatArray:
        """Rewards of each arm, float64 (K,), whole numbers, a copy."""
        return self._counts[: self.count].copy()

    def arrays(self) -> MeanArrays:
        """The arrays as a core borrows them."""
        return MeanArrays(self.head, self.parameters, self.slots, self.stamps, self._means, self._counts)

    def check_prior(self, prior: object) -> None:
        """Refuse what is no pair of mean and count."""
        _mean_and_count(prior)

    def set_prior(self, position: int, prior: object) -> None:
        """Let one arm start as if it had had `count` rewards of mean `mean`."""
        mean, count = _mean_and_count(prior)
        # UCB1 takes the logarithm of a total, which must count what the arms count.
        self.head[law.HEAD_UPDATES] += count - int(self._counts[position])
        self._means[position] = mean
        self._counts[position] = count

    def _gather(self, order: NDArray[np.intp]) -> None:
        super()._gather(order)
        self._means = self._means[order]
        self._counts = self._counts[order]

    def state(self) -> State:
        """Everything but labels and seed."""
        return super().state() | {"means": rows(self.means), "counts": self.counts.astype(np.int64).tolist()}

    @classmethod
    def restored(cls, fields: Fields, arms: int) -> MeanPosterior:
        """The posterior of a state.

        Raises
        ------
        SnapshotError
            If the state is not what :meth:`state` gives.
        """
        posterior = cls(arms)
        posterior._restore(fields)
        posterior._means[:arms] = fields.numbers("means", (arms,), -_LARGEST, _LARGEST)
        counts = fields.wholes("counts", arms, 0, _MANY)
        posterior._counts[:arms] = counts
        if not fields.says("updates"):
            posterior.head[law.HEAD_UPDATES] = min(sum(counts), INT64)
        elif fields.whole("updates") < sum(counts):
            fields.refuse("updates", f"at least the sum of the counts, {sum(counts)}")
        return posterior


def _mean_and_count(prior: object) -> tuple[float, int]:
    """A checked prior of one arm."""
    if isinstance(prior, Sequence) and not isinstance(prior, str) and len(prior) == 2:
        mean, count = real(prior[0]), whole(prior[1])
        if abs(mean) <= _LARGEST and 0 <= count < _MANY and (count or mean == 0.0):
            return mean, count
    msg = (
        f"prior is {shown(prior)}; expected (mean, count): a finite mean reward and the number of rewards that it "
        "stands for, (0.0, 0) for none"
    )
    raise ConfigurationError(msg)
