"""One reward, several decisions: what each of them is credited with."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from collections.abc import Set as AbstractSet
from fractions import Fraction

from armwise._words import shown
from armwise.errors import ConfigurationError
from armwise.rewards._numbers import LARGEST, check_mapping, entry, number

__all__ = ["attribute"]


def attribute(
    total: float, decisions: Iterable[str], *, weights: Mapping[str, float] | None = None
) -> dict[str, float]:
    """Split a reward over the decisions that led to it; the shares add up to it exactly, in any order.

    Each share is a whole multiple of the last place of `total`, so that no sum of shares is ever rounded. It is within
    two such places of total * weight / sum of weights.

    Parameters
    ----------
    total : float
        What there is to split, finite.
    decisions : iterable of str
        Ids of decisions, none twice, in an order.
    weights : mapping of str to float, optional
        What each decision weighs, by its id, finite and at least 0, not all of them 0; equal if not given.

    Returns
    -------
    dict of str to float
        The share of each decision, in their order.

    Raises
    ------
    ConfigurationError
        If there is no decision, one stands there twice, the weights are not those of these decisions, or a number is
        none of the above.

    Examples
    --------
    >>> attribute(1.0, ["0-1-0", "0-2-0", "0-3-0", "0-4-0"])
    {'0-1-0': 0.25, '0-2-0': 0.25, '0-3-0': 0.25, '0-4-0': 0.25}
    >>> sum(attribute(0.1, ["plan", "search", "answer"], weights={"plan": 1, "search": 2, "answer": 7}).values())
    0.1
    """
    whole = number(total, "total")
    ids = _ids(decisions)
    shares = _shares(ids, weights)
    place = math.ulp(whole)
    units = round(whole / place)
    weight, passed = sum(shares), Fraction(0)
    credited: dict[str, float] = {}
    given = 0
    for decision_id, share in zip(ids, shares, strict=True):
        passed += share
        upto = round(units * passed / weight)
        credited[decision_id] = (upto - given) * place
        given = upto
    return credited


def _ids(decisions: object) -> tuple[str, ...]:
    """The ids, none twice."""
    if isinstance(decisions, (str, bytes, AbstractSet, Mapping)) or not isinstance(decisions, Iterable):
        msg = f"decisions is {shown(decisions)}; expected ids in an order: a list or a tuple"
        raise ConfigurationError(msg)
    ids: dict[str, None] = {}
    for decision_id in decisions:
        if not isinstance(decision_id, str) or decision_id in ids:
            msg = f"decisions holds {shown(decision_id)}; expected texts, none of them twice"
            raise ConfigurationError(msg)
        ids[decision_id] = None
    if not ids:
        msg = "decisions is empty; expected at least one id to credit"
        raise ConfigurationError(msg)
    return tuple(ids)


def _shares(ids: tuple[str, ...], weights: object) -> list[Fraction]:
    """What each decision weighs, exactly."""
    if weights is None:
        return [Fraction(1)] * len(ids)
    given = check_mapping(weights, "weights")
    if strange := [name for name in given if name not in ids]:
        msg = f"weights holds {shown(strange[0])}, which is none of the decisions; weigh each of them and no other"
        raise ConfigurationError(msg)
    shares = [Fraction(entry(given, "weights", decision_id, 0.0, LARGEST)) for decision_id in ids]
    if not any(shares):
        msg = "weights are all 0; expected one that is more, or none given for equal shares"
        raise ConfigurationError(msg)
    return shares
