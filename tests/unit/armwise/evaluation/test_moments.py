from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from armwise._fields import Fields
from armwise.errors import SnapshotError
from armwise.evaluation._moments import Moments, Predictions


def test_moments_are_numpys():
    x = 1e9 + np.random.default_rng(1).normal(size=300)  # an offset that plain sums of squares would not survive
    trail = Moments().add(x)
    assert trail.count.tolist() == list(range(1, 301))
    np.testing.assert_allclose(trail.mean, [x[:i].mean() for i in range(1, 301)], rtol=1e-15)
    np.testing.assert_allclose(trail.spread, [x[:i].var() * i for i in range(1, 301)], rtol=1e-6, atol=1e-6)
    # (sum d^2)^2 / sum d^4 is n over Pearson's kurtosis
    assert trail.evidence[-1] == pytest.approx(300 / stats.kurtosis(x - 1e9, fisher=False), rel=1e-6)


@pytest.mark.parametrize("make", [Moments, Predictions])
def test_many_at_once_are_one_by_one_to_the_bit(make):
    x = np.random.default_rng(2).random(100)
    one, many = make(), make()
    ones = [one.add(x[i : i + 1]) for i in range(100)]
    trails = [many.add(x[:37]), many.add(x[37:37]), many.add(x[37:])]
    assert one.state() == many.state()
    for field in range(4):
        apart = np.concatenate([trail[field] for trail in ones])
        assert np.concatenate([trail[field] for trail in trails]).tobytes() == apart.tobytes()
        assert many.now()[field][0] == apart[-1]


def test_evidence_of_rare_successes_is_about_their_number():
    x = np.zeros(10_000)
    x[::500] = 1.0
    assert Moments().add(x).evidence[-1] == pytest.approx(20, rel=0.01)
    assert Moments().add(np.full(10, 0.1)).evidence.tolist() == [0.0] * 10


def test_merged_moments_are_those_of_one_stream_in_any_order():
    x = np.random.default_rng(3).lognormal(size=900)
    whole = Moments()
    whole.add(x)
    parts = []
    for chunk in np.split(x, 9):
        parts.append(Moments())
        parts[-1].add(chunk)
    forward, backward = Moments(), Moments()
    for part in parts:
        forward = forward.merged(part)
    for part in reversed(parts):
        backward = part.merged(backward)
    for merged in (forward, backward):
        assert merged.count == 900
        for mine, theirs in zip(merged.now(), whole.now(), strict=True):
            np.testing.assert_allclose(mine, theirs, rtol=1e-12)
    left, right = parts[:2]
    assert left.merged(right).state() == right.merged(left).state()


def test_merging_changes_neither_side():
    left, right = Moments(), Moments()
    left.add(np.array([1.0, 2.0]))
    before = left.state()
    both = left.merged(right)
    both.add(np.array([7.0]))
    assert left.state() == before
    assert right.merged(right).count == 0


def test_predictions_predict_each_number_by_those_before():
    x = np.array([0.5, 1.0, 0.25])
    trail = Predictions().add(x)
    predicted = [0.5, (0.5 + 0.5) / 2, (0.5 + 1.5) / 3]
    np.testing.assert_allclose(trail.spread, np.cumsum((x - predicted) ** 2))
    np.testing.assert_allclose(trail.mean, [0.5, 0.75, 1.75 / 3])


@pytest.mark.parametrize(
    ("make", "change"),
    [
        (Moments, {"count": -1}),
        (Moments, {"origin": np.inf}),
        (Moments, {"sums": [0.0, -1.0, 0.0, 0.0]}),
        (Moments, {"sums": [0.0, 1.0, 0.0, -1.0]}),
        (Moments, {"count": 0}),
        (Moments, {"sums": [1.0]}),
        (Predictions, {"total": 3.0}),
        (Predictions, {"spread": -0.1}),
        (Predictions, {"count": "2"}),
    ],
)
def test_sums_that_cannot_be_are_refused(make, change):
    sums = make()
    sums.add(np.array([0.5, 1.0]))
    assert make.restored(Fields(sums.state())).state() == sums.state()
    with pytest.raises(SnapshotError):
        make.restored(Fields(sums.state() | change))
