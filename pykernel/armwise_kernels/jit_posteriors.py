"""The posteriors behind a Python core: which kernel runs for which kind. Twin of ``native/fast/choose.c``."""

from __future__ import annotations

import math
from abc import abstractmethod
from typing import TYPE_CHECKING, Final, cast

import numpy as np
from numpy.typing import NDArray

from armwise_kernels import law
from armwise_kernels.jit_beta import beta_advance, beta_refresh, beta_update
from armwise_kernels.jit_block import block_consider, block_restore, block_select
from armwise_kernels.jit_clock import clock_advance, decay, growth, tick_of
from armwise_kernels.jit_columns import Columns, Posterior, borrowed
from armwise_kernels.jit_linear import (
    lints_diag_moments,
    lints_diag_refresh_all,
    lints_diag_select,
    lints_diag_update,
    lints_full_moments,
    lints_full_refresh_all,
    lints_full_select,
    lints_full_update,
)
from armwise_kernels.jit_means import epsilon_greedy_select, greedy, mean_update, ucb1_select
from armwise_kernels.jit_shared import BAD_WORD, words_add, words_follow
from armwise_kernels.jit_thompson import thompson_many, thompson_select

if TYPE_CHECKING:
    from armwise_kernels.protocol import Arrays, Floats, Kernels, Kind


def _certain(count: int, winner: int) -> Floats:
    """One at the winner, zero elsewhere."""
    chances = np.zeros(count)
    chances[winner] = 1.0
    return chances


class _Beta(Posterior):
    """``thompson``."""

    own_arrays = 4
    lowest_reward, highest_reward = 0.0, 1.0

    def __init__(self, arrays: Arrays) -> None:
        super().__init__(arrays)
        self.table = borrowed("table", arrays[4], np.float64, (law.BETA_ROWS, self.width))
        self.evidence = borrowed("evidence", arrays[5], np.float64, (4, self.width))
        self.rates = borrowed("rates", arrays[6], np.uint64, (self.width,))
        self.leaders = borrowed("leaders", arrays[7], np.int32, (law.BLOCK_LEADERS[-1],))
        self.constants = (self.table,)
        if self.head[law.HEAD_PATH]:
            self._check_leaders()
            block_restore(self.head, self.parameters, self.table, self.rates, self.leaders)

    def _check_leaders(self) -> None:
        """Refuse leaders that are not ascending positions: kernels follow them as indices."""
        n, count = int(self.head[law.HEAD_LEADERS]), int(self.head[law.HEAD_COUNT])
        leaders = [int(i) for i in self.leaders[: max(n, 0)]]
        rising = all(i < j for i, j in zip([-1, *leaders], [*leaders, count], strict=True))
        if n not in law.BLOCK_LEADERS or n >= count or not rising:
            message = f"bind: the {n} leaders {leaders} are not ascending positions among {count} arms"
            raise ValueError(message)

    def append(self, slot: int) -> None:
        count = int(self.head[law.HEAD_COUNT])
        super().append(slot)
        self.head[law.HEAD_BOOSTED] += bool((self.table[law.ROW_ALPHA : law.ROW_BETA + 1, count] < 1.0).any())
        self.rates[count] = 0  # of no part in the sum yet

    def pack(self, columns: Columns, since: int) -> None:
        super().pack(columns, since)
        shapes = columns.constants[0][law.ROW_ALPHA : law.ROW_BETA + 1, : columns.count]
        columns.boosted = int((shapes < 1.0).any(axis=0).sum())

    def _boosted(self, columns: Columns) -> int:
        return int(self.head[law.HEAD_BOOSTED]) if columns.positions is None else columns.boosted

    def advance(self, now: int) -> None:
        if self.head[law.HEAD_HALF_LIFE]:
            beta_advance(self.head, self.stamps, self.table, self.evidence, now)

    def choose(self, columns: Columns, context: Floats | None, decision: int) -> int:
        del context
        if columns.positions is None and self.head[law.HEAD_PATH]:
            return block_select(self.head, self.parameters, self.table, self.slots, self.rates, self.leaders, decision)
        boosted = self._boosted(columns)
        return thompson_select(columns.constants[0], columns.slots, columns.count, boosted, self.key, decision)

    def choose_many(self, columns: Columns, contexts: Floats | None, decision: int, n: int) -> NDArray[np.int32]:
        if columns.positions is None and self.head[law.HEAD_PATH]:
            return super().choose_many(columns, contexts, decision, n)
        out = np.empty(n, np.int32)
        boosted = self._boosted(columns)
        thompson_many(columns.constants[0], columns.slots, columns.count, boosted, self.key, decision, out)
        return out

    def chances(self, kernels: Kernels, columns: Columns, context: Floats | None) -> Floats:
        del context
        alpha, beta = columns.constants[0][law.ROW_ALPHA : law.ROW_BETA + 1, : columns.count]
        return kernels.best_beta(alpha, beta)

    def learn(self, positions: NDArray[np.int32], rewards: Floats, contexts: Floats | None, now: int) -> None:
        del contexts
        beta_update(
            self.head,
            self.parameters,
            self.stamps,
            self.table,
            self.evidence,
            self.rates,
            self.leaders,
            positions,
            rewards,
            now,
        )

    def refresh(self) -> None:
        beta_refresh(self.head, self.stamps, self.table, self.evidence)
        block_consider(self.head, self.parameters, self.table, self.rates, self.leaders)


