"""The one face of the two backends."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, Protocol, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    from numpy.typing import ArrayLike, NDArray

    from armwise_kernels.allocation import AllocationSpec, Bytes, Careful, Codes, Keys

    Floats: TypeAlias = NDArray[np.float64]
    Arrays: TypeAlias = tuple[NDArray[np.generic], ...]

Label: TypeAlias = str | int | float
Kind: TypeAlias = Literal["thompson", "lints_diag", "lints", "epsilon_greedy", "ucb1"]


class View(Protocol):
    """A bound candidate set: the caller's labels in the order of their slots, and a copy of their constants."""

    @property
    def labels(self) -> tuple[Label, ...]:
        """The labels, in the order of slots."""
        ...


class Core(Protocol):
    """The per-request calls of one policy. It borrows the arrays of a posterior and owns only caches.

    Candidates are ``None`` (all arms), a tuple or list of labels that was bound by :meth:`view`, or a :class:`View`.
    A context is ``None`` or a C-contiguous float64 array (dim,). ``now`` is ``None`` or whole nanoseconds since the
    epoch; without it, a policy that decays reads the clock.

    Every call refuses what it cannot take before anything changes: ``LookupError`` for candidates that are not bound
    and for an arm that is not in the index; ``TypeError`` and ``ValueError`` for the rest. The policies turn these
    into armwise's own errors, with advice.
    """

    def bind(self, arrays: Arrays, labels: tuple[Label, ...], index: dict[Label, int]) -> None:
        """Borrow arrays (see :data:`armwise_kernels.layout`), after any change of arms. Drops every view.

        A ``thompson`` core that is given a :class:`~armwise_kernels.layout.SharedArrays` behind its own arrays shares
        its evidence with other processes: every decision first takes the shapes of the columns whose word has moved,
        which counts as a state change each; a reward goes into its word alone, by one atomic step. No arm comes in.
        """
        ...

    def view(
        self,
        key: tuple[Label, ...] | None,
        labels: tuple[Label, ...],
        order: NDArray[np.int32],
        positions: NDArray[np.int32],
        slots: NDArray[np.uint32],
    ) -> View:
        """Bind a candidate set, and keep it under ``key`` for later calls.

        ``labels``, ``positions`` and ``slots`` stand in the order of slots; ``order[i]`` is the place of entry i in
        the caller's list. An arm that the state does not hold has the position ``head[HEAD_COUNT]``, the prior's.
        """
        ...

    def select(self, candidates: Sequence[Label] | View | None, context: Floats | None, now: int | None) -> Label:
        """Take one counter and return the chosen label."""
        ...

    def decide(
        self, candidates: Sequence[Label] | View | None, context: Floats | None, now: int | None
    ) -> tuple[Label, int, str, int, float | None, str]:
        """Take one counter: label, index into the candidates, id, version, propensity, its kind.

        The kind is "exact", or "none" without a propensity where :meth:`propensities` would raise.
        """
        ...

    def peek(self, candidates: Sequence[Label] | View | None, context: Floats | None, decision: int) -> Label:
        """The label that the present state gives decision ``decision``; takes no counter, moves no clock."""
        ...

    def select_many(self, n: int, contexts: Floats | None, now: int | None) -> NDArray[np.int32]:
        """Take ``n`` counters; positions (n,), equal to ``n`` selects. ``contexts``: (n, dim) for linear kinds."""
        ...

    def propensities(
        self, candidates: Sequence[Label] | View | None, context: Floats | None, now: int | None
    ) -> Floats:
        """P(chosen) of each candidate, in the caller's order, float64 (K,)."""
        ...

    def update(
        self, arm: Label, reward: float, context: Floats | None, now: int | None, slot: int | None = None
    ) -> None:
        """Apply one reward and raise the version by one.

        With a ``slot``, above all others, the arm is one that the index does not hold. It enters the index and takes
        the next column together with its reward, as one state change, and every view is dropped; ``ValueError``
        where no column but the prior's is left.
        """
        ...

    def update_many(
        self, positions: NDArray[np.int32], rewards: Floats, contexts: Floats | None, now: int | None
    ) -> None:
        """Apply rewards in order, as that many updates. All are checked before the first is applied."""
        ...

    def refresh(self) -> None:
        """Recompute every derived constant from what the state holds: after a load, and after arms came or went."""
        ...

    def follow(self) -> None:
        """Take in what other processes have learnt, as the next decision would; nothing where none share.

        ``ValueError`` where a shared word holds more rewards than it counts.
        """
        ...


