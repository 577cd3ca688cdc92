"""Who a request belongs to: the key that an experiment divides its traffic by.

A user keeps a variant because the same key always falls into the same place. So a key is made of what stays: the
tenant and workspace and the experiment, which enter the seed of the hash, and the first of user, session and request
that the context names. A request that names none has no key, and is not divided at all: a constant in its place
would put a whole tenant into one variant.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from typing import Final, TypeAlias

from armwise._words import check_words, shown
from armwise.errors import ConfigurationError
from armwise.experiments.allocation import Key
from armwise.experiments.allocation._keys import plain
from armwise.protocols import ContextLike
from armwise.types import Label

__all__ = ["IDENTITIES", "KeyFunction", "candidate_key", "features", "identify", "tenant_salt"]

KeyFunction: TypeAlias = Callable[[ContextLike | None], Key | None]
"""Makes the key of a request from its context; None where there is none."""

IDENTITIES: Final = ("user_id", "session_id", "request_id")
"""Where a context names who it belongs to; the first that is there counts."""


def identify(context: ContextLike | None, fields: Iterable[str] = IDENTITIES) -> Key | None:
    """The first of the fields that a context names.

    Parameters
    ----------
    context : mapping, array_like or None
        Only a mapping names anybody.
    fields : iterable of str
        Where to look, in this order. A field that is absent, None or an empty string names nobody.

    Returns
    -------
    str, bytes, int or None
        The key; None where nobody is named.

    Raises
    ------
    ConfigurationError
        If a field holds anything else, such as a float: 17 and 17.0 would be two users.

    Examples
    --------
    >>> identify({"session_id": "s-1", "request_id": "r-9"})
    's-1'
    >>> identify({"tokens": 120.0}) is None
    True
    """
    if not isinstance(context, Mapping):
        return None
    for field in fields:
        value: object = context.get(field)
        if value is None:
            continue
        if isinstance(value, (str, bytes, int)) and not isinstance(value, bool):
            if isinstance(value, int) or value:
                return value
            continue
        msg = f"{field} is {shown(value)}; expected a string, bytes or an integer; convert it where the context is made"
        raise ConfigurationError(msg)
    return None


def features(context: ContextLike | None) -> ContextLike | None:
    """The context without the fields that name somebody: a policy must not learn a coefficient for each user.

    Examples
    --------
    >>> features({"user_id": "u-1", "tokens": 120.0})
    {'tokens': 120.0}
    """
    if isinstance(context, Mapping) and not context.keys().isdisjoint(IDENTITIES):
        return {name: value for name, value in context.items() if name not in IDENTITIES}
    return context


def tenant_salt(tenant: str, workspace: str) -> str:
    """The seed salt under which a tenant's workspace divides its traffic.

    It is empty for the tenant ``default`` and its workspace ``main``, so that there the harness divides as an
    ``Allocator(experiment_id, ...)`` by itself does; else the JSON array of both.

    Raises
    ------
    ConfigurationError
        If one of them is no string, is blank, or holds a control character or a lone surrogate.

    Examples
    --------
    >>> tenant_salt("default", "main"), tenant_salt("acme", "main")
    ('', '["acme","main"]')
    """
    for name, value in (("tenant", tenant), ("workspace", workspace)):
        check_words(value, name, "a name")
    if (tenant, workspace) == ("default", "main"):
        return ""
    return json.dumps([tenant, workspace], ensure_ascii=False, separators=(",", ":"))


def candidate_key(key: Key, candidates: Iterable[Label] | None) -> bytes:
    """A key that depends on the set of candidates too; their order does not enter.

    Each part is preceded by its length, so that no two pairs have one key: the sorted JSON of the candidates, the
    kind of key (``s``, ``b`` or ``i``), and its bytes.

    Raises
    ------
    ConfigurationError
        If the key is no string, bytes or 64-bit integer, or is a string with a lone surrogate.

    Examples
    --------
    >>> candidate_key("u-1", ["b", "a"]) == candidate_key("u-1", ["a", "b"])
    True
    >>> candidate_key("7", None) == candidate_key(7, None)
    False
    """
    known = plain(key)
    texts = sorted(json.dumps(label) for label in candidates or ())
    names = f"[{','.join(texts)}]".encode()
    if isinstance(known, str):
        kind, body = b"s", known.encode()
    elif isinstance(known, bytes):
        kind, body = b"b", known
    else:
        kind, body = b"i", str(known).encode()
    return len(names).to_bytes(4, "little") + names + kind + body
