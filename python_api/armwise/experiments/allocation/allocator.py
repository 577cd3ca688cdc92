"""The allocator: which variant of an experiment a user belongs to."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from fractions import Fraction
from typing import Self

import numpy as np

from armwise._words import shown, suspected
from armwise.errors import ConfigurationError
from armwise.experiments.allocation import _state
from armwise.experiments.allocation._config import Config, Law
from armwise.experiments.allocation._keys import Buffers, Key, columns, key_bytes
from armwise.experiments.allocation._specs import modulo_spec, range_spec
from armwise.experiments.allocation._spoken import SpokenAllocation
from armwise.experiments.allocation._weights import Share, Variants, fraction, text, weighed
from armwise.experiments.allocation.dialects import plan
from armwise.experiments.allocation.namespaces import Namespace
from armwise.experiments.allocation.table import Table
from armwise.types import IntArray, State
from armwise_kernels import load
from armwise_kernels.protocol import Allocation

__all__ = ["Allocator"]


class Allocator:
    r"""Assigns keys to the variants of an experiment by a hash: the same key, the same variant, in every process.

    With h the XXH3-64 of the key under a seed that is made of the experiment id and the salt, and weights w of sum W,
    variant i holds the hashes

    .. math:: T_{i-1} \le h < T_i, \qquad
              T_i = \left\lceil 2^{64} \, \frac{w_1 + \dots + w_i}{W} \right\rceil .

    Weights are exact rationals, thresholds whole numbers: no rounding and no bias of a modulo. The table of these
    ranges is the allocator's state. It changes by :meth:`reallocate` and :meth:`ramp`, which give another allocator
    and move the fewest keys that can be moved.

    Parameters
    ----------
    experiment_id : str
        Experiments of different ids assign independently. The empty string is an id too, one for all who give it.
    variants : mapping of str to number, or sequence of str
        The variants and their weights: ints, floats or Fractions of at least 0, not all 0, taken exactly; names alone
        have equal weights. Their order is that of the codes.
    seed_salt : str
        Another salt shuffles the same experiment anew.
    coverage : int, float or Fraction
        The share of the traffic that is in the experiment, in [0, 1]: each variant takes this leading share of its
        range, and at 0 nobody is in. 0.1 is the float nearest to a tenth, ``Fraction(1, 10)`` a tenth.
    namespace : Namespace, optional
        The keys that can be in the experiment at all.
    law : {"range", "modulo"}
        With "modulo", h modulo the sum of the weights, which must be whole, is looked up among their cumulative sums.
        **Take it only to keep assignments that were made so.** Every change of the sum deals the cards anew: from
        50/50 to 50/51, 50.0% of the keys change their variant, where the range table moves 0.5%.
    dialect : str, optional
        Assign as another system does, bit by bit: growthbook_v1, growthbook_v2, optimizely, unleash, split,
        split_legacy or launchdarkly. What its seed is and which weights it takes, ``docs/allocation.md`` says.

    Attributes
    ----------
    allocate : callable
        ``allocate(key)`` returns the variant of a key, or None where it is outside the experiment. It is the method
        of the backend itself, so that a call costs what the hash costs. A key is a str (its UTF-8 is hashed), bytes
        (as they are) or a 64-bit integer (8 bytes, little-endian, two's complement): 7 and "7" are two keys.
        Everything else, and a string with a lone surrogate, is a ConfigurationError.

    Raises
    ------
    ConfigurationError
        If an argument is not as described, or the dialect cannot express it.

    Examples
    --------
    >>> allocator = Allocator("ranking", {"control": 50, "b": 30, "c": 20})
    >>> allocator.allocate("user-1"), allocator.allocate("user-2"), allocator.allocate("user-3")
    ('control', 'c', 'control')
    >>> allocator.allocate_many(["user-1", "user-2", "user-3"])
    array([0, 2, 0], dtype=int32)
    >>> allocator.shares["b"]
    Fraction(3, 10)

    A tenth of the traffic at first, and then half of it; who is in stays where he is.

    >>> begun = Allocator("layout", ["control", "b"], coverage=0.1)
    >>> grown = begun.ramp(0.5)
    >>> begun.code("user-6"), grown.code("user-6"), begun.code("user-7"), grown.code("user-7")
    (0, 0, -1, 1)
    """

    __slots__ = ("_allocation", "_config", "_shares", "_table", "_version", "allocate")
    allocate: Callable[[Key], str | None]

    def __init__(
        self,
        experiment_id: str,
        variants: Variants,
        *,
        seed_salt: str = "",
        coverage: Share = 1,
        namespace: Namespace | None = None,
        law: Law = "range",
        dialect: str | None = None,
    ) -> None:
        if namespace is not None and not isinstance(namespace, Namespace):
            msg = f"namespace is {shown(namespace)}; expected a Namespace, such as Namespace('search', 0, 0.5)"
            raise ConfigurationError(msg)
        if not isinstance(law, str) or law not in {"range", "modulo"}:
            msg = f"law is {shown(law)}; expected 'range' or 'modulo'"
            raise ConfigurationError(msg)
        if dialect is not None and not isinstance(dialect, str):
            msg = f"dialect is {shown(dialect)}; expected the name of one, or None for armwise's own law"
            raise ConfigurationError(msg)
        if dialect is not None and law != "range":
            msg = f"law is {law!r} and dialect is {dialect!r}; a dialect has its own law, give one of them"
            raise ConfigurationError(msg)
        config = Config(
            text(experiment_id, "experiment_id"),
            text(seed_salt, "seed_salt"),
            weighed(variants),
            fraction(coverage, "coverage"),
            namespace,
            law,
            dialect,
        )
        self._set(config, Table.fresh(config.whole, config.coverage) if config.ranged else None, 1)

    def _set(self, config: Config, table: Table | None, version: int) -> None:
        """Become the allocator of a config, and of a table where the range law assigns."""
        kernels, labels = load(), tuple(config.weights)
        whole, within = config.whole, config.coverage
        if config.namespace is not None:
            within *= config.namespace.share
        allocation: Allocation
        shares = tuple(weight * within / sum(whole) for weight in whole)
        if config.dialect is not None:
            spoken = plan(config, kernels)
            allocation, shares = SpokenAllocation(spoken, labels), spoken.shares
        else:
            spec = modulo_spec(config, kernels) if table is None else range_spec(config, table, kernels)
            allocation = kernels.allocation(spec, key_bytes)
        self._config, self._table, self._version, self._shares = config, table, version, shares
        self._allocation = allocation
        self.allocate = allocation.allocate

    @classmethod
    def _made(cls, config: Config, table: Table | None, version: int) -> Self:
        made = cls.__new__(cls)
        made._set(config, table, version)  # noqa: SLF001 - its own class
        return made

    def __repr__(self) -> str:
        shares = ", ".join(f"{variant}={float(share):.4g}" for variant, share in self.shares.items())
        spoken = f" dialect={self._config.dialect}" if self._config.dialect else ""
        return f"<Allocator {self.experiment_id!r} [{shares}]{spoken} version={self._version}>"

    def __reduce__(self) -> tuple[Callable[[State], Allocator], tuple[State]]:
        """Pickle and copy by the state."""
        return type(self).from_state, (self.state_dict(),)

    @property
    def experiment_id(self) -> str:
        """The id of the experiment."""
        return self._config.experiment_id

    @property
    def variants(self) -> tuple[str, ...]:
        """The variants in the order of their codes, those that have lost their share among them."""
        return tuple(self._config.weights)

    @property
    def shares(self) -> dict[str, Fraction]:
        """The share of all keys that each variant has, exactly: weight, coverage and namespace together.

        A table holds it to a hash, 2**-64. In a dialect it is the share of the buckets.
        """
        return dict(zip(self._config.weights, self._shares, strict=True))

    @property
    def coverage(self) -> Fraction:
        """The share of the traffic (of the namespace, where there is one) that is in the experiment."""
        return self._config.coverage

    @property
    def namespace(self) -> Namespace | None:
        """The keys that can be in the experiment at all; None for all."""
        return self._config.namespace

    @property
    def version(self) -> int:
        """How many tables this experiment has had: 1, and one more with each change."""
        return self._version

    def code(self, key: Key) -> int:
        """Return the position in `variants` of the key's variant, -1 where it is outside the experiment.

        Raises
        ------
        ConfigurationError
            If the key is no string, bytes or 64-bit integer, or is a string with a lone surrogate.
        """
        return self._allocation.code(key)

    def allocate_many(self, keys: object) -> IntArray:
        """Return the codes of many keys, int32 (n,).

        Parameters
        ----------
        keys : list of keys, array, pair or Arrow array
            A list or another ordered iterable; a NumPy array (n,) of strings (U), bytes (S, without the zeros at
            their ends) or integers; a pair ``(offsets, bytes)`` with offsets int32 or int64 (n + 1,), where key i is
            ``bytes[offsets[i]:offsets[i + 1]]``; or a pyarrow array, chunked or not, of strings, binary or integers
            without nulls, which is read where it lies.

        Returns
        -------
        ndarray of int32, shape (n,)
            Positions in `variants`, -1 outside the experiment: what :meth:`code` says of each.

        Raises
        ------
        ConfigurationError
            If `keys` is none of these, or an entry is no key.

        Examples
        --------
        >>> allocator = Allocator("ranking", ["control", "b"])
        >>> allocator.allocate_many(np.array([1, 2, 3]))
        array([1, 0, 0], dtype=int32)
        >>> allocator.allocate_many((np.array([0, 6, 12], dtype=np.int32), b"user-1user-2"))
        array([0, 1], dtype=int32)
        """
        try:
            parts = [
                self._allocation.codes_arrow(*column) if isinstance(column, Buffers) else self._allocation.codes(column)
                for column in columns(keys)
            ]
        except ConfigurationError:
            raise
        except (TypeError, ValueError) as error:
            msg = f"keys cannot be read: {error}"
            raise ConfigurationError(msg) from error
        if len(parts) == 1:
            return parts[0]
        return np.concatenate(parts) if parts else np.empty(0, dtype=np.int32)

    def reallocate(self, new_weights: Variants) -> Allocator:
        """Return the allocator of other weights that moves the fewest keys.

        Under the range law, the share of keys that change their variant is the total variation distance between the
        old shares and the new, the outside among them, to a hash: no allocator can move fewer. The modulo law and
        dialects move what they move.

        Parameters
        ----------
        new_weights : mapping of str to number, or sequence of str
            As for the class. Codes keep their order: a variant that is not named stays in `variants` without a
            share, and one that is new comes last.

        Returns
        -------
        Allocator
            One version on; a function of this table and the weights alone, so that every process that makes the same
            changes in the same order has the same table.

        Raises
        ------
        ConfigurationError
            If the weights are not as for the class, or the table would come to more than 262,144 ranges.

        Examples
        --------
        >>> before = Allocator("ranking", {"control": 50, "b": 50})
        >>> after = before.reallocate({"control": 34, "b": 33, "c": 33})
        >>> float(before.moved(after)), after.variants
        (0.33, ('control', 'b', 'c'))
        """
        given = weighed(new_weights)
        kept = dict.fromkeys(self._config.weights, Fraction(0))
        return self._changed(weights=weighed(kept | given), coverage=self.coverage)

    def ramp(self, coverage: Share) -> Allocator:
        """Return the allocator of another coverage; growing, it moves nobody who is in.

        Parameters
        ----------
        coverage : int, float or Fraction
            The share of the traffic to be in the experiment, in [0, 1].

        Returns
        -------
        Allocator
            One version on. A fresh experiment that was ramped has the table that it would have had from the start.

        Raises
        ------
        ConfigurationError
            If the coverage is outside [0, 1].
        """
        return self._changed(weights=self._config.weights, coverage=fraction(coverage, "coverage"))

    def _changed(self, *, weights: dict[str, Fraction], coverage: Fraction) -> Allocator:
        old = self._config
        config = replace(old, weights=weights, coverage=coverage)
        table = None if self._table is None else self._table.moved_to(config.whole, coverage)
        return self._made(config, table, self._version + 1)

    def moved(self, other: Allocator) -> Fraction:
        """Return the share of all keys that another allocator of this experiment assigns differently, exactly.

        Parameters
        ----------
        other : Allocator
            Of the same experiment, salt and namespace: one that came from this by :meth:`reallocate` or :meth:`ramp`,
            or that this came from. Both under the range law.

        Raises
        ------
        ConfigurationError
            If it is none, or of another experiment, or either is under another law.
        """
        if not isinstance(other, Allocator):
            msg = f"other is {shown(other)}; expected an Allocator"
            raise ConfigurationError(msg)
        mine, theirs = self._config, other._config
        if self._table is None or other._table is None:
            msg = f"{self!r} or {other!r} has no range table; count keys with allocate_many"
            raise ConfigurationError(msg)
        if (mine.experiment_id, mine.seed_salt, mine.namespace) != (
            theirs.experiment_id,
            theirs.seed_salt,
            theirs.namespace,
        ):
            msg = f"{self!r} and {other!r} hash differently; compare allocators of one experiment, salt and namespace"
            raise ConfigurationError(msg)
        differ = self._table.moved(other._table)
        return differ if mine.namespace is None else differ * mine.namespace.share

    def state_dict(self) -> State:
        """Return everything that assignments depend on, as plain JSON.

        Returns
        -------
        dict
            The settings, weights and coverage as exact fractions, `version`, and under the range law the `table`: the
            ends of its ranges in hexadecimal, of at most 2**64, and their codes.
        """
        return _state.saved(self._config, self._table, self._version)

    @classmethod
    def from_state(cls, state: Mapping[str, object]) -> Self:
        """Return the allocator whose state this is.

        Raises
        ------
        SnapshotError
            If the state is torn, of another kind or a newer version, or its table is not one of its weights.

        Examples
        --------
        >>> allocator = Allocator("ranking", ["control", "b"]).reallocate({"control": 1, "b": 3})
        >>> again = Allocator.from_state(allocator.state_dict())
        >>> again.version, allocator.moved(again)
        (2, Fraction(0, 1))
        """
        with suspected():
            config, table, version = _state.loaded(state)
        return _state.checked(lambda: cls._made(config, table, version))
