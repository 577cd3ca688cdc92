"""The native backend: cffi for what is stateless or a batch, the C type for the calls of a request.

This module alone touches the two extension modules; importing it raises ``ImportError`` where one of them is missing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from armwise_kernels import _fast, _native
from armwise_kernels._arguments import counters_and_key, number, paired, real, shared_words
from armwise_kernels.allocation import checked, codes_of, codes_of_arrow, octets_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import ArrayLike, NDArray

    from armwise_kernels.allocation import AllocationSpec, Bytes, Careful, Codes, Keys
    from armwise_kernels.protocol import Floats, Kind, Label, View

ffi, lib = _native.ffi, _native.lib

_ISAS: dict[str, int] = {
    ffi.string(lib.aw_isa_name(isa)).decode(): isa
    for isa in range(lib.AW_ISA_COUNT)
    if lib.aw_isa_name(isa) != ffi.NULL
}


def runnable() -> tuple[str, ...]:
    """Return the instruction sets that this build has and this CPU runs, narrowest first."""
    return tuple(name for name, isa in _ISAS.items() if lib.aw_isa_runs(isa))


def compiler() -> str:
    """Return the compiler that built the kernels, by name and version."""
    text: str = ffi.string(lib.aw_compiler()).decode()
    return text


_ERRORS: dict[int, type[Exception]] = {lib.AW_E_NUMERIC: ArithmeticError, lib.AW_E_SHARP: FloatingPointError}


def _check(status: int) -> None:
    """Raise what a negative status means."""
    if status:
        message = ffi.string(lib.aw_strerror(status)).decode()
        raise _ERRORS.get(status, ValueError)(message)


def _doubles(array: Floats) -> Any:  # noqa: ANN401 - a cffi pointer has no type to name
    return ffi.from_buffer("double[]", array, require_writable=array.flags.writeable)


def _words(array: NDArray[np.uint64]) -> Any:  # noqa: ANN401 - a cffi pointer has no type to name
    return ffi.from_buffer("uint64_t[]", array, require_writable=True)


class NativeCore(_fast.Core):
    """The C type, with arrays where C returns bytes; see :class:`armwise_kernels.protocol.Core`."""

    __slots__ = ()

    def select_many(self, n: int, contexts: Floats | None, now: int | None) -> NDArray[np.int32]:
        """Positions of ``n`` decisions, int32 (n,)."""
        return np.frombuffer(self.many(n, contexts, now), dtype=np.int32)

    def propensities(
        self, candidates: Sequence[Label] | View | None, context: Floats | None, now: int | None
    ) -> Floats:
        """P(chosen) of each candidate, float64 (K,)."""
        return np.frombuffer(self.chances(candidates, context, now), dtype=np.float64)


class NativeAllocation(_fast.Allocation):
    """The C type, with the arrays of many keys told apart; see :class:`armwise_kernels.protocol.Allocation`."""

    __slots__ = ()

    def codes(self, keys: Keys, /) -> Codes:
        """Codes of many keys, int32 (n,)."""
        return codes_of(self, keys)

    def codes_arrow(self, offsets: NDArray[np.int32] | NDArray[np.int64], data: Bytes, /) -> Codes:
        """Codes of keys between offsets, int32 (n,)."""
        return codes_of_arrow(self, offsets, data)


class NativeKernels:
    """The C kernels on one instruction set; see :class:`armwise_kernels.protocol.Kernels`."""

    backend = "native"

    def __init__(self, isa: str | None = None) -> None:
        self.isa = runnable()[-1] if isa is None else isa
        if self.isa not in runnable():
            message = f"isa={isa!r}: this build and CPU run {', '.join(runnable())}"
            raise ValueError(message)
        self._isa = _ISAS[self.isa]

    def philox(self, counters: ArrayLike, key: ArrayLike) -> NDArray[np.uint32]:
        """Philox4x32-10 blocks, uint32 (n, 4)."""
        blocks, words = counters_and_key(counters, key)
        out = np.empty_like(blocks)
        lib.aw_philox(
            len(blocks),
            ffi.from_buffer("uint32_t[]", blocks),
            ffi.from_buffer("uint32_t[]", words),
            ffi.from_buffer("uint32_t[]", out),
        )
        return out

    def stream_key(self, seed: int, stream: int = 0) -> int:
        """The 64-bit key of a stream under a seed."""
        key: int = lib.aw_stream_key(number("seed", seed, 64), number("stream", stream, 64))
        return key

    def xxh3(self, data: Bytes, *, seed: int = 0) -> int:
        """XXH3-64 of bytes."""
        octets = octets_of("data", data)
        found: int = lib.aw_xxh3(number("seed", seed, 64), ffi.from_buffer("uint8_t[]", octets), octets.size)
        return found

    def fnv1a32(self, data: Bytes) -> int:
        """FNV-1a of 32 bits."""
        octets = octets_of("data", data)
        found: int = lib.aw_fnv1a32(ffi.from_buffer("uint8_t[]", octets), octets.size)
        return found

    def murmur3(self, data: Bytes, *, seed: int = 0) -> int:
        """MurmurHash3 x86_32 of bytes."""
        octets = octets_of("data", data)
        found: int = lib.aw_murmur3(number("seed", seed, 32), ffi.from_buffer("uint8_t[]", octets), octets.size)
        return found

    def allocation(self, spec: AllocationSpec, careful: Careful) -> NativeAllocation:
        """Return a table of allocation."""
        return NativeAllocation(*checked(spec), careful)

    def log(self, x: ArrayLike) -> Floats:
        """Natural logarithm, float64 (n,)."""
        values = real("x", x)
        out = np.empty_like(values)
        _check(lib.aw_log(self._isa, len(values), _doubles(values), _doubles(out)))
        return out

    def exp(self, x: ArrayLike) -> Floats:
        """Exponential, float64 (n,)."""
        values = real("x", x)
        out = np.empty_like(values)
        _check(lib.aw_exp(self._isa, len(values), _doubles(values), _doubles(out)))
        return out

    def log_beta(self, a: ArrayLike, b: ArrayLike) -> Floats:
        """Log B(a, b), float64 (n,)."""
        left, right = paired("a", a, "b", b)
        out = np.empty_like(left)
        _check(lib.aw_log_beta(len(left), _doubles(left), _doubles(right), _doubles(out)))
        return out

    def normal_draws(self, n: int, *, seed: int, stream: int = 0, decision: int = 0) -> Floats:
        """Standard normals of slots 0 .. n-1, float64 (n,)."""
        out = np.empty(number("n", n, 31))
        key = self.stream_key(seed, stream)
        _check(lib.aw_normal_draws(self._isa, n, key, number("decision", decision, 63), _doubles(out)))
        return out

    def beta_draws(
        self, alpha: ArrayLike, beta: ArrayLike, *, seed: int, stream: int = 0, decision: int = 0, n: int = 1
    ) -> Floats:
        """Beta draws, row i at decision ``decision + i``, float64 (n, K)."""
        a, b = paired("alpha", alpha, "beta", beta)
        out = np.empty((number("n", n, 31), len(a)))
        scratch = np.empty(lib.aw_beta_scratch(len(a)))
        _check(
            lib.aw_beta_draws(
                self._isa,
                len(a),
                _doubles(a),
                _doubles(b),
                self.stream_key(seed, stream),
                number("decision", decision, 63),
                n,
                _doubles(out),
                _doubles(scratch),
            )
        )
        return out

    def best_beta(self, alpha: ArrayLike, beta: ArrayLike) -> Floats:
        """P(arm i has the greatest Beta draw), float64 (K,)."""
        return self._best(lib.aw_best_beta, *paired("alpha", alpha, "beta", beta))

    def best_normal(self, mean: ArrayLike, deviation: ArrayLike) -> Floats:
        """P(arm i has the greatest normal draw), float64 (K,)."""
        return self._best(lib.aw_best_normal, *paired("mean", mean, "deviation", deviation))

    def _best(self, function: Any, first: Floats, second: Floats) -> Floats:  # noqa: ANN401 - a cffi function
        out = np.empty_like(first)
        scratch = np.empty(lib.aw_best_scratch(len(first)))
        _check(function(self._isa, len(first), _doubles(first), _doubles(second), _doubles(out), _doubles(scratch)))
        return out

    def words_load(self, words: NDArray[np.uint64]) -> NDArray[np.uint64]:
        """Shared words, each as it stood at one instant."""
        out = np.empty_like(shared_words("words", words))
        lib.aw_words_load(len(out), _words(words), _words(out))
        return out

    def words_store(self, words: NDArray[np.uint64], values: NDArray[np.uint64]) -> None:
        """Put values in the place of shared words, each in one step."""
        shared_words("words", words)
        _check(lib.aw_words_store(len(words), _words(words), _words(shared_words("values", values, len(words)))))

    def word_take(self, word: NDArray[np.uint64]) -> int:
        """Add one to a shared word (1,), and return what it held."""
        held: int = lib.aw_word_take(_words(shared_words("word", word, 1)))
        return held

    def core(self, kind: Kind) -> NativeCore:
        """Return a new, unbound core."""
        return NativeCore(kind, self._isa)
