"""The clock of posteriors that decay."""

from __future__ import annotations

import numpy as np
import pytest

from armwise import SnapshotError
from armwise._fields import Fields
from armwise.posteriors._decay import clock_state, growth, half_life_of, half_life_span, restore_clock
from armwise_kernels import law


def head(half_life=1024, tick=0, landmark=0, now=0):
    array = np.zeros(law.HEAD_SIZE, np.int64)
    array[[law.HEAD_HALF_LIFE, law.HEAD_TICK, law.HEAD_LANDMARK, law.HEAD_NOW]] = half_life, tick, landmark, now
    return array


@pytest.mark.parametrize("ticks", [0, 1, 511, 512, 1023, 1024, 1025, 40_000, 65_535])
def test_growth_is_a_power_of_two(ticks):
    assert growth(head(tick=2048 + ticks, landmark=2048)) == pytest.approx(2.0 ** (ticks / 1024), rel=1e-14)


def test_growth_of_whole_half_lives_is_exact():
    assert [growth(head(tick=1024 * n)) for n in (0, 1, 10, 63)] == [1.0, 2.0, 1024.0, 2.0**63]


def test_a_clock_comes_back():
    one = head(half_life=3600 * 10**9, now=7_000_000_000_000, tick=1991, landmark=1024)
    state = clock_state(one)
    other = head(half_life=3600 * 10**9)
    restore_clock(other, Fields(state))
    assert other.tolist() == one.tolist()
    assert clock_state(head(half_life=0)) == {"half_life_ns": 0}
    assert half_life_of(head(half_life=0)) is None
    assert half_life_span(None) == 0


def test_ticks_are_those_of_the_kernels():
    """On the last nanosecond of a half-life the quotient may round up to a tick too many: it is held back."""
    for half_life in (1000, 1024, 999_999_999_999, (1 << 62) - 1):
        now = half_life - 1
        restored = head(half_life=half_life)
        restore_clock(
            restored, Fields({"clock": {"now": now, "tick": min(1023, now * 1024 // half_life), "landmark": 0}})
        )
        assert restored[law.HEAD_NOW] == now


def test_old_states_may_have_no_clock():
    restored = head()
    restore_clock(restored, Fields({}, legacy=True))
    assert restored[law.HEAD_NOW] == 0
    with pytest.raises(SnapshotError, match="clock"):
        restore_clock(restored, Fields({}))
