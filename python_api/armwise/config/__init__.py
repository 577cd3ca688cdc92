"""The settings of a learning engine: a file ``armwise.yaml``, read and checked before anything is made of it.

Examples
--------
>>> configuration = load({"schema_version": 1, "domains": {"route": {"policy": {"kind": "thompson"}}}})
>>> configuration.domains["route"].policy.kind
'thompson'
"""

from __future__ import annotations

from armwise.config.model import Configuration
from armwise.config.reading import load

__all__ = ["Configuration", "load"]
