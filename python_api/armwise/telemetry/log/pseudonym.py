"""User ids, made unreadable before they reach a log."""

from __future__ import annotations

import hashlib
import secrets

from armwise.errors import ConfigurationError

__all__ = ["Pseudonym"]

_SHORTEST_KEY = 16
_DIGEST_SIZE = 16


class Pseudonym:
    """A keyed hash of user ids: one user keeps one pseudonym, and without the key none can be traced back.

    A plain hash would not do: user ids are few and guessable, so that anyone could hash them all and compare.

    Parameters
    ----------
    key : bytes, optional
        Secret of 16 to 64 bytes. Without one a random key is drawn and forgotten with this object, so that
        pseudonyms of two runs cannot be joined; to join them, keep a key outside the log.

    Raises
    ------
    ConfigurationError
        If `key` is not bytes of that length.

    Examples
    --------
    >>> Pseudonym(b"sixteen bytes or")("user-1")
    '16840966319a8f87eeb3c5f6edb2dc88'
    """

    __slots__ = ("_key",)

    def __init__(self, key: bytes | None = None) -> None:
        self._key = secrets.token_bytes(32) if key is None else _checked(key)

    def __call__(self, user: str) -> str:
        """Return the pseudonym of a user id: 32 hexadecimal digits of keyed BLAKE2b (RFC 7693).

        Parameters
        ----------
        user : str
            The user id.

        Returns
        -------
        str
            The same text for the same id and key.
        """
        # Lone surrogates, as the file system and some databases hand out, are bytes like any other here.
        return hashlib.blake2b(
            user.encode("utf-8", "surrogatepass"), key=self._key, digest_size=_DIGEST_SIZE
        ).hexdigest()


def _checked(key: object) -> bytes:
    """Return a key of a length that can be secret and that BLAKE2b takes."""
    if isinstance(key, bytes) and _SHORTEST_KEY <= len(key) <= hashlib.blake2b.MAX_KEY_SIZE:
        return key
    given = f"{len(key)} bytes" if isinstance(key, bytes) else type(key).__name__
    msg = f"the key is {given}; expected 16 to 64 secret bytes, for example secrets.token_bytes(32)"
    raise ConfigurationError(msg)
