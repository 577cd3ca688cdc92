"""Ids of decisions, read: where in its randomness a policy stood, and at which version."""

from __future__ import annotations

import re
from typing import Final, NamedTuple

from armwise.errors import ReplayError

__all__ = ["Place", "place_of"]

_ID: Final = re.compile(r"([0-9a-f]{1,16})-([0-9a-f]{1,16})-([0-9a-f]{1,16})")


class Place(NamedTuple):
    """Where a decision was taken."""

    stream: int
    """Which of the seed's streams it drew from."""
    counter: int
    """Its number on that stream."""
    version: int
    """The policy's version at that time."""

    def require(self, version: int) -> None:
        """Refuse to replay the decision at another version than its own.

        Raises
        ------
        ReplayError
            If the policy's version is another one.
        """
        if version != self.version:
            msg = (
                f"the decision was taken at version {self.version}, the policy stands at {version}; "
                "load the state of that version first: its checkpoint, and the updates up to it in order"
            )
            raise ReplayError(msg)


def place_of(decision_id: object) -> Place:
    """Read an id as decisions carry it: ``{stream:x}-{counter:x}-{version:x}``, each in [0, 2**63).

    Raises
    ------
    ReplayError
        If it is no such text.

    Examples
    --------
    >>> place_of("0-1f-2")
    Place(stream=0, counter=31, version=2)
    """
    match = _ID.fullmatch(decision_id) if isinstance(decision_id, str) else None
    place = Place(*(int(word, 16) for word in match.groups())) if match else None
    if place is None or max(place) >= 1 << 63:
        given = repr(decision_id[:60]) if isinstance(decision_id, str) else f"of type {type(decision_id).__name__}"
        msg = f"decision_id is {given}; expected stream-counter-version in hexadecimal"
        raise ReplayError(msg)
    return place
