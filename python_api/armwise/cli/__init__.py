"""The command line: ``armwise demo`` and ``armwise replay``.

Exit codes: 0, done; 1, a replay found decisions that did not come out again; 2, something given cannot be
used, told in one line on standard error.
"""

from __future__ import annotations

from armwise.cli._app import app, main

__all__ = ["app", "main"]
