from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from types import MappingProxyType

import numpy as np
import pytest

from armwise import LinTS, ThompsonSampling
from armwise._fields import NewerVersion
from armwise.errors import ConfigurationError, SnapshotError
from armwise.learning import TenantContext, open_snapshot, seal

TENANT = TenantContext("acme", "production")
WHEN = datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=UTC)
STATE = {"policy": "X", "numbers": [0.1, 1e300, 5e-324, -0.0, 1e16, 10.0], "seed": 2**64 - 1, "text": "Größe \0 \u2028"}


def sealed(**changes):
    """An envelope whose checksum is right, whatever else is wrong."""
    envelope = json.loads(seal({"route": STATE}, TENANT, WHEN)) | changes
    del envelope["checksum"]
    from hashlib import sha256

    from pydantic_core import to_json

    body = to_json(envelope)
    return to_json(envelope | {"checksum": f"sha256:{sha256(body).hexdigest()}"})


def test_what_was_sealed_is_opened():
    snapshot = open_snapshot(seal({"route": STATE, "prompt": {}}, TENANT, WHEN))
    assert snapshot.policies == {"route": STATE, "prompt": {}}
    assert (snapshot.schema_version, snapshot.tenant, snapshot.workspace) == (1, "acme", "production")
    assert snapshot.created_at == WHEN
    types = [type(number) for number in snapshot.policies["route"]["numbers"]]
    assert types == [float] * 6
    assert str(snapshot.policies["route"]["numbers"][3]) == "-0.0"


def test_the_envelope():
    envelope = json.loads(seal({"route": STATE}, TENANT, WHEN))
    assert list(envelope) == ["schema_version", "tenant", "workspace", "created_at", "policies", "checksum"]
    assert envelope["created_at"] == "2026-01-02T03:04:05.678901+00:00"
    assert envelope["checksum"].startswith("sha256:")


def test_when_it_was_taken():
    before = datetime.now(tz=UTC) - timedelta(microseconds=1)
    assert before <= open_snapshot(seal({}, TENANT)).created_at <= datetime.now(tz=UTC)
    assert open_snapshot(seal({}, TENANT, 1_500)).created_at == datetime(1970, 1, 1, microsecond=1, tzinfo=UTC)
    east = WHEN.astimezone(timezone(timedelta(hours=5)))
    assert open_snapshot(seal({}, TENANT, east)).created_at == WHEN
    with pytest.raises(ConfigurationError, match="now is"):
        seal({}, TENANT, float("nan"))


def test_a_million_doubles_come_back_to_the_bit():
    rng = np.random.default_rng(1)
    bits = rng.integers(0, 1 << 64, 900_000, dtype=np.uint64)
    subnormal = rng.integers(0, 1 << 52, 100_000, dtype=np.uint64)
    numbers = np.concatenate([bits, subnormal]).view(np.float64)
    numbers = numbers[np.isfinite(numbers)]
    found = open_snapshot(seal({"route": {"x": numbers.tolist()}}, TENANT)).policies["route"]["x"]
    assert np.array_equal(np.array(found).view(np.uint64), numbers.view(np.uint64))


def test_a_mapping_is_opened_too():
    envelope = json.loads(seal({"route": STATE}, TENANT, WHEN))
    assert (
        open_snapshot(envelope)
        == open_snapshot(MappingProxyType(envelope))
        == open_snapshot(json.dumps(envelope).encode())
    )
    envelope["policies"]["route"]["seed"] -= 1
    with pytest.raises(SnapshotError, match="changed or damaged"):
        open_snapshot(envelope)


def test_a_bare_mapping():
    snapshot = open_snapshot({"route": STATE})
    assert snapshot.policies == {"route": STATE}
    assert (snapshot.schema_version, snapshot.tenant, snapshot.workspace, snapshot.created_at) == (None,) * 4
    assert open_snapshot(b"{}").policies == {}
    # Domains may be called as the fields of an envelope are.
    names = {"schema_version": STATE, "policies": STATE, "checksum": STATE}
    assert open_snapshot(names).policies == names
    assert open_snapshot(seal(names, TENANT)).policies == names


def test_other_tools_may_indent_it():
    data = seal({"route": STATE}, TENANT, WHEN)
    for text in (json.dumps(json.loads(data), indent=2), json.dumps(json.loads(data), ensure_ascii=False)):
        assert open_snapshot(text.encode()).policies == {"route": STATE}


def test_every_byte_that_changed_is_found():
    data = seal({"route": {"alpha": [1.5, 2.25], "arms": ["a", "b"]}}, TENANT, WHEN)
    whole = open_snapshot(data)
    for place in range(len(data)):
        for bit in range(8):
            damaged = data[:place] + bytes([data[place] ^ 1 << bit]) + data[place + 1 :]
            with pytest.raises(SnapshotError):
                open_snapshot(damaged)
    for length in range(len(data)):
        with pytest.raises(SnapshotError):
            open_snapshot(data[:length])
    assert open_snapshot(data) == whole


