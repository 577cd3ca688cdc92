"""The names of a package, imported when they are first asked for (PEP 562)."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping

__all__ = ["lazily"]


def lazily(
    namespace: dict[str, object], homes: Mapping[str, str]
) -> tuple[Callable[[str], object], Callable[[], list[str]]]:
    """What a package's ``__getattr__`` and ``__dir__`` are to be.

    Parameters
    ----------
    namespace : dict
        Its ``globals()``.
    homes : mapping of str to str
        For each name that it exports, the module in it which defines that name.
    """
    package = str(namespace["__name__"])

    def find(name: str) -> object:
        """Import the module of an exported name."""
        if name not in homes:
            message = f"module {package!r} has no attribute {name!r}"
            raise AttributeError(message)
        value: object = getattr(importlib.import_module(f"{package}.{homes[name]}"), name)
        namespace[name] = value
        return value

    def names() -> list[str]:
        """Every name, imported or not."""
        return sorted({*namespace, *homes})

    return find, names
