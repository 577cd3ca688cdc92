"""The oracle: every kernel once more, in plain Python, one number at a time.

Nothing here is fast and nothing is clever. Python's floats are IEEE doubles and its integers do not overflow, so this
file states the bits that C and Numba must give. It imports nothing of armwise.
"""

from __future__ import annotations

import math
import struct

MASK32 = 0xFFFFFFFF
MASK64 = 0xFFFFFFFFFFFFFFFF
DRAW, BOOST, COUNT, POINT, EPSILON = range(5)


def bits_of(x: float) -> int:
    return struct.unpack("<Q", struct.pack("<d", x))[0]


def float_of(b: int) -> float:
    return struct.unpack("<d", struct.pack("<Q", b & MASK64))[0]


# ---- Philox4x32-10: Salmon et al., SC 2011 ------------------------------------------------------------------


def philox(counter: tuple[int, int, int, int], key: tuple[int, int]) -> tuple[int, int, int, int]:
    c0, c1, c2, c3 = counter
    k0, k1 = key
    for _ in range(10):
        p0 = 0xD2511F53 * c0
        p1 = 0xCD9E8D57 * c2
        c0, c1, c2, c3 = (p1 >> 32) ^ c1 ^ k0, p1 & MASK32, (p0 >> 32) ^ c3 ^ k1, p0 & MASK32
        k0 = (k0 + 0x9E3779B9) & MASK32
        k1 = (k1 + 0xBB67AE85) & MASK32
    return c0, c1, c2, c3


def stream_key(seed: int, stream: int) -> tuple[int, int]:
    """The key of a stream: two words of Philox under the seed, at the stream's number."""
    x = philox((stream & MASK32, stream >> 32, 0, 0), (seed & MASK32, seed >> 32))
    return x[0], x[1]


def words(slot: int, decision: int, purpose: int, attempt: int, key: tuple[int, int]) -> tuple[int, int]:
    """The two 64-bit words of one address."""
    x = philox((slot, decision & MASK32, decision >> 32, purpose << 24 | attempt), key)
    return x[0] << 32 | x[1], x[2] << 32 | x[3]


def unit53(r: int) -> float:
    """A uniform in (0, 1): the top 52 bits, at the middle of their cell."""
    return float_of((r >> 12) | 0x3FF0000000000000) - (1.0 - 2.0**-53)


def unit24(r: int) -> float:
    """A uniform in (0, 1) from the low 24 bits, which the normals leave unused."""
    return float_of(((r << 40) & MASK64) >> 12 | 0x3FF0000000000000) - (1.0 - 2.0**-25)


def below(r: int, n: int) -> int:
    """A whole number in [0, n): the high word of r * n."""
    return (r * n) >> 64


# ---- log, exp, Box-Muller -----------------------------------------------------------------------------------


def log(x: float) -> float:
    """For positive normal x. Coefficients: FreeBSD e_log.c (minimax for log((1+s)/(1-s)))."""
    ix = (bits_of(x) + (0x3FF0000000000000 - 0x3FE6A09E667F3BCD)) & MASK64
    k = float_of((ix >> 52) | 0x4330000000000000) - (4503599627370496.0 + 1023.0)
    m = float_of((ix & 0x000FFFFFFFFFFFFF) + 0x3FE6A09E667F3BCD)
    f = m - 1.0
    s = f / (2.0 + f)
    z = s * s
    w = z * z
    t1 = w * (3.999999999940941908e-01 + w * (2.222219843214978396e-01 + w * 1.531383769920937332e-01))
    t2 = z * (
        6.666666666666735130e-01
        + w * (2.857142874366239149e-01 + w * (1.818357216161805012e-01 + w * 1.479819860511658591e-01))
    )
    r = t1 + t2
    h = 0.5 * f * f
    return k * 6.93147180369123816490e-01 - ((h - (s * (h + r) + k * 1.90821492927058770002e-10)) - f)


