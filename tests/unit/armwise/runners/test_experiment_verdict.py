from __future__ import annotations

from fractions import Fraction

import pytest

from armwise.runners._experiment_verdict import check_rewards, check_split, decide
from armwise.telemetry.report import Check, Span, VariantRow

NAMES = ["control", "b"]
UNKNOWN = Span(float("-inf"), float("inf"))


def row(name, mean=0.5, span=None):
    return VariantRow(
        name=name,
        control=name == "control",
        share=None,
        served=100,
        pulls=0 if mean is None else 100,
        mean=mean,
        interval=UNKNOWN,
        difference=None,
        difference_interval=UNKNOWN if span is None else Span(*span),
        chance_to_beat=None,
        expected_loss=None,
        regret=0.0,
    )


PASSED, FAILED = Check("split", "passed", ""), Check("split", "failed", "")
UNSURE = Check("split", "unknown", "")


@pytest.mark.parametrize(
    ("others", "checks", "phase", "mismatch", "verdict", "told"),
    [
        ([row("b", 0.6, (0.01, 0.2))], [PASSED], "active", False, "ship", "b is better"),
        ([row("b", 0.6, (0.01, 0.2))], [PASSED], "active", False, "ship", "Every check passed."),
        ([row("b", 0.6, (0.01, 0.2))], [PASSED], "not known", False, "ship", "by +0.010 to +0.200"),
        ([row("b", 0.6, (0.01, 0.2))], [PASSED], "shadow", False, "hold", "no variant has acted yet"),
        ([row("b", 0.6, (0.01, 0.2))], [FAILED], "active", False, "hold", "The check “split” failed."),
        ([row("b", 0.6, (0.01, 0.2))], [UNSURE], "active", False, "hold", "“split” could not be made."),
        ([row("b", 0.6, (0.01, 0.2))], [FAILED, UNSURE], "active", True, "stop", "not split as it was meant"),
        ([row("b", 0.6, (0.01, 0.2)), row("c", 0.1, (-0.3, -0.1))], [PASSED], "active", False, "ship", "c does harm"),
        ([row("b", 0.5, (-0.1, 0.2)), row("c", 0.1, (-0.3, -0.1))], [PASSED], "active", False, "stop", "Take it out"),
        ([row("b", 0.1, (-0.3, -0.1))], [PASSED], "active", False, "stop", "End the experiment."),
        ([row("b", 0.1, (-0.3, -0.1))], [FAILED], "active", False, "stop", "“split” failed"),
        ([row("b", 0.6, (0.0, 0.2))], [PASSED], "active", False, "hold", "Nothing is shown yet"),
        ([row("b", 0.4, (-0.2, 0.0))], [FAILED], "active", False, "hold", "“split” failed"),
        ([row("b", 0.4)], [PASSED], "shadow", False, "hold", "each side needs 100"),
        ([row("b", None)], [PASSED], "active", False, "hold", "No variant beside"),
    ],
)
def test_the_rule(others, checks, phase, mismatch, verdict, told):
    found = decide(phase, [row("control"), *others], checks, mismatch=mismatch)
    assert found.verdict == verdict
    assert told in " ".join(found.reasons)


@pytest.mark.parametrize(
    ("others", "checks", "mismatch", "told"),
    [
        ([row("b", 0.6, (0.01, 0.2))], [PASSED], False, ["b is better: ", "Every check passed."]),
        ([row("b", 0.6, (0.01, 0.2))], [FAILED], False, ["b is better: ", "The check “split” failed."]),
        ([row("b", 0.1, (-0.3, -0.1))], [FAILED], False, ["b does harm: ", "The check “split” failed."]),
        ([row("b", 0.6, (0.0, 0.2))], [PASSED], False, ["Nothing is shown yet"]),
        ([row("b", 0.6, (0.01, 0.2))], [FAILED], True, ["The traffic is not split"]),
    ],
)
def test_what_was_stopped_stays_so_and_gets_no_advice(others, checks, mismatch, told):
    found = decide("stopped", [row("control"), *others], checks, mismatch=mismatch, stopped="It was stopped: harm")
    assert (found.verdict, found.best) == ("stop", "b")
    assert found.reasons[0] == "It was stopped: harm"
    assert len(found.reasons) == 1 + len(told)
    assert all(reason.startswith(words) for reason, words in zip(found.reasons[1:], told, strict=True))


@pytest.mark.parametrize("span", [(0.01, 0.2), (-0.3, -0.1)])
def test_nothing_follows_from_rewards_that_were_not_earned(span):
    rows = [row("control"), row("b", 0.6, span)]
    found = decide("shadow", rows, [UNSURE], mismatch=False, unearned="Nothing was earned.")
    assert found == ("hold", "b", ("Nothing was earned.", "The check “split” could not be made."))
    assert decide("shadow", rows, [FAILED], mismatch=True, unearned="Nothing was earned.").verdict == "stop"


