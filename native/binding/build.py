"""The cffi recipe of ``armwise_kernels._native``, and the list of sources that ``setup.py`` shares with it.

The C declarations that cffi reads are a marked region of ``native/include/armwise.h``: there is no second
copy. Paths are relative to the root of the repository, where setuptools runs this file.
"""

from __future__ import annotations

from pathlib import Path

from cffi import FFI

ROOT = Path(__file__).resolve().parents[2]
HEADER = ROOT / "native" / "include" / "armwise.h"
BEGIN, END = "[cffi:begin]", "[cffi:end]"


def files(*patterns: str) -> list[str]:
    """Return the files of the repository under ``native/`` that match, relative to its root and sorted."""
    found = {path for pattern in patterns for path in (ROOT / "native").glob(pattern)}
    return sorted(path.relative_to(ROOT).as_posix() for path in found)


def declarations(header: Path) -> str:
    """Return what stands between the lines that hold the two marks."""
    lines = header.read_text(encoding="utf-8").splitlines()
    begin, end = ([i for i, line in enumerate(lines) if mark in line] for mark in (BEGIN, END))
    if not (len(begin) == len(end) == 1 and begin < end):
        found = f"{len(begin)} lines with {BEGIN} and {len(end)} with {END}"
        msg = f"{header} has {found}; expected one of each, in this order"
        raise ValueError(msg)
    return "\n".join(lines[begin[0] + 1 : end[0]])


KERNELS = files("src/*.c")
FAST = files("fast/*.c")
OPTIONS = {
    "include_dirs": ["native/include", "native/src"],
    "depends": files("**/*.h"),
    # No contraction: a fused multiply-add rounds once where the law rounds twice. No -march: the same wheel
    # runs everywhere, and the vector bodies choose their instruction sets by function.
    "extra_compile_args": [
        "-std=c11",
        "-O3",
        "-g0",  # wheels carry no debugging symbols
        "-ffp-contract=off",
        "-fno-math-errno",  # a square root is one instruction, not a call of the C library for its errno
        "-fvisibility=hidden",
        "-Wall",
        "-Wextra",
        "-Wno-psabi",  # about vectors passed between functions; ours are inlined
    ],
    # Without a working compiler the install goes on, and the Numba backend serves.
    "optional": True,
}

ffi = FFI()
ffi.cdef(declarations(HEADER))
ffi.set_source("armwise_kernels._native", '#include "armwise.h"\n', sources=KERNELS, **OPTIONS)
