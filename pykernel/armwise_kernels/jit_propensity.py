"""Exact propensities in Numba: P(arm i has the greatest draw), for independent Beta or normal laws.

Twin of ``native/src/propensity.c``, where the method is told, and of ``native/src/simd/propensity.h``, whose
order of operations stands here once more, one number at a time.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from armwise_kernels import law
from armwise_kernels.jit import kernel, kernel_inline, log
from armwise_kernels.jit_propensity_laws import (
    ABOVE,
    BELOW,
    BETA_LAW,
    EDGE,
    LAW_WORK,
    MAX_SHAPE,
    MODE,
    NORMAL_LAW,
    OTHER_EDGE,
    ROWS,
    SPREAD,
    START,
    A,
    B,
    Floats,
    beta_here,
    beta_prepare,
    density,
    greater,
    lay_out,
    normal_prepare,
    reach_of,
    snap,
)

TAIL: Final = 26.0
REST: Final = 1e-11
MISS: Final = 1e-11
HALVINGS: Final = 10
TRIES: Final = 4096
FLOOR: Final = 1e-30
SUM_TOLERANCE: Final = 1e-9
NO_CHANCE: Final = 1e-10
MAX_MEAN: Final = 1e300
MIN_DEVIATION: Final = 1e-200
MAX_DEVIATION: Final = 1e200

# Places in the work of a panel, after those of its law; eight numbers each.
EVEN_PART: Final = LAW_WORK
ODD_PART: Final = LAW_WORK + 8
FROM_EVEN: Final = LAW_WORK + 16
FROM_ODD: Final = LAW_WORK + 24
TOTAL_ABOVE: Final = LAW_WORK + 32
TOTAL_BELOW: Final = LAW_WORK + 40
RATIO_ABOVE: Final = LAW_WORK + 48
RATIO_BELOW: Final = LAW_WORK + 56
LANES: Final = LAW_WORK + 64
WORK: Final = LAW_WORK + 72

# Weights, and the integrals from a node to 1 of the even and the odd part of f: see simd/propensity.h.
# fmt: off
WEIGHT: Final = np.array([
    0.1894506104550685, 0.18260341504492358, 0.16915651939500254, 0.14959598881657674,
    0.12462897125553388, 0.09515851168249279, 0.062253523938647894, 0.027152459411754096,
])
EVEN: Final = np.array([
    [0.03891461919272944, -0.0039026267360210165, 0.0014944288269537122, -0.0007876286561596893,
     0.0004854964944874358, -0.0003248190729215057, 0.00022169415623183884, -0.0001354872195798254],
    [0.10382243889654975, 0.04271341724005166, -0.005964827494978455, 0.0026719507790392673,
     -0.0015460256449856206, 0.0010035220656564741, -0.0006744150733899845, 0.0004092186178438651],
    [0.07781048626981983, 0.09412646584069077, 0.040719509161427976, -0.006267334419384747,
     0.002988257352550925, -0.0017924789625154971, 0.001160287552591218, -0.0006922926570843246],
    [0.07895527935581083, 0.06984649758386995, 0.08256889460065635, 0.03648534636840575,
     -0.005888589133499892, 0.0028879928830927008, -0.0017249002226864753, 0.0009952735229389982],
    [0.059731829439381504, 0.06519634406361771, 0.05860794791998842, 0.06847215965461667,
     0.03063743401348211, -0.005078076617825974, 0.002488534645828364, -0.0013390708469313663],
    [0.04908296271192974, 0.045952460031127164, 0.04950946773255191, 0.044968018797747596,
     0.0521037384726475, 0.023524586985374688, -0.003935793534196892, 0.00177475642657811],
    [0.030396193892190414, 0.03190480897866578, 0.03023813652727802, 0.03223454212441738,
     0.02955632647603139, 0.03397051602968546, 0.015458913228399013, -0.0024814645085283636],
    [0.013779935322769755, 0.013360857608368519, 0.013818053897508384, 0.013284823149995895,
     0.013961157791784633, 0.012993155495537784, 0.014718167710606632, 0.006768599168937941],
])
ODD: Final = np.array([
    [0.05581068603480481, -0.01299022913444048, 0.0075797185463590145, -0.005264848191280676,
     0.003925939422880817, -0.0029937225746759226, 0.0022232728275484587, -0.0014213133656962086],
    [0.09506328405120079, 0.048588290282410136, -0.010307229396390814, 0.006044013859432499,
     -0.004222430681734508, 0.003121722537020266, -0.0022821847179498663, 0.0014484021470784665],
    [0.08324391520400068, 0.09010383794363615, 0.0438587505360733, -0.008786989808387585,
     0.005030812750340383, -0.0034312004197534864, 0.0024145908104812653, -0.0015065352991250253],
    [0.07541993005344388, 0.0726090259338419, 0.08034060129725304, 0.038312648039882616,
     -0.007391245595440445, 0.0041050514625539745, -0.0026620094286694852, 0.0016054992004077076],
    [0.06199510461067337, 0.0633696662530681, 0.060112835694159886, 0.06722029100169609,
     0.03167705161428482, -0.005925708650178415, 0.0031439466807552307, -0.0017668083257775507],
    [0.04774240812389701, 0.04705629921316297, 0.04858760970727062, 0.045742193853964816,
     0.0514565422241309, 0.024054668855871705, -0.0043468608177383876, 0.002043441929695337],
    [0.03105391320716432, 0.03135668491411411, 0.03069974922876098, 0.03184456943297496,
     0.029883711901706928, 0.033701592246369774, 0.015667848740924934, -0.0026181666948044773],
    [0.013595648018764063, 0.0135153803953162, 0.013687354292382893, 0.013395582322554962,
     0.013867968187343111, 0.013069822018468064, 0.014658543767582646, 0.006807630536939107],
])
# fmt: on


@kernel_inline
def _sum(s: Floats, at: int) -> float:
    even: float = (s[at] + s[at + 4]) + (s[at + 2] + s[at + 6])
    odd: float = (s[at + 1] + s[at + 5]) + (s[at + 3] + s[at + 7])
    return even + odd


@kernel_inline
def _arm(edge: float, ratios: Floats, i: int, work: Floats) -> float:
    """Take one arm from f at the nodes to F there; F at the left edge."""
    for k in range(8):
        total = work[ABOVE + k] + work[BELOW + k]
        work[EVEN_PART + k] = total
        work[ODD_PART + k] = work[ABOVE + k] - work[BELOW + k]
        work[LANES + k] = total * WEIGHT[k]
    for k in range(8):
        even, odd = work[EVEN_PART] * EVEN[0, k], work[ODD_PART] * ODD[0, k]
        for m in range(1, 8):
            even = even + work[EVEN_PART + m] * EVEN[m, k]
            odd = odd + work[ODD_PART + m] * ODD[m, k]
        work[FROM_EVEN + k], work[FROM_ODD + k] = even, odd
    rest = edge - _sum(work, LANES)
    for k in range(8):
        upper = greater(edge - (work[FROM_EVEN + k] + work[FROM_ODD + k]), FLOOR)
        lower = greater(rest + (work[FROM_EVEN + k] - work[FROM_ODD + k]), FLOOR)
        r, s = work[ABOVE + k] / upper, work[BELOW + k] / lower
        work[TOTAL_ABOVE + k] *= upper
        work[TOTAL_BELOW + k] *= lower
        work[RATIO_ABOVE + k] += r
        work[RATIO_BELOW + k] += s
        ratios[i, k], ratios[i, 8 + k] = r, s
    return greater(rest, 0.0)


@kernel
def _at_edge(rows: Floats, row: int, work: Floats) -> float:
    """The product of F over all arms, in eight lanes."""
    for k in range(8):
        work[LANES + k] = 1.0
    for i in range(rows.shape[1]):
        work[LANES + i % 8] *= rows[row, i]
    s = work[LANES:]
    even: float = (s[0] * s[4]) * (s[2] * s[6])
    odd: float = (s[1] * s[5]) * (s[3] * s[7])
    return even * odd


@kernel
def _begin(rows: Floats, parts: Floats) -> float:
    """Set every F to one and every sum to zero; the right end of the march."""
    right = -1e306
    for i in range(rows.shape[1]):
        rows[EDGE, i] = rows[OTHER_EDGE, i] = 1.0
        right = greater(rows[START, i], right)
    parts[:] = 0.0
    return right


@kernel
def _panel(
    which: int,
    rows: Floats,
    ratios: Floats,
    work: Floats,
    left: float,
    right: float,
    edge: int,
    following: int,
    tail: float,
) -> tuple[bool, float]:
    """Take all arms across one panel: whether some law ends there, and prod F at its lowest node."""
    middle, half = 0.5 * (left + right), 0.5 * (right - left)
    log_half = log(half)
    ended = False
    if which == BETA_LAW:
        lay_out(middle, half, work)
        ended = beta_here(rows, left, middle, log_half, tail)
    for k in range(8):
        work[TOTAL_ABOVE + k] = work[TOTAL_BELOW + k] = 1.0
        work[RATIO_ABOVE + k] = work[RATIO_BELOW + k] = 0.0
    for i in range(rows.shape[1]):
        if rows[START, i] > left:
            density(which, rows, i, middle, half, log_half, work)
            rows[following, i] = _arm(rows[edge, i], ratios, i, work)
        else:
            rows[following, i] = 1.0
    lowest = work[TOTAL_BELOW + 7]
    for k in range(8):
        work[TOTAL_ABOVE + k] *= WEIGHT[k]
        work[TOTAL_BELOW + k] *= WEIGHT[k]
        above = work[TOTAL_ABOVE + k] * work[RATIO_ABOVE + k]
        below = work[TOTAL_BELOW + k] * work[RATIO_BELOW + k]
        work[LANES + k] = above + below
    return ended, lowest


@kernel
def _gain(rows: Floats, parts: Floats, ratios: Floats, work: Floats, left: float) -> None:
    """Add the panel's share of each arm that is alive to its partial sums."""
    for i in range(rows.shape[1]):
        if rows[START, i] > left:
            for k in range(8):
                above = work[TOTAL_ABOVE + k] * ratios[i, k]
                below = work[TOTAL_BELOW + k] * ratios[i, 8 + k]
                parts[i, k] = parts[i, k] + (above + below)


