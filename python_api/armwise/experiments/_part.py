"""What one process has seen of an experiment: its variants, the arms that were served, and what took no part."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

from armwise._fields import COUNTS, Fields
from armwise._labels import check_labels, plain
from armwise.errors import ConfigurationError
from armwise.experiments.outcomes import VariantStatistics
from armwise.experiments.statistics import Statistics
from armwise.types import Label, State

__all__ = ["MAX_ARMS", "Arm", "Part"]

MAX_ARMS: Final = 1000
"""How many arms a process counts apart; what comes after is counted together."""

_REASONS: Final = 64


@dataclass(slots=True)
class Arm:
    """How often an arm was served, and what it earned."""

    selected: int = 0
    rewards: Statistics = field(default_factory=Statistics)


@dataclass(slots=True)
class Part:
    """What one process has seen, or several together."""

    variants: dict[str, VariantStatistics]
    arms: dict[Label, Arm] = field(default_factory=dict)
    other_arms: int = 0
    requests: dict[str, int] = field(default_factory=dict)
    ignored: dict[str, int] = field(default_factory=dict)
    changes: int = 0

    @classmethod
    def empty(cls, names: Iterable[str]) -> Part:
        """A part in which nothing has been seen."""
        return cls({name: VariantStatistics() for name in names})

    def select(self, arm: Label) -> None:
        """Count an arm that is served."""
        counted = self.arms.get(arm)
        if counted is None:
            if len(self.arms) >= MAX_ARMS:
                self.other_arms += 1
                return
            counted = self.arms[arm] = Arm()
        counted.selected += 1

    def merged(self, other: Part) -> Part:
        """What both have seen."""
        arms = {arm: Arm(seen.selected, seen.rewards) for arm, seen in self.arms.items()}
        for arm, seen in other.arms.items():
            mine = arms.get(arm, Arm())
            arms[arm] = Arm(mine.selected + seen.selected, mine.rewards.merged(seen.rewards))
        return Part(
            {name: mine.merged(other.variants[name]) for name, mine in self.variants.items()},
            arms,
            self.other_arms + other.other_arms,
            _added(self.requests, other.requests),
            _added(self.ignored, other.ignored),
            self.changes + other.changes,
        )

    def state_dict(self) -> State:
        """The part as plain JSON, without loss."""
        arms: State = {
            "labels": [plain(arm) for arm in self.arms],
            "selected": [seen.selected for seen in self.arms.values()],
            "rewards": [seen.rewards.state_dict() for seen in self.arms.values()],
        }
        return {
            "changes": self.changes,
            "variants": {name: seen.state_dict() for name, seen in self.variants.items()},
            "arms": arms,
            "other_arms": self.other_arms,
            "requests": dict(self.requests),
            "ignored": dict(self.ignored),
        }

    @classmethod
    def from_state(cls, fields: Fields, names: Iterable[str]) -> Part:
        """Read what :meth:`state_dict` wrote.

        Raises
        ------
        SnapshotError
            If something is missing, malformed, or of other variants.
        """
        variants, expected = fields.fields("variants"), tuple(names)
        if fields.mapping("variants").keys() != set(expected):
            fields.refuse("variants", f"the variants {', '.join(map(repr, expected))}")
        return cls(
            {name: VariantStatistics.from_state(variants.fields(name)) for name in expected},
            _arms(fields.fields("arms")),
            fields.whole("other_arms"),
            _counts(fields, "requests"),
            _counts(fields, "ignored"),
            fields.whole("changes"),
        )


def _added(mine: Mapping[str, int], its: Mapping[str, int]) -> dict[str, int]:
    return {name: mine.get(name, 0) + its.get(name, 0) for name in sorted(mine.keys() | its.keys())}


def _counts(fields: Fields, name: str) -> dict[str, int]:
    counts = fields.fields(name)
    names = list(fields.mapping(name))
    if len(names) > _REASONS or not all(isinstance(reason, str) for reason in names):
        fields.refuse(name, "a few reasons with a count each")
    return {str(reason): counts.whole(str(reason), 0, COUNTS) for reason in names}


def _arms(fields: Fields) -> dict[Label, Arm]:
    labels = fields.items("labels")
    selected = fields.wholes("selected", len(labels), 0, COUNTS)
    rewards = [Statistics.from_state(Fields(entry, "state['arms']['rewards'][i]")) for entry in fields.items("rewards")]
    try:
        # check_labels refuses two that are equal, and none at all.
        checked = check_labels(labels) if labels else ()
    except ConfigurationError:
        checked = ()
    if len(labels) != len(checked) or len(labels) != len(rewards) or len(labels) > MAX_ARMS:
        fields.refuse("labels", f"at most {MAX_ARMS} labels, each once, with as many counts and rewards")
    return {label: Arm(n, seen) for label, n, seen in zip(checked, selected, rewards, strict=True)}
