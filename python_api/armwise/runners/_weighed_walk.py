"""Another policy on its way through a log, weighed at each decision.

The evaluated policy starts from its prior. At each logged decision it states the probability with which it would have
chosen the arm that was served, and at each logged reward it learns that reward, with the context of its decision. It
never sees a reward that the log does not hold, so what is estimated is the value of a policy that has learned from
this log so far, averaged over the log, and not that of one that had gathered its own data from the start: that one
would have explored elsewhere. Each probability is stated before the reward it is weighed with is learned, so the
estimate is not biased by hindsight.

The doubly robust estimates lean on the mean reward of each arm so far, which knows no later reward either. The
direct method takes the means of the whole log, for the shares of decisions that the policy would have given each arm.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from armwise.errors import PropensityError
from armwise.evaluation import Estimate, RunningMeans, dm, fit_means
from armwise.protocols import Policy
from armwise.runners._walk import SLACK, LogWalk
from armwise.runners.contestants import Contestant
from armwise.telemetry.log import DecisionRecord, UpdateRecord
from armwise.types import FloatArray, Label

__all__ = ["WeighedColumns", "WeighedWalk"]


class WeighedColumns(NamedTuple):
    """What is known of each rewarded decision, float64 (n,) each.

    Attributes
    ----------
    rewards, propensities, target
        What the decision earned, and with which probability the logging and the evaluated policy choose what was
        served.
    predicted, expected
        What a model predicts for what was served, and for the evaluated policy.
    """

    rewards: FloatArray
    propensities: FloatArray
    target: FloatArray
    predicted: FloatArray
    expected: FloatArray


@dataclass(frozen=True, slots=True)
class _Stated:
    """What is kept of a logged decision until its reward comes."""

    arm: int
    propensity: float
    target: float
    predicted: float
    expected: float


class WeighedWalk(LogWalk[_Stated]):
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

    def columns(self) -> WeighedColumns:
        """Return the columns.

        Raises
        ------
        PropensityError
            If the logging policy never left anything to chance.
        """
        if not self._by_chance:
            msg = (
                "every logged propensity is 1: the logging policy left nothing to chance, and the log says"
                " nothing of the arms that it did not serve; log a policy that explores"
            )
            raise PropensityError(msg)
        rows = [(row.propensity, row.target, row.predicted, row.expected) for row in self._stated]
        return WeighedColumns(np.array(self.rewards), *np.array(rows).T)

    def direct(self, confidence: float) -> Estimate:
        """Return what the mean rewards of the arms come to, each in the share that the policy would have given it."""
        shares = np.array([[self._shares[place] for place in range(len(self._places))]])
        shares /= shares.sum()
        arms = [row.arm for row in self._stated]
        model = fit_means(np.array(self.rewards), arms, shape=(1, shares.size), folds=1)
        return dm(model.expected(shares), model_error=model.error(shares), confidence=confidence)
