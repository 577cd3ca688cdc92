"""Ship, hold or stop: the rule, and the checks that come before it.

The rule, in this order. Stop where the experiment was stopped already, or users are not split as they were meant to be.
Hold where nothing was earned in action, and nothing is known of what would have been, or where the rewards of the
variants may be of different sorts of requests. Ship the variant of the
greatest mean where the lower end of its difference is above zero and every check passed. Stop where some variant is
shown to do harm: the upper end of its difference is below zero. Hold otherwise.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import Final, NamedTuple

from armwise.evaluation._chi_square import chi_square_tail
from armwise.evaluation.ratio_mismatch import SequentialSampleRatio, sample_ratio_test
from armwise.experiments.sequential_test import BURN_IN, LIFTS_BURN_IN
from armwise.telemetry.report import Check, VariantRow, Verdict, bounded

__all__ = ["COME_BACK", "MISMATCH", "REWARDS", "Decided", "check_rewards", "check_split", "decide"]

MISMATCH: Final = 0.01
"""The sequential check of the sample ratio is wrong with this probability at most, however often it is looked at."""

REWARDS: Final = "rewards, as no request was counted"
"""What is counted where nothing else is known: an outcome, not what was divided."""

COME_BACK: Final = "rewards come back alike"
"""The check that rewards are of the same sort of requests, whoever served them."""

_ONE_LOOK: Final = 0.001
_CONCENTRATION: Final = 100.0
_REWARDS: Final = f"each side needs {BURN_IN}, not all of them the same"
_LIFTS: Final = (
    f"it needs {LIFTS_BURN_IN:,} requests on which both are known, and more where rewards are rare: some 2,000 at a"
    " rate of .2, 5,000 at .1 and 11,000 at .05"
)
_MANY_REQUESTS: Final = ". Users who make many requests may do that by chance: log the user with each decision"


class Decided(NamedTuple):
    """A verdict and why."""

    verdict: Verdict
    best: str | None
    reasons: tuple[str, ...]


class Split(NamedTuple):
    """What the checks of the sample ratio found.

    Attributes
    ----------
    checks : tuple of Check
        The sequential one and that of one look.
    mismatch : bool
        Whether the traffic is shown not to be split as it was meant to be. Requests never show it: those of one user
        all come to one variant, so that their split strays further than that of independent units. Nor do rewards:
        where nothing is recorded for those who earned nothing, a better variant has more of them.
    """

    checks: tuple[Check, ...]
    mismatch: bool


def check_split(
    counts: Mapping[str, int],
    shares: Mapping[str, float | Fraction] | None,
    units: str,
    variants: Sequence[str],
    *,
    changed: str | None = None,
) -> Split:
    """Check the sample ratio, sequentially and by one look.

    Parameters
    ----------
    counts : mapping of str to int
        Units of each variant.
    shares : mapping of str to number, or None
        What each was to have. Where nobody says, equal shares stand if the counts fit them; if not, nothing is known.
    units : str
        What was counted, in words.
    variants : sequence of str
        All of them.
    changed : str, optional
        Why the units were divided by several shares, in words; they are held against none then.
    """
    assumed = shares is None
    meant: Mapping[str, float | Fraction] = dict.fromkeys(variants, 1.0) if shares is None else shares
    said = f"{units}: " + ", ".join(f"{name} {counts.get(name, 0):,}" for name in variants)
    if not sum(counts.values()) or sum(share > 0 for share in meant.values()) < 2:
        return _unknown("nothing was handed out to two variants yet")
    if changed is not None:
        return _unknown(f"{said}. They cannot be held against any shares: {changed}")
    seen = {name: counts.get(name, 0) for name in meant}
    one_look = sample_ratio_test(seen, meant)
    sequential = SequentialSampleRatio(meant, concentration=_CONCENTRATION)
    p_value = sequential.update(seen)
    strays = p_value < MISMATCH or one_look.p_value < _ONE_LOOK
    if units == REWARDS and strays:
        return _unknown(
            f"it could not be made from rewards alone. {said}. Those who earned nothing may have no reward: record 0"
            " for them, and let the manager assign, or log the user with each decision"
        )
    if assumed and strays:
        return _unknown(
            f"{said}. That is no equal split, and no file says which it was to be: give --share NAME=WEIGHT"
        )
    failed, requests = p_value < MISMATCH, units.startswith("requests")
    taken = "; shares taken to be equal, as nothing says otherwise" if assumed else ""
    checks = (
        Check(
            "sample ratio, sequential",
            "failed" if failed else "passed",
            f"p = {_p(p_value)}, holds at every look (fails below {MISMATCH:g}). {said}{taken}"
            f"{_MANY_REQUESTS if failed and requests else ''}",
        ),
        Check(
            "sample ratio, chi-square",
            "failed" if one_look.p_value < _ONE_LOOK else "passed",
            f"p = {_p(one_look.p_value)}, statistic {_statistic(one_look.statistic)} with {one_look.degrees} degrees of"
            f" freedom, for one look (fails below {_ONE_LOOK:g})",
        ),
    )
    return Split(checks, mismatch=failed and not requests)


def _unknown(detail: str) -> Split:
    """The check that could not be made, and why."""
    return Split((Check("sample ratio", "unknown", detail),), mismatch=False)


def check_rewards(served: Mapping[str, int], rewarded: Mapping[str, int]) -> Check:
    """Check that rewards come back for as large a part of each variant's requests.

    Where they do not, means are of different sorts of requests. Pearson's chi-square of homogeneity; of counts, as
    Poisson's law has them, where requests bring more rewards than one.

    Parameters
    ----------
    served : mapping of str to int
        Requests of each variant.
    rewarded : mapping of str to int
        Rewards of each variant.
    """
    every, back = sum(served.values()), sum(rewarded.values())
    strays = [name for name, count in rewarded.items() if count and not served.get(name, 0)]
    if not every or not back or strays:
        why = f"no request was counted of {', '.join(strays)}, and yet there are rewards" if strays else ""
        nothing = "there are no rewards yet" if every else "there are no requests yet"
        return Check(COME_BACK, "unknown", why or nothing)
    said = ", ".join(f"{name} {100.0 * rewarded.get(name, 0) / count:.2f}%" for name, count in served.items() if count)
    groups = [name for name, count in served.items() if count]
    if len(groups) < 2 or all(rewarded.get(name, 0) == served[name] for name in groups):
        return Check(COME_BACK, "passed", f"Rewards for each request: {said}")
    rate = back / every
    several = any(rewarded.get(name, 0) > served[name] for name in groups)
    # Of one reward a request at most, all may be back.
    spread = rate if several else rate * (1.0 - rate)
    statistic = math.fsum(
        (rewarded.get(name, 0) - served[name] * rate) ** 2 / (served[name] * spread) for name in groups
    )
    p_value = chi_square_tail(statistic, len(groups) - 1)
    detail = f"p = {_p(p_value)}, for one look (fails below {_ONE_LOOK:g}). Rewards for each request: {said}"
    return Check(COME_BACK, "failed" if p_value < _ONE_LOOK else "passed", detail)


def decide(
    phase: str,
    rows: Sequence[VariantRow],
    checks: Sequence[Check],
    *,
    mismatch: bool,
    stopped: str | None = None,
    unearned: str | None = None,
    replayed: bool = False,
) -> Decided:
    """Reach the verdict.

    Parameters
    ----------
    phase : str
        Of the experiment: in the shadow nothing has acted yet.
    rows : sequence of VariantRow
        The variants, the one they are compared with among them.
    checks : sequence of Check
        What was checked.
    mismatch : bool
        Whether the traffic is shown not to be split as it was meant to be.
    stopped : str, optional
        When and why the experiment was stopped, in a sentence; nothing ships then, whatever the figures say.
    unearned : str, optional
        Why the rewards say nothing of the variants in action, in a sentence; nothing follows from them then.
    replayed : bool
        Whether differences are of what variants would have earned on the same requests.
    """
    enough = _LIFTS if replayed else _REWARDS
    found = _figures_say(phase, rows, checks, mismatch=mismatch, unearned=unearned, enough=enough)
    if stopped is None:
        return Decided(found.verdict, found.best, (*found.reasons, *found.advice, *found.checks))
    return Decided("stop", found.best, (stopped, *found.reasons, *found.checks))


class _Found(NamedTuple):
    """A verdict of the figures, with its reasons apart from what to do and from the checks that did not pass."""

    verdict: Verdict
    best: str | None
    reasons: tuple[str, ...]
    advice: tuple[str, ...] = ()
    checks: tuple[str, ...] = ()


def _figures_say(
    phase: str,
    rows: Sequence[VariantRow],
    checks: Sequence[Check],
    *,
    mismatch: bool,
    unearned: str | None,
    enough: str,
) -> _Found:
    """The verdict where the experiment goes on."""
    against = next(row.name for row in rows if row.control)
    measured = [row for row in rows if not row.control and row.mean is not None]
    best = max(measured, key=lambda row: row.mean or 0.0, default=None)
    name = None if best is None else best.name
    wanting = tuple(_failures(checks))
    if mismatch:
        reason = "The traffic is not split as it was meant to be. Find out why before believing any figure below."
        return _Found("stop", name, (reason, *wanting[1:]))
    if unearned is not None:
        return _Found("hold", name, (unearned,), checks=wanting)
    harm = [row for row in measured if row.difference_interval.upper < 0.0]
    harmed = tuple(f"{row.name} does harm: {_differs(row, against)}." for row in harm)
    if best is not None and best.difference_interval.lower > 0.0:
        return _better(phase, best.name, f"{best.name} is better: {_differs(best, against)}.", harmed, wanting)
    if harm:
        advice = "Take it out, or end the experiment." if len(harm) < len(measured) else "End the experiment."
        return _Found("stop", name, harmed, (advice,), wanting)
    return _Found("hold", name, tuple(_undecided(best, against, phase, enough)), checks=wanting)


def _better(phase: str, name: str, better: str, harmed: tuple[str, ...], wanting: tuple[str, ...]) -> _Found:
    """The verdict where the best variant is shown to be better."""
    if phase == "shadow":
        return _Found("hold", name, ("The experiment is in the shadow: no variant has acted yet.", better))
    if wanting:
        return _Found("hold", name, (better, *wanting), ("It may ship once every check has passed.",))
    return _Found("ship", name, (better, "Every check passed.", *harmed))


def _undecided(best: VariantRow | None, against: str, phase: str, enough: str) -> list[str]:
    """Why nothing is shown yet."""
    reasons = ["The experiment is in the shadow: no variant has acted yet."] if phase == "shadow" else []
    if best is None:
        return [*reasons, "No variant beside the one that it is compared with has a reward yet."]
    if not best.difference_interval.known:
        return [
            *reasons,
            f"Too few rewards, or all alike, to bound the difference of {best.name} from {against}: {enough}.",
        ]
    return [*reasons, f"Nothing is shown yet: of {best.name}, the best so far, {_differs(best, against)}."]


def _differs(row: VariantRow, against: str) -> str:
    return f"the mean differs from that of {against} by {bounded(row.difference_interval, sign=True)}"


def _failures(checks: Sequence[Check]) -> list[str]:
    words = {"failed": "failed", "unknown": "could not be made"}
    return [f"The check “{check.name}” {words[check.outcome]}." for check in checks if check.outcome != "passed"]


def _p(value: float) -> str:
    return f"{value:.3g}" if value >= 1e-300 else "0"


def _statistic(value: float) -> str:
    return f"{value:.4g}" if math.isfinite(value) else "infinite"
