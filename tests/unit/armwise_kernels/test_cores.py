from __future__ import annotations

import sys
import threading
import time

import numpy as np
import pytest

from armwise_kernels import jit_posteriors, law, load
from armwise_kernels.cores import MOST_VIEWS, PythonCore

KINDS = ["thompson", "lints_diag", "lints", "epsilon_greedy", "ucb1"]
LINEAR = ["lints_diag", "lints"]
PLAIN = ["thompson", "epsilon_greedy", "ucb1"]
DIM = 3
SECOND = 1_000_000_000
NOW = 1_700_000_000 * SECOND


@pytest.fixture(scope="module")
def kernels():
    return load("numba")


class Policy:
    """A bound core, its arrays, and what a test would otherwise repeat."""

    def __init__(self, kernels, kind, arrays, labels=None):
        self.kind, self.arrays, self.head = kind, arrays, arrays[0]
        arms = int(self.head[law.HEAD_COUNT])
        self.labels = tuple(f"a{i}" for i in range(arms)) if labels is None else labels
        self.index = {label: i for i, label in enumerate(self.labels)}
        self.core = kernels.core(kind)
        self.bind()

    def bind(self):
        self.core.bind(self.arrays, self.labels, self.index)
        self.core.refresh()

    def context(self, rng=None):
        if self.kind not in LINEAR:
            return None
        return np.ones(DIM) if rng is None else rng.normal(size=DIM)

    def learn(self, rng, n=40):
        for _ in range(n):
            label = self.labels[rng.integers(len(self.labels))]
            self.core.update(label, float(rng.random()), self.context(rng), None)

    def view(self, labels, key="same", prior_slot=1000):
        """Bind labels in the order given; a label that is no arm stands at the prior."""
        count = len(self.labels)
        columns = [
            (int(self.arrays.slots[self.index[label]]), self.index[label])
            if label in self.index
            else (prior_slot + i, count)
            for i, label in enumerate(labels)
        ]
        order = sorted(range(len(labels)), key=lambda i: columns[i][0])
        return self.core.view(
            labels if key == "same" else key,
            tuple(labels[i] for i in order),
            np.array(order, np.int32),
            np.array([columns[i][1] for i in order], np.int32),
            np.array([columns[i][0] for i in order], np.uint32),
        )

    def snapshot(self):
        return [array.tobytes() for array in self.arrays]


@pytest.fixture
def policy(kernels, beta_arrays, linear_arrays, mean_arrays, signed, naive):
    """policy(kind, arms, ...): a bound core without evidence."""
    key = signed(naive.stream_key(5, 0))

    def make(kind, arms=6, *, half_life=0, labels=None):
        if kind == "thompson":
            arrays = beta_arrays([1.0] * arms, [1.0] * arms, key=key, half_life=half_life)
        elif kind in LINEAR:
            arrays = linear_arrays(kind, arms, DIM, key=key, half_life=half_life)
        else:
            arrays = mean_arrays([0.0] * arms, [0] * arms, key=key)
        return Policy(kernels, kind, arrays, labels)

    return make


@pytest.fixture(params=KINDS)
def any_policy(request, policy):
    return policy(request.param)


def oracle(naive, policy, positions, slots, decision):
    """The winning entry by the plain oracle; no linear kinds."""
    key = (int(policy.head[law.HEAD_KEY]) & 0xFFFFFFFF, int(policy.head[law.HEAD_KEY]) >> 32 & 0xFFFFFFFF)
    if policy.kind == "thompson":
        table = policy.arrays.table[law.ROW_ALPHA : law.ROW_BETA + 1, positions]
        return naive.thompson_select(*table.tolist(), slots, decision, key)
    means, counts = policy.arrays.means[positions].tolist(), policy.arrays.counts[positions].tolist()
    if policy.kind == "ucb1":
        return naive.ucb1_select(means, counts, int(policy.head[law.HEAD_UPDATES]))
    return naive.epsilon_greedy_select(means, float(policy.arrays.parameters[law.EPSILON_SHARE]), decision, key)


