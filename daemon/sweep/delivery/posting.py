"""Delivery exactly once: intent, sending, posted; what is unclear is settled by reading.

A message is committed as `intent` together with the review that it comes from, and as `sending`
before its POST. One that is found in `sending` or `unclear` may stand on the server: the listing
of its place is searched for an own comment with its text before anything is sent again.

One corner stays open: a comment that was saved, whose answer was lost, and whose thread people
resolved before it was looked for, is hidden from every listing and is posted once more.
"""

from __future__ import annotations

import asyncio
import math
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

from daemon.domain import scope
from daemon.domain.errors import (
    Forbidden,
    Invalid,
    Missing,
    NotionError,
    ReviewError,
    Unavailable,
    Unclear,
)
from daemon.domain.findings import Event
from daemon.domain.records import (
    COMMENT_GONE,
    NO_COMMENT_THERE,
    THREAD_CLOSED,
    DeliveryState,
    MessageKind,
    OutboxMessage,
)
from daemon.domain.scope import Capability, Scope
from daemon.notion import from_markdown
from daemon.store import findings, outbox, pages
from daemon.sweep import failures
from daemon.sweep.context import Context
from daemon.sweep.delivery import retract
from daemon.sweep.delivery.messages import forget_point, settled_mark
from daemon.sweep.delivery.recovery import Fate, resolve_unclear
from daemon.sweep.delivery.validity import Away, WhyNot, checker, page


# A message is sent, found unclear and settled at most so often in one delivery.
PASSES = scope.TRIES_AT_ONCE
# A text that was looked at so lately still counts as seen; twice that may pass in all.
FRESH_SECONDS = 5.0
# Notion empties its trash after so long; nobody waits for a comment on what is gone since then.
LONGEST_ABSENCE = timedelta(days=30)

_GONE = {
    MessageKind.FINDING: "the block is gone",
    MessageKind.REPLY: THREAD_CLOSED,
    MessageKind.SUMMARY: "the page is gone",
    MessageKind.EDIT: COMMENT_GONE,
    MessageKind.NOTICE: "the page is gone",
}


async def deliver(context: Context, page_id: str | None = None) -> None:
    """Send every message that waits, of one page or of all, replies first.

    A page that Notion refused lately is left alone for a while, unless it is the one to deliver,
    and so is a message whose answer is lost each time. On a paused page, and where all that is
    reviewed under its prompt is paused, only answers to words are sent, unless a person asked for
    the page by name.

    Raises:
        TokenRefused: The token is not valid any more.
        CapabilityOff: Every page refuses comments; what is left waits.
        Unavailable: Notion cannot be reached; what is left waits.
        NotionError: What kept the first of the pages that failed; the others were delivered.
    """
    troubles: dict[str, NotionError | Unavailable] = {}
    looks: dict[str, _Look] = {}
    await retract.complete(context, page_id)
    if page_id is None:
        await retract.delete_doubles(context)
    waiting = outbox.undelivered(context.state, page_id)
    paused = _paused(context, waiting)
    messages = [message for message in waiting if not _rests(context, message, paused)]
    tried = {message.key for message in messages}
    for _ in range(PASSES):
        for of_id, of_page in _by_page(messages):
            if of_id in troubles or (page_id is None and _waits(context, of_id)):
                continue
            try:
                await _deliver_page(context, of_page, looks)
            except (NotionError, Unavailable) as error:
                troubles[of_id] = error
                if _is_of_all(context, of_id, error):
                    raise
            else:
                context.tally.silence.heard()
        open_ = outbox.undelivered(context.state, page_id)
        messages = [one for one in open_ if one.key in tried and _is_sent_again(context, one)]
    if troubles:
        raise next(iter(troubles.values()))


def _is_sent_again(context: Context, message: OutboxMessage) -> bool:
    """Tell whether a message may be sent now though it was not a moment ago."""
    return message.state is DeliveryState.UNCLEAR or _newer_summary(context, message) is not None


