"""What a policy over a shared table does beside those that have their evidence to themselves."""

from __future__ import annotations

import gc
import json

import numpy as np
import pytest

from armwise import ThompsonSampling
from armwise._forks import watch_forks
from armwise.errors import ConfigurationError, ReplayError, SnapshotError, UnknownArm
from armwise.policies import SharedThompsonSampling
from armwise.protocols import Policy

ARMS = ["a", "b", "c"]


@pytest.fixture
def path(tmp_path):
    return tmp_path / "models.table"


@pytest.fixture
def policy(path):
    return SharedThompsonSampling(path, ARMS, seed=5)


@pytest.fixture
def other(policy):
    return SharedThompsonSampling(policy.file)


def saved(policy):
    return json.loads(json.dumps(policy.state_dict(), allow_nan=False))


def damaged(policy):
    policy._table.words[1] = 1 << 26
    return pytest.raises(SnapshotError, match="the word of 'b' in")


class TestSharing:
    def test_what_one_learns_the_other_decides_by(self, policy, other):
        for _ in range(60):
            policy.update("b", 1.0)
            policy.update_many(["a", "c"], [0.0, 0.0])
        assert [other.select() for _ in range(20)] == ["b"] * 20
        assert other.posterior() == policy.posterior() == {"a": (1.0, 61.0), "b": (61.0, 1.0), "c": (1.0, 61.0)}
        assert other.policy_version == 3
        assert policy.policy_version == 0  # it has not looked yet

    def test_ids_and_draws_are_of_streams_of_their_own(self, policy, other):
        one, two = ([p.decide() for _ in range(50)] for p in (policy, other))
        assert len({d.decision_id for d in one + two}) == 100
        assert [d.arm for d in one] != [d.arm for d in two]
        assert policy.seed == other.seed == 5

    def test_rewards_are_rounded_to_a_4096th(self, policy):
        policy.update("a", 0.3)
        policy.update("b", 2.0**-13)
        assert policy.posterior()["a"] == (1 + 1229 / 4096, 2 - 1229 / 4096)
        assert policy.posterior()["b"] == (1 + 1 / 4096, 2 - 1 / 4096)

    def test_it_is_a_policy_and_says_what_it_is(self, policy, path):
        assert isinstance(policy, Policy)
        assert policy.file == path
        assert policy.half_life is None
        assert "'a', 'b', 'c'" in repr(policy)
        assert str(path) in repr(policy)

    def test_calls_of_every_shape(self, policy):
        assert policy.select(["b"]) == "b"
        assert policy.decide(("c", "b")).arm in ("b", "c")
        assert policy.select_many(100).dtype == np.int32
        assert policy.propensities(["c", "a"]).tolist() == pytest.approx([0.5, 0.5])
        policy.update("a", np.float32(0.5))
        policy.update_many([], [])
        assert policy.posterior()["a"] == (1.5, 1.5)

    def test_the_set_is_closed(self, policy, unchanged):
        for call in (lambda: policy.update("z", 0.5), lambda: policy.select(["z"]), lambda: policy.decide(["a", "z"])):
            with unchanged(policy, UnknownArm):
                call()
        with unchanged(policy, ConfigurationError, match="fixed"):
            policy.add_arm("z")
        with unchanged(policy, ConfigurationError, match="fixed"):
            policy.remove_arm("a")

    @pytest.mark.parametrize("bad", [1.5, -0.1, float("nan"), float("inf"), "1", None, 10**400, 200, [0.5]], ids=str)
    def test_a_reward_outside_is_refused(self, policy, unchanged, bad):
        with unchanged(policy, ConfigurationError):
            policy.update("a", bad)
        with unchanged(policy, ConfigurationError):
            policy.update_many(["a", "b"], [0.5, bad])

    def test_raw_milliseconds_name_the_remedy(self, policy):
        with pytest.raises(ConfigurationError, match="CompositeReward"):
            policy.update("a", 250.0)


