"""What the domains of one engine share, and how a domain is served at the moment."""

from __future__ import annotations

from typing import NamedTuple

from armwise.experiments import ExperimentManager
from armwise.learning._identities import Identities
from armwise.learning._serving import Serve
from armwise.learning.flags import Flags
from armwise.protocols import Policy, Tracer
from armwise.rewards import DelayedRewards

__all__ = ["Services", "Way"]


class Services(NamedTuple):
    """What the domains of one engine share."""

    flags: Flags
    delayed: DelayedRewards
    experiments: ExperimentManager | None
    tracer: Tracer | None
    identities: Identities
    serving: dict[str, Serve]
    """What serves each domain's requests; each domain keeps its own entry."""


class Way(NamedTuple):
    """How a domain is served: made anew when a flag, the phase or the policy changes, and never changed."""

    rule: Serve
    """What serves where no policy acts."""
    learner: Policy
    """The policy that acts, or stands by."""
    contextual: bool
    """Whether the learner may read contexts."""
    learns: bool
    """Whether rewards are taught to the learner: its flags are on."""
    acts: bool
    """Whether the learner serves."""
    manager: ExperimentManager | None
    """Whose experiment serves; None where none does."""

    @property
    def phase(self) -> str:
        """``off``, ``shadow`` or ``active``, for people."""
        return "active" if self.acts else "shadow" if self.learns else "off"
