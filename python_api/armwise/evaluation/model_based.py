"""Off-policy estimates that lean on a model of the reward, alone or beside the weights.

The direct method (DM) averages what a model says that the evaluated policy would earn: little variance, and all of
the model's bias. The doubly robust estimate (DR) adds the weighted mistakes that the model makes on the logged
decisions: it is unbiased where the propensities are right, whatever the model says, and also where the model is
right, whatever the propensities are. SWITCH-DR does so only where the weights are small, and trusts the model
for the rest.

The model enters as two columns: what it predicts for the arm that was served, and what it predicts of the
evaluated policy. `expected_rewards` makes the second from a prediction for every arm, and
`armwise.evaluation.fit_means` makes both from the log itself. A model must not have seen the rewards that it is
weighed with, unless it has few parameters beside many decisions: cross-fit it.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike

from armwise._words import shown
from armwise.errors import ConfigurationError
from armwise.evaluation._columns import distributions, finite, refuse, weighed
from armwise.evaluation.estimate import (
    THRESHOLDS,
    Estimate,
    EstimateWarning,
    clip_bound,
    normal_estimate,
    overlap_of,
)
from armwise.evaluation.intervals import normal_quantile
from armwise.types import FloatArray

__all__ = ["dm", "dr", "expected_rewards", "switch_dr"]


def expected_rewards(policy: ArrayLike, predictions: ArrayLike) -> FloatArray:
    """Return what a model predicts that a policy earns, from its prediction for every arm.

    Parameters
    ----------
    policy : array_like of float, shape (m, K)
        Probability with which the policy chooses each arm; rows sum to 1. A row may be a decision, or a cell of
        decisions that the policy and the model treat alike.
    predictions : array_like of float, shape (m, K)
        Predicted reward of each arm; finite.

    Returns
    -------
    ndarray of float64, shape (m,)
        sum_a policy[., a] predictions[., a]. Rows that are cells are spread over decisions by indexing.

    Raises
    ------
    ConfigurationError
        If a row of `policy` is no distribution, shapes differ, or a prediction is not finite.

    Examples
    --------
    >>> expected_rewards([[0.5, 0.5], [0.0, 1.0]], [[0.2, 0.4], [0.2, 0.4]]).round(3).tolist()
    [0.3, 0.4]
    """
    chosen = distributions("policy", policy)
    try:
        predicted = np.asarray(predictions, dtype=np.float64)
    except (TypeError, ValueError, OverflowError) as error:
        msg = f"predictions cannot be read as numbers ({error}); expected one for each row and arm"
        raise ConfigurationError(msg) from error
    if predicted.shape != chosen.shape:
        msg = f"predictions has shape {predicted.shape} and policy {chosen.shape}; expected one for each row and arm"
        raise ConfigurationError(msg)
    # A product with what is not finite is not finite: where probabilities are zero, too (0 * inf is NaN).
    with np.errstate(over="ignore", invalid="ignore"):
        expected: FloatArray = np.einsum("ij,ij->i", chosen, predicted)
    if not np.isfinite(expected).all():
        refuse(~np.isfinite(predicted.ravel()), predicted.ravel(), "predictions.ravel()", "a finite number")
        refuse(~np.isfinite(expected), expected, "expected", "a sum within the range of floats")
    return expected


def dm(expected: ArrayLike, *, model_error: float = 0.0, confidence: float = 0.95) -> Estimate:
    """Estimate a policy's mean reward by the direct method: by what a model says of it.

    Parameters
    ----------
    expected : array_like of float, shape (n,)
        What the model predicts that the evaluated policy earns at each logged decision, as `expected_rewards` makes
        it; finite, n >= 2.
    model_error : float
        Standard error of the mean of `expected` that comes from the rewards the model was fitted to, as
        ``FittedMeans.error`` gives it; zero for a model that is given.
    confidence : float
        Coverage of the interval, in (0, 1).

    Returns
    -------
    Estimate
        value = mean(expected). Nothing is weighed, so `overlap` is None and the effective sample size `n`. It
        always carries the warning ``model``: an interval cannot tell of a model that is wrong.

    Raises
    ------
    ConfigurationError
        If `expected` is no column of two or more finite numbers, or `model_error` is negative or not finite.

    Notes
    -----
    Dudik, Langford & Li (2011), section 3.1. The standard error is that of the mean over the logged contexts, with
    `model_error` added in quadrature.

    Examples
    --------
    >>> estimate = dm([0.2, 0.4, 0.2, 0.4])
    >>> round(estimate.value, 3), [warning.code for warning in estimate.warnings]
    (0.3, ['model'])
    """
    column = finite("expected", expected)
    if column.size < 2:
        msg = f"expected has {column.size} entries; an interval needs at least 2"
        raise ConfigurationError(msg)
    if not 0.0 <= model_error < math.inf:
        msg = f"model_error is {shown(model_error)}; expected a standard error, zero or more"
        raise ConfigurationError(msg)
    n = column.size
    with np.errstate(over="ignore", invalid="ignore"):
        value, error = float(column.mean()), math.hypot(float(column.std(ddof=1)) / math.sqrt(n), model_error)
    half_width = normal_quantile(confidence) * error
    if not math.isfinite(value) or not math.isfinite(half_width):
        msg = f"the mean of expected is {value!r} with error {error!r}; expected numbers within the range of floats"
        raise ConfigurationError(msg)
    message = "the estimate is what a model says: its interval does not tell how wrong the model is"
    warning = EstimateWarning("model", model_error, THRESHOLDS["model"], message)
    return Estimate(value, error, value - half_width, value + half_width, n, float(n), None, (warning,))


def dr(
    rewards: ArrayLike,
    propensities: ArrayLike,
    target: ArrayLike,
    predicted: ArrayLike,
    expected: ArrayLike,
    *,
    confidence: float = 0.95,
) -> Estimate:
    """Estimate a policy's mean reward by the doubly robust estimator.

    Parameters
    ----------
    rewards, propensities, target, confidence
        As :func:`armwise.evaluation.ips` takes them.
    predicted : array_like of float, shape (n,)
        What a model predicts for the arm that was served; finite.
    expected : array_like of float, shape (n,)
        What it predicts that the evaluated policy earns, sum_a pi(a | x) q(x, a); finite.

    Returns
    -------
    Estimate
        value = mean(expected + w (rewards - predicted)) with w = target / propensities.

    Raises
    ------
    PropensityError
        As :func:`armwise.evaluation.ips`.
    ConfigurationError
        As that, or if a prediction is not finite.

    Notes
    -----
    Dudik, Langford & Li (2011), equation 1; the augmented IPW of Robins, Rotnitzky & Zhao (1994). The interval is
    asymptotic normal: s(terms) / sqrt(n). With a model that is cross-fitted or fitted to earlier decisions alone, it
    needs no more of the model than that it settles (Chernozhukov et al. 2018).

    Examples
    --------
    >>> estimate = dr([1.0, 0.0], [0.5, 0.5], [1.0, 0.0], predicted=[0.75, 0.25], expected=[0.75, 0.75])
    >>> estimate.value
    1.0
    """
    reward, weight = weighed(rewards, propensities, target)
    guess, mean = finite("predicted", predicted, reward.size), finite("expected", expected, reward.size)
    return _doubly_robust(reward, guess, mean, weight, None, confidence)


def switch_dr(
    rewards: ArrayLike,
    propensities: ArrayLike,
    target: ArrayLike,
    predicted: ArrayLike,
    expected: ArrayLike,
    *,
    clip: float | None = None,
    confidence: float = 0.95,
) -> Estimate:
    """Estimate a policy's mean reward by SWITCH-DR: doubly robust where weights are small, the model elsewhere.

    Parameters
    ----------
    rewards, propensities, target, predicted, expected, confidence
        As :func:`dr` takes them.
    clip : float, optional
        Greatest weight that is used, more than zero; sqrt(n) by default.

    Returns
    -------
    Estimate
        value = mean(expected + w 1{w <= clip} (rewards - predicted)) with w = target / propensities.
        `overlap.clipped_share` is the share of the weight that was left to the model.

    Raises
    ------
    PropensityError
        As :func:`dr`.
    ConfigurationError
        As :func:`dr`, or if `clip` is not above zero.

    Notes
    -----
    Wang, Agarwal & Dudik (2017), equation 4 with DR in place of IPS. The interval is asymptotic normal, and the bias of
    the model where the weights are large is not in it.

    Examples
    --------
    >>> columns = [1.0, 0.0, 1.0], [0.5, 0.5, 0.1], [0.5, 0.5, 0.5], [0.5, 0.5, 0.5], [0.5, 0.5, 0.5]
    >>> switch_dr(*columns, clip=2.0).value, switch_dr(*columns, clip=5.0).overlap.clipped_share
    (0.5, 0.0)
    """
    reward, weight = weighed(rewards, propensities, target)
    guess, mean = finite("predicted", predicted, reward.size), finite("expected", expected, reward.size)
    used = np.where(weight <= clip_bound(clip, reward.size), weight, 0.0)
    return _doubly_robust(reward, guess, mean, weight, used, confidence)


def _doubly_robust(
    reward: FloatArray,
    predicted: FloatArray,
    expected: FloatArray,
    weight: FloatArray,
    used: FloatArray | None,
    confidence: float,
) -> Estimate:
    with np.errstate(over="ignore", invalid="ignore"):
        terms = expected + (weight if used is None else used) * (reward - predicted)
    return normal_estimate(terms, overlap_of(weight, reward, used=used), confidence)
