from __future__ import annotations

import numpy as np
import pytest

from armwise.errors import ConfigurationError
from armwise.evaluation.confidence_sequences import ConfidenceSequence, DifferenceSequence
from armwise.experiments import Evidence, SequentialTest, Statistics, VariantStatistics


def of(values):
    found = Statistics()
    for value in values:
        found.add(float(value))
    return Evidence(found)


def bounded(values, bounds=(0.0, 1.0)):
    found = VariantStatistics()
    for value in values:
        found.record(float(value), regret=0.0, active=False, time=0, bounds=bounds)
    return Evidence(found.rewards, found.spread.value)


RNG = np.random.default_rng(5)
LOW, HIGH = RNG.random(2000) ** 2, RNG.random(2000)


@pytest.mark.parametrize("kind", ["asymptotic", "msprt"])
@pytest.mark.parametrize("offset", [0.0, 1e6])
def test_the_interval_is_that_of_the_sequence(kind, offset):
    """Sums make the interval that the sequence of the rewards themselves gives."""
    sequence = DifferenceSequence(0.05, kind)
    arms = np.repeat([0, 1], 2000)
    lower, upper = sequence.update_many(np.concatenate([HIGH, LOW]) + offset, arms)
    found = SequentialTest(kind=kind).compare("control", {"control": of(HIGH + offset), "b": of(LOW + offset)})
    assert found.outcome == "worse"
    assert (found.lower, found.upper) == pytest.approx((lower[-1], upper[-1]), rel=1e-7)
    assert (found.n, found.n_baseline, found.alpha, found.source) == (2000, 2000, 0.05, "rewards")


@pytest.mark.parametrize("bounds", [(0.0, 1.0), (-3.0, 5.0)])
def test_bounded_rewards(bounds):
    low, high = bounds
    first, second = low + (high - low) * HIGH, low + (high - low) * LOW
    sequence = DifferenceSequence(0.05, "empirical_bernstein", bounds=bounds)
    lower, upper = sequence.update_many(np.concatenate([first, second]), np.repeat([0, 1], 2000))
    test = SequentialTest(kind="empirical_bernstein", bounds=bounds)
    found = test.compare("control", {"control": bounded(first, bounds), "b": bounded(second, bounds)})
    assert (found.lower, found.upper) == pytest.approx((lower[-1], upper[-1]), rel=1e-6)


def test_bounds_are_those_of_probabilities_unless_given():
    assert SequentialTest(kind="empirical_bernstein").bounds == (0.0, 1.0)


def test_rewards_that_never_vary_are_judged_where_they_are_bounded():
    """Without spread, an estimated variance says nothing; bounds do."""
    ones, zeros = [1.0] * 200, [0.0] * 200
    assert SequentialTest().compare("control", {"control": of(ones), "b": of(zeros)}) is None
    found = SequentialTest(kind="empirical_bernstein").compare(
        "control", {"control": bounded(ones), "b": bounded(zeros)}
    )
    assert found.outcome == "worse"


def test_nothing_is_shown_of_equals_or_of_few():
    assert SequentialTest().compare("control", {"control": of(HIGH), "b": of(HIGH[::-1])}) is None
    assert SequentialTest().compare("control", {"control": of(HIGH[:50]), "b": of(LOW[:50])}) is None
    assert SequentialTest().compare("control", {"control": of([]), "b": of([])}) is None
    empty = {"control": bounded([]), "b": bounded([])}
    assert SequentialTest(kind="empirical_bernstein").compare("control", empty) is None


def test_harm_comes_first_and_alpha_is_shared():
    variants = {"control": of(HIGH), "best": of(HIGH + 1.0), "bad": of(HIGH - 0.5), "worst": of(HIGH - 1.0)}
    found = SequentialTest(alpha=0.06).compare("control", variants)
    assert (found.variant, found.outcome) == ("worst", "worse")
    assert found.alpha == pytest.approx(0.02)
    better = {name: variants[name] for name in ("control", "best")}
    assert SequentialTest().compare("control", better).outcome == "better"


def test_lifts_on_the_same_requests():
    lift = LOW - HIGH
    found = SequentialTest().compare_replay({"b": of(lift).rewards})
    lower, upper = ConfidenceSequence(0.05).update_many(lift)
    assert (found.lower, found.upper) == pytest.approx((lower[-1], upper[-1]))
    assert (found.outcome, found.source) == ("worse", "replay")
    assert SequentialTest(kind="empirical_bernstein").compare_replay({"b": of(lift).rewards}).upper == found.upper
    assert SequentialTest(kind="msprt").compare_replay({"b": of(-lift).rewards}).outcome == "better"
    assert SequentialTest().compare_replay({}) is None


def test_fewer_than_a_thousand_lifts_show_nothing():
    lift = LOW - HIGH - 1.0
    for kind in ("asymptotic", "msprt", "empirical_bernstein"):
        assert SequentialTest(kind=kind).compare_replay({"b": of(lift[:999]).rewards}) is None
        assert SequentialTest(kind=kind).compare_replay({"b": of(lift[:1000]).rewards}).outcome == "worse"


@pytest.mark.parametrize("baseline", ["z", None, 5, []])
def test_a_baseline_that_is_no_variant_is_refused(baseline):
    with pytest.raises(ConfigurationError, match="expected one of the variants"):
        SequentialTest().compare(baseline, {"control": of(HIGH), "b": of(LOW)})


@pytest.mark.parametrize("variants", [None, 5, ["control", "b"], {"control": of(HIGH)}])
def test_what_leaves_nothing_to_compare_is_refused(variants):
    with pytest.raises(ConfigurationError):
        SequentialTest().compare("control", variants)


@pytest.mark.parametrize("kind", ["asymptotic", "msprt"])
def test_a_side_whose_rewards_are_all_alike_is_named(kind):
    test, flat = SequentialTest(kind=kind), of(np.zeros(150))
    assert test.unbounded("control", {"control": of(HIGH), "b": of(LOW), "c": flat}) == "c"
    assert test.unbounded("control", {"control": flat, "b": of(LOW)}) == "control"
    assert test.unbounded("control", {"control": of(HIGH), "b": of(LOW)}) is None
    assert test.unbounded("control", {"control": of(HIGH), "b": of(np.zeros(99))}) is None
    assert test.unbounded("control", {"control": of(HIGH), "b": of([])}) is None


def test_bounds_leave_no_side_unknown():
    test = SequentialTest(kind="empirical_bernstein")
    assert test.unbounded("control", {"control": bounded(HIGH), "b": bounded(np.zeros(150))}) is None


def test_evidence_is_plain():
    found = SequentialTest().compare("control", {"control": of(HIGH), "b": of(LOW)})
    assert found.evidence()["variant"] == "b"
    assert set(found.evidence()) == set(found._fields)


@pytest.mark.parametrize(
    "options",
    [
        {"alpha": 0.0},
        {"alpha": 1.0},
        {"alpha": "x"},
        {"kind": "wald"},
        {"bounds": (0, 1)},
        {"kind": "empirical_bernstein", "bounds": (1, 0)},
        {"kind": "empirical_bernstein", "bounds": (0, 1e-200)},
        {"kind": np.array(["asymptotic", "msprt"])},
        {"alpha": 10**5000},
        {"tuned_at": 0},
    ],
)
def test_what_cannot_be_meant_is_refused(options):
    with pytest.raises(ConfigurationError):
        SequentialTest(**options)