class TestSelect:
    @pytest.mark.parametrize("kind", PLAIN)
    def test_equals_the_oracle_while_it_learns(self, naive, rng, policy, kind):
        made = policy(kind)
        for decision in range(60):
            expected = oracle(naive, made, list(range(6)), list(range(6)), decision)
            assert made.core.select(None, None, None) == f"a{expected}"
            made.learn(rng, 1)

    def test_takes_one_counter_and_nothing_else(self, any_policy):
        before = any_policy.snapshot()
        any_policy.core.select(None, any_policy.context(), None)
        assert any_policy.head[law.HEAD_COUNTER] == 1
        any_policy.head[law.HEAD_COUNTER] = 0
        assert any_policy.snapshot() == before

    def test_a_batch_equals_as_many_selects(self, rng, any_policy):
        any_policy.learn(rng)
        contexts = rng.normal(size=(50, DIM)) if any_policy.kind in LINEAR else None
        apart = [any_policy.core.select(None, None if contexts is None else contexts[i], None) for i in range(50)]
        any_policy.head[law.HEAD_COUNTER] = 0
        together = any_policy.core.select_many(50, contexts, None)
        assert together.dtype == np.int32
        assert [any_policy.labels[i] for i in together] == apart
        assert any_policy.head[law.HEAD_COUNTER] == 50
        nothing = any_policy.core.select_many(0, None if contexts is None else contexts[:0], None)
        assert nothing.shape == (0,)

    def test_the_large_set_takes_the_block_path(self, naive, rng, policy):
        made = policy("thompson", 300)
        pulls = rng.integers(500, 3000, 300)
        made.arrays.table[law.ROW_ALPHA, :300] = 1 + 0.05 * pulls
        made.arrays.table[law.ROW_BETA, :300] = 1 + 0.95 * pulls
        made.arrays.table[law.ROW_ALPHA, :4] *= 5
        made.core.refresh()
        assert made.head[law.HEAD_PATH] == 1
        alpha, beta = made.arrays.table[law.ROW_ALPHA : law.ROW_BETA + 1, :300].tolist()
        leaders = made.arrays.leaders[: made.head[law.HEAD_LEADERS]].tolist()
        key = naive.stream_key(5, 0)
        level = float(made.arrays.parameters[law.LEVEL])
        for decision in range(30):
            expected = naive.block_select(alpha, beta, range(300), leaders, level, decision, key)
            assert made.core.peek(None, None, decision) == f"a{expected}"
        apart = [made.index[made.core.select(None, None, None)] for _ in range(30)]
        made.head[law.HEAD_COUNTER] = 0
        assert made.core.select_many(30, None, None).tolist() == apart
        # a candidate set is drawn in full
        made.view(made.labels)
        expected = naive.thompson_select(alpha, beta, list(range(300)), 30, key)
        assert made.core.peek(made.labels, None, 30) == f"a{expected}"

    def test_peek_makes_a_decision_again_and_changes_nothing(self, rng, any_policy):
        any_policy.learn(rng)
        x = any_policy.context()
        chosen = [any_policy.core.select(None, x, None) for _ in range(20)]
        before = any_policy.snapshot()
        assert [any_policy.core.peek(None, x, i) for i in range(20)] == chosen
        assert any_policy.snapshot() == before

    @pytest.mark.parametrize("kind", PLAIN)
    def test_kinds_without_features_ignore_a_context(self, policy, kind):
        assert policy(kind).core.select(None, {"any": "thing"}, None) in ("a0", "a1", "a2", "a3", "a4", "a5")

    @pytest.mark.parametrize("kind", LINEAR)
    def test_a_context_of_zeros_gives_the_lowest_slot(self, rng, policy, kind):
        made = policy(kind)
        made.learn(rng)
        assert {made.core.select(None, np.zeros(DIM), None) for _ in range(20)} == {"a0"}
        assert made.core.decide(None, np.zeros(DIM), None)[4] == 1.0


