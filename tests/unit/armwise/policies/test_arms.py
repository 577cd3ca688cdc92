"""Arms that come and go, in open and in closed sets."""

from __future__ import annotations

import json
import threading

import numpy as np
import pytest

from armwise import ConfigurationError, ThompsonSampling, UnknownArm
from armwise.posteriors import _columns


def slots(policy):
    return policy.state_dict()["slots"]


def test_add_arm_takes_the_next_slot(make):
    policy = make.train(make())
    version = policy.policy_version
    policy.add_arm("d")
    assert policy.arms == ("a", "b", "c", "d")
    assert slots(policy) == [0, 1, 2, 3]
    assert policy.policy_version == version + 1
    assert policy.select(["d"], make.context, make.now(29)) == "d"
    policy.update("d", 0.5, make.context, make.now(29))


def test_slots_are_never_given_again(make):
    policy = make.train(make())
    version = policy.policy_version
    policy.remove_arm("c")
    policy.remove_arm("a")
    policy.add_arm("a")
    assert policy.arms == ("b", "a")
    assert slots(policy) == [1, 3]
    assert policy.policy_version == version + 3


def test_removing_an_arm_leaves_the_others_as_they_were(make):
    """Draws are addressed by slot: while the removed arm does not win, choices do not change."""
    one, other = make.train(make()), make.train(make())
    one.remove_arm("b")
    now = make.now(29)
    for _ in range(40):
        counter = other.counter
        if make.kind == "epsilon_greedy":
            break
        assert one.counter == counter
        assert one.select(context=make.context, now=now) == other.select(["a", "c"], make.context, now)


def test_many_arms_come_and_go(make):
    """Columns grow past every power of two, and what was learnt moves with its arm."""
    policy = make(["first"])
    policy.update("first", 1.0, make.context, make.now(0))
    kept = summary(policy, "first")
    for i in range(70):
        policy.add_arm(i)
        if i % 3:
            policy.update(i, 0.25, make.context, make.now(0))
    for i in range(0, 70, 2):
        policy.remove_arm(i)
    assert policy.arms == ("first", *range(1, 70, 2))
    assert slots(policy) == [0, *range(2, 71, 2)]
    assert summary(policy, "first") == kept
    assert summary(policy, 1) == summary(policy, 5) != summary(policy, 3)
    twin = make(["x"])
    twin.load_state(json.loads(json.dumps(policy.state_dict())))
    now = make.now(1)
    assert twin.select_many(make.batch(50), now).tolist() == policy.select_many(make.batch(50), now).tolist()


def summary(policy, arm):
    """What the policy knows of one arm."""
    if hasattr(policy, "coefficients"):
        return policy.coefficients(arm).tolist()
    return (policy.posterior() if hasattr(policy, "posterior") else policy.means())[arm]


def test_bad_arms_are_not_added(make, unchanged):
    policy = make([1, "b"])
    for arm in ("b", 1, 1.0):
        with unchanged(policy, ConfigurationError, "already"):
            policy.add_arm(arm)
    for arm in (None, True, float("nan"), ["c"]):
        with unchanged(policy, ConfigurationError):
            policy.add_arm(arm)


@pytest.mark.parametrize("prior", [3, "ab", (1.0,), (0.5, -1.0), (float("nan"), 1.0), ("1", "2"), (1, 2, 3), object()])
def test_bad_priors(make, unchanged, prior):
    policy = make()
    with unchanged(policy, ConfigurationError, "prior"):
        policy.add_arm("d", prior)


def test_remove_arm_refuses(make, unchanged):
    policy = make(["a", "b"])
    with unchanged(policy, UnknownArm, "'z'"):
        policy.remove_arm("z")
    policy.remove_arm("a")
    with unchanged(policy, ConfigurationError, "last arm"):
        policy.remove_arm("b")
    with unchanged(policy, UnknownArm, "'a'"):
        policy.remove_arm("a")


def test_an_open_set_may_run_empty(make, unchanged):
    policy = make(None)
    with unchanged(policy, UnknownArm, "none"):
        policy.remove_arm("a")
    policy.update("a", 0.5, make.context, make.now(0))
    policy.remove_arm("a")
    assert policy.arms == ()
    assert policy.select(["a", "b"], make.context, make.now(1)) in {"a", "b"}


def test_select_stores_nothing_for_arms_never_updated(make):
    policy = make(None)
    for i in range(100):
        assert policy.select([f"x{i}", f"y{i}"], make.context, make.now(0))[1:] == str(i)
    assert policy.arms == ()
    policy.update("y7", 0.5, make.context, make.now(0))
    assert policy.arms == ("y7",)
    assert policy.decide(["x7", "y7"], make.context, make.now(0)).arm in {"x7", "y7"}


