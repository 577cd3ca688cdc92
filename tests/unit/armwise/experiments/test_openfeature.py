"""ArmwiseProvider, driven by the real client of the OpenFeature SDK."""

from __future__ import annotations

import asyncio
import logging
import threading
from fractions import Fraction

import pytest
from openfeature import api
from openfeature.evaluation_context import EvaluationContext
from openfeature.event import ProviderEvent
from openfeature.exception import ErrorCode, FlagNotFoundError, GeneralError, InvalidContextError
from openfeature.flag_evaluation import FlagType, Reason
from openfeature.hook import Hook
from openfeature.provider import AbstractProvider, ProviderStatus
from openfeature.telemetry import TelemetryAttribute, create_evaluation_event
from openfeature.track import TrackingEventDetails

from armwise import ConfigurationError
from armwise.experiments import Allocator, MemoryAssignments, StickyAllocator
from armwise.experiments.experiment import Experiment
from armwise.experiments.manager import ExperimentManager
from armwise.experiments.openfeature import ArmwiseProvider, FlagDefinition
from armwise.flags import StaticFlags

HALVES = Allocator("halves", ["a", "b"])
THIRDS = Allocator("thirds", {"a": 1, "b": 1, "c": 1})
WHOLE = Allocator("whole", {"old": 0, "new": 1})
TENTH = Allocator("tenth", ["a", "b"], coverage=Fraction(1, 10))
KEYS = [f"user-{i}" for i in range(400)]
FLAGS = {
    "name": HALVES,
    "switch": FlagDefinition(HALVES, values={"a": False, "b": True}),
    "size": FlagDefinition(THIRDS, values={"a": 10, "b": 20, "c": 30}),
    "rate": FlagDefinition(THIRDS, values={"a": 0.5, "b": 1, "c": 2}),
    "layout": FlagDefinition(HALVES, values={"a": {"columns": [1, 2]}, "b": ["x", None, {"y": True}]}),
    "fixed": FlagDefinition(WHOLE, values={"old": "v1", "new": "v2"}),
    "ramped": TENTH,
    "off": FlagDefinition(HALVES, enabled=False),
    "staffed": FlagDefinition(TENTH, targeting=lambda _, attributes: "b" if attributes.get("staff") else None),
}


class Recorder:
    """Takes rewards, and refuses those that are not numbers in [0, 1]."""

    def __init__(self):
        self.rewards = []

    def record(self, experiment_id, variant, reward):
        if not 0.0 <= reward <= 1.0:
            msg = f"reward is {reward!r}"
            raise ConfigurationError(msg)
        self.rewards.append((experiment_id, variant, reward))


@pytest.fixture
def serve():
    """Set a provider, and give it with a client; the SDK's state is global and goes afterwards."""

    def set_provider(provider):
        api.set_provider_and_wait(provider)
        return provider, api.get_client()

    yield set_provider
    api.shutdown()


@pytest.fixture
def client(serve):
    return serve(ArmwiseProvider(FLAGS))[1]


def user(key="user-1", **attributes):
    return EvaluationContext(targeting_key=key, attributes=attributes)


def test_one_line_switches_an_application(serve):
    client = api.get_client()
    assert client.get_string_value("name", "default", user()) == "default"
    provider, client = serve(ArmwiseProvider({"name": HALVES}))
    assert isinstance(provider, AbstractProvider)
    assert client.get_string_value("name", "default", user()) == HALVES.allocate("user-1")
    assert api.get_provider_metadata().name == "armwise"
    assert client.get_provider_status() == ProviderStatus.READY
    assert provider.get_provider_hooks() == []


