"""What every Numba kernel stands on: the decorator, Philox at an address, the elementary functions, atomic steps.

This is the only module that imports Numba: the other ``jit_*`` modules take :func:`kernel` from here. The
functions are the twins of ``native/src/simd/random.h``, one number at a time; ``tests/conformance/naive.py``
states their bits. What keeps the bits equal: whole numbers that enter an address are ``uint64`` throughout
(Numba would turn a mixed sum into a float), only ``+ - * /`` and square roots are used, never a logarithm or
an exponential of the C library, and Numba contracts nothing.
"""

from __future__ import annotations

import hashlib
import math
import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Final, ParamSpec, Protocol, TypeAlias, TypeVar, cast

import numba
import numpy as np
from llvmlite import ir
from numba.core import config, types
from numba.extending import intrinsic

if TYPE_CHECKING:
    from numba.core.typing.templates import Signature

P = ParamSpec("P")
R = TypeVar("R")

_SETTINGS: Final = config.__dict__


def _cache_folder() -> str:
    """The folder of compiled kernels; empty where none can be written.

    It is never inside the package, where it would outlive an uninstall. Its last part names the sources: a
    compiled kernel holds the code of all that it calls, yet Numba looks only at the kernel's own file when it
    asks whether a cached one is still good.
    """
    digest = hashlib.sha256()
    here = Path(__file__).parent
    for source in [here / "law.py", *sorted(here.glob("jit*.py"))]:
        digest.update(source.read_bytes())
    try:
        if _SETTINGS["CACHE_DIR"]:
            base = Path(_SETTINGS["CACHE_DIR"])
        else:
            base = Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser() / "armwise" / "numba"
        folder = base / f"armwise-{digest.hexdigest()[:16]}"
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except (OSError, RuntimeError):  # RuntimeError: there is no home folder to expand
        return ""
    return str(folder)


NUMBA_VERSION: Final = numba.__version__
CACHE_FOLDER: Final = _cache_folder()
"""Where compiled kernels are kept: below ``NUMBA_CACHE_DIR``, else below the user's cache folder."""


def _compiled(function: Callable[P, R], *, inline: bool) -> Callable[P, R]:
    kept = _SETTINGS["CACHE_DIR"]
    _SETTINGS["CACHE_DIR"] = CACHE_FOLDER
    try:
        # Division gives inf or nan instead of raising: the test before it would be a branch in every loop.
        decorate = numba.njit(error_model="numpy", cache=bool(CACHE_FOLDER), forceinline=inline)
        return cast("Callable[P, R]", decorate(function))
    finally:
        _SETTINGS["CACHE_DIR"] = kept


def kernel(function: Callable[P, R]) -> Callable[P, R]:
    """Compile a function by Numba, once for each new combination of argument types.

    There is no fast math: it would change bits. What is compiled is kept below :data:`CACHE_FOLDER`.
    """
    return _compiled(function, inline=False)


def kernel_inline(function: Callable[P, R]) -> Callable[P, R]:
    """As :func:`kernel`, for a piece that dissolves into the loops that call it and lets them vectorise."""
    return _compiled(function, inline=True)


class _Target(Protocol):
    def get_value_type(self, kind: object) -> object: ...


class _Builder(Protocol):
    def bitcast(self, value: object, kind: object) -> object: ...
    def inttoptr(self, value: object, kind: object) -> object: ...
    def load_atomic(self, pointer: object, ordering: str, align: int) -> object: ...
    def atomic_rmw(self, op: str, pointer: object, value: object, ordering: str) -> object: ...
    def cmpxchg(self, pointer: object, old: object, new: object, ordering: str) -> object: ...
    def extract_value(self, pair: object, index: int) -> object: ...


_Generate: TypeAlias = Callable[[_Target, _Builder, object, tuple[object, ...]], object]


@intrinsic
def _bits_of(_context: object, _x: object) -> tuple[Signature, _Generate]:
    def generate(target: _Target, builder: _Builder, _signature: object, values: tuple[object, ...]) -> object:
        return builder.bitcast(values[0], target.get_value_type(types.uint64))

    return types.uint64(types.float64), generate


@intrinsic
def _float_of(_context: object, _b: object) -> tuple[Signature, _Generate]:
    def generate(target: _Target, builder: _Builder, _signature: object, values: tuple[object, ...]) -> object:
        return builder.bitcast(values[0], target.get_value_type(types.float64))

    return types.float64(types.uint64), generate


bits_of = cast("Callable[[float], np.uint64]", _bits_of)
"""The 64 bits of a double, as an unsigned number. Only inside kernels."""
float_of = cast("Callable[[np.uint64], float]", _float_of)
"""The double of 64 bits. Only inside kernels."""

# Numba has no atomics for the CPU; LLVM has. Words stand by themselves, so that nothing needs to be ordered.


def _word_at(builder: _Builder, address: object) -> object:
    return builder.inttoptr(address, ir.IntType(64).as_pointer())


