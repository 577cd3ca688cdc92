from __future__ import annotations

import pytest

from armwise import ShieldBlocked, ThompsonSampling
from armwise.errors import ConfigurationError
from armwise.learning import FeatureStore, Flags, LearningEngine, Shields, learn
from armwise.learning.domains import ToolRun, plan_estimate, plan_outcome

HUGE = pytest.param(10**5000, id="huge")


def test_cost_and_latency_add_up_and_the_last_tool_answers():
    runs = [ToolRun(0.25, 100.0, 0.5), ToolRun(0, 50), ToolRun(0.5, 200.0, 0.75)]
    assert plan_outcome(runs) == ({"cost_usd": 0.75, "latency_ms": 350.0}, {"quality": 0.75})


@pytest.mark.parametrize("failing", [0, 1, 2])
def test_nothing_runs_after_a_tool_that_fails(failing):
    ran = []

    def runs():
        for place in range(3):
            ran.append(place)
            yield ToolRun(1.0, 10.0, 0.0 if place == failing else 1.0)

    outcome, signals = plan_outcome(runs())
    assert ran == list(range(failing + 1))
    assert outcome == {"cost_usd": failing + 1.0, "latency_ms": 10.0 * (failing + 1)}
    assert signals == {"quality": 0.0}


def test_a_plan_is_an_act_of_the_loop():
    engine = LearningEngine(flags=Flags({"ENABLE_RL_GLOBAL": True, "ENABLE_RL_TOOL_PLANNING": True}))
    engine.register_domain("tool_planning", ThompsonSampling(["fails", "works"], seed=1), activation=None)
    engine.activate("tool_planning")
    qualities = {"fails": [1.0, 0.0], "works": [0.5, 0.9]}

    def act(plan):
        return plan_outcome(ToolRun(0.001, 20.0, quality) for quality in qualities[plan])

    results = [learn("tool_planning", {}, ["fails", "works"], act, engine=engine) for _ in range(200)]
    assert sum(result.arm == "works" for result in results[100:]) > 80
    assert {result.signals["quality"] for result in results} == {0.0, 0.9}


@pytest.mark.parametrize("runs", [None, 3, "search", [None], [(0.1, 1.0, 1.0)], ToolRun(0.1, 1.0), [True]])
def test_what_is_no_run_is_refused(runs):
    with pytest.raises(ConfigurationError, match=r"the plan's runs .*; expected a ToolRun for each tool"):
        plan_outcome(runs)


def test_a_plan_without_tools_is_refused():
    with pytest.raises(ConfigurationError, match="the plan has no runs"):
        plan_outcome(iter(()))


@pytest.mark.parametrize("value", [-0.5, float("nan"), float("inf"), True, None, "1", "\ud800", [], HUGE])
@pytest.mark.parametrize("field", ["cost_usd", "latency_ms", "quality"])
def test_a_number_out_of_its_range_is_refused(field, value):
    run = ToolRun(0.1, 1.0)._replace(**{field: value})
    with pytest.raises(ConfigurationError, match=f"{field} is .*; expected a number"):
        plan_outcome([run])


def test_a_quality_above_one_is_refused():
    with pytest.raises(ConfigurationError, match=r"quality is 1\.5; expected a number in \[0, 1\], 0 where"):
        plan_outcome([ToolRun(0.1, 1.0, 1.5)])


def test_an_estimate_adds_what_is_known_of_the_tools():
    tools = FeatureStore()
    plans = {"short": ["a"], "long": ("a", "b", "a"), 7: ["c"], "half": ["a", "c"]}
    estimate = plan_estimate(plans, lambda tool: tools.estimate("tool", tool))
    assert estimate("short", None) is None
    tools.observe("tool", "a", 0.25, 100.0)
    tools.observe("tool", "b", 0.5, 50.0)
    assert estimate("short", {"input_tokens": 3}) == (0.25, 100.0)
    assert estimate("long", None) == (1.0, 250.0)
    assert estimate("half", None) == (0.25, 100.0)
    assert estimate(7, None) is None
    assert estimate("unheard of", None) is None


def test_plans_are_copied():
    plans = {"p": ["a"]}
    estimate = plan_estimate(plans, {"a": (1.0, 2.0), "b": (3.0, 4.0)}.get)
    plans["p"].append("b")
    plans["q"] = ["b"]
    assert estimate("p", None) == (1.0, 2.0)
    assert estimate("q", None) is None


def test_shields_block_a_plan_that_was_never_tried():
    known = {"search": (0.01, 100.0), "browse": (0.02, 900.0)}
    estimate = plan_estimate({"cheap": ["search"], "dear": ["search", "browse"]}, known.get)
    shields = Shields(budget_usd=0.02, estimate=estimate)
    assert shields.filter("tool_planning", ["cheap", "dear"]) == ["cheap"]
    with pytest.raises(ShieldBlocked, match="'dear' budget_exceeded"):
        shields.filter("tool_planning", ["dear"])


@pytest.mark.parametrize("plans", [None, [], {}, "plan", 3])
def test_what_maps_no_plans_is_refused(plans):
    with pytest.raises(ConfigurationError, match=r"plans is .*; expected a mapping of each plan to its tools"):
        plan_estimate(plans, {}.get)


@pytest.mark.parametrize("plan", [None, True, float("nan"), (1,), HUGE])
def test_what_names_no_plan_is_refused(plan):
    with pytest.raises(ConfigurationError, match=r"plan is .*; expected a string"):
        plan_estimate({plan: ["a"]}, {}.get)


@pytest.mark.parametrize("tools", [None, "search", b"search", [], [""], [None], ["a", 3], {"a"}, {"a": 1}])
def test_what_names_no_tools_is_refused(tools):
    with pytest.raises(ConfigurationError, match=r"the tools of plan 'p' are .*; expected their names"):
        plan_estimate({"p": tools}, {}.get)


def test_what_cannot_be_asked_is_refused():
    with pytest.raises(ConfigurationError, match="observed is 3; expected a function of a tool"):
        plan_estimate({"p": ["a"]}, 3)
