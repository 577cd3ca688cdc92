from __future__ import annotations

import json
import math

import numpy as np
import pytest

from armwise.errors import ConfigurationError, SnapshotError
from armwise.evaluation import ConfidenceSequence, DifferenceSequence

KINDS = ["asymptotic", "msprt", "empirical_bernstein"]
RNG = np.random.default_rng(7)
X = RNG.random(600)
ARMS = RNG.integers(0, 2, 600)


@pytest.mark.parametrize("kind", KINDS)
def test_many_updates_at_once_are_the_same_as_one_by_one(kind):
    one, many = ConfidenceSequence(kind=kind), ConfidenceSequence(kind=kind)
    apart = np.array([one.update(x) for x in X])
    lower, upper = many.update_many(X)
    assert one.state_dict() == many.state_dict()
    np.testing.assert_allclose(lower, apart[:, 0], rtol=1e-12)
    np.testing.assert_allclose(upper, apart[:, 1], rtol=1e-12)
    assert many.interval == pytest.approx((lower[-1], upper[-1]), rel=1e-12)
    assert many.n == 600
    assert many.mean == pytest.approx(X.mean())
    assert many.interval.lower < X.mean() < many.interval.upper
    assert many.kind == kind
    assert many.alpha == 0.05


@pytest.mark.parametrize("kind", KINDS)
def test_differences_too(kind):
    one, many = DifferenceSequence(kind=kind), DifferenceSequence(kind=kind)
    apart = np.array([one.update(x, int(arm)) for x, arm in zip(X, ARMS, strict=True)])
    lower, upper = many.update_many(X, ARMS)
    assert one.state_dict() == many.state_dict()
    np.testing.assert_allclose(lower, apart[:, 0], rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(upper, apart[:, 1], rtol=1e-9, atol=1e-12)
    difference = X[ARMS == 1].mean() - X[ARMS == 0].mean()
    assert many.n == ((ARMS == 0).sum(), (ARMS == 1).sum())
    assert many.difference == pytest.approx(difference)
    assert many.interval.lower < difference < many.interval.upper
    assert many.update_many([], [])[0].shape == (0,)


def test_asymptotic_is_the_formula_of_the_paper():
    lower, upper = ConfidenceSequence(kind="asymptotic", alpha=0.1, tuned_at=500).update_many(X)
    rho2 = (-2 * math.log(0.1) + math.log(-2 * math.log(0.1) + 1)) / 500
    n, s = 600, X.std(ddof=1)
    half = s * math.sqrt(2 * (n * rho2 + 1) / (n**2 * rho2) * math.log(math.sqrt(n * rho2 + 1) / 0.1))
    assert (lower[-1], upper[-1]) == pytest.approx((X.mean() - half, X.mean() + half), rel=1e-12)
    assert np.isinf(lower[:99]).all()
    assert np.isfinite(lower[99:]).all()


def test_msprt_with_a_variance_is_the_likelihood_ratio_of_johari():
    sequence = ConfidenceSequence(kind="msprt", variance=0.25, tuned_at=100)
    lower, upper = sequence.update_many(X)
    assert np.isfinite(lower).all()  # a known variance waits for nothing
    rho2 = (-2 * math.log(0.05) + math.log(-2 * math.log(0.05) + 1)) / 100
    tau2, v = rho2 * 0.25, 0.25 / 600
    effect = (upper[-1] - lower[-1]) / 2
    ratio = math.sqrt(v / (v + tau2)) * math.exp(tau2 * effect**2 / (2 * v * (v + tau2)))
    assert ratio == pytest.approx(20.0, rel=1e-9)


def test_a_difference_of_msprt_knows_estimated_and_given_variances():
    given = DifferenceSequence(kind="msprt", variance=1 / 12)
    estimated = DifferenceSequence(kind="msprt")
    lower, upper = given.update_many(X, ARMS)
    estimated.update_many(X, ARMS)
    both = int(np.argmax(np.isfinite(lower)))
    assert 0 < np.bincount(ARMS[: both + 1], minlength=2).min() == 1
    ratio = (upper[-1] - lower[-1]) / (estimated.interval.upper - estimated.interval.lower)
    assert ratio == pytest.approx(1.0, abs=0.05)


def test_a_difference_of_msprt_is_the_student_mixture_at_welchs_degrees():
    few = np.arange(600) % 5 == 0
    x = np.where(few, 8.0 * X, X)
    sequence = DifferenceSequence(kind="msprt", alpha=0.1, tuned_at=500)
    sequence.update_many(x, few.astype(int))
    n0, n1 = 480, 120
    v0, v1 = x[~few].var(ddof=1) / n0, x[few].var(ddof=1) / n1
    degrees = (v0 + v1) ** 2 / (v0**2 / (n0 - 1) + v1**2 / (n1 - 1))
    rho2 = (-2 * math.log(0.1) + math.log(-2 * math.log(0.1) + 1)) / 500
    q = 1 + 4 * n0 * n1 / (n0 + n1) * rho2
    u = (sequence.interval.upper - sequence.difference) ** 2 / (v0 + v1) / degrees
    assert q**-0.5 * ((1 + u) / (1 + u / q)) ** ((degrees + 1) / 2) == pytest.approx(10.0, rel=1e-9)


@pytest.mark.parametrize("kind", ["asymptotic", "msprt"])
def test_an_arm_whose_rewards_do_not_vary_has_no_interval(kind):
    """A rare great reward may be still to come, whatever the other arm's variance is."""
    for constant in (0, 1):
        sequence = DifferenceSequence(kind=kind)
        sequence.update_many(np.where(constant == ARMS, -5.0, X), ARMS)
        assert sequence.interval == (-math.inf, math.inf)
    bounded = DifferenceSequence(kind="empirical_bernstein", bounds=(0.0, 10.0))
    bounded.update_many(np.where(ARMS == 1, 0.0, np.minimum(np.abs(X) + 5.0, 10.0)), ARMS)
    assert bounded.interval.upper < 0.0


@pytest.mark.parametrize("kind", ["asymptotic", "msprt"])
def test_the_arm_with_less_evidence_says_how_far_a_difference_is_doubted(kind):
    rare = np.where(ARMS == 1, (np.cumsum(ARMS) % 100 == 0) * 50.0, X)
    sequence = DifferenceSequence(kind=kind)
    sequence.update_many(rare, ARMS)
    d = rare[ARMS == 1] - rare[ARMS == 1].mean()
    evidence = (d**2).sum() ** 2 / (d**4).sum()
    assert evidence < 10.0
    first, second = (sequence._sums[arm].now() for arm in (0, 1))
    sure = sequence._settings.difference_interval(
        first._replace(evidence=np.full(1, 99.0)), second._replace(evidence=np.full(1, 99.0))
    )
    width, plain = sequence.interval.upper - sequence.difference, sure[1][0] - sequence.difference
    assert width / plain == pytest.approx(30.0 / evidence, rel=1e-9)


def test_arms_whose_rewards_do_not_vary_say_nothing():
    sequence = DifferenceSequence(kind="msprt")
    sequence.update_many(np.full(600, 0.5), ARMS)
    assert sequence.interval == (-math.inf, math.inf)


def test_units_and_bounds_of_rewards_carry_over():
    unit = ConfidenceSequence(kind="empirical_bernstein")
    cents = ConfidenceSequence(kind="empirical_bernstein", bounds=(-100.0, 300.0))
    unit.update_many(X)
    cents.update_many(400 * X - 100)
    assert cents.interval == pytest.approx(tuple(400 * end - 100 for end in unit.interval))
    assert cents.mean == pytest.approx(400 * X.mean() - 100)
    apart = DifferenceSequence(kind="empirical_bernstein", bounds=(-100.0, 300.0))
    apart.update_many(400 * X - 100, ARMS)
    plain = DifferenceSequence(kind="empirical_bernstein")
    plain.update_many(X, ARMS)
    assert apart.interval == pytest.approx(tuple(400 * end for end in plain.interval))
    assert apart.difference == pytest.approx(400 * plain.difference)


def test_the_empirical_bernstein_interval_never_leaves_the_bounds():
    assert ConfidenceSequence(kind="empirical_bernstein").interval == (0.0, 1.0)
    assert DifferenceSequence(kind="empirical_bernstein").interval == (-1.0, 1.0)
    lower, upper = ConfidenceSequence(kind="empirical_bernstein").update_many(np.ones(1000))
    assert (upper == 1.0).all()
    assert 0.97 < lower[-1] < 1.0


def test_nothing_is_said_before_there_is_anything_to_say():
    for kind in ("asymptotic", "msprt"):
        mean, difference = ConfidenceSequence(kind=kind), DifferenceSequence(kind=kind)
        for sequence in (mean, difference):
            assert sequence.interval == (-math.inf, math.inf)
        assert math.isnan(mean.mean)
        assert math.isnan(difference.difference)
        assert math.isnan(ConfidenceSequence(kind="empirical_bernstein").mean)
        mean.update_many(np.full(1000, 0.1))  # without any spread, the variance is not zero but unknown
        assert mean.interval == (-math.inf, math.inf)


def test_burn_in_and_little_evidence_widen_the_interval():
    x = np.zeros(400)
    x[[50, 150, 250]] = 1.0
    eager = ConfidenceSequence(burn_in=1)
    lower, upper = eager.update_many(x)
    assert np.isinf(lower[:50]).all()
    assert np.isfinite(lower[50:]).all()
    n, e = 400, 3.0
    rho2 = (-2 * math.log(0.05) + math.log(-2 * math.log(0.05) + 1)) / 5000
    plain = x.std(ddof=1) * math.sqrt(2 * (n * rho2 + 1) / (n**2 * rho2) * math.log(math.sqrt(n * rho2 + 1) / 0.05))
    assert (upper[-1] - lower[-1]) / 2 / plain == pytest.approx(30 / e, rel=0.05)


@pytest.mark.parametrize(
    "options",
    [
        {"alpha": 0.0},
        {"alpha": 1.0},
        {"alpha": math.nan},
        {"alpha": "0.05"},
        {"kind": "wald"},
        {"kind": None},
        {"kind": "asymptotic", "variance": 1.0},
        {"kind": "empirical_bernstein", "variance": 1.0},
        {"kind": "msprt", "variance": 0.0},
        {"kind": "msprt", "variance": math.inf},
        {"kind": "asymptotic", "bounds": (0, 1)},
        {"kind": "empirical_bernstein", "bounds": (1, 0)},
        {"kind": "empirical_bernstein", "bounds": (0, math.inf)},
        {"kind": "empirical_bernstein", "bounds": 1.0},
        {"kind": "empirical_bernstein", "bounds": (0, 1, 2)},
        {"tuned_at": 0},
        {"tuned_at": 10.5},
        {"burn_in": 0},
        {"burn_in": True},
    ],
)
@pytest.mark.parametrize("make", [ConfidenceSequence, DifferenceSequence])
def test_settings_that_cannot_be_meant_are_refused(make, options):
    with pytest.raises(ConfigurationError):
        make(**options)


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf, 1e200, "a", None])
def test_bad_observations_are_refused_before_anything_changes(bad):
    sequence = ConfidenceSequence()
    sequence.update_many(X)
    before = sequence.state_dict()
    for call in (
        lambda: sequence.update(bad),
        lambda: sequence.update_many([0.5, bad]),
        lambda: sequence.update_many([[0.5]]),
    ):
        with pytest.raises(ConfigurationError):
            call()
    assert sequence.state_dict() == before


