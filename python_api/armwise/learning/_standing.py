"""Where a domain stands: who serves it now, and its whole state.

A request takes no lock; it is served by what was put in place last. Rewards and changes of phase pass through the
domain's gate one by one, so that statistics, evidence, policy and the number of the last joined reward always agree,
and a snapshot finds them so.
"""

from __future__ import annotations

import itertools
import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import Final, Literal, TypeAlias

from armwise._fields import COUNTS, Fields
from armwise._labels import check_labels
from armwise._words import one_line
from armwise.clock import nanoseconds
from armwise.experiments._registry import FLAG
from armwise.experiments.trial import Core
from armwise.learning._experiment import handle_of
from armwise.learning._gate import Gate
from armwise.learning._restoring import Load, prepared_policy, read_since
from armwise.learning._services import Services, Way
from armwise.learning._serving import Serve, by_policy, by_rule, reads_contexts
from armwise.learning._shadow import Activation, Evidence
from armwise.learning._statistics import ArmStatistics
from armwise.learning._trials import OpenTrials
from armwise.policies import LinTSDiag, SharedThompsonSampling, ThompsonSampling
from armwise.policies._bound import BoundPolicy
from armwise.protocols import ContextLike, Policy
from armwise.types import Decision, Label, State

__all__ = ["BY_EVIDENCE", "LOG", "Phase", "Standing", "applied_in"]

LOG: Final = logging.getLogger("armwise.learning")

BY_EVIDENCE: Final = "its evidence says that it earns no less than the deterministic choice"
"""Why a policy acts that nobody has activated."""

Phase: TypeAlias = Literal["shadow", "active"]
"""Whether a domain's policy stands by or serves."""

_LINTS: Final = "ENABLE_RL_LINTS"
_VERSION: Final = 1
_BESIDE: Final = 1 << 62
"""The bit of a stream by which that of a stand-in differs."""


