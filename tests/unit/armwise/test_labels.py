"""Labels: which are taken, and that what is none is refused in few words, whatever it is."""

from __future__ import annotations

import numpy as np
import pytest

from armwise import EpsilonGreedy, LinTS, LinTSDiag, ThompsonSampling
from armwise._labels import are_strings, check_label, check_labels, clash, listed, listing, plain
from armwise.errors import ConfigurationError, UnknownArm
from armwise_kernels import law

HUGE = 10**5000
LONG = "x" * 2**20
SHORT = 400


class Text(str):
    """A label of somebody's own type."""

    __slots__ = ()


class Number(int):
    """A label of somebody's own type."""


def nested(levels=100_000):
    held = []
    for _ in range(levels):
        held = [held]
    return held


def values(*given):
    """Parameters that pytest need not write."""
    return [pytest.param(value, id=f"{type(value).__name__}{place}") for place, value in enumerate(given)]


def refused(call, *kinds):
    """The words of a refusal, which are few."""
    with pytest.raises(kinds or ConfigurationError) as caught:
        call()
    words = str(caught.value)
    assert len(words) < SHORT
    return words


@pytest.mark.parametrize("label", ["", "a", "\ud800", 0, -(2**63), 2**63 - 1, 1.5, -0.0, Text("a"), np.float64(2.0)])
def test_labels_come_back_as_they_are(label):
    assert check_label(label) is label


@pytest.mark.parametrize(
    "label",
    values(None, *(True, False), b"a", 2**63, HUGE, -HUGE, float("nan"), float("inf"), 1j, ["a"], ("a",), {}, nested()),
)
def test_what_is_no_label_is_refused_in_few_words(label):
    assert "expected a string, a 64-bit integer or a finite float" in refused(lambda: check_label(label, "the arm"))


@pytest.mark.parametrize("label", [np.int64(3), np.str_("a"), np.float32(1.0), np.bool_(1)])
def test_scalars_of_numpy_are_labels_where_they_are_pythons_too(label):
    if isinstance(label, str):
        assert check_label(label) is label
    else:
        assert refused(lambda: check_label(label)).endswith("convert it with .item()")


def test_labels_keep_their_order():
    assert check_labels(["b", "a", 3]) == check_labels(iter(("b", "a", 3))) == ("b", "a", 3)
    assert check_labels(np.array([3, 1])) == (3, 1)
    assert listed(["a", "a"], "candidates") == ("a", "a")


@pytest.mark.parametrize(
    ("given", "words"),
    [
        pytest.param([], "arms is empty", id="none"),
        pytest.param("ab", "letter by letter", id="text"),
        pytest.param(LONG, "letter by letter", id="long text"),
        pytest.param(b"ab", "letter by letter", id="bytes"),
        pytest.param({"a", "b"}, "in an order", id="set"),
        pytest.param({"a": 1}, "in an order", id="mapping"),
        pytest.param(HUGE, "in an order", id="huge"),
        pytest.param(None, "in an order", id="None"),
        pytest.param(["a", None], "an entry of arms is None", id="an entry"),
        pytest.param([HUGE], "an entry of arms is of type int, too large to be shown", id="a huge entry"),
        pytest.param(nested(), "an entry of arms is of type list, too large to be shown", id="a deep entry"),
        pytest.param(["a", "a"], "'a' and 'a', which are equal", id="twice"),
        pytest.param([1, 1.0], "1 and 1.0, which are equal", id="equal"),
        pytest.param([LONG, LONG], "which are equal", id="long and equal"),
        pytest.param(range(law.MAX_ARMS + 1), "holds 1,048,577 labels", id="many"),
    ],
)
def test_what_are_no_labels_is_refused_in_few_words(given, words):
    assert words in refused(lambda: check_labels(given))


def test_strings_of_pythons_own_need_no_further_check():
    assert are_strings(())
    assert are_strings(("a", "b"))
    assert not are_strings(("a", Text("b")))
    assert not are_strings(("a", 1))


