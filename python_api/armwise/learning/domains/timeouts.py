"""Timeouts as arms: how long a plugin in its sandbox may take."""

from __future__ import annotations

from typing import Final

from armwise._words import shown
from armwise.errors import ConfigurationError
from armwise.learning.features import amount

__all__ = ["timeout_arms"]

_SHORTEST: Final = 1.0


def timeout_arms(timeout: float) -> list[float]:
    """The timeouts among which to choose: what a plugin asks for, and half of it, but not less than a second.

    Parameters
    ----------
    timeout : float
        What it asks for, in seconds, in (0, 1e15].

    Returns
    -------
    list of float
        ``[timeout, max(1.0, timeout / 2)]``: the first, which the deterministic rule takes, changes nothing. It stands
        alone where it is a second or less, and the other would be no shorter.

    Raises
    ------
    ConfigurationError
        If it is no such number.

    Examples
    --------
    >>> timeout_arms(10), timeout_arms(1.5), timeout_arms(0.5)
    ([10.0, 5.0], [1.5, 1.0], [0.5])
    """
    longest = amount("timeout", timeout)
    if not longest:
        msg = f"timeout is {shown(timeout)}; expected seconds, more than 0"
        raise ConfigurationError(msg)
    return [longest, max(_SHORTEST, longest / 2.0)] if longest > _SHORTEST else [longest]
