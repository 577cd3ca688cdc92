"""An off-policy estimate, what it rests on, and what speaks against trusting it.

Every estimator of this room ends here: it hands over its value, its standard error and its weights, and gets an
interval, the overlap of the two policies, and warnings. The warnings are part of the estimate, because one
that is printed elsewhere is lost when the figure is stored or compared.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

import numpy as np
from numpy.typing import ArrayLike

from armwise._words import shown
from armwise.errors import ConfigurationError, PropensityError
from armwise.evaluation._columns import weighed
from armwise.evaluation.intervals import normal_quantile
from armwise.types import FloatArray

__all__ = [
    "THRESHOLDS",
    "Estimate",
    "EstimateWarning",
    "Overlap",
    "WarningCode",
    "clip_bound",
    "estimated",
    "normal_estimate",
    "overlap",
    "overlap_of",
]

WarningCode: TypeAlias = Literal[
    "few_rewards",
    "small_sample",
    "low_overlap",
    "dominant_weight",
    "mean_weight",
    "clipped",
    "model",
]
"""What a warning is about."""

THRESHOLDS: Final[dict[WarningCode, float]] = {
    "few_rewards": 100.0,
    "small_sample": 100.0,
    "low_overlap": 0.1,
    "dominant_weight": 0.05,
    "mean_weight": 0.1,
    "clipped": 0.05,
    "model": 0.0,
}
"""From where on each warning is given; `EstimateWarning` says what is compared, the guide why."""


@dataclass(frozen=True, slots=True)
class EstimateWarning:
    """One reason not to trust an estimate or its interval.

    Attributes
    ----------
    code : str
        ``few_rewards``: fewer than 100 decisions of positive weight have another reward than the common one.
        ``small_sample``: the effective sample size is below 100. ``low_overlap``: it is below a tenth of the
        decisions. ``dominant_weight``: one decision carries more than a twentieth of all weight.
        ``mean_weight``: the mean weight is further than 0.1 from 1. ``clipped``: more than a twentieth of the
        weight lies above the bound, and was cut off or left to the model. ``model``: the interval does not tell
        how wrong the model is.
    value : float
        What was found.
    threshold : float
        What it was compared with.
    message : str
        The same as a sentence.
    """

    code: WarningCode
    value: float
    threshold: float
    message: str


@dataclass(frozen=True, slots=True)
class Overlap:
    """How far the logged decisions cover what the evaluated policy would do.

    Attributes
    ----------
    n : int
        Number of logged decisions.
    rewarded : int
        Decisions of positive weight with another reward than the common one: the clicks among impressions, the
        failures among successes. It counts them against the least and the greatest reward, and takes the rarer.
    common_reward : float
        The reward that all others of positive weight have.
    effective_sample_size : float
        (sum w)^2 / sum w^2 (Kish 1965) of the weights as they are used, between 0 and `n`.
    mean_weight : float
        Mean of the importance weights; 1 in expectation where every arm that the evaluated policy chooses may be
        served.
    max_weight : float
        The greatest importance weight.
    max_share : float
        The share of the greatest weight in the sum, as they are used.
    clipped_share : float
        The share of the sum of importance weights that is not used; zero where nothing is bounded.
    """

    n: int
    rewarded: int
    common_reward: float
    effective_sample_size: float
    mean_weight: float
    max_weight: float
    max_share: float
    clipped_share: float

    @property
    def effective_share(self) -> float:
        """The effective sample size as a share of the decisions."""
        return self.effective_sample_size / self.n

    @property
    def warnings(self) -> tuple[EstimateWarning, ...]:
        """What speaks against an estimate with these weights, the gravest first."""
        found: list[EstimateWarning] = []

        def warn(code: WarningCode, value: float, message: str) -> None:
            found.append(EstimateWarning(code, value, THRESHOLDS[code], message))

        if self.rewarded < THRESHOLDS["few_rewards"]:
            which = "rewarded decisions"
            if self.common_reward != 0.0:
                which = f"decisions with another reward than {self.common_reward:g}"
            warn("few_rewards", self.rewarded, f"{self.rewarded} {which}: the normal interval is not to be trusted")
        size, share = self.effective_sample_size, self.effective_share
        if size < THRESHOLDS["small_sample"]:
            message = f"the effective sample size is {size:.1f}: the normal interval is not to be trusted"
            warn("small_sample", size, message)
        if share < THRESHOLDS["low_overlap"]:
            message = f"the effective sample size is {share:.1%} of the decisions: the two policies differ much"
            warn("low_overlap", share, message)
        if self.max_share > THRESHOLDS["dominant_weight"]:
            message = f"one decision carries {self.max_share:.1%} of all weight: the estimate hangs on it"
            warn("dominant_weight", self.max_share, message)
        if abs(self.mean_weight - 1.0) > THRESHOLDS["mean_weight"]:
            message = (
                f"the mean weight is {self.mean_weight:.3f}, expected 1: the log hardly covers what the policy"
                " would do, or its propensities are not right"
            )
            warn("mean_weight", self.mean_weight, message)
        if self.clipped_share > THRESHOLDS["clipped"]:
            message = f"{self.clipped_share:.1%} of the weight lies above the bound: expect a bias of that order"
            warn("clipped", self.clipped_share, message)
        return tuple(found)


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
    overlap : Overlap or None
        What the weights look like; None where the estimate weighs nothing (the direct method).
    warnings : tuple of EstimateWarning
        What speaks against it; empty where nothing does.
    """

    value: float
    standard_error: float
    lower: float
    upper: float
    n: int
    effective_sample_size: float
    overlap: Overlap | None = None
    warnings: tuple[EstimateWarning, ...] = ()


