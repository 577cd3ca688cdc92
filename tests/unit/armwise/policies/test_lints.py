"""LinTSDiag and LinTS: what they learn, and what they take for a context."""

from __future__ import annotations

import json
from collections import deque
from datetime import datetime, timedelta, tzinfo

import numpy as np
import pytest

from armwise import ConfigurationError, LinTS, LinTSDiag, UnknownArm

RNG = np.random.default_rng(8)
X = RNG.normal(size=(40, 4))
R = RNG.normal(size=40)
START = 1_700_000_000


@pytest.fixture(params=[LinTSDiag, LinTS])
def cls(request):
    return request.param


def trained(cls, **parameters):
    policy = cls(["a", "b"], dim=4, seed=2, **parameters)
    policy.update_many(["a"] * 40, R, X)
    return policy


def test_diagonal_coefficients():
    policy = trained(LinTSDiag, prior_precision=2.0)
    expected = (X.T @ R) / (2.0 + (X**2).sum(axis=0))
    np.testing.assert_allclose(policy.coefficients("a"), expected, rtol=1e-12)
    assert policy.coefficients("b").tolist() == [0.0] * 4


def test_full_coefficients():
    policy = trained(LinTS, prior_precision=2.0)
    expected = np.linalg.solve(2.0 * np.eye(4) + X.T @ X, X.T @ R)
    np.testing.assert_allclose(policy.coefficients("a"), expected, rtol=1e-10)
    assert policy.coefficients("b").tolist() == [0.0] * 4


def test_coefficients_of_nobody(cls):
    for arms in (["a"], None):
        with pytest.raises(UnknownArm):
            cls(arms, dim=2).coefficients("z")


def test_parameters_can_be_read(cls):
    policy = cls(["a"], dim=np.int64(4), sigma=2, prior_precision=np.float32(0.5))
    assert (policy.dim, policy.sigma, policy.prior_precision) == (4, 2.0, 0.5)


@pytest.mark.parametrize("name", ["sigma", "prior_precision"])
@pytest.mark.parametrize("value", [0, -1.0, float("nan"), float("inf"), "1", None, True, 1e31, 1e-31, 10**400])
def test_bad_scales(cls, name, value):
    with pytest.raises(ConfigurationError, match=name):
        cls(["a"], dim=2, **{name: value})


@pytest.mark.parametrize("dim", [0, -1, 2.0, "2", None, True, 1 << 17])
def test_bad_dims(cls, dim):
    with pytest.raises(ConfigurationError, match="dim"):
        cls(["a"], dim=dim)


def test_half_life_of_the_diagonal():
    assert LinTSDiag(["a"], dim=2).half_life is None
    policy = LinTSDiag(["a"], dim=2, half_life=60)
    assert policy.half_life == timedelta(minutes=1)
    assert "half_life=0:01:00" in repr(policy)
    for _ in range(3):
        policy.update("a", 1.0, [1.0, 0.0], now=float(START))
    assert policy.coefficients("a")[0] == pytest.approx(3 / 4, rel=1e-9)
    policy.select(context=[1.0, 0.0], now=float(START + 60))
    assert policy.coefficients("a")[0] == pytest.approx(1.5 / 2.5, rel=2e-3)


def test_a_prior_of_its_own(cls):
    policy = trained(cls)
    policy.add_arm("wise", (np.array([1.0, 2.0, 3.0, 4.0]), 50.0))
    policy.add_arm("same", (0.5, [1.0, 2.0, 3.0, 4.0]))
    np.testing.assert_allclose(policy.coefficients("wise"), [1.0, 2.0, 3.0, 4.0], rtol=1e-12)
    np.testing.assert_allclose(policy.coefficients("same"), [0.5] * 4, rtol=1e-12)
    twin = cls(["x"], dim=4)
    twin.load_state(json.loads(json.dumps(policy.state_dict())))
    contexts = RNG.normal(size=(100, 4))
    assert twin.select_many(contexts).tolist() == policy.select_many(contexts).tolist()


def test_a_prior_of_its_own_would_decay_and_is_refused():
    policy = LinTSDiag(["a"], dim=2, half_life=60)
    before = policy.state_dict()
    with pytest.raises(ConfigurationError, match="half_life"):
        policy.add_arm("b", (2.0, 9.0))
    assert policy.state_dict() == before
    policy.add_arm("b")
    assert policy.arms == ("a", "b")


