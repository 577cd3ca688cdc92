"""Exact propensities: every backend has the same bits, and they are right to 2e-10 against 34 digits.

The vectors come from :mod:`naive_propensity` by way of :mod:`make_propensity_vectors`; what others published stands
beside them. The bar is 1e-9.
"""

from __future__ import annotations

import functools
import json
import math
import re
from pathlib import Path

import naive_propensity as naive
import numpy as np
import pytest
from mpmath import mp, mpf

from armwise_kernels import jit_propensity, jit_propensity_laws, law, load

HERE = Path(__file__).resolve().parent
NATIVE = HERE.parents[1] / "native" / "src"
SIZES = [1, 2, 3, 7, 8, 9, 17, 100, 1000]
ACCURATE = 2e-10


@functools.cache
def vectors(kind: str) -> list[dict]:
    return json.loads((HERE / "vectors" / f"propensity_{kind}.json").read_text(encoding="utf-8"))["cases"]


def best(kernels, case) -> np.ndarray:
    if "alpha" in case:
        return kernels.best_beta(case["alpha"], case["beta"])
    return kernels.best_normal(case["mean"], case["deviation"])


def raw_sum(which: int, first, second) -> float:
    """The sum before it is normalised, which only the bodies know."""
    x, y = np.array(first, float), np.array(second, float)
    rows = np.empty((jit_propensity_laws.ROWS, len(x)))
    parts, ratios = np.empty((len(x), 8)), np.empty((len(x), 16))
    return jit_propensity._best(which, x, y, rows, parts, ratios, np.empty(jit_propensity.WORK), np.empty(len(x)))


def random_cases(seed: int, low: float, high: float):
    rng = np.random.default_rng(seed)
    for arms in SIZES[:-1] * 8:
        kind = rng.integers(4)
        a, b = 10 ** rng.uniform(low, high, (2, arms))
        if kind == 1:
            a[:], b[:] = a[0], b[0]
        elif kind == 2:
            b = np.clip(a * 10 ** rng.uniform(-3, 3), 10**low, 10**high)
        elif kind == 3:
            a[:] = a[0]
        yield a, b


@pytest.mark.parametrize("kind", ["beta", "normal"])
def test_the_vectors_are_met(kernels, kind):
    for case in vectors(kind):
        p = best(kernels, case)
        assert np.abs(p - case["best"]).max() <= ACCURATE, case
        assert (p >= 0).all()
        assert abs(p.sum() - 1.0) <= 1e-12


def test_the_vectors_cover_what_is_asked_for():
    cases = vectors("beta")
    shapes = {x for case in cases for x in (*case["alpha"], *case["beta"])}
    assert {0.05, 0.1, 0.3, 0.5, 1.0, 2.0, 5.0, 30.0, 100.0, 1e3, 1e4, 1e5, 1e6} <= shapes
    assert {2, 3, 4, 5, 7, 10} <= {len(case["alpha"]) for case in cases}
    assert sum(case["family"] in {"grid", "nested", "log-uniform", "warm"} for case in cases) >= 180
    assert any(case["alpha"] == [228700, 771300] and case["beta"] == [0.05, 0.077] for case in cases)


def test_the_sum_is_one_before_it_is_normalised():
    for case in vectors("beta"):
        assert abs(raw_sum(jit_propensity_laws.BETA_LAW, case["alpha"], case["beta"]) - 1.0) <= ACCURATE
    for case in vectors("normal"):
        assert abs(raw_sum(jit_propensity_laws.NORMAL_LAW, case["mean"], case["deviation"]) - 1.0) <= ACCURATE


def test_published_cases(kernels):
    for case in vectors("published"):
        assert np.abs(best(kernels, case) - case["best"]).max() <= 1e-3, case["name"]


def two_betas(a: int, b: int, c: int, d: int) -> mpf:
    """P(Beta(c, d) > Beta(a, b)) for whole c: E. Miller, "Formulas for Bayesian A/B testing", 2015."""
    with mp.workdps(50):
        return mp.fsum(
            mp.exp(mp.log(mp.beta(a + i, b + d)) - mp.log(d + i) - mp.log(mp.beta(1 + i, d)) - mp.log(mp.beta(a, b)))
            for i in range(c)
        )


def test_two_betas_have_a_closed_form(kernels):
    rng = np.random.default_rng(4)
    for _ in range(60):
        a, b, c, d = (int(x) for x in 10 ** rng.uniform(0, 2.5, 4))
        assert kernels.best_beta([a, c], [b, d])[1] == pytest.approx(float(two_betas(a, b, c, d)), abs=ACCURATE)