def overlap(rewards: ArrayLike, propensities: ArrayLike, target: ArrayLike, *, clip: float | None = None) -> Overlap:
    """Say how far a log covers what another policy would do, before any estimate is made.

    Parameters
    ----------
    rewards, propensities, target
        As :func:`armwise.evaluation.ips` takes them.
    clip : float, optional
        A bound of the weights, more than zero, whose effect `clipped_share` shall tell; none by default.

    Returns
    -------
    Overlap
        Effective sample size, mean and greatest weight, and what they warn of.

    Raises
    ------
    PropensityError
        As :func:`armwise.evaluation.ips`.
    ConfigurationError
        As that, or if `clip` is not above zero.

    Examples
    --------
    >>> found = overlap([1.0, 0.0, 0.0, 0.0], [0.5, 0.5, 0.5, 0.1], [0.5, 0.5, 0.5, 0.5])
    >>> found.max_weight, found.rewarded, round(found.effective_share, 3)
    (5.0, 1, 0.571)
    >>> [warning.code for warning in found.warnings]
    ['few_rewards', 'small_sample', 'dominant_weight', 'mean_weight']
    """
    reward, weight = weighed(rewards, propensities, target)
    used = None if clip is None else np.minimum(weight, clip_bound(clip, reward.size))
    return overlap_of(weight, reward, used=used)


def clip_bound(clip: float | None, n: int) -> float:
    """Return the bound of the weights: the one given, or sqrt(n) (Ionides 2008).

    Raises
    ------
    ConfigurationError
        If it is not a number above zero.
    """
    if clip is None:
        return math.sqrt(n)
    if not clip > 0.0:
        msg = f"clip is {shown(clip)}; expected a bound of the weights above zero, or None for sqrt(n)"
        raise ConfigurationError(msg)
    return float(clip)


def overlap_of(weight: FloatArray, reward: FloatArray, *, used: FloatArray | None = None) -> Overlap:
    """Describe weights that have been checked.

    Parameters
    ----------
    weight, reward : ndarray of float64, shape (n,)
        Importance weights, and the rewards.
    used : ndarray of float64, shape (n,), optional
        What an estimator makes of the weights; nowhere above them in sum.

    Returns
    -------
    Overlap
        What they look like.
    """
    n, largest, total = weight.size, float(weight.max()), _scaled_sum(weight)
    if used is None:
        used, greatest, rest = weight, largest, total
    else:
        greatest, rest = float(used.max()), _scaled_sum(used)
    # Scaled by the largest weight, so that weights near the end of the float range do not overflow when
    # squared or summed.
    scaled = used / greatest if greatest > 0.0 else used
    squares = float(scaled @ scaled)
    rewarded, common = _rarer(reward if used.min() > 0.0 else reward[used > 0.0])
    return Overlap(
        n=n,
        rewarded=rewarded,
        common_reward=common,
        effective_sample_size=rest**2 / squares if squares > 0.0 else 0.0,
        mean_weight=total / n * largest,
        max_weight=largest,
        max_share=1.0 / rest if rest > 0.0 else 0.0,
        clipped_share=1.0 - min(1.0, rest / total * (greatest / largest)) if total > 0.0 else 0.0,
    )


def normal_estimate(
    terms: FloatArray, found: Overlap, confidence: float, *, warnings: Sequence[EstimateWarning] = ()
) -> Estimate:
    """Return the mean of independent terms with its normal interval."""
    with np.errstate(over="ignore", invalid="ignore"):
        value, error = float(terms.mean()), float(terms.std(ddof=1)) / math.sqrt(terms.size)
    return estimated(value, error, found, confidence, warnings=warnings)


def estimated(
    value: float, error: float, found: Overlap, confidence: float, *, warnings: Sequence[EstimateWarning] = ()
) -> Estimate:
    """Put the normal interval, the overlap and the warnings beside a value.

    Raises
    ------
    PropensityError
        If the value or its error is beyond the range of floats.
    """
    half_width = normal_quantile(confidence) * error
    if not math.isfinite(value) or not math.isfinite(half_width):
        msg = (
            f"the estimate is {value!r} with standard error {error!r}; expected finite numbers: weights up to"
            f" {found.max_weight:g} times these rewards are beyond the range of floats"
        )
        raise PropensityError(msg)
    return Estimate(
        value=value,
        standard_error=error,
        lower=value - half_width,
        upper=value + half_width,
        n=found.n,
        effective_sample_size=found.effective_sample_size,
        overlap=found,
        warnings=(*found.warnings, *warnings),
    )


def _scaled_sum(weight: FloatArray) -> float:
    """Return the sum of weights in units of the largest."""
    largest = float(weight.max())
    return float((weight / largest).sum()) if largest > 0.0 else 0.0


def _rarer(reward: FloatArray) -> tuple[int, float]:
    """Count the rewards other than the least and other than the greatest; return the smaller count and which."""
    if reward.size == 0:
        return 0, 0.0
    least, greatest = float(reward.min()), float(reward.max())
    above, below = int(np.count_nonzero(reward != least)), int(np.count_nonzero(reward != greatest))
    return (above, least) if above <= below else (below, greatest)
