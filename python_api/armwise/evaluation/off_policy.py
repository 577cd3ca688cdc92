"""What another policy would have earned, estimated from the decisions of the one that ran.

Each logged reward is weighted by how much likelier the evaluated policy was to choose the arm that was
served, w = target / propensity. IPS averages w r and is unbiased; SNIPS divides by the mean weight, which
trades a small bias for less variance and an estimate that stays within the range of the rewards. Neither says
anything about arms that the logging policy never served: a propensity of zero is refused, and a small
effective sample size means that few decisions carry the estimate.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from armwise.errors import ConfigurationError, PropensityError
from armwise.evaluation.intervals import normal_quantile
from armwise.types import FloatArray

__all__ = ["Estimate", "ips", "snips"]

# Propensities are integrals and sums of floats: one that should be 1 may come out a few rounding errors above
# it.
_SLACK = 1e-9


@dataclass(frozen=True, slots=True)
class Estimate:
    """An off-policy estimate with its interval.

    Attributes
    ----------
    value : float
        Estimated mean reward per decision.
    standard_error : float
        Asymptotic standard error of `value`.
    lower, upper : float
        Ends of the normal interval.
    n : int
        Number of logged decisions.
    effective_sample_size : float
        (sum w)^2 / sum w^2 (Kish 1965): between 0 and `n`. Far below 100, the interval is not to be trusted.
    """

    value: float
    standard_error: float
    lower: float
    upper: float
    n: int
    effective_sample_size: float


def ips(rewards: ArrayLike, propensities: ArrayLike, target: ArrayLike, *, confidence: float = 0.95) -> Estimate:
    """Estimate a policy's mean reward by inverse propensity scores.

    Parameters
    ----------
    rewards : array_like of float, shape (n,)
        Reward of each logged decision; finite, n >= 2.
    propensities : array_like of float, shape (n,)
        Probability in (0, 1] with which the logging policy chose the arm that it chose.
    target : array_like of float, shape (n,)
        Probability in [0, 1] with which the evaluated policy chooses that same arm.
    confidence : float
        Coverage of the interval, in (0, 1).

    Returns
    -------
    Estimate
        value = mean(w r) with w = target / propensities.

    Raises
    ------
    PropensityError
        If a propensity is absent (NaN), zero or outside (0, 1].
    ConfigurationError
        If shapes differ, a reward is not finite, or `target` is outside [0, 1].

    Notes
    -----
    Horvitz & Thompson (1952). The interval is asymptotic normal: s(w r) / sqrt(n). Where the
    logging policy learns, the terms are martingale differences rather than independent; the estimate stays
    unbiased as long as each propensity is that of the posterior the decision was drawn from, and the interval
    holds only while propensities stay away from zero (Hadad et al. 2021).

    Examples
    --------
    >>> estimate = ips([1.0, 0.0, 1.0, 0.0], [0.5, 0.5, 0.5, 0.5], [1.0, 0.0, 1.0, 0.0])
    >>> estimate.value, estimate.effective_sample_size
    (1.0, 2.0)
    """
    reward, weight = _weighted(rewards, propensities, target)
    terms = weight * reward
    error = float(terms.std(ddof=1)) / math.sqrt(terms.size)
    return _estimate(float(terms.mean()), error, weight, confidence)


def snips(rewards: ArrayLike, propensities: ArrayLike, target: ArrayLike, *, confidence: float = 0.95) -> Estimate:
    """Estimate a policy's mean reward by self-normalised inverse propensity scores.

    Parameters
    ----------
    rewards : array_like of float, shape (n,)
        Reward of each logged decision; finite, n >= 2.
    propensities : array_like of float, shape (n,)
        Probability in (0, 1] with which the logging policy chose the arm that it chose.
    target : array_like of float, shape (n,)
        Probability in [0, 1] with which the evaluated policy chooses that same arm.
    confidence : float
        Coverage of the interval, in (0, 1).

    Returns
    -------
    Estimate
        value = sum(w r) / sum(w) with w = target / propensities.

    Raises
    ------
    PropensityError
        If a propensity is absent (NaN), zero or outside (0, 1], or the evaluated policy never chooses a
        logged arm.
    ConfigurationError
        If shapes differ, a reward is not finite, or `target` is outside [0, 1].

    Notes
    -----
    Swaminathan & Joachims (2015). The standard error is the delta method's for a ratio of means,
    sqrt(n / (n - 1) sum w^2 (r - value)^2) / sum w (Owen 2013, chapter 9, equation 9.9, with the small-sample
    factor), and the interval is asymptotic normal.

    Examples
    --------
    >>> estimate = snips([1.0, 0.0, 1.0, 0.5], [0.5, 0.5, 0.25, 0.5], [1.0, 1.0, 1.0, 0.0])
    >>> estimate.value
    0.75
    """
    reward, weight = _weighted(rewards, propensities, target)
    total = float(weight.sum())
    if total == 0.0:
        msg = (
            "the evaluated policy gives every logged arm probability zero, so a self-normalised estimate does"
            " not exist; use a log whose policy served the arms that the evaluated one would choose"
        )
        raise PropensityError(msg)
    share = weight / total
    value = float(share @ reward)
    residual = share * (reward - value)
    error = math.sqrt(reward.size / (reward.size - 1) * float(residual @ residual))
    return _estimate(value, error, weight, confidence)


def _estimate(value: float, error: float, weight: FloatArray, confidence: float) -> Estimate:
    """Put the normal interval and the effective sample size beside a value."""
    half_width = normal_quantile(confidence) * error
    largest = float(weight.max())
    # Scaled by the largest weight, so that weights near the end of the float range do not overflow when
    # squared.
    scaled = weight / largest if largest > 0.0 else weight
    squares = float(scaled @ scaled)
    size = float(scaled.sum()) ** 2 / squares if squares > 0.0 else 0.0
    return Estimate(value, error, value - half_width, value + half_width, int(weight.size), size)


def _weighted(rewards: ArrayLike, propensities: ArrayLike, target: ArrayLike) -> tuple[FloatArray, FloatArray]:
    """Check three columns of one length and return the rewards and the importance weights."""
    reward = _column("rewards", rewards)
    behaviour = _column("propensities", propensities)
    chosen = _column("target", target)
    if not reward.size == behaviour.size == chosen.size:
        msg = (
            f"rewards, propensities and target have {reward.size}, {behaviour.size} and {chosen.size}"
            " entries; expected one of each per decision"
        )
        raise ConfigurationError(msg)
    if reward.size < 2:
        msg = f"the log has {reward.size} rewarded decisions; an interval needs at least 2"
        raise ConfigurationError(msg)
    _refuse(~np.isfinite(reward), reward, "rewards", "a finite number", ConfigurationError)
    valid = (behaviour > 0.0) & (behaviour <= 1.0 + _SLACK)
    _refuse(~valid, behaviour, "propensities", "a probability in (0, 1]", PropensityError)
    valid = (chosen >= 0.0) & (chosen <= 1.0 + _SLACK)
    _refuse(~valid, chosen, "target", "a probability in [0, 1]", ConfigurationError)
    with np.errstate(over="ignore"):
        weight = chosen / behaviour
    _refuse(~np.isfinite(weight), behaviour, "propensities", "large enough to divide by", PropensityError)
    return reward, weight


def _column(name: str, values: ArrayLike) -> FloatArray:
    """Return one column of numbers as float64."""
    try:
        column = np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError) as error:
        msg = f"{name} cannot be read as numbers ({error}); expected one number per decision"
        raise ConfigurationError(msg) from error
    if column.ndim != 1:
        msg = f"{name} has shape {column.shape}; expected one number per decision, shape (n,)"
        raise ConfigurationError(msg)
    return column


def _refuse(
    bad: NDArray[np.bool_],
    values: FloatArray,
    name: str,
    expected: str,
    error: type[ConfigurationError | PropensityError],
) -> None:
    """Raise `error` for the first bad entry, naming it."""
    if bad.any():
        first = int(np.argmax(bad))
        given = float(values[first])
        msg = f"{name}[{first}] is {given!r}; expected {expected} ({int(bad.sum())} such entries)"
        raise error(msg)
