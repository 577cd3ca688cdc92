"""Sticky assignments: the first word holds."""

from __future__ import annotations

import threading

import numpy as np
import pytest

from armwise.errors import ConfigurationError, StoreError
from armwise.experiments import Allocator, AssignmentStore, MemoryAssignments, StickyAllocator

KEYS = [f"user-{i}" for i in range(200)]


def test_assignments_stay_where_weights_change():
    store = MemoryAssignments()
    before = Allocator("ranking", ["control", "b"])
    first = [StickyAllocator(before, store).allocate(key) for key in KEYS]
    after = StickyAllocator(before.reallocate({"control": 1, "b": 9}), store)
    assert [after.allocate(key) for key in KEYS] == first
    assert {after.allocate(f"new-{i}") for i in range(20)} >= {"b"}


def test_a_variant_without_a_share_keeps_its_own():
    store = MemoryAssignments()
    before = Allocator("ranking", ["control", "b"])
    first = [StickyAllocator(before, store).allocate(key) for key in KEYS]
    assert "b" in first
    after = StickyAllocator(before.reallocate({"control": 1}), store)
    assert [after.allocate(key) for key in KEYS] == first


def test_who_is_outside_is_not_remembered_and_may_come_in():
    store = MemoryAssignments()
    begun = Allocator("ranking", ["control", "b"], coverage=0.1)
    inside = {key: v for key in KEYS if (v := StickyAllocator(begun, store).allocate(key))}
    assert 0 < len(inside) == len(store) < 60
    whole = StickyAllocator(begun.ramp(1), store)
    assert all(whole.allocate(key) == inside.get(key, whole.allocate(key)) is not None for key in KEYS)
    shut = StickyAllocator(begun.ramp(0), store)
    assert [shut.allocate(key) for key in KEYS] == [store.get("ranking", key) for key in KEYS]


def test_the_store_sees_plain_keys():
    seen = []

    class Store(MemoryAssignments):
        def get(self, experiment_id, key):
            seen.append((experiment_id, type(key), key))
            return super().get(experiment_id, key)

    sticky = StickyAllocator(Allocator("ranking", ["a"]), Store())
    for key in (np.str_("u"), "u", np.int64(7), "7", b"u"):
        assert sticky.allocate(key) == "a"
    assert [kind for _, kind, _ in seen] == [str, str, int, str, str]
    assert len(sticky.store) == 3


def test_a_text_and_its_utf8_are_one_key_to_the_store_too():
    store = MemoryAssignments()
    before = Allocator("ranking", ["control", "b"])
    key = next(key for key in ("é1", "é2", "é3", "é4", "é5", "é6") if before.allocate(key) == "control")
    assert StickyAllocator(before, store).allocate(key) == "control"
    after = StickyAllocator(before.reallocate({"control": 0, "b": 1}), store)
    assert after.allocate(key.encode()) == after.allocate(key) == "control" != after.allocator.allocate(key)
    assert len(store) == 1


def test_bytes_that_are_no_text_stay_bytes():
    store = MemoryAssignments()
    StickyAllocator(Allocator("ranking", ["a"]), store).allocate(b"\xff\x00")
    assert store.get("ranking", b"\xff\x00") == "a"


@pytest.mark.parametrize("key", [None, 1.0, True, "\ud800"])
def test_bad_keys_reach_no_store(key):
    store = MemoryAssignments()
    with pytest.raises(ConfigurationError):
        StickyAllocator(Allocator("ranking", ["a"]), store).allocate(key)
    assert len(store) == 0


def test_a_foreign_variant_is_an_error():
    store = MemoryAssignments()
    store.put_if_absent("ranking", "u", "gone")
    sticky = StickyAllocator(Allocator("ranking", ["a", "b"]), store)
    with pytest.raises(StoreError, match=r"'gone'.*'a', 'b'.*reused"):
        sticky.allocate("u")


def test_what_is_no_allocator_or_store_is_refused():
    allocator = Allocator("ranking", ["a"])
    with pytest.raises(ConfigurationError, match="expected an Allocator"):
        StickyAllocator("ranking", MemoryAssignments())
    with pytest.raises(ConfigurationError, match="get and put_if_absent"):
        StickyAllocator(allocator, {})


def test_it_has_the_face_of_an_allocator():
    allocator = Allocator("ranking", {"a": 1, "b": 3})
    sticky = StickyAllocator(allocator, MemoryAssignments())
    assert (sticky.experiment_id, sticky.variants, sticky.shares) == ("ranking", ("a", "b"), allocator.shares)
    assert isinstance(sticky.store, AssignmentStore)
    assert repr(allocator) in repr(sticky)


class Slow(MemoryAssignments):
    """A store in which two threads always read before either writes."""

    def __init__(self):
        super().__init__()
        self.both_have_read = threading.Barrier(2)
        self.written = []

    def get(self, experiment_id, key):
        known = super().get(experiment_id, key)
        self.both_have_read.wait(timeout=30)
        return known

    def put_if_absent(self, experiment_id, key, variant):
        held = super().put_if_absent(experiment_id, key, variant)
        self.written.append((variant, held))
        return held


def test_of_two_threads_one_wins_and_both_say_so():
    """Two processes with different tables meet the same new user at once."""
    before = Allocator("ranking", {"control": 1, "b": 1})
    after = before.reallocate({"control": 0, "b": 1})
    key = next(key for key in KEYS if before.allocate(key) == "control")
    store, said = Slow(), {}

    def ask(name, allocator):
        said[name] = StickyAllocator(allocator, store).allocate(key)

    threads = [threading.Thread(target=ask, args=pair) for pair in (("before", before), ("after", after))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(variant for variant, _ in store.written) == ["b", "control"]
    assert len({held for _, held in store.written}) == 1
    assert said["before"] == said["after"] == store.written[0][0]


@pytest.mark.parametrize("call", ["get", "put_if_absent"])
def test_a_store_that_does_not_answer_is_said_to(call):
    class Down(MemoryAssignments):
        """A store on a disk that is gone."""

    def gone(*_):
        raise TimeoutError(*["no answer"])

    setattr(Down, call, gone)
    with pytest.raises(StoreError, match=r"assignments of 'e' does not answer \(no answer\)"):
        StickyAllocator(Allocator("e", ["a", "b"]), Down()).allocate("user-1")
