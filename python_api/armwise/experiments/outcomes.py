"""What an experiment has seen of each variant: what it earned where it acted, and what it would have earned."""

from __future__ import annotations

from dataclasses import dataclass, field

from armwise._fields import COUNTS, INT64, Fields
from armwise.experiments.counterfactual import Counterfactual
from armwise.experiments.statistics import LARGEST, ExactSum, Statistics
from armwise.types import State

__all__ = ["VariantStatistics"]


@dataclass(slots=True)
class VariantStatistics:
    """What is known of one variant.

    Attributes
    ----------
    rewards : Statistics
        Of all rewards that were recorded for it.
    active : Statistics
        Of those that were earned while the experiment was active: the only ones for which chance alone decided who
        served whom, at the same time as the others.
    allocations : int
        How often it was handed out.
    shadow_pulls : int
        How often it would have been pulled while the experiment was in the shadow.
    regret : ExactSum
        Of what its rewards fell short of the baseline's mean at the time, where they did.
    last_reward : float or None
        The latest reward.
    last_time : int
        When it was recorded, in nanoseconds since the epoch.
    shadow_replay, active_replay : Counterfactual
        What it would have earned, in the shadow by the core's propensities and in action by the shares.
    errors : int
        How often its policy raised: asked what it would serve where something else served, or where it was to learn.
    spread, active_spread : ExactSum
        Of the squared distance of each of `rewards`, and of `active`, from what the ones before it predict; kept where
        rewards have bounds, for the empirical-Bernstein interval.

    Examples
    --------
    >>> variant = VariantStatistics()
    >>> variant.record(0.25, regret=0.5, active=False, time=1)
    >>> variant.pulls, variant.mean_reward, variant.last_reward, variant.regret_sum
    (1, 0.25, 0.25, 0.5)
    """

    rewards: Statistics = field(default_factory=Statistics)
    active: Statistics = field(default_factory=Statistics)
    allocations: int = 0
    shadow_pulls: int = 0
    regret: ExactSum = field(default_factory=ExactSum)
    last_reward: float | None = None
    last_time: int = 0
    shadow_replay: Counterfactual = field(default_factory=Counterfactual)
    active_replay: Counterfactual = field(default_factory=Counterfactual)
    spread: ExactSum = field(default_factory=ExactSum)
    active_spread: ExactSum = field(default_factory=ExactSum)
    errors: int = 0

    @property
    def pulls(self) -> int:
        """How many rewards were recorded."""
        return self.rewards.n

    @property
    def reward_sum(self) -> float:
        """Their sum."""
        return self.rewards.total

    @property
    def mean_reward(self) -> float | None:
        """Their mean; None without any."""
        return self.rewards.mean

    @property
    def regret_sum(self) -> float:
        """Sum of what rewards fell short of the baseline's mean at the time."""
        return self.regret.value

    def record(
        self, reward: float, *, regret: float, active: bool, time: int, bounds: tuple[float, float] | None = None
    ) -> None:
        """Take one reward, which lies within `bounds` where there are any."""
        if bounds is not None:
            self.spread.add(_surprise(self.rewards, reward, bounds))
            if active:
                self.active_spread.add(_surprise(self.active, reward, bounds))
        self.rewards.add(reward)
        if active:
            self.active.add(reward)
        if regret:
            self.regret.add(regret)
        self.last_reward, self.last_time = reward, time

    def merged(self, other: VariantStatistics) -> VariantStatistics:
        """What both know; the later reward is the last one."""
        mine, its = ((v.last_time, -1e308 if v.last_reward is None else v.last_reward) for v in (self, other))
        last = self if mine >= its else other
        return VariantStatistics(
            self.rewards.merged(other.rewards),
            self.active.merged(other.active),
            self.allocations + other.allocations,
            self.shadow_pulls + other.shadow_pulls,
            self.regret.merged(other.regret),
            last.last_reward,
            last.last_time,
            self.shadow_replay.merged(other.shadow_replay),
            self.active_replay.merged(other.active_replay),
            self.spread.merged(other.spread),
            self.active_spread.merged(other.active_spread),
            self.errors + other.errors,
        )

    def state_dict(self) -> State:
        """Everything as plain JSON, without loss."""
        state: State = {
            "rewards": self.rewards.state_dict(),
            "active": self.active.state_dict(),
            "allocations": self.allocations,
            "shadow_pulls": self.shadow_pulls,
            "regret": self.regret.to_text(),
            "last_reward": self.last_reward,
            "last_time": self.last_time,
            "spread": self.spread.to_text(),
            "active_spread": self.active_spread.to_text(),
        }
        if self.errors:
            state["errors"] = self.errors
        for name, replay in (("shadow_replay", self.shadow_replay), ("active_replay", self.active_replay)):
            if replay.n:
                state[name] = replay.state_dict()
        return state

    @classmethod
    def from_state(cls, fields: Fields) -> VariantStatistics:
        """Read what :meth:`state_dict` wrote.

        Raises
        ------
        SnapshotError
            If something is missing, malformed or at odds with the rest.
        """
        rewards, active = (Statistics.from_state(fields.fields(name)) for name in ("rewards", "active"))
        if active.n > rewards.n:
            fields.refuse("active", f"at most the {rewards.n} of rewards")
        sums = [ExactSum.from_field(fields, name) for name in ("regret", "spread", "active_spread")]
        if min(one.value for one in sums) < 0.0:
            fields.refuse("regret", "at least 0, as spread and active_spread are")
        last = fields.number("last_reward", -LARGEST, LARGEST) if fields.says("last_reward") else None
        if (last is None) != (rewards.n == 0):
            fields.refuse("last_reward", "a reward where there are some, and null where there is none")
        shadow, acting = (
            Counterfactual.from_state(fields.fields(name)) if fields.says(name) else Counterfactual()
            for name in ("shadow_replay", "active_replay")
        )
        return cls(
            rewards,
            active,
            fields.whole("allocations", 0, COUNTS),
            fields.whole("shadow_pulls", 0, COUNTS),
            sums[0],
            last,
            fields.whole("last_time", 0, INT64),
            shadow,
            acting,
            sums[1],
            sums[2],
            fields.whole("errors", 0, COUNTS) if fields.says("errors") else 0,
        )

    def summary(self) -> State:
        """The figures, for people."""
        return {
            "allocations": self.allocations,
            "shadow_pulls": self.shadow_pulls,
            "errors": self.errors,
            "pulls": self.pulls,
            "reward_sum": self.reward_sum,
            "mean_reward": self.mean_reward,
            "last_reward": self.last_reward,
            "regret_sum": self.regret_sum,
            "n": self.rewards.n,
            "sum": self.rewards.total,
            "sum_of_squares": self.rewards.squares,
            "standard_error": self.rewards.standard_error,
            "counterfactual": {
                "shadow": self.shadow_replay.summary() if self.shadow_replay.n else None,
                "active": self.active_replay.summary() if self.active_replay.n else None,
            },
        }


def _surprise(before: Statistics, reward: float, bounds: tuple[float, float]) -> float:
    """The squared distance of a reward from (centre + the sum of those before it) / (1 + their number)."""
    predicted = ((bounds[0] + bounds[1]) / 2.0 + before.total) / (before.n + 1)
    return (reward - predicted) ** 2
