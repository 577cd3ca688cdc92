"""The chi-square distribution's upper tail, without a statistics library."""

from __future__ import annotations

import math
from typing import Final

__all__ = ["chi_square_tail"]

_BIG: Final = 1e250


def chi_square_tail(x: float, degrees: int) -> float:
    """Return P(X >= x) for X of the chi-square law with whole `degrees` of at least 1; x >= 0.

    Q(degrees / 2, x / 2), which for whole degrees is a finite sum of positive terms (Abramowitz & Stegun 1964,
    26.4.4 and 26.4.5): y = x / 2,

        even: exp(-y) sum_{j < degrees / 2} y^j / j!
        odd:  erfc(sqrt y) + exp(-y) sum_{1 <= j < degrees / 2} y^(j - 1/2) / Gamma(j + 1/2)
    """
    y = 0.5 * x
    if math.isinf(y):
        return 0.0
    odd = degrees % 2
    term = 2.0 * math.sqrt(y / math.pi) if odd else 1.0
    total = 0.0
    # exp(-y) may be too small and a term too large, while their product is neither: big factors are kept apart.
    bigs = 0
    for j in range((degrees - odd) // 2):
        total += term
        term *= y / (j + 1.0 + 0.5 * odd)
        if term > _BIG:
            term /= _BIG
            total /= _BIG
            bigs += 1
    tail = total * math.exp(min(bigs * math.log(_BIG) - y, 0.0)) if total else 0.0
    if odd:
        tail += math.erfc(math.sqrt(y))
    return min(tail, 1.0)