EXP_COEFFICIENTS = [1.0 / math.factorial(n) for n in range(13, 1, -1)]


def exp(x: float) -> float:
    """For x in [-708, 708]; the caller clamps."""
    t = x * 1.44269504088896338700 + 6755399441055744.0
    k = t - 6755399441055744.0
    r = x - k * 6.93147180369123816490e-01
    r = r - k * 1.90821492927058770002e-10
    p = EXP_COEFFICIENTS[0]
    for c in EXP_COEFFICIENTS[1:]:
        p = p * r + c
    # exp(r) = 1 + (r + r^2 p): the small part is summed first
    p = 1.0 + (r + r * r * p)
    return float_of((bits_of(p) + ((bits_of(t) << 52) & MASK64)) & MASK64)


def softplus(t: float) -> float:
    """log(1 + exp(t)), accurate in both tails; clamped to exp's range."""
    e = exp(max(t if t < 0.0 else -t, -700.0))
    q = 1.0 + e
    small = log(q) + (e - (q - 1.0)) / q
    return small if t < 0.0 else t + small


def box_muller(r1: int, r2: int) -> tuple[float, float]:
    """Two normals from the top 40 bits of each word. Sine and cosine: FreeBSD k_sin.c, k_cos.c on [-pi/4, pi/4]."""
    u = float_of((r1 >> 24 << 12) | 0x3FF0000000000000) - (1.0 - 2.0**-41)
    radius = math.sqrt(-2.0 * log(u))
    t = float_of((((r2 >> 24) << 14) & 0x000FFFFFFFFFFFFF) | 0x3FF0000000000000) - (1.5 - 2.0**-39)
    r = t * 1.57079632679489661923
    q = r * r
    s = 1.58962301576546568060e-10
    for c in (
        -2.50507477628578072866e-8,
        2.75573136213857245213e-6,
        -1.98412698295895385996e-4,
        8.33333333332211858878e-3,
        -1.66666666666666307295e-1,
    ):
        s = s * q + c
    sine = r + r * (q * s)
    c = -1.13585365213876817300e-11
    for d in (
        2.08757008419747316778e-9,
        -2.75573141792967388112e-7,
        2.48015872888517045348e-5,
        -1.38888888888730564116e-3,
        4.16666666666665929218e-2,
    ):
        c = c * q + d
    cosine = 1.0 - 0.5 * q + q * q * c
    if (r2 >> 62) & 1:
        cosine = -cosine
    if r2 >> 63:
        sine, cosine = cosine, sine
    return radius * cosine, radius * sine


def normal_draws(n: int, *, seed: int, stream: int = 0, decision: int = 0) -> list[float]:
    """The first normal of slots 0 .. n-1."""
    key = stream_key(seed, stream)
    return [box_muller(*words(i, decision, DRAW, 0, key))[0] for i in range(n)]


# ---- Beta by two gammas: Marsaglia & Tsang, ACM TOMS 26(3), 2000 --------------------------------------------


def constants(shape: float) -> tuple[float, float, float, float]:
    """d, c, squeeze constant and 1/shape where the shape is below one (else 0)."""
    lifted = shape + 1.0 if shape < 1.0 else shape
    d = lifted - 1.0 / 3.0
    return d, 1.0 / math.sqrt(9.0 * d), 0.02206 / d, (1.0 / shape if shape < 1.0 else 0.0)


def accepted(z: float, u: float, d: float, c: float, kappa: float) -> float | None:
    t = 1.0 + c * z
    if not t > 0.0:
        return None
    v = t * t * t
    q = z * z
    if u < 1.0 - kappa * q * q or log(u) < 0.5 * q + d - d * v + d * log(v):
        return d * v
    return None


