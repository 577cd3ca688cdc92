"""What armwise tells the outside world: for now, the decision log."""

from __future__ import annotations
