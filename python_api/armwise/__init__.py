"""Bandit decisions inside a Python process, at the speed of a function call.

>>> from armwise import ThompsonSampling
>>> policy = ThompsonSampling(["small", "large"], seed=1)
>>> arm = policy.select()
>>> policy.update(arm, reward=0.8)
"""

from __future__ import annotations

from armwise.errors import (
    ArmwiseError,
    BackendUnavailable,
    ConfigurationError,
    DataError,
    KernelError,
    LogError,
    MissingExtra,
    PropensityError,
    ReentrantCall,
    ReplayError,
    SnapshotError,
    StoreError,
    UnknownArm,
)
from armwise.policies import UCB1, ContextEncoder, EpsilonGreedy, LinTS, LinTSDiag, ThompsonSampling
from armwise.types import Decision
from armwise_kernels import __version__

__all__ = [
    "UCB1",
    "ArmwiseError",
    "BackendUnavailable",
    "ConfigurationError",
    "ContextEncoder",
    "DataError",
    "Decision",
    "EpsilonGreedy",
    "KernelError",
    "LinTS",
    "LinTSDiag",
    "LogError",
    "MissingExtra",
    "PropensityError",
    "ReentrantCall",
    "ReplayError",
    "SnapshotError",
    "StoreError",
    "ThompsonSampling",
    "UnknownArm",
    "__version__",
]
