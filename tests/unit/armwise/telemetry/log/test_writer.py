from __future__ import annotations

import array
import gzip
import json
import math
import os
import threading
from datetime import UTC, datetime

import numpy as np
import pytest

from armwise.errors import ConfigurationError, StoreError
from armwise.telemetry.log import Checkpoint, DecisionLog, DecisionRecord, LogReader, Pseudonym, UpdateRecord
from armwise.types import Decision

DECISION = Decision("small", 0, "a-1f-7", 7, 0.25, "exact")
STATE = {"policy": "thompson", "alpha": [1.0, 2.5]}


def lines(path):
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_records_come_back_as_they_were_given(tmp_path):
    path = tmp_path / "run.jsonl"
    with DecisionLog(path, pseudonym=str) as log:
        log.checkpoint(STATE, domain="route", time=1)
        log.decision(
            DECISION,
            seed=2**64 - 1,
            domain="route",
            candidates=["small", 10.0, 3],
            context=np.array([0.1, 1 / 3, -0.0]),
            time=datetime(1970, 1, 1, 0, 0, 1, tzinfo=UTC),
            experiment="e",
            variant="b",
            user="u1",
        )
        log.update(
            np.str_("small"),
            np.float32(0.5),
            learned=-0.25,
            policy_version=8,
            decision_id="a-1f-7",
            domain="route",
            context={"tokens": np.int64(12), "lang": "de", "paid": True},
            experiment="e",
            variant="b",
            time=2.0,
        )
    assert list(LogReader(path)) == [
        Checkpoint(1, "route", STATE),
        DecisionRecord(
            decision_id="a-1f-7",
            time=10**9,
            domain="route",
            candidates=("small", 10.0, 3),
            context=(0.1, 1 / 3, -0.0),
            arm="small",
            propensity=0.25,
            kind="exact",
            policy_version=7,
            seed=2**64 - 1,
            stream=0xA,
            counter=0x1F,
            experiment="e",
            variant="b",
            user="u1",
        ),
        UpdateRecord(
            decision_id="a-1f-7",
            time=2 * 10**9,
            domain="route",
            arm="small",
            reward=0.5,
            learned=-0.25,
            context={"tokens": 12, "lang": "de", "paid": "true"},
            policy_version=8,
            experiment="e",
            variant="b",
        ),
    ]


def test_what_is_left_out_is_null_and_learned_is_the_reward(tmp_path):
    path = tmp_path / "run.jsonl"
    with DecisionLog(path) as log:
        log.decision(DECISION._replace(propensity=None, propensity_kind="none"), seed=0)
        log.update("small", 1, policy_version=8)
    decision, update = LogReader(path)
    assert decision.candidates is decision.context is decision.user is decision.propensity is None
    assert (decision.domain, decision.kind) == ("default", "none")
    assert (update.reward, update.learned, update.decision_id) == (1.0, 1.0, None)


def test_labels_keep_their_type(tmp_path):
    path = tmp_path / "run.jsonl"
    with DecisionLog(path) as log:
        for label in ("10", 10, 10.0):
            log.update(label, 1.0, policy_version=1)
    assert [(type(record.arm), record.arm) for record in LogReader(path)] == [
        (str, "10"),
        (int, 10),
        (float, 10.0),
    ]


def test_a_log_begins_with_a_versioned_header(tmp_path):
    DecisionLog(tmp_path / "run.jsonl").close()
    (header,) = lines(tmp_path / "run.jsonl")
    assert {
        "record": "header",
        "format": "armwise.decision_log",
        "version": 1,
        "part": 0,
    }.items() <= header.items()


def test_users_are_pseudonyms_unless_asked_for(tmp_path):
    def users(name, **options):
        with DecisionLog(tmp_path / name, **options) as log:
            for user in ("ann", "bob", "ann", None):
                log.decision(DECISION, seed=0, user=user)
        assert ("ann" in (tmp_path / name).read_text()) == ("pseudonym" in options and options["pseudonym"] is str)
        return [record.user for record in LogReader(tmp_path / name)]

    first, other, again, nobody = users("default.jsonl")
    assert first == again
    assert nobody is None
    assert len({first, other, "ann", "bob"}) == 4
    assert users("another.jsonl")[0] != first
    key = b"k" * 32
    assert users("keyed.jsonl", pseudonym=Pseudonym(key)) == users("keyed too.jsonl", pseudonym=Pseudonym(key))
    assert users("plain.jsonl", pseudonym=str)[0] == "ann"


@pytest.mark.parametrize("key", [b"", b"short", b"k" * 65, "k" * 32, 7])
def test_a_key_that_is_no_secret_is_refused(key):
    with pytest.raises(ConfigurationError, match="16 to 64 secret bytes"):
        Pseudonym(key)


def test_a_log_goes_on_in_another_file_when_one_is_full(tmp_path):
    path = tmp_path / "run.jsonl"
    with DecisionLog(path, max_bytes=400) as log:
        for version in range(10):
            log.update("small", version / 8, policy_version=version)
    names = sorted(file.name for file in tmp_path.iterdir())
    assert names == ["run.1.jsonl", "run.2.jsonl", "run.3.jsonl", "run.4.jsonl", "run.jsonl"]
    assert [record.reward for record in LogReader(path)] == [version / 8 for version in range(10)]
    assert all(file.stat().st_size < 400 + 200 for file in tmp_path.iterdir())


