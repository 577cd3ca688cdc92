"""Whether a policy would take a reward: asked before the reward is joined, so that a refused one can come again."""

from __future__ import annotations

from armwise.policies._base import ArmPolicy
from armwise.protocols import ContextLike, Policy
from armwise.types import Label

__all__ = ["expect_acceptable"]


def expect_acceptable(
    policy: Policy, arm: Label, reward: float, context: ContextLike | None, *, featured: bool = True
) -> None:
    """Refuse what the policy's ``update`` would refuse, by the same errors; nothing is learnt.

    Where it is not `featured`, the context is not looked at: it is kept with the decision. Of a policy that is not
    armwise's, nothing is known before it is asked to learn.

    Raises
    ------
    UnknownArm
        If the policy does not take the arm.
    ConfigurationError
        If it does not take the reward or the context.
    """
    if isinstance(policy, ArmPolicy):
        policy.check_update(arm, reward, context, seen=featured)
