"""What every store of pending decisions does, asked through DelayedRewards."""

from __future__ import annotations

import datetime as dt
import math
import os
import threading

import numpy as np
import pytest

from armwise.errors import ConfigurationError
from armwise.rewards import DelayedRewards
from armwise.stores import SQLitePending

SECOND = 10**9


@pytest.fixture(params=["memory", "sqlite"])
def delayed(request, tmp_path):
    """Makes rewards on one store, with other limits each time."""
    if request.param == "memory":
        yield DelayedRewards
        return
    store = SQLitePending(tmp_path / "pending.db")
    yield lambda **limits: DelayedRewards(store, **limits)
    store.close()


def test_each_decision_is_rewarded_once(delayed):
    rewards = delayed()
    rewards.expect("route", "0-1-0", "small", [1, 2.5], now=5, propensity=0.25)
    joined = rewards.join("route", "0-1-0", 0.75, now=9)
    assert joined.status == "applied"
    assert joined.sequence == 1
    assert joined.pending == ("route", "0-1-0", "small", [1, 2.5], 5, None, None, 0.25, None)
    again = rewards.join("route", "0-1-0", 0.75, now=9)
    assert (again.status, again.pending, again.sequence) == ("duplicate", joined.pending, None)
    assert rewards.join("route", "0-2-0", 0.75, now=9) == ("unknown", None, None)
    assert rewards.join("prompt", "0-1-0", 0.75, now=9) == ("unknown", None, None)
    assert rewards.counts == {
        "pending": 0,
        "applied": 1,
        "duplicate": 1,
        "late": 0,
        "unknown": 2,
        "dropped": 0,
        "unsaved_dropped": 0,
    }


def test_everything_comes_back_as_it_was(delayed):
    rewards = delayed()
    extra = {"pi": 0.5, "deep": [{"a": None}, True, "\ud800"]}
    arms = ["Größe", "\ud800", 10, 10.0, -0.5, 2**63 - 1]
    for place, arm in enumerate(arms):
        rewards.expect("route", str(place), arm, {"x": 1}, experiment="e", variant="v", extra=extra, now=place)
    for place, arm in enumerate(arms):
        found = rewards.join("route", str(place), -3, now=7).pending
        assert found is not None
        assert (found.arm, type(found.arm)) == (arm, type(arm))
        assert (found.context, found.experiment, found.variant, found.extra) == ({"x": 1}, "e", "v", extra)


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        (None, None),
        ((1, 2.0), [1, 2.0]),
        (np.array([0.1, 0.2], np.float32), [float(np.float32(0.1)), float(np.float32(0.2))]),
        (np.array([1, 2], np.int8), [1, 2]),
        (np.array([1e308, 1e308]), [1e308, 1e308]),
        ([np.float64(0.5), np.int64(3)], [0.5, 3]),
        ({"words": np.int64(3), "model": "x", "row": np.array([1.5])}, {"words": 3, "model": "x", "row": [1.5]}),
        ([], []),
    ],
)
def test_contexts_come_back_plain(delayed, given, kept):
    rewards = delayed()
    rewards.expect("route", "0-1-0", "a", given)
    found = rewards.join("route", "0-1-0", 1.0).pending
    assert found is not None
    assert found.context == kept


def test_contexts_are_copied(delayed):
    rewards = delayed()
    row, features, extra = np.array([1.0]), {"x": [1.0]}, {"y": 1}
    rewards.expect("route", "a", "small", row, extra=extra)
    rewards.expect("route", "b", "small", features)
    row[0], features["x"][0], extra["y"] = 9.0, 9.0, 9
    first, second = (rewards.join("route", one, 1.0).pending for one in "ab")
    assert first is not None
    assert second is not None
    assert (first.context, first.extra, second.context) == ([1.0], {"y": 1}, {"x": [1.0]})


def test_what_comes_after_the_window_is_late(delayed):
    rewards = delayed(window=10)
    for one in "abc":
        rewards.expect("route", one, "small", now=100 * SECOND)
    assert rewards.join("route", "a", 1.0, now=110 * SECOND).status == "applied"
    late = rewards.join("route", "b", 1.0, now=110 * SECOND + 1)
    assert late.status == "late"
    assert late.sequence is None
    assert late.pending is not None
    assert late.pending.arm == "small"
    assert rewards.join("route", "b", 1.0, now=110 * SECOND + 1).status == "late"
    assert rewards.join("route", "a", 1.0, now=111 * SECOND).status == "duplicate"
    assert rewards.join("route", "c", 1.0, now=99 * SECOND).status == "applied", "clocks of two machines differ"
    assert rewards.counts["late"] == 2
    assert rewards.unsaved("route")[-1].pending.decision_id == "c"


