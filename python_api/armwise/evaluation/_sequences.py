"""What confidence sequences of one mean and of a difference share: settings, half-widths, saving, merging."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Final, Literal, NamedTuple, Self, TypeAlias, get_args

import numpy as np
from numpy.typing import NDArray

from armwise._fields import Fields
from armwise._words import shown
from armwise.errors import ConfigurationError, SnapshotError
from armwise.evaluation._bernstein import difference_radius, mean_radius
from armwise.evaluation._mixtures import normal_radius, student_radius, tuned_precision
from armwise.evaluation._moments import Moments, Predictions, Trail
from armwise.evaluation._numbers import LARGEST, finite_number, level, number_in, number_of
from armwise.types import FloatArray, State

__all__ = ["BURN_IN", "EVIDENCE", "ConfidenceBounds", "Kind", "SequentialInterval", "Settings"]

Kind: TypeAlias = Literal["asymptotic", "msprt", "empirical_bernstein"]

BURN_IN: Final = 100
"""Observations (of each arm) before an estimated variance is believed, unless the caller says otherwise."""

EVIDENCE: Final = 30.0
"""Over how many observations (of each arm) a variance must be spread to be taken as it is: `Trail.evidence`."""

_VERSION: Final = 1

Ends: TypeAlias = tuple[FloatArray, FloatArray]


class ConfidenceBounds(NamedTuple):
    """The two ends of an interval.

    Attributes
    ----------
    lower, upper : float
        Infinite while nothing can be said.

    Examples
    --------
    >>> bounds = ConfidenceBounds(0.25, 0.75)
    >>> bounds.lower <= 0.5 <= bounds.upper
    True
    """

    lower: float
    upper: float


@dataclass(frozen=True, slots=True)
class Settings:
    """What a sequence promises and how."""

    alpha: float
    kind: Kind
    bounds: tuple[float, float] | None
    variance: float | None
    tuned_at: int
    burn_in: int

    @classmethod
    def checked(
        cls, alpha: object, kind: object, bounds: object, variance: object, tuned_at: object, burn_in: object
    ) -> Settings:
        """Check what a caller gave.

        Raises
        ------
        ConfigurationError
            If anything is out of its range, or given to a kind that has no use for it.
        """
        if not isinstance(kind, str) or kind not in get_args(Kind):
            msg = f"kind is {shown(kind)}; expected one of {', '.join(map(repr, get_args(Kind)))}"
            raise ConfigurationError(msg)
        if variance is not None and kind != "msprt":
            msg = f"variance is {shown(variance)} for kind {kind!r}; only 'msprt' takes a known variance: leave it out"
            raise ConfigurationError(msg)
        if bounds is not None and kind != "empirical_bernstein":
            msg = f"bounds are {shown(bounds)} for kind {kind!r}; only 'empirical_bernstein' has bounds: leave them out"
            raise ConfigurationError(msg)
        estimated = kind == "asymptotic" or (kind == "msprt" and variance is None)
        return cls(
            alpha=level(alpha),
            kind=kind,  # type: ignore[arg-type]  # one of them, as was checked
            bounds=_range(bounds) if kind == "empirical_bernstein" else None,
            variance=None if variance is None else number_in("variance", variance, 0.0, LARGEST),
            tuned_at=number_of("tuned_at", tuned_at, 1),
            burn_in=(BURN_IN if estimated else 1) if burn_in is None else number_of("burn_in", burn_in, 1),
        )

    def state(self) -> State:
        """The settings as plain JSON."""
        return {
            "alpha": self.alpha,
            "kind": self.kind,
            "bounds": None if self.bounds is None else list(self.bounds),
            "variance": self.variance,
            "tuned_at": self.tuned_at,
            "burn_in": self.burn_in,
        }

    def sums(self) -> Moments | Predictions:
        """Empty sums of the sort that the kind needs."""
        return Predictions() if self.kind == "empirical_bernstein" else Moments()

    def restored_sums(self, fields: Fields) -> Moments | Predictions:
        """The sums that a state holds, of the sort that the kind needs."""
        return Predictions.restored(fields) if self.kind == "empirical_bernstein" else Moments.restored(fields)

    def scaled(self, values: FloatArray) -> FloatArray:
        """Observations as the sums take them."""
        if self.bounds is None:
            return values
        low, high = self.bounds
        return (values - low) / (high - low)

    def mean_interval(self, trail: Trail) -> Ends:
        """Ends of the interval of a mean, for each entry of a trail."""
        n = trail.count
        enough = n >= self.burn_in
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            if self.bounds is not None:
                low, high = self.bounds
                lower, upper = _around(trail.mean, mean_radius(n, trail.spread, self.tuned_at, self.alpha), enough)
                return _within(low, high, low + (high - low) * lower, low + (high - low) * upper)
            precision = tuned_precision(self.alpha, self.tuned_at)
            if self.variance is not None:
                return _around(trail.mean, normal_radius(self.variance / n, n, precision, self.alpha), enough)
            enough &= n > 1
            variance = trail.spread / (n - 1.0) / n
            if self.kind == "asymptotic":
                radius = normal_radius(variance, n, precision, self.alpha)
            else:
                radius = student_radius(variance, n, n - 1.0, precision, self.alpha)
            return _around(trail.mean, radius * _doubt(trail.evidence), enough)

    def difference_interval(self, first: Trail, second: Trail) -> Ends:
        """Ends of the interval of second mean - first mean, for each pair of entries of two trails."""
        n0, n1 = first.count, second.count
        difference = second.mean - first.mean
        fewer = np.minimum(n0, n1)
        enough = fewer >= self.burn_in
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            if self.bounds is not None:
                unit = self.bounds[1] - self.bounds[0]
                radius = difference_radius((n0, n1), (first.spread, second.spread), self.tuned_at, self.alpha)
                lower, upper = _around(difference, radius, enough)
                return _within(-unit, unit, unit * lower, unit * upper)
            precision = tuned_precision(self.alpha, self.tuned_at)
            # The information of the design, scaled so that t is n0 + n1 where the arms are equal.
            shared = 1.0 / n0 + 1.0 / n1
            t = 4.0 / shared
            if self.variance is not None:
                return _around(difference, normal_radius(self.variance * shared, t, precision, self.alpha), enough)
            enough &= fewer > 1
            # Each arm's own variance: a pooled one is that of the larger arm, and wrong where the smaller one differs.
            s0, s1 = first.spread / (n0 - 1.0), second.spread / (n1 - 1.0)
            v0, v1 = s0 / n0, s1 / n1
            if self.kind == "asymptotic":
                radius = normal_radius(v0 + v1, n0 + n1, precision, self.alpha)
            else:
                # Welch (1947), from the arms' parts of the variance, so that tiny ones are not squared away.
                part0, part1 = v0 / (v0 + v1), v1 / (v0 + v1)
                degrees = 1.0 / (part0 * part0 / (n0 - 1.0) + part1 * part1 / (n1 - 1.0))
                radius = student_radius(v0 + v1, t, degrees, precision, self.alpha)
            # An arm without spread could earn anything yet, rarely: whatever the other one's variance says of itself.
            return _around(difference, radius * _doubt(np.minimum(first.evidence, second.evidence)), enough)


def _doubt(evidence: FloatArray) -> FloatArray:
    """By how much a half-width grows while its variance is spread over few observations; inf without any spread."""
    return np.maximum(EVIDENCE / evidence, 1.0)


def _around(estimate: FloatArray, radius: FloatArray, enough: NDArray[np.bool_]) -> Ends:
    """Estimate -+ radius where there is enough, infinite elsewhere."""
    # Without any spread the radius is 0 * inf: nothing is known of the variance.
    radius = np.where(enough & ~np.isnan(radius), radius, np.inf)
    return estimate - radius, estimate + radius


def _within(least: float, most: float, lower: FloatArray, upper: FloatArray) -> Ends:
    """Ends that do not leave the range of what they bound."""
    return np.clip(lower, least, most), np.clip(upper, least, most)


def _range(bounds: object) -> tuple[float, float]:
    """Two numbers in rising order; [0, 1] where none are given."""
    if bounds is None:
        return 0.0, 1.0
    if not isinstance(bounds, (tuple, list)) or len(bounds) != 2:
        msg = f"bounds are {shown(bounds)}; expected the least and the greatest reward, such as (0.0, 1.0)"
        raise ConfigurationError(msg)
    low, high = finite_number("bounds[0]", bounds[0]), finite_number("bounds[1]", bounds[1])
    # Narrower ones have a square that floats lack.
    if not high - low >= 1.0 / LARGEST:
        msg = f"bounds are {shown(bounds)}; expected the least reward before the greatest, by {1.0 / LARGEST:g} or more"
        raise ConfigurationError(msg)
    return low, high


class SequentialInterval:
    """One stream of sums for each arm, under one promise."""

    _ARMS: ClassVar[int]
    _NAME: ClassVar[str]

    def __init__(
        self,
        alpha: float = 0.05,
        kind: Kind = "asymptotic",
        *,
        bounds: tuple[float, float] | None = None,
        variance: float | None = None,
        tuned_at: int = 5000,
        burn_in: int | None = None,
    ) -> None:
        self._settings = Settings.checked(alpha, kind, bounds, variance, tuned_at, burn_in)
        self._sums = tuple(self._settings.sums() for _ in range(self._ARMS))

    @property
    def alpha(self) -> float:
        """The probability with which the sequence may ever miss what it estimates."""
        return self._settings.alpha

    @property
    def kind(self) -> Kind:
        """Which sequence it is."""
        return self._settings.kind

    def merge(self, other: Self) -> Self:
        """Return a new sequence on the observations of both; neither changes.

        Parameters
        ----------
        other : same class
            With the same settings, on other observations: of another process, say.

        Returns
        -------
        same class
            For the estimated kinds, the sequence of one process that had seen all the observations, to
            rounding, in any order. The empirical-Bernstein kind keeps what each process predicted, so it is a
            valid sequence but not to the digit the one of a single process.

        Raises
        ------
        ConfigurationError
            If `other` is of another class or has other settings.
        """
        if type(other) is not type(self) or other._settings != self._settings:
            msg = (
                f"a {self._NAME} with {self._settings} cannot be merged with"
                f" {getattr(other, '_settings', type(other).__name__)}; give both the same settings"
            )
            raise ConfigurationError(msg)
        return self._with(
            self._settings,
            tuple(mine.merged(theirs) for mine, theirs in zip(self._sums, other._sums, strict=True)),  # type: ignore[arg-type]  # same settings, same sort
        )

    def state_dict(self) -> State:
        """Settings and sums as plain JSON; :meth:`from_state` goes on from it to the bit."""
        return {
            "sequence": self._NAME,
            "version": _VERSION,
            **self._settings.state(),
            "sums": [sums.state() for sums in self._sums],
        }

    @classmethod
    def from_state(cls, state: Mapping[str, object]) -> Self:
        """Return the sequence whose state this is.

        Parameters
        ----------
        state : mapping
            As :meth:`state_dict` gave it.

        Raises
        ------
        SnapshotError
            If it is of another class or a newer version, or anything in it is missing or cannot be.
        """
        fields = Fields(state)
        if fields.text("sequence") != cls._NAME:
            fields.refuse("sequence", repr(cls._NAME))
        fields.whole("version", 1, _VERSION)
        given = {name: state.get(name) for name in ("alpha", "kind", "bounds", "variance", "tuned_at", "burn_in")}
        try:
            settings = Settings.checked(**given)
        except ConfigurationError as error:
            msg = f"the state's settings cannot be: {error}; restore another snapshot or start afresh"
            raise SnapshotError(msg) from error
        return cls._restored(settings, fields)

    def on(self, *sums: State) -> Self:
        """Return the sequence of these settings on sums that were kept elsewhere; this one does not change.

        Parameters
        ----------
        sums : mapping
            Of each stream, as :meth:`state_dict` writes them.

        Raises
        ------
        SnapshotError
            If there are sums of another number of streams, or anything in them is missing or cannot be.
        """
        return self._restored(self._settings, Fields({"sums": list(sums)}))

    @classmethod
    def _restored(cls, settings: Settings, fields: Fields) -> Self:
        items = fields.items("sums")
        if len(items) != cls._ARMS:
            fields.refuse("sums", f"sums of {cls._ARMS} streams")
        return cls._with(
            settings, tuple(settings.restored_sums(Fields(item, f"sums[{i}]")) for i, item in enumerate(items))
        )

    @classmethod
    def _with(cls, settings: Settings, sums: tuple[Moments | Predictions, ...]) -> Self:
        sequence = cls.__new__(cls)
        sequence._settings, sequence._sums = settings, sums  # noqa: SLF001  # of this class
        return sequence
