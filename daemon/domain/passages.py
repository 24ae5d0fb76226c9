"""What a review is told of other documents: passages that are near to it, and pages it links to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from daemon.domain.notation import counted


@dataclass(frozen=True, slots=True)
class RememberedPage:
    """A document of the team that other reviews are told of.

    Attributes:
        id: Its id.
        source_id: Its data source.
        title: Its title.
        url: Its address.
        standing: What makes it decided, such as `Accepted`; "" for a document that is not.
        edited: When it was last edited, as Notion tells.
    """

    id: str
    source_id: str
    title: str
    url: str
    standing: str
    edited: datetime


@dataclass(frozen=True, slots=True)
class Passage:
    """Blocks in a row of another document, below their heading; `block_id` is the first one's."""

    page: RememberedPage
    block_id: str
    text: str


class Unread(StrEnum):
    """What a document holds or links to that was not read, and why."""

    IMAGE = "image"
    FILE = "file"
    SITE = "link to another site"
    ELSEWHERE = "linked page that is not told of here"
    REFUSED = "linked page that is not shared with me"
    LONG = "linked page that is too long"


@dataclass(frozen=True, slots=True)
class Picture:
    """An image of a document: its block's id, its type such as `image/png`, its bytes in base64."""

    block_id: str
    media_type: str
    data: str


@dataclass(frozen=True, slots=True)
class Linked:
    """What a document holds and links to besides its own text.

    Attributes:
        pages: The (title, text) of the pages that were read.
        unread: What was not read, each with the id of the block that holds it.
        images: The images that are shown.
    """

    pages: tuple[tuple[str, str], ...] = ()
    unread: tuple[tuple[Unread, str], ...] = ()
    images: tuple[Picture, ...] = ()


# Of each kind its plural, where that is not made with an s at the end.
_SEVERAL = {
    Unread.SITE: "links to other sites",
    Unread.ELSEWHERE: "linked pages that are not told of here",
    Unread.REFUSED: "linked pages that are not shared with me",
    Unread.LONG: "linked pages that are too long",
}


def unseen_note(linked: Linked | None, handles: Mapping[str, str] | None = None) -> str:
    """Return what a document holds or links to that was not read; "" for nothing.

    With `handles`, by the ids of blocks, it is said where each stands.
    """
    found: dict[Unread, list[str]] = {}
    for what, block_id in linked.unread if linked else ():
        found.setdefault(what, []).append(block_id)
    parts = []
    for what, ids in found.items():
        names = [handles[one] for one in dict.fromkeys(ids) if one in handles] if handles else []
        where = f" ({', '.join(names)})" if names else ""
        many = f"{len(ids)} {_SEVERAL[what]}" if what in _SEVERAL else counted(len(ids), what)
        parts.append(f"{many if len(ids) > 1 else f'1 {what}'}{where}")
    return f"Not read: {', '.join(parts)}." if parts else ""
