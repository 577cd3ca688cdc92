"""Workers killed at random instants: the one that starts next has every reward that was acknowledged, each once."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import textwrap

import pytest

from armwise.learning import Flags, LearningEngine
from armwise.stores import StateDirectory

pytestmark = [
    pytest.mark.integration,
    pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="this system has no SIGKILL"),
]

ON = {"ENABLE_RL_GLOBAL": True, "ENABLE_RL_ROUTING": True}
KILLS = 15

WORKER = """
    import sys
    from armwise import ThompsonSampling
    from armwise.learning import Flags, LearningEngine
    from armwise.stores import StateDirectory

    engine = LearningEngine(flags=Flags({ON}), store=StateDirectory(sys.argv[1]))
    engine.register_domain("route", ThompsonSampling(seed=1))
    engine.activate("route")
    turn = 0
    while True:
        decision = engine.decide("route", {{}}, ["a", "b", "c"])
        status = engine.record("route", {{}}, decision.arm, 1.0, decision_id=decision.decision_id)
        print(decision.decision_id, status, flush=True)
        turn += 1
        if turn % 40 == 0:
            engine.save()
"""


def test_no_acknowledged_reward_is_lost_and_no_id_comes_twice(tmp_path):
    chance = random.Random(7)
    acknowledged: list[str] = []
    program = textwrap.dedent(WORKER).replace("{ON}", repr(ON)).replace("{{}}", "{}")
    for _ in range(KILLS):
        command = [sys.executable, "-c", program, os.fspath(tmp_path)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as worker:
            acknowledged += [worker.stdout.readline() for _ in range(chance.randrange(1, 150))]
            worker.kill()
            acknowledged += worker.stdout.read().splitlines(keepends=True)
    whole = [line.split() for line in acknowledged if line.endswith("\n")]
    assert {status for _, status in whole} == {"applied"}
    assert len({decision_id for decision_id, _ in whole}) == len(whole)
    engine = LearningEngine(flags=Flags(ON), store=StateDirectory(tmp_path))
    engine.register_domain("route")
    counted = sum(arm["n"] for arm in engine.status()["route"]["arms"].values())
    # Of each worker one reward may have been taken and not told.
    assert len(whole) <= counted <= len(whole) + KILLS
    learnt = sum(alpha - 1.0 for alpha, _ in engine.registry.get("route").posterior().values())
    assert learnt == counted
