"""Off-policy evaluation as one job: a log, a policy, and a row for each estimator that was asked for.

Two kinds of log are taken. In a decision log of armwise the evaluated policy is any of ours, and walks through
it. In a log of the Open Bandit Dataset it is uniform, or the one that made another such log: its probabilities are
then how often it chose each item at each position, `arm_frequencies` with one decision added to each.
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
from armwise.runners.contestants import Contestant
from armwise.runners.off_policy import evaluate
from armwise.runners.rejection import play
from armwise.telemetry.log import TornLine

__all__ = ["ESTIMATORS", "EstimatorName", "OpeReport", "OpeRow", "ope_log", "ope_open_bandit", "parse_estimators"]

EstimatorName: TypeAlias = Literal["ips", "snips", "clipped_ips", "dm", "dr", "switch_dr", "replay"]
"""What an estimator is called on the command line: as its function in `armwise.evaluation`."""

ESTIMATORS: Final[tuple[EstimatorName, ...]] = get_args(EstimatorName)
"""All of them, in the order of a report."""


@dataclass(frozen=True, slots=True)
class OpeRow:
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
class OpeReport:
    """What a policy would have earned on a log, by several estimators.

    Attributes
    ----------
    source : str
        The log.
    policy : str
        The evaluated policy.
    decisions, unrewarded : int
        Logged decisions, and how many of them have no reward and are left out.
    logged : Interval
        What the logging policy earned a decision.
    on_policy : Interval or None
        What the evaluated policy earned in a log of its own, where there is one: what the estimates should come near.
    rows : tuple of OpeRow
        One for each estimator asked for.
    torn : tuple of TornLine
        Half lines that a killed process left in a decision log.
    """

    source: str
    policy: str
    decisions: int
    unrewarded: int
    logged: Interval
    on_policy: Interval | None
    rows: tuple[OpeRow, ...]
    torn: tuple[TornLine, ...] = ()

    @property
    def warnings(self) -> tuple[tuple[EstimateWarning, tuple[EstimatorName, ...]], ...]:
        """Every warning once, with the estimators that give it."""
        found: dict[EstimateWarning, list[EstimatorName]] = {}
        for row in self.rows:
            for warning in row.estimate.warnings if row.estimate is not None else ():
                found.setdefault(warning, []).append(row.estimator)
        return tuple((warning, tuple(names)) for warning, names in found.items())


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


def ope_log(
    path: str | os.PathLike[str],
    contestant: Contestant,
    *,
    estimators: Sequence[str] = ESTIMATORS,
    domain: str | None = None,
    clip: float | None = None,
    seed: int = 0,
    confidence: float = 0.95,
    progress: Callable[[int], None] | None = None,
) -> OpeReport:
    """Evaluate a policy of armwise on a decision log.

    Parameters
    ----------
    path : str or path-like
        The first part of the log.
    contestant : Contestant
        The policy, as `parse_policy` names it.
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
    OpeReport
        A row for each estimator. ``replay`` refuses where it keeps fewer than two decisions.

    Raises
    ------
    ConfigurationError
        If an option is outside its range.
    PropensityError
        If a decision has no propensity above zero, or the logging policy never left anything to chance.
    LogError
        If the log cannot be read or followed.
    StoreError
        If a file cannot be read.
    """
    wanted = _checked(estimators)
    report = evaluate(path, contestant, domain=domain, clip=clip, confidence=confidence, progress=progress)

    def answer(name: EstimatorName) -> Estimate:
        if name == "replay":
            return play(path, contestant, domain=report.domain, seed=seed, confidence=confidence, progress=progress)
        found: Estimate = getattr(report, name)
        return found

    return OpeReport(
        source=f"{os.fspath(path)}, domain {report.domain}",
        policy=report.policy,
        decisions=report.decisions,
        unrewarded=report.unrewarded,
        logged=report.logged,
        on_policy=None,
        rows=_rows(wanted, answer),
        torn=report.torn,
    )


def ope_open_bandit(  # noqa: PLR0913 - options of a command, each by its name
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
) -> OpeReport:
    """Evaluate a policy on a log of the Open Bandit Dataset.

    Parameters
    ----------
    logged : OpenBandit
        The log that estimates are made from.
    evaluated : OpenBandit, optional
        A log of the policy to evaluate; that which chooses every item with the same probability by default.
    estimators : sequence of str
        Which of `ESTIMATORS`; all by default.
    smoothing : float
        Decisions added to each item at each position before frequencies are taken for probabilities, zero or more.
    shrinkage, folds : float, int
        Of the model beside the weights, the mean click of each item at each position: see `fit_means`.
    clip : float, optional
        Greatest weight of ``clipped_ips`` and ``switch_dr``; the root of the number of impressions by default.
    seed : int
        Chance of ``replay``, in [0, 2**64).
    confidence : float
        Coverage of the intervals, in (0, 1). They take the evaluated policy's probabilities as given.

    Returns
    -------
    OpeReport
        A row for each estimator. ``replay`` refuses where it keeps fewer than two impressions.

    Raises
    ------
    ConfigurationError
        If an option is outside its range.

    Examples
    --------
    >>> from armwise.data import open_bandit
    >>> report = ope_open_bandit(open_bandit("random"), open_bandit("bts"), estimators=["snips", "dr"])
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
    columns = rewards, logged.propensity, policy[cells, logged.item]
    model = fit_means(rewards, logged.item, cells, shape=shape, shrinkage=shrinkage, folds=folds)
    predicted, expected = model.predicted, model.expected(policy)
    answers: dict[EstimatorName, Callable[[], Estimate]] = {
        "ips": lambda: ips(*columns, confidence=confidence),
        "snips": lambda: snips(*columns, confidence=confidence),
        "clipped_ips": lambda: clipped_ips(*columns, clip=clip, confidence=confidence),
        "dm": lambda: dm(expected, model_error=model.error(policy), confidence=confidence),
        "dr": lambda: dr(*columns, predicted, expected, confidence=confidence),
        "switch_dr": lambda: switch_dr(*columns, predicted, expected, clip=clip, confidence=confidence),
        "replay": lambda: replay(*columns, seed=seed, confidence=confidence),
    }
    return OpeReport(
        source=f"Open Bandit log {logged.name}",
        policy="uniform" if evaluated is None else f"that of log {evaluated.name}, by its frequencies",
        decisions=len(logged),
        unrewarded=0,
        logged=mean_interval(rewards, confidence=confidence),
        on_policy=None if evaluated is None else mean_interval(evaluated.click, confidence=confidence),
        rows=_rows(wanted, lambda name: answers[name]()),
    )


def _rows(wanted: Sequence[EstimatorName], answer: Callable[[EstimatorName], Estimate]) -> tuple[OpeRow, ...]:
    """Return a row for each estimator; one that the weights do not allow says why, and the others stand."""
    rows: list[OpeRow] = []
    for name in wanted:
        try:
            rows.append(OpeRow(name, answer(name)))
        except PropensityError as error:
            rows.append(OpeRow(name, None, str(error)))
    return tuple(rows)


def _checked(estimators: Sequence[str]) -> tuple[EstimatorName, ...]:
    """Return the estimators named, each once, in the order of a report."""
    unknown = [name for name in estimators if name not in ESTIMATORS]
    if unknown or not estimators:
        what = f"no estimator {unknown[0]!r}" if unknown else "no estimator named"
        msg = f"there is {what}; expected some of {', '.join(ESTIMATORS)}"
        raise ConfigurationError(msg)
    return tuple(name for name in ESTIMATORS if name in estimators)