class TestDecide:
    def test_says_what_select_would_do(self, rng, any_policy):
        any_policy.learn(rng)
        x = any_policy.context()
        any_policy.head[law.HEAD_STREAM] = 0x1F
        for counter in (0, 1, 255):
            any_policy.head[law.HEAD_COUNTER] = counter
            expected = any_policy.core.peek(None, x, counter)
            p = any_policy.core.propensities(None, x, None)
            label, index, identity, version, propensity, kind = any_policy.core.decide(None, x, None)
            assert (label, index, version, kind) == (expected, any_policy.index[expected], 40, "exact")
            assert identity == f"1f-{counter:x}-28"
            assert propensity == p[index]
            assert [type(value) for value in (index, version, propensity)] == [int, int, float]
            assert any_policy.head[law.HEAD_COUNTER] == counter + 1

    @pytest.mark.parametrize("kind", KINDS)
    def test_propensities_are_frequencies(self, rng, policy, kind):
        made = policy(kind)
        made.learn(rng, 12)
        x = made.context()
        p = made.core.propensities(None, x, None)
        assert p.sum() == pytest.approx(1.0, abs=1e-9)
        n = 4000
        chosen = np.array([made.index[made.core.select(None, x, None)] for _ in range(n)])
        counts = np.bincount(chosen, minlength=len(p))
        # six standard errors
        assert np.abs(counts - n * p).max() <= 6 * np.sqrt(n * (p * (1 - p)).max()) + 1e-6

    def test_propensities_stand_in_the_callers_order(self, rng, any_policy):
        any_policy.learn(rng)
        x = any_policy.context()
        labels = ("a4", "new", "a0", "a2")
        any_policy.view(labels)
        straight = any_policy.core.propensities(labels, x, None)
        turned = labels[::-1]
        any_policy.view(turned)
        assert any_policy.core.propensities(turned, x, None).tolist() == straight[::-1].tolist()
        for _ in range(30):
            label, index, _, _, propensity, _ = any_policy.core.decide(labels, x, None)
            assert (labels[index], straight[index]) == (label, propensity)

    def test_propensities_are_kept_for_a_version(self, rng, policy, monkeypatch, kernels):
        made = policy("thompson")
        calls = []
        best_beta = kernels.best_beta
        monkeypatch.setattr(type(kernels), "best_beta", lambda _, a, b: calls.append(1) or best_beta(a, b))
        for _ in range(3):
            made.core.decide(None, None, None)
        made.core.propensities(None, None, None)[:] = 0.0
        assert made.core.propensities(None, None, None).sum() == pytest.approx(1.0)
        assert len(calls) == 1
        made.learn(rng, 1)
        made.core.decide(None, None, None)
        assert len(calls) == 2

    def test_widths_that_underflow_are_lifted(self, policy):
        made = policy("lints_diag", 2)
        made.core.update("a1", 1.0, np.array([1e100, 0.0, 0.0]), None)
        p = made.core.propensities(None, np.array([1e-80, 0.0, 0.0]), None)
        assert p.sum() == pytest.approx(1.0)


