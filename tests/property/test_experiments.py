"""Experiments under any traffic: nothing is lost, nothing is counted twice, no broken state is taken in part."""

from __future__ import annotations

import copy
import json
import math

from hypothesis import given, settings
from hypothesis import strategies as st

from armwise.errors import ConfigurationError, SnapshotError
from armwise.experiments import Experiment, ExperimentManager
from armwise.experiments.identity import IDENTITIES
from armwise.flags import StaticFlags

ON = StaticFlags({"ENABLE_EXPERIMENT_HARNESS": True})
VARIANTS = ("control", "b", "c")

REWARDS = st.floats(-1e70, 1e70)
STEPS = st.one_of(
    st.tuples(st.just("record"), st.sampled_from(VARIANTS), REWARDS),
    st.tuples(st.just("assign"), st.text(max_size=3), st.none()),
    st.tuples(st.just("trial"), st.integers(0, 5), REWARDS),
    st.tuples(st.just("activate"), st.none(), st.none()),
)
TRAFFIC = st.lists(st.lists(STEPS, max_size=8), min_size=2, max_size=4)


def managed(**options):
    variants = dict(zip(VARIANTS, "abc", strict=True))
    return ExperimentManager([Experiment("policy::r", control="control", variants=variants, **options)], flags=ON)


def play(manager, steps):
    for kind, what, reward in steps:
        if kind == "record":
            manager.record("policy::r", what, reward)
        elif kind == "assign":
            manager.assign("policy::r", what or None)
        elif kind == "trial":
            manager.record_trial(manager.decide("r", {"user_id": what}, ["a", "b", "c"]), reward)
        else:
            manager.activate("policy::r")
    return manager


@given(TRAFFIC, st.randoms())
def test_merging_knows_no_order_and_no_repetition(traffic, random):
    states = [play(managed(), steps).state_dict() for steps in traffic]
    order = [*range(len(states)), *random.choices(range(len(states)), k=3)]
    totals = []
    for _ in range(2):
        random.shuffle(order)
        total = managed()
        for i in order:
            total.merge(json.loads(json.dumps(states[i], allow_nan=False)))
        totals.append(total)
    assert totals[0].state_dict() == totals[1].state_dict()
    records = [reward for steps in traffic for kind, _, reward in steps if kind in {"record", "trial"}]
    seen = totals[0].statistics("policy::r")
    assert sum(one.pulls for one in seen.values()) == len(records)
    scale = max(map(abs, records), default=0.0)
    assert math.isclose(sum(one.reward_sum for one in seen.values()), math.fsum(records), abs_tol=1e-15 * scale * 9)


@given(TRAFFIC)
def test_several_processes_are_as_one(traffic):
    """Sums of one process and of several that shared its traffic are the same to the bit; regret depends on order."""
    alone, total = managed(), managed()
    for steps in traffic:
        recorded = [step for step in steps if step[0] != "trial"]
        play(alone, recorded)
        total.merge(play(managed(), recorded))
    one, many = alone.statistics("policy::r"), total.statistics("policy::r")
    for name in VARIANTS:
        assert (one[name].rewards, one[name].pulls) == (many[name].rewards, many[name].pulls)


@given(st.lists(STEPS, max_size=12))
def test_a_state_survives_json(steps):
    manager = play(managed(), steps)
    loaded = managed()
    loaded.load_state(json.loads(json.dumps(manager.state_dict(), allow_nan=False)))
    assert loaded.status() == manager.status()


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)


def places(state, path=()):
    """Every place in a state."""
    yield path
    items = state.items() if isinstance(state, dict) else enumerate(state) if isinstance(state, list) else ()
    for step, inner in items:
        yield from places(inner, (*path, step))


STATE = play(managed(), [("trial", user, 0.5) for user in range(4)] + [("activate", None, None)]).state_dict()
PLACES = [place for place in places(STATE) if place]


@settings(max_examples=300)
@given(st.sampled_from(PLACES), JSON)
def test_a_changed_state_is_taken_whole_or_not_at_all(place, value):
    state = copy.deepcopy(STATE)
    at = state
    for step in place[:-1]:
        at = at[step]
    at[place[-1]] = value
    manager = play(managed(), [("record", "b", 0.25)])
    before = manager.state_dict()
    try:
        manager.load_state(state)
    except SnapshotError:
        assert manager.state_dict() == before
    else:
        # What was taken is served and saved without a complaint.
        manager.assign("policy::r", "u")
        json.dumps([manager.state_dict(), manager.status()], allow_nan=False)


@given(st.dictionaries(st.sampled_from([*IDENTITIES, "x"]), JSON))
def test_any_context_is_served_or_refused(context):
    manager = managed(phase="active")
    before = manager.state_dict()
    try:
        trial = manager.decide("r", context, ["a", "b", "c"])
    except ConfigurationError:
        assert manager.state_dict() == before
    else:
        assert trial.arm in {"a", "b", "c"}
        assert (trial.reason == "unkeyed") == (trial.allocated is None)
