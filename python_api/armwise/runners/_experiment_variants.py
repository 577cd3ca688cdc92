"""What is known of each variant: from states, which are of all processes and do not round, or else from logs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from armwise.experiments._support import why_unknown
from armwise.experiments.ledger import Ledger
from armwise.experiments.outcomes import VariantStatistics
from armwise.experiments.statistics import Statistics
from armwise.runners._experiment_figures import Moments, are_rare
from armwise.runners._experiment_log import LogSummary
from armwise.runners._experiment_verdict import REWARDS
from armwise.runners._timeline import Columns

__all__ = ["Known", "Variant", "known_of"]

_NOTHING: Final = Moments(0, 0.0, (0.0, 0.0, 0.0, 0.0), binary=False)


@dataclass(frozen=True, slots=True)
class Variant:
    """What is known of one variant.

    Attributes
    ----------
    rewards : Moments
        What it earned.
    units : int
        How many were allocated to it.
    regret : float
        What its rewards fell short of the baseline's mean.
    lift : Moments or None
        What it earns above the baseline on the same requests, where that is known.
    """

    rewards: Moments
    units: int
    regret: float
    lift: Moments | None = None


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of all variants.

    Attributes
    ----------
    variants : dict of str to Variant
        By name.
    units : str
        What is counted as allocated, in words.
    before : int
        Rewards that are left out, as they came before the experiment acted.
    notes : tuple of str
        What to know of where the figures are from.
    unknown : tuple of str
        Why nothing is known of variants though their requests were replayed, a sentence for each.
    acted : dict of str to int, or None
        Requests that each variant was handed out for in action; None where the rewards are not of such ones, or nobody
        counted them.
    rare : bool
        Whether high rewards are too rare, so far, for lifts to be judged.
    """

    variants: Mapping[str, Variant]
    units: str
    before: int = 0
    notes: tuple[str, ...] = ()
    unknown: tuple[str, ...] = ()
    acted: Mapping[str, int] | None = None
    rare: bool = False

    @property
    def replayed(self) -> bool:
        """Whether it is known what each variant would have earned on the same requests."""
        return all(one.lift is not None for one in self.variants.values())


def known_of(names: Sequence[str], ledger: Ledger | None, log: LogSummary | None, columns: Columns | None) -> Known:
    """Return what the state says of each variant, or else the log.

    Parameters
    ----------
    names : sequence of str
        The variants, the one that the others are compared with first.
    ledger : Ledger or None
        What the states know.
    log : LogSummary or None
        What the logs know.
    columns : Columns or None
        The timeline of the log, its columns in the order of `names`.
    """
    seen = None if ledger is None else ledger.totals().variants
    if ledger is not None and seen is not None and any(one.pulls or one.allocations for one in seen.values()):
        return _from_state(names, ledger, seen, log)
    if log is None or columns is None:
        return Known(dict.fromkeys(names, Variant(_NOTHING, 0, 0.0)), "requests")
    return _from_log(names, log, columns)


def _from_state(
    names: Sequence[str], ledger: Ledger, seen: Mapping[str, VariantStatistics], log: LogSummary | None
) -> Known:
    handed = _handed_out(ledger.setup.control, seen)
    units, counts = _units(handed, seen, log)
    if _is_shadow(ledger, seen) and all(seen[name].shadow_replay.n for name in names):
        why = {name: why_unknown(name, seen[name].shadow_replay) for name in names}
        replayed = {
            name: Variant(
                Moments.of(Statistics() if why[name] else seen[name].shadow_replay.doubly_robust),
                counts[name],
                seen[name].regret_sum,
                Moments.of(Statistics() if why[name] or why[names[0]] else seen[name].shadow_replay.lift),
            )
            for name in names
        }
        unknown = tuple(f"{reason[0].upper()}{reason[1:]}." for reason in why.values() if reason is not None)
        note = (
            "Means and differences are of what each variant would have earned on the requests that control served"
            " (doubly robust, by the logged propensities)."
        )
        served = Moments.of(seen[ledger.setup.control].rewards)
        rare = are_rare(served, seen[names[0]].shadow_replay.n)
        return Known(replayed, units, notes=(note,), unknown=unknown, rare=rare)
    before = sum(one.pulls - one.active.n for one in seen.values())
    note = f"{before:,} rewards from before the experiment acted are left out: chance did not decide who served them."
    acted = {name: Variant(Moments.of(seen[name].active), counts[name], seen[name].regret_sum) for name in names}
    return Known(acted, units, before, (note,) if before else (), acted=handed if sum(handed.values()) else None)


def _is_shadow(ledger: Ledger, seen: Mapping[str, VariantStatistics]) -> bool:
    """Whether the experiment never left the shadow, be it that it was stopped there."""
    stopped_there = ledger.phase == "stopped" and not any(one.active.n for one in seen.values())
    return ledger.phase == "shadow" or stopped_there


def _handed_out(control: str, seen: Mapping[str, VariantStatistics]) -> dict[str, int]:
    """How often each variant was handed out in action."""
    # In the shadow control serves everybody, and the allocated variant is counted beside it.
    shadow = sum(one.shadow_pulls for one in seen.values())
    return {name: one.allocations - shadow * (name == control) for name, one in seen.items()}


def _units(
    acted: Mapping[str, int], seen: Mapping[str, VariantStatistics], log: LogSummary | None
) -> tuple[str, Mapping[str, int]]:
    """What is counted as allocated to each variant, as near to users as is known, and how many."""
    if log is not None and log.users is not None and log.decisions >= sum(acted.values()):
        return "users", {name: log.users.get(name, 0) for name in seen}
    if sum(acted.values()):
        return "requests", acted
    if any(one.shadow_pulls for one in seen.values()):
        return "requests in the shadow", {name: one.shadow_pulls for name, one in seen.items()}
    return REWARDS, {name: one.pulls for name, one in seen.items()}


def _from_log(names: Sequence[str], log: LogSummary, columns: Columns) -> Known:
    counts, powers, regret = (table.sum(axis=0) for table in (columns.rewards, columns.powers, columns.regret))
    units = log.served if log.users is None else log.users
    known: dict[str, Variant] = {}
    for place, name in enumerate(names):
        first, second, third, fourth = powers[place].tolist()
        rewards = Moments(int(counts[place]), columns.origin, (first, second, third, fourth), binary=log.binary)
        known[name] = Variant(rewards, units.get(name, 0), float(regret[place]))
    return Known(known, "requests" if log.users is None else "users")
