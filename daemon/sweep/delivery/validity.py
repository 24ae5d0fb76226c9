"""Whether a comment still has its place on the page, looked at just before it is posted."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from daemon.sweep.context import Context
from daemon.domain.due import SAME_MINUTE
from daemon.domain.errors import Missing
from daemon.notion import canonical as text
from daemon.review.quotes import fold
from daemon.store import drafts, findings, pages
from daemon.store.drafts import DraftState
from daemon.store.pages import PageRow
from daemon.store.reviews import THREAD_CLOSED, Letter


class Away(Exception):
    """The page is in the trash or not shared: its letters wait for its return."""


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


async def checker(context: Context, page_id: str) -> Callable[[Letter], Awaitable[bool]]:
    """Return the check of a page's findings.

    A page that shows the edit time it was last read at, and was read clear of that minute, still
    says what that reading reviewed: one request. Else each finding's block is read again.

    Raises:
        Away: The page cannot be read now.
    """
    raw = await page(context, page_id)
    row = pages.page(context.state, page_id)

    async def stands(letter: Letter) -> bool:
        if row is not None and _is_unchanged(row, raw, letter):
            return True
        return await _quote_stands(context, letter)

    return stands


def _is_unchanged(row: PageRow, raw: dict[str, Any], letter: Letter) -> bool:
    """Tell whether the page says what it said when the letter was written."""
    edited = text.moment(raw.get("last_edited_time"))
    if row.read_at is None or row.edited != edited or row.read_at < edited + SAME_MINUTE:
        return False
    # A letter older than the last reading comes from an earlier review.
    return letter.created_at >= row.read_at


async def _quote_stands(context: Context, letter: Letter) -> bool:
    """Tell whether the quote stands in its block word for word; a likeness is not enough."""
    stored = findings.one(context.state, letter.finding_id or 0)
    try:
        raw = await context.notion.block(letter.target)
    except Missing:
        return False
    if raw.get("in_trash") or stored is None:
        return False
    return fold(stored.finding.quote).text in fold(text.block(raw, 0, None).plain).text


async def overtaken(context: Context, letter: Letter) -> str:
    """Say why a reply that waited for approval is not wanted any more; "" where it is.

    Others are sent as soon as they are written. While this one waited, its thread may have been
    closed, somebody may have written there, or the question may have been edited.
    """
    if letter.last_seen is None or not _has_waited(context, letter):
        return ""
    try:
        listed = await context.notion.comments(letter.place)
    except Missing:
        return THREAD_CLOSED
    thread = [one for one in listed if one.get("discussion_id") == letter.target]
    if not thread:
        return THREAD_CLOSED
    if thread[-1]["id"] != letter.last_seen:
        return "the thread went on while it waited for approval"
    if text.moment(thread[-1]["last_edited_time"]) > letter.created_at:
        return "the comment that it answers was edited while it waited for approval"
    return ""


def _has_waited(context: Context, letter: Letter) -> bool:
    draft = drafts.draft(context.state, letter.review_id) if letter.review_id else None
    return draft is not None and draft.state is DraftState.APPROVED
