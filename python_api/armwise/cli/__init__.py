"""The command line: ``armwise demo``, ``replay``, ``status``, ``experiment`` and ``snapshot``; ``rl_snapshot``.

Exit codes: 0, done; 1, it failed: a replay found decisions that did not come out again, or something given cannot be
used, told in one line on standard error. Two commands say more: 2 and 3 are verdicts of ``armwise experiment report``,
hold and stop, and 2 of ``armwise snapshot`` (and ``rl_snapshot``) is that what was given is not a snapshot.
"""

from __future__ import annotations

from armwise.cli._app import app, main, rl_snapshot

__all__ = ["app", "main", "rl_snapshot"]
