"""What a variant would have earned on requests that something else may have served."""

from __future__ import annotations

from dataclasses import dataclass, field

from armwise._fields import Fields
from armwise.experiments.statistics import LARGEST, Statistics
from armwise.types import State

__all__ = ["Counterfactual"]


@dataclass(slots=True)
class Counterfactual:
    r"""What a variant would have earned on requests that something else may have served.

    A request served arm a with probability p, given what each variant would have served there, and earned r; the
    variant would have served b. Its weight is w = 1 / p where a = b, else 0. In the shadow p is the core's logged
    propensity; in action it is the exact share of the traffic of all variants that would have served a.

    Attributes
    ----------
    weights : Statistics
        Of the weights w; their mean is 1 in expectation, which is what to look at first.
    scores : Statistics
        Of w r, whose mean is the unbiased estimate (Horvitz & Thompson 1952).
    doubly_robust : Statistics
        Of q(b) + w (r - q(a)), where q(.) is the mean reward of an arm before the request: as unbiased, and less
        noisy where arms differ (Dudik, Langford & Li 2011).
    lift : Statistics
        Of the doubly robust score less that of the baseline on the same request.
    matched : int
        On how many requests the variant agreed with what was served.

    Examples
    --------
    >>> seen = Counterfactual()
    >>> seen.add(weight=2.0, reward=1.0, expected=0.5, served=0.5, baseline=0.5)
    >>> seen.add(weight=0.0, reward=0.0, expected=0.5, served=0.5, baseline=0.5)
    >>> seen.mean, seen.ips, seen.dr, seen.matched
    (1.0, 1.0, 1.0, 1)
    """

    weights: Statistics = field(default_factory=Statistics)
    scores: Statistics = field(default_factory=Statistics)
    doubly_robust: Statistics = field(default_factory=Statistics)
    lift: Statistics = field(default_factory=Statistics)
    matched: int = 0

    @property
    def n(self) -> int:
        """Requests on which the variant was evaluated."""
        return self.weights.n

    @property
    def mean(self) -> float | None:
        """Mean reward by matched replay, each match weighted by 1 / p: the sum of w r over that of w."""
        total = self.weights.total
        return self.scores.total / total if total else None

    @property
    def ips(self) -> float | None:
        """Mean reward by inverse propensities: the mean of w r."""
        return self.scores.mean

    @property
    def dr(self) -> float | None:
        """Mean reward, doubly robust."""
        return self.doubly_robust.mean

    @property
    def effective_size(self) -> float:
        """How many equally weighted requests weigh as much: (sum w)^2 / sum w^2 (Kish 1965)."""
        squares = self.weights.squares
        return self.weights.total**2 / squares if squares else 0.0

    def add(self, *, weight: float, reward: float, expected: float, served: float, baseline: float) -> None:
        """Take the reward of one request.

        Parameters
        ----------
        weight : float
            1 / p where the variant agrees with what was served, else 0.
        reward : float
            What was earned.
        expected, served : float
            What the variant's arm and the served arm were expected to earn.
        baseline : float
            The baseline's doubly robust score on this request.
        """
        score = self.score(weight, reward, expected, served)
        self.weights.add(weight)
        self.scores.add(_held(weight * reward))
        self.doubly_robust.add(score)
        self.lift.add(_held(score - baseline))
        self.matched += weight > 0.0

    @staticmethod
    def score(weight: float, reward: float, expected: float, served: float) -> float:
        """The doubly robust score of a request."""
        return _held(expected + weight * (reward - served))

    def merged(self, other: Counterfactual) -> Counterfactual:
        """What both have seen."""
        return Counterfactual(
            self.weights.merged(other.weights),
            self.scores.merged(other.scores),
            self.doubly_robust.merged(other.doubly_robust),
            self.lift.merged(other.lift),
            self.matched + other.matched,
        )

    def state_dict(self) -> State:
        """Everything as plain JSON, without loss."""
        return {
            "weights": self.weights.state_dict(),
            "scores": self.scores.state_dict(),
            "doubly_robust": self.doubly_robust.state_dict(),
            "lift": self.lift.state_dict(),
            "matched": self.matched,
        }

    @classmethod
    def from_state(cls, fields: Fields) -> Counterfactual:
        """Read what :meth:`state_dict` wrote.

        Raises
        ------
        SnapshotError
            If something is missing, malformed or at odds with the rest.
        """
        weights, scores, doubly_robust, lift = (
            Statistics.from_state(fields.fields(name)) for name in ("weights", "scores", "doubly_robust", "lift")
        )
        if len({weights.n, scores.n, doubly_robust.n, lift.n}) > 1:
            fields.refuse("weights", "as many as scores, doubly_robust and lift")
        return cls(weights, scores, doubly_robust, lift, fields.whole("matched", 0, weights.n))

    def summary(self) -> State:
        """The figures, for people."""
        return {
            "n": self.n,
            "matched": self.matched,
            "mean_reward": self.mean,
            "ips": self.ips,
            "dr": self.dr,
            "lift": self.lift.mean,
            "mean_weight": self.weights.mean,
            "effective_size": self.effective_size,
        }


def _held(value: float) -> float:
    """The value, within what statistics hold."""
    return min(max(value, -LARGEST), LARGEST)
