"""Taking back what a review posted: deleted, or edited where a person has answered it."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from itertools import takewhile

from daemon.domain.errors import Forbidden, Missing, NotionError, Unavailable, UnknownItem
from daemon.domain.findings import LIVE, Event
from daemon.domain.records import DeliveryState, DraftState, MessageKind, OutboxMessage
from daemon.domain.values import AuthorKind
from daemon.notion import from_markdown, reading
from daemon.notion.gateway import ANSWER_SECONDS
from daemon.notion.retry import PATIENCE_SECONDS
from daemon.review.summary import question_of, without_question
from daemon.store import drafts, findings, outbox, reviews, sweeps
from daemon.sweep.context import Context
from daemon.sweep.delivery import recovery, validity
from daemon.sweep.delivery.recovery import WITHDRAWN, Fate
from daemon.sweep.people import PageAuthors


NOTE = "retracted"
OUTDATED = "its line went when two newer summaries stood"
REPLACED = "was replaced by a later review"
TAKEN_BACK = "was taken back before"
# From the first sending of a comment, Notion's longest pause included, to its last answer.
LONGEST_SENDING_SECONDS = PATIENCE_SECONDS + ANSWER_SECONDS
# What was given up is looked for again once it has been so long.
LATEST = timedelta(minutes=5)


async def retract(context: Context, review_id: int) -> list[str]:
    """Take a review back; return a line for each of its comments.

    What is on its way is held back first, so that nothing of it is posted any more.

    Raises:
        UnknownItem: The state knows no such review.
        Missing: The page is away; its comments are taken back when it is there again.
        ReviewError: Notion refused; what is done stays done, and the next sweep does the rest.
    """
    held = reviews.review(context.state, review_id)
    if held is None:
        raise UnknownItem(
            f"review {review_id}: is not in the state; notion-review explain PAGE lists a page's"
        )
    await context.notion.server_time()
    with context.state.atomic():
        for message in outbox.messages_of(context.state, review_id=review_id):
            if message.state is not DeliveryState.DROPPED and outbox.retract(
                context.state, message.key, NOTE, context.notion.now
            ):
                _close(context, message)
        for kept in findings.kept_of_review(context.state, review_id):
            findings.apply_event(context.state, kept, Event.RETRACTED, context.notion.now)
        drafts.close(context.state, review_id, DraftState.REFUSED, context.notion.now, NOTE)
        # A summary that it wrote over stands again, as it was then.
        # Of this page a point may have been closed since that was written.
        closed = (
            at
            for one in findings.of_page(context.state, held.page_id)
            for at in [findings.history(context.state, one.id)[-1].at]
            if one.state not in LIVE and at < held.at
        )
        findings.follow_again(context.state, max(closed, default=held.at))
    authors = await context.people.on_page(held.page_id)
    messages = outbox.messages_of(context.state, review_id=review_id)
    lines = [await _take_back(context, message, authors) for message in messages]
    what = f"review {review_id}"
    sweeps.record_decision(context.state, held.page_id, context.notion.now, NOTE, what)
    return lines or [f"review {review_id}: posted nothing"]


async def complete(context: Context, page_id: str | None = None) -> None:
    """Take back what was being sent when it was retracted, of one page or of all.

    So goes what is left of outdated summaries. What Notion refuses now is tried again by the next
    delivery.
    """
    refused = set[str]()
    for message in outbox.retracted(context.state, page_id):
        if message.page_id in refused:
            continue
        try:
            authors = await context.people.on_page(message.page_id)
            if message.note == OUTDATED and message.comment_id:
                await _delete_line(context, message, message.comment_id, authors)
            else:
                await _take_back(context, message, authors)
        except (NotionError, Unavailable):
            refused.add(message.page_id)


async def _delete_line(
    context: Context, message: OutboxMessage, comment_id: str, authors: PageAuthors
) -> None:
    """Delete what is left of an outdated summary, unless a person answered it; once is enough."""
    try:
        if not await _why_kept(context, message, comment_id, authors):
            await context.notion.delete_comment(comment_id)
    except Missing:  # it went already, or its page is away
        await _refuse_away(context, message)
    outbox.set_state(context.state, message.key, DeliveryState.DROPPED, OUTDATED)


async def delete_doubles(context: Context) -> None:
    """Look once more for the messages of which a POST was given up, and delete what came late.

    A server may save what it was sent long after it stopped answering.
    """
    given_up = outbox.lost(context.state)
    if not given_up:
        return
    now = await context.notion.server_time()
    for message in given_up:
        others = outbox.undelivered(context.state, message.page_id)
        if message.lost_at is None or now - message.lost_at < LATEST or others:
            continue  # what is still under way may be taken for a double
        with suppress(NotionError, Unavailable):
            if double := await recovery.standing(context, message):
                authors = await context.people.on_page(message.page_id)
                done = await remove(context, message, str(double["id"]), authors, WITHDRAWN)
                context.emit("comment.doubled", page=message.page_id, kind=message.kind, done=done)
            outbox.set_lost(context.state, message.key, None)


async def _take_back(context: Context, message: OutboxMessage, authors: PageAuthors) -> str:
    what = f"{message.kind.value} on {message.place}"
    if message.state is DeliveryState.DROPPED:
        return f"{what}: {_why_dropped(message)}"
    if message.state is DeliveryState.SENDING and _is_under_way(context, message):
        return f"{what}: is being sent; it is taken back as soon as it stands"
    comment_id = message.comment_id or await _saved(context, message)
    if comment_id is None:
        done = "was not posted"
    elif _is_being_edited(context, message, comment_id):
        return f"{what}: is being edited; it is taken back as soon as that is done"
    elif message.kind is MessageKind.EDIT:
        done = await _restored(context, message)
    elif message.kind is MessageKind.SUMMARY and _is_replaced(context, message, comment_id):
        return f"{what}: {REPLACED}"  # it goes when the later ones do
    else:
        done = await remove(context, message, comment_id, authors, WITHDRAWN)
    _close(context, message)
    return f"{what}: {done}"


def _why_dropped(message: OutboxMessage) -> str:
    if message.note == OUTDATED:
        return OUTDATED
    if message.note != NOTE:
        return "was not posted"
    return TAKEN_BACK if message.comment_id else "held back"


def _is_under_way(context: Context, message: OutboxMessage) -> bool:
    """Tell whether a claimed message may be in another process's hands just now.

    Of one whose sending had not begun when it was taken back, it does not begin any more.
    """
    since = message.sent_at
    return bool(since and (context.notion.now - since).total_seconds() < LONGEST_SENDING_SECONDS)


def _is_being_edited(context: Context, message: OutboxMessage, comment_id: str) -> bool:
    """Tell whether another process may be giving a comment another text just now."""
    return any(
        one.target == comment_id
        and one.state is DeliveryState.SENDING
        and _is_under_way(context, one)
        for one in outbox.messages_of(context.state, page_id=message.page_id)
    )


def _is_replaced(context: Context, message: OutboxMessage, comment_id: str) -> bool:
    """Tell whether a later review wrote its own summary into this one's comment, or will."""
    return any(
        one.kind is MessageKind.EDIT
        and one.target == comment_id
        and one.review_id != message.review_id
        and one.state not in (DeliveryState.DROPPED, DeliveryState.HELD)
        for one in outbox.messages_of(context.state, page_id=message.page_id)
    )


