"""Words that processes share: every backend adds, refuses and follows as the oracle does, and draws as it says."""

from __future__ import annotations

import naive
import naive_shared
import numpy as np
import pytest

from armwise_kernels import law
from armwise_kernels.layout import BetaArrays, SharedArrays, padded

SEED, FROM = 3, 2**32 - 5
BAD = [naive_shared.word(1, 0), naive_shared.word(3 * 4096 + 1, 3), 2**26 - 1, 2**64 - 1]
FULL = naive_shared.word(naive_shared.MOST * 4096, naive_shared.MOST)


class Shared:
    """A core over words, its arrays, and a plain core beside it."""

    def __init__(self, kernels, arms, prior=(1.0, 1.0), words=None):
        self.words = np.zeros(padded(arms), np.uint64) if words is None else words
        self.arms, self.prior, self.kernels = arms, prior, kernels
        self.seen = np.zeros_like(self.words)
        self.arrays = self.made()
        self.core = kernels.core("thompson")
        self.bind()
        self.core.refresh()

    def made(self):
        p = padded(self.arms)
        head = np.zeros(law.HEAD_SIZE, np.int64)
        head[law.HEAD_KEY] = np.uint64(self.kernels.stream_key(SEED)).astype(np.int64)
        head[law.HEAD_COUNT], head[law.HEAD_COUNTER] = self.arms, FROM
        table, evidence = np.ones((law.BETA_ROWS, p)), np.zeros((4, p))
        table[law.ROW_ALPHA : law.ROW_BETA + 1] = evidence[:2] = np.array(self.prior)[:, None]
        slots, stamps = np.arange(p, dtype=np.uint32), np.zeros(p, np.int64)
        rates, leaders = np.zeros(p, np.uint64), np.zeros(law.BLOCK_LEADERS[-1], np.int32)
        return BetaArrays(head, np.zeros(law.PARAMETERS), slots, stamps, table, evidence, rates, leaders)

    def bind(self):
        shared = SharedArrays(self.words, self.seen)
        self.core.bind((*self.arrays, *shared), tuple(range(self.arms)), {i: i for i in range(self.arms)})

    def shapes(self):
        return list(zip(*self.arrays.table[law.ROW_ALPHA : law.ROW_BETA + 1, : self.arms].tolist(), strict=True))


def some_rewards(rng, n):
    edges = [0.0, 1.0, 0.5, 2.0**-13, 2.0**-13 - 2.0**-60, 1 - 2.0**-13, 1 - 2.0**-53, 5e-324]
    return [*edges, *rng.random(n).tolist()]


def test_rewards_are_added_as_the_oracle_adds(kernels):
    rng = np.random.default_rng(5)
    for start in (0, naive_shared.word(7, 3), FULL, naive_shared.word(5, naive_shared.MOST), FULL - 1 - 4096 * 2**26):
        shared, expected = Shared(kernels, 2), start
        shared.words[1] = start
        for reward in some_rewards(rng, 40):
            shared.core.update(1, reward, None, None)
            expected = naive_shared.added(expected, reward)
            assert naive_shared.can_be(expected)
        assert shared.words.tolist()[:2] == [0, expected]
        again = np.array([0, start], np.uint64)
        shared.words[:2] = again
        rewards = np.array(some_rewards(np.random.default_rng(6), 40))
        shared.core.update_many(np.ones(len(rewards), np.int32), rewards, None, None)
        expected = start
        for reward in rewards.tolist():
            expected = naive_shared.added(expected, reward)
        assert shared.words.tolist()[:2] == [0, expected]


