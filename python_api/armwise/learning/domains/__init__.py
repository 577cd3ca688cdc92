"""What two domains need beside a policy: how the tools of a plan add up, and the timeouts that a plugin may have."""

from __future__ import annotations

from armwise.learning.domains.plans import ToolRun, plan_estimate, plan_outcome
from armwise.learning.domains.timeouts import timeout_arms

__all__ = ["ToolRun", "plan_estimate", "plan_outcome", "timeout_arms"]
