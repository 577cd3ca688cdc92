"""Candidate sets of a Python core."""

from __future__ import annotations

import numpy as np
import pytest

from armwise_kernels import law
from armwise_kernels.cores import MOST_VIEWS

LINEAR = ["lints_diag", "lints"]
PLAIN = ["thompson", "epsilon_greedy", "ucb1"]
DIM = 3


class TestViews:
    @pytest.mark.parametrize("kind", PLAIN)
    def test_a_subset_equals_the_oracle_while_the_state_learns(self, naive, rng, policy, kind):
        made = policy(kind, 12)
        labels = ("a7", "stranger", "a2", "a11")
        view = made.view(labels)
        assert view.labels == ("a2", "a7", "a11", "stranger")
        positions, slots = [2, 7, 11, 12], [2, 7, 11, 1001]
        for decision in range(40):
            expected = view.labels[made.winner(naive, positions, slots, decision)]
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
                expected = labels[made.winner(naive, positions, positions, decision)]
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
