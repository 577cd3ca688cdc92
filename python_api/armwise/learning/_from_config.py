"""From settings to an engine, and to what stands around it."""

from __future__ import annotations

import atexit
import os
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from types import TracebackType
from typing import Final, Self

from armwise.config import Configuration, load
from armwise.config.experiments import ExperimentSettings
from armwise.config.model import CompositeSettings, DomainSettings, RewardSettings, ShieldSettings
from armwise.config.policies import PolicySettings, SharedThompsonSettings, ThompsonSettings
from armwise.config.reading import located, source_of
from armwise.errors import ConfigurationError
from armwise.experiments import Experiment, ExperimentManager, SequentialTest
from armwise.learning._shadow import Activation
from armwise.learning.budget import PacedBudget
from armwise.learning.engine import LearningEngine
from armwise.learning.flags import LINTS, Flags
from armwise.learning.periodic import PeriodicSnapshots
from armwise.learning.shields import Shields
from armwise.learning.tenant import TenantContext
from armwise.policies import UCB1, EpsilonGreedy, LinTS, LinTSDiag, SharedThompsonSampling, ThompsonSampling
from armwise.protocols import EngineStore, Policy, RewardModel, Tracer
from armwise.rewards import CompositeReward, RewardEngine

__all__ = ["Configured", "check_config", "configured", "engine_from_config"]

_POLICIES: Final = {
    "thompson": ThompsonSampling,
    "shared_thompson": SharedThompsonSampling,
    "epsilon_greedy": EpsilonGreedy,
    "ucb1": UCB1,
    "lints": LinTS,
    "lints_diag": LinTSDiag,
}
_OF_DOMAIN: Final = "policy::"
_OF_TASK: Final = "policy::route.model.select::"


@dataclass(frozen=True, slots=True)
class Configured:
    """An engine as settings describe it, and what stands around it; ``with`` closes it all.

    Attributes
    ----------
    engine : LearningEngine
        With its domains.
    reward : RewardModel or None
        For ``learn(..., reward=...)``; its default where no rewards are set.
    shields : Shields or None
        For ``learn(..., shields=...)``.
    snapshots : PeriodicSnapshots or None
        What saves the engine.
    """

    engine: LearningEngine
    reward: RewardModel | None
    shields: Shields | None
    snapshots: PeriodicSnapshots | None
    _closing: ExitStack

    def close(self) -> None:
        """Save a last time where snapshots are set, write what traces wait, and watch flags no more.

        Raises
        ------
        StoreError
            If the last snapshot cannot be written; the rest is closed.
        """
        self._closing.close()

    def __enter__(self) -> Self:
        """Return itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close it all."""
        self.close()


def configured(
    config: str | os.PathLike[str] | Mapping[str, object], *, store: EngineStore | None = None
) -> Configured:
    """Make the engine that settings describe, and what stands around it.

    Parameters
    ----------
    config : str, path-like or mapping
        The path of a file ``armwise.yaml``, or what it holds.
    store : EngineStore, optional
        Where the state is kept, in the place of ``stores``.

    Returns
    -------
    Configured
        The engine, what to give to :func:`armwise.learning.learn`, and what runs beside it.

    Raises
    ------
    ConfigurationError
        If a setting is not as it should be; its file and its path are named. All but what files hold is checked before
        any file is made.
    SnapshotError
        If what the store holds of a domain is not of its policy.
    StoreError
        If a file cannot be read or made.

    Examples
    --------
    >>> settings = {
    ...     "schema_version": 1,
    ...     "domains": {"route": {"policy": {"kind": "thompson", "seed": 7}, "default": "small"}},
    ...     "rewards": {"kind": "composite", "max_cost": 0.01},
    ...     "shields": {"latency_ms": 2000},
    ... }
    >>> with configured(settings) as made:
    ...     made.engine.recommend("route", {}, ["large", "small"])
    'small'
    """
    settings, source = check_config(config), source_of(config)
    if settings.snapshots is not None and settings.stores is None and store is None:
        msg = f"{source}: snapshots are set, and there is nowhere to save to; set stores too"
        raise ConfigurationError(msg)
    with ExitStack() as closing:
        file = None if settings.flags is None else settings.flags.file
        with located(source, "flags"):
            flags = Flags.from_environment(file=file)
        closing.callback(flags.close)
        reward, shields = _reward(settings.rewards, source), _shields(settings.shields, source)
        if store is None and settings.stores is not None:
            with located(source, "stores"):
                store = settings.stores.open()
        tracer = None
        if settings.tracing is not None:
            with located(source, "tracing"):
                tracer = settings.tracing.open()
            closing.callback(tracer.close)
        engine = _engine(settings, source, flags, store, tracer)
        snapshots = None
        if settings.snapshots is not None:
            with located(source, "snapshots"):
                snapshots = PeriodicSnapshots(engine, **settings.snapshots.model_dump(exclude_none=True))
            closing.callback(snapshots.stop)
        return Configured(engine, reward, shields, snapshots, closing.pop_all())