class Standing:
    """A domain's rule, its policy, and what is known of both.

    Parameters
    ----------
    name : str
        As it is registered.
    policy : Policy
        What stands by in the shadow, and serves in action.
    services : Services
        What the domains of the engine share.
    default : Label, optional
        What serves where no policy acts; the first candidate without it.
    activation : Activation or None
        When the policy activates itself; only by hand where None.
    """

    def __init__(
        self, name: str, policy: Policy, services: Services, default: Label | None, activation: Activation | None
    ) -> None:
        self.name = name
        self.policy = policy
        self.applied: int | None = None
        self._services = services
        self._rule = by_rule(default)
        self._acting = False
        self._since: State | None = None
        self._statistics = ArmStatistics()
        self._activation = activation
        self._evidence: Evidence | None = None
        self._earner: Policy | None = None
        self._refusals = 0
        self._failures: dict[str, int] = {}
        self._last_refusal: str | None = None
        self._stand_in: ThompsonSampling | None = None
        self._open = OpenTrials()
        self._requests = itertools.count()
        self._gate = Gate()
        self._is_open = False
        self._way = self._put_in_place()

    @property
    def keeps_itself(self) -> bool:
        """Whether the policy's evidence outlives the process without being saved."""
        return isinstance(self.policy, SharedThompsonSampling)

    def open(self) -> None:
        """Serve requests from now on."""
        with self._gate.held():
            self._is_open = True
            self._put_in_place()

    @property
    def phase(self) -> Phase:
        """Whether the policy serves, where its flags are on."""
        return "active" if self._acting else "shadow"

    def refresh(self) -> None:
        """Put in place what flags and phase now call for."""
        with self._gate.held():
            self._put_in_place()

    def enter(self, *, acting: bool, why: str) -> None:
        """Let the policy act, or stand by in the shadow again."""
        with self._gate.held():
            self._enter(acting=acting, why=why)

    @property
    def _activates(self) -> str:
        """What may end the shadow, for people: the policy's evidence, or only a hand, and why."""
        if self._activation is None:
            return "by hand"
        if self._since is not None:  # only a hand leads back into the shadow, and only a hand leads out of it again
            return "by hand, since it was activated or deactivated"
        if self._evidence is not None and self._evidence.void:
            return "by hand, since a reward was outside [0, 1]"
        return "by evidence"

    def status(self) -> State:
        """What stands where, for people; arms under their own labels."""
        with self._gate.held():
            return {
                "policy": type(self._way.learner).__name__,
                "phase": self.phase,
                "arms": self._statistics.summary(),  # type: ignore[dict-item]  # labels, which need not be text
                "serving": self._way.phase,
                "since": self._since,
                "activates": self._activates,
                "evidence": None if self._evidence is None else self._evidence.summary(),
                "refusals": self._refusals,
                "last_refusal": self._last_refusal,
                "failures": dict(self._failures),
            }

    def state_dict(self) -> State:
        """The policy's state, with the engine's own beside it."""
        with self._gate.held():
            own: State = {
                "version": _VERSION,
                "phase": self.phase,
                "since": self._since,
                "statistics": self._statistics.state_dict(),
                "evidence": None if self._evidence is None else self._evidence.state_dict(),
                "earner": type(self._way.learner).__name__,
                "applied": self.applied,
                "stand_in": None if self._stand_in is None else self._stand_in.state_dict(),
            }
            return self.policy.state_dict() | {"engine": own}

    def prepared(self, state: Mapping[str, object]) -> Load:
        """Check a state as a whole, and return what makes the domain become it.

        Which rewards were joined so far is not a state's to say: those that a rollback forgets must not come again.

        Raises
        ------
        SnapshotError
            If anything in it is missing or cannot be; nothing has changed then.
        """
        return self._prepared(*prepared_policy(self.policy, state), state)

    def resumed(self, state: Mapping[str, object]) -> Load:
        """Check what is kept of the domain, as :meth:`prepared` does, for a start.

        A policy that keeps itself knows more than what was saved.
        """
        return self._prepared(None, None, state) if self.keeps_itself else self.prepared(state)

    def _prepared(
        self,
        foreign: Callable[[], Callable[[], None]] | None,
        load_policy: Callable[[], None] | None,
        state: Mapping[str, object],
    ) -> Load:
        """Check the engine's own part of a state; return what loads it, and the policy."""
        loads = [] if load_policy is None else [load_policy]
        fields = Fields(state)
        if not fields.says("engine"):  # a policy's own state, as :meth:`Policy.state_dict` gives it
            loads.append(self._begin_evidence)
            return Load(self._gate, foreign, partial(_each, loads))
        own = fields.fields("engine")
        own.version(_VERSION)
        phase = own.text("phase")
        if phase not in {"active", "shadow"}:
            own.refuse("phase", "'active' or 'shadow'")
        since = read_since(own)
        statistics = ArmStatistics.restored(own.fields("statistics"))
        evidence = None if self._activation is None else Evidence(self._activation)
        if evidence is not None and own.says("evidence"):
            evidence = evidence.restored(own.fields("evidence"))
        if own.says("applied"):
            own.whole("applied")
        stand_in = self._stand_in
        if own.says("stand_in"):
            stand_in = ThompsonSampling()
            _, load_stand_in = prepared_policy(stand_in, own.mapping("stand_in"))
            loads += [] if load_stand_in is None else [load_stand_in]
        # A state of before this was kept: a stand-in that it holds is what learnt.
        stood_in = isinstance(self.policy, LinTSDiag) and own.says("stand_in")
        earner = own.text("earner") if own.says("earner") else type(stand_in if stood_in else self.policy).__name__

        def load() -> None:
            _each(loads)
            self._acting, self._since = phase == "active", since
            self._statistics, self._stand_in = statistics, stand_in
            self._evidence = None if since is not None and not self._acting else evidence
            learner = self._learner()
            if type(learner).__name__ == earner:
                self._earner = learner
            else:
                self._change_earner(learner)
            self._put_in_place()

        return Load(self._gate, foreign, load)

    def take_streams(self, take: Callable[[], int]) -> None:
        """Let each policy of the domain go on from the start of a stream that nobody else draws from."""
        with self._gate.held():
            for policy in (self.policy, self._stand_in):
                if isinstance(policy, BoundPolicy):
                    policy.take_stream(take())

    def _put_in_place(self) -> Way:
        services = self._services
        on = services.flags.on(self.name)
        learner = self._learner()
        if learner is not self._earner:
            self._change_earner(learner)
        manager = services.experiments if on and services.flags.enabled(FLAG) else None
        way = self._way = Way(
            rule=self._rule,
            learner=learner,
            contextual=reads_contexts(learner),
            learns=on,
            acts=on and self._acting,
            manager=manager,
        )
        if self._is_open:
            services.serving[self.name] = self._server(way) if manager is None else self._serve_trial
        return way

    def _change_earner(self, learner: Policy) -> None:
        """Let another policy earn its own evidence; what acts by evidence acts by its own."""
        self._earner = learner
        if self._acting and self._since is not None and self._since["why"] == BY_EVIDENCE:
            self._acting, self._since = False, None
            LOG.warning(
                "domain %r is in the shadow now: its evidence is not that of the %s", self.name, type(learner).__name__
            )
        self._begin_evidence()

    def _begin_evidence(self) -> None:
        """Forget the evidence; gather it anew where a policy in the shadow may activate itself."""
        gathers = self._acting or self._since is None
        self._evidence = Evidence(self._activation) if self._activation is not None and gathers else None

    def _server(self, way: Way) -> Serve:
        return by_policy(way.learner) if way.acts else way.rule

    def _learner(self) -> Policy:
        """The policy; while linear ones are switched off, a plain one in the place of a linear one."""
        if not isinstance(self.policy, LinTSDiag) or self._services.flags.enabled(_LINTS):
            return self.policy
        if self._stand_in is None:
            # It draws again what it drew where the linear policy does, and on a stream that is not the linear one's.
            self._stand_in = ThompsonSampling(seed=self.policy.seed)
            self._stand_in.take_stream(self.policy.stream ^ _BESIDE)
            LOG.warning("%s is off: a ThompsonSampling stands in for the LinTSDiag of domain %r", _LINTS, self.name)
        return self._stand_in

    def _serve_trial(self, candidates: Sequence[Label], context: ContextLike | None = None) -> Label:
        way = self._way
        if way.manager is None:  # the flag went off after this request had looked up who serves
            return self._server(way)(candidates, context)
        trial = way.manager.decide(self.name, context, candidates, self._core(way, candidates, context))
        if trial.reason == "counted":
            with self._gate.held():
                self._open.keep(handle_of(context, trial.arm), trial)
        return trial.arm

    def _core(self, way: Way, candidates: Sequence[Label], context: ContextLike | None) -> Core:
        return way.learner if way.acts else lambda: self._ruled(way, candidates, context)

    def _ruled(self, way: Way, candidates: Sequence[Label], context: ContextLike | None) -> Decision:
        labels = check_labels(candidates, "candidates")
        arm = way.rule(labels, context)
        identity = self._services.identities.take()
        return Decision(arm, labels.index(arm), identity, way.learner.policy_version, 1.0, "exact")

    def _enter(self, *, acting: bool, why: str) -> None:
        self._acting = acting
        self._since = {"why": why, "time": nanoseconds()}
        if not acting:
            self._begin_evidence()
        self._put_in_place()
        # What nobody did by hand must not go unnoticed.
        level = logging.WARNING if why == BY_EVIDENCE else logging.INFO
        LOG.log(level, "domain %r is %s now: %s", self.name, "active" if acting else "in the shadow", why)

    def _refuse(self, error: Exception) -> None:
        self._refusals += 1
        self._last_refusal = one_line(f"{type(error).__name__}: {error}")

    def _fail(self, what: str, error: Exception, instead: str) -> None:
        """Count what must not fail a request, and tell it the first time."""
        with self._gate.held():
            count = self._failures[what] = self._failures.get(what, 0) + 1
        if count == 1:
            LOG.warning(
                "domain %r: %s; %s (%s: %s); further ones are counted in its status",
                self.name,
                what,
                instead,
                type(error).__name__,
                one_line(str(error)),
            )


def _each(loads: Iterable[Callable[[], None]]) -> None:
    for load in loads:
        load()


def applied_in(state: Mapping[str, object]) -> int | None:
    """The number of the last joined reward that a domain's state holds; None where it holds none."""
    own = state.get("engine")
    applied = own.get("applied") if isinstance(own, Mapping) else None
    return applied if type(applied) is int and 0 <= applied <= COUNTS else None