@intrinsic
def _load(_context: object, _address: object) -> tuple[Signature, _Generate]:
    def generate(_target: _Target, builder: _Builder, _signature: object, values: tuple[object, ...]) -> object:
        return builder.load_atomic(_word_at(builder, values[0]), "monotonic", 8)

    return types.uint64(types.uint64), generate


@intrinsic
def _add(_context: object, _address: object, _amount: object) -> tuple[Signature, _Generate]:
    def generate(_target: _Target, builder: _Builder, _signature: object, values: tuple[object, ...]) -> object:
        return builder.atomic_rmw("add", _word_at(builder, values[0]), values[1], "monotonic")

    return types.uint64(types.uint64, types.uint64), generate


@intrinsic
def _exchange(_context: object, _address: object, _value: object) -> tuple[Signature, _Generate]:
    def generate(_target: _Target, builder: _Builder, _signature: object, values: tuple[object, ...]) -> object:
        return builder.atomic_rmw("xchg", _word_at(builder, values[0]), values[1], "monotonic")

    return types.uint64(types.uint64, types.uint64), generate


@intrinsic
def _swap(_context: object, _address: object, _old: object, _new: object) -> tuple[Signature, _Generate]:
    def generate(_target: _Target, builder: _Builder, _signature: object, values: tuple[object, ...]) -> object:
        return builder.extract_value(
            builder.cmpxchg(_word_at(builder, values[0]), values[1], values[2], "monotonic"), 0
        )

    return types.uint64(types.uint64, types.uint64, types.uint64), generate


load_word = cast("Callable[[np.uint64], np.uint64]", _load)
"""The word at an address, by one atomic step, as the three below. Only inside kernels."""
add_to_word = cast("Callable[[np.uint64, np.uint64], np.uint64]", _add)
"""Add to the word at an address; what it held before. Only inside kernels."""
exchange_word = cast("Callable[[np.uint64, np.uint64], np.uint64]", _exchange)
"""Put a value in the place of the word at an address; what it held before. Only inside kernels."""
swap_word = cast("Callable[[np.uint64, np.uint64, np.uint64], np.uint64]", _swap)
"""Put `new` in the place of the word at an address where that holds `old`; what it held before. Only inside kernels."""

U0: Final = np.uint64(0)
U1: Final = np.uint64(1)
U12: Final = np.uint64(12)
U14: Final = np.uint64(14)
U24: Final = np.uint64(24)
U32: Final = np.uint64(32)
U40: Final = np.uint64(40)
U52: Final = np.uint64(52)
U62: Final = np.uint64(62)
U63: Final = np.uint64(63)
LOW: Final = np.uint64(0xFFFFFFFF)
SIGN: Final = np.uint64(0x8000000000000000)
MANTISSA: Final = np.uint64(0x000FFFFFFFFFFFFF)
EXPONENT_ONE: Final = np.uint64(0x3FF0000000000000)
EXPONENT_52: Final = np.uint64(0x4330000000000000)
ROOT_HALF: Final = np.uint64(0x3FE6A09E667F3BCD)
ROOT_HALF_TO_ONE: Final = np.uint64(0x3FF0000000000000 - 0x3FE6A09E667F3BCD)
PHILOX_M0: Final = np.uint64(0xD2511F53)
PHILOX_M1: Final = np.uint64(0xCD9E8D57)
PHILOX_W0: Final = np.uint64(0x9E3779B9)
PHILOX_W1: Final = np.uint64(0xBB67AE85)


@kernel_inline
def philox(slot: np.uint64, decision: np.uint64, word: np.uint64, key: np.uint64) -> tuple[np.uint64, np.uint64]:
    """The two words of an address; ``word`` is purpose << 24 | attempt. Twin: philox in simd/random.h."""
    c0, c1, c2, c3 = slot, decision & LOW, decision >> U32, word
    k0, k1 = key & LOW, key >> U32
    # LLVM unrolls the rounds and takes the key schedule, which no lane changes, out of the caller's loop
    for _ in range(10):
        p0 = (c0 & LOW) * PHILOX_M0
        p1 = (c2 & LOW) * PHILOX_M1
        c0 = (p1 >> U32) ^ c1 ^ k0
        c1 = p1 & LOW
        c2 = (p0 >> U32) ^ c3 ^ k1
        c3 = p0 & LOW
        k0 = (k0 + PHILOX_W0) & LOW
        k1 = (k1 + PHILOX_W1) & LOW
    return c0 << U32 | c1, c2 << U32 | c3


@kernel_inline
def unit53(r: np.uint64) -> float:
    """A uniform in (0, 1): the top 52 bits, at the middle of their cell."""
    return float_of(r >> U12 | EXPONENT_ONE) - (1.0 - 2.0**-53)


@kernel_inline
def unit24(r: np.uint64) -> float:
    """A uniform in (0, 1) from the low 24 bits, which the normals leave unused."""
    return float_of((r << U40) >> U12 | EXPONENT_ONE) - (1.0 - 2.0**-25)


