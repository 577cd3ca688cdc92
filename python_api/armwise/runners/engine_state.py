"""What an engine saved, away from the engine: dumped to a file, restored from one, and looked at.

Every state is loaded into an engine made for the purpose before anything is written, so that what cannot be loaded is
refused here, and not by the process that starts next.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import BinaryIO, Final, NamedTuple, cast
from warnings import catch_warnings

from armwise._fields import Fields, Loaded
from armwise._words import shown
from armwise.errors import ArmwiseError, PropensityError, SnapshotError, StoreError, UnknownDomain
from armwise.learning import Flags, LearningEngine, Snapshot, TenantContext, flag_of, open_snapshot, seal
from armwise.policies import UCB1, EpsilonGreedy, LinTS, LinTSDiag, ThompsonSampling
from armwise.protocols import Policy
from armwise.stores import WorkspaceFiles
from armwise.stores._replace import write_out
from armwise.types import JSON, Label, State

__all__ = ["Moved", "Saved", "dump", "look", "restore"]

_PLAIN: Final[Mapping[str, type[ThompsonSampling | EpsilonGreedy | UCB1]]] = {
    "EpsilonGreedy": EpsilonGreedy,
    "ThompsonSampling": ThompsonSampling,
    "UCB1": UCB1,
}
_LINEAR: Final[Mapping[str, type[LinTS | LinTSDiag]]] = {"LinTS": LinTS, "LinTSDiag": LinTSDiag}
_LINTS: Final = "ENABLE_RL_LINTS"
_AT_FIRST: Final[Mapping[str, JSON]] = {
    "version": 1,
    "phase": "shadow",
    "statistics": {"arms": [], "n": [], "total": []},
}
"""The engine's part of a state that is a policy's alone."""
_SWITCHES: Final = ("ENABLE_RL_GLOBAL", _LINTS, "ENABLE_EXPERIMENT_HARNESS")


class Moved(NamedTuple):
    """What a dump or a restore did."""

    domains: Mapping[str, str]
    """The domains that were written, and what each of them is, in a few words."""
    notes: tuple[str, ...]
    """What was left aside and why, a line each."""


class Saved(NamedTuple):
    """What a workspace's snapshot says."""

    created_at: datetime | None
    """When it was taken; None where there is none, or it does not say."""
    domains: Mapping[str, State]
    """As :meth:`LearningEngine.status` gives them; each arm with its `propensity`, None where it takes a context."""
    flags: Mapping[str, bool]
    """The switches of these domains, as the environment has them."""
    notes: tuple[str, ...]
    """What cannot be shown and why, a line each."""


def dump(
    files: WorkspaceFiles, tenant: TenantContext, output: Path | BinaryIO, policies: Collection[str] | None = None
) -> Moved:
    """Copy what a workspace saved last to a file or a stream, sealed.

    Parameters
    ----------
    files : WorkspaceFiles
        Of the workspace.
    tenant : TenantContext
        Whose it is.
    output : Path or binary stream
        A file that stood there is replaced as a whole; a pipe or a device is written into.
    policies : collection of str, optional
        The domains to dump; all without it.

    Raises
    ------
    SnapshotError
        If what was saved is no snapshot, or was damaged.
    StoreError
        If nothing was saved, or a file cannot be read or written.
    UnknownDomain
        If a domain that is named is not there; nothing is written then.
    """
    data = files.read()
    if data is None:
        msg = f"{files.path}: nothing was saved there; an engine with this state directory saves, or name another one"
        raise StoreError(msg)
    snapshot = open_snapshot(data, previous=files.previous())
    states = _chosen(snapshot, policies)
    data = seal(cast("dict[str, State]", states), tenant, snapshot.created_at)
    if isinstance(output, Path):
        try:
            write_out(output, data)
        except OSError as error:
            msg = f"{output}: cannot write the snapshot ({error.strerror or error}); choose another path"
            raise StoreError(msg) from error
    else:
        output.write(data)
    return Moved({name: _described(state) for name, state in states.items()}, ())


