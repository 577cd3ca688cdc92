"""What a log says of each cell and arm: how often an arm was chosen there, and what it earned.

A cell is a group of decisions that policy and model treat alike: a position on a page, a segment of users. Tables have
one row a cell and one column an arm, so that a log of any length is evaluated through a few hundred numbers.
"""

from __future__ import annotations

import math
from collections.abc import Hashable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from armwise._words import shown
from armwise.errors import ConfigurationError
from armwise.evaluation._columns import Indices, distributions, finite, indices
from armwise.posteriors._numbers import whole
from armwise.types import FloatArray

__all__ = ["FittedMeans", "RunningMeans", "arm_frequencies", "fit_means"]

# Pairs of a cell and an arm in all tables of a model together: 512 MiB each. A stray item id of 2**31 is told from a
# shop.
_LARGEST = 2**26


def arm_frequencies(
    arms: ArrayLike, cells: ArrayLike | None = None, *, shape: tuple[int, int], smoothing: float = 1.0
) -> FloatArray:
    """Estimate from its own log with which probability a policy chooses each arm in each cell.

    Parameters
    ----------
    arms : array_like of int, shape (n,)
        The arm of each logged decision, in [0, K).
    cells : array_like of int, shape (n,), optional
        Its cell, in [0, C); all in cell 0 by default.
    shape : (int, int)
        C and K.
    smoothing : float
        Decisions added to each pair of a cell and an arm, zero or more. One is Laplace's rule.

    Returns
    -------
    ndarray of float64, shape (C, K)
        (count + smoothing) / (decisions of the cell + K smoothing); rows sum to 1. A cell without decisions is
        uniform.

    Raises
    ------
    ConfigurationError
        If an arm or a cell is out of range, lengths differ, or `smoothing` is negative or not finite.

    Notes
    -----
    The posterior mean under a symmetric Dirichlet prior. Of a policy that learns, it is the average over the log:
    unbiased without smoothing, which pulls it towards uniform by K smoothing / (n + K smoothing) of the way.

    Examples
    --------
    >>> arm_frequencies([0, 0, 1], shape=(1, 2)).tolist()
    [[0.6, 0.4]]
    """
    if not 0.0 <= smoothing < math.inf:
        msg = f"smoothing is {shown(smoothing)}; expected a number of decisions, zero or more"
        raise ConfigurationError(msg)
    counts = np.bincount(_places(arms, cells, shape), minlength=shape[0] * shape[1]).reshape(shape) + smoothing
    totals = counts.sum(axis=1, keepdims=True)
    return np.where(totals > 0.0, counts, 1.0) / np.where(totals > 0.0, totals, shape[1])


