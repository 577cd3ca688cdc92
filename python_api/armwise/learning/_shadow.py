"""When a policy in the shadow may act: once a confidence sequence says that it earns no less than what serves."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final, NamedTuple

from armwise._fields import Fields
from armwise._words import shown
from armwise.errors import ConfigurationError
from armwise.evaluation import ConfidenceSequence
from armwise.types import JSON, State

__all__ = ["Activation", "Evidence"]

_BATCH: Final = 32
_KINDS: Final = 2
"""Kinds of evidence, which share alpha."""
_TUNED_AT: Final = 500


class Activation(NamedTuple):
    """When a policy activates itself.

    Attributes
    ----------
    margin : float
        How much less than the deterministic choice it may earn for each request, in [0, 1]. At 0 a policy acts only
        once it is shown to earn more, and what the rule alone has served can show nothing.
    alpha : float
        The probability in (0, 1) that a policy which earns less than that is ever activated.
    minimum : int
        Pieces of evidence of one kind before it may be, at least 1.

    Examples
    --------
    >>> Activation(margin=0.05)
    Activation(margin=0.05, alpha=0.05, minimum=100)
    """

    margin: float = 0.0
    alpha: float = 0.05
    minimum: int = 100

    def checked(self) -> Activation:
        """Return it, every entry in its range.

        Raises
        ------
        ConfigurationError
            If one is not.
        """
        if not _is_number(self.margin) or not 0.0 <= self.margin <= 1.0:
            msg = f"margin of the activation is {shown(self.margin)}; expected a number in [0, 1]"
            raise ConfigurationError(msg)
        if not _is_number(self.alpha) or not 0.0 < self.alpha < 1.0:
            msg = f"alpha of the activation is {shown(self.alpha)}; expected a number in (0, 1)"
            raise ConfigurationError(msg)
        if not isinstance(self.minimum, int) or isinstance(self.minimum, bool) or not 1 <= self.minimum < 1 << 31:
            msg = f"minimum of the activation is {shown(self.minimum)}; expected a whole number in [1, 2**31)"
            raise ConfigurationError(msg)
        return self


class Evidence:
    r"""What the policy would have earned beyond the deterministic choice, request by request.

    Each piece is a number z in [-1, 1], for rewards in [0, 1]:

    - ``exact``, where every candidate was tried: :math:`z = \sum_a \pi(a) r(a) - r(d)`;
    - ``served``, where the deterministic choice d alone was served: :math:`z = \pi(d) r(d) - r(d)`. What the policy
      would have earned elsewhere is not known, and counted as nothing, so that the mean of z is at most the difference.

    Each kind has a mean of its own: the bound would drown what is exact. Which of the two says it does not matter, and
    each may be wrong with probability alpha / 2. A mean is one of the requests that it comes from: what is exact speaks
    of those that were tried, and of all requests where these are a sample that nobody chose by what was asked.

    pi is the policy as it was before it learnt from the request, so that z minus its mean is a martingale
    difference, and an empirical-Bernstein sequence (Howard, Ramdas, McAuliffe & Sekhon 2021, theorem 4) covers the
    running mean difference at all times at once, however often it is looked at. Each kind is looked at after every 32nd
    of its pieces. One reward outside [0, 1] voids the evidence, and the policy is activated by hand.

    A request that the policy refuses earns at worst 0 where the rule earns 1: it counts as -1, in both kinds, and
    neither is believed at its next look, for a policy that is refused nothing when it is tried may be refused whatever
    is asked of it.

    Parameters
    ----------
    activation : Activation
        What is asked of it.

    Examples
    --------
    >>> evidence = Evidence(Activation(margin=0.05))
    >>> any(evidence.tried([0.8, 0.7], [0.9, 0.1], default=1) for _ in range(300))
    True
    >>> evidence.summary()["exact"]["n"], evidence.summary()["served"]["n"]
    (128, 0)
    """

    __slots__ = ("_activation", "_exact", "_served", "_void")

    def __init__(self, activation: Activation) -> None:
        self._activation = activation
        self._exact = _Mean(activation)
        self._served = _Mean(activation)
        self._void = False

    def tried(self, rewards: Sequence[float], propensities: Sequence[float], default: int) -> bool:
        """Take a request for which every candidate was tried; return whether the policy may act.

        `default` is the place of the deterministic choice.
        """
        self._expect_within(rewards)
        expected = math.fsum(share * reward for share, reward in zip(propensities, rewards, strict=True))
        return self._exact.add(expected - rewards[default]) and not self._void

    def served(self, reward: float, propensity: float) -> bool:
        """Take a request for which the deterministic choice was served; return whether the policy may act."""
        self._expect_within([reward])
        return self._served.add(propensity * reward - reward) and not self._void

    def refused(self) -> None:
        """Take a request that the policy refused, whatever it would have earned."""
        self._exact.refuse()
        self._served.refuse()

    @property
    def heeds_served(self) -> bool:
        """Whether what the rule served can ever show enough: its pieces are 0 at most."""
        return self._activation.margin > 0.0

    @property
    def void(self) -> bool:
        """Whether a reward outside [0, 1] has come, so that nothing will ever suffice."""
        return self._void

    def _expect_within(self, rewards: Sequence[float]) -> None:
        # Left out, such rewards would be those of certain arms, and what is left would say nothing of the mean.
        if not all(0.0 <= reward <= 1.0 for reward in rewards):
            self._void = True

    def summary(self) -> State:
        """The figures of each kind, and what is asked of them, for people; numbers that are not known are None."""
        return {
            "exact": self._exact.summary(),
            "served": self._served.summary(),
            "margin": self._activation.margin,
            "alpha": self._activation.alpha,
            "minimum": self._activation.minimum,
            "void": self._void,
        }

    def state_dict(self) -> State:
        """The evidence as plain JSON; the terms are those of who loads it."""
        return {"exact": self._exact.sums(), "served": self._served.sums(), "void": self._void}

    def restored(self, fields: Fields) -> Evidence:
        """The evidence of a state, under this one's terms.

        A state of before the two kinds were told apart holds one mean of both, which is a bound: it goes on as such.

        Raises
        ------
        SnapshotError
            If anything in it is missing or cannot be.
        """
        evidence = Evidence(self._activation)
        evidence._void = fields.truth("void")
        if fields.says("sums"):
            evidence._served.restore(fields.items("sums"))
        else:
            evidence._exact.restore(fields.items("exact"))
            evidence._served.restore(fields.items("served"))
        return evidence


class _Mean:
    """The running mean of one kind of evidence, and whether it suffices.

    The sums are those of a :class:`armwise.evaluation.ConfidenceSequence`, to the bit: a piece costs a few additions,
    and an interval is made of them where somebody looks.
    """

    __slots__ = ("_activation", "_count", "_refused", "_sequence", "_spread", "_total")

    def __init__(self, activation: Activation) -> None:
        self._activation = activation
        self._sequence = ConfidenceSequence(
            activation.alpha / _KINDS, "empirical_bernstein", bounds=(-1.0, 1.0), tuned_at=_TUNED_AT
        )
        self._count = 0
        self._total = self._spread = 0.0
        self._refused = False

    def add(self, difference: float) -> bool:
        """Take one piece in [-1, 1]; return whether the policy may act."""
        self._take(difference)
        if self._count % _BATCH or self._count < self._activation.minimum:
            return False
        refused, self._refused = self._refused, False
        # The lower end is below the mean, which costs nothing to look at.
        if refused or 2.0 * self._total / self._count - 1.0 <= -self._activation.margin:
            return False
        return self._now().interval.lower > -self._activation.margin

    def refuse(self) -> None:
        """Take the worst piece there is, and do not believe the next look."""
        self._take(-1.0)
        self._refused = True

    def _take(self, difference: float) -> None:
        # Rounding may leave a sum of propensities a little above one.
        scaled = (min(1.0, max(-1.0, difference)) + 1.0) / 2.0
        self._count += 1
        error = scaled - (0.5 + self._total) / self._count
        self._total += scaled
        self._spread += error * error

    def _now(self) -> ConfidenceSequence:
        return self._sequence.on(self._sums())

    def _sums(self) -> State:
        return {"count": self._count, "total": self._total, "spread": self._spread}

    def summary(self) -> State:
        now = self._now()
        lower, upper = now.interval
        return {"n": now.n, "mean": _finite(now.mean), "lower": _finite(lower), "upper": _finite(upper)}

    def sums(self) -> JSON:
        return [self._sums()]

    def restore(self, sums: Sequence[object]) -> None:
        self._sequence.on(*sums)  # type: ignore[arg-type]  # checks them
        fields = Fields({"sums": sums[0]}).fields("sums")
        self._count = fields.whole("count")
        self._total, self._spread = (fields.number(name, 0.0, math.inf) for name in ("total", "spread"))


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _finite(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None
