"""What the storeys of armwise ask of each other."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Protocol, SupportsIndex, TypeAlias, runtime_checkable

import numpy as np
from numpy.typing import ArrayLike, NDArray

from armwise.types import Context, Decision, FloatArray, IntArray, Label, Moment, State

__all__ = ["ContextLike", "ContextRows", "ExperimentMetrics", "Flags", "Policy", "StateStore"]

ContextLike: TypeAlias = Context | Mapping[str, str | float]
"""The features of one request: numbers in a fixed order, or a mapping that the policy encodes."""

ContextRows: TypeAlias = NDArray[np.floating] | NDArray[np.integer] | Sequence[ContextLike]
"""The features of n requests: an array (n, dim), or a sequence of contexts."""


@runtime_checkable
class Policy(Protocol):
    """Chooses one of several arms, again and again, and learns from the rewards.

    Write one and every runner, log and estimator of armwise takes it. Arms are named by labels: strings,
    integers and finite floats. ``now`` is a moment (integer nanoseconds, float seconds, or a datetime with a
    zone); policies that do not decay ignore it. Policies without features ignore contexts.
    """

    @property
    def arms(self) -> tuple[Label, ...]:
        """The arms that the policy holds, in the order in which it came to hold them."""
        ...

    @property
    def policy_version(self) -> int:
        """Number of state changes so far."""
        ...

    @property
    def seed(self) -> int:
        """The seed of all randomness, in [0, 2**64)."""
        ...

    @property
    def stream(self) -> int:
        """Which of the seed's streams decisions draw from, in [0, 2**63)."""
        ...

    @property
    def counter(self) -> int:
        """The number of the next decision."""
        ...

    def select(
        self,
        candidates: Iterable[Label] | None = None,
        context: ContextLike | None = None,
        now: Moment | None = None,
    ) -> Label:
        """Choose among the candidates, or among all arms."""
        ...

    def decide(
        self,
        candidates: Iterable[Label] | None = None,
        context: ContextLike | None = None,
        now: Moment | None = None,
    ) -> Decision:
        """Choose as :meth:`select` does, and say what a log must hold."""
        ...

    def select_many(self, n: SupportsIndex | ContextRows, now: Moment | None = None) -> IntArray:
        """Choose n times, or once for each context: positions in `arms`, int32 (n,)."""
        ...

    def update(self, arm: Label, reward: float, context: ContextLike | None = None, now: Moment | None = None) -> None:
        """Learn from one reward."""
        ...

    def update_many(
        self,
        arms: Iterable[Label],
        rewards: ArrayLike,
        contexts: ContextRows | None = None,
        now: Moment | None = None,
    ) -> None:
        """Learn from many rewards, in their order."""
        ...

    def propensities(
        self,
        candidates: Iterable[Label] | None = None,
        context: ContextLike | None = None,
        now: Moment | None = None,
    ) -> FloatArray:
        """The probability with which each candidate would be chosen, float64 (K,), in the caller's order."""
        ...

    def replay(
        self, decision_id: str, candidates: Iterable[Label] | None = None, context: ContextLike | None = None
    ) -> Label:
        """Re-make a decision of the present version."""
        ...

    def add_arm(self, arm: Label, prior: object = None) -> None:
        """Hold one more arm."""
        ...

    def remove_arm(self, arm: Label) -> None:
        """Forget an arm."""
        ...

    def state_dict(self) -> State:
        """Everything that decisions depend on, as plain JSON."""
        ...

    def load_state(self, state: Mapping[str, object]) -> None:
        """Become the policy whose state this is."""
        ...


class Flags(Protocol):
    """Says whether something is switched on; asked at each call that depends on it."""

    def enabled(self, name: str) -> bool:
        """Whether the flag of this name is on."""
        ...


class StateStore(Protocol):
    """Keeps one state for several processes."""

    def read(self) -> State | None:
        """The state as it was last written; None where none was."""
        ...

    def update(self, change: Callable[[State | None], State]) -> State:
        """Put what `change` makes of the present state in its place, as one step, and return it."""
        ...


class ExperimentMetrics(Protocol):
    """Is told what happens in experiments. Calls come from many threads, must be quick, and must not call back."""

    def allocated(self, tenant: str, workspace: str, experiment_id: str, variant: str) -> None:
        """A variant was handed out."""
        ...

    def rewarded(
        self, tenant: str, workspace: str, experiment_id: str, variant: str, reward: float, regret: float
    ) -> None:
        """A reward was recorded; `regret` is what it fell short of the baseline's mean, at least 0."""
        ...

    def phase(self, tenant: str, workspace: str, experiment_id: str, phase: str, acting: Mapping[str, bool]) -> None:
        """An experiment is in the phase shadow, active or stopped; `acting` says which variants' output is served."""
        ...

    def ignored(self, tenant: str, workspace: str, experiment_id: str, reason: str) -> None:
        """A reward was not counted."""
        ...
