"""What a report tells, before it is put into words and pictures."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from armwise.types import FloatArray

__all__ = ["Check", "CheckOutcome", "Curves", "ExperimentReport", "Span", "VariantRow", "Verdict"]

Verdict: TypeAlias = Literal["ship", "hold", "stop"]
"""What to do: take the best variant, go on, or end the experiment."""

CheckOutcome: TypeAlias = Literal["passed", "failed", "unknown"]
"""What a check found; "unknown" where what it needs is not there."""


class Span(NamedTuple):
    """An interval; its ends are infinite while nothing can be said.

    Examples
    --------
    >>> Span(-0.25, 0.5).known, Span(float("-inf"), float("inf")).known
    (True, False)
    """

    lower: float
    upper: float

    @property
    def known(self) -> bool:
        """Whether both ends are finite."""
        return math.isfinite(self.lower) and math.isfinite(self.upper)


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that must hold before figures are believed.

    Attributes
    ----------
    name : str
        What is checked.
    outcome : {"passed", "failed", "unknown"}
        What was found.
    detail : str
        The figures, in words.
    """

    name: str
    outcome: CheckOutcome
    detail: str


@dataclass(frozen=True, slots=True)
class VariantRow:
    """What is known of one variant.

    Attributes
    ----------
    name : str
        The variant.
    control : bool
        Whether the others are compared with it.
    share : float or None
        The share of the experiment's traffic that it was to have; None where that is not known.
    served : int
        How often it was handed out.
    pulls : int
        How many rewards it has.
    mean : float or None
        Their mean.
    interval : Span
        Around that mean, holding at all times at once.
    difference : float or None
        Its mean less that of control; None for control.
    difference_interval : Span
        Around that difference, holding at all times and for all variants at once.
    chance_to_beat : float or None
        The posterior probability that it is better than control.
    expected_loss : float or None
        What taking it is expected to lose against control, in units of the reward.
    regret : float
        Sum of what its rewards fell short of the baseline's mean at the time.
    """

    name: str
    control: bool
    share: float | None
    served: int
    pulls: int
    mean: float | None
    interval: Span
    difference: float | None
    difference_interval: Span
    chance_to_beat: float | None
    expected_loss: float | None
    regret: float


@dataclass(frozen=True, slots=True, eq=False)
class Curves:
    """The variants over time: T moments, K variants in the order of the rows.

    Attributes
    ----------
    time : ndarray of int64, shape (T,)
        Ends of spans of time, nanoseconds since the epoch.
    share : ndarray of float64, shape (T, K)
        Share of the decisions within the span; NaN where there were none.
    mean, mean_lower, mean_upper : ndarray of float64, shape (T, K)
        Mean reward until then, and its interval; NaN or infinite while there is none.
    difference, difference_lower, difference_upper : ndarray of float64, shape (T, K)
        The same of the mean less control's; NaN throughout for control.
    regret : ndarray of float64, shape (T, K)
        Cumulative regret.
    """

    time: NDArray[np.int64]
    share: FloatArray
    mean: FloatArray
    mean_lower: FloatArray
    mean_upper: FloatArray
    difference: FloatArray
    difference_lower: FloatArray
    difference_upper: FloatArray
    regret: FloatArray


@dataclass(frozen=True, slots=True, eq=False)
class ExperimentReport:
    """A report on one experiment.

    Attributes
    ----------
    experiment : str
        Its id.
    phase : str
        "shadow", "active" or "stopped"; "not known" where only logs were found.
    began, ended : int or None
        First and last thing known of, nanoseconds since the epoch.
    alpha : float
        The chance that the difference of any variant is ever outside its interval.
    verdict : {"ship", "hold", "stop"}
        What to do.
    best : str or None
        The variant with the greatest mean among those that are compared with control.
    reasons : tuple of str
        Why, in plain words; the first one decided.
    checks : tuple of Check
        What was checked before.
    variants : tuple of VariantRow
        Control first.
    events : tuple of (int, str)
        What happened to the experiment: when, and what.
    notes : tuple of str
        What else to know before believing the figures.
    sources : tuple of str
        The files that were read.
    curves : Curves or None
        The variants over time; None where no log tells.
    """

    experiment: str
    phase: str
    began: int | None
    ended: int | None
    alpha: float
    verdict: Verdict
    best: str | None
    reasons: tuple[str, ...]
    checks: tuple[Check, ...]
    variants: tuple[VariantRow, ...]
    events: tuple[tuple[int, str], ...]
    notes: tuple[str, ...]
    sources: tuple[str, ...]
    curves: Curves | None
