"""Where randomness starts: a seed, and after a fork another stream of it."""

from __future__ import annotations

import operator
import os
import random
import secrets
import threading
import weakref
from typing import Final, Protocol, TypeAlias

import numpy as np

from armwise._words import shown
from armwise.errors import ConfigurationError

__all__ = ["Rng", "draw_seed", "fresh_stream", "watch_forks"]

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


class _Forked(Protocol):
    """What is told of forks."""

    def _before_fork(self) -> None: ...
    def _after_fork(self, *, child: bool) -> None: ...


class _Forks:
    """What must not survive a fork unchanged: two workers on one stream would make identical choices."""

    def __init__(self) -> None:
        self._guard = threading.Lock()
        # By identity: a subclass may define equality, and with it lose its hash.
        self._alive: weakref.WeakValueDictionary[int, _Forked] = weakref.WeakValueDictionary()
        self._held: list[_Forked] = []

    def watch(self, policy: _Forked) -> None:
        with self._guard:
            self._alive[id(policy)] = policy

    def before(self) -> None:
        """Bring every policy to rest, so that the child finds no lock held and no array half written."""
        self._guard.acquire()
        self._held = list(self._alive.values())
        for policy in self._held:
            policy._before_fork()  # noqa: SLF001 - a hook of policies, not of their users

    def after(self, *, child: bool) -> None:
        for policy in reversed(self._held):
            policy._after_fork(child=child)  # noqa: SLF001
        self._held = []
        self._guard.release()


_forks = _Forks()
watch_forks = _forks.watch

if hasattr(os, "register_at_fork"):
    os.register_at_fork(
        before=_forks.before,
        after_in_parent=lambda: _forks.after(child=False),
        after_in_child=lambda: _forks.after(child=True),
    )
