"""Which blocks are still to be listed, and the listings of a page put in order. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any

from daemon.domain.values import Block
from daemon.domain.errors import Incomplete, Invalid, Missing
from daemon.notion.blocks import FLAT, PAGES, block, content, is_readable, kind_of, noted
from daemon.notion.numbering import numbers


Json = dict[str, Any]
# The children of a block by its id; None where Notion does not give them.
Listings = dict[str, list[Json] | None]
Tolerated = tuple[type[Exception], ...]

# Nobody nests so deep by hand.
MAX_LEVELS = 30

NOT_SHARED = "synced block: its source is not shared"
REPEATED = "synced block: the same as elsewhere on this page"
UNREADABLE = "Notion does not give its content"
TOO_DEEP = f"what lies deeper than {MAX_LEVELS} levels is not read"


@dataclass(frozen=True, slots=True)
class _Below:
    """Where a block's children are listed, and which refusals are no failure there."""

    id: str
    tolerated: Tolerated = ()
    is_copy: bool = False


def _below(raw: Json) -> _Below | None:
    """Tell where to list what stands in a block; None where nothing does or nothing is wanted."""
    kind = kind_of(raw)
    origin = content(raw).get("synced_from") if kind == "synced_block" else None
    if origin:
        # A copy's own children may be 404 though the source's can be read.
        return _Below(_origin_id(origin), (Missing,), is_copy=True)
    if kind in PAGES or not raw.get("has_children"):
        return None
    # Some blocks are named by the API and refused when asked for: "Block type button is not
    # supported via the API", 400.
    return _Below(raw["id"], () if is_readable(kind) else (Missing, Invalid))


def _origin_id(origin: Any) -> str:
    found = origin.get("block_id") if isinstance(origin, dict) else None
    if not isinstance(found, str):
        raise Incomplete("Notion sent a synced block without its source; the page is read again")
    return found


def missing(listings: Listings, page_id: str) -> dict[str, Tolerated]:
    """Return the ids that are still to be listed, each with the refusals that are no failure.

    Raises:
        Incomplete: a listing holds a malformed block.
    """
    wanted: dict[str, Tolerated] = {}
    level, entered = [_Below(page_id)], set[str]()
    for _ in range(MAX_LEVELS + 1):
        following: list[_Below] = []
        for below in level:
            known = listings.get(below.id)
            if known is None and (below.id not in listings or not below.tolerated):
                wanted[below.id] = (
                    () if not below.tolerated else wanted.get(below.id, below.tolerated)
                )
            elif known and below.id not in entered:
                following += [found for raw in known if (found := _below(raw))]
            entered.add(below.id)
        level = following
    return wanted


@dataclass(slots=True)
class _Walk:
    """What an assembly has seen so far."""

    listings: Listings
    own: frozenset[str]
    entered: set[str] = field(default_factory=set)
    shown: set[str] = field(default_factory=set)


def assembled(listings: Listings, page_id: str) -> Iterator[Block]:
    """Put the listings of a page in document order; every block once.

    A synced copy shows its source's blocks where the page does not have them already, and nobody
    can comment on those: they belong to another page.

    Raises:
        Incomplete: a block stands in two places: it was moved while the page was read.
    """
    walk = _Walk(listings, frozenset(_own(listings, page_id)))
    return _level(walk, page_id, 0, foreign=False)


def _own(listings: Listings, page_id: str) -> set[str]:
    """Return the ids whose children stand on the page itself, not by way of a copy."""
    own, waiting = set[str](), [page_id]
    while waiting:
        for raw in listings.get(waiting.pop()) or ():
            below = _below(raw)
            if below and not below.is_copy and below.id not in own:
                own.add(below.id)
                waiting.append(below.id)
    return own


def _level(walk: _Walk, block_id: str, depth: int, *, foreign: bool) -> Iterator[Block]:
    walk.entered.add(block_id)
    raws = walk.listings.get(block_id) or []
    for raw, number in zip(raws, numbers(raws), strict=True):
        found = block(raw, depth, number)
        if found.id in walk.shown:
            raise Incomplete(f"block {found.id} was moved while the page was read")
        walk.shown.add(found.id)
        below = _below(raw)
        closed = foreign or (below is not None and below.is_copy)
        if closed:
            found = replace(found, commentable=False)
        note = _note(walk, below) if below else ""
        yield noted(found, note) if note else found
        if below and not note:
            inner = depth if found.type in FLAT else depth + 1
            yield from _level(walk, below.id, inner, foreign=closed)


def _note(walk: _Walk, below: _Below) -> str:
    """Say why a block's content does not follow it; "" where it does."""
    if below.id in walk.entered or (below.is_copy and below.id in walk.own):
        return REPEATED
    if below.id not in walk.listings:
        return TOO_DEEP
    if walk.listings[below.id] is None:
        return NOT_SHARED if below.is_copy else UNREADABLE
    return ""
