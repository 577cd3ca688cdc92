"""Less variance from what was known before: CUPED, through sums that merge."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, NamedTuple, Self

import numpy as np
from numpy.typing import ArrayLike

from armwise._fields import COUNTS, Fields
from armwise._words import shown
from armwise.errors import ConfigurationError
from armwise.evaluation._numbers import LARGEST, column
from armwise.evaluation.intervals import normal_quantile
from armwise.types import FloatArray, State

__all__ = ["Cuped", "CupedDifference", "cuped_difference"]

_VERSION: Final = 1
_SUM: Final = 1e300


@dataclass(frozen=True, slots=True)
class CupedDifference:
    """The difference of two variants' means, with and without what the covariate explains.

    Attributes
    ----------
    difference : float
        Adjusted mean of the treatment - adjusted mean of the control.
    standard_error : float
        Of `difference`.
    lower, upper : float
        Ends of its normal interval.
    theta : float
        The slope that was taken out of both variants.
    variance_reduction : float
        1 - (standard_error / the one without adjustment)^2; about the squared correlation. Never below zero.
    """

    difference: float
    standard_error: float
    lower: float
    upper: float
    theta: float
    variance_reduction: float


class Cuped:
    """Sums of one variant's outcomes and of a covariate measured before the experiment.

    Examples
    --------
    >>> sums = Cuped()
    >>> sums.update_many(pre=[1.0, 2.0, 3.0, 4.0], post=[2.0, 3.0, 5.0, 6.0])
    >>> sums.n, sums.theta, round(sums.variance_reduction, 3)
    (4, 1.4, 0.98)
    >>> sums.adjusted_mean(pre_mean=2.0)  # the mean outcome of units whose covariate is 2 on average
    3.3

    Notes
    -----
    Deng, Xu, Kohavi & Walker (2013). The covariate must not be touched by the treatment: the same metric in the
    weeks before is the usual choice.
    """

    __slots__ = ("_sums",)

    def __init__(self) -> None:
        self._sums = _Sums(0, (0.0, 0.0), np.zeros(5))

    @property
    def n(self) -> int:
        """Number of units."""
        return self._sums.n

    @property
    def pre_mean(self) -> float:
        """Mean of the covariate; NaN without units."""
        return self._sums.mean(0)

    @property
    def post_mean(self) -> float:
        """Mean of the outcome; NaN without units."""
        return self._sums.mean(1)

    @property
    def theta(self) -> float:
        """Slope of the outcome on the covariate, cov(pre, post) / var(pre); 0 where the covariate does not vary."""
        spread_pre, _, cross = self._sums.central()
        return cross / spread_pre if spread_pre > 0.0 else 0.0

    @property
    def variance_reduction(self) -> float:
        """Share of the outcome's variance that the covariate explains: their squared correlation, in [0, 1]."""
        spread_pre, spread_post, cross = self._sums.central()
        return min(1.0, cross * cross / (spread_pre * spread_post)) if spread_pre * spread_post > 0.0 else 0.0

    def adjusted_mean(self, pre_mean: float, theta: float | None = None) -> float:
        """Return mean(post) - theta (mean(pre) - pre_mean).

        Parameters
        ----------
        pre_mean : float
            Mean of the covariate that the outcome is to be stated for: of all variants together, say.
        theta : float, optional
            Slope; by default that of these sums.
        """
        slope = self.theta if theta is None else theta
        return self.post_mean - slope * (self.pre_mean - pre_mean)

    def update(self, pre: float, post: float) -> None:
        """Take one unit's covariate and outcome.

        Raises
        ------
        ConfigurationError
            If either is not finite. Nothing has changed then.
        """
        self.update_many([pre], [post])

    def update_many(self, pre: ArrayLike, post: ArrayLike) -> None:
        """Take units in order: the same as that many updates.

        Parameters
        ----------
        pre, post : array_like of float, shape (n,)
            Covariate and outcome of each unit.

        Raises
        ------
        ConfigurationError
            If a number is not finite or the lengths differ. Nothing has changed then.
        """
        x, y = column("pre", pre), column("post", post)
        if x.size != y.size:
            msg = f"pre and post have {x.size} and {y.size} entries; expected one of each per unit"
            raise ConfigurationError(msg)
        if x.size:
            self._sums = self._sums.extended(x, y)

    def merge(self, other: Cuped) -> Cuped:
        """Return the sums of both; neither changes.

        Raises
        ------
        ConfigurationError
            If `other` is no Cuped.
        """
        _check_sums("other", other)
        both = Cuped()
        both._sums = self._sums.merged(other._sums)  # of this class
        return both

    def state_dict(self) -> State:
        """The sums as plain JSON."""
        n, origin, totals = self._sums
        return {"sums": "cuped", "version": _VERSION, "n": n, "origin": list(origin), "totals": totals.tolist()}

    @classmethod
    def from_state(cls, state: Mapping[str, object]) -> Self:
        """Return the sums whose state this is.

        Raises
        ------
        SnapshotError
            If anything in it is missing or cannot be.
        """
        fields = Fields(state)
        if fields.text("sums") != "cuped":
            fields.refuse("sums", "'cuped'")
        fields.whole("version", 1, _VERSION)
        n = fields.whole("n", 0, COUNTS)
        origin = fields.numbers("origin", (2,), -LARGEST, LARGEST)
        totals = fields.numbers("totals", (5,), -_SUM, _SUM)
        if totals[2] < 0.0 or totals[3] < 0.0 or (n == 0 and totals.any()):
            fields.refuse("totals", "sums of pre, post, pre^2, post^2 and pre post of real numbers")
        loaded = cls()
        loaded._sums = _Sums(n, (float(origin[0]), float(origin[1])), totals)
        return loaded


