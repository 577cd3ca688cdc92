"""A handler that raises out of a call (a worker's timeout, Ctrl-C) leaves the engine to the other threads."""

from __future__ import annotations

import random
import signal
import threading
from contextlib import suppress

import pytest

from armwise.learning import Flags, LearningEngine

TIMEOUTS = 2000


class Timeout(Exception):
    pass


@pytest.fixture
def alarm():
    """Starts a timer whose handler raises Timeout, once."""
    armed = False

    def ring(*_):
        nonlocal armed
        if armed:
            armed = False
            raise Timeout

    def start(seconds):
        nonlocal armed
        armed = True
        signal.setitimer(signal.ITIMER_REAL, seconds)

    before = signal.signal(signal.SIGALRM, ring)
    yield start
    armed = False
    signal.setitimer(signal.ITIMER_REAL, 0)
    signal.signal(signal.SIGALRM, before)


def test_timeouts_leave_no_gate_held(alarm):
    engine = LearningEngine(flags=Flags({"ENABLE_RL_GLOBAL": True, "ENABLE_RL_ROUTING": True}))
    engine.register_domain("route")
    instants = random.Random(1)
    for _ in range(TIMEOUTS):
        with suppress(Timeout):
            alarm(instants.uniform(2e-6, 6e-5))
            while True:
                engine.record("route", {}, "a", 0.5)
    said = []
    other = threading.Thread(target=lambda: said.append(engine.record("route", {}, "a", 0.5)), daemon=True)
    other.start()
    other.join(10)
    assert said == ["applied"], "the other thread waits at a gate that nobody holds"
    assert engine.record("route", {}, "a", 0.5) == "applied"
