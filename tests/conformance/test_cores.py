"""Selection, updates, decay and the large-K index: every core gives the oracle's choices and the same state."""

from __future__ import annotations

import naive
import numpy as np
import pytest

from armwise_kernels import law
from armwise_kernels.layout import BetaArrays, MeanArrays, padded

SIZES = [1, 2, 3, 7, 8, 9, 17, 100, 1000]
SEED, STREAM, FROM = 11, 5, 2**32 - 7


def head_of(kernels, arms: int, **fields: int) -> np.ndarray:
    head = np.zeros(law.HEAD_SIZE, np.int64)
    head[law.HEAD_KEY] = np.uint64(kernels.stream_key(SEED, STREAM)).astype(np.int64)
    head[law.HEAD_STREAM], head[law.HEAD_COUNT], head[law.HEAD_COUNTER] = STREAM, arms, FROM
    for name, value in fields.items():
        head[getattr(law, name)] = value
    return head


def slots_of(arms: int) -> np.ndarray:
    """Slots with gaps, as after arms were removed."""
    return 3 * np.arange(padded(arms), dtype=np.uint32) + 1


def thompson(kernels, alpha, beta, half_life: int = 0):
    """A refreshed core over a Beta posterior, and its arrays."""
    arms, p = len(alpha), padded(len(alpha))
    table, evidence = np.ones((law.BETA_ROWS, p)), np.zeros((4, p))
    evidence[:2] = 1.0
    table[law.ROW_ALPHA, :arms], table[law.ROW_BETA, :arms] = alpha, beta
    if half_life:
        evidence[2, :arms], evidence[3, :arms] = np.asarray(alpha) - 1.0, np.asarray(beta) - 1.0
    arrays = BetaArrays(
        head_of(kernels, arms, HEAD_HALF_LIFE=half_life),
        np.zeros(law.PARAMETERS),
        slots_of(arms),
        np.zeros(p, np.int64),
        table,
        evidence,
        np.zeros(p, np.uint64),
        np.zeros(law.BLOCK_LEADERS[-1], np.int32),
    )
    core = kernels.core("thompson")
    core.bind(tuple(arrays), tuple(range(arms)), {i: i for i in range(arms)})
    core.refresh()
    return core, arrays


def warm(arms: int, seed: int = 0):
    rng = np.random.default_rng(seed)
    mean, n = rng.uniform(0.05, 0.5, arms), rng.uniform(20, 500, arms)
    return 1 + mean * n, 1 + (1 - mean) * n