def _paused(context: Context, messages: Iterable[OutboxMessage]) -> set[str]:
    """Return the pages that are paused, alone or with all that is reviewed under their prompt."""
    paused = {row.id for row in pages.paused(context.state)}
    if asleep := pages.asleep(context.state, context.config.prompts):
        rows = pages.by_ids(context.state, [message.page_id for message in messages])
        paused |= {row.id for row in rows.values() if row.source_id in asleep}
    return paused - {context.tally.by_name}


def _by_page(messages: Iterable[OutboxMessage]) -> Iterator[tuple[str, list[OutboxMessage]]]:
    """Yield the messages page by page: the replies of all pages first, then the rest."""
    groups = defaultdict[tuple[bool, str], list[OutboxMessage]](list)
    for message in messages:
        groups[message.kind is MessageKind.REPLY, message.page_id].append(message)
    for (_, page_id), of_page in groups.items():
        yield page_id, of_page


def _waits(context: Context, page_id: str) -> bool:
    return failures.waits(context, Capability.INSERT_COMMENTS, page_id)


def _rests(context: Context, message: OutboxMessage, paused: Collection[str]) -> bool:
    if message.page_id in paused and not message.answers_word:
        return True
    if message.state is DeliveryState.INTENT:
        return False
    return scope.message_waits(message.attempts, message.sent_at, context.notion.now)


def _is_of_all(context: Context, page_id: str, error: ReviewError) -> bool:
    """Tell whether every further page would meet this error too."""
    if isinstance(error, Unavailable):
        return context.tally.silence.missed(page_id) is Scope.CONNECTION
    return isinstance(error, Forbidden) and failures.is_off(context, Capability.INSERT_COMMENTS)


async def _deliver_page(
    context: Context, messages: list[OutboxMessage], looks: dict[str, _Look]
) -> None:
    waiting = outbox.undelivered(context.state, messages[0].page_id)
    texts = [one for one in waiting if one.kind in (MessageKind.SUMMARY, MessageKind.EDIT)]
    last = {message.target: message.key for message in texts}
    replaced = set()
    for message in texts:
        # A newer summary of the page, or a newer text of the same comment: an older edit that is
        # not known to be made must not be made after it.
        is_certain = message.state is DeliveryState.INTENT or message.kind is MessageKind.EDIT
        if message.key != last[message.target] and is_certain:
            _drop(context, message, "a newer text takes its place")
            replaced.add(message.key)
    trouble: Unavailable | None = None
    try:
        for message in (one for one in messages if one.key not in replaced):
            try:
                await _deliver_one(context, message, looks)
            except Unavailable as error:
                if trouble:  # with two of them it is not about one message
                    raise
                trouble = error
    except Away:
        for message in outbox.undelivered(context.state, messages[0].page_id):
            if context.notion.now - message.created_at > LONGEST_ABSENCE:
                why = f"the page has been away for {LONGEST_ABSENCE.days} days"
                _drop(context, message, why)
    if trouble:
        raise trouble


def _newer_summary(context: Context, message: OutboxMessage) -> OutboxMessage | None:
    """Return the new summary of the review that shrinks an older one by this message, or None."""
    if message.kind is not MessageKind.EDIT or message.finding_id or message.review_id is None:
        return None
    of_review = outbox.messages_of(context.state, review_id=message.review_id)
    newer = (one for one in of_review if one.kind is MessageKind.SUMMARY)
    return next((one for one in newer if one.comment_id != message.target), None)


async def _deliver_one(context: Context, message: OutboxMessage, looks: dict[str, _Look]) -> None:
    """Send a message, or drop it where its place is gone.

    That is looked at twice: the page may have been away at first and back when it was asked for.
    Below a page in the trash Notion answers 404, or 400 "Can't edit block that is archived".

    Raises:
        Away: The page is away; the message waits.
    """
    try:
        await _try_one(context, message, looks)
    except _Gone:
        await page(context, message.page_id)
        look = looks.get(message.page_id)
        if look is not None and look.until < math.inf:
            del looks[message.page_id]
        for again in outbox.undelivered(context.state, message.page_id):
            if again.key == message.key:
                try:
                    await _try_one(context, again, looks)
                except _Gone as error:
                    await page(context, message.page_id)
                    _drop(context, again, str(error))
                    if isinstance(error.__cause__, Invalid):
                        outbox.set_refused(context.state, message.key, context.notion.now)


