"""The learning loop: recommend, act, and learn from what came of it."""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Final, NamedTuple, TypeAlias

from armwise._words import shown
from armwise.errors import ConfigurationError
from armwise.learning._domain import Domain
from armwise.learning.budget import PacedBudget, Reservation
from armwise.learning.engine import LearningEngine
from armwise.learning.features import FeatureStore, amount
from armwise.learning.shields import Shields
from armwise.protocols import ContextLike, RewardModel, RewardResult
from armwise.rewards import CompositeReward
from armwise.types import JSON, Label

__all__ = ["Acted", "alearn", "learn"]

Acted: TypeAlias = tuple[Mapping[str, object], Mapping[str, object]]
"""What came of an arm: the outcome (``cost_usd``, ``latency_ms``) and the signals (``quality``, ...)."""

_REWARD: Final = CompositeReward(max_cost=0.01)
_LARGEST: Final = 1e15


class _Turn(NamedTuple):
    """One turn of the loop, before it acts."""

    features: FeatureStore
    domain: Domain
    context: ContextLike | None
    arm: Label
    decision_id: str | None
    foreseen: Mapping[str, JSON] | None
    budget: PacedBudget | None
    reservation: Reservation | None


def learn(
    domain: str,
    context: ContextLike | None,
    candidates: Sequence[Label],
    act: Callable[[Label], Acted],
    *,
    engine: LearningEngine,
    reward: RewardModel | None = None,
    shields: Shields | None = None,
) -> RewardResult:
    """Choose an arm, act, and learn from what came of it.

    The shields leave out what is too dear or too slow; the engine chooses; `act` acts; the engine's features learn the
    cost and the latency; the reward is computed, and the policy learns it. While the domain's flags are off, the first
    candidate acts and the policy is left as it is.

    The reward comes in the same turn, so that no pending decision is kept unless an experiment or a tracer is to know
    of it. A store that cannot keep that one fails no turn: it goes on without, and the status counts it.

    Parameters
    ----------
    domain : str
        What is decided.
    context : mapping, array_like or None
        Features of the request, as they are given: the policy that reads contexts learns with no others. Where the
        domain's means of cost and latency are to be among them, :meth:`armwise.learning.FeatureStore.featurize` gives
        these; a bake-off is to get them too.
    candidates : list or tuple of labels
        Among which to choose.
    act : callable
        Takes the arm, and returns what came of it: a mapping with ``cost_usd`` and ``latency_ms``, and one with what
        the reward reads, such as ``quality``.
    engine : LearningEngine
        Where the domain is registered.
    reward : RewardModel, optional
        Makes one number of it. ``CompositeReward(max_cost=0.01)`` without it: quality counts half, cheapness under a
        cent and speed under two seconds a quarter each.
    shields : Shields, optional
        Limits; without them every candidate may act.

    Returns
    -------
    RewardResult
        The reward, its parts, and the arm that acted.

    Raises
    ------
    UnknownDomain
        If nobody registered the domain.
    ShieldBlocked
        If no candidate is within the limits; nothing acted then.
    ConfigurationError
        If an argument is not as described: nothing has acted then. If the reward cannot be computed of what came, or
        learnt: the policy learns nothing then, and the features what the act cost, so that the shields know of it.
        What `act` raises passes through, and nothing is learnt.

    Examples
    --------
    >>> from armwise.learning import Flags, LearningEngine
    >>> engine = LearningEngine(flags=Flags({"ENABLE_RL_GLOBAL": True, "ENABLE_RL_PROMPT": True}))
    >>> engine.register_domain("prompt")
    >>> def act(prompt):
    ...     return {"cost_usd": 0.002, "latency_ms": 500.0}, {"quality": 0.9 if prompt == "terse" else 0.4}
    >>> result = learn("prompt", {}, ["terse", "chatty"], act, engine=engine)
    >>> result.arm, round(result.reward, 4)
    ('terse', 0.8375)
    """
    reward = _checked(engine, act, reward, shields)
    turn = _begun(engine.domain(domain), context, candidates, engine, shields)
    return _learnt(turn, act(turn.arm), reward)