def test_two_normals_have_a_closed_form(kernels):
    rng = np.random.default_rng(5)
    for _ in range(200):
        mean, deviation = rng.normal(size=2) * 10 ** rng.uniform(-3, 3), 10 ** rng.uniform(-6, 6, 2)
        z = (mean[0] - mean[1]) / math.hypot(*deviation)
        assert kernels.best_normal(mean, deviation)[0] == pytest.approx(math.erfc(-z / math.sqrt(2)) / 2, abs=ACCURATE)


def test_the_oracle_gives_its_vectors_and_closed_forms():
    for case in vectors("beta")[:200:40]:
        p = naive.best_beta(case["alpha"], case["beta"], step=0.9)
        assert [float(x) for x in p] == pytest.approx(case["best"], abs=1e-15)
    assert abs(naive.best_beta([7, 40], [30, 90])[1] - two_betas(7, 30, 40, 90)) < 1e-25
    with mp.workdps(34):
        law_of_sums = mp.ncdf(mpf(3) / mp.sqrt(5))
    assert abs(naive.best_normal([1.0, -2.0], [1.0, 2.0])[0] - law_of_sums) < 1e-25


@functools.cache
def reference(kind: str, first: bytes, second: bytes) -> bytes:
    twin = load("numba")
    function = twin.best_beta if kind == "beta" else twin.best_normal
    return bits(function, np.frombuffer(first), np.frombuffer(second))


def same_bits(kernels, kind: str, first: np.ndarray, second: np.ndarray) -> bool:
    function = kernels.best_beta if kind == "beta" else kernels.best_normal
    return bits(function, first, second) == reference(kind, first.tobytes(), second.tobytes())


def bits(function, first: np.ndarray, second: np.ndarray) -> bytes:
    try:
        return function(first, second).tobytes()
    except FloatingPointError:
        return b"refused"


def test_bits_on_the_vectors(kernels):
    for kind, names in (("beta", ("alpha", "beta")), ("normal", ("mean", "deviation"))):
        for case in vectors(kind):
            assert same_bits(kernels, kind, *(np.array(case[name], float) for name in names)), case


@pytest.mark.parametrize("arms", SIZES)
def test_bits_at_sizes(kernels, arms):
    rng = np.random.default_rng(arms)
    rate, pulls = rng.uniform(0.05, 0.5, arms), rng.uniform(20, 500, arms)
    assert same_bits(kernels, "beta", 1 + rate * pulls, 1 + (1 - rate) * pulls)
    assert same_bits(kernels, "beta", np.ones(arms), np.ones(arms))
    assert same_bits(kernels, "beta", np.full(arms, 0.05), np.full(arms, 1e6))
    assert same_bits(kernels, "normal", rng.normal(size=arms), rng.uniform(0.5, 2, arms))


@pytest.mark.parametrize(("low", "high"), [(-2, 9), (-100, 100), (-12, 12)])
def test_bits_of_odd_shapes(kernels, low, high):
    for a, b in random_cases(17, low, high):
        assert same_bits(kernels, "beta", a, b), (a, b)


@pytest.mark.parametrize(("low", "high"), [(-100, 100), (-100, -2), (9, 100), (-12, 12), (-100, 9)])
def test_any_shapes_give_chances(kernels, low, high):
    for a, b in random_cases(18, low, high):
        try:
            p = kernels.best_beta(a, b)
        except FloatingPointError:
            assert ((a > 2e9) & (b > 2e9)).any(), (a, b)
            continue
        assert np.isfinite(p).all()
        assert (p >= 0).all()
        assert abs(p.sum() - 1.0) <= 1e-12


def test_any_normals_give_chances(kernels):
    rng = np.random.default_rng(19)
    for arms in SIZES[:-1] * 4:
        scale = 10 ** rng.uniform(-190, 190)
        mean, deviation = scale * rng.normal(size=arms), scale * 10 ** rng.uniform(-9, 9, arms)
        p = kernels.best_normal(mean, deviation)
        assert np.isfinite(p).all()
        assert (p >= 0).all()
        assert abs(p.sum() - 1.0) <= 1e-12
    assert kernels.best_normal([1e300, -1e300], [1e-200, 1e200]) == pytest.approx([1.0, 0.0], abs=1e-12)
    assert kernels.best_normal([1e300, 1e300], [1e-200, 1e-190]) == pytest.approx([0.5, 0.5], abs=1e-9)


