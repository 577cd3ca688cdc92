"""What the two policies over running means have in common."""

from __future__ import annotations

from armwise.policies._base import ArmPolicy
from armwise.policies._rewards import LARGEST, checked_rewards
from armwise.posteriors import MeanPosterior
from armwise.types import FloatArray, Label

__all__ = ["MeanPolicy"]


class MeanPolicy(ArmPolicy[MeanPosterior]):
    """Arms by the mean of their rewards, which may be any finite numbers."""

    def means(self) -> dict[Label, tuple[float, int]]:
        """The mean reward of each arm, and of how many rewards."""
        with self._door_closed():
            means, counts = self._posterior.means.tolist(), self._posterior.counts.tolist()
            return {arm: (mean, int(count)) for arm, mean, count in zip(self.arms, means, counts, strict=True)}

    def _checked_rewards(self, rewards: object, count: int) -> FloatArray:
        return checked_rewards(rewards, count, -LARGEST, LARGEST)
