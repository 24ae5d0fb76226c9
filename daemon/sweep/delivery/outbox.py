"""Delivery exactly once: intent, sending, posted; what is unclear is settled by reading.

A letter is committed as `intent` together with the review that it comes from, and as `sending`
before its POST. One that is found in `sending` or `unclear` may stand on the server: the listing
of its place is searched for an own comment with its text before anything is sent again.

One corner stays open: a comment that was saved, whose answer was lost, and whose thread people
resolved before it was looked for, is hidden from every listing and is posted once more.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

from daemon.sweep.context import Context
from daemon.domain.errors import Invalid, Missing, NotionError, ReviewError, Unclear
from daemon.domain.findings import Event
from daemon.notion import from_markdown as writing
from daemon.sweep.delivery.recovery import Fate, settle
from daemon.sweep.delivery.validity import Away, checker, overtaken, page
from daemon.store import findings, reviews
from daemon.store.reviews import THREAD_CLOSED, Kind, Letter, Sending


# A letter is sent, found unclear and settled at most so often in one delivery.
PASSES = 3
# A text that was looked at so lately still counts as seen; twice that may pass in all.
FRESH_SECONDS = 5.0
# Notion empties its trash after so long; nobody waits for a comment on what is gone since then.
LONGEST_WAIT = timedelta(days=30)

_GONE = {
    Kind.FINDING: "the block is gone",
    Kind.REPLY: THREAD_CLOSED,
    Kind.SUMMARY: "the page is gone",
    Kind.EDIT: "the summary was deleted by people",
    Kind.NOTICE: "the page is gone",
}


async def deliver(context: Context, page_id: str | None = None) -> None:
    """Send every letter that waits, of one page or of all, replies first.

    Raises:
        TokenRefused: The token is not valid any more.
        Unavailable: Notion cannot be reached; what is left waits.
        NotionError: What kept the first of the pages that failed; the others were delivered.
    """
    troubles: list[NotionError] = []
    letters = reviews.undelivered(context.state, page_id)
    for _ in range(PASSES):
        for of_page in _in_turn(letters):
            try:
                await _deliver_page(context, of_page)
            except NotionError as error:
                troubles.append(error)
        open_ = reviews.undelivered(context.state, page_id)
        letters = [letter for letter in open_ if letter.state is Sending.UNCLEAR]
    if troubles:
        raise troubles[0]


def _in_turn(letters: Iterable[Letter]) -> list[list[Letter]]:
    """Group letters by page: the replies of all pages, which come first, then the rest."""
    groups: dict[tuple[bool, str], list[Letter]] = {}
    for letter in letters:
        groups.setdefault((letter.kind is Kind.REPLY, letter.page_id), []).append(letter)
    return list(groups.values())


async def _deliver_page(context: Context, letters: list[Letter]) -> None:
    for letter in _superseded(letters):
        _drop(context, letter, "a newer summary takes its place")
        letters.remove(letter)
    try:
        await _deliver_all(context, letters)
    except Away:
        _give_up_old(context, letters[0].page_id)


def _superseded(letters: Iterable[Letter]) -> list[Letter]:
    """Return the summaries that a newer one overtook before they were sent."""
    summaries = [letter for letter in letters if letter.kind in (Kind.SUMMARY, Kind.EDIT)]
    return [letter for letter in summaries[:-1] if letter.state is Sending.INTENT]


async def _deliver_all(context: Context, letters: list[Letter]) -> None:
    look = None
    for letter in letters:
        if letter.state is not Sending.INTENT and not await _was_lost(context, letter):
            continue
        if letter.kind is Kind.FINDING:
            look = await _send_standing(context, letter, look)
        elif why := await overtaken(context, letter):
            await _drop_unless_away(context, letter, why)
        else:
            await _send(context, letter)


@dataclass(frozen=True, slots=True)
class _Look:
    """A page as it was looked at, and until when, on the loop's clock, that counts as now."""

    stands: Callable[[Letter], Awaitable[bool]]
    until: float


class _Late(Exception):
    """Too much time has passed since the text was looked at; nothing was sent."""


async def _send_standing(context: Context, letter: Letter, look: _Look | None) -> _Look | None:
    """Send a finding whose text still stands; look again where sending had to wait."""
    time = asyncio.get_running_loop().time
    for _ in range(PASSES):
        if look is None or look.until < time():
            until = time() + FRESH_SECONDS
            look = _Look(await checker(context, letter.page_id), until)
        until = time() + FRESH_SECONDS
        if not await look.stands(letter):
            _drop(context, letter, "the text it was made on is gone")
            break
        try:
            await _send(context, letter, until)
        except _Late:
            letter = replace(letter, state=Sending.INTENT, attempts=letter.attempts + 1)
        else:
            break
    return look