@pytest.mark.parametrize(
    "prior",
    [
        (0.0, 0.5),
        (0.0, np.nan),
        (np.inf, 2.0),
        ([1.0, 2.0], 2.0),
        (0.0, [2.0] * 5),
        ("0", 2.0),
        (None, 2.0),
        (0.0, 1e31),
        (True, 2.0),
        ([[1.0], [1.0, 2.0]], 2.0),
    ],
)
def test_bad_priors(cls, unchanged, prior):
    policy = trained(cls)
    with unchanged(policy, ConfigurationError, "prior"):
        policy.add_arm("c", prior)


@pytest.mark.parametrize(
    "context",
    [
        X[0].tolist(),
        tuple(X[0]),
        X[0].astype(np.longdouble),
        np.repeat(X[0], 2)[::2],
        X[0].astype(">f8"),
        memoryview(X[0]),
    ],
    ids=["list", "tuple", "longdouble", "strided", "big-endian", "memoryview"],
)
def test_contexts_are_converted(cls, context):
    one, other = trained(cls), trained(cls)
    assert one.decide(context=context) == other.decide(context=X[0])
    one.update("b", 1.0, context)
    other.update("b", 1.0, X[0])
    assert one.state_dict() == other.state_dict()


def test_float32_and_integers_are_converted(cls):
    one, other = trained(cls), trained(cls)
    assert one.decide(context=np.array([1, -2, 3, 4], np.int16)) == other.decide(context=[1.0, -2.0, 3.0, 4.0])
    assert one.decide(context=np.float32([0.1] * 4)) == other.decide(context=[float(np.float32(0.1))] * 4)


@pytest.mark.parametrize(
    ("context", "match"),
    [
        (None, "missing"),
        (X[0][:3], "shape"),
        (X[:1], "shape"),
        (1.0, "shape"),
        ([], "shape"),
        ([1.0, 2.0, 3.0, np.nan], r"context\[3\] is nan"),
        ([1.0, np.inf, 3.0, 4.0], r"context\[1\]"),
        ([1e101, 0.0, 0.0, 0.0], "1e100"),
        ("1234", "real numbers"),
        (b"1234", "real numbers"),
        ({1.0, 2.0, 3.0, 4.0}, "real numbers"),
        ([True, 1.0, 2.0, 3.0], "real numbers"),
        ([np.zeros((), bool), 1.0, 2.0, 3.0], r"context\[0\] has dtype bool"),
        ([1.0, np.ma.masked, 2.0, 3.0], r"context\[1\] is a masked array"),
        (deque([1.0, True, 2.0, 3.0]), r"context\[1\] has dtype bool"),
        (np.array([True] * 4), "bool"),
        (np.array(["1"] * 4), "dtype"),
        ([1 + 0j] * 4, "complex"),
        (np.array([1.0, 2.0, 3.0, None]), "object"),
        ([10**400] * 4, "object"),
        ([[1.0], [1.0, 2.0], 3.0, 4.0], "array"),
        (np.full(4, np.longdouble("1e400")), "1e100"),
    ],
)
def test_bad_contexts(cls, unchanged, context, match):
    policy = trained(cls)
    for call in (policy.select, policy.decide, policy.propensities):
        with unchanged(policy, ConfigurationError, match):
            call(None, context)
    with unchanged(policy, ConfigurationError, match):
        policy.update("a", 0.5, context)
    opened = cls(dim=4)
    with unchanged(opened, ConfigurationError, match):
        opened.update("new", 0.5, context)


@pytest.mark.parametrize(
    "contexts", [None, X[0], X[:3, :3], [[1.0] * 4, [1.0] * 3], "abc", [[np.nan] * 4] * 2, 5, [{"a": 1}, [1.0] * 4]]
)
def test_bad_batches(cls, unchanged, contexts):
    policy = trained(cls)
    with unchanged(policy, ConfigurationError):
        policy.select_many(contexts)
    with unchanged(policy, ConfigurationError):
        policy.update_many(["a", "b"], [0.5, 0.5], contexts)


