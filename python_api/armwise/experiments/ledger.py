"""What is known of one experiment: what each process has seen of it, its phase, and what happened to it.

Each process writes its own part and never another's. A part only grows, so of two copies of one part the one with
more changes holds the other; parts of several processes add up. So merging takes each part once, however often
and in whatever order states come in: the order, and a state that comes in twice, change nothing (a state-based
grow-only counter: Shapiro, Preguica, Baquero & Zawirski 2011, section 3.1.1).
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from fractions import Fraction
from typing import Final, TypeAlias

from armwise._fields import Fields
from armwise.errors import ConfigurationError, SnapshotError
from armwise.experiments._part import Part
from armwise.experiments._setup import Setup
from armwise.experiments.allocation import Allocator
from armwise.experiments.events import Event, Occasion
from armwise.experiments.experiment import PHASES, Phase, check_id, later
from armwise.experiments.statistics import Statistics
from armwise.types import Label, State

__all__ = ["Ledger", "Mixture", "mixture_of"]

Mixture: TypeAlias = Mapping[str, Fraction]
"""Which part each variant has of what all of them have."""

_PART: Final = re.compile(r"[0-9a-f]{16}")
_SHARE: Final = re.compile(r"1|[1-9][0-9]{0,2400}/[1-9][0-9]{0,2400}")


class Ledger:
    """What is known of one experiment, by every process that has told.

    Parameters
    ----------
    experiment_id : str
        Which one.
    setup : Setup
        Its variants.
    part : str
        The id of this process's part, 16 hexadecimal digits.
    phase : {"shadow", "active", "stopped"}
        Where it stands.
    """

    __slots__ = (
        "_base",
        "_others",
        "_part",
        "events",
        "experiment_id",
        "mixture",
        "own",
        "phase",
        "reshared",
        "resplit",
        "setup",
        "table",
    )

    def __init__(self, experiment_id: str, setup: Setup, part: str, phase: Phase = "shadow") -> None:
        self.experiment_id = experiment_id
        self.setup = setup
        self.phase: Phase = phase
        self.table: Allocator | None = None
        self.mixture: Mixture | None = None
        self.resplit = False
        self.reshared = False
        self.events: dict[Occasion, Event] = {}
        self.own = Part.empty(setup.outputs)
        self._part = part
        self._others: dict[str, Part] = {}
        self._base = Part.empty(setup.outputs)

    def totals(self) -> Part:
        """What all processes together have seen."""
        return self._base.merged(self.own)

    def rewards(self, variant: str) -> Statistics:
        """The rewards of a variant, of all processes."""
        return self._base.variants[variant].rewards.merged(self.own.variants[variant].rewards)

    def mean(self, variant: str) -> float | None:
        """The mean reward of a variant, of all processes."""
        return self.rewards(variant).mean

    def expected(self, arm: Label) -> float:
        """The mean reward of an arm, of all processes; 0 where there is none."""
        mine, theirs = self.own.arms.get(arm), self._base.arms.get(arm)
        if mine is None or theirs is None:
            found = mine or theirs
            return (found.rewards.mean or 0.0) if found else 0.0
        return mine.rewards.merged(theirs.rewards).mean or 0.0

    def happen(self, event: Event) -> None:
        """Note an event, and enter the phase that it leads to."""
        self.events.setdefault(event.occasion, event)
        if event.kind == "activated":
            self.phase = "active"
            if self.table is not None:
                self.act(mixture_of(self.table))
        elif event.kind == "stopped":
            self.phase = "stopped"

    def divide(self, table: Allocator) -> None:
        """Note by which table traffic is divided from now on.

        Where variants had other shares of each other before, in whatever phase, `reshared` says so: a store that
        remembers who is where holds users by both.
        """
        if self.table is not None:
            mixture = mixture_of(self.table)
            # What it hands out in action may have been handed out already, by whoever holds the table.
            if self.phase == "active":
                self.act(mixture)
            self.reshared |= mixture != mixture_of(table)
        self.table = table

    def act(self, mixture: Mixture) -> None:
        """Note which shares of each other variants have in action.

        Where they had others before, `resplit` says so: means over both times compare different mixtures of times. It
        is handing out that counts. A reward may come long after its request, and does not say by which shares it was
        served.
        """
        if self.mixture is None or self.mixture == mixture:
            self.mixture = mixture
        else:
            self.resplit = True

    def renew(self, part: str) -> None:
        """Go on in a new part, as a process that did not write the present one."""
        if self.own.changes:
            self._others[self._part] = self.own
            self._base = self._base.merged(self.own)
            self.own = Part.empty(self.setup.outputs)
        self._part = part

    def checked(self, other: Ledger) -> None:
        """Refuse another ledger that is not of this experiment, or was written under this process's name.

        Raises
        ------
        SnapshotError
            If the variants differ, or two histories of one part do.
        """
        if difference := self.setup.difference(other.setup):
            active = "active" in {self.phase, other.phase}
            msg = (
                f"experiment {self.experiment_id!r} comes back {difference}"
                f"{', and it is active' if active else ''}; its statistics are of what it was: give the new "
                "set-up an id of its own; nothing was changed"
            )
            raise SnapshotError(msg)
        twin = other.parts().get(self._part)
        if twin is not None and twin.changes > self.own.changes:
            msg = (
                f"the state of experiment {self.experiment_id!r} holds more of this process than it has done: it is "
                "of a copy of this manager, or of a later time; load it with load_state; nothing was changed"
            )
            raise SnapshotError(msg)

    def merge(self, other: Ledger) -> None:
        """Take what another ledger of this experiment knows."""
        for name, part in other.parts().items():
            held = self._others.get(name)
            if name != self._part and (held is None or held.changes < part.changes):
                self._others[name] = part
        self._base = Part.empty(self.setup.outputs)
        for name in sorted(self._others):
            self._base = self._base.merged(self._others[name])
        for event in other.events.values():
            mine = self.events.get(event.occasion)
            # Which event is the first must not depend on who asks.
            if mine is None or _order(event) < _order(mine):
                self.events[event.occasion] = event
        self.phase = later(self.phase, other.phase)
        self.resplit |= other.resplit
        self.reshared |= other.reshared
        if other.mixture is not None:
            self.act(other.mixture)
        here, there = self.table, other.table
        if here is not None and there is not None:
            self.reshared |= mixture_of(here) != mixture_of(there)
            self.table = max(here, there, key=_age)
        else:
            self.table = there if here is None else here

    def parts(self) -> dict[str, Part]:
        """The parts of all processes that have seen something."""
        own = {self._part: self.own} if self.own.changes else {}
        return self._others | own

    def state_dict(self) -> State:
        """Everything as plain JSON, without loss."""
        parts = self.parts()
        return {
            "setup": self.setup.state_dict(),
            "phase": self.phase,
            "table": None if self.table is None else self.table.state_dict(),
            "mixture": None if self.mixture is None or self.resplit else _written(self.mixture),
            "resplit": int(self.resplit),
            "reshared": int(self.reshared),
            "events": [self.events[occasion].state_dict() for occasion in sorted(self.events)],
            "parts": {name: parts[name].state_dict() for name in sorted(parts)},
        }

    @classmethod
    def from_state(cls, experiment_id: str, fields: Fields, part: str) -> Ledger:
        """Read what :meth:`state_dict` wrote, into a ledger whose own part is new.

        Raises
        ------
        SnapshotError
            If something is missing, malformed or at odds with the rest.
        """
        phase = fields.text("phase")
        if phase not in PHASES:
            fields.refuse("phase", "shadow, active or stopped")
        try:
            check_id(experiment_id)
        except ConfigurationError as error:
            raise SnapshotError(str(error)) from None
        ledger = cls(experiment_id, Setup.from_state(fields.fields("setup")), part, phase)
        if fields.says("table"):
            ledger.table = _table(fields, experiment_id, ledger.setup)
        if fields.says("mixture"):
            ledger.mixture = _mixture(fields, ledger.setup)
        ledger.resplit = bool(fields.whole("resplit", 0, 1)) if fields.says("resplit") else False
        ledger.reshared = bool(fields.whole("reshared", 0, 1)) if fields.says("reshared") else False
        for entry in fields.items("events"):
            event = Event.from_state(Fields(entry, "state['events'][i]"))
            if event.occasion in ledger.events:
                fields.refuse("events", "at most one event of a kind, but for a stop withheld beside an activation")
            ledger.events[event.occasion] = event
        for name in fields.mapping("parts"):
            if not isinstance(name, str) or _PART.fullmatch(name) is None:
                fields.refuse("parts", "ids of 16 hexadecimal digits")
            ledger._others[name] = Part.from_state(fields.fields("parts").fields(name), ledger.setup.outputs)
            ledger._base = ledger._base.merged(ledger._others[name])
        return ledger


def mixture_of(table: Allocator) -> Mixture:
    """The shares of the variants in what all of them have; without those that have none."""
    whole = sum(table.shares.values(), Fraction(0))
    return {name: share / whole for name, share in table.shares.items() if share} if whole else {}


def _written(mixture: Mixture) -> State:
    """Shares as texts, such as ``"9/10"``."""
    return {name: str(mixture[name]) for name in sorted(mixture)}


def _mixture(fields: Fields, setup: Setup) -> Mixture:
    """Read what :func:`_written` wrote."""
    shares = fields.fields("mixture")
    texts = {str(name): shares.text(str(name)) for name in fields.mapping("mixture")}
    if not texts.keys() <= setup.outputs.keys() or not all(_SHARE.fullmatch(text) for text in texts.values()):
        fields.refuse("mixture", "shares of the variants, such as '9/10'")
    return {name: Fraction(text) for name, text in texts.items()}


def _table(fields: Fields, experiment_id: str, setup: Setup) -> Allocator:
    """The table that a state holds, which is of this experiment."""
    table = Allocator.from_state(dict(fields.mapping("table")))
    sharing = {name for name, share in table.shares.items() if share}
    if table.experiment_id != experiment_id or not sharing <= setup.outputs.keys():
        fields.refuse("table", f"a table of experiment {experiment_id!r} and its variants")
    return table


def _age(table: Allocator) -> tuple[int, str]:
    """Versions, and where two tables have the same, which of them must not depend on who asks."""
    return table.version, json.dumps(table.state_dict(), sort_keys=True)


def _order(event: Event) -> tuple[int, str]:
    return event.time, json.dumps(event.state_dict(), sort_keys=True)