def test_every_type_resolves_by_the_allocator(client):
    seen = set()
    for key in KEYS[:60]:
        half, third = HALVES.allocate(key), THIRDS.allocate(key)
        for details, variant, value in (
            (client.get_string_details("name", "?", user(key)), half, half),
            (
                client.get_boolean_details("switch", default_value=False, evaluation_context=user(key)),
                half,
                half == "b",
            ),
            (client.get_integer_details("size", 0, user(key)), third, {"a": 10, "b": 20, "c": 30}[third]),
            (client.get_float_details("rate", 0.0, user(key)), third, {"a": 0.5, "b": 1.0, "c": 2.0}[third]),
            (client.get_float_details("size", 0.0, user(key)), third, {"a": 10.0, "b": 20.0, "c": 30.0}[third]),
            (
                client.get_object_details("layout", {}, user(key)),
                half,
                {"a": {"columns": [1, 2]}, "b": ["x", None, {"y": True}]}[half],
            ),
        ):
            assert (details.variant, details.value, details.reason) == (variant, value, Reason.SPLIT)
            assert type(details.value) is type(value)
            assert details.error_code is None
            seen.add((details.flag_key, details.variant))
    assert len(seen) == 2 + 2 + 3 + 3 + 2


def test_asynchronous_calls_give_the_same(client):
    async def ask():
        return (
            await client.get_string_details_async("name", "?", user()),
            await client.get_boolean_details_async("switch", default_value=False, evaluation_context=user()),
            await client.get_integer_details_async("size", 0, user()),
            await client.get_float_details_async("rate", 0.0, user()),
            await client.get_object_details_async("layout", {}, user()),
            await client.get_string_details_async("nothing", "?", user()),
            await client.get_string_value_async("fixed", "?"),
        )

    *details, missing, fixed = asyncio.run(ask())
    assert details == [
        client.get_string_details("name", "?", user()),
        client.get_boolean_details("switch", default_value=False, evaluation_context=user()),
        client.get_integer_details("size", 0, user()),
        client.get_float_details("rate", 0.0, user()),
        client.get_object_details("layout", {}, user()),
    ]
    assert (missing.value, missing.error_code) == ("?", ErrorCode.FLAG_NOT_FOUND)
    assert fixed == "v2"


def test_a_variant_with_all_traffic_is_static(client):
    for context in (None, EvaluationContext(), user()):
        details = client.get_string_details("fixed", "?", context)
        assert (details.value, details.variant, details.reason) == ("v2", "new", Reason.STATIC)


def test_keys_outside_get_the_default(client):
    reasons = {}
    for key in KEYS:
        details = client.get_string_details("ramped", "as before", user(key))
        variant = TENTH.allocate(key)
        assert (details.variant, details.value) == (variant, variant or "as before")
        assert details.reason == (Reason.SPLIT if variant else Reason.DEFAULT)
        reasons[details.reason] = reasons.get(details.reason, 0) + 1
    assert 20 < reasons[Reason.SPLIT] < 60


def test_a_disabled_flag_gives_the_default_of_any_type(client):
    assert client.get_string_details("off", "mine", user()).reason == Reason.DISABLED
    details = client.get_integer_details("off", 7)
    assert (details.value, details.variant, details.reason, details.error_code) == (7, None, Reason.DISABLED, None)
    assert client.get_float_value("off", 7) == 7
    assert client.get_object_value("off", default := {"columns": 1}) is default


def test_targeting_comes_first(client):
    details = client.get_string_details("staffed", "?", user("user-1", staff=True))
    assert (details.value, details.reason) == ("b", Reason.TARGETING_MATCH)
    assert client.get_string_details("staffed", "?", EvaluationContext(attributes={"staff": True})).value == "b"
    details = client.get_string_details("staffed", "?", user("user-1"))
    assert details.variant == TENTH.allocate("user-1")


