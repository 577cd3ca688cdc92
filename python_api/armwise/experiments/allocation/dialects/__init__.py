"""The assignments of other systems, bit by bit, so that a team can move here without moving its users."""

from __future__ import annotations

from armwise.experiments.allocation.dialects._known import DIALECTS, bucket, plan
from armwise.experiments.allocation.dialects._plan import Plan

__all__ = ["DIALECTS", "Plan", "bucket", "plan"]
