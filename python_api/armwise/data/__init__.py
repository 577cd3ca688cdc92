"""Data that comes with armwise; README.md beside this file tells where it is from and under which licence."""

from __future__ import annotations

from armwise.data._open_bandit import OpenBandit, open_bandit, read_open_bandit

__all__ = ["OpenBandit", "open_bandit", "read_open_bandit"]
