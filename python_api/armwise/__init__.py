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
    BudgetExhausted,
    ConfigurationError,
    DataError,
    KernelError,
    LogError,
    MissingExtra,
    PropensityError,
    ReentrantCall,
    ReplayError,
    ShieldBlocked,
    SnapshotError,
    StoreError,
    UnknownArm,
    UnknownDomain,
)
from armwise.policies import (
    UCB1,
    ContextEncoder,
    EpsilonGreedy,
    LinTS,
    LinTSDiag,
    SharedThompsonSampling,
    ThompsonSampling,
)
from armwise.types import Decision
from armwise_kernels import __version__

__all__ = [
    "UCB1",
    "ArmwiseError",
    "BackendUnavailable",
    "BudgetExhausted",
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
    "SharedThompsonSampling",
    "ShieldBlocked",
    "SnapshotError",
    "StoreError",
    "ThompsonSampling",
    "UnknownArm",
    "UnknownDomain",
    "__version__",
]
