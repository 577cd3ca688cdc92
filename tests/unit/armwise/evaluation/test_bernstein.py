from __future__ import annotations

import numpy as np
import pytest

from armwise.evaluation import _bernstein
from armwise.evaluation._bernstein import difference_radius, mean_radius

NODES, PSI = _bernstein._LAMBDA, _bernstein._PSI


def log_mixture(s, v):
    weights = np.exp(_bernstein._log_weights(5000))
    return np.log((weights * (np.exp(NODES * s - PSI * v) + np.exp(-NODES * s - PSI * v))).sum())


def test_weights_are_a_law_on_both_signs():
    assert np.exp(_bernstein._log_weights(5000)).sum() == pytest.approx(0.5)


def test_each_factor_is_a_supermartingale():
    """E exp(lambda (x - m) - psi(lambda) (x - p)^2) <= 1 for every law on two points of [0, 1], and its mirror."""
    rng = np.random.default_rng(1)
    for _ in range(2000):
        low, high, p, share = rng.random(4)
        mean = low + share * (high - low)
        for sign in (1.0, -1.0):
            x = np.array([[low], [high]])
            factor = np.exp(sign * NODES * (x - mean) - PSI * (x - p) ** 2)
            assert (np.array([1 - share, share]) @ factor <= 1 + 1e-12).all()


@pytest.mark.parametrize("alpha", [0.001, 0.05, 0.5])
def test_the_mean_is_off_by_what_the_mixture_has_not_refuted(alpha):
    n, v = np.array([1.0, 30.0, 1e4, 1e7]), np.array([0.0, 2.0, 900.0, 2.5e6])
    for i, radius in enumerate(mean_radius(n, v, 5000, alpha)):
        assert log_mixture(radius * n[i], v[i]) == pytest.approx(-np.log(alpha), rel=1e-9)
    assert np.isinf(mean_radius(np.array([0.0]), np.array([0.0]), 5000, alpha)).all()


def test_the_difference_is_the_farthest_point_that_both_have_not_refuted():
    """Against a search along the constraint."""
    rng, threshold = np.random.default_rng(2), -np.log(0.05)
    n = 10 ** rng.uniform(0, 6, (2, 200))
    v = n * 10 ** rng.uniform(-5, -0.6, (2, 200))
    radius = difference_radius((n[0], n[1]), (v[0], v[1]), 5000, 0.05)
    weights = _bernstein._log_weights(5000)
    least = [np.array([log_mixture(0.0, value) for value in v[i]]) for i in (0, 1)]
    best = np.zeros(200)
    for share in np.linspace(1e-9, 1 - 1e-9, 301):
        first = least[0] + share * (threshold - least[1] - least[0])
        s0 = _bernstein._boundary(v[0], first, weights)
        s1 = _bernstein._boundary(v[1], threshold - first, weights)
        best = np.maximum(best, s0 / n[0] + s1 / n[1])
    assert (radius >= best * (1 - 1e-9)).all()
    np.testing.assert_allclose(radius, best, rtol=2e-3)


def test_a_difference_needs_both_arms():
    n, v = np.array([0.0, 5.0]), np.array([0.0, 1.0])
    radius = difference_radius((n, n[::-1]), (v, v[::-1]), 5000, 0.05)
    assert np.isinf(radius).all()


def test_where_newton_does_not_settle_the_box_around_the_set_holds(monkeypatch):
    n, v = (np.array([100.0]), np.array([1e5])), (np.array([1.0]), np.array([2e4]))
    exact = difference_radius(n, v, 5000, 0.05)
    monkeypatch.setattr(_bernstein, "_EXACT", 0.0)
    monkeypatch.setattr(_bernstein, "_STEPS", 30)
    boxed = difference_radius(n, v, 5000, 0.05)
    assert exact[0] <= boxed[0] * (1 + 1e-12)
    assert boxed[0] < 3 * exact[0]