class TestViews:
    @pytest.mark.parametrize("kind", PLAIN)
    def test_a_subset_equals_the_oracle_while_the_state_learns(self, naive, rng, policy, kind):
        made = policy(kind, 12)
        labels = ("a7", "stranger", "a2", "a11")
        view = made.view(labels)
        assert view.labels == ("a2", "a7", "a11", "stranger")
        positions, slots = [2, 7, 11, 12], [2, 7, 11, 1001]
        for decision in range(40):
            expected = view.labels[oracle(naive, made, positions, slots, decision)]
            assert made.core.peek(labels, None, decision) == expected
            assert made.core.peek(list(labels), None, decision) == expected
            assert made.core.peek(view, None, decision) == expected
            made.learn(rng, 3)

    @pytest.mark.parametrize("kind", LINEAR)
    def test_a_subset_of_a_linear_state_is_packed_as_the_state_is(self, rng, policy, kind):
        made = policy(kind, 20)
        made.learn(rng, 60)
        made.view(made.labels)
        for decision in range(40):
            x = rng.normal(size=DIM)
            assert made.core.peek(made.labels, x, decision) == made.core.peek(None, x, decision)
            made.learn(rng, 2)

    def test_small_shapes_count_only_where_they_are(self, naive, policy):
        made = policy("thompson", 4)
        made.arrays.table[law.ROW_ALPHA, 3] = 0.5
        made.core.refresh()
        made.view(("a0", "a1"))
        made.view(("a0", "a3"))
        for decision in range(20):
            for labels, positions in ((("a0", "a1"), [0, 1]), (("a0", "a3"), [0, 3])):
                expected = labels[oracle(naive, made, positions, positions, decision)]
                assert made.core.peek(labels, None, decision) == expected

    def test_are_bounded(self, any_policy):
        x = any_policy.context()
        keys = [(f"b{i}", "a0") for i in range(MOST_VIEWS + 1)]
        for key in keys[:-1]:
            any_policy.view(key)
        any_policy.core.select(keys[0], x, None)
        any_policy.view(keys[-1])
        any_policy.core.select(keys[-1], x, None)
        with pytest.raises(LookupError, match="candidates are not bound"):
            any_policy.core.select(keys[0], x, None)
        any_policy.view(keys[-1])  # one more of the same

    def test_without_a_key_are_found_only_by_themselves(self, policy):
        made = policy("thompson")
        view = made.view(("a0", "a1"), key=None)
        assert made.core.select(view, None, None) in ("a0", "a1")
        with pytest.raises(LookupError):
            made.core.select(("a0", "a1"), None, None)

    @pytest.mark.parametrize("drop", ["bind", "refresh"])
    def test_are_dropped_when_the_state_is_made_anew(self, any_policy, drop):
        view = any_policy.view(("a0", "a1"))
        any_policy.bind() if drop == "bind" else any_policy.core.refresh()
        for candidates in (view, ("a0", "a1"), ["a0", "a1"]):
            with pytest.raises(LookupError, match="candidates are not bound"):
                any_policy.core.select(candidates, any_policy.context(), None)

    def test_of_equal_labels_of_other_types_are_others(self, policy):
        made = policy("thompson", 3, labels=(1, 2.0, "x"))
        made.view((1, 2.0))
        assert type(made.core.select((1, 2.0), None, None)) in (int, float)
        for other in ((1.0, 2.0), (1, 2), [True, 2.0]):
            with pytest.raises(LookupError):
                made.core.select(other, None, None)

    def test_are_checked(self, any_policy):
        good = {
            "key": None,
            "labels": ("a0", "a1"),
            "order": np.array([0, 1], np.int32),
            "positions": np.array([0, 1], np.int32),
            "slots": np.array([0, 1], np.uint32),
        }
        bad = [
            ("labels", ()),
            ("labels", ("a0",)),
            ("order", np.array([0, 2], np.int32)),
            ("order", np.array([-1, 0], np.int32)),
            ("order", [0, 1]),
            ("positions", np.array([0, 7], np.int32)),
            ("positions", np.array([-1, 0], np.int32)),
            ("positions", np.array([0, 1])),
            ("slots", np.array([0, 1], np.int32)),
        ]
        any_policy.core.view(**good)
        for name, value in bad:
            with pytest.raises((TypeError, ValueError)):
                any_policy.core.view(**(good | {name: value}))
        empty = {name: np.array([], np.int32) for name in ("order", "positions")} | {"slots": np.array([], np.uint32)}
        with pytest.raises(ValueError, match="view: expected labels"):
            any_policy.core.view(None, (), **empty)


class TestUpdate:
    def test_many_equal_as_many(self, rng, policy):
        for kind in KINDS:
            together, apart = policy(kind), policy(kind)
            positions = rng.integers(0, 6, 25).astype(np.int32)
            rewards = rng.random(25)
            contexts = rng.normal(size=(25, DIM)) if kind in LINEAR else None
            together.core.update_many(positions, rewards, contexts, None)
            for i, position in enumerate(positions):
                x = None if contexts is None else contexts[i]
                apart.core.update(f"a{position}", rewards[i], x, None)
            assert together.snapshot() == apart.snapshot()
            assert together.head[law.HEAD_VERSION] == together.head[law.HEAD_UPDATES] == 25

    def test_none_change_nothing(self, any_policy):
        before = any_policy.snapshot()
        contexts = np.empty((0, DIM)) if any_policy.kind in LINEAR else None
        any_policy.core.update_many(np.empty(0, np.int32), np.empty(0), contexts, None)
        assert any_policy.snapshot() == before

    def test_arms_of_equal_labels_of_other_types_are_others(self, policy):
        made = policy("ucb1", 2, labels=(1, "x"))
        made.core.update(1, 0.5, None, None)
        for other in (1.0, True, np.float64(1.0)):
            with pytest.raises(KeyError):
                made.core.update(other, 0.5, None, None)

    def test_rewards_are_numbers_of_any_type(self, policy):
        made = policy("thompson")
        for reward in (1, True, np.float32(0.5), 0.25):
            made.core.update("a0", reward, None, None)
        assert made.arrays.table[law.ROW_ALPHA, 0] == 1.0 + 2.75


