"""Streams taken anew, and states that are checked before they are taken on."""

from __future__ import annotations

import threading

import numpy as np
import pytest

from armwise import UCB1, EpsilonGreedy, LinTS, LinTSDiag, ThompsonSampling
from armwise.errors import ConfigurationError, SnapshotError

ARMS = [f"arm {n}" for n in range(5)]
POLICIES = {
    "thompson": lambda seed=3: ThompsonSampling(ARMS, seed=seed),
    "decaying": lambda seed=3: ThompsonSampling(ARMS, half_life=60, seed=seed),
    "epsilon": lambda seed=3: EpsilonGreedy(ARMS, epsilon=0.5, seed=seed),
    "ucb1": lambda seed=3: UCB1(ARMS, seed=seed),
    "lints_diag": lambda seed=3: LinTSDiag(ARMS, dim=2, seed=seed),
    "lints": lambda seed=3: LinTS(ARMS, dim=2, seed=seed),
}


@pytest.fixture(params=POLICIES)
def make(request):
    return POLICIES[request.param]


def trained(policy, turns=20):
    for turn in range(turns):
        policy.update(ARMS[turn % 5], (turn % 4) / 3, [1.0, turn / 20], now=turn)
    return policy


def draws(policy, n=40):
    return [policy.select(ARMS, [1.0, 0.5], now=20) for _ in range(n)]


def test_another_stream_keeps_everything_else(make):
    policy = trained(make())
    draws(policy, 3)
    before = policy.state_dict()
    policy.take_stream(77)
    assert policy.state_dict() == before | {"rng": {"seed": 3, "stream": 77, "counter": 0}}
    assert policy.decide(ARMS, [1.0, 0.5], now=20).decision_id.startswith("4d-0-")


def test_it_draws_what_a_policy_loaded_on_that_stream_draws(make):
    policy, twin = trained(make()), make(seed=9)
    draws(policy, 5)
    twin.load_state(policy.state_dict() | {"rng": {"seed": 3, "stream": 1 << 62, "counter": 0}})
    policy.take_stream(1 << 62)
    assert draws(policy) == draws(twin)


def test_streams_differ():
    policy = POLICIES["thompson"]()
    first = draws(policy)
    policy.take_stream(1)
    assert draws(policy) != first


def test_decisions_of_the_stream_before_are_replayed():
    policy = trained(POLICIES["thompson"]())
    decision = policy.decide(ARMS)
    policy.take_stream(5)
    assert policy.replay(decision.decision_id, ARMS) == decision.arm


@pytest.mark.parametrize(
    "stream", [-1, 1 << 63, True, 1.0, None, "1", float("nan"), [1], pytest.param(10**5000, id="long")]
)
def test_what_is_no_stream(make, stream):
    policy = make()
    with pytest.raises(ConfigurationError, match=r"in \[0, 2\*\*63\)"):
        policy.take_stream(stream)
    assert policy.stream == 0


def test_a_stream_is_not_begun_again(make):
    policy = make()
    draws(policy, 3)
    with pytest.raises(ConfigurationError, match="would come again"):
        policy.take_stream(0)
    assert policy.counter == 3
    policy.take_stream(np.int64(4))
    with pytest.raises(ConfigurationError, match="would come again"):
        policy.take_stream(4)


def test_nothing_has_changed_before_a_checked_state_is_taken_on(make):
    policy, source = make(), trained(make(seed=8))
    before = policy.state_dict()
    take_on = policy._prepared(source.state_dict())
    assert policy.state_dict() == before
    take_on()
    assert policy.state_dict() == source.state_dict()
    assert draws(policy) == draws(source)


def test_a_state_that_is_refused_gives_nothing_to_take_on(make):
    policy = trained(make())
    before = policy.state_dict()
    with pytest.raises(SnapshotError):
        policy._prepared(before | {"rng": {"seed": 1, "stream": 2}})
    assert policy.state_dict() == before


def test_states_are_whole_beside_updates(make):
    """Every copy agrees with itself: as many updates as the version counts, whatever other threads do."""
    policy = make()
    stop = threading.Event()

    def learn():
        while not stop.is_set():
            policy.update("arm 1", 1.0, [1.0, 1.0], now=5)

    threads = [threading.Thread(target=learn) for _ in range(2)]
    for thread in threads:
        thread.start()
    try:
        for _ in range(200):
            state = policy.state_dict()
            if "counts" in state:
                assert sum(state["counts"]) == state["updates"] == state["policy_version"]
            if "alpha" in state:
                assert sum(state["alpha"]) + sum(state["beta"]) == 10 + state["updates"]
            make().load_state(state)
    finally:
        stop.set()
        for thread in threads:
            thread.join()