@kernel
def _march(which: int, rows: Floats, parts: Floats, ratios: Floats, work: Floats, end: float, tail: float) -> None:
    """Write the partial sums of p, (K, 8)."""
    allowed = MISS + float(rows.shape[1]) * 2.0**-53
    right, product, widest = _begin(rows, parts), 1.0, 1e306
    edge, following = EDGE, OTHER_EDGE
    halvings = 0
    for _ in range(TRIES):
        left = snap(greater(greater(reach_of(which, rows, right), right - widest), end))
        if not (right > end and left < right):
            return
        ended, lowest = _panel(which, rows, ratios, work, left, right, edge, following, tail)
        gained = _sum(work, LANES)
        after = _at_edge(rows, following, work)
        if abs((product - after) - gained) > allowed and halvings < HALVINGS:
            # prod F falls faster than any of its factors: the panel is tried again at half its width
            widest = 0.5 * (right - left)
            halvings += 1
            continue
        _gain(rows, parts, ratios, work, left)
        if ended or lowest < REST:
            return
        if widest < 1e306:
            widest = 3.0 * (0.5 * (right - left))
        edge, following = following, edge
        product, right, halvings = after, left, 0


@kernel
def _best(
    which: int, x: Floats, y: Floats, rows: Floats, parts: Floats, ratios: Floats, work: Floats, p: Floats
) -> float:
    """Write p, not normalised; its sum."""
    count = p.size
    tail = TAIL + log(float(count))
    if which == BETA_LAW:
        for i in range(count):
            rows[A, i], rows[B, i] = x[i], y[i]
        beta_prepare(rows, tail)
        end = -1e305
    else:
        for i in range(count):
            rows[MODE, i], rows[SPREAD, i] = x[i], y[i]
        end = normal_prepare(rows, tail)
    _march(which, rows, parts, ratios, work, end, tail)
    total = 0.0
    for i in range(count):
        p[i] = _sum(parts[i], 0)
        total = total + p[i]
    return total