def test_a_damaged_one_says_where_the_one_before_is():
    data = seal({"route": STATE}, TENANT).replace(b"acme", b"acmf")
    with pytest.raises(SnapshotError, match=r"the one before it is /state/main~1\.json; nothing was changed"):
        open_snapshot(data, previous=[Path("/state/main~1.json"), Path("/state/main~0.json")])
    with pytest.raises(SnapshotError, match="restore an earlier one"):
        open_snapshot(data)


def test_a_newer_envelope_names_both_versions():
    with pytest.raises(NewerVersion, match="the snapshot has version 2, this armwise reads up to 1"):
        open_snapshot(sealed(schema_version=2))


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\xff",
        b"null",
        b"1",
        b"[]",
        b'"text"',
        b"NaN",
        b'{"route": 1}',
        b'{"route": []}',
        b'{"route": null}',
        b'{"route": {"x": NaN}}',
        b'{"route": {"x": -Infinity}}',
        b'{"route": {"x": "\\ud800"}}',
        b'{"route": {}} trailing',
        b'{"schema_version": "1"}',
        b'{"schema_version": 1}',
        b'{"schema_version": 1, "checksum": "\xc3\xa4"}',
        b'{"schema_version": 1, "checksum": 5}',
        b'{"schema_version": true, "policies": {}}',
        b'{"schema_version": null, "policies": {}}',
        b'{"policies": {}, "tenant": "a"}',
        b'{"a": ' * 500 + b"1" + b"}" * 500,
        b'{"route": {"n": ' + b"1" * 5000 + b"}}",
        "{}".encode("utf-16"),
    ],
)
def test_what_is_no_snapshot(data):
    with pytest.raises(SnapshotError):
        open_snapshot(data)


@pytest.mark.parametrize("value", [None, 1, "text", [], {"route": 3}, {3: {}}, {"a": {}, None: 1}])
def test_objects_that_are_no_snapshots(value):
    with pytest.raises(SnapshotError):
        open_snapshot(value)


@pytest.mark.parametrize(
    "changes",
    [
        {"tenant": 3},
        {"workspace": None},
        {"created_at": "yesterday"},
        {"created_at": "0001-01-01T00:00:00+23:00"},
        {"created_at": 3},
        {"policies": []},
        {"policies": {"route": 1}},
        {"schema_version": 0},
    ],
)
def test_an_envelope_with_another_fault(changes):
    with pytest.raises(SnapshotError):
        open_snapshot(sealed(**changes))


def test_sealed_by_hand_is_opened():
    assert open_snapshot(sealed(tenant="b")).tenant == "b"


@pytest.mark.parametrize(
    "state",
    [
        {"x": float("nan")},
        {"x": [float("inf")]},
        {"NaN": float("-inf")},
        {"x": object()},
        {"x": np.int64(3)},
        {"arms": ["\ud800"]},
    ],
)
def test_what_cannot_be_sealed(state):
    with pytest.raises(SnapshotError, match="not plain JSON"):
        seal({"route": state}, TENANT)


def test_words_that_look_like_no_numbers_can():
    state = {"arms": ["NaN", "Infinity", "-Infinity", 1.5]}
    assert open_snapshot(seal({"NaN": state}, TENANT)).policies == {"NaN": state}


def test_what_holds_itself_cannot_be_sealed():
    state = {}
    state["x"] = state
    with pytest.raises(SnapshotError, match="not plain JSON"):
        seal({"route": state}, TENANT)


@pytest.mark.parametrize("policies", [None, [], "x", {1: {}}, {"\ud800": {}}, {None: {}}])
def test_names_that_cannot_be_sealed(policies):
    with pytest.raises(ConfigurationError, match="policies is"):
        seal(policies, TENANT)


def test_policies_come_back(tmp_path):
    policies = {"a": ThompsonSampling(["x", 1, 2.5], seed=2**64 - 1), "b": LinTS(dim=3, seed=0)}
    policies["a"].update(2.5, 1 / 3)
    policies["b"].update("new", 1 / 7, [0.1, 0.2, 0.3])
    path = tmp_path / "snapshot"
    path.write_bytes(seal({name: policy.state_dict() for name, policy in policies.items()}, TENANT))
    found = open_snapshot(path.read_bytes()).policies
    for name, fresh in (("a", ThompsonSampling()), ("b", LinTS(dim=3))):
        fresh.load_state(found[name])
        assert fresh.state_dict() == policies[name].state_dict()
