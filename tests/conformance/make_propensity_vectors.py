"""Write ``vectors/propensity_beta.json`` and ``vectors/propensity_normal.json`` by the oracle. Takes minutes.

Run from anywhere: ``python tests/conformance/make_propensity_vectors.py``. Cases are drawn with fixed seeds.
Each is computed at two settings of the quadrature (24 nodes, panels of one width; 30 nodes, panels of 0.7);
nothing is written unless both agree to AGREE and sum to one within it. ``vectors/propensity_published.json`` is
not made here: it holds numbers that others published.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import TypeAlias

import mpmath
import naive_propensity
import numpy as np

Pair: TypeAlias = tuple[float, float]
Case: TypeAlias = tuple[str, list[Pair]]

AGREE = 1e-20
VECTORS = Path(__file__).parent / "vectors"
SHAPES = [0.05, 0.1, 0.3, 0.5, 1.0, 2.0, 5.0, 30.0, 100.0, 1e3, 1e4, 1e5, 1e6]
NESTS: list[list[Pair]] = [
    # Laws that crowd near one with a heavy tail on the right: easily wrong by 0.5 where all else is right to 1e-11.
    [(228700, 0.05), (771300, 0.077)],
    [(771300, 0.05), (228700, 0.077)],
    [(228700, 0.05), (771300, 0.077), (1e6, 0.06)],
    [(228700, 0.05), (771300, 0.077), (1e6, 1e6)],
    [(0.05, 228700), (0.077, 771300)],
    [(1e6, 0.05), (1e6, 0.06), (1e5, 0.05), (1e4, 0.05), (1e3, 0.05)],
    [(1e6, 1), (1e5, 0.1), (1e4, 0.01)],
    [(1e6, 1e6), (1e3, 1e3), (1, 1), (0.05, 0.05)],
    [(1e6, 999000), (1e6, 1e6)],
    [(1e6, 1e6), (0.05, 0.05)],
    [(1e6, 1e6), (1e6, 1e6), (0.05, 0.05), (0.05, 0.05)],
    [(1e6, 0.05), (0.05, 1e6)],
    [(1e6, 0.05), (0.05, 0.05)],
    [(0.05, 0.05), (1, 0.05), (30, 0.05), (1e3, 0.05), (1e5, 0.05), (1e6, 0.05)],
    [(1, 1e6), (1, 1e5), (1, 1e4), (1, 1e3), (1, 100)],
    [(1e6, 1), (1e6, 2), (1e6, 5), (1e6, 30)],
    [(1e6, 30), (1e6, 31), (1e6, 32), (10, 1)],
    [(0.3, 1e6), (0.3, 1e5), (30, 1e6), (5, 1e5)],
]
TIES: list[list[Pair]] = [
    [(0.05, 0.05)] * 2,
    [(1, 1)] * 10,
    [(0.3, 1e6)] * 3,
    [(1e6, 0.05)] * 7,
    [(1e6, 1e6)] * 10,
    [(100, 300)] * 4,
    [(1e6, 1e6), (1000001, 1e6)],
    [(1e6, 1e6), (1e6 * (1 + 1e-9), 1e6)],
    [(0.05, 0.05), (0.05 * (1 + 1e-9), 0.05)],
    [(30, 30), (30 + 1e-12, 30), (30, 30)],
]


def warm(rng: np.random.Generator, arms: int) -> tuple[np.ndarray, np.ndarray]:
    rate, pulls = rng.uniform(0.05, 0.5, arms), np.round(rng.uniform(20, 500, arms))
    return 1 + np.round(rate * pulls), 1 + pulls - np.round(rate * pulls)


def case(family: str, first: np.ndarray, second: np.ndarray) -> Case:
    return family, [(float(x), float(y)) for x, y in zip(first, second, strict=True)]


def ordinary_cases(rng: np.random.Generator) -> Iterator[Case]:
    for arms in (2, 3, 4, 5, 7, 10):
        for _ in range(12):
            yield case("grid", rng.choice(SHAPES, arms), rng.choice(SHAPES, arms))
        for _ in range(10):
            centre, size = rng.uniform(0.05, 0.95), rng.choice(SHAPES, arms)
            yield case("nested", np.maximum(centre * size, 0.05), np.maximum((1 - centre) * size, 0.05))
        for _ in range(10):
            yield case("log-uniform", 10 ** rng.uniform(-1.3, 6, arms), 10 ** rng.uniform(-1.3, 6, arms))
        for _ in range(6):
            yield case("warm", *warm(rng, arms))
    for arms in (40, 100):
        yield case("warm", *warm(rng, arms))
    yield case("grid", rng.choice(SHAPES, 40), rng.choice(SHAPES, 40))
    yield case("cold", np.ones(100), 1.0 + np.arange(100) % 3)


def extreme_cases(rng: np.random.Generator) -> Iterator[Case]:
    for arms in (2, 3, 5, 10):
        for _ in range(4):
            yield case("large", 10 ** rng.uniform(4, 9, arms), 10 ** rng.uniform(4, 9, arms))
            centre, size = rng.uniform(0.05, 0.95, arms) * 1e-4 + 0.5, 10 ** rng.uniform(6, 9, arms)
            yield case("large", centre * size, (1 - centre) * size)
            yield case("small", 10 ** rng.uniform(-2, 1, arms), 10 ** rng.uniform(-2, 1, arms))
            yield case("wide", 10 ** rng.uniform(-2, 9, arms), 10 ** rng.uniform(-2, 9, arms))
    for arms in (2, 3):
        for low, high in ((-100, -2), (-12, 0), (-12, 9), (-100, 9)):
            yield case("tiny", 10 ** rng.uniform(low, high, arms), 10 ** rng.uniform(low, high, arms))
    for arms in (2, 3, 5):
        # one shape beyond all measure, the other not
        yield case("huge", 10 ** rng.uniform(9, 100, arms), 10 ** rng.uniform(-1, 9, arms))
        yield case("huge", 10 ** rng.uniform(-1, 9, arms), 10 ** rng.uniform(9, 100, arms))
        yield case("huge", 10 ** rng.uniform(60, 90) * rng.uniform(1, 3, arms), rng.uniform(1, 30, arms))


def beta_cases() -> list[Case]:
    rng = np.random.default_rng(20)
    given = [("nest", arms) for arms in NESTS] + [("tie", arms) for arms in TIES]
    return [
        *ordinary_cases(rng),
        *extreme_cases(rng),
        *((family, [(float(a), float(b)) for a, b in arms]) for family, arms in given),
    ]


def normal_cases() -> list[Case]:
    rng = np.random.default_rng(21)
    cases: list[Case] = []
    for arms in (2, 3, 5, 7, 10):
        for _ in range(5):
            deviation = 10 ** rng.uniform(-6, 6, arms)
            cases.append(case("nested", np.zeros(arms), deviation))
            cases.append(case("mixed", deviation * rng.normal(size=arms), deviation))
            cases.append(case("scattered", rng.normal(size=arms) * 10 ** rng.uniform(-6, 6), deviation))
            cases.append(case("alike", rng.normal(size=arms), rng.uniform(0.5, 2, arms)))
        cases.append(case("tie", np.full(arms, 0.25), np.full(arms, 3.0)))
        # means far from zero: what counts is their differences
        cases.append(case("shifted", 1e9 + rng.normal(size=arms), rng.uniform(0.5, 2, arms)))
    cases.append(case("alike", rng.normal(size=100), rng.uniform(0.5, 2, 100)))
    return cases


def solve(kind: str, arms: list[Pair], order: int, step: float) -> list[str]:
    law = naive_propensity.best_beta if kind == "beta" else naive_propensity.best_normal
    p = law([x for x, _ in arms], [y for _, y in arms], order=order, step=step)
    return [mpmath.nstr(x, 34) for x in p]


def write(kind: str, cases: list[Case], keys: tuple[str, str], pool: ProcessPoolExecutor) -> None:
    count = len(cases)
    arms = [pairs for _, pairs in cases]
    once = pool.map(solve, [kind] * count, arms, [24] * count, [1.0] * count)
    again = pool.map(solve, [kind] * count, arms, [30] * count, [0.7] * count)
    entries, worst = [], 0.0
    with mpmath.workdps(34):
        for (family, pairs), first, second in zip(cases, once, again, strict=True):
            p, q = ([mpmath.mpf(x) for x in answer] for answer in (first, second))
            apart = max(abs(x - y) for x, y in zip(p, q, strict=True))
            gap = float(max(abs(mpmath.fsum(p) - 1), apart))
            if gap > AGREE:
                sys.exit(f"{kind} {pairs}: two settings differ, or the sum misses one, by {gap}")
            worst = max(worst, gap)
            entry = {"family": family, keys[0]: [x for x, _ in pairs], keys[1]: [y for _, y in pairs]}
            entries.append(entry | {"best": [float(x) for x in p]})
    document = {
        "what": f"P(arm i has the greatest draw) of independent {kind} laws",
        "provenance": "tests/conformance/make_propensity_vectors.py: tests/conformance/naive_propensity.py under "
        f"mpmath {mpmath.__version__}, {naive_propensity.DIGITS} digits, two settings of the quadrature",
        "agreement": worst,
        "cases": entries,
    }
    head = json.dumps(document | {"cases": []}, indent=1).removesuffix("]\n}")
    body = ",\n".join(json.dumps(entry) for entry in entries)
    (VECTORS / f"propensity_{kind}.json").write_text(f"{head}\n{body}\n]}}\n", encoding="utf-8")
    print(f"{kind}: {count} cases, agreement {worst:.1e}")


def main() -> None:
    with ProcessPoolExecutor(2) as pool:
        write("beta", beta_cases(), ("alpha", "beta"), pool)
        write("normal", normal_cases(), ("mean", "deviation"), pool)


if __name__ == "__main__":
    main()