def test_an_existing_log_is_gone_on_with_and_never_written_over(tmp_path):
    path = tmp_path / "run.jsonl"
    for version in (1, 2):
        with DecisionLog(path) as log:
            log.update("small", 1.0, policy_version=version)
        before = path.read_bytes()
    assert path.read_bytes() == before
    assert [record.policy_version for record in LogReader(path)] == [1, 2]
    assert (tmp_path / "run.1.jsonl").exists()


@pytest.mark.parametrize("sync", ["none", "flush", "fsync"])
@pytest.mark.parametrize("name", ["run.jsonl", "run.jsonl.gz"])
def test_every_way_to_push_gives_the_same_records(tmp_path, name, sync):
    with DecisionLog(tmp_path / name, sync=sync, max_bytes=300) as log:
        for version in range(6):
            log.update("small", 1.0, policy_version=version)
    assert [record.policy_version for record in LogReader(tmp_path / name)] == list(range(6))


@pytest.mark.parametrize("name", ["run.jsonl", "run.jsonl.gz"])
def test_flushed_records_can_be_read_before_the_close(tmp_path, name):
    log = DecisionLog(tmp_path / name)
    log.update("small", 1.0, policy_version=1)
    assert len(list(LogReader(tmp_path / name))) == 1
    log.close()


def test_a_compressed_log_is_gzip(tmp_path):
    with DecisionLog(tmp_path / "run.jsonl.gz") as log:
        log.update("small", 1.0, policy_version=1)
    with gzip.open(tmp_path / "run.jsonl.gz", "rt") as file:
        assert [json.loads(line)["record"] for line in file] == ["header", "update"]


@pytest.mark.parametrize(
    "write",
    [
        lambda log: log.update("small", math.nan, policy_version=1),
        lambda log: log.update("small", math.inf, policy_version=1),
        lambda log: log.update("small", True, policy_version=1),  # noqa: FBT003
        lambda log: log.update("small", "1", policy_version=1),
        lambda log: log.update("small", 1.0, learned=math.nan, policy_version=1),
        lambda log: log.update("small", 1.0, policy_version=-1),
        lambda log: log.update("small", 1.0, policy_version=1.5),
        lambda log: log.update(math.nan, 1.0, policy_version=1),
        lambda log: log.update(None, 1.0, policy_version=1),
        lambda log: log.update(b"small", 1.0, policy_version=1),
        lambda log: log.update("small", 1.0, policy_version=1, context=[math.nan]),
        lambda log: log.update("small", 1.0, policy_version=1, context=[[1.0]]),
        lambda log: log.update("small", 1.0, policy_version=1, context="tokens"),
        lambda log: log.update("small", 1.0, policy_version=1, context=["1", "2"]),
        lambda log: log.update("small", 1.0, policy_version=1, context=np.array(["1", "2"])),
        lambda log: log.update("small", 1.0, policy_version=1, context=[True, 1.0]),
        lambda log: log.update("small", 1.0, policy_version=1, context=[np.zeros((), bool), 1.0]),
        lambda log: log.update("small", 1.0, policy_version=1, context=np.array([True, False])),
        lambda log: log.update("small", 1.0, policy_version=1, context=np.ma.array([1.0, 9.0], mask=[0, 1])),
        lambda log: log.update("small", 1.0, policy_version=1, context=[np.ma.masked, 1.0]),
        lambda log: log.update("small", 1.0, policy_version=1, context=np.array([1 + 2j, 0])),
        lambda log: log.update("small", 1.0, policy_version=1, context=[1 + 2j, 0]),
        lambda log: log.update("small", 1.0, policy_version=1, context=np.full(2, np.longdouble("1e400"))),
        lambda log: log.update("small", 1.0, policy_version=1, context=[[1.0], [1.0, 2.0]]),
        lambda log: log.update("small", 1.0, policy_version=1, context={"tokens": None}),
        lambda log: log.update("small", 1.0, policy_version=1, context={"tokens": math.nan}),
        lambda log: log.update("small", 1.0, policy_version=1, time=-1),
        lambda log: log.update("small", 1.0, policy_version=1, time=True),
        lambda log: log.update("small", 1.0, policy_version=1, decision_id=7),
        lambda log: log.update("small", 1.0, policy_version=1, domain=None),
        lambda log: log.decision(DECISION._replace(decision_id="no id"), seed=0),
        lambda log: log.decision(DECISION._replace(decision_id=None), seed=0),
        lambda log: log.decision(DECISION._replace(propensity=math.nan), seed=0),
        lambda log: log.decision(DECISION._replace(propensity_kind="guess"), seed=0),
        lambda log: log.decision(DECISION, seed=-1),
        lambda log: log.decision(DECISION, seed=0, candidates=[]),
        lambda log: log.decision(DECISION, seed=0, candidates=["small", None]),
        lambda log: log.decision(DECISION, seed=0, candidates="small"),
        lambda log: log.decision(DECISION, seed=0, candidates=7),
        lambda log: log.decision(DECISION, seed=0, user=7),
        lambda log: log.decision(DECISION, seed=0, variant=7),
        lambda log: log.checkpoint({"alpha": math.nan}),
        lambda log: log.checkpoint({"alpha": np.zeros(2)}),
        lambda log: log.checkpoint([1.0]),
    ],
)
def test_a_bad_record_is_refused_and_leaves_the_log_as_it_was(tmp_path, write):
    with DecisionLog(tmp_path / "run.jsonl") as log:
        before = (tmp_path / "run.jsonl").read_bytes()
        with pytest.raises(ConfigurationError, match=r"expected|cannot log"):
            write(log)
        assert (tmp_path / "run.jsonl").read_bytes() == before


