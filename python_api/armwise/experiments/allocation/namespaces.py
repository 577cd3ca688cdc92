"""Namespaces: experiments that exclude each other."""

from __future__ import annotations

from fractions import Fraction

from armwise.errors import ConfigurationError
from armwise.experiments.allocation._law import threshold
from armwise.experiments.allocation._weights import Share, fraction, name

__all__ = ["Namespace"]


class Namespace:
    """A share of the keys, by a hash of its own: experiments on shares that do not overlap have no key in common.

    The hash of a namespace depends on its id alone, and is independent of those by which experiments choose
    variants. An experiment within ``Namespace(id, start, end)`` takes the keys whose hash, as a share of all, is in
    [start, end); every other key is outside it.

    Parameters
    ----------
    id : str
        The name that experiments which exclude each other share; not empty.
    start, end : int, float or Fraction
        0 <= start < end <= 1, taken exactly.

    Attributes
    ----------
    id : str
        The name.
    start, end : Fraction
        The share.

    Raises
    ------
    ConfigurationError
        If a value is not as described.

    Examples
    --------
    >>> ranking, layout = Namespace("search", 0, 0.5), Namespace("search", 0.5, 1)
    >>> ranking.excludes(layout)
    True
    >>> ranking
    Namespace('search', 0, 1/2)
    """

    __slots__ = ("end", "id", "start")
    id: str
    start: Fraction
    end: Fraction

    def __init__(self, id: str, start: Share, end: Share) -> None:  # noqa: A002 - the field's word
        self.id = name(id, "the id of the namespace")
        self.start = fraction(start, "the start of the namespace")
        self.end = fraction(end, "the end of the namespace")
        if self.start >= self.end:
            msg = f"the namespace goes from {start!r} to {end!r}; expected 0 <= start < end <= 1"
            raise ConfigurationError(msg)

    def __eq__(self, other: object) -> bool:
        """Whether both are the same share of the same keys."""
        if not isinstance(other, Namespace):
            return NotImplemented
        return (self.id, self.start, self.end) == (other.id, other.start, other.end)

    def __hash__(self) -> int:
        return hash((self.id, self.start, self.end))

    def __repr__(self) -> str:
        return f"Namespace({self.id!r}, {self.start}, {self.end})"

    @property
    def share(self) -> Fraction:
        """The share of all keys that is within: end - start."""
        return self.end - self.start

    def excludes(self, other: Namespace) -> bool:
        """Whether no key can be within both: they have one id, and their shares do not overlap."""
        return self.id == other.id and (self.end <= other.start or other.end <= self.start)

    def hashes(self) -> tuple[int, int]:
        """Return the first and the last hash that is within, in [0, 2**64).

        Raises
        ------
        ConfigurationError
            If the share is so small that no hash is.
        """
        first, last = threshold(self.start), threshold(self.end) - 1
        if first > last:
            msg = f"the namespace {self!r} holds none of the 2**64 hashes; widen it"
            raise ConfigurationError(msg)
        return first, last
