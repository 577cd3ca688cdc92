"""A flag of OpenFeature as an experiment: what each variant means to an application.

Only :mod:`armwise.experiments.openfeature` imports this: it says what to install where the SDK is missing.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final, Protocol, TypeAlias, cast, runtime_checkable

from openfeature.flag_evaluation import FlagMetadata, FlagType, FlagValueType

from armwise._words import has_utf8, shown
from armwise.errors import ConfigurationError
from armwise.experiments.allocation import Allocator, StickyAllocator

__all__ = ["Allocating", "FlagDefinition", "Targeting"]

Targeting: TypeAlias = Callable[[str | None, Mapping[str, object]], str | None]
"""Names the variant of a targeting key and the attributes of its context, or leaves it to the allocator: None."""

_MOST_LEVELS: Final = 64
_MOST_ENTRIES: Final = 100_000
_LARGEST: Final = 10**308
"""What a float holds too: a flag of whole numbers may be asked for as one of floats."""


@runtime_checkable
class Allocating(Protocol):
    """What a flag asks of an allocator."""

    @property
    def experiment_id(self) -> str:
        """The experiment's name."""
        ...

    @property
    def variants(self) -> tuple[str, ...]:
        """All variants, those without a share too."""
        ...

    @property
    def allocate(self) -> Callable[[str], str | None]:
        """A method, or a callable, that gives the variant of a key; None outside the experiment."""
        ...


class FlagDefinition:
    """A flag: an allocator, and what each of its variants means.

    Parameters
    ----------
    allocator : Allocator, StickyAllocator or Allocating
        Gives the variant of a targeting key.
    values : mapping of str to value, optional
        The value of every variant, all of one type: booleans, strings, whole numbers, numbers, or objects
        (mappings and lists, at most 64 levels and 100,000 entries). Without it, the flag is a string: the
        variant's name.
    enabled : bool
        Where it is off, applications get their own default, with the reason DISABLED.
    targeting : callable, optional
        Called with the targeting key (or None) and the context's attributes, before the allocator; the
        variant that it names is served with the reason TARGETING_MATCH. For testers, staff, or regions that
        take no part: what it serves is outside the experiment, and is not tracked.
    event : str, optional
        The tracking event whose value is the experiment's reward.
    metadata : mapping of str to bool, int, float or str, optional
        Handed to hooks with every evaluation, beside `experiment_id` and the allocator's `version`.

    Attributes
    ----------
    experiment_id, enabled, targeting, event
        As given.
    allocate : callable
        The allocator's.
    values : mapping of str to value
        A copy.
    type : openfeature.flag_evaluation.FlagType
        The type of the values: INTEGER where all are whole, FLOAT where some number is not.
    metadata : mapping of str to bool, int, float or str
        All of it.

    Raises
    ------
    ConfigurationError
        If values are not given for exactly the allocator's variants or are of several types, or a parameter
        is not as described.

    Examples
    --------
    >>> from armwise.experiments import Allocator
    >>> flag = FlagDefinition(Allocator("new-checkout", {"off": 90, "on": 10}), values={"off": False, "on": True})
    >>> flag.type.value, flag.values["on"]
    ('BOOLEAN', True)
    """

    __slots__ = ("allocate", "enabled", "event", "experiment_id", "metadata", "sole", "targeting", "type", "values")

    def __init__(
        self,
        allocator: Allocator | StickyAllocator | Allocating,
        *,
        values: Mapping[str, FlagValueType] | None = None,
        enabled: bool = True,
        targeting: Targeting | None = None,
        event: str | None = None,
        metadata: Mapping[str, bool | int | float | str] | None = None,
    ) -> None:
        # A sticky one knows keys from before; what the flag is about, its table says.
        table = allocator.allocator if isinstance(allocator, StickyAllocator) else allocator
        if not isinstance(table, Allocator) and not isinstance(table, Allocating):
            msg = f"allocator is {shown(allocator)}; expected an Allocator, or an object with its attributes"
            raise ConfigurationError(msg)
        if targeting is not None and not callable(targeting):
            msg = f"targeting is {shown(targeting)}; expected a callable of a targeting key and attributes, or None"
            raise ConfigurationError(msg)
        if not isinstance(enabled, bool):
            msg = f"enabled is {shown(enabled)}; expected True or False"
            raise ConfigurationError(msg)
        if not (event is None or (isinstance(event, str) and event and has_utf8(event))):
            msg = f"event is {shown(event)}; expected the name of a tracking event, or None"
            raise ConfigurationError(msg)
        self.allocate: Final = allocator.allocate
        self.experiment_id: Final = table.experiment_id
        self.enabled: Final = enabled
        self.targeting: Final = targeting
        self.event: Final = event
        self.type, self.values = _meanings(table.variants, values)
        own = {"experiment_id": table.experiment_id, "version": str(getattr(table, "version", ""))}
        self.metadata: Final[FlagMetadata] = MappingProxyType(
            _described(metadata) | {name: text for name, text in own.items() if text}
        )
        # Only an Allocator's shares bind every key: another may remember some from before.
        shares = allocator.shares if isinstance(allocator, Allocator) else {}
        self.sole: Final = next((name for name, share in shares.items() if share == 1), None)
        """The variant that has all traffic, whatever the key."""


