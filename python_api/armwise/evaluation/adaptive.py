"""Intervals for the arms' means where the arms were chosen by what had been seen.

A bandit stops pulling an arm that starts badly, and goes on with one that starts well: the bad luck stays, the good
luck is averaged out. Sample means are biased downwards, and Wald's interval misses two to three times as often as it
says. Both estimators here restore a normal limit by what each observation is weighed with: AIPW by the propensity
that was logged, batched OLS by the counts of batches within which the policy stood still.
"""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import ArrayLike

from armwise.errors import ConfigurationError, PropensityError
from armwise.evaluation._columns import Indices, distributions, finite, indices
from armwise.evaluation._numbers import number_of
from armwise.evaluation.intervals import student_quantile
from armwise.types import FloatArray

__all__ = ["AdaptiveEstimate", "aipw", "batched_ols"]


@dataclass(frozen=True, slots=True)
class AdaptiveEstimate:
    """The means of arms, their differences, and what is known of the errors of both.

    Attributes
    ----------
    means : ndarray of float64, shape (K,)
        Estimated mean reward of each arm; NaN for an arm that was never chosen.
    standard_errors : ndarray of float64, shape (K,)
        Asymptotic standard errors of `means`; infinite for an arm that was never chosen.
    degrees : ndarray of float64, shape (K,)
        Degrees of freedom of Student's quantile, (sum v)^2 / sum v^2 - 1 over the variances v that the
        observations contribute (Kish 1965), at least 1: many where many contribute alike, few where an arm's
        estimate hangs on a few pulls.
    lower, upper : ndarray of float64, shape (K,)
        Ends of the intervals of `means`.
    differences : ndarray of float64, shape (K, K)
        Entry [i, j] estimates mean i - mean j. For batched OLS it is not the difference of two entries of
        `means`: each comparison weighs the batches for itself.
    difference_errors, difference_degrees : ndarray of float64, shape (K, K)
        The same of `differences`; errors are zero on the diagonal.
    confidence : float
        Coverage of the intervals, each for itself.
    """

    means: FloatArray
    standard_errors: FloatArray
    degrees: FloatArray
    lower: FloatArray
    upper: FloatArray
    differences: FloatArray
    difference_errors: FloatArray
    difference_degrees: FloatArray
    confidence: float

    def difference(self, arm: int, other: int) -> tuple[float, float, float]:
        """Estimate of mean `arm` - mean `other`, with the lower and upper end of its interval."""
        value = float(self.differences[arm, other])
        degrees = int(self.difference_degrees[arm, other])
        half_width = _quantile(self.confidence, degrees) * float(self.difference_errors[arm, other])
        return value, _end(value, -half_width), _end(value, half_width)


def aipw(rewards: ArrayLike, arms: ArrayLike, propensities: ArrayLike, *, confidence: float = 0.95) -> AdaptiveEstimate:
    """Estimate the arms' means by adaptively weighted, augmented inverse propensity scores.

    Parameters
    ----------
    rewards : array_like of float, shape (T,)
        Reward of each decision, in the order in which they were taken; T >= 2.
    arms : array_like of int, shape (T,)
        The arm that was chosen, in [0, K).
    propensities : array_like of float, shape (T, K)
        The probability with which each decision would have chosen each arm, given all before it. Above
        zero throughout: a policy that may give an arm up for ever must be clipped, at 0.01 say.
    confidence : float
        Coverage of each interval, in (0, 1).

    Returns
    -------
    AdaptiveEstimate

    Raises
    ------
    PropensityError
        If a propensity is zero.
    ConfigurationError
        If shapes differ, a row is no distribution, or there are fewer than two decisions.

    Notes
    -----
    Hadad, Hirshberg, Zhan, Wager & Athey (2021). Scores G_t(w) = m_t(w) + 1(W_t = w) (Y_t - m_t(w)) / e_t(w), with
    m_t(w) the mean reward of arm w before t, are unbiased; averaged with weights h_t(w) = sqrt(e_t(w)), their
    "constant allocation" scheme, each contributes about the same variance, and the studentised estimate is
    asymptotically normal (their main theorem): mean = sum h G / sum h, variance = sum h^2 (G - mean)^2 / (sum h)^2. It
    needs propensities that do not fall too fast; those of a clipped policy do not fall for ever. The quantile is
    Student's with the degrees of :class:`AdaptiveEstimate`, which the paper's is in the limit: with a normal one, the
    interval of an arm that was hardly pulled is too short.

    Examples
    --------
    >>> found = aipw([1.0, 0.0, 1.0, 1.0], [0, 1, 0, 1], [[0.5, 0.5]] * 4)
    >>> found.means.tolist()
    [1.25, 0.5]
    """
    reward, arm, odds = _log(rewards, arms, propensities)
    if not (odds > 0.0).all():
        row, column = (int(place[0]) for place in np.nonzero(~(odds > 0.0)))
        msg = (
            f"propensities[{row}, {column}] is {odds[row, column]!s}; AIPW needs each arm to be possible at each"
            " decision: clip the policy (at 0.01, say) and log the clipped propensities"
        )
        raise PropensityError(msg)
    rows = np.arange(reward.size)
    chosen = np.zeros_like(odds)
    chosen[rows, arm] = 1.0
    before = np.cumsum(chosen, axis=0) - chosen
    sums = np.cumsum(chosen * reward[:, None], axis=0) - chosen * reward[:, None]
    score = sums / np.maximum(before, 1.0)
    score[rows, arm] += (reward - score[rows, arm]) / odds[rows, arm]
    weight = np.sqrt(odds)
    weight /= weight.sum(axis=0)
    means = (weight * score).sum(axis=0)
    part = weight * (score - means)
    # Of an arm that was never chosen, every score is zero: that is no knowledge.
    never = chosen.sum(axis=0) == 0.0
    means[never], part[:, never] = np.nan, np.nan
    gap = part[:, :, None] - part[:, None, :]
    return _estimate(
        (means, *_studentised(part * part)),
        (means[:, None] - means[None, :], *_studentised(gap * gap)),
        confidence,
    )


