"""What an experiment must keep for its statistics to stay of one thing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from armwise._fields import Fields
from armwise._labels import check_label, plain
from armwise._words import NAME
from armwise.errors import ConfigurationError
from armwise.experiments.experiment import Experiment
from armwise.experiments.statistics import LARGEST
from armwise.types import Label, State

__all__ = ["Setup"]

_KINDS: Final[list[list[object]]] = [["arm", 2], ["policy", 1], ["core", 1]]


@dataclass(frozen=True, slots=True)
class Setup:
    """What an experiment must keep for its statistics to stay of one thing.

    Attributes
    ----------
    control, baseline : str
        Variants.
    outputs : dict of str to tuple of labels
        For each variant ``("arm", label)``, ``("policy",)`` or ``("core",)``.
    bounds : tuple of float, or None
        Between which rewards lie, where a test depends on it.
    """

    control: str
    baseline: str
    outputs: Mapping[str, tuple[Label, ...]]
    bounds: tuple[float, float] | None = None

    @classmethod
    def of(cls, experiment: Experiment) -> Setup:
        """That of an experiment."""
        outputs: dict[str, tuple[Label, ...]] = {}
        for name, output in experiment.variants.items():
            if output is None:
                outputs[name] = ("core",)
            elif isinstance(output, (str, int, float)):
                outputs[name] = ("arm", plain(output))
            else:
                outputs[name] = ("policy",)
        return cls(experiment.control, experiment.baseline, outputs, experiment.bounds)

    def difference(self, other: Setup) -> str:
        """How another set-up differs, in words; empty where it does not."""
        if missing := self.outputs.keys() - other.outputs.keys():
            return f"without the variant {', '.join(map(repr, sorted(missing)))}"
        if extra := other.outputs.keys() - self.outputs.keys():
            return f"with a new variant {', '.join(map(repr, sorted(extra)))}"
        for name, output in self.outputs.items():
            if other.outputs[name] != output:
                return f"with another output of {name!r}"
        for role in ("control", "baseline"):
            if getattr(self, role) != getattr(other, role):
                return f"with {getattr(other, role)!r} for its {role}"
        return "" if self.bounds == other.bounds else f"with the bounds {other.bounds!r} of rewards"

    def state_dict(self) -> State:
        """The set-up as plain JSON."""
        return {
            "control": self.control,
            "baseline": self.baseline,
            "outputs": {name: list(output) for name, output in self.outputs.items()},
            "bounds": None if self.bounds is None else list(self.bounds),
        }

    @classmethod
    def from_state(cls, fields: Fields) -> Setup:
        """Read what :meth:`state_dict` wrote.

        Raises
        ------
        SnapshotError
            If something is missing or malformed.
        """
        outputs: dict[str, tuple[Label, ...]] = {}
        for name in fields.mapping("outputs"):
            output = fields.fields("outputs").items(name)
            kind = output[0] if output else None
            if not isinstance(name, str) or NAME.fullmatch(name) is None or [kind, len(output)] not in _KINDS:
                fields.refuse(
                    "outputs", "for each variant, by a printable name, ['arm', label], ['policy'] or ['core']"
                )
            try:
                outputs[name] = (str(kind), *(check_label(label) for label in output[1:]))
            except ConfigurationError:
                fields.refuse("outputs", "labels of arms")
        bounds = fields.numbers("bounds", (2,), -LARGEST, LARGEST).tolist() if fields.says("bounds") else None
        setup = cls(fields.text("control"), fields.text("baseline"), outputs, tuple(bounds) if bounds else None)
        if len(outputs) < 2 or not {setup.control, setup.baseline} <= outputs.keys():
            fields.refuse("outputs", "at least two variants, control and baseline among them")
        return setup
