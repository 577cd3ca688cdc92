"""Snapshots: the states of an engine's domains in one envelope, sealed by a checksum.

The envelope is JSON: ``schema_version``, ``tenant``, ``workspace``, ``created_at``, ``policies`` (the state of each
domain), and ``checksum``, the SHA-256 of everything else as compact JSON in the order in which it stands. So a file may
be indented by another tool, and one whose numbers, names or order were touched is refused. Every double comes back to
the bit: numbers are written as the shortest decimal that reads back as they are, and read by correct rounding.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Final, cast

from pydantic_core import from_json, to_json

from armwise._fields import Fields, Loaded
from armwise._words import has_utf8, one_line, shown
from armwise.clock import nanoseconds
from armwise.errors import ConfigurationError, SnapshotError
from armwise.learning.tenant import TenantContext
from armwise.types import Moment, State

__all__ = ["SCHEMA_VERSION", "Snapshot", "open_snapshot", "seal"]

SCHEMA_VERSION: Final = 1
"""The version of the envelope; each state in it has one of its own."""

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_NO_NUMBERS: Final = (b"NaN", b"Infinity")


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What an envelope held: nothing is known yet of the states in it.

    Attributes
    ----------
    policies : mapping of str to mapping
        The state of each domain.
    schema_version : int or None
        The version of the envelope; None, as for all that follow, where there was a bare mapping without one.
    tenant, workspace : str or None
        Whose it is.
    created_at : datetime or None
        When it was taken, UTC.
    """

    policies: Mapping[str, Loaded]
    schema_version: int | None = None
    tenant: str | None = None
    workspace: str | None = None
    created_at: datetime | None = None