def _meanings(variants: tuple[str, ...], given: object) -> tuple[FlagType, Mapping[str, FlagValueType]]:
    """The type of a flag and a checked copy of its values, by variant."""
    if given is None:
        return FlagType.STRING, MappingProxyType({variant: variant for variant in variants})
    if not isinstance(given, Mapping) or set(given) != set(variants):
        msg = (
            f"values is {shown(given)}; expected a value for each of the variants {', '.join(variants)}, and no others"
        )
        raise ConfigurationError(msg)
    values = {variant: _plain(given[variant]) for variant in variants}
    types = {_type_of(value) for value in values.values()}
    if types == {FlagType.INTEGER, FlagType.FLOAT}:
        types = {FlagType.FLOAT}
    if len(types) != 1:
        msg = f"values is {shown(given)}; expected all of one type: booleans, strings, numbers, or objects"
        raise ConfigurationError(msg)
    return types.pop(), MappingProxyType(cast("dict[str, FlagValueType]", values))


def _type_of(value: object) -> FlagType:
    """The flag type of a plain value."""
    if isinstance(value, (dict, list)):
        return FlagType.OBJECT
    # bool first: it is an int, too.
    kinds = ((bool, FlagType.BOOLEAN), (str, FlagType.STRING), (int, FlagType.INTEGER), (float, FlagType.FLOAT))
    return next(flag_type for kind, flag_type in kinds if isinstance(value, kind))


def _plain(given: object) -> object:
    """A value as JSON would bring it, copied: mappings as dicts, sequences as lists, finite numbers."""
    entries = 0

    def copied(value: object, level: int) -> object:
        nonlocal entries
        if isinstance(value, (Mapping, list, tuple)):
            # One that holds itself ends here, too; and one list in many places counts, and is copied, in each.
            entries += len(value)
            if level == _MOST_LEVELS or entries > _MOST_ENTRIES:
                msg = (
                    f"a flag's value goes deeper than {_MOST_LEVELS} levels, or holds more than {_MOST_ENTRIES:,} "
                    "entries; it is copied for every evaluation: let the flag name what is so large"
                )
                raise ConfigurationError(msg)
            if not isinstance(value, Mapping):
                return [copied(entry, level + 1) for entry in value]
            if all(isinstance(name, str) and has_utf8(name) for name in value):
                return {name: copied(entry, level + 1) for name, entry in value.items()}
        elif _is_plain(value) or (value is None and level):
            return value
        msg = (
            f"a flag's value is {shown(value)}; expected a boolean, a string without lone surrogates, a number within "
            "1e308, or an object of such"
        )
        raise ConfigurationError(msg)

    return copied(given, 0)


def _is_plain(value: object) -> bool:
    """Whether it is a value without parts that every reader takes."""
    if isinstance(value, str):
        return has_utf8(value)
    if isinstance(value, float):
        return math.isfinite(value)
    return isinstance(value, int) and -_LARGEST <= value <= _LARGEST


def _described(metadata: object) -> dict[str, bool | int | float | str]:
    """Checked flag metadata."""
    entries: object = {} if metadata is None else metadata
    if not isinstance(entries, Mapping) or not all(
        isinstance(name, str) and has_utf8(name) and _is_plain(entry) for name, entry in entries.items()
    ):
        msg = f"metadata is {shown(metadata)}; expected a mapping of strings to booleans, finite numbers or strings"
        raise ConfigurationError(msg)
    return dict(entries)
