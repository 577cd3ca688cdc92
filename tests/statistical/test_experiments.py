"""What the harness concludes: counterfactual means are unbiased, and stopping errs no more often than was promised.

Seeds are fixed. A mean is held to four of its standard errors: one such check in 16,000 fails by chance.
"""

from __future__ import annotations

import math

import numpy as np
import pytest

from armwise import EpsilonGreedy
from armwise.experiments import Experiment, ExperimentManager, SequentialTest
from armwise.flags import StaticFlags
from armwise.types import Decision

pytestmark = pytest.mark.statistical

ON = StaticFlags({"ENABLE_EXPERIMENT_HARNESS": True})
MEANS = {"a": 0.3, "b": 0.6, "c": 0.1}
REQUESTS = 6000


def near(statistics, truth):
    return abs(statistics.mean - truth) <= 4.0 * statistics.standard_error


def test_the_shadow_tells_what_each_variant_would_have_earned():
    """The core serves a, b and c with 0.7, 0.2 and 0.1; what each variant does has no part in it."""
    rng = np.random.default_rng(11)
    propensities = {"a": 0.7, "b": 0.2, "c": 0.1}
    coin = EpsilonGreedy(["a", "b", "c"], epsilon=1.0, seed=5)  # a variant that chooses by chance
    experiment = Experiment(
        "policy::r", control="control", variants={"control": None, "b": "b", "c": "c", "coin": coin}
    )
    manager = ExperimentManager([experiment], flags=ON)
    for turn in range(REQUESTS):
        arm = str(rng.choice(list(propensities), p=list(propensities.values())))
        decision = Decision(arm, 0, "0-0-0", 0, propensities[arm], "exact")
        trial = manager.decide("r", {"user_id": turn}, ["a", "b", "c"], lambda decision=decision: decision)
        manager.record_trial(trial, float(rng.random() < MEANS[arm]))
    seen = manager.statistics("policy::r")
    core = sum(MEANS[arm] * share for arm, share in propensities.items())
    for name, truth in {"control": core, "b": 0.6, "c": 0.1, "coin": 1.0 / 3.0}.items():
        replay = seen[name].shadow_replay
        assert replay.n == REQUESTS
        assert near(replay.weights, 1.0) or replay.weights.variance == 0.0
        assert near(replay.scores, truth)
        assert near(replay.doubly_robust, truth)
        assert near(replay.lift, truth - core) or name == "control"
        assert abs(replay.mean - truth) < 0.05
        # What is known of the arms takes noise out of the scores.
        assert replay.doubly_robust.variance <= replay.scores.variance * 1.001


def test_in_action_requests_of_others_count_by_their_shares():
    """Two variants that serve the same arm learn from each other's requests; whoever differs learns from its own."""
    rng = np.random.default_rng(12)
    variants = {"control": "a", "also": "a", "b": "b", "c": "c"}
    weights = {"control": 5, "also": 1, "b": 3, "c": 1}
    manager = ExperimentManager(
        [Experiment("policy::r", control="control", variants=variants, weights=weights, phase="active")], flags=ON
    )
    for turn in range(REQUESTS):
        trial = manager.decide("r", {"user_id": turn}, ["a", "b", "c"])
        manager.record_trial(trial, float(rng.random() < MEANS[trial.arm]))
    seen = manager.statistics("policy::r")
    for name, arm in variants.items():
        replay = seen[name].active_replay
        assert near(replay.weights, 1.0)
        assert near(replay.scores, MEANS[arm])
        assert near(replay.doubly_robust, MEANS[arm])
    assert seen["also"].active_replay.matched == seen["control"].active_replay.matched
    # A tenth of the traffic alone would leave more than twice this error.
    alone = math.sqrt(seen["also"].active.variance / seen["also"].active.n)
    assert seen["also"].active_replay.doubly_robust.standard_error < alone / 2


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["asymptotic", "empirical_bernstein"])
def test_equals_are_not_stopped_more_often_than_promised(kind):
    """A/A: 150 experiments of 1,600 rewards, looked at all along; at 5%, 16 or more stop with a chance of 0.4%."""
    rng = np.random.default_rng(13)
    stopped = 0
    for _ in range(150):
        manager = ExperimentManager(
            [
                Experiment(
                    "e",
                    control="control",
                    variants={"control": "a", "b": "b"},
                    phase="active",
                    stopping=SequentialTest(alpha=0.05, kind=kind),
                )
            ],
            flags=ON,
        )
        sides = np.where(rng.random(1600) < 0.5, "control", "b").tolist()
        for variant, reward in zip(sides, (rng.random(1600) < 0.3).astype(float).tolist(), strict=True):
            manager.record("e", variant, reward, now=0)
        stopped += manager.verdict("e") is not None
    assert stopped < 16


def test_harm_is_found():
    """Half the conversions of control: every one of 20 experiments stops within 4,000 rewards, and says worse."""
    rng = np.random.default_rng(14)
    for _ in range(20):
        manager = ExperimentManager(
            [
                Experiment(
                    "e",
                    control="control",
                    variants={"control": "a", "b": "b"},
                    phase="active",
                    stopping=SequentialTest(),
                )
            ],
            flags=ON,
        )
        for turn in range(4000):
            variant = "b" if turn % 2 else "control"
            manager.record("e", variant, float(rng.random() < (0.15 if turn % 2 else 0.3)), now=0)
        assert manager.verdict("e").evidence["outcome"] == "worse"