async def _saved(context: Context, message: OutboxMessage) -> str | None:
    """Find the comment of a message whose answer was lost.

    Raises:
        Forbidden: The comments cannot be read.
    """
    if message.kind is MessageKind.EDIT:  # it may be made; what was before it is put back anyway
        outbox.mark_posted(context.state, message, message.target, None, context.notion.now)
        return message.target
    resolution = await recovery.resolve_unclear(context, message)
    if resolution.fate is Fate.UNREADABLE:
        raise Forbidden(
            "the comments cannot be read, so nobody knows what was saved; turn on Read comments"
        )
    if resolution.fate is Fate.GONE:
        await _refuse_away(context, message)
    if resolution.comment is None:
        if found := outbox.comment_of(context.state, message.key):
            return found  # by another process, while this one looked
        outbox.set_lost(context.state, message.key, context.notion.now)
        return None
    comment_id = str(resolution.comment["id"])
    outbox.mark_posted(context.state, message, comment_id, None, context.notion.now)
    return comment_id


async def _restored(context: Context, message: OutboxMessage) -> str:
    """Put back what a summary said before this review edited it."""
    of_comment = _of_comment(context, message)
    versions = [one for one in of_comment if one.state is DeliveryState.POSTED]
    place = next((i for i, one in enumerate(versions) if one.key == message.key), None)
    if place is None:
        return TAKEN_BACK  # by another process, meanwhile
    if place < len(versions) - 1:
        return REPLACED
    # Where the comment itself was taken back, nothing that it said comes back.
    is_kept = not any(one.retracted_at for one in of_comment if one.kind is not MessageKind.EDIT)
    before = next(
        (one.body for one in reversed(versions[:place]) if is_kept and not one.retracted_at),
        WITHDRAWN,
    )
    before = await without_late_question(context, replace(message, body=before))
    try:
        await context.notion.edit_comment(message.target, from_markdown.rich_text(before))
    except Missing:
        await _refuse_away(context, message)
        return "was gone"
    return "put back to what it said before"


