"""LaunchDarkly: SHA-1 as a share, and weights in thousandths of a percent.

Source: launchdarkly/python-server-sdk, ``ldclient/impl/evaluator_common.py`` (Apache-2.0): the first fifteen
hexadecimal digits of the SHA-1 of "prefix.key", divided by the greatest such number. The prefix is "flagkey.salt", or
the seed of an experiment's rollout. Weights are added up as floats, and the first sum above the share decides; a key
beyond the last falls to the last.
"""

from __future__ import annotations

import hashlib
from fractions import Fraction
from typing import Final

from armwise.experiments.allocation._config import Config
from armwise.experiments.allocation.dialects._plan import Plan, no_namespace, refuse, units

__all__ = ["plan", "share"]

_SIZE: Final = 100_000
_GREATEST: Final = float(0xFFFFFFFFFFFFFFF)
_SEEDED: Final = "seed:"


def share(key: str, prefix: str) -> float:
    """Return where a key falls under a prefix, in [0, 1]."""
    digest = hashlib.sha1(f"{prefix}.{key}".encode(), usedforsecurity=False).hexdigest()
    return int(digest[:15], 16) / _GREATEST


def plan(config: Config) -> Plan:
    """Assign as LaunchDarkly does; the experiment id is the flag's key, and the salt its salt, or "seed:61".

    What coverage leaves out is the untracked rest of each variant's range.

    Raises
    ------
    ConfigurationError
        If there is a namespace, if the number of a seed is none, or a weight or its covered part is no whole number
        of hundred-thousandths.
    """
    no_namespace(config)
    prefix = f"{config.experiment_id}.{config.seed_salt}"
    if config.seed_salt.startswith(_SEEDED):
        try:
            prefix = str(int(config.seed_salt.removeprefix(_SEEDED)))
        except ValueError:
            refuse(config, f"seed_salt is {config.seed_salt!r}; expected a whole number behind 'seed:'")
    ends: list[tuple[float, int]] = []
    reached = 0.0
    shares: list[Fraction] = []
    for code, weight in enumerate(units(config, _SIZE)):
        held = weight * config.coverage
        if held.denominator != 1:
            refuse(config, f"coverage is {float(config.coverage)!r}; LaunchDarkly weighs in whole hundred-thousandths")
        shares.append(held / _SIZE)
        for part, served in ((int(held), code), (weight - int(held), -1)):
            if part or (served == code and config.coverage == 1):
                reached += part / float(_SIZE)
                ends.append((reached, served))
    last = ends[-1][1]

    def code_of(key: str) -> int:
        place = share(key, prefix)
        return next((served for end, served in ends if place < end), last)

    return Plan(code_of, tuple(shares))
