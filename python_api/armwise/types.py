"""The words that armwise passes around: labels, contexts, states, decisions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Literal, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "JSON",
    "Context",
    "Decision",
    "FloatArray",
    "IntArray",
    "Label",
    "Moment",
    "PropensityKind",
    "State",
]

Label: TypeAlias = str | int | float
"""The caller's own name of an arm; it comes back as it was given."""

FloatArray: TypeAlias = NDArray[np.float64]
IntArray: TypeAlias = NDArray[np.int32]

Context: TypeAlias = NDArray[np.float64] | NDArray[np.float32] | NDArray[np.integer] | Sequence[float] | Sequence[int]
"""The features of one request, shape (dim,); float32 and integers are converted."""

Moment: TypeAlias = int | float | datetime
"""A point in time: integers are nanoseconds since the epoch, floats seconds; datetimes know their zone."""

JSON: TypeAlias = "bool | int | float | str | Sequence[JSON] | Mapping[str, JSON] | None"
"""What JSON can say; numbers are finite."""

State: TypeAlias = dict[str, JSON]
"""A policy's whole state, as ``state_dict`` gives it and ``load_state`` takes it."""

PropensityKind: TypeAlias = Literal["exact", "monte_carlo", "uniform", "none"]
"""How a propensity was come by; "none" where there is none to state."""


class Decision(NamedTuple):
    """One decision, with what is needed to log it, replay it and learn from it off-policy.

    Attributes
    ----------
    arm : Label
        The chosen arm, as the caller named it.
    index : int
        Its place in the candidates given, or in ``arms`` where none were.
    decision_id : str
        ``"{stream:x}-{counter:x}-{version:x}"``: where the randomness of this decision is found again.
    policy_version : int
        The number of state changes before this decision.
    propensity : float or None
        The probability in (0, 1] with which this posterior chooses this arm; None where the kind is "none".
    propensity_kind : {"exact", "monte_carlo", "uniform", "none"}
        How the propensity was come by.

    Examples
    --------
    >>> decision = Decision("small", 0, "0-2a-7", 7, 0.25, "exact")
    >>> decision.arm, decision.propensity
    ('small', 0.25)
    """

    arm: Label
    index: int  # type: ignore[assignment]  # hides tuple.index, which a decision has no use for
    decision_id: str
    policy_version: int
    propensity: float | None
    propensity_kind: PropensityKind