async def _try_one(context: Context, message: OutboxMessage, looks: dict[str, _Look]) -> None:
    newer = _newer_summary(context, message)
    if newer and newer.state is DeliveryState.DROPPED:
        raise _Gone(newer.note or "the newer summary is not posted")
    if newer and newer.state is not DeliveryState.POSTED:
        return
    if message.state is not DeliveryState.INTENT and not await _was_lost(context, message):
        return
    if message.kind is not MessageKind.FINDING:
        # A finding that lost its place is not named in the summary any more.
        message = replace(message, body=outbox.body(context.state, message.key))
    if message.kind is MessageKind.EDIT:
        body = await retract.without_late_question(context, message)
        if body != message.body:
            outbox.rewrite(context.state, message.key, body)
            message = replace(message, body=body)
    await _send_standing(context, message, looks)


@dataclass(frozen=True, slots=True)
class _Look:
    """A page as it was looked at, and until when, on the loop's clock, that counts as now."""

    why_not: WhyNot
    until: float


class _Gone(Exception):
    """What a message stands on was not found, or takes it no more."""


class _Late(Exception):
    """Too much time has passed since the page was looked at, or it was taken back; not sent."""


async def _send_standing(context: Context, message: OutboxMessage, looks: dict[str, _Look]) -> None:
    """Send a message that still has its place; look again where sending had to wait."""
    time = asyncio.get_running_loop().time
    for _ in range(PASSES):
        look = looks.get(message.page_id)
        if look is None or look.until < time():
            until = time() + FRESH_SECONDS  # of the page as it is asked for, not as it arrives
            why_not, for_good = await checker(context, message.page_id)
            look = looks[message.page_id] = _Look(why_not, math.inf if for_good else until)
            if look.until < time():
                continue
        until = time() + FRESH_SECONDS
        if why := await look.why_not(message):
            raise _Gone(why)
        try:
            await _send(context, message, until)
        except _Late:
            message = replace(message, state=DeliveryState.INTENT, attempts=message.attempts + 1)
        else:
            return


async def _was_lost(context: Context, message: OutboxMessage) -> bool:
    """Settle a message that may have been saved; True when it may be sent again."""
    resolution = await resolve_unclear(context, message)
    match resolution.fate:
        case Fate.STANDS if resolution.comment:
            await _record(context, message, resolution.comment)
        case Fate.LOST if message.sent_at is not None and message.kind is not MessageKind.EDIT:
            outbox.set_lost(context.state, message.key, context.notion.now)
        case Fate.GONE:
            raise _Gone(_GONE[message.kind])
        case Fate.UNREADABLE:
            why = "whether it was saved cannot be read: the comments are not readable"
            outbox.set_state(context.state, message.key, DeliveryState.UNCLEAR, why)
    return resolution.fate is Fate.LOST


async def _send(context: Context, message: OutboxMessage, until: float) -> None:
    """Send a message, before `until` on the loop's clock if at all.

    Raises:
        _Late: It did not come to that in time; the message waits.
    """
    # Of the machine's own clock nobody knows how far it is off.
    await context.notion.server_time()
    if not outbox.claim(context.state, message):
        return  # another delivery has it
    try:
        answer = await _post(context, message, until)
    except _Late:
        outbox.set_state(context.state, message.key, DeliveryState.INTENT)
        raise
    except Unclear as error:
        _note_unclear(context, message, error)
    except Unavailable as error:
        if message.kind is not MessageKind.EDIT:
            outbox.set_state(context.state, message.key, DeliveryState.INTENT, str(error))
        else:  # it may have been made
            _note_unclear(context, message, error)
        raise
    except ReviewError as error:
        outbox.set_state(context.state, message.key, DeliveryState.INTENT, str(error))
        await _refused(context, message, error)
    else:
        await _record(context, message, answer)


