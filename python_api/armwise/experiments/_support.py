"""Whether requests that something else served say anything of a variant: its choice must be served at times."""

from __future__ import annotations

from typing import Final

from armwise._words import shown
from armwise.evaluation.confidence_sequences import ConfidenceSequence
from armwise.experiments.counterfactual import Counterfactual
from armwise.experiments.sequential_test import BURN_IN, LIFTS_BURN_IN

__all__ = ["why_unknown"]

_ALPHA: Final = 0.01


def why_unknown(variant: str, replay: Counterfactual) -> str | None:
    """Return why the lifts of a variant say nothing of it; None where they may.

    The mean of the weights is 1 in expectation where everything that the variant would have served is served at times,
    by the probabilities that are stated. Where it never is, the weight is 0, and so is the score as long as nothing is
    known of the arm: the lift is minus the reward then, whatever the variant is worth.

    Parameters
    ----------
    variant : str
        Its name.
    replay : Counterfactual
        What it would have earned. From the hundredth request on it must have been served once; from the thousandth on
        the confidence sequence of its weights must hold 1, which misses a mean of 1 with a chance of 0.01.

    Examples
    --------
    >>> replay = Counterfactual()
    >>> for _ in range(100):
    ...     replay.add(weight=0.0, reward=0.5, expected=0.0, served=0.5, baseline=0.5)
    >>> replay.lift.mean, why_unknown("bold", replay)
    (-0.5, "the core never serves what 'bold' would have served: nothing is known of it")
    """
    weights = replay.weights
    mean = weights.mean
    if mean is None or weights.n < BURN_IN:
        return None
    if mean == 0.0:
        return f"the core never serves what {shown(variant)} would have served: nothing is known of it"
    sums = weights.about(mean)
    lower, upper = (
        ConfidenceSequence(_ALPHA, burn_in=LIFTS_BURN_IN)
        .on({"count": weights.n, "origin": mean, "sums": list(sums)})
        .interval
    )
    if lower <= 1.0 <= upper and (sums[1] or mean == 1.0):
        return None
    return (
        f"the core serves what {shown(variant)} would have served too seldom, or by other probabilities than it "
        f"states: the mean of its weights is {mean:.3g}, not 1, and little is known of it"
    )
