"""Try a policy in the shadow of the one that serves, activate it when it is shown not to be worse, and let it stop.

The core routes requests at random between two models. A Thompson sampler watches: it learns from what is served,
and matched replay says what it would have earned. Once the core has 500 rewards the experiment activates by itself.
"""

from __future__ import annotations

import random

from armwise import EpsilonGreedy, ThompsonSampling
from armwise.experiments import Experiment, ExperimentManager, SequentialTest
from armwise.flags import StaticFlags

MODELS = ["small", "large"]
QUALITY = {"small": 0.55, "large": 0.8}

rng = random.Random(5)
core = EpsilonGreedy(MODELS, epsilon=1.0, seed=1)
experiment = Experiment(
    "policy::route",
    control="random",
    variants={"random": None, "thompson": ThompsonSampling(MODELS, seed=2)},
    auto_activate_after=500,
    stopping=SequentialTest(alpha=0.05, kind="empirical_bernstein"),
    description="Thompson sampling instead of a coin",
)
manager = ExperimentManager([experiment], flags=StaticFlags({"ENABLE_EXPERIMENT_HARNESS": True}))

for request in range(6000):
    trial = manager.decide("route", {"user_id": f"user-{request}"}, MODELS, core)
    reward = float(rng.random() < QUALITY[trial.arm])
    manager.record_trial(trial, reward)
    if request == 499:
        seen = manager.statistics("policy::route")
        print("in the shadow, thompson would have earned", round(seen["thompson"].shadow_replay.dr or 0.0, 2))
        print("and random earned", round(seen["random"].mean_reward or 0.0, 2))

for event in manager.status()["policy::route"]["events"]:
    print(f"{event['kind']}: {event['reason']}")
for name, one in manager.statistics("policy::route").items():
    print(f"{name}: {one.active.n} rewards in action, mean {one.active.mean:.2f}")
print("rewards that came after the verdict:", manager.status()["policy::route"]["ignored"]["stopped"])
