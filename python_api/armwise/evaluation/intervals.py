"""Confidence intervals for a mean, without a statistics library.

Twenty seeds are too few for the normal quantile: it would promise 95% and keep 93.5%. The mean of a few runs
therefore takes Student's t, whose distribution function is a finite sum where the degrees of freedom are an
integer (Abramowitz & Stegun 1964, 26.7.3 and 26.7.4); its inverse is found by bisection.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
from numpy.typing import ArrayLike

from armwise._words import shown
from armwise.errors import ConfigurationError

__all__ = ["Interval", "mean_interval", "normal_quantile", "student_quantile"]


@dataclass(frozen=True, slots=True)
class Interval:
    """A mean and how far it may be off.

    Attributes
    ----------
    mean : float
        Mean of the samples.
    half_width : float
        Half the width of the confidence interval; infinite for a single sample.
    n : int
        Number of samples.
    """

    mean: float
    half_width: float
    n: int

    @property
    def lower(self) -> float:
        """Lower end of the interval."""
        return self.mean - self.half_width

    @property
    def upper(self) -> float:
        """Upper end of the interval."""
        return self.mean + self.half_width


def mean_interval(samples: ArrayLike, *, confidence: float = 0.95) -> Interval:
    """Return the mean of independent samples with its Student interval.

    Parameters
    ----------
    samples : array_like of float, shape (n,)
        Independent, finite samples, n >= 1.
    confidence : float
        Coverage of the interval, in (0, 1).

    Returns
    -------
    Interval
        Mean, half-width and n.

    Raises
    ------
    ConfigurationError
        If there is no sample, one is not finite, or `confidence` is outside (0, 1).

    Notes
    -----
    half-width = t(1 - (1 - confidence) / 2; n - 1) s / sqrt(n) (Student 1908). The samples need
    not be normal for a mean of twenty, but they must be independent: one number per seed, not one per
    decision.

    Examples
    --------
    >>> interval = mean_interval([1.0, 2.0, 3.0])
    >>> interval.mean, round(interval.half_width, 3)
    (2.0, 2.484)
    """
    values = np.asarray(samples, dtype=np.float64)
    if values.ndim != 1 or values.size == 0 or not np.isfinite(values).all():
        msg = f"samples have shape {values.shape}; expected one dimension of one or more finite numbers"
        raise ConfigurationError(msg)
    n = int(values.size)
    _two_sided(confidence)
    half_width = math.inf
    if n > 1:
        half_width = student_quantile(confidence, n - 1) * float(values.std(ddof=1)) / math.sqrt(n)
    return Interval(mean=float(values.mean()), half_width=half_width, n=n)


def normal_quantile(confidence: float) -> float:
    """Return z such that a standard normal lies in [-z, z] with the given probability.

    Parameters
    ----------
    confidence : float
        Probability in (0, 1).

    Returns
    -------
    float
        The quantile, more than zero.

    Raises
    ------
    ConfigurationError
        If `confidence` is outside (0, 1).

    Examples
    --------
    >>> round(normal_quantile(0.95), 6)
    1.959964
    """
    return NormalDist().inv_cdf(_two_sided(confidence))


def student_quantile(confidence: float, degrees: int) -> float:
    """Return t such that Student's t lies in [-t, t] with the given probability.

    Parameters
    ----------
    confidence : float
        Probability in (0, 1).
    degrees : int
        Degrees of freedom, at least 1.

    Returns
    -------
    float
        The quantile, more than zero, to 1e-12 for confidences in [0.5, 0.9999]. From 5,000 degrees on it is the
        normal quantile with three terms of Fisher's expansion (Abramowitz & Stegun 26.7.5).

    Raises
    ------
    ConfigurationError
        If `confidence` is outside (0, 1) or `degrees` is below 1.

    Examples
    --------
    >>> round(student_quantile(0.95, 19), 6)
    2.093024
    """
    _two_sided(confidence)
    if degrees < 1:
        msg = f"degrees of freedom are {degrees}; expected at least 1"
        raise ConfigurationError(msg)
    if degrees >= 5000:
        z = normal_quantile(confidence)
        return z + (
            (z**3 + z) / (4 * degrees)
            + (5 * z**5 + 16 * z**3 + 3 * z) / (96 * degrees**2)
            + (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / (384 * degrees**3)
        )
    # t = sqrt(degrees) tan(angle), so that the search is over a bounded interval even for the Cauchy case.
    low, high = 0.0, math.pi / 2
    while (middle := (low + high) / 2) not in (low, high):
        if _student_coverage(middle, degrees) < confidence:
            low = middle
        else:
            high = middle
    return math.sqrt(degrees) * math.tan(middle)


def _student_coverage(angle: float, degrees: int) -> float:
    """Return P(|T| <= sqrt(degrees) tan(angle)): Abramowitz & Stegun 26.7.3 (odd) and 26.7.4 (even)."""
    sine, cosine = math.sin(angle), math.cos(angle)
    term = cosine if degrees % 2 else 1.0
    series = 0.0
    for j in range(degrees % 2, degrees - 1, 2):
        series += term
        term *= cosine * cosine * (j + 1) / (j + 2)
    if degrees % 2:
        return 2.0 / math.pi * (angle + sine * series)
    return sine * series


def _two_sided(confidence: float) -> float:
    """Return the upper tail's quantile level of a two-sided interval."""
    if not 0.0 < confidence < 1.0:
        msg = f"confidence is {shown(confidence)}; expected a number between 0 and 1, for example 0.95"
        raise ConfigurationError(msg)
    return 0.5 + confidence / 2.0