@pytest.mark.parametrize(
    "context",
    [
        [1, 2.5],
        (np.float32(1.0), 2.5),
        [np.array(1), 2.5],
        np.array([1.0, 2.5], np.longdouble),
        np.array([1.0, 2.5], ">f4"),
        array.array("d", [1.0, 2.5]),
        memoryview(np.array([1.0, 2.5])),
    ],
)
def test_a_context_may_be_whatever_holds_numbers(tmp_path, context):
    with DecisionLog(tmp_path / "run.jsonl") as log:
        log.update("small", 1.0, policy_version=1, context=context)
    assert next(iter(LogReader(tmp_path / "run.jsonl"))).context == (1.0, 2.5)


def test_a_state_that_contains_itself_is_refused(tmp_path):
    state = {}
    state["self"] = state
    with DecisionLog(tmp_path / "run.jsonl") as log, pytest.raises(ConfigurationError, match="checkpoint"):
        log.checkpoint(state)


@pytest.mark.parametrize(
    "options",
    [
        {"max_bytes": 0},
        {"max_bytes": -1},
        {"max_bytes": 1.5},
        {"max_bytes": True},
        {"sync": "often"},
        {"sync": None},
    ],
)
def test_options_that_cannot_be_meant_are_refused(tmp_path, options):
    with pytest.raises(ConfigurationError, match="expected"):
        DecisionLog(tmp_path / "run.jsonl", **options)
    assert not list(tmp_path.iterdir())


def test_a_closed_log_takes_nothing_more(tmp_path):
    log = DecisionLog(tmp_path / "run.jsonl")
    log.close()
    log.close()
    with pytest.raises(StoreError, match="closed"):
        log.update("small", 1.0, policy_version=1)


def test_a_folder_that_is_not_there_is_an_error(tmp_path):
    with pytest.raises(StoreError, match="cannot read the folder"):
        DecisionLog(tmp_path / "none" / "run.jsonl")


def test_a_file_that_cannot_be_made_is_an_error(tmp_path):
    with pytest.raises(StoreError, match="cannot make the log"):
        DecisionLog(tmp_path / ("n" * 300 + ".jsonl"))


def test_a_full_disk_is_an_error_and_the_log_goes_on_elsewhere(tmp_path, monkeypatch):
    path = tmp_path / "run.jsonl"
    log = DecisionLog(path, sync="fsync")
    log.update("small", 1.0, policy_version=1)

    def full(_):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        with pytest.raises(StoreError, match="No space left on device"):
            log.update("small", 1.0, policy_version=2)
    log.update("small", 1.0, policy_version=3)
    log.close()
    assert (tmp_path / "run.1.jsonl").exists()
    assert [record.policy_version for record in LogReader(path)][-1] == 3


def test_a_disk_that_is_full_at_the_close_is_an_error(tmp_path):
    if not os.path.exists("/dev/full"):  # noqa: PTH110
        pytest.skip("this system has no /dev/full")
    log = DecisionLog(tmp_path / "run.jsonl", sync="none")
    log.update("small", 1.0, policy_version=1)
    with open("/dev/full", "wb") as full:  # noqa: PTH123
        os.dup2(full.fileno(), log._file._file.fileno())
    with pytest.raises(StoreError, match="cannot write the log"):
        log.close()


def test_a_forked_child_may_not_write_its_parents_log(tmp_path):
    path = tmp_path / "run.jsonl"
    log = DecisionLog(path, sync="none")
    log.update("small", 1.0, policy_version=1)
    child = os.fork()
    if child == 0:
        try:
            log.update("small", 1.0, policy_version=2)
        except StoreError as error:
            log.close()
            os._exit(0 if "parent process" in str(error) else 1)
        os._exit(2)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    log.close()
    assert [record.policy_version for record in LogReader(path)] == [1]


def test_threads_do_not_interleave(tmp_path):
    path = tmp_path / "run.jsonl"
    with DecisionLog(path, max_bytes=20_000) as log:

        def write(worker):
            for version in range(100):
                log.update(f"arm {worker}", version / 128, policy_version=version)

        workers = [threading.Thread(target=write, args=(worker,)) for worker in range(4)]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
    records = list(LogReader(path))
    assert len(records) == 400
    for worker in range(4):
        assert [record.policy_version for record in records if record.arm == f"arm {worker}"] == list(range(100))
