"""Where states are kept."""

from __future__ import annotations

from armwise.stores.sqlite_pending import SQLitePending
from armwise.stores.state_directory import StateDirectory, WorkspaceFiles
from armwise.stores.state_file import StateFile

__all__ = ["SQLitePending", "StateDirectory", "StateFile", "WorkspaceFiles"]