def test_observations_beyond_the_bounds_and_unknown_arms_are_refused():
    sequence = DifferenceSequence(kind="empirical_bernstein")
    before = sequence.state_dict()
    for call in (
        lambda: sequence.update(1.5, 0),
        lambda: sequence.update(0.5, 2),
        lambda: sequence.update(0.5, -1),
        lambda: sequence.update(0.5, arm=True),
        lambda: sequence.update_many([0.5, 1.5], [0, 1]),
        lambda: sequence.update_many([0.5, 0.5], [0, 2]),
        lambda: sequence.update_many([0.5, 0.5], [0]),
        lambda: sequence.update_many([0.5, 0.5], [0.0, 1.0]),
    ):
        with pytest.raises(ConfigurationError):
            call()
    assert sequence.state_dict() == before


@pytest.mark.parametrize("kind", ["asymptotic", "msprt"])
def test_merged_sequences_are_those_of_one_process(kind):
    whole, parts = DifferenceSequence(kind=kind), []
    whole.update_many(X, ARMS)
    for x, arms in zip(np.split(X, 6), np.split(ARMS, 6), strict=True):
        parts.append(DifferenceSequence(kind=kind))
        parts[-1].update_many(x, arms)
    merged = parts[3]
    for part in (parts[5], parts[0], parts[1], parts[4], parts[2]):
        merged = merged.merge(part)
    assert merged.n == whole.n
    assert merged.interval == pytest.approx(whole.interval, rel=1e-12)
    assert parts[3].n[0] + parts[3].n[1] == 100


