"""The team's other documents: which are remembered, when they are read, what a review is told."""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Any

from daemon.config import Database
from daemon.domain.errors import NotionError, Unavailable
from daemon.domain.notation import leads_elsewhere
from daemon.domain.passages import Linked, Passage, Picture, RememberedPage, Unread
from daemon.domain.providers import OFFLINE
from daemon.domain.values import Block, Snapshot
from daemon.notion import properties, reading
from daemon.notion.gateway import Gateway
from daemon.review.excerpt import PASSAGE_CHARS
from daemon.store import memory, pages
from daemon.sweep.context import Context, ReviewContext, Session, Target
from daemon.sweep.snapshot import config_ids, selected


# Requests of one sweep for reading documents that are only remembered.
READ_REQUESTS = 60
# Passages that a review is told of at first, and at most in one look-up.
SHOWN, FOUND = 8, 5
# A shorter block says too little to be near to anything.
LEAST_WORDS = 5
# Of its heading a passage shows so much, and what is longer than a passage is cut between words.
HEADING_CHARS = 100
_PIECE = re.compile(
    r"\S.{{0,{0}}}(?!\S)|\S.{{0,{0}}}".format(PASSAGE_CHARS - HEADING_CHARS - 2), re.DOTALL
)
# Of one document: how many linked pages are read, how much of them all, and the most requests for
# one page.
LINKED_PAGES, LINKED_CHARS, LINKED_REQUESTS = 8, 20_000, 10
# And how many images are shown, and bytes of them all.
IMAGES, IMAGE_BYTES = 5, 3_000_000
_FILES = {"image": Unread.IMAGE} | dict.fromkeys(("audio", "file", "pdf", "video"), Unread.FILE)


def standing(settings: Database, raw: Mapping[str, Any]) -> str | None:
    """Return what makes a document decided, "" for another that is remembered, None for neither."""
    wanted = settings.memory
    if wanted is None or raw.get("in_trash") or raw.get("is_archived"):
        return None
    if selected(wanted.decided, raw):
        values = properties.read_values(raw)
        return ", ".join(properties.property_text(values[name]) for name in wanted.decided)
    return "" if wanted.others else None


def note(
    context: Context, target: Target, source_id: str, raws: Iterable[Mapping[str, Any]]
) -> None:
    """Note which of some listed documents are remembered; what is so no more is forgotten."""
    if target.settings.memory is None:
        return
    kept, others = [], []
    for raw in raws:
        found = standing(target.settings, raw)
        if found is None:
            others.append(str(raw["id"]))
        else:
            kept.append(_page(raw, source_id, found))
    memory.note(context.state, kept)
    memory.drop(context.state, memory.known(context.state, others))


def _page(raw: Mapping[str, Any], source_id: str, found: str) -> RememberedPage:
    edited = properties.moment(raw.get("last_edited_time"))
    return RememberedPage(
        raw["id"], source_id, properties.title(raw), raw.get("url") or "", found, edited
    )


def keep_listed(context: Context, source_id: str, listed: Collection[str]) -> None:
    """Forget what a whole listing of a data source does not show any more."""
    memory.drop(context.state, memory.ids_of(context.state, source_id).difference(listed))


def keep(context: Context, target: Target, snapshot: Snapshot) -> None:
    """Keep the text of a page that was read for a review, where it is remembered."""
    page = snapshot.page
    if target.settings.memory and memory.known(context.state, [page.id]):
        memory.save_passages(context.state, page.id, page.edited, passages(snapshot.blocks))


def passages(blocks: Iterable[Block]) -> Iterator[tuple[str, str]]:
    """Yield what is found and shown at once: the id of its first block, and its text.

    That is as many blocks in a row as there is room for, below their heading.
    """
    heading, first, text = "", "", ""
    for block in blocks:
        for piece in _PIECE.findall(block.line if block.is_heading else block.plain):
            if text and len(text) + len(piece) >= PASSAGE_CHARS:
                yield first, text
                text = ""
            if not text:
                first, text = block.id, "" if block.is_heading else heading
            text += f"\n{piece}" if text else piece
        heading = block.line[:HEADING_CHARS] if block.is_heading else heading
    if text:
        yield first, text


async def read(context: Context, targets: Mapping[str, Target]) -> None:
    """Read documents that are remembered and whose text is not known as it is, the newest first.

    In a sweep that reviewed nothing, until a share of the requests is spent; the next sweep goes
    on. One that Notion does not give is forgotten until it is listed again.
    """
    remembering = (one.id for one in context.config.databases if one.memory)
    configured = pages.source_ids(context.state, remembering)
    if others := memory.ids_elsewhere(context.state, configured):
        memory.drop(context.state, others)
    sources = [id_ for id_ in configured if id_ in targets]
    spent = context.notion.requests
    if not sources or context.tally.reviewed:
        return
    for page in memory.unread(context.state, sources, READ_REQUESTS):
        if context.notion.requests - spent >= READ_REQUESTS or context.tally.halted:
            return
        target = targets[page.source_id]
        try:
            raw = await context.notion.page(page.id)
            is_there = target.settings.id in config_ids(context.state, raw)
            found = standing(target.settings, raw) if is_there else None
            if found is None:
                memory.drop(context.state, [page.id])
                continue
            blocks = await reading.blocks(context.notion, page.id)
        except NotionError as error:
            memory.drop(context.state, [page.id])
            context.emit("memory.not_read", page=page.id, why=str(error))
            continue
        now = _page(raw, page.source_id, found)
        with context.state.atomic():
            memory.note(context.state, [now])
            memory.save_passages(context.state, page.id, now.edited, passages(blocks))
        context.emit("memory.read", title=now.title, standing=now.standing)


