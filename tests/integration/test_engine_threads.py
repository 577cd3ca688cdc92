"""Eight threads on one engine: no reward is lost, none is counted twice, and nobody waits for ever."""

from __future__ import annotations

import sys
import threading

import pytest

from armwise import ThompsonSampling
from armwise.learning import Flags, LearningEngine
from armwise.rewards import DelayedRewards
from armwise.stores import SQLitePending

pytestmark = pytest.mark.integration

ON = {"ENABLE_RL_GLOBAL": True, "ENABLE_RL_ROUTING": True}
ARMS = ["a", "b", "c"]
THREADS = 8


@pytest.fixture(autouse=True)
def switch_often():
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    yield
    sys.setswitchinterval(interval)


def run(work):
    errors = []

    def guarded(i):
        try:
            work(i)
        except BaseException as error:  # noqa: BLE001 - handed to the main thread
            errors.append(error)

    threads = [threading.Thread(target=guarded, args=(i,)) for i in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []


def engine_of(**options):
    engine = LearningEngine(flags=Flags(ON), **options)
    engine.register_domain("route", ThompsonSampling(seed=1), activation=None)
    return engine


def test_no_reward_is_lost():
    engine = engine_of()

    def work(i):
        for turn in range(100_000):
            engine.record("route", {}, ARMS[(turn + i) % 3], 0.5)

    run(work)
    arms = engine.status()["route"]["arms"]
    assert sum(arm["n"] for arm in arms.values()) == 800_000
    assert {arm["q"] for arm in arms.values()} == {0.5}
    posterior = engine.registry.get("route").posterior()
    assert {name: alpha - 1.0 for name, (alpha, _) in posterior.items()} == {
        name: arm["n"] / 2 for name, arm in arms.items()
    }


@pytest.mark.parametrize("kept", [False, True], ids=["memory", "sqlite"])
def test_of_threads_that_reward_one_decision_one_is_taken(tmp_path, kept):
    engine = engine_of(delayed=DelayedRewards(SQLitePending(tmp_path / "p.db")) if kept else None)
    engine.activate("route")
    decisions = [engine.decide("route", {}, ARMS) for _ in range(100)]
    taken = [0] * THREADS

    def work(i):
        for decision in decisions:
            status = engine.record("route", {}, decision.arm, 1.0, decision_id=decision.decision_id)
            taken[i] += status == "applied"

    run(work)
    assert sum(taken) == 100
    assert sum(arm["n"] for arm in engine.status()["route"]["arms"].values()) == 100
    assert engine.registry.get("route").policy_version == 100


def test_requests_go_on_while_flags_phases_and_snapshots_change():
    engine = engine_of()
    done = threading.Event()
    ids = [[] for _ in range(THREADS)]

    def work(i):
        try:
            for turn in range(400):
                if i == 0:
                    engine.flags.set("ENABLE_RL_ROUTING", on=bool(turn % 2))
                elif i == 1:
                    (engine.activate if turn % 2 else engine.deactivate)("route")
                elif i == 2:
                    engine.restore(engine.snapshot())
                elif i == 3:
                    engine.select_model(f"task-{turn % 50}", ARMS)
                else:
                    assert engine.recommend("route", {}, ARMS) in ARMS
                    decision = engine.decide("route", {}, ARMS)
                    ids[i].append(decision.decision_id)
                    engine.record("route", {}, decision.arm, 0.5, decision_id=decision.decision_id)
        finally:
            done.set()

    run(work)
    assert done.is_set()
    every = [one for some in ids for one in some]
    assert len(set(every)) == len(every) == 4 * 400
    assert len(engine.registry) == 51


def test_two_threads_that_name_a_task_first_make_one_domain_of_it():
    for _ in range(20):
        engine = LearningEngine(flags=Flags(ON))
        run(lambda _, engine=engine: engine.record_outcome("new", "a", reward=1.0))
        assert engine.status()["route.model.select::new"]["arms"] == {"a": {"q": 1.0, "n": THREADS}}