@pytest.mark.parametrize(
    ("ask", "code", "says"),
    [
        (lambda c: c.get_string_details("nothing", "?", user()), ErrorCode.FLAG_NOT_FOUND, "'nothing'"),
        (lambda c: c.get_string_details("name", "?"), ErrorCode.TARGETING_KEY_MISSING, "targeting_key"),
        (lambda c: c.get_string_details("name", "?", user("")), ErrorCode.TARGETING_KEY_MISSING, "targeting_key"),
        (lambda c: c.get_string_details("name", "?", user(7)), ErrorCode.INVALID_CONTEXT, "7"),
        (lambda c: c.get_string_details("name", "?", user(b"7")), ErrorCode.INVALID_CONTEXT, "expected a string"),
        (lambda c: c.get_string_details("name", "?", user("\ud800")), ErrorCode.INVALID_CONTEXT, "ud800"),
        (lambda c: c.get_string_details("switch", "?", user()), ErrorCode.TYPE_MISMATCH, "BOOLEAN, not STRING"),
        (lambda c: c.get_integer_details("switch", "?", user()), ErrorCode.TYPE_MISMATCH, "BOOLEAN, not INTEGER"),
        (lambda c: c.get_boolean_details("size", "?", user()), ErrorCode.TYPE_MISMATCH, "INTEGER, not BOOLEAN"),
        (lambda c: c.get_integer_details("rate", "?", user()), ErrorCode.TYPE_MISMATCH, "FLOAT, not INTEGER"),
        (lambda c: c.get_object_details("name", "?", user()), ErrorCode.TYPE_MISMATCH, "STRING, not OBJECT"),
    ],
)
def test_errors_give_the_default_and_say_why(client, ask, code, says):
    details = ask(client)
    assert (details.value, details.variant, details.reason) == ("?", None, Reason.ERROR)
    assert details.error_code == code
    assert says in details.error_message


def test_targeting_that_fails(serve):
    def broken(_key, _attributes):
        msg = "no such region"
        raise KeyError(msg)

    flags = {
        "unknown": FlagDefinition(HALVES, targeting=lambda *_: "c"),
        "broken": FlagDefinition(HALVES, targeting=broken),
    }
    _, client = serve(ArmwiseProvider(flags))
    for flag, says in (("unknown", "named 'c'; its variants are a, b"), ("broken", "no such region")):
        details = client.get_string_details(flag, "?", user())
        assert (details.value, details.error_code) == ("?", ErrorCode.GENERAL)
        assert says in details.error_message


def nested(levels):
    value = []
    for _ in range(levels):
        value = [value]
    return value


def raising(error):
    def targeting(_key, _attributes):
        raise error

    return targeting


@pytest.mark.parametrize(
    ("targeting", "says"),
    [
        (raising(RecursionError("too deep")), "raised RecursionError: too deep"),
        (raising(ValueError("\x1b[2J" + "x" * 500)), r"raised ValueError: \x1b[2Jx"),
        (lambda *_: ["b"], "named ['b']"),
        (lambda *_: 10**5000, "too large to be shown"),
        (lambda *_: nested(100_000), "too large to be shown"),
    ],
)
def test_whatever_targeting_does_is_a_resolution_error(serve, targeting, says):
    flag = FlagDefinition(HALVES, targeting=targeting, event="seen")
    provider, client = serve(ArmwiseProvider({"flag": flag}, manager=Recorder()))
    with pytest.raises(GeneralError) as caught:
        provider.resolve_string_details("flag", "?", user())
    assert says in caught.value.error_message
    assert len(caught.value.error_message) < 300
    client.track("seen", user())
    assert provider.untracked == {"refused": 1}


@pytest.mark.parametrize("variant", ["z", ["x"], pytest.param(10**5000, id="huge")])
def test_allocators_that_name_no_variant(serve, variant):
    class Wrong:
        experiment_id = "wrong"
        variants = ("x", "y")

        def allocate(self, _key):
            return variant

    provider, _ = serve(ArmwiseProvider({"flag": Wrong()}))
    with pytest.raises(GeneralError, match="the allocator of 'wrong' named"):
        provider.resolve_string_details("flag", "?", user())


