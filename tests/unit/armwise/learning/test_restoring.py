"""A restore with policies that are not armwise's: all domains become what the snapshot says, or none."""

from __future__ import annotations

import pytest

from armwise import SnapshotError, ThompsonSampling
from armwise.learning import Flags, LearningEngine, flag_of
from armwise.stores import StateDirectory

ON = {"ENABLE_RL_GLOBAL": True, **{flag_of(name): True for name in ("own", "one", "two")}}
ARMS = ["a", "b"]


class Foreign:
    """A policy of somebody else's: it changes, and only then looks at what it loads."""

    arms = ()
    policy_version = seed = stream = counter = 0

    def __init__(self, *, fails=None):
        self.sums, self.fails = {}, fails

    def select(self, candidates, *_):
        return max(candidates, key=lambda arm: self.sums.get(arm, 0.0))

    def decide(self, *_):
        raise NotImplementedError

    select_many = replay = add_arm = remove_arm = decide

    def update(self, arm, reward, *_):
        self.sums[arm] = self.sums.get(arm, 0.0) + reward

    def update_many(self, arms, rewards, *_):
        for arm, reward in zip(arms, rewards, strict=True):
            self.update(arm, reward)

    def propensities(self, candidates, *_):
        return [float(arm == self.select(candidates)) for arm in candidates]

    def state_dict(self):
        return {"sums": self.sums}  # its own, not a copy

    def load_state(self, state):
        self.sums.clear()
        if self.fails is not None and "a" in state["sums"] and state["sums"]["a"] == 7.0:
            raise self.fails
        self.sums.update(state["sums"])


def engine_of(**policies):
    engine = LearningEngine(flags=Flags(ON))
    for name, policy in policies.items():
        engine.register_domain(name, policy)
    return engine


def learnt(engine, reward, times=1):
    for name in engine.status():
        for _ in range(times):
            engine.record(name, {}, "a", reward)
    return engine


@pytest.mark.parametrize("fails", [RuntimeError("half"), KeyError("x"), SnapshotError("no")])
def test_where_one_refuses_no_domain_has_changed(fails):
    snapshot = learnt(engine_of(own=ThompsonSampling(seed=1), one=Foreign(), two=Foreign()), 1.0, 7).snapshot()
    engine = engine_of(own=ThompsonSampling(seed=1), one=Foreign(), two=Foreign(fails=fails))
    learnt(engine, 0.5)
    before = engine.snapshot()
    before = {name: {**state, "sums": dict(state.get("sums", {}))} for name, state in before.items()}
    with pytest.raises(SnapshotError) as raised:
        engine.restore(snapshot)
    assert str(raised.value) == "no" or "the Foreign does not load its state" in str(raised.value)
    after = engine.snapshot()
    assert {name: {**state, "sums": dict(state.get("sums", {}))} for name, state in after.items()} == before
    assert learnt(engine, 0.5).status()["one"]["arms"]["a"]["n"] == 2, "no gate is left shut"


def test_an_interrupt_is_no_refusal_and_leaves_nothing_half():
    snapshot = learnt(engine_of(one=Foreign()), 7.0).snapshot()
    engine = learnt(engine_of(one=Foreign(fails=KeyboardInterrupt())), 0.5)
    with pytest.raises(KeyboardInterrupt):
        engine.restore(snapshot)
    assert engine.registry.get("one").sums == {"a": 0.5}


def test_foreign_policies_are_restored_with_their_domains():
    engine = learnt(engine_of(own=ThompsonSampling(seed=1), one=Foreign()), 1.0, 3)
    other = engine_of(one=Foreign(), own=ThompsonSampling(seed=9))
    assert other.restore(engine.snapshot()).restored == ("own", "one")
    assert other.status() == engine.status()
    assert other.registry.get("one").sums == {"a": 3.0}


def test_a_start_from_a_state_that_a_foreign_policy_refuses_changes_nothing(tmp_path):
    engine = LearningEngine(flags=Flags(ON), store=StateDirectory(tmp_path))
    engine.register_domain("one", Foreign())
    engine.record("one", {}, "a", 7.0)
    engine.save()
    policy = Foreign(fails=RuntimeError("half"))
    policy.update("b", 1.0)
    again = LearningEngine(flags=Flags(ON), store=StateDirectory(tmp_path))
    with pytest.raises(SnapshotError, match="RuntimeError: half; nothing was changed"):
        again.register_domain("one", policy)
    assert policy.sums == {"b": 1.0}
    again.register_domain("one", Foreign())
    assert again.registry.get("one").sums == {"a": 7.0}
