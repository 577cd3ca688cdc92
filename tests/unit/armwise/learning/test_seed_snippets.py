"""The documents' own examples, with only their import lines changed."""

from __future__ import annotations

import textwrap

import pytest

SNAPSHOT = """
    import random
    from armwise.learning import LearningEngine
    from armwise import ThompsonSampling as ThompsonSamplingBandit
    from armwise.learning import PolicyRegistry

    rng = random.Random(42)  # deterministic recommend()
    reg = PolicyRegistry()
    eng = LearningEngine(reg)
    eng.register_domain("route", policy=ThompsonSamplingBandit(rng=rng))

    # ... learning occurs ...
    snap = eng.snapshot()

    # Later
    eng2 = LearningEngine(PolicyRegistry())
    eng2.register_domain("route", policy=ThompsonSamplingBandit(rng=random.Random(42)))
    eng2.restore(snap)
    assert eng2.recommend("route", {}, ["a", "b"]) in ("a", "b")
"""

SELECT_MODEL = """
    from armwise.learning import LearningEngine

    # Normally constructed inside services (e.g. OpenRouterService)
    engine = LearningEngine()

    # Recommendation (domain = routing task, candidates = model list)
    model = engine.select_model("analysis", ["modelA", "modelB", "modelC"])  # harness may interpose

    # After serving the response, a reward is computed (e.g. cost-normalized latency)
    engine.record_outcome("analysis", model, reward=0.72)
"""


@pytest.mark.parametrize("flags", [{}, {"ENABLE_RL_GLOBAL": "1", "ENABLE_RL_ROUTING": "1"}], ids=["off", "on"])
def test_snapshot_and_restore(monkeypatch, flags):
    for name, word in flags.items():
        monkeypatch.setenv(name, word)
    names = {}
    exec(textwrap.dedent(SNAPSHOT), names)  # noqa: S102 - the document's own lines
    first, second = names["eng"], names["eng2"]
    for engine in (first, second):
        engine.activate("route")
    assert [first.recommend("route", {}, ["a", "b"]) for _ in range(100)] == [
        second.recommend("route", {}, ["a", "b"]) for _ in range(100)
    ]


def test_select_model_and_record_outcome(monkeypatch):
    for name in ("ENABLE_RL_GLOBAL", "ENABLE_RL_ROUTING", "ENABLE_EXPERIMENT_HARNESS", "ENABLE_RL_LINTS"):
        monkeypatch.setenv(name, "1")
    names = {}
    exec(textwrap.dedent(SELECT_MODEL), names)  # noqa: S102 - the document's own lines
    assert names["model"] == "modelA"
    status = names["engine"].status()["route.model.select::analysis"]
    assert status["arms"] == {"modelA": {"q": 0.72, "n": 1}}