def seal(policies: Mapping[str, State], tenant: TenantContext, created_at: Moment | None = None) -> bytes:
    r"""Put the states of domains into an envelope.

    Parameters
    ----------
    policies : mapping of str to dict
        The state of each domain, plain JSON.
    tenant : TenantContext
        Whose they are.
    created_at : int, float or datetime, optional
        When they were taken; now without it. Kept to the microsecond.

    Returns
    -------
    bytes
        JSON, UTF-8.

    Raises
    ------
    SnapshotError
        If a state is not plain JSON: it holds another type, a number that is not finite, or text without UTF-8.
    ConfigurationError
        If `policies` is no mapping of names to states.

    Examples
    --------
    >>> from armwise import ThompsonSampling
    >>> from armwise.learning import TenantContext
    >>> policy = ThompsonSampling(["a", "b"], seed=1)
    >>> data = seal({"route": policy.state_dict()}, TenantContext())
    >>> snapshot = open_snapshot(data)
    >>> snapshot.tenant, snapshot.policies["route"] == policy.state_dict()
    ('default', True)
    """
    _check_names(policies)
    created = _EPOCH + timedelta(microseconds=nanoseconds(created_at) // 1_000)
    body = _compact(
        {
            "schema_version": SCHEMA_VERSION,
            "tenant": tenant.tenant,
            "workspace": tenant.workspace,
            "created_at": created.isoformat(timespec="microseconds"),
            "policies": dict(policies),
        }
    )
    return body[:-1] + _seal(_checksum(body))


def open_snapshot(data: bytes | Mapping[str, object], *, previous: Sequence[os.PathLike[str]] = ()) -> Snapshot:
    """Read what :func:`seal` made, or a bare mapping of domains to states.

    Parameters
    ----------
    data : bytes or mapping
        A file's content, or what was read from it. A bare mapping, as ``LearningEngine.snapshot`` gives it, has no
        checksum.
    previous : sequence of path-like
        Earlier snapshots, the latest first: where an error sends the reader to.

    Returns
    -------
    Snapshot
        Its states are checked when they are loaded.

    Raises
    ------
    SnapshotError
        If it is no snapshot, is torn, or its checksum is another. A later version of the envelope is refused by
        :class:`~armwise._fields.NewerVersion`, which is one of these.

    Examples
    --------
    >>> open_snapshot({"route": {"policy": "UCB1"}}).policies
    {'route': {'policy': 'UCB1'}}
    >>> open_snapshot(b'{"route": 1}')
    Traceback (most recent call last):
    armwise.errors.SnapshotError: snapshot['route'] is 1; expected a JSON object; restore another snapshot or ...
    """
    values = _parsed(data) if isinstance(data, bytes) else data
    fields = Fields(values, "snapshot")
    if "schema_version" not in values or isinstance(values["schema_version"], Mapping):
        return Snapshot(_states(fields, values))
    version = fields.version(SCHEMA_VERSION, "schema_version")
    if not _holds(fields.text("checksum"), data, values):
        advice = f"the one before it is {os.fspath(previous[0])}" if previous else "restore an earlier one"
        msg = (
            f"the snapshot was changed or damaged: its checksum is not {shown(fields.text('checksum'))}; {advice}; "
            "nothing was changed"
        )
        raise SnapshotError(msg)
    states = fields.fields("policies")
    return Snapshot(
        _states(states, fields.mapping("policies")),
        version,
        fields.text("tenant"),
        fields.text("workspace"),
        _moment(fields),
    )


def _check_names(policies: object) -> None:
    if isinstance(policies, Mapping) and all(isinstance(name, str) and has_utf8(name) for name in policies):
        return
    msg = f"policies is {shown(policies)}; expected a mapping of names of domains to their states"
    raise ConfigurationError(msg)


def _parsed(data: bytes) -> Mapping[str, object]:
    try:
        # Labels seldom come twice in a snapshot, names of fields do.
        return cast("Mapping[str, object]", from_json(data, allow_inf_nan=False, cache_strings="keys"))
    except ValueError as error:
        msg = f"this is no snapshot: it is not JSON ({one_line(str(error))}); restore another one; nothing was changed"
        raise SnapshotError(msg) from error


def _states(fields: Fields, values: Mapping[str, object]) -> Mapping[str, Loaded]:
    for name in values:
        if not isinstance(name, str):
            msg = f"the snapshot has a domain {shown(name)}; expected names, strings; nothing was changed"
            raise SnapshotError(msg)
    return {name: fields.mapping(name) for name in values}


def _moment(fields: Fields) -> datetime:
    try:
        return datetime.fromisoformat(fields.text("created_at")).astimezone(UTC)
    except (ValueError, OverflowError):
        fields.refuse("created_at", "a date and time as ISO 8601 writes them")


def _compact(envelope: Mapping[str, object]) -> bytes:
    """An envelope as compact JSON."""
    try:
        body = to_json(envelope)
        # One letter is sought many times as fast as a word. It may stand in a label.
        if any(word[:1] in body and word in body for word in _NO_NUMBERS):
            from_json(body, allow_inf_nan=False)
    except (ValueError, RecursionError) as error:
        msg = (
            f"a state is not plain JSON ({one_line(str(error))}); expected objects, lists, finite numbers and texts "
            "that have UTF-8"
        )
        raise SnapshotError(msg) from error
    return body


def _holds(checksum: str, data: object, values: Mapping[str, object]) -> bool:
    """Whether a checksum is that of the envelope it stands in."""
    if isinstance(data, bytes) and has_utf8(checksum):
        end = _seal(checksum)
        # As it was sealed: what it was made of need not be written anew.
        if data.endswith(end) and _checksum(data[: -len(end)] + b"}") == checksum:
            return True
    return _checksum(_compact({name: value for name, value in values.items() if name != "checksum"})) == checksum


def _seal(checksum: str) -> bytes:
    """How a sealed envelope ends."""
    return f',"checksum":"{checksum}"}}'.encode()


def _checksum(body: bytes) -> str:
    return f"sha256:{sha256(body).hexdigest()}"
