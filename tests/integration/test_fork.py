"""Forked workers: each on its own stream, none with a lock that nobody will release, none with half an update."""

from __future__ import annotations

import os

import forks
import pytest

pytestmark = [
    pytest.mark.integration,
    pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork"),
]

PRELUDE = """
import numpy as np
from armwise import *
"""


def run(program):
    return forks.run(PRELUDE, program, 300)


@pytest.mark.parametrize(
    ("make", "call"),
    [
        ("ThompsonSampling(range(20), seed=1)", "policy.decide()"),
        ("ThompsonSampling(range(20), seed=1, half_life=60)", "policy.decide(now=1.7e9)"),
        ("LinTSDiag(range(20), dim=2, seed=1)", "policy.decide(context=np.ones(2))"),
        ("LinTS(range(20), dim=2, seed=1)", "policy.decide(context=np.ones(2))"),
        ("EpsilonGreedy(range(20), epsilon=1.0, seed=1)", "policy.decide()"),
    ],
)
def test_workers_never_repeat_each_others_draws(make, call):
    told = run(f"""
        policy, twin = {make}, {make}
        def work():
            decisions = [{call} for _ in range(60)]
            return [policy.stream, [d.arm for d in decisions], [d.decision_id for d in decisions]]
        workers = [forked(work) for _ in range(4)]
        grandchildren = forked(lambda: [work(), forked(work)])
        parent = work()
        policy = twin
        print(json.dumps([*workers, *grandchildren, parent, work()]))
    """)
    *workers, parent, alone = told
    assert parent == alone, "the parent goes on as if it had not forked"
    assert parent[0] == 0
    streams = [worker[0] for worker in [*workers, parent]]
    assert len(set(streams)) == 7
    assert all(0 <= stream < 1 << 63 for stream in streams)
    draws = [tuple(worker[1]) for worker in [*workers, parent]]
    assert len(set(draws)) == 7
    identities = [identity for worker in [*workers, parent] for identity in worker[2]]
    assert len(set(identities)) == len(identities)


def test_decisions_are_replayed_across_the_fork():
    child, replayed, expected = run("""
        policy = ThompsonSampling(["a", "b", "c"], seed=1)
        policy.update_many(["a", "b", "c"] * 5, [1.0, 0.5, 0.0] * 5)
        ours = [policy.decide() for _ in range(20)]
        def work():
            theirs = [policy.decide(["b", "a"]) for _ in range(20)]
            same = [policy.replay(d.decision_id) == d.arm for d in ours]
            return [[d.decision_id, d.arm] for d in theirs], same
        theirs, same = forked(work)
        replayed = [policy.replay(identity, ["b", "a"]) for identity, _ in theirs]
        print(json.dumps([same, replayed, [arm for _, arm in theirs]]))
    """)
    assert all(child)
    assert replayed == expected


def test_a_child_that_loads_a_state_goes_on_where_it_was_saved():
    loaded, uninterrupted = run("""
        policy = ThompsonSampling(["a", "b", "c"], seed=1)
        policy.select_many(10)
        state = policy.state_dict()
        def work():
            policy.load_state(state)
            return policy.select_many(50).tolist()
        print(json.dumps([forked(work), policy.select_many(50).tolist()]))
    """)
    assert loaded == uninterrupted


def test_forks_in_the_midst_of_threads():
    """Whatever other threads do at that moment, the child has a whole state and no lock is held in it."""
    told = run("""
        sys.setswitchinterval(1e-5)
        policy, other = ThompsonSampling(["a", "b"]), LinTSDiag(["a", "b"], dim=2)
        done = threading.Event()

        def learn():
            while not done.is_set():
                policy.update("a", 1.0)
                policy.select(["a", "b"])

        def reshape():
            i = 0
            while not done.is_set():
                policy.add_arm(i)
                policy.state_dict()
                policy.remove_arm(i)
                other.update("b", 1.0, [1.0, 2.0])
                ThompsonSampling(["x"])
                i += 1

        def work():
            state = policy.state_dict()
            held = sum(state["alpha"]) + sum(state["beta"]) - 2 * len(state["arms"])
            policy.add_arm("child")
            policy.update("child", 1.0)
            other.update("a", 1.0, [1.0, 2.0])
            arm = policy.select(["child"])
            inner = forked(lambda: policy.select(["child"]))
            return [held == state["updates"], state["arms"][:2], arm, inner, other.select(context=[0.0, 0.0])]

        threads = [threading.Thread(target=target) for target in (learn, learn, reshape)]
        for thread in threads:
            thread.start()
        told = [forked(work) for _ in range(60)]
        done.set()
        for thread in threads:
            thread.join()
        state = policy.state_dict()
        told.append(sum(state["alpha"]) + sum(state["beta"]) - 4 == state["updates"])
        print(json.dumps(told))
    """)
    assert told.pop() is True, "the parent lost an update"
    assert told == [[True, ["a", "b"], "child", "child", "a"]] * 60
