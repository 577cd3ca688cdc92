"""Features by name, turned into the numbers that a linear policy takes."""

from __future__ import annotations

import math
from collections.abc import Mapping
from hashlib import blake2b
from typing import Final, NamedTuple

import numpy as np

from armwise._fields import Fields
from armwise._words import shown
from armwise.errors import ConfigurationError
from armwise.posteriors._numbers import real, whole
from armwise.types import FloatArray, State
from armwise_kernels import law

__all__ = ["ContextEncoder"]

_VERSION: Final = 1
_WIDEST: Final = 4.0  # standard deviations past which a value is cut
_MANY: Final = 1 << 53
_LARGEST: Final = 1e300  # of a sum of squares: 1e100 of the largest


class _Scale(NamedTuple):
    """The running scale of one named number: Welford's count, mean and sum of squared deviations."""

    seen: int = 0
    mean: float = 0.0
    squares: float = 0.0

    def after(self, value: float) -> _Scale:
        """One value more: Welford, "Note on a method for calculating corrected sums", Technometrics, 1962."""
        seen = self.seen + 1
        apart = value - self.mean
        mean = self.mean + apart / seen
        return _Scale(min(seen, _MANY), mean, min(self.squares + apart * (value - mean), _LARGEST))

    def scaled(self, value: float, warm_up: int) -> float:
        """The value in standard deviations from the mean; squashed into (-1, 1) before there are enough."""
        if self.seen < warm_up:
            return value / (1.0 + abs(value))
        apart, deviation = value - self.mean, math.sqrt(self.squares / self.seen)
        if deviation == 0.0:
            return 0.0 if apart == 0.0 else math.copysign(_WIDEST, apart)
        return max(-_WIDEST, min(_WIDEST, apart / deviation))


