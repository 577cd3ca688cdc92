"""Eight threads on one manager: no reward is lost, no request is counted twice."""

from __future__ import annotations

import math
import sys
import threading

import pytest

from armwise.experiments import Experiment, ExperimentManager
from armwise.flags import StaticFlags
from armwise.telemetry.prometheus import PrometheusMetrics

pytestmark = pytest.mark.integration

THREADS = 8
RECORDS = 2500
PLACE = {"tenant": "default", "workspace": "main", "experiment_id": "policy::r"}


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


def managed(**options):
    on = StaticFlags({"ENABLE_EXPERIMENT_HARNESS": True})
    return ExperimentManager([Experiment("policy::r", control="control", variants={"control": "a", "b": "b"})],
                             flags=on, **options)  # fmt: skip


def test_no_record_is_lost():
    metrics = PrometheusMetrics()
    manager = managed(metrics=metrics)

    def work(i):
        for turn in range(RECORDS):
            manager.record("policy::r", "b" if turn % 2 else "control", 0.1 * i + turn)

    run(work)
    seen = manager.statistics("policy::r")
    assert [one.pulls for one in seen.values()] == [THREADS * RECORDS // 2] * 2
    exact = math.fsum(0.1 * i + turn for i in range(THREADS) for turn in range(1, RECORDS, 2))
    assert seen["b"].reward_sum == exact
    for variant in ("control", "b"):
        count = metrics.registry.get_sample_value("experiment_rewards_total", PLACE | {"variant": variant})
        assert count == THREADS * RECORDS // 2


def test_no_request_is_lost_while_others_look_save_and_merge():
    manager, other = managed(), managed()
    for _ in range(10):
        other.record("policy::r", "b", 1.0)

    def serve(i):
        for turn in range(RECORDS // 5):
            trial = manager.decide("r", {"user_id": f"{i}-{turn}"}, ["a", "b"])
            manager.record_trial(trial, 1.0)

    def meddle(_):
        for turn in range(50):
            manager.merge(other)
            managed().load_state(manager.state_dict())
            manager.status()
            if turn == 25:
                manager.activate("policy::r")

    run(lambda i: serve(i) if i < 5 else meddle(i))
    seen = manager.statistics("policy::r")
    assert sum(one.pulls for one in seen.values()) == 5 * (RECORDS // 5) + 10
    assert sum(one.allocations for one in seen.values()) == 5 * (RECORDS // 5)
    assert {one.shadow_replay.n + one.active_replay.n for one in seen.values()} == {5 * (RECORDS // 5)}


def test_one_thread_activates_and_all_see_it():
    manager = managed()
    manager.add(
        Experiment("policy::r", control="control", variants={"control": "a", "b": "b"}, auto_activate_after=500)
    )
    run(lambda _: [manager.record("policy::r", "control", 1.0) for _ in range(100)])
    status = manager.status()["policy::r"]
    assert status["phase"] == "active"
    assert [event["evidence"]["pulls"] for event in status["events"]] == [500]
