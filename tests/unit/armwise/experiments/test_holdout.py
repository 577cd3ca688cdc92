from __future__ import annotations

import threading
from fractions import Fraction

import pytest

from armwise import UCB1, EpsilonGreedy, LinTSDiag, ThompsonSampling
from armwise.errors import ConfigurationError
from armwise.experiments import Allocator, Holdout, HoldoutConfig, empirical_best
from armwise.telemetry.log import DecisionLog, LogReader

USERS = [f"user-{i}" for i in range(2000)]
NAMES = {
    "BANDIT_EXPERIMENT_ENABLED": "1",
    "BANDIT_EXPERIMENT_HOLDOUT_PERCENT": "0.1",
    "BANDIT_EXPERIMENT_SURFACES": "home, cart",
    "BANDIT_EXPERIMENT_LABEL": "explore-2024",
}


def read(**changes):
    return HoldoutConfig.from_environment(NAMES | {f"BANDIT_EXPERIMENT_{name}": word for name, word in changes.items()})


def bandit():
    policy = ThompsonSampling(["a", "b", "c"], seed=1)
    policy.update_many(["a"] * 4 + ["b"] * 4, [1.0, 0.0, 0.0, 0.0, 1.0, 1.0, 1.0, 0.0])
    return policy


class TestConfig:
    """What the environment says."""

    def test_all_of_it(self):
        assert read() == HoldoutConfig(
            enabled=True, fraction=Fraction(1, 10), surfaces=("home", "cart"), label="explore-2024"
        )

    def test_nothing_of_it(self, monkeypatch):
        for name in NAMES:
            monkeypatch.delenv(name, raising=False)
        config = HoldoutConfig.from_environment()
        assert config == HoldoutConfig(enabled=False, fraction=0, surfaces=(), label="bandit_holdout")
        assert Holdout().config == config
        monkeypatch.setenv("BANDIT_EXPERIMENT_ENABLED", "yes")
        monkeypatch.setenv("BANDIT_EXPERIMENT_HOLDOUT_PERCENT", "25%")
        assert Holdout().config.fraction == Fraction(1, 4)

    @pytest.mark.parametrize(
        ("word", "share"),
        [
            ("0.1", Fraction(1, 10)),
            ("10%", Fraction(1, 10)),
            ("10 %", Fraction(1, 10)),
            (" 2.5% ", Fraction(1, 40)),
            ("0", 0),
            ("", 0),
            ("1", 1),
            ("1.0", 1),
            ("100%", 1),
            ("1%", Fraction(1, 100)),
            (".25", Fraction(1, 4)),
            ("0.", 0),
        ],
    )
    def test_shares(self, word, share):
        assert read(HOLDOUT_PERCENT=word).fraction == share

    @pytest.mark.parametrize(
        ("word", "words"),
        [
            ("10", "for a percentage, write 10% or 0.1"),
            ("1.5", "for a percentage, write 1.5% or 0.015"),
            ("100", "for a percentage, write 100% or 1"),
            ("1000", "expected at most 1, or 100%"),
            ("101%", "expected at most 1, or 100%"),
            ("-0.1", "such as 0.1"),
            ("nan", "such as 0.1"),
            ("1e-1", "such as 0.1"),
            ("ten", "such as 0.1"),
            ("%", "such as 0.1"),
            ("10%%", "such as 0.1"),
            ("٣", "such as 0.1"),
        ],
    )
    def test_shares_that_cannot_be_meant(self, word, words):
        with pytest.raises(ConfigurationError, match=f"BANDIT_EXPERIMENT_HOLDOUT_PERCENT is .*{words}"):
            read(HOLDOUT_PERCENT=word)

    def test_other_words_than_yes_and_no(self):
        with pytest.raises(ConfigurationError, match="BANDIT_EXPERIMENT_ENABLED is 'perhaps'"):
            read(ENABLED="perhaps")

    @pytest.mark.parametrize(
        "options",
        [
            {"enabled": 1},
            {"fraction": 1.1},
            {"fraction": -0.1},
            {"fraction": float("nan")},
            {"fraction": "10%"},
            {"fraction": True},
            {"surfaces": "home"},
            {"surfaces": ("",)},
            {"surfaces": (3,)},
            {"label": ""},
        ],
    )
    def test_what_cannot_be_meant(self, options):
        with pytest.raises(ConfigurationError):
            HoldoutConfig(**options)

    def test_a_holdout_is_of_a_config(self):
        with pytest.raises(ConfigurationError, match="expected a HoldoutConfig"):
            Holdout({"enabled": True})


