"""Objectives: each is measured in units of its own, and counts as a share of the way from its worst to its best."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, NamedTuple

from armwise._fields import Fields
from armwise._words import shown
from armwise.errors import ConfigurationError, SnapshotError
from armwise.policies._rewards import checked_rewards
from armwise.posteriors._numbers import real
from armwise.types import FloatArray, State

__all__ = ["Objective", "check_objectives", "objectives_of", "objectives_state"]

_MOST: Final = 16
_LARGEST: Final = 1e100


class Objective(NamedTuple):
    """One objective.

    Attributes
    ----------
    name : str
        Under which its values are reported.
    worst, best : float
        The values that count as 0 and as 1; `best` is the smaller one where less is better.
    """

    name: str
    worst: float
    best: float

    def goodness(self, values: object, count: int) -> FloatArray:
        """Values as shares of the way from worst to best, float64 (count,) in [0, 1].

        Raises
        ------
        ConfigurationError
            If there are more or fewer values, or one is no number or beyond the bounds.
        """
        advice = ", its bounds; widen them, or clip what lies beyond where it should count as no worse than the bound"
        low, high = sorted((self.worst, self.best))
        try:
            checked = checked_rewards(values, count, low, high, advice)
        except ConfigurationError as error:
            msg = f"objective {self.name!r}: {error}"
            raise ConfigurationError(msg) from None
        shares: FloatArray = (checked - self.worst) / (self.best - self.worst)
        return shares

    def value(self, goodness: float) -> float:
        """The value, in the objective's own units, of a share of the way from worst to best."""
        return self.worst + goodness * (self.best - self.worst)


def check_objectives(given: object) -> tuple[Objective, ...]:
    """Return the objectives of a mapping of name to (worst, best), in its order.

    Raises
    ------
    ConfigurationError
        If it is no such mapping, holds fewer than 2 or more than 16, or a pair is not two different numbers.
    """
    if not isinstance(given, Mapping):
        msg = (
            f"objectives is {shown(given)}; expected a mapping of each objective to (worst, best) in its own units, "
            'such as {"quality": (0.0, 1.0), "cost": (0.05, 0.0)}'
        )
        raise ConfigurationError(msg)
    if not 2 <= len(given) <= _MOST:
        msg = f"there are {len(given)} objectives; expected 2 to {_MOST} (for one, take ThompsonSampling)"
        raise ConfigurationError(msg)
    objectives = []
    for name, bounds in given.items():
        if not isinstance(name, str):
            msg = f"an objective is named {shown(name)}; expected a string"
            raise ConfigurationError(msg)
        worst, best = map(real, bounds) if isinstance(bounds, (tuple, list)) and len(bounds) == 2 else (0.0, 0.0)
        if worst == best or not (abs(worst) <= _LARGEST and abs(best) <= _LARGEST):
            msg = (
                f"the bounds of {name!r} are {shown(bounds)}; expected (worst, best), two different numbers within "
                "1e100, the best the smaller one where less is better"
            )
            raise ConfigurationError(msg)
        objectives.append(Objective(name, worst, best))
    return tuple(objectives)


def objectives_state(objectives: tuple[Objective, ...]) -> State:
    """The objectives as plain JSON, as :func:`check_objectives` takes them."""
    return {objective.name: [objective.worst, objective.best] for objective in objectives}


def objectives_of(fields: Fields, expected: tuple[Objective, ...]) -> None:
    """Refuse a state whose objectives are not `expected`: evidence under other bounds means something else.

    Raises
    ------
    SnapshotError
        If they are not the same, in the same order.
    """
    try:
        found = check_objectives(fields.mapping("objectives"))
    except ConfigurationError as error:
        msg = f"state['objectives']: {error}; nothing was changed"
        raise SnapshotError(msg) from None
    if found != expected:
        fields.refuse("objectives", f"those of this policy, {objectives_state(expected)}; make one with the state's")
