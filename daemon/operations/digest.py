"""What a team is told each day or week: which documents are open, and for whom they wait."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from itertools import groupby
from typing import Any

from daemon.config import Config
from daemon.config.network import Proxies
from daemon.config.schedule import last_digest
from daemon.config.values import one_line
from daemon.domain.times import counted, iso
from daemon.domain.values import AuthorKind
from daemon.notion.rich_text import NOBODY
from daemon.operations import notify
from daemon.store import database, pages, threads
from daemon.store.database import State
from daemon.store.views import waiting
from daemon.store.views.waiting import OpenDocument, OpenItem
from daemon.sweep.context import Context


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

    def __str__(self) -> str:
        day, few = self.since[:10], [f"“{one_line(one)}”" for one in self.words[:NAMED]]
        rest = f" and {len(self.words) - NAMED} more" if len(self.words) > NAMED else ""
        match self.why:
            case Why.BLOCKING:
                stand = "stand" if len(self.words) > 1 else "stands"
                number = counted(len(self.words), "blocking point")
                said = f"{number} {stand} since {day}: {', '.join(few)}{rest}"
            case Why.QUESTION:
                said = f"a question waits since {day}: {few[0]}"
            case Why.ACCEPTED:
                said = f"accepted by {day}, and edited since"
            case Why.DRAFT:
                said = f"a draft, silent since {day}"
        names = ", ".join(one_line(name) for name in self.people[:NAMED])
        others = f" and {len(self.people) - NAMED} more" if len(self.people) > NAMED else ""
        return f"{said}; it waits for {names}{others}" if names else said


@dataclass(frozen=True, slots=True)
class Document:
    """A document that is open."""

    id: str
    title: str
    url: str
    reasons: tuple[Reason, ...]

    def __str__(self) -> str:
        title, url = one_line(self.title or "Untitled"), _SLUG.sub("", self.url)
        return "\n".join([f"{title} {url}".rstrip(), *(f"  {one}" for one in self.reasons)])


def digest(state: State | None, config: Config, now: datetime) -> list[Document]:
    """Return the documents that are open, the gravest and oldest first; from the state alone."""
    if state is None:
        return []
    sources = [row.id for one in config.databases for row in pages.sources_of(state, one.id)]
    items = waiting.open_items(state, sources, now - SILENT)
    known = waiting.open_documents(state, sorted({one.page_id for one in items}))
    users = threads.users(state)
    found = []
    for page_id, own in groupby(items, lambda one: one.page_id):
        document = known[page_id]
        reasons = [
            _reason(document, Why(kind), list(of_kind), users)
            for kind, of_kind in groupby(own, lambda one: one.kind)
        ]
        reasons.sort(key=lambda one: list(Why).index(one.why))
        found.append(Document(page_id, document.title, document.url, tuple(reasons)))
    return sorted(found, key=lambda one: (list(Why).index(one.reasons[0].why), _rank(one)))


def _rank(document: Document) -> tuple[str, str, str]:
    return document.reasons[0].since, document.title, document.id


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


def in_words(documents: Sequence[Document], room: int | None = None) -> str:
    """Return the digest as text, "" where nothing is open.

    With `room` it has so many characters at most: what does not fit is counted in the first line.
    """
    if not documents:
        return ""
    verb = "is" if len(documents) == 1 else "are"
    head = f"{counted(len(documents), 'document')} {verb} open"
    lines, length = list[str](), len(head) + len(", the first 1000 here:")
    for one in map(str, documents):
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

    What is sent is kept first: a crash on the way loses a digest and never doubles one. It is
    tried again after the next sweep only where it surely did not arrive.
    """
    config, state, now = context.config, context.state, context.notion.now
    if config.digest.every is None:
        return
    period = iso(last_digest(config.digest, config.schedule.timezone, now))
    before = database.get_json(state, _TOLD)
    if before is None or before["period"] >= period:
        # The first one is for the first period that begins while it is wanted.
        if before is None:
            database.set_value(state, _TOLD, json.dumps({"period": period, "said": ""}))
        return
    open_now = [one.id for one in digest(state, config, now)]
    for document in waiting.open_documents(state, open_now).values():
        for one, told in document.people:
            if not told:  # Notion tells who made a page by id alone
                await context.people.user(one)
    said = in_words(digest(state, config, now), ROOM)
    database.set_value(state, _TOLD, json.dumps({"period": period, "said": said}))
    if not said or said == before["said"]:
        return
    message = notify.Message("digest", said, period, "digest")
    ways = notify.ways(config.alerts, proxies)
    if not await notify.tell(ways, message, context.emit, doubted=True):
        database.set_value(state, _TOLD, json.dumps(before))
