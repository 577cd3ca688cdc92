from __future__ import annotations

import math

import pytest
from scipy import integrate, stats

from armwise.errors import ConfigurationError, PropensityError
from armwise.evaluation import BetaLaw, NormalLaw, chance_to_beat, expected_loss

BETAS = [
    (BetaLaw(31, 71), BetaLaw(21, 81)),
    (BetaLaw(0.5, 0.5), BetaLaw(2, 7)),
    (BetaLaw(1300, 9000), BetaLaw(1250, 9100)),
]


@pytest.mark.parametrize(("a", "b"), BETAS)
def test_beta_laws_against_an_integral(a, b):
    law_a, law_b = stats.beta(*a), stats.beta(*b)
    points = [law_b.ppf(q) for q in (0.001, 0.1, 0.5, 0.9, 0.999)]
    beats, _ = integrate.quad(lambda x: law_b.pdf(x) * law_a.sf(x), 0, 1, points=points, limit=200)
    # E max(b - a, 0) = integral of P(b > x) P(a <= x)
    loss, _ = integrate.quad(lambda x: law_b.sf(x) * law_a.cdf(x), 0, 1, points=points, limit=200)
    assert chance_to_beat(a, b) == pytest.approx(beats, abs=1e-8)
    assert chance_to_beat(a, b) + chance_to_beat(b, a) == pytest.approx(1.0, abs=1e-12)
    assert expected_loss(a, b) == pytest.approx(loss, abs=1e-9)
    means = a.alpha / (a.alpha + a.beta) - b.alpha / (b.alpha + b.beta)
    assert expected_loss(b, a) - expected_loss(a, b) == pytest.approx(means, abs=1e-11)


def test_normal_laws_are_closed_forms():
    a, b = NormalLaw(1.0, 0.3), NormalLaw(0.5, 0.4)
    assert chance_to_beat(a, b) == pytest.approx(stats.norm.cdf(1.0), rel=1e-14)
    gap = stats.norm(-0.5, 0.5)
    loss, _ = integrate.quad(lambda x: x * gap.pdf(x), 0, 5)
    assert expected_loss(a, b) == pytest.approx(loss, rel=1e-9)
    assert expected_loss(b, a) - expected_loss(a, b) == pytest.approx(0.5, rel=1e-12)
    assert expected_loss(NormalLaw(50.0, 1.0), NormalLaw(0.0, 1.0)) < 1e-270


@pytest.mark.parametrize(
    ("a", "b"),
    [
        (BetaLaw(1, 1), NormalLaw(0, 1)),
        (NormalLaw(0, 1), BetaLaw(1, 1)),
        (BetaLaw(0, 1), BetaLaw(1, 1)),
        (BetaLaw(1, 1), BetaLaw(1, math.nan)),
        (BetaLaw(math.inf, 1), BetaLaw(1, 1)),
        (NormalLaw(math.nan, 1), NormalLaw(0, 1)),
        (NormalLaw(0, 0), NormalLaw(0, 1)),
        ((1, 1), (1, 1)),
    ],
)
def test_laws_that_cannot_be_compared_are_refused(a, b):
    for compare in (chance_to_beat, expected_loss):
        with pytest.raises(ConfigurationError):
            compare(a, b)


def test_what_rounding_hides_is_said():
    with pytest.raises(PropensityError, match="compare the means"):
        chance_to_beat(BetaLaw(1e13, 1e13), BetaLaw(1e13, 1e13 + 5))
