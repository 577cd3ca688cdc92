"""Settings of policies: the parameters of their classes, by the same names and with the same defaults."""

from __future__ import annotations

from typing import Annotated, Literal, TypeAlias

from pydantic import Field

from armwise.config._settings import ArmLabel, FilePath, Pair, Settings

__all__ = [
    "EpsilonGreedySettings",
    "LinTSDiagSettings",
    "LinTSSettings",
    "PolicySettings",
    "SharedThompsonSettings",
    "ThompsonSettings",
    "UCB1Settings",
]


class _OfArms(Settings):
    """Settings of every policy; what is null has its default."""

    arms: list[ArmLabel] | None = None
    seed: int | None = None


class ThompsonSettings(_OfArms):
    """Of :class:`armwise.ThompsonSampling`; `half_life` in seconds."""

    kind: Literal["thompson"]
    prior: Pair | None = None
    half_life: float | None = None


class SharedThompsonSettings(_OfArms):
    """Of :class:`armwise.policies.SharedThompsonSampling`."""

    kind: Literal["shared_thompson"]
    path: FilePath
    prior: Pair | None = None


class EpsilonGreedySettings(_OfArms):
    """Of :class:`armwise.EpsilonGreedy`."""

    kind: Literal["epsilon_greedy"]
    epsilon: float | None = None


class UCB1Settings(_OfArms):
    """Of :class:`armwise.UCB1`."""

    kind: Literal["ucb1"]


class LinTSSettings(_OfArms):
    """Of :class:`armwise.LinTS`."""

    kind: Literal["lints"]
    dim: int
    sigma: float | None = None
    prior_precision: float | None = None


class LinTSDiagSettings(_OfArms):
    """Of :class:`armwise.LinTSDiag`; `half_life` in seconds."""

    kind: Literal["lints_diag"]
    dim: int
    sigma: float | None = None
    prior_precision: float | None = None
    half_life: float | None = None


PolicySettings: TypeAlias = Annotated[
    ThompsonSettings
    | SharedThompsonSettings
    | EpsilonGreedySettings
    | UCB1Settings
    | LinTSSettings
    | LinTSDiagSettings,
    Field(discriminator="kind"),
]
"""A policy, by its kind."""
