"""Data that comes with armwise; README.md beside this file tells where it is from and under which licence."""

from __future__ import annotations
