"""What became of a letter that may have been saved: found by reading, never by posting again."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum
from typing import Any

from daemon.sweep.context import Context
from daemon.domain.errors import Forbidden, Missing
from daemon.notion import canonical as text, from_markdown as writing
from daemon.store import reviews
from daemon.store.reviews import Kind, Letter


# A POST whose answer was lost may still be under way, or not be listed yet.
GRACE_SECONDS = 5.0
# The server's time is known to some seconds only: its `Date` holds whole ones, and each answer
# took a while. Only what was sent clearly longer ago needs no grace any more.
LONG_AGO_SECONDS = 60.0


class Fate(Enum):
    """What became of a letter."""

    STANDS = "stands"
    LOST = "lost"  # it may be sent again
    GONE = "gone"  # there is nothing any more that it could stand on
    UNTOLD = "untold"  # Notion does not show the comments; it is never sent again blindly


@dataclass(frozen=True, slots=True)
class Settled:
    """A letter's fate, and its comment where it stands."""

    fate: Fate
    comment: dict[str, Any] | None = None


async def settle(context: Context, letter: Letter) -> Settled:
    """Look where a letter would stand for an own comment with its text."""
    if letter.kind is Kind.EDIT:
        return Settled(Fate.LOST)  # doing an edit twice is doing it once
    try:
        return await _settle(context, letter)
    except Missing:
        return Settled(Fate.GONE)
    except Forbidden:
        return Settled(Fate.UNTOLD)


async def _settle(context: Context, letter: Letter) -> Settled:
    own = await context.people.own_ids()
    listed = await context.notion.comments(letter.place)
    if (found := _find(context, letter, listed, own)) is None:
        await asyncio.sleep(_grace(context, letter))
        listed = await context.notion.comments(letter.place)
        found = _find(context, letter, listed, own)
    if found is not None:
        return Settled(Fate.STANDS, found)
    # A resolved thread is in no list, and with it the reply that may have been saved.
    if letter.kind is Kind.REPLY and not any(_in_thread(one, letter) for one in listed):
        return Settled(Fate.GONE)
    return Settled(Fate.LOST)


def _grace(context: Context, letter: Letter) -> float:
    """Return the seconds until what was sent must be listed."""
    if letter.sent_at is None:
        return 0.0
    passed = (context.notion.now - letter.sent_at).total_seconds()
    return 0.0 if passed > LONG_AGO_SECONDS else GRACE_SECONDS


def _find(
    context: Context, letter: Letter, listed: Iterable[dict[str, Any]], own: frozenset[str]
) -> dict[str, Any] | None:
    taken = reviews.own_comments(context.state, letter.page_id)
    sent = writing.plain_text(writing.rich_text(letter.body))
    for comment in listed:
        if comment.get("id") in taken or (comment.get("created_by") or {}).get("id") not in own:
            continue
        if letter.kind is Kind.REPLY and not _in_thread(comment, letter):
            continue
        if writing.same_text(text.plain(comment.get("rich_text") or []), sent):
            return comment
    return None


def _in_thread(comment: dict[str, Any], letter: Letter) -> bool:
    return bool(comment.get("discussion_id") == letter.target)
