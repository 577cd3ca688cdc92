"""The lock under which policies over objectives and experiments change."""

from __future__ import annotations

import threading

import pytest

from armwise.errors import ReentrantCall
from armwise.experiments._guarded import Guarded


class Counted(Guarded):
    _REENTERED = "called from within"

    def __init__(self):
        super().__init__()
        self.count = self.renewed = 0

    def add(self, between=lambda: None):
        with self._locked():
            count = self.count
            between()
            self.count = count + 1

    def _renew(self):
        self.renewed += 1


@pytest.fixture
def counted():
    return Counted()


def in_a_thread(call):
    thread = threading.Thread(target=call, daemon=True)
    thread.start()
    return thread


def test_one_thread_waits_for_another(counted):
    inside, go_on = threading.Event(), threading.Event()

    def slowly():
        inside.set()
        assert go_on.wait(timeout=30)

    first = in_a_thread(lambda: counted.add(slowly))
    assert inside.wait(timeout=30)
    second = in_a_thread(counted.add)
    second.join(timeout=0.05)
    assert second.is_alive()
    go_on.set()
    first.join(timeout=30)
    second.join(timeout=30)
    assert counted.count == 2


def test_a_call_from_within_is_refused_and_the_outer_one_goes_on(counted):
    def again():
        with pytest.raises(ReentrantCall, match=r"^called from within$"):
            counted.add()

    counted.add(again)
    counted.add()
    assert counted.count == 2


def test_an_error_leaves_it_open(counted):
    with pytest.raises(LookupError):
        counted.add(lambda: {}["gone"])
    counted.add()
    assert counted.count == 1


def test_a_fork_waits_for_calls_and_the_parent_goes_on_as_it_was(counted):
    counted._before_fork()
    other = in_a_thread(counted.add)
    other.join(timeout=0.05)
    assert other.is_alive()
    counted._after_fork(child=False)
    other.join(timeout=30)
    assert (counted.count, counted.renewed) == (1, 0)


def test_the_child_has_a_lock_of_its_own_and_is_renewed(counted):
    """In the child, the lock is held by whoever forked, who may be gone."""
    held, done = threading.Event(), threading.Event()

    def fork():
        counted._before_fork()
        counted._busy = True
        held.set()
        done.wait(timeout=30)

    forked = in_a_thread(fork)
    assert held.wait(timeout=30)
    counted._after_fork(child=True)
    counted.add()
    assert (counted.count, counted.renewed) == (1, 1)
    done.set()
    forked.join(timeout=30)


def test_who_does_not_say_how_to_renew_is_none():
    with pytest.raises(TypeError, match="_renew"):
        Guarded()