def test_merged_empirical_bernstein_keeps_what_each_predicted():
    left, right = ConfidenceSequence(kind="empirical_bernstein"), ConfidenceSequence(kind="empirical_bernstein")
    left.update_many(X[:300])
    right.update_many(X[300:])
    merged = left.merge(right)
    assert merged.state_dict()["sums"] == right.merge(left).state_dict()["sums"]
    whole = ConfidenceSequence(kind="empirical_bernstein")
    whole.update_many(X)
    assert merged.mean == pytest.approx(whole.mean, rel=1e-14)
    assert merged.interval == pytest.approx(whole.interval, abs=2e-3)


def test_only_sequences_of_one_promise_are_merged():
    with pytest.raises(ConfigurationError, match="same settings"):
        ConfidenceSequence().merge(ConfidenceSequence(alpha=0.1))
    with pytest.raises(ConfigurationError, match="same settings"):
        ConfidenceSequence().merge(DifferenceSequence())  # type: ignore[arg-type]
    with pytest.raises(ConfigurationError, match="same settings"):
        ConfidenceSequence().merge("state")  # type: ignore[arg-type]


@pytest.mark.parametrize("kind", KINDS)
def test_a_state_goes_on_to_the_bit(kind):
    sequence = ConfidenceSequence(kind=kind, alpha=0.01)
    sequence.update_many(X[:300])
    twin = ConfidenceSequence.from_state(json.loads(json.dumps(sequence.state_dict(), allow_nan=False)))
    for mine, theirs in zip(sequence.update_many(X[300:]), twin.update_many(X[300:]), strict=True):
        assert mine.tobytes() == theirs.tobytes()
    assert twin.state_dict() == sequence.state_dict()


