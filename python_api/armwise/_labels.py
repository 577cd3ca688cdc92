"""Labels of arms: strings, whole numbers and finite floats, no two of them equal."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from collections.abc import Set as AbstractSet
from typing import Final, TypeGuard

import numpy as np

from armwise._words import has_utf8, shown
from armwise.errors import ConfigurationError, SnapshotError
from armwise.types import Label
from armwise_kernels import law

__all__ = [
    "PLAIN",
    "are_strings",
    "check_label",
    "check_labels",
    "clash",
    "listed",
    "listing",
    "plain",
    "plain_labels",
    "require_utf8",
    "restored_labels",
]

_WHOLE: Final = 1 << 63
_SHOWN: Final = 6

PLAIN: Final = frozenset({str, int, float})
"""The types of labels whose hash runs no Python; subclasses of them are labels too."""


def check_label(label: object, name: str = "arm") -> Label:
    """Return the label as it was given.

    Raises
    ------
    ConfigurationError
        If it is no string, no 64-bit integer and no finite float. A bool would be taken for 0 or 1, and NaN
        is not equal to itself.
    """
    if isinstance(label, str):
        return label
    if isinstance(label, int) and not isinstance(label, bool) and -_WHOLE <= label < _WHOLE:
        return label
    if isinstance(label, float) and math.isfinite(label):
        return label
    advice = "; convert it with .item()" if isinstance(label, np.generic) else ""
    msg = f"{name} is {shown(label)}; expected a string, a 64-bit integer or a finite float{advice}"
    raise ConfigurationError(msg)


def check_labels(labels: object, name: str = "arms") -> tuple[Label, ...]:
    """Return the labels of an ordered iterable, in its order.

    Raises
    ------
    ConfigurationError
        If they have no order, are none or more than 2**20, are not labels, or two of them are equal.
    """
    checked = listed(labels, name)
    if not checked:
        msg = f"{name} is empty; expected at least one label"
        raise ConfigurationError(msg)
    if len(checked) > law.MAX_ARMS:
        msg = f"{name} holds {len(checked):,} labels; a policy takes at most {law.MAX_ARMS:,}; split the domain"
        raise ConfigurationError(msg)
    seen: dict[Label, Label] = {}
    for label in checked if len(set(checked)) < len(checked) else ():
        if label in seen:
            msg = f"{name} holds {shown(seen[label])} and {shown(label)}, which are equal; give each label once"
            raise ConfigurationError(msg)
        seen[label] = label
    return checked


def restored_labels(labels: object, name: str) -> tuple[Label, ...]:
    """Return the labels that a state holds, in their order.

    Raises
    ------
    SnapshotError
        If :func:`check_labels` refuses them.
    """
    try:
        return check_labels(labels, name)
    except ConfigurationError as error:
        msg = f"{error}; nothing was changed"
        raise SnapshotError(msg) from None


def require_utf8(labels: Iterable[object], name: str) -> None:
    """Refuse labels of a state that could be loaded, and then not be saved.

    A log may hold them, as it escapes them; a snapshot cannot.

    Raises
    ------
    SnapshotError
        If one has no UTF-8.
    """
    texts = [label for label in labels if isinstance(label, str)]
    if not has_utf8("".join(texts)):
        bad = next(text for text in texts if not has_utf8(text))
        msg = f"{name} holds {shown(bad)}, a lone surrogate; expected text that can be written; nothing was changed"
        raise SnapshotError(msg)


def listed(labels: object, name: str) -> tuple[Label, ...]:
    """Return checked labels, some of which may be equal.

    Raises
    ------
    ConfigurationError
        If they have no order, or are not labels.
    """
    if isinstance(labels, np.ndarray):
        labels = labels.tolist()
    if isinstance(labels, (str, bytes)):
        msg = f"{name} is {shown(labels)}, one string, and would be taken letter by letter; put it in a list"
        raise ConfigurationError(msg)
    if not isinstance(labels, Iterable) or isinstance(labels, (AbstractSet, Mapping)):
        msg = f"{name} is {shown(labels)}; expected labels in an order: a list or a tuple"
        raise ConfigurationError(msg)
    checked = tuple(labels)
    if not are_strings(checked):
        for label in checked:
            check_label(label, f"an entry of {name}")
    return checked


def are_strings(labels: tuple[object, ...]) -> TypeGuard[tuple[str, ...]]:
    """Whether all labels are plain strings: these need no further check."""
    return set(map(type, labels)) <= {str}


def clash(given: Label, held: Label) -> bool:
    """Whether two equal labels are a whole number and a float, such as 1 and 1.0."""
    return isinstance(given, float) != isinstance(held, float)


def plain_labels(labels: tuple[Label, ...]) -> list[Label]:
    """Labels as JSON reads them back."""
    return list(labels if are_strings(labels) else map(plain, labels))


def plain(label: Label) -> Label:
    """The label as JSON reads it back: subclasses of str, int and float fall to these."""
    if isinstance(label, str):
        return str.__str__(label)
    return float(label) if isinstance(label, float) else int(label)


def listing(labels: tuple[Label, ...]) -> str:
    """A few of the labels, for a message."""
    some = ", ".join(shown(label) for label in labels[:_SHOWN])
    return f"{some}, ... ({len(labels)} in all)" if len(labels) > _SHOWN else some
