"""What a Python core is bound to."""

from __future__ import annotations

import numpy as np
import pytest

from armwise_kernels import jit_posteriors, law

KINDS = ["thompson", "lints_diag", "lints", "epsilon_greedy", "ucb1"]


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


def test_every_kind_has_a_posterior():
    assert list(jit_posteriors.POSTERIORS) == KINDS
