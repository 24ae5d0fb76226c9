"""Reading a page whole: blocks, properties, threads; and which pages a data source has."""

from __future__ import annotations

import asyncio
import re
from collections.abc import (
    AsyncIterator,
    Awaitable,
    Callable,
    Coroutine,
    Iterable,
    Mapping,
    Sequence,
)
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

import httpx

from daemon.domain.errors import Forbidden, Incomplete, Missing
from daemon.domain.notation import iso
from daemon.domain.records import SourceRow
from daemon.domain.values import Author, Block, Comment, Thread
from daemon.notion.blocks import file_name
from daemon.notion.properties import database_title, moment
from daemon.notion.rich_text import mentioned
from daemon.notion.to_markdown import markdown, plain
from daemon.notion.tree import Listing, Listings, assembled, missing


if TYPE_CHECKING:
    from daemon.notion.gateway import Gateway

Json = dict[str, Any]
T = TypeVar("T")

# A page object holds at most so many of them:
# https://developers.notion.com/reference/retrieve-a-page-property
REFERENCES = 25
_REFERRING = frozenset({"people", "relation", "rich_text", "title"})


class NotionReader(Protocol):
    """What is read of Notion; every list is whole, or an error says that it is not."""

    async def children(self, block_id: str) -> list[Json]:
        """List the blocks right below a page or a block."""

    async def block(self, block_id: str) -> Json:
        """Return one block."""

    async def comments(self, block_id: str) -> list[Json]:
        """List the open comments on a page or a block."""

    async def property_items(self, page_id: str, property_id: str) -> list[Json]:
        """List all items of one property's value."""


async def blocks(source: NotionReader, page_id: str) -> tuple[Block, ...]:
    """Read every block of a page, in document order, level by level and each level at once.

    Raises:
        NotionError: any request failed; a part of a page is never returned.
        Incomplete: an answer was malformed.
    """
    listings: Listings = {}
    while wanted := missing(listings, page_id):
        answers = await _together(_listing(source, one) for one in wanted)
        listings.update(zip((one.id for one in wanted), answers, strict=True))
    return tuple(assembled(listings, page_id))


async def _listing(source: NotionReader, wanted: Listing) -> list[Json] | None:
    """List a block's children; None where Notion refuses in a way that is no failure there."""
    try:
        found = await source.children(wanted.id)
        if wanted.part and not found:
            found = [await source.block(wanted.id)]
    except wanted.tolerated:
        return None
    return found


async def _together(jobs: Iterable[Coroutine[Any, Any, T]]) -> list[T]:
    """Run jobs at once and return their results in order; the first failure stops them all."""
    try:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(job) for job in jobs]
    except BaseExceptionGroup as failed:
        raise failed.exceptions[0] from None
    return [task.result() for task in tasks]


# Where Notion keeps files: https://developers.notion.com/reference/file-object
_OWN_FILE = re.compile(
    r"https://(?:[\w.-]+\.)?(?:amazonaws\.com|notion\.(?:so|com)|notion-static\.com)/"
)
# What models take, by the first bytes.
_IMAGES = {
    "image/png": re.compile(rb"\x89PNG"),
    "image/jpeg": re.compile(rb"\xff\xd8\xff"),
    "image/gif": re.compile(rb"GIF8"),
    "image/webp": re.compile(rb"RIFF.{4}WEBP", re.DOTALL),
}
_FILE_SECONDS = 30.0


async def image(source: Gateway, block_id: str, most: int) -> tuple[str, bytes] | None:
    """Return the type and bytes of an image that Notion itself keeps; None for any other.

    Its address is asked for anew, since it is signed and ends within the hour. None also where it
    has more bytes than `most`, or cannot be had.

    Raises:
        NotionError: Notion does not give the block.
    """
    value = (await source.block(block_id)).get("image") or {}
    url, data = str((value.get("file") or {}).get("url") or ""), b""
    if value.get("type") != "file" or not _OWN_FILE.match(url):
        return None
    try:
        async with asyncio.timeout(_FILE_SECONDS), source.files.stream("GET", url) as answer:
            async for part in answer.aiter_bytes():
                data += part
                if answer.status_code != httpx.codes.OK or len(data) > most:
                    return None
    except (httpx.HTTPError, TimeoutError):
        return None
    return next(((kind, data) for kind, begins in _IMAGES.items() if begins.match(data)), None)


