"""Off-policy evaluation by replay: keep the logged decisions that the evaluated policy would have made as well.

A decision is kept with probability w / bound, w = target / propensity. What is kept has the distribution of the
evaluated policy's own decisions, so the mean of its rewards needs no weights. Where the log is uniform over K arms
and the policy deterministic, that is Li et al.'s replay: keep where the two agree (bound = K). It spends
decisions freely: about n / bound of n are kept.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray

from armwise._words import shown
from armwise.errors import ConfigurationError, PropensityError
from armwise.evaluation._columns import SLACK, weighed
from armwise.evaluation.estimate import Estimate, estimated, overlap_of
from armwise.types import FloatArray

__all__ = ["replay", "uniforms"]

# Steele, Lea & Flood (2014), figure 16: the increment and the two multipliers of SplitMix64.
_GAMMA, _FIRST, _SECOND = (
    np.uint64(0x9E3779B97F4A7C15),
    np.uint64(0xBF58476D1CE4E5B9),
    np.uint64(0x94D049BB133111EB),
)


def replay(
    rewards: ArrayLike,
    propensities: ArrayLike,
    target: ArrayLike,
    *,
    bound: float | None = None,
    seed: int = 0,
    confidence: float = 0.95,
) -> Estimate:
    """Estimate a policy's mean reward from the logged decisions that it would have made as well.

    Parameters
    ----------
    rewards, propensities, target, confidence
        As :func:`armwise.evaluation.ips` takes them.
    bound : float, optional
        A number that no weight exceeds; the greatest weight of the log by default. K for a log that is uniform over
        K arms.
    seed : int
        Where decisions are kept by chance, which chance; in [0, 2**64). It has nothing to do with the seed of a policy.

    Returns
    -------
    Estimate
        value = the mean reward of what is kept; `n` counts all decisions, and the effective sample size what is kept.

    Raises
    ------
    PropensityError
        As :func:`armwise.evaluation.ips`, or if fewer than two decisions are kept.
    ConfigurationError
        As that, or if a weight exceeds `bound`, or `seed` is outside its range.

    Notes
    -----
    Li, Chu, Langford & Wang (2011), algorithm 2 and theorem 1, for uniform logs; von Neumann (1951) for others.
    Decision i is kept where ``uniforms(seed, 0, n)[i] < w[i] / bound``, so a log and a seed always keep the same. The
    interval is asymptotic normal: s / sqrt(kept).

    Examples
    --------
    Two arms were served at random, and the policy would have chosen otherwise in the third decision:

    >>> estimate = replay([1.0, 0.0, 1.0, 0.5], [0.5, 0.5, 0.5, 0.5], [1.0, 1.0, 0.0, 1.0])
    >>> estimate.value, estimate.n, estimate.effective_sample_size
    (0.5, 4, 3.0)
    """
    reward, weight = weighed(rewards, propensities, target)
    largest = float(weight.max())
    limit = largest if bound is None else float(bound)
    if not (limit * (1.0 + SLACK) >= largest and limit < math.inf):
        msg = f"bound is {shown(bound)} and the greatest weight {largest!r}; expected a bound that no weight exceeds"
        raise ConfigurationError(msg)
    kept = uniforms(seed, 0, reward.size) * limit < weight
    rewarded = reward[kept]
    if rewarded.size < 2:
        msg = (
            f"replay keeps {rewarded.size} of {reward.size} decisions; expected at least 2: the log holds hardly any"
            " decision that the evaluated policy would have made, so use a longer or a more random one"
        )
        raise PropensityError(msg)
    with np.errstate(over="ignore", invalid="ignore"):
        value, error = float(rewarded.mean()), float(rewarded.std(ddof=1)) / math.sqrt(rewarded.size)
    return estimated(value, error, overlap_of(np.where(kept, limit, 0.0), reward), confidence)


def uniforms(seed: int, first: int, n: int) -> FloatArray:
    """Return numbers in [0, 1) that are a pure function of a seed and a place, whatever is asked for beside them.

    Parameters
    ----------
    seed : int
        Which sequence, in [0, 2**64).
    first : int
        Place of the first number, in [0, 2**63).
    n : int
        How many.

    Returns
    -------
    ndarray of float64, shape (n,)
        Multiples of 2**-53: SplitMix64 (Steele, Lea & Flood 2014), the seed mixed once so that sequences of
        neighbouring seeds do not overlap.

    Raises
    ------
    ConfigurationError
        If `seed` is outside its range.

    Examples
    --------
    >>> bool(uniforms(7, 2, 1)[0] == uniforms(7, 0, 3)[2])
    True
    """
    if isinstance(seed, bool) or not isinstance(seed, int | np.integer) or not 0 <= seed < 2**64:
        msg = f"seed is {shown(seed)}; expected a whole number in [0, 2**64)"
        raise ConfigurationError(msg)
    start = _mixed(np.array([seed], dtype=np.uint64))
    place = np.arange(first + 1, first + n + 1, dtype=np.uint64)
    return (_mixed(start + _GAMMA * place) >> np.uint64(11)).astype(np.float64) * 2.0**-53


def _mixed(z: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Return the finaliser of SplitMix64; products wrap."""
    z = (z ^ (z >> np.uint64(30))) * _FIRST
    z = (z ^ (z >> np.uint64(27))) * _SECOND
    return z ^ (z >> np.uint64(31))
