"""What a caller knows of arms before a policy has seen them."""

from __future__ import annotations

from collections.abc import Mapping

from armwise._labels import check_label, listing
from armwise._words import shown
from armwise.errors import ConfigurationError
from armwise.protocols import Policy
from armwise.types import Label

__all__ = ["add_priors", "check_priors"]


def check_priors(policy: Policy, priors: object) -> Mapping[Label, object]:
    """Return priors of arms that the policy does not hold; none where None is given.

    Raises
    ------
    ConfigurationError
        If they are no mapping of labels to priors, or the policy holds one of the arms.
    """
    if priors is None:
        return {}
    if not isinstance(priors, Mapping):
        msg = f"priors are {shown(priors)}; expected a mapping of arms to priors, such as {{'small': (2.0, 1.0)}}"
        raise ConfigurationError(msg)
    for arm in priors:
        check_label(arm, "an arm of the priors")
    held = tuple(arm for arm in priors if arm in policy.arms)
    if held:
        msg = f"priors are given for {listing(held)}, which the policy holds; give it its prior where it is made"
        raise ConfigurationError(msg)
    return priors


def add_priors(policy: Policy, priors: Mapping[Label, object]) -> None:
    """Add each arm with its prior, but those that a loaded state has brought.

    Raises
    ------
    ConfigurationError
        If a prior is none that the policy takes.
    """
    for arm, prior in priors.items():
        if arm not in policy.arms:
            policy.add_arm(arm, prior)
