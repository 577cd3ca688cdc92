"""The fewest keys that can move, and which ones they are.

A change of weights says how many hashes each variant must gain or lose; "outside the experiment" counts as one more
variant. Whatever is lost by one is gained by another, so no change can move fewer keys than are lost: half the L1
distance, or total variation, between the old masses and the new. Here every transfer goes from one that loses to one
that gains, never through a third, so exactly that many move.

Which hashes go is a matter of form, and the form is a pure rule. First a boundary between two neighbours shifts,
where one loses and the other gains, because that adds no range: between a variant and the outside on its right (so
that a variant holds the leading share of its range, and a ramp gives the table that it would have had from the
start), then between two variants, then between the outside and a variant on its right. What is left is cut from the
ends of the last ranges of those who lose.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from itertools import pairwise

__all__ = ["moved_ranges"]

_OUTSIDE = -1


class _Range:
    """A range in the making: a code, and how many hashes."""

    __slots__ = ("code", "length")

    def __init__(self, code: int, length: int) -> None:
        self.code = code
        self.length = length


def moved_ranges(held: list[tuple[int, int]], change: Mapping[int, int]) -> list[tuple[int, int]]:
    """Return the ranges after a change of masses, with the fewest hashes moved.

    Parameters
    ----------
    held : list of (code, length)
        The ranges in order.
    change : mapping of int to int
        How many hashes each code gains; less than 0 where it loses, no more than it holds. They sum to 0.

    Returns
    -------
    list of (code, length)
        The ranges in order; lengths are at least 1.
    """
    ranges = [_Range(code, length) for code, length in held]
    gains = defaultdict(int, change)
    while _shift(ranges, gains):
        ranges = _joined(ranges)
    return [(each.code, each.length) for each in _cut(ranges, gains)]


def _shift(ranges: list[_Range], gains: defaultdict[int, int]) -> bool:
    """Shift boundaries between neighbours of which one gains and the other loses; say whether a range vanished."""
    for kind in (_variant_outside, _variants, _outside_variant):
        for left, right in pairwise(ranges):
            if not kind(left, right):
                continue
            wanted, offered = gains[left.code], gains[right.code]
            if wanted > 0 > offered:
                step = min(wanted, -offered, right.length)
            elif wanted < 0 < offered:
                step = -min(-wanted, offered, left.length)
            else:
                continue
            left.length += step
            right.length -= step
            gains[left.code] -= step
            gains[right.code] += step
    return any(each.length == 0 for each in ranges)


def _variant_outside(left: _Range, right: _Range) -> bool:
    return right.code == _OUTSIDE != left.code


def _variants(left: _Range, right: _Range) -> bool:
    return _OUTSIDE not in {left.code, right.code}


def _outside_variant(left: _Range, right: _Range) -> bool:
    return left.code == _OUTSIDE != right.code


def _joined(ranges: list[_Range]) -> list[_Range]:
    """Drop what is empty, and join neighbours of one code."""
    kept: list[_Range] = []
    for each in ranges:
        if kept and kept[-1].code == each.code:
            kept[-1].length += each.length
        elif each.length:
            kept.append(each)
    return kept


def _cut(ranges: list[_Range], gains: defaultdict[int, int]) -> list[_Range]:
    """Give what is still to be given from the ends of the last ranges of those who lose, in the order of codes."""
    takers = [(code, gain) for code, gain in sorted(gains.items()) if gain > 0]
    losses = {code: -gain for code, gain in gains.items() if gain < 0}
    if not takers:
        return ranges
    cuts: list[list[_Range]] = [[] for _ in ranges]
    places: defaultdict[int, list[int]] = defaultdict(list)
    for place, each in enumerate(ranges):
        places[each.code].append(place)
    takers.reverse()
    # The outside gives last, so that variants that lose make room before anybody new comes in.
    for giver in sorted(losses, key=lambda code: (code == _OUTSIDE, code)):
        while losses[giver]:
            code, gain = takers.pop()
            each = ranges[places[giver][-1]]
            step = min(gain, losses[giver], each.length)
            each.length -= step
            losses[giver] -= step
            cuts[places[giver][-1]].append(_Range(code, step))
            if not each.length:
                places[giver].pop()
            if gain > step:
                takers.append((code, gain - step))
    out: list[_Range] = []
    for each, pieces in zip(ranges, cuts, strict=True):
        out += [each, *reversed(pieces)]
    return _joined(out)
