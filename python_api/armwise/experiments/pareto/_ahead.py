"""Choices made before they are asked for.

Most of a choice is the cost of some twenty calls into NumPy and the kernels, and a batch makes as many calls as one
decision. What a decision chooses is a function of its address and the version, so whether it was drawn ahead is not
to be seen in it. A run of decisions between two rewards draws one, then two, then four ahead: never more in vain
than were of use.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from armwise.experiments.pareto._draws import FrontDraws
from armwise.types import FloatArray

__all__ = ["DrawnAhead"]

_MOST: Final = 32
_CELLS: Final = 1 << 16
"""Pairs of arms compared at a time: a tenth of a millisecond, so that no single decision waits long."""


class DrawnAhead:
    """The next choices of a run of decisions: at one version, on one stream, among the same candidates.

    Parameters
    ----------
    draws : FrontDraws
        Where they come from.
    """

    def __init__(self, draws: FrontDraws) -> None:
        self._draws = draws
        self._run: object = None
        self._first = 0
        self._choices: list[tuple[int, int]] = []

    def choice(
        self, shapes: FloatArray, slots: NDArray[np.intp], stream: int, decision: int, version: object
    ) -> tuple[int, int]:
        """Choose an arm at one decision: its place in `slots`, and how many arms the front held.

        Parameters
        ----------
        shapes, slots, stream, decision
            As :meth:`FrontDraws.choice` takes them.
        version : object
            Equal for two calls only where shapes and slots are.
        """
        run, count = (version, stream), 1
        if run == self._run:
            at = decision - self._first
            if 0 <= at < len(self._choices):
                return self._choices[at]
            count = min(2 * len(self._choices), _MOST, max(1, _CELLS // len(slots) ** 2))
        if count == 1:
            choices = [self._draws.choice(shapes, slots, stream, decision)]
        else:
            positions, sizes = next(self._draws.choices(shapes, slots, stream, decision, count))
            choices = list(zip(positions.tolist(), sizes.tolist(), strict=True))
        self._run, self._first, self._choices = run, decision, choices
        return choices[0]
