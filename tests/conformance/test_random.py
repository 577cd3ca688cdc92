"""Philox, log, exp, log B, normals and Beta draws: every backend gives the oracle's bits."""

from __future__ import annotations

import json
import math
from pathlib import Path

import naive
import numpy as np
import pytest
from mpmath import mp

# Random123 1.14, tests/kat_vectors, philox4x32 with 10 rounds (D. E. Shaw Research, BSD-3-Clause): counter, key, block.
KNOWN = [
    ("00000000 00000000 00000000 00000000", "00000000 00000000", "6627e8d5 e169c58d bc57ac4c 9b00dbd8"),
    ("ffffffff ffffffff ffffffff ffffffff", "ffffffff ffffffff", "408f276d 41c83b0e a20bc7c6 6d5451fd"),
    ("243f6a88 85a308d3 13198a2e 03707344", "a4093822 299f31d0", "d16cfe09 94fdcceb 5001e420 24126ea1"),
]
SIZES = [1, 2, 3, 7, 8, 9, 17, 100, 1000]


def hexes(text: str) -> list[int]:
    return [int(word, 16) for word in text.split()]


@pytest.mark.parametrize(("counter", "key", "block"), KNOWN)
def test_philox_known_answers(kernels, counter, key, block):
    assert kernels.philox([hexes(counter)], hexes(key)).tolist() == [hexes(block)]
    assert list(naive.philox(tuple(hexes(counter)), tuple(hexes(key)))) == hexes(block)


def test_philox_of_many_counters(kernels):
    rng = np.random.default_rng(1)
    counters, key = rng.integers(0, 2**32, (200, 4), dtype=np.uint32), [3, 2**32 - 1]
    assert kernels.philox(counters, key).tolist() == [
        list(naive.philox(tuple(map(int, row)), tuple(key))) for row in counters
    ]


def test_stream_keys(kernels):
    for seed in (0, 1, 2**63, 2**64 - 1):
        for stream in (0, 1, 2**32, 2**64 - 1):
            low, high = naive.stream_key(seed, stream)
            assert kernels.stream_key(seed, stream) == high << 32 | low


def ulps(values, references) -> float:
    return max(abs(float((mp.mpf(v) - r) / math.ulp(float(r)))) for v, r in zip(values, references, strict=True) if r)


def test_log_has_the_oracles_bits_and_is_within_one_ulp(kernels):
    rng = np.random.default_rng(2)
    x = np.concatenate(
        [
            rng.uniform(0.5, 2, 300),
            np.exp(rng.uniform(-700, 700, 300)),
            [2.0**-1022, 1.0, np.finfo(float).max],
        ]
    )
    out = kernels.log(x).tolist()
    assert out == [naive.log(v) for v in x.tolist()]
    with mp.workdps(40):
        assert ulps(out, [mp.log(mp.mpf(v)) for v in x.tolist()]) <= 1.0


def test_exp_has_the_oracles_bits_and_is_within_one_ulp(kernels):
    x = np.concatenate([np.random.default_rng(3).uniform(-708, 708, 600), np.linspace(-1, 1, 101), [-708.0, 708.0]])
    out = kernels.exp(x).tolist()
    assert out == [naive.exp(v) for v in x.tolist()]
    with mp.workdps(40):
        assert ulps(out, [mp.exp(mp.mpf(v)) for v in x.tolist()]) <= 1.0


def test_log_beta_has_the_oracles_bits_and_is_accurate(kernels):
    grid = [0.05, 0.3, 0.5, 1.0, 2.5, 9.99, 10.0, 100.0, 1e4, 1e6]
    a, b = (np.array(side) for side in zip(*[(p, q) for p in grid for q in grid], strict=True))
    out = kernels.log_beta(a, b).tolist()
    assert out == [naive.log_beta(p, q) for p, q in zip(a.tolist(), b.tolist(), strict=True)]
    with mp.workdps(40):
        worst = max(
            abs(v - mp.log(mp.beta(p, q))) / max(1, abs(mp.log(mp.beta(p, q))))
            for v, p, q in zip(out, a, b, strict=True)
        )
    assert worst <= 2e-14


