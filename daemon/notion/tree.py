"""Which blocks are still to be listed, and the listings of a page put in order. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any

from daemon.domain.errors import Forbidden, Incomplete, Invalid, Missing
from daemon.domain.values import Block
from daemon.notion.blocks import (
    MEETING_NOTES,
    TYPES,
    content,
    is_flat,
    is_readable,
    kind_of,
    noted,
    numbers,
    read_block,
)


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
# What meeting notes consist of, by the names of their ids.
_PARTS = {
    "summary_block_id": "summary",
    "notes_block_id": "notes",
    "transcript_block_id": "transcript",
}


@dataclass(frozen=True, slots=True)
class Listing:
    """Children that are to be listed.

    Attributes:
        id: Whose children.
        tolerated: The refusals that are no failure there.
        source: What they belong to: of a synced copy its source, else `id`.
        is_copy: Whether they are shown by way of a synced copy.
        part: Which part of meeting notes `id` is, "" for none. A part without children may say
            something itself.
    """

    id: str
    tolerated: Tolerated = ()
    source: str = ""
    is_copy: bool = False
    part: str = ""


def _below(listings: Listings, raw: Json) -> list[Listing]:
    """Tell where to list what stands in a block; nothing where nothing does or is wanted."""
    kind = kind_of(raw)
    origin = content(raw).get("synced_from") if kind == "synced_block" else None
    if origin:
        return [_of_copy(listings, raw["id"], origin)]
    if kind in TYPES and TYPES[kind].is_page:
        return []
    found = []
    if raw.get("has_children"):
        # Some blocks are named by the API and refused when asked for: "Block type button is not
        # supported via the API", 400.
        tolerated = () if is_readable(kind) else (Missing, Invalid)
        found.append(Listing(raw["id"], tolerated, raw["id"]))
    return [*found, *_parts(listings, raw)] if kind in MEETING_NOTES else found


def _of_copy(listings: Listings, copy_id: str, origin: Any) -> Listing:
    """Ask for the source's children, and for the copy's own where the source's are refused.

    Either may be 404 though the other can be read. A recorded copy does not name its source.
    """
    source_id = origin.get("block_id") if isinstance(origin, dict) else None
    if not isinstance(source_id, str):
        return Listing(copy_id, (Missing,), copy_id, is_copy=True)
    refused = source_id in listings and listings[source_id] is None
    return Listing(copy_id if refused else source_id, (Missing,), source_id, is_copy=True)


def _parts(listings: Listings, raw: Json) -> list[Listing]:
    """Return the parts of meeting notes that are not among their listed children."""
    if raw.get("has_children") and raw["id"] not in listings:
        return []
    told = content(raw).get("children")
    listed = {child.get("id") for child in listings.get(raw["id"]) or () if child}
    return [
        Listing(told[key], (Missing, Invalid, Forbidden), told[key], part=part)
        for key, part in _PARTS.items()
        if isinstance(told, dict) and isinstance(told.get(key), str) and told[key] not in listed
    ]


def missing(listings: Listings, page_id: str) -> list[Listing]:
    """Return what is still to be listed, each id once.

    Raises:
        Incomplete: a listing holds a malformed block.
    """
    wanted: dict[str, Listing] = {}
    level, entered = [Listing(page_id)], set[str]()
    for _ in range(MAX_LEVELS + 1):
        following: list[Listing] = []
        for below in level:
            known = listings.get(below.id)
            if known is None and (below.id not in listings or not below.tolerated):
                wanted[below.id] = below if not below.tolerated else wanted.get(below.id, below)
            elif known and below.id not in entered:
                following += [one for raw in known for one in _below(listings, raw)]
            entered.add(below.id)
        level = following
    return list(wanted.values())


@dataclass(slots=True)
class _Assembly:
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
    own, waiting = set[str](), [page_id]
    while waiting:
        for raw in listings.get(waiting.pop()) or ():
            for below in _below(listings, raw):
                if not below.is_copy and below.id not in own:
                    own.add(below.id)
                    waiting.append(below.id)
    walk = _Assembly(listings, frozenset(own))
    return _level(walk, Listing(page_id, source=page_id), 0, foreign=False)


def _level(walk: _Assembly, at: Listing, depth: int, *, foreign: bool) -> Iterator[Block]:
    walk.entered |= {at.id, at.source}
    raws = walk.listings.get(at.id) or []
    for raw, number in zip(raws, numbers(raws), strict=True):
        found = read_block(raw, depth, number)
        if found.id in walk.shown:
            raise Incomplete(f"block {found.id} was moved while the page was read")
        walk.shown.add(found.id)
        belows = [(below, _note(walk, below)) for below in _below(walk.listings, raw)]
        closed = foreign or any(below.is_copy for below, _ in belows)
        if closed:
            found = replace(found, commentable=False)
        for _, note in belows:
            found = noted(found, note) if note else found
        yield found
        inner = depth if is_flat(found.type) else depth + 1
        for below, note in belows:
            if not note:
                yield from _level(walk, below, inner, foreign=closed)


def _note(walk: _Assembly, below: Listing) -> str:
    """Say why a block's content does not follow it; "" where it does."""
    if below.source in walk.entered or (below.is_copy and below.source in walk.own):
        return REPEATED
    if below.id not in walk.listings:
        return TOO_DEEP
    if walk.listings[below.id] is None:
        unread = f"Notion does not give its {below.part}" if below.part else UNREADABLE
        return NOT_SHARED if below.is_copy else unread
    return ""