def engine_from_config(
    config: str | os.PathLike[str] | Mapping[str, object], *, store: EngineStore | None = None
) -> LearningEngine:
    """The engine of :func:`configured`, which is closed when the process ends."""
    made = configured(config, store=store)
    atexit.register(made.close)
    return made.engine


def check_config(config: str | os.PathLike[str] | Mapping[str, object]) -> Configuration:
    """Check settings as :func:`configured` does, without a file, a store or a thread; return them.

    Raises
    ------
    ConfigurationError
        If a setting is not as it should be; its file and its path are named.
    StoreError
        If the file cannot be read.
    """
    settings, source = load(config), source_of(config)
    _reward(settings.rewards, source)
    _shields(settings.shields, source)
    # Linear policies switched on: none is to be told of that stands in for one here.
    _engine(_unshared(settings), source, Flags({LINTS: True}), None, None)
    return settings


def _engine(
    settings: Configuration, source: str, flags: Flags, store: EngineStore | None, tracer: Tracer | None
) -> LearningEngine:
    with located(source, "tenant"):
        tenant = TenantContext(settings.tenant.tenant, settings.tenant.workspace)
    experiments = [
        _experiment(one, settings, source, f"experiments.{turn}") for turn, one in enumerate(settings.experiments)
    ]
    with located(source, "experiments"):
        manager = ExperimentManager(experiments, flags=flags, tenant=tenant.tenant, workspace=tenant.workspace)
    engine = LearningEngine(
        experiments=manager if experiments else None, flags=flags, tenant=tenant, store=store, tracer=tracer
    )
    for name, domain in settings.domains.items():
        with located(source, f"domains.{name}"):
            engine.register_domain(
                name,
                None if domain.policy is None else _policy(domain.policy),
                domain.priors,
                default=domain.default,
                activation=_activation(domain),
            )
    return engine


def _activation(domain: DomainSettings) -> Activation | None:
    if domain.activation is not None:
        return Activation(**domain.activation.model_dump(exclude_none=True))
    return None if "activation" in domain.model_fields_set else Activation()


def _policy(settings: PolicySettings) -> Policy:
    policy: Policy = _POLICIES[settings.kind](**settings.model_dump(exclude={"kind"}, exclude_none=True))
    return policy


def _experiment(settings: ExperimentSettings, whole: Configuration, source: str, place: str) -> Experiment:
    domain = settings.id.removeprefix(_OF_DOMAIN)
    if settings.id.startswith(_OF_DOMAIN) and not settings.id.startswith(_OF_TASK) and domain not in whole.domains:
        msg = f"{source}: {place}.id is {settings.id!r}; there is no domain {domain!r} for it to stand in front of"
        raise ConfigurationError(msg)
    given = settings.model_dump(exclude={"id", "variants", "guard", "stopping"}, exclude_none=True)
    variants = {}
    for name, variant in settings.variants.items():
        with located(source, f"{place}.variants.{name}"):
            variants[name] = variant if variant is None or isinstance(variant, (str, int, float)) else _policy(variant)
    for role in ("guard", "stopping"):
        test = getattr(settings, role)
        with located(source, f"{place}.{role}"):
            if role in settings.model_fields_set:
                given[role] = None if test is None else SequentialTest(**test.model_dump(exclude_none=True))
    with located(source, place):
        return Experiment(settings.id, variants=variants, **given)


def _reward(settings: RewardSettings | None, source: str) -> RewardModel | None:
    if settings is None:
        return None
    with located(source, "rewards"):
        if isinstance(settings, CompositeSettings):
            return CompositeReward(**settings.model_dump(exclude={"kind"}, exclude_none=True))
        return RewardEngine(settings.weights)


def _shields(settings: ShieldSettings | None, source: str) -> Shields | None:
    if settings is None:
        return None
    budget = None
    if settings.budget is not None:
        with located(source, "shields.budget"):
            budget = PacedBudget(**settings.budget.model_dump(exclude_none=True))
    with located(source, "shields"):
        return Shields(settings.budget_usd, settings.latency_ms, budget=budget)


def _unshared(settings: Configuration) -> Configuration:
    """The settings with a policy of this process in the place of each shared one, whose table is a file."""
    domains = {
        name: domain.model_copy(update={"policy": _alone(domain.policy)}) for name, domain in settings.domains.items()
    }
    experiments = [
        one.model_copy(update={"variants": {name: _alone(variant) for name, variant in one.variants.items()}})
        for one in settings.experiments
    ]
    return settings.model_copy(update={"domains": domains, "experiments": experiments})


def _alone(policy: object) -> object:
    if not isinstance(policy, SharedThompsonSettings):
        return policy
    return ThompsonSettings(kind="thompson", arms=policy.arms, prior=policy.prior, seed=policy.seed)
