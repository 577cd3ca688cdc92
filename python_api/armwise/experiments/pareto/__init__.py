"""Several objectives at once: the front of what is not dominated, its hypervolume, and a policy that samples it."""

from __future__ import annotations

from armwise.experiments.pareto.front import pareto_front
from armwise.experiments.pareto.hypervolume import hypervolume
from armwise.experiments.pareto.thompson import ParetoThompsonSampling

__all__ = ["ParetoThompsonSampling", "hypervolume", "pareto_front"]
