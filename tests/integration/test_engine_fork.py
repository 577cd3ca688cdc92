"""Forked workers of one engine: none waits for a lock that nobody holds, and no two of them issue one id."""

from __future__ import annotations

import os

import forks
import pytest

pytestmark = [
    pytest.mark.integration,
    pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork"),
]

PRELUDE = """
from armwise import ThompsonSampling
from armwise.learning import Flags, LearningEngine
from armwise.rewards import DelayedRewards

ON = {"ENABLE_RL_GLOBAL": True, "ENABLE_RL_ROUTING": True}
ARMS = ["a", "b", "c"]
"""


def run(program):
    return forks.run(PRELUDE, program, 120)


@pytest.mark.parametrize("active", [False, True])
def test_no_two_workers_issue_one_id(active):
    told = run(f"""
        engine = LearningEngine(flags=Flags(ON))
        engine.register_domain("route", ThompsonSampling(seed=1))
        if {active}:
            engine.activate("route")
        def work():
            return [engine.decide("route", {{}}, ARMS).decision_id for _ in range(200)]
        before = work()
        print(json.dumps([before, *(forked(work) for _ in range(4)), work()]))
    """)
    ids = [one for some in told for one in some]
    assert len(set(ids)) == len(ids) == 1200


@pytest.mark.parametrize("kept", [False, True], ids=["memory", "sqlite"])
def test_a_fork_amid_rewards_leaves_a_worker_that_goes_on(tmp_path, kept):
    # The store is imported after the engine, so that its own hook at forks would come before the engine's.
    store = f"SQLitePending({str(tmp_path / 'pending.db')!r})" if kept else None
    told = run(f"""
        import armwise.learning.engine
        from armwise.stores import SQLitePending
        engine = LearningEngine(flags=Flags(ON), delayed=DelayedRewards({store}))
        engine.register_domain("route", ThompsonSampling(seed=1))
        stop = threading.Event()
        sys.setswitchinterval(1e-5)
        def reward():
            while not stop.is_set():
                decision = engine.decide("route", {{}}, ARMS)
                engine.record("route", {{}}, decision.arm, 0.5, decision_id=decision.decision_id)
        threads = [threading.Thread(target=reward, daemon=True) for _ in range(3)]
        for thread in threads:
            thread.start()
        def work():
            arms = engine.status()["route"]["arms"]
            before = sum(arm["n"] for arm in arms.values())
            learnt = sum(a + b - 2.0 for a, b in engine.registry.get("route").posterior().values())
            decision = engine.decide("route", {{}}, ARMS)
            status = engine.record("route", {{}}, decision.arm, 0.5, decision_id=decision.decision_id)
            engine.flags.set("ENABLE_RL_GLOBAL", on=False)
            engine.snapshot()
            return [before == learnt, status]
        workers = [forked(work) for _ in range(25)]
        stop.set()
        for thread in threads:
            thread.join()
        arms = engine.status()["route"]["arms"]
        posterior = engine.registry.get("route").posterior()
        same = sum(arm["n"] for arm in arms.values()) == sum(a + b - 2.0 for a, b in posterior.values())
        print(json.dumps([workers, same]))
    """)
    workers, same = told
    assert workers == [[True, "applied"]] * 25
    assert same