@pytest.mark.parametrize("shape", [(1, 1), (0.05, 0.05), (0.05, 1e6), (1e6, 0.05), (1e6, 1e6), (1e-100, 1), (1e100, 3)])
@pytest.mark.parametrize("arms", [1, 2, 3, 10, 1000])
def test_equal_arms_have_equal_chances(kernels, shape, arms):
    p = kernels.best_beta(np.full(arms, shape[0], float), np.full(arms, shape[1], float))
    assert len(set(p.tolist())) == 1
    assert p[0] == pytest.approx(1 / arms, rel=1e-12)


def test_one_arm_is_certain(kernels):
    assert kernels.best_beta([3.0], [4.0]).tolist() == [1.0]
    assert kernels.best_normal([-2.0], [1e-9]).tolist() == [1.0]


def test_arms_may_come_in_any_order(kernels):
    rng = np.random.default_rng(20)
    a, b = 10 ** rng.uniform(-1.3, 6, (2, 30))
    order = rng.permutation(30)
    assert kernels.best_beta(a, b)[order] == pytest.approx(kernels.best_beta(a[order], b[order]), abs=1e-14)


def test_swapping_the_shapes_reverses_two_arms(kernels):
    for a, b in random_cases(21, -2, 9):
        if len(a) == 2:
            assert kernels.best_beta(a, b) == pytest.approx(kernels.best_beta(b, a)[::-1], abs=ACCURATE)


def test_only_differences_of_means_count(kernels):
    mean, deviation = np.array([0.0, 0.5, 1.0, -3.0]), np.array([1.0, 0.25, 0.5, 4.0])
    near = kernels.best_normal(mean, deviation)
    assert kernels.best_normal(mean + 2.0**40, deviation) == pytest.approx(near, abs=1e-14)
    assert kernels.best_normal(mean * 2.0**-300, deviation * 2.0**-300) == pytest.approx(near, abs=ACCURATE)


def test_a_law_too_narrow_for_the_panels_is_refused(kernels):
    for a, b in (([1e10, 1e10], [1e10, 1e10 + 1e4]), ([1e12, 2.0, 3e12], [2e12, 3.0, 6e12]), ([1e10, 5], [1e10, 4])):
        with pytest.raises(FloatingPointError, match="2e9"):
            kernels.best_beta(a, b)
    assert kernels.best_beta([2e9, 2e9], [2e9, 2e9]) == pytest.approx([0.5, 0.5], abs=1e-9)
    assert kernels.best_beta([1e20, 1e20], [1e21, 1e21]) == pytest.approx([0.5, 0.5], abs=1e-9)
    assert kernels.best_beta([1e12, 7.0], [1e10, 900.0]) == pytest.approx([1.0, 0.0], abs=1e-9)


def test_a_narrow_law_without_a_chance_does_no_harm(kernels):
    without = kernels.best_beta([5e6, 6e6], [7e6, 8.4e6])
    assert kernels.best_beta([5e6, 6e6, 1e12], [7e6, 8.4e6, 2e12]) == pytest.approx([*without, 0.0], abs=1e-9)


def test_just_below_the_narrowest_laws(kernels):
    near = 1.9e9
    for ratio in (1.0, 0.5, 0.01):
        b = near / ratio
        p = kernels.best_beta([near, near], [b, b + 1e5])[0]
        assert p == pytest.approx(by_normal_law(near, b, near, b + 1e5), abs=1e-6)
    assert kernels.best_beta([1e12, 1e12], [1e12, 1e12 * 1.001])[0] > 1 - 1e-9


def by_normal_law(a: float, b: float, c: float, d: float) -> float:
    """P(Beta(a, b) > Beta(c, d)) from normal laws of the logits: with shapes this large, right to 1e-6."""
    difference = math.log1p((a * d - b * c) / (b * c))
    return 0.5 * math.erfc(-difference / math.sqrt(2 * (1 / a + 1 / b + 1 / c + 1 / d)))


def test_the_largest_set(kernels):
    p = kernels.best_beta(np.ones(1 << 20), np.full(1 << 20, 2.0))
    assert np.ptp(p) == 0
    assert p[0] == pytest.approx(2.0**-20, rel=1e-12)


def test_a_deviation_of_zero_is_a_point(kernels):
    assert kernels.best_normal([1.0, 3.0, 3.0, 2.0], [0.0] * 4).tolist() == [0.0, 1.0, 0.0, 0.0]
    point = kernels.best_normal([0.5, 0.0, -2.0], [0.0, 1.0, 0.0])
    assert point == pytest.approx([float(mp.ncdf(0.5)), 1.0 - float(mp.ncdf(0.5)), 0.0], abs=ACCURATE)
    assert kernels.best_normal([5e-324, -1e300], [0.0, 0.0]).tolist() == [1.0, 0.0]
    assert same_bits(kernels, "normal", np.array([0.5, 0.0, -2.0]), np.array([0.0, 1.0, 0.0]))