class ContextEncoder:
    r"""Turns a mapping of features into ``dim`` numbers, all of about the size of one.

    Column 0 is the bias, 1.0. A number is taken in standard deviations from the running mean of its key
    (Welford), cut at 4; until its key has been observed `warm_up` times it is squashed to ``v / (1 + |v|)``.
    So a raw token count of 20,000 cannot swamp the sums of squares that a linear posterior is made of. The
    first dim - 1 keys get a column each, from column 1 up, in the order in which they are first observed, and
    alphabetically within one mapping. Strings and truth values are categories: ``key = value`` is hashed
    (BLAKE2b, the same on every machine) to one of the columns of the upper half, and adds +1 or -1 there by
    another bit of the hash, so that what collides cancels in the mean (Weinberger et al., "Feature hashing
    for large scale multitask learning", ICML 2009). Numbers whose keys find no free column are squashed and
    hashed in the same way.

    :meth:`encode` reads, :meth:`observe` advances the scales. A linear policy that is given mappings owns one
    encoder: select encodes, update encodes and then observes, and the encoder is part of its state.

    Parameters
    ----------
    dim : int
        Length of what comes out, at least 2.
    warm_up : int
        Observations of a key before it is scaled, at least 1.

    Raises
    ------
    ConfigurationError
        If a parameter is out of range.

    Examples
    --------
    >>> encoder = ContextEncoder(4, warm_up=2)
    >>> encoder.encode({"tokens": 3.0})
    array([1.  , 0.75, 0.  , 0.  ])
    >>> for tokens in (100, 300):
    ...     encoder.observe({"tokens": tokens})
    >>> encoder.encode({"tokens": 400})
    array([1., 2., 0., 0.])
    >>> encoder.columns
    {'tokens': 1}
    """

    def __init__(self, dim: int, *, warm_up: int = 20) -> None:
        for name, value, least in (("dim", dim, 2), ("warm_up", warm_up, 1)):
            if whole(value) < least:
                msg = f"{name} is {shown(value)}; expected a whole number of at least {least}"
                raise ConfigurationError(msg)
        self._dim = int(dim)
        self._warm_up = int(warm_up)
        self._scales: dict[str, _Scale] = {}  # in the order of columns

    @property
    def dim(self) -> int:
        """Length of what comes out."""
        return self._dim

    @property
    def warm_up(self) -> int:
        """Observations of a key before it is scaled."""
        return self._warm_up

    @property
    def columns(self) -> dict[str, int]:
        """The column of each number that has one of its own."""
        return {key: column for column, key in enumerate(self._scales, start=1)}

    def encode(self, context: Mapping[str, str | float]) -> FloatArray:
        """Encode one mapping, changing nothing.

        Parameters
        ----------
        context : mapping of str to float, str or bool
            Numbers finite, within 1e100. A key that is absent contributes nothing.

        Returns
        -------
        ndarray of float64, shape (dim,)

        Raises
        ------
        ConfigurationError
            If a key is no string, or a value no number, string or bool.
        """
        numbers, categories = _features(context)
        encoded = np.zeros(self._dim, np.float64)
        encoded[0] = 1.0
        columns = self.columns
        for key, value in numbers.items():
            column = columns.setdefault(key, len(columns) + 1)
            scaled = self._scales.get(key, _Scale()).scaled(value, self._warm_up)
            if column < self._dim:
                encoded[column] += scaled
            else:
                column, sign = self._hashed("number", key)
                encoded[column] += sign * scaled
        for key, category in categories.items():
            column, sign = self._hashed("category", key, category)
            encoded[column] += sign
        return encoded

    def observe(self, context: Mapping[str, str | float]) -> None:
        """Let the scales learn from one mapping.

        Raises
        ------
        ConfigurationError
            As :meth:`encode`; nothing is learnt then.
        """
        numbers, _ = _features(context)
        for key, value in numbers.items():
            if key in self._scales or len(self._scales) < self._dim - 1:
                self._scales[key] = self._scales.get(key, _Scale()).after(value)

    def copy(self) -> ContextEncoder:
        """Another encoder in the same state."""
        twin = ContextEncoder(self._dim, warm_up=self._warm_up)
        twin._scales = dict(self._scales)
        return twin

    def state_dict(self) -> State:
        """The whole state as plain JSON."""
        return {
            "version": _VERSION,
            "dim": self._dim,
            "warm_up": self._warm_up,
            "keys": list(self._scales),
            "seen": [scale.seen for scale in self._scales.values()],
            "mean": [scale.mean for scale in self._scales.values()],
            "squares": [scale.squares for scale in self._scales.values()],
        }

    def load_state(self, state: Mapping[str, object]) -> None:
        """Become the encoder whose state this is.

        Raises
        ------
        SnapshotError
            If it is no state of an encoder of this dim; nothing is changed then.
        """
        fields = Fields(state, "encoder")
        fields.whole("version", 1, _VERSION)
        fields.whole("dim", self._dim, self._dim)
        warm_up = fields.whole("warm_up", 1)
        keys = fields.items("keys")
        if not all(isinstance(key, str) for key in keys) or len(set(keys)) != len(keys) or len(keys) >= self._dim:
            fields.refuse("keys", f"at most {self._dim - 1} strings, none twice")
        count = len(keys)
        seen = fields.wholes("seen", count, 1, _MANY)
        mean = fields.numbers("mean", (count,), -2.0 * law.MAX_CONTEXT, 2.0 * law.MAX_CONTEXT)
        squares = fields.numbers("squares", (count,), 0.0, _LARGEST)
        self._warm_up = warm_up
        self._scales = {
            str(key): _Scale(n, float(m), float(s)) for key, n, m, s in zip(keys, seen, mean, squares, strict=True)
        }

    def _hashed(self, *words: str) -> tuple[int, float]:
        """A column of the upper half, and a sign."""
        text = "\0".join(f"{len(word)}:{word}" for word in words)
        digest = int.from_bytes(blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest(), "little")
        first = 1 + (self._dim - 1) // 2
        return first + (digest >> 1) % (self._dim - first), -1.0 if digest & 1 else 1.0


def _features(context: object) -> tuple[dict[str, float], dict[str, str]]:
    """Checked numbers and categories, each in the order of their keys."""
    if not isinstance(context, Mapping):
        msg = f"context is {shown(context)}; expected a mapping of features"
        raise ConfigurationError(msg)
    numbers: dict[str, float] = {}
    categories: dict[str, str] = {}
    for key in context:
        if not isinstance(key, str):
            msg = f"context has the key {shown(key)}; expected names of features, strings"
            raise ConfigurationError(msg)
    for key in sorted(context):
        value = context[key]
        if isinstance(value, str):
            categories[key] = str.__str__(value)
        elif isinstance(value, (bool, np.bool_)):
            categories[key] = "true" if value else "false"
        elif abs(real(value)) <= law.MAX_CONTEXT:
            numbers[key] = real(value)
        else:
            msg = f"context[{shown(key)}] is {shown(value)}; expected a finite number within 1e100, a string or a bool"
            raise ConfigurationError(msg)
    return numbers, categories
