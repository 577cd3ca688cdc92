"""Snapshots that nobody wrote: whatever is in them, they load as a whole or not at all."""

from __future__ import annotations

import copy
import json
from warnings import catch_warnings

from hypothesis import assume, given, settings
from hypothesis import strategies as st

from armwise import UCB1, EpsilonGreedy, LinTS, LinTSDiag, ThompsonSampling
from armwise.errors import SnapshotError
from armwise.learning import Flags, LearningEngine, TenantContext, open_snapshot, seal

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
NUMBERS = st.floats(allow_nan=False, allow_infinity=False) | st.integers(-(2**64), 2**64)
PLAIN = st.recursive(
    st.none() | st.booleans() | NUMBERS | TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4),
    max_leaves=12,
)
ODD = st.sampled_from([10**5000, float("nan"), float("inf"), "\ud800", 2**63, -1, 0, 1, True, None, [], {}, [[[]]]])
NAMES = ["thompson", "decaying", "epsilon", "ucb1", "lints_diag", "lints"]
FLAGS = Flags({f"ENABLE_RL_{name.upper()}": True for name in [*NAMES, "global", "lints", "lints_diag"]})


def engine():
    made = LearningEngine(flags=FLAGS)
    made.register_domain("thompson", ThompsonSampling(seed=1))
    made.register_domain("decaying", ThompsonSampling(["a", "b"], half_life=60, seed=1))
    made.register_domain("epsilon", EpsilonGreedy(["a", "b"], seed=1))
    made.register_domain("ucb1", UCB1(seed=1))
    made.register_domain("lints_diag", LinTSDiag(dim=2, half_life=60, seed=1))
    made.register_domain("lints", LinTS(["a", "b"], dim=2, seed=1))
    return made


def trained():
    made = engine()
    for name in NAMES:
        made.activate(name)
        for turn in range(4):
            context = {"tokens": 3.0 + turn} if name.startswith("lints") else None
            made.record(name, context, "ab"[turn % 2], turn / 4)
    return made.snapshot()


VALID = trained()


def places(value, path=()):
    """Every place in a snapshot, as the keys and positions that lead there."""
    if path:
        yield path
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, held in inner:
        yield from places(held, (*path, key))


PLACES = list(places(VALID))


def changed(path, value, *, remove):
    snapshot = copy.deepcopy(VALID)
    held = snapshot
    for key in path[:-1]:
        held = held[key]
    if remove:
        del held[path[-1]]
    else:
        held[path[-1]] = value
    return snapshot


def holds_or_is_refused(data):
    """Restore a snapshot into an engine, which is then as it says, or as it was."""
    made = engine()
    before = made.snapshot()
    try:
        with catch_warnings(action="ignore"):  # what is newer is skipped with one
            report = made.restore(data)
    except SnapshotError:
        assert made.snapshot() == before
        return
    after = made.snapshot()
    assert all(after[name] == before[name] for name in NAMES if name not in report.restored)
    # Whatever came in can be saved and comes in again, and can be used.
    again = engine()
    again.restore(seal(after, TenantContext()))
    assert again.snapshot() == after
    for name in report.restored:
        arms = made.registry.get(name).arms or ("a", "b")  # a closed policy has those of its state
        made.recommend(name, {"tokens": 2.0} if name.startswith("lints") else None, arms)


@given(st.dictionaries(TEXT, st.dictionaries(TEXT, PLAIN, max_size=4), max_size=3))
def test_what_was_sealed_is_opened(states):
    opened = open_snapshot(seal(states, TenantContext())).policies
    assert opened == states
    assert repr(opened) == repr(states)  # which tells 1 from 1.0 and True, and 0.0 from -0.0


@settings(max_examples=400)
@given(st.sampled_from(PLACES), PLAIN | ODD, st.booleans())
def test_a_place_that_holds_something_else(path, value, remove):
    holds_or_is_refused(changed(path, value, remove=remove))


@given(st.sampled_from(PLACES), st.sampled_from(PLACES))
def test_a_place_that_holds_what_stands_elsewhere(path, other):
    value = VALID
    for key in other:
        value = value[key]
    holds_or_is_refused(changed(path, value, remove=False))


@given(st.sampled_from(PLACES), PLAIN)
def test_sealed_all_the_same(path, value):
    snapshot = changed(path, value, remove=False)
    assume(all(isinstance(state, dict) for state in snapshot.values()))
    holds_or_is_refused(seal(snapshot, TenantContext()))


@given(st.data())
def test_bytes_that_were_changed(data):
    text = json.dumps(VALID).encode()
    place = data.draw(st.integers(0, len(text)))
    gone = data.draw(st.integers(0, 8))
    holds_or_is_refused(text[:place] + data.draw(st.binary(max_size=8)) + text[place + gone :])


@given(st.binary(max_size=64) | st.text(max_size=64).map(lambda text: text.encode("utf-8", "surrogatepass")))
def test_bytes_of_anything(data):
    holds_or_is_refused(data)


@given(st.dictionaries(TEXT | st.sampled_from(["schema_version", "policies", "checksum", "tenant"]), PLAIN, max_size=6))
def test_objects_of_anything(snapshot):
    holds_or_is_refused(snapshot)
