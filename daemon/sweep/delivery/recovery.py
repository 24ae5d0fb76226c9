"""What became of comments that the state is not sure of: found by reading, not by posting."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from enum import Enum
from typing import Any

from daemon.domain.errors import Forbidden, Missing
from daemon.domain.records import MessageKind, OutboxMessage
from daemon.domain.values import AuthorKind, Comment, Finding, Severity, Thread
from daemon.notion import from_markdown, to_markdown
from daemon.notion.from_markdown import SETTLED_SIGN
from daemon.store import outbox
from daemon.store.database import State
from daemon.sweep.context import Context


# A POST whose answer was lost may still be under way, or not be listed yet.
GRACE_SECONDS = 5.0
# The server's time is known to some seconds only: its `Date` holds whole ones, and each answer
# took a while. Only what was sent clearly longer ago needs no grace any more.
LONG_AGO_SECONDS = 60.0


class Fate(Enum):
    """What became of a message."""

    STANDS = "stands"
    LOST = "lost"  # it may be sent again
    GONE = "gone"  # there is nothing any more that it could stand on
    UNREADABLE = "unreadable"  # Notion does not show the comments; it is never sent again blindly


@dataclass(frozen=True, slots=True)
class Resolution:
    """A message's fate, and its comment where it stands."""

    fate: Fate
    comment: dict[str, Any] | None = None


async def resolve_unclear(context: Context, message: OutboxMessage) -> Resolution:
    """Look where a message would stand for an own comment with its text."""
    if message.kind is MessageKind.EDIT:
        return Resolution(Fate.LOST)  # doing an edit twice is doing it once
    try:
        own = await context.people.own_ids()
        listed = await context.notion.comments(message.place)
        if (found := _find(context, message, listed, own)) is None:
            grace = 0.0  # until what was sent must be listed
            if message.sent_at is not None:
                passed = (context.notion.now - message.sent_at).total_seconds()
                grace = 0.0 if passed > LONG_AGO_SECONDS else GRACE_SECONDS
            await asyncio.sleep(grace)
            listed = await context.notion.comments(message.place)
            found = _find(context, message, listed, own)
    except Missing:
        return Resolution(Fate.GONE)
    except Forbidden:
        return Resolution(Fate.UNREADABLE)
    if found is not None:
        return Resolution(Fate.STANDS, found)
    # A resolved thread is in no list, and with it the reply that may have been saved.
    if message.kind is MessageKind.REPLY and not any(_in_thread(one, message) for one in listed):
        return Resolution(Fate.GONE)
    return Resolution(Fate.LOST)


async def standing(context: Context, message: OutboxMessage) -> dict[str, Any] | None:
    """Return an own comment with a message's text that no message is known to have made.

    Raises:
        NotionError: The comments cannot be listed; `Missing` where their place is gone.
    """
    own = await context.people.own_ids()
    return _find(context, message, await context.notion.comments(message.place), own)


def _find(
    context: Context, message: OutboxMessage, listed: Iterable[dict[str, Any]], own: frozenset[str]
) -> dict[str, Any] | None:
    taken = outbox.posted_comment_ids(context.state, message.page_id)
    sent = from_markdown.plain_text(from_markdown.rich_text(message.body))
    for comment in listed:
        if comment.get("id") in taken or (comment.get("created_by") or {}).get("id") not in own:
            continue
        if message.kind is MessageKind.REPLY and not _in_thread(comment, message):
            continue
        if from_markdown.same_text(to_markdown.plain(comment.get("rich_text") or []), sent):
            return comment
    return None


def _in_thread(comment: dict[str, Any], message: OutboxMessage) -> bool:
    return bool(comment.get("discussion_id") == message.target)


# What is left of a comment that was taken back after a person had answered it.
WITHDRAWN = "_Withdrawn._"
# As `from_markdown.finding_body` writes it; what settled it may stand before.
_FINDING = re.compile(
    rf"(?:{SETTLED_SIGN}[^\n]*\n+)?(?P<title>[^\n]*) · (?P<severity>{'|'.join(Severity)})"
    r"(?: · (?P<lens>[^\n]*))?\n(?P<quote>[^\n]*)\n+(?P<text>.+)",
    re.DOTALL,
)


def orphan_findings(threads: Iterable[Thread], known: Collection[str]) -> list[Finding]:
    """Return the findings whose comments stand and are not among the ids of `known` ones."""
    found = []
    for thread, comment in _begun(threads):
        parts = _FINDING.fullmatch(comment.plain)
        if thread.block_id and parts and comment.id not in known:
            found.append(
                Finding(
                    thread.block_id,
                    parts["quote"],
                    parts["text"],
                    Severity(parts["severity"]),
                    title=parts["title"],
                    lens=parts["lens"] or "",
                )
            )
    return found


def orphan_summary(threads: Iterable[Thread]) -> tuple[str, str] | None:
    """Return (comment id, text) of the newest summary that stands on the page, or None."""
    found = [comment for thread, comment in _begun(threads) if thread.block_id is None]
    newest = max(found, key=lambda comment: comment.created, default=None)
    return (newest.id, newest.text) if newest else None


def is_answered(state: State, page_id: str, threads: Iterable[Thread], comment_id: str) -> bool:
    """Tell whether a person wrote more than words to the reviewer below a comment of a page."""
    messages = outbox.messages_of(state, page_id=page_id)
    words = [message.key for message in messages if message.answers_word]
    for thread in threads:
        ids = [one.id for one in thread.comments]
        for one in thread.comments[ids.index(comment_id) + 1 :] if comment_id in ids else ():
            is_word = any(f":{one.id}:" in key for key in words)
            if one.author.kind is AuthorKind.PERSON and not is_word:
                return True
    return False


def _begun(threads: Iterable[Thread]) -> Iterable[tuple[Thread, Comment]]:
    """Give the threads that began with an own comment, and that comment."""
    for thread in threads:
        for comment in thread.comments[:1]:
            if comment.author.kind is AuthorKind.OWN and comment.plain != WITHDRAWN.strip("_"):
                yield thread, comment