async def page_properties(source: NotionReader, raw: Json, names: Iterable[str]) -> Json:
    """Return a page object with the full values of its title and the named properties.

    The page object cuts title, rich text, relations and people after 25.

    Raises:
        NotionError: a request failed.
    """
    wanted = set(names)
    values: Mapping[str, Json] = raw.get("properties") or {}
    cut = {
        name: value
        for name, value in values.items()
        if (name in wanted or value.get("type") == "title")
        and (kind := value.get("type")) in _REFERRING
        and (value.get("has_more") or len(value.get(kind) or ()) >= REFERENCES)
    }
    full = await _together(_full_value(source, raw["id"], value) for value in cut.values())
    return {**raw, "properties": {**values, **dict(zip(cut, full, strict=True))}}


async def _full_value(source: NotionReader, page_id: str, value: Json) -> Json:
    kind = value["type"]
    items = await source.property_items(page_id, value["id"])
    try:
        return {**value, kind: [item[kind] for item in items]}
    except (KeyError, TypeError):
        raise Incomplete(f"Notion sent a {kind} property with a hole; it is read again") from None


async def threads(
    source: NotionReader,
    page_id: str,
    block_ids: Sequence[str],
    author: Callable[[Json], Awaitable[Author]],
) -> tuple[tuple[Thread, ...], bool]:
    """Read the page's own discussions and those of the given blocks.

    Args:
        source: Where to read.
        page_id: The page.
        block_ids: The blocks whose comments are asked for; a request each.
        author: Gives the author of a raw comment.

    Returns:
        The threads in list order, and False where Notion refuses comments altogether.

    Raises:
        Missing: the page or a block is gone.
        NotionError: another request failed.
    """
    try:
        first = await source.comments(page_id)
    except Forbidden:
        return (), False
    others = await _together(source.comments(block_id) for block_id in block_ids)
    return await _grouped([first, *others], author), True


async def discussions(
    source: NotionReader, places: Sequence[str], author: Callable[[Json], Awaitable[Author]]
) -> tuple[tuple[Thread, ...], frozenset[str]]:
    """Read the discussions of some places of a page: blocks, or the page under its own id.

    Args:
        source: Where to read.
        places: At least one; the first alone, so that a refusal costs one request.
        author: Gives the author of a raw comment.

    Returns:
        The threads in list order, and the places that are gone.

    Raises:
        Forbidden: Notion refuses comments altogether.
        NotionError: another request failed.
    """
    first = await _comments(source, places[0])
    answers = [first, *await _together(_comments(source, place) for place in places[1:])]
    gone = (place for place, answer in zip(places, answers, strict=True) if answer is None)
    found = [answer for answer in answers if answer is not None]
    return await _grouped(found, author), frozenset(gone)


async def _comments(source: NotionReader, place: str) -> list[Json] | None:
    try:
        return await source.comments(place)
    except Missing:
        return None


async def _grouped(
    answers: Iterable[list[Json]], author: Callable[[Json], Awaitable[Author]]
) -> tuple[Thread, ...]:
    found: dict[str, Json] = {}
    for raw in (raw for answer in answers for raw in answer):
        needed = ("id", "discussion_id", "parent", "created_by", "rich_text")
        if not isinstance(raw, dict) or any(raw.get(name) is None for name in needed):
            raise Incomplete("Notion sent a comment with a hole; the page is read again")
        found.setdefault(raw["id"], raw)
    comments: dict[str, list[Comment]] = {}
    places: dict[str, str | None] = {}
    for raw in found.values():
        thread_id = raw["discussion_id"]
        places.setdefault(thread_id, raw["parent"].get("block_id"))
        comments.setdefault(thread_id, []).append(_comment(raw, await author(raw)))
    return tuple(
        Thread(thread_id, places[thread_id], tuple(said)) for thread_id, said in comments.items()
    )


def _comment(raw: Json, author: Author) -> Comment:
    created = moment(raw.get("created_time"))
    attached = []
    for item in raw.get("attachments") or ():
        # The address of an attachment is signed, so only its name is shown.
        name = file_name({"file": item.get("file") or {}})
        kind = item.get("category") or "file"
        attached.append(f"[attached {kind}: {name}]" if name else f"[attached {kind}]")
    return Comment(
        id=raw["id"],
        author=author,
        created=created,
        text="\n".join(filter(None, [markdown(raw["rich_text"]), *attached])),
        plain="\n".join(filter(None, [plain(raw["rich_text"]), *attached])),
        edited=moment(raw.get("last_edited_time") or raw.get("created_time")),
        mentions=mentioned(raw["rich_text"]),
    )


