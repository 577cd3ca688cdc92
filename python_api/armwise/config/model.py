"""The settings of a whole engine, version 1."""

from __future__ import annotations

from typing import Annotated, Literal, TypeAlias

from pydantic import Field

from armwise.config._settings import ArmLabel, FilePath, Pair, Settings
from armwise.config.experiments import ExperimentSettings
from armwise.config.policies import PolicySettings
from armwise.stores import StateDirectory
from armwise.telemetry.trace import DecisionTracer

__all__ = [
    "SCHEMA_VERSION",
    "ActivationSettings",
    "BudgetSettings",
    "CompositeSettings",
    "Configuration",
    "DomainSettings",
    "FlagSettings",
    "RewardSettings",
    "ShieldSettings",
    "SnapshotSettings",
    "StoreSettings",
    "TenantSettings",
    "TracingSettings",
    "WeightedSettings",
]

SCHEMA_VERSION = 1
"""Of the settings that this armwise reads."""


class TenantSettings(Settings):
    """Of :class:`armwise.learning.TenantContext`."""

    tenant: str = "default"
    workspace: str = "main"


class ActivationSettings(Settings):
    """Of :class:`armwise.learning.Activation`."""

    margin: float | None = None
    alpha: float | None = None
    minimum: int | None = None


class DomainSettings(Settings):
    """A domain of the engine; an `activation` that is null is by hand, and one that is not given is the default."""

    policy: PolicySettings | None = None
    default: ArmLabel | None = None
    activation: ActivationSettings | None = None
    priors: dict[ArmLabel, Pair] | None = None


class CompositeSettings(Settings):
    """Of :class:`armwise.rewards.CompositeReward`."""

    kind: Literal["composite"]
    max_cost: float
    quality_weight: float | None = None
    cost_weight: float | None = None
    latency_weight: float | None = None
    latency_ms_window: float | None = None


class WeightedSettings(Settings):
    """Of :class:`armwise.rewards.RewardEngine`."""

    kind: Literal["weighted"]
    weights: dict[str, float] | None = None


RewardSettings: TypeAlias = Annotated[CompositeSettings | WeightedSettings, Field(discriminator="kind")]
"""What turns outcomes and signals into rewards, by its kind."""


class BudgetSettings(Settings):
    """Of :class:`armwise.learning.PacedBudget`; `period` in seconds."""

    total_usd: float
    period: float
    burst: float | None = None


class ShieldSettings(Settings):
    """Of :class:`armwise.learning.Shields`."""

    budget_usd: float | None = None
    latency_ms: float | None = None
    budget: BudgetSettings | None = None


class StoreSettings(Settings):
    """Where the state is kept; without a folder, where :class:`armwise.stores.StateDirectory` looks for one."""

    state_dir: FilePath | None = None

    def open(self) -> StateDirectory:
        """The state directory; nothing is made in it yet.

        Raises
        ------
        ConfigurationError
            If no folder can be called so.
        """
        return StateDirectory(self.state_dir)


class SnapshotSettings(Settings):
    """Of :class:`armwise.learning.PeriodicSnapshots`; `interval` in seconds."""

    interval: Annotated[float, Field(gt=0.0)]
    keep: Annotated[int, Field(ge=0)] | None = None


class TracingSettings(Settings):
    """Of :class:`armwise.telemetry.trace.DecisionTracer`."""

    path: FilePath
    max_bytes: Annotated[int, Field(ge=1)] | None = None
    keep: Annotated[int, Field(ge=0)] | None = None
    capacity: Annotated[int, Field(ge=1)] | None = None
    service_name: str | None = None

    def open(self) -> DecisionTracer:
        """The tracer, with its file open.

        Raises
        ------
        ConfigurationError
            If a setting is not as the tracer takes it.
        StoreError
            If the file cannot be made.
        """
        return DecisionTracer(**self.model_dump(exclude_none=True))


class FlagSettings(Settings):
    """The flags file, which wins over the environment; see :class:`armwise.learning.Flags`."""

    file: FilePath


class Configuration(Settings):
    """An engine, and what stands around it.

    Attributes
    ----------
    schema_version : int
        1.
    tenant : TenantSettings
        Whose it is.
    domains : dict of str to DomainSettings
        What is decided, and by which policies.
    rewards, shields : optional
        What the learning loop is to be given.
    experiments : list of ExperimentSettings
        What stands in front of domains, or runs by itself.
    flags, stores, snapshots, tracing : optional
        A flags file, where the state is kept, how often it is saved, where decisions are traced.
    """

    schema_version: Literal[1]
    tenant: TenantSettings = TenantSettings()
    domains: dict[str, DomainSettings] = Field(default_factory=dict)
    rewards: RewardSettings | None = None
    shields: ShieldSettings | None = None
    experiments: list[ExperimentSettings] = Field(default_factory=list)
    flags: FlagSettings | None = None
    stores: StoreSettings | None = None
    snapshots: SnapshotSettings | None = None
    tracing: TracingSettings | None = None
