"""Experiments: who gets which variant, what each earned, and when to stop.

Names are imported when they are first asked for, so that a process that allocates keys does not load what decides
about stopping.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from armwise._lazily import lazily as _lazily

if TYPE_CHECKING:
    from armwise.experiments.allocation import (
        Allocator,
        AssignmentStore,
        MemoryAssignments,
        Namespace,
        StickyAllocator,
        bucket,
    )
    from armwise.experiments.counterfactual import Counterfactual
    from armwise.experiments.events import Event
    from armwise.experiments.experiment import Experiment
    from armwise.experiments.holdout import Holdout, HoldoutAssignment, HoldoutChoice, HoldoutConfig, empirical_best
    from armwise.experiments.manager import ExperimentManager
    from armwise.experiments.outcomes import VariantStatistics
    from armwise.experiments.pareto import ParetoThompsonSampling, hypervolume, pareto_front
    from armwise.experiments.sequential_test import Evidence, Finding, SequentialTest
    from armwise.experiments.statistics import Statistics
    from armwise.experiments.trial import Trial

__all__ = [
    "Allocator",
    "AssignmentStore",
    "Counterfactual",
    "Event",
    "Evidence",
    "Experiment",
    "ExperimentManager",
    "Finding",
    "Holdout",
    "HoldoutAssignment",
    "HoldoutChoice",
    "HoldoutConfig",
    "MemoryAssignments",
    "Namespace",
    "ParetoThompsonSampling",
    "SequentialTest",
    "Statistics",
    "StickyAllocator",
    "Trial",
    "VariantStatistics",
    "bucket",
    "empirical_best",
    "hypervolume",
    "pareto_front",
]

_HOMES: Final = {
    "Allocator": "allocation",
    "AssignmentStore": "allocation",
    "Counterfactual": "counterfactual",
    "Event": "events",
    "Evidence": "sequential_test",
    "Experiment": "experiment",
    "ExperimentManager": "manager",
    "Finding": "sequential_test",
    "Holdout": "holdout",
    "HoldoutAssignment": "holdout",
    "HoldoutChoice": "holdout",
    "HoldoutConfig": "holdout",
    "MemoryAssignments": "allocation",
    "Namespace": "allocation",
    "ParetoThompsonSampling": "pareto",
    "SequentialTest": "sequential_test",
    "Statistics": "statistics",
    "StickyAllocator": "allocation",
    "Trial": "trial",
    "VariantStatistics": "outcomes",
    "bucket": "allocation",
    "empirical_best": "holdout",
    "hypervolume": "pareto",
    "pareto_front": "pareto",
}

__getattr__, __dir__ = _lazily(globals(), _HOMES)