@pytest.mark.parametrize("key", [pytest.param(10**5000, id="huge"), nested(100_000), {"a": nested(100_000)}])
def test_keys_that_cannot_be_shown(serve, key):
    provider, _ = serve(ArmwiseProvider(FLAGS))
    with pytest.raises(InvalidContextError, match="too large to be shown"):
        provider.resolve_string_details("name", "?", EvaluationContext(key))
    with pytest.raises(FlagNotFoundError, match="too large to be shown"):
        provider.resolve_string_details(key, "?", user())


def test_contexts_of_any_depth_resolve(serve):
    flag = FlagDefinition(HALVES, targeting=lambda _, attributes: "a" if "deep" in attributes else None)
    _, client = serve(ArmwiseProvider({"flag": flag}))
    details = client.get_string_details("flag", "?", user(deep=nested(100_000), huge=10**5000))
    assert (details.value, details.reason) == ("a", Reason.TARGETING_MATCH)


def test_rewards_that_cannot_be_shown_are_refused(serve):
    experiment = Experiment("ranking", control="a", variants={"a": 1, "b": 2}, phase="active")
    manager = ExperimentManager([experiment], flags=StaticFlags({"ENABLE_EXPERIMENT_HARNESS": True}))
    flag = FlagDefinition(experiment.split(), event="clicked")
    provider, client = serve(ArmwiseProvider({"ranking": flag}, manager=manager))
    for value in (10**5000, nested(100_000), float("nan")):
        client.track("clicked", user(), TrackingEventDetails(value))
    assert provider.untracked == {"refused": 3}


def test_the_deepest_value_is_copied(serve):
    _, client = serve(ArmwiseProvider({"flag": FlagDefinition(WHOLE, values={"old": [], "new": nested(63)})}))
    assert client.get_object_value("flag", {}) == nested(63)
    largest = FlagDefinition(WHOLE, values={"old": 0, "new": 10**308})
    _, client = serve(ArmwiseProvider({"flag": largest}))
    assert client.get_float_value("flag", 0.0) == 1e308
    assert client.get_integer_value("flag", 0) == 10**308


def test_contexts_merge_as_the_sdk_merges_them(serve):
    _, client = serve(ArmwiseProvider(FLAGS))
    api.set_evaluation_context(user("user-7"))
    assert client.get_string_value("name", "?") == HALVES.allocate("user-7")
    assert client.get_string_value("name", "?", user("user-2")) == HALVES.allocate("user-2")


def test_domains_have_providers_of_their_own(serve):
    serve(ArmwiseProvider({"name": HALVES}))
    api.set_provider_and_wait(ArmwiseProvider({"name": WHOLE}), domain="other")
    assert api.get_client("other").get_string_value("name", "?") == "new"
    assert api.get_client().get_string_value("name", "?", user()) == HALVES.allocate("user-1")


def test_hooks_see_the_variant_and_the_experiment(serve):
    class Seeing(Hook):
        def __init__(self):
            self.events, self.errors = [], []

        def after(self, hook_context, details, hints):
            del hints
            self.events.append(create_evaluation_event(hook_context, details))

        def error(self, hook_context, exception, hints):
            del hook_context, hints
            self.errors.append(exception)

    _, client = serve(ArmwiseProvider({"name": FlagDefinition(HALVES, metadata={"owner": "search"})}))
    hook = Seeing()
    client.add_hooks([hook])
    details = client.get_string_details("name", "?", user())
    assert details.flag_metadata == {"owner": "search", "experiment_id": "halves", "version": "1"}
    attributes = hook.events[0].attributes
    assert attributes[TelemetryAttribute.VARIANT] == HALVES.allocate("user-1")
    assert attributes[TelemetryAttribute.EVALUATION_REASON] == "split"
    assert attributes[TelemetryAttribute.VERSION] == "1"
    assert attributes[TelemetryAttribute.PROVIDER_NAME] == "armwise"
    client.get_string_value("name", "?")
    assert [error.error_code for error in hook.errors] == [ErrorCode.TARGETING_KEY_MISSING]


