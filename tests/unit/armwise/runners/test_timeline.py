from __future__ import annotations

import random

import numpy as np
import pytest

from armwise.runners._timeline import SPANS, Timeline


def filled(records):
    timeline = Timeline()
    for time, variant, reward in records:
        timeline.serve(time, variant)
        timeline.reward(time, variant, reward, regret=0.25)
    return timeline


def test_nothing_is_lost_however_long_it_takes():
    rng = np.random.default_rng(0)
    times = np.sort(rng.integers(0, 10**15, 5000)) + 10**18
    rewards = rng.normal(5.0, 1.0, 5000)
    timeline = filled((int(time), "ab"[place % 2], float(rewards[place])) for place, time in enumerate(times))
    columns = timeline.columns(["a", "b"])
    assert SPANS // 2 <= len(columns.time) <= SPANS
    assert (np.diff(columns.time) > 0).all()
    assert (timeline.first, timeline.last, columns.time[-1]) == (times[0], times[-1], times[-1])
    assert columns.served.sum(axis=0).tolist() == columns.rewards.sum(axis=0).tolist() == [2500, 2500]
    for place in range(2):
        about = rewards[place::2] - columns.origin
        powers = [(about**k).sum() for k in (1, 2, 3, 4)]
        assert columns.powers[:, place].sum(axis=0) == pytest.approx(powers, rel=1e-9)
    assert columns.regret.sum() == 0.25 * 5000


def test_spans_do_not_depend_on_the_order_of_records():
    records = [(10**18 + turn**3, "a", float(turn % 3)) for turn in range(3000)]
    shuffled = records.copy()
    random.Random(0).shuffle(shuffled)
    one, other = (filled(order).columns(["a"]) for order in (records, [records[0], *shuffled]))
    assert (one.time == other.time).all()
    assert one.served.sum() == other.served.sum() - 1


def test_a_span_ends_where_its_records_are_counted():
    columns = filled([(10**18, "a", 1.0), (10**18 + 10**12, "a", 2.0)]).columns(["a", "never"])
    assert columns.rewards.tolist() == [[1, 0], [1, 0]]
    assert 10**18 <= columns.time[0] <= 10**18 + 2048
    assert columns.time[1] == 10**18 + 10**12


def test_an_empty_one_has_no_spans():
    columns = Timeline().columns(["a", "b"])
    assert columns.time.shape == (0,)
    assert columns.powers.shape == (0, 2, 4)
    assert columns.regret.shape == (0, 2)
