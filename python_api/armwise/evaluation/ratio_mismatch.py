"""Is the traffic split as it was meant to be? The check that comes before every other figure of an experiment.

A sample-ratio mismatch means that what was observed is not what was allocated: a redirect that loses users, a bot
filter that sees one variant, a late join. Effects estimated on such data are wrong in ways that no interval shows.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from copy import copy
from dataclasses import dataclass
from fractions import Fraction
from typing import Final, Self, TypeAlias

import numpy as np

from armwise._fields import COUNTS, Fields
from armwise._words import shown
from armwise.errors import ConfigurationError
from armwise.evaluation._chi_square import chi_square_tail
from armwise.evaluation._numbers import LARGEST, finite_number, number_in, number_of
from armwise.types import State

__all__ = ["RatioTest", "SequentialSampleRatio", "sample_ratio_test"]

Counts: TypeAlias = Mapping[str, int] | Sequence[int]
Shares: TypeAlias = Mapping[str, float | Fraction] | Sequence[float | Fraction]

_VERSION: Final = 1


@dataclass(frozen=True, slots=True)
class RatioTest:
    """What a sample-ratio check found.

    Attributes
    ----------
    p_value : float
        Probability of counts at least this far from the shares, where the shares are right.
    statistic : float
        Pearson's sum of (count - expected)^2 / expected; infinite where a variant without a share was seen.
    degrees : int
        Degrees of freedom: the number of variants with a share, less one.
    expected : tuple of float
        Expected counts, in the order of the shares.
    """

    p_value: float
    statistic: float
    degrees: int
    expected: tuple[float, ...]


def sample_ratio_test(counts: Counts, shares: Shares) -> RatioTest:
    """Test whether counts are what shares would give, once.

    Parameters
    ----------
    counts : mapping of str to int, or sequence of int
        Units that were seen in each variant; a mapping may leave out variants that none came to. Units, not
        events: users that come twice count once.
    shares : mapping of str to float, or sequence of float
        Shares or weights, zero or more, in any unit.

    Returns
    -------
    RatioTest

    Raises
    ------
    ConfigurationError
        If there are fewer than two shares above zero, counts and shares do not match, a count is not a whole
        number, or nothing was counted.

    Notes
    -----
    Pearson's chi-square (1900); see Fabijan et al. (2019) for what causes a mismatch. It is usual to act at
    p < 0.001. For a check that is repeated while data come in, take :class:`SequentialSampleRatio`: this one,
    repeated at 0.001, will at some time be wrong.

    Examples
    --------
    >>> found = sample_ratio_test({"control": 821_588, "treatment": 815_482}, {"control": 0.5, "treatment": 0.5})
    >>> round(found.statistic, 2), f"{found.p_value:.1e}"
    (22.77, '1.8e-06')
    """
    names, weights = _shares(shares)
    seen = _counts(counts, names, len(weights))
    total, weight = sum(seen), math.fsum(weights)
    if total == 0:
        msg = "nothing was counted; a sample-ratio test needs at least one unit"
        raise ConfigurationError(msg)
    expected = tuple(total * (share / weight) for share in weights)
    degrees = sum(share > 0.0 for share in weights) - 1
    if any(count and not share for count, share in zip(seen, weights, strict=True)):
        return RatioTest(0.0, math.inf, degrees, expected)
    statistic = math.fsum((count - mean) ** 2 / mean for count, mean in zip(seen, expected, strict=True) if mean > 0.0)
    return RatioTest(chi_square_tail(statistic, degrees), statistic, degrees, expected)


class SequentialSampleRatio:
    """A sample-ratio check that may be repeated at every unit.

    Parameters
    ----------
    shares : mapping of str to float, or sequence of float
        As for :func:`sample_ratio_test`.
    concentration : float
        How near to `shares` the alternatives lie, as a number of prior units: their shares stand off by about
        sqrt(share (1 - share) / (concentration + 1)). Large values find small mismatches sooner and gross ones
        later; no value costs validity.

    Raises
    ------
    ConfigurationError
        If there are fewer than two shares above zero, or `concentration` is not above zero.

    Notes
    -----
    Lindon & Malek (2022): the Bayes factor of a Dirichlet(concentration * shares) law of the shares against the
    shares themselves is a martingale where the shares are right, so with probability 1 - alpha it never reaches
    1 / alpha. It depends on the counts alone, so it may be computed at any time, from the counts of any number of
    processes.

    Examples
    --------
    >>> check = SequentialSampleRatio({"control": 1, "treatment": 1})
    >>> check.update({"control": 500, "treatment": 520})
    1.0
    >>> check.update({"control": 30_000, "treatment": 31_500}) < 0.001
    True
    """

    def __init__(self, shares: Shares, *, concentration: float = 1000.0) -> None:
        names, weights = _shares(shares)
        total = math.fsum(weights)
        self._names = names
        self._shares = tuple(weight / total for weight in weights)
        self._concentration = number_in("concentration", concentration, 0.0, LARGEST)
        self._counts = (0,) * len(weights)

    @property
    def counts(self) -> tuple[int, ...]:
        """Units seen in each variant, in the order of the shares."""
        return self._counts

    @property
    def log_evidence(self) -> float:
        """Log of the Bayes factor against the shares; infinite once a variant without a share was seen."""
        if any(count and not share for count, share in zip(self._counts, self._shares, strict=True)):
            return math.inf
        terms = [math.lgamma(self._concentration) - math.lgamma(self._concentration + sum(self._counts))]
        for count, share in zip(self._counts, self._shares, strict=True):
            if share:
                prior = self._concentration * share
                terms += [math.lgamma(prior + count), -math.lgamma(prior), -count * math.log(share)]
        return math.fsum(terms)

    @property
    def p_value(self) -> float:
        """min(1, 1 / evidence): below alpha at any time, ever, with probability alpha at most."""
        return math.exp(min(0.0, -self.log_evidence))

    def update(self, counts: Counts) -> float:
        """Add units that were seen since, and return the p-value.

        Parameters
        ----------
        counts : mapping of str to int, or sequence of int
            New units of each variant; a mapping may leave out variants that none came to.

        Raises
        ------
        ConfigurationError
            If they are not whole numbers of zero or more, of these variants. Nothing has changed then.
        """
        seen = _counts(counts, self._names, len(self._shares))
        self._counts = tuple(before + new for before, new in zip(self._counts, seen, strict=True))
        return self.p_value

    def merge(self, other: Self) -> Self:
        """Return a new check on the units of both; neither changes. Exact, in any order.

        Raises
        ------
        ConfigurationError
            If `other` has other variants, shares or another concentration.
        """
        mine = (self._names, self._shares, self._concentration)
        if type(other) is not type(self) or mine != (other._names, other._shares, other._concentration):
            msg = "checks of different shares cannot be merged; give both the same shares and concentration"
            raise ConfigurationError(msg)
        both = copy(self)
        both._counts = tuple(a + b for a, b in zip(self._counts, other._counts, strict=True))  # noqa: SLF001  # of this class
        return both

    def state_dict(self) -> State:
        """Shares and counts as plain JSON."""
        return {
            "check": "sample_ratio",
            "version": _VERSION,
            "names": None if self._names is None else list(self._names),
            "shares": list(self._shares),
            "concentration": self._concentration,
            "counts": list(self._counts),
        }

    @classmethod
    def from_state(cls, state: Mapping[str, object]) -> Self:
        """Return the check whose state this is.

        Raises
        ------
        SnapshotError
            If it is of another class or a newer version, or anything in it is missing or cannot be.
        """
        fields = Fields(state)
        if fields.text("check") != "sample_ratio":
            fields.refuse("check", "'sample_ratio'")
        fields.whole("version", 1, _VERSION)
        shares = fields.numbers("shares", (len(fields.items("shares")),), 0.0, 1.0)
        names = list(fields.items("names")) if fields.says("names") else None
        given: Shares = shares.tolist()
        if names is not None:
            if len(set(map(str, names))) != shares.size or not all(isinstance(name, str) for name in names):
                fields.refuse("names", f"{shares.size} different strings")
            given = dict(zip(map(str, names), shares.tolist(), strict=True))
        counts = fields.wholes("counts", int(shares.size), 0, COUNTS)
        concentration = fields.number("concentration", 0.0, LARGEST)
        try:
            check = cls(given, concentration=concentration)
        except ConfigurationError as error:
            fields.refuse("shares", f"what a check can be made of ({error})")
        check._shares = tuple(shares.tolist())
        check._counts = tuple(counts)
        return check


def _shares(shares: Shares) -> tuple[tuple[str, ...] | None, tuple[float, ...]]:
    """Names, where there are any, and weights."""
    names = tuple(shares) if isinstance(shares, Mapping) else None
    values = shares.values() if isinstance(shares, Mapping) else _listed("shares", shares)
    weights = tuple(finite_number(f"shares[{i}]", _float(value), 0.0) for i, value in enumerate(values))
    if sum(weight > 0.0 for weight in weights) < 2:
        msg = f"shares are {shown(shares)}; expected at least two above zero, or there is no ratio to check"
        raise ConfigurationError(msg)
    return names, weights


def _float(share: object) -> object:
    """A fraction as a float; anything else as it is."""
    try:
        return float(share) if isinstance(share, Fraction) else share
    except OverflowError:
        return math.inf


def _listed(name: str, values: object) -> list[object]:
    """One entry for each variant, in an order."""
    if isinstance(values, (str, bytes)) or not isinstance(values, (Sequence, np.ndarray)):
        msg = f"{name} are {shown(values)}; expected a mapping by variant, or a list with one for each"
        raise ConfigurationError(msg)
    return list(values)


def _counts(counts: Counts, names: tuple[str, ...] | None, size: int) -> tuple[int, ...]:
    """One count for each share; a mapping may leave out what was never seen."""
    if isinstance(counts, Mapping):
        strange = set(counts) - set(names or ())
        if strange:
            msg = (
                f"counts name {sorted(map(str, strange))}; the shares name {list(names or ())}: name the same variants"
            )
            raise ConfigurationError(msg)
        counts = [counts.get(name, 0) for name in names or ()]
    given = _listed("counts", counts)
    if len(given) != size:
        msg = f"there are {len(given)} counts and {size} shares; expected one of each for a variant"
        raise ConfigurationError(msg)
    return tuple(number_of(f"counts[{i}]", count, 0) for i, count in enumerate(given))
