"""A small world to log: three arms, two features, a policy of any kind."""

from __future__ import annotations

import numpy as np
import pytest

from armwise.runners.contestants import parse_policy
from armwise.telemetry.log import DecisionLog

ARMS = ("a", "b", "c")
MEANS = {"a": 0.2, "b": 0.5, "c": 0.8}


def log_of(path, policy, n, *, candidates=None, domain="route", step=0, reward=True, **options):
    """Let a policy decide and learn n times and log it all, between two checkpoints."""
    rng = np.random.default_rng(n)
    policy = parse_policy(policy).build(ARMS, dim=2, seed=11) if isinstance(policy, str) else policy
    with DecisionLog(path, sync="none", **options) as log:
        log.checkpoint(policy.state_dict(), domain=domain)
        for turn in range(n):
            context, now = rng.normal(size=2), 10**18 + turn * step
            given = None if candidates is None else candidates[turn % len(candidates)]
            decision = policy.decide(given, context, now)
            log.decision(decision, seed=policy.seed, domain=domain, candidates=given, context=context, time=now)
            earned = float(rng.random() < MEANS[decision.arm])
            if reward:
                policy.update(decision.arm, earned, context, now)
                log.update(
                    decision.arm,
                    earned,
                    policy_version=policy.policy_version,
                    decision_id=decision.decision_id,
                    domain=domain,
                    context=context,
                    time=now,
                )
        log.checkpoint(policy.state_dict(), domain=domain)
    return path


@pytest.fixture
def write():
    return log_of
