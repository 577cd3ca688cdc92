"""What two posteriors say of each other: the chance that one is better, and what choosing wrongly would cost.

These are statements about posteriors, not about error rates: looked at again and again until one of them pleases,
a chance to beat of 95% is reached without any difference far more often than one time in twenty. To stop by, take
a confidence sequence; to weigh what is known, take these.
"""

from __future__ import annotations

import math
from typing import NamedTuple, TypeAlias

import armwise_kernels
from armwise._words import shown
from armwise.errors import ConfigurationError, PropensityError
from armwise.evaluation._numbers import LARGEST, finite_number, number_in

__all__ = ["BetaLaw", "Law", "NormalLaw", "chance_to_beat", "expected_loss"]


class BetaLaw(NamedTuple):
    """A Beta posterior of a success rate.

    Attributes
    ----------
    alpha, beta : float
        Shapes, above zero: prior successes + successes, prior failures + failures.

    Examples
    --------
    >>> BetaLaw(alpha=1 + 30, beta=1 + 70)
    BetaLaw(alpha=31, beta=71)
    """

    alpha: float
    beta: float


class NormalLaw(NamedTuple):
    """A normal posterior of a mean.

    Attributes
    ----------
    mean, deviation : float
        Posterior mean, and posterior standard deviation, above zero: of the mean, so about s / sqrt(n).

    Examples
    --------
    >>> NormalLaw(mean=1.2, deviation=0.1)
    NormalLaw(mean=1.2, deviation=0.1)
    """

    mean: float
    deviation: float


Law: TypeAlias = BetaLaw | NormalLaw
"""A posterior of one arm's mean."""


def chance_to_beat(challenger: Law, incumbent: Law) -> float:
    """Return the posterior probability that the challenger's mean is the greater.

    Parameters
    ----------
    challenger, incumbent : BetaLaw or NormalLaw
        Independent posteriors, both of one sort.

    Returns
    -------
    float
        In [0, 1]. For Beta laws to the precision of the kernels' propensities, about 1e-13.

    Raises
    ------
    ConfigurationError
        If a parameter is out of range or the laws are of two sorts.
    PropensityError
        If shapes beyond 2e9 make the comparison one that rounding hides.

    Notes
    -----
    Beta: the integral that also gives a Thompson policy's propensities. Normal: Phi((m1 - m0) / sqrt(d1^2 + d0^2)).

    Examples
    --------
    >>> round(chance_to_beat(BetaLaw(31, 71), BetaLaw(21, 81)), 4)
    0.9476
    >>> chance_to_beat(NormalLaw(1.0, 0.3), NormalLaw(1.0, 0.4))
    0.5
    """
    if isinstance(challenger, BetaLaw) and isinstance(incumbent, BetaLaw):
        return _beta_beats(_checked_beta("challenger", challenger), _checked_beta("incumbent", incumbent))
    gap, deviation = _gap(challenger, incumbent)
    return _normal_below(gap / deviation)


def expected_loss(chosen: Law, other: Law) -> float:
    """Return what choosing one arm is expected to lose against the other: E[max(other - chosen, 0)].

    Parameters
    ----------
    chosen, other : BetaLaw or NormalLaw
        Independent posteriors, both of one sort.

    Returns
    -------
    float
        At least zero, in units of the reward. For Beta laws to about 1e-13 (absolute).

    Raises
    ------
    ConfigurationError
        If a parameter is out of range or the laws are of two sorts.
    PropensityError
        If shapes beyond 2e9 make the comparison one that rounding hides.

    Notes
    -----
    Chris Stucchio, "Bayesian A/B testing at VWO" (2015). Beta, with m the means: m_other P(B' > A) - m_chosen
    P(B > A'), where a prime adds one to the first shape of that law, because x Beta(x; a, b) is the mean times
    Beta(x; a + 1, b). Normal, with d the gap of the means and s the deviation of the difference: d Phi(d / s) + s
    phi(d / s).

    Examples
    --------
    >>> round(expected_loss(BetaLaw(31, 71), BetaLaw(21, 81)), 5)
    0.00135
    >>> round(expected_loss(NormalLaw(0.0, 0.6), NormalLaw(0.0, 0.8)), 5)  # s phi(0), with s = 1
    0.39894
    """
    if isinstance(chosen, BetaLaw) and isinstance(other, BetaLaw):
        a, b = _checked_beta("chosen", chosen), _checked_beta("other", other)
        mean_a, mean_b = (law.alpha / (law.alpha + law.beta) for law in (a, b))
        gain = mean_b * _beta_beats(b._replace(alpha=b.alpha + 1.0), a)
        return max(0.0, gain - mean_a * _beta_beats(b, a._replace(alpha=a.alpha + 1.0)))
    gap, deviation = _gap(other, chosen)
    z = gap / deviation
    density = math.exp(-0.5 * z * z) / math.sqrt(2.0 * math.pi)
    return max(0.0, gap * _normal_below(z) + deviation * density)


def _beta_beats(a: BetaLaw, b: BetaLaw) -> float:
    """P(a > b)."""
    try:
        return float(armwise_kernels.load().best_beta([a.alpha, b.alpha], [a.beta, b.beta])[0])
    except FloatingPointError as error:
        msg = f"{a} and {b} cannot be compared: {error}; with that much evidence, compare the means"
        raise PropensityError(msg) from error


def _gap(a: Law, b: Law) -> tuple[float, float]:
    """Mean and deviation of a - b for two normal laws."""
    if not (isinstance(a, NormalLaw) and isinstance(b, NormalLaw)):
        msg = f"the laws are {shown(a)} and {shown(b)}; expected two BetaLaw or two NormalLaw"
        raise ConfigurationError(msg)
    means = [finite_number("mean", law.mean) for law in (a, b)]
    deviations = [number_in("deviation", law.deviation, 0.0, LARGEST) for law in (a, b)]
    return means[0] - means[1], math.hypot(*deviations)


def _checked_beta(name: str, law: BetaLaw) -> BetaLaw:
    """The law with float shapes that the kernels take."""
    return BetaLaw(*(number_in(f"{name}.{field}", value, 0.0, 1e15) for field, value in law._asdict().items()))


def _normal_below(z: float) -> float:
    """The standard normal distribution function."""
    return 0.5 * math.erfc(-z / math.sqrt(2.0))
