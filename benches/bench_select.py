"""One decision of Thompson sampling, labels out."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import numpy as np
import peers
import pytest
from cases import OURS, Case
from pytest_benchmark.fixture import BenchmarkFixture
from states import cold, thompson, warm

from armwise import UCB1, EpsilonGreedy

NUMPY: Final = "np.argmax(rng.beta(a, b))"

WARM_BARS: Final = {
    2: {"avx512": 120.0},
    10: {"avx512": 130.0, "avx2": 160.0},
    100: {"avx512": 300.0},
    1000: {"avx512": 400.0},
}
LEADS: Final = {10: 50.0, 1000: 100.0}


def beside_peers(arms: int) -> Iterator[Case]:
    counts, group = warm(arms), f"select, {arms:,} arms, warm"
    yield Case(
        group,
        OURS,
        "policy.select()",
        lambda: {"policy": thompson(counts)},
        bars=WARM_BARS[arms],
        lead=LEADS.get(arms, 0.0),
    )
    yield Case(group, "NumPy", NUMPY, lambda: peers.numpy(counts))
    yield Case(
        group,
        "Python",
        "max(posterior, key=lambda arm: betavariate(*posterior[arm]))",
        lambda: peers.python(counts),
    )
    yield Case(group, "obp-like", "bandit.select_action()", lambda: peers.obp_like(counts))
    yield Case(group, "MABWiser", "bandit.predict()", lambda: peers.mabwiser(counts))
    yield Case(group, "river", "bandit.pull(arms)", lambda: peers.river(counts))


def regimes() -> Iterator[Case]:
    """The regimes that cost more than warm posteriors: rejections, small shapes, the clock."""
    for group, prior, bar in (
        ("select, 10 arms, Beta(1, 1)", 1.0, 220.0),
        ("select, 10 arms, Beta(.5, .5)", 0.5, 320.0),
    ):
        yield Case(
            group,
            OURS,
            "policy.select()",
            lambda prior=prior: {"policy": thompson(cold(10), prior=prior)},
            bars={"avx512": bar},
        )
        yield Case(group, "NumPy", NUMPY, lambda prior=prior: peers.numpy(cold(10), prior))
    group = "select, 10 arms, warm, half_life"
    yield Case(
        group,
        OURS,
        "policy.select()",
        lambda: {"policy": thompson(warm(10), half_life=86400.0)},
        bars={"avx512": 220.0},
    )
    yield Case(
        group,
        "NumPy",
        "w = 2.0 ** ((since - time()) / 86400.0); np.argmax(rng.beta(1.0 + w * a, 1.0 + w * b))",
        decayed,
    )


def decayed() -> dict[str, object]:
    import time

    return peers.numpy(warm(10)) | {"time": time.time, "since": time.time()}


def subsets() -> Iterator[Case]:
    """Candidates that come with the call: ten of a hundred arms."""
    counts, group = warm(100), "select, 10 candidates of 100 arms, warm"
    chosen = list(range(5, 100, 10))
    candidates = [counts.labels[i] for i in chosen]
    yield Case(
        group,
        OURS,
        "policy.select(candidates)",
        lambda: {"policy": thompson(counts), "candidates": candidates},
    )
    yield Case(
        group,
        f"{OURS} by tuple",
        "policy.select(candidates)",
        lambda: {"policy": thompson(counts), "candidates": tuple(candidates)},
    )
    yield Case(
        group,
        "NumPy",
        "np.argmax(rng.beta(a[chosen], b[chosen]))",
        lambda: peers.numpy(counts) | {"chosen": np.array(chosen)},
    )


def others() -> Iterator[Case]:
    """The policies that draw nothing from posteriors."""
    for policy, statement in (
        (
            EpsilonGreedy,
            "i = np.argmax(means) if rng.random() >= 0.1 else rng.integers(10)",
        ),
        (UCB1, "np.argmax(means + np.sqrt(2.0 * np.log(total) / pulls))"),
    ):
        group = f"{policy.__name__} select, 10 arms"
        yield Case(group, OURS, "policy.select()", lambda policy=policy: {"policy": taught(policy)})
        yield Case(group, "NumPy", statement, means)


def taught(kind: type[EpsilonGreedy | UCB1]) -> EpsilonGreedy | UCB1:
    counts = warm(10)
    policy = kind(counts.labels, seed=1)
    pulled, rewards = counts.history()
    policy.update_many([counts.labels[arm] for arm in pulled], rewards)
    return policy


def means() -> dict[str, object]:
    counts = warm(10)
    pulls = counts.successes + counts.failures
    return {
        "np": np,
        "rng": np.random.default_rng(1),
        "means": counts.successes / pulls,
        "pulls": pulls,
        "total": pulls.sum(),
    }


CASES: Final = (
    *(case for arms in WARM_BARS for case in beside_peers(arms)),
    *regimes(),
    *subsets(),
    *others(),
)


@pytest.mark.parametrize("case", CASES, ids=str)
def test_select(case: Case, benchmark: BenchmarkFixture) -> None:
    case.bench(benchmark)
