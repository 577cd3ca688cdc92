from __future__ import annotations

import json
import math

import numpy as np
import pytest
from scipy import integrate, optimize, stats

from armwise.errors import ConfigurationError, SnapshotError, UnknownArm
from armwise.evaluation import BestArm


def told(rule, *, pulls=(40, 30), wins=(20, 8)):
    for place, (n, s) in enumerate(zip(pulls, wins, strict=True)):
        rule.update_many([place] * n, [1.0] * s + [0.0] * (n - s))
    return rule


def test_bernoulli_evidence_is_the_mixture_over_the_likeliest_common_rate():
    rule = told(BestArm(["a", "b"]))

    def mixed(n, s):
        return integrate.quad(lambda p: p**s * (1 - p) ** (n - s) * stats.beta.pdf(p, 0.5, 0.5), 0, 1)[0]

    def common(m):
        return -(28 * math.log(m) + 42 * math.log(1 - m))

    likeliest = -optimize.minimize_scalar(common, bounds=(0.01, 0.99), method="bounded").fun
    assert rule.evidence == pytest.approx(math.log(mixed(40, 20)) + math.log(mixed(30, 8)) - likeliest, rel=1e-5)
    assert rule.threshold == pytest.approx(math.log(20))
    assert (rule.leader, rule.counts, rule.arms) == ("a", (40, 30), ("a", "b"))


def test_gaussian_evidence_is_the_mixture_over_the_likeliest_common_mean():
    rule = told(BestArm([0, 1], family="gaussian", variance=0.5))

    def factor(n, mean, m):
        # of n rewards, at m, against alternatives that stand off by N(0, variance)
        drift = n * (mean - m)
        return drift**2 / (2 * 0.5 * (1 + n)) - math.log(1 + n) / 2

    least = optimize.minimize_scalar(lambda m: factor(40, 0.5, m) + factor(30, 8 / 30, m)).fun
    assert rule.evidence == pytest.approx(least, rel=1e-9)


def test_the_least_of_several_comparisons_counts():
    rule = told(BestArm(["a", "b", "c"]), pulls=(100, 100, 100), wins=(90, 10, 80))
    pair = told(BestArm(["a", "c"]), pulls=(100, 100), wins=(90, 80))
    assert rule.evidence == pytest.approx(pair.evidence)
    assert rule.threshold == pytest.approx(math.log(2 / 0.05))
    assert rule.best is None
    rule.update_many([0] * 900 + [2] * 900, [1.0] * 810 + [0.0] * 90 + [1.0] * 720 + [0.0] * 180)
    assert rule.best == "a"


def test_nothing_is_named_before_each_arm_was_pulled():
    rule = BestArm(["a", "b"])
    rule.update("a", 1.0)
    assert (rule.leader, rule.best, rule.evidence) == (None, None, -math.inf)
    rule.update("b", 1.0)
    assert rule.leader == "a"
    assert rule.best is None


def test_bounded_rewards_need_not_be_zero_or_one():
    rule = BestArm(["a", "b"])
    rule.update_many([0, 1] * 200, [0.8, 0.3] * 200)
    assert rule.best == "a"


def test_updates_one_by_one_are_the_same():
    one, many = BestArm(["a", "b"]), told(BestArm(["a", "b"]))
    for arm, n, s in (("a", 40, 20), ("b", 30, 8)):
        for i in range(n):
            one.update(arm, float(i < s))
    assert one.state_dict() == many.state_dict()


def test_merging_adds_up_in_any_order():
    a, b = told(BestArm(["a", "b"])), told(BestArm(["a", "b"]), pulls=(3, 4), wins=(1, 2))
    assert a.merge(b).state_dict() == b.merge(a).state_dict()
    assert a.merge(b).counts == (43, 34)
    assert a.counts == (40, 30)
    for other in (BestArm(["a", "c"]), BestArm(["a", "b"], delta=0.1), "rule"):
        with pytest.raises(ConfigurationError):
            a.merge(other)


@pytest.mark.parametrize(
    ("arms", "options"),
    [
        (["a"], {}),
        (["a", "a"], {}),
        (["a", "b"], {"delta": 0.0}),
        (["a", "b"], {"delta": math.nan}),
        (["a", "b"], {"family": "poisson"}),
        (["a", "b"], {"family": "gaussian"}),
        (["a", "b"], {"family": "gaussian", "variance": 0.0}),
        (["a", "b"], {"variance": 1.0}),
        (None, {}),
        (5, {}),
        ([1, [2]], {}),
        ([], {}),
        (["a", "b"], {"family": np.array(["bernoulli", "gaussian"])}),
        (["a", "b"], {"delta": 10**5000}),
    ],
)
def test_rules_that_cannot_be_are_refused(arms, options):
    with pytest.raises(ConfigurationError):
        BestArm(arms, **options)


def test_bad_rewards_change_nothing():
    rule = told(BestArm(["a", "b"]))
    before = rule.state_dict()
    for reward in (-0.1, 1.1, math.nan, "1"):
        with pytest.raises(ConfigurationError):
            rule.update("a", reward)
    for places, rewards in (([0, 1], [0.5, 2.0]), ([0, 2], [0.5, 0.5]), ([0], [0.5, 0.5]), ([0], [math.nan])):
        with pytest.raises(ConfigurationError):
            rule.update_many(places, rewards)
    with pytest.raises(UnknownArm, match="'c'"):
        rule.update("c", 0.5)
    assert rule.state_dict() == before


@pytest.mark.parametrize("options", [{}, {"family": "gaussian", "variance": 2.0}])
def test_a_state_is_the_same_rule(options):
    rule = told(BestArm(["a", 2], **options))
    twin = BestArm.from_state(json.loads(json.dumps(rule.state_dict())))
    assert twin.state_dict() == rule.state_dict()
    assert twin.evidence == rule.evidence


@pytest.mark.parametrize(
    "change",
    [
        {"rule": "x"},
        {"version": 2},
        {"arms": ["a"]},
        {"arms": [["a"], ["b"]]},
        {"delta": 0.0},
        {"family": "poisson"},
        {"variance": 1.0},
        {"counts": [1]},
        {"counts": [-1, 2]},
        {"sums": [41.0, 1.0]},
        {"sums": [-1.0, 1.0]},
        {"sums": [1.0]},
    ],
)
def test_states_that_cannot_be_are_refused(change):
    with pytest.raises(SnapshotError):
        BestArm.from_state(told(BestArm(["a", "b"])).state_dict() | change)


def test_a_state_of_nothing_is_loaded():
    rule = BestArm.from_state(BestArm(["a", "b"]).state_dict())
    assert rule.counts == (0, 0)
    assert np.isneginf(rule.evidence)
