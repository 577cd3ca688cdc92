"""Beta posteriors of rewards in [0, 1]."""

from __future__ import annotations

from datetime import timedelta
from hashlib import blake2b
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from armwise._fields import Fields
from armwise._words import shown
from armwise.errors import ConfigurationError
from armwise.posteriors._columns import Columns, rows
from armwise.posteriors._decay import clock_state, half_life_of, restore_clock, restored_half_life
from armwise.posteriors._numbers import real
from armwise.types import FloatArray, State
from armwise_kernels import law
from armwise_kernels.layout import BetaArrays, padded, zeros

__all__ = ["BetaPosterior"]

_SHAPES: Final = slice(law.ROW_ALPHA, law.ROW_BETA + 1)
_PRIORS: Final = slice(law.EVIDENCE_PRIOR_A, law.EVIDENCE_PRIOR_B + 1)
_EVIDENCE: Final = slice(law.EVIDENCE_A, law.EVIDENCE_B + 1)
_EDGE: Final = 40.5  # levels are sought between -40 and 40, and may round beyond


class _Index(NamedTuple):
    """The large-K index: path, leaders, level, and the number of updates at which it is considered anew."""

    path: int
    leaders: list[int]
    level: float
    due: int


class BetaPosterior(Columns):
    """Beta(alpha, beta) for each arm: a reward r adds r to alpha and 1 - r to beta.

    Parameters
    ----------
    arms : int
        How many, all at the prior.
    prior : tuple of float
        Alpha and beta of an arm without rewards, checked by :meth:`shapes`.
    half_life : int
        Nanoseconds in which evidence decays to half; 0 for evidence that does not.
    """

    def __init__(self, arms: int, *, prior: tuple[float, float], half_life: int) -> None:
        super().__init__(arms)
        columns = padded(arms)
        self.prior = prior
        self._saved_index: _Index | None = None
        self.head[law.HEAD_HALF_LIFE] = half_life
        self._table = zeros(law.BETA_ROWS, columns)
        self._evidence = np.zeros((4, columns), np.float64)
        self._rates = np.zeros(columns, np.uint64)
        self._leaders = np.zeros(law.BLOCK_LEADERS[-1], np.int32)
        self._table[_SHAPES] = self._evidence[_PRIORS] = np.array(prior)[:, None]

    @staticmethod
    def shapes(prior: object) -> tuple[float, float]:
        """A checked pair of Beta shapes.

        Raises
        ------
        ConfigurationError
            If it is no pair of numbers in [1e-100, 1e100].
        """
        if isinstance(prior, (tuple, list, np.ndarray)) and len(prior) == 2:
            a, b = real(prior[0]), real(prior[1])
            if min(a, b) >= law.MIN_SHAPE and max(a, b) <= law.MAX_SHAPE:
                return a, b
        msg = f"prior is {shown(prior)}; expected (alpha, beta), two numbers in [1e-100, 1e100], such as (1.0, 1.0)"
        raise ConfigurationError(msg)

    @property
    def half_life(self) -> timedelta | None:
        """The time in which evidence comes to count half, to the microsecond; None without decay."""
        return half_life_of(self.head)

    @property
    def alpha(self) -> FloatArray:
        """The first shape of each arm, float64 (K,), a copy."""
        return self._table[law.ROW_ALPHA, : self.count].copy()

    @property
    def beta(self) -> FloatArray:
        """The second shape of each arm, float64 (K,), a copy."""
        return self._table[law.ROW_BETA, : self.count].copy()

    def arrays(self) -> BetaArrays:
        """The arrays as a core borrows them."""
        return BetaArrays(
            self.head,
            self.parameters,
            self.slots,
            self.stamps,
            self._table,
            self._evidence,
            self._rates,
            self._leaders,
        )

    def check_prior(self, prior: object) -> None:
        """Refuse what is no pair of shapes."""
        self.shapes(prior)

    def set_prior(self, position: int, prior: object) -> None:
        """Give one arm a prior of its own, and take its evidence away."""
        shapes = self.shapes(prior)
        self._table[_SHAPES, position] = self._evidence[_PRIORS, position] = shapes
        self._evidence[_EVIDENCE, position] = 0.0

    def append(self) -> None:
        """Give the next slot to one more arm, at the prior."""
        super().append()
        # The count of small shapes is derived, but recomputing it would make each admission O(K).
        self.head[law.HEAD_BOOSTED] += min(self.prior) < 1.0

    def remove(self, position: int) -> None:
        """Forget one arm, and with it the index, whose leaders are positions; :meth:`Core.refresh` is due."""
        super().remove(position)
        self.head[[law.HEAD_PATH, law.HEAD_LEADERS]] = 0

    def _gather(self, order: NDArray[np.intp]) -> None:
        super()._gather(order)
        table = zeros(law.BETA_ROWS, len(order))
        self._table = self._table.take(order, axis=1, out=table)
        self._evidence = self._evidence.take(order, axis=1)
        self._rates = self._rates[order]

    def state(self) -> State:
        """Everything but labels and seed: evidence under a half-life, else shapes and the large-K index."""
        count = self.count
        state = super().state() | {"prior": list(self.prior)} | clock_state(self.head)
        if self.decays:
            names = ("prior_alpha", "prior_beta", "evidence_alpha", "evidence_beta")
            return state | {name: rows(self._evidence[i, :count]) for i, name in enumerate(names)}
        index = self._index()
        saved: State = index._asdict() | {"fingerprint": self._fingerprint(index)}
        return state | {"alpha": rows(self.alpha), "beta": rows(self.beta), "index": saved}

    @classmethod
    def restored(cls, fields: Fields, arms: int) -> BetaPosterior:
        """The posterior of a state; :meth:`Core.refresh` is due.

        Raises
        ------
        SnapshotError
            If the state is not what :meth:`state` gives.
        """
        low, high = law.MIN_SHAPE, law.MAX_SHAPE
        prior = (1.0, 1.0)
        if fields.says("prior") or not fields.legacy:
            a, b = fields.numbers("prior", (2,), low, high)
            prior = float(a), float(b)
        posterior = cls(arms, prior=prior, half_life=restored_half_life(fields))
        posterior._restore(fields)
        restore_clock(posterior.head, fields)
        if posterior.decays:
            for row, name in enumerate(("prior_alpha", "prior_beta")):
                posterior._evidence[row, :arms] = fields.numbers(name, (arms,), low, high)
            for row, name in enumerate(("evidence_alpha", "evidence_beta"), start=law.EVIDENCE_A):
                posterior._evidence[row, :arms] = fields.numbers(name, (arms,), 0.0, high)
            return posterior
        posterior._table[law.ROW_ALPHA, :arms] = fields.numbers("alpha", (arms,), low, high)
        posterior._table[law.ROW_BETA, :arms] = fields.numbers("beta", (arms,), low, high)
        if fields.says("index") or not fields.legacy:
            posterior._check_index(fields.fields("index"))
        return posterior

    def _check_index(self, index: Fields) -> None:
        """Keep the index for :meth:`restore_index`, checked, where it was saved with these shapes."""
        path = index.whole("path", 0, 1)
        leaders = index.wholes("leaders", None, 0, max(self.count - 1, 0), rising=True)
        if len(leaders) not in (law.BLOCK_LEADERS if path else (0,)) or (path and self.count < law.BLOCK_MIN_ARMS):
            index.refuse("leaders", f"{law.BLOCK_LEADERS} positions on path 1, none on path 0")
        saved = _Index(path, leaders, index.number("level", -_EDGE, _EDGE), index.whole("due"))
        if index.text("fingerprint") == self._fingerprint(saved):
            self._saved_index = saved

    def restore_index(self) -> bool:
        """Put the saved index in the place of the one that :meth:`Core.refresh` chose; whether there was one.

        Without it, decisions after a load would still follow the same law, but not be the same decisions.
        Where the shapes or the index were edited by hand, the new one stays. The core is to be bound again:
        it computes the rates.
        """
        if self._saved_index is None:
            return False
        index, self._saved_index = self._saved_index, None
        self.head[[law.HEAD_PATH, law.HEAD_LEADERS, law.HEAD_DUE]] = (
            index.path,
            len(index.leaders),
            index.due,
        )
        self.parameters[law.LEVEL] = index.level
        self._leaders[: len(index.leaders)] = index.leaders
        return True

    def _index(self) -> _Index:
        leaders = self._leaders[: self.head[law.HEAD_LEADERS]].tolist()
        path, due = int(self.head[law.HEAD_PATH]), int(self.head[law.HEAD_DUE])
        return _Index(path, leaders, float(self.parameters[law.LEVEL]) if path else 0.0, due)

    def _fingerprint(self, index: _Index) -> str:
        """64 bits over the shapes and the index, the same on every machine."""
        digest = blake2b(repr(index).encode(), digest_size=8)
        digest.update(self._table[_SHAPES, : self.count].astype("<f8").tobytes())
        return digest.hexdigest()
