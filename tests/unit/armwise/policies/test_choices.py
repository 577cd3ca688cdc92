"""select, decide, select_many, propensities, replay: what every policy promises of its choices."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
import pytest

from armwise import ConfigurationError, Decision, KernelError, ReplayError, UnknownArm
from armwise.protocols import Policy


def test_is_a_policy(make):
    assert isinstance(make(), Policy)


def test_returns_the_callers_own_label(make):
    class Model(str):
        __slots__ = ()

    labels = [Model("m"), 7, 2.5]
    policy = make(labels)
    chosen = [policy.select(context=make.context) for _ in range(200)]
    assert all(any(label is arm for label in labels) for arm in chosen)
    assert policy.arms == tuple(labels)


def test_same_seed_same_choices(make):
    one, other = make.train(make(seed=11)), make.train(make(seed=11))
    now = make.now(40)
    draws = [one.select(context=make.context, now=now) for _ in range(50)]
    assert draws == [other.select(context=make.context, now=now) for _ in range(50)]


def test_decide_is_select_with_particulars(make):
    one, other = make.train(make()), make.train(make())
    for _ in range(20):
        version, counter = one.policy_version, one.counter
        now = make.now(29)
        decision = one.decide(["c", "a"], make.context, now)
        assert isinstance(decision, Decision)
        assert decision.arm == other.select(["c", "a"], make.context, now)
        assert decision.arm == ["c", "a"][decision.index]
        assert decision.decision_id == f"{one.stream:x}-{counter:x}-{version:x}"
        assert decision.policy_version == version
        assert 0.0 < decision.propensity <= 1.0
        assert decision.propensity_kind == "exact"
        assert one.counter == counter + 1


def test_decisions_without_candidates_index_the_arms(make):
    policy = make.train(make())
    decision = policy.decide(context=make.context, now=make.now(29))
    assert policy.arms[decision.index] == decision.arm


def test_the_propensity_is_that_of_the_posterior_that_chose(make):
    policy = make.train(make())
    now = make.now(29)
    decision = policy.decide(context=make.context, now=now)
    before = policy.propensities(context=make.context, now=now)
    policy.update("a", 0.9, make.context, now)
    assert decision.propensity == before[decision.index]


def test_propensities_stand_in_the_callers_order(make):
    policy = make.train(make())
    now = make.now(29)
    forward = policy.propensities(["a", "b", "c"], make.context, now)
    backward = policy.propensities(["c", "b", "a"], make.context, now)
    assert forward.shape == (3,)
    assert forward.dtype == np.float64
    assert forward.sum() == pytest.approx(1.0)
    assert forward.tolist() == backward[::-1].tolist()
    assert policy.propensities(["b"], make.context, now).tolist() == [1.0]


def test_propensities_take_no_counter(make):
    policy = make.train(make())
    counter = policy.counter
    policy.propensities(context=make.context, now=make.now(29))
    assert policy.counter == counter


def test_select_many_is_that_many_selects(make):
    one, other = make.train(make()), make.train(make())
    now = make.now(29)
    many = one.select_many(make.batch(300), now=now)
    assert many.dtype == np.int32
    assert [one.arms[i] for i in many] == [other.select(context=make.context, now=now) for _ in range(300)]
    assert one.counter == other.counter
    assert one.select_many(make.batch(0)).shape == (0,)


@pytest.mark.parametrize(
    "make", ["thompson", "thompson_decaying", "lints_diag", "lints_diag_decaying", "lints", "ucb1"], indirect=True
)
def test_a_subset_is_the_same_draw(make):
    """Arms keep their random numbers: leaving out a loser changes nothing."""
    one, other = make.train(make()), make.train(make())
    now = make.now(29)
    for _ in range(50):
        arm = one.select(context=make.context, now=now)
        rest = [label for label in "abc" if label != arm]
        assert other.select([rest[0], arm], make.context, now) == arm


def test_candidates_may_be_any_ordered_iterable(make):
    policy = make()
    for candidates in (["a", "b"], ("a", "b"), iter(["a", "b"]), np.array(["a", "b"])):
        assert policy.select(candidates, make.context) in {"a", "b"}
    assert policy.select((label for label in "ab"), make.context) in {"a", "b"}


def test_many_candidate_sets_are_taken(make):
    """More sets than a core keeps bound."""
    policy = make(list(range(80)))
    for first in range(79):
        assert policy.select([first, first + 1], make.context) in {first, first + 1}
        assert policy.select((first, first + 1), make.context) in {first, first + 1}
    assert policy.select([0, 1], make.context) in {0, 1}


def test_replay_remakes_decisions_of_this_version(make):
    policy = make.train(make())
    now = make.now(29)
    taken = [policy.decide(["c", "b"], make.context, now) for _ in range(30)]
    taken_of_all = [policy.decide(context=make.context, now=now) for _ in range(30)]
    counter = policy.counter
    assert [policy.replay(d.decision_id, ["c", "b"], make.context) for d in taken] == [d.arm for d in taken]
    replayed = [policy.replay(d.decision_id, context=make.context) for d in taken_of_all]
    assert replayed == [d.arm for d in taken_of_all]
    assert policy.counter == counter


def test_replay_remakes_decisions_of_another_stream(make):
    worker, keeper = make.train(make()), make.train(make())
    state = worker.state_dict()
    state["rng"] = {**state["rng"], "stream": 0x7FFF_FFFF_FFFF_FFFF, "counter": 12}
    worker.load_state(state)
    now = make.now(29)
    taken = [worker.decide(context=make.context, now=now) for _ in range(30)]
    assert all(d.decision_id.startswith("7fffffffffffffff-") for d in taken)
    assert [keeper.replay(d.decision_id, context=make.context) for d in taken] == [d.arm for d in taken]
    assert keeper.stream == 0
    ours = keeper.decide(["b", "a"], make.context, now)
    assert keeper.replay(ours.decision_id, ["b", "a"], make.context) == ours.arm


def test_replay_of_a_moved_version_is_an_error(make, unchanged):
    policy = make.train(make())
    decision = policy.decide(context=make.context, now=make.now(29))
    policy.update("a", 0.5, make.context, make.now(29))
    with unchanged(policy, ReplayError, "version"):
        policy.replay(decision.decision_id, context=make.context)


@pytest.mark.parametrize(
    "text", ["", "0-1", "0-1-2-3", "0-g-0", "0--1-0", "-1-0-0", "0-FF-0", "0-ffffffffffffffff-0", 7, None, b"0-0-0"]
)
def test_replay_refuses_what_is_no_id(make, unchanged, text):
    policy = make()
    with unchanged(policy, ReplayError, "decision_id"):
        policy.replay(text, context=make.context)


@pytest.mark.parametrize(
    ("candidates", "match"),
    [
        ([], "empty"),
        ((), "empty"),
        (["a", "a"], "equal"),
        ("ab", "letter by letter"),
        (b"ab", "letter by letter"),
        ({"a", "b"}, "order"),
        ({"a": 1}, "order"),
        (5, "order"),
        (["a", None], "None"),
        (["a", True], "True"),
        (["a", float("nan")], "nan"),
        (["a", float("inf")], "inf"),
        (["a", 1 << 63], "64-bit"),
        (["a", ["b"]], "string"),
        ([np.int64(3)], "item"),
        (np.zeros((2, 2)), "string"),
    ],
)
@pytest.mark.parametrize("call", ["select", "decide", "propensities"])
def test_bad_candidates(make, unchanged, call, candidates, match):
    policy = make()
    with unchanged(policy, ConfigurationError, match):
        getattr(policy, call)(candidates, make.context)


@pytest.mark.parametrize("call", ["select", "decide", "propensities"])
def test_strangers_in_a_closed_set(make, unchanged, call):
    policy = make()
    with unchanged(policy, UnknownArm, "no arm 'z'; this policy has 'a', 'b', 'c'"):
        getattr(policy, call)(["a", "z"], make.context)


@pytest.mark.parametrize("call", ["select", "decide", "propensities"])
def test_one_and_one_point_zero_are_one_label(make, unchanged, call):
    policy = make([1, 2.0])
    with unchanged(policy, ConfigurationError, "equals the arm 1"):
        getattr(policy, call)([1.0, 2.0], make.context)
    assert policy.select([2.0, 1], make.context) in {1, 2.0}


@pytest.mark.parametrize("now", [-1, -0.5, float("nan"), float("inf"), True, "soon", datetime(2024, 1, 1)])  # noqa: DTZ001
@pytest.mark.parametrize("call", ["select", "decide", "propensities"])
def test_bad_moments(make, unchanged, call, now):
    policy = make()
    with unchanged(policy, ConfigurationError, "now"):
        getattr(policy, call)(None, make.context, now)
    with unchanged(policy, ConfigurationError, "now"):
        policy.update("a", 0.5, make.context, now)


def test_moments_in_every_form(make):
    one, other, third = make(), make(), make()
    moment = datetime(2024, 5, 1, 12, tzinfo=UTC)
    one.update("a", 1.0, make.context, moment)
    other.update("a", 1.0, make.context, moment.timestamp())
    third.update("a", 1.0, make.context, int(moment.timestamp()) * 10**9)
    assert one.state_dict() == other.state_dict() == third.state_dict()


@pytest.mark.parametrize("n", [-1, 1 << 31, 2.0, "3", None, True])
def test_select_many_refuses_what_is_no_number(make, unchanged, n):
    policy = make()
    with unchanged(policy, ConfigurationError):
        policy.select_many(n)


def test_no_arms_to_choose_among(make, unchanged):
    policy = make(None)
    for call in (policy.select, policy.decide, policy.propensities):
        with unchanged(policy, ConfigurationError, "no arms yet"):
            call(None, make.context)
    with unchanged(policy, ConfigurationError, "no arms yet"):
        policy.select_many(make.batch(3))
    with unchanged(policy, ConfigurationError, "no arms yet"):
        policy.replay("0-0-0", context=make.context)


def test_a_kernel_that_refuses_good_arguments_is_a_defect(make, monkeypatch):
    policy = make()

    class Broken:
        def __getattr__(self, name):
            def refuse(*_arguments):
                raise ValueError(name)

            return refuse

    monkeypatch.setattr(policy, "_core", Broken())
    for call in (policy.select, policy.decide, policy.propensities):
        with pytest.raises(KernelError, match="defect of armwise"):
            call(None, make.context)
    with pytest.raises(KernelError, match="view"):
        policy.select(["a"], make.context)
    with pytest.raises(KernelError, match="select_many"):
        policy.select_many(make.batch(2))
    with pytest.raises(KernelError, match="update"):
        policy.update("a", 0.5, make.context)
    with pytest.raises(KernelError, match="update_many"):
        policy.update_many(["a"], [0.5], make.contexts(1))
    with pytest.raises(KernelError, match="peek"):
        policy.replay("0-0-0", context=make.context)


def test_repr_is_short_and_says_what_it_is(make):
    policy = make(list(range(1000)))
    assert len(repr(policy)) < 200
    assert repr(policy).startswith(f"<{make.cls.__name__} [0, 1, ")
    assert "(1000 in all)" in repr(policy)
    assert "version=0" in repr(make(None))


def test_sources_of_the_seed(make):
    import random

    assert make(seed=None, rng=random.Random(4)).seed == random.Random(4).getrandbits(64)
    generator = np.random.default_rng(4)
    drawn = make(seed=None, rng=generator).seed
    assert drawn == int(np.random.default_rng(4).integers(0, 1 << 64, dtype=np.uint64))
    assert make(seed=None, rng=generator).seed != drawn
    assert make(seed=None).seed != make(seed=None).seed
    assert make(seed=np.uint64((1 << 64) - 1)).seed == (1 << 64) - 1
    assert make(seed=0).stream == 0


@pytest.mark.parametrize("seed", [-1, 1 << 64, 1.5, "1", True, np.True_])
def test_bad_seeds(make, seed):
    with pytest.raises(ConfigurationError, match="seed"):
        make(seed=seed)


def test_bad_rng(make):
    with pytest.raises(ConfigurationError, match="both"):
        make(seed=1, rng=np.random.default_rng())
    with pytest.raises(ConfigurationError, match=r"random\.Random"):
        make(seed=None, rng=np.random.RandomState(1))


@pytest.mark.parametrize(
    "arms", [[], (), "ab", ["a", "a"], [1, 1.0], [0.0, -0.0], [True], [None], [float("nan")], {"a"}, 3]
)
def test_bad_arms(make, arms):
    with pytest.raises(ConfigurationError):
        make(arms)
