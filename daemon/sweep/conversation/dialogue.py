"""The threads of a page as they were read, sorted by what the state knows of them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from daemon.sweep import alerts
from daemon.sweep.limits import narrowed
from daemon.sweep.context import Base, Context
from daemon.domain.values import AuthorKind, Prompt, Thread
from daemon.domain.errors import Forbidden, Missing, NotionError
from daemon.notion import reading
from daemon.store import origins, pages
from daemon.store import threads as thread_store
from daemon.store.pages import PageRow
from daemon.sweep.conversation.threads import Known, Sorted, sort


_ALERT = "reading comments"
_UNREADABLE = (
    "Notion does not let the connection read comments, so nobody is answered; "
    "turn on Read comments in the connection's capabilities"
)


@dataclass(frozen=True, slots=True)
class Dialogue:
    """The threads of a page as they were read.

    Attributes:
        sorted: The threads with the comments that want an answer marked.
        known: What the state knew before.
        reviewer: The name that we speak under.
        at: The server's time when the reading began.
        looked: The places whose comments were listed: blocks, and the page under its own id.
        missing: Blocks that were to be looked at and are gone.
        gone: Threads that left the list of open ones.
        readable: False where Notion refused the comments: then nothing is known of them.
    """

    sorted: Sorted
    known: Known
    reviewer: str
    at: datetime
    looked: tuple[str, ...] = ()
    missing: frozenset[str] = frozenset()
    gone: frozenset[str] = frozenset()
    readable: bool = True


async def read(
    context: Context, base: Base, row: PageRow, places: Sequence[str], prompt: Prompt
) -> Dialogue:
    """List the comments of some places of a page, and sort them.

    Args:
        context: The sweep.
        base: The page's database.
        row: The page.
        places: Blocks, and the page under its own id; at least one.
        prompt: What it is answered under; its name addresses the reviewer.

    Raises:
        Missing: The page is gone.
        NotionError: A request failed; what is missing must not pass for nothing said.
    """
    authors = await context.people.on_page(row.id)
    began = context.notion.now
    try:
        found, missing = await reading.discussions(context.notion, places, authors)
    except Forbidden:
        alerts.tell_once(context, _ALERT, _UNREADABLE)
        known = _known(context, base, row, prompt, authors.own)
        return Dialogue(sort((), known), known, prompt.name, began, readable=False)
    if row.id in missing:
        raise Missing(f"page {row.id}: its comments cannot be listed, it is gone or not shared")
    alerts.settle(context, _ALERT)
    _learn_findings(context, row, found)
    known = _known(context, base, row, prompt, authors.own)
    looked = tuple(place for place in places if place not in missing)
    gone = _gone(known, found, {None if place == row.id else place for place in looked})
    return Dialogue(sort(found, known), known, prompt.name, began, looked, missing, gone)


def _learn_findings(context: Context, row: PageRow, found: Iterable[Thread]) -> None:
    """Learn which threads findings began, as soon as they stand, whoever wrote there since."""
    own = {
        comment.id: thread.id
        for thread in found
        for comment in thread.comments
        if comment.author.kind is AuthorKind.OWN
    }
    with context.state.atomic():
        origins.link(context.state, row.id, own)
        thread_store.adopt(context.state, row.id)


def _known(
    context: Context, base: Base, row: PageRow, prompt: Prompt, own: frozenset[str]
) -> Known:
    source = pages.source(context.state, row.source_id)
    if source is None:
        raise NotionError(f"page {row.id}: its data source is not known")
    looks = thread_store.looks(context.state, row.id)
    return Known(
        comments=thread_store.comments(context.state, row.id),
        threads=thread_store.threads(context.state, row.id),
        baseline=source.baseline,
        setting=base.settings.replies.value,
        limit=narrowed(context.config.limits, prompt.rules).replies_per_thread,
        reviewer=prompt.name,
        own=own,
        raised=frozenset(origins.raised(context.state, row.id)),
        paused=row.paused,
        looks={None if place == row.id else place: at for place, at in looks.items()},
    )


def _gone(known: Known, found: Iterable[Thread], where: set[str | None]) -> frozenset[str]:
    """Return the open threads that stood in a place we looked at and are not listed any more."""
    listed = {thread.id for thread in found}
    return frozenset(
        thread.id
        for thread in known.threads.values()
        if not thread.gone_at and thread.block_id in where and thread.id not in listed
    )