def test_what_is_over_is_forgotten_a_window_later(delayed):
    rewards = delayed(window=10)
    rewards.expect("route", "old", "small", now=0)
    rewards.expect("route", "rewarded", "small", now=0)
    rewards.saved("route", rewards.join("route", "rewarded", 1.0, now=1).sequence)
    for turn in range(40):
        rewards.expect("route", f"new{turn}", "small", now=20 * SECOND + 1)
    assert rewards.join("route", "old", 1.0, now=21 * SECOND).status == "unknown"
    assert rewards.join("route", "rewarded", 1.0, now=21 * SECOND).status == "unknown"
    assert rewards.unsaved("route") == []
    assert rewards.counts["pending"] == 40
    assert rewards.counts["dropped"] == rewards.counts["unsaved_dropped"] == 0


def test_the_oldest_go_where_there_is_no_room(delayed):
    rewards = delayed(capacity=10)
    for turn in range(25):
        rewards.expect("route", str(turn), "small", now=turn)
    assert rewards.counts["pending"] == 10
    assert rewards.counts["dropped"] == 15
    assert rewards.join("route", "14", 1.0, now=30).status == "unknown"
    assert rewards.join("route", "15", 1.0, now=30).status == "applied"


def test_what_is_over_is_not_counted_as_dropped(delayed):
    rewards = delayed(capacity=1, window=1)
    rewards.expect("route", "a", "small", now=0)
    rewards.expect("route", "b", "small", now=SECOND + 1)
    assert rewards.counts["dropped"] == 0
    assert rewards.counts["pending"] == 1


def test_rewarded_ones_are_bounded_too(delayed):
    rewards = delayed(capacity=8)
    for turn in range(100):
        rewards.expect("route", str(turn), "small", now=turn)
        assert rewards.join("route", str(turn), 1.0, now=turn).sequence == turn + 1
    kept = rewards.unsaved("route")
    assert 8 <= len(kept) <= 8 + 16
    assert [one.sequence for one in kept] == list(range(101 - len(kept), 101))
    assert rewards.counts["dropped"] == 0
    assert rewards.join("route", "99", 1.0, now=100).status == "duplicate"
    assert rewards.join("route", "0", 1.0, now=100).status == "unknown"


def test_rewards_stay_in_order_and_by_domain(delayed):
    rewards = delayed()
    for turn in range(6):
        rewards.expect("route" if turn % 2 else "prompt", str(turn), "small", [turn], now=turn)
    for turn in (5, 0, 3, 1, 4):
        rewards.join("route" if turn % 2 else "prompt", str(turn), turn / 8, now=10 + turn)
    found = rewards.unsaved("route")
    assert [(one.sequence, one.pending.context, one.reward, one.time) for one in found] == [
        (1, [5], 0.625, 15),
        (3, [3], 0.375, 13),
        (4, [1], 0.125, 11),
    ]
    assert [one.sequence for one in rewards.unsaved("route", 3)] == [4]
    assert [one.sequence for one in rewards.unsaved("prompt")] == [2, 5]
    assert rewards.unsaved("nowhere") == []


def test_a_decision_is_expected_once(delayed):
    rewards = delayed()
    rewards.expect("route", "0-1-0", "small")
    with pytest.raises(ConfigurationError, match=r"'0-1-0' of domain 'route' is expected already"):
        rewards.expect("route", "0-1-0", "large")
    rewards.join("route", "0-1-0", 1.0)
    with pytest.raises(ConfigurationError, match="expected already"):
        rewards.expect("route", "0-1-0", "large")
    assert rewards.join("route", "0-1-0", 1.0).status == "duplicate"
    rewards.expect("prompt", "0-1-0", "small")
    assert rewards.counts["pending"] == 1


HUGE = pytest.param(10**5000, id="huge")
NESTED: list[object] = []
for _ in range(5000):
    NESTED = [NESTED]
CYCLE: dict[str, object] = {}
CYCLE["it"] = CYCLE


@pytest.mark.parametrize("bad", [None, "", "x" * 201, "\ud800", 3, b"x", True, math.nan, HUGE])
@pytest.mark.parametrize("name", ["domain", "decision_id"])
def test_bad_ids(delayed, name, bad):
    rewards = delayed()
    ids = {"domain": "route", "decision_id": "0-1-0", name: bad}
    with pytest.raises(ConfigurationError, match=rf"^{name} is "):
        rewards.expect(**ids, arm="small")
    with pytest.raises(ConfigurationError, match=rf"^{name} is "):
        rewards.join(**ids, reward=1.0)
    if name == "domain":
        with pytest.raises(ConfigurationError, match=r"^domain is "):
            rewards.unsaved(bad)
        with pytest.raises(ConfigurationError, match=r"^domain is "):
            rewards.saved(bad, 1)
    assert set(rewards.counts.values()) == {0}


