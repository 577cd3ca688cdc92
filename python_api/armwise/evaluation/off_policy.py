"""What another policy would have earned, estimated from the decisions of the one that ran.

Each logged reward is weighted by how much likelier the evaluated policy was to choose the arm that was
served, w = target / propensity. IPS averages w r and is unbiased; SNIPS divides by the mean weight, which
trades a small bias for less variance and an estimate that stays within the range of the rewards; clipped IPS
bounds the weights, which trades a bias that it tells for the variance of the few heaviest. None says
anything about arms that the logging policy never served: a propensity of zero is refused, and a small
effective sample size means that few decisions carry the estimate.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike

from armwise.errors import PropensityError
from armwise.evaluation._columns import weighed
from armwise.evaluation.estimate import Estimate, clip_bound, estimated, normal_estimate, overlap_of

__all__ = ["clipped_ips", "ips", "snips"]


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
    reward, weight = weighed(rewards, propensities, target)
    with np.errstate(over="ignore"):
        terms = weight * reward
    return normal_estimate(terms, overlap_of(weight, reward), confidence)


def snips(rewards: ArrayLike, propensities: ArrayLike, target: ArrayLike, *, confidence: float = 0.95) -> Estimate:
    """Estimate a policy's mean reward by self-normalised inverse propensity scores.

    Parameters
    ----------
    rewards, propensities, target, confidence
        As :func:`ips` takes them.

    Returns
    -------
    Estimate
        value = sum(w r) / sum(w) with w = target / propensities.

    Raises
    ------
    PropensityError
        As :func:`ips`, or if the evaluated policy never chooses a logged arm.
    ConfigurationError
        As :func:`ips`.

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
    reward, weight = weighed(rewards, propensities, target)
    found = overlap_of(weight, reward)
    if found.max_weight == 0.0:
        msg = (
            "the evaluated policy gives every logged arm probability zero, so a self-normalised estimate does"
            " not exist; use a log whose policy served the arms that the evaluated one would choose"
        )
        raise PropensityError(msg)
    share = weight / found.max_weight
    share /= share.sum()
    value = float(share @ reward)
    with np.errstate(over="ignore"):
        residual = share * (reward - value)
        error = math.sqrt(reward.size / (reward.size - 1) * float(residual @ residual))
    return estimated(value, error, found, confidence)


def clipped_ips(
    rewards: ArrayLike,
    propensities: ArrayLike,
    target: ArrayLike,
    *,
    clip: float | None = None,
    confidence: float = 0.95,
) -> Estimate:
    """Estimate a policy's mean reward by inverse propensity scores with bounded weights.

    Parameters
    ----------
    rewards, propensities, target, confidence
        As :func:`ips` takes them.
    clip : float, optional
        Greatest weight, more than zero; sqrt(n) by default.

    Returns
    -------
    Estimate
        value = mean(min(w, clip) r) with w = target / propensities. `overlap.clipped_share` is the share of the
        weight that was cut off; `effective_sample_size` is that of the bounded weights.

    Raises
    ------
    PropensityError
        As :func:`ips`.
    ConfigurationError
        As :func:`ips`, or if `clip` is not above zero.

    Notes
    -----
    Ionides (2008), whose bound sqrt(n) lets the bias vanish faster than the standard error where the weights have
    a variance; Bottou et al. (2013) read it as an estimate of the part of the policy that the log can speak for.
    The interval is asymptotic normal, about the value of the bounded weights: the bias is not in it. With rewards in
    [0, 1] the bias lies between minus `clipped_share` times the mean weight and zero, in expectation.

    Examples
    --------
    >>> estimate = clipped_ips([1.0, 1.0, 0.0, 0.0], [0.5, 0.05, 0.5, 0.5], [0.5, 0.5, 0.5, 0.5], clip=2.0)
    >>> estimate.value, round(estimate.overlap.clipped_share, 3)
    (0.75, 0.615)
    """
    reward, weight = weighed(rewards, propensities, target)
    used = np.minimum(weight, clip_bound(clip, reward.size))
    with np.errstate(over="ignore"):
        terms = used * reward
    return normal_estimate(terms, overlap_of(weight, reward, used=used), confidence)
