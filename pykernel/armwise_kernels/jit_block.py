"""Selection among many arms in Numba: leaders in full, all others by thinning.

Twin of ``native/src/block.c``, where the method and the constants of the rule are explained.
"""

from __future__ import annotations

import math
from typing import Final

import numpy as np
from numpy.typing import NDArray

from armwise_kernels import law
from armwise_kernels.jit import (
    U0,
    U1,
    below,
    clamp,
    exp,
    kernel,
    kernel_inline,
    log,
    philox,
    softplus,
    unit53,
)
from armwise_kernels.jit_special import log_beta
from armwise_kernels.jit_thompson import ALPHA, BETA, BETA_CONSTANTS, best_of

COST_ARM: Final = 3.0
COST_FIXED: Final = 50.0
COST_POINT: Final = 120.0
RATE_LIMIT: Final = 2.0
WORTHWHILE: Final = 0.8
LEVELS: Final = 32
PERIOD: Final = 4
GROWTH: Final = 16
EDGE: Final = 40.0
MOST_EVIDENCE: Final = 1e12
RATE_UNIT: Final = 2.0**-law.RATE_BITS
RATE_SCALE: Final = 2.0**law.RATE_BITS
RATE_CAP: Final = np.uint64(law.RATE_CAP)
MOST_LEADERS: Final = law.BLOCK_LEADERS[-1]
WORD_COUNT: Final = np.uint64(law.PURPOSE_COUNT << 24)
WORD_PLACE: Final = np.uint64(law.PURPOSE_POINT << 24)
WORD_ACCEPT: Final = np.uint64(law.PURPOSE_POINT << 24 | 1)


@kernel_inline
def sigmoid(t: float) -> float:
    """1 / (1 + exp(-t))."""
    return 1.0 / (1.0 + exp(clamp(-t, -700.0, 700.0)))


@kernel_inline
def tangent(a: float, b: float, log_b: float, level: float, share: float, soft: float) -> tuple[float, float]:
    """Slope s of -log f at the level, and hat mass B = f(level) / s, of the logit-Beta density f.

    ``share`` and ``soft`` are the sigmoid and the softplus of the level. B is 1 where the tangent bounds
    nothing.
    """
    s = (a + b) * share - a
    log_f = (a * level - (a + b) * soft) - log_b
    usable = (s > 0.0) & (log_f <= 100.0)
    return s, (exp(clamp(log_f, -700.0, 100.0)) / s if usable else 1.0)


@kernel_inline
def rate_of(mass: float) -> np.uint64:
    """The Poisson rate of a hat mass in units of 2^-40, rounded up; RATE_CAP where B > 1/2."""
    small = mass <= 0.5
    scaled = (mass + mass * mass) * RATE_SCALE if small else 0.0
    return np.uint64(scaled) + U1 if small else RATE_CAP


@kernel_inline
def one_minus_exp(x: float) -> float:
    """1 - exp(-x) for x in [0, 4]."""
    series = x * (1.0 - x * (0.5 - x * (1.0 / 6.0 - x * (1.0 / 24.0))))
    return series if x < 0.0009765625 else 1.0 - exp(-x)


@kernel_inline
def upper_of(a: float, b: float) -> float:
    """What an arm may reach: two standard deviations above its centre, on the logit scale."""
    return log(a / b) + 2.0 * math.sqrt(1.0 / a + 1.0 / b)


@kernel
def block_rates(
    table: NDArray[np.float64],
    log_betas: NDArray[np.float64],
    count: int,
    level: float,
    rates: NDArray[np.uint64],
) -> np.uint64:
    """Write the rate of every arm at a level, and return their sum."""
    alpha, beta = table[ALPHA], table[BETA]
    share, soft = sigmoid(level), softplus(level)
    total = U0
    for i in range(count):
        rates[i] = rate_of(tangent(alpha[i], beta[i], log_betas[i], level, share, soft)[1])
        total += rates[i]
    return total


@kernel
def set_total(head: NDArray[np.int64], parameters: NDArray[np.float64], total: np.uint64) -> None:
    """Keep the sum of the rates, and the chance of no point."""
    head[law.HEAD_TOTAL] = np.int64(total)
    rate = float(total) * RATE_UNIT
    parameters[law.LEVEL_NONE] = exp(-rate if rate < 700.0 else -700.0)


@kernel
def take_plain_path(head: NDArray[np.int64], parameters: NDArray[np.float64]) -> None:
    """Draw every arm."""
    head[law.HEAD_PATH] = 0
    head[law.HEAD_LEADERS] = 0
    set_total(head, parameters, U0)


