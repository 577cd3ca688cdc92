from __future__ import annotations

import gc
import threading
import weakref

import pytest

from armwise.errors import ConfigurationError, ReentrantCall
from armwise.learning import Flags, flag_of

GLOBAL, ROUTING = "ENABLE_RL_GLOBAL", "ENABLE_RL_ROUTING"


@pytest.mark.parametrize(
    ("domain", "name"),
    [
        ("route", "ROUTING"),
        ("routing", "ROUTING"),
        ("route.model.select::summarise", "ROUTING"),
        ("route.model.select::", "ROUTING"),
        ("route.other", "ROUTE_OTHER"),
        ("routes", "ROUTES"),
        ("prompt", "PROMPT"),
        ("prompting", "PROMPT"),
        ("prompt.system", "PROMPT"),
        ("retrieval", "RETRIEVAL"),
        ("retrieval_scoring", "RETRIEVAL"),
        ("tool_planning", "TOOL_PLANNING"),
        ("plugin", "PLUGIN"),
        ("plugin.runtime::pdf", "PLUGIN"),
        ("Prompt", "PROMPT"),
        ("search v2", "SEARCH_V2"),
        ("größe", "GR_SSE"),
        ("ﬁ", "FI"),
        ("検索", "__"),
    ],
)
def test_the_flag_of_a_domain(domain, name):
    assert flag_of(domain) == f"ENABLE_RL_{name}"


@pytest.mark.parametrize("domain", [None, "", " ", "a\n", "\ud800", 3, ["route"], pytest.param(10**5000, id="huge")])
def test_what_is_no_domain_has_no_flag(domain):
    with pytest.raises(ConfigurationError, match="domain is"):
        flag_of(domain)
    with pytest.raises(ConfigurationError, match="domain is"):
        Flags().on(domain)


@pytest.mark.parametrize("own", [True, False])
@pytest.mark.parametrize("everywhere", [True, False])
def test_a_domain_needs_both(own, everywhere):
    assert Flags({GLOBAL: everywhere, ROUTING: own}).on("route") is (own and everywhere)


def test_nothing_is_on_by_itself():
    flags = Flags()
    assert not flags.on("route")
    assert not flags.enabled(GLOBAL)


def test_the_environment_is_read_once(monkeypatch):
    monkeypatch.setenv(GLOBAL, "on")
    monkeypatch.setenv(ROUTING, "TRUE")
    monkeypatch.setenv("ENABLE_RL_PROMPT", "0")
    flags = Flags.from_environment()
    monkeypatch.setenv(GLOBAL, "0")
    assert flags.on("route")
    assert not flags.on("prompt")


@pytest.mark.parametrize("name", [GLOBAL, "ENABLE_RL_X", "ENABLE_EXPERIMENT_HARNESS"])
def test_a_misspelt_word_of_ours_is_refused_at_once(name):
    with pytest.raises(ConfigurationError, match=f"{name} is 'ture'"):
        Flags.from_environment({name: "ture"})


def test_other_programs_may_write_what_they_like_until_it_is_asked_for():
    flags = Flags.from_environment({"ENABLE_FEATURES": "a,b", GLOBAL: "1", "HOME": "/", 3: "1"})
    assert flags.enabled(GLOBAL)
    with pytest.raises(ConfigurationError, match="ENABLE_FEATURES is 'a,b'"):
        flags.enabled("ENABLE_FEATURES")
    changes = []
    flags.subscribe(lambda: changes.append(flags.enabled("ENABLE_FEATURES")))
    flags.set("ENABLE_FEATURES", on=False)
    assert changes == [False]
    assert not flags.enabled("HOME")


@pytest.mark.parametrize("environ", [3, "A=1", [("A", "1")]])
def test_what_is_no_environment_is_refused(environ):
    with pytest.raises(ConfigurationError, match="environ is of type"):
        Flags.from_environment(environ)


def test_a_change_is_told_before_set_returns():
    flags = Flags({GLOBAL: True})
    seen = []
    unsubscribe = flags.subscribe(lambda: seen.append((flags.enabled(GLOBAL), threading.get_ident())))
    flags.set(GLOBAL, on=False)
    flags.set(GLOBAL, on=False)
    flags.set("ENABLE_NEW", on=False)
    assert seen == [(False, threading.get_ident())]
    unsubscribe()
    unsubscribe()
    flags.set(GLOBAL, on=True)
    assert len(seen) == 1


