"""Tool planning: which sequence of tools answers a question, within a budget that is kept before anything runs.

Arms are plans. The cost and the latency of a plan are those of its tools, added up, and its quality is 0 if one of
them fails; the tools behind that one do not run. Every run of a tool is observed, so that shields know what a plan
will cost before it was ever tried: the dearest plan here is over the limit and never runs once its tools are known.

In production the flags come from the environment, `Flags.from_environment()`:

    ENABLE_RL_GLOBAL=1 ENABLE_RL_TOOL_PLANNING=1
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator

from armwise import ThompsonSampling
from armwise.errors import ShieldBlocked
from armwise.learning import FeatureStore, Flags, LearningEngine, Shields, learn
from armwise.learning.domains import ToolRun, plan_estimate, plan_outcome
from armwise.learning.loop import Acted
from armwise.rewards import CompositeReward
from armwise.types import Label

TOOLS = {  # tool: USD, milliseconds, how often it fails, and how good an answer is that it gives
    "cache": (0.0, 5.0, 0.60, 0.9),
    "search": (0.002, 300.0, 0.05, 0.6),
    "read": (0.004, 500.0, 0.05, 0.8),
    "browse": (0.030, 4000.0, 0.25, 0.95),
}
PLANS = {
    "look it up": ["cache"],
    "search": ["search"],
    "search, then read": ["search", "read"],
    "search, then browse": ["search", "browse"],
}

world = random.Random(20240229)
tools = FeatureStore()
ran: Counter[Label] = Counter()


def runs(plan: Label) -> Iterator[ToolRun]:
    """Run the tools of a plan, one when the next is asked for. Simulated here."""
    for tool in PLANS[str(plan)]:
        cost, usual, fails, quality = TOOLS[tool]
        latency = usual * world.uniform(0.8, 1.2)
        tools.observe("tool", tool, cost, latency)
        yield ToolRun(cost, latency, 0.0 if world.random() < fails else quality)


def act(plan: Label) -> Acted:
    """Run a plan; what comes of it is what comes of its tools."""
    ran[plan] += 1
    return plan_outcome(runs(plan))


engine = LearningEngine(flags=Flags({"ENABLE_RL_GLOBAL": True, "ENABLE_RL_TOOL_PLANNING": True}))
engine.register_domain("tool_planning", ThompsonSampling(list(PLANS), seed=7), activation=None)
engine.activate("tool_planning")
reward = CompositeReward(quality_weight=2.0, cost_weight=0.5, latency_weight=0.5, max_cost=0.02)
estimate = plan_estimate(PLANS, lambda tool: tools.estimate("tool", tool))
shields = Shields(budget_usd=0.02, latency_ms=3000.0, estimate=estimate)

for tool, (cost, latency, _, _) in TOOLS.items():  # what is known of the tools beforehand, from their price lists
    tools.observe("tool", tool, cost, latency)
earned = [
    learn("tool_planning", {}, list(PLANS), act, engine=engine, reward=reward, shields=shields).reward
    for _ in range(2000)
]
for plan in PLANS:
    print(f"{plan:20s} ran {ran[plan]:4d} times")
print(f"mean reward of the first 200: {sum(earned[:200]) / 200:.2f}, of the last 200: {sum(earned[-200:]) / 200:.2f}")
try:
    learn("tool_planning", {}, ["search, then browse"], act, engine=engine, reward=reward, shields=shields)
except ShieldBlocked as error:
    print("blocked:", str(error).partition(":")[2].partition(";")[0].strip())
print("no blocked plan ran:", ran["search, then browse"] == 0)