class TestClock:
    HALF_LIFE = 1024 * SECOND

    @pytest.fixture(params=["thompson", "lints_diag"])
    def decaying(self, request, policy):
        return policy(request.param, half_life=self.HALF_LIFE)

    def evidence(self, made):
        if made.kind == "thompson":
            return made.arrays.table[law.ROW_ALPHA : law.ROW_BETA + 1, 0].sum() - 2.0
        return made.arrays.blocks[0, 0, 0, 0]

    @pytest.mark.parametrize("call", ["select", "decide", "propensities", "select_many"])
    def test_every_request_moves_it(self, decaying, call):
        x = decaying.context()
        decaying.core.update("a0", 1.0, x, NOW)
        if call == "select_many":
            x = None if x is None else x[np.newaxis]
            decaying.core.select_many(1, x, NOW + 60 * self.HALF_LIFE)
        else:
            getattr(decaying.core, call)(None, x, NOW + 60 * self.HALF_LIFE)
        assert decaying.head[law.HEAD_NOW] == NOW + 60 * self.HALF_LIFE
        assert decaying.head[law.HEAD_VERSION] == 3
        assert abs(self.evidence(decaying)) < 1e-15

    def test_evidence_halves(self, decaying):
        decaying.core.update("a0", 1.0, decaying.context(), NOW)
        before = self.evidence(decaying)
        decaying.core.select(None, decaying.context(), NOW + self.HALF_LIFE)
        after = self.evidence(decaying)
        # b / A of a context of ones: 1 / 2 before, .5 / 1.5 after
        assert (before, after) == pytest.approx((1.0, 0.5) if decaying.kind == "thompson" else (1 / 2, 1 / 3))

    def test_the_landmark_moves_and_nothing_else_does(self, policy):
        made = policy("lints_diag", half_life=self.HALF_LIFE)
        x = made.context()
        made.core.update("a0", 1.0, x, NOW)
        for lives in (50, 100, 150):
            made.core.update("a0", 1.0, x, NOW + lives * self.HALF_LIFE)
            assert made.arrays.blocks[0, 0, 0, 0] == pytest.approx(0.5)

    def test_peek_does_not_move_it(self, decaying):
        decaying.core.update("a0", 1.0, decaying.context(), NOW)
        before = decaying.snapshot()
        decaying.core.peek(None, decaying.context(), 3)
        assert decaying.snapshot() == before

    def test_a_packed_set_follows_it(self, decaying):
        decaying.learn(np.random.default_rng(1), 0)
        labels = decaying.labels
        decaying.view(labels)
        for lives in range(4):
            now = NOW + lives * self.HALF_LIFE
            decaying.core.update("a0", 1.0, decaying.context(), now)
            x = decaying.context()
            assert decaying.core.select(labels, x, now) == decaying.core.peek(
                None, x, int(decaying.head[law.HEAD_COUNTER]) - 1
            )

    def test_without_a_time_the_systems_is_read(self, decaying):
        before = time.time_ns()
        decaying.core.select(None, decaying.context(), None)
        assert before <= decaying.head[law.HEAD_NOW] <= time.time_ns()

    def test_a_state_that_does_not_decay_has_none(self, any_policy):
        any_policy.core.select(None, any_policy.context(), NOW)
        any_policy.core.update("a0", 0.5, any_policy.context(), NOW)
        assert not any_policy.head[[law.HEAD_NOW, law.HEAD_TICK, law.HEAD_NEXT]].any()


