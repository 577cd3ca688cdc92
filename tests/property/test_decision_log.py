"""Logs that are cut, damaged and made up: whole records or a typed error, nothing else."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from armwise.errors import LogError
from armwise.telemetry.log import DecisionLog, LogReader, UpdateRecord
from armwise.telemetry.log.codec import dumps, loads
from armwise.types import Decision

finite = st.floats(allow_nan=False, allow_infinity=False)
text = st.text(max_size=12)
labels = st.one_of(text, st.integers(-(2**70), 2**70), finite)
whole = st.integers(0, 2**64 - 1)
updates = st.builds(
    UpdateRecord,
    decision_id=st.none() | text,
    time=whole,
    domain=text,
    arm=labels,
    reward=finite,
    learned=finite,
    context=st.none() | st.lists(finite, max_size=5).map(tuple) | st.dictionaries(text, finite | text, max_size=3),
    policy_version=whole,
)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | text,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(text, inner, max_size=3),
    max_leaves=5,
)


def log_of_three(path):
    with DecisionLog(path, pseudonym=str) as log:
        log.checkpoint({"policy": "thompson", "alpha": [1.0, 2.0]}, time=0)
        log.decision(Decision("größer", 1, "0-1-2", 2, 0.125, "exact"), seed=7, context=[0.1, 2.0], user="u", time=0)
        log.update("größer", 1 / 3, policy_version=3, decision_id="0-1-2", time=0)
    return path


@pytest.fixture(scope="module")
def plain(tmp_path_factory):
    return log_of_three(tmp_path_factory.mktemp("plain") / "run.jsonl")


@pytest.fixture(scope="module")
def compressed(tmp_path_factory):
    return log_of_three(tmp_path_factory.mktemp("gz") / "run.jsonl.gz")


def test_a_log_cut_at_every_byte_of_its_last_record_keeps_all_before_it(plain, tmp_path):
    data = plain.read_bytes()
    records = list(LogReader(plain))
    begin = data.rindex(b"\n", 0, -1) + 1
    assert data[begin:].startswith(b'{"record":"update"')
    for end in range(begin, len(data) + 1):
        path = tmp_path / "cut.jsonl"
        path.write_bytes(data[:end])
        reader = LogReader(path)
        whole_again = end >= len(data) - 1
        assert list(reader) == (records if whole_again else records[:-1])
        torn = begin < end < len(data) - 1
        assert [line.line for line in reader.torn] == ([4] if torn else [])


def test_a_log_cut_anywhere_is_its_beginning_or_an_error(plain, tmp_path):
    data, records = plain.read_bytes(), list(LogReader(plain))
    for end in range(len(data)):
        path = tmp_path / "cut.jsonl"
        path.write_bytes(data[:end])
        if end == 0:
            with pytest.raises(LogError, match="empty"):
                list(LogReader(path))
        else:
            found = list(LogReader(path))
            assert found == records[: len(found)]


def test_a_compressed_log_cut_anywhere_is_its_beginning_or_an_error(compressed, tmp_path):
    data, records = compressed.read_bytes(), list(LogReader(compressed))
    lengths = []
    for end in range(len(data) + 1):
        path = tmp_path / "cut.jsonl.gz"
        path.write_bytes(data[:end])
        try:
            found = list(LogReader(path))
        except LogError as error:
            assert "empty" in str(error)  # noqa: PT017 - some cuts are logs, some are nothing
            continue
        assert found == records[: len(found)]
        lengths.append(len(found))
    assert lengths == sorted(lengths)
    assert set(lengths) == {0, 1, 2, 3}


@given(place=st.integers(0, 10_000), bits=st.integers(1, 255))
def test_a_damaged_byte_is_an_error_or_a_record_of_its_kind(plain, compressed, place, bits):
    for source in (plain, compressed):
        data = bytearray(source.read_bytes())
        data[place % len(data)] ^= bits
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / source.name
            path.write_bytes(data)
            try:
                found = list(LogReader(path))
            except LogError:
                continue
            assert len(found) <= 4


@given(updates)
def test_a_record_comes_back_from_its_line_to_the_last_bit(record):
    line = dumps(record)
    assert "\n" not in line
    again = loads(line)
    assert again == record
    assert repr(again.reward) == repr(float(record.reward))
    assert type(again.arm) is type(record.arm)
    assert json.loads(line)["record"] == "update"


@given(st.dictionaries(st.sampled_from(["record", "time", "domain", "state", "arm", "reward", "kind"]), json_values))
def test_made_up_objects_are_refused_or_read(body):
    try:
        loads(json.dumps(body))
    except LogError:
        pass
    else:
        assert body["record"] in {"header", "checkpoint", "decision", "update"}


@given(st.binary(max_size=80))
def test_made_up_bytes_are_refused(line):
    with pytest.raises(LogError):
        loads(line)
