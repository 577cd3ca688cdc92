"""Words of a shared table: what is packed comes back, what is added is not lost, and no word becomes what cannot be."""

from __future__ import annotations

import copy
import json
import tempfile
from fractions import Fraction
from pathlib import Path

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given

from armwise import SnapshotError
from armwise.policies import SharedThompsonSampling
from armwise.posteriors.shared import packed, unpacked
from armwise_kernels import law, load

ARMS = ["a", 2, 2.5]
COUNTS = st.integers(0, law.WORD_MOST) | st.sampled_from([0, 1, law.WORD_MOST - 1, law.WORD_MOST])
UNITS = law.WORD_UNITS


@st.composite
def words(draw):
    """A sum and a count that may be."""
    count = draw(COUNTS)
    return draw(st.integers(0, count * UNITS) | st.sampled_from([0, count * UNITS])), count


@pytest.fixture(scope="module")
def policy():
    with tempfile.TemporaryDirectory() as folder:
        yield SharedThompsonSampling(Path(folder) / "t", ARMS, seed=1)


@given(st.lists(words(), min_size=1, max_size=9))
def test_what_is_packed_comes_back(pairs):
    sums, counts = (np.array(part, np.uint64) for part in zip(*pairs, strict=True))
    found = packed(sums, counts)
    assert found.tolist() == [total << law.WORD_BITS | count for total, count in pairs]
    assert [part.tolist() for part in unpacked(found)] == [sums.tolist(), counts.tolist()]
    room = np.zeros_like(found)
    load().words_store(room, found)
    assert load().words_load(room).tolist() == found.tolist()


@given(st.integers(0, 2**64 - 1))
def test_a_word_is_taken_if_it_may_be_and_left_if_not(word):
    total, count = word >> law.WORD_BITS, word & (1 << law.WORD_BITS) - 1
    room, value = np.zeros(1, np.uint64), np.array([word], np.uint64)
    if count <= law.WORD_MOST and total <= count * UNITS:
        load().words_store(room, value)
        assert room[0] == word
    else:
        with pytest.raises(ValueError, match="more rewards"):
            load().words_store(room, value)
        assert room[0] == 0


@given(words(), st.lists(st.floats(0.0, 1.0), max_size=20))
def test_rewards_add_up(policy, start, rewards):
    total, count = start
    shared = {"sums": [0, total, 0], "counts": [0, count, 0]}
    policy.load_state(policy.state_dict() | {"shared": shared})
    policy.update_many([2] * len(rewards), rewards)
    found = policy.state_dict()["shared"]
    halved = count + len(rewards) > law.WORD_MOST
    if not halved:
        units = sum(int(Fraction(reward * UNITS + 0.5)) for reward in rewards)
        assert found == {"sums": [0, total + units, 0], "counts": [0, count + len(rewards), 0]}
    assert 0 <= found["sums"][1] <= found["counts"][1] * UNITS
    assert found["counts"][1] <= law.WORD_MOST
    alpha, beta = policy.posterior()[2]
    assert alpha + beta == pytest.approx(2.0 + found["counts"][1], rel=1e-12)


JSON = st.none() | st.booleans() | st.integers(-2, 2**70) | st.floats() | st.text(max_size=2) | st.lists(st.integers())


@given(data=st.data())
def test_a_state_loads_as_a_whole_or_not_at_all(policy, data):
    state = policy.state_dict()
    before = json.dumps(state)
    broken = copy.deepcopy(state)
    place = data.draw(st.sampled_from([broken, broken["shared"], broken["rng"], broken["index"]]))
    name = data.draw(st.sampled_from(list(place)))
    if data.draw(st.booleans()):
        place[name] = data.draw(JSON)
    else:
        del place[name]
    try:
        policy.load_state(broken)
    except SnapshotError:
        assert json.dumps(policy.state_dict()) == before
    else:
        assert policy.state_dict()["shared"] == broken["shared"]


@given(
    st.lists(
        st.text(max_size=4) | st.integers(-(1 << 63), (1 << 63) - 1) | st.floats(allow_nan=False, allow_infinity=False),
        min_size=1,
        max_size=12,
        unique=True,
    ),
    st.tuples(st.floats(law.MIN_SHAPE, law.MAX_SHAPE), st.floats(law.MIN_SHAPE, law.MAX_SHAPE)),
    st.integers(0, 2**64 - 1),
)
def test_a_table_is_opened_as_it_was_made(arms, prior, seed):
    with tempfile.TemporaryDirectory() as folder:
        made = SharedThompsonSampling(Path(folder) / "t", arms, prior=prior, seed=seed)
        for again in (
            SharedThompsonSampling(made.file),
            SharedThompsonSampling(made.file, arms, prior=prior, seed=seed),
        ):
            assert [(type(arm), arm) for arm in again.arms] == [(type(arm), arm) for arm in arms]
            assert (again.prior, again.seed) == (prior, seed)
            assert again.select() in again.arms
