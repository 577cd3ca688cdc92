"""What the storeys of armwise ask of each other."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Literal, NamedTuple, Protocol, SupportsIndex, TypeAlias, runtime_checkable

import numpy as np
from numpy.typing import ArrayLike, NDArray

from armwise.types import JSON, Context, Decision, FloatArray, IntArray, Label, Moment, State

__all__ = [
    "ContextLike",
    "ContextRows",
    "EngineStore",
    "ExperimentMetrics",
    "Flags",
    "Joined",
    "JoinedReward",
    "Pending",
    "PendingLimits",
    "PendingStore",
    "Policy",
    "RewardModel",
    "RewardResult",
    "StateStore",
    "Tracer",
    "WorkspaceStore",
]

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


class WorkspaceStore(Protocol):
    """Keeps what an engine knows for one workspace of one tenant."""

    @property
    def pending(self) -> PendingStore:
        """The decisions that wait for their rewards."""
        ...

    def take_streams(self, count: int = 1) -> int:
        """Take streams of random numbers that nobody has had or will get: the first of so many in a row."""
        ...

    def read(self) -> bytes | None:
        """The snapshot as it was last written; None where none was."""
        ...

    def write(self, data: bytes, *, keep: int = 3) -> None:
        """Put a snapshot in the place of the last one; so many of those before it stay."""
        ...

    def previous(self) -> Sequence[os.PathLike[str]]:
        """Where the snapshots before the present one are, the latest first."""
        ...


class EngineStore(Protocol):
    """Keeps what engines know, apart for each tenant and workspace."""

    def workspace(self, tenant: str = "default", workspace: str = "main") -> WorkspaceStore:
        """What is kept for one workspace of one tenant."""
        ...


class Tracer(Protocol):
    """Is told what an engine decides and what that earned.

    Calls come from many threads, in the middle of a request: they return at once, whatever becomes of what they were
    told, and do not call back.
    """

    def decided(
        self,
        domain: str,
        decision: Decision,
        *,
        candidates: Sequence[Label],
        context: ContextLike | None,
        phase: str,
        time_ns: int,
    ) -> None:
        """A request was served; `phase` is off, shadow or active."""
        ...

    def rewarded(
        self, domain: str, decision_id: str | None, arm: Label, reward: float, status: str, *, time_ns: int
    ) -> None:
        """A reward came in; `status` is applied, duplicate, late or unknown."""
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


class RewardResult(NamedTuple):
    """What one act was worth, and why.

    Attributes
    ----------
    domain : str
        Where it was decided.
    context : object
        What it was decided on, as it was given.
    reward : float
        What the policy learns from.
    breakdown : mapping of str to float
        What each component gave or took; in its order they add up to the reward.
    signals, outcome : mapping of str to object
        What it was computed from, as they were given.
    arm : Label or None
        What acted, where the one who computed the reward knows.

    Examples
    --------
    >>> RewardResult("route", {}, 0.9, {"quality": 0.9}, {"quality": 0.9}, {}, "small").arm
    'small'
    """

    domain: str
    context: object
    reward: float
    breakdown: Mapping[str, float]
    signals: Mapping[str, object]
    outcome: Mapping[str, object]
    arm: Label | None = None


class RewardModel(Protocol):
    """Turns what an act cost and how good it was into the one number that a policy learns from."""

    def compute(
        self, domain: str, context: object, outcome: Mapping[str, object], signals: Mapping[str, object]
    ) -> RewardResult:
        """The reward of one act; input that has none is refused by a ConfigurationError."""
        ...


class Pending(NamedTuple):
    """A decision that waits for its reward.

    Attributes
    ----------
    domain, decision_id : str
        Which one; no two of them are equal in both.
    arm : Label
        What acted.
    context : list, dict or None
        What it was decided on, as plain lists and objects.
    time : int
        When it was expected, in nanoseconds since the epoch.
    experiment, variant : str or None
        Where it was decided, if in an experiment.
    propensity : float or None
        The probability in (0, 1] with which it was decided so.
    extra : mapping or None
        What else the caller wants back with the reward.
    """

    domain: str
    decision_id: str
    arm: Label
    context: Sequence[float] | Mapping[str, JSON] | None
    time: int
    experiment: str | None = None
    variant: str | None = None
    propensity: float | None = None
    extra: Mapping[str, JSON] | None = None


class Joined(NamedTuple):
    """What became of a reward that came in with a decision's id.

    Attributes
    ----------
    status : {"applied", "duplicate", "late", "unknown"}
        "applied" to one caller, once. Others had it ("duplicate"), its window was over ("late"), or nobody expects it,
        or no longer ("unknown").
    pending : Pending or None
        The decision; None where it is unknown.
    sequence : int or None
        The number of the reward among all that were applied, from 1; None where it was not.
    """

    status: Literal["applied", "duplicate", "late", "unknown"]
    pending: Pending | None
    sequence: int | None


class JoinedReward(NamedTuple):
    """A reward that was applied.

    Attributes
    ----------
    sequence : int
        Its number among all that were applied, from 1.
    pending : Pending
        The decision.
    reward : float
        What it earned.
    time : int
        When the reward came, in nanoseconds since the epoch.
    """

    sequence: int
    pending: Pending
    reward: float
    time: int


class PendingLimits(NamedTuple):
    """How long decisions wait, and how many.

    Attributes
    ----------
    window : int
        Nanoseconds after which a reward is late. What is over is remembered for another window.
    capacity : int
        How many may wait, and how many that were rewarded are remembered.
    """

    window: int
    capacity: int


class PendingStore(Protocol):
    """Keeps the decisions that wait for rewards: for every thread, and every process where it is shared.

    What it is given was checked.
    """

    def expect(self, pending: Pending, limits: PendingLimits) -> None:
        """Keep a decision until it is rewarded, and let go of what is too old or too much, the oldest first.

        Raises
        ------
        ConfigurationError
            If a decision of this domain and id is known: waiting, or rewarded.
        """
        ...

    def join(self, domain: str, decision_id: str, reward: float, time: int, limits: PendingLimits) -> Joined:
        """Reward a decision, if it waits: one call of all threads and processes finds it so."""
        ...

    def unsaved(self, domain: str, sequence: int) -> Sequence[JoinedReward]:
        """The rewards of a domain that were applied after the one of this number, in their order."""
        ...

    def saved(self, domain: str, sequence: int) -> None:
        """The rewards of a domain up to this number are kept elsewhere: they may go when their window is over.

        Rewards that are applied from now on have greater numbers. A store that outlives processes sees to that even
        where it never gave the number: it was made anew beside a snapshot that knows more.
        """
        ...

    def counts(self) -> Mapping[str, int]:
        """What became of decisions and rewards, for all who share the store.

        Returns
        -------
        mapping of str to int
            ``pending``, how many decisions wait, those included whose window is over and that are still remembered;
            ``applied``, ``duplicate``, ``late`` and ``unknown``, how many rewards were found so; ``dropped``, how many
            decisions were let go before their window was over, and ``unsaved_dropped``, how many rewards before they
            were saved.
        """
        ...
