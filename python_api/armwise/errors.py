"""What armwise raises.

Every error says what was given, what was expected and what to do about it, and is raised before any state has
changed. Each also inherits the builtin that a caller would guess, so that ``except ValueError`` works where
one would write it::

    ArmwiseError(Exception)
    ├── ConfigurationError(ValueError)      an argument, option or setting that cannot be meant
    ├── UnknownArm(KeyError)                a label that a closed set of arms does not hold
    ├── UnknownDomain(KeyError)             a domain that nobody registered
    ├── ShieldBlocked(RuntimeError)         no candidate is within the limits of cost and latency
    │   └── BudgetExhausted(ShieldBlocked)  nothing is left of a budget for the time being
    ├── SnapshotError(ValueError)           a state that cannot be loaded: torn, foreign or newer
    ├── ReplayError(ValueError)             a decision that this state cannot re-make
    ├── LogError(ValueError)                a decision log that cannot be read; knows its file and line
    ├── DataError(ValueError)               a data set that cannot be read as what it is said to be
    ├── PropensityError(ValueError)         propensities that are not known, or from which nothing can be estimated
    ├── StoreError(OSError)                 a file or store that cannot be opened, read or written
    ├── MissingExtra(ImportError)           an optional dependency that is not installed
    ├── ReentrantCall(RuntimeError)         a policy called from within its own call, as by a signal handler
    ├── BackendUnavailable(ImportError)     a kernel backend that was asked for and is not there
    └── KernelError(RuntimeError)           a kernel that refused its arguments: a defect of armwise
"""

from __future__ import annotations

__all__ = [
    "ArmwiseError",
    "BackendUnavailable",
    "BudgetExhausted",
    "ConfigurationError",
    "DataError",
    "KernelError",
    "LogError",
    "MissingExtra",
    "PropensityError",
    "ReentrantCall",
    "ReplayError",
    "ShieldBlocked",
    "SnapshotError",
    "StoreError",
    "UnknownArm",
    "UnknownDomain",
]


class ArmwiseError(Exception):
    """Base of every error that armwise raises on purpose."""

    def __str__(self) -> str:
        """Return the message as it was written; ``KeyError`` alone would put it in quotes."""
        return Exception.__str__(self)


class ConfigurationError(ArmwiseError, ValueError):
    """An argument, option or setting that cannot be meant.

    Examples
    --------
    >>> try:
    ...     raise ConfigurationError("epsilon is 2.0; expected a number in [0, 1]")
    ... except ValueError as error:
    ...     print(error)
    epsilon is 2.0; expected a number in [0, 1]
    """


class UnknownArm(ArmwiseError, KeyError):
    """A label that a closed set of arms does not hold.

    Examples
    --------
    >>> print(UnknownArm("no arm 'c'; this policy has 'a', 'b'"))
    no arm 'c'; this policy has 'a', 'b'
    """


class UnknownDomain(ArmwiseError, KeyError):
    """A domain that nobody registered."""


class ShieldBlocked(ArmwiseError, RuntimeError):
    """No candidate is within the limits of cost and latency: nothing acted."""


class BudgetExhausted(ShieldBlocked):
    """Nothing is left of a budget for the time being: nothing acted."""


class SnapshotError(ArmwiseError, ValueError):
    """A state that cannot be loaded: torn, malformed, of another policy, or from a newer version."""


class ReplayError(ArmwiseError, ValueError):
    """A decision that this state cannot re-make: its version has moved, or its id is of another stream."""


class LogError(ArmwiseError, ValueError):
    """A decision log that cannot be read.

    Parameters
    ----------
    message : str
        What is wrong and what to do.
    path : str, optional
        The file, where there is one.
    line : int, optional
        The line in that file, counted from 1.
    """

    def __init__(self, message: str, *, path: str | None = None, line: int | None = None) -> None:
        super().__init__(message)
        self.path = path
        self.line = line

    def __str__(self) -> str:
        """Return ``file:line: message``, as compilers do."""
        place = [part for part in (self.path, None if self.line is None else str(self.line)) if part is not None]
        message = super().__str__()
        return f"{':'.join(place)}: {message}" if place else message


class DataError(ArmwiseError, ValueError):
    """A data set that cannot be read as what it is said to be."""


class PropensityError(ArmwiseError, ValueError):
    """Propensities that cannot be computed, or logged ones that are absent, zero or outside (0, 1]."""


class StoreError(ArmwiseError, OSError):
    """A file or store that cannot be opened, read or written."""


class MissingExtra(ArmwiseError, ImportError):
    """An optional dependency that is not installed; the message names the extra that brings it."""


class ReentrantCall(ArmwiseError, RuntimeError):
    """A policy that was called from within one of its own calls, by a signal handler or a finalizer."""


class BackendUnavailable(ArmwiseError, ImportError):
    """A kernel backend or instruction set that was asked for and is not there."""


class KernelError(ArmwiseError, RuntimeError):
    """A kernel that refused its arguments; Python checks them first, so this is a defect of armwise."""
