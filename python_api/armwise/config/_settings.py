"""What all settings have in common, and the kinds of values that YAML does not know."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated, TypeAlias

from pydantic import BaseModel, ConfigDict, Field, PlainValidator, ValidationInfo

from armwise._labels import check_label
from armwise._words import shown
from armwise.types import Label

__all__ = ["ArmLabel", "FilePath", "Pair", "Settings"]


class Settings(BaseModel):
    """Settings: what is not known is refused, and so is a value of another type; they do not change."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)


def _resolved(path: object, info: ValidationInfo) -> Path:
    """A path, from the folder of the file that names it."""
    try:
        given = Path(path).expanduser()  # type: ignore[arg-type]  # refused below where it is none
        named = bool(str(path)) and b"\0" not in os.fsencode(given)
    except (TypeError, UnicodeEncodeError, RuntimeError):
        given, named = Path(), False
    if not named:
        msg = f"{shown(path)} is no path; expected that of a file or folder"
        raise ValueError(msg)
    folder: Path = (info.context or {}).get("folder", Path())
    return folder / given


ArmLabel: TypeAlias = Annotated[Label, PlainValidator(check_label)]
"""A label of an arm."""

FilePath: TypeAlias = Annotated[Path, PlainValidator(_resolved)]
"""A file or folder; from the folder of the configuration, where it does not begin with ``/`` or ``~``."""

Pair: TypeAlias = Annotated[
    tuple[Annotated[float, Field(strict=True)], Annotated[float, Field(strict=True)]], Field(strict=False)
]
"""Two numbers, in a list."""
