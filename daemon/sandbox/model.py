"""What the world is made of, and its time. Values are frozen; a change puts a new one in place."""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any, Protocol
from urllib.parse import quote
from uuid import UUID, uuid4


# Notion refuses a string of the right length that is no RFC 9562 id (recorded, June 2026).
_UUID = re.compile(
    r"[0-9a-f]{8}-[0-9a-f]{4}-[1-8][0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}"
    r"|00000000-0000-0000-0000-000000000000"
)
_PROPERTY_LETTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_~;:?^}{@<]|`"


class Ids:
    """Makes ids, tokens and property ids. The same seed makes the same ids in the same order."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)  # noqa: S311 - ids of an invented world, no secrets

    def __call__(self) -> str:
        """Make an id with dashes."""
        return str(UUID(int=self._random.getrandbits(128), version=4))

    def token(self) -> str:
        """Make a token of a bot."""
        return f"ntn_sandbox{self._random.getrandbits(160):040x}"

    def property(self) -> str:
        """Make a property id: four characters, percent-encoded as in every answer."""
        return quote("".join(self._random.choices(_PROPERTY_LETTERS, k=4)), safe="~")

    def refresh(self) -> None:
        """Go on with ids that no other run has made."""
        self._random = random.Random(uuid4().int)  # noqa: S311 - as above


def dashed(text: str) -> str | None:
    """Write an id, given with or without dashes, with dashes; None where it is none."""
    bare = text.replace("-", "").lower()
    if not re.fullmatch(r"[0-9a-f]{32}", bare):
        return None
    found = str(UUID(bare))
    return found if _UUID.fullmatch(found) else None


def bare(object_id: str) -> str:
    """Write an id without dashes, as addresses carry it."""
    return object_id.replace("-", "")


Json = dict[str, Any]
Rich = list[Json]


class Named(Protocol):
    """Anything with an id."""

    @property
    def id(self) -> str:
        """The id, with dashes."""
        ...


Thing = Named | str


def ident(thing: Thing) -> str:
    """Take an object or its id, and give the id."""
    return thing if isinstance(thing, str) else thing.id


@dataclass(frozen=True, slots=True)
class Person:
    """A member of the workspace."""

    id: str
    name: str
    email: str


@dataclass(frozen=True, slots=True)
class Group:
    """A group of people, as a property of people may hold."""

    id: str
    name: str


@dataclass(frozen=True, slots=True)
class Bot:
    """A connection: its token and what it may do.

    `users` shows names and kinds of users, `emails` their addresses too.
    """

    id: str
    name: str
    token: str
    read_content: bool = True
    update_content: bool = True
    read_comments: bool = True
    insert_comments: bool = True
    users: bool = True
    emails: bool = True


@dataclass(frozen=True, slots=True)
class Parent:
    """Where a page or database hangs: `kind` is workspace, page_id, block_id or data_source_id."""

    kind: str
    id: str = ""


@dataclass(frozen=True, slots=True)
class SandboxDatabase:
    """A container of data sources."""

    id: str
    title: str
    parent: Parent
    sources: tuple[str, ...]
    created: datetime
    edited: datetime
    in_trash: bool = False

    @property
    def source_id(self) -> str:
        """The id of its first data source."""
        return self.sources[0]

    @property
    def url(self) -> str:
        """The address in Notion's app; it carries the database's id, never a data source's."""
        return f"https://app.notion.com/p/{bare(self.id)}"


@dataclass(frozen=True, slots=True)
class Property:
    """A column of a data source. `options` are the names of a choice, in order."""

    id: str
    name: str
    type: str
    options: tuple[str, ...] = ()
    config: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class SandboxSource:
    """A data source: the table of a database."""

    id: str
    database_id: str
    title: str
    properties: Mapping[str, Property]
    created: datetime
    edited: datetime
    created_by: str
    in_trash: bool = False


@dataclass(frozen=True, slots=True)
class SandboxPage:
    """A page. `values` holds each property's value in the form of `properties.stored`."""

    id: str
    parent: Parent
    title: Rich
    values: Mapping[str, Any]
    created: datetime
    edited: datetime
    created_by: str
    edited_by: str
    in_trash: bool = False
    is_locked: bool = False
    is_archived: bool = False
    icon: Json | None = None
    cover: Json | None = None

    @property
    def name(self) -> str:
        """The title as plain text."""
        return "".join(item.get("text", {}).get("content", "") for item in self.title)

    @property
    def url(self) -> str:
        """The address in Notion's app."""
        words = "".join(c if c.isalnum() and c.isascii() else "-" for c in self.name)
        slug = "-".join(word for word in words.split("-") if word)
        return f"https://app.notion.com/p/{slug + '-' if slug else ''}{bare(self.id)}"


@dataclass(frozen=True, slots=True)
class SandboxBlock:
    """A block. `content` is what stands under the type's name, rich text in request form."""

    id: str
    type: str
    content: Json
    parent_id: str
    page_id: str
    created: datetime
    edited: datetime
    created_by: str
    edited_by: str
    in_trash: bool = False


@dataclass(frozen=True, slots=True)
class Discussion:
    """A thread on a page or a block."""

    id: str
    parent_id: str
    resolved: bool = False


@dataclass(frozen=True, slots=True)
class SandboxComment:
    """A comment. `shown` is the display name's type and, for a custom one, the name."""

    id: str
    discussion_id: str
    parent_id: str
    rich_text: Rich
    created: datetime
    edited: datetime
    author_id: str
    shown: tuple[str, str] = ("integration", "")
    attachments: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Stamp:
    """Who made something, when, and when it was last edited."""

    by: str
    created: datetime
    edited: datetime


@dataclass(frozen=True, slots=True)
class Happening:
    """Something that somebody did: what webhooks tell of.

    Attributes:
        kind: Notion's name of the event, such as `comment.created`.
        page_id: The page that it is about.
        by: Who did it.
        entity: The comment; the page itself otherwise.
        place: Where the comment stands: a block, or the page.
        parts: The blocks or properties that were changed.
    """

    kind: str
    page_id: str
    by: str
    entity: str
    place: str = ""
    parts: tuple[str, ...] = ()


class Clock:
    """A clock that can be set and advanced; runs with its source until it is set.

    Args:
        source: Gives the time, aware. Default: the machine's clock.
    """

    def __init__(self, source: Callable[[], datetime] | None = None) -> None:
        self._source = source or (lambda: datetime.now(UTC))
        self._shift = timedelta()
        self._stopped: datetime | None = None

    def __call__(self) -> datetime:
        """Tell the time in UTC."""
        return self._stopped or self._source().astimezone(UTC) + self._shift

    def set(self, time: datetime) -> None:
        """Stand still at `time` until set, advanced or run again."""
        self._stopped = time.astimezone(UTC)

    def advance(self, by: timedelta) -> None:
        """Move on by `by`; a clock that stands still stands still afterwards."""
        if self._stopped is None:
            self._shift += by
        else:
            self._stopped += by

    def run(self) -> None:
        """Run on with the source from the time shown now."""
        self._shift = self() - self._source().astimezone(UTC)
        self._stopped = None


def floored(time: datetime) -> datetime:
    """Cut `time` to its minute, as Notion does on pages, blocks, comments and data sources.

    https://developers.notion.com/changelog/last-edited-time-is-now-rounded-to-the-nearest-minute
    """
    return time.replace(second=0, microsecond=0)


def minute(time: datetime) -> str:
    """Write a time as pages, blocks, comments and data sources carry it."""
    return floored(time).strftime("%Y-%m-%dT%H:%M:00.000Z")


def exact(time: datetime) -> str:
    """Write a time with milliseconds and Z, as on the expiry of a signed address."""
    return time.strftime("%Y-%m-%dT%H:%M:%S.") + f"{time.microsecond // 1000:03d}Z"


def database_time(time: datetime) -> str:
    """Write a time as databases carry it: milliseconds and an offset, never floored."""
    return time.astimezone(UTC).isoformat(timespec="milliseconds")


def http_date(time: datetime) -> str:
    """Write a time as a Date header."""
    return format_datetime(time.astimezone(UTC), usegmt=True)


def parse(text: str) -> datetime:
    """Read an ISO 8601 time; without a zone it is UTC.

    Raises:
        ValueError: The text is no ISO 8601 time.
    """
    time = datetime.fromisoformat(text)
    return time.replace(tzinfo=UTC) if time.tzinfo is None else time.astimezone(UTC)
