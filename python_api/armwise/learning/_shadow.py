"""When a policy in the shadow may act: once a confidence sequence says that it earns no less than what serves."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final, NamedTuple

from armwise._fields import Fields
from armwise._words import shown
from armwise.errors import ConfigurationError
from armwise.evaluation import ConfidenceSequence
from armwise.types import State

__all__ = ["Activation", "Evidence"]

_BATCH: Final = 32
_TUNED_AT: Final = 500


class Activation(NamedTuple):
    """When a policy activates itself.

    Attributes
    ----------
    margin : float
        How much less than the deterministic choice it may earn for each request, in (0, 1].
    alpha : float
        The probability in (0, 1) that a policy which earns less than that is ever activated.
    minimum : int
        Pieces of evidence before it may be, at least 1.

    Examples
    --------
    >>> Activation(margin=0.05)
    Activation(margin=0.05, alpha=0.05, minimum=100)
    """

    margin: float = 0.01
    alpha: float = 0.05
    minimum: int = 100

    def checked(self) -> Activation:
        """Return it, every entry in its range.

        Raises
        ------
        ConfigurationError
            If one is not.
        """
        for name, value, inside in (
            ("margin", self.margin, _is_number(self.margin) and 0.0 < self.margin <= 1.0),
            ("alpha", self.alpha, _is_number(self.alpha) and 0.0 < self.alpha < 1.0),
        ):
            if not inside:
                msg = f"{name} of the activation is {shown(value)}; expected a number in (0, 1{']' * (name[0] == 'm')}"
                raise ConfigurationError(msg)
        if not isinstance(self.minimum, int) or isinstance(self.minimum, bool) or not 1 <= self.minimum < 1 << 31:
            msg = f"minimum of the activation is {shown(self.minimum)}; expected a whole number in [1, 2**31)"
            raise ConfigurationError(msg)
        return self


class Evidence:
    r"""What the policy would have earned beyond the deterministic choice, request by request.

    Each piece is a number z in [-1, 1] whose mean given the past is at most the difference of the two values, for
    rewards in [0, 1]:

    - where every candidate was tried, :math:`z = \sum_a \pi(a) r(a) - r(d)`, which is exact;
    - where the deterministic choice d alone was served, :math:`z = \pi(d) r(d) - r(d)`: what the policy would have
      earned elsewhere is not known, and counted as nothing.

    pi is the policy as it was before it learnt from the request, so that z minus its mean is a martingale
    difference, and the empirical-Bernstein sequence (Howard, Ramdas, McAuliffe & Sekhon 2021, theorem 4) covers the
    running mean difference at all times at once with probability 1 - alpha, however often it is looked at. It is
    looked at after every 32nd piece. One reward outside [0, 1] voids the evidence, and the policy is activated by hand.

    Parameters
    ----------
    activation : Activation
        What is asked of it.

    Examples
    --------
    >>> evidence = Evidence(Activation(margin=0.05))
    >>> any(evidence.add(0.1) for _ in range(300))
    True
    """

    __slots__ = ("_activation", "_pending", "_sequence", "_void")

    def __init__(self, activation: Activation) -> None:
        self._activation = activation
        self._sequence = ConfidenceSequence(
            activation.alpha, "empirical_bernstein", bounds=(-1.0, 1.0), tuned_at=_TUNED_AT
        )
        self._pending: list[float] = []
        self._void = False

    @property
    def count(self) -> int:
        """How many pieces there are."""
        return self._sequence.n + len(self._pending)

    def tried(self, rewards: Sequence[float], propensities: Sequence[float], default: int) -> bool:
        """Take a request for which every candidate was tried; return whether the policy may act.

        `default` is the place of the deterministic choice.
        """
        self._expect_within(rewards)
        expected = math.fsum(share * reward for share, reward in zip(propensities, rewards, strict=True))
        return self.add(expected - rewards[default])

    def served(self, reward: float, propensity: float) -> bool:
        """Take a request for which the deterministic choice was served; return whether the policy may act."""
        self._expect_within([reward])
        return self.add(propensity * reward - reward)

    def _expect_within(self, rewards: Sequence[float]) -> None:
        # Left out, such rewards would be those of certain arms, and what is left would say nothing of the mean.
        if not all(0.0 <= reward <= 1.0 for reward in rewards):
            self._void = True

    def add(self, difference: float) -> bool:
        """Take one piece of evidence in [-1, 1]; return whether the policy may act."""
        # Rounding may leave a sum of propensities a little above one.
        self._pending.append(min(1.0, max(-1.0, difference)))
        if self.count % _BATCH:
            return False
        self._settle()
        return self._suffices()

    def summary(self) -> State:
        """The figures, for people; numbers that are not known are None."""
        self._settle()
        lower, upper = self._sequence.interval
        return {
            "n": self.count,
            "mean": _finite(self._sequence.mean),
            "lower": _finite(lower),
            "upper": _finite(upper),
            "margin": self._activation.margin,
            "alpha": self._activation.alpha,
            "minimum": self._activation.minimum,
            "void": self._void,
        }

    def state_dict(self) -> State:
        """The evidence as plain JSON; the terms are those of who loads it."""
        self._settle()
        return {"sums": self._sequence.state_dict()["sums"], "void": self._void}

    def restored(self, fields: Fields) -> Evidence:
        """The evidence of a state, under this one's terms.

        Raises
        ------
        SnapshotError
            If anything in it is missing or cannot be.
        """
        evidence = Evidence(self._activation)
        evidence._void = fields.truth("void")
        evidence._sequence = self._sequence.on(*fields.items("sums"))  # type: ignore[arg-type]  # `on` checks them
        return evidence

    def _settle(self) -> None:
        if self._pending:
            self._sequence.update_many(self._pending)
            self._pending = []

    def _suffices(self) -> bool:
        asked = self._activation
        return not self._void and self.count >= asked.minimum and self._sequence.interval.lower > -asked.margin


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _finite(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None
