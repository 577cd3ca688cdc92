"""The kernels of armwise: one face, two backends, the same bits.

``load()`` gives the native backend on the widest instruction set that this CPU runs, or Numba where the
native modules are absent. ``ARMWISE_BACKEND=native|numba`` and ``ARMWISE_ISA=scalar|sse2|neon|avx2|avx512``
in the environment choose for the process, and ``ARMWISE_REQUIRE_NATIVE=1`` makes the absence of either native
module an error.

>>> from armwise_kernels import describe, load
>>> sorted(describe())
['backend', 'compiler', 'isa', 'isas', 'version']
>>> load().beta_draws([2.0, 30.0], [5.0, 70.0], seed=1, n=2).shape
(2, 2)
"""

from __future__ import annotations

import functools
import importlib
import os
from typing import TYPE_CHECKING, Literal, TypedDict

from armwise_kernels.protocol import Core, Kernels, Kind, Label, View

if TYPE_CHECKING:
    from types import ModuleType

__all__ = [
    "BackendUnavailable",
    "Core",
    "Description",
    "Kernels",
    "Kind",
    "Label",
    "View",
    "describe",
    "load",
]
__version__ = "0.1.0"

Backend = Literal["native", "numba"]


class BackendUnavailable(ImportError):
    """A backend was asked for by name, or is required, and cannot be loaded."""


class Description(TypedDict):
    """What :func:`describe` returns."""

    backend: str
    isa: str
    isas: tuple[str, ...]
    compiler: str
    version: str


@functools.cache
def _native_face() -> ModuleType | ImportError:
    """Import the native face, or return why it cannot be."""
    missing = []
    for name in ("_native", "_fast"):
        try:
            importlib.import_module(f"armwise_kernels.{name}")
        except ImportError as problem:
            missing.append(f"armwise_kernels.{name}: {problem}")
    if missing:
        return BackendUnavailable(
            "the native kernels are not installed (" + "; ".join(missing) + "); install armwise with a C compiler at "
            "hand, or use backend='numba'"
        )
    return importlib.import_module("armwise_kernels.native")


def _chosen(backend: str | None) -> str:
    """Resolve the backend: the argument, the environment, then native if it is there."""
    native = _native_face()
    if os.environ.get("ARMWISE_REQUIRE_NATIVE") == "1" and isinstance(native, ImportError):
        raise native
    wanted = backend or os.environ.get("ARMWISE_BACKEND") or ("numba" if isinstance(native, ImportError) else "native")
    if wanted not in {"native", "numba"}:
        message = f"backend: expected 'native' or 'numba', got {wanted!r} (the argument, or ARMWISE_BACKEND)"
        raise ValueError(message)
    if wanted == "native" and isinstance(native, ImportError):
        raise native
    return wanted


@functools.cache
def _load(backend: str, isa: str | None) -> Kernels:
    if backend == "native":
        native: Kernels = importlib.import_module("armwise_kernels.native").NativeKernels(isa)
        return native
    if isa not in {None, "jit"}:
        message = f"isa={isa!r}: the numba backend has one, 'jit'"
        raise ValueError(message)
    try:
        module = importlib.import_module("armwise_kernels.jit_backend")
    except ImportError as problem:
        message = f"the numba backend cannot be imported ({problem}); install numba, or use backend='native'"
        raise BackendUnavailable(message) from problem
    numba: Kernels = module.NumbaKernels()
    return numba


def load(backend: Backend | None = None, isa: str | None = None) -> Kernels:
    """Return the kernels of a backend.

    Parameters
    ----------
    backend
        ``"native"`` or ``"numba"``; by default ``ARMWISE_BACKEND``, else native where it is installed, else Numba.
    isa
        An instruction set among ``describe()["isas"]``, to force it; by default ``ARMWISE_ISA`` where no
        backend is named either, else the widest. It changes speed, never bits.

    Raises
    ------
    BackendUnavailable
        The backend cannot be loaded (an ``ImportError``).
    ValueError
        There is no such backend, or it has no such instruction set.

    Examples
    --------
    >>> load().log([1.0]).tolist()
    [0.0]
    """
    if backend is None and isa is None:
        isa = os.environ.get("ARMWISE_ISA") or None
    return _load(_chosen(backend), isa)


def describe() -> Description:
    """Return which backend and instruction set serve this process, and which others could.

    ``isas`` are those that the backend runs on this CPU, narrowest first; ``compiler`` is what built the kernels.
    """
    kernels = load()
    if kernels.backend == "native":
        native = importlib.import_module("armwise_kernels.native")
        isas, compiler = native.runnable(), native.compiler()
    else:
        isas, compiler = ("jit",), importlib.import_module("armwise_kernels.jit_backend").compiler()
    return Description(backend=kernels.backend, isa=kernels.isa, isas=isas, compiler=compiler, version=__version__)