def gamma_pair(slot: int, decision: int, a: float, b: float, key: tuple[int, int]) -> tuple[float, float]:
    """Gamma(a or a + 1), Gamma(b or b + 1): each takes its side of the first attempt that it accepts."""
    x = y = None
    attempt = 0
    while x is None or y is None:
        r1, r2 = words(slot, decision, DRAW, attempt, key)
        z1, z2 = box_muller(r1, r2)
        if x is None:
            x = accepted(z1, unit24(r1), *constants(a)[:3])
        if y is None:
            y = accepted(z2, unit24(r2), *constants(b)[:3])
        attempt += 1
    return x, y


def log_ratio(slot: int, decision: int, a: float, b: float, key: tuple[int, int]) -> float:
    """log(X / Y) with the boost of shapes below one added in the log: no underflow, no saturation."""
    x, y = gamma_pair(slot, decision, a, b, key)
    r1, r2 = words(slot, decision, BOOST, 0, key)
    return (log(x / y) + log(unit53(r1)) * constants(a)[3]) - log(unit53(r2)) * constants(b)[3]


def beta_draw(slot: int, decision: int, a: float, b: float, key: tuple[int, int]) -> float:
    if a < 1.0 or b < 1.0:
        t = log_ratio(slot, decision, a, b, key)
        return 1.0 / (1.0 + exp(min(max(-t, -700.0), 700.0)))
    x, y = gamma_pair(slot, decision, a, b, key)
    return x / (x + y)


def beta_draws(alpha, beta, *, seed: int, stream: int = 0, decision: int = 0, n: int = 1) -> list[list[float]]:
    key = stream_key(seed, stream)
    return [
        [beta_draw(i, decision + j, a, b, key) for i, (a, b) in enumerate(zip(alpha, beta, strict=True))]
        for j in range(n)
    ]


def thompson_scores(alpha, beta, slots, decision: int, key: tuple[int, int]) -> list[float]:
    """X / Y, or its log where any shape of the set is below one."""
    boosted = any(a < 1.0 for a in alpha) or any(b < 1.0 for b in beta)
    out = []
    for a, b, slot in zip(alpha, beta, slots, strict=True):
        if boosted:
            out.append(log_ratio(slot, decision, a, b, key))
        else:
            x, y = gamma_pair(slot, decision, a, b, key)
            out.append(x / y)
    return out


def argmax(scores) -> int:
    """Ties to the lowest position; positions are in the order of slots."""
    best = 0
    for i, score in enumerate(scores):
        if score > scores[best]:
            best = i
    return best


def thompson_select(alpha, beta, slots, decision: int, key: tuple[int, int]) -> int:
    return argmax(thompson_scores(alpha, beta, slots, decision, key))


# ---- The thinned block of a large set -----------------------------------------------------------------------


def stirling(x: float) -> float:
    r = 1.0 / x
    q = r * r
    s = 1.0 / 156.0
    for c in (-691.0 / 360360.0, 1.0 / 1188.0, -1.0 / 1680.0, 1.0 / 1260.0, -1.0 / 360.0, 1.0 / 12.0):
        s = s * q + c
    return s * r


def log_beta(a: float, b: float) -> float:
    """log B(a, b): both shapes are lifted to ten and above by products, then Stirling's series in differences."""
    product = 1.0
    total = 0.0
    while a < 10.0:
        product = product * ((a + b) / a)
        a = a + 1.0
        if product > 1e200:
            total = total + log(product)
            product = 1.0
    while b < 10.0:
        product = product * ((a + b) / b)
        b = b + 1.0
        if product > 1e200:
            total = total + log(product)
            product = 1.0
    total = total + log(product)
    if a > b:
        a, b = b, a
    n = a + b
    return (
        total
        + (0.91893853320467274178 - 0.5 * log(b))
        + ((a - 0.5) * log(a / n) - b * log1p(a / b))
        + ((stirling(a) + stirling(b)) - stirling(n))
    )


def log1p(x: float) -> float:
    """For x in [0, 1], compensated."""
    q = 1.0 + x
    return log(q) + (x - (q - 1.0)) / q