def test_one_function_may_subscribe_twice():
    flags, seen = Flags(), []

    def told():
        seen.append(1)

    first, _ = flags.subscribe(told), flags.subscribe(told)
    flags.set(GLOBAL, on=True)
    first()
    flags.set(GLOBAL, on=False)
    assert len(seen) == 3


def test_who_fails_keeps_nobody_from_being_told():
    flags, seen = Flags(), []

    def fail():
        msg = "cannot"
        raise LookupError(msg)

    flags.subscribe(fail)
    flags.subscribe(lambda: seen.append(flags.enabled(GLOBAL)))
    with pytest.raises(ExceptionGroup, match=f"{GLOBAL} is on now, but not all who subscribed") as caught:
        flags.set(GLOBAL, on=True)
    assert seen == [True]
    assert [type(error) for error in caught.value.exceptions] == [LookupError]


def test_a_subscriber_may_switch_flags_and_subscribe():
    flags, seen = Flags({GLOBAL: True, ROUTING: True}), []

    def told():
        flags.subscribe(lambda: seen.append("inner"))
        flags.set(ROUTING, on=False)

    unsubscribe = flags.subscribe(told)
    flags.set(GLOBAL, on=False)
    unsubscribe()
    assert not flags.enabled(ROUTING)
    assert "inner" in seen


BAD_NAMES = [None, ["A"], b"A", "A\ud800", "A\0B", 3, pytest.param(10**5000, id="huge")]


@pytest.mark.parametrize("name", BAD_NAMES)
def test_what_names_no_flag_is_refused(name):
    flags = Flags()
    with pytest.raises(ConfigurationError, match="name of a flag"):
        flags.enabled(name)
    with pytest.raises(ConfigurationError, match="name of a flag"):
        flags.set(name, on=True)


@pytest.mark.parametrize("on", [1, None, "yes", pytest.param(10**5000, id="huge")])
def test_what_is_neither_on_nor_off_changes_nothing(on):
    flags = Flags({GLOBAL: True})
    flags.subscribe(lambda: pytest.fail("told of no change"))
    with pytest.raises(ConfigurationError, match="expected True or False"):
        flags.set(GLOBAL, on=on)
    assert flags.enabled(GLOBAL)
    with pytest.raises(ConfigurationError, match="expected True or False"):
        Flags({GLOBAL: on})


@pytest.mark.parametrize("interval", [0, -1, True, None, "1", float("nan"), pytest.param(10**5000, id="huge")])
def test_what_is_no_interval_is_refused(interval):
    with pytest.raises(ConfigurationError, match="interval is"):
        Flags(interval=interval)


def test_what_cannot_be_called_is_refused():
    with pytest.raises(ConfigurationError, match="callback is 3; expected a function"):
        Flags().subscribe(3)


def test_a_call_within_a_change_is_told():
    flags = Flags()
    with flags._locked(), pytest.raises(ReentrantCall, match="flags were changed from within a change"):
        flags.set(GLOBAL, on=True)
    assert not flags.enabled(GLOBAL)


@pytest.fixture
def watched(tmp_path):
    """Flags with a file that is looked at when the test says so: the first look of the thread is an hour away."""
    path = tmp_path / "flags"
    made = []

    def make(values=None, text=None):
        if text is not None:
            path.write_text(text)
        made.append(Flags(values, file=path, interval=3600))
        return made[-1]

    def say(text):
        if text is None:
            path.unlink()
        else:
            path.write_text(text)
        for _ in range(2):
            made[-1]._look()

    yield make, say
    for flags in made:
        flags.close()


def test_the_file_wins_and_falls_back(watched):
    make, say = watched
    flags = make({GLOBAL: True, ROUTING: True})
    changes = []
    flags.subscribe(lambda: changes.append((flags.enabled(GLOBAL), flags.enabled(ROUTING))))
    say(f"{GLOBAL}=0\n{ROUTING}=0")
    assert not flags.on("route")
    say(f"{ROUTING}=0")
    say(None)
    assert flags.on("route")
    assert changes == [(False, False), (True, False), (True, True)]