class _SharedBeta(_Beta):
    """``thompson``, with the evidence in words that other processes write too."""

    own_arrays = 6
    fixed = True

    def __init__(self, arrays: Arrays) -> None:
        super().__init__(arrays)
        self.words = borrowed("words", arrays[8], np.uint64, (self.width,))
        self.seen = borrowed("seen", arrays[9], np.uint64, (self.width,))
        if self.head[law.HEAD_HALF_LIFE]:
            message = "bind: shared words do not decay"
            raise ValueError(message)

    def follow(self) -> None:
        if not words_follow(
            self.head,
            self.parameters,
            self.stamps,
            self.table,
            self.evidence,
            self.rates,
            self.leaders,
            self.words,
            self.seen,
        ):
            raise ValueError(BAD_WORD)

    def learn(self, positions: NDArray[np.int32], rewards: Floats, contexts: Floats | None, now: int) -> None:
        del contexts, now
        if not words_add(self.words, positions, rewards):
            raise ValueError(BAD_WORD)


class _Linear(Posterior):
    """What the two linear kinds have in common."""

    features = True
    blocked = True
    lowest_reward, highest_reward = -law.MAX_CONTEXT, law.MAX_CONTEXT

    def __init__(self, arrays: Arrays) -> None:
        super().__init__(arrays)
        self.scratch = np.empty(8 * self.dim)

    @property
    def prior(self) -> float:
        """The prior precision."""
        return float(self.parameters[law.PRIOR_PRECISION])

    @property
    def variance(self) -> float:
        """The noise variance."""
        return float(self.parameters[law.NOISE_VARIANCE])

    @abstractmethod
    def moments(self, columns: Columns, context: Floats, mean: Floats, variance: Floats) -> None:
        """Write the mean and the variance of each column's score."""

    @abstractmethod
    def learn_one(self, position: int, reward: float, context: Floats, now: int) -> None:
        """Apply one reward to one arm."""

    def chances(self, kernels: Kernels, columns: Columns, context: Floats | None) -> Floats:
        """P(best) of independent normal scores."""
        mean, variance = np.empty(len(columns.slots)), np.empty(len(columns.slots))
        self.moments(columns, cast("Floats", context), mean, variance)
        return kernels.best_normal(mean[: columns.count], np.sqrt(variance[: columns.count]))

    def learn(self, positions: NDArray[np.int32], rewards: Floats, contexts: Floats | None, now: int) -> None:
        for position, reward, context in zip(
            positions.tolist(), rewards.tolist(), cast("Floats", contexts), strict=True
        ):
            self.learn_one(position, reward, context, now)
            self.head[law.HEAD_UPDATES] += 1
            self.head[law.HEAD_VERSION] += 1
            self.stamps[position] = self.head[law.HEAD_VERSION]


