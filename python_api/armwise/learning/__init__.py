"""Learning from use: domains with a policy each, the loop around one request, and what limits and switches it.

Names are imported when they are first asked for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from armwise._lazily import lazily as _lazily

if TYPE_CHECKING:
    from armwise.learning._from_config import Configured, check_config, configured
    from armwise.learning._restoring import RestoreReport
    from armwise.learning._shadow import Activation
    from armwise.learning.budget import PacedBudget, Reservation
    from armwise.learning.engine import LearningEngine
    from armwise.learning.features import Features, FeatureStore
    from armwise.learning.flags import Flags, flag_of
    from armwise.learning.loop import alearn, learn
    from armwise.learning.periodic import PeriodicSnapshots
    from armwise.learning.prior import fit_prior, pooled_prior
    from armwise.learning.registry import PolicyRegistry
    from armwise.learning.shields import Shields
    from armwise.learning.snapshot import Snapshot, open_snapshot, seal
    from armwise.learning.tenant import TenantContext

__all__ = [
    "Activation",
    "Configured",
    "FeatureStore",
    "Features",
    "Flags",
    "LearningEngine",
    "PacedBudget",
    "PeriodicSnapshots",
    "PolicyRegistry",
    "Reservation",
    "RestoreReport",
    "Shields",
    "Snapshot",
    "TenantContext",
    "alearn",
    "check_config",
    "configured",
    "fit_prior",
    "flag_of",
    "learn",
    "open_snapshot",
    "pooled_prior",
    "seal",
]

_HOMES: Final = {
    "Activation": "_shadow",
    "Configured": "_from_config",
    "FeatureStore": "features",
    "Features": "features",
    "Flags": "flags",
    "LearningEngine": "engine",
    "PacedBudget": "budget",
    "PeriodicSnapshots": "periodic",
    "PolicyRegistry": "registry",
    "Reservation": "budget",
    "RestoreReport": "_restoring",
    "Shields": "shields",
    "Snapshot": "snapshot",
    "TenantContext": "tenant",
    "alearn": "loop",
    "check_config": "_from_config",
    "configured": "_from_config",
    "fit_prior": "prior",
    "flag_of": "flags",
    "learn": "loop",
    "open_snapshot": "snapshot",
    "pooled_prior": "prior",
    "seal": "snapshot",
}

__getattr__, __dir__ = _lazily(globals(), _HOMES)
