"""The learning loop: recommend, act, and learn from what came of it."""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Final, NamedTuple, TypeAlias, cast

from armwise._words import shown
from armwise.errors import ConfigurationError
from armwise.learning._domain import Domain
from armwise.learning.budget import PacedBudget, Reservation
from armwise.learning.engine import LearningEngine
from armwise.learning.features import FeatureStore, amount
from armwise.learning.shields import Shields
from armwise.protocols import ContextLike, RewardModel, RewardResult
from armwise.rewards import CompositeReward
from armwise.types import Label

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

    The shields leave out what is too dear or too slow; the engine chooses; `act` acts; the reward is computed; the
    policy learns it, and the engine's features the cost and the latency. While the domain's flags are off, the first
    candidate acts and the policy is left as it is.

    Parameters
    ----------
    domain : str
        What is decided.
    context : mapping, array_like or None
        Features of the request. Where the policy reads contexts and this is a mapping, the means of cost and latency
        (:meth:`armwise.learning.FeatureStore.featurize`) come in beside them.
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
        If an argument is not as described, or the reward cannot be computed of what came, or learnt: nothing is learnt
        then. What `act` raises passes through, and nothing is learnt either.

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
    turn = _begun(engine.domain(domain), context, candidates, engine, shields)
    return _learnt(turn, act(turn.arm), _REWARD if reward is None else reward)


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
    turn = _begun(engine.domain(domain), context, candidates, engine, shields)
    acting = act(turn.arm)
    if not inspect.isawaitable(acting):
        msg = f"act returned {shown(acting)}; expected something to await; learn takes an act that is not async"
        raise ConfigurationError(msg)
    return _learnt(turn, await acting, _REWARD if reward is None else reward)


def _begun(
    domain: Domain,
    context: ContextLike | None,
    candidates: Sequence[Label],
    engine: LearningEngine,
    shields: Shields | None,
) -> _Turn:
    features = engine.features
    if domain.contextual and isinstance(context, Mapping):
        context = cast("ContextLike", {**features.featurize(domain.name, context), **context})
    if shields is None:
        return _Turn(features, domain, context, *domain.ask(candidates, context), None, None)
    passed = shields.filter(domain.name, candidates, context, features.estimate)
    arm, decision_id = domain.ask(passed, context)
    reservation = shields.reserve(domain.name, arm, context, features.estimate)
    return _Turn(features, domain, context, arm, decision_id, shields.budget, reservation)


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
    if turn.budget is not None and turn.reservation is not None:  # what is spent is spent, whatever can be learnt of it
        turn.budget.settle(turn.reservation, cost)
    result = reward.compute(domain.name, context, outcome, signals)
    domain.record(context, arm, result.reward, turn.decision_id)
    turn.features.observe(domain.name, arm, cost, latency)
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