def test_a_file_that_is_there_holds_from_the_start(watched):
    make, _ = watched
    assert not make({GLOBAL: True}, f"{GLOBAL}=0").enabled(GLOBAL)


def test_what_was_said_last_holds(watched):
    make, say = watched
    flags = make({GLOBAL: True}, f"{GLOBAL}=1\n")
    flags.set(GLOBAL, on=False)
    assert not flags.enabled(GLOBAL)
    say(f"{GLOBAL}=1\n{ROUTING}=1\n")
    assert flags.enabled(ROUTING)
    assert not flags.enabled(GLOBAL), "the file said nothing new of this flag"
    say(f"{ROUTING}=1\n")
    assert not flags.enabled(GLOBAL), "without the file, set() spoke last"
    say(f"{GLOBAL}=1\n")
    assert flags.enabled(GLOBAL)


def test_a_file_that_says_what_holds_is_no_change(watched):
    make, say = watched
    flags = make({GLOBAL: True})
    flags.subscribe(lambda: pytest.fail("told of no change"))
    say(f"{GLOBAL}=1")
    say(f"# the same\n{GLOBAL}=1\n{ROUTING}=0")
    say(None)


def test_a_broken_file_changes_nothing(watched, caplog):
    make, say = watched
    flags = make({}, f"{GLOBAL}=1")
    flags.subscribe(lambda: pytest.fail("told of no change"))
    say(f"{GLOBAL}=maybe")
    say(f"{GLOBAL}=maybe")
    assert flags.enabled(GLOBAL)
    assert len(caplog.records) == 1


def test_a_file_that_is_broken_at_the_start_is_refused(watched):
    make, _ = watched
    with pytest.raises(ConfigurationError, match="'maybe'"):
        make({}, f"{GLOBAL}=maybe")


def test_who_fails_at_a_change_of_the_file_is_logged(watched, caplog):
    make, say = watched
    flags = make()
    flags.subscribe(lambda: [].index(3))
    told = []
    flags.subscribe(lambda: told.append(1))
    say(f"{GLOBAL}=1")
    assert told == [1]
    assert flags.enabled(GLOBAL)
    assert "a subscriber could not take it in" in caplog.text
    assert "ValueError" in caplog.text


def test_the_environment_and_a_file(tmp_path):
    path = tmp_path / "flags"
    path.write_text("ENABLE_FEATURES=1\n")
    flags = Flags.from_environment({"ENABLE_FEATURES": "a,b", GLOBAL: "1"}, file=path, interval=3600)
    assert flags.enabled(GLOBAL)
    assert flags.enabled("ENABLE_FEATURES")
    changes = []
    flags.subscribe(lambda: changes.append(1))
    path.write_text("")
    flags._look()
    flags._look()
    assert changes == [1]
    with pytest.raises(ConfigurationError, match="a,b"):
        flags.enabled("ENABLE_FEATURES")
    flags.close()


def test_the_thread_sees_a_change_and_ends(tmp_path):
    flags = Flags({GLOBAL: True}, file=tmp_path / "flags", interval=0.001)
    changed = threading.Event()
    flags.subscribe(changed.set)
    thread = flags._thread
    (tmp_path / "flags").write_text(f"{GLOBAL}=0")
    assert changed.wait(30)
    assert not flags.enabled(GLOBAL)
    flags.close()
    flags.close()
    assert not thread.is_alive()
    flags.set(GLOBAL, on=True)
    assert flags.enabled(GLOBAL)


def test_a_subscriber_may_close(tmp_path):
    flags = Flags(file=tmp_path / "flags", interval=0.001)
    closed = threading.Event()
    thread = flags._thread

    def close():
        flags.close()
        closed.set()

    flags.subscribe(close)
    (tmp_path / "flags").write_text(f"{GLOBAL}=1")
    assert closed.wait(30)
    thread.join(30)
    assert not thread.is_alive()


def test_flags_that_nobody_holds_are_watched_no_longer(tmp_path):
    flags = Flags(file=tmp_path / "flags", interval=0.001)
    thread, watched = flags._thread, weakref.ref(flags)
    del flags
    gc.collect()
    thread.join(30)
    assert not thread.is_alive()
    assert watched() is None
