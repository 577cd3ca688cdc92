"""What a stranger did to it: labels with Python inside, signals, copies, odd arrays, states at the edge."""

from __future__ import annotations

import copy
import pickle
import signal
import threading
import time
from enum import StrEnum

import numpy as np
import pytest

from armwise import ConfigurationError, LinTSDiag, ReentrantCall, SnapshotError, ThompsonSampling


class Folded(str):
    """A label whose hash and equality run Python, so that threads change places inside a look-up."""

    __slots__ = ()

    def __hash__(self):
        time.sleep(0)
        return hash(str(self).lower())

    def __eq__(self, other):
        return str(self).lower() == str(other).lower()


def test_no_update_is_lost_or_misplaced_where_labels_run_python():
    labels = [Folded(f"Arm{i}") for i in range(8)]
    policy = ThompsonSampling(labels, seed=1)
    done = threading.Event()

    def read():
        while not done.is_set():
            policy.posterior()
            policy.state_dict()

    def learn():
        for i in range(3000):
            policy.update(labels[i % 8], 1.0)

    reader = threading.Thread(target=read)
    learners = [threading.Thread(target=learn) for _ in range(3)]
    for thread in (reader, *learners):
        thread.start()
    for thread in learners:
        thread.join()
    done.set()
    reader.join()
    assert policy.policy_version == 9000
    assert {a for a, _ in policy.posterior().values()} == {1.0 + 9000 / 8}


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ([1, 2], [1.0, 2.0]),
        ([1.0, 2.0], [1, 2]),
        (["a", "b"], [np.str_("a"), np.str_("b")]),
        ([np.str_("a"), np.str_("b")], ["a", "b"]),
    ],
)
@pytest.mark.parametrize("kind", [list, tuple])
def test_an_open_set_gives_back_the_callers_own_label(first, second, kind):
    policy = ThompsonSampling(seed=1)
    for candidates in (first, second, first):
        for _ in range(5):
            assert type(policy.select(kind(candidates))) is type(candidates[0])


@pytest.mark.parametrize("first", [["a", 1], [1, 2]])
def test_a_truth_value_is_refused_even_after_the_number_it_equals(first):
    policy = ThompsonSampling(seed=1)
    policy.update("a", 0.5)
    policy.select(first)
    with pytest.raises(ConfigurationError):
        policy.select([first[0], True] if first[0] == "a" else [True, 2])


@pytest.mark.parametrize("duplicate", [copy.copy, copy.deepcopy, pickle.dumps])
def test_a_policy_is_not_copied(duplicate):
    with pytest.raises(ConfigurationError, match="state_dict"):
        duplicate(ThompsonSampling(["a"]))


def test_a_masked_context_is_refused():
    policy = LinTSDiag(["a"], dim=3)
    masked = np.ma.array([1.0, 1e9, 3.0], mask=[0, 1, 0])
    for call in (lambda: policy.update("a", 1.0, masked), lambda: policy.select(context=masked)):
        with pytest.raises(ConfigurationError, match="masked"):
            call()
    assert policy.policy_version == 0


def test_a_call_from_within_a_call_is_refused_and_the_policy_lives_on(monkeypatch):
    policy = ThompsonSampling(["a", "b"], seed=1)
    with policy._door_closed():
        for call in (lambda: policy.update("a", 1.0), policy.select, policy.posterior, policy.state_dict):
            with pytest.raises(ReentrantCall, match="signal handler"):
                call()
    policy.update("a", 1.0)
    assert policy.posterior()["a"] == (2.0, 1.0)

    def interrupted(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr("armwise.policies._bound.closed_door", interrupted)
    with pytest.raises(KeyboardInterrupt):
        policy.posterior()
    monkeypatch.undo()
    assert policy.select() in {"a", "b"}


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="signals with a timer are POSIX's")
def test_updates_from_a_signal_handler_are_taken_or_refused_by_name():
    policy = ThompsonSampling(["a"], seed=1)
    outcomes = []

    def handler(*_):
        try:
            policy.update("a", 1.0)
            outcomes.append(1)
        except ReentrantCall:
            outcomes.append(0)

    before = signal.signal(signal.SIGALRM, handler)
    signal.setitimer(signal.ITIMER_REAL, 0.001, 0.001)
    try:
        end = time.monotonic() + 0.3
        while time.monotonic() < end:
            policy.posterior()
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    assert outcomes
    assert policy.policy_version == sum(outcomes)


@pytest.mark.parametrize("path", ["policy_version", "updates", "counter"])
def test_a_counter_that_would_soon_overflow_is_refused(path):
    policy = ThompsonSampling(["a"], seed=1)
    state = policy.state_dict()
    (state["rng"] if path == "counter" else state)[path] = 2**63 - 1
    with pytest.raises(SnapshotError, match=path):
        policy.load_state(state)


def test_a_view_serves_the_core_that_made_it_alone():
    one, other = ThompsonSampling(["a"]), ThompsonSampling([f"b{i}" for i in range(100)])
    n = np.arange(100, dtype=np.int32)
    view = other._core.view(None, other.arms, n, n, n.astype(np.uint32))
    assert other._core.select(view, None, None) in other.arms
    with pytest.raises(LookupError):
        one._core.select(view, None, None)


def test_a_subclass_may_define_equality():
    class Equal(ThompsonSampling):
        def __eq__(self, other):
            return isinstance(other, Equal)

        __hash__ = None

    assert Equal(["a"]).select() == "a"


class Model(StrEnum):
    SMALL = "small"
    LARGE = "large"


def test_members_of_an_enumeration_come_in_by_their_rewards(make):
    policy, plain = make(None), make(None)
    for i in range(20):
        label = [Model.SMALL, "other", Model.LARGE][i % 3]
        policy.update(label, i % 2, make.context, now=i)
        plain.update(str(label), i % 2, make.context, now=i)
    assert policy.arms == ("small", "other", "large")
    assert [type(arm) for arm in policy.arms] == [Model, str, Model]
    assert policy.state_dict() == plain.state_dict()
    assert policy.select(context=make.context) == plain.select(context=make.context)


class Caller(str):
    """A label whose hash calls the policy that is about to take it in."""

    __slots__ = ("call", "heard")

    def __hash__(self):
        call, self.call = getattr(self, "call", None), None
        if call is not None:
            try:
                call()
            except ReentrantCall as error:
                self.heard = error
        return str.__hash__(self)


def test_a_label_that_calls_while_it_comes_in_changes_nothing_else(make):
    policy = make(None)
    policy.update("first", 1.0, make.context, now=0)
    label = Caller("late")
    hashes = 0

    def call():
        nonlocal hashes
        hashes += 1
        label.call = call
        policy.update("meanwhile", 0.5, make.context, now=0)

    label.call = call
    policy.update(label, 1.0, make.context, now=0)
    label.call = None
    assert hashes > 1
    assert isinstance(label.heard, ReentrantCall)
    assert set(policy.arms) == {"first", "late", "meanwhile"}
    assert len(policy.arms) == 3
    assert policy.select(context=make.context) in policy.arms
    state = policy.state_dict()
    twin = make(None)
    twin.load_state(state)
    assert twin.arms == policy.arms
