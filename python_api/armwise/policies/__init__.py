"""Policies: which arm next. One a file; each docstring states its formula and where that is from."""

from __future__ import annotations

from armwise.policies.encoder import ContextEncoder
from armwise.policies.epsilon_greedy import EpsilonGreedy
from armwise.policies.lints import LinTS
from armwise.policies.lints_diag import LinTSDiag
from armwise.policies.shared_thompson import SharedThompsonSampling
from armwise.policies.thompson import ThompsonSampling
from armwise.policies.ucb1 import UCB1

__all__ = [
    "UCB1",
    "ContextEncoder",
    "EpsilonGreedy",
    "LinTS",
    "LinTSDiag",
    "SharedThompsonSampling",
    "ThompsonSampling",
]
