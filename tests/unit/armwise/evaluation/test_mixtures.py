from __future__ import annotations

import numpy as np
import pytest
from scipy import integrate, optimize, stats

from armwise.evaluation._mixtures import normal_radius, student_radius, tuned_precision


def test_the_normal_radius_is_where_the_mixture_reaches_its_threshold():
    n, sigma, rho2, alpha = 50.0, 2.0, 0.04, 0.05
    radius = float(normal_radius(np.array(sigma**2 / n), np.array(n), rho2, alpha))

    def likelihood(effect):
        # of a mean that is `radius` off, at a mean that stands off by `effect`, against none
        return np.exp(n * (radius * effect - effect**2 / 2) / sigma**2) * stats.norm.pdf(
            effect, scale=(rho2**0.5) * sigma
        )

    mixture, _ = integrate.quad(likelihood, -10, 10, points=[radius])
    assert mixture == pytest.approx(1 / alpha, rel=1e-6)


def test_the_student_radius_is_where_its_likelihood_ratio_reaches_its_threshold():
    n, rho2, alpha = np.array([10.0, 20.0, 300.0]), 2.0, 0.05
    radius = student_radius(1.7 / n, n, n - 1.0, rho2, alpha)
    t, q = radius / np.sqrt(1.7 / n), 1.0 + n * rho2
    u = t**2 / (n - 1.0)
    ratio = q**-0.5 * ((1.0 + u) / (1.0 + u / q)) ** (n / 2.0)
    np.testing.assert_allclose(ratio, 1 / alpha, rtol=1e-9)


def test_the_student_ratio_is_the_mixture_of_noncentral_students():
    n, rho2, t = 8, 0.5, 3.0
    mixed, _ = integrate.quad(
        lambda d: stats.nct.pdf(t, n - 1, d * np.sqrt(n)) * stats.norm.pdf(d, scale=np.sqrt(rho2)), -8, 8, limit=200
    )
    u, q = t**2 / (n - 1.0), 1.0 + n * rho2
    assert mixed / stats.t.pdf(t, n - 1) == pytest.approx(q**-0.5 * ((1 + u) / (1 + u / q)) ** (n / 2), rel=1e-6)


def test_student_becomes_normal_and_says_nothing_of_a_handful():
    n = np.array([2.0, 3.0, 1e6])
    rho2 = tuned_precision(0.05, 1e4)
    student = student_radius(1.0 / n, n, n - 1.0, rho2, 0.05)
    assert np.isinf(student[:2]).all()
    assert student[2] == pytest.approx(float(normal_radius(1.0 / n, n, rho2, 0.05)[2]), rel=1e-4)


def test_it_is_narrowest_where_it_is_tuned():
    def width(log_rho2):
        return float(normal_radius(np.array(1e-4), np.array(1e4), np.exp(log_rho2), 0.05))

    best = optimize.minimize_scalar(width, bounds=(-15, 0), method="bounded")
    assert width(np.log(tuned_precision(0.05, 1e4))) == pytest.approx(best.fun, rel=2e-3)
