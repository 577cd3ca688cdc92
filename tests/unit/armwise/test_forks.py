"""Forks: outer locks before inner ones, whatever was made first; what processes do is in tests/integration."""

from __future__ import annotations

import gc
import os
import threading
import weakref

import pytest

from armwise._forks import Rank, _Forks, watch_forks


class Watched:
    def __init__(self, told, name="one"):
        self.told, self.name = told, name

    def _before_fork(self):
        self.told.append(("before", self.name))

    def _after_fork(self, *, child):
        self.told.append((child, self.name))


@pytest.mark.parametrize("child", [False, True])
def test_ranks_are_held_from_the_outermost_in_and_let_go_in_reverse(child):
    told, forks = [], _Forks()
    alive = [Watched(told, rank.name) for rank in reversed(Rank)]
    for watched in alive:
        forks.watch(watched, Rank[watched.name])
    forks.before()
    forks.after(child=child)
    names = [rank.name for rank in Rank]
    assert told == [("before", name) for name in names] + [(child, name) for name in reversed(names)]


@pytest.mark.parametrize("child", [False, True])
def test_all_that_live_are_told_of_each_fork(child):
    told, forks = [], _Forks()
    first, second, gone = (Watched(told, name) for name in ("first", "second", "gone"))
    for watched in (first, second, gone):
        forks.watch(watched)
    del gone, watched
    for _ in range(2):
        forks.before()
        forks.after(child=child)
        assert told == [("before", "first"), ("before", "second"), (child, "second"), (child, "first")]
        told.clear()
    forks.watch(Watched(told))


def test_one_that_is_made_while_a_lock_is_waited_for_is_held_too():
    told, forks = [], _Forks()

    class Waited(Watched):
        """Whoever holds its lock makes another one of this rank before letting go."""

        def _before_fork(self):
            maker = threading.Thread(target=forks.watch, args=(late,))
            maker.start()
            maker.join(30)
            assert not maker.is_alive(), "the maker waits for the fork, and the fork for the maker"
            super()._before_fork()

    late, waited = Watched(told, "late"), Waited(told, "waited")
    forks.watch(waited)
    forks.before()
    forks.after(child=False)
    assert told == [("before", "waited"), ("before", "late"), (False, "late"), (False, "waited")]


def test_one_that_fails_leaves_no_other_held():
    told, forks = [], _Forks()

    class Failing(Watched):
        def _after_fork(self, *, child):
            raise OSError(child)

    class Interrupted(Watched):
        def _before_fork(self):
            raise KeyboardInterrupt

    first, failing, interrupted = Watched(told), Failing(told, "failing"), Interrupted(told)
    forks.watch(first, Rank.ENGINE)
    forks.watch(failing, Rank.STORE)
    forks.watch(interrupted, Rank.LEAF)
    with pytest.raises(KeyboardInterrupt):
        forks.before()
    with pytest.raises(OSError, match="False"):
        forks.after(child=False)
    assert told == [("before", "one"), ("before", "failing"), (False, "one")]
    del failing, interrupted
    gc.collect()
    told.clear()
    forks.before()
    forks.after(child=False)
    assert told == [("before", "one"), (False, "one")]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
def test_both_sides_are_told():
    told = []
    watched = Watched(told)
    watch_forks(watched)
    child = os.fork()
    if child == 0:
        os._exit(0 if told == [("before", "one"), (True, "one")] else 1)
    assert os.waitpid(child, 0)[1] == 0
    assert told == [("before", "one"), (False, "one")]


def test_nothing_is_kept_alive():
    watched = Watched([])
    watch_forks(watched)
    gone = weakref.ref(watched)
    del watched
    gc.collect()
    assert gone() is None
