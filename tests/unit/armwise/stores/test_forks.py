from __future__ import annotations

import gc
import os
import weakref

import pytest

from armwise.stores._forks import close_before_forks

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")


class Recorded:
    def __init__(self):
        self.calls = []
        close_before_forks(self)

    def _before_fork(self):
        self.calls.append("before")

    def _after_fork(self, *, child):
        self.calls.append("child" if child else "parent")


def test_both_sides_are_told():
    store = Recorded()
    child = os.fork()
    if child == 0:
        os._exit(0 if store.calls == ["before", "child"] else 1)
    assert os.waitpid(child, 0)[1] == 0
    assert store.calls == ["before", "parent"]


def test_nothing_is_kept_alive():
    gone = weakref.ref(Recorded())
    gc.collect()
    assert gone() is None
