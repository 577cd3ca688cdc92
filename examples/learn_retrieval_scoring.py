"""Retrieval scoring: how many passages to fetch for a question, by what is known of the question.

Arms are settings of top-k: 4, 1 and 12 passages of a small corpus. Quality is recall; the cost is that of the words
which a model then reads. One passage answers a narrow question and eight a broad one, so that a policy which reads
contexts earns more. LinTSDiag has a flag of its own: while that is off, a plain policy stands in for it.

In production the flags come from the environment, `Flags.from_environment()`:

    ENABLE_RL_GLOBAL=1 ENABLE_RL_RETRIEVAL=1 ENABLE_RL_LINTS=1
"""

from __future__ import annotations

import random
from collections import Counter
from functools import partial
from typing import NamedTuple

from armwise import LinTSDiag, ThompsonSampling
from armwise.learning import Activation, Flags, LearningEngine, learn
from armwise.learning.loop import Acted
from armwise.rewards import CompositeReward
from armwise.types import Label

TOP_K: list[Label] = [4, 1, 12]  # the first is the deterministic choice
QUESTIONS = 4000
reward = CompositeReward(quality_weight=2.0, cost_weight=1.0, latency_weight=0.2, max_cost=0.005)

shelf = random.Random(20240229)
articles = [(name, f"{name}-{n}") for name in ("tax", "rent", "visa", "loan", "tort", "will", "firm") for n in range(8)]
corpus = [{*names, *(f"word-{shelf.randrange(500)}" for _ in range(40))} for names in articles]


class Question(NamedTuple):
    """What is asked, which passages answer it, and what is known of it beforehand."""

    words: set[str]
    relevant: set[int]
    context: dict[str, str | float]


def asked(world: random.Random) -> Question:
    """The next question: of one article, or of a topic as a whole."""
    article, narrow = world.randrange(len(corpus)), world.random() < 0.5
    words = {*articles[article][: 1 + narrow], *(f"word-{world.randrange(500)}" for _ in range(6))}
    relevant = {article} if narrow else {place for place in range(len(corpus)) if place // 8 == article // 8}
    return Question(words, relevant, {"kind": "narrow" if narrow else "broad", "words": len(words)})


def retrieve(question: Question, k: Label) -> Acted:
    """Fetch the k passages that share most words with the question; names count for three."""
    scores = [sum(1 if word.startswith("word-") else 3 for word in question.words & passage) for passage in corpus]
    best = sorted(range(len(corpus)), key=lambda place: -scores[place])[: int(k)]
    read = sum(len(corpus[place]) for place in best)
    signals = {"quality": len(question.relevant.intersection(best)) / len(question.relevant)}
    return {"cost_usd": read * 1e-5, "latency_ms": 20.0 + 0.5 * read}, signals


def play(policy: ThompsonSampling | LinTSDiag, flags: Flags) -> tuple[float, LearningEngine]:
    """Answer questions, first in the shadow of k = 4, then by the policy; print what came of it."""
    engine = LearningEngine(flags=flags)
    engine.register_domain("retrieval", policy, activation=Activation(margin=0.02))
    world = random.Random(7)
    earned, served = 0.0, Counter[str]()
    for _ in range(QUESTIONS):
        question = asked(world)
        context = question.context
        if engine.phase("retrieval") == "shadow":  # what twelve passages hold tells what fewer would have
            tried = {k: reward.compute("retrieval", context, *retrieve(question, k)).reward for k in TOP_K}
            engine.shadow_bakeoff("retrieval", TOP_K, tried.__getitem__, context)
            continue
        turn = learn("retrieval", context, TOP_K, partial(retrieve, question), engine=engine, reward=reward)
        earned += turn.reward
        served[f"{question.context['kind']} {turn.arm}"] += 1
    shadowed = QUESTIONS - served.total()
    print(f"{type(policy).__name__}: active after {shadowed} questions, mean reward {earned / served.total():.3f}")
    print("  passages fetched:", ", ".join(f"{name} {count}x" for name, count in served.most_common(4)))
    return earned / served.total(), engine


flags = Flags({"ENABLE_RL_GLOBAL": True, "ENABLE_RL_RETRIEVAL": True, "ENABLE_RL_LINTS": True})
plain, _ = play(ThompsonSampling(TOP_K, seed=7), flags)
linear, engine = play(LinTSDiag(TOP_K, dim=8, sigma=0.2, seed=7), flags)
print("reading contexts earns more:", linear > plain + 0.05)
flags.set("ENABLE_RL_LINTS", on=False)
print("without ENABLE_RL_LINTS serves a", engine.status()["retrieval"]["policy"])
