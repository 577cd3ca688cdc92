"""Model routing: from a fixed choice, through the shadow, to a router that acts by itself once that is safe.

The requests are the 1,785 real prompts that come with armwise, each answered by three models. Every model in turn is
the deterministic choice that stands in production. A policy learns in its shadow; one request in three is put to all
models, which shows exactly what the policy would have earned, and costs two answers more. The policy activates itself
when a confidence sequence says that it earns no less than the fixed choice, up to MARGIN.

In production the flags come from the environment, `Flags.from_environment()`:

    ENABLE_RL_GLOBAL=1 ENABLE_RL_ROUTING=1
"""

from __future__ import annotations

import logging

import numpy as np

from armwise import ThompsonSampling
from armwise.evaluation import mean_interval
from armwise.learning import Activation, Flags, LearningEngine
from armwise.rewards import CompositeReward
from armwise.runners.dataset import bundled

DOMAIN = "route.model.select::answer"
SEEDS = 12
MARGIN = 0.03

logging.getLogger("armwise.learning").setLevel(logging.ERROR)  # each activation is told there, as a warning

data = bundled()
models = list(data.arms)
# Latency is not in these data, and none is made up: it weighs nothing here.
composite = CompositeReward(quality_weight=1.0, cost_weight=0.5, latency_weight=0.0, max_cost=0.02)
rewards = [
    {
        model: composite.compute(DOMAIN, {}, {"cost_usd": cost, "latency_ms": 0.0}, {"quality": quality}).reward
        for model, cost, quality in zip(models, costs, qualities, strict=True)
    }
    for costs, qualities in zip(data.cost.tolist(), data.reward.tolist(), strict=True)
]


def play(default: str, seed: int) -> tuple[float, float, float]:
    """The mean reward of the fixed choice, that of what served instead, and how much of the time the policy acted."""
    engine = LearningEngine(flags=Flags({"ENABLE_RL_GLOBAL": True, "ENABLE_RL_ROUTING": True}))
    policy = ThompsonSampling(models, seed=seed)
    engine.register_domain(DOMAIN, policy, default=default, activation=Activation(margin=MARGIN))
    fixed, served = [], []
    next_bakeoff = 0
    for turn, request in enumerate(np.random.default_rng(seed).permutation(len(rewards))):
        earned = rewards[request]
        fixed.append(earned[default])
        if turn == next_bakeoff and engine.phase(DOMAIN) == "shadow":
            engine.shadow_bakeoff(DOMAIN, models, earned.__getitem__)
            served.append(earned[default])  # which is what the user sees
            next_bakeoff = turn + 3
            continue
        model = engine.select_model("answer", models)
        engine.record_outcome("answer", model, reward=earned[model])
        served.append(earned[model])
    return float(np.mean(fixed)), float(np.mean(served)), 1.0 - next_bakeoff / len(rewards)


print("mean reward of a request; 95% intervals over", SEEDS, "orders of the requests")
for default in models:
    games = [play(default, seed) for seed in range(SEEDS)]
    gain = mean_interval([served - fixed for fixed, served, _ in games])
    print(
        f"{default:34s}fixed {games[0][0]:.3f}, learning {np.mean([game[1] for game in games]):.3f}, "
        f"gain {gain.mean:+.4f} +- {gain.half_width:.4f}, acting {np.mean([game[2] for game in games]):.0%} of the time"
    )
    print("  no worse than the fixed choice, beyond noise:", gain.upper >= 0.0)