async def alearn(
    domain: str,
    context: ContextLike | None,
    candidates: Sequence[Label],
    act: Callable[[Label], Awaitable[Acted]],
    *,
    engine: LearningEngine,
    reward: RewardModel | None = None,
    shields: Shields | None = None,
) -> RewardResult:
    """Do as :func:`learn` does, and wait for an asynchronous `act`; everything else takes microseconds.

    Examples
    --------
    >>> import asyncio
    >>> from armwise.learning import LearningEngine
    >>> engine = LearningEngine()
    >>> engine.register_domain("retrieval")
    >>> async def act(arm):
    ...     await asyncio.sleep(0)
    ...     return {"cost_usd": 0.0, "latency_ms": 40.0}, {"quality": 1.0}
    >>> asyncio.run(alearn("retrieval", {}, ["bm25", "dense"], act, engine=engine)).arm
    'bm25'
    """
    reward = _checked(engine, act, reward, shields)
    turn = _begun(engine.domain(domain), context, candidates, engine, shields)
    acting = act(turn.arm)
    if not inspect.isawaitable(acting):
        msg = f"act returned {shown(acting)}; expected something to await; learn takes an act that is not async"
        raise ConfigurationError(msg)
    return _learnt(turn, await acting, reward)


def _checked(engine: object, act: object, reward: RewardModel | None, shields: object) -> RewardModel:
    """The reward model, all arguments being what they should be."""
    if not isinstance(engine, LearningEngine):
        msg = f"engine is {shown(engine)}; expected a LearningEngine"
    elif not callable(act):
        msg = f"act is {shown(act)}; expected a function that takes the arm"
    elif shields is not None and not isinstance(shields, Shields):
        msg = f"shields are {shown(shields)}; expected Shields, or None"
    elif reward is None:
        return _REWARD
    elif callable(getattr(reward, "compute", None)):
        return reward
    else:
        msg = f"reward is {shown(reward)}; expected a reward model, such as armwise.rewards.CompositeReward()"
    raise ConfigurationError(msg)


def _begun(
    domain: Domain,
    context: ContextLike | None,
    candidates: Sequence[Label],
    engine: LearningEngine,
    shields: Shields | None,
) -> _Turn:
    features = engine.features
    if shields is None:
        asked = domain.ask(candidates, context)
        return _Turn(features, domain, context, asked.arm, domain.expect(asked), asked.foreseen, None, None)
    asked = domain.ask(shields.filter(domain.name, candidates, context, features.estimate), context)
    # Nothing waits for a turn that may not be paid for.
    reservation = shields.reserve(domain.name, asked.arm, context, features.estimate)
    try:
        decision_id = domain.expect(asked)
    except BaseException:
        if shields.budget is not None and reservation is not None:
            shields.budget.settle(reservation, 0.0)
        raise
    return _Turn(features, domain, context, asked.arm, decision_id, asked.foreseen, shields.budget, reservation)


def _learnt(turn: _Turn, acted: Acted, reward: RewardModel) -> RewardResult:
    try:
        outcome, signals = acted
    except (TypeError, ValueError):
        advice = ""
        if inspect.iscoroutine(acted):
            acted.close()
            advice = "; alearn takes an act that is async"
        msg = f"act returned {shown(acted)}; expected a pair, the outcome and the signals{advice}"
        raise ConfigurationError(msg) from None
    domain, context, arm = turn.domain, turn.context, turn.arm
    cost, latency = _spent(outcome, "cost_usd"), _spent(outcome, "latency_ms")
    # What is spent is spent, whatever can be learnt of it: the shields are to know.
    if turn.budget is not None and turn.reservation is not None:
        turn.budget.settle(turn.reservation, cost)
    turn.features.observe(domain.name, arm, cost, latency)
    result = reward.compute(domain.name, context, outcome, signals)
    if not isinstance(result, RewardResult):
        msg = (
            f"{type(reward).__name__}.compute returned {shown(result)}; expected a RewardResult; {shown(arm)} has acted"
        )
        raise ConfigurationError(msg)
    domain.record(context, arm, result.reward, turn.decision_id, turn.foreseen)
    return RewardResult(*result[:6], arm)


def _spent(outcome: Mapping[str, object], name: str) -> float:
    """What an act cost, or how long it took.

    Raises
    ------
    ConfigurationError
        If the outcome does not say.
    """
    try:
        value = outcome[name]
    except (KeyError, TypeError):
        msg = f"outcome is {shown(outcome)}; expected a mapping with {name!r}, a number that is at least 0"
        raise ConfigurationError(msg) from None
    return value if type(value) is float and 0.0 <= value <= _LARGEST else amount(name, value)