class Allocation(Protocol):
    """A table of allocation: which variant a key belongs to. It never changes, and any thread may ask it.

    A key is exactly a str (its UTF-8), exactly bytes (themselves) or exactly an int within 64 bits (two's complement,
    eight bytes, the least first). Of everything else, and of a str with a lone surrogate, the table's ``careful``
    returns the bytes, or raises; what it raises passes through.
    """

    def allocate(self, key: object, /) -> str | None:
        """The label of the key's variant; None where it is not in the experiment."""
        ...

    def code(self, key: object, /) -> int:
        """The place of that label among the labels; -1 where the key is not in the experiment."""
        ...

    def codes(self, keys: Keys, /) -> Codes:
        """Codes of many keys, int32 (n,).

        ``keys``: a list or tuple of what :meth:`code` takes, or a NumPy array (n,). Of arrays of bytes (``S``) and of
        text (``U``) each cell is a key without the zeros at its end, as NumPy reads it; integers are taken as int64;
        the members of any other array are keys one by one. ``TypeError`` and ``ValueError`` for what is none of these.
        """
        ...

    def codes_arrow(self, offsets: NDArray[np.int32] | NDArray[np.int64], data: Bytes, /) -> Codes:
        """Codes of the keys ``data[offsets[i]:offsets[i + 1]]``, int32 (n,), without a copy.

        ``offsets``: int32 or int64 (n + 1,), never falling, and within ``data``, a contiguous buffer: the layout of
        Arrow's String, LargeString and Binary arrays. ``ValueError`` where they fall or lead outside.
        """
        ...


class Kernels(Protocol):
    """The functions of a backend. Every backend and every instruction set gives the same bits."""

    @property
    def backend(self) -> str:
        """``native`` or ``numba``."""
        ...

    @property
    def isa(self) -> str:
        """``scalar``, ``sse2`` or ``neon``, ``avx2``, ``avx512``; ``jit`` under Numba."""
        ...

    def philox(self, counters: ArrayLike, key: ArrayLike) -> NDArray[np.uint32]:
        """Philox4x32-10 of uint32 counters (n, 4) under a uint32 key (2,): uint32 (n, 4)."""
        ...

    def stream_key(self, seed: int, stream: int = 0) -> int:
        """The 64-bit key of a stream under a seed, as HEAD_KEY holds it."""
        ...

    def xxh3(self, data: Bytes, *, seed: int = 0) -> int:
        """XXH3-64 of bytes under a seed in [0, 2**64)."""
        ...

    def fnv1a32(self, data: Bytes) -> int:
        """FNV-1a of 32 bits. It mixes the last bytes badly: for those who bucketed users by it."""
        ...

    def murmur3(self, data: Bytes, *, seed: int = 0) -> int:
        """MurmurHash3 x86_32 of bytes under a seed in [0, 2**32)."""
        ...

    def allocation(self, spec: AllocationSpec, careful: Careful) -> Allocation:
        """A table of allocation.

        ``careful`` takes a key that is none as it stands, see :class:`Allocation`, and returns its bytes or raises.
        ``TypeError`` and ``ValueError`` for a spec that is not what
        :class:`armwise_kernels.allocation.AllocationSpec` says.
        """
        ...

    def log(self, x: ArrayLike) -> Floats:
        """The kernels' own natural logarithm of positive normal numbers, float64 (n,)."""
        ...

    def exp(self, x: ArrayLike) -> Floats:
        """The kernels' own exponential of numbers in [-708, 708], float64 (n,)."""
        ...

    def log_beta(self, a: ArrayLike, b: ArrayLike) -> Floats:
        """Log B(a, b), float64 (n,)."""
        ...

    def normal_draws(self, n: int, *, seed: int, stream: int = 0, decision: int = 0) -> Floats:
        """The standard normals of slots 0 .. n-1 at one decision, float64 (n,)."""
        ...

    def beta_draws(
        self, alpha: ArrayLike, beta: ArrayLike, *, seed: int, stream: int = 0, decision: int = 0, n: int = 1
    ) -> Floats:
        """Row i: the Beta draws of K arms (slots 0 .. K-1) at decision ``decision + i``, float64 (n, K)."""
        ...

    def best_beta(self, alpha: ArrayLike, beta: ArrayLike) -> Floats:
        """P(arm i has the greatest draw) for independent Beta laws, float64 (K,).

        Raises ``FloatingPointError`` where a law of which both shapes exceed 2e9 and a different one may both be the
        best: how they compare is lost in rounding.
        """
        ...

    def best_normal(self, mean: ArrayLike, deviation: ArrayLike) -> Floats:
        """P(arm i has the greatest draw) for independent normal laws, float64 (K,).

        A deviation may be 0: the draw is its mean, and of several such that are equal the first is the greatest.
        """
        ...

    def words_load(self, words: NDArray[np.uint64]) -> NDArray[np.uint64]:
        """A copy of shared words, each as it stood at one instant; the set of them has no such instant."""
        ...

    def words_store(self, words: NDArray[np.uint64], values: NDArray[np.uint64]) -> None:
        """Put values in the place of shared words, each in one step.

        ``ValueError`` with nothing written where one holds more rewards than it counts.
        """
        ...

    def word_take(self, word: NDArray[np.uint64]) -> int:
        """Add one to a shared word (1,), and return what it held: no other caller, in any process, is given that."""
        ...

    def core(self, kind: Kind) -> Core:
        """A new, unbound core."""
        ...
