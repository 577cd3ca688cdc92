"""What armwise tells the outside world: decision logs, traces, metrics, reports."""

from __future__ import annotations