def test_objects_are_copies(client):
    key = next(key for key in KEYS if HALVES.allocate(key) == "a")
    client.get_object_value("layout", {}, user(key))["columns"].append(3)
    assert client.get_object_value("layout", {}, user(key)) == {"columns": [1, 2]}
    given = {"a": {"n": [1]}, "b": {}}
    flag = FlagDefinition(HALVES, values=given)
    given["a"]["n"].append(2)
    assert flag.values["a"] == {"n": [1]}
    with pytest.raises(TypeError):
        flag.values["a"] = {}


def test_flags_change_with_an_event(serve):
    kept = FlagDefinition(HALVES)
    provider, client = serve(ArmwiseProvider({"kept": kept, "goes": HALVES, "changes": HALVES}))
    told = []
    client.add_handler(ProviderEvent.PROVIDER_CONFIGURATION_CHANGED, told.append)
    happened = threading.Event()
    client.add_handler(ProviderEvent.PROVIDER_CONFIGURATION_CHANGED, lambda _: happened.set())
    provider.set_flags({"kept": kept, "changes": WHOLE, "comes": WHOLE})
    assert happened.wait(5.0)
    assert [details.flags_changed for details in told] == [["changes", "comes", "goes"]]
    assert told[0].provider_name == "armwise"
    assert client.get_string_value("changes", "?") == "new"
    assert client.get_string_details("goes", "?").error_code == ErrorCode.FLAG_NOT_FOUND
    assert set(provider.flags) == {"kept", "changes", "comes"}
    provider.set_flags(provider.flags)
    with pytest.raises(ConfigurationError, match="flag key"):
        provider.set_flags({"": WHOLE})
    assert set(provider.flags) == {"kept", "changes", "comes"}
    assert len(told) == 1


def test_sticky_allocators_are_never_static(serve):
    assignments = MemoryAssignments()
    before = Allocator("kept", ["a", "b"])
    key = next(key for key in KEYS if before.allocate(key) == "a")
    provider, client = serve(ArmwiseProvider({"flag": StickyAllocator(before, assignments)}))
    assert client.get_string_value("flag", "?", user(key)) == "a"
    provider.set_flags({"flag": StickyAllocator(before.reallocate({"b": 1}), assignments)})
    details = client.get_string_details("flag", "?", user(key))
    assert (details.value, details.reason) == ("a", Reason.SPLIT)
    assert details.flag_metadata == {"experiment_id": "kept", "version": "2"}


def test_any_object_that_allocates_will_do(serve):
    class First:
        experiment_id = "first"
        variants = ("x", "y")

        def allocate(self, key):
            return "x" if key == "user-1" else None

    _, client = serve(ArmwiseProvider({"flag": First()}))
    details = client.get_string_details("flag", "?", user())
    assert (details.value, details.reason, details.flag_metadata) == ("x", Reason.SPLIT, {"experiment_id": "first"})
    assert client.get_string_details("flag", "?", user("user-2")).reason == Reason.DEFAULT


def test_an_experiment_counts_its_tracked_rewards(serve):
    experiment = Experiment("ranking", control="a", variants={"a": 1, "b": 2}, phase="active")
    manager = ExperimentManager([experiment], flags=StaticFlags({"ENABLE_EXPERIMENT_HARNESS": True}))
    flag = FlagDefinition(experiment.split(), event="clicked")
    provider, client = serve(ArmwiseProvider({"ranking": flag}, manager=manager))
    served = [client.get_string_value("ranking", "?", user(key)) for key in KEYS]
    assert served == [manager.assign("ranking", key) for key in KEYS]
    for i, key in enumerate(KEYS):
        client.track("clicked", user(key), TrackingEventDetails(float(i % 2)))
    statistics = manager.statistics("ranking")
    for variant in ("a", "b"):
        assert statistics[variant].pulls == served.count(variant)
        assert statistics[variant].reward_sum == sum(i % 2 for i, one in enumerate(served) if one == variant)
    assert provider.untracked == {}