class _Diagonal(_Linear):
    """``lints_diag``."""

    own_arrays = 3

    def __init__(self, arrays: Arrays) -> None:
        super().__init__(arrays)
        blocks = (self.width // law.LANES, self.dim, 2, law.LANES)
        self.blocks = borrowed("blocks", arrays[4], np.float64, blocks)
        self.precision = borrowed("precision", arrays[5], np.float64, (self.width, self.dim))
        self.weighted = borrowed("weighted", arrays[6], np.float64, (self.width, self.dim))
        self.constants = (self.blocks,)

    @property
    def weight(self) -> float:
        """What a unit of evidence is worth at the present tick."""
        return decay(int(self.head[law.HEAD_TICK] - self.head[law.HEAD_LANDMARK]))

    def advance(self, now: int) -> None:
        scale = clock_advance(self.head, now) if self.head[law.HEAD_HALF_LIFE] else math.nan
        if math.isnan(scale):
            return
        self.precision *= scale
        self.weighted *= scale
        self.refresh()

    def choose(self, columns: Columns, context: Floats | None, decision: int) -> int:
        x = cast("Floats", context)
        return lints_diag_select(columns.constants[0], columns.slots, columns.count, self.dim, x, self.key, decision)

    def moments(self, columns: Columns, context: Floats, mean: Floats, variance: Floats) -> None:
        lints_diag_moments(columns.constants[0], columns.count, self.dim, context, mean, variance)

    def learn_one(self, position: int, reward: float, context: Floats, now: int) -> None:
        half_life, gain, weight = int(self.head[law.HEAD_HALF_LIFE]), 1.0, 1.0
        if half_life:
            self.advance(now)
            gain = growth(tick_of(now, half_life) - int(self.head[law.HEAD_LANDMARK]))
            weight = self.weight
        lints_diag_update(
            self.blocks,
            self.precision,
            self.weighted,
            position,
            self.dim,
            context,
            reward,
            gain,
            weight,
            self.prior,
            self.variance,
        )

    def refresh(self) -> None:
        lints_diag_refresh_all(
            self.blocks,
            self.precision,
            self.weighted,
            self.width,
            self.dim,
            self.weight,
            self.prior,
            self.variance,
        )
        super().refresh()


class _Full(_Linear):
    """``lints``."""

    own_arrays = 2

    def __init__(self, arrays: Arrays) -> None:
        super().__init__(arrays)
        blocks = (self.width // law.LANES, self.dim * (self.dim + 3) // 2, law.LANES)
        self.blocks = borrowed("blocks", arrays[4], np.float64, blocks)
        self.weighted = borrowed("weighted", arrays[5], np.float64, (self.width, self.dim))
        self.constants = (self.blocks,)

    def choose(self, columns: Columns, context: Floats | None, decision: int) -> int:
        return lints_full_select(
            columns.constants[0],
            columns.slots,
            columns.count,
            self.dim,
            cast("Floats", context),
            self.variance,
            self.key,
            decision,
            self.scratch,
        )

    def moments(self, columns: Columns, context: Floats, mean: Floats, variance: Floats) -> None:
        lints_full_moments(
            columns.constants[0],
            columns.count,
            self.dim,
            context,
            self.variance,
            mean,
            variance,
            self.scratch,
        )

    def learn_one(self, position: int, reward: float, context: Floats, now: int) -> None:
        del now
        lints_full_update(self.blocks, self.weighted, position, self.dim, context, reward, self.scratch)

    def refresh(self) -> None:
        lints_full_refresh_all(self.blocks, self.weighted, self.width, self.dim)
        super().refresh()


class _Means(Posterior):
    """What epsilon-greedy and UCB1 have in common."""

    own_arrays = 2

    def __init__(self, arrays: Arrays) -> None:
        super().__init__(arrays)
        self.means = borrowed("means", arrays[4], np.float64, (self.width,))
        self.counts = borrowed("counts", arrays[5], np.float64, (self.width,))
        self.constants = (self.means, self.counts)

    def learn(self, positions: NDArray[np.int32], rewards: Floats, contexts: Floats | None, now: int) -> None:
        del contexts, now
        mean_update(self.head, self.stamps, self.means, self.counts, positions, rewards)


class _EpsilonGreedy(_Means):
    """``epsilon_greedy``."""

    @property
    def epsilon(self) -> float:
        """The share of decisions that explore."""
        return float(self.parameters[law.EPSILON_SHARE])

    def choose(self, columns: Columns, context: Floats | None, decision: int) -> int:
        del context
        return epsilon_greedy_select(columns.constants[0], columns.count, self.epsilon, self.key, decision)

    def chances(self, kernels: Kernels, columns: Columns, context: Floats | None) -> Floats:
        del kernels, context
        leader = _certain(columns.count, greedy(columns.constants[0], columns.count))
        return self.epsilon / columns.count + (1.0 - self.epsilon) * leader


class _UCB1(_Means):
    """``ucb1``."""

    def choose(self, columns: Columns, context: Floats | None, decision: int) -> int:
        del context, decision
        means, counts = columns.constants
        return ucb1_select(means, counts, columns.count, int(self.head[law.HEAD_UPDATES]))

    def chances(self, kernels: Kernels, columns: Columns, context: Floats | None) -> Floats:
        del kernels
        return _certain(columns.count, self.choose(columns, context, 0))


POSTERIORS: Final[dict[Kind, type[Posterior]]] = {
    "thompson": _Beta,
    "lints_diag": _Diagonal,
    "lints": _Full,
    "epsilon_greedy": _EpsilonGreedy,
    "ucb1": _UCB1,
}


def posterior_of(kind: Kind, arrays: Arrays) -> Posterior:
    """The posterior of a kind; where two arrays more are given than ``thompson`` has, the one that is shared."""
    shared = kind == "thompson" and len(arrays) == 4 + _SharedBeta.own_arrays
    return (_SharedBeta if shared else POSTERIORS[kind])(arrays)
