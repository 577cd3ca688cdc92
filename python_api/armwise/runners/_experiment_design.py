"""What is compared in a report: the variants, the one that the others are compared with, and their shares."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

from armwise._words import shown
from armwise.errors import ConfigurationError
from armwise.runners._experiment_sources import CONTROL, Sources

__all__ = ["Design", "design_of"]


@dataclass(frozen=True, slots=True)
class Design:
    """What is compared.

    Attributes
    ----------
    names : tuple of str
        The variants, at least two; the first is the one that the others are compared with.
    shares : dict of str to number, or None
        The share of the experiment's traffic that each was to have; None where nobody says.
    """

    names: tuple[str, ...]
    shares: Mapping[str, float | Fraction] | None

    @property
    def baseline(self) -> str:
        """The variant that the others are compared with."""
        return self.names[0]


def design_of(sources: Sources, shares: Mapping[str, float] | None, control: str | None) -> Design:
    """Say what is compared.

    Parameters
    ----------
    sources : Sources
        What the folder holds.
    shares : mapping of str to float, or None
        Shares or weights, in any unit, one for each variant; those of the latest table without it.
    control : str or None
        The variant to compare with; the baseline of the state, or else "control", without it.

    Raises
    ------
    ConfigurationError
        If there are not two variants, none is called as `control` says, or the shares cannot be meant.
    """
    names = _names(sources, shares)
    baseline = control or (CONTROL if sources.ledger is None else sources.ledger.setup.baseline)
    if baseline not in names:
        what = "--control is" if control else "no variant is called"
        msg = f"{what} {baseline!r}; say which of {', '.join(map(repr, names))} the others are compared with"
        raise ConfigurationError(msg + ": --control NAME")
    ordered = (baseline, *(name for name in names if name != baseline))
    return Design(ordered, _shares(sources, shares, ordered))


def _names(sources: Sources, shares: Mapping[str, float] | None) -> list[str]:
    """Every variant: in the order of the set-up, of the table, of the option, or of their names."""
    known: Sequence[str]
    if sources.ledger is not None:
        known = list(sources.ledger.setup.outputs)
    else:
        seen = sorted(sources.log.served) if sources.log is not None else []
        known = [*(shares or sources.saved.shares.get(sources.experiment, {})), *seen]
    names = list(dict.fromkeys(known))
    if len(names) < 2:
        there = ", ".join(map(repr, names)) or "none"
        msg = f"experiment {sources.experiment!r} has the variants {there}; a comparison needs two at least"
        raise ConfigurationError(msg)
    return names


def _shares(
    sources: Sources, shares: Mapping[str, float] | None, names: Sequence[str]
) -> dict[str, float | Fraction] | None:
    """The share of the experiment's traffic that each variant was to have."""
    if shares is not None and (missing := [name for name in names if name not in shares]):
        msg = f"the shares say nothing of {', '.join(map(repr, missing))}; give every variant one, if it is 0"
        raise ConfigurationError(msg)
    given = sources.saved.shares.get(sources.experiment) if shares is None else shares
    if given is None:
        return None
    strange = [name for name, share in given.items() if name not in names and share]
    if strange:
        there = ", ".join(map(repr, names))
        msg = f"a share is of {strange[0]!r}, which is no variant of {sources.experiment!r}; it has {there}"
        raise ConfigurationError(msg)
    total = sum(given.values())
    if not all(0 <= share < math.inf for share in given.values()) or not 0 < total < math.inf:
        msg = f"shares are {shown(dict(given))}; expected numbers of zero or more, such as 50 and 50, that sum to more"
        raise ConfigurationError(msg)
    return {name: given.get(name, 0) / total for name in names}
