"""Experiments of several processes: merged in any order, sharing a file, killed while they write, forked."""

from __future__ import annotations

import json
import math
import os
import random
import signal
import subprocess
import sys
import time

import pytest

from armwise.experiments import Experiment, ExperimentManager
from armwise.flags import StaticFlags
from armwise.stores import StateFile

pytestmark = pytest.mark.integration

ON = StaticFlags({"ENABLE_EXPERIMENT_HARNESS": True})
PROCESSES = 8
RECORDS = 400

SETUP = """
import json, random, sys
from armwise.experiments import Experiment, ExperimentManager
from armwise.flags import StaticFlags
from armwise.stores import StateFile

ON = StaticFlags({"ENABLE_EXPERIMENT_HARNESS": True})
VARIANTS = {"control": "a", "b": "b"}


def managed(**options):
    return ExperimentManager([Experiment("policy::r", control="control", variants=VARIANTS, phase="active")],
                             flags=ON, **options)


def work(manager, process, records):
    rng = random.Random(process)
    for turn in range(records):
        trial = manager.decide("r", {"user_id": f"{process}-{turn}"}, ["a", "b"])
        manager.record_trial(trial, rng.lognormvariate(0.0, 3.0), now=process * records + turn)
"""

WORKER = f"""{SETUP}
manager = managed()
work(manager, int(sys.argv[1]), {RECORDS})
print(json.dumps(manager.state_dict(), allow_nan=False))
"""

SHARER = f"""{SETUP}
manager = managed(store=StateFile(sys.argv[2]))
for turn in range(4):
    work(manager, 10 * int(sys.argv[1]) + turn, 25)
    manager.save()
"""

SAVER = f"""{SETUP}
store = StateFile(sys.argv[1])
manager = managed(store=store)
print("saving", flush=True)
turn = 0
while True:
    work(manager, turn, 5)
    manager.save()
    turn += 1
"""


def managed(**options):
    experiment = Experiment("policy::r", control="control", variants={"control": "a", "b": "b"}, phase="active")
    return ExperimentManager([experiment], flags=ON, **options)


def pulls(manager):
    return sum(one.pulls for one in manager.statistics("policy::r").values())


def start(program, *arguments, **options):
    return subprocess.Popen([sys.executable, "-c", program, *map(str, arguments)], **options)


@pytest.fixture(scope="module")
def states():
    """What eight processes have seen, each of its own users."""
    found = []
    for first in range(0, PROCESSES, 2):  # two at a time: the machine may have no more
        workers = [start(WORKER, first + i, stdout=subprocess.PIPE, text=True) for i in range(2)]
        for worker in workers:
            output, _ = worker.communicate(timeout=120)
            assert worker.returncode == 0
            found.append(json.loads(output))
    return found


def alone():
    """The traffic of all eight, in one process."""
    scope: dict = {}
    exec(SETUP, scope)  # noqa: S102 - the workers' own words
    manager = managed()
    for process in range(PROCESSES):
        scope["work"](manager, process, RECORDS)
    return manager.statistics("policy::r")


def test_eight_processes_in_any_order_are_as_one(states):
    one = alone()
    merged = []
    for seed in range(5):
        order = random.Random(seed).sample(states, len(states))
        total = managed()
        for state in order:
            total.merge(state)
        merged.append(total)
        many = total.statistics("policy::r")
        for name in ("control", "b"):
            assert many[name].pulls == one[name].pulls
            assert many[name].allocations == one[name].allocations
            assert many[name].active_replay.matched == one[name].active_replay.matched
            assert many[name].last_reward == one[name].last_reward
            for mine, its in ((many[name].reward_sum, one[name].reward_sum),
                              (many[name].rewards.squares, one[name].rewards.squares)):  # fmt: skip
                assert math.isclose(mine, its, rel_tol=1e-12)
            assert many[name].rewards == one[name].rewards  # to the bit, in fact
            assert many[name].active_replay.scores == one[name].active_replay.scores
    assert all(total.state_dict() == merged[0].state_dict() for total in merged)
    assert pulls(merged[0]) == PROCESSES * RECORDS


def test_processes_that_share_a_file_lose_nothing(tmp_path):
    path = tmp_path / "experiments.json"
    workers = [start(SHARER, i, path) for i in range(3)]
    assert [worker.wait(timeout=120) for worker in workers] == [0, 0, 0]
    assert pulls(managed(store=StateFile(path))) == 3 * 4 * 25
    assert sorted(item.name for item in tmp_path.iterdir()) == ["experiments.json", "experiments.json.lock"]


def test_a_killed_process_leaves_a_whole_state(tmp_path):
    """Killed at any moment, the file holds the old state or the new; what was recorded since the last save is gone."""
    path = tmp_path / "experiments.json"
    seen = 0
    for turn in range(4):
        writer = start(SAVER, path, stdout=subprocess.PIPE)
        assert writer.stdout.readline() == b"saving\n"
        time.sleep(0.15 + 0.01 * turn)
        writer.send_signal(signal.SIGKILL)
        assert writer.wait() == -signal.SIGKILL
        writer.stdout.close()
        manager = managed(store=StateFile(path))
        assert pulls(manager) % 5 == 0
        assert pulls(manager) >= seen
        seen = pulls(manager)
    assert seen > 0
    manager.stop("policy::r")
    assert managed(store=StateFile(path)).verdict("policy::r").reason == "by hand"


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # forking beside threads; there are none of ours
def test_forked_workers_count_apart(tmp_path):
    """What was counted before the fork is counted once, whoever reports it."""
    manager = managed()
    for _ in range(3):
        manager.record("policy::r", "b", 1.0)
    children = []
    for i in range(4):
        pid = os.fork()
        if pid == 0:
            status = 1
            try:
                for _ in range(i + 1):
                    manager.record("policy::r", "b", 1.0)
                (tmp_path / f"{i}.json").write_text(json.dumps(manager.state_dict()))
                status = 0
            finally:
                os._exit(status)
        children.append(pid)
    assert [os.waitpid(pid, 0)[1] for pid in children] == [0] * 4
    manager.record("policy::r", "b", 1.0)
    total = managed()
    for i in (2, 0, 3, 1):
        total.merge(json.loads((tmp_path / f"{i}.json").read_text()))
    total.merge(manager)
    assert pulls(total) == 3 + (1 + 2 + 3 + 4) + 1
