"""The oracle, and states to run kernels on."""

from __future__ import annotations

import importlib.util
import math
from pathlib import Path

import numpy as np
import pytest

from armwise_kernels import law, load
from armwise_kernels.layout import BetaArrays, DiagonalArrays, FullArrays, MeanArrays, padded

KINDS = ["thompson", "lints_diag", "lints", "epsilon_greedy", "ucb1"]
LINEAR = ["lints_diag", "lints"]
DIM = 3

TESTS = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="session")
def naive():
    """tests/conformance/naive.py, which states the bits."""
    spec = importlib.util.spec_from_file_location("naive", TESTS / "conformance" / "naive.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def rng():
    return np.random.default_rng(20240229)


@pytest.fixture(scope="session")
def signed():
    """The bits of a key (word 0, word 1) as the signed number that kernels take."""

    def signed(key):
        whole = key[0] | key[1] << 32
        return whole - (whole >> 63 << 64)

    return signed


def _head(arms, key, half_life=0):
    head = np.zeros(law.HEAD_SIZE, np.int64)
    head[law.HEAD_COUNT], head[law.HEAD_KEY], head[law.HEAD_HALF_LIFE] = arms, key, half_life
    return head


@pytest.fixture(scope="session")
def beta_arrays():
    """beta_arrays(alpha, beta, ...): the arrays of a Beta posterior, without what follows from the shapes."""

    def make(alpha, beta, *, key=0, half_life=0, prior=(1.0, 1.0), slots=None):
        arms, columns = len(alpha), padded(len(alpha))
        table = np.full((law.BETA_ROWS, columns), np.nan)
        table[law.ROW_ALPHA], table[law.ROW_BETA] = prior[0], prior[1]
        table[law.ROW_ALPHA, :arms], table[law.ROW_BETA, :arms] = alpha, beta
        evidence = np.zeros((4, columns))
        evidence[: law.EVIDENCE_PRIOR_B + 1] = table[law.ROW_ALPHA : law.ROW_BETA + 1]
        numbers = np.zeros(columns, np.uint32)
        numbers[:arms] = range(arms) if slots is None else slots
        return BetaArrays(
            _head(arms, key, half_life),
            np.zeros(law.PARAMETERS),
            numbers,
            np.zeros(columns, np.int64),
            table,
            evidence,
            np.zeros(columns, np.uint64),
            np.zeros(law.BLOCK_LEADERS[-1], np.int32),
        )

    return make


@pytest.fixture(scope="session")
def mean_arrays():
    """mean_arrays(means, counts, ...): the arrays of epsilon-greedy or UCB1."""

    def make(means, counts, *, key=0, epsilon=0.1):
        arms, columns = len(means), padded(len(means))
        arrays = MeanArrays(
            _head(arms, key),
            np.zeros(law.PARAMETERS),
            np.arange(columns, dtype=np.uint32),
            np.zeros(columns, np.int64),
            np.zeros(columns),
            np.zeros(columns),
        )
        arrays.means[:arms], arrays.counts[:arms] = means, counts
        arrays.parameters[law.EPSILON_SHARE] = epsilon
        arrays.head[law.HEAD_UPDATES] = sum(counts)
        return arrays

    return make


@pytest.fixture(scope="session")
def linear_arrays():
    """linear_arrays(kind, arms, dim, ...): the arrays of a linear posterior without evidence."""

    def make(kind, arms, dim, *, key=0, half_life=0, variance=0.25, precision=1.0):
        columns = padded(arms)
        head, parameters = _head(arms, key, half_life), np.zeros(law.PARAMETERS)
        head[law.HEAD_DIM] = dim
        parameters[law.NOISE_VARIANCE], parameters[law.PRIOR_PRECISION] = variance, precision
        shared = head, parameters, np.arange(columns, dtype=np.uint32), np.zeros(columns, np.int64)
        weighted = np.zeros((columns, dim))
        if kind == "lints_diag":
            blocks = np.zeros((columns // law.LANES, dim, 2, law.LANES))
            blocks[:, :, 1] = variance / precision
            return DiagonalArrays(*shared, blocks, np.zeros((columns, dim)), weighted)
        blocks = np.zeros((columns // law.LANES, dim * (dim + 3) // 2, law.LANES))
        blocks[:, [i * (i + 3) // 2 for i in range(dim)]] = math.sqrt(precision)
        return FullArrays(*shared, blocks, weighted)

    return make


@pytest.fixture(scope="session")
def shapes():
    """shapes(regime, arms, rng): Beta shapes as bandits have them, and as nobody has."""

    def make(regime, arms, rng):
        if regime == "warm":
            pulls = rng.integers(20, 500, arms)
            successes = rng.binomial(pulls, rng.uniform(0.05, 0.5, arms))
            return (1.0 + successes).tolist(), (1.0 + pulls - successes).tolist()
        if regime == "cold":
            return [1.0] * arms, [1.0] * arms
        if regime == "small":
            return rng.uniform(0.05, 1.2, arms).tolist(), rng.uniform(0.05, 1.2, arms).tolist()
        assert regime == "extreme"
        edges = [law.MIN_SHAPE, 1e-30, 0.999, 1.0, 1.5, 1e30, law.MAX_SHAPE]
        return rng.choice(edges, arms).tolist(), rng.choice(edges, arms).tolist()

    return make


@pytest.fixture(scope="module")
def kernels():
    return load("numba")


class Policy:
    """A bound core, its arrays, and what a test would otherwise repeat."""

    def __init__(self, kernels, kind, arrays, labels=None):
        self.kind, self.arrays, self.head = kind, arrays, arrays[0]
        self.linear = kind in LINEAR
        arms = int(self.head[law.HEAD_COUNT])
        self.labels = tuple(f"a{i}" for i in range(arms)) if labels is None else labels
        self.index = {label: i for i, label in enumerate(self.labels)}
        self.core = kernels.core(kind)
        self.bind()

    def bind(self):
        self.core.bind(self.arrays, self.labels, self.index)
        self.core.refresh()

    def context(self, rng=None):
        if not self.linear:
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

    def winner(self, naive, positions, slots, decision):
        """The winning entry by the plain oracle; no linear kinds."""
        whole = int(self.head[law.HEAD_KEY])
        key = whole & 0xFFFFFFFF, whole >> 32 & 0xFFFFFFFF
        if self.kind == "thompson":
            table = self.arrays.table[law.ROW_ALPHA : law.ROW_BETA + 1, positions]
            return naive.thompson_select(*table.tolist(), slots, decision, key)
        means, counts = self.arrays.means[positions].tolist(), self.arrays.counts[positions].tolist()
        if self.kind == "ucb1":
            return naive.ucb1_select(means, counts, int(self.head[law.HEAD_UPDATES]))
        return naive.epsilon_greedy_select(means, float(self.arrays.parameters[law.EPSILON_SHARE]), decision, key)


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
