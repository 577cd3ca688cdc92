"""How far a mean may be off at every time at once: normal mixtures, with the variance known, estimated or mixed out.

A likelihood ratio that mixes over effects is a martingale under each hypothesis; by Ville's inequality it ever
exceeds 1 / alpha with probability alpha at most. The effects that it has not refuted are the interval (Robbins
1970). Everything here is elementwise over float64 arrays.
"""

from __future__ import annotations

import math

import numpy as np

from armwise.types import FloatArray

__all__ = ["normal_radius", "student_radius", "tuned_precision"]


def tuned_precision(alpha: float, tuned_at: float) -> float:
    """Return the mixture's rho^2 whose interval is narrowest after `tuned_at` observations.

    Waudby-Smith, Arbour, Sinha, Kennedy & Ramdas (2024): the minimum over rho of
    :func:`normal_radius` is approximately at rho^2 = (-2 log alpha + log(1 - 2 log alpha)) / tuned_at.
    """
    bits = -2.0 * math.log(alpha)
    return (bits + math.log1p(bits)) / tuned_at


def normal_radius(variance: FloatArray, t: FloatArray, rho2: float, alpha: float) -> FloatArray:
    """Return the half-width at time `t` of a mean whose variance at that time is `variance`.

    sqrt(2 variance (1 + 1 / (t rho^2)) log(sqrt(1 + t rho^2) / alpha)): theorem 2.2 of Waudby-Smith et
    al. (2024) with variance = sigma^2 / t; the mSPRT of Johari, Koomen, Pekelis & Walsh (2022) with tau^2 = rho^2
    sigma^2, solved for the effect.
    """
    inverse = t * rho2
    return np.sqrt(2.0 * variance * (1.0 + 1.0 / inverse) * (0.5 * np.log1p(inverse) - math.log(alpha)))


def student_radius(variance: FloatArray, t: FloatArray, degrees: FloatArray, rho2: float, alpha: float) -> FloatArray:
    """Return the half-width where the variance is estimated from `degrees` degrees of freedom; inf if there is none.

    The likelihood ratio of a t-statistic with a normal mixture over standardised effects (Gonen, Johnson, Lu &
    Westfall 2005),

        q^(-1/2) ((1 + u) / (1 + u / q))^((degrees + 1) / 2),    u = t^2 / degrees,  q = 1 + t rho^2,

    is a martingale for normal rewards of any one mean and variance (Lai 1976; Wang & Ramdas 2024): setting it to
    1 / alpha and solving for u gives the interval. As the degrees grow it becomes :func:`normal_radius`.
    """
    q = 1.0 + t * rho2
    # expm1 keeps the digits of B - 1, which is of the order 1 / degrees.
    power = 2.0 * (0.5 * np.log(q) - math.log(alpha)) / (degrees + 1.0)
    with np.errstate(over="ignore"):
        excess = np.expm1(np.minimum(power, 700.0))
    room = 1.0 - (1.0 + excess) / q
    with np.errstate(divide="ignore"):
        return np.where(room > 0.0, np.sqrt(variance * degrees * excess / np.maximum(room, 1e-300)), np.inf)