@pytest.mark.parametrize(
    "change",
    [
        {"sequence": "difference"},
        {"version": 2},
        {"alpha": 2.0},
        {"kind": "wald"},
        {"bounds": [0.0, 1.0]},
        {"sums": []},
        {"sums": [{}]},
        {"sums": ["x"]},
        {"sums": [{"count": -1, "origin": 0.0, "sums": [0.0] * 4}]},
    ],
)
def test_states_that_cannot_be_are_refused(change):
    state = ConfidenceSequence().state_dict()
    with pytest.raises(SnapshotError):
        ConfidenceSequence.from_state(state | change)
    with pytest.raises(SnapshotError):
        ConfidenceSequence.from_state({})


def vowpal_wabbit_lower(x, alpha):
    """A lower bound as VowpalWabbit computes it: the stitched boundary of Howard et al. (2021), theorem 1 with 4.

    Karampatziakis, Mineiro & Ramdas (2021) use it for importance-weighted rewards. eta = s = 1.1, zeta(1.1) = 10.58.
    """
    total = spread = 0.0
    for t, y in enumerate(x):
        spread += (y - (total + 0.5) / (t + 1)) ** 2
        total += y
    k1, k2 = (1.1**0.25 + 1.1**-0.25) / math.sqrt(2), (math.sqrt(1.1) + 1) / 2
    level = 1.1 * math.log(math.log(1.1 * spread, 1.1) + 1) + math.log(10.584448464950803 / alpha)
    return (total - math.sqrt(k1**2 * level * spread + k2**2 * level**2) - k2 * level) / len(x)


def test_vowpal_wabbits_published_value_and_ours_beside_it():
    """python/tests of vowpal_wabbit: rewards .5, .6, .7, .8 a thousand times, weights equal to the rewards.

    Its lower end bounds E[w r] from below; its upper end is one minus a lower bound of E[w (1 - r)], which supposes
    E[w] = 1. Here the mean weight is 0.65: the two ends bound 0.435 and 0.785.
    """
    r = np.array([0.5, 0.6, 0.7, 0.8] * 1000)
    theirs = vowpal_wabbit_lower(r * r, 0.025), 1 - vowpal_wabbit_lower(r * (1 - r), 0.025)
    assert theirs == pytest.approx((0.4215480, 0.7907692), abs=1e-5)
    ends = []
    for x in (r * r, r * (1 - r)):
        sequence = ConfidenceSequence(alpha=0.025, kind="empirical_bernstein")
        sequence.update_many(x)
        ends.append(sequence.interval.lower)
    ours = ends[0], 1 - ends[1]
    assert theirs[0] < ours[0] < 0.435
    assert 0.785 < ours[1] < theirs[1]
    assert ours == pytest.approx((0.42592, 0.78887), abs=1e-5)


@pytest.mark.parametrize("kind", ["asymptotic", "msprt", "empirical_bernstein"])
def test_sums_that_were_kept_elsewhere(kind):
    one, two = ConfidenceSequence(kind=kind), DifferenceSequence(kind=kind)
    one.update_many(X)
    two.update_many(X, ARMS)
    for sequence in (one, two):
        empty = type(sequence)(kind=kind)
        state = sequence.state_dict()
        assert empty.on(*state["sums"]).state_dict() == state
        assert empty.n in (0, (0, 0))
        with pytest.raises(SnapshotError, match="sums"):
            empty.on(*state["sums"], *state["sums"])
        with pytest.raises(SnapshotError, match="count"):
            empty.on(*({**sums, "count": -1} for sums in state["sums"]))
