"""Taking back what a review posted: deleted, or edited where a person has answered it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from daemon.sweep.delivery import recovery as settle, validity as standing
from daemon.sweep.context import Context
from daemon.domain.values import AuthorKind
from daemon.domain.errors import Forbidden, Missing, ReviewError
from daemon.domain.findings import Event
from daemon.notion import from_markdown as writing
from daemon.sweep.people import PageAuthors
from daemon.sweep.delivery.recovery import Fate
from daemon.store import drafts, findings, history, sweeps as ledger, reviews
from daemon.store.drafts import DraftState
from daemon.store.reviews import Kind, Letter, Sending
from daemon.sweep.orphans import WITHDRAWN


NOTE = "retracted"
_NOT_SENT = (Sending.INTENT, Sending.HELD)


class Unknown(ReviewError):
    """There is no such review."""

    exit_code = 2


async def retract(context: Context, review_id: int) -> list[str]:
    """Take a review back; return a line for each of its comments.

    What is on its way is held back first, so that nothing of it is posted any more.

    Raises:
        Unknown: The state knows no such review.
        Missing: The page is away; its comments are taken back when it is there again.
        ReviewError: Notion refused; what is done stays done, and the rest can be tried again.
    """
    held = history.review(context.state, review_id)
    if held is None:
        raise Unknown(
            f"review {review_id}: is not in the state; notion-review explain PAGE lists a page's"
        )
    letters = reviews.letters_of(context.state, review_id=review_id)
    for letter in letters:
        if letter.state in _NOT_SENT:
            _close(context, letter)
    drafts.settle(context.state, review_id, DraftState.REFUSED, context.notion.now, NOTE)
    authors = await context.people.on_page(held.page_id)
    lines = [await _take_back(context, letter, authors) for letter in letters]
    ledger.decide(context.state, held.page_id, context.notion.now, NOTE, f"review {review_id}")
    return lines or [f"review {review_id}: posted nothing"]


async def _take_back(context: Context, letter: Letter, authors: PageAuthors) -> str:
    what = f"{letter.kind.value} on {letter.place}"
    if letter.state is Sending.DROPPED:
        return f"{what}: {'was taken back before' if letter.note == NOTE else 'was not posted'}"
    if letter.state in _NOT_SENT:
        return f"{what}: held back"
    comment_id = letter.comment_id or await _saved(context, letter)
    if comment_id is None:
        done = "was not posted"
    elif letter.kind is Kind.EDIT:
        done = await _restored(context, letter)
    else:
        done = await remove(context, letter, comment_id, authors, WITHDRAWN)
    _close(context, letter)
    return f"{what}: {done}"


async def _saved(context: Context, letter: Letter) -> str | None:
    """Find the comment of a letter whose answer was lost.

    Raises:
        Forbidden: The comments cannot be read.
    """
    settled = await settle.settle(context, letter)
    if settled.fate is Fate.UNTOLD:
        raise Forbidden(
            "the comments cannot be read, so nobody knows what was saved; turn on Read comments"
        )
    if settled.fate is Fate.GONE:
        await _refuse_away(context, letter)
    if settled.comment is None:
        return None
    comment_id = str(settled.comment["id"])
    reviews.posted(context.state, letter, comment_id, None, context.notion.now)
    return comment_id


async def _restored(context: Context, letter: Letter) -> str:
    """Put back what a summary said before this review edited it."""
    versions = [
        one
        for one in reviews.letters_of(context.state, page_id=letter.page_id)
        if one.state is Sending.POSTED and letter.target in (one.comment_id, one.target)
    ]
    place = next(i for i, one in enumerate(versions) if one.key == letter.key)
    if place < len(versions) - 1:
        return "was replaced by a later review"
    before = versions[place - 1].body if place else WITHDRAWN
    try:
        await context.notion.edit_comment(letter.target, writing.rich_text(before))
    except Missing:
        await _refuse_away(context, letter)
        return "was gone"
    return "put back to what it said before"


async def remove(
    context: Context, letter: Letter, comment_id: str, authors: PageAuthors, instead: str
) -> str:
    """Delete a comment, or let it say something else where people answered it; say which."""
    try:
        listed = await context.notion.comments(letter.place)
        if why := await _reason_to_keep(listed, comment_id, authors):
            await context.notion.edit_comment(comment_id, writing.rich_text(instead))
            return f"edited, since {why}"
        await context.notion.delete_comment(comment_id)
    except Missing:
        await _refuse_away(context, letter)
        return "was gone"
    return "deleted"


async def _refuse_away(context: Context, letter: Letter) -> None:
    """Tell a comment that is gone from one that comes back with its page.

    Raises:
        Missing: The page is in the trash or not shared.
    """
    try:
        await standing.page(context, letter.page_id)
    except standing.Away as error:
        raise Missing(
            f"page {letter.page_id}: is in the trash or not shared, so its comments cannot be "
            "taken back; restore or share it, and retract the review again"
        ) from error


async def _reason_to_keep(
    listed: Sequence[dict[str, Any]], comment_id: str, authors: PageAuthors
) -> str:
    """Say why a comment must not vanish: people answered it, or closed its thread."""
    place = next((i for i, one in enumerate(listed) if one["id"] == comment_id), None)
    if place is None:
        return "its thread is closed"
    thread = listed[place]["discussion_id"]
    after = [one for one in listed[place + 1 :] if one["discussion_id"] == thread]
    kinds = [(await authors(comment)).kind for comment in after]
    # Who cannot be told from a person is taken for one.
    answered = AuthorKind.PERSON in kinds or AuthorKind.UNKNOWN in kinds
    return "a person answered it" if answered else ""


def _close(context: Context, letter: Letter) -> None:
    with context.state.atomic():
        reviews.mark(context.state, letter.key, Sending.DROPPED, NOTE)
        if letter.finding_id is not None:
            now = context.notion.now
            findings.happened(context.state, letter.finding_id, Event.RETRACTED, now)