def test_what_is_unseen_stands_at_the_prior_on_the_slots_to_come(make):
    """An open set decides as a closed one to which the unseen labels have been added in the list's order."""
    opened, closed = make(None), make(["seen", "x", "y"])
    for policy in (opened, closed):
        policy.update("seen", 0.5, make.context, make.now(0))
    for _ in range(30):
        now = make.now(1)
        one = opened.decide(["x", "seen", "y"], make.context, now)
        other = closed.decide(["x", "seen", "y"], make.context, now)
        assert one == other
    reordered = opened.select(["y", "seen", "x"], make.context, make.now(1))
    assert reordered in {"x", "y", "seen"}


def test_an_open_set_learns_as_a_closed_one(make):
    opened, closed = make(None), make(["b", "a"])
    for i, arm in enumerate(["b", "a", "a", "b"]):
        for policy in (opened, closed):
            policy.update(arm, i / 4, make.context, make.now(i))
    assert opened.arms == closed.arms
    assert opened.state_dict() == closed.state_dict() | {"open": True}


def test_unseen_labels_that_are_equal(make, unchanged):
    with unchanged(make(None), ConfigurationError, "equal"):
        make(None).select([1, 1.0], make.context)


def test_a_prior_of_its_own():
    policy = ThompsonSampling(["a"], prior=(2.0, 3.0))
    policy.add_arm("b", (0.5, 4))
    policy.add_arm("c", np.array([7.0, 8.0]))
    assert policy.posterior() == {"a": (2.0, 3.0), "b": (0.5, 4.0), "c": (7.0, 8.0)}
    policy.add_arm("d")
    assert policy.posterior()["d"] == (2.0, 3.0)


def test_there_is_an_end_to_arms(make, unchanged, monkeypatch):
    monkeypatch.setattr(_columns, "_MOST_ARMS", 2)
    closed, opened = make(["a", "b"]), make(None)
    with unchanged(closed, ConfigurationError, "at most 2"):
        closed.add_arm("c")
    opened.update_many(["a", "b"], [0.1, 0.2], make.contexts(2), make.now(0))
    with unchanged(opened, ConfigurationError, "at most 2"):
        opened.update("c", 0.5, make.context, make.now(0))
    with unchanged(opened, ConfigurationError, "at most 2"):
        opened.update_many(["a", "c"], [0.5, 0.5], make.contexts(2), make.now(0))
    with unchanged(opened, ConfigurationError, "at most 2"):
        opened.select(["a", "c"], make.context, make.now(0))


def test_there_is_an_end_to_slots(make, unchanged, monkeypatch):
    monkeypatch.setattr(_columns, "_MOST_SLOTS", 3)
    policy = make(["a", "b"])
    policy.add_arm("c")
    policy.remove_arm("c")
    with unchanged(policy, ConfigurationError, "over its lifetime"):
        policy.add_arm("d")


def test_more_arms_than_a_policy_holds():
    with pytest.raises(ConfigurationError, match="1,048,576"):
        ThompsonSampling(range((1 << 20) + 1))


def test_thousands_come_in_while_other_threads_decide(make):
    policy = make(None)
    policy.update("0", 0.5, make.context, make.now(0))
    wrong, done = [], threading.Event()

    def decide():
        while not done.is_set():
            arm = policy.select(context=make.context, now=make.now(0))
            policy.update("0", 0.5, make.context, make.now(0))
            if policy.select(["0", "unseen"], make.context, make.now(0)) not in {"0", "unseen"} or not arm.isdigit():
                wrong.append(arm)

    threads = [threading.Thread(target=decide) for _ in range(2)]
    for thread in threads:
        thread.start()
    for i in range(1, 300):
        policy.update(str(i), 0.5, make.context, make.now(0))
    done.set()
    for thread in threads:
        thread.join()
    assert not wrong
    assert policy.arms == tuple(str(i) for i in range(300))
    state = policy.state_dict()
    assert state["slots"] == list(range(300))
    assert state["next_slot"] == 300


def test_a_slot_is_not_given_again_after_the_last_arm_went(make):
    policy = make(None)
    policy.update_many(["a", "b"], [0.5, 0.5], make.contexts(2), make.now(0))
    policy.remove_arm("b")
    policy.load_state(policy.state_dict())
    policy.update("c", 0.5, make.context, make.now(0))
    policy.update("b", 0.5, make.context, make.now(0))
    assert policy.state_dict()["slots"] == [0, 2, 3]


def test_numbers_that_came_in_are_written_in_one_way(make, unchanged):
    policy = make(None)
    for arm in ("x", 1, 2.5):
        policy.update(arm, 0.5, make.context, make.now(0))
    with unchanged(policy, ConfigurationError, "1.0 equals the arm 1"):
        policy.update(1.0, 0.5, make.context)
    with unchanged(policy, ConfigurationError, "1.0 equals the arm 1"):
        policy.update_many(["x", 1.0], [0.5, 0.5], make.contexts(2))
    with unchanged(policy, ConfigurationError, "True"):
        policy.update_many(["x", True], [0.5, 0.5], make.contexts(2))
    policy.update_many(["x", np.float64(2.5), np.str_("x")], [0.5, 0.5, 0.5], make.contexts(3), make.now(0))
    assert policy.arms == ("x", 1, 2.5)
