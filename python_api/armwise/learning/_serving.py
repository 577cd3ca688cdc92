"""What serves a request: the deterministic rule, or a policy. Each is a function of candidates and context.

An engine keeps one such function for each domain and puts another in its place when a flag or the phase changes, so
that a request asks nothing but that function.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final, TypeAlias

from armwise._labels import check_labels
from armwise.experiments.identity import features
from armwise.policies import UCB1, EpsilonGreedy, SharedThompsonSampling, ThompsonSampling
from armwise.protocols import ContextLike, Policy
from armwise.types import Label

__all__ = ["Serve", "by_policy", "by_rule", "first", "reads_contexts"]

Serve: TypeAlias = Callable[[Sequence[Label], ContextLike | None], Label]
"""Serves the candidates of a request in its context."""

# By the very type: a subclass may look at what its base does not.
_CONTEXT_FREE: Final = frozenset({ThompsonSampling, SharedThompsonSampling, EpsilonGreedy, UCB1})


def first(candidates: Sequence[Label], context: ContextLike | None = None) -> Label:
    """The first candidate.

    Raises
    ------
    ConfigurationError
        If there is none, or they are no labels in an order.

    Examples
    --------
    >>> first(["small", "large"])
    'small'
    """
    del context
    # One look at what nearly every request holds; what the other candidates are matters to nobody here.
    if (type(candidates) is list or type(candidates) is tuple) and candidates and type(candidates[0]) is str:
        return candidates[0]
    return check_labels(candidates, "candidates")[0]


def by_rule(default: Label | None) -> Serve:
    """What serves where no policy acts: the default where it is among the candidates, else the first of them."""
    if default is None:
        return first

    def serve(candidates: Sequence[Label], context: ContextLike | None = None) -> Label:
        labels = check_labels(candidates, "candidates")
        return default if default in labels else first(labels, context)

    return serve


def by_policy(policy: Policy) -> Serve:
    """What serves where a policy acts: its own ``select``, without a step between where it reads no contexts."""
    if not reads_contexts(policy):
        return policy.select

    def serve(candidates: Sequence[Label], context: ContextLike | None = None) -> Label:
        return policy.select(candidates, features(context))

    return serve


def reads_contexts(policy: Policy) -> bool:
    """Whether a policy may read contexts: all but those known not to."""
    return type(policy) not in _CONTEXT_FREE