REGIMES = {
    "warm": warm,
    "cold": lambda k: (np.ones(k), np.ones(k)),
    "below one": lambda k: (np.linspace(0.05, 1.4, k), np.linspace(0.9, 0.2, k)),
    "skewed": lambda k: (np.where(np.arange(k) == k // 2, 400.0, 2.0), np.full(k, 100.0)),
}


def expected(naive, arrays, arms, decision):
    """The oracle's choice from the state as it stands."""
    key = naive.stream_key(SEED, STREAM)
    a, b = arrays.table[law.ROW_ALPHA].tolist()[:arms], arrays.table[law.ROW_BETA].tolist()[:arms]
    slots = arrays.slots.tolist()[:arms]
    if arrays.head[law.HEAD_PATH]:
        leaders = arrays.leaders.tolist()[: arrays.head[law.HEAD_LEADERS]]
        return naive.block_select(a, b, slots, leaders, float(arrays.parameters[law.LEVEL]), decision, key)
    return naive.thompson_select(a, b, slots, decision, key)


@pytest.mark.parametrize("arms", SIZES)
@pytest.mark.parametrize("regime", REGIMES)
def test_select_and_select_many_are_the_oracles(kernels, regime, arms):
    core, arrays = thompson(kernels, *REGIMES[regime](arms))
    assert arrays.head[law.HEAD_PATH] == ((regime == "skewed" and arms >= 64) or (regime == "warm" and arms >= 64))
    n = 100 if arms < 20 else 4
    wanted = [expected(naive, arrays, arms, FROM + i) for i in range(n)]
    assert [core.select(None, None, None) for _ in range(n)] == wanted
    assert [core.peek(None, None, FROM + i) for i in range(n)] == wanted
    arrays.head[law.HEAD_COUNTER] = FROM
    many = core.select_many(n, None, None)
    assert many.dtype == np.int32
    assert many.tolist() == wanted
    assert arrays.head[law.HEAD_COUNTER] == FROM + n


def test_a_block_decision_with_points_is_the_oracles(kernels):
    """Enough decisions that leaders lose, that points fall, and that the level is missed."""
    arms = 80
    core, arrays = thompson(kernels, *warm(arms, 3))
    assert arrays.head[law.HEAD_PATH] == 1
    chosen = core.select_many(400, None, None).tolist()
    assert chosen == [expected(naive, arrays, arms, FROM + i) for i in range(400)]
    # a level that is too high for the leaders: every decision falls back, and is the plain path's
    arrays.parameters[law.LEVEL], arrays.parameters[law.LEVEL_RATIO] = 30.0, kernels.exp([30.0])[0]
    arrays.head[law.HEAD_COUNTER] = FROM
    plain, plain_arrays = thompson(kernels, *warm(arms, 3))
    plain_arrays.head[law.HEAD_PATH] = 0
    assert core.select_many(50, None, None).tolist() == plain.select_many(50, None, None).tolist()


def test_a_low_level_gives_many_points_and_still_the_oracles_choice(kernels):
    arms = 70
    core, arrays = thompson(kernels, np.full(arms, 20.0), np.full(arms, 60.0))
    arrays.head[law.HEAD_PATH], arrays.head[law.HEAD_LEADERS] = 1, 8
    arrays.leaders[:8] = np.arange(8)
    arrays.parameters[law.LEVEL] = -0.75
    core.bind(tuple(arrays), tuple(range(arms)), {i: i for i in range(arms)})
    assert 0.5 < arrays.head[law.HEAD_TOTAL] * 2.0**-40 < 40
    chosen = core.select_many(300, None, None).tolist()
    assert chosen == [expected(naive, arrays, arms, FROM + i) for i in range(300)]
    assert max(chosen) > 8


@pytest.mark.parametrize("arms", [1, 3, 8, 17, 100])
def test_a_candidate_set_is_the_argmax_over_its_slots(kernels, arms):
    """Given in any order, some of them unknown: those stand at the prior, on slots of their own."""
    alpha, beta = warm(arms)
    core, arrays = thompson(kernels, alpha, beta)
    rng = np.random.default_rng(arms)
    known = np.sort(rng.choice(arms, (arms + 1) // 2, replace=False)).astype(np.int32)
    positions = np.concatenate([known, [arms, arms]]).astype(np.int32)
    slots = np.concatenate([arrays.slots[known], [9000, 9001]]).astype(np.uint32)
    order = rng.permutation(len(positions)).astype(np.int32)
    labels = tuple(f"c{i}" for i in order)
    view = core.view(None, labels, order, positions, slots)
    key = naive.stream_key(SEED, STREAM)
    a, b = ([*side[known].tolist(), 1.0, 1.0] for side in (alpha, beta))
    wanted = [naive.thompson_select(a, b, slots.tolist(), FROM + i, key) for i in range(40)]
    assert [core.select(view, None, None) for _ in range(40)] == [labels[i] for i in wanted]
    arrays.head[law.HEAD_COUNTER] = FROM
    label, index, identity, version, p, kind = core.decide(view, None, None)
    assert (label, index) == (labels[wanted[0]], order[wanted[0]])
    assert (identity, version, kind) == (
        f"{STREAM:x}-{FROM:x}-{version:x}",
        arrays.head[law.HEAD_VERSION],
        "exact",
    )
    assert p == core.propensities(view, None, None)[index]


def test_alternating_sets_share_no_draws_they_should_not(kernels):
    """The prefilled draws of one set must not serve another."""
    core, arrays = thompson(kernels, *warm(9))
    views = [
        core.view(
            None,
            tuple(range(k)),
            np.arange(k, dtype=np.int32),
            np.arange(k, dtype=np.int32),
            arrays.slots[:k].copy(),
        )
        for k in (2, 5, 9)
    ]
    a, b = arrays.table[law.ROW_ALPHA].tolist(), arrays.table[law.ROW_BETA].tolist()
    key = naive.stream_key(SEED, STREAM)
    for i in range(60):
        k = (2, 5, 9)[(i // 3) % 3]
        wanted = naive.thompson_select(a[:k], b[:k], arrays.slots.tolist()[:k], FROM + i, key)
        assert core.select(views[(i // 3) % 3], None, None) == wanted


def test_a_packed_set_follows_updates(kernels):
    core, arrays = thompson(kernels, *warm(12))
    at = np.array([1, 4, 7], np.int32)
    view = core.view((1, 4, 7), (1, 4, 7), np.arange(3, dtype=np.int32), at, arrays.slots[at])
    key = naive.stream_key(SEED, STREAM)
    for i in range(60):
        core.update(int(at[i % 3]), (i % 2) * 0.75, None, None)
        a, b = arrays.table[law.ROW_ALPHA, at].tolist(), arrays.table[law.ROW_BETA, at].tolist()
        wanted = at[naive.thompson_select(a, b, arrays.slots[at].tolist(), FROM + i, key)]
        assert core.select([1, 4, 7] if i % 2 else view, None, None) == wanted


def state_of(arrays):
    """Every array a core may write, as bytes."""
    arms = arrays.head[law.HEAD_COUNT]
    parts = [
        array.tobytes() for name, array in zip(arrays._fields, arrays, strict=True) if name not in {"rates", "leaders"}
    ]
    if arrays.head[law.HEAD_PATH]:
        parts += [arrays.rates[:arms].tobytes(), arrays.leaders[: arrays.head[law.HEAD_LEADERS]].tobytes()]
    return parts


@pytest.mark.parametrize("arms", [5, 70, 300])
def test_updates_leave_the_reference_backends_state(kernels, arms):
    """The index too: rates, leaders and level after learning that moves them all."""
    from armwise_kernels import load

    rng = np.random.default_rng(arms)
    n = 40 * arms
    mean = rng.uniform(0.02, 0.6, arms)
    positions = rng.choice(arms, n, p=mean / mean.sum()).astype(np.int32)
    rewards = (rng.uniform(size=n) < mean[positions]).astype(float) * rng.choice([1.0, 0.5], n)
    out, paths = [], set()
    for k in (kernels, load("numba")):
        core, arrays = thompson(k, np.full(arms, 0.8), np.ones(arms))
        for cut in np.array_split(np.arange(n), 60):
            core.update_many(positions[cut], rewards[cut], None, None)
            core.update(int(positions[cut[0]]), 0.25, None, None)
            paths.add(int(arrays.head[law.HEAD_PATH]))
            out.append((state_of(arrays), core.select_many(3, None, None).tolist()))
    assert out[:60] == out[60:]
    assert paths == ({0} if arms < 64 else {0, 1})
    assert arrays.head[law.HEAD_VERSION] == arrays.head[law.HEAD_UPDATES] == n + 60


def test_the_rates_after_updates_are_those_of_a_fresh_count(kernels):
    """History does not leak into the sum: the saved leaders and level give the same rates anew."""
    core, arrays = thompson(kernels, *warm(200))
    rng = np.random.default_rng(1)
    for _ in range(50):
        core.update(int(rng.integers(200)), float(rng.uniform()), None, None)
    assert arrays.head[law.HEAD_PATH] == 1
    kept = state_of(arrays)
    core.bind(tuple(arrays), tuple(range(200)), {i: i for i in range(200)})
    assert state_of(arrays) == kept


HOUR = 3600 * 10**9


@pytest.mark.parametrize("half_life", [1_000_000, 7 * HOUR + 13, 10**15 + 1])
def test_decay(kernels, half_life):
    """Late events, idle months, the landmark's moves: the same bits everywhere, and 2^(-age / half life) to a tick."""
    from armwise_kernels import load

    rng = np.random.default_rng(half_life % 97)
    start = 1_750_000_000 * 10**9
    times = start + np.cumsum(rng.choice([0, 1, 3, 40, 900], 120) * (half_life // 10)).astype(np.int64)
    times[rng.choice(120, 20)] -= half_life // 3
    arms = rng.integers(3, size=120)
    rewards = rng.uniform(size=120)
    out = []
    for k in (kernels, load("numba")):
        core, arrays = thompson(k, np.ones(3), np.full(3, 2.0), half_life)
        arrays.evidence[3] = 0.0
        arrays.evidence[1] = 2.0
        for i, (arm, reward, now) in enumerate(zip(arms.tolist(), rewards.tolist(), times.tolist(), strict=True)):
            core.update(arm, reward, None, now)
            if i % 7 == 0:
                chosen = core.select(None, None, now + half_life // 5)
                out.append(chosen)
            out.append(b"".join(a.tobytes() for a in arrays))
    assert out[: len(out) // 2] == out[len(out) // 2 :]
    latest = int(arrays.head[law.HEAD_NOW])
    weight = 0.5 ** ((latest - times) / half_life)
    for arm in range(3):
        mine = arms == arm
        a = 1.0 + (rewards[mine] * weight[mine]).sum()
        b = 2.0 + ((1 - rewards[mine]) * weight[mine]).sum()
        # event and present are each floored to a tick of 1/1024 half life
        np.testing.assert_allclose(arrays.table[law.ROW_ALPHA, arm], a, rtol=2e-3)
        np.testing.assert_allclose(arrays.table[law.ROW_BETA, arm], b, rtol=2e-3)


def test_time_never_goes_back_and_ticks_are_versions(kernels):
    core, arrays = thompson(kernels, np.full(2, 5.0), np.full(2, 5.0), HOUR)
    core.select(None, None, 1000 * HOUR)
    version, table = int(arrays.head[law.HEAD_VERSION]), arrays.table.copy()
    core.select(None, None, 1000 * HOUR + HOUR // 2048)
    core.select(None, None, 10 * HOUR)
    assert arrays.head[law.HEAD_VERSION] == version
    assert (arrays.table == table).all()
    core.select(None, None, 1000 * HOUR + HOUR // 1024 + 1)
    assert arrays.head[law.HEAD_VERSION] == version + 1
    core.select(None, None, 10**6 * HOUR)
    np.testing.assert_array_equal(arrays.table[law.ROW_ALPHA], 1.0)


def means(kernels, kind, epsilon, q, n):
    arms, p = len(q), padded(len(q))
    parameters = np.zeros(law.PARAMETERS)
    parameters[law.EPSILON_SHARE] = epsilon
    values, counts = np.zeros(p), np.zeros(p)
    values[:arms], counts[:arms] = q, n
    arrays = MeanArrays(
        head_of(kernels, arms, HEAD_UPDATES=int(sum(n))),
        parameters,
        slots_of(arms),
        np.zeros(p, np.int64),
        values,
        counts,
    )
    core = kernels.core(kind)
    core.bind(tuple(arrays), tuple(range(arms)), {i: i for i in range(arms)})
    core.refresh()
    return core, arrays


@pytest.mark.parametrize("arms", SIZES)
def test_epsilon_greedy(kernels, arms):
    q = np.random.default_rng(arms).integers(0, 4, arms) / 4.0  # ties
    core, _ = means(kernels, "epsilon_greedy", 0.3, q, np.ones(arms))
    key = naive.stream_key(SEED, STREAM)
    wanted = [naive.epsilon_greedy_select(q.tolist(), 0.3, FROM + i, key) for i in range(200)]
    assert [core.select(None, None, None) for _ in range(100)] == wanted[:100]
    assert core.select_many(100, None, None).tolist() == wanted[100:]
    p = core.propensities(None, None, None)
    np.testing.assert_allclose(p.sum(), 1.0, rtol=1e-14)
    assert p[naive.argmax(q.tolist())] == p.max()


@pytest.mark.parametrize("arms", SIZES)
def test_ucb1(kernels, arms):
    core, arrays = means(kernels, "ucb1", 0.0, np.zeros(arms), np.zeros(arms))
    rng = np.random.default_rng(arms)
    for _ in range(3 * arms if arms < 200 else 20):
        chosen = core.select(None, None, None)
        total = int(arrays.head[law.HEAD_UPDATES])
        assert chosen == naive.ucb1_select(arrays.means.tolist()[:arms], arrays.counts.tolist()[:arms], total)
        assert core.propensities(None, None, None).tolist() == [float(i == chosen) for i in range(arms)]
        core.update(chosen, float(rng.normal()), None, None)
    assert arrays.counts.sum() == arrays.head[law.HEAD_UPDATES]
