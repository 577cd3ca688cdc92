"""Prompt selection: which wording of a prompt works best, by what is known at once and by thumbs that come later.

Two domains, each with the same three prompts as arms. The answers of `prompt.title` are judged on the spot, so that
`learn` does the whole turn. Those of `prompt.reply` are judged by people, minutes or days later, most never: `decide`
gives an id, the application keeps it beside the answer, and `record` joins the thumb to its decision, once. Decisions
wait in a state directory, so that a restart in between loses none of them.

In production the flags come from the environment, `Flags.from_environment()`:

    ENABLE_RL_GLOBAL=1 ENABLE_RL_PROMPT=1
"""

from __future__ import annotations

import random
import tempfile
from collections import Counter

from armwise import ThompsonSampling
from armwise.learning import Flags, LearningEngine, learn
from armwise.rewards import CompositeReward
from armwise.stores import StateDirectory
from armwise.types import Label

PROMPTS = {  # arm: how often its answer is liked, and how many tokens it makes the model write
    "plain": (0.40, 300),
    "think step by step": (0.80, 900),
    "answer in two sentences": (0.60, 120),
}
USD_PER_TOKEN, MS_PER_TOKEN = 1e-5, 2.0

world = random.Random(20240229)


def started(folder: str) -> LearningEngine:
    """The engine of one process, which goes on from what the folder holds."""
    flags = Flags({"ENABLE_RL_GLOBAL": True, "ENABLE_RL_PROMPT": True})
    engine = LearningEngine(flags=flags, store=StateDirectory(folder))
    for domain in ("prompt.title", "prompt.reply"):
        engine.register_domain(domain, ThompsonSampling(list(PROMPTS), seed=7), activation=None)
        engine.activate(domain)
    return engine


def act(prompt: Label) -> tuple[dict[str, float], dict[str, float]]:
    """Ask the model and judge its answer: the outcome and the signals. Simulated here."""
    liked, tokens = PROMPTS[str(prompt)]
    outcome = {"cost_usd": tokens * USD_PER_TOKEN, "latency_ms": tokens * MS_PER_TOKEN}
    return outcome, {"quality": min(1.0, max(0.0, world.gauss(liked, 0.2)))}


with tempfile.TemporaryDirectory() as folder:
    engine = started(folder)
    reward = CompositeReward(quality_weight=1.0, cost_weight=0.5, latency_weight=0.5, max_cost=0.01)
    titles = [learn("prompt.title", {}, list(PROMPTS), act, engine=engine, reward=reward) for _ in range(1000)]
    print("titles, by quality, cost and speed:", Counter(result.arm for result in titles[-500:]).most_common(1)[0][0])

    waiting = []
    for _ in range(2000):
        decision = engine.decide("prompt.reply", {}, list(PROMPTS))
        waiting.append(decision)
        if len(waiting) > 50 and world.random() < 0.4:  # four in ten readers say what they think, later
            rated = waiting.pop(world.randrange(50))
            thumb = float(world.random() < PROMPTS[str(rated.arm)][0])
            engine.record("prompt.reply", {}, rated.arm, thumb, decision_id=rated.decision_id)
    print("replies, by thumbs alone:", Counter(one.arm for one in waiting[-500:]).most_common(1)[0][0])

    engine.save()
    engine = started(folder)  # the process starts anew; a thumb for an answer of the one before comes in, twice
    print("all that waited wait still:", engine.delayed.counts["pending"] == len(waiting))
    last = waiting[-1]
    twice = [engine.record("prompt.reply", {}, last.arm, 1.0, decision_id=last.decision_id) for _ in range(2)]
    print("after a restart:", *twice)
    print("a made-up id:", engine.record("prompt.reply", {}, last.arm, 1.0, decision_id="made-up"))
