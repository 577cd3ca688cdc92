"""The files that one log is made of.

A log at ``run.jsonl`` grows into ``run.1.jsonl``, ``run.2.jsonl`` and so on. Files are never renamed, so that
a process killed while rotating leaves nothing half-moved, and a writer that finds a log at its path goes on
in the next free part instead of appending to a line that may be torn.
"""

from __future__ import annotations

import re
from pathlib import Path

from armwise.errors import LogError, StoreError

__all__ = ["existing_parts", "part_path", "remove_parts"]


def part_path(path: Path, part: int) -> Path:
    """Return where the part of a log stands; part 0 is the log's own path.

    Examples
    --------
    >>> part_path(Path("run.jsonl.gz"), 2).name
    'run.2.jsonl.gz'
    """
    if part == 0:
        return path
    stem, suffix = _split(path.name)
    return path.with_name(f"{stem}.{part}{suffix}")


def existing_parts(path: Path) -> list[Path]:
    """Return the parts of a log in their order.

    Raises
    ------
    LogError
        If a part is missing between two others.
    StoreError
        If the folder cannot be read.
    """
    stem, suffix = _split(path.name)
    pattern = re.compile(re.escape(stem) + r"(?:\.([1-9][0-9]*))?" + re.escape(suffix))
    try:
        matches = [pattern.fullmatch(entry.name) for entry in path.parent.iterdir()]
    except OSError as error:
        msg = f"{path.parent}: cannot read the folder of the log ({error.strerror}); choose another path"
        raise StoreError(msg) from error
    found = sorted(int(match[1] or 0) for match in matches if match)
    if missing := set(range(len(found))).difference(found):
        gap = min(missing)
        msg = f"part {gap} of the log is missing ({part_path(path, gap).name}); restore it beside the others"
        raise LogError(msg, path=str(path))
    return [part_path(path, part) for part in found]


def remove_parts(path: Path) -> None:
    """Delete every part of a log, so that a new one can be written in its place.

    Raises
    ------
    StoreError
        If a part cannot be deleted.
    """
    for part in reversed(existing_parts(path)):
        try:
            part.unlink()
        except OSError as error:
            msg = f"{part}: cannot delete the old log ({error.strerror}); choose another folder"
            raise StoreError(msg) from error


def _split(name: str) -> tuple[str, str]:
    """Return a file name without its suffix, and the suffix with a ``.gz`` kept on it."""
    plain = name.removesuffix(".gz")
    suffix = Path(plain).suffix
    return plain.removesuffix(suffix) if suffix else plain, suffix + name[len(plain) :]