@kernel
def take_block_path(
    head: NDArray[np.int64],
    parameters: NDArray[np.float64],
    table: NDArray[np.float64],
    rates: NDArray[np.uint64],
    leaders: NDArray[np.int32],
    log_betas: NDArray[np.float64],
) -> None:
    """Take the block path with the leaders and the level that the state holds."""
    level = parameters[law.LEVEL]
    parameters[law.LEVEL_RATIO] = exp(level)
    total = block_rates(table, log_betas, head[law.HEAD_COUNT], level, rates)
    for j in range(head[law.HEAD_LEADERS]):
        i = int(leaders[j])
        total -= rates[i]
        rates[i] = 0
    set_total(head, parameters, total)


@kernel
def rank(upper: NDArray[np.float64], count: int, best: NDArray[np.int64]) -> int:
    """Write the positions of the greatest, descending, ties to the lower position, and return how many."""
    n = 0
    for i in range(count):
        if n == best.size and not upper[i] > upper[best[n - 1]]:
            continue
        if n < best.size:
            n += 1
        at = n - 1
        while at > 0 and upper[i] > upper[best[at - 1]]:
            best[at] = best[at - 1]
            at -= 1
        best[at] = i
    return n


@kernel
def cheapest(
    table: NDArray[np.float64],
    count: int,
    log_betas: NDArray[np.float64],
    upper: NDArray[np.float64],
    ranked: NDArray[np.int64],
    rates: NDArray[np.uint64],
) -> tuple[int, float]:
    """The cheapest number of leaders and level; no leaders where the plain path is cheaper."""
    plain = COST_ARM * float(count)
    least, best, level = WORTHWHILE * plain, 0, 0.0
    lowest = clamp(float(upper[int(ranked[-1])]), -EDGE, EDGE)
    highest = clamp(float(upper[int(ranked[0])]), -EDGE, EDGE)
    for k in range(1, LEVELS + 1):
        at = lowest + (highest - lowest) * (float(k) / float(LEVELS))
        rest = block_rates(table, log_betas, count, at, rates)
        none = 1.0  # the chance that every leader falls below the level, by a logistic bell
        n, n_leaders = 0, law.BLOCK_LEADERS[0]
        while n_leaders <= MOST_LEADERS and n_leaders < count:
            while n < n_leaders:
                i = int(ranked[n])
                a, b = table[ALPHA, i], table[BETA, i]
                spread = math.sqrt(1.0 / a + 1.0 / b)
                bell = exp(clamp(-1.702 * (at - log(a / b)) / spread, -700.0, 700.0))
                none = none * (1.0 / (1.0 + bell))
                rest -= rates[i]
                n += 1
            rate = float(rest) * RATE_UNIT
            cost = COST_FIXED + COST_ARM * float(n) + rate * COST_POINT + none * plain
            if rate <= 0.5 * RATE_LIMIT and cost < least:
                least, best, level = cost, n, at
            n_leaders *= 2
    return best, level


