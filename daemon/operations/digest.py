"""What a team is told each day or week: which documents are open, and for whom they wait."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator, Callable, Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from itertools import groupby
from operator import attrgetter
from typing import Any

from daemon.config import Config
from daemon.config.limits import Channel
from daemon.config.network import Proxies
from daemon.config.schedule import last_digest
from daemon.config.values import one_line
from daemon.domain.errors import Forbidden, Missing, ReviewError
from daemon.domain.notation import counted, few, iso
from daemon.domain.records import DIGEST_KEY, MessageKind, OutboxMessage
from daemon.domain.values import AuthorKind
from daemon.notion import from_markdown
from daemon.notion.from_markdown import quoted
from daemon.notion.rich_text import NOBODY
from daemon.operations import notify
from daemon.store import database, outbox, pages, prompts, threads
from daemon.store.database import State
from daemon.store.views import browse
from daemon.store.views.browse import OpenDocument, OpenItem
from daemon.sweep.context import Context
from daemon.sweep.delivery import status


NOTHING = (
    "Nothing is open: no blocking point, no question, no silent draft, and no accepted document "
    "that was edited since."
)
# A draft that nobody touched for so long is silent.
SILENT = timedelta(days=14)
# A message holds so many characters: less than every service takes, with its own marks added.
ROOM = 1_500
# Of one reason so many points and people are named.
NAMED = 3
_FLOORED = timedelta(minutes=1)
# The title in the address of a page, which says nothing that its id does not.
_SLUG = re.compile(r"[^/]*-(?=[0-9a-f]{32}$)")


class Why(StrEnum):
    """Why a document is open, the gravest first."""

    BLOCKING = "blocking"
    QUESTION = "question"
    ACCEPTED = "accepted"
    DRAFT = "draft"


@dataclass(frozen=True, slots=True)
class Reason:
    """One reason for which a document is open.

    Attributes:
        why: Which.
        since: Since when, as `2026-11-20T10:41:00Z`.
        words: The titles of the points, the oldest first; of a question the question.
        people: Who of the document's people has not acted since then, by name.
    """

    why: Why
    since: str
    words: tuple[str, ...]
    people: tuple[str, ...]

    def said(self, shown: Callable[[str], str]) -> str:
        """Return it in words; `shown` writes what a document says as the place takes it."""
        day, words = self.since[:10], [f"“{shown(one)}”" for one in self.words]
        match self.why:
            case Why.BLOCKING:
                have = "have" if len(self.words) > 1 else "has"
                number = counted(len(self.words), "blocking point")
                said = f"{number} {have} stood since {day}: {few(words, NAMED)}"
            case Why.QUESTION:
                said = f"a question has waited since {day}: {words[0]}"
            case Why.ACCEPTED:
                said = f"accepted by {day}, and edited since"
            case Why.DRAFT:
                said = f"a draft, untouched since {day}"
        names = few([*map(shown, self.people)], NAMED)
        return f"{said}; waiting for {names}" if names else said


@dataclass(frozen=True, slots=True)
class Document:
    """A document that is open."""

    id: str
    title: str
    url: str
    reasons: tuple[Reason, ...]

    @property
    def plain(self) -> str:
        """It as text, with its address."""
        title, url = one_line(self.title or "Untitled"), _SLUG.sub("", self.url)
        reasons = [f"  {one.said(one_line)}" for one in self.reasons]
        return "\n".join([f"{title} {url}".rstrip(), *reasons])

    @property
    def marked(self) -> str:
        """It as Markdown, its title leading there."""
        title = from_markdown.link(self.title or "Untitled", self.url)
        return "\n".join([f"• {title}", *(f"◦ {one.said(quoted)}" for one in self.reasons)])


def digest(
    state: State | None, config: Config, now: datetime, only: Collection[str] | None = None
) -> list[Document]:
    """Return the documents that are open, the gravest and oldest first; from the state alone.

    Those of `only` some databases, where that is given. What is paused is left out.
    """
    if state is None:
        return []
    asleep = pages.asleep(state, config.prompts)
    wanted = (one.id for one in config.databases if only is None or one.id in only)
    sources = [one for one in pages.source_ids(state, wanted) if one not in asleep]
    items = browse.open_items(state, sources, now - SILENT)
    documents = browse.open_documents(state, sorted({one.page_id for one in items}))
    users = threads.users(state)
    found = []
    for page_id, own in groupby(items, lambda one: one.page_id):
        document = documents[page_id]
        reasons = [
            _reason(document, Why(kind), list(of_kind), users)
            for kind, of_kind in groupby(own, lambda one: one.kind)
        ]
        reasons.sort(key=lambda one: list(Why).index(one.why))
        found.append(Document(page_id, document.title, document.url, tuple(reasons)))

    def rank(document: Document) -> tuple[int, str, str, str]:
        first = document.reasons[0]
        return list(Why).index(first.why), first.since, document.title, document.id

    return sorted(found, key=rank)


def _reason(
    document: OpenDocument,
    why: Why,
    items: Sequence[OpenItem],
    users: Mapping[str, tuple[str, AuthorKind]],
) -> Reason:
    since = items[0].since
    # What people do is floored to the minute; an edit that began a wait is itself floored.
    floor = since if why in (Why.ACCEPTED, Why.DRAFT) else since - _FLOORED
    names = []
    for one, told in document.people:
        name, kind = users.get(one, (told, AuthorKind.PERSON))
        acted = document.acted.get(one)
        if kind is AuthorKind.PERSON and (acted is None or acted <= floor):
            names.append(told or name)
    names = sorted(name for name in names if name not in ("", NOBODY))
    words = tuple(one.words for one in items if one.words)
    return Reason(why, iso(since), words, tuple(names))


def as_json(documents: Sequence[Document]) -> dict[str, Any]:
    """Return the object of `digest --json`."""
    return {"open": len(documents), "documents": [asdict(one) for one in documents]}


def in_words(
    documents: Sequence[Document],
    room: int | None = None,
    shown: Callable[[Document], str] = attrgetter("plain"),
) -> str:
    """Return the digest as text, "" where nothing is open.

    With `room` it has so many characters at most: what does not fit is counted in the first line.
    """
    if not documents:
        return ""
    verb = "is" if len(documents) == 1 else "are"
    head = f"{counted(len(documents), 'document')} {verb} open"
    lines, length = list[str](), len(head) + len(", the first 1000 here:")
    for one in map(shown, documents):
        length += len(one) + 1
        if room is not None and lines and length > room:
            break
        lines.append(one)
    part = f", the first {len(lines)} here" if len(lines) < len(documents) else ""
    return "\n".join([f"{head}{part}:", *lines])


# When a digest was last due, and what the last one said.
_TOLD = "digest"


async def send(context: Context, proxies: Proxies) -> None:
    """Send the digest where it is due, has something to say, and says something new.

    What is sent is kept first: a crash on the way loses a notification and never doubles one. It is
    tried again after the next sweep only where it surely did not arrive. On prompt pages it is a
    message like any other, which is sent exactly once.
    """
    config, state = context.config, context.state
    if config.digest.every is None:
        return
    period = iso(last_digest(config.digest, config.schedule.timezone, context.notion.now))
    before = database.get_json(state, _TOLD)
    if before is None:  # the first one is for the first period that begins while it is wanted
        database.set_value(state, _TOLD, json.dumps({"period": period, "said": ""}))
    if before is None or before["period"] >= period:
        return
    said, messages = in_words(await _named(context), ROOM), list[OutboxMessage]()
    is_news = said not in ("", before["said"])
    if is_news and Channel.NOTION in config.digest.to:
        try:
            messages = [one async for one in _messages(context, period)]
        except ReviewError as error:  # all of it waits for the next sweep
            context.emit("alert.not_told", alert="digest", why=str(error))
            return
    with state.atomic():
        database.set_value(state, _TOLD, json.dumps({"period": period, "said": said}))
        outbox.add(state, messages)
    for message in messages:
        with suppress(ReviewError):  # it waits in the outbox
            await context.deliver(context, message.page_id)
    if is_news and Channel.ALERTS in config.digest.to:
        notification = notify.Notification("digest", said, period, "digest")
        ways = notify.ways(config.alerts, proxies)
        if not await notify.tell(ways, notification, context.emit, doubted=True):
            database.set_value(state, _TOLD, json.dumps(before))


async def _named(context: Context) -> list[Document]:
    """Return the documents that are open, after a look at who made them: Notion tells ids alone."""
    now = context.notion.now
    found = [one.id for one in digest(context.state, context.config, now)]
    for document in browse.open_documents(context.state, found).values():
        for one, told in document.people:
            if not told:
                await context.people.user(one)
    return digest(context.state, context.config, now)


async def _messages(context: Context, period: str) -> AsyncIterator[OutboxMessage]:
    """Yield the messages that tell prompt pages what is open under them, where that is new.

    Each is a reply to the page's status comment. Where none stands, nothing is said there. A
    database with several prompts has its digest on the first.

    Raises:
        ReviewError: Notion does not answer.
    """
    state, now, done = context.state, context.notion.now, set[str]()
    for page_id, targets in status.by_prompt_page(context).items():
        ids = {one.settings.id for one in targets} - done
        done |= ids
        said = in_words(digest(state, context.config, now, ids), ROOM, attrgetter("marked"))
        written = outbox.messages_of(state, page_id=page_id)
        former = [one.body for one in written if one.key.startswith(DIGEST_KEY)]
        comment, kept = status.last_status(state, page_id), prompts.prompt(state, page_id)
        if not said or said == next(reversed(former), "") or comment is None or kept is None:
            continue
        stands = comment.target if comment.kind is MessageKind.EDIT else comment.comment_id
        try:
            listed = await context.notion.comments(page_id)
        except (Forbidden, Missing):
            continue
        for one in listed:
            if one["id"] == stands:
                key, thread = f"{DIGEST_KEY}{page_id}:{period}", str(one["discussion_id"])
                name, reply = kept[0].name, MessageKind.REPLY
                yield OutboxMessage(key, page_id, reply, thread, page_id, said, name, now)
