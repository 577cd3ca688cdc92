from __future__ import annotations

import logging
import os
import threading
from datetime import timedelta

import pytest

from armwise import ThompsonSampling
from armwise.errors import ConfigurationError, StoreError
from armwise.learning import Flags, LearningEngine, PeriodicSnapshots, open_snapshot
from armwise.stores import StateDirectory

ON = {"ENABLE_RL_GLOBAL": True, "ENABLE_RL_ROUTING": True}
DEADLINE = 30


class Engine:
    """Counts its saves, fails where it is told to, and tells when it was saved."""

    def __init__(self, failures=()):
        self.failures = list(failures)
        self.kept = []
        self.asked = threading.Semaphore(0)

    def save(self, *, keep):
        self.kept.append(keep)
        self.asked.release()
        if self.failures and (error := self.failures.pop(0)) is not None:
            raise error

    def wait(self, times=1):
        for _ in range(times):
            assert self.asked.acquire(timeout=DEADLINE)


def test_it_saves_until_it_is_stopped():
    engine = Engine()
    snapshots = PeriodicSnapshots(engine, interval=0.001, keep=7)
    assert snapshots.running
    engine.wait(3)
    snapshots.stop()
    assert not snapshots.running
    saves = len(engine.kept)
    assert snapshots.saves == saves >= 4
    assert set(engine.kept) == {7}
    snapshots.stop()
    assert len(engine.kept) == saves


def test_the_last_one_is_taken_at_the_end():
    engine = Engine()
    with PeriodicSnapshots(engine, interval=timedelta(days=1)) as snapshots:
        assert engine.kept == []
    assert engine.kept == [3]
    assert snapshots.saves == 1


def test_what_fails_is_told_once_and_tried_again(caplog):
    engine = Engine([None, StoreError("disk full"), StoreError("disk still full"), None, ZeroDivisionError("defect")])
    with caplog.at_level(logging.ERROR, "armwise.learning"), PeriodicSnapshots(engine, interval=0.001) as snapshots:
        engine.wait(7)
        snapshots.stop()
    told = [record.getMessage() for record in caplog.records]
    assert told == ["no snapshot was taken: disk full", "no snapshot was taken: defect"]
    assert [record.exc_info is not None and record.exc_info is not False for record in caplog.records] == [False, True]
    assert snapshots.last_error is None
    assert snapshots.saves == len(engine.kept) - 3


def test_the_last_error_can_be_asked_for():
    error = StoreError("disk full")
    engine = Engine([error] * 10**5)
    snapshots = PeriodicSnapshots(engine, interval=0.001)
    engine.wait(2)  # the second is tried when the first has failed
    assert snapshots.last_error is error
    with pytest.raises(StoreError, match="disk full"):
        snapshots.stop()
    assert not snapshots.running
    assert snapshots.saves == 0


@pytest.mark.parametrize("interval", [0, -1, float("nan"), float("inf"), None, "1", True])
def test_an_interval_that_is_none(interval):
    before = threading.active_count()
    with pytest.raises(ConfigurationError, match="interval is"):
        PeriodicSnapshots(Engine(), interval=interval)
    assert threading.active_count() == before


@pytest.mark.parametrize("keep", [-1, 1.0, None, True, "3"])
def test_what_cannot_be_kept(keep):
    with pytest.raises(ConfigurationError, match="keep is"):
        PeriodicSnapshots(Engine(), interval=1, keep=keep)


@pytest.mark.parametrize("engine", [None, 5, "engine", Engine, object(), LearningEngine(flags=Flags({}))])
def test_what_cannot_be_saved_is_told_at_once(engine):
    before = threading.active_count()
    with pytest.raises(ConfigurationError, match=r"expected what can be saved|has nowhere to save to"):
        PeriodicSnapshots(engine, interval=1)
    assert threading.active_count() == before


def test_a_forked_child_does_not_save():
    engine = Engine()
    with PeriodicSnapshots(engine, interval=3600) as snapshots:
        child = os.fork()
        if child == 0:
            quiet = not snapshots.running
            snapshots.stop()
            os._exit(0 if quiet and engine.kept == [] else 1)
        assert os.waitpid(child, 0)[1] == 0
        assert snapshots.running
    assert len(engine.kept) == 1


def test_an_engine_beside_requests_and_forks(tmp_path):
    """Saved while it decides, learns and forks: nobody hangs, and what was saved last is what was learnt."""
    engine = LearningEngine(flags=Flags(ON), store=StateDirectory(tmp_path))
    engine.register_domain("route", ThompsonSampling(seed=1))
    engine.activate("route")
    with PeriodicSnapshots(engine, interval=0.001, keep=1) as snapshots:
        for turn in range(2_000):
            arm = engine.recommend("route", None, ["a", "b"])
            engine.record("route", None, arm, turn % 2)
            if turn % 100 == 0:
                child = os.fork()
                if child == 0:
                    engine.record("route", None, engine.recommend("route", None, ["a", "b"]), 1.0)
                    engine.snapshot()
                    os._exit(0)
                assert os.waitpid(child, 0)[1] == 0
    assert snapshots.last_error is None
    state = open_snapshot(StateDirectory(tmp_path).workspace().read()).policies["route"]
    assert state["updates"] == sum(state["engine"]["statistics"]["n"]) == 2_000
