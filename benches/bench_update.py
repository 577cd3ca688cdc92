"""Learning from a reward, and the loop of a bandit: decide, observe, learn."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import numpy as np
import peers
import pytest
from cases import OURS, Case
from pytest_benchmark.fixture import BenchmarkFixture
from states import thompson, warm

N: Final = 10_000


def one_reward() -> Iterator[Case]:
    counts, group = warm(10), "update, 10 arms"
    yield Case(
        group,
        OURS,
        "policy.update(arm, 1.0)",
        lambda: {"policy": thompson(counts), "arm": "arm3"},
        bars={"avx512": 120.0},
    )
    yield Case(group, "NumPy", "a[3] += reward; b[3] += 1.0 - reward", lambda: rewarded(10))
    yield Case(
        group,
        "Python",
        "shapes = posterior[arm]; shapes[0] += 1.0; shapes[1] += 1.0 - 1.0",
        lambda: peers.python(counts),
    )
    yield Case(group, "obp-like", "bandit.update_params(3, 1.0)", lambda: peers.obp_like(counts))
    yield Case(group, "river", "bandit.update(arm, 1)", lambda: peers.river(counts))
    yield Case(group, "MABWiser", "bandit.partial_fit([arm], [1])", lambda: peers.mabwiser(counts))


def many_rewards() -> Iterator[Case]:
    counts, group = warm(10), f"update_many({N:,}), 10 arms"
    pulled = np.random.default_rng(3).integers(0, 10, N)
    rewards = np.random.default_rng(4).random(N)
    labels = [counts.labels[arm] for arm in pulled]
    yield Case(
        group,
        OURS,
        "policy.update_many(labels, rewards)",
        lambda: {"policy": thompson(counts), "labels": labels, "rewards": rewards},
        N,
    )
    yield Case(
        group,
        "NumPy",
        "a[:] += np.bincount(pulled, rewards); b[:] += np.bincount(pulled, 1.0 - rewards)",
        lambda: peers.numpy(counts) | {"pulled": pulled, "rewards": rewards},
        N,
    )


def loops() -> Iterator[Case]:
    """A select and an update of what it chose. Past 64 arms the index is kept up to date as well."""
    for arms in (10, 100, 1000):
        group = f"select and update, {arms:,} arms, warm"
        yield Case(
            group,
            OURS,
            "policy.update(policy.select(), 0.25)",
            lambda arms=arms: {"policy": thompson(warm(arms))},
        )
        yield Case(
            group,
            "NumPy",
            "i = np.argmax(rng.beta(a, b)); a[i] += 0.25; b[i] += 0.75",
            lambda arms=arms: peers.numpy(warm(arms)),
        )


def rewarded(arms: int) -> dict[str, object]:
    return peers.numpy(warm(arms)) | {"reward": 1.0}


CASES: Final = (*one_reward(), *many_rewards(), *loops())


@pytest.mark.parametrize("case", CASES, ids=str)
def test_update(case: Case, benchmark: BenchmarkFixture) -> None:
    case.bench(benchmark)
