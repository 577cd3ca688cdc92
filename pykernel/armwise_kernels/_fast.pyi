from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from armwise_kernels.protocol import Arrays, Floats, Label, View

class Core:
    def __init__(self, kind: str, isa: int, /) -> None: ...
    def bind(self, arrays: Arrays, labels: tuple[Label, ...], index: dict[Label, int], /) -> None: ...
    def view(
        self,
        key: tuple[Label, ...] | None,
        labels: tuple[Label, ...],
        order: NDArray[np.int32],
        positions: NDArray[np.int32],
        slots: NDArray[np.uint32],
        /,
    ) -> View: ...
    def select(
        self, candidates: Sequence[Label] | View | None, context: Floats | None, now: int | None, /
    ) -> Label: ...
    def decide(
        self, candidates: Sequence[Label] | View | None, context: Floats | None, now: int | None, /
    ) -> tuple[Label, int, str, int, float | None, str]: ...
    def peek(self, candidates: Sequence[Label] | View | None, context: Floats | None, decision: int, /) -> Label: ...
    def many(self, n: int, contexts: Floats | None, now: int | None, /) -> bytearray: ...
    def chances(
        self, candidates: Sequence[Label] | View | None, context: Floats | None, now: int | None, /
    ) -> bytearray: ...
    def update(
        self, arm: Label, reward: float, context: Floats | None, now: int | None, slot: int | None = None, /
    ) -> None: ...
    def update_many(
        self, positions: NDArray[np.int32], rewards: Floats, contexts: Floats | None, now: int | None, /
    ) -> None: ...
    def refresh(self) -> None: ...