@pytest.mark.parametrize("n", SIZES)
def test_normals(kernels, n):
    where = {"seed": 2**64 - 1, "stream": 2**40 + 1, "decision": 2**32 - 1}
    assert kernels.normal_draws(n, **where).tolist() == naive.normal_draws(n, **where)


REGIMES = {
    "warm": lambda rng, k: (1 + rng.uniform(1, 100, k), 1 + rng.uniform(1, 400, k)),
    "cold": lambda _, k: (np.ones(k), np.ones(k)),
    "below one": lambda rng, k: (rng.uniform(0.05, 1.2, k), rng.uniform(0.05, 1.2, k)),
    "wide": lambda rng, k: (10 ** rng.uniform(-3, 8, k), 10 ** rng.uniform(-3, 8, k)),
    "extreme": lambda rng, k: (rng.choice([1e-100, 1.0, 1e100], k), rng.choice([1e-100, 1.0, 1e100], k)),
}


@pytest.mark.parametrize("k", SIZES)
@pytest.mark.parametrize("regime", REGIMES)
def test_beta_draws(kernels, regime, k):
    a, b = REGIMES[regime](np.random.default_rng(k), k)
    n = 20 if k < 50 else 2
    out = kernels.beta_draws(a, b, seed=5, stream=1, decision=2**32 - 2, n=n)
    assert out.shape == (n, k)
    assert out.tolist() == naive.beta_draws(a.tolist(), b.tolist(), seed=5, stream=1, decision=2**32 - 2, n=n)
    assert ((out >= 0) & (out <= 1)).all()


def test_committed_vectors(kernels):
    """Bits of this version, for ever: a change of a seed's draws is a change of the law (docs/reproducibility)."""
    vectors = json.loads((Path(__file__).parent / "vectors" / "draws.json").read_text(encoding="utf-8"))
    for case in vectors["beta"]:
        drawn = kernels.beta_draws(case["alpha"], case["beta"], **case["where"])
        assert [x.hex() for x in drawn.ravel().tolist()] == case["hex"]
    for case in vectors["normal"]:
        assert [x.hex() for x in kernels.normal_draws(case["n"], **case["where"]).tolist()] == case["hex"]


@pytest.mark.parametrize(
    ("call", "error"),
    [
        (lambda k: k.beta_draws([1.0], [0.0], seed=1), ValueError),
        (lambda k: k.beta_draws([np.nan], [1.0], seed=1), ValueError),
        (lambda k: k.beta_draws([], [], seed=1), ValueError),
        (lambda k: k.beta_draws([1.0, 2.0], [1.0], seed=1), ValueError),
        (lambda k: k.beta_draws([[1.0]], [[1.0]], seed=1), ValueError),
        (lambda k: k.beta_draws(["x"], [1.0], seed=1), TypeError),
        (lambda k: k.beta_draws([1.0], [1.0], seed=-1), ValueError),
        (lambda k: k.beta_draws([1.0], [1.0], seed=1 << 64), ValueError),
        (lambda k: k.beta_draws([1.0], [1.0], seed=1.5), TypeError),
        (lambda k: k.beta_draws([1.0], [1.0], seed=True), TypeError),
        (lambda k: k.beta_draws([1.0], [1.0], seed=1, n=-1), ValueError),
        (lambda k: k.normal_draws(-1, seed=1), ValueError),
        (lambda k: k.normal_draws(1, seed=1, decision=-1), ValueError),
        (lambda k: k.log([0.0]), ValueError),
        (lambda k: k.log([-1.0]), ValueError),
        (lambda k: k.exp([709.0]), ValueError),
        (lambda k: k.exp([np.inf]), ValueError),
        (lambda k: k.log_beta([1.0], [-1.0]), ValueError),
        (lambda k: k.philox([[1, 2, 3]], [1, 2]), ValueError),
        (lambda k: k.philox([[1, 2, 3, 4]], [1]), ValueError),
        (lambda k: k.best_beta([1.0], [np.inf]), ValueError),
        (lambda k: k.best_normal([np.nan], [1.0]), ValueError),
        (lambda k: k.core("ucb2"), ValueError),
    ],
)
def test_bad_input_is_refused(kernels, call, error):
    with pytest.raises(error):
        call(kernels)