@pytest.mark.parametrize(
    ("row", "match"),
    [
        (np.ma.array([1.0, 777.0, 1.0, 1.0], mask=[0, 1, 0, 0]), r"contexts\[1\] is a masked array"),
        ([1.0, np.ma.masked, 1.0, 1.0], r"contexts\[1\]\[1\] is a masked array"),
        (np.ones(4, bool), r"contexts\[1\] has dtype bool"),
        ([np.zeros((), bool), 1.0, 2.0, 3.0], r"contexts\[1\]\[0\] has dtype bool"),
        (np.ones(4, complex), r"contexts\[1\] has dtype complex128"),
        ("1234", r"contexts\[1\] is '1234'"),
        ([[True]] * 4, "array|shape"),
    ],
)
def test_bad_rows_among_good_ones(cls, unchanged, row, match):
    policy = trained(cls)
    with unchanged(policy, ConfigurationError, match):
        policy.select_many([X[0], row])
    with unchanged(policy, ConfigurationError, match):
        policy.update_many(["a", "b"], [0.5, 0.5], [X[0], row])


def test_contexts_overwritten_once_they_are_checked_do_not_matter(cls):
    class Hand(tzinfo):
        """Stands in for another thread: writes between the check and the kernel, every time."""

        def utcoffset(self, _):
            contexts[:] = np.nan
            return timedelta(0)

    one, other = trained(cls), trained(cls)
    contexts = X.copy()
    chosen = one.select_many(contexts, now=datetime(2026, 1, 1, tzinfo=Hand()))
    assert np.isnan(contexts).all()
    assert chosen.tolist() == other.select_many(X).tolist()


def test_batches_of_any_order(cls):
    one, other = trained(cls), trained(cls)
    assert one.select_many(np.asfortranarray(X)).tolist() == other.select_many(X.tolist()).tolist()
    assert one.select_many([]).shape == (0,)
    assert one.select_many(np.empty((0, 4))).shape == (0,)


@pytest.mark.parametrize("reward", [1e101, -1e101])
def test_rewards_have_a_bound(cls, unchanged, reward):
    policy = trained(cls)
    with unchanged(policy, ConfigurationError, "1e"):
        policy.update("a", reward, X[0])
    policy.update("a", 1e100, X[0])
    policy.update("a", -1e100, X[0])


def test_features_by_name(cls):
    one, other = cls(["a", "b"], dim=6, seed=4), cls(["a", "b"], dim=6, seed=4)
    rows = [{"tokens": 10.0 * i, "language": "de" if i % 2 else "fr"} for i in range(50)]
    one.update_many(["a"] * 50, [0.1] * 50, rows)
    for row in rows:
        other.update("a", 0.1, row)
    assert one.state_dict() == other.state_dict()
    assert one.state_dict()["encoder"]["seen"] == [50]
    before = one.state_dict()["encoder"]
    assert one.select_many(rows).tolist() == [["a", "b"].index(other.select(context=row)) for row in rows]
    assert one.state_dict()["encoder"] == before


def test_bad_features(cls, unchanged):
    policy = cls(["a", "b"], dim=6)
    for features in ({"a": None}, {1: 2.0}, {"a": np.nan}, {"a": 1e101}, {"a": [1.0]}):
        with unchanged(policy, ConfigurationError, "context"):
            policy.select(context=features)
        with unchanged(policy, ConfigurationError, "context"):
            policy.update("a", 1.0, features)
        with unchanged(policy, ConfigurationError, "context"):
            policy.update_many(["a", "b"], [1.0, 1.0], [{"a": 1.0}, features])


def test_no_room_for_features(cls, unchanged):
    policy = cls(["a", "b"], dim=1)
    with unchanged(policy, ConfigurationError, "dim=1"):
        policy.select(context={"a": 1.0})
    assert policy.select(context=[1.0]) in {"a", "b"}


def test_a_context_of_zeros_draws_nothing(cls):
    policy = trained(cls)
    assert policy.decide(context=np.zeros(4)).propensity == 1.0
    assert policy.select(context=np.zeros(4)) == "a"


def test_full_factors_below_the_prior_are_refused():
    from armwise import SnapshotError

    policy = trained(LinTS)
    state = json.loads(json.dumps(policy.state_dict()))
    state["factor"][0][0] = 0.5
    with pytest.raises(SnapshotError, match="factor"):
        policy.load_state(state)
