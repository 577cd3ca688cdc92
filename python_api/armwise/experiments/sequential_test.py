"""A test of variants against a baseline, which may be looked at after every reward.

The intervals are those of :mod:`armwise.evaluation`, which hold at all times at once, so that whoever stops at the
first look that convinces errs no more often than was promised. They are made from sums, and the sums of several
processes add up, so the verdict is the same whoever puts them together.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal, NamedTuple, TypeAlias

from armwise._words import shown
from armwise.errors import ConfigurationError
from armwise.evaluation._sequences import BURN_IN
from armwise.evaluation.confidence_sequences import ConfidenceSequence, DifferenceSequence, Kind
from armwise.experiments.statistics import Statistics
from armwise.types import JSON, State

__all__ = ["BURN_IN", "LIFTS_BURN_IN", "Evidence", "Finding", "SequentialTest"]

LIFTS_BURN_IN: Final = 1000
"""Lifts before which nothing is shown by them.

A core that learns leaves an arm after bad luck; the lifts of that arm look bad and alike until a rare decision for it
brings a weight of hundreds. With a Thompson core, arms of one rate of 0.2 and alpha = 0.05, 14% of runs are judged
falsely from the hundredth lift on and 4.5% from here. Rarer rewards take longer: tests/statistical/test_guard_lifts.py.
"""

Outcome: TypeAlias = Literal["worse", "better"]


class Evidence(NamedTuple):
    """What a test looks at.

    Attributes
    ----------
    rewards : Statistics
        The rewards of one variant.
    spread : float
        The sum of squares of each reward's distance from what the ones before it predict: what the
        empirical-Bernstein interval takes, 0 for the others.
    """

    rewards: Statistics
    spread: float = 0.0


class Finding(NamedTuple):
    """What a test has shown.

    Attributes
    ----------
    outcome : {"worse", "better"}
        Of the variant, against the baseline.
    variant : str
        Which variant.
    lower, upper : float
        The interval of the difference of the means, the variant's less the baseline's.
    alpha : float
        The chance that this interval ever misses.
    n, n_baseline : int
        How many rewards it rests on.
    source : {"rewards", "replay"}
        Rewards of the variants themselves, or what they would have earned on the same requests.
    """

    outcome: Outcome
    variant: str
    lower: float
    upper: float
    alpha: float
    n: int
    n_baseline: int
    source: str

    def evidence(self) -> State:
        """The finding as plain JSON."""
        plain: dict[str, JSON] = dict(self._asdict())
        return plain


@dataclass(frozen=True, slots=True)
class SequentialTest:
    """Shows a variant to be worse or better than the baseline, however often it is looked at.

    Parameters
    ----------
    alpha : float
        The chance, in (0, 1), that it ever shows a difference of the wrong sign or where there is none; shared by
        the variants that are compared with the baseline (Bonferroni).
    kind : {"asymptotic", "msprt", "empirical_bernstein"}
        Which confidence sequence; see :class:`armwise.evaluation.DifferenceSequence`. The first two hold in the limit,
        for rewards of any finite variances, and need a hundred rewards of each variant, not all of them alike: of a
        variant that always earns the same, a broken one say, they show nothing. Where the least and the greatest
        reward are known, take "empirical_bernstein", which shows it soon.
    bounds : tuple of float, optional
        Least and greatest reward, for "empirical_bernstein" alone; (0, 1) by default. Rewards outside are refused.
    tuned_at : int
        At how many rewards the intervals are to be narrowest.

    Raises
    ------
    ConfigurationError
        If an argument cannot be meant.

    Notes
    -----
    Rewards are taken to be independent. Where one user brings many, record one for each user, or their mean.

    Examples
    --------
    >>> control, bold = Statistics(), Statistics()
    >>> for turn in range(1000):
    ...     control.add(float(turn % 4 != 0))
    ...     bold.add(float(turn % 2 == 0))
    >>> found = SequentialTest().compare("control", {"control": Evidence(control), "bold": Evidence(bold)})
    >>> found.variant, found.outcome, round(found.lower, 2), round(found.upper, 2)
    ('bold', 'worse', -0.32, -0.18)
    """

    alpha: float = 0.05
    kind: Kind = "asymptotic"
    bounds: tuple[float, float] | None = None
    tuned_at: int = 5000

    def __post_init__(self) -> None:
        DifferenceSequence(self.alpha, self.kind, bounds=self.bounds, tuned_at=self.tuned_at)
        if self.kind == "empirical_bernstein":
            low, high = self.bounds or (0.0, 1.0)
            object.__setattr__(self, "bounds", (float(low), float(high)))

    def compare(self, baseline: str, variants: Mapping[str, Evidence]) -> Finding | None:
        """The strongest thing that is shown of any variant: that it is worse, else that it is better.

        Parameters
        ----------
        baseline : str
            One of the variants.
        variants : mapping of str to Evidence
            The rewards of each.

        Returns
        -------
        Finding or None
            None where nothing is shown.

        Raises
        ------
        ConfigurationError
            If `baseline` is none of the variants, or the only one.
        """
        if not isinstance(variants, Mapping) or not isinstance(baseline, str) or baseline not in variants:
            msg = f"baseline is {shown(baseline)}; expected one of the variants: {shown(variants)}"
            raise ConfigurationError(msg)
        others = [name for name in variants if name != baseline]
        if not others:
            msg = f"there is no variant beside the baseline {baseline!r}; expected one at least, to compare with it"
            raise ConfigurationError(msg)
        against = variants[baseline]
        alpha = self.alpha / len(others)
        findings = []
        for name in others:
            lower, upper = self._difference(against, variants[name], alpha)
            sizes = variants[name].rewards.n, against.rewards.n
            findings.append(_finding(name, lower, upper, alpha, sizes, "rewards"))
        return _strongest(findings)

    def compare_replay(self, lifts: Mapping[str, Statistics]) -> Finding | None:
        """What differences on the same requests show; see :meth:`compare`.

        Parameters
        ----------
        lifts : mapping of str to Statistics
            For each variant but the baseline, of its score less the baseline's. They have no bounds, so that the
            kind "empirical_bernstein" falls to "asymptotic" here, and nothing is shown by fewer than a thousand of
            them: those of a core that learns come to look like their law late.

        Returns
        -------
        Finding or None
            None where nothing is shown.
        """
        alpha = self.alpha / max(len(lifts), 1)
        findings = []
        for name, lift in lifts.items():
            empty = ConfidenceSequence(alpha, self._estimated, tuned_at=self.tuned_at, burn_in=LIFTS_BURN_IN)
            lower, upper = empty.on(_moments(lift)).interval
            findings.append(_finding(name, lower, upper, alpha, (lift.n, lift.n), "replay"))
        return _strongest(findings)

    def unbounded(self, baseline: str, variants: Mapping[str, Evidence]) -> str | None:
        """A variant whose difference has no interval though there are rewards enough, as all of one side are alike.

        Nothing is known of its difference then, however many there are: a rare great reward may be still to come. The
        kind "empirical_bernstein" always has an interval.

        Parameters
        ----------
        baseline, variants
            As for :meth:`compare`.

        Returns
        -------
        str or None
            The first whose rewards are all alike, the baseline among them; None where every difference has an
            interval, or too few rewards on a side.

        Examples
        --------
        >>> works, broken = Statistics(), Statistics()
        >>> for turn in range(1000):
        ...     works.add(float(turn % 2))
        ...     broken.add(0.0)
        >>> SequentialTest().unbounded("works", {"works": Evidence(works), "broken": Evidence(broken)})
        'broken'
        """
        against = variants[baseline]
        for name, one in variants.items():
            if name == baseline or min(one.rewards.n, against.rewards.n) < BURN_IN:
                continue
            if not math.isfinite(self._difference(against, one, self.alpha)[0]):
                return baseline if against.rewards.variance == 0.0 else name
        return None

    @property
    def _estimated(self) -> Kind:
        return "asymptotic" if self.kind == "empirical_bernstein" else self.kind

    def _difference(self, baseline: Evidence, variant: Evidence, alpha: float) -> tuple[float, float]:
        empty = DifferenceSequence(alpha, self.kind, bounds=self.bounds, tuned_at=self.tuned_at)
        both = baseline, variant
        if self.bounds is None:
            return empty.on(*(_moments(one.rewards) for one in both)).interval
        return empty.on(*(_bounded(one, *self.bounds) for one in both)).interval


def _moments(stream: Statistics) -> State:
    """The sums of powers about the mean, where they lose nothing."""
    origin = stream.mean or 0.0
    return {"count": stream.n, "origin": origin, "sums": list(stream.about(origin))}


def _bounded(evidence: Evidence, low: float, high: float) -> State:
    """The sums of rewards scaled to [0, 1]."""
    rewards, unit = evidence.rewards, high - low
    total = rewards.about(low)[0] / unit
    return {
        "count": rewards.n,
        "total": min(max(total, 0.0), float(rewards.n)),
        "spread": min(max(evidence.spread, 0.0) / (unit * unit), float(rewards.n)),
    }


def _finding(
    name: str, lower: float, upper: float, alpha: float, sizes: tuple[int, int], source: str
) -> Finding | None:
    if upper < 0.0:
        return Finding("worse", name, lower, upper, alpha, *sizes, source)
    if lower > 0.0:
        return Finding("better", name, lower, upper, alpha, *sizes, source)
    return None


def _strongest(findings: list[Finding | None]) -> Finding | None:
    """Harm comes first; then what is furthest from no difference."""
    shown = [finding for finding in findings if finding is not None]
    return min(shown, key=lambda one: (one.outcome != "worse", -max(one.lower, -one.upper)), default=None)
