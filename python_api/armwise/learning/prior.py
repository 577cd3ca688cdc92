r"""Beta priors that are fitted to what arms have earned: empirical Bayes.

Arms of one kind have different mean rewards, as if each had been drawn from one Beta distribution. That distribution
is the prior of an arm which nobody has tried yet. Its shapes maximise the likelihood of what the other arms earned, the
means integrated out. For arm i with n_i rewards that add up to s_i this is the beta-binomial

.. math:: \ell(a, b) = \sum_i \log \frac{B(a + s_i, \; b + n_i - s_i)}{B(a, b)}

up to what does not depend on a and b (Griffiths, "Maximum likelihood estimation for the beta-binomial distribution",
Biometrics 29, 1973; Casella, "An introduction to empirical Bayes data analysis", The American Statistician 39, 1985).
For a fixed sum a + b it is concave in the mean a / (a + b), and for a fixed mean it has at most one maximum in the sum
(Levin & Reeds, "Compound multinomial likelihood functions are unimodal", Annals of Statistics 5, 1977). So the mean is
found by golden sections within golden sections for the logarithm of the sum, around the best of a grid.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from typing import Final, NamedTuple

from armwise._labels import check_label, plain
from armwise._words import shown
from armwise.errors import ConfigurationError
from armwise.learning._domain_names import check_domain
from armwise.types import Label

__all__ = ["fit_prior", "pooled_prior"]

_GOLDEN: Final = (math.sqrt(5.0) - 1.0) / 2.0
_SECTIONS: Final = 40
_GRID: Final = 9
_LARGEST: Final = 1e12


class _Evidence(NamedTuple):
    """What one arm earned."""

    successes: float
    failures: float


def fit_prior(records: Iterable[object], *, least: float = 2.0, most: float = 100.0) -> dict[str, tuple[float, float]]:
    """A prior for each domain of an offline decision log.

    Parameters
    ----------
    records : iterable
        Records of a log, such as a :class:`armwise.telemetry.log.LogReader`. What has a ``domain``, an ``arm`` and a
        ``reward`` is taken; where it has ``learned``, that is what the policy was told. All else is passed over.
        Rewards are in [0, 1]. One of 0.3 counts as three tenths of a success and seven tenths of a failure, as it does
        for :class:`armwise.ThompsonSampling`; fractional rewards scatter less than that, so that their prior says a
        little more than the log does, and `most` bounds how much.
    least, most : float
        Bounds of a + b: how many rewards the prior counts for, in (0, 1e6]. By few or similar arms it would be without
        bound, and nothing could be learnt against it.

    Returns
    -------
    dict of str to (float, float)
        Alpha and beta by domain, as ``ThompsonSampling(prior=...)`` takes them.

    Raises
    ------
    ConfigurationError
        If no record holds a reward, a reward is none in [0, 1], or a bound is not as stated.

    Examples
    --------
    >>> from armwise.telemetry.log import UpdateRecord
    >>> def log():
    ...     for arm, rate in [("a", 0.2), ("b", 0.3), ("c", 0.4)]:
    ...         for turn in range(100):
    ...             reward = float(turn < 100 * rate)
    ...             yield UpdateRecord(None, turn, "route", arm, reward, reward, None, turn)
    >>> a, b = fit_prior(log())["route"]
    >>> round(a / (a + b), 2), round(a + b, 1)
    (0.3, 44.5)
    """
    low, high = _checked_bounds(least, most)
    sums: dict[str, dict[Label, tuple[float, int]]] = {}
    if not isinstance(records, Iterable):
        msg = f"records is {shown(records)}; expected the records of a decision log, such as a LogReader"
        raise ConfigurationError(msg)
    for record in records:
        if not all(hasattr(record, name) for name in ("domain", "arm", "reward")):
            continue
        domain = check_domain(getattr(record, "domain", None))
        arm = plain(check_label(getattr(record, "arm", None)))
        reward = _checked_reward(getattr(record, "learned", getattr(record, "reward", None)))
        arms = sums.setdefault(domain, {})
        total, count = arms.get(arm, (0.0, 0))
        arms[arm] = total + reward, count + 1
    if not sums:
        msg = "records holds no reward; expected updates of a decision log, each with its domain, arm and reward"
        raise ConfigurationError(msg)
    return {
        domain: _fitted([_Evidence(total, count - total) for total, count in arms.values()], low, high)
        for domain, arms in sums.items()
    }


def pooled_prior(
    posteriors: Mapping[Label, tuple[float, float]],
    *,
    prior: tuple[float, float] = (1.0, 1.0),
    least: float = 2.0,
    most: float = 100.0,
) -> tuple[float, float]:
    """The prior of a new arm, from what a policy knows of the others.

    Parameters
    ----------
    posteriors : mapping of label to (float, float)
        Alpha and beta of each arm, as :meth:`armwise.ThompsonSampling.posterior` gives them.
    prior : tuple of float
        What each of them started from: what is beyond it is evidence.
    least, most : float
        Bounds of a + b, as for :func:`fit_prior`.

    Returns
    -------
    tuple of float
        Alpha and beta, as ``policy.add_arm(arm, prior)`` takes them. Where no arm has evidence, `prior` itself.

    Raises
    ------
    ConfigurationError
        If an argument is not as described.

    Examples
    --------
    >>> from armwise import ThompsonSampling
    >>> policy = ThompsonSampling(["a", "b"], seed=1)
    >>> for turn in range(50):
    ...     policy.update("a", float(turn % 5 == 0))
    ...     policy.update("b", float(turn % 2 == 0))
    >>> prior = pooled_prior(policy.posterior(), prior=policy.prior)
    >>> policy.add_arm("c", prior)
    >>> [round(shape, 1) for shape in prior]
    [4.2, 7.9]
    """
    low, high = _checked_bounds(least, most)
    alpha, beta = _checked_pair(prior, "prior")
    if not isinstance(posteriors, Mapping):
        msg = f"posteriors is {shown(posteriors)}; expected a mapping of arms to (alpha, beta), as posterior() gives it"
        raise ConfigurationError(msg)
    arms = []
    for arm, shapes in posteriors.items():
        a, b = _checked_pair(shapes, f"the posterior of {shown(arm)}")
        # Rounding may leave a shape a little below where it started.
        arms.append(_Evidence(max(0.0, a - alpha), max(0.0, b - beta)))
    return _fitted(arms, low, high) if any(map(sum, arms)) else (alpha, beta)


def _fitted(arms: list[_Evidence], least: float, most: float) -> tuple[float, float]:
    """The shapes of greatest likelihood, their sum within its bounds."""
    # Arms alike in what they earned are one summand, many times: a log of thousands of arms has few kinds of them.
    kinds: dict[_Evidence, int] = {}
    for arm in arms:
        kinds[arm] = kinds.get(arm, 0) + 1
    total = math.fsum(map(sum, arms))
    # With successes alone, or failures alone, the best mean is at an end, where a shape would be 0.
    edge = 1.0 / (total + 2.0)

    def likelihood(mean: float, weight: float) -> float:
        return math.fsum(times * _likelihood(arm, mean * weight, (1.0 - mean) * weight) for arm, times in kinds.items())

    def best_mean(weight: float) -> float:
        return _greatest(lambda mean: likelihood(mean, weight), edge, 1.0 - edge)

    def profile(logarithm: float) -> float:
        weight = math.exp(logarithm)
        return likelihood(best_mean(weight), weight)

    low, high = math.log(least), math.log(most)
    step = (high - low) / _GRID
    top = max((low + step * turn for turn in range(_GRID + 1)), key=profile)
    weight = math.exp(_greatest(profile, max(low, top - step), min(high, top + step)))
    mean = best_mean(weight)
    return mean * weight, (1.0 - mean) * weight


def _likelihood(arm: _Evidence, a: float, b: float) -> float:
    """The logarithm of the marginal likelihood of one arm's rewards."""
    successes, failures = arm
    return _rise(a, successes) + _rise(b, failures) - _rise(a + b, successes + failures)


