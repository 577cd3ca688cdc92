"""Policies against a model that a reader can check: a dict of arms, and the plain oracle's choices."""

from __future__ import annotations

import importlib.util
import json
import sys
from pathlib import Path

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from armwise import UCB1, ConfigurationError, EpsilonGreedy, LinTS, LinTSDiag, ReplayError, ThompsonSampling, UnknownArm

ORACLE = Path(__file__).resolve().parents[1] / "conformance" / "naive.py"
SPEC = importlib.util.spec_from_file_location("armwise_tests_naive", ORACLE)
naive = sys.modules.setdefault(SPEC.name, importlib.util.module_from_spec(SPEC))
SPEC.loader.exec_module(naive)

LABELS = ["a", "b", "c", "d", 1, 2, 2.5, -3.0, "", "ü\n"]
REWARDS = st.sampled_from([0.0, 1.0, 0.25, 0.9]) | st.floats(0.0, 1.0)
SHAPES = st.sampled_from([0.3, 1.0, 2.0, 40.0])


class Oracle(RuleBasedStateMachine):
    """What all three machines share: arms as a dict from label to [slot, numbers], in the order of slots."""

    def start(self, policy, *, opened, initial):
        self.policy = policy
        self.opened = opened
        self.arms = {label: [slot, *self.fresh()] for slot, label in enumerate(initial)}
        self.next_slot = len(initial)
        self.version = self.counter = self.rewards = 0
        self.seed = policy.seed
        self.taken = []

    def fresh(self):
        raise NotImplementedError

    def choice(self, entries, decision, key):
        raise NotImplementedError

    def learn(self, numbers, reward):
        raise NotImplementedError

    def expected(self, candidates, decision):
        """The oracle's choice among candidates, unseen ones on the slots to come."""
        entries, slot = [], self.next_slot
        for label in candidates:
            if label in self.arms:
                entries.append((self.arms[label], label))
            else:
                entries.append(([slot, *self.fresh()], label))
                slot += 1
        entries.sort(key=lambda entry: entry[0][0])
        key = naive.stream_key(self.seed, 0)
        return entries[self.choice([entry for entry, _ in entries], decision, key)][1]

    @rule(data=st.data())
    def select_among(self, data):
        candidates = data.draw(st.lists(st.sampled_from(LABELS), unique=True, min_size=1, max_size=6))
        if not self.opened and not set(candidates) <= set(self.arms):
            with pytest.raises(UnknownArm):
                self.policy.select(candidates)
            return
        given = tuple(candidates) if data.draw(st.booleans()) else candidates
        decision = self.policy.decide(given)
        assert decision.arm == self.expected(candidates, self.counter)
        assert type(decision.arm) is type(candidates[decision.index])
        assert decision.decision_id == f"0-{self.counter:x}-{self.version:x}"
        self.taken.append((decision, candidates))
        self.counter += 1

    @precondition(lambda self: self.arms)
    @rule()
    def select_among_all(self):
        assert self.policy.select() == self.expected(list(self.arms), self.counter)
        self.counter += 1

    @precondition(lambda self: self.arms)
    @rule(n=st.integers(0, 5))
    def select_many(self, n):
        expected = [self.expected(list(self.arms), self.counter + i) for i in range(n)]
        assert [self.policy.arms[i] for i in self.policy.select_many(n)] == expected
        self.counter += n

    @rule(label=st.sampled_from(LABELS), reward=REWARDS)
    def update(self, label, reward):
        if not self.opened and label not in self.arms:
            with pytest.raises(UnknownArm):
                self.policy.update(label, reward)
            return
        self.policy.update(label, reward)
        self.account(label, reward)

    @rule(rewards=st.lists(st.tuples(st.sampled_from(LABELS), REWARDS), max_size=6))
    def update_many(self, rewards):
        labels, values = [label for label, _ in rewards], [reward for _, reward in rewards]
        if not self.opened and not set(labels) <= set(self.arms):
            with pytest.raises(UnknownArm):
                self.policy.update_many(labels, values)
            return
        self.policy.update_many(labels, values)
        for label, reward in rewards:
            self.account(label, reward)

    def account(self, label, reward):
        if label not in self.arms:
            self.arms[label] = [self.next_slot, *self.fresh()]
            self.next_slot += 1
        self.learn(self.arms[label], reward)
        self.version += 1
        self.rewards += 1

    @rule(label=st.sampled_from(LABELS))
    def add_arm(self, label):
        if label in self.arms:
            with pytest.raises(ConfigurationError):
                self.policy.add_arm(label)
            return
        self.policy.add_arm(label)
        self.arms[label] = [self.next_slot, *self.fresh()]
        self.next_slot += 1
        self.version += 1

    @rule(label=st.sampled_from(LABELS))
    def remove_arm(self, label):
        if label not in self.arms:
            with pytest.raises(UnknownArm):
                self.policy.remove_arm(label)
        elif len(self.arms) == 1 and not self.opened:
            with pytest.raises(ConfigurationError):
                self.policy.remove_arm(label)
        else:
            self.policy.remove_arm(label)
            del self.arms[label]
            self.version += 1

    @rule()
    def save_and_load(self):
        state = json.loads(json.dumps(self.policy.state_dict(), allow_nan=False))
        twin = type(self.policy)(["elsewhere"])
        twin.load_state(state)
        assert twin.state_dict() == state
        self.policy = twin

    @precondition(lambda self: self.taken)
    @rule(data=st.data())
    def replay(self, data):
        decision, candidates = data.draw(st.sampled_from(self.taken))
        if decision.policy_version != self.version:
            with pytest.raises(ReplayError):
                self.policy.replay(decision.decision_id, candidates)
        else:
            assert self.policy.replay(decision.decision_id, candidates) == decision.arm

    @rule(reward=st.sampled_from([float("nan"), float("inf"), "x", None]), label=st.sampled_from(LABELS))
    def refuse(self, reward, label):
        with pytest.raises((ConfigurationError, UnknownArm)):
            self.policy.update(label, reward)

    @invariant()
    def agree(self):
        assert self.policy.arms == tuple(self.arms)
        assert self.policy.policy_version == self.version
        assert self.policy.counter == self.counter
        state = self.policy.state_dict()
        assert state["slots"] == [entry[0] for entry in self.arms.values()]
        assert state["next_slot"] == self.next_slot