class TestMaking:
    @pytest.mark.parametrize(
        "bad",
        [
            {"arms": []},
            {"arms": "abc"},
            {"arms": ["a", "a"]},
            {"arms": [None]},
            {"prior": (0.0, 1.0)},
            {"prior": "x"},
            {"seed": -1},
            {"seed": True},
            {"seed": 10**5000},
        ],
    )
    def test_bad_parameters_make_no_file(self, path, bad):
        with pytest.raises(ConfigurationError):
            SharedThompsonSampling(path, **{"arms": ARMS} | bad)
        assert not path.exists()

    def test_defaults(self, path):
        policy = SharedThompsonSampling(path, ["a"])
        assert policy.prior == (1.0, 1.0)
        assert SharedThompsonSampling(path, prior=(1, 1), seed=policy.seed).arms == ("a",)

    def test_a_prior_of_its_own(self, path):
        assert SharedThompsonSampling(path, ["a"], prior=(0.5, 3)).posterior() == {"a": (0.5, 3.0)}
        assert SharedThompsonSampling(path).prior == (0.5, 3.0)
        with pytest.raises(ConfigurationError, match="other prior"):
            SharedThompsonSampling(path, prior=(1.0, 1.0))

    def test_labels_of_subclasses_fall_to_what_the_file_holds(self, path):
        policy = SharedThompsonSampling(path, [np.str_("x"), 10.0])
        assert [type(arm) for arm in policy.arms] == [str, float]
        policy.update(np.str_("x"), 1.0)
        assert policy.posterior()["x"] == (2.0, 1.0)

    def test_a_policy_that_is_gone_leaves_the_file_mapped_by_nobody(self, path, policy):
        policy.update("a", 1.0)
        del policy
        gc.collect()
        assert SharedThompsonSampling(path).posterior()["a"] == (2.0, 1.0)


class TestStates:
    def test_a_plain_policy_goes_on_from_it(self, policy, other):
        rng = np.random.default_rng(1)
        for i in range(200):
            other.update(ARMS[i % 3], rng.random())
        checkpoint = saved(policy)
        alone = ThompsonSampling(ARMS)
        alone.load_state(checkpoint)
        assert alone.posterior() == policy.posterior()
        decisions = [policy.decide() for _ in range(200)]
        assert [alone.replay(d.decision_id) for d in decisions] == [d.arm for d in decisions]
        assert [alone.select() for _ in range(200)] == [d.arm for d in decisions]

    def test_loading_puts_evidence_back_for_all(self, policy, other):
        policy.update_many(["a", "b"], [0.25, 1.0])
        before, known = saved(policy), policy.posterior()
        other.update("b", 1.0)
        stream, counter = policy.stream, policy.counter
        policy.load_state(before)
        assert other.posterior() == policy.posterior() == known
        assert (policy.stream, policy.counter) == (stream, counter)
        other.select()
        assert saved(other)["shared"] == before["shared"]

    def test_version_and_words_are_of_one_moment(self, policy, other):
        other.update("c", 0.5)
        state = saved(policy)
        assert (state["policy_version"], state["shared"]) == (1, {"sums": [0, 0, 2048], "counts": [0, 0, 1]})
        assert (state["policy"], state["open"], state["alpha"]) == ("ThompsonSampling", False, [1.0, 1.0, 1.5])

    @pytest.mark.parametrize(
        "change",
        [
            {"arms": ["a", "c", "b"]},
            {"arms": ["a", "b", "z"]},
            {"prior": [2.0, 1.0]},
            {"shared": None},
            {"shared": {}},
            {"shared": {"sums": [0, 0, 0]}},
            {"shared": {"sums": [0, 0], "counts": [0, 0, 0]}},
            {"shared": {"sums": [0, 1, 0], "counts": [0, 0, 0]}},
            {"shared": {"sums": [0, 0, 0], "counts": [0, 0, (1 << 26) - 1]}},
            {"shared": {"sums": [0, 0, 0], "counts": [0, 0, -1]}},
            {"shared": {"sums": [0, 0, 10**5000], "counts": [0, 0, 1]}},
            {"shared": {"sums": [0, 0, True], "counts": [0, 0, 1]}},
            {"shared": {"sums": [0, 0, 0.5], "counts": [0, 0, 1]}},
            {"policy": "UCB1"},
            {"version": 99},
            {"alpha": [1.0, float("nan"), 1.0]},
        ],
    )
    def test_other_states_are_refused(self, policy, unchanged, change):
        policy.update("a", 1.0)
        with unchanged(policy, SnapshotError):
            policy.load_state(saved(policy) | change)

    @pytest.mark.parametrize("bad", [None, [], "x", {}, {"arms": ARMS}])
    def test_what_is_no_state(self, policy, unchanged, bad):
        with unchanged(policy, SnapshotError):
            policy.load_state(bad)

    def test_a_plain_policys_state_has_no_words(self, policy, unchanged):
        with unchanged(policy, SnapshotError, match="shared"):
            policy.load_state(ThompsonSampling(ARMS).state_dict())

    def test_labels_are_compared_with_their_types(self, path):
        policy = SharedThompsonSampling(path, [1, 2.0])
        state = saved(policy)
        policy.load_state(state)
        with pytest.raises(SnapshotError, match="arms"):
            policy.load_state(state | {"arms": [1.0, 2.0]})