def _rise(shape: float, count: float) -> float:
    """The logarithm of gamma(shape + count) / gamma(shape)."""
    return math.lgamma(shape + count) - math.lgamma(shape)


def _greatest(function: Callable[[float], float], low: float, high: float) -> float:
    """Where a function with one maximum has it, by golden sections (Kiefer 1953); an end where it is there."""
    left, right = high - _GOLDEN * (high - low), low + _GOLDEN * (high - low)
    at_left, at_right = function(left), function(right)
    ends = {low: function(low), high: function(high)}
    for _ in range(_SECTIONS):
        if at_left >= at_right:
            high, right, at_right = right, left, at_left
            left = high - _GOLDEN * (high - low)
            at_left = function(left)
        else:
            low, left, at_left = left, right, at_right
            right = low + _GOLDEN * (high - low)
            at_right = function(right)
    inside = left if at_left >= at_right else right
    end = max(ends, key=ends.__getitem__)
    return end if ends[end] >= max(at_left, at_right) else inside


def _checked_bounds(least: object, most: object) -> tuple[float, float]:
    for name, value in (("least", least), ("most", most)):
        if not _is_number(value) or not 0.0 < value <= 1e6:  # type: ignore[operator]  # it is a number
            msg = f"{name} is {shown(value)}; expected how many rewards a prior counts for, a number in (0, 1e6]"
            raise ConfigurationError(msg)
    low, high = float(least), float(most)  # type: ignore[arg-type]  # both are numbers
    if low > high:
        msg = f"least is {least} and most is {most}; expected a least that is not above the most"
        raise ConfigurationError(msg)
    return low, high


def _checked_reward(reward: object) -> float:
    if not _is_number(reward) or not 0.0 <= reward <= 1.0:  # type: ignore[operator]  # it is a number
        msg = (
            f"a reward is {shown(reward)}; a Beta prior is fitted to rewards in [0, 1]; "
            "log what armwise.rewards.CompositeReward makes of costs and latencies"
        )
        raise ConfigurationError(msg)
    return float(reward)  # type: ignore[arg-type]  # it is a number


def _checked_pair(shapes: object, what: str) -> tuple[float, float]:
    if isinstance(shapes, (tuple, list)) and len(shapes) == 2:
        a, b = shapes
        if _is_number(a) and _is_number(b) and 0.0 < a <= _LARGEST and 0.0 < b <= _LARGEST:
            return float(a), float(b)
    msg = f"{what} is {shown(shapes)}; expected (alpha, beta), two numbers in (0, 1e12]"
    raise ConfigurationError(msg)


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)
