"""What each arm earned: counted, refused, saved."""

from __future__ import annotations

import pytest

from armwise import ConfigurationError
from armwise._fields import Fields
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
