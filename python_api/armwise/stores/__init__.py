"""Where states are kept."""

from __future__ import annotations

from armwise.stores.state_file import StateFile

__all__ = ["StateFile"]
