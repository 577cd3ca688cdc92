"""States are read with suspicion."""

from __future__ import annotations

import copy
import json

import pytest

from armwise.errors import SnapshotError
from armwise.experiments import Allocator, Namespace

KEYS = [f"user-{i}" for i in range(500)]

MADE = {
    "fresh": lambda: Allocator("e", {"a": 50, "b": 50}),
    "moved": lambda: Allocator("e", {"a": 0.1, "b": 0.7}, coverage=0.3).reallocate({"b": 3, "c": 2}).ramp(0.9),
    "within": lambda: Allocator("e", ["a"], seed_salt="s", namespace=Namespace("n", 0.1, 0.7)),
    "modulo": lambda: Allocator("e", {"a": 5, "b": 7}, law="modulo").reallocate({"a": 1}),
    "dialect": lambda: Allocator("e", {"a": 500, "b": 500}, coverage=0.5, dialect="unleash"),
    "floats": lambda: Allocator("e", {"a": 0.4, "b": 0.5999}, dialect="growthbook_v2"),
}


@pytest.mark.parametrize("name", MADE)
def test_a_state_is_plain_json_and_gives_the_same_again(name):
    allocator = MADE[name]()
    written = json.dumps(allocator.state_dict(), allow_nan=False)
    again = Allocator.from_state(json.loads(written))
    assert again.state_dict() == allocator.state_dict()
    assert (again.allocate_many(KEYS) == allocator.allocate_many(KEYS)).all()
    assert (again.variants, again.shares, again.version) == (allocator.variants, allocator.shares, allocator.version)


def test_thresholds_are_written_in_hexadecimal():
    state = MADE["fresh"]().state_dict()
    assert state["table"] == {"ends": ["8000000000000000", "10000000000000000"], "codes": [0, 1]}
    assert (state["weights"], state["coverage"], state["version"]) == (["50", "50"], "1", 1)
    assert MADE["modulo"]().state_dict()["table"] is None


def put(path, value):
    def change(state):
        *parents, last = path
        for parent in parents:
            state = state[parent]
        state[last] = value

    return change


BROKEN = {
    "kind": put(["kind"], "armwise.policy"),
    "no kind": lambda state: state.pop("kind"),
    "newer": put(["format"], 2),
    "format zero": put(["format"], 0),
    "version zero": put(["version"], 0),
    "version bool": put(["version"], bool(1)),
    "version text": put(["version"], "1"),
    "id": put(["experiment_id"], 3),
    "id surrogate": put(["experiment_id"], "\ud800"),
    "salt": put(["seed_salt"], None),
    "no variants": put(["variants"], []),
    "variants twice": put(["variants"], ["a", "a"]),
    "variants numbers": put(["variants"], [1, 2]),
    "variants text": put(["variants"], "ab"),
    "fewer weights": put(["weights"], ["50"]),
    "weights numbers": put(["weights"], [50, 50]),
    "weights negative": put(["weights"], ["-50", "50"]),
    "weights nan": put(["weights"], ["nan", "50"]),
    "weights exponent": put(["weights"], ["1e999999999", "50"]),
    "weights digits": put(["weights"], ["9" * 100_000, "50"]),
    "weights zero": put(["weights"], ["0", "0"]),
    "weights by zero": put(["weights"], ["1/0", "50"]),
    "weights other digits": put(["weights"], ["\u0665\u0660", "50"]),
    "weights others": put(["weights"], ["50", "51"]),
    "coverage": put(["coverage"], "3/2"),
    "coverage number": put(["coverage"], 1),
    "coverage other": put(["coverage"], "1/2"),
    "namespace": put(["namespace"], "n"),
    "namespace empty": put(["namespace"], {}),
    "namespace turned": put(["namespace"], {"id": "n", "start": "1", "end": "0"}),
    "law": put(["law"], "other"),
    "law null": put(["law"], None),
    "dialect": put(["dialect"], "other"),
    "dialect number": put(["dialect"], 3),
    "no table": put(["table"], None),
    "table list": put(["table"], []),
    "no ends": put(["table", "ends"], []),
    "ends numbers": put(["table", "ends"], [2**63, 2**64]),
    "ends fall": put(["table", "ends"], ["10000000000000000", "8000000000000000"]),
    "ends equal": put(["table", "ends"], ["10000000000000000", "10000000000000000"]),
    "ends zero": put(["table", "ends"], ["0", "10000000000000000"]),
    "ends short": put(["table", "ends"], ["8000000000000000", "ffffffffffffffff"]),
    "ends beyond": put(["table", "ends"], ["8000000000000000", "10000000000000001"]),
    "ends signed": put(["table", "ends"], ["+800000000000000", "10000000000000000"]),
    "ends moved": put(["table", "ends"], ["8000000000000001", "10000000000000000"]),
    "ends huge": put(["table", "ends"], ["f" * 100_000, "10000000000000000"]),
    "codes": put(["table", "codes"], [0, 2]),
    "codes low": put(["table", "codes"], [0, -2]),
    "codes bool": put(["table", "codes"], [False, True]),
    "codes more": put(["table", "codes"], [0, 1, 0]),
    "codes equal": put(["table", "codes"], [0, 0]),
}


@pytest.mark.parametrize("name", BROKEN)
def test_what_cannot_be_a_state_is_refused(name):
    state = copy.deepcopy(MADE["fresh"]().state_dict())
    BROKEN[name](state)
    with pytest.raises(SnapshotError) as refused:
        Allocator.from_state(state)
    assert len(str(refused.value)) < 400


@pytest.mark.parametrize("state", [None, [], "state", 3])
def test_a_state_is_an_object(state):
    with pytest.raises(SnapshotError):
        Allocator.from_state(state)


def test_a_table_may_be_another_of_the_same_shares():
    """What a history of changes gives: any table in which every variant holds what its weight says."""
    state = MADE["fresh"]().state_dict()
    state["table"] = {"ends": ["4000000000000000", "c000000000000000", "10000000000000000"], "codes": [0, 1, 0]}
    assert Allocator.from_state(state).shares == MADE["fresh"]().shares


def test_what_a_dialect_cannot_do_is_blamed_on_the_state():
    state = MADE["dialect"]().state_dict()
    state["coverage"] = "1/3"
    with pytest.raises(SnapshotError, match=r"whole percent.*nothing was changed"):
        Allocator.from_state(state)
