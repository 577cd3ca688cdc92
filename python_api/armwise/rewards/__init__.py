"""Rewards: from what an act cost and how good it was to the one number that a policy learns from, now or later."""

from __future__ import annotations

from armwise.protocols import Joined, JoinedReward, Pending, RewardResult
from armwise.rewards.attribution import attribute
from armwise.rewards.composite import CompositeReward
from armwise.rewards.delayed import DelayedRewards
from armwise.rewards.engine import RewardEngine

__all__ = [
    "CompositeReward",
    "DelayedRewards",
    "Joined",
    "JoinedReward",
    "Pending",
    "RewardEngine",
    "RewardResult",
    "attribute",
]