def test_the_best_is_the_one_of_the_greatest_mean():
    rows = [row("control", 0.9), row("b", -2.0, (-1, 1)), row("c", -1.0, (-1, 1)), row("d", None)]
    assert decide("active", rows, [PASSED], mismatch=False).best == "c"
    assert decide("active", [row("control"), row("d", None)], [], mismatch=False).best is None


def outcomes(split):
    return [check.outcome for check in split.checks]


def test_a_split_as_it_was_meant_passes():
    split = check_split({"control": 9_010, "b": 990}, {"control": 9, "b": 1}, "users", NAMES)
    assert outcomes(split) == ["passed", "passed"]
    assert not split.mismatch
    assert "users: control 9,010, b 990" in split.checks[0].detail
    assert outcomes(check_split({"control": 90}, {"control": 1, "b": Fraction(1, 10**6)}, "users", NAMES))


def test_another_split_is_a_mismatch():
    split = check_split({"control": 5_000, "b": 5_600}, {"control": 1, "b": 1}, "users", NAMES)
    assert outcomes(split) == ["failed", "failed"]
    assert split.mismatch


@pytest.mark.parametrize("units", ["requests", "requests in the shadow"])
def test_requests_show_no_mismatch(units):
    split = check_split({"control": 5_000, "b": 5_600}, {"control": 1, "b": 1}, units, NAMES)
    assert outcomes(split) == ["failed", "failed"]
    assert not split.mismatch
    assert "log the user with each decision" in split.checks[0].detail


def test_one_look_may_fail_where_the_sequential_check_does_not():
    split = check_split({"control": 10_000, "b": 10_500}, {"control": 1, "b": 1}, "users", NAMES)
    assert outcomes(split) == ["passed", "failed"]
    assert not split.mismatch


def test_a_variant_without_a_share_that_was_served_is_a_mismatch():
    split = check_split({"control": 50, "b": 50, "c": 1}, {"control": 1, "b": 1, "c": 0}, "users", [*NAMES, "c"])
    assert split.mismatch
    assert "statistic infinite" in split.checks[1].detail


def test_equal_shares_are_assumed_where_the_counts_fit_them():
    split = check_split({"control": 5_000, "b": 5_050}, None, "users", NAMES)
    assert outcomes(split) == ["passed", "passed"]
    assert "shares taken to be equal" in split.checks[0].detail
    unsure = check_split({"control": 9_000, "b": 1_000}, None, "users", NAMES)
    assert outcomes(unsure) == ["unknown"]
    assert not unsure.mismatch
    assert "--share NAME=WEIGHT" in unsure.checks[0].detail


def test_there_may_be_no_split_to_check():
    assert outcomes(check_split({}, None, "users", NAMES)) == ["unknown"]
    assert outcomes(check_split({"control": 5}, {"control": 1, "b": 0}, "users", NAMES)) == ["unknown"]


def test_rewards_that_come_back_alike_pass():
    assert check_rewards({"control": 1000, "b": 1000}, {"control": 950, "b": 940}).outcome == "passed"
    assert check_rewards({"control": 1000, "b": 1000}, {"control": 1000, "b": 1000}).outcome == "passed"
    assert check_rewards({"control": 1000, "b": 0}, {"control": 900}).outcome == "passed"


def test_rewards_that_do_not_come_back_alike_fail():
    check = check_rewards({"control": 1000, "b": 1000}, {"control": 950, "b": 880})
    assert check.outcome == "failed"
    assert "control 95.00%, b 88.00%" in check.detail


def test_without_rewards_nothing_is_known():
    assert check_rewards({"control": 1000, "b": 1000}, {}).outcome == "unknown"
    assert check_rewards({}, {}).detail == "there are no requests yet"
    stray = check_rewards({"control": 10, "b": 0}, {"control": 10, "b": 1})
    assert (stray.outcome, stray.detail) == ("unknown", "no request was counted of b, and yet there are rewards")


@pytest.mark.parametrize(
    ("rewarded", "outcome"),
    [
        ({"control": 1001, "b": 1000}, "passed"),
        ({"control": 3000, "b": 3000}, "passed"),
        ({"control": 3000, "b": 3300}, "failed"),
        ({"control": 1010, "b": 700}, "failed"),
    ],
)
def test_requests_with_several_rewards_may_come_back_alike(rewarded, outcome):
    assert check_rewards({"control": 1000, "b": 1000}, rewarded).outcome == outcome