# Edits show up late in queries, and their times are floored to the minute.
LOOKBACK = timedelta(minutes=10)
_MINUTE = timedelta(minutes=1)


async def walk(
    notion: Gateway, source: SourceRow, gaps: list[datetime], *, whole: bool
) -> AsyncIterator[list[Json]]:
    """Yield the rows of a data source, page by page: those edited since its checkpoint, or all.

    Where Notion stops at its cap of rows, the walk goes on from the last one. Where one minute
    holds more rows than that, it is walked from its other end too, and the walk goes on after it.
    The minute is added to `gaps` where the two ends do not meet.

    The census walks by creation, which no edit moves, as Notion advises for large sources
    (https://github.com/makenotion/notion-cookbook, query-large-data-sources).
    """
    field = "created_time" if whole else "last_edited_time"
    since = None if whole or source.checkpoint is None else source.checkpoint - LOOKBACK
    while True:
        capped, last, seen = False, since, set[str]()
        query: dict[str, Any] = {"sorts": _sorts(field, "ascending")}
        if since is not None:
            query["filter"] = _condition(field, "on_or_after", since)
        async for page in notion.query(source.id, **query):
            seen |= {row["id"] for row in page.rows}
            yield list(page.rows)
            capped = capped or page.capped
            last = moment(page.rows[-1][field]) if page.rows else last
        if not capped:
            return
        if last is None:
            raise Incomplete(
                f"data source {source.id}: Notion lists nothing and says there is more"
            )
        if last != since:
            since = last
            continue
        met = False
        async for page in notion.query(source.id, **_minute_from_its_end(field, since)):
            met = met or any(row["id"] in seen for row in page.rows)
            yield list(page.rows)
        if not met:
            gaps.append(since)
        since += _MINUTE


def _minute_from_its_end(field: str, minute: datetime) -> dict[str, Any]:
    bounds = [
        _condition(field, "on_or_after", minute),
        _condition(field, "before", minute + _MINUTE),
    ]
    return {"sorts": _sorts(field, "descending"), "filter": {"and": bounds}}


def _sorts(field: str, direction: str) -> list[dict[str, str]]:
    """Sort by a time; what shares its minute by the other time."""
    other = {"created_time": "last_edited_time", "last_edited_time": "created_time"}[field]
    return [{"timestamp": name, "direction": direction} for name in (field, other)]


def _condition(field: str, comparison: str, at: datetime) -> dict[str, Any]:
    floored = at.replace(second=0, microsecond=0)
    return {"timestamp": field, field: {comparison: iso(floored)}}


async def newest(notion: Gateway, source_id: str) -> datetime | None:
    """Return the time of the newest edit of any row; None where there is no row."""
    listed = notion.query(source_id, sorts=_sorts("last_edited_time", "descending"))
    first = await anext(aiter(listed), None)
    return moment(first.rows[0]["last_edited_time"]) if first and first.rows else None


async def edited(notion: Gateway, source_id: str, since: datetime) -> AsyncIterator[Json]:
    """Yield the pages of a data source that were edited since then, the latest first.

    Raises:
        NotionError, Unavailable: A request failed.
    """
    async for found in notion.query(source_id, sorts=_sorts("last_edited_time", "descending")):
        for raw in found.rows:
            if moment(raw["last_edited_time"]) < since:
                return
            yield raw


async def data_sources(notion: Gateway, given: str) -> list[tuple[str, str, str]]:
    """Return (id, title, database id) of each data source of a database.

    `given` may be a data source itself.

    Raises:
        Missing: There is no such database that this connection may read.
        NotionError, Unavailable: A request failed.
    """
    try:
        database = await notion.database(given)
    except Missing:
        source = await notion.data_source(given)
        title = database_title(source)
        return [(source["id"], title, (source.get("parent") or {}).get("database_id", given))]
    title = database_title(database)
    if not database.get("data_sources"):
        raise Missing(f"database {given} has no data source that this connection may read")
    return [(one["id"], title, database["id"]) for one in database["data_sources"]]
