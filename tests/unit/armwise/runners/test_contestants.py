from __future__ import annotations

import numpy as np
import pytest

import armwise
from armwise.errors import ConfigurationError, SnapshotError
from armwise.runners.contestants import (
    CONTESTANTS,
    RunningMean,
    linear_features,
    parse_policy,
    restored_policy,
)

CONTEXT = np.array([0.5, -0.25, 1.0])


def learned(contestant):
    policy = contestant.build(("a", "b"), dim=3, seed=3)
    for reward in (1.0, 0.25, 0.5):
        policy.update(policy.select(None, CONTEXT), reward, CONTEXT)
    return policy


@pytest.mark.parametrize("contestant", CONTESTANTS, ids=lambda contestant: contestant.name)
def test_every_policy_can_be_named_built_and_restored(contestant):
    assert isinstance(contestant.make, type)
    assert getattr(armwise, contestant.title) is contestant.make
    assert contestant.linear == contestant.title.startswith("LinTS")
    policy = learned(contestant)
    assert (policy.arms, policy.seed, policy.policy_version) == (("a", "b"), 3, 3)
    again = restored_policy(policy.state_dict())
    assert type(again) is type(policy)
    assert again.state_dict() == policy.state_dict()
    assert [again.select(None, CONTEXT) for _ in range(9)] == [policy.select(None, CONTEXT) for _ in range(9)]


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("thompson", "thompson"),
        ("ThompsonSampling", "thompson"),
        ("lints", "lints"),
        ("LinTS-Diag", "lints_diag"),
        ("lints_diag", "lints_diag"),
        ("epsilon-greedy", "epsilon_greedy"),
        (" UCB1 ", "ucb1"),
    ],
)
def test_names_in_any_spelling(text, name):
    assert parse_policy(text).name == name


def test_settings_replace_the_usual_ones():
    assert parse_policy("lints:sigma=0.5, seed=9").settings == {
        "sigma": 0.5,
        "prior_precision": 1.0,
        "seed": 9,
    }
    policy = parse_policy("thompson:prior=(2.0, 3.0),half_life=60,seed=9").build(("a",), dim=0, seed=1)
    assert policy.seed == 9
    assert policy.state_dict()["prior"] == [2.0, 3.0]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "there is no policy ''; expected one of thompson, lints_diag"),
        ("greedy", "there is no policy 'greedy'"),
        ("ucb1:epsilon=1", "ucb1 has no setting 'epsilon'; expected seed"),
        ("lints:dim=3", "lints has no setting 'dim'"),
        ("thompson:rng=1", "thompson has no setting 'rng'"),
        ("lints:sigma", "cannot read the settings 'sigma'"),
        ("lints:sigma=", "cannot read the settings"),
        ("lints:sigma=x", "cannot read the settings"),
        ("lints:sigma=1,sigma=2", "cannot read the settings"),
        ("lints:**{'sigma': 1}", "lints has no setting 'None'"),
        ("lints:)+_(", "cannot read the settings"),
        ("lints:sigma=" + "(" * 500, "cannot read the settings"),
        ("lints:sigma=__import__('os')", "cannot read the settings"),
    ],
)
def test_what_names_no_policy_is_refused(text, told):
    with pytest.raises(ConfigurationError, match=told.replace("(", r"\(").replace("'", ".")):
        parse_policy(text)


@pytest.mark.parametrize(
    "text", ["lints:sigma=-1", "thompson:prior=(0, 0)", "epsilon_greedy:epsilon=2", "ucb1:seed=-1"]
)
def test_settings_out_of_range_are_refused_by_their_policy(text):
    with pytest.raises(ConfigurationError):
        parse_policy(text).build(("a", "b"), dim=2, seed=0)


@pytest.mark.parametrize("state", [{}, {"policy": None}, {"policy": "Oracle"}, {"policy": ["LinTS"]}])
def test_a_state_of_no_policy_is_refused(state):
    with pytest.raises(SnapshotError, match=r"the state is of policy .*; expected one of ThompsonSampling"):
        restored_policy(state)


@pytest.mark.parametrize("dim", [0, -1, "3", None, 10**9])
def test_a_state_of_an_impossible_policy_is_refused(dim):
    state = learned(CONTESTANTS[2]).state_dict()
    with pytest.raises(SnapshotError):
        restored_policy({**state, "dim": dim})


def test_a_torn_state_is_refused():
    state = learned(CONTESTANTS[0]).state_dict()
    del state["rng"]
    with pytest.raises(SnapshotError):
        restored_policy(state)


def test_features_are_scaled_and_have_an_intercept():
    context = np.random.default_rng(0).normal(3.0, [1.0, 100.0, 1e-3, 1e200], (50, 4))
    features = linear_features(context)
    assert features.shape == (50, 5)
    assert features.flags.c_contiguous
    np.testing.assert_allclose(features[:, :4].mean(axis=0), 0.0, atol=1e-12)
    np.testing.assert_allclose(features[:, :4].std(axis=0), 0.25, rtol=1e-9)
    assert (features[:, 4] == 1.0).all()


@pytest.mark.parametrize("value", [0.0, 0.1, 1e300, -7.0])
def test_a_constant_feature_stays_zero(value):
    features = linear_features(np.full((7, 2), value))
    assert (features == [0.0, 0.0, 1.0]).all()


def test_without_features_there_is_the_intercept():
    assert linear_features(np.zeros((3, 0))).tolist() == [[1.0], [1.0], [1.0]]


def test_rewards_are_centred_on_those_before_them():
    mean = RunningMean()
    assert [mean.centre(reward) for reward in (0.5, 0.8, 0.0)] == pytest.approx([0.0, 0.3, -0.6])
