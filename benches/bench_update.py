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
        "i = [index[label] for label in labels]; "
        "a[:] += np.bincount(i, rewards, 10); b[:] += np.bincount(i, 1.0 - rewards, 10)",
        lambda: (
            peers.numpy(counts)
            | {"labels": labels, "rewards": rewards, "index": {label: i for i, label in enumerate(counts.labels)}}
        ),
        N,
    )


def loops() -> Iterator[Case]:
    """A select and an update of what it chose, with its mean: evidence grows, and the ranks stay.

    Past 64 arms the update keeps an index for the select, and its cost shows here.
    """
    for arms in (10, 100, 1000):
        group = f"select and update, {arms:,} arms, warm"
        yield Case(
            group,
            OURS,
            "arm = policy.select(); policy.update(arm, reward[arm])",
            lambda arms=arms: {"policy": thompson(warm(arms)), "reward": warm(arms).means()},
        )
        yield Case(
            group,
            "NumPy",
            "i = np.argmax(rng.beta(a, b)); r = reward[i]; a[i] += r; b[i] += 1.0 - r",
            lambda arms=arms: peers.numpy(warm(arms)) | {"reward": list(warm(arms).means().values())},
        )


def rewarded(arms: int) -> dict[str, object]:
    return peers.numpy(warm(arms)) | {"reward": 1.0}


CASES: Final = (*one_reward(), *many_rewards(), *loops())


@pytest.mark.parametrize("case", CASES, ids=str)
def test_update(case: Case, benchmark: BenchmarkFixture) -> None:
    case.bench(benchmark)