class TestRefusals:
    """Bad input is refused before anything changes."""

    def refuses(self, made, error, call, *arguments):
        before = made.snapshot()
        with pytest.raises(error):
            getattr(made.core, call)(*arguments)
        assert made.snapshot() == before

    @pytest.mark.parametrize("call", ["select", "decide", "propensities"])
    def test_requests(self, any_policy, call):
        x = any_policy.context()
        for candidates in (("a0", "a1"), ["a0"], (), "a0", 7, {"a0"}, object()):
            self.refuses(any_policy, LookupError, call, candidates, x, None)
        self.refuses(any_policy, TypeError, call, ([],), x, None)
        for now, error in (
            (1.0, TypeError),
            ("now", TypeError),
            (-1, ValueError),
            (1 << 62, ValueError),
            (1 << 63, OverflowError),
        ):
            self.refuses(any_policy, error, call, None, x, now)

    @pytest.mark.parametrize("kind", LINEAR)
    @pytest.mark.parametrize("call", ["select", "decide", "propensities", "update"])
    def test_contexts(self, policy, kind, call):
        made = policy(kind)
        bad = [
            (None, TypeError),
            ([1.0] * DIM, TypeError),
            (np.ones(DIM, np.float32), TypeError),
            (np.ones(DIM + 1), TypeError),
            (np.ones((DIM, 1)), TypeError),
            (np.ones(2 * DIM)[::2], TypeError),
            (np.array([1.0, np.nan, 0.0]), ValueError),
            (np.array([1.0, np.inf, 0.0]), ValueError),
            (np.array([1.0, 2e100, 0.0]), ValueError),
        ]
        for x, error in bad:
            arguments = ("a0", 0.5, x, None) if call == "update" else (None, x, None)
            self.refuses(made, error, call, *arguments)

    def test_batches(self, any_policy):
        contexts = np.ones((3, DIM)) if any_policy.kind in LINEAR else None
        for n, error in ((3.0, TypeError), (True, TypeError), (-1, ValueError), (1 << 31, ValueError)):
            self.refuses(any_policy, error, "select_many", n, contexts, None)
        self.refuses(any_policy, ValueError, "select_many", 3, contexts, -1)
        if contexts is not None:
            self.refuses(any_policy, TypeError, "select_many", 2, contexts, None)
            contexts[2, 2] = np.nan
            self.refuses(any_policy, ValueError, "select_many", 3, contexts, None)

    def test_decisions(self, any_policy):
        x = any_policy.context()
        for decision, error in ((1.0, TypeError), (-1, ValueError), (1 << 63, OverflowError)):
            self.refuses(any_policy, error, "peek", None, x, decision)

    def test_rewards(self, any_policy):
        x = any_policy.context()
        beyond = {"thompson": 1.0 + 1e-15, "lints": 2e100, "lints_diag": 2e100}.get(any_policy.kind, np.inf)
        for reward in (np.nan, np.inf, -np.inf, beyond, -beyond):
            self.refuses(any_policy, ValueError, "update", "a0", reward, x, None)
        for reward in ("1.0", None, 1j, [1.0]):
            self.refuses(any_policy, TypeError, "update", "a0", reward, x, None)
        for arm, error in (("zz", KeyError), (0, KeyError), (None, KeyError), ([], TypeError)):
            self.refuses(any_policy, error, "update", arm, 0.5, x, None)
        self.refuses(any_policy, TypeError, "update", "a0", 0.5, x, 1.5)

    def test_many_rewards(self, any_policy):
        positions, rewards = np.array([0, 1, 5], np.int32), np.array([0.1, 0.2, 0.3])
        x = np.ones((3, DIM)) if any_policy.kind in LINEAR else None
        bad_rewards = rewards.copy()
        bad_rewards[2] = np.nan
        bad = [
            (TypeError, (positions.astype(np.int64), rewards, x, None)),
            (TypeError, (positions, rewards[:2], x, None)),
            (TypeError, (positions, rewards.tolist(), x, None)),
            (TypeError, (positions[::2], rewards[:2], x, None)),
            (ValueError, (np.array([0, 1, 6], np.int32), rewards, x, None)),
            (ValueError, (np.array([0, 1, -1], np.int32), rewards, x, None)),
            (ValueError, (positions, bad_rewards, x, None)),
            (ValueError, (positions, rewards, x, -1)),
        ]
        if x is not None:
            bad += [
                (TypeError, (positions, rewards, x[:2], None)),
                (ValueError, (positions, rewards, x * 1e101, None)),
            ]
        for error, arguments in bad:
            self.refuses(any_policy, error, "update_many", *arguments)

    def test_no_arms(self, policy):
        for kind in KINDS:
            made = policy(kind, 0)
            x = made.context()
            for call in ("select", "decide", "propensities"):
                self.refuses(made, LookupError, call, None, x, None)
            self.refuses(made, LookupError, "select_many", 1, None if x is None else x[np.newaxis], None)
            # strangers alone are drawn from the prior
            made.view(("new", "newer"))
            assert made.core.select(("new", "newer"), x, None) in ("new", "newer")

    @pytest.mark.parametrize("kind", KINDS)
    @pytest.mark.parametrize(
        ("call", "arguments"),
        [
            ("select", (None, None, None)),
            ("decide", (None, None, None)),
            ("peek", (None, None, 0)),
            ("select_many", (1, None, None)),
            ("propensities", (None, None, None)),
            ("update", ("a0", 1.0, None, None)),
            ("update_many", (np.zeros(1, np.int32), np.zeros(1), None, None)),
            ("refresh", ()),
            ("view", (None, ("a0",), np.zeros(1, np.int32), np.zeros(1, np.int32), np.zeros(1, np.uint32))),
        ],
    )
    def test_a_core_that_is_not_bound(self, kernels, kind, call, arguments):
        with pytest.raises(TypeError, match="not bound"):
            getattr(kernels.core(kind), call)(*arguments)

    def test_a_core_whose_binding_failed(self, any_policy):
        with pytest.raises(ValueError, match="bind: "):
            any_policy.core.bind(any_policy.arrays, any_policy.labels[:-1], any_policy.index)
        with pytest.raises(TypeError, match="not bound"):
            any_policy.core.select(None, any_policy.context(), None)

    def test_an_unknown_kind(self, kernels):
        with pytest.raises(ValueError, match="unknown kind: 'softmax'; expected one of thompson"):
            PythonCore(kernels, "softmax")


