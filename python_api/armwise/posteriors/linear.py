"""Normal posteriors of linear models: reward ~ N(x . theta, sigma^2), theta ~ N(0, sigma^2 / precision).

After contexts x with rewards r, A = precision I + sum x x^T and b = sum r x, and theta ~ N(A^-1 b, sigma^2
A^-1): Agrawal & Goyal, "Thompson sampling for contextual bandits with linear payoffs", ICML 2013.
`DiagonalPosterior` keeps the diagonal of A, `FullPosterior` its Cholesky factor.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from datetime import timedelta
from typing import Final

import numpy as np
from numpy.typing import NDArray

from armwise._fields import Fields
from armwise._words import shown
from armwise.errors import ConfigurationError
from armwise.posteriors._columns import Columns, rows
from armwise.posteriors._decay import clock_state, growth, half_life_of, restore_clock, restored_half_life
from armwise.posteriors._numbers import real
from armwise.types import FloatArray, State
from armwise_kernels import law
from armwise_kernels.layout import DiagonalArrays, FullArrays, padded, zeros

__all__ = ["DiagonalPosterior", "FullPosterior", "LinearPosterior"]

_LOW: Final = 1e-30
_HIGH: Final = 1e30
"""Sigma and prior precision lie between: with contexts within 1e100, nothing that follows overflows."""
_SUM: Final = 1e300  # of r x, or of x^2: a million of the largest stay far below


class LinearPosterior(Columns):
    """What the two have in common: sigma, prior precision, and b."""

    def __init__(self, arms: int, *, dim: int, sigma: float, prior_precision: float) -> None:
        super().__init__(arms)
        self.dim = dim
        self.sigma = sigma
        self.prior_precision = prior_precision
        self.head[law.HEAD_DIM] = dim
        self.parameters[law.NOISE_VARIANCE] = sigma * sigma
        self.parameters[law.PRIOR_PRECISION] = prior_precision
        self._weighted = np.zeros((padded(arms), dim), np.float64)

    @staticmethod
    def scale(name: str, value: object) -> float:
        """A checked sigma or prior precision.

        Raises
        ------
        ConfigurationError
            If it is no number in [1e-30, 1e30].
        """
        number = real(value)
        if _LOW <= number <= _HIGH:
            return number
        msg = f"{name} is {shown(value)}; expected a number in [{_LOW:g}, {_HIGH:g}]"
        raise ConfigurationError(msg)

    @abstractmethod
    def coefficients(self, position: int) -> FloatArray:
        """The posterior mean of one arm's coefficients, float64 (dim,), a copy."""

    def check_prior(self, prior: object) -> None:
        """Refuse what is no pair of mean and precision, and any where evidence decays: a prior does not."""
        if self.decays:
            msg = (
                "with a half_life, evidence decays toward the policy's own prior, and an arm's would decay with it; "
                "add the arm without a prior"
            )
            raise ConfigurationError(msg)
        self._mean_and_precision(prior)

    def _mean_and_precision(self, prior: object) -> tuple[FloatArray, FloatArray]:
        """A checked prior of one arm: mean (dim,), precision (dim,) at least the policy's own."""
        if isinstance(prior, Sequence) and len(prior) == 2:
            mean, precision = (_row(part, self.dim) for part in prior)
            if np.all(np.abs(mean) <= _HIGH) and np.all((self.prior_precision <= precision) & (precision <= _HIGH)):
                return mean, precision
        msg = (
            f"prior is {shown(prior)}; expected (mean, precision): numbers or arrays ({self.dim},), the mean "
            f"within {_HIGH:g}, the precision from the policy's {self.prior_precision:g} to {_HIGH:g}"
        )
        raise ConfigurationError(msg)

    def _gather(self, order: NDArray[np.intp]) -> None:
        super()._gather(order)
        self._weighted = self._weighted[order]

    def state(self) -> State:
        """Everything but labels and seed."""
        return super().state() | {
            "dim": self.dim,
            "sigma": self.sigma,
            "prior_precision": self.prior_precision,
            "weighted": rows(self._weighted[: self.count]),
        }


