"""When is it certain enough which arm is best? Stopping with a threshold that holds at every time."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Final, Literal, Self, TypeAlias, get_args

import numpy as np
from numpy.typing import ArrayLike

from armwise._fields import COUNTS, Fields
from armwise._labels import check_labels
from armwise._words import shown
from armwise.errors import ConfigurationError, UnknownArm
from armwise.evaluation._columns import finite, indices
from armwise.evaluation._numbers import LARGEST, finite_number, number_in
from armwise.types import FloatArray, Label, State

__all__ = ["BestArm"]

Family: TypeAlias = Literal["bernoulli", "gaussian"]

_VERSION: Final = 1


class BestArm:
    """Says which arm is best, once the evidence suffices, and is wrong with probability delta at most.

    Arms may be pulled by any rule, adaptive or not, and the question may be asked at any time: act at the first time
    that :attr:`best` is not None.

    Parameters
    ----------
    arms : sequence of label
        At least two, all different.
    delta : float
        Probability in (0, 1) of ever naming an arm that is not the best.
    family : {"bernoulli", "gaussian"}
        "bernoulli": rewards in [0, 1], of any law (a bounded law is at least as concentrated as a Bernoulli law of its
        mean). "gaussian": any rewards whose deviations are no heavier than a normal's of `variance`.
    variance : float, optional
        Known variance of a reward, or a bound of it; for "gaussian".

    Raises
    ------
    ConfigurationError
        If anything is out of its range.

    Notes
    -----
    The stopping rule of Chernoff (1959) in the form of Garivier & Kaufmann (2016): the evidence that a
    beats b is a likelihood ratio against the likeliest means with mean a <= mean b. With a mixture over means in the
    numerator, as in Kaufmann & Koolen (2021), it is a martingale (a supermartingale for bounded rewards) at each pair
    of means, whatever rule pulls the arms, so it ever passes log((K - 1) / delta) against the truth with probability
    delta / (K - 1), and there are K - 1 wrong arms. With N pulls, S rewards and m the mean of both arms together::

        bernoulli: log B(S_a + 1/2, N_a - S_a + 1/2) / pi + the same of b - S log m - (N - S) log(1 - m)
        gaussian:  c_a c_b / (c_a + c_b) (mean_a - mean_b)^2 - log((1 + N_a) (1 + N_b)) / 2,
                   c = N^2 / (1 + N) / (2 variance)

    that is, Jeffreys' prior for a success rate (Krichevsky & Trofimov 1981), and alternatives that stand off by about
    one standard deviation of a reward. Where two arms are equally good there is nothing to name, and with probability
    1 - delta neither ever is.

    Examples
    --------
    >>> rule = BestArm(["a", "b"], delta=0.05)
    >>> rule.update_many([0, 1] * 10, [1.0, 0.0] * 10)
    >>> rule.best
    'a'
    >>> round(rule.evidence, 2), round(rule.threshold, 2)
    (10.39, 3.0)
    """

    def __init__(
        self,
        arms: Sequence[Label],
        *,
        delta: float = 0.05,
        family: Family = "bernoulli",
        variance: float | None = None,
    ) -> None:
        self._arms = check_labels(arms)
        if len(self._arms) < 2:
            msg = f"arms are {shown(list(self._arms))}; expected at least two, all different"
            raise ConfigurationError(msg)
        if not isinstance(family, str) or family not in get_args(Family):
            msg = f"family is {shown(family)}; expected one of {', '.join(map(repr, get_args(Family)))}"
            raise ConfigurationError(msg)
        if (variance is None) != (family == "bernoulli"):
            msg = f"variance is {shown(variance)} for family {family!r}; 'gaussian' needs one, 'bernoulli' has none"
            raise ConfigurationError(msg)
        self._family: Family = family
        self._delta = number_in("delta", delta, 0.0, 1.0)
        self._variance = None if variance is None else number_in("variance", variance, 0.0, LARGEST)
        self._counts = np.zeros(len(self._arms), dtype=np.int64)
        self._sums: FloatArray = np.zeros(len(self._arms))

    @property
    def arms(self) -> tuple[Label, ...]:
        """The arms."""
        return self._arms

    @property
    def counts(self) -> tuple[int, ...]:
        """Pulls of each arm."""
        return tuple(self._counts.tolist())

    @property
    def leader(self) -> Label | None:
        """The arm of the greatest mean, the first of several; None until each has been pulled."""
        if not self._counts.all():
            return None
        return self._arms[int(np.argmax(self._sums / self._counts))]

    @property
    def evidence(self) -> float:
        """The least evidence, over the other arms, that the leader beats them; -inf until each has been pulled."""
        if not self._counts.all():
            return -math.inf
        leader = int(np.argmax(self._sums / self._counts))
        return min(self._beats(leader, other) for other in range(len(self._arms)) if other != leader)

    @property
    def threshold(self) -> float:
        """What the evidence has to reach: log((K - 1) / delta)."""
        return math.log((len(self._arms) - 1) / self._delta)

    @property
    def best(self) -> Label | None:
        """The best arm, where the evidence reaches the threshold now; None where it does not."""
        return self.leader if self.evidence >= self.threshold else None

    def update(self, arm: Label, reward: float) -> None:
        """Take one reward.

        Parameters
        ----------
        arm : label
            One of `arms`.
        reward : float
            In [0, 1] for "bernoulli", else finite.

        Raises
        ------
        UnknownArm
            If there is no such arm.
        ConfigurationError
            If the reward is out of range. Nothing has changed then.
        """
        value = finite_number("reward", reward, *self._limits())
        try:
            place = self._arms.index(arm)
        except ValueError:
            msg = f"no arm {shown(arm)}; there are {', '.join(map(repr, self._arms))}"
            raise UnknownArm(msg) from None
        self._counts[place] += 1
        self._sums[place] += value

    def update_many(self, places: ArrayLike, rewards: ArrayLike) -> None:
        """Take rewards in order.

        Parameters
        ----------
        places : array_like of int, shape (n,)
            Places in `arms`.
        rewards : array_like of float, shape (n,)
            Their rewards.

        Raises
        ------
        ConfigurationError
            If shapes differ, or anything is out of its range. Nothing has changed then.
        """
        values = finite("rewards", rewards)
        where = indices("places", places, len(self._arms), values.size)
        low, high = self._limits()
        for i in np.nonzero(~((values >= low) & (values <= high)))[0][:1]:
            finite_number(f"rewards[{i}]", float(values[i]), low, high)
        self._counts += np.bincount(where, minlength=len(self._arms))
        np.add.at(self._sums, where, values)

    def merge(self, other: BestArm) -> BestArm:
        """Return the rule on the rewards of both; neither changes. Counts are exact, in any order.

        Raises
        ------
        ConfigurationError
            If `other` has other arms or another promise.
        """
        if not isinstance(other, BestArm) or self._promise() != other._promise():
            msg = "rules of other arms, families, variances or deltas cannot be merged; give both the same"
            raise ConfigurationError(msg)
        both = BestArm(self._arms, delta=self._delta, family=self._family, variance=self._variance)
        both._counts, both._sums = self._counts + other._counts, self._sums + other._sums
        return both

    def state_dict(self) -> State:
        """Promise, counts and sums as plain JSON."""
        return {
            "rule": "best_arm",
            "version": _VERSION,
            "arms": list(self._arms),
            "delta": self._delta,
            "family": self._family,
            "variance": self._variance,
            "counts": self._counts.tolist(),
            "sums": self._sums.tolist(),
        }

    @classmethod
    def from_state(cls, state: Mapping[str, object]) -> Self:
        """Return the rule whose state this is.

        Raises
        ------
        SnapshotError
            If anything in it is missing or cannot be.
        """
        fields = Fields(state)
        if fields.text("rule") != "best_arm":
            fields.refuse("rule", "'best_arm'")
        fields.whole("version", 1, _VERSION)
        arms = fields.items("arms")
        if not all(isinstance(arm, (str, int, float)) for arm in arms):
            fields.refuse("arms", "strings and numbers")
        try:
            rule = cls(
                arms,  # type: ignore[arg-type]  # labels, as was checked
                delta=fields.number("delta", 0.0, 1.0),
                family=fields.text("family"),  # type: ignore[arg-type]  # checked by the constructor
                variance=fields.number("variance", 0.0, LARGEST) if fields.says("variance") else None,
            )
        except ConfigurationError as error:
            fields.refuse("arms", f"a rule that can be ({error})")
        low, high = rule._limits()
        counts = np.array(fields.wholes("counts", len(arms), 0, COUNTS), dtype=np.int64)
        sums = fields.numbers("sums", (len(arms),), -1e300, 1e300)
        slack = 1.0 + 1e-9
        if (sums < low * slack * counts).any() or (sums > high * slack * counts).any():
            fields.refuse("sums", f"sums of that many rewards in [{low:g}, {high:g}]")
        rule._counts, rule._sums = counts, sums
        return rule

    def _limits(self) -> tuple[float, float]:
        return (0.0, 1.0) if self._family == "bernoulli" else (-LARGEST, LARGEST)

    def _promise(self) -> tuple[object, ...]:
        return self._arms, self._delta, self._family, self._variance

    def _beats(self, a: int, b: int) -> float:
        """Evidence that the mean of `a`, whose sample mean is no less, is above the mean of `b`."""
        (n_a, s_a), (n_b, s_b) = ((int(self._counts[i]), float(self._sums[i])) for i in (a, b))
        if self._variance is None:
            n, s = n_a + n_b, s_a + s_b
            pooled = min(1.0, max(0.0, s / n))
            return _mixed(n_a, s_a) + _mixed(n_b, s_b) - _times_log(s, pooled) - _times_log(n - s, 1.0 - pooled)
        gap = s_a / n_a - s_b / n_b
        c_a, c_b = (n / (1.0 + n) * n / (2.0 * self._variance) for n in (n_a, n_b))
        return c_a * c_b / (c_a + c_b) * gap * gap - 0.5 * (math.log1p(n_a) + math.log1p(n_b))


def _mixed(n: int, s: float) -> float:
    """Log likelihood of n rewards of sum s, with the success rate mixed over Jeffreys' prior."""
    failures = max(0.0, n - s)
    return math.lgamma(s + 0.5) + math.lgamma(failures + 0.5) - math.lgamma(n + 1.0) - math.log(math.pi)


def _times_log(factor: float, value: float) -> float:
    """Factor * log(value), and 0 where the factor is."""
    return factor * math.log(value) if factor > 0.0 and value > 0.0 else 0.0
