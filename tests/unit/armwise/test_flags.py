from __future__ import annotations

import pytest

from armwise.errors import ConfigurationError
from armwise.flags import OFF_WORDS, ON_WORDS, EnvironmentFlags, StaticFlags, truth


@pytest.mark.parametrize("word", [*sorted(ON_WORDS), "TRUE", " Yes ", "oN"])
def test_words_that_switch_on(word):
    assert truth("FLAG", word) is True
    assert EnvironmentFlags({"FLAG": word}).enabled("FLAG")


@pytest.mark.parametrize("word", [*sorted(OFF_WORDS), "FALSE", " no ", "   "])
def test_words_that_leave_off(word):
    assert truth("FLAG", word) is False
    assert not EnvironmentFlags({"FLAG": word}).enabled("FLAG")


@pytest.mark.parametrize("word", ["ture", "2", "enabled", "y", "-1", "оn"])  # noqa: RUF001 - the last is Cyrillic
def test_other_words_are_refused_by_name(word):
    with pytest.raises(ConfigurationError, match=r"FLAG is .*expected 1, true, yes or on"):
        EnvironmentFlags({"FLAG": word}).enabled("FLAG")


def test_the_environment_is_asked_at_each_call(monkeypatch):
    flags = EnvironmentFlags()
    monkeypatch.delenv("ARMWISE_TEST_FLAG", raising=False)
    assert not flags.enabled("ARMWISE_TEST_FLAG")
    monkeypatch.setenv("ARMWISE_TEST_FLAG", "1")
    assert flags.enabled("ARMWISE_TEST_FLAG")
    monkeypatch.setenv("ARMWISE_TEST_FLAG", "0")
    assert not flags.enabled("ARMWISE_TEST_FLAG")


def test_static_flags_are_off_until_set():
    flags = StaticFlags()
    assert not flags.enabled("FLAG")
    flags.set("FLAG", on=True)
    assert flags.enabled("FLAG")
    flags.set("FLAG", on=False)
    assert not flags.enabled("FLAG")


@pytest.mark.parametrize("flags", [{"FLAG": 1}, {"FLAG": "on"}, {3: True}, ["FLAG"], "FLAG"])
def test_what_are_no_flags_is_refused(flags):
    with pytest.raises(ConfigurationError):
        StaticFlags(flags)


HUGE = 10**5000


@pytest.mark.parametrize("flags", [EnvironmentFlags({}), StaticFlags()])
@pytest.mark.parametrize("name", [None, ["A"], b"A", "A\ud800", "A\0B", pytest.param(HUGE, id="huge")])
def test_names_that_are_none_are_refused(flags, name):
    with pytest.raises(ConfigurationError, match="name of a flag"):
        flags.enabled(name)


@pytest.mark.parametrize("word", [True, 1, None, pytest.param(HUGE, id="huge")])
def test_words_that_are_no_text_are_refused(word):
    with pytest.raises(ConfigurationError, match="expected text"):
        truth("A", word)


@pytest.mark.parametrize("value", [3, [], pytest.param(HUGE, id="huge")])
def test_what_holds_no_flags_is_refused(value):
    with pytest.raises(ConfigurationError, match="expected a mapping"):
        EnvironmentFlags(value)
    with pytest.raises(ConfigurationError, match="expected a mapping"):
        StaticFlags(value)
    with pytest.raises(ConfigurationError, match="expected True or False"):
        StaticFlags().set("A", on=value)
