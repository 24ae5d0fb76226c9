"""Which blocks of a page were moved, and where they stood. Pure."""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from daemon.domain.values import Snapshot


class Stood(NamedTuple):
    """Where a block stood before it was moved, by ids of blocks that still stand; "" for none.

    Attributes:
        below: The last block above it that was not moved.
        inside: The block that it was in; None where it is in the same.
        leads: Whether it is the first of the blocks that were moved together.
    """

    below: str
    inside: str | None
    leads: bool


@dataclass(frozen=True, slots=True)
class Order:
    """What differs in the order of the blocks that stood on a page before and stand there now.

    Attributes:
        moved: Where those stood that somebody put elsewhere, or in another depth, with what they
            hold: of what a block holds the fewest that explain its order.
        regrouped: The headings that blocks stood under which stand under another one now; "" for
            none. Headings that came or went do not count.
        beside: The blocks that stayed, and have another block before or after them.
    """

    moved: Mapping[str, Stood]
    regrouped: Mapping[str, str]
    beside: frozenset[str]

    @classmethod
    def of(cls, was: Sequence[str], depths: Sequence[int] | None, now: Snapshot) -> Order:
        """Compare; where the depths before are not known, all blocks count as of one depth."""
        rows = [(block.id, 0 if depths is None else block.depth) for block in now.blocks]
        before = list(zip(was, depths or [0] * len(was), strict=True))
        speaking, there = {block.id for block in now.blocks if block.line}, {*was}
        known, held = set(speaking), _held(rows, dict(rows))
        for key in reversed(held):
            known |= {held[key][0]} if key in known else set()
        known &= there
        headings = {block.id for block in now.blocks if block.is_heading} & known & speaking
        then, here = _held(before, known), _held(rows, known)
        if [*then.items()] == [*here.items()]:
            return cls({}, {}, frozenset())
        moved = _moved(then, here, headings)
        under, was_under = _under(here, headings), _under(then, headings)
        next_to, was_next_to = _beside(here), _beside(then)
        return cls(
            _stood(then, here, moved, speaking),
            {key: was_under[key] for key in here if was_under[key] != under[key]},
            frozenset(key for key in here if next_to[key] != was_next_to[key]) - moved - headings,
        )


# A block that holds another, "" for the page, and how much deeper that one stands.
_Held = tuple[str, int]


def _held(rows: Iterable[tuple[str, int]], known: Container[str]) -> dict[str, _Held]:
    """Return what holds each known block; blocks that are not known hold none."""
    above, found = list[tuple[str, int]](), dict[str, _Held]()
    for key, depth in rows:
        while above and above[-1][1] >= depth:
            above.pop()
        if key in known:
            holder, level = above[-1] if above else ("", -1)
            found[key] = holder, depth - level
            above.append((key, depth))
    return found


def _moved(
    then: Mapping[str, _Held], here: Mapping[str, _Held], headings: Container[str]
) -> set[str]:
    """Return the blocks that were moved, and those that went along.

    Of what one block holds the most stay that can; of equals, headings.
    """
    place = {key: at for at, key in enumerate(then)}
    held = dict[str, list[str]]()
    for key, held_by in here.items():
        if held_by == then[key]:
            held.setdefault(held_by[0], []).append(key)
    stays = set[str]()
    for keys in held.values():
        weights = [len(keys) + 1 + (key in headings) for key in keys]
        stays |= {keys[at] for at in _heaviest([place[key] for key in keys], weights)}
    moved = set[str]()
    for key, (holder, _) in here.items():
        if key not in stays or holder in moved:
            moved.add(key)
    return moved


def _heaviest(numbers: Sequence[int], weights: Sequence[int]) -> list[int]:
    """Return where the increasing subsequence that weighs most has its numbers, from its end.

    The numbers differ. It takes n log n steps: a Fenwick tree has the best weight up to a rank.
    """
    rank = {number: at for at, number in enumerate(sorted(numbers), 1)}
    best, before = [(0, -1)] * (len(numbers) + 1), list[int]()
    for at, number in enumerate(numbers):
        follows, up_to = (0, -1), rank[number] - 1
        while up_to:
            follows, up_to = max(follows, best[up_to]), up_to & (up_to - 1)
        before.append(follows[1])
        total, up_to = (follows[0] + weights[at], at), rank[number]
        while up_to < len(best):
            best[up_to], up_to = max(total, best[up_to]), up_to + (up_to & -up_to)
    at, found = max(best)[1], list[int]()
    while at >= 0:
        found.append(at)
        at = before[at]
    return found


def _under(keys: Iterable[str], headings: Container[str]) -> dict[str, str]:
    """Return the heading that each block stands under, "" for none; a heading under itself."""
    heading, found = "", dict[str, str]()
    for key in keys:
        heading = key if key in headings else heading
        found[key] = heading
    return found


def _beside(keys: Iterable[str]) -> dict[str, tuple[str, str]]:
    """Return the blocks before and after each one; "" for none."""
    listed = ["", *keys, ""]
    return dict(zip(listed[1:-1], zip(listed, listed[2:], strict=False), strict=True))


def _stood(
    then: Mapping[str, _Held],
    here: Mapping[str, _Held],
    moved: Container[str],
    speaking: Container[str],
) -> dict[str, Stood]:
    """Return where each moved block stood that says something."""
    above, last = dict[str, str](), ""
    for key in then:
        above[key] = last
        last = key if key in speaking and key not in moved else last
    before, found = _beside(then), dict[str, Stood]()
    told, ahead = False, ""  # whether the group so far has a block that says something
    for key, (holder, _) in here.items():
        told = told and key in moved and before[key][0] == ahead
        if key in moved and key in speaking:
            inside = then[key][0] if then[key][0] != holder else None
            found[key] = Stood(above[key], inside, not told)
            told = True
        ahead = key
    return found
