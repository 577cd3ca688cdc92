"""What another policy would have earned on a log.

The evaluated policy walks through the log from its prior. At each logged decision it states the probability
with which it would have chosen the arm that was served, and at each logged reward it learns that reward, with
the context of its decision. It never sees a reward that the log does not hold, so what is estimated is the
value of a policy that has learned from this log so far, averaged over the log, and not that of one that had
gathered its own data from the start: that one would have explored elsewhere. Each probability is stated
before the reward it is weighed with is learned, so the estimate is not biased by hindsight.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import cast

import numpy as np

from armwise.errors import ArmwiseError, LogError, PropensityError
from armwise.evaluation import Estimate, Interval, ips, mean_interval, snips
from armwise.protocols import Policy
from armwise.runners.contestants import Contestant, RunningMean
from armwise.runners.log_order import by_version
from armwise.telemetry.log import Checkpoint, DecisionRecord, LoggedContext, LogReader, TornLine, UpdateRecord
from armwise.types import Label

__all__ = ["OffPolicyReport", "evaluate"]

_STEP = 256
_FEWEST = 2
_SLACK = 1e-9


@dataclass(frozen=True, slots=True)
class OffPolicyReport:
    """An estimate of another policy's value.

    Attributes
    ----------
    policy : str
        The evaluated policy.
    domain : str
        The domain of the log that it was evaluated on.
    decisions : int
        Logged decisions of that domain.
    unrewarded : int
        How many of them have no reward; they are left out. If what is missing depends on the reward, the
        estimates are off.
    logged : Interval
        What the logging policy earned a decision. Its 95% interval takes decisions as independent; a policy that
        learns makes them dependent, so it is an indication.
    ips, snips : Estimate
        What the evaluated policy would have earned a decision.
    mean_weight : float
        Mean of the importance weights. Where the log covers what the evaluated policy does, it is about 1.
    torn : tuple of TornLine
        Half lines that a killed process left.
    """

    policy: str
    domain: str
    decisions: int
    unrewarded: int
    logged: Interval
    ips: Estimate
    snips: Estimate
    mean_weight: float
    torn: tuple[TornLine, ...]


def evaluate(
    path: str | os.PathLike[str],
    contestant: Contestant,
    *,
    domain: str | None = None,
    progress: Callable[[int], None] | None = None,
) -> OffPolicyReport:
    """Estimate from a log what another policy would have earned.

    Parameters
    ----------
    path : str or path-like
        The first part of the log.
    contestant : Contestant
        The policy to evaluate. It takes contexts as they were logged; a linear one learns rewards less their
        running mean.
    domain : str, optional
        Which policy of the log to compare it with; needed where there are several.
    progress : callable, optional
        Called now and then with the number of records read since the last call.

    Returns
    -------
    OffPolicyReport
        IPS and SNIPS with their intervals, and what the logging policy earned.

    Raises
    ------
    PropensityError
        If a rewarded decision has no propensity above zero, or the logging policy never left anything to
        chance.
    LogError
        If the log cannot be read, has several domains and none is named, rewards a decision twice, or lacks
        what the evaluated policy needs.
    StoreError
        If a file cannot be read.
    """
    reader = LogReader(path)
    walk: _Walk | None = None
    read = 0
    for record in by_version(reader):
        read += 1
        if progress is not None and read % _STEP == 0:
            progress(_STEP)
        if domain is not None and record.domain != domain:
            continue
        if walk is None:
            walk = _Walk(contestant, record.domain)
        if record.domain != walk.domain:
            msg = f"the log has the domains {walk.domain!r} and {record.domain!r}; say which one to evaluate on"
            raise LogError(msg, path=os.fspath(path))
        walk.take(record)
    if progress is not None:
        progress(read % _STEP)
    if walk is None:
        what = "whole record" if domain is None else f"record of domain {domain!r}"
        msg = f"the log holds no {what}; there is nothing to evaluate on"
        raise LogError(msg, path=os.fspath(path))
    return walk.report(reader.torn)


@dataclass(frozen=True, slots=True)
class _Served:
    """A logged decision that waits for its reward."""

    record: DecisionRecord
    target: float


class _Walk:
    """The evaluated policy on its way through one domain of a log."""

    def __init__(self, contestant: Contestant, domain: str) -> None:
        self.domain = domain
        self._contestant = contestant
        self._policy: Policy | None = None
        self._arms: tuple[Label, ...] = ()
        self._mean = RunningMean()
        self._waiting: dict[str, _Served] = {}
        self._rewarded: set[str] = set()
        self._by_chance = False
        self._rewards: list[float] = []
        self._logged: list[float] = []
        self._target: list[float] = []

    def take(self, record: Checkpoint | DecisionRecord | UpdateRecord) -> None:
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
            msg = f"{self._contestant.title} cannot follow {which} of domain {self.domain!r}: {error}"
            raise LogError(msg) from error

    def report(self, torn: tuple[TornLine, ...]) -> OffPolicyReport:
        """Return the estimates."""
        if len(self._rewards) < _FEWEST:
            count = len(self._rewards)
            msg = f"domain {self.domain!r} has {count} rewarded decisions; an interval needs at least 2"
            raise LogError(msg)
        if not self._by_chance:
            msg = (
                "every logged propensity is 1: the logging policy left nothing to chance, and the log says"
                " nothing of the arms that it did not serve; log a policy that explores"
            )
            raise PropensityError(msg)
        rewards, logged, target = np.array(self._rewards), np.array(self._logged), np.array(self._target)
        return OffPolicyReport(
            policy=self._contestant.title,
            domain=self.domain,
            decisions=len(rewards) + len(self._waiting),
            unrewarded=len(self._waiting),
            logged=mean_interval(rewards),
            ips=ips(rewards, logged, target),
            snips=snips(rewards, logged, target),
            mean_weight=float((target / logged).mean()),
            torn=torn,
        )

    def _checkpoint(self, record: Checkpoint) -> None:
        arms = record.state.get("arms")
        self._arms = tuple(cast("list[Label]", arms)) if isinstance(arms, list) else ()

    def _decision(self, record: DecisionRecord) -> None:
        candidates = self._arms if record.candidates is None else record.candidates
        if record.arm not in candidates:
            msg = f"decision {record.decision_id} chose {record.arm!r}, which is no candidate of {candidates}"
            raise LogError(msg)
        if record.propensity is None or not 0.0 < record.propensity <= 1.0 + _SLACK:
            msg = (
                f"decision {record.decision_id} has the propensity {record.propensity}; expected a"
                " probability above 0, as decide gives it: a decision without one cannot be weighed"
            )
            raise PropensityError(msg)
        self._by_chance = self._by_chance or record.propensity < 1.0 - _SLACK
        policy = self._learner(record.context)
        target = policy.propensities(candidates, record.context, record.time)
        self._waiting[record.decision_id] = _Served(record, float(target[candidates.index(record.arm)]))

    def _update(self, record: UpdateRecord) -> None:
        if record.decision_id in self._rewarded:
            msg = f"decision {record.decision_id} is rewarded twice; expected one update for each decision"
            raise LogError(msg)
        served = None if record.decision_id is None else self._waiting.pop(record.decision_id, None)
        context = record.context if served is None else served.record.context
        if served is not None:
            self._rewarded.add(served.record.decision_id)
            self._rewards.append(record.reward)
            self._logged.append(cast("float", served.record.propensity))
            self._target.append(served.target)
        reward = self._mean.centre(record.reward) if self._contestant.linear else record.reward
        self._learner(context).update(record.arm, reward, context, record.time)

    def _learner(self, context: LoggedContext | None) -> Policy:
        """Return the evaluated policy, made for the first context that it meets."""
        if self._contestant.linear and context is None:
            msg = f"the log of domain {self.domain!r} has no contexts, and {self._contestant.title} needs them"
            raise LogError(msg)
        if self._policy is None:
            self._policy = self._contestant.build(None, dim=len(context or ()), seed=0)
        return self._policy
