"""A backend's core, as the hot path sees it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import TYPE_CHECKING, Final, Protocol

import numpy as np
from numpy.typing import NDArray

import armwise_kernels
from armwise.errors import BackendUnavailable, KernelError
from armwise.posteriors import BetaPosterior, DiagonalPosterior, FullPosterior, MeanPosterior
from armwise.types import FloatArray, IntArray, Label, PropensityKind
from armwise_kernels.protocol import Kernels, Kind, View

if TYPE_CHECKING:
    from armwise_kernels.protocol import Arrays

__all__ = ["REFUSALS", "HotCore", "closed_door", "kernel_errors", "loaded_kernels"]

REFUSALS: Final = (LookupError, TypeError, ValueError, ArithmeticError)
"""What a core raises, before anything has changed."""


class HotCore(Protocol):
    """The core's Protocol again, typed as the hot path calls it: with whatever the caller gave.

    A core refuses what it cannot take before anything changes, so a policy asks it first and looks at the
    arguments only when it has refused.
    """

    def bind(self, arrays: Arrays, labels: tuple[Label, ...], index: dict[Label, int]) -> None: ...

    def view(
        self,
        key: tuple[Label, ...] | None,
        labels: tuple[Label, ...],
        order: NDArray[np.int32],
        positions: NDArray[np.int32],
        slots: NDArray[np.uint32],
    ) -> View: ...

    def select(self, candidates: object, context: object, now: object) -> Label: ...

    def decide(
        self, candidates: object, context: object, now: object
    ) -> tuple[Label, int, str, int, float | None, PropensityKind]: ...

    def peek(self, candidates: object, context: object, decision: int) -> Label: ...

    def select_many(self, n: int, contexts: object, now: object) -> IntArray: ...

    def propensities(self, candidates: object, context: object, now: object) -> FloatArray: ...

    def update(self, arm: object, reward: object, context: object, now: object, slot: int | None = None) -> None: ...

    def update_many(self, positions: IntArray, rewards: FloatArray, contexts: object, now: object) -> None: ...

    def refresh(self) -> None: ...

    def follow(self) -> None: ...


def loaded_kernels() -> Kernels:
    """Return the kernels that serve this process.

    Raises
    ------
    BackendUnavailable
        If the one that the environment asks for cannot be had.
    """
    try:
        return armwise_kernels.load()
    except (ImportError, ValueError) as error:
        raise BackendUnavailable(str(error)) from error


@cache
def closed_door(kind: Kind) -> Arrays:
    """Arrays without arms: a core bound to them refuses every call, and sends every thread to the lock."""
    if kind == "thompson":
        return BetaPosterior(0, prior=(1.0, 1.0), half_life=0).arrays()
    if kind == "lints_diag":
        return DiagonalPosterior(0, dim=1, sigma=1.0, prior_precision=1.0, half_life=0).arrays()
    if kind == "lints":
        return FullPosterior(0, dim=1, sigma=1.0, prior_precision=1.0).arrays()
    return MeanPosterior(0).arrays()


@contextmanager
def kernel_errors(call: str) -> Iterator[None]:
    """Turn the refusal of a core that was given checked arguments into what it is: a defect.

    Raises
    ------
    KernelError
        If the body raises what cores raise.
    """
    try:
        yield
    except REFUSALS as error:
        msg = (
            f"the kernel refused {call} though every argument passed its check ({type(error).__name__}: "
            f"{error}); this is a defect of armwise, please report it with armwise_kernels.describe()"
        )
        raise KernelError(msg) from error
