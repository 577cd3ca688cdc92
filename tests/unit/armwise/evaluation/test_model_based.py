from __future__ import annotations

import math

import numpy as np
import pytest

from armwise.errors import ConfigurationError, PropensityError
from armwise.evaluation import dm, dr, expected_rewards, ips, switch_dr

LOG = [1.0, 0.0, 1.0, 0.5], [0.5, 0.5, 0.25, 0.5], [1.0, 0.0, 1.0, 0.5]
MODEL = [0.5, 0.25, 0.5, 0.25], [0.5, 0.5, 0.25, 0.25]


def test_a_case_worked_by_hand():
    # w = 2, 0, 4, 1; r - predicted = .5, -.25, .5, .25; terms = 1.5, .5, 2.25, .5.
    estimate = dr(*LOG, *MODEL)
    assert estimate.value == pytest.approx(4.75 / 4)
    assert estimate.standard_error == pytest.approx(np.std([1.5, 0.5, 2.25, 0.5], ddof=1) / 2)
    assert estimate.effective_sample_size == pytest.approx(49 / 21)


def test_a_model_that_knows_nothing_leaves_ips():
    nothing = [0.0] * 4
    found, weighed = dr(*LOG, nothing, nothing), ips(*LOG)
    assert (found.value, found.standard_error) == (weighed.value, weighed.standard_error)


def test_a_model_that_knows_all_needs_no_weights():
    assert dr(*LOG, LOG[0], MODEL[1]).value == pytest.approx(dm(MODEL[1]).value)


def test_switch_leaves_large_weights_to_the_model():
    # The bound is sqrt(4) = 2 by default: the weight of 4 is left to the model.
    estimate = switch_dr(*LOG, *MODEL)
    assert estimate.value == pytest.approx((1.5 + 0.5 + 0.25 + 0.5) / 4)
    assert estimate.overlap.clipped_share == pytest.approx(4 / 7)
    assert switch_dr(*LOG, *MODEL, clip=4.0).value == dr(*LOG, *MODEL).value
    assert switch_dr(*LOG, *MODEL, clip=0.5).value == pytest.approx(dm(MODEL[1]).value)


def test_dm_adds_the_models_error():
    estimate = dm([0.2, 0.4], model_error=0.1)
    assert estimate.standard_error == pytest.approx(math.hypot(0.1, 0.1))
    assert estimate.overlap is None
    assert (estimate.n, estimate.effective_sample_size) == (2, 2.0)
    (warning,) = estimate.warnings
    assert (warning.code, warning.value) == ("model", 0.1)


def test_expected_rewards_are_the_products():
    rng = np.random.default_rng(0)
    policy, predictions = rng.dirichlet(np.ones(7), size=5), rng.normal(size=(5, 7))
    np.testing.assert_allclose(expected_rewards(policy, predictions), (policy * predictions).sum(axis=1), rtol=1e-12)


@pytest.mark.parametrize(
    ("policy", "predictions", "named"),
    [
        ([[0.5, 0.4]], [[1.0, 1.0]], r"policy\[0\] sums to 0.9"),
        (
            [[0.5, 0.5], [1.5, -0.5]],
            [[1.0, 1.0]] * 2,
            r"policy\[1\] sums to 1.0; expected probabilities of zero or more",
        ),
        ([[math.nan, 1.0]], [[1.0, 1.0]], r"policy\[0\]"),
        ([0.5, 0.5], [1.0, 1.0], "policy has shape"),
        (np.ones((0, 3)), np.ones((0, 3)), "policy has shape"),
        ([["a", "b"]], [[1.0, 1.0]], "policy cannot be read"),
        ([[10**400, 1]], [[1.0, 1.0]], "policy cannot be read"),
        ([[0.5, 0.5]], [[1.0, 1.0, 1.0]], "predictions has shape"),
        ([[0.5, 0.5]], [["a", "b"]], "predictions cannot be read"),
        ([[0.5, 0.5]], [[10**400, 1]], "predictions cannot be read"),
        ([[0.5, 0.5]], [[1.0, math.nan]], r"predictions.ravel\(\)\[1\]"),
        ([[0.0, 1.0]], [[math.inf, 1.0]], r"predictions.ravel\(\)\[0\]"),
        ([[0.5, 0.5]] * 2, [[1.0, 1.0], [1.7e308, 1.7e308]], None),
    ],
)
def test_tables_that_do_not_fit_are_refused(policy, predictions, named):
    if named is None:
        assert expected_rewards(policy, predictions)[1] == 1.7e308
        return
    with pytest.raises(ConfigurationError, match=named):
        expected_rewards(policy, predictions)


def test_a_sum_beyond_floats_is_refused():
    # Rows may sum to a little more than one.
    with pytest.raises(ConfigurationError, match=r"expected\[0\] is inf"):
        expected_rewards([[0.500001, 0.500001]], [[1.7976931348623157e308] * 2])


@pytest.mark.parametrize("estimate", [dr, switch_dr])
@pytest.mark.parametrize(
    ("predicted", "expected", "named"),
    [
        ([0.0] * 3, [0.0] * 4, "predicted has 3 entries and the log 4 decisions"),
        ([0.0] * 4, [0.0] * 5, "expected has 5 entries"),
        ([0.0, math.nan, 0.0, 0.0], [0.0] * 4, r"predicted\[1\]"),
        ([0.0] * 4, [math.inf] * 4, r"expected\[0\]"),
        ([[0.0] * 4], [0.0] * 4, "predicted has shape"),
    ],
)
def test_models_that_do_not_fit_are_refused(estimate, predicted, expected, named):
    with pytest.raises(ConfigurationError, match=named):
        estimate(*LOG, predicted, expected)
    with pytest.raises(PropensityError, match="propensities"):
        estimate(LOG[0], [0.0] * 4, LOG[2], predicted, expected)


@pytest.mark.parametrize(
    ("expected", "model_error", "named"),
    [
        ([1.0], 0.0, "at least 2"),
        ([1.0, math.nan], 0.0, r"expected\[1\]"),
        ([1.0, 1.0], -1.0, "model_error"),
        ([1.0, 1.0], math.inf, "model_error"),
        ([1.0, 1.0], math.nan, "model_error"),
    ],
)
def test_direct_estimates_that_cannot_be_meant_are_refused(expected, model_error, named):
    with pytest.raises(ConfigurationError, match=named):
        dm(expected, model_error=model_error)


def test_a_direct_estimate_beyond_floats_is_refused():
    with pytest.raises(ConfigurationError, match="within the range of floats"):
        dm([1e308, 1e308, 1e308])


@pytest.mark.parametrize("confidence", [0.0, 1.0, math.nan])
def test_a_confidence_outside_its_range_is_refused(confidence):
    for call in (
        lambda: dm(MODEL[1], confidence=confidence),
        lambda: dr(*LOG, *MODEL, confidence=confidence),
        lambda: switch_dr(*LOG, *MODEL, confidence=confidence),
    ):
        with pytest.raises(ConfigurationError, match="confidence"):
            call()