class TestAssign:
    """Who is held out."""

    def test_control_is_the_share_that_was_asked_for(self):
        holdout = Holdout(read(HOLDOUT_PERCENT="30%"))
        sides = [holdout.assign("home", {"user_id": user}) for user in USERS]
        held = [side for side in sides if side.variant == "control"]
        assert abs(len(held) / len(USERS) - 0.3) < 4 * (0.3 * 0.7 / len(USERS)) ** 0.5
        assert {side.explore for side in held} == {False}
        assert {side.explore for side in sides if side.variant == "treatment"} == {True}
        assert {side.experiment for side in sides} == {"explore-2024"}

    def test_a_user_is_on_one_side_everywhere(self):
        holdout, again = Holdout(read(HOLDOUT_PERCENT="0.5")), Holdout(read(HOLDOUT_PERCENT="0.5"))
        for user in USERS[:100]:
            home = holdout.assign("home", {"user_id": user, "request_id": "r"})
            assert home == again.assign("cart", {"user_id": user, "request_id": "other", "session_id": "s"})
            table = Allocator("explore-2024", {"control": Fraction(1, 2), "treatment": Fraction(1, 2)})
            assert home.variant == table.allocate(user)

    def test_a_request_stands_for_a_user_who_is_not_known(self):
        holdout = Holdout(read(HOLDOUT_PERCENT="0.5"))
        assert holdout.assign("home", {"request_id": "user-1"}) == holdout.assign("home", {"user_id": "user-1"})

    def test_raising_the_share_moves_nobody_out_of_control(self):
        few, many = Holdout(read(HOLDOUT_PERCENT="0.1")), Holdout(read(HOLDOUT_PERCENT="0.2"))
        held = [user for user in USERS if few.assign("home", {"user_id": user}).variant == "control"]
        assert held
        assert all(many.assign("home", {"user_id": user}).variant == "control" for user in held)

    @pytest.mark.parametrize("change", [{"HOLDOUT_PERCENT": "0"}, {"HOLDOUT_PERCENT": ""}, {"ENABLED": "false"}])
    def test_off_leaves_no_trace(self, change):
        holdout = Holdout(read(**change))
        for user in USERS[:50]:
            side = holdout.assign("home", {"user_id": user})
            assert (side.metadata, side.extras, side.explore) == ({}, {}, True)
        assert holdout.assign("home", None).explore
        assert holdout.unkeyed == 0

    def test_other_surfaces_are_left_alone(self):
        holdout = Holdout(read(HOLDOUT_PERCENT="1"))
        assert holdout.assign("search", {"user_id": "u"}).metadata == {}
        assert holdout.assign("home", {"user_id": "u"}).metadata == {"experiment": "explore-2024", "variant": "control"}
        everywhere = Holdout(read(HOLDOUT_PERCENT="1", SURFACES=""))
        assert everywhere.assign("search", {"user_id": "u"}).extras == {
            "bandit_experiment": "explore-2024",
            "bandit_variant": "control",
        }

    def test_requests_that_name_nobody_are_not_explored_on_and_counted(self):
        holdout = Holdout(read())
        threads = [
            threading.Thread(target=lambda: [holdout.assign("home", None) for _ in range(500)]) for _ in range(4)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert holdout.unkeyed == 2000
        side = holdout.assign("home", {"session_id": "s"})
        assert (side.explore, side.metadata) == (False, {})

    @pytest.mark.parametrize("surface", ["", None, 3])
    def test_a_surface_is_a_name(self, surface):
        with pytest.raises(ConfigurationError, match="surface is"):
            Holdout(read()).assign(surface, None)


class TestChoose:
    """What is served."""

    def test_control_gets_the_best_so_far_and_the_rest_the_bandit(self):
        holdout, policy = Holdout(read(HOLDOUT_PERCENT="0.5")), bandit()
        arms = {"control": set(), "treatment": set()}
        for user in USERS[:200]:
            choice = holdout.choose("home", {"user_id": user}, policy, ["a", "b", "c"])
            arms[choice.assignment.variant].add(choice.arm)
            assert (choice.decision is None) == (choice.assignment.variant == "control")
        assert arms == {"control": {"b"}, "treatment": {"a", "b", "c"}}
        explored = policy.counter
        holdout.choose("home", None, policy, ["a", "c"])
        assert policy.counter == explored  # nobody is named: no exploration

    def test_decisions_and_rewards_carry_it_to_the_log(self, tmp_path):
        holdout, policy = Holdout(read(HOLDOUT_PERCENT="0.5")), bandit()
        with DecisionLog(tmp_path / "l.jsonl") as log:
            log.checkpoint(policy.state_dict())
            for user in USERS[:40]:
                choice = holdout.choose("home", {"user_id": user}, policy, ["a", "b", "c"])
                if choice.decision is not None:
                    log.decision(choice.decision, seed=policy.seed, user=user, **choice.assignment.metadata)
        records = [record for record in LogReader(tmp_path / "l.jsonl") if record.record == "decision"]
        assert {(record.experiment, record.variant) for record in records} == {("explore-2024", "treatment")}

    def test_the_best_may_be_given(self):
        holdout = Holdout(read(HOLDOUT_PERCENT="1"))
        policy = LinTSDiag(["a", "b"], dim=2, seed=1)
        context = {"user_id": "u"}
        assert holdout.choose("home", context, policy, ["a", "b"], best=lambda labels: labels[-1]).arm == "b"
        with pytest.raises(ConfigurationError, match="give best="):
            holdout.choose("home", context, policy, ["a", "b"])
        with pytest.raises(ConfigurationError, match="what best chose"):
            holdout.choose("home", context, policy, ["a", "b"], best=lambda _: None)

    @pytest.mark.parametrize("candidates", [[], "ab", [None]])
    def test_candidates_are_labels(self, candidates):
        with pytest.raises(ConfigurationError):
            Holdout(read()).choose("home", None, bandit(), candidates)


class TestEmpiricalBest:
    """The highest mean of what was earned."""

    @pytest.mark.parametrize("cls", [EpsilonGreedy, UCB1, ThompsonSampling])
    def test_what_earned_most(self, cls):
        policy = cls(["a", "b", "new"], seed=1)
        assert empirical_best(policy, ["new", "b", "a"]) == "new"
        policy.update_many(["a", "a", "b"], [0.0, 0.5, 0.2])
        assert empirical_best(policy, ["new", "b", "a"]) == "a"
        assert empirical_best(policy, ["new", "b"]) == "b"
        assert empirical_best(policy, ["stranger", "new"]) == "stranger"

    def test_ties_go_to_the_one_with_more_behind_it(self):
        policy = EpsilonGreedy(["a", "b"], seed=1)
        policy.update_many(["a", "b", "b"], [0.5, 0.5, 0.5])
        assert empirical_best(policy, ["a", "b"]) == "b"

    def test_without_candidates(self):
        with pytest.raises(ConfigurationError, match="candidates is empty"):
            empirical_best(bandit(), [])


@pytest.mark.parametrize("environ", [5, "x", ["a"], [("BANDIT_EXPERIMENT_ENABLED", "1")]])
def test_an_environment_that_is_no_mapping_is_refused(environ):
    with pytest.raises(ConfigurationError, match="expected a mapping of variables to text"):
        HoldoutConfig.from_environment(environ)


@pytest.mark.parametrize("name", ["ENABLED", "HOLDOUT_PERCENT", "SURFACES", "LABEL"])
@pytest.mark.parametrize("word", [None, 5, 0.1, b"1", ["1"], [10**5000]])
def test_variables_that_are_no_text_are_refused(name, word):
    with pytest.raises(ConfigurationError, match=f"BANDIT_EXPERIMENT_{name} is .*expected text"):
        read(**{name: word})


def test_surfaces_that_have_no_utf8_are_refused():
    with pytest.raises(ConfigurationError, match="without lone surrogates"):
        HoldoutConfig(surfaces=("\ud800",))
