"""Another policy on its way through one domain of a log, whatever it is evaluated by.

The policy is made for the first context that it meets, meets decisions and rewards in the order of versions, and learns
rewards with the context of their decision. What is stated at a decision waits for its reward.
"""

from __future__ import annotations

import os
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from typing import ClassVar, Generic, TypeVar, cast

from armwise.errors import ArmwiseError, LogError, PropensityError
from armwise.protocols import Policy
from armwise.runners.contestants import Contestant, RunningMean
from armwise.runners.log_order import by_version
from armwise.telemetry.log import Checkpoint, DecisionRecord, LoggedContext, LogReader, Record, UpdateRecord
from armwise.types import Label

__all__ = ["SLACK", "LogWalk", "records_of_domain"]

_STEP = 256
_FEWEST = 2

# Logged propensities are integrals: one that should be 1 may come out a few rounding errors beside it.
SLACK = 1e-9

Stated = TypeVar("Stated")


class LogWalk(ABC, Generic[Stated]):
    """A policy that follows a log: subclasses say what is stated at a decision, and what becomes of its reward.

    Parameters
    ----------
    contestant : Contestant
        The policy.
    seed : int
        Its seed, where the settings do not name one.
    """

    learns_elsewhere: ClassVar[bool] = True
    """Whether the policy learns rewards that belong to no decision of the log."""

    def __init__(self, contestant: Contestant, seed: int = 0) -> None:
        self.contestant = contestant
        self.domain = ""
        self.rewards: list[float] = []
        self._seed = seed
        self._policy: Policy | None = None
        self._arms: tuple[Label, ...] = ()
        self._mean = RunningMean()
        self._waiting: dict[str, tuple[DecisionRecord, Stated]] = {}
        self._rewarded: set[str] = set()

    @abstractmethod
    def decided(
        self, record: DecisionRecord, propensity: float, candidates: tuple[Label, ...], policy: Policy
    ) -> Stated:
        """State what is to be kept of a decision until its reward comes."""

    @abstractmethod
    def rewarded(self, record: UpdateRecord, stated: Stated) -> bool:
        """Take the reward of a decision; return whether the policy learns it."""

    @property
    def unrewarded(self) -> int:
        """Number of decisions without a reward."""
        return len(self._waiting)

    def follow(
        self,
        path: str | os.PathLike[str],
        reader: LogReader,
        domain: str | None,
        progress: Callable[[int], None] | None,
    ) -> None:
        """Walk through the log, from the first record of the domain to the last.

        Raises
        ------
        PropensityError
            If a decision has no propensity above zero.
        LogError
            If the log cannot be read, has several domains and none is named, rewards a decision twice, lacks what the
            policy needs, or has fewer than two rewarded decisions.
        """
        for record in records_of_domain(path, reader, domain, progress):
            self.domain = record.domain
            self._take(record)
        if len(self.rewards) < _FEWEST:
            count = len(self.rewards)
            msg = f"domain {self.domain!r} has {count} rewarded decisions; an interval needs at least 2"
            raise LogError(msg)

    def _take(self, record: Record) -> None:
        """Do what one record says."""
        try:
            if isinstance(record, Checkpoint):
                self._checkpoint(record)
            elif isinstance(record, DecisionRecord):
                self._decision(record)
            else:
                self._update(record)
        except (LogError, PropensityError):
            raise
        except ArmwiseError as error:
            which = "a checkpoint" if isinstance(record, Checkpoint) else f"the {record.record} {record.decision_id}"
            msg = f"{self.contestant.title} cannot follow {which} of domain {self.domain!r}: {error}"
            raise LogError(msg) from error

    def _checkpoint(self, record: Checkpoint) -> None:
        arms = record.state.get("arms")
        self._arms = tuple(cast("list[Label]", arms)) if isinstance(arms, list) else ()

    def _decision(self, record: DecisionRecord) -> None:
        candidates = self._arms if record.candidates is None else record.candidates
        if record.arm not in candidates:
            msg = f"decision {record.decision_id} chose {record.arm!r}, which is no candidate of {candidates}"
            raise LogError(msg)
        if record.propensity is None or not 0.0 < record.propensity <= 1.0 + SLACK:
            msg = (
                f"decision {record.decision_id} has the propensity {record.propensity}; expected a"
                " probability above 0, as decide gives it: a decision without one cannot be weighed"
            )
            raise PropensityError(msg)
        stated = self.decided(record, record.propensity, candidates, self._learner(record.context))
        self._waiting[record.decision_id] = record, stated

    def _update(self, record: UpdateRecord) -> None:
        if record.decision_id in self._rewarded:
            msg = f"decision {record.decision_id} is rewarded twice; expected one update for each decision"
            raise LogError(msg)
        served = None if record.decision_id is None else self._waiting.pop(record.decision_id, None)
        context, learns = record.context, self.learns_elsewhere
        if served is not None:
            decision, stated = served
            if record.arm != decision.arm:
                msg = (
                    f"decision {decision.decision_id} served {decision.arm!r} and is rewarded for {record.arm!r}; "
                    "expected the arm that was served"
                )
                raise LogError(msg)
            context = decision.context
            self._rewarded.add(decision.decision_id)
            self.rewards.append(record.reward)
            learns = self.rewarded(record, stated)
        if learns:
            reward = self._mean.centre(record.reward) if self.contestant.linear else record.reward
            self._learner(context).update(record.arm, reward, context, record.time)

    def _learner(self, context: LoggedContext | None) -> Policy:
        """Return the evaluated policy, made for the first context that it meets."""
        if self.contestant.linear and context is None:
            msg = f"the log of domain {self.domain!r} has no contexts, and {self.contestant.title} needs them"
            raise LogError(msg)
        if self._policy is None:
            self._policy = self.contestant.build(None, dim=len(context or ()), seed=self._seed)
        return self._policy


def records_of_domain(
    path: str | os.PathLike[str],
    reader: LogReader,
    domain: str | None,
    progress: Callable[[int], None] | None = None,
) -> Iterator[Record]:
    """Yield the records of a domain in the order of its policy's versions; there is at least one.

    Parameters
    ----------
    path : str or path-like
        The log's first part, for errors.
    reader : LogReader
        Its reader.
    domain : str or None
        Which domain; None where there is one alone.
    progress : callable, optional
        Called now and then with the number of records read since the last call.

    Yields
    ------
    Record
        Those of the domain.

    Raises
    ------
    LogError
        If the log cannot be read, holds no such record, or has several domains and none is named.
    """
    found: str | None = None
    read = 0
    for record in by_version(reader):
        read += 1
        if progress is not None and read % _STEP == 0:
            progress(_STEP)
        if domain is not None and record.domain != domain:
            continue
        if found is None:
            found = record.domain
        if record.domain != found:
            msg = f"the log has the domains {found!r} and {record.domain!r}; say which one to evaluate on"
            raise LogError(msg, path=os.fspath(path))
        yield record
    if progress is not None:
        progress(read % _STEP)
    if found is None:
        what = "whole record" if domain is None else f"record of domain {domain!r}"
        msg = f"the log holds no {what}; there is nothing to evaluate on"
        raise LogError(msg, path=os.fspath(path))
