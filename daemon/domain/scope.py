"""What a refusal of Notion is about: the smallest object that explains it, until others show more.

A status does not tell. A 403 on a comment may be about one page that the connection may read and
not comment on (https://github.com/makenotion/notion-sdk-js/issues/494), or about a capability that
is off for every page. A 404 on a data source may be about the source or about its whole database.
A 504 may be about one page that is too large, or about all of Notion.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum

from daemon.domain.due import PARKED_AFTER, growing_wait


# After so many objects in a row without an answer all of Notion counts as out of reach.
NOTION_IS_DOWN = 3
# So many pages must be refused before a capability counts as off.
SEVERAL = 2
TRIES_AT_ONCE = 3  # of a message whose answer is lost, before it waits


class Scope(StrEnum):
    """What an error is about."""

    PAGE = "page"
    DATA_SOURCE = "data source"
    DATABASE = "database"
    CONNECTION = "connection"


class Capability(StrEnum):
    """What a connection may be allowed to do with comments."""

    READ_COMMENTS = "read comments"
    INSERT_COMMENTS = "insert comments"


@dataclass(frozen=True, slots=True)
class Refused:
    """What Notion refused of one page.

    Attributes:
        words: What it said.
        times: How often in a row.
        until: When it is asked for again; None where the page is parked.
        recent: Whether Notion has allowed it nowhere since.
        known: Whether this page was refused before Notion last allowed it elsewhere.
    """

    words: str
    times: int
    until: datetime | None
    recent: bool = True
    known: bool = False


# Of one capability: the pages that are refused, by id.
Refusals = Mapping[str, Refused]


def refused(before: Refusals, page_id: str, words: str, now: datetime) -> Refusals:
    """Return the refusals after one more: the page waits longer each time, and is parked then."""
    known = before.get(page_id)
    times = known.times + 1 if known else 1
    wait = growing_wait(times)
    until = now + wait if wait else None
    return {**before, page_id: Refused(words, times, until, known=bool(known and known.known))}


def allowed(before: Refusals, page_id: str) -> Refusals:
    """Return the refusals after a page was allowed: the others are their pages' own."""
    return {
        page: replace(one, recent=False, known=True)
        for page, one in before.items()
        if page != page_id
    }


def of_refusals(refusals: Refusals) -> Scope:
    """Tell what the refusals of a capability are about.

    It is off for the connection only when several pages are refused without one that is allowed,
    and a page that was never refused before is among them.
    """
    recent = [one for one in refusals.values() if one.recent]
    off = len(recent) >= SEVERAL and any(not one.known for one in recent)
    return Scope.CONNECTION if off else Scope.PAGE


def waits(refusals: Refusals, page_id: str, now: datetime) -> bool:
    """Tell whether a page is left alone for now; none is where the capability counts as off."""
    found = refusals.get(page_id)
    if found is None or of_refusals(refusals) is Scope.CONNECTION:
        return False
    return found.until is None or found.until > now


def message_waits(tries: int, last: datetime | None, now: datetime) -> bool:
    """Tell whether a message whose answer is lost each time is left alone for now.

    Args:
        tries: How often it was sent.
        last: When that was last; None where it never was.
        now: The server's time.
    """
    rounds = tries // TRIES_AT_ONCE
    if rounds == 0 or last is None:
        return False
    wait = growing_wait(rounds)
    return wait is None or last + wait > now


def is_parked(tries: int) -> bool:
    """Tell whether a message was sent so often that it waits until an operator asks for it."""
    return tries >= TRIES_AT_ONCE * PARKED_AFTER


def of_source(source_id: str, listed: Iterable[str] | None) -> Scope:
    """Tell what the refusal of a data source is about.

    Args:
        source_id: The data source.
        listed: The sources that its database lists now; None where the database is refused too.
            One that is not listed any more is gone, and only that is refused.
    """
    if listed is None:
        return Scope.DATABASE
    return Scope.DATABASE if source_id in listed else Scope.DATA_SOURCE


@dataclass(slots=True)
class Silence:
    """The objects in a row for which Notion gave no answer."""

    objects: set[str] = field(default_factory=set)

    def missed(self, object_id: str) -> Scope:
        """Count an object without an answer, and tell what that is about."""
        self.objects.add(object_id)
        return self.scope

    def heard(self) -> None:
        """Count an answer."""
        self.objects.clear()

    @property
    def scope(self) -> Scope:
        """What the silence is about."""
        return Scope.CONNECTION if len(self.objects) >= NOTION_IS_DOWN else Scope.PAGE
