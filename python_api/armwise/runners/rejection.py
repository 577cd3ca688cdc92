"""What another policy would have earned, by replay: it decides for itself, and learns from what the log holds of it.

The evaluated policy walks through the log with a state of its own and chooses at every logged decision. Where its
choice is the one that was served, the logged reward is its reward, and it learns it; every other decision passes
as if it had never been. So unlike under weights the policy gathers its own evidence, and the estimate is that of
a policy over its first decisions, as many as are kept (Li, Chu, Langford & Wang 2011). Where the log was not
uniform, what was served with a great probability is kept with a small one, so that what is kept is as if it had been.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import ClassVar

import numpy as np

from armwise.evaluation import Estimate, replay
from armwise.evaluation.rejection import uniforms
from armwise.protocols import Policy
from armwise.runners._walk import LogWalk, records_of_domain
from armwise.runners.contestants import Contestant
from armwise.telemetry.log import DecisionRecord, LogReader, UpdateRecord
from armwise.types import Label

__all__ = ["play"]


def play(
    path: str | os.PathLike[str],
    contestant: Contestant,
    *,
    domain: str | None = None,
    seed: int = 0,
    confidence: float = 0.95,
    progress: Callable[[int], None] | None = None,
) -> Estimate:
    """Let a policy decide along a log, and average the rewards of the decisions that the log holds.

    Parameters
    ----------
    path : str or path-like
        The first part of the log; it is read twice.
    contestant : Contestant
        The policy to evaluate. It takes contexts as they were logged; a linear one learns rewards less their
        running mean.
    domain : str, optional
        Which policy of the log to compare it with; needed where there are several.
    seed : int
        Of the policy, where its settings name none, and of what is kept by chance; in [0, 2**64).
    confidence : float
        Coverage of the interval, in (0, 1).
    progress : callable, optional
        Called now and then with the number of records read since the last call.

    Returns
    -------
    Estimate
        `n` counts the rewarded decisions of the log, the effective sample size those that are kept.

    Raises
    ------
    PropensityError
        If a decision has no propensity above zero, or fewer than two are kept.
    LogError
        If the log cannot be read, has several domains and none is named, rewards a decision twice, or lacks
        what the evaluated policy needs.
    StoreError
        If a file cannot be read.

    Notes
    -----
    Decision i is kept where the policy chooses what was served and ``uniforms(seed, i, 1) < p_min / p``, p its
    propensity and p_min the least of the log: probability p_min for every context, whatever was served.
    """
    records = records_of_domain(path, LogReader(path), domain, progress)
    logged = (record.propensity for record in records if isinstance(record, DecisionRecord))
    walk = _Walk(contestant, min((one for one in logged if one is not None), default=1.0), seed)
    walk.follow(path, LogReader(path), domain, progress)
    # Among themselves, what is kept weighs the same, so that the estimator keeps it all.
    kept = np.array(walk.kept, dtype=np.float64)
    return replay(np.array(walk.rewards), np.full(kept.size, walk.least), kept, confidence=confidence)


class _Walk(LogWalk[bool]):
    """The evaluated policy, and which of the rewarded decisions are its own."""

    learns_elsewhere: ClassVar[bool] = False

    def __init__(self, contestant: Contestant, least: float, seed: int) -> None:
        super().__init__(contestant, seed)
        self.least = least
        self.kept: list[bool] = []
        self._seed_of_chance = seed
        self._decisions = 0

    def decided(self, record: DecisionRecord, propensity: float, candidates: tuple[Label, ...], policy: Policy) -> bool:
        """Decide whether the decision is kept."""
        chance = float(uniforms(self._seed_of_chance, self._decisions, 1)[0])
        self._decisions += 1
        return policy.select(candidates, record.context, record.time) == record.arm and chance * propensity < self.least

    def rewarded(self, record: UpdateRecord, stated: bool) -> bool:  # noqa: ARG002, FBT001 - what the walk hands over
        """Count the decision; the policy learns its own rewards alone."""
        self.kept.append(stated)
        return stated
