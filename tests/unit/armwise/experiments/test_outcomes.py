from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from armwise._fields import Fields
from armwise.errors import SnapshotError
from armwise.experiments.outcomes import VariantStatistics

REWARDS = st.lists(st.tuples(st.floats(-10, 10), st.floats(0, 2), st.booleans(), st.integers(0, 10)), max_size=12)


def recorded(rewards, bounds=None):
    found = VariantStatistics()
    for reward, regret, active, time in rewards:
        found.record(reward, regret=regret, active=active, time=time, bounds=bounds)
    return found


def test_nothing_seen():
    variant = VariantStatistics()
    assert (variant.pulls, variant.reward_sum, variant.mean_reward, variant.last_reward) == (0, 0.0, None, None)
    assert variant.regret_sum == 0.0
    assert variant.summary()["counterfactual"] == {"shadow": None, "active": None}


def test_regret_and_the_last_reward():
    found = recorded([(0.2, 0.55, False, 3), (0.9, 0.0, True, 5)])
    assert (found.pulls, found.active.n) == (2, 1)
    assert (found.last_reward, found.last_time, found.regret_sum) == (0.9, 5, 0.55)
    assert found.reward_sum == pytest.approx(1.1)


@given(REWARDS, REWARDS)
def test_merging_knows_no_order(left, right):
    first, second = recorded(left), recorded(right)
    both = first.merged(second)
    assert both == second.merged(first)
    assert both.pulls == len(left) + len(right)
    later = max([(time, reward) for reward, _, _, time in (left[-1:] + right[-1:])], default=(0, None))
    assert both.last_reward == later[1]


@given(REWARDS)
def test_a_state_loses_nothing(rewards):
    found = recorded(rewards, bounds=(-10.0, 10.0))
    found.shadow_replay.add(weight=2.0, reward=1.0, expected=0.25, served=0.5, baseline=0.1)
    assert VariantStatistics.from_state(Fields(found.state_dict())) == found


def test_predictions_come_before_what_they_predict():
    found = recorded([(1.0, 0.0, True, 0), (0.0, 0.0, False, 0), (1.0, 0.0, True, 0)], bounds=(0.0, 1.0))
    assert found.spread.value == pytest.approx(0.5**2 + 0.75**2 + 0.5**2)
    assert found.active_spread.value == pytest.approx(0.5**2 + 0.25**2)


@pytest.mark.parametrize(
    "change",
    [
        {"active": {"n": 9, "powers": ["9p0"] * 4}},
        {"regret": "-1p0"},
        {"spread": "-1p0"},
        {"last_reward": None},
        {"last_reward": 1e71},
        {"last_reward": "x"},
        {"last_time": -1},
        {"allocations": -1},
        {"shadow_pulls": 2**63},
        {"rewards": None},
        {"shadow_replay": {"weights": 3}},
    ],
)
def test_states_that_cannot_be_are_refused(change):
    state = recorded([(1.0, 0.5, True, 1)]).state_dict() | change
    with pytest.raises(SnapshotError):
        VariantStatistics.from_state(Fields(state))


def test_a_last_reward_without_rewards_is_refused():
    state = VariantStatistics().state_dict() | {"last_reward": 1.0}
    with pytest.raises(SnapshotError, match="last_reward"):
        VariantStatistics.from_state(Fields(state))