@pytest.mark.parametrize("prior", [(1.0, 1.0), (0.3, 0.4), (1e-100, 2.5)])
@pytest.mark.parametrize("arms", [1, 2, 7, 8, 9, 100])
def test_decisions_are_the_oracles_of_the_words(kernels, arms, prior):
    rng = np.random.default_rng(arms)
    shared = Shared(kernels, arms, prior)
    key = naive.stream_key(SEED, 0)
    for decision in range(FROM, FROM + 25):
        for arm in rng.integers(0, arms, 3).tolist():
            shared.core.update(arm, rng.random(), None, None)
        chosen = shared.core.select(None, None, None)
        expected = [naive_shared.shapes(word, prior) for word in shared.words.tolist()[:arms]]
        assert shared.shapes() == expected
        assert shared.seen.tolist() == shared.words.tolist()
        if not shared.arrays.head[law.HEAD_PATH]:
            a, b = map(list, zip(*expected, strict=True))
            assert chosen == naive.thompson_select(a, b, list(range(arms)), decision, key)
    assert shared.arrays.head[law.HEAD_UPDATES] == 75


@pytest.mark.parametrize("arms", [3, 100])
def test_it_chooses_as_a_posterior_of_its_own_would(kernels, arms):
    """The same rewards, in multiples of a unit: the same decisions, the large-K index and all."""
    rng = np.random.default_rng(1)
    shared = Shared(kernels, arms)
    arrays, plain = shared.made(), kernels.core("thompson")
    plain.bind(tuple(arrays), tuple(range(arms)), {i: i for i in range(arms)})
    plain.refresh()
    paths = set()
    for _ in range(2000):
        chosen = shared.core.select(None, None, None)
        assert chosen == plain.select(None, None, None)
        reward = float(rng.integers(0, 4097 if chosen < 5 else 100)) / 4096
        shared.core.update(chosen, reward, None, None)
        plain.update(chosen, reward, None, None)
        paths.add(int(arrays.head[law.HEAD_PATH]))
    shared.core.follow()
    assert paths == ({0} if arms == 3 else {0, 1})
    assert shared.arrays.head.tobytes() == arrays.head.tobytes()
    assert shared.arrays.table.tobytes() == arrays.table.tobytes()


def test_every_call_that_decides_follows_and_peek_does_not(kernels):
    calls = {
        "select": lambda core: core.select(None, None, None),
        "decide": lambda core: core.decide(None, None, None),
        "propensities": lambda core: core.propensities(None, None, None),
        "select_many": lambda core: core.select_many(9, None, None),
        "follow": lambda core: core.follow(),
    }
    for name, call in calls.items():
        shared = Shared(kernels, 3)
        shared.core.update(1, 0.5, None, None)
        assert shared.arrays.head[law.HEAD_VERSION] == 0
        shared.core.peek(None, None, 1)
        assert shared.shapes()[1] == (1.0, 1.0)
        call(shared.core)
        assert shared.shapes() == [(1.0, 1.0), (1.5, 1.5), (1.0, 1.0)], name
        call(shared.core)
        assert shared.arrays.head[law.HEAD_VERSION] == 1, name


def test_a_candidate_set_follows(kernels):
    shared = Shared(kernels, 4)
    places = np.array([0, 1], np.int32)
    shared.core.view((2, 3), (2, 3), places, np.array([2, 3], np.int32), np.array([2, 3], np.uint32))
    for _ in range(50):
        shared.core.update(3, 1.0, None, None)
        shared.core.update(2, 0.0, None, None)
    label, index, name, version, propensity, kind = shared.core.decide((2, 3), None, None)
    assert (label, index, name, version, kind) == (3, 1, f"0-{FROM:x}-2", 2, "exact")
    assert propensity == kernels.best_beta([1.0, 51.0], [51.0, 1.0])[1]


def test_two_cores_learn_through_the_same_words(kernels):
    one = Shared(kernels, 3)
    two = Shared(kernels, 3, words=one.words)
    one.core.update(0, 1.0, None, None)
    two.core.update(0, 0.5, None, None)
    two.core.update(2, 0.25, None, None)
    for shared in (one, two):
        shared.core.follow()
        assert shared.shapes() == [(2.5, 1.5), (1.0, 1.0), (1.25, 1.75)]


