"""Ratios that must never be lost: each within one run, of the fastest of many short batches taken in turn.

Floors lie below what a machine with two busy cores shows, and stand for every instruction set that this CPU runs
and for Numba. Absolute times are for docs/benchmarks.md.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator
from timeit import Timer
from typing import Final

import peers
import peers_linear
import pytest
from cases import forced, variants
from measure import interleave, pinned
from peers_propensity import beta_by_grid
from states import REGIMES, cold, thompson, warm

from armwise import LinTSDiag, ThompsonSampling
from armwise.types import State
from armwise_kernels import law, load

# How many times as long NumPy or SciPy takes by hand, at least.
Floors = dict[str, float]
SELECT: Final[dict[int, Floors]] = {
    10: {"avx512": 50.0, "avx2": 38.0, "sse2": 20.0, "neon": 15.0, "scalar": 15.0, "jit": 2.0},
    1000: {"avx512": 100.0, "avx2": 90.0, "sse2": 50.0, "neon": 40.0, "scalar": 40.0, "jit": 10.0},
}
SELECT_MANY: Final = {"avx512": 7.0, "avx2": 3.5, "sse2": 1.8, "neon": 1.5, "scalar": 1.1, "jit": 3.0}
DECIDE: Final = {"avx512": 18.0, "avx2": 16.0, "sse2": 12.0, "neon": 10.0, "scalar": 10.0, "jit": 1.2}
UPDATE: Final = {"avx512": 1.5, "avx2": 1.5, "sse2": 1.5, "neon": 1.5, "scalar": 1.5, "jit": 0.06}
LINEAR_SELECT: Final[dict[tuple[int, int], Floors]] = {
    (10, 16): {"avx512": 14.0, "avx2": 13.0, "sse2": 9.0, "neon": 7.0, "scalar": 6.0, "jit": 0.5},
    (1000, 32): {"avx512": 2.8, "avx2": 1.4, "sse2": 0.5, "neon": 0.5, "scalar": 0.25, "jit": 0.4},
}
LINEAR_UPDATE: Final = {"avx512": 16.0, "avx2": 16.0, "sse2": 16.0, "neon": 12.0, "scalar": 16.0, "jit": 0.2}
DRAWS: Final = {"avx512": 6.0, "avx2": 3.5, "sse2": 1.8, "neon": 1.5, "scalar": 1.1, "jit": 2.5}
PROPENSITIES: Final = {"avx512": 200.0, "avx2": 160.0, "sse2": 100.0, "neon": 60.0, "scalar": 60.0, "jit": 80.0}

STEPS: Final = 50
"""Selects for each setting of the path, which costs as much as one of them."""


@pytest.fixture(autouse=True)
def one_core() -> Iterator[None]:
    with pinned():
        yield


@pytest.fixture(params=variants())
def variant(request: pytest.FixtureRequest) -> Iterator[str]:
    """Each instruction set, and Numba."""
    with forced(request.param):
        yield request.param


def times_as_long(slow: Timer, fast: Timer, floor: float, *, seconds: float = 0.3) -> float:
    """The ratio of the two minima. One below the floor is measured once more, for longer."""
    found = 0.0
    for spent in (seconds, 5.0 * seconds):
        if found < floor:
            one, other = interleave([slow, fast], seconds=spent)
            found = one.minimum / other.minimum
    return found


@pytest.mark.parametrize("arms", SELECT)
def test_a_select_beats_numpy(variant: str, arms: int) -> None:
    counts, floor = warm(arms), SELECT[arms][variant]
    policy = thompson(counts)
    assert policy.path == ("block" if arms == 1000 else "plain")
    numpy = Timer("np.argmax(rng.beta(a, b))", globals=peers.numpy(counts))
    ours = Timer("policy.select()", globals={"policy": policy})
    assert times_as_long(numpy, ours, floor) >= floor


def test_the_block_path_is_taken_where_some_stand_out_alone() -> None:
    taken = {name: thompson(regime(1000)).path for name, regime in REGIMES.items()}
    assert taken == {
        "warm": "block",
        "cold": "plain",
        "all equal": "plain",
        "one leader": "block",
        "Zipf pulls": "block",
    }


@functools.cache
def learnt(regime: str, arms: int) -> State:
    """The state after the history of a regime, its index as learning left it."""
    return thompson(REGIMES[regime](arms)).state_dict()


@pytest.mark.usefixtures("variant")
@pytest.mark.parametrize("arms", [64, 100, 300, 1000])
@pytest.mark.parametrize("regime", REGIMES)
def test_the_path_chosen_is_not_slower_than_the_plain_one(regime: str, arms: int) -> None:
    policy = ThompsonSampling(seed=1)
    policy.load_state(learnt(regime, arms))
    head = policy._posterior.head  # noqa: SLF001  # a path is chosen at updates alone: there is no public way to force one
    chosen = int(head[law.HEAD_PATH])
    assert policy.path == ("block" if chosen else "plain")
    names = {"policy": policy, "head": head, "steps": range(STEPS)}
    lines = f"head[{law.HEAD_PATH}] = {{}}\nfor _ in steps: policy.select()"
    plain, ours = Timer(lines.format(0), globals=names), Timer(lines.format(chosen), globals=names)
    floor = 1.0 / 1.1
    assert times_as_long(plain, ours, floor, seconds=0.1) >= floor


@pytest.mark.usefixtures("variant")
@pytest.mark.parametrize("arms", [64, 100, 300, 1000])
@pytest.mark.parametrize("regime", REGIMES)
def test_keeping_the_index_costs_no_more_than_it_saves(regime: str, arms: int) -> None:
    def bandit(*, plain: bool) -> Timer:
        policy = ThompsonSampling(seed=1)
        policy.load_state(learnt(regime, arms))
        if plain:
            head = policy._posterior.head  # noqa: SLF001  # a count from which an index is never considered
            head[law.HEAD_PATH], head[law.HEAD_DUE] = 0, 2**60
        means = {arm: a / (a + b) for arm, (a, b) in policy.posterior().items()}
        names = {"policy": policy, "mean": means, "steps": range(4 * arms)}  # an index may be due once in so many
        return Timer("for _ in steps: arm = policy.select(); policy.update(arm, mean[arm])", globals=names)

    floor = 1.0 / 1.1
    assert times_as_long(bandit(plain=True), bandit(plain=False), floor, seconds=0.1) >= floor


def test_many_selects_at_once_beat_predrawn_numpy(variant: str) -> None:
    floor = SELECT_MANY[variant]
    numpy = Timer("rng.beta(a, b, size=(10_000, 10)).argmax(axis=1)", globals=peers.numpy(warm(10)))
    ours = Timer("policy.select_many(10_000)", globals={"policy": thompson(warm(10))})
    assert times_as_long(numpy, ours, floor) >= floor


@pytest.mark.usefixtures("variant")
def test_many_selects_at_once_beat_one_by_one() -> None:
    names = {"policy": thompson(cold(10)), "thousand": range(1000)}
    one_by_one = Timer("for _ in thousand: policy.select()", globals=names)
    at_once = Timer("policy.select_many(1000)", globals=names)
    assert times_as_long(one_by_one, at_once, 1.0) >= 1.0


def test_a_decision_for_a_log_beats_a_bare_one_of_numpy(variant: str) -> None:
    floor = DECIDE[variant]
    numpy = Timer("np.argmax(rng.beta(a, b))", globals=peers.numpy(warm(10)))
    ours = Timer("policy.decide()", globals={"policy": thompson(warm(10))})
    assert times_as_long(numpy, ours, floor) >= floor


def test_an_update_beats_two_lines_of_numpy(variant: str) -> None:
    floor = UPDATE[variant]
    numpy = Timer("a[3] += reward; b[3] += 1.0 - reward", globals=peers.numpy(warm(10)) | {"reward": 1.0})
    ours = Timer("policy.update('arm3', 1.0)", globals={"policy": thompson(warm(10))})
    assert times_as_long(numpy, ours, floor) >= floor


@pytest.mark.parametrize("shape", LINEAR_SELECT)
def test_a_linear_select_beats_numpy(variant: str, shape: tuple[int, int]) -> None:
    floor = LINEAR_SELECT[shape][variant]
    numpy = Timer("posterior.select(x)", globals=peers_linear.by_hand(peers_linear.Diagonal, *shape))
    ours = Timer("policy.select(context=x)", globals=peers_linear.ours(LinTSDiag, *shape))
    assert times_as_long(numpy, ours, floor) >= floor


def test_a_linear_update_beats_numpy(variant: str) -> None:
    floor = LINEAR_UPDATE[variant]
    numpy = Timer("posterior.update(1, 0.5, x)", globals=peers_linear.by_hand(peers_linear.Diagonal, 10, 16))
    ours = Timer("policy.update(arm, 0.5, x)", globals=peers_linear.ours(LinTSDiag, 10, 16))
    assert times_as_long(numpy, ours, floor) >= floor


def test_beta_draws_beat_numpy(variant: str) -> None:
    floor, names = DRAWS[variant], peers.numpy(warm(100)) | {"kernels": load()}
    numpy = Timer("rng.beta(a, b, size=(100, 100))", globals=names)
    ours = Timer("kernels.beta_draws(a, b, seed=1, n=100)", globals=names)
    assert times_as_long(numpy, ours, floor) >= floor


def test_exact_propensities_beat_a_grid_of_scipy(variant: str) -> None:
    floor, names = PROPENSITIES[variant], peers.numpy(warm(10)) | {"kernels": load(), "best": beta_by_grid()}
    scipy = Timer("best(a, b)", globals=names)
    ours = Timer("kernels.best_beta(a, b)", globals=names)
    assert times_as_long(scipy, ours, floor) >= floor
