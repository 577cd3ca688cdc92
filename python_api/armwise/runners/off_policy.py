"""What another policy would have earned: a log, a policy, and a row for each estimator that was asked for.

Two kinds of log are taken. In a decision log of armwise the evaluated policy is any of ours, and walks through
it: it states its probabilities decision by decision, and learns the rewards of the log. In a log of the Open Bandit
Dataset it is uniform, or the one that made another such log: its probabilities are then how often it chose each item
at each position, `arm_frequencies` with one decision added to each.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias, get_args

import numpy as np

from armwise.data import OpenBandit
from armwise.errors import ConfigurationError, PropensityError
from armwise.evaluation import (
    Estimate,
    EstimateWarning,
    Interval,
    arm_frequencies,
    clipped_ips,
    dm,
    dr,
    fit_means,
    ips,
    mean_interval,
    replay,
    snips,
    switch_dr,
)
from armwise.runners._weighed_walk import WeighedColumns, WeighedWalk
from armwise.runners.contestants import Contestant
from armwise.runners.rejection import play
from armwise.telemetry.log import LogReader, TornLine

__all__ = [
    "ESTIMATORS",
    "EstimatorName",
    "OffPolicyReport",
    "OffPolicyRow",
    "evaluate_log",
    "evaluate_open_bandit",
    "parse_estimators",
]

EstimatorName: TypeAlias = Literal["ips", "snips", "clipped_ips", "dm", "dr", "switch_dr", "replay"]
"""What an estimator is called on the command line: as its function in `armwise.evaluation`."""

ESTIMATORS: Final[tuple[EstimatorName, ...]] = get_args(EstimatorName)
"""All of them, in the order of a report."""


@dataclass(frozen=True, slots=True)
class OffPolicyRow:
    """One estimator's answer.

    Attributes
    ----------
    estimator : str
        Its name.
    estimate : Estimate or None
        What it says, None where it refuses.
    refused : str or None
        Why it refuses.
    """

    estimator: EstimatorName
    estimate: Estimate | None
    refused: str | None = None


@dataclass(frozen=True, slots=True)
class OffPolicyReport:
    """What a policy would have earned on a log, by several estimators.

    Attributes
    ----------
    source : str
        The log.
    policy : str
        The evaluated policy.
    domain : str or None
        The domain of a decision log that it was evaluated on.
    decisions, unrewarded : int
        Logged decisions, and how many of them have no reward and are left out. If what is missing depends on the
        reward, the estimates are off.
    logged : Interval
        What the logging policy earned a decision. The interval takes decisions as independent; a policy that learns
        makes them dependent, so it is an indication.
    on_policy : Interval or None
        What the evaluated policy earned in a log of its own, where there is one: what the estimates should come near.
    mean_weight : float
        Mean of the importance weights. Where the log covers what the evaluated policy does, it is about 1.
    rows : tuple of OffPolicyRow
        One for each estimator asked for.
    torn : tuple of TornLine
        Half lines that a killed process left in a decision log.
    """

    source: str
    policy: str
    domain: str | None
    decisions: int
    unrewarded: int
    logged: Interval
    on_policy: Interval | None
    mean_weight: float
    rows: tuple[OffPolicyRow, ...]
    torn: tuple[TornLine, ...] = ()

    @property
    def warnings(self) -> tuple[tuple[EstimateWarning, tuple[EstimatorName, ...]], ...]:
        """Every warning once, with the estimators that give it."""
        found: dict[EstimateWarning, list[EstimatorName]] = {}
        for row in self.rows:
            for warning in row.estimate.warnings if row.estimate is not None else ():
                found.setdefault(warning, []).append(row.estimator)
        return tuple((warning, tuple(names)) for warning, names in found.items())

    def estimate(self, name: EstimatorName) -> Estimate:
        """Return what one estimator says.

        Raises
        ------
        PropensityError
            If it refuses.
        ConfigurationError
            If it was not asked for.
        """
        row = next((row for row in self.rows if row.estimator == name), None)
        if row is None:
            msg = f"{name!r} was not asked for; the report has {', '.join(row.estimator for row in self.rows)}"
            raise ConfigurationError(msg)
        if row.estimate is None:
            raise PropensityError(row.refused)
        return row.estimate


def parse_estimators(text: str) -> tuple[EstimatorName, ...]:
    """Return the estimators that a list of names names.

    Parameters
    ----------
    text : str
        Names of `ESTIMATORS` with commas between, dashes or underscores, in any case; or ``all``.

    Returns
    -------
    tuple of str
        Each once, in the order of a report.

    Raises
    ------
    ConfigurationError
        If there is no such estimator, or none is named.

    Examples
    --------
    >>> parse_estimators("DR,ips")
    ('ips', 'dr')
    """
    named = {name.strip().lower().replace("-", "_") for name in text.split(",")}
    if named == {"all"}:
        return ESTIMATORS
    return _checked(sorted(named))


def evaluate_log(
    path: str | os.PathLike[str],
    contestant: Contestant,
    *,
    estimators: Sequence[str] = ESTIMATORS,
    domain: str | None = None,
    clip: float | None = None,
    seed: int = 0,
    confidence: float = 0.95,
    progress: Callable[[int], None] | None = None,
) -> OffPolicyReport:
    """Evaluate a policy of armwise on a decision log.

    Parameters
    ----------
    path : str or path-like
        The first part of the log.
    contestant : Contestant
        The policy, as `parse_policy` names it. It takes contexts as they were logged; a linear one learns rewards
        less their running mean.
    estimators : sequence of str
        Which of `ESTIMATORS`; all by default. ``replay`` reads the log twice more.
    domain : str, optional
        Which policy of the log to compare it with; needed where there are several.
    clip : float, optional
        Greatest weight of ``clipped_ips`` and ``switch_dr``; the root of the number of decisions by default.
    seed : int
        Chance of ``replay``, in [0, 2**64).
    confidence : float
        Coverage of the intervals, in (0, 1).
    progress : callable, optional
        Called now and then with the number of records read since the last call.

    Returns
    -------
    OffPolicyReport
        A row for each estimator. ``replay`` refuses where it keeps fewer than two decisions.

    Raises
    ------
    ConfigurationError
        If an option is outside its range.
    PropensityError
        If a decision has no propensity above zero, or the logging policy never left anything to chance.
    LogError
        If the log cannot be read, has several domains and none is named, rewards a decision twice, or lacks what the
        evaluated policy needs.
    StoreError
        If a file cannot be read.
    """
    wanted = _checked(estimators)
    reader = LogReader(path)
    walk = WeighedWalk(contestant)
    walk.follow(path, reader, domain, progress)
    columns = walk.columns()

    def replayed() -> Estimate:
        return play(path, contestant, domain=walk.domain, seed=seed, confidence=confidence, progress=progress)

    return OffPolicyReport(
        source=f"{os.fspath(path)}, domain {walk.domain}",
        policy=contestant.title,
        domain=walk.domain,
        decisions=len(walk.rewards) + walk.unrewarded,
        unrewarded=walk.unrewarded,
        logged=mean_interval(columns.rewards, confidence=confidence),
        on_policy=None,
        mean_weight=float((columns.target / columns.propensities).mean()),
        rows=_rows(wanted, columns, lambda: walk.direct(confidence), replayed, clip=clip, confidence=confidence),
        torn=reader.torn,
    )


def evaluate_open_bandit(  # noqa: PLR0913 - options of a command, each by its name
    logged: OpenBandit,
    evaluated: OpenBandit | None = None,
    *,
    estimators: Sequence[str] = ESTIMATORS,
    smoothing: float = 1.0,
    shrinkage: float = 10.0,
    folds: int = 5,
    clip: float | None = None,
    seed: int = 0,
    confidence: float = 0.95,
) -> OffPolicyReport:
    """Evaluate a policy on a log of the Open Bandit Dataset.

    Parameters
    ----------
    logged : OpenBandit
        The log that estimates are made from.
    evaluated : OpenBandit, optional
        A log of the policy to evaluate; that which chooses every item with the same probability by default.
    estimators, clip, seed, confidence
        As :func:`evaluate_log` takes them. Intervals take the evaluated policy's probabilities as given.
    smoothing : float
        Decisions added to each item at each position before frequencies are taken for probabilities, zero or more.
    shrinkage, folds : float, int
        Of the model beside the weights, the mean click of each item at each position: see `fit_means`.

    Returns
    -------
    OffPolicyReport
        A row for each estimator. ``replay`` refuses where it keeps fewer than two impressions.

    Raises
    ------
    ConfigurationError
        If an option is outside its range.

    Examples
    --------
    >>> from armwise.data import open_bandit
    >>> report = evaluate_open_bandit(open_bandit("random"), open_bandit("bts"), estimators=["snips", "dr"])
    >>> for row in report.rows:
    ...     print(row.estimator, round(row.estimate.value, 4), row.estimate.warnings[0].message)
    snips 0.0052 38 rewarded decisions: the normal interval is not to be trusted
    dr 0.0048 38 rewarded decisions: the normal interval is not to be trusted
    """
    wanted = _checked(estimators)
    shapes = [log.shape for log in (logged, evaluated) if log is not None]
    shape = max(positions for positions, _ in shapes), max(items for _, items in shapes)
    if evaluated is None:
        policy = np.full(shape, 1.0 / shape[1])
    else:
        policy = arm_frequencies(evaluated.item, evaluated.position - 1, shape=shape, smoothing=smoothing)
    cells = logged.position - 1
    rewards = logged.click.astype(np.float64)
    target = policy[cells, logged.item]
    model = fit_means(rewards, logged.item, cells, shape=shape, shrinkage=shrinkage, folds=folds)
    columns = WeighedColumns(rewards, logged.propensity, target, model.predicted, model.expected(policy))

    def direct() -> Estimate:
        return dm(columns.expected, model_error=model.error(policy), confidence=confidence)

    def replayed() -> Estimate:
        return replay(*columns[:3], seed=seed, confidence=confidence)

    return OffPolicyReport(
        source=f"Open Bandit log {logged.name}",
        policy="uniform" if evaluated is None else f"that of log {evaluated.name}, by its frequencies",
        domain=None,
        decisions=len(logged),
        unrewarded=0,
        logged=mean_interval(rewards, confidence=confidence),
        on_policy=None if evaluated is None else mean_interval(evaluated.click, confidence=confidence),
        mean_weight=float((target / logged.propensity).mean()),
        rows=_rows(wanted, columns, direct, replayed, clip=clip, confidence=confidence),
    )


def _rows(
    wanted: Sequence[EstimatorName],
    columns: WeighedColumns,
    direct: Callable[[], Estimate],
    replayed: Callable[[], Estimate],
    *,
    clip: float | None,
    confidence: float,
) -> tuple[OffPolicyRow, ...]:
    """Return a row for each estimator; one that the weights do not allow says why, and the others stand."""
    weighed = columns[:3]
    answers: dict[EstimatorName, Callable[[], Estimate]] = {
        "ips": lambda: ips(*weighed, confidence=confidence),
        "snips": lambda: snips(*weighed, confidence=confidence),
        "clipped_ips": lambda: clipped_ips(*weighed, clip=clip, confidence=confidence),
        "dm": direct,
        "dr": lambda: dr(*columns, confidence=confidence),
        "switch_dr": lambda: switch_dr(*columns, clip=clip, confidence=confidence),
        "replay": replayed,
    }
    rows: list[OffPolicyRow] = []
    for name in wanted:
        try:
            rows.append(OffPolicyRow(name, answers[name]()))
        except PropensityError as error:
            rows.append(OffPolicyRow(name, None, str(error)))
    return tuple(rows)


def _checked(estimators: Sequence[str]) -> tuple[EstimatorName, ...]:
    """Return the estimators named, each once, in the order of a report."""
    unknown = [name for name in estimators if name not in ESTIMATORS]
    if unknown or not estimators:
        what = f"no estimator {unknown[0]!r}" if unknown else "no estimator named"
        msg = f"there is {what}; expected some of {', '.join(ESTIMATORS)}"
        raise ConfigurationError(msg)
    return tuple(name for name in ESTIMATORS if name in estimators)
