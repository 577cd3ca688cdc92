"""What a Python core refuses, before anything changes."""

from __future__ import annotations

import numpy as np
import pytest

from armwise_kernels.cores import PythonCore

KINDS = ["thompson", "lints_diag", "lints", "epsilon_greedy", "ucb1"]
LINEAR = ["lints_diag", "lints"]
DIM = 3


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
        contexts = np.ones((3, DIM)) if any_policy.linear else None
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
        x = np.ones((3, DIM)) if any_policy.linear else None
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