async def _refused(context: Context, message: OutboxMessage, error: ReviewError) -> None:
    """Drop a message that Notion does not take; where that is about more than it, raise."""
    if isinstance(error, Forbidden):
        if not message.is_for_owner:
            raise failures.refused(
                context, Capability.INSERT_COMMENTS, message.page_id, error
            ) from error
        _drop(context, message, f"{NO_COMMENT_THERE}: {error}")
    elif isinstance(error, Missing | Invalid):
        why = _GONE[message.kind] if isinstance(error, Missing) else str(error)
        raise _Gone(why) from error
    else:
        raise error


def _note_unclear(context: Context, message: OutboxMessage, error: ReviewError) -> None:
    why = str(error)
    if scope.is_parked(message.attempts + 1):
        why += f"; not sent again before notion-review retry {message.page_id}"
    outbox.set_state(context.state, message.key, DeliveryState.UNCLEAR, why)
    context.emit("comment.unclear", page=message.page_id, kind=message.kind, why=why)


async def _post(context: Context, message: OutboxMessage, until: float) -> dict[str, Any]:
    def may_go() -> None:
        # Long after it was claimed, where Notion asked for a pause or the limiter for one.
        is_late = asyncio.get_running_loop().time() > until
        if is_late or not outbox.record_attempt(context.state, message, context.notion.now):
            raise _Late

    async def send(words: list[dict[str, Any]]) -> dict[str, Any]:
        match message.kind:
            case MessageKind.FINDING:
                target: dict[str, Any] = {"parent": {"block_id": message.target}}
            case MessageKind.SUMMARY | MessageKind.NOTICE:
                target = {"parent": {"page_id": message.target}}
            case MessageKind.REPLY:
                target = {"discussion_id": message.target}
            case MessageKind.EDIT:
                may_go()
                return await context.notion.edit_comment(message.target, words)
        return await context.notion.post_comment(target, words, message.name, may_go)

    *fuller, plainest = from_markdown.forms(message.body)
    for words in fuller:
        try:
            return await send(words)
        except Invalid as error:  # nothing was saved, so a plainer form may be sent
            why = f"sent in a plainer form: {error}"
            outbox.set_state(context.state, message.key, DeliveryState.SENDING, why)
    return await send(plainest)


async def _record(context: Context, message: OutboxMessage, comment: dict[str, Any]) -> None:
    # Without the capability to read comments the answer holds the id alone.
    discussion, now = comment.get("discussion_id"), context.notion.now
    with context.state.atomic():
        is_retracted = outbox.mark_posted(context.state, message, comment["id"], discussion, now)
        # A review may have settled the point while nobody knew whether its comment stands.
        if message.raises and (mark := settled_mark(context.state, message.raises, None, now)):
            outbox.add(context.state, [mark])
    failures.allowed(context, Capability.INSERT_COMMENTS, message.page_id)
    context.tally.posted[message.counts_as] += 1
    context.emit("comment.posted", page=message.page_id, kind=message.kind, text=message.body)
    if is_retracted:  # while it was on its way
        await retract.complete(context, message.page_id)


def _drop(context: Context, message: OutboxMessage, why: str) -> None:
    with context.state.atomic():
        outbox.set_state(context.state, message.key, DeliveryState.DROPPED, why)
        # One that was raised before stays open: its text, or its new block, is gone.
        raised = message.raises
        if raised is not None and not outbox.was_posted(context.state, message.page_id, raised):
            now = context.notion.now
            findings.apply_event(context.state, raised, Event.UNPOSTED, now, why)
            forget_point(context.state, raised)
    context.emit("comment.dropped", page=message.page_id, kind=message.kind, why=why)
