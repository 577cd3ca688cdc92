"""Delayed rewards against a model in plain dictionaries: every status, every order, across restarts."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from armwise.errors import ConfigurationError
from armwise.rewards import DelayedRewards
from armwise.stores import SQLitePending

WINDOW = 100
BEGAN = 1000
DOMAINS = st.sampled_from(["route", "prompt"])
IDS = st.sampled_from([f"0-{i:x}-0" for i in range(8)])
REWARDS = st.floats(allow_nan=False, allow_infinity=False)
ARMS = st.one_of(st.text(), st.integers(-(2**63), 2**63 - 1), st.floats(allow_nan=False, allow_infinity=False))
JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), st.text(), st.integers(-(2**63), 2**63), st.floats(allow_nan=False).filter(
        lambda number: abs(number) < float("inf"))),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.text(), inner, max_size=3)),
    max_leaves=6,
)  # fmt: skip
CONTEXTS = st.one_of(
    st.none(),
    st.lists(st.floats(allow_nan=False, allow_infinity=False), max_size=4),
    st.dictionaries(st.text(), JSON, max_size=3),
)


class Joins(RuleBasedStateMachine):
    """One store, opened once, or twice as two processes would; the clock goes on, and back a little."""

    @initialize(persistent=st.booleans())
    def open(self, persistent):
        self.folder = Path(tempfile.mkdtemp()) if persistent else None
        self.stores = []
        self.waiting: dict[tuple[str, str], tuple] = {}
        self.rewarded: list[tuple] = []
        self.now = BEGAN
        self.faces = [self.face()]
        if persistent:
            self.faces.append(self.face())

    def face(self):
        if self.folder is None:
            return DelayedRewards(window=WINDOW / 1e9)
        store = SQLitePending(self.folder / "pending.db")
        self.stores.append(store)
        return DelayedRewards(store, window=WINDOW / 1e9)

    @rule(face=st.integers(0, 1), domain=DOMAINS, name=IDS, arm=ARMS, context=CONTEXTS)
    def expect(self, face, domain, name, arm, context):
        key = domain, name
        known = key in self.waiting or key in [(one[0], one[1]) for one in self.rewarded]
        rewards = self.faces[face % len(self.faces)]
        try:
            rewards.expect(domain, name, arm, context, now=self.now)
        except ConfigurationError:
            assert known
        else:
            assert not known
            self.waiting[key] = (arm, context, self.now)

    @rule(face=st.integers(0, 1), domain=DOMAINS, name=IDS, reward=REWARDS)
    def join(self, face, domain, name, reward):
        key = domain, name
        joined = self.faces[face % len(self.faces)].join(domain, name, reward, now=self.now)
        if key in self.waiting:
            arm, context, time = self.waiting[key]
            assert joined.pending is not None
            assert (joined.pending.arm, type(joined.pending.arm)) == (arm, type(arm))
            assert (joined.pending.context, joined.pending.time) == (context, time)
            if self.now - time > WINDOW:
                assert joined.status == "late"
            else:
                assert (joined.status, joined.sequence) == ("applied", len(self.rewarded) + 1)
                del self.waiting[key]
                self.rewarded.append((domain, name, arm, context, reward, self.now))
        elif key in [(one[0], one[1]) for one in self.rewarded]:
            assert joined.status == "duplicate"
        else:
            assert joined == ("unknown", None, None)

    # Within two windows nothing is forgotten; when it is, each store says for itself.
    @rule(step=st.integers(-20, 90))
    def wait(self, step):
        self.now = min(max(BEGAN, self.now + step), BEGAN + 2 * WINDOW)

    @rule(domain=DOMAINS, number=st.integers(0, 20))
    def save(self, domain, number):
        self.faces[0].saved(domain, min(number, len(self.rewarded)))

    @precondition(lambda self: self.folder is not None)
    @rule()
    def restart(self):
        for store in self.stores:
            store.close()
        self.stores.clear()
        self.faces = [self.face(), self.face()]

    @invariant()
    def every_reward_is_there_in_order(self):
        for domain in ("route", "prompt") if hasattr(self, "faces") else ():
            found = [
                (one.sequence, one.pending.decision_id, one.pending.arm, one.pending.context, one.reward, one.time)
                for one in self.faces[-1].unsaved(domain)
            ]
            assert found == [(place, *one[1:]) for place, one in enumerate(self.rewarded, start=1) if one[0] == domain]

    @invariant()
    def as_many_wait_as_should(self):
        if hasattr(self, "faces"):
            assert self.faces[0].counts["pending"] == len(self.waiting)

    def teardown(self):
        for store in getattr(self, "stores", []):
            store.close()
        if getattr(self, "folder", None) is not None:
            shutil.rmtree(self.folder)


TestJoins = Joins.TestCase
TestJoins.settings = settings(max_examples=40, stateful_step_count=40, deadline=None)
