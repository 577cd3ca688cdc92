from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from armwise.errors import ConfigurationError
from armwise.experiments.identity import candidate_key, features, identify, tenant_salt

LABELS = st.one_of(st.text(), st.integers(-(2**63), 2**63 - 1), st.floats(allow_nan=False, allow_infinity=False))
KEYS = st.one_of(st.text(), st.binary(), st.integers(-(2**63), 2**63 - 1))


@pytest.mark.parametrize(
    ("context", "key"),
    [
        ({"user_id": "u", "session_id": "s", "request_id": "r"}, "u"),
        ({"session_id": "s", "request_id": "r"}, "s"),
        ({"user_id": None, "session_id": "", "request_id": "r"}, "r"),
        ({"user_id": b"", "request_id": b"r"}, b"r"),
        ({"user_id": 0}, 0),
        ({"tokens": 3.0}, None),
        ({}, None),
        (None, None),
        ([1.0, 2.0], None),
        (np.array([1.0]), None),
    ],
)
def test_the_first_that_is_named_counts(context, key):
    assert identify(context) == key


@pytest.mark.parametrize("value", [17.0, float("nan"), True, ["u"], object()])
def test_ids_that_name_nobody_for_sure_are_refused(value):
    with pytest.raises(ConfigurationError, match="user_id is "):
        identify({"user_id": value})


def test_policies_do_not_see_who_it_is():
    context = {"user_id": "u", "session_id": "s", "request_id": "r", "tokens": 3.0}
    assert features(context) == {"tokens": 3.0}
    assert len(context) == 4
    plain = {"tokens": 3.0}
    assert features(plain) is plain
    row = np.array([1.0])
    assert features(row) is row
    assert features(None) is None


def test_tenants_have_salts_of_their_own():
    assert tenant_salt("default", "main") == ""
    salts = {tenant_salt(*pair) for pair in [("a", "b"), ("b", "a"), ("ab", ""[:0] or "x"), ("a", "bx"), ("ä", "b")]}
    assert len(salts) == 5
    assert "" not in salts


@pytest.mark.parametrize("pair", [("", "main"), ("default", ""), (None, "main"), ("default", 3)])
def test_names_that_are_none_are_refused(pair):
    with pytest.raises(ConfigurationError, match="expected a name"):
        tenant_salt(*pair)


@given(KEYS, st.lists(LABELS, max_size=4), st.randoms())
def test_the_order_of_candidates_does_not_enter(key, candidates, random):
    shuffled = candidates[:]
    random.shuffle(shuffled)
    assert candidate_key(key, candidates) == candidate_key(key, shuffled)


@given(KEYS, KEYS, st.sets(st.text(max_size=3), max_size=3), st.sets(st.text(max_size=3), max_size=3))
def test_no_two_pairs_have_one_key(first, second, some, others):
    same = (type(first), first, some) == (type(second), second, others)
    assert (candidate_key(first, some) == candidate_key(second, others)) == same


def test_a_key_without_utf8_is_refused():
    with pytest.raises(ConfigurationError, match="no UTF-8"):
        candidate_key("\ud800", ["a"])