class Thompson(Oracle):
    @initialize(
        opened=st.booleans(),
        initial=st.lists(st.sampled_from(LABELS), unique=True, min_size=1, max_size=4),
        prior=st.tuples(SHAPES, SHAPES),
        seed=st.integers(0, (1 << 64) - 1),
    )
    def make(self, opened, initial, prior, seed):
        self.prior = prior
        policy = ThompsonSampling(None if opened else initial, prior=prior, seed=seed)
        self.start(policy, opened=opened, initial=[] if opened else initial)

    def fresh(self):
        return list(self.prior)

    def learn(self, numbers, reward):
        numbers[1] += reward
        numbers[2] += 1.0 - reward

    def choice(self, entries, decision, key):
        slots, alpha, beta = zip(*entries, strict=True)
        return naive.thompson_select(alpha, beta, slots, decision, key)

    @rule(prior=st.tuples(SHAPES, SHAPES))
    def add_arm_with_a_prior(self, prior):
        label = next((label for label in LABELS if label not in self.arms), None)
        if label is not None:
            self.policy.add_arm(label, prior)
            self.arms[label] = [self.next_slot, *prior]
            self.next_slot += 1
            self.version += 1

    @invariant()
    def posteriors_agree(self):
        assert self.policy.posterior() == {label: (entry[1], entry[2]) for label, entry in self.arms.items()}


class Means(Oracle):
    """Running means; entries are [slot, mean, count]."""

    def fresh(self):
        return [0.0, 0]

    def learn(self, numbers, reward):
        numbers[2] += 1
        numbers[1] += reward / numbers[2] - numbers[1] / numbers[2]

    @invariant()
    def means_agree(self):
        assert self.policy.means() == {label: (entry[1], entry[2]) for label, entry in self.arms.items()}