def test_a_whole_number_and_a_float_clash():
    assert clash(1.0, 1)
    assert clash(1, 1.0)
    assert not clash(1, 1)
    assert not clash(1.0, 1.0)


@pytest.mark.parametrize(
    ("label", "kind"), [(Text("a"), str), (Number(3), int), (np.float64(0.5), float), (np.str_("a"), str)]
)
def test_subclasses_fall_to_plain_ones(label, kind):
    assert type(plain(label)) is kind
    assert plain(label) == label


def test_a_listing_is_short():
    assert listing(("a", 1)) == "'a', 1"
    assert listing(tuple("abcdefg")) == "'a', 'b', 'c', 'd', 'e', 'f', ... (7 in all)"
    assert len(listing((LONG,) * 100)) < 6 * 90


POLICIES = [
    pytest.param(lambda: ThompsonSampling(["a", "b"], seed=1), None, id="thompson"),
    pytest.param(lambda: ThompsonSampling(seed=1), None, id="open"),
    pytest.param(lambda: EpsilonGreedy(["a", "b"], seed=1), None, id="means"),
    pytest.param(lambda: LinTS(["a", "b"], dim=2, seed=1), [0.5, 1.0], id="linear"),
    pytest.param(lambda: LinTSDiag(["a", "b"], dim=2, seed=1), [0.5, 1.0], id="diagonal"),
]


@pytest.mark.parametrize("value", values(HUGE, -HUGE, nested(), [HUGE], {"a": nested()}))
@pytest.mark.parametrize(("made", "context"), POLICIES)
def test_policies_refuse_in_few_words(made, context, value):
    policy = made()
    before = policy.state_dict()
    for call in (
        lambda: policy.select([value], context),
        lambda: policy.select(value, context),
        lambda: policy.decide([value], context),
        lambda: policy.update(value, 1.0, context),
        lambda: policy.add_arm(value),
        lambda: policy.select(["a", "b"], {"x": value}) if context else policy.select([value]),
    ):
        refused(call, ConfigurationError, UnknownArm)
    assert policy.state_dict() == before


@pytest.mark.parametrize("value", values(HUGE, -HUGE, [HUGE], LONG, LONG.encode()))
@pytest.mark.parametrize(("made", "context"), POLICIES)
def test_policies_refuse_rewards_in_few_words(made, context, value):
    policy = made()
    before = policy.state_dict()
    for call in (
        lambda: policy.update("a", value, context),
        lambda: policy.update_many(["a"], value if isinstance(value, (str, bytes)) else [value], context and [context]),
    ):
        refused(call)
    assert policy.state_dict() == before


@pytest.mark.parametrize("value", values(HUGE, -HUGE, nested(), [HUGE], LONG.encode(), {"a": nested()}))
def test_policies_are_made_of_labels_and_numbers(value):
    for call in (
        lambda: ThompsonSampling([value]),
        lambda: ThompsonSampling(value),
        lambda: ThompsonSampling(["a"], seed=value),
        lambda: ThompsonSampling(["a"], rng=value),
        lambda: ThompsonSampling(["a"], prior=value),
        lambda: ThompsonSampling(["a"], prior=(value, 1.0)),
        lambda: ThompsonSampling(["a"], half_life=value),
        lambda: EpsilonGreedy(["a"], epsilon=value),
        lambda: LinTS(["a"], dim=value),
        lambda: LinTS(["a"], dim=2, sigma=value),
    ):
        refused(call)


def test_a_long_label_is_an_arm_and_is_cut_in_errors():
    policy = ThompsonSampling([LONG, "b"], seed=1)
    policy.update(LONG, 1.0)
    assert "'xxx" in refused(lambda: policy.add_arm(LONG))
    assert "no arm" in refused(lambda: policy.update(LONG + "y", 1.0), UnknownArm)
