"""Delivery exactly once: intent, sending, posted; what is unclear is settled by reading.

A letter is committed as `intent` together with the review that it comes from, and as `sending`
before its POST. One that is found in `sending` or `unclear` may stand on the server: the listing
of its place is searched for an own comment with its text before anything is sent again.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from itertools import groupby
from typing import Any

from daemon.context import Context
from daemon.domain import Finding
from daemon.due import SAME_MINUTE
from daemon.errors import Forbidden, Invalid, Missing, Unavailable, Unclear
from daemon.notion import text, writing
from daemon.review.quotes import locate
from daemon.store import pages, reviews
from daemon.store.reviews import FindingState, Kind, Letter, Sending


# A letter is sent, found unclear and settled at most so often in one delivery.
PASSES = 3


async def deliver(context: Context, page_id: str | None = None) -> None:
    """Send every letter that waits, of one page or of all, replies first.

    Raises:
        Forbidden: The connection may not comment.
        TokenRefused: The token is not valid any more.
        Unavailable: Notion cannot be reached; what is left waits.
    """
    for _ in range(PASSES):
        letters = reviews.undelivered(context.state, page_id)
        if not letters:
            return
        by_page = sorted(letters, key=lambda letter: letter.page_id)
        for of_page, group in groupby(by_page, key=lambda letter: letter.page_id):
            await _deliver_page(context, of_page, list(group))


async def _deliver_page(context: Context, page_id: str, letters: list[Letter]) -> None:
    letters.sort(key=lambda letter: letter.kind is not Kind.REPLY)
    still_stands = await _checker(context, page_id, letters)
    if still_stands is None:
        return
    for letter in letters:
        if letter.state is not Sending.INTENT and await _is_there(context, letter):
            continue
        if letter.kind is Kind.FINDING and not await still_stands(letter):
            _drop(context, letter, "the text it was made on is gone")
            continue
        await _send(context, letter)


async def _checker(
    context: Context, page_id: str, letters: list[Letter]
) -> Callable[[Letter], Any] | None:
    """Return the check of a finding just before it is posted, None where the page is away.

    A page that shows the edit time it was read at, and was read clear of that minute, still says
    what was reviewed: one request. Otherwise each finding's block is read again.
    """
    if not any(letter.kind is Kind.FINDING for letter in letters):
        return _always
    row = pages.page(context.state, page_id)
    try:
        raw = await context.notion.page(page_id)
    except Missing:
        return None  # trashed or not shared: its letters wait for its return
    if raw.get("in_trash") or row is None:
        return None
    edited = text.moment(raw["last_edited_time"])
    clear = row.read_at is not None and row.read_at >= edited + SAME_MINUTE
    if clear and edited == row.edited:
        return _always
    return lambda letter: _quote_stands(context, letter)


async def _always(_: Letter) -> bool:
    return True


async def _quote_stands(context: Context, letter: Letter) -> bool:
    finding = _finding(context, letter)
    try:
        raw = await context.notion.block(letter.target)
    except Missing:
        return False
    if raw.get("in_trash") or finding is None:
        return False
    return locate(finding.quote, text.block(raw, 0, None).plain) is not None


def _finding(context: Context, letter: Letter) -> Finding | None:
    stored = reviews.findings(context.state, letter.page_id)
    return next((one.finding for one in stored if one.id == letter.finding_id), None)


async def _is_there(context: Context, letter: Letter) -> bool:
    """Settle a letter that may have been saved: look for it where it would stand."""
    if letter.kind is Kind.EDIT:
        return False  # doing an edit twice is doing it once
    bot = await context.people.bot_id()
    try:
        listed = await context.notion.comments(letter.place)
    except Missing:
        return False
    taken = reviews.own_comments(context.state, letter.page_id)
    for comment in listed:
        if comment["id"] not in taken and _is_it(comment, letter, bot):
            _record(context, letter, comment)
            return True
    reviews.mark(context.state, letter.key, Sending.INTENT, "was not saved")
    return False


def _is_it(comment: dict[str, Any], letter: Letter, bot: str) -> bool:
    if (comment.get("created_by") or {}).get("id") != bot:
        return False
    if letter.kind is Kind.REPLY and comment["discussion_id"] != letter.target:
        return False
    sent = writing.plain_text(writing.rich_text(letter.body))
    return writing.same_text(text.plain(comment.get("rich_text") or []), sent)


async def _send(context: Context, letter: Letter) -> None:
    state = context.state
    reviews.mark(state, letter.key, Sending.SENDING)
    try:
        answer = await _post(context, letter)
    except Unclear as error:
        reviews.mark(state, letter.key, Sending.UNCLEAR, str(error))
        context.tell("comment.unclear", page=letter.page_id, kind=letter.kind, why=str(error))
    except Missing:
        _drop(context, letter, _GONE[letter.kind])
    except Invalid as error:
        _drop(context, letter, str(error))
    except (Forbidden, Unavailable) as error:
        reviews.mark(state, letter.key, Sending.INTENT, str(error))
        raise
    else:
        _record(context, letter, answer)


_GONE = {
    Kind.FINDING: "the block is gone",
    Kind.REPLY: "the thread was resolved or deleted",
    Kind.SUMMARY: "the page is gone",
    Kind.EDIT: "the summary was deleted by people",
}


async def _post(context: Context, letter: Letter) -> dict[str, Any]:
    words = writing.rich_text(letter.body)
    match letter.kind:
        case Kind.FINDING:
            target: dict[str, Any] = {"parent": {"block_id": letter.target}}
        case Kind.SUMMARY:
            target = {"parent": {"page_id": letter.target}}
        case Kind.REPLY:
            target = {"discussion_id": letter.target}
        case Kind.EDIT:
            return await context.notion.edit_comment(letter.target, words)
    return await context.notion.post_comment(target, words, letter.name)


def _record(context: Context, letter: Letter, comment: dict[str, Any]) -> None:
    with context.state.atomic():
        reviews.posted(
            context.state,
            letter,
            comment["id"],
            # Without the capability to read comments the answer holds the id alone.
            comment.get("discussion_id"),
            context.notion.now,
        )
    context.posted[letter.kind] += 1
    context.tell("comment.posted", page=letter.page_id, kind=letter.kind, text=letter.body)


def _drop(context: Context, letter: Letter, why: str) -> None:
    with context.state.atomic():
        reviews.mark(context.state, letter.key, Sending.DROPPED, why)
        if letter.finding_id is not None:
            reviews.set_finding(context.state, letter.finding_id, FindingState.STALE)
    context.tell("comment.dropped", page=letter.page_id, kind=letter.kind, why=why)


async def preview(context: Context, page_id: str | None = None) -> None:
    """Print what would be posted, one JSON object a line, in place of posting it."""
    import click

    for letter in reviews.undelivered(context.state, page_id):
        place = {"page": letter.page_id, "kind": letter.kind.value, "target": letter.target}
        words = {"reviewer": letter.name, "text": letter.body}
        click.echo(json.dumps(place | words, ensure_ascii=False))
        reviews.mark(context.state, letter.key, Sending.POSTED)
        context.posted[letter.kind] += 1