class TestBind:
    def test_arrays_are_checked(self, any_policy):
        arrays = any_policy.arrays
        for i, array in enumerate(arrays):
            for bad in (array.astype(np.float32), array[:-1], array.tolist()):
                with pytest.raises((TypeError, ValueError, AttributeError)):
                    any_policy.core.bind((*arrays[:i], bad, *arrays[i + 1 :]), any_policy.labels, any_policy.index)
            array.flags.writeable = False
            with pytest.raises(TypeError, match="writable"):
                any_policy.core.bind(arrays, any_policy.labels, any_policy.index)
            array.flags.writeable = True
        with pytest.raises(ValueError, match="bind: expected"):
            any_policy.core.bind(arrays[:-1], any_policy.labels, any_policy.index)

    @pytest.mark.parametrize("count", [-1, 8, 1 << 40])
    def test_counts_are_checked(self, any_policy, count):
        any_policy.head[law.HEAD_COUNT] = count
        with pytest.raises(ValueError, match="columns"):
            any_policy.core.bind(any_policy.arrays, any_policy.labels, any_policy.index)

    @pytest.mark.parametrize(
        ("n", "leaders"),
        [(8, [0, 1, 2, 3, 4, 5, 6, 6]), (8, [-1, *range(7)]), (8, [*range(7), 100]), (9, range(9)), (-8, [])],
    )
    def test_leaders_are_checked(self, policy, n, leaders):
        made = policy("thompson", 100)
        made.head[law.HEAD_PATH], made.head[law.HEAD_LEADERS] = 1, n
        made.arrays.leaders[: len(leaders)] = leaders
        with pytest.raises(ValueError, match="leaders"):
            made.core.bind(made.arrays, made.labels, made.index)

    def test_an_index_is_restored_from_leaders_and_level(self, policy):
        made = policy("thompson", 100)
        made.arrays.table[law.ROW_BETA, :100] = 50.0
        made.arrays.table[law.ROW_ALPHA, :9] = 30.0
        made.core.refresh()
        made.head[law.HEAD_PATH], made.head[law.HEAD_LEADERS] = 1, 16
        made.arrays.leaders[:16], made.arrays.parameters[law.LEVEL] = range(16), -1.0
        made.core.bind(made.arrays, made.labels, made.index)
        before = made.snapshot()
        assert not made.arrays.rates[:16].any()
        assert made.head[law.HEAD_TOTAL] == made.arrays.rates[:100].sum() > 0
        made.arrays.rates[:] = 0
        made.head[law.HEAD_TOTAL] = 0
        made.core.bind(made.arrays, made.labels, made.index)
        assert made.snapshot() == before


def test_updates_of_many_threads_are_all_kept(policy):
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        made = policy("thompson")
        made.view(("a1", "a2"))

        def work(label):
            for _ in range(500):
                made.core.update(label, 1.0, None, None)
                assert made.core.select(("a1", "a2"), None, None) in ("a1", "a2")

        threads = [threading.Thread(target=work, args=(f"a{i % 4}",)) for i in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        sys.setswitchinterval(interval)
    assert made.head[law.HEAD_UPDATES] == made.head[law.HEAD_VERSION] == made.head[law.HEAD_COUNTER] == 4000
    assert made.arrays.table[law.ROW_ALPHA, :4].tolist() == [1001.0] * 4


def test_every_kind_has_a_posterior():
    assert list(jit_posteriors.POSTERIORS) == KINDS