def told(context: Context, target: Target, snapshot: Snapshot) -> list[Passage] | None:
    """Return the passages of other documents that are nearest to a document.

    None where its reviews are told of none.
    """
    sources = _sources(context, target)
    saying = (block.plain for block in snapshot.blocks if block.type != "code")
    texts = [text for text in saying if len(text.split()) >= LEAST_WORDS]
    found = memory.nearest(context.state, texts, sources, snapshot.page.id, SHOWN)
    return found if sources else None


def with_look_ups(context: Context, made_with: ReviewContext, session: Session) -> ReviewContext:
    """Let a review look up more of what it may be told of."""
    sources, page_id = _sources(context, session.target), session.snapshot.page.id

    def look_up(words: str) -> list[Passage]:
        return memory.nearest(context.state, [words], sources, page_id, FOUND)

    return replace(made_with, look_up=look_up)


async def linked(context: Context, target: Target, snapshot: Snapshot) -> Linked | None:
    """Read the pages that a document's own text links to, one level, and say what is not read.

    Those that its reviews may be told of: pages of its own database, those that other databases
    share with it, and those within it. With `images` its own images, too. Whatever goes wrong with
    one, the review goes on. None where nothing of that is read; the rules read the page alone.
    """
    is_told = bool(_telling(context, target))
    if not (is_told or target.settings.images) or target.models == (OFFLINE,):
        return None
    images = await _images(context, snapshot) if target.settings.images else ()
    shown = {one.block_id for one in images}
    pages_read, unread, room = list[tuple[str, str]](), list[tuple[Unread, str]](), LINKED_CHARS
    for block in snapshot.blocks:
        is_site = block.type not in _FILES and leads_elsewhere(block.line)
        why = _FILES.get(block.type) or (Unread.SITE if is_site else None)
        unread += [(why, block.id)] if why and block.id not in shown else []
    at = {id_: block.id for block in reversed(snapshot.blocks) for id_ in block.pages if is_told}
    at.pop(snapshot.page.id, None)
    for page_id in sorted(at, key=[id_ for one in snapshot.blocks for id_ in one.pages].index):
        found: tuple[str, str] | Unread = Unread.LONG
        if room > 0 and len(pages_read) < LINKED_PAGES:
            found = await _linked(context, target, snapshot, page_id)
        if isinstance(found, Unread):
            unread.append((found, at[page_id]))
            continue
        title, text = found
        unread += [(Unread.LONG, at[page_id])] if len(text) > room else []
        pages_read.append((title, text[:room]))
        room -= len(text)
    return Linked(tuple(pages_read), tuple(unread), tuple(images))


async def _images(context: Context, snapshot: Snapshot) -> list[Picture]:
    """Return the first images of a document that Notion keeps, within the bounds."""
    found, room = list[Picture](), IMAGE_BYTES
    for block in [one for one in snapshot.blocks if one.type == "image"][:IMAGES]:
        with suppress(NotionError, Unavailable):
            if image := await reading.image(context.notion, block.id, room):
                kind, data = image
                found.append(Picture(block.id, kind, b64encode(data).decode()))
                room -= len(data)
    return found


async def _linked(
    context: Context, target: Target, snapshot: Snapshot, page_id: str
) -> tuple[str, str] | Unread:
    """Return title and text of a linked page, or why it is not read."""
    try:
        raw = await context.notion.page(page_id)
        if not _may_be_told(context, target, snapshot, raw):
            return Unread.ELSEWHERE
        blocks = await reading.blocks(_Within(context.notion, LINKED_REQUESTS), page_id)
    except _TooLong:
        return Unread.LONG
    except (NotionError, Unavailable):
        return Unread.REFUSED
    lines = ("  " * block.depth + block.line for block in blocks if block.line)
    return properties.title(raw), "\n".join(lines)


def _may_be_told(
    context: Context, target: Target, snapshot: Snapshot, raw: Mapping[str, Any]
) -> bool:
    """Tell whether a review of a document may be told of a page that it links to."""
    if raw.get("in_trash") or raw.get("is_archived"):
        return False
    if raw["id"] in (one.id for one in snapshot.blocks if one.type == "child_page"):
        return True
    where = config_ids(context.state, raw)
    return any(
        one.id in where and (one.id == target.settings.id or standing(one, raw) is not None)
        for one in _telling(context, target)
    )


class _TooLong(NotionError):
    """A page takes more requests than are granted."""


class _Within:
    """Reads blocks through the gateway, with so many requests at most."""

    def __init__(self, notion: Gateway, requests: int) -> None:
        self._notion, self._left = notion, requests
        self.block, self.comments = notion.block, notion.comments
        self.property_items = notion.property_items

    async def children(self, block_id: str) -> list[dict[str, Any]]:
        return await self._notion.children(block_id, self._count)

    def _count(self) -> None:
        self._left -= 1
        if self._left < 0:
            raise _TooLong("it takes more requests than are granted")


def _sources(context: Context, target: Target) -> Sequence[str]:
    """Return the data sources that the reviews of a database may be told of."""
    return pages.source_ids(context.state, (one.id for one in _telling(context, target)))


def _telling(context: Context, target: Target) -> Sequence[Database]:
    """Return the databases whose documents the reviews of a database may be told of.

    Its own, and those that share their documents with it.
    """
    settings = target.settings
    return [
        one
        for one in context.config.databases
        if one.memory and (one.id == settings.id or settings.name in one.memory.share)
    ]