def restore(files: WorkspaceFiles, tenant: TenantContext, path: Path, policies: Collection[str] | None = None) -> Moved:
    """Put the domains of a snapshot in the place of what a workspace saved; its other domains stay as they were.

    Rewards that were joined before are not learnt again: the workspace goes back to the snapshot.

    Parameters
    ----------
    files : WorkspaceFiles
        Of the workspace.
    tenant : TenantContext
        Whose it is.
    path : Path
        The snapshot.
    policies : collection of str, optional
        The domains to restore; all that the snapshot holds without it.

    Raises
    ------
    SnapshotError
        If it is no snapshot, was damaged, or holds a state that cannot be loaded. Nothing was written then.
    StoreError
        If it is not there, or a file cannot be read or written.
    UnknownDomain
        If a domain that is named is not there; nothing is written then.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        msg = f"{path}: cannot read the snapshot ({error.strerror or error}); give the path of one"
        raise StoreError(msg) from error
    kept = [file for file in (files.path, *files.previous()) if file.exists() and not file.samefile(path)]
    snapshot = open_snapshot(data, previous=kept)
    states = _chosen(snapshot, policies)
    notes: tuple[str, ...] = ()
    if snapshot.tenant is not None and (snapshot.tenant, snapshot.workspace) != (tenant.tenant, tenant.workspace):
        notes += (f"the snapshot is of {snapshot.tenant}/{snapshot.workspace}, and becomes {_name(tenant)}",)
    _, skipped = _loaded(states, Flags({_LINTS: True}))
    states = {name: state for name, state in states.items() if name not in skipped}
    notes += tuple(f"{name!r} is not restored: {why}" for name, why in skipped.items())
    present: Mapping[str, Loaded] = {}
    try:
        present = _present(files).policies
    except SnapshotError as error:
        notes += (f"what was saved before cannot be read, and is set aside ({error})",)
    if states:
        for name, state in states.items():
            states[name] = _rolled_back(state, name, present.get(name), files)
        files.write(seal(cast("dict[str, State]", {**present, **states}), tenant))
    return Moved({name: _described(state) for name, state in states.items()}, notes)


def look(files: WorkspaceFiles, flags: Flags) -> Saved:
    """What a workspace saved last, as its engine would show it, with the propensities of the arms.

    Raises
    ------
    SnapshotError
        If what was saved is no snapshot, was damaged, or holds a state that cannot be loaded.
    StoreError
        If it cannot be read.
    """
    snapshot = _present(files)
    engine, skipped = _loaded(snapshot.policies, flags)
    domains = engine.status()
    for name, domain in domains.items():
        arms = cast("dict[Label, State]", domain["arms"])
        shares = _shares(engine.registry.get(name))
        for arm in (*arms, *(arm for arm in shares if arm not in arms)):
            arms[arm] = arms.get(arm, {"q": None, "n": 0}) | {"propensity": shares.get(arm)}
    for name in skipped:
        domains.pop(name, None)
    names = dict.fromkeys((*_SWITCHES, *map(flag_of, domains)))
    return Saved(
        snapshot.created_at,
        domains,
        {name: flags.enabled(name) for name in names},
        tuple(f"{name!r} is not shown: {why}" for name, why in skipped.items()),
    )


def _present(files: WorkspaceFiles) -> Snapshot:
    """What a workspace saved last; nothing where it did not."""
    data = files.read()
    return Snapshot({}) if data is None else open_snapshot(data, previous=files.previous())


def _chosen(snapshot: Snapshot, policies: Collection[str] | None) -> dict[str, Loaded]:
    """The states of the domains that are meant.

    Raises
    ------
    UnknownDomain
        If one of them is not there.
    """
    if policies is None:
        return dict(snapshot.policies)
    absent = ", ".join(shown(name) for name in policies if name not in snapshot.policies)
    if absent or not policies:
        there = ", ".join(map(shown, snapshot.policies)) or "no domain"
        msg = f"{f'the snapshot does not hold {absent}' if absent else 'no domain is named'}; it holds {there}"
        raise UnknownDomain(msg)
    return {name: state for name, state in snapshot.policies.items() if name in policies}


def _loaded(states: Mapping[str, Loaded], flags: Flags) -> tuple[LearningEngine, dict[str, str]]:
    """An engine of these states, and why some of them are not in it: they are newer, or of a foreign policy.

    Raises
    ------
    SnapshotError
        If a state cannot be loaded.
    """
    engine = LearningEngine(flags=flags)
    skipped: dict[str, str] = {}
    for name, state in states.items():
        try:
            policy = _policy_of(state)
            if policy is None:
                skipped[name] = f"its policy is {shown(state.get('policy'))}, which is not one of armwise's"
                continue
            engine.register_domain(name, policy)
            with catch_warnings(action="ignore"):  # the report says it
                skipped |= engine.restore({name: state}).skipped
        except ArmwiseError as error:
            msg = f"domain {shown(name)}: {error}"
            raise SnapshotError(msg) from error
    return engine, skipped


def _policy_of(state: Loaded) -> Policy | None:
    """A policy of the class and the dimension that a state is of; None where the class is not armwise's."""
    fields = Fields(state)
    name = fields.text("policy") if fields.says("policy") else "ThompsonSampling"
    if name in _PLAIN:
        return _PLAIN[name]()
    if name not in _LINEAR:
        return None
    return _LINEAR[name](dim=fields.whole("dim"))


def _shares(policy: Policy) -> dict[Label, float | None]:
    """The probability of each arm among all; None where it takes a context, or is not known."""
    if policy.arms and not isinstance(policy, (LinTS, LinTSDiag)):
        with suppress(PropensityError):
            return dict(zip(policy.arms, policy.propensities().tolist(), strict=True))
    return dict.fromkeys(policy.arms)


def _rolled_back(state: Loaded, name: str, present: Loaded | None, files: WorkspaceFiles) -> State:
    """A state that counts every reward which this workspace has joined so far as learnt: none comes after it."""
    before = present.get("engine") if present is not None else None
    applied = before.get("applied") if isinstance(before, Mapping) else None
    joined = [0 if not isinstance(applied, int) else applied]
    if files.path.with_suffix(".db").exists():
        joined += [reward.sequence for reward in files.pending.unsaved(name, joined[0])]
    own = state.get("engine")
    if not isinstance(own, Mapping):
        if not max(joined):
            return cast("State", dict(state))
        own = _AT_FIRST
    return cast("State", {**state, "engine": {**own, "applied": max(joined) or None}})


def _described(state: Loaded) -> str:
    """A state in a few words."""
    arms, version, rng = state.get("arms"), state.get("policy_version"), state.get("rng")
    words: list[object] = [state.get("policy", "a policy of an older version")]
    if isinstance(arms, (list, tuple)):
        words.append(f"{len(arms):,} arms")
    if isinstance(version, int):
        words.append(f"{version:,} changes")
    if isinstance(rng, Mapping):
        words.append(f"stream {rng.get('stream')}, decision {rng.get('counter')}")
    return ", ".join(map(str, words))


def _name(tenant: TenantContext) -> str:
    return f"{tenant.tenant}/{tenant.workspace}"
