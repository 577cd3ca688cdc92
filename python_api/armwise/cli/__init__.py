"""The command line: ``armwise demo``, ``armwise replay`` and ``armwise experiment``.

Exit codes: 0, done; 1, it failed: a replay found decisions that did not come out again, or something given cannot be
used, told in one line on standard error; 2 and 3 are verdicts of ``armwise experiment report``, hold and stop, and
nothing else leaves with them.
"""

from __future__ import annotations

from armwise.cli._app import app, main

__all__ = ["app", "main"]