@kernel
def block_consider(
    head: NDArray[np.int64],
    parameters: NDArray[np.float64],
    table: NDArray[np.float64],
    rates: NDArray[np.uint64],
    leaders: NDArray[np.int32],
) -> None:
    """Choose path, leaders and level from the posterior, by a pure rule."""
    count = head[law.HEAD_COUNT]
    head[law.HEAD_DUE] = head[law.HEAD_UPDATES] + max(head[law.HEAD_UPDATES] // GROWTH, PERIOD * max(count, 64))
    take_plain_path(head, parameters)
    if head[law.HEAD_HALF_LIFE] or count < law.BLOCK_MIN_ARMS:
        return
    upper, log_betas = np.empty(count), np.empty(count)
    for i in range(count):
        a, b = table[ALPHA, i], table[BETA, i]
        if a + b > MOST_EVIDENCE:
            return
        upper[i] = upper_of(a, b)
        log_betas[i] = log_beta(a, b)
    ranked = np.empty(MOST_LEADERS, np.int64)
    n = rank(upper, count, ranked)
    best, level = cheapest(table, count, log_betas, upper, ranked[:n], rates)
    if best == 0:
        return
    for j in range(best):  # ascending positions
        at = j
        while at > 0 and leaders[at - 1] > ranked[j]:
            leaders[at] = leaders[at - 1]
            at -= 1
        leaders[at] = ranked[j]
    head[law.HEAD_PATH] = 1
    head[law.HEAD_LEADERS] = best
    parameters[law.LEVEL] = level
    take_block_path(head, parameters, table, rates, leaders, log_betas)


@kernel
def block_restore(
    head: NDArray[np.int64],
    parameters: NDArray[np.float64],
    table: NDArray[np.float64],
    rates: NDArray[np.uint64],
    leaders: NDArray[np.int32],
) -> None:
    """Recompute the rates at the level and for the leaders that a state on the block path holds."""
    log_betas = np.empty(head[law.HEAD_COUNT])
    for i in range(log_betas.size):
        log_betas[i] = log_beta(table[ALPHA, i], table[BETA, i])
    take_block_path(head, parameters, table, rates, leaders, log_betas)


@kernel
def block_update(
    head: NDArray[np.int64],
    parameters: NDArray[np.float64],
    table: NDArray[np.float64],
    rates: NDArray[np.uint64],
    leaders: NDArray[np.int32],
    position: int,
) -> None:
    """Account for a change of one column; may consider anew."""
    if head[law.HEAD_PATH]:
        leads = False
        for j in range(head[law.HEAD_LEADERS]):
            leads |= leaders[j] == position
        a, b, level = table[ALPHA, position], table[BETA, position], parameters[law.LEVEL]
        if leads:  # one that has fallen: the level may be out of reach for all of them
            stale = upper_of(a, b) < level
        else:
            mass = tangent(a, b, log_beta(a, b), level, sigmoid(level), softplus(level))[1]
            rate = rate_of(mass)
            total = np.uint64(head[law.HEAD_TOTAL]) + (rate - rates[position])
            rates[position] = rate
            set_total(head, parameters, total)
            stale = rate == RATE_CAP or float(total) * RATE_UNIT > RATE_LIMIT
            if stale:
                take_plain_path(head, parameters)
        if stale:
            head[law.HEAD_DUE] = min(head[law.HEAD_DUE], head[law.HEAD_UPDATES] + max(head[law.HEAD_COUNT], 64))
    if head[law.HEAD_UPDATES] >= head[law.HEAD_DUE]:
        block_consider(head, parameters, table, rates, leaders)


@kernel_inline
def owner(rates: NDArray[np.uint64], place: np.uint64) -> int:
    """The arm that owns a place on the line of all rates; the place is below their sum."""
    i = 0
    while place >= rates[i]:
        place -= rates[i]
        i += 1
    return i


@kernel_inline
def log_acceptance(a: float, b: float, rate: np.uint64, level: float, t: float, jump: float) -> float:
    """Logarithm of the chance that a proposal is accepted.

    It is f(t) / hat(t), times B / B' for the rate that was rounded up.
    """
    share, soft = sigmoid(level), softplus(level)
    mass = tangent(a, b, log_beta(a, b), level, share, soft)[1]
    drop = (a * (t - level) - (a + b) * (softplus(t) - soft)) + jump
    return drop + (log(mass) - log(one_minus_exp(float(rate) * RATE_UNIT)))


@kernel_inline
def poisson(u: float, rate: float, none: float) -> int:
    """A Poisson number of points by inversion, at most BLOCK_MAX_POINTS."""
    points, p, cumulative = 0, none, none
    while u >= cumulative and points < law.BLOCK_MAX_POINTS:
        points += 1
        p = p * (rate / float(points))
        cumulative = cumulative + p
    return points


@kernel
def block_select(
    head: NDArray[np.int64],
    parameters: NDArray[np.float64],
    table: NDArray[np.float64],
    slots: NDArray[np.uint32],
    rates: NDArray[np.uint64],
    leaders: NDArray[np.int32],
    decision: int,
) -> int:
    """The winning position among all arms of a state on the block path."""
    key, when = np.uint64(head[law.HEAD_KEY]), np.uint64(decision)
    level, boosted = parameters[law.LEVEL], head[law.HEAD_BOOSTED]
    n_leaders = head[law.HEAD_LEADERS]
    packed, packed_slots = np.empty((BETA_CONSTANTS, MOST_LEADERS)), np.empty(MOST_LEADERS, np.uint32)
    for j in range(n_leaders):
        packed_slots[j] = slots[leaders[j]]
        for row in range(BETA_CONSTANTS):
            packed[row, j] = table[row, leaders[j]]
    winner, top = best_of(packed, packed_slots, n_leaders, boosted, key, when)
    if top < (level if boosted else parameters[law.LEVEL_RATIO]):
        return best_of(table, slots, head[law.HEAD_COUNT], boosted, key, when)[0]
    best = int(np.int64(leaders[winner]))
    total = np.uint64(head[law.HEAD_TOTAL])
    u = unit53(philox(U0, when, WORD_COUNT, key)[0])
    points = poisson(u, float(total) * RATE_UNIT, parameters[law.LEVEL_NONE])
    if points == 0:
        return best
    top = top if boosted else log(top)
    share = sigmoid(level)
    seen, hits = np.empty(law.BLOCK_MAX_POINTS, np.int64), 0
    for j in range(points):
        r1, r2 = philox(np.uint64(j), when, WORD_PLACE, key)
        i = owner(rates, below(r1, total))
        again = False
        for k in range(hits):
            again |= seen[k] == i
        if again:
            continue
        seen[hits] = i
        hits += 1
        a, b = table[ALPHA, i], table[BETA, i]
        jump = -log(unit53(r2))
        t = level + jump / ((a + b) * share - a)
        if t > top:  # most proposals lose to a leader: whether they are accepted need not be known
            u = unit53(philox(np.uint64(j), when, WORD_ACCEPT, key)[0])
            if log(u) < log_acceptance(a, b, rates[i], level, t, jump):
                best, top = i, t
    return best