class TestReplay:
    def test_a_decision_of_the_present_version(self, policy):
        policy.update("a", 1.0)
        decision = policy.decide(["c", "a"])
        assert policy.replay(decision.decision_id, ["c", "a"]) == decision.arm

    def test_not_what_another_process_decided(self, policy, other):
        with pytest.raises(ReplayError, match="each counts versions"):
            policy.replay(other.decide().decision_id)

    def test_not_once_the_version_has_moved(self, policy, other):
        decision = policy.decide()
        other.update("a", 1.0)
        assert policy.replay(decision.decision_id) == decision.arm  # not seen yet
        policy.select()
        with pytest.raises(ReplayError, match="version"):
            policy.replay(decision.decision_id)

    @pytest.mark.parametrize("bad", [None, "", "x-y", 3])
    def test_malformed_ids(self, policy, bad):
        with pytest.raises(ReplayError):
            policy.replay(bad)


class TestStreams:
    def test_one_may_be_given(self, policy):
        policy.take_stream(9)
        assert policy.decide().decision_id == "9-0-0"

    @pytest.mark.parametrize("bad", [1 << 63, -1, None, True])
    def test_but_no_other_thing(self, policy, unchanged, bad):
        with unchanged(policy, ConfigurationError, match="stream"):
            policy.take_stream(bad)

    def test_a_parent_keeps_its_stream(self, policy):
        stream = policy.stream
        policy._before_fork()
        policy._after_fork(child=False)
        assert policy.stream == stream
        policy.update("a", 1.0)

    def test_a_child_takes_the_next(self, policy, other):
        policy.select()
        last = other.stream
        policy._before_fork()
        policy._after_fork(child=True)
        watch_forks(policy)
        assert policy.stream == last + 1
        assert policy.counter == 0
        policy.update("a", 1.0)
        assert policy.decide().decision_id.startswith(f"{last + 1:x}-0-")
        assert other.posterior()["a"] == (2.0, 1.0)


class TestDamage:
    """Something else wrote into the file: every call that meets it says so, and changes nothing."""

    def test_decisions(self, policy):
        policy.select()
        with damaged(policy):
            policy.select()
        for call in (policy.decide, policy.propensities, policy.posterior, policy.state_dict):
            with damaged(policy):
                call()
        with damaged(policy):
            policy.select_many(5)

    def test_rewards(self, policy):
        with damaged(policy):
            policy.update("b", 1.0)
        with damaged(policy):
            policy.update_many(["a", "b"], [1.0, 1.0])
        assert policy._table.words.tolist()[:3] == [0, 1 << 26, 0]

    def test_a_restored_table_serves_again(self, policy):
        policy.update("a", 1.0)
        state = saved(policy)
        with damaged(policy):
            policy.select()
        policy.load_state(state)
        assert policy.select() in ARMS
        assert policy.posterior()["b"] == (1.0, 1.0)
