"""What happens to an experiment, and why: nothing activates or stops in silence."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal, TypeAlias, cast, get_args

from armwise._fields import INT64, Fields
from armwise._words import has_utf8
from armwise.types import State

__all__ = ["Event", "EventKind", "Occasion"]

EventKind: TypeAlias = Literal["activated", "withheld", "stopped"]
"""What may happen to an experiment."""

Occasion: TypeAlias = Literal["activated", "withheld", "resplit", "stopped"]
"""What is told once: "withheld" is of activations, "resplit" of stops that changed shares withhold."""


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened to an experiment, with why.

    Attributes
    ----------
    time : int
        Nanoseconds since the epoch.
    kind : {"activated", "withheld", "stopped"}
        What happened; "withheld" is what was due and not done: an activation, or a stop where shares had changed.
    reason : str
        Why, in words.
    automatic : bool
        Whether the harness did it by itself.
    evidence : dict
        The figures that it rests on: the variant, the interval of its difference from the baseline, the outcome. An
        activation, and one that is withheld, has the `pulls` of control.
    """

    time: int
    kind: EventKind
    reason: str
    automatic: bool = False
    evidence: State = field(default_factory=dict)

    @property
    def occasion(self) -> Occasion:
        """What it happened to: of each occasion the first event is kept."""
        return "resplit" if self.kind == "withheld" and "pulls" not in self.evidence else self.kind

    def state_dict(self) -> State:
        """The event as plain JSON."""
        return {
            "time": self.time,
            "kind": self.kind,
            "reason": self.reason,
            "automatic": self.automatic,
            "evidence": self.evidence,
        }

    @classmethod
    def from_state(cls, fields: Fields) -> Event:
        """Read what :meth:`state_dict` wrote.

        Raises
        ------
        SnapshotError
            If something is missing or malformed.
        """
        kind = fields.text("kind")
        if kind not in get_args(EventKind):
            fields.refuse("kind", "activated, withheld or stopped")
        evidence = fields.mapping("evidence")
        if not all(_is_plain(value) and isinstance(key, str) and has_utf8(key) for key, value in evidence.items()):
            fields.refuse("evidence", "names with a text, a finite number or null each")
        if not has_utf8(fields.text("reason")):
            fields.refuse("reason", "text, without lone surrogates")
        return cls(
            fields.whole("time", 0, INT64),
            cast("EventKind", kind),
            fields.text("reason"),
            fields.truth("automatic"),
            cast("State", dict(evidence)),
        )


def _is_plain(value: object) -> bool:
    if isinstance(value, str):
        return has_utf8(value)
    return value is None or isinstance(value, int) or (isinstance(value, float) and abs(value) < float("inf"))
