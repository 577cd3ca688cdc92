from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
from scipy import optimize, special

from armwise import ConfigurationError, ThompsonSampling
from armwise.learning import fit_prior, pooled_prior
from armwise.telemetry.log import DecisionLog, LogReader


def update(arm, reward, domain="route", **more):
    return SimpleNamespace(domain=domain, arm=arm, reward=reward, **more)


def by_scipy(successes, failures):
    """The same maximum, by another way."""

    def loss(logarithms):
        a, b = np.exp(logarithms)
        return -np.sum(special.betaln(a + successes, b + failures) - special.betaln(a, b))

    options = {"xatol": 1e-10, "fatol": 1e-13, "maxiter": 10_000, "maxfev": 10_000}
    found = optimize.minimize(loss, [0.5, 0.5], method="Nelder-Mead", options=options)
    return np.exp(found.x)


@pytest.mark.parametrize(("arms", "pulls", "seed"), [(5, 40, 3), (30, 200, 1), (200, 20, 2)])
def test_the_fit_is_the_greatest_likelihood(arms, pulls, seed):
    rng = np.random.default_rng(seed)
    wins = rng.binomial(pulls, rng.beta(3.0, 7.0, arms))
    records = [update(arm, float(turn < win)) for arm, win in enumerate(wins.tolist()) for turn in range(pulls)]
    fitted = fit_prior(records, least=0.01, most=1e6)["route"]
    assert fitted == pytest.approx(by_scipy(wins, pulls - wins), rel=1e-4)


def test_many_arms_give_back_where_they_came_from():
    rng = np.random.default_rng(8)
    means = rng.beta(3.0, 7.0, 2000)
    posteriors = {}
    for arm, mean in enumerate(means.tolist()):
        wins = rng.binomial(30, mean)
        posteriors[arm] = (2.0 + wins, 5.0 + 30 - wins)
    a, b = pooled_prior(posteriors, prior=(2.0, 5.0))
    # The standard error of a + b is about 0.6 there.
    assert a / (a + b) == pytest.approx(0.3, abs=0.02)
    assert a + b == pytest.approx(10.0, abs=1.8)


def test_fractional_rewards_count_as_parts_of_both():
    whole = [update("a", 1.0)] * 3 + [update("a", 0.0)] * 7 + [update("b", 1.0)] * 6 + [update("b", 0.0)] * 4
    parts = [update("a", 0.3)] * 10 + [update("b", 0.6)] * 10
    assert fit_prior(parts)["route"] == pytest.approx(fit_prior(whole)["route"], rel=1e-6)


def test_alike_arms_are_bounded_by_the_most_and_unlike_ones_by_the_least():
    alike = [update(arm, float(turn % 2)) for arm in "abc" for turn in range(100)]
    a, b = fit_prior(alike, most=50.0)["route"]
    assert a + b == pytest.approx(50.0)
    assert a == pytest.approx(b, rel=1e-6)
    unlike = [update(arm, reward) for arm, reward in [("a", 1.0), ("b", 0.0)] for _ in range(100)]
    a, b = fit_prior(unlike, least=2.0)["route"]
    assert a + b == pytest.approx(2.0)


@pytest.mark.parametrize(("reward", "low", "high"), [(1.0, 0.9, 1.0), (0.0, 0.0, 0.1)])
def test_rewards_that_are_all_the_same_leave_both_shapes_above_zero(reward, low, high):
    a, b = fit_prior([update(arm, reward) for arm in "ab" for _ in range(50)])["route"]
    assert low <= a / (a + b) <= high
    assert min(a, b) > 0.0
    ThompsonSampling(prior=(a, b))


def test_each_domain_has_its_own_and_what_was_learned_counts():
    records = [update("a", 1.0), update("b", 0.0), update("a", 500.0, "prompt", learned=0.25), object()]
    fitted = fit_prior(records)
    assert fitted.keys() == {"route", "prompt"}
    a, b = fitted["prompt"]
    assert a / (a + b) == pytest.approx(1.25 / 3.0, abs=0.1)


def test_a_decision_log_is_read(tmp_path):
    policy = ThompsonSampling(["a", "b"], seed=1)
    with DecisionLog(tmp_path / "log.jsonl") as log:
        log.checkpoint(policy.state_dict(), domain="route")
        for turn in range(20):
            decision = policy.decide()
            log.decision(decision, seed=policy.seed, domain="route")
            policy.update(decision.arm, float(turn % 2))
            log.update(decision.arm, float(turn % 2), domain="route", policy_version=policy.policy_version)
    a, b = fit_prior(LogReader(tmp_path / "log.jsonl"))["route"]
    assert a / (a + b) == pytest.approx(0.5, abs=0.2)


def test_without_evidence_the_prior_stays():
    assert pooled_prior({"a": (2.0, 3.0)}, prior=(2.0, 3.0)) == (2.0, 3.0)
    assert pooled_prior({}, prior=(2, 3)) == (2.0, 3.0)


@pytest.mark.parametrize("reward", [200.0, -0.1, float("nan"), float("inf"), True, "1", None, 10**5000], ids=type)
def test_a_reward_outside_of_0_to_1_names_the_remedy(reward):
    with pytest.raises(ConfigurationError, match=r"a reward is .*CompositeReward"):
        fit_prior([update("a", 1.0), update("a", reward)])


@pytest.mark.parametrize(
    ("records", "message"),
    [
        ([], "records holds no reward"),
        ([object()], "records holds no reward"),
        (None, "records is None"),
        ([update("a", 1.0, domain=3)], "domain is 3"),
        ([update("a", 1.0, domain="\ud800")], "domain is"),
        ([update(None, 1.0)], "arm is None"),
    ],
    ids=range(6),
)
def test_records_that_cannot_be_meant_are_refused(records, message):
    with pytest.raises(ConfigurationError, match=message):
        fit_prior(records)


@pytest.mark.parametrize(
    ("bounds", "message"),
    [
        ({"least": 0.0}, "least is 0.0"),
        ({"most": 1e7}, "most is"),
        ({"most": True}, "most is True"),
        ({"least": float("nan")}, "least is nan"),
        ({"least": 10**5000}, "least is of type int"),
        ({"least": 20.0, "most": 10.0}, "expected a least that is not above the most"),
    ],
    ids=range(6),
)
def test_bounds_that_cannot_be_meant_are_refused(bounds, message):
    for call in (lambda: fit_prior([update("a", 1.0)], **bounds), lambda: pooled_prior({"a": (2, 1)}, **bounds)):
        with pytest.raises(ConfigurationError, match=message):
            call()


@pytest.mark.parametrize(
    ("posteriors", "prior", "message"),
    [
        ([("a", (1, 1))], (1, 1), "posteriors is"),
        ({"a": (1,)}, (1, 1), "the posterior of 'a' is"),
        ({"a": (0.0, 1.0)}, (1, 1), "the posterior of 'a' is"),
        ({"a": (True, 1.0)}, (1, 1), "the posterior of 'a' is"),
        ({"a": 3.0}, (1, 1), "the posterior of 'a' is"),
        ({"a": (1.0, float("nan"))}, (1, 1), "the posterior of 'a' is"),
        ({"a": (1.0, 1.0)}, None, "prior is None"),
    ],
)
def test_posteriors_that_cannot_be_meant_are_refused(posteriors, prior, message):
    with pytest.raises(ConfigurationError, match=message):
        pooled_prior(posteriors, prior=prior)
