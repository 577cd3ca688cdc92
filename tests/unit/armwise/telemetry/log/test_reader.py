from __future__ import annotations

import gzip
import json

import pytest

from armwise.errors import LogError, StoreError
from armwise.telemetry.log import DecisionLog, LogReader, TornLine

HEADER = '{"record":"header","format":"armwise.decision_log","version":1,"part":0,"time":0}'


def update(version, **fields):
    record = {
        "record": "update",
        "experiment": None,
        "variant": None,
        "decision_id": None,
        "time": 0,
        "domain": "route",
        "arm": "small",
        "reward": 1.0,
        "learned": 1.0,
        "context": None,
        "policy_version": version,
    }
    return json.dumps({**record, **fields})


def written(path, *lines, end="\n"):
    path.write_text("\n".join(lines) + end)
    return path


def test_unknown_fields_are_left_aside(tmp_path):
    path = written(tmp_path / "run.jsonl", HEADER, update(1, colour="red"))
    assert [record.policy_version for record in LogReader(path)] == [1]


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("", "not a line of JSON"),
        ("{", "not a line of JSON"),
        ("[]", "not a log record"),
        ("null", "not a log record"),
        ('{"record":"party"}', "'record' is one of header, checkpoint, decision, update"),
        ('{"record":["header"]}', "not a log record"),
        ("[" * 100_000, "nested too deeply"),
        ("9" * 5000, "not a line of JSON"),
        (HEADER, "on the first line"),
        (update(1).replace("1.0", "NaN"), "NaN is not strict JSON"),
        (update(1).replace("1.0", "Infinity"), "Infinity is not strict JSON"),
        (update(1).replace('"learned":', '"learned": 0.5, "learned":'), "the key 'learned' stands there twice"),
        (update(1, context={"a": 1}).replace('"a":', '"a": 2, "a":'), "the key 'a' stands there twice"),
        (update(1).replace("1.0", f'{{"{"x" * 500}":1,"{"x" * 500}":1}}'), "the key 'xxx.*stands there twice"),
        (update(1).replace("1.0", "1e999"), "reward is inf; expected a finite number"),
        (update(1).replace("1.0", "9" * 400), "reward is 9.*; expected a finite number"),
        (update(1, reward="1"), "reward is '1'; expected a finite number"),
        (update(1, reward=True), "reward is True; expected a finite number"),
        (update(-1), "policy_version is -1; expected an integer, zero or more"),
        (update(1.5), "policy_version is 1.5; expected an integer"),
        (update(True), "policy_version is True; expected an integer"),  # noqa: FBT003
        (update(1, domain=None), "domain is None; expected a string"),
        (update(1, arm=[]), r"arm is \[\]; expected a string or a finite number"),
        (update(1, arm="x" * 500, decision_id=3), "decision_id is 3; expected a string"),
        (update(1, context=[1, None]), "context is .*; expected a list of finite numbers, an object"),
        (update(1, context={"a": []}), "context is .*; expected a list"),
        (update(1, context=7), "context is 7; expected a list"),
        ('{"record":"update"}', "the update record has no field 'decision_id'"),
        ('{"record":"checkpoint","time":0,"domain":"d","state":[1]}', r"state is \[1\]; expected an object"),
        ('{"record":"decision","kind":"guess"}', "kind is 'guess'; expected one of exact, monte_carlo"),
    ],
)
def test_a_bad_line_in_the_middle_is_an_error_with_its_place(tmp_path, line, told):
    path = written(tmp_path / "run.jsonl", HEADER, update(1), line, update(2))
    reader = iter(LogReader(path))
    assert next(reader).policy_version == 1
    with pytest.raises(LogError, match=told) as caught:
        next(reader)
    assert (caught.value.path, caught.value.line) == (str(path), 3)
    assert str(caught.value).startswith(f"{path}:3: ")
    assert len(str(caught.value)) < len(str(path)) + 300


def test_bytes_that_are_no_text_are_an_error(tmp_path):
    path = tmp_path / "run.jsonl"
    path.write_bytes(HEADER.encode() + b"\n\xff\xfe\n")
    with pytest.raises(LogError, match=":2: not a line of JSON"):
        list(LogReader(path))


@pytest.mark.parametrize("candidates", [[], [None], [True], "small", {}])
def test_candidates_that_are_no_labels_are_refused(tmp_path, candidates):
    with DecisionLog(tmp_path / "run.jsonl") as log:
        log.update("small", 1.0, policy_version=1)
    decision = {
        "record": "decision",
        "kind": "none",
        "propensity": None,
        "decision_id": "0-0-0",
        "time": 0,
        "domain": "d",
    }
    path = written(tmp_path / "bad.jsonl", HEADER, json.dumps({**decision, "candidates": candidates}))
    with pytest.raises(LogError, match=r"candidates is .*; expected a list of labels, or null"):
        list(LogReader(path))