async def _was_lost(context: Context, letter: Letter) -> bool:
    """Settle a letter that may have been saved; True when it may be sent again."""
    settled = await settle(context, letter)
    match settled.fate:
        case Fate.STANDS if settled.comment:
            _record(context, letter, settled.comment)
        case Fate.GONE:
            await _drop_unless_away(context, letter, _GONE[letter.kind])
        case Fate.UNTOLD:
            why = "whether it was saved cannot be read: the comments are not readable"
            reviews.mark(context.state, letter.key, Sending.UNCLEAR, why)
    return settled.fate is Fate.LOST


async def _send(context: Context, letter: Letter, until: float | None = None) -> None:
    """Send a letter, before `until` on the loop's clock if at all.

    Raises:
        _Late: It did not come to that in time; the letter waits.
    """
    # Of the machine's own clock nobody knows how far it is off.
    await context.notion.server_time()
    if not reviews.sending(context.state, letter):
        return  # another delivery has it
    try:
        answer = await _post(context, letter, until)
    except _Late:
        reviews.mark(context.state, letter.key, Sending.INTENT)
        raise
    except Unclear as error:
        reviews.mark(context.state, letter.key, Sending.UNCLEAR, str(error))
        context.tell("comment.unclear", page=letter.page_id, kind=letter.kind, why=str(error))
    except ReviewError as error:
        reviews.mark(context.state, letter.key, Sending.INTENT, str(error))
        if not isinstance(error, Missing | Invalid):
            raise
        why = _GONE[letter.kind] if isinstance(error, Missing) else str(error)
        await _drop_unless_away(context, letter, why)
    else:
        _record(context, letter, answer)


async def _post(context: Context, letter: Letter, until: float | None) -> dict[str, Any]:
    def may_go() -> None:
        if until is not None and asyncio.get_running_loop().time() > until:
            raise _Late
        # Long after it was claimed, where Notion asked for a pause or the limiter for one.
        reviews.begins(context.state, letter, context.notion.now)

    words = writing.rich_text(letter.body)
    match letter.kind:
        case Kind.FINDING:
            target: dict[str, Any] = {"parent": {"block_id": letter.target}}
        case Kind.SUMMARY | Kind.NOTICE:
            target = {"parent": {"page_id": letter.target}}
        case Kind.REPLY:
            target = {"discussion_id": letter.target}
        case Kind.EDIT:
            return await context.notion.edit_comment(letter.target, words)
    return await context.notion.post_comment(target, words, letter.name, may_go)


def _record(context: Context, letter: Letter, comment: dict[str, Any]) -> None:
    # Without the capability to read comments the answer holds the id alone.
    discussion, now = comment.get("discussion_id"), context.notion.now
    reviews.posted(context.state, letter, comment["id"], discussion, now)
    context.posted[letter.kind] += 1
    context.tell("comment.posted", page=letter.page_id, kind=letter.kind, text=letter.body)


async def _drop_unless_away(context: Context, letter: Letter, why: str) -> None:
    """Drop a letter whose target is gone, unless the whole page is away.

    Below a page in the trash Notion answers 404, or 400 "Can't edit block that is archived".

    Raises:
        Away: The page is away; the letter waits.
    """
    await page(context, letter.page_id)
    _drop(context, letter, why)


def _give_up_old(context: Context, page_id: str) -> None:
    for letter in reviews.undelivered(context.state, page_id):
        if context.notion.now - letter.created_at > LONGEST_WAIT:
            _drop(context, letter, f"the page has been away for {LONGEST_WAIT.days} days")


def _drop(context: Context, letter: Letter, why: str) -> None:
    with context.state.atomic():
        reviews.mark(context.state, letter.key, Sending.DROPPED, why)
        if letter.finding_id is not None:
            now = context.notion.now
            findings.happened(context.state, letter.finding_id, Event.UNPOSTED, now, why)
    context.tell("comment.dropped", page=letter.page_id, kind=letter.kind, why=why)


async def preview(context: Context, page_id: str | None = None) -> None:
    """Print what would be posted, one JSON object a line, in place of posting it.

    What would wait for approval says so in `held`.
    """
    import click

    letters = reviews.undelivered(context.state, page_id)
    if page_id is not None:
        on_page = reviews.letters_of(context.state, page_id=page_id)
        letters += [letter for letter in on_page if letter.state is Sending.HELD]
    for letter in letters:
        place = {"page": letter.page_id, "kind": letter.kind.value, "target": letter.target}
        words = {"reviewer": letter.name, "text": letter.body}
        held = {"held": letter.note} if letter.state is Sending.HELD else {}
        click.echo(json.dumps(place | words | held, ensure_ascii=False))
        reviews.mark(context.state, letter.key, Sending.POSTED)
        context.posted[letter.kind] += 1
