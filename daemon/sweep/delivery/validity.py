"""Whether a comment still has its place on the page, looked at just before it is posted."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

from daemon.domain.change import Reviewed
from daemon.domain.due import SAME_MINUTE
from daemon.domain.errors import Missing
from daemon.domain.records import (
    BLOCK_LEFT,
    THREAD_CLOSED,
    DraftState,
    FindingRow,
    MessageKind,
    OutboxMessage,
    PageRow,
)
from daemon.domain.values import Block, Finding, Snapshot
from daemon.notion import blocks, properties
from daemon.review.handles import Handles
from daemon.review.points import gone_words, standing_in
from daemon.review.quotes import fold, is_taken, unmarked_line
from daemon.store import drafts, findings, outbox, pages, reviews
from daemon.store.reviews import ReviewedText
from daemon.sweep.context import Context
from daemon.sweep.snapshot import leave, not_ours, settings_of


# Blocks above one another; Notion nests far fewer.
DEEPEST = 100
CHANGED, GONE = "changed since", "is gone"
TEXT_GONE = "the text it was made on is gone"


class Away(Exception):
    """The page is in the trash or not shared: its messages wait for its return."""


async def page(context: Context, page_id: str) -> dict[str, Any]:
    """Return the page object.

    Raises:
        Away: It cannot be read now.
    """
    try:
        raw = await context.notion.page(page_id)
    except Missing as error:
        raise Away from error
    if raw.get("in_trash"):
        raise Away
    return raw


WhyNot = Callable[[OutboxMessage], Awaitable[str]]


async def checker(context: Context, page_id: str) -> tuple[WhyNot, bool]:
    """Return what says of a page's messages why each is not sent any more; "" where it is.

    And whether that holds for good.

    A page that this sweep read whole, that still shows the edit time of that reading and was read
    clear of its minute, still says what was reviewed: one request. Else the block of each message
    is read again, up to its page. A page that is not ours any more gets none of them.

    Raises:
        Away: The page cannot be read now.
    """
    row = pages.page(context.state, page_id)
    if row is None:  # a prompt page is in no database
        return partial(overtaken, context), False
    raw = await page(context, page_id)
    if left := not_ours(context.state, settings_of(context, row, raw), raw):
        leave(context, _unsaid(context, row), raw, left)
    edited = properties.moment(raw.get("last_edited_time"))
    read_at = row.read_at if row.edited == edited else None
    is_clear = read_at is not None and edited + SAME_MINUTE <= read_at
    on_page = {page_id}

    async def why_not(message: OutboxMessage) -> str:
        if left:
            return left
        # A message older than the last reading comes from an earlier review.
        in_hand = is_clear and page_id in context.readings.whole
        is_read = in_hand and read_at is not None and read_at <= message.created_at
        if message.place != page_id and not is_read:
            gone = THREAD_CLOSED if message.kind is MessageKind.REPLY else TEXT_GONE
            why = await _displaced(context, message, on_page, gone)
            if why:
                return why
        return await overtaken(context, message)

    return why_not, bool(left)


def _unsaid(context: Context, row: PageRow) -> PageRow:
    """Return the row of a page whose review is not posted: on its return it is reviewed anew."""
    waiting = outbox.undelivered(context.state, row.id)
    is_review = any(one.kind is not MessageKind.REPLY for one in waiting)
    return replace(row, hash=None) if is_review else row


async def _displaced(context: Context, message: OutboxMessage, on_page: set[str], gone: str) -> str:
    """Say why a message's block, or the words that a finding quotes, are not on its page."""
    try:
        block = await context.notion.block(message.place)
        if block.get("in_trash"):
            return gone
        if not await _is_on_page(context, block, on_page):
            return BLOCK_LEFT
    except Missing:
        return gone
    if message.raises is None:
        return ""
    stored = findings.get(context.state, message.raises)
    # The quote stands there word for word; a likeness is not enough.
    text = fold(blocks.read_block(block, 0).plain).text
    return "" if stored and fold(stored.finding.quote).text in text else gone