def _normalised(which: int, x: Floats, y: Floats) -> Floats:
    count = len(x)
    if not 1 <= count <= law.MAX_ARMS:
        message = f"expected 1 to {law.MAX_ARMS} arms, got {count}"
        raise ValueError(message)
    p = np.empty(count)
    rows, parts, ratios = np.empty((ROWS, count)), np.empty((count, 8)), np.empty((count, 16))
    total = _best(which, x, y, rows, parts, ratios, np.empty(WORK), p)
    if not abs(total - 1.0) <= SUM_TOLERANCE:
        message = f"probabilities missed a sum of one by {total - 1.0:g}"
        raise ArithmeticError(message)
    if which == BETA_LAW:
        some = p > NO_CHANCE
        a, b = x[some], y[some]
        if ((a > MAX_SHAPE) & (b > MAX_SHAPE)).any() and (np.ptp(a) or np.ptp(b)):
            message = "an arm with both shapes beyond 2e9 and another may both be the best: their chances are not known"
            raise FloatingPointError(message)
    return p / total


def best_beta(alpha: Floats, beta: Floats) -> Floats:
    """P(arm i has the greatest draw) for independent Beta laws, float64 (K,).

    Parameters
    ----------
    alpha, beta : ndarray
        Shapes, float64 (K,), in [1e-100, 1e100].

    Raises
    ------
    ValueError
        If there are no arms or more than 2^20.
    ArithmeticError
        If the integrals miss a sum of one by more than 1e-9.
    FloatingPointError
        If a law of which both shapes exceed 2e9 and a different one may both be the best.

    Examples
    --------
    >>> best_beta(np.array([2.0, 1.0]), np.array([1.0, 1.0])).round(9).tolist()
    [0.666666667, 0.333333333]
    """
    return _normalised(BETA_LAW, alpha, beta)


