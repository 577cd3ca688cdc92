"""What each arm earned: counted, refused, saved."""

from __future__ import annotations

import pytest

from armwise import ConfigurationError, SnapshotError, ThompsonSampling
from armwise._fields import Fields
from armwise.learning._restoring import prepared_policy
from armwise.learning._statistics import ArmStatistics
from armwise_kernels import law


def test_means_and_numbers():
    statistics = ArmStatistics()
    for arm, reward in [("a", 1.0), (2, -3.0), (2, 5.0), (0.5, 1e70)]:
        statistics.add(statistics.admit(arm), reward)
    assert statistics.summary() == {
        "a": {"q": 1.0, "n": 1},
        2: {"q": 1.0, "n": 2},
        0.5: {"q": 1e70, "n": 1},
    }
    again = ArmStatistics.restored(Fields(statistics.state_dict()))
    assert again.summary() == statistics.summary()


def test_a_whole_number_and_a_float_that_are_equal_are_one_arm_in_one_way():
    statistics = ArmStatistics()
    statistics.add(statistics.admit(1), 0.5)
    with pytest.raises(ConfigurationError, match="write it as the arm is written"):
        statistics.admit(1.0)
    assert statistics.admit(1) == 1


def test_there_are_only_so_many_arms():
    statistics = ArmStatistics()
    statistics._arms = dict.fromkeys(range(law.MAX_ARMS), (1, 0.5))
    with pytest.raises(ConfigurationError, match="split it"):
        statistics.admit("one more")
    assert statistics.admit(5) == 5


@pytest.mark.parametrize("arms", [["a", "\ud800"], [1, "\udfff"], ["\ud83d", "\ude00"]])
def test_labels_that_no_snapshot_can_hold_come_from_none(arms):
    with pytest.raises(SnapshotError, match=r"statistics\['arms'\] holds .*, a lone surrogate"):
        ArmStatistics.restored(Fields({"arms": arms, "n": [1, 1], "total": [0.5, 0.5]}))
    with pytest.raises(SnapshotError, match=r"state\['arms'\] holds .*, a lone surrogate"):
        prepared_policy(ThompsonSampling(), ThompsonSampling(arms).state_dict())
    policy = ThompsonSampling()
    policy.load_state(ThompsonSampling(arms).state_dict())  # as a log holds it
    assert policy.arms == tuple(arms)
