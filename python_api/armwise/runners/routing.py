"""The main job: every policy on the same feedback, over many seeds.

Each seed shuffles the requests, into the same order for every policy, and seeds the policy. A policy sees one
request at a time, chooses an arm, and learns the utility of that arm alone. Uniform random choice is the
floor; the best fixed arm (the one that earns most over all requests, known only in hindsight) and the oracle
(the best arm of every request) are the lines to reach.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from time import perf_counter_ns

import numpy as np
from numpy.typing import NDArray

from armwise.clock import nanoseconds
from armwise.errors import ConfigurationError
from armwise.runners._tally import Game, Tally
from armwise.runners.contestants import CONTESTANTS, Contestant, RunningMean, linear_features
from armwise.runners.dataset import Feedback
from armwise.runners.routing_report import RoutingReport
from armwise.telemetry.log import DecisionLog, remove_parts
from armwise.types import FloatArray, Label

__all__ = ["run_routing", "write_log"]

_WARM_UP = 64
_DOMAIN = "route"


def run_routing(
    data: Feedback,
    *,
    seeds: int = 20,
    cost_weight: float = 20.0,
    contestants: Sequence[Contestant] = CONTESTANTS,
    progress: Callable[[str], None] | None = None,
) -> RoutingReport:
    """Replay the feedback with every policy and uniform random choice.

    Parameters
    ----------
    data : Feedback
        What to replay.
    seeds : int
        Number of seeds, 0 to ``seeds - 1``; at least 1.
    cost_weight : float
        Utility is reward - cost_weight * cost in USD, clipped to [0, 1].
    contestants : sequence of Contestant
        The policies.
    progress : callable, optional
        Called with a policy's title after each of its seeds.

    Returns
    -------
    RoutingReport
        Utilities, regrets, shares, latencies.

    Raises
    ------
    ConfigurationError
        If `seeds` or `cost_weight` cannot be meant.
    """
    if seeds < 1:
        msg = f"seeds is {seeds}; expected at least 1"
        raise ConfigurationError(msg)
    utility = data.utility(cost_weight)
    features = linear_features(data.context)
    orders = [_order(seed, len(utility)) for seed in range(seeds)]
    tally = Tally(utility)
    results = []
    for contestant in contestants:
        # The first calls of a process compile, load and cache; they belong to no seed.
        _play(contestant, 0, data.arms, orders[0][:_WARM_UP], utility, features)
        games: list[Game] = []
        for seed, order in enumerate(orders):
            games.append(_play(contestant, seed, data.arms, order, utility, features))
            if progress is not None:
                progress(contestant.title)
        results.append(tally.result(contestant.name, contestant.title, orders, games))
    floor = [Game(np.random.default_rng([seed, 1]).integers(0, len(data.arms), len(utility))) for seed in range(seeds)]
    results.append(tally.result("random", "uniform random", orders, floor))
    return RoutingReport(
        data=data.name,
        requests=len(utility),
        seeds=seeds,
        arms=data.arms,
        cost_weight=cost_weight,
        arm_utility=tuple(utility.mean(axis=0).tolist()),
        best_fixed=data.arms[tally.best],
        best_fixed_utility=tally.best_utility,
        oracle_utility=tally.oracle_utility,
        results=tuple(results),
    )


def write_log(path: Path, data: Feedback, contestant: Contestant, *, seed: int = 0, cost_weight: float = 20.0) -> None:
    """Play one seed once more and log every decision and update, between two checkpoints.

    The arms are those of `run_routing` with the same seed: ``decide`` takes the same draw as ``select``. A
    linear policy learns its rewards less their running mean; the log holds both what was earned and what was
    learned.

    Parameters
    ----------
    path : Path
        Where; a log that stands there is replaced.
    data : Feedback
        What to replay.
    contestant : Contestant
        The policy.
    seed : int
        Which seed.
    cost_weight : float
        As for `run_routing`.

    Raises
    ------
    StoreError
        If the log cannot be written.
    """
    utility = data.utility(cost_weight)
    features = linear_features(data.context)
    policy = contestant.build(data.arms, dim=features.shape[1], seed=seed)
    mean = RunningMean()
    remove_parts(path)
    with DecisionLog(path, sync="none") as log:
        log.checkpoint(policy.state_dict(), domain=_DOMAIN)
        for row in _order(seed, len(utility)):
            context, now = features[row], nanoseconds()
            decision = policy.decide(None, context if contestant.linear else None, now)
            log.decision(decision, seed=policy.seed, domain=_DOMAIN, context=context, time=now)
            reward = float(utility[row, decision.index])
            learned = mean.centre(reward) if contestant.linear else reward
            policy.update(decision.arm, learned, context if contestant.linear else None, now)
            log.update(
                decision.arm,
                reward,
                learned=learned,
                policy_version=policy.policy_version,
                decision_id=decision.decision_id,
                domain=_DOMAIN,
                context=context if contestant.linear else None,
                time=now,
            )
        log.checkpoint(policy.state_dict(), domain=_DOMAIN)


def _play(
    contestant: Contestant,
    seed: int,
    arms: tuple[str, ...],
    order: NDArray[np.int64],
    utility: FloatArray,
    features: FloatArray,
) -> Game:
    """Let a fresh policy choose and learn, request by request."""
    policy = contestant.build(arms, dim=features.shape[1], seed=seed)
    place: dict[Label, int] = {arm: index for index, arm in enumerate(arms)}
    linear = contestant.linear
    mean = RunningMean()
    chosen = np.empty(len(order), np.int64)
    took = np.empty(len(order), np.int64)
    begun = perf_counter_ns()
    for step, row in enumerate(order):
        context = features[row] if linear else None
        before = perf_counter_ns()
        arm = policy.select(None, context)
        after = perf_counter_ns()
        index = place[arm]
        reward = float(utility[row, index])
        policy.update(arm, mean.centre(reward) if linear else reward, context)
        chosen[step] = index
        took[step] = after - before
    return Game(chosen, took, perf_counter_ns() - begun)


def _order(seed: int, requests: int) -> NDArray[np.int64]:
    """Return the order in which a seed sees the requests."""
    return np.random.default_rng(seed).permutation(requests)