@pytest.mark.parametrize("bad", BAD)
def test_a_word_that_cannot_be_is_refused(kernels, bad):
    shared = Shared(kernels, 3)
    shared.core.select(None, None, None)
    shared.words[1] = bad
    before = [array.tobytes() for array in (*shared.arrays, shared.words, shared.seen)]
    one = np.array([1], np.int32)
    for call in (
        lambda: shared.core.select(None, None, None),
        lambda: shared.core.decide(None, None, None),
        lambda: shared.core.propensities(None, None, None),
        lambda: shared.core.select_many(3, None, None),
        shared.core.follow,
        lambda: shared.core.update(1, 0.5, None, None),
        lambda: shared.core.update_many(one, np.array([0.5]), None, None),
    ):
        with pytest.raises(ValueError, match="holds more rewards than it counts"):
            call()
    assert [array.tobytes() for array in (*shared.arrays, shared.words, shared.seen)] == before
    shared.core.peek(None, None, 1)
    shared.core.update(0, 0.5, None, None)


def test_no_arm_comes_in(kernels):
    shared = Shared(kernels, 3)
    with pytest.raises(ValueError, match="no free column"):
        shared.core.update("new", 0.5, None, None, 9)
    assert shared.arrays.head[law.HEAD_COUNT] == 3


def test_bind_takes_words_of_the_right_kind_alone(kernels):
    shared = Shared(kernels, 3)
    words, seen = shared.words, shared.seen
    labels, index = (0, 1, 2), {0: 0, 1: 1, 2: 2}
    read_only = words.copy()
    read_only.flags.writeable = False
    astride = np.frombuffer(bytearray(65), np.uint64, 8, 1)  # over the edges of whole words
    for wrong in (words.astype(np.int64), words[:4], words[::2], words.astype(">u8"), read_only, astride, None):
        for pair in ((wrong, seen), (words, wrong))[: 1 if wrong is astride else 2]:
            with pytest.raises((TypeError, ValueError)):
                shared.core.bind((*shared.arrays, *pair), labels, index)
    for several in ((words,), (words, seen, seen)):
        with pytest.raises(ValueError, match="arrays"):
            shared.core.bind((*shared.arrays, *several), labels, index)
    shared.arrays.head[law.HEAD_HALF_LIFE] = 10**9
    with pytest.raises(ValueError, match="decay"):
        shared.bind()
    shared.arrays.head[law.HEAD_HALF_LIFE] = 0
    shared.bind()
    with pytest.raises(TypeError):
        kernels.core("thompson").follow()


def test_a_core_without_words_has_nothing_to_follow(kernels):
    shared = Shared(kernels, 3)
    core, arrays = kernels.core("thompson"), shared.made()
    core.bind(tuple(arrays), (0, 1, 2), {0: 0, 1: 1, 2: 2})
    core.follow()
    assert arrays.head[law.HEAD_VERSION] == 0


def test_words_are_read_written_and_taken(kernels):
    words = np.arange(5, dtype=np.uint64)
    copy = kernels.words_load(words)
    assert copy.tolist() == words.tolist()
    assert not np.shares_memory(copy, words)
    kernels.words_store(words, np.array([FULL, 0, 1, 2, naive_shared.word(4096, 1)], np.uint64))
    assert words.tolist() == [FULL, 0, 1, 2, naive_shared.word(4096, 1)]
    for bad in BAD:
        with pytest.raises(ValueError, match="holds more rewards than it counts"):
            kernels.words_store(words, np.array([0, 0, 0, 0, bad], np.uint64))
    assert words[0] == FULL
    one = np.array([2**62 + 5], np.uint64)
    assert [kernels.word_take(one) for _ in range(3)] == [2**62 + 5, 2**62 + 6, 2**62 + 7]
    for wrong in (None, [1], words.astype(np.int64), words[::2], words[:3]):
        with pytest.raises(TypeError):
            kernels.words_store(words, wrong)
    with pytest.raises(TypeError):
        kernels.word_take(words)
