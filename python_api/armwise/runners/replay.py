"""Replaying a decision log: every posterior rebuilt, every decision made again.

A replay loads each domain's first checkpoint, applies the logged updates in the order of versions, and asks
the policy for each logged decision again: `replay` finds the randomness of a decision by its id, so it can be
asked in another process, years later, on another machine or backend, and must name the same arm. A later
checkpoint of the same version must hold the state that was rebuilt. One of another version tells of a change
that is no update (an arm added, a state loaded, a new run), or of updates that were lost: it is loaded, and
counted as a gap.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from armwise.errors import ArmwiseError, LogError
from armwise.protocols import Policy
from armwise.runners.contestants import restored_policy
from armwise.runners.log_order import by_version
from armwise.telemetry.log import Checkpoint, DecisionRecord, LogReader, TornLine, UpdateRecord
from armwise.types import State

__all__ = ["Mismatch", "ReplayReport", "replay"]

_SHOWN = 20
_STEP = 256


@dataclass(frozen=True, slots=True)
class Mismatch:
    """A record that did not come out again.

    Attributes
    ----------
    domain : str
        Whose it is.
    record : str
        The decision's id, or which checkpoint.
    expected : str
        What the log says.
    found : str
        What the replay gave.
    """

    domain: str
    record: str
    expected: str
    found: str


@dataclass(frozen=True, slots=True)
class ReplayReport:
    """What a replay found.

    Attributes
    ----------
    domains : tuple of str
        The policies of the log.
    decisions, updates : int
        How many were made again and applied.
    checkpoints : int
        How many rebuilt states were compared with a checkpoint.
    gaps : int
        How many later checkpoints stood at a version that the updates do not lead to.
    mismatched : int
        How many decisions and checkpoints did not come out again.
    mismatches : tuple of Mismatch
        The first of them.
    torn : tuple of TornLine
        Half lines that a killed process left.
    """

    domains: tuple[str, ...]
    decisions: int
    updates: int
    checkpoints: int
    gaps: int
    mismatched: int
    mismatches: tuple[Mismatch, ...]
    torn: tuple[TornLine, ...]


def replay(path: str | os.PathLike[str], *, progress: Callable[[int], None] | None = None) -> ReplayReport:
    """Rebuild every posterior of a log and make every decision again.

    Parameters
    ----------
    path : str or path-like
        The first part of the log.
    progress : callable, optional
        Called now and then with the number of records read since the last call.

    Returns
    -------
    ReplayReport
        Counts, and what did not come out again.

    Raises
    ------
    LogError
        If the log cannot be read, holds nothing, or a state or an update in it is refused by its policy.
    StoreError
        If a file cannot be read.
    """
    reader = LogReader(path)
    domains: dict[str, _Domain] = {}
    read = 0
    for record in by_version(reader):
        domain = domains.setdefault(record.domain, _Domain(record.domain))
        domain.take(record)
        read += 1
        if progress is not None and read % _STEP == 0:
            progress(_STEP)
    if progress is not None:
        progress(read % _STEP)
    if not domains:
        msg = "the log holds no whole record; there is nothing to replay"
        raise LogError(msg, path=os.fspath(path))
    everyone = domains.values()
    mismatches = [mismatch for domain in everyone for mismatch in domain.mismatches]
    return ReplayReport(
        domains=tuple(domains),
        decisions=sum(domain.decisions for domain in everyone),
        updates=sum(domain.updates for domain in everyone),
        checkpoints=sum(domain.checkpoints for domain in everyone),
        gaps=sum(domain.gaps for domain in everyone),
        mismatched=sum(domain.mismatched for domain in everyone),
        mismatches=tuple(mismatches[:_SHOWN]),
        torn=reader.torn,
    )


class _Domain:
    """One policy of the log, as far as it has been rebuilt."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._policy: Policy | None = None
        self._decays = False
        self.decisions = self.updates = self.checkpoints = self.gaps = self.mismatched = 0
        self.mismatches: list[Mismatch] = []

    def take(self, record: Checkpoint | DecisionRecord | UpdateRecord) -> None:
        """Do what one record says."""
        if isinstance(record, Checkpoint):
            self._checkpoint(record)
        elif self._policy is None:
            msg = f"domain {self._name!r} begins with a {record.record}; expected a checkpoint to rebuild from"
            raise LogError(msg)
        elif isinstance(record, DecisionRecord):
            self._decide(self._policy, record)
        else:
            self._update(self._policy, record)

    def _checkpoint(self, record: Checkpoint) -> None:
        with self._explained("a checkpoint"):
            restored = restored_policy(record.state)
        policy = self._policy
        if policy is not None and policy.policy_version != restored.policy_version:
            self.gaps += 1
        elif policy is not None:
            self.checkpoints += 1
            found = _posterior(policy.state_dict())
            if found != _posterior(restored.state_dict()):
                which = f"checkpoint of version {restored.policy_version}"
                self._mismatch(which, "the state of the checkpoint", "another state from the updates")
        self._policy = restored
        self._decays = bool(record.state.get("half_life_ns"))

    def _decide(self, policy: Policy, record: DecisionRecord) -> None:
        self.decisions += 1
        try:
            if record.seed != policy.seed:
                self._mismatch(record.decision_id, f"seed {record.seed}", f"seed {policy.seed}")
                return
            if self._decays:
                # Time is part of the posterior, and only a decision or an update moves it. What this one
                # draws is not used.
                policy.select(record.candidates, record.context, record.time)
            arm = policy.replay(record.decision_id, record.candidates, record.context)
        except ArmwiseError as error:
            self._mismatch(record.decision_id, repr(record.arm), str(error))
            return
        if arm != record.arm or type(arm) is not type(record.arm):
            self._mismatch(record.decision_id, repr(record.arm), repr(arm))

    def _update(self, policy: Policy, record: UpdateRecord) -> None:
        with self._explained(f"the update that rewards {record.decision_id}"):
            policy.update(record.arm, record.learned, record.context, record.time)
        self.updates += 1

    @contextmanager
    def _explained(self, what: str) -> Iterator[None]:
        """Turn a policy's refusal into an error of the log."""
        try:
            yield
        except ArmwiseError as error:
            msg = f"{what} of domain {self._name!r} is refused: {error}"
            raise LogError(msg) from error

    def _mismatch(self, record: str, expected: str, found: str) -> None:
        self.mismatched += 1
        if len(self.mismatches) < _SHOWN:
            self.mismatches.append(Mismatch(self._name, record, expected, found))


def _posterior(state: State) -> State:
    """Return what the updates made of a state: all but the place in the stream, which decisions move."""
    return {name: value for name, value in state.items() if name != "rng"}
