"""Where randomness starts: a seed, and after a fork another stream of it."""

from __future__ import annotations

import operator
import random
import secrets
from typing import Final, TypeAlias

import numpy as np

from armwise._words import shown
from armwise.errors import ConfigurationError

__all__ = ["Rng", "draw_seed", "fresh_stream"]

Rng: TypeAlias = "random.Random | np.random.Generator"
"""A source that gives the seed, and nothing after it."""

_SEEDS: Final = 1 << 64


def draw_seed(seed: int | None, rng: Rng | None = None) -> int:
    """A seed in [0, 2**64): the one given, or drawn from `rng`, or from the system.

    Raises
    ------
    ConfigurationError
        If both are given, or either is of another kind or out of range.
    """
    if seed is not None and rng is not None:
        msg = "seed and rng are both given; give one of them, rng only draws a seed"
        raise ConfigurationError(msg)
    if isinstance(rng, random.Random):
        return rng.getrandbits(64)
    if isinstance(rng, np.random.Generator):
        return int(rng.integers(0, _SEEDS, dtype=np.uint64))
    if rng is not None:
        msg = f"rng is {shown(rng)}; expected a random.Random or a numpy.random.Generator"
        raise ConfigurationError(msg)
    if seed is None:
        return secrets.randbits(64)
    try:
        number = -1 if isinstance(seed, (bool, np.bool_)) else operator.index(seed)
    except TypeError:
        number = -1
    if not 0 <= number < _SEEDS:
        msg = f"seed is {shown(seed)}; expected a whole number in [0, 2**64), or None to draw one"
        raise ConfigurationError(msg)
    return number


def fresh_stream() -> int:
    """A stream that no other process draws from, but by a chance of 2^-63."""
    return secrets.randbits(63)
