"""Which dialects there are, and what each is asked."""

from __future__ import annotations

import operator
from typing import Final

from armwise._words import shown
from armwise.errors import ConfigurationError
from armwise.experiments.allocation._config import Config
from armwise.experiments.allocation._keys import Key, as_text
from armwise.experiments.allocation._weights import text
from armwise.experiments.allocation.dialects import growthbook, launchdarkly, optimizely, split, unleash
from armwise.experiments.allocation.dialects._plan import Plan
from armwise_kernels import load
from armwise_kernels.protocol import Kernels

__all__ = ["DIALECTS", "bucket", "plan"]

DIALECTS: Final = (
    "growthbook_v1",
    "growthbook_v2",
    "optimizely",
    "unleash",
    "split",
    "split_legacy",
    "launchdarkly",
)
"""The dialects that an allocator speaks."""

_USUAL: Final = 100
_HASHES: Final = 1 << 32
_SEED_BITS: Final = 4_096


def bucket(dialect: str, key: Key, seed: str | int, *, total: int = 100) -> float | int:
    """Return where a key falls in another system, in that system's own unit.

    Parameters
    ----------
    dialect : str
        One of those below.
    key : str, bytes or int
        Integers are hashed as their decimal digits, bytes as the UTF-8 that they are.
    seed : str or int
        What the system hashes with the key, as below.
    total : int
        The number of buckets; Unleash alone has one that varies.

    Returns
    -------
    float or int
        =================  ======================================  ============================
        dialect            seed                                    bucket
        =================  ======================================  ============================
        growthbook_v1      the experiment's seed, or its key       a float in [0, 1), 3 decimals
        growthbook_v2      the same                                a float in [0, 1), 4 decimals
        optimizely         the id of the experiment or group       0 to 9,999
        unleash            the group id: the name of the flag      1 to `total`, of rollouts
        unleash_variant    the same                                1 to `total`, of variants
        split              the flag's seed, a whole number         1 to 100
        split_legacy       the same, of flags with algorithm 1     1 to 100
        launchdarkly       "flagkey.salt", or an integer seed      a float in [0, 1]
        =================  ======================================  ============================

    Raises
    ------
    ConfigurationError
        If there is no such dialect, or an argument is not as described.

    Examples
    --------
    >>> bucket("optimizely", "ppid1", "1886780721"), bucket("unleash", "123", "gr1")
    (5254, 73)
    >>> bucket("growthbook_v2", "a", "seed"), bucket("split", "aUfEsdPN1twuEjff9Sl", 467569525)
    (0.0505, 52)
    >>> round(bucket("launchdarkly", "userKeyA", "hashKey.saltyA"), 8)
    0.42157587
    """
    if not isinstance(dialect, str) or dialect not in {*DIALECTS, "unleash_variant"}:
        msg = f"dialect is {shown(dialect)}; expected one of {', '.join((*DIALECTS, 'unleash_variant'))}"
        raise ConfigurationError(msg)
    known, kernels = as_text(key), load()
    buckets = _total(total, dialect)
    if dialect in {"split", "split_legacy"}:
        return split.number(kernels, dialect, known, _whole(seed, dialect))
    given = _written(seed)
    if dialect in unleash.SEEDS:
        return unleash.number(kernels, dialect, known, given, buckets)
    if dialect == "optimizely":
        return optimizely.number(kernels, known, given)
    if dialect == "launchdarkly":
        return launchdarkly.share(known, given)
    numerator, denominator = growthbook.numbers(kernels, dialect, known, given)
    return numerator / denominator


def plan(config: Config, kernels: Kernels) -> Plan:
    """Return how the config's dialect assigns.

    Raises
    ------
    ConfigurationError
        If the dialect is unknown, or has no such weights, coverage, namespace or seed.
    """
    if config.dialect in {"growthbook_v1", "growthbook_v2"}:
        return growthbook.plan(config, kernels)
    if config.dialect == "optimizely":
        return optimizely.plan(config, kernels)
    if config.dialect == "unleash":
        return unleash.plan(config, kernels)
    if config.dialect in {"split", "split_legacy"}:
        return split.plan(config, kernels)
    if config.dialect == "launchdarkly":
        return launchdarkly.plan(config)
    msg = f"dialect is {config.dialect!r}; expected one of {', '.join(DIALECTS)}, or None for armwise's own law"
    raise ConfigurationError(msg)


def _written(seed: object) -> str:
    """The seed as text; an integer by its digits."""
    if not isinstance(seed, int) or isinstance(seed, bool):
        return text(seed, "seed")
    if seed.bit_length() > _SEED_BITS:
        msg = f"seed is {shown(seed)}; expected an integer of at most {_SEED_BITS:,} bits, or text"
        raise ConfigurationError(msg)
    return str(operator.index(seed))


def _total(total: object, dialect: str) -> int:
    """Check the number of buckets."""
    buckets = total if isinstance(total, int) and not isinstance(total, bool) else 0
    if not 1 <= buckets <= _HASHES:
        msg = f"total is {shown(total)}; expected a whole number in [1, 2**32]"
        raise ConfigurationError(msg)
    if buckets != _USUAL and dialect not in unleash.SEEDS:
        msg = f"total is {shown(total)}; {dialect} has a fixed number of buckets, leave it out"
        raise ConfigurationError(msg)
    return buckets


def _whole(seed: object, dialect: str) -> int:
    """Check a seed that is a whole number of 32 bits, signed or not."""
    try:
        number = None if isinstance(seed, (bool, float)) else int(seed)  # type: ignore[call-overload]
    except (TypeError, ValueError, OverflowError):
        number = None
    if number is None or not -(1 << 31) <= number < _HASHES:
        msg = f"seed is {shown(seed)}; {dialect} hashes under a whole number of 32 bits, the flag's seed"
        raise ConfigurationError(msg)
    return int(number)