class _Sums(NamedTuple):
    """Sums of pre, post, pre^2, post^2 and pre post about the first pair, so that a large offset costs no digits."""

    n: int
    origin: tuple[float, float]
    totals: FloatArray

    def mean(self, which: int) -> float:
        return self.origin[which] + float(self.totals[which]) / self.n if self.n else math.nan

    def central(self) -> tuple[float, float, float]:
        """Sums of squares and products about the means: pre, post, cross; zeros without units."""
        n = max(self.n, 1)
        x, y, xx, yy, xy = (float(value) for value in self.totals)
        return max(0.0, xx - x * x / n), max(0.0, yy - y * y / n), xy - x * y / n

    def extended(self, x: FloatArray, y: FloatArray) -> _Sums:
        origin = self.origin if self.n else (float(x[0]), float(y[0]))
        x, y = x - origin[0], y - origin[1]
        rows = np.stack([x, y, x * x, y * y, x * y])
        # cumsum adds from left to right: many at once give the bits of one by one.
        totals = np.cumsum(np.concatenate([self.totals[:, None], rows], axis=1), axis=1)[:, -1]
        return _Sums(self.n + int(x.size), origin, totals.copy())

    def merged(self, other: _Sums) -> _Sums:
        if self.n == 0 or other.n == 0:
            return other if self.n == 0 else self
        # About one origin whichever side asks, so that both orders give the same bits.
        left, right = sorted((self, other), key=lambda sums: sums.origin)
        a, b = right.origin[0] - left.origin[0], right.origin[1] - left.origin[1]
        n, (sx, sy, sxx, syy, sxy) = right.n, right.totals
        moved = np.array(
            [
                sx + n * a,
                sy + n * b,
                sxx + a * (2 * sx + n * a),
                syy + b * (2 * sy + n * b),
                sxy + a * sy + b * (sx + n * a),
            ]
        )
        return _Sums(left.n + n, left.origin, left.totals + moved)


def _check_sums(name: str, given: object) -> None:
    """Refuse what are no sums of a variant."""
    if not isinstance(given, Cuped):
        msg = f"{name} is {shown(given)}; expected the Cuped of a variant"
        raise ConfigurationError(msg)


def cuped_difference(control: Cuped, treatment: Cuped, *, confidence: float = 0.95) -> CupedDifference:
    """Estimate the treatment's effect with the covariate's part of the noise taken out.

    Parameters
    ----------
    control, treatment : Cuped
        Sums of the two variants, at least two units each.
    confidence : float
        Coverage of the interval, in (0, 1).

    Returns
    -------
    CupedDifference

    Raises
    ------
    ConfigurationError
        If a variant has fewer than two units, or `confidence` is outside (0, 1).

    Notes
    -----
    variance = sum over variants of var(post - theta pre) / n, and theta is where that is least (Deng et al. 2013): sum
    of cov(pre, post) / n over sum of var(pre) / n, within the variants, so that the treatment's effect does not enter
    it. Where the covariate varies alike in both, that is the regression of Lin (2013) with a slope for each variant;
    pooling all units as one would be it for variants of one size only, and could lose where slopes and sizes both
    differ. A fixed-sample interval: it holds at one look.

    Examples
    --------
    >>> control, treatment = Cuped(), Cuped()
    >>> control.update_many([1.0, 2.0, 3.0, 4.0], [1.1, 1.9, 3.2, 3.8])
    >>> treatment.update_many([2.0, 3.0, 4.0, 5.0], [2.6, 3.4, 4.6, 5.4])
    >>> found = cuped_difference(control, treatment)
    >>> round(found.difference, 3), round(found.theta, 2), found.variance_reduction > 0.95
    (0.55, 0.95, True)
    """
    for name, sums in (("control", control), ("treatment", treatment)):
        _check_sums(name, sums)
        if sums.n < 2:
            msg = f"{name} has {sums.n} units; an estimate of its variance needs at least 2"
            raise ConfigurationError(msg)
    quantile = normal_quantile(confidence)
    parts = []
    for sums in (control, treatment):
        scale = (sums.n - 1.0) * sums.n
        parts.append(tuple(value / scale for value in sums._sums.central()))  # noqa: SLF001  # of this module
    total = math.fsum(part[0] for part in parts)
    theta = math.fsum(part[2] for part in parts) / total if total > 0.0 else 0.0
    plain = math.fsum(part[1] for part in parts)
    adjusted = math.fsum(max(0.0, post + theta * (theta * pre - 2.0 * cross)) for pre, post, cross in parts)
    # At theta = 0 it is the plain one: rounding alone could put it above.
    adjusted = min(adjusted, plain)
    difference = treatment.post_mean - control.post_mean - theta * (treatment.pre_mean - control.pre_mean)
    error = math.sqrt(adjusted)
    return CupedDifference(
        difference=difference,
        standard_error=error,
        lower=difference - quantile * error,
        upper=difference + quantile * error,
        theta=theta,
        variance_reduction=1.0 - adjusted / plain if plain > 0.0 else 0.0,
    )
