"""Off-policy estimators and the intervals around them: the one home of both."""

from __future__ import annotations

from armwise.evaluation.intervals import Interval, mean_interval, normal_quantile, student_quantile
from armwise.evaluation.off_policy import Estimate, ips, snips

__all__ = ["Estimate", "Interval", "ips", "mean_interval", "normal_quantile", "snips", "student_quantile"]