def _of_comment(context: Context, message: OutboxMessage) -> list[OutboxMessage]:
    """Return the messages that wrote the comment which a message edits, in whatever state."""
    messages = outbox.messages_of(context.state, page_id=message.page_id)
    return [one for one in messages if message.target in (one.comment_id, one.target)]


async def without_late_question(context: Context, message: OutboxMessage) -> str:
    """Return the text that a message gives to a summary, fit to stand above what people wrote.

    It asks nothing else than what stood there, where a person wrote below that.
    """
    if message.finding_id or not (asked := question_of(message.body)):
        return message.body
    said = [one.body for one in _of_comment(context, message) if one.state is DeliveryState.POSTED]
    if not said or asked == question_of(said[-1]):
        return message.body
    authors = await context.people.on_page(message.page_id)
    with suppress(Missing, Forbidden):
        threads, _ = await reading.discussions(context.notion, [message.page_id], authors)
        if recovery.is_answered(context.state, message.page_id, threads, message.target):
            return without_question(message.body)
    return message.body


async def remove(
    context: Context, message: OutboxMessage, comment_id: str, authors: PageAuthors, instead: str
) -> str:
    """Delete a comment, or edit it where people answered it or closed its thread; say which."""
    for _ in range(2):  # the page may have come back between the two requests
        try:
            if why := await _why_kept(context, message, comment_id, authors):
                await context.notion.edit_comment(comment_id, from_markdown.rich_text(instead))
                return f"edited, since {why}"
            await context.notion.delete_comment(comment_id)
        except Missing:
            await _refuse_away(context, message)
        else:
            return "deleted"
    return "was gone"


async def _why_kept(
    context: Context, message: OutboxMessage, comment_id: str, authors: PageAuthors
) -> str:
    """Say why a comment is not deleted; "" where it is."""
    listed = await context.notion.comments(message.place)
    place = next((i for i, one in enumerate(listed) if one["id"] == comment_id), None)
    if place is None:
        return "its thread is closed"
    thread = listed[place]["discussion_id"]
    later = [one for one in listed[place + 1 :] if one["discussion_id"] == thread]
    # On the page all comments are one discussion: what follows another summary answers that one.
    others = {id_ for id_, _ in outbox.summaries(context.state, message.page_id)}
    after = takewhile(lambda one: one["id"] not in others, later)
    kinds = {(await authors(comment)).kind for comment in after}
    # Who cannot be told from a person is taken for one.
    return "a person answered it" if kinds & {AuthorKind.PERSON, AuthorKind.UNKNOWN} else ""


async def _refuse_away(context: Context, message: OutboxMessage) -> None:
    """Tell a comment that is gone from one that comes back with its page.

    Raises:
        Missing: The page is in the trash or not shared.
    """
    try:
        await validity.page(context, message.page_id)
    except validity.Away as error:
        raise Missing(
            f"page {message.page_id}: is in the trash or not shared, so its comments cannot be "
            "taken back; restore or share it, and the next sweep does"
        ) from error


def _close(context: Context, message: OutboxMessage) -> None:
    with context.state.atomic():
        outbox.set_state(context.state, message.key, DeliveryState.DROPPED, NOTE)
        if message.raises is not None:
            now = context.notion.now
            findings.apply_event(context.state, message.raises, Event.RETRACTED, now)
            outbox.drop_marks(context.state, message.page_id, message.raises, NOTE)
        elif message.marks is not None:
            # A mark's key ends with the length of the history then: what came later holds.
            length = len(findings.history(context.state, message.marks))
            if message.key.endswith(f":{length}"):
                now = context.notion.now
                findings.open_again(context.state, message.marks, Event.UNRULED, now)
