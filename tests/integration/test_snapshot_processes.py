"""Snapshots between real processes: one trains and saves, one dumps, one restores, and others look."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys

import pytest

import armwise_kernels
from armwise import ThompsonSampling
from armwise.learning import TenantContext, open_snapshot, seal

pytestmark = pytest.mark.integration

_FLAGS = {"ENABLE_RL_GLOBAL": "1", "ENABLE_RL_ROUTING": "1", "ENABLE_RL_PROMPT": "1"}
_TRAIN = """
import sys
from armwise import LinTSDiag, ThompsonSampling, UCB1
from armwise.learning import LearningEngine, TenantContext
from armwise.stores import StateDirectory

tenant, rounds = sys.argv[1], int(sys.argv[2])
engine = LearningEngine(tenant=TenantContext(tenant), store=StateDirectory())
engine.register_domain("route", ThompsonSampling(seed=1))
engine.register_domain("prompt", UCB1(["short", "long"]))
engine.activate("route")
for n in range(rounds):
    arm = engine.recommend("route", {}, ["small", "large"])
    engine.record("route", {}, arm, 0.9 if arm == "large" else 0.3)
    engine.record("prompt", {}, ["short", "long"][n % 2], float(n % 3))
engine.save()
"""
_STATUS = """
import json, sys
from armwise import UCB1
from armwise.learning import LearningEngine, TenantContext
from armwise.stores import StateDirectory
engine = LearningEngine(tenant=TenantContext(sys.argv[1]), store=StateDirectory())
engine.register_domain("route")
engine.register_domain("prompt", UCB1(["short", "long"]))
print(json.dumps(engine.status()))
"""


def run(state, *command, code=0, **environment):
    environ = {**os.environ, **_FLAGS, "ARMWISE_STATE_DIR": str(state), **environment}
    done = subprocess.run(command, env=environ, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == code, done.stderr
    return done


def python(state, code, *arguments, **environment):
    return run(state, sys.executable, "-c", code, *arguments, **environment).stdout


def rl_snapshot(state, *arguments, code=0):
    entry = "import sys; from armwise.cli import rl_snapshot; rl_snapshot(sys.argv[1:])"
    return run(state, sys.executable, "-c", entry, *arguments, code=code)


def status_of(state, tenant="default"):
    return json.loads(python(state, _STATUS, tenant))


def test_train_dump_restore(tmp_path):
    state, other, file = tmp_path / "state", tmp_path / "other", tmp_path / "rl_state.json"
    python(state, _TRAIN, "default", "40")
    dumped = rl_snapshot(
        state, "dump", "--tenant", "default", "--workspace", "main", "--output", str(file), "--verbose"
    )
    assert "route, prompt" in dumped.stdout
    assert "armwise: route: ThompsonSampling, 2 arms" in dumped.stderr
    restored = rl_snapshot(other, "restore", "--tenant", "default", "--workspace", "main", "--input", str(file))
    assert "route, prompt" in restored.stdout
    before, after = status_of(state), status_of(other)
    assert before == after
    assert before["route"]["phase"] == "active"
    assert sum(arm["n"] for arm in before["route"]["arms"].values()) == 40


def test_one_domain_is_restored_alone(tmp_path):
    state, file = tmp_path / "state", tmp_path / "rl_state.json"
    python(state, _TRAIN, "default", "10")
    rl_snapshot(state, "dump", "--output", str(file))
    first = status_of(state)
    python(state, _TRAIN, "default", "30")
    second = status_of(state)
    assert all(first[domain] != second[domain] for domain in ("route", "prompt"))
    rl_snapshot(state, "restore", "--input", str(file), "--policies", "route")
    third = status_of(state)
    assert third["route"]["arms"] == first["route"]["arms"]
    assert third["prompt"] == second["prompt"]


def test_tenants_are_apart(tmp_path):
    state, file = tmp_path / "state", tmp_path / "rl_state.json"
    python(state, _TRAIN, "acme", "10")
    assert status_of(state)["route"]["arms"] == {}
    rl_snapshot(state, "dump", "--output", str(file), code=1)
    rl_snapshot(state, "dump", "--tenant", "acme", "--output", str(file))
    assert open_snapshot(file.read_bytes()).tenant == "acme"
    told = rl_snapshot(state, "restore", "--tenant", "other", "--input", str(file)).stderr
    assert "the snapshot is of acme/main, and becomes other/main" in told
    assert status_of(state, "other") == status_of(state, "acme")
    assert status_of(state)["route"]["arms"] == {}


def test_exit_codes(tmp_path):
    state, file = tmp_path / "state", tmp_path / "file"
    assert "nothing was saved there" in rl_snapshot(state, "dump", "--output", str(file), code=1).stderr
    assert "cannot read" in rl_snapshot(state, "restore", "--input", str(file), code=1).stderr
    file.write_text("hello")
    assert "no snapshot" in rl_snapshot(state, "restore", "--input", str(file), code=2).stderr
    assert not state.exists()


def test_a_dump_sees_what_a_live_process_saved(tmp_path):
    state, file = tmp_path / "state", tmp_path / "rl_state.json"
    live = subprocess.Popen(
        [sys.executable, "-c", f"{_TRAIN}\nprint('saved', flush=True)\nsys.stdin.read()", "default", "20"],
        env={**os.environ, **_FLAGS, "ARMWISE_STATE_DIR": str(state)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    with live:
        assert live.stdout.readline() == "saved\n"
        rl_snapshot(state, "dump", "--output", str(file))
        assert sum(open_snapshot(file.read_bytes()).policies["route"]["engine"]["statistics"]["n"]) == 20
        live.stdin.close()
        assert live.wait(60) == 0


_DRAWS = """
import sys
import armwise_kernels
from armwise import ThompsonSampling
from armwise.learning import LearningEngine, Flags
engine = LearningEngine(flags=Flags({"ENABLE_RL_GLOBAL": True, "ENABLE_RL_ROUTING": True}))
policy = ThompsonSampling()
engine.register_domain("route", policy)
engine.restore(open(sys.argv[1], "rb").read())
sys.stderr.write(armwise_kernels.describe()["backend"])
arms = [f"arm {n}" for n in range(100)]
print("\\n".join(engine.recommend("route", None, arms) for _ in range(10_000)))
"""


@pytest.mark.parametrize("backend", ["native", "numba"])
def test_the_next_draws_are_those_of_the_uninterrupted_policy(tmp_path, backend):
    if backend == "native" and armwise_kernels.describe()["backend"] != "native":
        pytest.skip("the native modules are not built")
    policy = ThompsonSampling(seed=5)
    arms = [f"arm {n}" for n in range(100)]
    for n in range(3_000):
        arm = policy.select(arms)
        policy.update(arm, (hash((n, len(arm))) % 100) / 200 + 0.4 * (arm == "arm 7"))
    own = {"version": 1, "phase": "active", "statistics": {"arms": [], "n": [], "total": []}}
    file = tmp_path / "snapshot.json"
    file.write_bytes(seal({"route": {**policy.state_dict(), "engine": own}}, TenantContext()))
    done = run(tmp_path, sys.executable, "-c", _DRAWS, str(file), ARMWISE_BACKEND=backend)
    assert done.stderr.endswith(backend)
    assert done.stdout.split("\n")[:-1] == [policy.select(arms) for _ in range(10_000)]


_MAIN = "import sys; from armwise.cli import main; main(sys.argv[1:])"


def test_status_as_json(tmp_path):
    python(tmp_path, _TRAIN, "default", "20")
    found = json.loads(run(tmp_path, sys.executable, "-c", _MAIN, "status", "--json").stdout)
    assert found["path"] == str(tmp_path / "default" / "main.json")
    assert found["flags"] == {
        "ENABLE_RL_GLOBAL": True,
        "ENABLE_RL_LINTS": False,
        "ENABLE_EXPERIMENT_HARNESS": False,
        "ENABLE_RL_ROUTING": True,
        "ENABLE_RL_PROMPT": True,
    }
    assert set(found["kernels"]) == {"backend", "isa"}
    seen = status_of(tmp_path)
    for name, domain in found["domains"].items():
        assert sum(arm["propensity"] for arm in domain["arms"].values()) == pytest.approx(1.0)
        figures = {arm: {"q": one["q"], "n": one["n"]} for arm, one in domain["arms"].items()}
        assert figures == seen[name]["arms"]


def test_status_watches_until_it_is_interrupted(tmp_path):
    python(tmp_path, _TRAIN, "default", "20")
    ours, theirs = os.openpty()
    environ = {**os.environ, **_FLAGS, "ARMWISE_STATE_DIR": str(tmp_path), "TERM": "xterm", "COLUMNS": "100"}
    watching = subprocess.Popen([sys.executable, "-c", _MAIN, "status", "--watch"], env=environ, stdout=theirs)
    os.close(theirs)
    text = b""
    with watching, os.fdopen(ours, "rb", buffering=0) as terminal:
        while b"kernels:" not in text:
            text += terminal.read(4096)
        watching.send_signal(signal.SIGINT)
        assert watching.wait(60) == 0
    assert b"route: ThompsonSampling, active" in text
