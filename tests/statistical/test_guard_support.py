"""What a guard says of a variant that the core never serves, or not everywhere, and of one that it does serve.

Every arm earns the same, so that each "worse" and each "better" is an error. Seeds are fixed.
"""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from armwise.experiments import Experiment, ExperimentManager
from armwise.flags import StaticFlags
from armwise.types import Decision

pytestmark = pytest.mark.statistical

RUNS, REQUESTS = 40, 1500


def outcomes(seldom, rate=0.5):
    """What the guard says first at the thousandth request or later, of a core that never serves b in a part of them."""
    seen = Counter()
    flags = StaticFlags({"ENABLE_EXPERIMENT_HARNESS": True})
    for run in range(RUNS):
        rng = np.random.default_rng([7, run])
        experiment = Experiment(
            "policy::r", control="control", variants={"control": None, "b": "b"}, auto_activate_after=1000
        )
        manager = ExperimentManager([experiment], flags=flags)
        for _ in range(REQUESTS):
            alone = rng.random() < seldom
            arm = "a" if alone or rng.random() < 0.5 else "b"
            decision = Decision(arm, 0, "0-0-0", 0, 1.0 if alone else 0.5, "exact")
            trial = manager.decide("r", {"user_id": 1}, ["a", "b"], lambda decision=decision: decision)
            manager.record_trial(trial, float(rng.random() < rate))
        event = manager.status()["policy::r"]["events"][0]
        seen["known of it" if "known of it" in event["reason"] else event["kind"]] += 1
    return seen


@pytest.mark.parametrize("seldom", [1.0, 0.5])
def test_what_is_not_served_is_neither_worse_nor_active(seldom):
    seen = outcomes(seldom)
    print(f"never served in {seldom:.0%} of requests: {dict(seen)}")
    assert seen == {"known of it": RUNS}


def test_what_is_served_activates():
    """The guard errs at .05, and what it says of weights at .01; of 40 runs more than 5 err with a chance of .02."""
    seen = outcomes(0.0)
    print(f"served everywhere: {dict(seen)}")
    assert seen["activated"] >= RUNS - 5
