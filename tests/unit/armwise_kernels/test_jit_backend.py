from __future__ import annotations

import numpy as np
import pytest

from armwise_kernels import jit_backend, jit_thompson


@pytest.fixture(scope="module")
def kernels():
    return jit_backend.NumbaKernels()


def test_names_itself(kernels):
    assert (kernels.backend, kernels.isa) == ("numba", "jit")
    assert jit_backend.compiler().startswith("numba ")


def test_philox_equals_the_oracle(naive, kernels, rng):
    counters = rng.integers(0, 1 << 32, (9, 4), dtype=np.uint32)
    blocks = kernels.philox(counters, [0xFFFFFFFF, 0x80000001])
    assert blocks.dtype == np.uint32
    assert blocks.tolist() == [list(naive.philox(tuple(row), (0xFFFFFFFF, 0x80000001))) for row in counters.tolist()]


@pytest.mark.parametrize(("seed", "stream"), [(0, 0), (7, 1), ((1 << 64) - 1, (1 << 64) - 1), (1 << 63, 1 << 32)])
def test_keys_equal_the_oracle(naive, kernels, seed, stream):
    low, high = naive.stream_key(seed, stream)
    assert kernels.stream_key(seed, stream) == low | high << 32


def test_functions_equal_the_oracle(naive, kernels):
    x = [0.5, 1.0, 7.0]
    assert kernels.log(x).tolist() == [naive.log(v) for v in x]
    assert kernels.exp(x).tolist() == [naive.exp(v) for v in x]
    assert kernels.log_beta(x, [1, 2, 3]).tolist() == [
        naive.log_beta(a, b) for a, b in zip(x, (1.0, 2.0, 3.0), strict=True)
    ]


@pytest.mark.parametrize("arms", [1, 2, 3, 7, 8, 9, 17, 100])
def test_draws_equal_the_oracle(naive, kernels, rng, shapes, arms):
    for regime in ("warm", "small", "extreme"):
        alpha, beta = shapes(regime, arms, rng)
        at = {"seed": (1 << 64) - 5, "stream": 3, "decision": (1 << 32) - 1}
        found = kernels.beta_draws(alpha, beta, n=3, **at)
        assert found.shape == (3, arms)
        assert found.tolist() == naive.beta_draws(alpha, beta, n=3, **at)
        longer = kernels.beta_draws(alpha, beta, n=arms + 3, **at)
        assert longer[:3].tolist() == found.tolist()
        assert kernels.normal_draws(arms, **at).tolist() == naive.normal_draws(arms, **at)


def test_nothing_may_be_drawn(kernels):
    assert kernels.normal_draws(0, seed=1).shape == (0,)
    assert kernels.beta_draws([1.0], [1.0], seed=1, n=0).shape == (0, 1)


def test_propensities_sum_to_one(kernels):
    assert kernels.best_beta([2.0, 3.0, 4.0], [5.0, 5.0, 5.0]).sum() == pytest.approx(1.0, abs=1e-9)
    assert kernels.best_normal([0.0, 0.0], [1.0, 2.0]) == pytest.approx([0.5, 0.5], abs=1e-9)


def test_arrays_that_cannot_be_written_compile_nothing_anew(kernels):
    alpha = np.array([1.0, 2.0])
    kernels.beta_draws(alpha, alpha, seed=1)
    kernels.log(alpha)
    before = len(jit_backend.log_of.signatures), len(jit_thompson.beta_draws.signatures)
    alpha.flags.writeable = False
    kernels.beta_draws(alpha, alpha, seed=1)
    kernels.log(alpha)
    kernels.philox(np.zeros((1, 4), np.uint32), alpha.astype(np.uint32))
    assert (len(jit_backend.log_of.signatures), len(jit_thompson.beta_draws.signatures)) == before


@pytest.mark.parametrize(
    ("error", "call"),
    [
        (ValueError, lambda k: k.log([0.0])),
        (ValueError, lambda k: k.log([5e-324])),
        (ValueError, lambda k: k.log([np.inf])),
        (ValueError, lambda k: k.log([np.nan])),
        (ValueError, lambda k: k.log([])),
        (ValueError, lambda k: k.log([[1.0]])),
        (TypeError, lambda k: k.log(["1"])),
        (ValueError, lambda k: k.exp([708.1])),
        (ValueError, lambda k: k.exp([-708.1])),
        (ValueError, lambda k: k.log_beta([1.0], [0.0])),
        (ValueError, lambda k: k.log_beta([1.1e100], [1.0])),
        (ValueError, lambda k: k.log_beta([1.0, 2.0], [1.0])),
        (ValueError, lambda k: k.beta_draws([1.0], [-1.0], seed=1)),
        (ValueError, lambda k: k.beta_draws([np.nan], [1.0], seed=1)),
        (ValueError, lambda k: k.beta_draws([1.0], [1.0], seed=-1)),
        (ValueError, lambda k: k.beta_draws([1.0], [1.0], seed=1 << 64)),
        (TypeError, lambda k: k.beta_draws([1.0], [1.0], seed=1.0)),
        (TypeError, lambda k: k.beta_draws([1.0], [1.0], seed=True)),
        (ValueError, lambda k: k.beta_draws([1.0], [1.0], seed=1, n=-1)),
        (ValueError, lambda k: k.beta_draws([1.0], [1.0], seed=1, decision=1 << 63)),
        (ValueError, lambda k: k.normal_draws(-1, seed=1)),
        (ValueError, lambda k: k.normal_draws(1, seed=1, decision=-1)),
        (ValueError, lambda k: k.stream_key(1, -1)),
        (ValueError, lambda k: k.philox([[0, 0, 0]], [0, 0])),
        (ValueError, lambda k: k.best_beta([1.0], [0.0])),
        (ValueError, lambda k: k.best_normal([0.0], [-1.0])),
        (ValueError, lambda k: k.best_normal([np.nan], [1.0])),
        (ValueError, lambda k: k.best_normal([0.0], [np.inf])),
        (ValueError, lambda k: k.core("softmax")),
    ],
)
def test_bad_input_is_refused(kernels, error, call):
    with pytest.raises(error):
        call(kernels)
