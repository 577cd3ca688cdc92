"""Intervals that hold at every look, for a mean and for a difference of two means.

A fixed-sample interval is a promise about one look. Who looks at it again and again, and stops when it pleases,
errs far more often: at ten looks one time in five, at a hundred one in three. A confidence sequence covers at
all times at once with probability 1 - alpha, so that any rule of stopping keeps the promise. It costs width: at
5,000 observations 1.55 to 1.9 times the fixed-sample interval.

Each interval is a function of sums alone. They are not intersected with the ones before: an intersection would
have to be saved and could not be merged, and one that rewards drift away from becomes empty. The empirical-
Bernstein sequence may be intersected by the caller (`numpy.maximum.accumulate` of the lower ends), and keeps its
promise; of the asymptotic ones that is not known for early times.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from armwise.evaluation._columns import indices
from armwise.evaluation._moments import Trail
from armwise.evaluation._numbers import LARGEST, column, finite_number, number_of
from armwise.evaluation._sequences import ConfidenceBounds, Kind, SequentialInterval
from armwise.types import FloatArray

__all__ = ["ConfidenceBounds", "ConfidenceSequence", "DifferenceSequence", "Kind"]


class ConfidenceSequence(SequentialInterval):
    """An interval for a mean that holds at all times at once.

    The mean of paired differences is a mean: give it the differences. For two arms whose rewards come apart,
    see :class:`DifferenceSequence`.

    Parameters
    ----------
    alpha : float
        Probability in (0, 1) that the interval ever misses the mean.
    kind : {"asymptotic", "msprt", "empirical_bernstein"}
        "asymptotic": any rewards of finite variance, once their variance is well estimated. "msprt": the
        mixture sequential probability ratio test, exact for normal rewards of one mean from the first on, with the
        variance given or not; for others, and for a difference without a given variance, as good as "asymptotic".
        "empirical_bernstein": rewards within `bounds`, exact for any law at any sample size.
    bounds : tuple of float, optional
        Least and greatest reward for "empirical_bernstein"; (0, 1) by default.
    variance : float, optional
        Known variance of a reward, for "msprt".
    tuned_at : int
        Number of observations at which the interval is to be narrowest against the fixed-sample one. It
        changes power, never validity.
    burn_in : int, optional
        Observations before which the interval is infinite. 100 where the variance is estimated, else 1.

    Notes
    -----
    With s^2 the sample variance and rho^2 chosen for `tuned_at`, "asymptotic" is mean -+ s sqrt(2 (n rho^2 + 1)
    / (n^2 rho^2) log(sqrt(n rho^2 + 1) / alpha)) (Waudby-Smith, Arbour, Sinha, Kennedy & Ramdas 2024, theorem
    2.2); "msprt" is the same with a known variance (Johari, Koomen, Pekelis & Walsh 2022), and a Student mixture
    without; "empirical_bernstein" is theorem 4 of Howard, Ramdas, McAuliffe & Sekhon (2021) with a discrete
    mixture. See docs/inference.md for what they were measured to keep.

    Where the variance is estimated, it is not believed at once. Before `burn_in` the interval is infinite, and
    while the squared deviations d^2 are spread over fewer than 30 observations, e = (sum d^2)^2 / sum d^4 < 30, the
    half-width is multiplied by 30 / e. With one success in a hundred that lasts for about 3,000 observations; without
    it one such stream in ten would be wrong.

    Examples
    --------
    >>> sequence = ConfidenceSequence(alpha=0.05, kind="empirical_bernstein")
    >>> lower, upper = sequence.update_many([0.0, 1.0] * 500)
    >>> lower.shape, round(float(lower[-1]), 3), round(float(upper[-1]), 3)
    ((1000,), 0.447, 0.553)
    >>> sequence.update(1.0) == sequence.interval
    True
    """

    _ARMS = 1
    _NAME = "mean"

    @property
    def n(self) -> int:
        """Number of observations."""
        return self._sums[0].count

    @property
    def mean(self) -> float:
        """Mean of the observations; NaN before the first."""
        if self.n == 0:
            return np.nan
        low, high = self._settings.bounds or (0.0, 1.0)
        return low + (high - low) * float(self._sums[0].now().mean[0])

    @property
    def interval(self) -> ConfidenceBounds:
        """The interval now."""
        lower, upper = self._settings.mean_interval(self._sums[0].now())
        return ConfidenceBounds(float(lower[0]), float(upper[0]))

    def update(self, x: float) -> ConfidenceBounds:
        """Take one observation and return the interval after it.

        Parameters
        ----------
        x : float
            Finite, within `bounds` where there are any.

        Raises
        ------
        ConfigurationError
            If it is anything else. Nothing has changed then.
        """
        value = finite_number("x", x, *_limits(self))
        lower, upper = self._observe(np.array([value]))
        return ConfidenceBounds(float(lower[0]), float(upper[0]))

    def update_many(self, x: ArrayLike) -> tuple[FloatArray, FloatArray]:
        """Take observations in order and return the interval after each: the same as that many updates.

        Parameters
        ----------
        x : array_like of float, shape (n,)
            Finite, within `bounds` where there are any.

        Returns
        -------
        lower, upper : ndarray of float64, shape (n,)
            Ends of the interval after each observation.

        Raises
        ------
        ConfigurationError
            If any is anything else. Nothing has changed then.
        """
        return self._observe(column("x", x, *_limits(self)))

    def _observe(self, values: FloatArray) -> tuple[FloatArray, FloatArray]:
        return self._settings.mean_interval(self._sums[0].add(self._settings.scaled(values)))


class DifferenceSequence(SequentialInterval):
    """An interval for the difference of two arms' means, second - first, that holds at all times at once.

    The rewards of the two arms come in any order and in any numbers.

    Parameters
    ----------
    alpha, kind, bounds, variance, tuned_at, burn_in
        As for :class:`ConfidenceSequence`; `variance` is that of a reward of either arm, `tuned_at` counts both
        arms, `burn_in` (and the spread of the variance) is of each.

    Notes
    -----
    "asymptotic": Welch's variance s0^2 / n0 + s1^2 / n1 in the place of s^2 / n, and n0 + n1 in the place of n;
    shares of the arms that are fixed or settle. "msprt" with a given variance: the two-sample test of normal rewards
    that all have it, exact; without one, its Student mixture at Welch's variance and degrees of freedom, with 4 n0 n1 /
    (n0 + n1) in the place of n. That is as good as "asymptotic", for normal rewards too: the arms' variances and
    shares may differ, and no exact test knows that ratio. "empirical_bernstein": any rewards within `bounds`, and any
    allocation, an adaptive one as well.

    Examples
    --------
    >>> sequence = DifferenceSequence(kind="empirical_bernstein", bounds=(0.0, 1.0))
    >>> lower, upper = sequence.update_many([0.2, 0.6] * 400, [0, 1] * 400)
    >>> 0.0 < float(lower[-1]) < 0.4 < float(upper[-1])
    True
    >>> sequence.update(0.6, 1).lower > float(lower[-1])
    True
    """

    _ARMS = 2
    _NAME = "difference"

    @property
    def n(self) -> tuple[int, int]:
        """Number of observations of each arm."""
        return self._sums[0].count, self._sums[1].count

    @property
    def difference(self) -> float:
        """Second mean - first mean; NaN before both have one."""
        if 0 in self.n:
            return np.nan
        low, high = self._settings.bounds or (0.0, 1.0)
        first, second = (float(sums.now().mean[0]) for sums in self._sums)
        return (high - low) * (second - first)

    @property
    def interval(self) -> ConfidenceBounds:
        """The interval now."""
        lower, upper = self._settings.difference_interval(self._sums[0].now(), self._sums[1].now())
        return ConfidenceBounds(float(lower[0]), float(upper[0]))

    def update(self, x: float, arm: int) -> ConfidenceBounds:
        """Take one observation of an arm and return the interval after it.

        Parameters
        ----------
        x : float
            Finite, within `bounds` where there are any.
        arm : int
            0 or 1.

        Raises
        ------
        ConfigurationError
            If either is anything else. Nothing has changed then.
        """
        value = finite_number("x", x, *_limits(self))
        self._sums[number_of("arm", arm, 0, 1)].add(self._settings.scaled(np.array([value])))
        return self.interval

    def update_many(self, x: ArrayLike, arms: ArrayLike) -> tuple[FloatArray, FloatArray]:
        """Take observations in order and return the interval after each: the same as that many updates.

        Parameters
        ----------
        x : array_like of float, shape (n,)
            Finite, within `bounds` where there are any.
        arms : array_like of int, shape (n,)
            0 or 1 for each.

        Returns
        -------
        lower, upper : ndarray of float64, shape (n,)
            Ends of the interval after each observation.

        Raises
        ------
        ConfigurationError
            If any is anything else, or the lengths differ. Nothing has changed then.
        """
        values = column("x", x, *_limits(self))
        places = indices("arms", arms, 2, values.size) if values.size else np.zeros(0, dtype=np.intp)
        trails = []
        for arm, sums in enumerate(self._sums):
            mine = places == arm
            before = sums.now()
            after = sums.add(self._settings.scaled(values[mine]))
            # The entry that held for this arm after each observation of either.
            last = np.cumsum(mine)
            trails.append(Trail(*(np.concatenate(pair)[last] for pair in zip(before, after, strict=True))))
        return self._settings.difference_interval(*trails)


def _limits(sequence: SequentialInterval) -> tuple[float, float]:
    """What an observation may be."""
    return sequence._settings.bounds or (-LARGEST, LARGEST)  # noqa: SLF001  # of the same family