@kernel_inline
def below(r: np.uint64, n: np.uint64) -> np.uint64:
    """A whole number in [0, n): the high word of r * n, by halves. Twin: aw_below in native/src/scalar.h."""
    r0, r1, n0, n1 = r & LOW, r >> U32, n & LOW, n >> U32
    middle = r1 * n0 + (r0 * n0 >> U32)
    cross = r0 * n1 + (middle & LOW)
    return r1 * n1 + (middle >> U32) + (cross >> U32)


@kernel_inline
def log(x: float) -> float:
    """Natural logarithm of a positive normal number. Coefficients: FreeBSD e_log.c."""
    ix = bits_of(x) + ROOT_HALF_TO_ONE
    k = float_of(ix >> U52 | EXPONENT_52) - (4503599627370496.0 + 1023.0)
    f = float_of((ix & MANTISSA) + ROOT_HALF) - 1.0
    s = f / (2.0 + f)
    z = s * s
    w = z * z
    t1 = w * (3.999999999940941908e-01 + w * (2.222219843214978396e-01 + w * 1.531383769920937332e-01))
    t2 = z * (
        6.666666666666735130e-01
        + w * (2.857142874366239149e-01 + w * (1.818357216161805012e-01 + w * 1.479819860511658591e-01))
    )
    r = t1 + t2
    h = 0.5 * f * f
    return k * 6.93147180369123816490e-01 - ((h - (s * (h + r) + k * 1.90821492927058770002e-10)) - f)


@kernel_inline
def reduced_exp(x: float) -> tuple[float, np.uint64]:
    """For x = n log(2) + r: exp(r) - 1 by the Taylor polynomial of degree 13, and n where an exponent stands."""
    t = x * 1.44269504088896338700 + 6755399441055744.0
    k = t - 6755399441055744.0
    r = x - k * 6.93147180369123816490e-01
    r = r - k * 1.90821492927058770002e-10
    p = 1.0 / 6227020800.0
    p = p * r + 1.0 / 479001600.0
    p = p * r + 1.0 / 39916800.0
    p = p * r + 1.0 / 3628800.0
    p = p * r + 1.0 / 362880.0
    p = p * r + 1.0 / 40320.0
    p = p * r + 1.0 / 5040.0
    p = p * r + 1.0 / 720.0
    p = p * r + 1.0 / 120.0
    p = p * r + 1.0 / 24.0
    p = p * r + 1.0 / 6.0
    p = p * r + 0.5
    return r + r * r * p, bits_of(t) << U52


@kernel_inline
def exp(x: float) -> float:
    """Exponential of x in [-708, 708]."""
    rest, power = reduced_exp(x)
    return float_of(bits_of(1.0 + rest) + power)


@kernel_inline
def clamp(x: float, lo: float, hi: float) -> float:
    """Limit x to [lo, hi]."""
    return min(max(x, lo), hi)


@kernel_inline
def log1p(x: float) -> float:
    """log(1 + x) for x in [0, 1], compensated."""
    q = 1.0 + x
    return log(q) + (x - (q - 1.0)) / q


@kernel_inline
def softplus(t: float) -> float:
    """log(1 + exp(t)), accurate in both tails."""
    falling = t if t < 0.0 else -t
    small = log1p(exp(max(falling, -700.0)))
    return small if t < 0.0 else t + small


@kernel_inline
def box_muller(r1: np.uint64, r2: np.uint64) -> tuple[float, float]:
    """Two normals from the top 40 bits of each word (Box & Muller 1958).

    The angle is an octant, by two bits of r2, and an offset in (-pi/4, pi/4) on which sine and cosine are the
    kernels of FreeBSD k_sin.c and k_cos.c.
    """
    u = float_of((r1 >> U24) << U12 | EXPONENT_ONE) - (1.0 - 2.0**-41)
    radius = math.sqrt(-2.0 * log(u))
    t = float_of(((r2 >> U24) << U14) & MANTISSA | EXPONENT_ONE) - (1.5 - 2.0**-39)
    r = t * 1.57079632679489661923
    q = r * r
    s = 1.58962301576546568060e-10
    s = s * q - 2.50507477628578072866e-8
    s = s * q + 2.75573136213857245213e-6
    s = s * q - 1.98412698295895385996e-4
    s = s * q + 8.33333333332211858878e-3
    s = s * q - 1.66666666666666307295e-1
    s = r + r * (q * s)
    c = -1.13585365213876817300e-11
    c = c * q + 2.08757008419747316778e-9
    c = c * q - 2.75573141792967388112e-7
    c = c * q + 2.48015872888517045348e-5
    c = c * q - 1.38888888888730564116e-3
    c = c * q + 4.16666666666665929218e-2
    c = 1.0 - 0.5 * q + q * q * c
    cosine = bits_of(c) ^ ((r2 << U1) & SIGN)
    # where the top bit is set, sine and cosine change places
    swap = (bits_of(s) ^ cosine) & (U0 - (r2 >> U63))
    return radius * float_of(cosine ^ swap), radius * float_of(bits_of(s) ^ swap)
