"""What holds for all streams: the order of merging, the way of updating, and states that were tampered with."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from armwise.errors import SnapshotError
from armwise.evaluation import (
    ConfidenceSequence,
    Cuped,
    DifferenceSequence,
    SequentialSampleRatio,
    benjamini_hochberg,
    holm,
    sample_ratio_test,
)

KINDS = st.sampled_from(["asymptotic", "msprt", "empirical_bernstein"])
UNIT = st.floats(0.0, 1.0, width=32)
STREAMS = st.lists(UNIT, max_size=40)


@given(KINDS, st.lists(STREAMS, min_size=1, max_size=4), st.randoms(use_true_random=False))
def test_merging_does_not_depend_on_order(kind, streams, random):
    parts = []
    for stream in streams:
        parts.append(ConfidenceSequence(kind=kind, burn_in=1))
        parts[-1].update_many(stream)
    orders = []
    for _ in range(2):
        random.shuffle(parts)
        merged = parts[0]
        for part in parts[1:]:
            merged = part.merge(merged)
        orders.append(merged)
    first, second = orders
    assert first.n == second.n == sum(map(len, streams))
    if first.n:
        assert first.mean == pytest.approx(second.mean, rel=1e-12, abs=1e-15)
        assert first.mean == pytest.approx(np.mean(np.concatenate(streams)), rel=1e-12, abs=1e-15)


@given(KINDS, st.lists(st.tuples(UNIT, st.integers(0, 1)), max_size=60), st.integers(0, 60))
def test_cutting_a_stream_changes_nothing(kind, stream, cut):
    whole, pieces = DifferenceSequence(kind=kind, burn_in=2), DifferenceSequence(kind=kind, burn_in=2)
    x, arms = np.array([pair[0] for pair in stream]), np.array([pair[1] for pair in stream], dtype=int)
    whole.update_many(x, arms)
    lower, upper = [], []
    for part in (slice(0, cut), slice(cut, None)):
        ends = pieces.update_many(x[part], arms[part])
        lower.extend(ends[0])
        upper.extend(ends[1])
    assert whole.state_dict() == pieces.state_dict()
    assert not np.isnan([*lower, *upper]).any()
    assert (np.array(lower) <= np.array(upper)).all()
    assert DifferenceSequence.from_state(json.loads(json.dumps(whole.state_dict()))).interval == whole.interval


@given(st.lists(UNIT, min_size=1, max_size=200))
def test_an_interval_holds_its_estimate(stream):
    for kind in ("asymptotic", "msprt", "empirical_bernstein"):
        sequence = ConfidenceSequence(kind=kind, burn_in=1)
        lower, upper = sequence.update_many(stream)
        assert lower[-1] <= sequence.mean + 1e-12
        assert sequence.mean - 1e-12 <= upper[-1]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


@given(st.sampled_from(["mean", "cuped", "ratio"]), st.integers(0, 20), JSON)
def test_a_tampered_state_is_loaded_whole_or_refused(which, field, value):
    if which == "mean":
        made = ConfidenceSequence()
        made.update_many([0.5, 0.25, 1.0])
    elif which == "cuped":
        made = Cuped()
        made.update_many([1.0, 2.0], [0.5, 0.25])
    else:
        made = SequentialSampleRatio({"a": 1, "b": 2})
        made.update([5, 9])
    state = made.state_dict()
    state[sorted(state)[field % len(state)]] = value
    try:
        loaded = type(made).from_state(state)
    except SnapshotError:
        return
    json.dumps(loaded.state_dict(), allow_nan=False)


@given(st.lists(st.floats(0.0, 1.0), min_size=1, max_size=30))
def test_adjusted_p_values_keep_the_order_and_are_no_smaller(p):
    for adjust in (holm, benjamini_hochberg):
        adjusted = adjust(p)
        assert (adjusted >= np.array(p) * (1 - 1e-15)).all()
        assert (adjusted <= 1.0).all()
        assert (np.diff(adjusted[np.argsort(p, kind="stable")]) >= 0).all()
    assert (benjamini_hochberg(p) <= holm(p) * (1 + 1e-12)).all()


@given(st.lists(st.tuples(st.integers(0, 10**6), st.integers(1, 100)), min_size=2, max_size=8))
def test_a_ratio_test_gives_a_probability(variants):
    counts, shares = [pair[0] for pair in variants], [pair[1] for pair in variants]
    if sum(counts):
        found = sample_ratio_test(counts, shares)
        assert 0.0 <= found.p_value <= 1.0
        assert sum(found.expected) == pytest.approx(sum(counts))