@pytest.mark.parametrize(
    ("header", "told"),
    [
        (update(1), "header on the first line"),
        (HEADER.replace("armwise.", "other."), "expected armwise.decision_log"),
        (HEADER.replace('"version":1', '"version":2'), "version is 2; expected 1, .*newer"),
        (
            HEADER.replace('"part":0', '"part":3'),
            "part 3 of a log, expected part 0; give the log's first part",
        ),
        ("PK\x03\x04", "not a line of JSON"),
    ],
)
def test_what_is_no_log_is_an_error(tmp_path, header, told):
    path = written(tmp_path / "run.jsonl", header, update(1))
    with pytest.raises(LogError, match=told) as caught:
        list(LogReader(path))
    assert caught.value.line == 1


def test_an_empty_file_is_an_error(tmp_path):
    (tmp_path / "run.jsonl").touch()
    with pytest.raises(LogError, match="the file is empty"):
        list(LogReader(tmp_path / "run.jsonl"))


@pytest.mark.parametrize("name", ["none.jsonl", ".", "none/run.jsonl"])
def test_no_file_is_an_error(tmp_path, name):
    with pytest.raises(StoreError, match="expected the first part of a decision log"):
        LogReader(tmp_path / name)


def test_a_file_that_may_not_be_read_is_an_error(tmp_path, monkeypatch):
    path = written(tmp_path / "run.jsonl", HEADER)

    def refuse(*_):
        raise PermissionError(13, "Permission denied")

    reader = LogReader(path)
    monkeypatch.setattr(type(path), "open", refuse)
    with pytest.raises(StoreError, match="Permission denied"):
        list(reader)


def test_a_torn_end_is_reported_and_left_aside(tmp_path):
    path = written(tmp_path / "run.jsonl", HEADER, update(1), update(2)[:-1], end="")
    reader = LogReader(path)
    for _ in range(2):
        assert [record.policy_version for record in reader] == [1]
        assert reader.torn == (TornLine(str(path), 3),)


def test_a_whole_last_line_without_its_newline_is_a_record(tmp_path):
    reader = LogReader(written(tmp_path / "run.jsonl", HEADER, update(1), end=""))
    assert [record.policy_version for record in reader] == [1]
    assert reader.torn == ()


def test_each_part_may_end_torn(tmp_path):
    path = written(tmp_path / "run.jsonl", HEADER, update(1), '{"record":', end="")
    written(tmp_path / "run.1.jsonl", HEADER.replace('"part":0', '"part":1'), update(2), '{"rec', end="")
    written(tmp_path / "run.2.jsonl", HEADER[:20], end="")
    written(tmp_path / "run.3.jsonl", end="")
    reader = LogReader(path)
    assert [record.policy_version for record in reader] == [1, 2]
    assert [(line.path.rpartition("/")[2], line.line) for line in reader.torn] == [
        ("run.jsonl", 3),
        ("run.1.jsonl", 3),
        ("run.2.jsonl", 1),
    ]


def test_a_missing_part_is_an_error(tmp_path):
    with DecisionLog(tmp_path / "run.jsonl", max_bytes=1) as log:
        for version in range(4):
            log.update("small", 1.0, policy_version=version)
    (tmp_path / "run.2.jsonl").unlink()
    with pytest.raises(LogError, match=r"part 2 of the log is missing \(run.2.jsonl\)"):
        LogReader(tmp_path / "run.jsonl")


def test_a_compressed_log_may_lack_its_end(tmp_path):
    path = tmp_path / "run.jsonl.gz"
    log = DecisionLog(path)
    log.update("small", 1.0, policy_version=1)
    unclosed = path.read_bytes()
    log.close()
    path.write_bytes(unclosed)
    reader = LogReader(path)
    assert [record.policy_version for record in reader] == [1]
    assert reader.torn == ()


def test_compressed_logs_may_be_put_together(tmp_path):
    path = tmp_path / "run.jsonl.gz"
    path.write_bytes(gzip.compress((HEADER + "\n").encode()) + gzip.compress((update(1) + "\n").encode()))
    assert [record.policy_version for record in LogReader(path)] == [1]


@pytest.mark.parametrize("spoil", [lambda data: b"not gzip" + data, lambda data: data[:-8] + b"\x00" * 8])
def test_a_damaged_compressed_log_is_an_error(tmp_path, spoil):
    path = tmp_path / "run.jsonl.gz"
    path.write_bytes(spoil(gzip.compress((HEADER + "\n" + update(1) + "\n").encode())))
    with pytest.raises(LogError, match="damaged or not gzip"):
        list(LogReader(path))


def test_long_lines_cross_the_chunks_that_are_read(tmp_path):
    long = "x" * 700_000
    path = written(tmp_path / "run.jsonl", HEADER, update(1, arm=long), update(2), update(3, arm=long))
    assert [record.policy_version for record in LogReader(path)] == [1, 2, 3]