def batched_ols(
    rewards: ArrayLike, arms: ArrayLike, batches: ArrayLike, *, n_arms: int, confidence: float = 0.95
) -> AdaptiveEstimate:
    """Estimate the arms' means from batches within which the policy did not change.

    Parameters
    ----------
    rewards : array_like of float, shape (T,)
        Reward of each decision.
    arms : array_like of int, shape (T,)
        The arm that was chosen, in [0, n_arms).
    batches : array_like of int, shape (T,)
        The batch of each decision, in [0, T): the policy learned between batches only.
    n_arms : int
        Number of arms, at least 1.
    confidence : float
        Coverage of each interval, in (0, 1).

    Returns
    -------
    AdaptiveEstimate
        A pair that was never in one batch has a difference of NaN.

    Raises
    ------
    ConfigurationError
        If shapes differ, an index is out of its range, or no arm was chosen twice.

    Notes
    -----
    Zhang, Janson & Murphy (2020). Within a batch the counts are given before the rewards come, so each
    batch's least-squares error, divided by its standard deviation, is normal whatever the policy did; the sum of B
    such errors over sqrt(B) is standard normal. Solved for the mean: sum_b sqrt(n_b) mean_b / sum_b sqrt(n_b) with
    standard error s sqrt(B) / sum_b sqrt(n_b), and for a difference the same with n0 n1 / (n0 + n1) in the place of n.
    s^2 is the variance of all rewards about their arms' means: the arms' noise is taken to be of one size. B counts
    the batches from the first in which the arm (or both arms) came: one that has none of it adds nothing to the sum,
    but leaving it out would let the policy, which avoids an arm after bad luck, choose how many are counted. The
    quantile is Student's, as for :func:`aipw`.

    Examples
    --------
    >>> found = batched_ols([1.0, 0.0, 1.0, 1.0, 0.0, 1.0], [0, 1, 0, 0, 1, 1], [0, 0, 0, 1, 1, 1], n_arms=2)
    >>> found.means.round(3).tolist(), round(found.difference(0, 1)[0], 3)
    ([1.0, 0.293], 0.75)
    """
    reward = finite("rewards", rewards)
    k = number_of("n_arms", n_arms, 1)
    arm = indices("arms", arms, k, reward.size)
    batch = indices("batches", batches, max(reward.size, 1), reward.size)
    names, place = np.unique(batch, return_inverse=True)
    cell = place * k + arm
    shape = (names.size, k)
    counts = np.bincount(cell, minlength=names.size * k).reshape(shape).astype(np.float64)
    means = np.bincount(cell, weights=reward, minlength=names.size * k).reshape(shape) / np.maximum(counts, 1.0)
    seen = counts.sum(axis=0)
    freedom = float((seen - 1.0)[seen > 0].sum())
    if freedom < 1.0:
        msg = f"there are {reward.size} rewards and no arm has two; batched OLS needs a variance: bring more decisions"
        raise ConfigurationError(msg)
    pooled = (counts * means).sum(axis=0) / np.maximum(seen, 1.0)
    deviation = math.sqrt(float(((reward - pooled[arm]) ** 2).sum()) / freedom)
    with np.errstate(divide="ignore", invalid="ignore"):
        first, second = counts[:, :, None], counts[:, None, :]
        pairs = np.where(first * second > 0.0, first * second / (first + second), 0.0)
        # Sums of squared variances that the observations of a batch contribute, in units in which it contributes one.
        single = np.where(counts > 0.0, 1.0 / counts, 0.0)
        double = np.where(pairs > 0.0, pairs**2 * (1.0 / first**3 + 1.0 / second**3), 0.0)
    return _estimate(
        _weighed_batches(means, counts, single, deviation),
        _weighed_batches(means[:, :, None] - means[:, None, :], pairs, double, deviation),
        confidence,
    )


