"""The domains of an engine: how they come in, from what is kept of them, and where they are found."""

from __future__ import annotations

import warnings
import weakref
from collections.abc import Callable, Mapping
from typing import Final

from armwise._fields import NewerVersion
from armwise._labels import check_label
from armwise._words import shown, suspected
from armwise.errors import ArmwiseError, ConfigurationError
from armwise.experiments import ExperimentManager
from armwise.learning._domain import Domain
from armwise.learning._domain_names import check_domain
from armwise.learning._gate import Gate
from armwise.learning._identities import Identities
from armwise.learning._keeping import Keeping
from armwise.learning._priors import add_priors, check_priors
from armwise.learning._restoring import state_of, take_on
from armwise.learning._services import Services
from armwise.learning._serving import Serve
from armwise.learning._shadow import Activation
from armwise.learning._standing import applied_in
from armwise.learning.features import FeatureStore
from armwise.learning.flags import Flags
from armwise.learning.registry import PolicyRegistry
from armwise.learning.tenant import TenantContext
from armwise.policies import ThompsonSampling
from armwise.protocols import EngineStore, Policy, Tracer
from armwise.rewards import DelayedRewards
from armwise.types import Label

__all__ = ["EngineDomains"]

_ACTIVATION: Final = Activation()


class EngineDomains:
    """An engine's domains, and what they share; see :class:`armwise.learning.LearningEngine`."""

    def __init__(
        self,
        registry: PolicyRegistry | None = None,
        *,
        experiments: ExperimentManager | None = None,
        flags: Flags | None = None,
        tenant: TenantContext | None = None,
        store: EngineStore | None = None,
        tracer: Tracer | None = None,
        delayed: DelayedRewards | None = None,
    ) -> None:
        for name, value, kind in (
            ("registry", registry, PolicyRegistry),
            ("experiments", experiments, ExperimentManager),
            ("flags", flags, Flags),
            ("tenant", tenant, TenantContext),
            ("delayed", delayed, DelayedRewards),
        ):
            if value is not None and not isinstance(value, kind):
                msg = f"{name} is {shown(value)}; expected a {kind.__name__}"
                raise ConfigurationError(msg)
        if tracer is not None and not all(callable(getattr(tracer, told, None)) for told in ("decided", "rewarded")):
            msg = f"tracer is {shown(tracer)}; expected one such as armwise.telemetry.trace.DecisionTracer"
            raise ConfigurationError(msg)
        self.registry = PolicyRegistry() if registry is None else registry
        self.experiments = experiments
        self.flags = Flags.from_environment() if flags is None else flags
        self.tenant = TenantContext() if tenant is None else tenant
        self.features = FeatureStore()
        self._keeping = Keeping(self.tenant, store)
        self.delayed = self._keeping.pending() if delayed is None else delayed
        self._starts_afresh = store is not None or delayed is not None
        self._serving: dict[str, Serve] = {}
        self._domains: dict[str, Domain] = {}
        self._services = Services(
            self.flags, self.delayed, experiments, tracer, Identities(self._keeping.take_stream()), self._serving
        )
        self._saving = Gate()  # before those of the domains, which a save enters one after the other
        self._gate = Gate()
        # A store that was made anew, beside a snapshot of before, must number its rewards behind those in the snapshot.
        self._say_saved(self._keeping.states)
        # Flags hold who subscribed: one that outlives the engine must not keep it alive.
        weakref.finalize(self, self.flags.subscribe(_refresher(weakref.ref(self))))
        for domain, policy in self.registry.items():
            self._adopt(domain, policy)

    def register_domain(
        self,
        name: str,
        policy: Policy | None = None,
        priors: Mapping[Label, object] | None = None,
        *,
        default: Label | None = None,
        activation: Activation | None = _ACTIVATION,
    ) -> None:
        """Serve one more domain; it starts in the shadow, or as the store knows it.

        Parameters
        ----------
        name : str
            1 to 200 printable characters. Its flag is that of :func:`armwise.learning.flag_of`.
        policy : Policy, optional
            Thompson sampling over whatever candidates come, without it.
        priors : mapping of label to prior, optional
            What is known of arms that the policy does not hold yet: each is added with its prior, as by `add_arm`.
        default : Label, optional
            What serves where no policy acts and it is among the candidates; else the first candidate.
        activation : Activation or None
            When the policy activates itself; only by hand where None.

        Raises
        ------
        ConfigurationError
            If an argument is not as described, or there is such a domain; nothing has changed then.
        SnapshotError
            If the store holds the domain in a state that cannot be this policy's; nothing has changed then.
        """
        check_domain(name)
        if default is not None:
            check_label(default, "default")
        if activation is not None:
            if not isinstance(activation, Activation):
                msg = f"activation is {shown(activation)}; expected an Activation, or None"
                raise ConfigurationError(msg)
            activation.checked()
        if policy is not None and (isinstance(policy, type) or not isinstance(policy, Policy)):
            msg = f"policy is {shown(policy)}; expected a policy, such as armwise.ThompsonSampling()"
            raise ConfigurationError(msg)
        with self._gate.held():
            if name in self._domains or name in self.registry:
                msg = f"there is a domain {name!r} already; give this one another name"
                raise ConfigurationError(msg)
            self._adopt(name, ThompsonSampling() if policy is None else policy, default, activation, priors)

    def activate(self, domain: str, *, why: str = "by hand") -> None:
        """Let the policy of a domain serve from the next request on.

        Raises
        ------
        UnknownDomain
            If nobody registered it.
        """
        self.domain(domain).enter(acting=True, why=why)

    def deactivate(self, domain: str, *, why: str = "by hand") -> None:
        """Put the policy of a domain into the shadow again, from the next request on.

        There it stays until :meth:`activate` is called: its evidence is forgotten, and none is taken any more.

        Raises
        ------
        UnknownDomain
            If nobody registered it.
        """
        self.domain(domain).enter(acting=False, why=why)

    def _adopt(
        self,
        name: str,
        policy: Policy,
        default: Label | None = None,
        activation: Activation | None = _ACTIVATION,
        priors: object = None,
    ) -> None:
        """Serve a domain, from what is kept of it."""
        added = check_priors(policy, priors)
        domain = Domain(name, policy, self._services, default, activation)
        changes = (added or self._keeping.kept) and not domain.keeps_itself
        before = state_of(policy) if changes else None
        newer = None
        try:
            if self._keeping.kept:
                newer = self._go_on(domain)
            add_priors(policy, added)
            if self._starts_afresh:
                domain.take_streams(self._keeping.take_stream)
            if name not in self.registry:
                self.registry.register(name, policy)
        except ArmwiseError:
            if before is not None:
                policy.load_state(before)
            raise
        self._domains[name] = domain
        domain.open()
        if newer is not None:  # told when all is done: where warnings are errors, this is one
            warnings.warn(f"domain {name!r} starts afresh: {newer}", stacklevel=3)

    def _go_on(self, domain: Domain) -> NewerVersion | None:
        """Bring a domain to where it was when its workspace was last used; return why that is not known."""
        newer = None
        kept = self._keeping.states.get(domain.name)
        if kept is not None:
            try:
                with suspected():
                    load = domain.resumed(kept)
            except NewerVersion as error:
                newer = error
            else:
                take_on([load])
                domain.applied = applied_in(kept)
        domain.catch_up(self.delayed.unsaved(domain.name, domain.applied or 0))
        return newer

    def _say_saved(self, states: Mapping[str, Mapping[str, object]]) -> None:
        """Tell the pending decisions which rewards the states of a snapshot hold."""
        for name, state in states.items():
            applied = applied_in(state)
            if applied is not None:
                self.delayed.saved(name, applied)

    def _found(self, name: str) -> Domain:
        """A domain that came in through the registry.

        Raises
        ------
        UnknownDomain
            If nobody registered it.
        """
        with self._gate.held():
            policy = self.registry.get(name)
            if name not in self._domains:
                self._adopt(name, policy)
            return self._domains[name]

    def domain(self, name: str) -> Domain:
        """A domain, for the learning loop.

        Raises
        ------
        UnknownDomain
            If nobody registered it.
        """
        try:
            return self._domains[name]
        except (KeyError, TypeError):
            return self._found(name)

    def _present(self) -> list[tuple[str, Domain]]:
        return list(self._domains.items())

    def _refresh(self) -> None:
        for _, domain in self._present():
            domain.refresh()


def _refresher(watched: weakref.ref[EngineDomains]) -> Callable[[], None]:
    def refresh() -> None:
        engine = watched()
        if engine is not None:
            engine._refresh()  # noqa: SLF001 - of this class

    return refresh
