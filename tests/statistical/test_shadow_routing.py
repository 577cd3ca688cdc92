"""On the routing data, a policy that activated itself earns no less than the deterministic choice, beyond noise.

Every arm stands as the deterministic choice in turn, the best one among them. A run draws its requests from the data
with replacement; in the shadow each of them is tried by all arms, until the evidence activates the policy. What is
compared is the utility of the requests after that, with the choice's on the same requests; runs are the replicates.

Costs weigh as in the routing demo, or nothing. Without them the two best arms are within 0.008 of each other. A policy
that is not activated serves what the choice would: it earns 0 beyond it.

A run is activated wrongly with probability 0.05 at most. The intervals are Student's at 99.9%, so that one of six is
wrong by chance with probability 0.006 at most.
"""

from __future__ import annotations

import logging

import numpy as np
import pytest

from armwise import ThompsonSampling
from armwise.evaluation import mean_interval
from armwise.learning import Flags, LearningEngine
from armwise.runners.dataset import bundled

pytestmark = pytest.mark.statistical

ON = {"ENABLE_RL_GLOBAL": True, "ENABLE_RL_ROUTING": True}
RUNS = 12
REQUESTS = 4000

DATA = bundled()
UTILITIES = {weight: DATA.utility(weight) for weight in (0.0, 20.0)}


def gains_after_activation(utility, default, seed):
    """Utility beyond the deterministic choice's, for each request after activation; and when that was."""
    rows = np.random.default_rng([seed, default]).integers(0, len(utility), REQUESTS)
    arms = list(DATA.arms)
    engine = LearningEngine(flags=Flags(ON))
    engine.register_domain("route", ThompsonSampling(seed=seed), default=arms[default])
    gains, activated = [], None
    for turn, row in enumerate(rows):
        rewards = dict(zip(arms, utility[row].tolist(), strict=True))
        arm = engine.recommend("route", {}, arms)
        if activated is not None:
            engine.record("route", {}, arm, rewards[arm])
            gains.append(rewards[arm] - rewards[arms[default]])
            continue
        assert arm == arms[default], "in the shadow, nothing changes"
        engine.shadow_bakeoff("route", arms, rewards.get)
        if turn % 32 == 31 and engine.status()["route"]["phase"] == "active":
            activated = turn
    return activated, gains


@pytest.fixture(autouse=True)
def quiet():
    logging.getLogger("armwise.learning").setLevel(logging.ERROR)
    yield
    logging.getLogger("armwise.learning").setLevel(logging.NOTSET)


@pytest.mark.parametrize("weight", UTILITIES)
@pytest.mark.parametrize("default", range(len(DATA.arms)))
def test_activation_never_ends_worse_than_the_deterministic_choice(weight, default):
    utility = UTILITIES[weight]
    runs = [gains_after_activation(utility, default, seed) for seed in range(RUNS)]
    means = [np.mean(gains) if gains else 0.0 for _, gains in runs]
    interval = mean_interval(means, confidence=0.999)
    lower, upper = interval.mean - interval.half_width, interval.mean + interval.half_width
    print(  # shown by pytest -s: docs/learning.md states them
        f"{DATA.arms[default]}, {weight:g}: {interval.mean:+.4f} [{lower:+.4f}, {upper:+.4f}]",
        f"activated after {sorted(1 + activated for activated, _ in runs if activated is not None)} tries",
    )
    assert upper >= 0.0
    means = utility.mean(axis=0)
    if means.max() - means[default] > 0.05:
        assert lower > 0.0
