"""The gate of a domain: one thread at a time, and none that waits for itself."""

from __future__ import annotations

import pytest

from armwise.errors import ReentrantCall
from armwise.learning import Flags, LearningEngine
from armwise.learning._gate import Gate


def test_a_call_from_within_is_refused_and_the_gate_stays_usable():
    gate = Gate()
    with gate.held(), pytest.raises(ReentrantCall, match="nothing was changed"), gate.held():
        pass
    with gate.held():
        pass


def test_an_error_leaves_it_open():
    gate = Gate()
    with pytest.raises(ZeroDivisionError), gate.held():
        _ = 1 / 0
    with gate.held():
        pass


def test_an_engine_that_is_called_from_within_a_reward_says_so():
    class Nosy(str):
        __slots__ = ()

        def __hash__(self):
            return str.__hash__(self)

        def __eq__(self, other):
            with pytest.raises(ReentrantCall):
                engine.record("route", {}, "a", 0.5)
            return str.__eq__(self, other)

    engine = LearningEngine(flags=Flags({"ENABLE_RL_GLOBAL": True, "ENABLE_RL_ROUTING": True}))
    engine.register_domain("route")
    engine.record("route", {}, "b", 0.5)
    engine.record("route", {}, Nosy("b"), 0.5)
    assert engine.status()["route"]["arms"]["b"]["n"] == 2