@dataclass(frozen=True, slots=True, eq=False)
class FittedMeans:
    """Mean rewards by cell and arm, shrunken, with what they predict for the log they were fitted to.

    Parameters
    ----------
    table : ndarray of float64, shape (C, K)
        Predicted reward of each arm in each cell, from all decisions.
    folds : ndarray of float64, shape (F, C, K)
        The same from all decisions but those of a fold; from all where there is one fold.
    shrinkage : float
        How many decisions the prior counts for.
    predicted : ndarray of float64, shape (n,)
        What the fold's table predicts for the arm that was served: the column that `dr` takes.
    """

    table: FloatArray
    folds: FloatArray
    shrinkage: float
    predicted: FloatArray
    _places: Indices
    _counts: FloatArray
    _squares: FloatArray

    def expected(self, policy: ArrayLike) -> FloatArray:
        """Return what the model predicts that a policy earns at each logged decision.

        Parameters
        ----------
        policy : array_like of float, shape (C, K)
            Probability with which the policy chooses each arm in each cell; rows sum to 1.

        Returns
        -------
        ndarray of float64, shape (n,)
            The column that `dm` and `dr` take.

        Raises
        ------
        ConfigurationError
            If `policy` is no such table.
        """
        cells, arms = self.table.shape
        chosen = distributions("policy", policy, (cells, arms))
        by_fold: FloatArray = np.einsum("ck,fck->fc", chosen, self.folds)
        expected: FloatArray = by_fold.ravel()[self._places // arms]
        return expected

    def error(self, policy: ArrayLike) -> float:
        """Return the standard error that the noise of the rewards leaves in the mean of `expected`.

        `policy` and errors are those of :meth:`expected`. `dm` takes the result as `model_error`; the bias that
        shrinkage leaves is not in it.

        Notes
        -----
        The mean over the log of what `table` predicts is a weighted sum of the rewards, with one weight v for each
        cell and arm; its error is the root of sum v^2 (reward - prediction)^2 (White 1980).
        """
        chosen = distributions("policy", policy, (self.table.shape[0], self.table.shape[1]))
        n = self._counts.sum()
        in_cell = self._counts.sum(axis=1, keepdims=True) / n * chosen / (self._counts + self.shrinkage)
        in_arm = in_cell.sum(axis=0) * self.shrinkage / (self._counts.sum(axis=0) + self.shrinkage)
        weight = in_cell + in_arm + in_arm.sum() * self.shrinkage / n
        return math.sqrt(float((weight**2 * self._squares).sum()))


def fit_means(
    rewards: ArrayLike,
    arms: ArrayLike,
    cells: ArrayLike | None = None,
    *,
    shape: tuple[int, int],
    shrinkage: float = 10.0,
    folds: int = 5,
) -> FittedMeans:
    """Fit the mean reward of each arm in each cell, shrunken towards the arm's, and that towards the log's.

    Parameters
    ----------
    rewards : array_like of float, shape (n,)
        Reward of each logged decision; finite, n >= 2.
    arms, cells, shape
        As :func:`arm_frequencies` takes them.
    shrinkage : float
        How many decisions the prior counts for; more than zero.
    folds : int
        Decision i is predicted by a model that has seen all but those equal to i modulo `folds`, so that no reward
        predicts itself; in [1, n]. With 1, all have seen all.

    Returns
    -------
    FittedMeans
        The table, and the columns that `dm` and `dr` take.

    Raises
    ------
    ConfigurationError
        If a reward is not finite, an arm or a cell is out of range, lengths differ, or `shrinkage` or `folds` is
        outside its range.

    Notes
    -----
    With S, n the sum and count of the rewards of a cell and arm, S_a, n_a those of the arm, m the mean of the log and
    s the shrinkage, the prediction is (S + s m_a) / (n + s) with m_a = (S_a + s m) / (n_a + s): the posterior mean of
    a normal hierarchy with known ratio of variances (Lindley & Smith 1972). Cross-fitting is Chernozhukov et
    al. (2018), definition 3.1 (DML2).

    Examples
    --------
    >>> model = fit_means([1.0, 0.0, 0.0, 0.0], [0, 0, 1, 1], shape=(1, 2), shrinkage=1.0, folds=2)
    >>> model.table.round(3).tolist()
    [[0.472, 0.028]]
    >>> model.expected([[1.0, 0.0]]).round(3).tolist()
    [0.0, 0.875, 0.0, 0.875]
    """
    reward = finite("rewards", rewards)
    if reward.size < 2:
        msg = f"the log has {reward.size} rewarded decisions; expected at least 2"
        raise ConfigurationError(msg)
    if not 0.0 < shrinkage < math.inf:
        msg = f"shrinkage is {shown(shrinkage)}; expected a number of decisions above zero"
        raise ConfigurationError(msg)
    places = _places(arms, cells, shape, reward.size)
    size = shape[0] * shape[1]
    most = min(reward.size, _LARGEST // size)
    if isinstance(folds, bool) or not isinstance(folds, int | np.integer) or not 1 <= folds <= most:
        msg = (
            f"folds is {shown(folds)}; expected a whole number in [1, {most}]: no more than decisions, or than "
            "tables fit"
        )
        raise ConfigurationError(msg)
    # Row f of these tables is what fold f holds.
    by_fold = places if folds == 1 else places + np.arange(reward.size) % folds * size
    counts = np.bincount(by_fold, minlength=folds * size).astype(np.float64).reshape(folds, *shape)
    sums = np.bincount(by_fold, weights=reward, minlength=folds * size).reshape(folds, *shape)
    with np.errstate(over="ignore", invalid="ignore"):
        count, total = counts.sum(axis=0), sums.sum(axis=0)
        table = _shrunken(total[None], count[None], shrinkage)[0]
        tables = table[None] if folds == 1 else _shrunken(total - sums, count - counts, shrinkage)
        residual: FloatArray = reward - table.ravel()[places]
        squares: FloatArray = np.bincount(places, weights=residual**2, minlength=size).astype(np.float64).reshape(shape)
    if not (np.isfinite(tables).all() and np.isfinite(squares).all()):
        msg = f"rewards reach {float(np.abs(reward).max()):g}; expected rewards whose squares can be summed"
        raise ConfigurationError(msg)
    return FittedMeans(table, tables, float(shrinkage), tables.ravel()[by_fold], by_fold, count, squares)


class RunningMeans:
    """Mean reward of each arm so far, shrunken towards the mean of all: a model that never looks ahead.

    Beside a policy that learns, cross-fitting would let later decisions predict earlier ones. Predictions made of
    the past alone keep the doubly robust terms martingale differences, and so their mean unbiased (Hadad et al.
    2021, section 2).

    Parameters
    ----------
    shrinkage : float
        How many rewards the mean of all counts for; more than zero.

    Raises
    ------
    ConfigurationError
        If `shrinkage` is not a finite number above zero.

    Examples
    --------
    >>> means = RunningMeans(shrinkage=1.0)
    >>> means.predict("a")
    0.0
    >>> means.learn("a", 1.0), means.learn("b", 0.0)
    (None, None)
    >>> means.predict("a"), means.predict("c")
    (0.75, 0.5)
    """

    __slots__ = ("_arms", "_count", "_shrinkage", "_total")

    def __init__(self, *, shrinkage: float = 10.0) -> None:
        if not 0.0 < shrinkage < math.inf:
            msg = f"shrinkage is {shown(shrinkage)}; expected a number of decisions above zero"
            raise ConfigurationError(msg)
        self._shrinkage = float(shrinkage)
        self._arms: dict[Hashable, tuple[int, float]] = {}
        self._count = 0
        self._total = 0.0

    def predict(self, arm: Hashable) -> float:
        """Return the shrunken mean of an arm; that of all where it has no reward, zero where there is none at all."""
        mean = self._total / self._count if self._count else 0.0
        count, total = self._arms.get(arm, (0, 0.0))
        return (total + self._shrinkage * mean) / (count + self._shrinkage)

    def learn(self, arm: Hashable, reward: float) -> None:
        """Count a reward in.

        Raises
        ------
        ConfigurationError
            If the reward is not finite.
        """
        if not math.isfinite(reward):
            msg = f"the reward is {shown(reward)}; expected a finite number"
            raise ConfigurationError(msg)
        count, total = self._arms.get(arm, (0, 0.0))
        self._arms[arm] = count + 1, total + reward
        self._count += 1
        self._total += reward


def _shrunken(sums: FloatArray, counts: FloatArray, shrinkage: float) -> FloatArray:
    """Return shrunken means of tables, shape (F, C, K); each has at least one decision."""
    arm_sums, arm_counts = sums.sum(axis=1, keepdims=True), counts.sum(axis=1, keepdims=True)
    mean = arm_sums.sum(axis=2, keepdims=True) / arm_counts.sum(axis=2, keepdims=True)
    of_arm = (arm_sums + shrinkage * mean) / (arm_counts + shrinkage)
    shrunken: FloatArray = (sums + shrinkage * of_arm) / (counts + shrinkage)
    return shrunken


def _places(arms: ArrayLike, cells: ArrayLike | None, shape: tuple[int, int], n: int | None = None) -> Indices:
    """Return where each decision stands in a table that is read row by row."""
    sizes = [whole(size) for size in shape] if isinstance(shape, (tuple, list)) else []
    if len(sizes) != 2 or min(sizes) < 1 or sizes[0] * sizes[1] > _LARGEST:
        msg = (
            f"shape is {shown(shape)}; expected the numbers of cells and arms, each at least 1, {_LARGEST:,} "
            "pairs at most"
        )
        raise ConfigurationError(msg)
    arm = indices("arms", arms, shape[1], n)
    if cells is None:
        return arm
    return indices("cells", cells, shape[0], arm.size) * shape[1] + arm
