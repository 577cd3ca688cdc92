"""Numbers that a caller gave."""

from __future__ import annotations

import math

import numpy as np

__all__ = ["real", "whole"]


def real(value: object) -> float:
    """A real number as a float; NaN for anything else, so that one comparison with a range refuses both."""
    if not isinstance(value, (int, float, np.integer, np.floating)) or isinstance(value, bool):
        return math.nan
    try:
        return float(value)
    except OverflowError:
        return math.inf if value > 0 else -math.inf


def whole(value: object, absent: int = -1) -> int:
    """A whole number as an int; `absent` for anything else."""
    if isinstance(value, (int, np.integer)) and not isinstance(value, bool):
        return int(value)
    return absent
