"""The Numba backend: the functions of :class:`armwise_kernels.protocol.Kernels` over the jit kernels."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from armwise_kernels import law
from armwise_kernels._arguments import counters_and_key, number, paired, real, shared_words
from armwise_kernels.allocation import octets_of
from armwise_kernels.cores import PythonCore
from armwise_kernels.cores_allocation import PythonAllocation, read_only
from armwise_kernels.jit import NUMBA_VERSION
from armwise_kernels.jit_dialects import fnv1a32, murmur3
from armwise_kernels.jit_propensity import best_beta, best_normal
from armwise_kernels.jit_shared import BAD_WORD, word_take, words_load, words_store
from armwise_kernels.jit_special import exp_of, log_beta_of, log_of, normal_draws, philox_blocks
from armwise_kernels.jit_thompson import beta_constants, beta_draws, beta_draws_many
from armwise_kernels.jit_xxh3 import SECRET_WORDS, secret_of, xxh3
from armwise_kernels.layout import padded

if TYPE_CHECKING:
    from armwise_kernels.allocation import AllocationSpec, Bytes, Careful
    from armwise_kernels.protocol import Core, Floats, Kind


def compiler() -> str:
    """Return the compiler of the kernels, by name and version."""
    return f"numba {NUMBA_VERSION}"


def _within(name: str, values: Floats, low: float, high: float) -> Floats:
    """Return the values, or raise ValueError where one is not in [low, high]."""
    if not ((values >= low) & (values <= high)).all():
        message = f"{name}: expected numbers in [{low:g}, {high:g}]"
        raise ValueError(message)
    return _writable(values)


def _writable(values: Floats) -> Floats:
    """What cannot be written is copied: to Numba it would be another type, and cost another compilation."""
    return values if values.flags.carray else values.copy()


def _shapes(first: str, a: ArrayLike, second: str, b: ArrayLike) -> tuple[Floats, Floats]:
    left, right = paired(first, a, second, b)
    return _within(first, left, law.MIN_SHAPE, law.MAX_SHAPE), _within(second, right, law.MIN_SHAPE, law.MAX_SHAPE)


def _signed(key: int) -> int:
    """The bits of an unsigned key as the signed number that the kernels take."""
    return key - (key >> 63 << 64)


class NumbaKernels:
    """The kernels compiled by Numba; see :class:`armwise_kernels.protocol.Kernels`.

    >>> NumbaKernels().beta_draws([2.0, 30.0], [5.0, 70.0], seed=1, n=3).shape
    (3, 2)
    """

    backend = "numba"
    isa = "jit"

    def philox(self, counters: ArrayLike, key: ArrayLike) -> NDArray[np.uint32]:
        """Philox4x32-10 blocks, uint32 (n, 4)."""
        blocks, words = counters_and_key(counters, key)
        out = np.empty_like(blocks)
        philox_blocks(blocks, _signed(int(words[0]) | int(words[1]) << 32), out)
        return out

    def stream_key(self, seed: int, stream: int = 0) -> int:
        """The 64-bit key of a stream under a seed."""
        whole, which = number("seed", seed, 64), number("stream", stream, 64)
        low, high = self.philox([[which & 0xFFFFFFFF, which >> 32, 0, 0]], [whole & 0xFFFFFFFF, whole >> 32])[0, :2]
        return int(low) | int(high) << 32

    def xxh3(self, data: Bytes, *, seed: int = 0) -> int:
        """XXH3-64 of bytes."""
        octets, secret = read_only(octets_of("data", data)), np.empty(SECRET_WORDS, np.uint64)
        secret_of(np.uint64(number("seed", seed, 64)), secret)
        return int(xxh3(secret, octets, 0, octets.size))

    def fnv1a32(self, data: Bytes) -> int:
        """FNV-1a of 32 bits."""
        return int(fnv1a32(read_only(octets_of("data", data))))

    def murmur3(self, data: Bytes, *, seed: int = 0) -> int:
        """MurmurHash3 x86_32 of bytes."""
        return int(murmur3(read_only(octets_of("data", data)), np.uint64(number("seed", seed, 32))))

    def allocation(self, spec: AllocationSpec, careful: Careful) -> PythonAllocation:
        """Return a table of allocation."""
        return PythonAllocation(spec, careful)

    def log(self, x: ArrayLike) -> Floats:
        """Natural logarithm of positive normal numbers, float64 (n,)."""
        values = _within("x", real("x", x), sys.float_info.min, sys.float_info.max)
        out = np.empty_like(values)
        log_of(values, out)
        return out

    def exp(self, x: ArrayLike) -> Floats:
        """Exponential of numbers in [-708, 708], float64 (n,)."""
        values = _within("x", real("x", x), -708.0, 708.0)
        out = np.empty_like(values)
        exp_of(values, out)
        return out

    def log_beta(self, a: ArrayLike, b: ArrayLike) -> Floats:
        """Logarithm of B(a, b), float64 (n,)."""
        left, right = _shapes("a", a, "b", b)
        out = np.empty_like(left)
        log_beta_of(left, right, out)
        return out

    def normal_draws(self, n: int, *, seed: int, stream: int = 0, decision: int = 0) -> Floats:
        """Standard normals of slots 0 .. n-1, float64 (n,)."""
        out = np.empty(number("n", n, 31))
        normal_draws(_signed(self.stream_key(seed, stream)), number("decision", decision, 63), out)
        return out

    def beta_draws(
        self, alpha: ArrayLike, beta: ArrayLike, *, seed: int, stream: int = 0, decision: int = 0, n: int = 1
    ) -> Floats:
        """Beta draws, row i at decision ``decision + i``, float64 (n, K)."""
        a, b = _shapes("alpha", alpha, "beta", beta)
        out = np.empty((number("n", n, 31), len(a)))
        key = _signed(self.stream_key(seed, stream))
        table = np.ones((law.BETA_ROWS, padded(len(a))))
        table[law.ROW_ALPHA, : len(a)], table[law.ROW_BETA, : len(a)] = a, b
        beta_constants(table, 0, table.shape[1])
        boosted = int(np.count_nonzero((a < 1.0) | (b < 1.0)))
        slots = np.arange(table.shape[1], dtype=np.uint32)
        draw = beta_draws if n <= len(a) else beta_draws_many
        draw(table, slots, boosted, key, number("decision", decision, 63), out)
        return out

    def best_beta(self, alpha: ArrayLike, beta: ArrayLike) -> Floats:
        """P(arm i has the greatest Beta draw), float64 (K,)."""
        return best_beta(*_shapes("alpha", alpha, "beta", beta))

    def best_normal(self, mean: ArrayLike, deviation: ArrayLike) -> Floats:
        """P(arm i has the greatest normal draw), float64 (K,)."""
        centre, spread = paired("mean", mean, "deviation", deviation)
        return best_normal(
            _within("mean", centre, -sys.float_info.max, sys.float_info.max),
            _within("deviation", spread, 0.0, sys.float_info.max),
        )

    def words_load(self, words: NDArray[np.uint64]) -> NDArray[np.uint64]:
        """Shared words, each as it stood at one instant."""
        out = np.empty_like(shared_words("words", words))
        words_load(words, out)
        return out

    def words_store(self, words: NDArray[np.uint64], values: NDArray[np.uint64]) -> None:
        """Put values in the place of shared words, each in one step."""
        if not words_store(shared_words("words", words), shared_words("values", values, len(words))):
            raise ValueError(BAD_WORD)

    def word_take(self, word: NDArray[np.uint64]) -> int:
        """Add one to a shared word (1,), and return what it held."""
        return int(word_take(shared_words("word", word, 1)))

    def core(self, kind: Kind) -> Core:
        """Return a new, unbound core."""
        return PythonCore(self, kind)
