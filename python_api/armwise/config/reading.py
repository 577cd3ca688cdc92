"""Reading settings: a file, or what it would hold; what cannot be meant is told with its file and its path in it."""

from __future__ import annotations

import os
from collections.abc import Hashable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import yaml
from pydantic import ValidationError
from pydantic_core import ErrorDetails

from armwise._words import one_line, shown
from armwise.config.model import SCHEMA_VERSION, Configuration
from armwise.errors import ConfigurationError, StoreError

__all__ = ["load", "located", "source_of"]

_TOLD: Final = 10
_MERGE: Final = "tag:yaml.org,2002:merge"


def load(config: str | os.PathLike[str] | Mapping[str, object]) -> Configuration:
    """Read settings and check them.

    Parameters
    ----------
    config : str, path-like or mapping
        The path of a YAML file, or what such a file holds. Paths in a file start from its folder, those in a mapping
        from the working directory.

    Returns
    -------
    Configuration
        The settings, each of its type. What a policy or a reward takes is checked when it is made.

    Raises
    ------
    ConfigurationError
        If a setting is missing, is not known, or is of another type; or the file is no YAML. The message names the file
        and the path of each setting in it.
    StoreError
        If the file cannot be read.

    Examples
    --------
    >>> load({"schema_version": 1, "domains": {"route": {"policy": {"kind": "ucb1", "epsilon": 0.1}}}})
    Traceback (most recent call last):
    ...
    armwise.errors.ConfigurationError: the configuration: domains.route.policy.epsilon is 0.1; there is no such setting
    """
    source = source_of(config)
    if isinstance(config, Mapping):
        data: object = config
        folder = Path()
    else:
        path = Path(config)
        data, folder = _read(path), path.parent
    if not isinstance(data, Mapping):
        msg = f"{source}: it holds {_told(data)}; expected settings by their names, the first of them schema_version: 1"
        raise ConfigurationError(msg)
    version = data.get("schema_version")
    if isinstance(version, (bool, float)):  # they would pass for the number that they are equal to
        msg = f"{source}: schema_version is {shown(version)}; expected {SCHEMA_VERSION}"
        raise ConfigurationError(msg)
    if isinstance(version, int) and version > SCHEMA_VERSION:
        msg = f"{source}: schema_version is {shown(version)}; this armwise reads {SCHEMA_VERSION}; install a newer one"
        raise ConfigurationError(msg)
    try:
        return Configuration.model_validate(dict(data), context={"folder": folder})
    except ValidationError as error:
        found = [_explained(one, data) for one in error.errors(include_url=False)]
    more = [f"{len(found) - _TOLD} more"] if len(found) > _TOLD else []
    msg = f"{source}: " + "; and ".join(found[:_TOLD] + more)
    raise ConfigurationError(msg)


def source_of(config: object) -> str:
    """What errors call the settings: their file, or the configuration.

    Raises
    ------
    ConfigurationError
        If they are neither a mapping nor a path.
    """
    if isinstance(config, Mapping):
        return "the configuration"
    try:
        path = os.fspath(config)  # type: ignore[call-overload]  # refused below where it is none
        if isinstance(path, str) and path and b"\0" not in os.fsencode(path):
            return path
    except (TypeError, UnicodeEncodeError):
        pass
    msg = f"config is {_told(config)}; expected the path of a file such as 'armwise.yaml', or a mapping of its settings"
    raise ConfigurationError(msg)


@contextmanager
def located(source: str, path: str) -> Iterator[None]:
    """Say of which setting an error speaks.

    Raises
    ------
    ConfigurationError
        If the body raises one, with the file and the path of the setting in front.
    """
    try:
        yield
    except ConfigurationError as error:
        msg = f"{source}: {path}: {error}"
        raise ConfigurationError(msg) from error


class _Loader(yaml.SafeLoader):
    """YAML in which no key stands twice: of two values nobody could tell which was meant."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, object]:  # noqa: FBT001, FBT002 - PyYAML's signature
        seen: set[Hashable] = set()
        for name, _ in node.value:
            key = None if name.tag == _MERGE else self.construct_object(name, deep=True)
            if not isinstance(key, Hashable) or key is None:
                continue
            if key in seen:
                problem = f"the key {shown(key)} stands there twice"
                raise yaml.constructor.ConstructorError(None, None, problem, name.start_mark)
            seen.add(key)
        return super().construct_mapping(node, deep=deep)


def _read(path: Path) -> object:
    try:
        text = path.read_bytes()
    except OSError as error:
        msg = f"{path}: cannot read the configuration ({error.strerror or error}); give the path of a file"
        raise StoreError(msg) from error
    try:
        return yaml.load(text, _Loader)  # noqa: S506 - a SafeLoader
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        place = f"{path}:{mark.line + 1}" if mark is not None else str(path)
        msg = f"{place}: it is no YAML that can be meant: {one_line(str(error.problem or error.context))}"
        raise ConfigurationError(msg) from error
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        # Numbers of too many digits, dates of no calendar, lists too deep: Python's own words.
        msg = f"{path}: it is no YAML that can be meant: {one_line(' '.join(str(error).split()))}"
        raise ConfigurationError(msg) from error


def _explained(error: ErrorDetails, data: object) -> str:
    """One error, with the path of its setting."""
    kind, value, more = error["type"], error["input"], error.get("ctx", {})
    # Where a setting is one of several kinds, pydantic's path names the kind too, which is not in the file.
    path: list[str] = []
    node = data
    for turn, part in enumerate(error["loc"], 1):
        inner = _inner(node, part)
        if inner:
            node = inner[0]
        if inner or (kind in {"missing", "extra_forbidden"} and turn == len(error["loc"])):
            path.append(str(part))
    place = one_line(".".join(path)) or "it"
    if kind == "missing":
        return f"{place} is missing"
    if kind == "extra_forbidden":
        return f"{place} is {_told(value)}; there is no such setting"
    if kind == "union_tag_not_found":
        return f"{place} is {_told(value)}; expected a mapping with its kind"
    if kind == "union_tag_invalid":
        tags = more["expected_tags"]
        return f"{place}.kind is {shown(more['tag'])}; expected one of {tags}"
    if kind == "value_error":
        return f"{place}: {more['error']}"
    return f"{place} is {_told(value)}; {error['msg'].replace('Input should be', 'expected', 1)}"


def _inner(node: object, part: object) -> list[object]:
    """What stands under a part of a path; nothing where there is no such part."""
    if isinstance(node, Mapping):
        # Pydantic names keys that are no text by their text.
        return [value for key, value in node.items() if key == part or str(key) == part][:1]
    if isinstance(node, Sequence) and not isinstance(node, str) and isinstance(part, int) and part < len(node):
        return [node[part]]
    return []


def _told(value: object) -> str:
    """A value for a message; what holds others is not written out: references may make it endless."""
    if value is None or isinstance(value, (str, int, float)):
        return shown(value)
    if isinstance(value, Mapping):
        return "a mapping"
    return "a list" if isinstance(value, (list, tuple)) else f"of type {type(value).__name__}"
