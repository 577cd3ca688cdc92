"""The learning engine: which arm for this request, and what its reward teaches."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Final

from armwise._words import NAME, shown
from armwise.errors import ConfigurationError, UnknownArm
from armwise.learning._domain import RewardStatus
from armwise.learning._saved_engine import SavedEngine
from armwise.learning._standing import Phase
from armwise.policies import ThompsonSampling
from armwise.protocols import ContextLike, EngineStore
from armwise.types import Decision, Label

if TYPE_CHECKING:
    import os

__all__ = ["LearningEngine"]

_ROUTE: Final = "route.model.select::"


class LearningEngine(SavedEngine):
    """Serves requests by policies, each in a domain of its own, and lets them learn.

    A domain has a deterministic rule (its default, else the first candidate) and a policy. A new domain is in the
    shadow: the rule serves, and the policy learns from what was served. Once it is active, the policy serves. While
    ``ENABLE_RL_GLOBAL`` or the domain's own flag is off the rule serves, rewards are counted, and the policy is left
    as it is.

    Parameters
    ----------
    registry : PolicyRegistry, optional
        Policies by domain; those that it holds are domains of the engine. An empty one without it.
    experiments : ExperimentManager, optional
        Where it is given and ``ENABLE_EXPERIMENT_HARNESS`` is on, the experiment ``policy::{domain}`` stands in front
        of each domain. The manager asks its own flags: give both the same.
    flags : Flags, optional
        What is switched on; the environment without it, as it is now.
    tenant : TenantContext
        Whose domains these are.
    store : EngineStore, optional
        A state directory: a domain goes on from what is kept there as soon as it is registered, on a stream of random
        numbers that nobody has drawn from, and :meth:`save` writes to it.
    tracer : Tracer, optional
        Is told of each decision and each reward.
    delayed : DelayedRewards, optional
        The decisions that wait for their rewards. Without it they are kept in the store, or else in memory. Where one
        is given it may remember earlier processes, so that policies start on fresh streams.

    Raises
    ------
    ConfigurationError
        If an argument is not as described.

    Notes
    -----
    All methods may be called from many threads. A forked process goes on with what it knows, on streams of its own.

    Examples
    --------
    >>> from armwise.learning import Flags, LearningEngine
    >>> engine = LearningEngine(flags=Flags({"ENABLE_RL_GLOBAL": True, "ENABLE_RL_ROUTING": True}))
    >>> engine.register_domain("route")
    >>> engine.recommend("route", {}, ["small", "large"])  # in the shadow the first candidate serves
    'small'
    >>> rewards = {"small": 0.2, "large": 0.9}
    >>> for _ in range(50):
    ...     _ = engine.shadow_bakeoff("route", ["small", "large"], rewards.get)
    >>> engine.activate("route")
    >>> engine.recommend("route", {}, ["small", "large"])
    'large'
    >>> engine.record("route", {}, "large", 0.9)
    'applied'
    >>> status = engine.status()["route"]
    >>> status["policy"], status["phase"], status["arms"]["large"]["n"]
    ('ThompsonSampling', 'active', 51)
    """

    def recommend(self, domain: str, context: ContextLike | None, candidates: Sequence[Label]) -> Label:
        """The arm that serves a request.

        Parameters
        ----------
        domain : str
            What is decided.
        context : mapping, array_like or None
            Features of the request; user_id, session_id and request_id say whose it is and are no features.
        candidates : list or tuple of labels
            Among which to choose.

        Returns
        -------
        Label
            One of the candidates. Where the policy acts and was made with other arms, the rule's: the status counts
            these as refusals, and the first one is logged.

        Raises
        ------
        UnknownDomain
            If nobody registered the domain.
        ConfigurationError
            If there are no candidates, or an argument is not as described.
        """
        try:
            serve = self._serving[domain]
        except (KeyError, TypeError):
            serve = self._serving[self._found(domain).name]
        if candidates is None:
            msg = f"candidates is None; expected the arms among which domain {domain!r} may choose"
            raise ConfigurationError(msg)
        try:
            return serve(candidates, context)
        except UnknownArm as error:
            return self.domain(domain).fall_back(candidates, context, error)

    def decide(self, domain: str, context: ContextLike | None, candidates: Sequence[Label]) -> Decision:
        """Choose as :meth:`recommend` does, say how, and expect the reward.

        Parameters and errors are those of :meth:`recommend`.

        Returns
        -------
        Decision
            The arm, its index in the candidates, an id that no other decision of the domain has, and the probability
            with which it was chosen: 1.0 where the rule served. The id of what a policy drew says where the draw is
            found again, unless a rollback has it drawn a second time; other ids begin with an "e".
        """
        return self.domain(domain).decide(candidates, context)

    def record(
        self,
        domain: str,
        context: ContextLike | None,
        action: Label,
        reward: float,
        *,
        decision_id: str | None = None,
    ) -> RewardStatus:
        """Learn what an arm earned.

        Everything is checked first: a reward that the policy refuses is neither counted nor joined, and a decision
        that waits for it goes on waiting.

        Parameters
        ----------
        domain : str
            What was decided.
        context : mapping, array_like or None
            As it was at the decision.
        action : Label
            The arm that was served. Where it is not the one that was decided, the policy learns from what was served,
            and neither an experiment nor the evidence of the shadow takes part.
        reward : float
            Finite, within 1e70, and what the policy takes: in [0, 1] for Thompson sampling.
        decision_id : str, optional
            As :meth:`decide` gave it: the reward is taken once. Without it every call counts.

        Returns
        -------
        {"applied", "duplicate", "late", "unknown"}
            Whether it was taken, or why not: the decision has its reward, its window is over, or no such decision
            waits.

        Raises
        ------
        UnknownDomain
            If nobody registered the domain.
        UnknownArm
            If the policy was made with other arms.
        ConfigurationError
            If an argument is not as described. Nothing has changed then, unless it says that the reward is counted:
            a policy among an experiment's variants may refuse what all others have taken.
        """
        return self.domain(domain).record(context, action, reward, decision_id)

    def select_model(self, task: str, candidates: Sequence[Label], context: ContextLike | None = None) -> Label:
        """The model that serves a task: :meth:`recommend` in the domain ``route.model.select::{task}``.

        The domain is registered when a task is first named, in the shadow.
        """
        return self.recommend(self._task(task), context, candidates)

    def record_outcome(
        self, task: str, model: Label, *, reward: float, context: ContextLike | None = None
    ) -> RewardStatus:
        """Learn what a model earned at a task: :meth:`record` in the domain ``route.model.select::{task}``."""
        return self.record(self._task(task), context, model, reward)

    def shadow_bakeoff(
        self,
        domain: str,
        candidates: Sequence[Label],
        trial: Callable[[Label], float],
        context: ContextLike | None = None,
    ) -> dict[Label, float]:
        """Try every candidate of one request: the policy learns from all of them, and the evidence is exact.

        It is evidence about the requests that are tried so. Pick them without a look at what is asked, every third
        or by chance, for it to be evidence about all.

        Parameters
        ----------
        domain : str
            What is decided.
        candidates : list or tuple of labels
            What is tried, in this order.
        trial : callable
            Tries an arm and returns its reward.
        context : mapping, array_like, optional
            Features of the request.

        Returns
        -------
        dict of label to float
            The rewards.

        Raises
        ------
        UnknownDomain, UnknownArm, ConfigurationError
            As :meth:`record`; nothing is learnt then. What `trial` raises passes through.
        """
        return self.domain(domain).bakeoff(candidates, trial, context)

    def phase(self, domain: str) -> Phase:
        """Whether the policy of a domain serves (``active``) or stands by (``shadow``), where its flags are on.

        Raises
        ------
        UnknownDomain
            If nobody registered the domain.
        """
        return self.domain(domain).phase

    @classmethod
    def from_config(
        cls, config: str | os.PathLike[str] | Mapping[str, object], *, store: EngineStore | None = None
    ) -> LearningEngine:
        """The engine that a file ``armwise.yaml``, or what it holds, describes.

        Raises
        ------
        ConfigurationError
            If it is not as the schema says; the file and the field are named.
        """
        from armwise.learning._from_config import engine_from_config  # noqa: PLC0415 - pydantic only where it is used

        return engine_from_config(config, store=store)

    def _task(self, task: object) -> str:
        """The domain of a task, which is registered where it is new."""
        name = f"{_ROUTE}{task}" if isinstance(task, str) and task else ""
        if name not in self._domains:
            if not NAME.fullmatch(name):
                msg = f"task is {shown(task)}; expected a name of at most {200 - len(_ROUTE)} printable characters"
                raise ConfigurationError(msg)
            with self._gate.held():
                if name not in self._domains:
                    self._adopt(name, self.registry.get(name) if name in self.registry else ThompsonSampling())
        return name
