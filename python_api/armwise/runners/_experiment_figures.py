"""The figures of a report, made from sums: intervals that hold at every look, and what posteriors say."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final, NamedTuple

import numpy as np

from armwise.errors import PropensityError
from armwise.evaluation.bayes import BetaLaw, Law, NormalLaw, chance_to_beat, expected_loss
from armwise.evaluation.confidence_sequences import ConfidenceSequence, DifferenceSequence
from armwise.experiments.sequential_test import LIFTS_BURN_IN
from armwise.experiments.statistics import Statistics
from armwise.runners._timeline import Columns
from armwise.telemetry.report import Curves, Span
from armwise.types import JSON, FloatArray

__all__ = ["Moments", "are_rare", "bayes_of", "curves_of", "difference_span", "lift_span", "mean_span"]

_POINTS: Final = 160
_WINDOWS: Final = 24
# Of rewards of 0 and 1, that many are spread by 2,000 at a rate of .2, 4,900 at .1 and 10,900 at .05.
_SETTLED: Final = 600.0


class Moments(NamedTuple):
    """What is known of the rewards of a variant.

    Attributes
    ----------
    n : int
        How many there are.
    origin : float
        What they are measured from.
    sums : tuple of float
        Sums of the first four powers of (reward - origin).
    binary : bool
        Whether every one of them is 0 or 1.
    """

    n: int
    origin: float
    sums: tuple[float, float, float, float]
    binary: bool

    @classmethod
    def of(cls, rewards: Statistics) -> Moments:
        """Those of exact sums, about the mean, where they lose nothing."""
        origin = rewards.mean or 0.0
        _, second, third, fourth = rewards.about(0.0)
        # The sum of (x (1 - x))^2 is 0 where every x is 0 or 1, and nowhere else.
        return cls(rewards.n, origin, rewards.about(origin), second - 2.0 * third + fourth == 0.0)

    @property
    def mean(self) -> float | None:
        """Their mean; None where there are none."""
        return self.origin + self.sums[0] / self.n if self.n else None

    @property
    def deviation(self) -> float | None:
        """Standard error of the mean; None below two."""
        if self.n < 2:
            return None
        spread = self.sums[1] - self.sums[0] * self.sums[0] / self.n
        return math.sqrt(max(spread, 0.0) / (self.n - 1) / self.n)

    def state(self) -> dict[str, JSON]:
        """As a confidence sequence keeps them."""
        return {"count": self.n, "origin": self.origin, "sums": list(self.sums)}


def mean_span(rewards: Moments, alpha: float) -> Span:
    """The interval of a mean that holds at all times with probability 1 - alpha."""
    return Span(*ConfidenceSequence(alpha).on(rewards.state()).interval)


def lift_span(lifts: Moments, alpha: float) -> Span:
    """The interval of a mean lift that holds at all times with probability 1 - alpha; none before enough are known."""
    return Span(*ConfidenceSequence(alpha, burn_in=LIFTS_BURN_IN).on(lifts.state()).interval)


def are_rare(rewards: Moments, replayed: int) -> bool:
    """Whether high rewards are too rare, so far, for lifts to be judged.

    An arm that had no luck yet looks bad to a core that learns, and so do its lifts, until a rare decision for it
    brings a rare reward. So where rewards are skewed to high ones, their squared deviations must be spread over six
    hundred of them, as (sum of squares)^2 / (sum of fourth powers) measures it: what keeps alpha at rates from .05 on,
    see tests/statistical/test_report_lifts.py. Rare low rewards do no such harm.

    Parameters
    ----------
    rewards : Moments
        Of all requests that were served, about their mean.
    replayed : int
        On how many of them lifts are known.
    """
    _, second, third, fourth = rewards.sums
    return third > 0.0 and replayed / max(rewards.n, 1) * second * second < _SETTLED * fourth


def difference_span(baseline: Moments, variant: Moments, alpha: float) -> Span:
    """The interval of a variant's mean less the baseline's that holds at all times with probability 1 - alpha."""
    return Span(*DifferenceSequence(alpha).on(baseline.state(), variant.state()).interval)


def bayes_of(baseline: Moments, variant: Moments) -> tuple[float | None, float | None]:
    """The chance that a variant beats the baseline, and what taking it is expected to lose.

    Beta posteriors under a flat prior where every reward is 0 or 1, normal ones of the means elsewhere; None where the
    rewards do not tell how far they spread.
    """
    for laws in _laws(baseline, variant):
        try:
            return chance_to_beat(laws[1], laws[0]), expected_loss(laws[1], laws[0])
        except PropensityError:
            continue  # beyond two thousand million rewards; the normal law is exact enough by then
    return None, None


def _laws(baseline: Moments, variant: Moments) -> list[tuple[Law, Law]]:
    laws: list[tuple[Law, Law]] = []
    if baseline.binary and variant.binary:
        laws.append((_beta(baseline), _beta(variant)))
    deviations = baseline.deviation, variant.deviation
    if None not in deviations and any(deviations) and all(deviations):
        means = baseline.mean or 0.0, variant.mean or 0.0
        normal = [NormalLaw(mean, deviation or 0.0) for mean, deviation in zip(means, deviations, strict=True)]
        laws.append((normal[0], normal[1]))
    return laws


def _beta(rewards: Moments) -> BetaLaw:
    successes = round((rewards.mean or 0.0) * rewards.n)
    return BetaLaw(1.0 + successes, 1.0 + rewards.n - successes)


def curves_of(columns: Columns, baseline: int, alphas: tuple[float, float]) -> Curves:
    """The variants over time, thinned to what a picture can show.

    Parameters
    ----------
    columns : Columns
        Sums of T spans of K variants.
    baseline : int
        Which variant the others are compared with.
    alphas : tuple of float
        Of each mean, and of each difference.
    """
    spans, variants = columns.rewards.shape
    kept = np.unique(np.linspace(0, spans - 1, min(spans, _POINTS)).round().astype(np.intp))
    counts = np.cumsum(columns.rewards, axis=0)[kept]
    powers = np.cumsum(columns.powers, axis=0)[kept]
    shape = len(kept), variants
    tables: dict[str, FloatArray] = {name: np.full(shape, np.nan) for name in ("m", "ml", "mu", "d", "dl", "du")}
    for row in range(len(kept)):
        moments = [
            Moments(int(counts[row, place]), columns.origin, _four(powers[row, place].tolist()), binary=False)
            for place in range(variants)
        ]
        reference = moments[baseline]
        for place, one in enumerate(moments):
            if one.mean is None:
                continue
            tables["m"][row, place] = one.mean
            tables["ml"][row, place], tables["mu"][row, place] = mean_span(one, alphas[0])
            if place != baseline and reference.mean is not None:
                tables["d"][row, place] = one.mean - reference.mean
                tables["dl"][row, place], tables["du"][row, place] = difference_span(reference, one, alphas[1])
    return Curves(
        time=columns.time[kept],
        share=_shares(columns)[kept],
        mean=tables["m"],
        mean_lower=tables["ml"],
        mean_upper=tables["mu"],
        difference=tables["d"],
        difference_lower=tables["dl"],
        difference_upper=tables["du"],
        regret=np.cumsum(columns.regret, axis=0)[kept],
    )


def _shares(columns: Columns) -> FloatArray:
    """Shares of the decisions of the last spans, a twenty-fourth of all that there are; NaN where there were none."""
    spans = len(columns.served)
    window = max(1, spans // _WINDOWS)
    total = np.cumsum(columns.served, axis=0)
    recent = total - np.concatenate([np.zeros_like(total[:window]), total[:-window]])[:spans]
    with np.errstate(invalid="ignore"):
        share: FloatArray = recent / recent.sum(axis=1, keepdims=True)
    return share


def _four(sums: Sequence[float]) -> tuple[float, float, float, float]:
    first, second, third, fourth = sums
    return first, second, third, fourth
