from __future__ import annotations

import math

import numpy as np
import pytest

from armwise_kernels import jit_clock, law

SECOND = 1_000_000_000
HALF_LIVES = [1000, 1024, 1025, 60 * SECOND, 30 * 86400 * SECOND]
NOW = 1_700_000_000 * SECOND
LOG2_A_TICK = 0.69314718055994530942 / 1024.0


def tick_of(now, half_life):
    part = int(float(now % half_life) * 1024.0 / float(half_life))
    return now // half_life * 1024 + min(1023, part)


def power_of_two(exponent):
    return 0.0 if exponent < -1000 else math.ldexp(1.0, exponent)


@pytest.mark.parametrize("half_life", HALF_LIVES)
def test_ticks_equal_the_oracle_and_rise(rng, half_life):
    times = sorted({0, 1, half_life - 1, half_life, NOW, *(int(t) for t in rng.integers(0, 2 * NOW, 300))})
    ticks = [jit_clock.tick_of(t, half_life) for t in times]
    assert ticks == [tick_of(t, half_life) for t in times]
    assert ticks == sorted(ticks)


@pytest.mark.parametrize("half_life", HALF_LIVES)
def test_a_tick_ends_no_later_than_the_next_begins(rng, half_life):
    for t in (int(t) for t in rng.integers(0, 2 * NOW, 100)):
        tick = tick_of(t, half_life)
        low, high = t, t + half_life  # the first time of a later tick, by bisection
        while low < high:
            middle = (low + high) // 2
            low, high = (low, middle) if tick_of(middle, half_life) > tick else (middle + 1, high)
        end = jit_clock.tick_end(tick, half_life)
        assert end <= low
        # one read of the clock too early costs a division; many would cost it at every call
        assert low - end <= 2 + half_life // 500_000


def test_weights_equal_the_oracle(naive, rng):
    for ticks in [
        0,
        1,
        1023,
        1024,
        65535,
        1024 * 1000,
        1024 * 1001,
        1 << 40,
        *(int(k) for k in rng.integers(0, 1 << 21, 100)),
    ]:
        expected = power_of_two(-(ticks >> 10)) * naive.exp(-float(ticks & 1023) * LOG2_A_TICK)
        assert jit_clock.decay(ticks) == expected
    for ticks in [0, 1, -1, -1023, -1024, -1025, 65535, -1024 * 1000, -1024 * 1001, -(1 << 40)]:
        expected = power_of_two(ticks >> 10) * naive.exp(float(ticks & 1023) * LOG2_A_TICK)
        assert jit_clock.growth(ticks) == expected


def test_weights_are_powers_of_two():
    for ticks in range(0, 5000, 37):
        assert jit_clock.decay(ticks) == pytest.approx(2.0 ** (-ticks / 1024), rel=1e-15)
        assert jit_clock.growth(ticks) == pytest.approx(2.0 ** (ticks / 1024), rel=1e-15)
        assert jit_clock.growth(-ticks) == pytest.approx(2.0 ** (-ticks / 1024), rel=1e-15)
    assert [jit_clock.power_of_two(n) for n in (-1001, -1000, -1, 0, 1, 1000)] == [
        0.0,
        2.0**-1000,
        0.5,
        1.0,
        2.0,
        2.0**1000,
    ]


class TestAdvance:
    HALF_LIFE = 1024 * SECOND  # a tick is a second

    @pytest.fixture
    def head(self):
        head = np.zeros(law.HEAD_SIZE, np.int64)
        head[law.HEAD_HALF_LIFE] = self.HALF_LIFE
        jit_clock.clock_advance(head, NOW)
        return head

    def clock(self, head):
        return [int(head[i]) for i in (law.HEAD_NOW, law.HEAD_TICK, law.HEAD_LANDMARK, law.HEAD_VERSION)]

    def test_the_first_time_sets_the_landmark_to_a_whole_half_life(self, head):
        tick = NOW // SECOND
        assert self.clock(head) == [NOW, tick, tick // 1024 * 1024, 1]

    def test_within_a_tick_only_the_time_moves(self, head):
        before = self.clock(head)
        assert math.isnan(jit_clock.clock_advance(head, NOW + SECOND - 1))
        assert self.clock(head) == [NOW + SECOND - 1, *before[1:]]

    def test_a_later_tick_is_a_version(self, head):
        before = self.clock(head)
        assert jit_clock.clock_advance(head, NOW + 3 * SECOND) == 1.0
        assert self.clock(head) == [NOW + 3 * SECOND, before[1] + 3, before[2], before[3] + 1]

    def test_the_past_changes_nothing(self, head):
        before = head.copy()
        assert math.isnan(jit_clock.clock_advance(head, NOW - 5 * SECOND))
        assert math.isnan(jit_clock.clock_advance(head, NOW))
        assert (head == before).all()

    @pytest.mark.parametrize(("lives", "scale"), [(63, 1.0), (65, 2.0**-65), (999, 2.0**-999), (1002, 0.0)])
    def test_the_landmark_follows_by_whole_half_lives(self, head, lives, scale):
        landmark = int(head[law.HEAD_LANDMARK])
        start = landmark // 1024 * self.HALF_LIFE  # so that lives are counted from the landmark
        assert jit_clock.clock_advance(head, start + lives * self.HALF_LIFE + SECOND) == scale
        moved = 0 if lives < jit_clock.SPAN else lives * 1024
        assert int(head[law.HEAD_LANDMARK]) == landmark + moved

    def test_a_restored_clock_finds_the_end_of_its_tick_again(self, head):
        end = int(head[law.HEAD_NEXT])
        head[law.HEAD_NEXT] = 0
        assert math.isnan(jit_clock.clock_advance(head, NOW + 1))
        assert head[law.HEAD_NEXT] == end
