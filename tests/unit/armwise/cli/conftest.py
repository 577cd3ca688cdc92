"""What the commands around saved states are tried on."""

from __future__ import annotations

import pytest

from armwise import LinTSDiag, ThompsonSampling
from armwise.learning import Flags, LearningEngine
from armwise.stores import StateDirectory

FLAGS = ("ENABLE_RL_GLOBAL", "ENABLE_RL_ROUTING", "ENABLE_RL_LINTS")


@pytest.fixture
def state(tmp_path, monkeypatch):
    """A state directory that the environment names, with two domains in it."""
    monkeypatch.setenv("ARMWISE_STATE_DIR", str(tmp_path / "state"))
    for name in FLAGS:
        monkeypatch.delenv(name, raising=False)
    store = StateDirectory()
    engine = LearningEngine(flags=Flags(dict.fromkeys((*FLAGS, "ENABLE_RL_X"), True)), store=store)
    engine.register_domain("route", ThompsonSampling(seed=1))
    engine.register_domain("x", LinTSDiag(["a\x1b", "b"], dim=2, seed=1))
    engine.activate("route")
    engine.record("route", None, 1, 0.5)
    engine.record("route", None, "1", 0.25)
    engine.record("x", [1.0, 2.0], "a\x1b", 0.5)
    engine.save()
    return tmp_path / "state"


@pytest.fixture
def run():
    """Call a command's entry point, and return the code that the process would leave with."""

    def called(command, *arguments):
        with pytest.raises(SystemExit) as left:
            command([str(argument) for argument in arguments])
        return left.value.code

    return called