def best_normal(mean: Floats, deviation: Floats) -> Floats:
    """P(arm i has the greatest draw) for independent normal laws, float64 (K,).

    Parameters
    ----------
    mean : ndarray
        Float64 (K,), in [-1e300, 1e300].
    deviation : ndarray
        Float64 (K,), 0 or in [1e-200, 1e200]. With 0 the score is its mean; of several such scores that are
        equal, the first wins.

    Raises
    ------
    ValueError
        If a number is out of range, or if there are no arms or more than 2^20.
    ArithmeticError
        If the integrals miss a sum of one by more than 1e-9.

    Examples
    --------
    >>> best_normal(np.array([0.0, 0.0]), np.array([1.0, 3.0])).round(9).tolist()
    [0.5, 0.5]
    """
    point = deviation == 0.0
    within = point | (deviation >= MIN_DEVIATION) & (deviation <= MAX_DEVIATION)
    if not (within & (np.abs(mean) <= MAX_MEAN)).all():
        message = "expected means in [-1e300, 1e300] and deviations that are 0 or in [1e-200, 1e200]"
        raise ValueError(message)
    if point.any():  # the greatest of them can win, the others are moved out of the way: propensity.c
        best = int(np.argmax(np.where(point, mean, -np.inf)))
        moved = np.where(point, -MAX_MEAN, mean)
        moved[best] = mean[best]
        return _normalised(NORMAL_LAW, moved, np.where(point, MIN_DEVIATION, deviation))
    return _normalised(NORMAL_LAW, mean, deviation)