class Greedy(Means):
    @initialize(
        opened=st.booleans(),
        initial=st.lists(st.sampled_from(LABELS), unique=True, min_size=1, max_size=4),
        epsilon=st.sampled_from([0.0, 0.3, 1.0]),
        seed=st.integers(0, (1 << 64) - 1),
    )
    def make(self, opened, initial, epsilon, seed):
        self.epsilon = epsilon
        policy = EpsilonGreedy(None if opened else initial, epsilon=epsilon, seed=seed)
        self.start(policy, opened=opened, initial=[] if opened else initial)

    def choice(self, entries, decision, key):
        return naive.epsilon_greedy_select([entry[1] for entry in entries], self.epsilon, decision, key)


class Bounds(Means):
    @initialize(opened=st.booleans(), initial=st.lists(st.sampled_from(LABELS), unique=True, min_size=1, max_size=4))
    def make(self, opened, initial):
        policy = UCB1(None if opened else initial)
        self.start(policy, opened=opened, initial=[] if opened else initial)

    def choice(self, entries, _decision, _key):
        return naive.ucb1_select([entry[1] for entry in entries], [entry[2] for entry in entries], self.rewards)


MACHINES = settings(stateful_step_count=30)
TestThompson = Thompson.TestCase
TestThompson.settings = MACHINES
TestGreedy = Greedy.TestCase
TestGreedy.settings = MACHINES
TestBounds = Bounds.TestCase
TestBounds.settings = MACHINES

STRANGE = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=3)
    | st.lists(st.floats() | st.text(max_size=1) | st.none(), max_size=4)
    | st.binary(max_size=3)
    | st.dictionaries(st.text(max_size=2), st.floats() | st.text(max_size=2) | st.none(), max_size=3)
    | st.sampled_from(
        [np.array([1.0, 2.0]), np.array([[1, 2]]), np.float32(0.5), np.int64(1), np.array("x"), 1j, object()]
    )
)
POLICIES = [ThompsonSampling, EpsilonGreedy, UCB1, LinTS, LinTSDiag]


@pytest.mark.parametrize("cls", POLICIES)
@pytest.mark.parametrize("opened", [False, True])
@given(data=st.data())
def test_whatever_is_passed_is_taken_or_refused_whole(cls, opened, data):
    """No call leaves with another error than armwise's own, and none that does has changed anything."""
    parameters = {"dim": 2} if cls in {LinTS, LinTSDiag} else {}
    policy = cls(None if opened else ["a", "b"], seed=1, **parameters)
    for _ in range(4):
        name = data.draw(st.sampled_from(["select", "decide", "propensities", "update", "update_many", "select_many"]))
        arguments = [data.draw(STRANGE | st.just("a") | st.just(["a", "b"]) | st.just([1.0, 2.0])) for _ in range(3)]
        before = json.dumps(policy.state_dict())
        try:
            getattr(policy, name)(*arguments[: 2 if name == "select_many" else 3])
        except (ConfigurationError, UnknownArm):
            assert json.dumps(policy.state_dict()) == before
        else:
            json.dumps(policy.state_dict(), allow_nan=False)


@pytest.mark.parametrize("cls", [LinTS, LinTSDiag])
@given(
    contexts=st.lists(st.lists(st.floats(-1e100, 1e100), min_size=3, max_size=3), min_size=1, max_size=5),
    rewards=st.lists(st.floats(-1e100, 1e100), min_size=5, max_size=5),
)
def test_linear_policies_stand_any_context_within_bounds(cls, contexts, rewards):
    """Nothing overflows: the state stays finite, loads again, and still decides."""
    policy = cls(["a", "b"], dim=3, sigma=1e30, prior_precision=1e-30)
    for context, reward in zip(contexts, rewards, strict=False):
        assert policy.select(context=np.array(context)) in {"a", "b"}
        policy.update("a", reward, context)
    state = json.loads(json.dumps(policy.state_dict(), allow_nan=False))
    twin = cls(["x"], dim=3)
    twin.load_state(state)
    assert twin.state_dict() == state
    assert twin.select(context=contexts[0]) == policy.select(context=contexts[0])