async def _is_on_page(context: Context, block: dict[str, Any], on_page: set[str]) -> bool:
    """Tell whether a block stands on a page, or below a block that does; add what does."""
    way = [str(block["id"])]
    for _ in range(DEEPEST):
        parent = block.get("parent") or {}
        holder = str(parent.get("page_id") or parent.get("block_id"))
        if holder in on_page:
            on_page.update(way)
            return True
        if not parent.get("block_id"):
            return False
        way.append(holder)
        block = await context.notion.block(holder)
    return False


async def overtaken(context: Context, message: OutboxMessage) -> str:
    """Say why a reply that waited for approval is not wanted any more; "" where it is.

    Others are sent as soon as they are written. While this one waited, its thread may have been
    closed, somebody may have written there, or the question may have been edited.
    """
    if message.last_seen is None or not _was_approved(context, message):
        return ""
    try:
        listed = await context.notion.comments(message.place)
    except Missing:
        return THREAD_CLOSED
    thread = [one for one in listed if one.get("discussion_id") == message.target]
    if not thread:
        return THREAD_CLOSED
    if thread[-1]["id"] != message.last_seen:
        return "the thread went on while it waited for approval"
    if properties.moment(thread[-1]["last_edited_time"]) > message.created_at:
        return "the comment that it answers was edited while it waited for approval"
    return ""


def _was_approved(context: Context, message: OutboxMessage) -> bool:
    draft = drafts.draft(context.state, message.review_id) if message.review_id else None
    return draft is not None and draft.state is DraftState.APPROVED


def _named_then(
    row: FindingRow, read: ReviewedText | None, blocks_now: Sequence[Block] = ()
) -> dict[str, str]:
    """Return the other blocks that a finding's text names: their text then, by id.

    Where the text that its review `read` was deleted, `blocks_now` stand for it.
    """
    made, then = row.finding, list(blocks_now)
    if read:
        then = [
            Block(one.id, one.type, one.depth, one.text, unmarked_line(one.text))
            for one in read.lines
            if one.text
        ]
    stand = [one.id for one in standing_in(made, then)]
    home = stand[0] if len(stand) == 1 else made.block_id
    named = Handles.over(then, made.text).named_in(made.text, home)
    return {one.id: unmarked_line(one.line) for one in then if one.id in named}


def named_since(
    row: FindingRow,
    snapshot: Snapshot,
    read: ReviewedText | None,
    last: Reviewed | None,
    again: Reviewed | None = None,
) -> dict[str, str]:
    """Return the other blocks that a finding's text names, by id, and what became of each since.

    `read` is what the review read that made the finding, `last` what the last one did. What became
    of a block is `CHANGED`, or `GONE` with the first words that were read there last, or "" where
    the text of the block still stands. One that reads as it did then changed all the same where it
    read otherwise `again`, when the finding was opened again.
    """
    texts = {unmarked_line(one.line): one.id for one in reversed(snapshot.blocks)}
    stands, found = {one.id for one in snapshot.blocks if one.line}, dict[str, str]()
    lines, ended = dict(again.blocks) if again else {}, dict(last.blocks) if last else {}
    for id_, text in _named_then(row, read, snapshot.blocks).items():
        gone = f"{GONE}: “{gone_words(unmarked_line(ended.get(id_, '')) or text)}”"
        now, line = texts.get(text, id_), lines.get(texts.get(text, id_))
        is_as_then = text in texts and (line is None or unmarked_line(line) == text)
        found[now] = "" if is_as_then else CHANGED if now in stands else gone
    return found


def has_taken(finding: Finding, snapshot: Snapshot) -> bool:
    """Tell whether the block of a finding says what it offers in place of its quote."""
    block = snapshot.by_id.get(finding.block_id)
    return block is not None and is_taken(finding.instead, finding.quote, block.plain)


async def is_overtaken(context: Context, row: FindingRow, snapshot: Snapshot | None) -> bool:
    """Tell whether a block that a finding's text names changed or went since it was made.

    Without a snapshot each is read.
    """
    read = reviews.text(context.state, row.review_id)
    if snapshot:
        return any(named_since(row, snapshot, read, None).values())
    for block_id, text in _named_then(row, read).items():
        try:
            block = await context.notion.block(block_id)
        except Missing:
            return True
        now = unmarked_line(blocks.read_block(block, 0).line)
        if block.get("in_trash") or fold(now).text != fold(text).text:
            return True
    return False
