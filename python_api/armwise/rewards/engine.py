"""The weighted sum: quality and groundedness, less cost, latency and penalties, each in its own unit."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from armwise._words import shown
from armwise.errors import ConfigurationError
from armwise.protocols import RewardResult
from armwise.rewards._numbers import LARGEST, PLAIN, check_mapping, entry

__all__ = ["RewardEngine"]

_NAMES: Final = ("quality", "groundedness", "cost_usd", "latency_ms", "safety_penalty", "privacy_penalty")


class RewardEngine:
    r"""Adds up what was gained and what it took, each component times its weight.

    .. math:: r = w_q q + w_g g - w_c c - w_l l - w_s s - w_p p

    for quality q, groundedness g, cost c in dollars, latency l in milliseconds, and penalties for safety s and privacy
    p. Nothing is normalised: with every weight at 1 a second of latency outweighs any quality, and the sum is no
    reward of a Beta policy. :class:`CompositeReward` is.

    Parameters
    ----------
    weights : mapping of str to float, optional
        The weights, finite and at least 0, by the names ``quality``, ``groundedness``, ``cost_usd``, ``latency_ms``,
        ``safety_penalty`` and ``privacy_penalty``; 1 for each that is not given.

    Raises
    ------
    ConfigurationError
        If a name is none of these, or a weight no such number.

    Examples
    --------
    >>> engine = RewardEngine()
    >>> outcome, signals = {"cost_usd": 0.2, "latency_ms": 100}, {"quality": 1.0, "groundedness": 0.5}
    >>> result = engine.compute("route", {}, outcome, signals)
    >>> round(result.reward, 9)
    -98.7
    >>> result.breakdown["latency_ms"]
    -100.0
    >>> round(engine.compute("route", {}, outcome, signals, weights={"latency_ms": 0.001}).reward, 9)
    1.2
    """

    def __init__(self, weights: Mapping[str, float] | None = None) -> None:
        self._weights = (1.0,) * len(_NAMES)
        if weights is not None:
            self._weights = self._with(weights)

    def __repr__(self) -> str:
        return f"RewardEngine({dict(self.weights)!r})"

    @property
    def weights(self) -> Mapping[str, float]:
        """The weight of each component."""
        return MappingProxyType(dict(zip(_NAMES, self._weights, strict=True)))

    def compute(
        self,
        domain: str,
        context: object,
        outcome: Mapping[str, object],
        signals: Mapping[str, object],
        *,
        weights: Mapping[str, float] | None = None,
    ) -> RewardResult:
        """The reward of one act.

        Parameters
        ----------
        domain : str
            Where it was decided; handed on.
        context : object
            What it was decided on; handed on.
        outcome : mapping
            ``cost_usd`` in dollars and ``latency_ms`` in milliseconds, both at least 0. Others are handed on.
        signals : mapping
            ``quality`` and ``groundedness``, finite; ``safety_penalty`` and ``privacy_penalty``, at least 0. One that
            is not there is 0. Others are handed on.
        weights : mapping of str to float, optional
            Weights for this act, in the place of the engine's.

        Returns
        -------
        RewardResult
            The reward; the entries of its breakdown, in their order, add up to it.

        Raises
        ------
        ConfigurationError
            If `outcome` lacks an entry, one is no such number, or the sum is beyond every float.
        """
        by = self._weights if weights is None else self._with(weights)
        read: Mapping[str, float] = outcome  # type: ignore[assignment]  # what is no number is found below
        heard: Mapping[str, float] = signals  # type: ignore[assignment]
        try:
            quality, groundedness = heard.get("quality", 0.0), heard.get("groundedness", 0.0)
            cost, latency = read["cost_usd"], read["latency_ms"]
            safety, privacy = heard.get("safety_penalty", 0.0), heard.get("privacy_penalty", 0.0)
            plain = PLAIN.issuperset(map(type, (quality, groundedness, cost, latency, safety, privacy)))
            if not plain or cost < 0.0 or latency < 0.0 or safety < 0.0 or privacy < 0.0:
                quality, groundedness, cost, latency, safety, privacy = _checked(outcome, signals)
            breakdown = {
                "quality": by[0] * quality,
                "groundedness": by[1] * groundedness,
                # Less than nothing, or nothing: never a minus in front of a zero.
                "cost_usd": 0.0 - by[2] * cost,
                "latency_ms": 0.0 - by[3] * latency,
                "safety_penalty": 0.0 - by[4] * safety,
                "privacy_penalty": 0.0 - by[5] * privacy,
            }
            reward = sum(breakdown.values())
        except (AttributeError, LookupError, OverflowError, TypeError):
            _checked(outcome, signals)
            raise
        if not -LARGEST <= reward <= LARGEST:
            _checked(outcome, signals)
            msg = f"the weighted terms are {breakdown}, which add up beyond every float; give smaller weights"
            raise ConfigurationError(msg)
        return RewardResult(domain, context, reward, breakdown, signals, outcome)

    def _with(self, weights: object) -> tuple[float, ...]:
        """The engine's weights, and those given in their place."""
        given = check_mapping(weights, "weights")
        for name in given:
            if name not in _NAMES:
                msg = f"weights holds {shown(name)}; expected some of {', '.join(map(repr, _NAMES))}"
                raise ConfigurationError(msg)
        return tuple(
            entry(given, "weights", name, 0.0, LARGEST, own) for name, own in zip(_NAMES, self._weights, strict=True)
        )


def _checked(outcome: object, signals: object) -> tuple[float, float, float, float, float, float]:
    """The six quantities, in the order of their names."""
    spent, heard = check_mapping(outcome, "outcome"), check_mapping(signals, "signals")
    return (
        entry(heard, "signals", "quality", -LARGEST, LARGEST, 0.0),
        entry(heard, "signals", "groundedness", -LARGEST, LARGEST, 0.0),
        entry(spent, "outcome", "cost_usd", 0.0, LARGEST),
        entry(spent, "outcome", "latency_ms", 0.0, LARGEST),
        entry(heard, "signals", "safety_penalty", 0.0, LARGEST, 0.0),
        entry(heard, "signals", "privacy_penalty", 0.0, LARGEST, 0.0),
    )
