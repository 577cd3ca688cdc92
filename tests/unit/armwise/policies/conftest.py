"""Every policy, made in the same few ways, so that a test of what they share runs on each."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from armwise import UCB1, EpsilonGreedy, LinTS, LinTSDiag, ThompsonSampling

DIM = 3
CONTEXT = np.array([1.0, -0.5, 2.0])
KINDS: dict[str, tuple[type, dict[str, Any]]] = {
    "thompson": (ThompsonSampling, {}),
    "thompson_decaying": (ThompsonSampling, {"half_life": 60.0}),
    "lints_diag": (LinTSDiag, {"dim": DIM}),
    "lints_diag_decaying": (LinTSDiag, {"dim": DIM, "half_life": 60.0}),
    "lints": (LinTS, {"dim": DIM}),
    "epsilon_greedy": (EpsilonGreedy, {"epsilon": 0.3}),
    "ucb1": (UCB1, {}),
}


class Maker:
    """Makes policies of one kind, and calls that suit the kind."""

    def __init__(self, kind: str) -> None:
        self.kind = kind
        self.cls, self.parameters = KINDS[kind]
        self.linear = "dim" in self.parameters
        self.decays = "half_life" in self.parameters
        self.context = CONTEXT if self.linear else None

    def __call__(self, arms=("a", "b", "c"), *, seed=5, **parameters):
        return self.cls(arms, seed=seed, **self.parameters | parameters)

    def now(self, second: int) -> float | None:
        return 1000.0 + second if self.decays else None

    def batch(self, n: int):
        """What select_many takes for n decisions."""
        return np.tile(CONTEXT, (n, 1)) if self.linear else n

    def contexts(self, n: int):
        """What update_many takes for n rewards."""
        return np.tile(CONTEXT, (n, 1)) if self.linear else None

    def train(self, policy, rounds: int = 30):
        """Rewards that depend on the arm, by the policy's own choices."""
        for i in range(rounds):
            arm = policy.select(context=self.context, now=self.now(i))
            reward = (policy.arms.index(arm) + i % 3) / 5.0
            policy.update(arm, reward, self.context, now=self.now(i))
        return policy


@pytest.fixture(params=KINDS)
def make(request) -> Maker:
    return Maker(request.param)


@pytest.fixture
def unchanged() -> Callable[..., Any]:
    """A context manager: the body raises, and the policy's whole state stays as it was."""
    return Unchanged


class Unchanged:
    def __init__(self, policy, error, match=None):
        self.policy, self.raises = policy, pytest.raises(error, match=match)

    def __enter__(self):
        self.before = saved(self.policy)
        return self.raises.__enter__()

    def __exit__(self, *exception):
        outcome = self.raises.__exit__(*exception)
        assert saved(self.policy) == self.before
        return outcome


def saved(policy):
    """The state as it comes back from a file."""
    return json.loads(json.dumps(policy.state_dict(), allow_nan=False))
