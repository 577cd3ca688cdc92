"""The reward of a Beta policy: quality, cheapness and speed, each in [0, 1], averaged by their weights."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from armwise._words import shown
from armwise.errors import ConfigurationError
from armwise.protocols import RewardResult
from armwise.rewards._numbers import LARGEST, PLAIN, check_mapping, entry, number

__all__ = ["CompositeReward"]

_PREFIX: Final = "reward_"
_SETTINGS: Final = ("quality_weight", "cost_weight", "latency_weight", "latency_ms_window", "max_cost")


class CompositeReward:
    r"""Averages quality, cheapness and speed into a reward in [0, 1].

    .. math:: r = w_q q + w_c \left(1 - \min\left(1, \tfrac{c}{c_{\max}}\right)\right)
              + w_l \left(1 - \min\left(1, \tfrac{l}{L}\right)\right), \qquad w_q + w_c + w_l = 1

    for quality q, cost c in dollars and latency l in milliseconds. Without a weight on quality the cheapest and fastest
    arm wins, however bad its answers are; so quality weighs as much as the other two together unless told otherwise.

    Parameters
    ----------
    quality_weight, cost_weight, latency_weight : float
        What each part weighs, finite and at least 0; they are divided by their sum. All 0 leaves half for cost and half
        for latency.
    latency_ms_window : float
        The latency from which on nothing is given for speed, in milliseconds, more than 0.
    max_cost : float
        The cost from which on nothing is given for cheapness, in dollars for one act, more than 0. It has no default:
        only the caller knows what an act may cost. Take what the dearest arm costs; far above it all arms seem cheap.

    Raises
    ------
    ConfigurationError
        If one is no such number.

    Examples
    --------
    >>> reward = CompositeReward(max_cost=0.01)
    >>> outcome = {"cost_usd": 0.002, "latency_ms": 500}
    >>> result = reward.compute("route", {}, outcome, {"quality": 0.9})
    >>> round(result.reward, 9)
    0.8375
    >>> {name: round(part, 9) for name, part in result.breakdown.items()}
    {'quality': 0.45, 'cost_usd': 0.2, 'latency_ms': 0.1875}
    >>> round(CompositeReward(quality_weight=0, max_cost=0.01).reward(0.002, 500, quality=0.9), 9)
    0.775
    """

    __slots__ = ("_cost", "_latency", "_quality", "latency_ms_window", "max_cost")

    def __init__(
        self,
        *,
        quality_weight: float = 1.0,
        cost_weight: float = 0.5,
        latency_weight: float = 0.5,
        latency_ms_window: float = 2000.0,
        max_cost: float,
    ) -> None:
        quality = number(quality_weight, "quality_weight", 0.0)
        cost = number(cost_weight, "cost_weight", 0.0)
        latency = number(latency_weight, "latency_weight", 0.0)
        self.latency_ms_window = number(latency_ms_window, "latency_ms_window", 0.0, above=True)
        self.max_cost = number(max_cost, "max_cost", 0.0, above=True)
        most = max(quality, cost, latency)
        if most == 0.0:
            cost = latency = most = 1.0
        # By the largest first: the sum of three finite weights may be infinite.
        quality, cost, latency = quality / most, cost / most, latency / most
        total = quality + cost + latency
        self._quality, self._cost, self._latency = quality / total, cost / total, latency / total

    def __repr__(self) -> str:
        weights = f"quality_weight={self._quality!r}, cost_weight={self._cost!r}, latency_weight={self._latency!r}"
        return f"CompositeReward({weights}, latency_ms_window={self.latency_ms_window!r}, max_cost={self.max_cost!r})"

    @classmethod
    def from_settings(cls, settings: Mapping[str, object]) -> CompositeReward:
        """Read ``reward_max_cost`` and, where they are given, the other settings of this name.

        Parameters
        ----------
        settings : mapping
            ``reward_quality_weight``, ``reward_cost_weight``, ``reward_latency_weight``, ``reward_latency_ms_window``
            and ``reward_max_cost``, each as the parameter of its name. Others that do not begin with ``reward_`` pass.

        Raises
        ------
        ConfigurationError
            If ``reward_max_cost`` is missing, a setting that begins with ``reward_`` is not known, or one is no such
            number.

        Examples
        --------
        >>> settings = {"reward_cost_weight": 1.0, "reward_latency_weight": 0.0, "reward_max_cost": 0.02}
        >>> dict(CompositeReward.from_settings(settings).weights)
        {'quality': 0.5, 'cost_usd': 0.5, 'latency_ms': 0.0}
        """
        ours: dict[str, float] = {}
        for name, value in check_mapping(settings, "settings").items():
            if not isinstance(name, str) or not name.startswith(_PREFIX):
                continue
            if name.removeprefix(_PREFIX) not in _SETTINGS:
                expected = ", ".join(_PREFIX + known for known in _SETTINGS)
                msg = f"settings holds {shown(name)}; expected some of {expected}"
                raise ConfigurationError(msg)
            ours[name.removeprefix(_PREFIX)] = number(value, name)
        if "max_cost" not in ours:
            msg = "settings holds no 'reward_max_cost'; expected the dollars from which on an act is not cheap at all"
            raise ConfigurationError(msg)
        return cls(**ours)

    @property
    def weights(self) -> Mapping[str, float]:
        """The weight of each part, as they add up to 1."""
        return MappingProxyType({"quality": self._quality, "cost_usd": self._cost, "latency_ms": self._latency})

    def reward(self, cost_usd: float, latency_ms: float, quality: float) -> float:
        """The reward of one act, in [0, 1], without its breakdown.

        Parameters
        ----------
        cost_usd : float
            Dollars, at least 0.
        latency_ms : float
            Milliseconds, at least 0.
        quality : float
            In [0, 1].

        Raises
        ------
        ConfigurationError
            If one is no such number.
        """
        parts = self._parts(cost_usd, latency_ms, quality)
        # Three rounded weights may add up to a little more than 1.
        return min(1.0, parts[0] + parts[1] + parts[2])

    def compute(
        self, domain: str, context: object, outcome: Mapping[str, object], signals: Mapping[str, object]
    ) -> RewardResult:
        """The reward of one act, in [0, 1].

        Parameters
        ----------
        domain : str
            Where it was decided; handed on.
        context : object
            What it was decided on; handed on.
        outcome : mapping
            ``cost_usd`` in dollars and ``latency_ms`` in milliseconds, both at least 0. Others are handed on.
        signals : mapping
            ``quality`` in [0, 1]; it may be missing where it weighs nothing. Others are handed on.

        Returns
        -------
        RewardResult
            The reward; the entries of its breakdown add up to it, to the last bit but one.

        Raises
        ------
        ConfigurationError
            If an entry is missing, or is no such number.
        """
        spent: Mapping[str, float] = outcome  # type: ignore[assignment]  # what is no number is found where it is read
        heard: Mapping[str, float] = signals  # type: ignore[assignment]
        try:
            cost, latency = spent["cost_usd"], spent["latency_ms"]
            quality = heard["quality"] if self._quality else heard.get("quality", 0.0)
        except (AttributeError, LookupError, TypeError):
            _expect_entries(outcome, signals)
            raise
        parts = self._parts(cost, latency, quality)
        breakdown = {"quality": parts[0], "cost_usd": parts[1], "latency_ms": parts[2]}
        return RewardResult(domain, context, min(1.0, parts[0] + parts[1] + parts[2]), breakdown, signals, outcome)

    def _parts(self, cost: float, latency: float, quality: float) -> tuple[float, float, float]:
        """What quality, cheapness and speed give."""
        # A subclass may compare as it likes, and a bool would be taken for 0 or 1.
        if not (
            PLAIN.issuperset((type(cost), type(latency), type(quality)))
            and 0.0 <= cost <= LARGEST
            and 0.0 <= latency <= LARGEST
            and 0.0 <= quality <= 1.0
        ):
            cost = number(cost, "cost_usd", 0.0)
            latency = number(latency, "latency_ms", 0.0)
            quality = number(quality, "quality", 0.0, 1.0)
        return (
            self._quality * quality,
            self._cost * (1.0 - cost / self.max_cost) if cost < self.max_cost else 0.0,
            self._latency * (1.0 - latency / self.latency_ms_window) if latency < self.latency_ms_window else 0.0,
        )


def _expect_entries(outcome: object, signals: object) -> None:
    """Say which entry is missing, if one is.

    Raises
    ------
    ConfigurationError
        If so, or if one of the two is no mapping.
    """
    spent, heard = check_mapping(outcome, "outcome"), check_mapping(signals, "signals")
    entry(spent, "outcome", "cost_usd", 0.0, LARGEST)
    entry(spent, "outcome", "latency_ms", 0.0, LARGEST)
    if "quality" not in heard:
        msg = "signals holds no 'quality'; expected a number in [0, 1], or a reward with quality_weight=0"
        raise ConfigurationError(msg)