@pytest.mark.parametrize(
    "options",
    [
        {"arm": None},
        {"arm": True},
        {"arm": math.nan},
        {"arm": math.inf},
        {"arm": 1 << 63},
        {"arm": -(10**5000)},
        {"arm": ["small"]},
        {"context": "text"},
        {"context": 3},
        {"context": {1, 2}},
        {"context": np.array([[1.0]])},
        {"context": np.array(["a"])},
        {"context": np.array([True])},
        {"context": np.array([math.nan])},
        {"context": [math.inf]},
        {"context": [True]},
        {"context": [10**5000]},
        {"context": ["a"]},
        {"context": {1: 2}},
        {"context": {"x": math.nan}},
        {"context": {"x": object()}},
        {"context": {"x": NESTED}},
        {"context": CYCLE},
        {"now": math.nan},
        {"now": -1},
        {"now": "today"},
        {"now": dt.datetime(2026, 1, 1)},  # noqa: DTZ001 - that is what is refused
        {"experiment": 3},
        {"variant": b"v"},
        {"propensity": 0.0},
        {"propensity": 1.5},
        {"propensity": math.nan},
        {"propensity": True},
        {"extra": [1]},
        {"extra": {"x": 10**5000}},
    ],
    ids=lambda options: next(iter(options)),
)
def test_what_cannot_be_kept_is_refused(delayed, options):
    rewards = delayed()
    name = next(iter(options))
    with pytest.raises(ConfigurationError, match=name):
        rewards.expect("route", "0-1-0", **{"arm": "small", **options})
    assert rewards.counts["pending"] == 0
    rewards.expect("route", "0-1-0", "small")


@pytest.mark.parametrize("bad", [None, "1", math.nan, math.inf, True, [1.0], HUGE, {"quality": 1.0}])
def test_a_bad_reward_leaves_the_decision_waiting(delayed, bad):
    rewards = delayed()
    rewards.expect("route", "0-1-0", "small")
    with pytest.raises(ConfigurationError, match=r"^reward is "):
        rewards.join("route", "0-1-0", bad)
    assert rewards.join("route", "0-1-0", 1.0).status == "applied"


@pytest.mark.parametrize("bad", [None, "1", 1.0, True, -1, HUGE])
def test_bad_sequences(delayed, bad):
    rewards = delayed()
    with pytest.raises(ConfigurationError, match=r"^sequence is "):
        rewards.unsaved("route", bad)
    with pytest.raises(ConfigurationError, match=r"^sequence is "):
        rewards.saved("route", bad)


@pytest.mark.parametrize("bad", [0, -1, 1.5, True, None, "many", HUGE])
def test_bad_capacities(bad):
    with pytest.raises(ConfigurationError, match=r"^capacity is "):
        DelayedRewards(capacity=bad)


@pytest.mark.parametrize("bad", [0, -1, math.nan, True, None, "day", HUGE])
def test_bad_windows(bad):
    with pytest.raises(ConfigurationError, match=r"^window is "):
        DelayedRewards(window=bad)


def test_a_window_may_be_a_timedelta(delayed):
    rewards = delayed(window=dt.timedelta(seconds=1))
    rewards.expect("route", "a", "small", now=0)
    assert rewards.join("route", "a", 1.0, now=SECOND + 1).status == "late"


def test_threads_reward_each_decision_once(delayed):
    rewards = delayed()
    ids = [f"0-{i:x}-0" for i in range(300)]
    for decision_id in ids:
        rewards.expect("route", decision_id, "small")
    found: list[list[str]] = [[] for _ in range(8)]
    start = threading.Barrier(8)

    def work(mine):
        start.wait()
        mine.extend(rewards.join("route", decision_id, 1.0).status for decision_id in ids)

    threads = [threading.Thread(target=work, args=(mine,)) for mine in found]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    statuses = [status for mine in found for status in mine]
    assert (statuses.count("applied"), statuses.count("duplicate")) == (300, 2100)
    assert (rewards.counts["applied"], rewards.counts["duplicate"]) == (300, 2100)
    assert [one.sequence for one in rewards.unsaved("route")] == list(range(1, 301))


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
def test_a_fork_leaves_no_lock_held(delayed):
    rewards = delayed()
    rewards.expect("route", "a", "small")
    child = os.fork()
    if child == 0:
        status = rewards.join("route", "a", 1.0).status
        os._exit(0 if status == "applied" and rewards.counts["applied"] == 1 else 1)
    assert os.waitpid(child, 0)[1] == 0
    childs = rewards.counts["applied"]
    rewards.expect("route", "b", "small")
    assert rewards.join("route", "b", 1.0).status == "applied"
    assert rewards.counts["applied"] == childs + 1
