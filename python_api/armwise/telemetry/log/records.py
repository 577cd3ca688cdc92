"""The records of a decision log, version 1.

A log is a header in each of its files, and checkpoints, decisions and updates behind it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, TypeAlias

from armwise.types import Label, PropensityKind, State

__all__ = [
    "FORMAT",
    "VERSION",
    "Checkpoint",
    "DecisionRecord",
    "Header",
    "LoggedContext",
    "Record",
    "UpdateRecord",
]

LoggedContext: TypeAlias = tuple[float, ...] | Mapping[str, str | float]
"""The features of a request as a log holds them: numbers in a fixed order, or by name."""

FORMAT = "armwise.decision_log"
VERSION = 1


@dataclass(frozen=True, slots=True)
class Header:
    """The first line of each file: what the rest is written in.

    Attributes
    ----------
    format : str
        ``"armwise.decision_log"``.
    version : int
        Version of the format, 1.
    part : int
        Place of this file in the log, from 0.
    time : int
        When the file was begun, in nanoseconds since the epoch.
    """

    record: ClassVar[str] = "header"
    format: str
    version: int
    part: int
    time: int


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A policy's whole state: where a replay begins, and what it can be checked against.

    Attributes
    ----------
    time : int
        Nanoseconds since the epoch.
    domain : str
        Which of the log's policies this is.
    state : dict
        What the policy's ``state_dict`` gave.
    """

    record: ClassVar[str] = "checkpoint"
    time: int
    domain: str
    state: State


@dataclass(frozen=True, slots=True)
class DecisionRecord:
    """One decision and all that it was made from.

    Attributes
    ----------
    decision_id : str
        ``"{stream:x}-{counter:x}-{version:x}"``.
    time : int
        Nanoseconds since the epoch; the ``now`` of a policy that decays.
    domain : str
        Which of the log's policies decided.
    candidates : tuple of labels, or None
        What it chose from; None where it was all of its arms.
    context : tuple of float, mapping, or None
        The features of the request.
    arm : str, int or float
        What it chose.
    propensity : float or None
        Probability in (0, 1] of that choice; None where the kind is "none".
    kind : {"exact", "monte_carlo", "uniform", "none"}
        How the propensity was come by.
    policy_version : int
        State changes before the decision.
    seed, stream, counter : int
        Where its randomness is found again.
    experiment, variant : str or None
        The experiment that the request was part of, and its side.
    user : str or None
        Pseudonym of the user.
    """

    record: ClassVar[str] = "decision"
    decision_id: str
    time: int
    domain: str
    candidates: tuple[Label, ...] | None
    context: LoggedContext | None
    arm: Label
    propensity: float | None
    kind: PropensityKind
    policy_version: int
    seed: int
    stream: int
    counter: int
    experiment: str | None
    variant: str | None
    user: str | None


@dataclass(frozen=True, slots=True)
class UpdateRecord:
    """One reward and all that the posterior learned from.

    Attributes
    ----------
    decision_id : str or None
        The decision that is rewarded; None for a reward from elsewhere.
    time : int
        Nanoseconds since the epoch; the ``now`` of a policy that decays.
    domain : str
        Which of the log's policies learned.
    arm : str, int or float
        The rewarded arm.
    reward : float
        What was earned.
    learned : float
        What the policy was told: the reward, or what was made of it (centred, shaped).
    context : tuple of float, mapping, or None
        The features of the rewarded request, where the policy takes them.
    policy_version : int
        State changes once this reward was learned.
    experiment, variant : str or None
        The experiment that the rewarded request was part of, and its side.
    """

    record: ClassVar[str] = "update"
    decision_id: str | None
    time: int
    domain: str
    arm: Label
    reward: float
    learned: float
    context: LoggedContext | None
    policy_version: int
    experiment: str | None = None
    variant: str | None = None


Record: TypeAlias = Checkpoint | DecisionRecord | UpdateRecord
"""What a log holds after its header."""
