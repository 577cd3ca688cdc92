"""Policies over three objectives, and what they say of themselves."""

from __future__ import annotations

import json

import pytest

from armwise.experiments.pareto import ParetoThompsonSampling

OBJECTIVES = {"quality": (0.0, 1.0), "cost": (0.05, 0.0), "latency": (10.0, 0.0)}


def make_policy(arms=("a", "b", "c"), *, seed=5, objectives=OBJECTIVES, **parameters):
    return ParetoThompsonSampling(arms, objectives=objectives, seed=seed, **parameters)


def saved_state(policy):
    return json.loads(json.dumps(policy.state_dict(), allow_nan=False))


def train_policy(policy, rounds=40):
    """Rewards that depend on the arm and the round, for the policy's own choices."""
    for i in range(rounds):
        arm = policy.select()
        k = policy.arms.index(arm)
        policy.update(arm, {"quality": (k + i % 3) / 5, "cost": 0.01 * (k + 1), "latency": (i + k) % 10})
    return policy


@pytest.fixture
def make():
    return make_policy


@pytest.fixture
def saved():
    return saved_state


@pytest.fixture
def train():
    return train_policy


@pytest.fixture
def unchanged():
    """A context manager: the body raises, and the policy's whole state stays as it was."""
    return Unchanged


class Unchanged:
    def __init__(self, policy, error, match=None):
        self.policy, self.raises = policy, pytest.raises(error, match=match)

    def __enter__(self):
        self.before = saved_state(self.policy)
        return self.raises.__enter__()

    def __exit__(self, *exception):
        outcome = self.raises.__exit__(*exception)
        assert saved_state(self.policy) == self.before
        return outcome
