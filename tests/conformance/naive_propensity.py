"""The oracle of exact propensities: P(arm i has the greatest draw), by plain quadrature in many digits.

``P_i = integral of f_i(t) prod_{j != i} F_j(t) dt`` over t = logit(x) for Beta laws, over x itself for normal
laws. The line is cut into panels no wider than the narrowest law that is alive there; each panel carries a
Gauss-Legendre rule, and every F is the running integral of its own f. With 24 nodes and panels one deviation
wide the rule is good to 1e-24. :mod:`make_propensity_vectors` runs it at two settings and refuses to write what
they do not agree on. It imports nothing of armwise.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from functools import cache

from mpmath import mp, mpf

DIGITS = 34
"""Working precision for shapes to 1e9, whose log densities lose ten of these digits to cancellation."""
CUT = 72
"""A law is followed until the mass beyond is below exp(-CUT) = 5e-32."""


@dataclass
class Beta:
    """The law of logit(x), x ~ Beta(a, b)."""

    a: mpf
    b: mpf
    log_norm: mpf = field(init=False)

    def __post_init__(self) -> None:
        self.a, self.b = mpf(self.a), mpf(self.b)
        self.log_norm = mp.loggamma(self.a) + mp.loggamma(self.b) - mp.loggamma(self.a + self.b)

    @property
    def centre(self) -> mpf:
        return mp.log(self.a / self.b)

    @property
    def width(self) -> mpf:
        return mp.sqrt(1 / self.a + 1 / self.b)

    def log_density(self, t: mpf) -> mpf:
        # a log x + b log(1 - x), each logarithm from the side on which it does not cancel
        if t < 0:
            return self.a * t - (self.a + self.b) * mp.log1p(mp.exp(t)) - self.log_norm
        return -self.b * t - (self.a + self.b) * mp.log1p(mp.exp(-t)) - self.log_norm

    def slope(self, t: mpf) -> mpf:
        """How steeply log density falls away from the mode."""
        return abs(self.b / (1 + mp.exp(-t)) - self.a / (1 + mp.exp(t)))

    def scale(self, t: mpf) -> mpf:
        """The length over which the density changes its face near t."""
        slope, curvature = self.slope(t), (self.a + self.b) / ((1 + mp.exp(-t)) * (1 + mp.exp(t)))
        return min(1 / mp.sqrt(curvature), 6 / slope if slope else mp.inf, max(mpf(1), abs(t) / 4))


@dataclass
class Normal:
    """The law N(mean, deviation squared)."""

    centre: mpf
    width: mpf

    def __post_init__(self) -> None:
        self.centre, self.width = mpf(self.centre), mpf(self.width)

    def log_density(self, t: mpf) -> mpf:
        z = (t - self.centre) / self.width
        return -z * z / 2 - mp.log(self.width * mp.sqrt(2 * mp.pi))

    def slope(self, t: mpf) -> mpf:
        return abs(t - self.centre) / self.width**2

    def scale(self, t: mpf) -> mpf:
        z = abs(t - self.centre) / self.width
        return self.width * min(mpf(1), 6 / z if z else mp.inf)


Law = Beta | Normal


def edge(law: Law, sign: int) -> mpf:
    """Return where the law's mass beyond is negligible, on the right (sign 1) or the left (-1).

    Where log f is concave and falling, the mass beyond t is at most f(t) over the slope of log f there.
    """

    def negligible(distance: mpf) -> bool:
        t = law.centre + sign * distance
        return law.log_density(t) - mp.log(law.slope(t)) < -CUT

    near, far = mpf(0), law.width
    while not negligible(far):
        near, far = far, 2 * far
    # close to the mark: a law may end a thousand times faster on one side than it is wide
    while far - near > far * mpf(2) ** -40:
        middle = (near + far) / 2
        near, far = (near, middle) if negligible(middle) else (middle, far)
    return law.centre + sign * far


@cache
def rule(order: int, digits: int) -> tuple[list[mpf], list[mpf], list[list[mpf]]]:
    """Return nodes x and weights w on [-1, 1], and the matrix that integrates from each node to 1.

    The matrix is exact for polynomials below the order: expand in Legendre polynomials, of which the integral
    from x to 1 is (P_{k-1}(x) - P_{k+1}(x)) / (2 k + 1).
    """
    with mp.workdps(digits + 10):
        nodes = []
        for i in range(order):
            x = mp.cos(mp.pi * (order - i - mpf(1) / 4) / (order + mpf(1) / 2))
            for _ in range(8):
                x -= mp.legendre(order, x) / slope_at_zero(order, x)
            nodes.append(x)
        weights = [2 / ((1 - x * x) * slope_at_zero(order, x) ** 2) for x in nodes]
        p = [[mp.legendre(k, x) for k in range(order + 1)] for x in nodes]
        tail = [
            [1 - x] + [(p[i][k - 1] - p[i][k + 1]) / (2 * k + 1) for k in range(1, order)] for i, x in enumerate(nodes)
        ]
        matrix = [
            [
                weights[m] * mp.fsum((mpf(2 * k + 1) / 2) * p[m][k] * tail[i][k] for k in range(order))
                for m in range(order)
            ]
            for i in range(order)
        ]
    return nodes, weights, matrix


def slope_at_zero(order: int, x: mpf) -> mpf:
    """Return the derivative of the Legendre polynomial, by its recurrence."""
    return order * (x * mp.legendre(order, x) - mp.legendre(order - 1, x)) / (x * x - 1)


def panels(laws: list[Law], step: mpf) -> list[tuple[mpf, mpf]]:
    """Cut the line from the right: [(left, right), ...]."""
    rights = [edge(law, 1) for law in laws]
    # where one law has ended its cumulative distribution is zero, and so is the integrand of every arm
    end = max(edge(law, -1) for law in laws)
    right, cuts = max(rights), []
    while right > end:
        left = end
        for law, start in zip(laws, rights, strict=True):
            if start < right:
                left = max(left, start)
            else:
                wide = step * law.scale(right)
                # the law may narrow towards the left
                while wide > 2 * step * law.scale(right - wide):
                    wide /= 2
                left = max(left, right - wide)
        cuts.append((left, right))
        right = left
    return cuts


def best(laws: list[Law], *, order: int = 24, step: float = 1.0, digits: int = DIGITS) -> list[mpf]:
    """Return P(law i has the greatest draw) for independent laws; not normalised."""
    with mp.workdps(digits):
        nodes, weights, matrix = rule(order, digits)
        rights = [edge(law, 1) for law in laws]
        above = [mpf(1)] * len(laws)
        p = [mpf(0)] * len(laws)
        for left, right in panels(laws, mpf(step)):
            middle, half = (left + right) / 2, (right - left) / 2
            alive = [i for i in range(len(laws)) if rights[i] >= right]
            f, cdf = {}, {}
            for i in alive:
                f[i] = [half * mp.exp(laws[i].log_density(middle + half * x)) for x in nodes]
                cdf[i] = [above[i] - mp.fdot(row, f[i]) for row in matrix]
                above[i] -= mp.fdot(weights, f[i])
            for k, weight in enumerate(weights):
                before = [weight]
                for i in alive:
                    before.append(before[-1] * cdf[i][k])
                after = mpf(1)
                for place in range(len(alive) - 1, -1, -1):
                    i = alive[place]
                    p[i] += before[place] * after * f[i][k]
                    after *= cdf[i][k]
        return p


def best_beta(alpha: list[float], beta: list[float], **setting: float) -> list[mpf]:
    """Return P(arm i has the greatest draw) for Beta(alpha_i, beta_i)."""
    lost = max(0, math.ceil(math.log10(max(*alpha, *beta))) - 9)
    with mp.workdps(DIGITS + lost):
        laws = [Beta(a, b) for a, b in zip(alpha, beta, strict=True)]
        return best(laws, digits=DIGITS + lost, **setting)


def best_normal(mean: list[float], deviation: list[float], **setting: float) -> list[mpf]:
    """Return P(arm i has the greatest draw) for N(mean_i, deviation_i squared)."""
    with mp.workdps(DIGITS):
        return best([Normal(m, s) for m, s in zip(mean, deviation, strict=True)], **setting)