def test_tracked_events_are_rewards(serve):
    flags = {
        "name": FlagDefinition(HALVES, event="bought"),
        "size": FlagDefinition(THIRDS, event="bought"),
        "fixed": FlagDefinition(WHOLE, event="seen"),
        "off": FlagDefinition(HALVES, event="bought", enabled=False),
        "plain": HALVES,
    }
    recorder = Recorder()
    provider, client = serve(ArmwiseProvider(flags, manager=recorder))
    client.track("bought", user(), TrackingEventDetails(0.25))
    client.track("bought", user())
    client.track("bought", user(), TrackingEventDetails(attributes={"what": "socks"}))
    half, third = HALVES.allocate("user-1"), THIRDS.allocate("user-1")
    assert recorder.rewards == [
        (experiment, variant, reward)
        for reward in (0.25, 1.0, 1.0)
        for experiment, variant in (("halves", half), ("thirds", third))
    ]
    recorder.rewards.clear()
    client.track("seen")
    assert recorder.rewards == [("whole", "new", 1.0)]
    assert provider.untracked == {}


def test_events_that_are_not_rewards_are_counted(serve, caplog):
    flags = {
        "ramped": FlagDefinition(TENTH, event="bought"),
        "staffed": FlagDefinition(
            HALVES, event="seen", targeting=lambda _, attributes: "b" if attributes.get("staff") else None
        ),
    }
    recorder = Recorder()
    provider, client = serve(ArmwiseProvider(flags, manager=recorder))
    outside = next(key for key in KEYS if TENTH.allocate(key) is None)
    inside = next(key for key in KEYS if TENTH.allocate(key) is not None)
    client.track("clicked", user())
    client.track("bought")
    client.track("bought", user(outside))
    client.track("seen", user(staff=True))
    with caplog.at_level(logging.WARNING, "armwise"):
        client.track("bought", user(inside), TrackingEventDetails(7.5))
        client.track("bought", user("\ud800"))
        client.track("bought", user(7))
    assert provider.untracked == {"no_flag": 1, "no_key": 1, "outside": 2, "refused": 3}
    assert recorder.rewards == []
    assert [record.name for record in caplog.records] == ["armwise.experiments.openfeature"] * 3
    assert "event 'bought' of experiment 'tenth': reward is 7.5" in caplog.text


def test_threads_evaluate_while_flags_change(serve):
    provider, client = serve(ArmwiseProvider({"flag": HALVES}))
    wrong = []

    def ask():
        for i in range(200):
            details = client.get_string_details("flag", "?", user(f"user-{i}"))
            expected = {HALVES: HALVES.allocate(f"user-{i}"), WHOLE: "new"}
            if details.value not in expected.values():
                wrong.append(details)

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for i in range(50):
        provider.set_flags({"flag": WHOLE if i % 2 else HALVES})
    for thread in threads:
        thread.join()
    assert wrong == []


@pytest.mark.parametrize(
    ("values", "flag_type"),
    [
        (None, FlagType.STRING),
        ({"a": "x", "b": "y"}, FlagType.STRING),
        ({"a": True, "b": False}, FlagType.BOOLEAN),
        ({"a": 1, "b": 2}, FlagType.INTEGER),
        ({"a": 1, "b": 2.5}, FlagType.FLOAT),
        ({"a": {}, "b": []}, FlagType.OBJECT),
        ({"b": (1, 2), "a": {"x": None}}, FlagType.OBJECT),
    ],
)
def test_types_of_values(values, flag_type):
    assert FlagDefinition(HALVES, values=values).type == flag_type