def test_narrow_laws_beside_a_wide_one(kernels):
    """However much wider it is: the wide law is flat where the narrow ones meet."""
    rng = np.random.default_rng(22)
    for _ in range(200):
        scale, wide = 10 ** rng.uniform(-150, 0), 10 ** rng.uniform(6, 150)
        mean, deviation = scale * rng.normal(size=2), scale * 10 ** rng.uniform(-1, 1, 2)
        first = math.erfc((mean[1] - mean[0]) / math.hypot(*deviation) / math.sqrt(2)) / 2
        p = kernels.best_normal([*mean, 0.3 * wide], [*deviation, wide])
        below = math.erfc(0.3 / math.sqrt(2)) / 2
        assert p == pytest.approx([first * below, (1 - first) * below, 1 - below], abs=1e-6 / wide + ACCURATE)
    assert kernels.best_normal([0.9, 0.1, 0.0], [0.05, 0.05, 8.5e17]) == pytest.approx([0.5, 0.0, 0.5], abs=1e-9)


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf, 0.0, -1.0, 1e-101, 1e101])
def test_shapes_out_of_range_are_refused(kernels, bad):
    for a, b in (([1.0, bad], [1.0, 1.0]), ([1.0, 1.0], [bad, 1.0])):
        with pytest.raises(ValueError, match=r"shape|expected"):
            kernels.best_beta(a, b)


@pytest.mark.parametrize(
    ("mean", "deviation"),
    [
        (0.0, -1.0),
        (0.0, -1e-300),
        (0.0, 5e-324),
        (0.0, math.nan),
        (0.0, math.inf),
        (math.nan, 1.0),
        (math.inf, 1.0),
        (2e300, 1.0),
        (0.0, 1e-201),
    ],
)
def test_normals_out_of_range_are_refused(kernels, mean, deviation):
    with pytest.raises(ValueError, match=r"range|domain|expected"):
        kernels.best_normal([1.0, mean], [1.0, deviation])


def test_sets_of_no_arms_and_of_too_many_are_refused(kernels):
    for arms in (0, law.MAX_ARMS + 1):
        with pytest.raises(ValueError, match=r"arms|expected"):
            kernels.best_beta(np.ones(arms), np.ones(arms))


def test_a_sum_that_misses_one_is_an_error(monkeypatch):
    monkeypatch.setattr(jit_propensity, "SUM_TOLERANCE", -1.0)
    with pytest.raises(ArithmeticError, match="missed a sum of one"):
        jit_propensity.best_beta(np.ones(2), np.ones(2))


def rule_of_sixteen() -> dict[str, np.ndarray]:
    nodes, weights, tail = naive.rule(16, naive.DIGITS)
    upper, lower = range(8, 16), range(7, -1, -1)
    return {
        "NODE": np.array([float(nodes[k]) for k in upper]),
        "WEIGHT": np.array([float(weights[k]) for k in upper]),
        "EVEN": np.array(
            [[float((tail[k][m] + tail[k][n]) / 2) for k in upper] for m, n in zip(upper, lower, strict=True)]
        ),
        "ODD": np.array(
            [[float((tail[k][m] - tail[k][n]) / 2) for k in upper] for m, n in zip(upper, lower, strict=True)]
        ),
    }


def test_the_tables_are_gauss_legendre():
    with mp.workdps(naive.DIGITS):
        rule = rule_of_sixteen()
    assert np.array_equal(jit_propensity_laws.NODE, rule["NODE"])
    for name in ("WEIGHT", "EVEN", "ODD"):
        assert np.array_equal(getattr(jit_propensity, name), rule[name])
    text = "".join((NATIVE / "simd" / f"{part}.h").read_text() for part in ("propensity_laws", "propensity"))
    for name, table in rule.items():
        found = re.search(rf"BEST_{name}\[8\](?:\[8\])? = ({{.*?}});", text, re.DOTALL)
        numbers = [float(x) for x in re.findall(r"-?\d+\.\d+(?:e-?\d+)?", found[1])]
        assert np.array_equal(numbers, table.ravel()), name


def test_the_constants_of_the_twins_agree():
    text = "".join((NATIVE / "simd" / f"{part}.h").read_text() for part in ("propensity_laws", "propensity"))
    for module in (jit_propensity, jit_propensity_laws):
        for name, value in re.findall(r"#define BEST_(\w+) ([\d.e-]+)", text):
            if name in vars(module):
                assert getattr(module, name) == float(value), name
    assert len(re.findall(r"#define BEST_(\w+) ([\d.e-]+)", text)) == 12
