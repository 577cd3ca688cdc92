"""Many threads on one policy: no reward is lost, no decision is issued twice, no label is wrong."""

from __future__ import annotations

import sys
import threading
from collections import Counter

import numpy as np
import pytest

import armwise_kernels
from armwise import UCB1, EpsilonGreedy, LinTS, LinTSDiag, ThompsonSampling

pytestmark = pytest.mark.integration

THREADS = 8
NATIVE = armwise_kernels.describe()["backend"] == "native"
# A Numba update costs microseconds where a native one costs tens of nanoseconds, and its lock is fought over.
UPDATES = 100_000 if NATIVE else 4_000
ROUNDS = 150 if NATIVE else 30
STAY = 20  # how many arms stand at a time, past which the oldest goes
X = np.array([1.0, 0.5])


@pytest.fixture(autouse=True)
def switch_often():
    """Threads change places far more often than every five milliseconds."""
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-5 if NATIVE else 1e-4)
    yield
    sys.setswitchinterval(interval)


def run(*works):
    """Run functions at once; the first error of any of them is raised."""
    errors = []
    start = threading.Barrier(len(works))

    def guarded(work):
        try:
            start.wait()
            work()
        except BaseException as error:  # noqa: BLE001 - handed to the main thread
            errors.append(error)

    threads = [threading.Thread(target=guarded, args=(work,)) for work in works]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if errors:
        raise errors[0]


def test_no_update_is_lost():
    policy = ThompsonSampling(["a", "b", "c"])

    def work():
        for i in range(UPDATES):
            policy.update("abc"[i % 3], 1.0)

    run(*[work] * THREADS)
    assert sum(alpha - 1.0 for alpha, _ in policy.posterior().values()) == THREADS * UPDATES
    assert policy.policy_version == THREADS * UPDATES


class Traffic:
    """What several threads do to one policy until one of them has grown it enough."""

    def __init__(self, policy, context):
        self.policy, self.context = policy, context
        self.done = threading.Event()
        self.learnt, self.wrong = [], []

    def learn(self):
        given = 0
        while not self.done.is_set():
            self.policy.update("a", 1.0, self.context)
            self.policy.update("b", 0.0, self.context)
            given += 2
        self.learnt.append(given)

    def grow(self):
        try:
            for i in range(5 * ROUNDS):
                self.policy.add_arm(i)
                self.policy.update(i, 0.5, self.context)
                if i >= STAY:
                    self.policy.remove_arm(i - STAY)
        finally:
            self.done.set()

    def save(self):
        while not self.done.is_set():
            state = self.policy.state_dict()
            if len(state["arms"]) != len(state["slots"]):
                self.wrong.append(state)

    def choose(self):
        while not self.done.is_set():
            for candidates in (["a", "b"], ["b"], ("b", "a")):
                arm = self.policy.select(candidates, self.context)
                decision = self.policy.decide(candidates, self.context)
                if not {arm, decision.arm} <= set(candidates):
                    self.wrong.append((candidates, arm, decision))
            self.policy.select(context=self.context)


@pytest.mark.parametrize("cls", [ThompsonSampling, LinTSDiag, LinTS, EpsilonGreedy, UCB1])
def test_nothing_is_lost_while_arms_come_and_go(cls):
    """Updates run on the hot path while other threads grow the arrays, save, choose, and remove arms."""
    linear = cls in {LinTS, LinTSDiag}
    policy = cls(["a", "b"], **{"dim": 2} if linear else {})
    traffic = Traffic(policy, X if linear else None)
    run(traffic.learn, traffic.learn, traffic.grow, traffic.save, traffic.choose)
    assert not traffic.wrong
    state, learnt = policy.state_dict(), sum(traffic.learnt)
    assert state["updates"] == learnt + 5 * ROUNDS
    assert state["policy_version"] == learnt + 15 * ROUNDS - STAY
    assert policy.arms == ("a", "b", *range(5 * ROUNDS - STAY, 5 * ROUNDS))
    if cls is ThompsonSampling:
        shapes = sum(state["alpha"]) + sum(state["beta"])
        assert shapes == 2 * len(policy.arms) + learnt + STAY


def test_two_threads_that_bring_the_same_arm():
    """An unseen label becomes one arm, whoever comes first, and has both rewards."""
    for _ in range(ROUNDS):
        policy = ThompsonSampling()

        def work(policy=policy):
            for label in ("x", "y", "z"):
                policy.update(label, 1.0)

        run(work, work, work)
        assert sorted(policy.arms) == ["x", "y", "z"]
        assert policy.posterior() == dict.fromkeys(policy.arms, (4.0, 1.0))
        assert policy.policy_version == 9
        assert policy.state_dict()["next_slot"] == 3


def test_no_decision_is_issued_twice():
    policy = ThompsonSampling(["a", "b", "c"], seed=1)
    issued = [[] for _ in range(4)]

    def decide(mine, candidates):
        for _ in range(20 * ROUNDS):
            mine.append((policy.decide(candidates), candidates))

    sets = (None, ["a", "b"], ("c", "b"), None)
    run(*[lambda i=i: decide(issued[i], sets[i]) for i in range(4)], lambda: policy.select_many(50_000))
    ids = Counter(decision.decision_id for mine in issued for decision, _ in mine)
    assert max(ids.values()) == 1
    assert policy.counter == 4 * 20 * ROUNDS + 50_000
    for mine in issued:
        for decision, candidates in mine[::50]:
            assert policy.replay(decision.decision_id, candidates) == decision.arm


def test_loading_while_others_learn():
    """A load puts one whole state in the place of another, between updates and not within one."""
    trained = ThompsonSampling(["a", "b"], seed=1)
    trained.update_many(["a", "b"] * 50, [1.0, 0.0] * 50)
    state = trained.state_dict()
    policy = ThompsonSampling(["a", "b"])
    done = threading.Event()

    def learn():
        while not done.is_set():
            policy.update("a", 0.5)
            policy.select()

    def load():
        for _ in range(2 * ROUNDS):
            policy.load_state(state)
        done.set()

    run(learn, learn, load)
    after = policy.state_dict()
    assert after["updates"] == after["policy_version"]
    assert sum(after["alpha"]) + sum(after["beta"]) == 4.0 + after["updates"]
    assert after["updates"] >= 100


def test_encoders_learn_from_every_thread():
    policy = LinTSDiag(["a", "b"], dim=4)

    def work():
        for i in range(500):
            policy.update("a", 0.5, {"tokens": float(i), "language": "de"})
            policy.select(context={"tokens": float(i)})

    run(*[work] * 4)
    state = policy.state_dict()
    assert state["encoder"]["seen"] == [2000]
    assert state["updates"] == 2000
