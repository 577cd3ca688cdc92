"""Experiments to report on: decision logs and saved states of a few variants with known means."""

from __future__ import annotations

import random

import pytest

from armwise.experiments import Allocator
from armwise.experiments.experiment import Experiment
from armwise.experiments.manager import ExperimentManager
from armwise.flags import StaticFlags
from armwise.stores import StateFile
from armwise.telemetry.log import DecisionLog
from armwise.types import Decision

MINUTE = 60 * 10**9
BEGAN = 1_760_000_000 * 10**9


def log_experiment(
    path,
    means,
    n,
    *,
    experiment="checkout",
    weights=None,
    lost=0.0,
    user="user-{}",
    began=BEGAN,
    step=MINUTE,
    delay=MINUTE,
    seed=1,
):
    """Serve n users of an experiment in turn and log it; a part `lost` of the rewards never comes."""
    allocator = Allocator(experiment, dict.fromkeys(means, 1) if weights is None else weights)
    rng = random.Random(seed)
    with DecisionLog(path, sync="none") as log:
        for turn in range(n):
            now = began + turn * step
            variant = allocator.allocate(f"user-{seed}-{turn}")
            decision = Decision(variant, 0, f"{seed:x}-{turn:x}-0", 0, 0.5, "exact")
            who = None if user is None else user.format(f"{seed}-{turn}")
            log.decision(decision, seed=seed, time=now, experiment=experiment, variant=variant, user=who)
            gone = lost[variant] if isinstance(lost, dict) else lost
            if rng.random() >= gone:
                reward = float(rng.random() < means[variant])
                log.update(variant, reward, policy_version=0, decision_id=decision.decision_id, time=now + delay)
    return path


def save_experiment(path, means, n, *, experiment="checkout", phase="active", weights=None, seed=1, **options):
    """Serve n users of an experiment through a manager, and save what it knows."""
    manager = ExperimentManager(
        [
            Experiment(
                experiment,
                control=next(iter(means)),
                variants={name: name for name in means},
                phase=phase,
                weights=weights,
                **options,
            )
        ],
        store=StateFile(path),
        flags=StaticFlags({"ENABLE_EXPERIMENT_HARNESS": True}),
    )
    rng = random.Random(seed)
    for turn in range(n):
        variant = manager.assign(experiment, f"user-{seed}-{turn}")
        if variant is not None:
            manager.record(experiment, variant, float(rng.random() < means[variant]), now=BEGAN + turn * MINUTE)
    manager.save()
    return manager


@pytest.fixture(scope="session")
def log_of_experiment():
    return log_experiment


@pytest.fixture(scope="session")
def state_of_experiment():
    return save_experiment
