"""A snapshot taken apart: which domains it restores, and which it cannot."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import ExitStack
from copy import deepcopy
from functools import partial
from typing import NamedTuple, Protocol

from armwise._fields import INT64, Fields, Loaded, NewerVersion
from armwise._labels import require_utf8
from armwise._words import one_line, shown, suspected
from armwise.errors import ConfigurationError, SnapshotError
from armwise.learning._gate import Gate
from armwise.learning.tenant import TenantContext
from armwise.policies._saved import SavedPolicy
from armwise.protocols import Policy
from armwise.types import State

__all__ = [
    "Load",
    "Restorable",
    "RestoreReport",
    "opened",
    "prepared_policy",
    "read_since",
    "sorted_out",
    "state_of",
    "take_on",
]


class RestoreReport(NamedTuple):
    """What became of each domain at a restore; names of domains, in the snapshot's order.

    Attributes
    ----------
    restored : tuple of str
        These are as the snapshot says.
    skipped : mapping of str to str
        The snapshot holds these in a newer version than this armwise reads, as the text says; they are unchanged.
    unknown : tuple of str
        The snapshot holds these, and nobody has registered them.
    missing : tuple of str
        These are registered, and the snapshot does not hold them; they are unchanged.
    """

    restored: tuple[str, ...]
    skipped: Mapping[str, str]
    unknown: tuple[str, ...]
    missing: tuple[str, ...]


class Load(NamedTuple):
    """A domain's state, checked as far as it can be."""

    gate: Gate
    """The domain's own."""
    foreign: Callable[[], Callable[[], None]] | None
    """Loads a policy of which nothing is known before, and returns what takes that back; None where there is none."""
    rest: Callable[[], None]
    """Loads everything else, and cannot fail."""


class Restorable(Protocol):
    """A domain, as far as a restore is concerned."""

    def prepared(self, state: Mapping[str, object]) -> Load:
        """Check a state as a whole, and return what makes the domain become it."""
        ...


def opened(snapshot: object, tenant: TenantContext, previous: Sequence[os.PathLike[str]] = ()) -> Mapping[str, Loaded]:
    """The states in a snapshot, each still to be checked.

    Raises
    ------
    SnapshotError
        If it is none, or is of another tenant or workspace.
    """
    from armwise.learning.snapshot import open_snapshot  # noqa: PLC0415 - pydantic_core only where it is used

    if not isinstance(snapshot, (bytes, Mapping)):
        msg = f"the snapshot is {shown(snapshot)}; expected a mapping of domains to states, or an envelope's bytes"
        raise SnapshotError(msg)
    found = open_snapshot(snapshot, previous=previous)
    for name, theirs, ours in (
        ("tenant", found.tenant, tenant.tenant),
        ("workspace", found.workspace, tenant.workspace),
    ):
        if theirs is not None and theirs != ours:
            msg = (
                f"the snapshot is of the {name} {shown(theirs)}, this engine is of {ours!r}; nothing was changed; "
                "where that is meant, restore its 'policies' alone"
            )
            raise SnapshotError(msg)
    return found.policies


def sorted_out(
    snapshot: object, tenant: TenantContext, domains: Mapping[str, Restorable], policies: Iterable[str] | None
) -> tuple[list[Load], RestoreReport]:
    """Check all that a snapshot says of the domains; return what makes them become it, and the report.

    Raises
    ------
    SnapshotError
        If it is no snapshot, or holds a state that cannot be its domain's.
    ConfigurationError
        If `policies` are no names of domains.
    """
    states = opened(snapshot, tenant)
    wanted = _names(policies, domains, states)
    loads: dict[str, Load] = {}
    skipped: dict[str, str] = {}
    for name, state in states.items():
        if name in wanted and name in domains:
            try:
                with suspected():
                    loads[name] = domains[name].prepared(state)
            except NewerVersion as error:
                skipped[name] = str(error)
    unknown = tuple(name for name in states if name in wanted and name not in domains)
    missing = tuple(name for name in domains if name in wanted and name not in states)
    # Gates are entered in the order in which they were made.
    return [loads[name] for name in domains if name in loads], RestoreReport(tuple(loads), skipped, unknown, missing)


def _names(policies: object, *known: Iterable[str]) -> set[str]:
    if policies is None:
        return {name for names in known for name in names}
    if isinstance(policies, (str, bytes)) or not isinstance(policies, Iterable):
        msg = f"policies is {shown(policies)}; expected names of domains in a list"
        raise ConfigurationError(msg)
    wanted = list(policies)
    for name in wanted:
        if not isinstance(name, str) or not any(name in names for names in known):
            msg = f"policies names {shown(name)}, which neither the snapshot holds nor anybody has registered"
            raise ConfigurationError(msg)
    return set(wanted)


def take_on(loads: Iterable[Load]) -> None:
    """Let domains become what was checked, as one step: all of them, or none.

    A policy that is not armwise's is asked first, so that nothing else has changed where it refuses.

    Raises
    ------
    SnapshotError
        If one of those does; it and those before it are as they were.
    """
    loads = tuple(loads)
    with ExitStack() as gates:
        for load in loads:
            gates.enter_context(load.gate.held())
        with ExitStack() as undo:
            for load in loads:
                if load.foreign is not None:
                    undo.callback(load.foreign())
            undo.pop_all()
        for load in loads:
            load.rest()


def state_of(policy: Policy) -> State:
    """A policy's state to go back to: what the policy changes meanwhile, one that is not armwise's may change in it."""
    state = policy.state_dict()
    return state if isinstance(policy, SavedPolicy) else deepcopy(state)


def prepared_policy(
    policy: Policy, state: Mapping[str, object]
) -> tuple[Callable[[], Callable[[], None]] | None, Callable[[], None] | None]:
    """Check a state as a whole, and return what makes the policy become it, as one of the two parts of a :class:`Load`.

    Of a policy that is not armwise's, nothing is known before it is asked to load.

    Raises
    ------
    SnapshotError
        If anything in it is missing or cannot be; nothing has changed then.
    """
    if isinstance(policy, SavedPolicy):
        if isinstance(arms := state.get("arms"), (list, tuple)):
            require_utf8(arms, "state['arms']")
        return None, policy._prepared(state)  # noqa: SLF001 - the first half of load_state, which changes nothing

    def load() -> Callable[[], None]:
        before = state_of(policy)
        try:
            policy.load_state(state)
        except BaseException as error:
            policy.load_state(before)
            if isinstance(error, SnapshotError) or not isinstance(error, Exception):
                raise
            msg = (
                f"the {type(policy).__name__} does not load its state: {type(error).__name__}: "
                f"{one_line(str(error))}; nothing was changed"
            )
            raise SnapshotError(msg) from error
        return partial(policy.load_state, before)

    return load, None


def read_since(fields: Fields) -> State | None:
    """Why and when the phase changed last; None where it never did."""
    if not fields.says("since"):
        return None
    since = fields.fields("since")
    return {"why": one_line(since.text("why")), "time": since.whole("time", 0, INT64)}