class DiagonalPosterior(LinearPosterior):
    """The diagonal of A and b; they decay toward the prior by a half-life in nanoseconds, if not 0."""

    def __init__(self, arms: int, *, dim: int, sigma: float, prior_precision: float, half_life: int) -> None:
        super().__init__(arms, dim=dim, sigma=sigma, prior_precision=prior_precision)
        columns = padded(arms)
        self.head[law.HEAD_HALF_LIFE] = half_life
        self._blocks = zeros(columns // law.LANES, dim, 2, law.LANES)
        self._precision = np.zeros((columns, dim), np.float64)

    @property
    def half_life(self) -> timedelta | None:
        """The time in which evidence comes to count half, to the microsecond; None without decay."""
        return half_life_of(self.head)

    def arrays(self) -> DiagonalArrays:
        """The arrays as a core borrows them."""
        return DiagonalArrays(
            self.head,
            self.parameters,
            self.slots,
            self.stamps,
            self._blocks,
            self._precision,
            self._weighted,
        )

    def coefficients(self, position: int) -> FloatArray:
        """The posterior mean of one arm, float64 (dim,), a copy."""
        return self._blocks[position // law.LANES, :, 0, position % law.LANES].copy()

    def set_prior(self, position: int, prior: object) -> None:
        """Give one arm a prior of its own: as evidence, so that with a half-life it fades like evidence."""
        mean, precision = self._mean_and_precision(prior)
        unit = growth(self.head)
        self._precision[position] = (precision - self.prior_precision) * unit
        self._weighted[position] = mean * precision * unit

    def _gather(self, order: NDArray[np.intp]) -> None:
        super()._gather(order)
        self._blocks = _gather_lanes(self._blocks, order)
        self._precision = self._precision[order]

    def state(self) -> State:
        """Everything but labels and seed: sums in the units of the landmark."""
        return super().state() | clock_state(self.head) | {"precision": rows(self._precision[: self.count])}

    @classmethod
    def restored(cls, fields: Fields, arms: int, dim: int) -> DiagonalPosterior:
        """The posterior of a state; :meth:`Core.refresh` is due.

        Raises
        ------
        SnapshotError
            If the state is not what :meth:`state` gives, or of another dimension.
        """
        fields.whole("dim", dim, dim)
        posterior = cls(
            arms,
            dim=dim,
            sigma=fields.number("sigma", _LOW, _HIGH),
            prior_precision=fields.number("prior_precision", _LOW, _HIGH),
            half_life=restored_half_life(fields),
        )
        posterior._restore(fields)
        restore_clock(posterior.head, fields)
        posterior._weighted[:arms] = fields.numbers("weighted", (arms, dim), -_SUM, _SUM)
        posterior._precision[:arms] = fields.numbers("precision", (arms, dim), 0.0, _SUM)
        return posterior


class FullPosterior(LinearPosterior):
    """The lower Cholesky factor L of A, packed by rows, and b; the kernels keep L^-1 b beside them."""

    def __init__(self, arms: int, *, dim: int, sigma: float, prior_precision: float) -> None:
        super().__init__(arms, dim=dim, sigma=sigma, prior_precision=prior_precision)
        self._entries = dim * (dim + 1) // 2
        self._diagonal = np.arange(dim) * (np.arange(dim) + 3) // 2
        self._blocks = zeros(padded(arms) // law.LANES, self._entries + dim, law.LANES)
        self._blocks[:, self._diagonal] = np.sqrt(prior_precision)

    def arrays(self) -> FullArrays:
        """The arrays as a core borrows them."""
        return FullArrays(self.head, self.parameters, self.slots, self.stamps, self._blocks, self._weighted)

    def coefficients(self, position: int) -> FloatArray:
        """The posterior mean of one arm, float64 (dim,): the solution of L^T theta = L^-1 b."""
        column = self._blocks[position // law.LANES, :, position % law.LANES]
        theta = column[self._entries :].copy()
        for i in reversed(range(self.dim)):
            start = i * (i + 1) // 2
            theta[i] /= column[start + i]
            theta[:i] -= theta[i] * column[start : start + i]
        return theta

    def set_prior(self, position: int, prior: object) -> None:
        """Give one arm a prior of its own."""
        mean, precision = self._mean_and_precision(prior)
        column = self._blocks[position // law.LANES, :, position % law.LANES]
        column[: self._entries] = 0.0
        column[self._diagonal] = np.sqrt(precision)
        self._weighted[position] = mean * precision

    def _gather(self, order: NDArray[np.intp]) -> None:
        super()._gather(order)
        self._blocks = _gather_lanes(self._blocks, order)

    def state(self) -> State:
        """Everything but labels and seed."""
        factor = np.moveaxis(self._blocks, -1, 1).reshape(len(self.slots), -1)[: self.count, : self._entries]
        return super().state() | {"factor": rows(factor)}

    @classmethod
    def restored(cls, fields: Fields, arms: int, dim: int) -> FullPosterior:
        """The posterior of a state; :meth:`Core.refresh` is due.

        Raises
        ------
        SnapshotError
            If the state is not what :meth:`state` gives, or of another dimension.
        """
        fields.whole("dim", dim, dim)
        posterior = cls(
            arms,
            dim=dim,
            sigma=fields.number("sigma", _LOW, _HIGH),
            prior_precision=fields.number("prior_precision", _LOW, _HIGH),
        )
        posterior._restore(fields)
        posterior._weighted[:arms] = fields.numbers("weighted", (arms, dim), -_SUM, _SUM)
        factor = fields.numbers("factor", (arms, posterior._entries), -_SUM, _SUM)
        # Rotations never lower a diagonal entry: no data leads below the prior's.
        if not (factor[:, posterior._diagonal] >= np.sqrt(posterior.prior_precision)).all():
            fields.refuse("factor", "Cholesky factors with diagonals of at least sqrt(prior_precision)")
        for position in range(arms):
            posterior._blocks[position // law.LANES, : posterior._entries, position % law.LANES] = factor[position]
        return posterior


def _row(values: object, dim: int) -> FloatArray:
    """Real numbers as float64 (dim,), one standing for all; NaN for anything else."""
    try:
        array = np.asarray(values)
        real_numbers = array if array.dtype.kind in "iuf" else np.nan
        return np.broadcast_to(np.asarray(real_numbers, np.float64), dim)
    except ValueError:
        return np.full(dim, np.nan)


def _gather_lanes(blocks: NDArray[np.float64], order: NDArray[np.intp]) -> NDArray[np.float64]:
    """Columns in a new order, where eight of them make a block and are its last axis."""
    columns = np.moveaxis(blocks, -1, 1).reshape(-1, *blocks.shape[1:-1])[order]
    out = zeros(len(order) // law.LANES, *blocks.shape[1:])
    out[:] = np.moveaxis(columns.reshape(-1, law.LANES, *blocks.shape[1:-1]), 1, -1)
    return out
