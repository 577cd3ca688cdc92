"""A log made here replays elsewhere: in another process, on the other backend, after its writer died."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from importlib.util import find_spec

import numpy as np
import pytest

import armwise_kernels
from armwise import ThompsonSampling
from armwise.runners.contestants import CONTESTANTS
from armwise.runners.dataset import bundled
from armwise.runners.routing import write_log
from armwise.telemetry.log import DecisionLog

pytestmark = pytest.mark.integration

HERE = armwise_kernels.describe()["backend"]
# Where no compiler was at hand there is one backend to replay on.
BACKENDS = ["native", "numba"] if HERE == "native" or find_spec("armwise_kernels._fast") else ["numba"]
COMMAND = [sys.executable, "-c", "from armwise.cli import main; main()"]

WRITER = """
import sys
from armwise import ThompsonSampling
from armwise.telemetry.log import DecisionLog

policy = ThompsonSampling(["a", "b", "c"], half_life=1.0, seed=5)
with DecisionLog(sys.argv[1], max_bytes=200_000) as log:
    log.checkpoint(policy.state_dict())
    print("writing", flush=True)
    for turn in range(10_000_000):
        now = 10**18 + turn * 10**6
        decision = policy.decide(now=now)
        log.decision(decision, seed=policy.seed, time=now)
        policy.update(decision.arm, turn % 3 / 2, now=now)
        log.update(decision.arm, turn % 3 / 2, policy_version=policy.policy_version, time=now)
"""


def run(*arguments, backend):
    """Run the command line in a process of its own, on one backend."""
    environment = {**os.environ, "ARMWISE_BACKEND": backend}
    return subprocess.run(
        [*COMMAND, *map(str, arguments)],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=600,
    )


def replayed(path, backend):
    done = run("replay", path, "--json", backend=backend)
    assert done.returncode == 0, done.stderr + done.stdout
    result = json.loads(done.stdout)
    assert result["backend"] == backend
    assert result["mismatched"] == 0
    return result, done.stderr


@pytest.fixture(scope="module")
def ten_thousand(tmp_path_factory):
    """10,000 decisions over changing candidates, with decay, in several compressed files."""
    path = tmp_path_factory.mktemp("log") / "run.jsonl.gz"
    rng = np.random.default_rng(1)
    arms = tuple(f"arm {i}" for i in range(20))
    policy = ThompsonSampling(arms, half_life=30.0, prior=(0.7, 2.0), seed=2**64 - 1)
    with DecisionLog(path, sync="none", max_bytes=1_000_000) as log:
        log.checkpoint(policy.state_dict())
        for turn in range(10_000):
            now = 1_700_000_000_000_000_000 + turn * 20_000_000
            chosen = rng.choice(len(arms), size=int(rng.integers(2, len(arms))), replace=False)
            candidates = None if turn % 3 == 0 else [arms[i] for i in chosen[:4]]
            decision = policy.decide(candidates, now=now)
            log.decision(decision, seed=policy.seed, candidates=candidates, time=now)
            if turn % 2:
                reward = float(rng.random())
                policy.update(decision.arm, reward, now=now)
                log.update(
                    decision.arm,
                    reward,
                    policy_version=policy.policy_version,
                    decision_id=decision.decision_id,
                    time=now,
                )
        log.checkpoint(policy.state_dict())
    assert len(list(path.parent.iterdir())) > 2
    return path


@pytest.mark.slow
@pytest.mark.parametrize("backend", BACKENDS)
def test_ten_thousand_decisions_come_out_again_in_another_process(ten_thousand, backend):
    result, stderr = replayed(ten_thousand, backend)
    assert (result["decisions"], result["updates"], result["checkpoints"]) == (10_000, 5_000, 1)
    assert stderr == ""


@pytest.mark.slow
@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("contestant", CONTESTANTS, ids=lambda contestant: contestant.name)
def test_the_logs_of_the_demo_come_out_again_on_both_backends(tmp_path, contestant, backend):
    data = bundled()
    write_log(tmp_path / "run.jsonl", data, contestant)
    assert replayed(tmp_path / "run.jsonl", backend)[0]["decisions"] == len(data.reward)


def test_a_killed_writer_leaves_a_log_that_replays(tmp_path):
    path = tmp_path / "run.jsonl"
    for _ in range(3):
        writer = subprocess.Popen([sys.executable, "-c", WRITER, str(path)], stdout=subprocess.PIPE)
        assert writer.stdout.readline() == b"writing\n"
        time.sleep(0.3)
        writer.send_signal(signal.SIGKILL)
        assert writer.wait() == -signal.SIGKILL
        writer.stdout.close()
    result, _ = replayed(path, HERE)
    assert result["decisions"] > 100
    assert len(list(tmp_path.iterdir())) >= 3


def test_a_log_cut_in_the_middle_of_a_record_is_told_of(tmp_path):
    write_log(tmp_path / "run.jsonl", bundled(), CONTESTANTS[0])
    data = (tmp_path / "run.jsonl").read_bytes()
    (tmp_path / "run.jsonl").write_bytes(data[: len(data) // 2])
    assert "half a line" in replayed(tmp_path / "run.jsonl", HERE)[1]
