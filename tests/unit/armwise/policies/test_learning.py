"""update and update_many: what every policy promises of its rewards."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

import numpy as np
import pytest

from armwise import ConfigurationError, UnknownArm


def test_update_raises_the_version_by_one(make):
    policy = make()
    policy.update("b", 0.5, make.context, make.now(0))
    before = policy.policy_version
    policy.update("b", 0.5, make.context, make.now(0))
    assert policy.policy_version == before + 1
    assert policy.counter == 0


@pytest.mark.parametrize(
    "reward",
    [
        *(1, 0, 0.25, Fraction(1, 4), Decimal("0.25")),
        *(np.float64(0.25), np.float32(0.25), np.int8(1), np.True_),
        *(np.array(0.25), np.array(0.25, np.float32), np.array(1), np.array(1, np.bool_)),
    ],
)
def test_rewards_are_any_real_number(make, reward):
    one, other, together = make(), make(), make()
    one.update("a", reward, make.context, make.now(0))
    other.update("a", float(reward), make.context, make.now(0))
    together.update_many(["a"], [reward], make.contexts(1), make.now(0))
    assert one.state_dict() == other.state_dict() == together.state_dict()


@pytest.mark.parametrize(
    "reward",
    [
        *(True, False, float("nan"), float("inf"), -float("inf"), 10**400, "1.0", b"1", None, 1j, [0.5]),
        *(np.str_("0.5"), np.bytes_(b"1"), np.complex128(0.5), np.array(0.5 + 0j), np.array("0.5")),
        *(np.array([0.5]), np.array([[0.5]]), np.array([0.5, 0.5]), np.array([])),
        *(np.complex64(0.5), np.ma.masked, np.timedelta64(1, "s"), np.array(np.nan)),
    ],
)
def test_bad_rewards(make, unchanged, reward):
    policy = make.train(make())
    with unchanged(policy, ConfigurationError, "reward"):
        policy.update("a", reward, make.context, make.now(29))
    with unchanged(policy, ConfigurationError, "reward"):
        policy.update_many(["a", "b"], [0.5, reward], make.contexts(2), make.now(29))


def test_bad_rewards_in_an_open_set_admit_nobody(make, unchanged):
    policy = make(None)
    with unchanged(policy, ConfigurationError, "reward"):
        policy.update("new", float("nan"), make.context)
    with unchanged(policy, ConfigurationError, "reward"):
        policy.update_many(["new", "newer"], [0.5, float("nan")], make.contexts(2))
    assert policy.arms == ()


def test_unknown_arms(make, unchanged):
    policy = make()
    with unchanged(policy, UnknownArm, "no arm 'z'"):
        policy.update("z", 0.5, make.context)
    with unchanged(policy, UnknownArm, "no arm 'z'"):
        policy.update_many(["a", "z"], [0.5, 0.5], make.contexts(2))
    with pytest.raises(KeyError):
        policy.update("z", 0.5, make.context)


@pytest.mark.parametrize("arm", [None, True, ["a"], float("nan"), b"a", np.int64(1)])
@pytest.mark.parametrize("arms", [("a", "b"), (1, 2.5), None])
def test_what_is_no_label(make, unchanged, arms, arm):
    policy = make(arms)
    with unchanged(policy, ConfigurationError):
        policy.update(arm, 0.5, make.context)
    with unchanged(policy, ConfigurationError):
        policy.update_many([arm], [0.5], make.contexts(1))


def test_an_arm_is_written_in_one_way(make, unchanged):
    policy = make([1, 2.5])
    with unchanged(policy, ConfigurationError, "equals the arm 1"):
        policy.update(1.0, 0.5, make.context)
    with unchanged(policy, ConfigurationError, "equals the arm 1"):
        policy.update_many([1.0], [0.5], make.contexts(1))
    policy.update(np.float64(2.5), 0.5, make.context)
    assert policy.policy_version >= 1


def test_update_many_is_that_many_updates(make):
    arms = ["b", "a", "b", "c", "c", "b"]
    rewards = np.linspace(0.0, 1.0, 6)
    contexts = np.random.default_rng(1).normal(size=(6, 3))
    one, other = make(), make()
    now = make.now(0)
    one.update_many(arms, rewards, contexts if make.linear else None, now)
    for arm, reward, context in zip(arms, rewards, contexts, strict=True):
        other.update(arm, float(reward), context if make.linear else None, now)
    assert one.state_dict() == other.state_dict()
    assert one.policy_version - other.policy_version == 0
    one.update_many([], [], contexts[:0] if make.linear else None)
    assert one.state_dict() == other.state_dict()


def test_update_many_admits_in_order(make):
    arms = ["b", "a", "b", 7, "a", 2.5, 7]
    one, other = make(None), make(None)
    now = make.now(0)
    one.update_many(arms, [0.1 * i for i in range(7)], make.contexts(7), now)
    for i, arm in enumerate(arms):
        other.update(arm, 0.1 * i, make.context, now)
    assert one.arms == ("b", "a", 7, 2.5)
    assert one.state_dict() == other.state_dict()
    assert one.select(context=make.context, now=now) == other.select(context=make.context, now=now)


def test_update_many_takes_arrays_of_labels(make):
    policy = make(["a", "b"])
    policy.update_many(np.array(["a", "b", "a"]), np.array([1, 0, 1], np.int8), make.contexts(3), make.now(0))
    policy.update_many(iter(["a"]), [1], make.contexts(1), make.now(0))
    assert policy.arms == ("a", "b")


@pytest.mark.parametrize(
    ("arms", "rewards"),
    [
        (["a"], [0.5, 0.5]),
        (["a", "b"], [0.5]),
        (["a"], 0.5),
        (["a"], [[0.5]]),
        (["a"], "1"),
        (["a"], ["1"]),
        (["a"], np.array(["1"])),
        (["a"], np.array([0.5 + 0j])),
        (["a"], {0.5}),
        ("ab", [0.5, 0.5]),
        ({"a"}, [0.5]),
        (3, [0.5]),
    ],
)
def test_update_many_refuses_what_does_not_fit(make, unchanged, arms, rewards):
    policy = make()
    with unchanged(policy, ConfigurationError):
        policy.update_many(arms, rewards, make.contexts(1))


def test_two_new_arms_that_are_equal(make, unchanged):
    policy = make(None)
    with unchanged(policy, ConfigurationError, "write an arm in one way"):
        policy.update_many([1, 1.0], [0.5, 0.5], make.contexts(2))


@pytest.mark.parametrize(
    ("arm", "reward"),
    [
        ("a", float("nan")),
        ("a", None),
        ("a", "1"),
        pytest.param("a", 10**5000, id="huge"),
        (None, 0.5),
        (float("nan"), 0.5),
        ("", None),
    ],
)
def test_what_update_refuses_is_refused_beforehand(make, arm, reward):
    policy = make()
    before = policy.state_dict()
    with pytest.raises(ConfigurationError) as asked:
        policy.check_update(arm, reward, make.context)
    with pytest.raises(ConfigurationError) as updated:
        policy.update(arm, reward, make.context, make.now(0))
    assert str(asked.value) == str(updated.value)
    assert policy.state_dict() == before


def test_what_update_takes_is_taken_beforehand_and_not_learnt(make):
    policy = make()
    before = policy.state_dict()
    policy.check_update("a", 0.5, make.context)
    policy.check_update("a", 0.5, object(), seen=False)
    assert policy.state_dict() == before
    policy.update("a", 0.5, make.context, make.now(0))