def one_minus_exp(x: float) -> float:
    """1 - exp(-x) for x in [0, 4]."""
    if x < 0.0009765625:
        return x * (1.0 - x * (0.5 - x * (1.0 / 6.0 - x * (1.0 / 24.0))))
    return 1.0 - exp(-x)


RATE_UNIT = 2.0**-40
RATE_CAP = 1 << 42


def tangent(a: float, b: float, level: float) -> tuple[float, float]:
    """Slope s of -log f at the level, and hat mass B = f(level) / s, of the logit-Beta density f."""
    p = 1.0 / (1.0 + exp(min(max(-level, -700.0), 700.0)))
    s = (a + b) * p - a
    if not s > 0.0:
        return s, 1.0
    logf = (a * level - (a + b) * softplus(level)) - log_beta(a, b)
    if logf > 100.0:
        return s, 1.0
    return s, exp(max(logf, -700.0)) / s


def rate(a: float, b: float, level: float) -> int:
    """The arm's Poisson rate in units of 2^-40: an upper bound of -log(1 - B), rounded up; RATE_CAP where B > 1/2."""
    _, mass = tangent(a, b, level)
    if not mass <= 0.5:
        return RATE_CAP
    return int((mass + mass * mass) * 2.0**40) + 1


def block_select(alpha, beta, slots, leaders, level: float, decision: int, key: tuple[int, int]) -> int:
    """Leaders in full; all others by thinning at the level. Exact in law."""
    rates = [0 if i in leaders else rate(a, b, level) for i, (a, b) in enumerate(zip(alpha, beta, strict=True))]
    total = sum(rates)
    boosted = any(a < 1.0 for a in alpha) or any(b < 1.0 for b in beta)
    best, top = -1, 0.0
    for i in leaders:
        if boosted:
            score = log_ratio(slots[i], decision, alpha[i], beta[i], key)
        else:
            x, y = gamma_pair(slots[i], decision, alpha[i], beta[i], key)
            score = x / y
        if best < 0 or score > top:
            best, top = i, score
    if top < (level if boosted else exp(level)):
        return thompson_select(alpha, beta, slots, decision, key)
    u = unit53(words(0, decision, COUNT, 0, key)[0])
    lam = float(total) * RATE_UNIT
    p = exp(-lam)
    points = 0
    cumulative = p
    while u >= cumulative and points < 64:
        points += 1
        p = p * (lam / float(points))
        cumulative = cumulative + p
    top = top if boosted else log(top)
    seen = []
    for j in range(points):
        r1, r2 = words(j, decision, POINT, 0, key)
        place = below(r1, total)
        i = 0
        while place >= rates[i]:
            place -= rates[i]
            i += 1
        if i in seen:
            continue
        seen.append(i)
        a, b = alpha[i], beta[i]
        s, mass = tangent(a, b, level)
        jump = -log(unit53(r2))
        t = level + jump / s
        # f(t) / hat(t), times B / B' for the rate that was rounded up
        drop = (a * (t - level) - (a + b) * (softplus(t) - softplus(level))) + jump
        correction = log(mass) - log(one_minus_exp(float(rates[i]) * RATE_UNIT))
        if log(unit53(words(j, decision, POINT, 1, key)[0])) < drop + correction and t > top:
            best, top = i, t
    return best


# ---- Epsilon-greedy and UCB1: Auer, Cesa-Bianchi & Fischer, Machine Learning 47, 2002 -------------------------


def epsilon_greedy_select(means, epsilon: float, decision: int, key: tuple[int, int]) -> int:
    r1, r2 = words(0, decision, EPSILON, 0, key)
    if unit53(r1) < epsilon:
        return below(r2, len(means))
    return argmax(means)


def ucb1_select(means, counts, total: int) -> int:
    for i, n in enumerate(counts):
        if n == 0:
            return i
    width = 2.0 * log(float(total))
    return argmax([q + math.sqrt(width / float(n)) for q, n in zip(means, counts, strict=True)])
