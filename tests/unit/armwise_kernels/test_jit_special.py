from __future__ import annotations

import math

import numpy as np
import pytest

from armwise_kernels import jit_special


def test_log_beta_equals_the_oracle(naive, rng):
    edges = [1e-100, 1e-30, 0.3, 1.0, 9.999, 10.0, 11.5, 1e6, 1e100]
    pairs = [(a, b) for a in edges for b in edges] + np.exp(rng.uniform(-8, 14, (200, 2))).tolist()
    for a, b in pairs:
        assert jit_special.log_beta(a, b) == naive.log_beta(a, b)


def test_log_beta_is_accurate(rng):
    for a, b in np.exp(rng.uniform(-3, 10, (100, 2))):
        expected = math.lgamma(a) + math.lgamma(b) - math.lgamma(a + b)
        assert jit_special.log_beta(a, b) == pytest.approx(expected, rel=1e-12, abs=1e-10)


def test_philox_blocks_are_those_of_the_oracle(naive, rng, signed):
    counters = rng.integers(0, 1 << 32, (20, 4), dtype=np.uint32)
    key = (0xDEADBEEF, 0xCAFEF00D)
    out = np.empty_like(counters)
    jit_special.philox_blocks(counters, signed(key), out)
    assert out.tolist() == [list(naive.philox(tuple(row), key)) for row in counters.tolist()]


def test_maps_apply_the_functions(naive, rng):
    x = rng.uniform(0.01, 5.0, 50)
    out = np.empty_like(x)
    jit_special.log_of(x, out)
    assert out.tolist() == [naive.log(v) for v in x.tolist()]
    jit_special.exp_of(x, out)
    assert out.tolist() == [naive.exp(v) for v in x.tolist()]
    jit_special.log_beta_of(x, x[::-1].copy(), out)
    assert out.tolist() == [naive.log_beta(a, b) for a, b in zip(x.tolist(), x[::-1].tolist(), strict=True)]


@pytest.mark.parametrize("n", [0, 1, 7, 8, 9, 100])
def test_normals_equal_the_oracle(naive, signed, n):
    out = np.empty(n)
    jit_special.normal_draws(signed(naive.stream_key(7, 1)), (1 << 40) + 3, out)
    assert out.tolist() == naive.normal_draws(n, seed=7, stream=1, decision=(1 << 40) + 3)