Estimates: TypeAlias = tuple[FloatArray, FloatArray, FloatArray]
"""Values, standard errors and degrees of freedom."""


def _studentised(contributions: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Standard errors and degrees from the variances that observations (axis 0) contribute; inf where NaN."""
    total = contributions.sum(axis=0)
    with np.errstate(divide="ignore", invalid="ignore"):
        degrees = total**2 / (contributions**2).sum(axis=0) - 1.0
    return np.where(np.isnan(total), np.inf, np.sqrt(total)), degrees


def _weighed_batches(
    estimates: FloatArray, counts: FloatArray, contributions: FloatArray, deviation: float
) -> Estimates:
    """Combine estimates of batches (axis 0), each of variance deviation^2 / count; NaN and inf where none counts."""
    weight = np.sqrt(counts)
    total = weight.sum(axis=0)
    came = counts > 0.0
    batches = np.where(came.any(axis=0), counts.shape[0] - came.argmax(axis=0), 0)
    with np.errstate(divide="ignore", invalid="ignore"):
        value = (weight * estimates).sum(axis=0) / total
        error = np.where(total > 0.0, deviation * np.sqrt(batches) / total, np.inf)
        degrees = came.sum(axis=0) ** 2 / contributions.sum(axis=0) - 1.0
    return value, error, degrees


def _estimate(arms: Estimates, pairs: Estimates, confidence: float) -> AdaptiveEstimate:
    """Put the intervals to the estimates."""
    means, errors, degrees = arms
    gaps, gap_errors, gap_degrees = pairs
    known = ~np.isnan(means)
    np.fill_diagonal(gaps, np.where(known, 0.0, np.nan))
    np.fill_diagonal(gap_errors, np.where(known, 0.0, np.inf))
    degrees, gap_degrees = (np.maximum(np.nan_to_num(nu, nan=1.0), 1.0) for nu in (degrees, gap_degrees))
    half_width = np.array([_quantile(confidence, int(nu)) for nu in degrees]) * errors
    return AdaptiveEstimate(
        means=means,
        standard_errors=errors,
        degrees=degrees,
        lower=np.where(known, means - half_width, -np.inf),
        upper=np.where(known, means + half_width, np.inf),
        differences=gaps,
        difference_errors=gap_errors,
        difference_degrees=gap_degrees,
        confidence=confidence,
    )


@functools.lru_cache(maxsize=4096)
def _quantile(confidence: float, degrees: int) -> float:
    """Student's quantile; whole tables of arms ask for the same few."""
    return student_quantile(confidence, degrees)


def _end(value: float, half_width: float) -> float:
    """One end of an interval; infinite where there is no value."""
    return half_width if math.isnan(value) else value + half_width


def _log(rewards: ArrayLike, arms: ArrayLike, propensities: ArrayLike) -> tuple[FloatArray, Indices, FloatArray]:
    """Check rewards, arms and the propensities of all arms at each decision."""
    reward = finite("rewards", rewards)
    if reward.size < 2:
        msg = f"there are {reward.size} decisions; an interval needs at least 2"
        raise ConfigurationError(msg)
    odds = distributions("propensities", propensities)
    if odds.shape[0] != reward.size:
        msg = f"propensities have {odds.shape[0]} rows and rewards {reward.size} entries; expected one a decision"
        raise ConfigurationError(msg)
    return reward, indices("arms", arms, odds.shape[1], reward.size), odds
