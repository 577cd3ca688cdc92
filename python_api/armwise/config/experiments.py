"""Settings of experiments: the parameters of :class:`armwise.experiments.Experiment`, by the same names."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal, TypeAlias

from pydantic import Discriminator, Field, Tag

from armwise.config._settings import ArmLabel, Pair, Settings
from armwise.config.policies import PolicySettings

__all__ = ["ExperimentSettings", "SequentialTestSettings", "VariantSettings"]


def _sort(value: object) -> str:
    """Which sort of thing a variant does."""
    if value is None:
        return "core"
    return "policy" if isinstance(value, Mapping) or hasattr(value, "kind") else "arm"


VariantSettings: TypeAlias = Annotated[
    Annotated[ArmLabel, Tag("arm")] | Annotated[PolicySettings, Tag("policy")] | Annotated[None, Tag("core")],
    Discriminator(_sort),
]
"""What a variant does: it serves an arm, or what a policy chooses, or (null) what the domain's own policy chooses."""


class SequentialTestSettings(Settings):
    """Of :class:`armwise.experiments.SequentialTest`."""

    alpha: float | None = None
    kind: Literal["asymptotic", "msprt", "empirical_bernstein"] | None = None
    bounds: Pair | None = None
    tuned_at: int | None = None


class ExperimentSettings(Settings):
    """Of :class:`armwise.experiments.Experiment`; a `guard` that is null is switched off."""

    id: str
    control: str
    variants: dict[str, VariantSettings]
    weights: dict[str, Annotated[float, Field(strict=True)]] | None = None
    phase: Literal["shadow", "active", "stopped"] | None = None
    auto_activate_after: int | None = None
    guard: SequentialTestSettings | None = None
    stopping: SequentialTestSettings | None = None
    baseline: str | None = None
    coverage: float | None = None
    by_candidates: bool | None = None
    description: str | None = None
