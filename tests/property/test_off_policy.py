"""What holds of off-policy estimates whatever the log."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from armwise.data import read_open_bandit
from armwise.errors import ArmwiseError
from armwise.evaluation import clipped_ips, dm, dr, fit_means, ips, overlap, replay, snips, switch_dr

N = 12
rewards = arrays(float, N, elements=st.floats(-100.0, 100.0))
propensities = arrays(float, N, elements=st.floats(1e-3, 1.0))
targets = arrays(float, N, elements=st.floats(1e-3, 1.0))
predictions = arrays(float, N, elements=st.floats(-100.0, 100.0))
tables = arrays(float, (2, 3), elements=st.floats(0.01, 1.0)).map(
    lambda table: table / table.sum(axis=1, keepdims=True)
)
places = st.tuples(*[arrays(np.int64, N, elements=st.integers(0, size - 1)) for size in (3, 2)])


@given(rewards, propensities, targets, predictions, predictions)
def test_estimates_agree_where_they_must(reward, logged, target, predicted, expected):
    columns = reward, logged, target
    plain, robust = ips(*columns), dr(*columns, predicted, expected)
    assert clipped_ips(*columns, clip=1e9) == plain
    assert switch_dr(*columns, predicted, expected, clip=1e9) == robust
    nothing = np.zeros(N)
    assert dr(*columns, nothing, nothing).value == pytest.approx(plain.value, rel=1e-12, abs=1e-12)
    assert dr(*columns, reward, expected).value == pytest.approx(dm(expected).value, rel=1e-12, abs=1e-12)
    # What a model adds everywhere, the weights take away in the mean weight's measure.
    shifted = dr(*columns, predicted + 1.0, expected + 1.0)
    assert shifted.value == pytest.approx(robust.value + 1.0 - plain.overlap.mean_weight, rel=1e-9, abs=1e-6)


@given(rewards, propensities, targets, st.floats(0.01, 1e4))
def test_an_overlap_is_one_of_weights(reward, logged, target, clip):
    found = overlap(reward, logged, target, clip=clip)
    assert 1.0 - 1e-9 <= found.effective_sample_size <= N * (1.0 + 1e-9)
    assert found.effective_sample_size >= overlap(reward, logged, target).effective_sample_size * (1.0 - 1e-9)
    assert 0.0 <= found.clipped_share < 1.0
    assert 0.0 < found.max_share <= 1.0
    assert 0 <= found.rewarded < N
    assert found.mean_weight <= found.max_weight * (1.0 + 1e-9)


@given(rewards, propensities, targets, st.randoms(use_true_random=False))
def test_the_order_of_decisions_does_not_matter(reward, logged, target, random):
    order = list(range(N))
    random.shuffle(order)
    for estimate in (ips, snips, clipped_ips):
        before, after = estimate(reward, logged, target), estimate(reward[order], logged[order], target[order])
        assert after.value == pytest.approx(before.value, rel=1e-9, abs=1e-9)
        assert after.standard_error == pytest.approx(before.standard_error, rel=1e-9, abs=1e-6)


@given(rewards, propensities, targets, st.integers(0, 2**64 - 1))
def test_replay_averages_rewards_of_the_log(reward, logged, target, seed):
    try:
        found = replay(reward, logged, target, seed=seed)
    except ArmwiseError as error:
        assert "replay keeps" in str(error)  # noqa: PT017 - either outcome is right
        return
    assert reward.min() - 1e-9 <= found.value <= reward.max() + 1e-9
    assert found.effective_sample_size == pytest.approx(round(found.effective_sample_size))


@given(rewards, places, tables, st.floats(1e-3, 1e3), st.integers(1, N))
def test_shrunken_means_stay_within_the_rewards(reward, place, policy, shrinkage, folds):
    arms, cells = place
    model = fit_means(reward, arms, cells, shape=(2, 3), shrinkage=shrinkage, folds=folds)
    low, high = reward.min() - 1e-6, reward.max() + 1e-6
    for predicted in (model.table, model.folds, model.predicted, model.expected(policy)):
        assert low <= predicted.min()
        assert predicted.max() <= high
    assert 0.0 <= model.error(policy) < math.inf


LINE = b"2019-11-24 00:00:34.762830+00:00,14,3,0,0.0125\n"
LOG = b"timestamp,item_id,position,click,propensity\n" + LINE * 3


@given(st.data())
def test_a_damaged_log_is_read_or_refused(tmp_path_factory, data):
    text = bytearray(LOG)
    for _ in range(data.draw(st.integers(1, 4))):
        place = data.draw(st.integers(0, len(text) - 1))
        text[place : place + data.draw(st.integers(0, 3))] = data.draw(st.binary(max_size=3))
    path = tmp_path_factory.mktemp("log") / "log.csv"
    path.write_bytes(bytes(text))
    try:
        log = read_open_bandit(path)
    except ArmwiseError as error:
        assert str(path) in str(error)  # noqa: PT017 - either outcome is right
        return
    assert ((log.propensity > 0.0) & (log.propensity <= 1.0)).all()
    assert log.item.min() >= 0
    assert log.position.min() >= 1
