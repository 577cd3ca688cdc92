"""Plugin runtime: how long a plugin in its sandbox may take before it is stopped.

Arms are timeouts: what the plugin asks for, and half of that, but not less than a second. A shorter one gives up
answers that would still have come, and frees the user and the sandbox when none would. Which is better is a matter
of the plugin, so each has a domain of its own, and a reward that sets an answer against the time that was waited.

In the shadow the longest timeout serves, as ever. One such run shows what every shorter one would have given, so that
each request is a bake-off that costs nothing.

In production the flags come from the environment, `Flags.from_environment()`:

    ENABLE_RL_GLOBAL=1 ENABLE_RL_PLUGIN=1
"""

from __future__ import annotations

import random
from collections import Counter
from functools import partial

from armwise import ThompsonSampling
from armwise.evaluation import mean_interval
from armwise.learning import Activation, Flags, LearningEngine, learn
from armwise.learning.domains import timeout_arms
from armwise.learning.loop import Acted
from armwise.rewards import CompositeReward
from armwise.types import Label

TIMEOUT = 10.0
CALLS = 4000
PLUGINS = {  # plugin: median of its latency in seconds, spread of the logarithm, and how often it hangs for good
    "weather": (0.8, 0.4, 0.25),
    "tax-forms": (6.0, 0.2, 0.02),
}

world = random.Random(20240229)


def needed(plugin: str) -> float:
    """How many seconds a plugin needs this time. Simulated here."""
    median, spread, hangs = PLUGINS[plugin]
    return float("inf") if world.random() < hangs else median * world.lognormvariate(0.0, spread)


def came(seconds: float, timeout: Label) -> Acted:
    """What comes of a run that needs these seconds and is stopped after `timeout`: outcome and signals."""
    limit = float(timeout)
    return {"cost_usd": 0.0, "latency_ms": 1000.0 * min(seconds, limit)}, {"quality": float(seconds <= limit)}


# All of the ten seconds weigh a third of an answer. A run costs no money, so its cost weighs nothing.
reward = CompositeReward(
    quality_weight=3.0, cost_weight=0.0, latency_weight=1.0, latency_ms_window=1000.0 * TIMEOUT, max_cost=1.0
)
engine = LearningEngine(flags=Flags({"ENABLE_RL_GLOBAL": True, "ENABLE_RL_PLUGIN": True}))
timeouts = timeout_arms(TIMEOUT)
for plugin in PLUGINS:
    domain = f"plugin.{plugin}"
    engine.register_domain(domain, ThompsonSampling(timeouts, seed=7), activation=Activation(margin=0.02))
    shadowed = 0
    while engine.phase(domain) == "shadow" and shadowed < CALLS:
        seconds = needed(plugin)
        trials: dict[Label, float] = {
            timeout: reward.compute(domain, {}, *came(seconds, timeout)).reward for timeout in timeouts
        }
        engine.shadow_bakeoff(domain, timeouts, trials.__getitem__)
        shadowed += 1
    gains, served = [], Counter[Label | None]()
    for _ in range(CALLS - shadowed):
        seconds = needed(plugin)
        result = learn(domain, {}, timeouts, partial(came, seconds), engine=engine, reward=reward)
        gains.append(result.reward - reward.compute(domain, {}, *came(seconds, TIMEOUT)).reward)
        served[result.arm] += 1
    gain = mean_interval(gains)
    print(f"{plugin}: active after {shadowed} requests, then {dict(served.most_common())}")
    print(f"  gain on the fixed timeout {gain.mean:+.4f} +- {gain.half_width:.4f}, no worse: {gain.upper >= 0.0}")
