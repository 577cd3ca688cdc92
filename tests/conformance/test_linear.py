"""Linear Thompson sampling: every backend has the oracle's bits, and the oracle agrees with LAPACK."""

from __future__ import annotations

import functools
import math
from typing import NamedTuple

import naive
import naive_linear
import numpy as np
import pytest

from armwise_kernels import jit_linear, law, load
from armwise_kernels.layout import DiagonalArrays, FullArrays, padded

SIZES = [(k, d) for k in (1, 2, 3, 7, 8, 9, 17, 100, 1000) for d in (1, 2, 3, 5, 16, 26, 33)]
PRIOR, SIGMA2, SEED, STREAM = 2.0, 0.25, 11, 3
KEY = naive.stream_key(SEED, STREAM)
DECISIONS = [0, 1, 2**32 - 1, 2**32, 2**40 + 7]


def signed_key() -> int:
    return int(np.uint64(KEY[0] | KEY[1] << 32).astype(np.int64))


class Scene:
    """The arrays of a posterior and the oracle's arms, both taught by the same events."""

    def __init__(self, kind: str, arms: int, dim: int, *, half_life: int = 0) -> None:
        width = padded(arms)
        self.kind, self.arms, self.dim = kind, arms, dim
        head, parameters = np.zeros(law.HEAD_SIZE, np.int64), np.zeros(law.PARAMETERS)
        head[[law.HEAD_COUNT, law.HEAD_DIM, law.HEAD_STREAM, law.HEAD_KEY]] = arms, dim, STREAM, signed_key()
        head[law.HEAD_HALF_LIFE] = half_life
        parameters[[law.NOISE_VARIANCE, law.PRIOR_PRECISION]] = SIGMA2, PRIOR
        slots = np.arange(width, dtype=np.uint32) * 3 + 1
        common, weighted = (head, parameters, slots, np.zeros(width, np.int64)), np.zeros((width, dim))
        if kind == "lints_diag":
            blocks = np.zeros((width // 8, dim, 2, 8))
            self.arrays = DiagonalArrays(*common, blocks, np.zeros((width, dim)), weighted)
            self.oracle = [([0.0] * dim, [0.0] * dim) for _ in range(arms)]
        else:
            blocks = np.zeros((width // 8, dim * (dim + 3) // 2, 8))
            blocks[:, [i * (i + 3) // 2 for i in range(dim)]] = math.sqrt(PRIOR)
            self.arrays = FullArrays(*common, blocks, weighted)
            self.oracle = [(naive_linear.full_prior(dim, PRIOR), [0.0] * dim) for _ in range(arms)]
        self.labels = tuple(f"arm {i}" for i in range(arms))
        self.slots = slots.tolist()[:arms]

    def events(self, n: int, seed: int = 0):
        rng = np.random.default_rng([seed, self.arms, self.dim])
        positions = rng.integers(self.arms, size=n).astype(np.int32)
        rewards, contexts = rng.normal(size=n), rng.normal(size=(n, self.dim))
        contexts[rng.random((n, self.dim)) < 0.2] = 0.0
        return positions, rewards, contexts

    def core(self, kernels):
        core = kernels.core(self.kind)
        core.bind(tuple(self.arrays), self.labels, {label: i for i, label in enumerate(self.labels)})
        core.refresh()
        return core

    def teach_oracle(self, positions, rewards, contexts) -> None:
        learn = naive_linear.diag_update if self.kind == "lints_diag" else naive_linear.full_update
        for i, r, x in zip(positions.tolist(), rewards.tolist(), contexts.tolist(), strict=True):
            learn(*self.oracle[i], x, r)

    def moments(self, x) -> list[tuple[float, float]]:
        """The oracle's laws of the scores."""
        x = x.tolist()
        if self.kind == "lints":
            return [naive_linear.full_moments(*arm, x, SIGMA2) for arm in self.oracle]
        posteriors = (naive_linear.diag_posterior(*arm, 1.0, PRIOR, SIGMA2) for arm in self.oracle)
        return [naive_linear.diag_moments(mu, s2, x) for mu, s2 in posteriors]

    def expected_blocks(self) -> np.ndarray:
        """What the blocks must hold for the arms, arm by arm."""
        rows = []
        for arm in self.oracle:
            if self.kind == "lints_diag":
                mu, s2 = naive_linear.diag_posterior(*arm, 1.0, PRIOR, SIGMA2)
                rows.append(np.column_stack([mu, s2]).ravel())
            else:
                rows.append(np.concatenate([*arm[0], naive_linear.solve(*arm)]))
        return np.array(rows)

    def blocks_by_arm(self) -> np.ndarray:
        blocks = self.arrays.blocks.reshape(self.arrays.blocks.shape[0], -1, 8)
        return blocks.transpose(0, 2, 1).reshape(blocks.shape[0] * 8, -1)


def bits(array) -> bytes:
    """Equal bits, where == would take -0.0 for 0.0."""
    return np.ascontiguousarray(array, np.float64).tobytes()


class Truth(NamedTuple):
    """What the oracle makes of some events, and of one context."""

    events: tuple[np.ndarray, np.ndarray, np.ndarray]
    blocks: np.ndarray
    x: np.ndarray
    laws: list[tuple[float, float]]
    winners: list[int]  # by DECISIONS


@functools.cache
def truth(kind: str, arms: int, dim: int) -> Truth:
    scene = Scene(kind, arms, dim)
    events = scene.events(min(2 * arms, 500))
    scene.teach_oracle(*events)
    x = np.random.default_rng(dim).normal(size=dim)
    laws = scene.moments(x)
    winners = [naive_linear.select(laws, scene.slots, decision, KEY) for decision in DECISIONS]
    return Truth(events, scene.expected_blocks(), x, laws, winners)


@pytest.mark.parametrize(("arms", "dim"), SIZES)
@pytest.mark.parametrize("kind", ["lints_diag", "lints"])
def test_numba_has_the_laws_of_the_oracle(kind, arms, dim):
    scene, true = Scene(kind, arms, dim), truth(kind, arms, dim)
    scene.core(load("numba")).update_many(*true.events, None)
    mean, variance, blocks = np.full(arms, np.nan), np.full(arms, np.nan), scene.arrays.blocks
    if kind == "lints_diag":
        jit_linear.lints_diag_moments(blocks, arms, dim, true.x, mean, variance)
    else:
        jit_linear.lints_full_moments(blocks, arms, dim, true.x, SIGMA2, mean, variance, np.empty(8 * dim))
    assert bits(np.column_stack([mean, variance])) == bits(true.laws)


@pytest.mark.parametrize(("arms", "dim"), SIZES)
@pytest.mark.parametrize("kind", ["lints_diag", "lints"])
def test_every_backend_has_the_posterior_and_the_choices_of_the_oracle(kind, kernels, arms, dim):
    scene, true = Scene(kind, arms, dim), truth(kind, arms, dim)
    core = scene.core(kernels)
    core.update_many(*true.events, None)
    assert bits(scene.blocks_by_arm()[:arms]) == bits(true.blocks)
    for decision, best in zip(DECISIONS, true.winners, strict=True):
        assert core.peek(None, true.x, decision) == scene.labels[best]
        scene.arrays.head[law.HEAD_COUNTER] = decision
        assert core.select(None, true.x, None) == scene.labels[best]


@pytest.mark.parametrize("kind", ["lints_diag", "lints"])
@pytest.mark.parametrize("chosen", [[0], [3, 5], [1, 2, 4, 6, 8, 9, 12, 16, 17, 18], list(range(17))])
def test_a_candidate_set_is_the_argmax_over_its_slots(kind, kernels, chosen):
    """Positions past the last arm are those of unknown arms: the prior, at slots of their own."""
    scene = Scene(kind, 17, 5)
    events = scene.events(60)
    core = scene.core(kernels)
    core.update_many(*events, None)
    scene.teach_oracle(*events)
    scene.oracle += Scene(kind, 2, 5).oracle
    labels = tuple(f"arm {i}" for i in chosen)
    positions = np.minimum(chosen, 17).astype(np.int32)
    slots = np.array([3 * i + 1 for i in chosen], np.uint32)
    core.view(labels, labels, np.arange(len(chosen), dtype=np.int32), positions, slots)
    x = np.random.default_rng(3).normal(size=5)
    laws = [scene.moments(x)[i] for i in chosen]
    for decision in range(20):
        best = naive_linear.select(laws, slots.tolist(), decision, KEY)
        assert core.peek(labels, x, decision) == labels[best]
    # an update reaches the packed copy
    arm = min(chosen[-1], 16)
    core.update(f"arm {arm}", 40.0, x, None)
    (naive_linear.diag_update if kind == "lints_diag" else naive_linear.full_update)(
        *scene.oracle[arm], x.tolist(), 40.0
    )
    laws = [scene.moments(x)[i] for i in chosen]
    assert core.peek(labels, x, 99) == labels[naive_linear.select(laws, slots.tolist(), 99, KEY)]


@pytest.mark.parametrize("kind", ["lints_diag", "lints"])
@pytest.mark.parametrize(("arms", "dim"), [(3, 26), (8, 1), (9, 16), (17, 33)])
def test_probabilities_have_the_same_bits_everywhere(kind, kernels, arms, dim):
    """They are computed from the laws, and so compare the laws of every instruction set."""

    def chances(kernels) -> bytes:
        scene = Scene(kind, arms, dim)
        core = scene.core(kernels)
        core.update_many(*scene.events(5 * arms), None)
        return bits(core.propensities(None, np.random.default_rng(dim).normal(size=dim), None))

    assert chances(kernels) == chances(load("numba"))


def test_decayed_evidence_has_the_same_bits_everywhere(kernels):
    second = 10**9

    def run(kernels) -> tuple[bytes, bytes, list[str]]:
        scene = Scene("lints_diag", 9, 5, half_life=60 * second)
        core = scene.core(kernels)
        positions, rewards, contexts = scene.events(40)
        for n, (i, r, x) in enumerate(zip(positions, rewards, contexts, strict=True)):
            core.update(scene.labels[i], float(r), x, (1000 + 7 * n - 90 * (n % 5 == 4)) * second)
        labels = [core.select(None, x, (1300 + n) * second) for n, x in enumerate(contexts)]
        return bits(scene.arrays.blocks), scene.arrays.head.tobytes(), labels

    assert run(kernels) == run(load("numba"))


def test_the_gain_and_the_weight_of_evidence():
    scene = Scene("lints_diag", 9, 5)
    blocks, precision, weighted = scene.arrays[4:]
    rng = np.random.default_rng(8)
    for n in range(50):
        i, x, reward, gain = int(rng.integers(9)), rng.normal(size=5), rng.normal(), rng.random()
        jit_linear.lints_diag_update(blocks, precision, weighted, i, 5, x, reward, gain, 0.5**n, PRIOR, SIGMA2)
        naive_linear.diag_update(*scene.oracle[i], x.tolist(), reward, gain)
        mu, s2 = naive_linear.diag_posterior(*scene.oracle[i], 0.5**n, PRIOR, SIGMA2)
        assert bits(scene.blocks_by_arm()[i]) == bits(np.column_stack([mu, s2]))


@pytest.mark.parametrize("kind", ["lints_diag", "lints"])
def test_contexts_of_zeros_and_of_extremes(kind, kernels):
    scene = Scene(kind, 10, 3)
    core = scene.core(kernels)
    assert core.select(None, np.zeros(3), None) == "arm 0", "all scores are zero: the lowest slot"
    extremes = [1e100, -1e100, 1e-300, 5e-324, 0.0, 1.0, -1e50, 1e-160]
    events = [
        np.arange(40, dtype=np.int32) % 10,
        np.resize([1e100, -1e100, 1e-300, 1.0], 40),
        np.resize(extremes, (40, 3)),
    ]
    core.update_many(*events, None)
    scene.teach_oracle(*events)
    assert bits(scene.blocks_by_arm()[:10]) == bits(scene.expected_blocks())
    assert np.isfinite(scene.arrays.blocks).all()
    for decision, x in enumerate(np.resize(extremes, (9, 3))):
        best = naive_linear.select(scene.moments(x), scene.slots, decision, KEY)
        assert core.peek(None, x, decision) == scene.labels[best]


def test_a_score_that_is_not_a_number_never_wins(kernels):
    """No checked input is known to lead there; a winner must be an arm all the same."""
    scene = Scene("lints_diag", 10, 2)
    core = scene.core(kernels)
    scene.arrays.blocks[0, :, 0, :7] = np.nan
    assert core.peek(None, np.ones(2), 5) in scene.labels[7:]
    scene.arrays.blocks[:, :, 0] = np.nan
    assert core.peek(None, np.ones(2), 5) == "arm 0"


def test_context_check():
    check = jit_linear.context_check
    for dim in (1, 3, 8, 33):
        assert check(np.full(dim, 1e100), dim) == check(np.full(dim, -1e100), dim) == 0
        for bad in (np.nan, np.inf, -np.inf, np.nextafter(1e100, np.inf), -np.nextafter(1e100, np.inf)):
            for j in range(dim):
                x = np.zeros(dim)
                x[j] = bad
                assert check(x, dim) == -1


def test_a_full_column_of_the_prior():
    blocks = np.full((2, 5 * 8 // 2, 8), 7.0)
    jit_linear.lints_full_prior(blocks, 11, 5, PRIOR)
    expected = np.full_like(blocks, 7.0)
    expected[1, :, 3] = np.concatenate([*naive_linear.full_prior(5, PRIOR), np.zeros(5)])
    assert bits(blocks) == bits(expected)


# ---- The oracle's mathematics, against LAPACK ----


def laws_by_lapack(x_seen, rewards, x, *, diagonal: bool) -> tuple[float, float]:
    a = PRIOR * np.eye(x_seen.shape[1]) + x_seen.T @ x_seen
    if diagonal:
        a = np.diag(np.diag(a))
    b = x_seen.T @ rewards
    return x @ np.linalg.solve(a, b), SIGMA2 * x @ np.linalg.solve(a, x)


@pytest.mark.parametrize("dim", [1, 2, 3, 5, 16, 26, 33, 128])
@pytest.mark.parametrize("kind", ["lints_diag", "lints"])
def test_laws_agree_with_linalg(kind, dim):
    scene = Scene(kind, 3, dim)
    rng = np.random.default_rng(dim)
    rewards, contexts = rng.normal(size=200), rng.normal(size=(200, dim))
    core = scene.core(load())
    core.update_many(np.full(200, 1, np.int32), rewards, contexts, None)
    x = rng.normal(size=dim)
    mean, variance, blocks = np.empty(3), np.empty(3), scene.arrays.blocks
    if kind == "lints_diag":
        jit_linear.lints_diag_moments(blocks, 3, dim, x, mean, variance)
    else:
        jit_linear.lints_full_moments(blocks, 3, dim, x, SIGMA2, mean, variance, np.empty(8 * dim))
    expected = laws_by_lapack(contexts, rewards, x, diagonal=kind == "lints_diag")
    assert mean[1] == pytest.approx(expected[0], rel=1e-9, abs=1e-12)
    assert variance[1] == pytest.approx(expected[1], rel=1e-9)
    assert mean[0] == 0.0
    assert variance[0] == pytest.approx(SIGMA2 * x @ x / PRIOR, rel=1e-12)


def test_full_covariance_stays_positive_definite_over_correlated_contexts():
    """100,000 updates along nearly one direction: the condition number of A is above 1e7."""
    dim, n = 16, 100_000
    scene = Scene("lints", 1, dim)
    rng = np.random.default_rng(5)
    contexts = rng.normal(size=(n, 1)) * rng.normal(size=dim) * 30.0 + rng.normal(size=(n, dim)) * 1e-3
    truth = rng.normal(size=dim)
    rewards = contexts @ truth + rng.normal(size=n) * 0.1
    scene.core(load()).update_many(np.zeros(n, np.int32), rewards, contexts, None)
    rows, factor = scene.blocks_by_arm()[0], np.zeros((dim, dim))
    factor[np.tril_indices(dim)] = rows[: dim * (dim + 1) // 2]
    a = PRIOR * np.eye(dim) + contexts.T @ contexts
    assert np.linalg.cond(a) > 1e7
    assert (np.diag(factor) >= math.sqrt(PRIOR)).all()
    np.testing.assert_allclose(factor @ factor.T, a, rtol=1e-9, atol=1e-9 * a.max())
    exact = np.linalg.solve(a, contexts.T @ rewards)
    # entries of b reach 3e7, which across the common direction A^-1 hardly divides: their rounding shows
    coefficients = np.linalg.solve(factor.T, rows[dim * (dim + 1) // 2 :])
    np.testing.assert_allclose(coefficients, exact, rtol=0.0, atol=1e-6)
    # at a context like those that came, nothing is lost
    mean, variance, x = np.empty(1), np.empty(1), contexts[7]
    jit_linear.lints_full_moments(scene.arrays.blocks, 1, dim, x, SIGMA2, mean, variance, np.empty(8 * dim))
    assert mean[0] == pytest.approx(x @ exact, rel=1e-9)
    assert variance[0] == pytest.approx(SIGMA2 * x @ np.linalg.solve(a, x), rel=1e-7)
