"""What another policy would have earned on a log.

The evaluated policy walks through the log from its prior. At each logged decision it states the probability
with which it would have chosen the arm that was served, and at each logged reward it learns that reward, with
the context of its decision. It never sees a reward that the log does not hold, so what is estimated is the
value of a policy that has learned from this log so far, averaged over the log, and not that of one that had
gathered its own data from the start: that one would have explored elsewhere. Each probability is stated
before the reward it is weighed with is learned, so the estimate is not biased by hindsight.

The doubly robust estimates lean on the mean reward of each arm so far, which knows no later reward either. The
direct method takes the means of the whole log, for the shares of decisions that the policy would have given each arm.
"""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from armwise.errors import PropensityError
from armwise.evaluation import (
    Estimate,
    Interval,
    RunningMeans,
    clipped_ips,
    dm,
    dr,
    fit_means,
    ips,
    mean_interval,
    snips,
    switch_dr,
)
from armwise.protocols import Policy
from armwise.runners._walk import SLACK, LogWalk
from armwise.runners.contestants import Contestant
from armwise.telemetry.log import DecisionRecord, LogReader, TornLine, UpdateRecord
from armwise.types import FloatArray, Label

__all__ = ["OffPolicyReport", "evaluate"]


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
    ips, snips, clipped_ips : Estimate
        What the evaluated policy would have earned a decision, from weights alone.
    dm, dr, switch_dr : Estimate
        The same from each arm's mean reward, alone or with weights.
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
    clipped_ips: Estimate
    dm: Estimate
    dr: Estimate
    switch_dr: Estimate
    mean_weight: float
    torn: tuple[TornLine, ...]


def evaluate(
    path: str | os.PathLike[str],
    contestant: Contestant,
    *,
    domain: str | None = None,
    clip: float | None = None,
    confidence: float = 0.95,
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
    clip : float, optional
        Greatest weight of `clipped_ips` and `switch_dr`; the root of the number of decisions by default.
    confidence : float
        Coverage of the intervals, in (0, 1).
    progress : callable, optional
        Called now and then with the number of records read since the last call.

    Returns
    -------
    OffPolicyReport
        Estimates with their intervals and warnings, and what the logging policy earned.

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
    ConfigurationError
        If `clip` or `confidence` is outside its range.
    """
    reader = LogReader(path)
    walk = _Walk(contestant)
    walk.follow(path, reader, domain, progress)
    return walk.report(reader.torn, clip, confidence)


@dataclass(frozen=True, slots=True)
class _Stated:
    """What is kept of a logged decision until its reward comes."""

    arm: int
    propensity: float
    target: float
    predicted: float
    expected: float


class _Walk(LogWalk[_Stated]):
    """The evaluated policy, and the columns that estimates are made of."""

    def __init__(self, contestant: Contestant) -> None:
        super().__init__(contestant)
        self._by_chance = False
        self._means = RunningMeans()
        self._places: dict[Label, int] = {}
        self._shares: defaultdict[int, float] = defaultdict(float)
        self._stated: list[_Stated] = []

    def decided(
        self, record: DecisionRecord, propensity: float, candidates: tuple[Label, ...], policy: Policy
    ) -> _Stated:
        """State with which probability the policy would have served the same, and what the means predict."""
        self._by_chance = self._by_chance or propensity < 1.0 - SLACK
        target = policy.propensities(candidates, record.context, record.time)
        for arm, share in zip(candidates, target.tolist(), strict=True):
            self._shares[self._places.setdefault(arm, len(self._places))] += share
        guesses = [self._means.predict(arm) for arm in candidates]
        place = candidates.index(record.arm)
        return _Stated(
            arm=self._places[record.arm],
            propensity=propensity,
            target=float(target[place]),
            predicted=guesses[place],
            expected=float(target @ guesses),
        )

    def rewarded(self, record: UpdateRecord, stated: _Stated) -> bool:
        """Add a row to the columns; the policy learns every reward of the log."""
        self._stated.append(stated)
        self._means.learn(record.arm, record.reward)
        return True

    def report(self, torn: tuple[TornLine, ...], clip: float | None, confidence: float) -> OffPolicyReport:
        """Return the estimates."""
        if not self._by_chance:
            msg = (
                "every logged propensity is 1: the logging policy left nothing to chance, and the log says"
                " nothing of the arms that it did not serve; log a policy that explores"
            )
            raise PropensityError(msg)
        rewards = np.array(self.rewards)
        rows = [(row.propensity, row.target, row.predicted, row.expected) for row in self._stated]
        logged, target, predicted, expected = np.array(rows).T
        columns = rewards, logged, target
        return OffPolicyReport(
            policy=self.contestant.title,
            domain=self.domain,
            decisions=len(rewards) + self.unrewarded,
            unrewarded=self.unrewarded,
            logged=mean_interval(rewards, confidence=confidence),
            ips=ips(*columns, confidence=confidence),
            snips=snips(*columns, confidence=confidence),
            clipped_ips=clipped_ips(*columns, clip=clip, confidence=confidence),
            dm=self._direct(rewards, confidence),
            dr=dr(*columns, predicted, expected, confidence=confidence),
            switch_dr=switch_dr(*columns, predicted, expected, clip=clip, confidence=confidence),
            mean_weight=float((target / logged).mean()),
            torn=torn,
        )

    def _direct(self, rewards: FloatArray, confidence: float) -> Estimate:
        """Return what the mean rewards of the arms come to, each in the share that the policy would have given it."""
        shares = np.array([[self._shares[place] for place in range(len(self._places))]])
        shares /= shares.sum()
        model = fit_means(rewards, [row.arm for row in self._stated], shape=(1, shares.size), folds=1)
        return dm(model.expected(shares), model_error=model.error(shares), confidence=confidence)
