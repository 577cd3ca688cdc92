"""Serve an experiment through OpenFeature, and count its rewards there too.

The application below knows the OpenFeature SDK alone. What makes its flags an experiment is the one line that sets
the provider.
"""

from __future__ import annotations

import random
from collections import Counter

from openfeature import api
from openfeature.evaluation_context import EvaluationContext
from openfeature.track import TrackingEventDetails

from armwise.experiments import Allocator
from armwise.experiments.openfeature import ArmwiseProvider, FlagDefinition

USERS = 20_000


class Rewards:
    """Takes rewards, as an ExperimentManager does; a running experiment would have one of those here."""

    def __init__(self) -> None:
        self.total: Counter[str] = Counter()
        self.count: Counter[str] = Counter()

    def record(self, experiment_id: str, variant: str, reward: float) -> None:
        """Add one reward of a variant."""
        del experiment_id
        self.total[variant] += reward
        self.count[variant] += 1


rewards = Rewards()
checkout = FlagDefinition(
    Allocator("checkout", {"control": 50, "one-page": 50}, coverage=0.8),
    values={"control": {"pages": 3}, "one-page": {"pages": 1}},
    targeting=lambda _, context: "one-page" if context.get("staff") else None,
    event="checked-out",
)
api.set_provider_and_wait(ArmwiseProvider({"checkout": checkout}, manager=rewards))


# From here on, the application.
client = api.get_client()
world = random.Random(20240229)
reasons: Counter[str] = Counter()
for number in range(USERS):
    context = EvaluationContext(f"user-{number}", {"staff": number % 100 == 0})
    details = client.get_object_details("checkout", {"pages": 3}, context)
    reasons[str(details.reason.value)] += 1
    bought = world.random() < (0.12 if details.value["pages"] == 1 else 0.10)
    client.track("checked-out", context, TrackingEventDetails(float(bought)))

for reason, count in sorted(reasons.items()):
    print(f"{reason:16s}{count / USERS:7.1%} of users")
for variant in sorted(rewards.count):
    print(f"{variant:16s}{rewards.total[variant] / rewards.count[variant]:7.3f} bought, of {rewards.count[variant]}")