HOLDS_ITSELF: list[object] = []
HOLDS_ITSELF.append(HOLDS_ITSELF)
DOUBLED: list[object] = [1]
for _ in range(40):
    DOUBLED = [DOUBLED, DOUBLED]


@pytest.mark.parametrize(
    ("arguments", "match"),
    [
        ({"allocator": None}, "allocator"),
        ({"allocator": {"a": 1}}, "allocator"),
        ({"values": ["x", "y"]}, "values"),
        ({"values": {"a": 1}}, "each of the variants a, b"),
        ({"values": {"a": 1, "b": 2, "c": 3}}, "no others"),
        ({"values": {"a": 1, "b": "2"}}, "of one type"),
        ({"values": {"a": True, "b": 2}}, "of one type"),
        ({"values": {"a": None, "b": None}}, "value is None"),
        ({"values": {"a": float("nan"), "b": 1.0}}, "value is nan"),
        ({"values": {"a": [float("inf")], "b": []}}, "value is inf"),
        ({"values": {"a": {1: 2}, "b": {}}}, "value is {1: 2}"),
        ({"values": {"a": {1, 2}, "b": {}}}, "value is {1, 2}"),
        ({"values": {"a": b"x", "b": b"y"}}, "value is b'x'"),
        ({"values": {"a": nested(64), "b": []}}, "deeper than 64 levels"),
        ({"values": {"a": nested(100_000), "b": []}}, "deeper than 64 levels"),
        ({"values": {"a": HOLDS_ITSELF, "b": []}}, "deeper than 64 levels"),
        ({"values": {"a": DOUBLED, "b": []}}, "more than 100,000 entries"),
        ({"values": {"a": [0] * 100_001, "b": []}}, "more than 100,000 entries"),
        ({"values": nested(100_000)}, "too large to be shown"),
        ({"values": {"a": 10**5000, "b": 1}}, "too large to be shown"),
        ({"values": {"a": 10**309, "b": 1.0}}, "within 1e308"),
        ({"values": {"a": "\ud800", "b": "y"}}, "lone surrogates"),
        ({"values": {"a": {"\ud800": 1}, "b": {}}}, "lone surrogates"),
        ({"allocator": nested(100_000)}, "allocator is of type list"),
        ({"targeting": nested(100_000)}, "targeting is of type list"),
        ({"enabled": 10**5000}, "enabled is of type int"),
        ({"event": "\ud800"}, "event"),
        ({"metadata": {"a": 10**5000}}, "too large to be shown"),
        ({"metadata": {"a": float("nan")}}, "finite"),
        ({"enabled": "yes"}, "enabled"),
        ({"targeting": "b"}, "targeting"),
        ({"event": ""}, "event"),
        ({"event": 5}, "event"),
        ({"metadata": {"a": None}}, "metadata"),
        ({"metadata": {1: "a"}}, "metadata"),
        ({"metadata": "a"}, "metadata"),
    ],
)
def test_flags_that_are_none(arguments, match):
    with pytest.raises(ConfigurationError, match=match):
        FlagDefinition(**{"allocator": HALVES} | arguments)


@pytest.mark.parametrize(
    ("flags", "manager", "match"),
    [
        (None, None, "flags"),
        ([HALVES], None, "flags"),
        ({1: HALVES}, None, "flag key"),
        ({"": HALVES}, None, "flag key"),
        ({"\ud800": HALVES}, None, "flag key"),
        ({10**5000: HALVES}, None, "too large to be shown"),
        (nested(100_000), None, "too large to be shown"),
        ({"name": "a"}, None, "allocator"),
        ({"name": FlagDefinition(HALVES, event="bought")}, None, "give a manager"),
        ({}, object(), "manager"),
    ],
)
def test_providers_that_are_none(flags, manager, match):
    with pytest.raises(ConfigurationError, match=match):
        ArmwiseProvider(flags, manager=manager)
