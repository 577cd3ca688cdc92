# ruff: noqa: SLF001 - the checks of update itself: a second statement of them might differ
"""Whether a policy would take a reward: asked before the reward is joined, so that a refused one can come again."""

from __future__ import annotations

from armwise._labels import check_label
from armwise.policies._base import ArmPolicy
from armwise.posteriors._columns import Columns
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
        _expect(policy, arm, reward, context, featured=featured)


def _expect(
    policy: ArmPolicy[Columns], arm: Label, reward: float, context: ContextLike | None, *, featured: bool
) -> None:
    check_label(arm)
    policy._checked_rewards([reward], 1)
    with policy._locked():
        if policy._arms.position(arm) is None:
            policy._posterior.check_room()
        if featured:
            policy._checked_context(context)
