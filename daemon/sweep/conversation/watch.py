"""Who answered on pages that were not edited: which places to look at next, and the replies."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any, TypeVar

from daemon.sweep import alerts
from daemon.sweep.prompts import current as prompts
from daemon.sweep.conversation import dialogue as dialogues
from daemon.sweep.conversation.answers import record_replies, settle
from daemon.domain.change import Change
from daemon.sweep.context import Base, Context
from daemon.sweep.conversation.dialogue import Dialogue
from daemon.domain.values import Prompt
from daemon.domain.errors import (
    BudgetEmpty,
    ConfigError,
    Forbidden,
    Missing,
    ReviewError,
    TokenRefused,
    Unavailable,
)
from daemon.sweep.reviewing import Session, hold
from daemon.store import findings, sweeps as ledger, origins, pages
from daemon.store import threads as thread_store
from daemon.store.pages import PageRow
from daemon.store.threads import Place
from daemon.sweep.page import read_page


T = TypeVar("T")

# One part in so many of the budget is kept for places without a known thread: none starves.
OTHERS_PART = 4
# What would happen on every further page too.
_HALTING = (TokenRefused, ConfigError, BudgetEmpty, Forbidden, Unavailable)


def choose(known: Sequence[Place], others: Sequence[Place], budget: int) -> list[list[Place]]:
    """Choose the places to look at: known threads first, and a share for the others.

    Args:
        known: The page's own places and those with open threads, the oldest look first.
        others: All other places, the oldest look first.
        budget: Requests. What one kind does not use, the other gets.

    Returns:
        The places page by page, the page with the oldest look first: where the requests turn out
        to be more, it is the latest looks that are put off.
    """
    if budget < 1:
        return []
    kept = min(_cost(others), max(budget // OTHERS_PART, 1))
    if known and others and budget == 1:
        # A single request goes to whoever has waited longest.
        chosen = [min(known[0], others[0], key=lambda place: place.looked_at)]
    else:
        first = _within(known, budget - kept)
        # What is kept for the others is theirs, even where a known place took more than its share.
        chosen = [*first, *_within(others, max(budget - _cost(first), kept))]
    by_page: dict[str, list[Place]] = {}
    for place in chosen:
        by_page.setdefault(place.page_id, []).append(place)
    return sorted(by_page.values(), key=lambda places: min(place.looked_at for place in places))


def _cost(places: Iterable[Place]) -> int:
    return sum(place.requests for place in places)


def _within(places: Sequence[Place], budget: int) -> list[Place]:
    """Take places in order while their requests fit; the first always, lest it blocks the rest."""
    taken: list[Place] = []
    for place in places:
        budget -= place.requests
        if budget < 0 and (taken or budget + place.requests <= 0):
            break
        taken.append(place)
    return taken


@dataclass(frozen=True, slots=True)
class _Desk:
    """A database that is watched, and the prompt that it is answered under."""

    base: Base
    prompt: Prompt


@dataclass(frozen=True, slots=True)
class _Page:
    """A page that is looked at, and where."""

    desk: _Desk
    row: PageRow
    places: Sequence[str]


async def watch(context: Context, bases: Mapping[str, Base]) -> Sequence[str]:
    """Look for new comments and answer them; return the ids of pages that failed.

    Args:
        context: The sweep.
        bases: The database of each data source, by the source's id.

    Raises:
        ReviewError: What would happen on every further page too; who waits is answered next time.
    """
    failed: list[str] = []
    waiting = await _look_around(context, bases, failed)
    await _answer_all(context, waiting, failed)
    return failed


async def _look_around(
    context: Context, bases: Mapping[str, Base], failed: list[str]
) -> list[tuple[_Page, Dialogue]]:
    """List the comments of the places whose turn it is; return the pages where somebody waits."""
    desks = await _desks(context, bases) if any(_places(context, bases)) else {}
    waiting, spent = [], 0
    for places in choose(*_places(context, desks), context.config.watch_requests):
        row = pages.page(context.state, places[0].page_id)
        if row is None or (spent and spent + _cost(places) > context.config.watch_requests):
            continue
        before = context.notion.requests
        page = _Page(desks[row.source_id], row, [place.place for place in places])
        dialogue = await _alone(context, page, failed, _listened(context, page))
        spent += context.notion.requests - before
        if dialogue and not dialogue.readable:
            break
        if dialogue and dialogue.sorted.waiting:
            waiting.append((page, dialogue))
    return waiting


def _places(context: Context, sources: Iterable[str]) -> tuple[list[Place], list[Place]]:
    """Return the known places and the others, as many as the budget could reach."""
    since = context.notion.now - timedelta(days=context.config.watch_days)
    budget, ids = context.config.watch_requests, list(sources)
    return (
        thread_store.oldest_looks(context.state, ids, since, budget, known=True),
        thread_store.oldest_looks(context.state, ids, since, budget, known=False),
    )


async def _desks(context: Context, bases: Mapping[str, Base]) -> dict[str, _Desk]:
    found = {}
    for source_id, base in bases.items():
        prompt = await prompts.current(context, base)
        if prompt is not None:
            found[source_id] = _Desk(base, prompt)
    return found


async def _alone(
    context: Context, page: _Page, failed: list[str], doing: Coroutine[Any, Any, T]
) -> T | None:
    """Do something with one page; None where it failed, which stays with this page."""
    try:
        return await doing
    except _HALTING:
        raise
    except Missing as error:
        # The page went away; the next census finds out where to.
        context.tell("watch.gone", title=page.row.title, why=str(error))
    except Exception as error:  # noqa: BLE001 - a page must not stop the rest of the sweep
        failed.append(page.row.id)
        said = str(error) if isinstance(error, ReviewError) else f"internal error: {error!r}"
        ledger.decide(context.state, page.row.id, context.notion.now, "not answered", said)
        context.tell("watch.failed", title=page.row.title, error=said)
    # Else it would always be the oldest look, and the others would never have their turn.
    thread_store.looked(context.state, page.row.id, page.places, context.notion.now)
    return None


async def _listened(context: Context, page: _Page) -> Dialogue:
    """List and sort the comments of a page's places, and settle what needs no model."""
    row = page.row
    found = await dialogues.read(context, page.desk.base, row, page.places, page.desk.prompt)
    settle(context, row, found)
    if found.sorted.told or found.sorted.hand_over:
        await context.deliver(context, row.id)
    return found


async def _answer_all(
    context: Context, waiting: Iterable[tuple[_Page, Dialogue]], failed: list[str]
) -> None:
    places = asyncio.Semaphore(context.config.limits.concurrent_reviews)
    halted: list[ReviewError] = []

    async def one(page: _Page, dialogue: Dialogue) -> None:
        async with places:
            if halted:
                return
            try:
                await _alone(context, page, failed, _answer(context, page, dialogue))
            except _HALTING as error:
                halted.append(error)

    async with asyncio.TaskGroup() as group:
        for page, dialogue in waiting:
            group.create_task(one(page, dialogue))
    if halted:
        raise halted[0]


async def _answer(context: Context, page: _Page, dialogue: Dialogue) -> None:
    """Answer who waits on a page: all its threads in one sitting."""
    row, base = page.row, page.desk.base
    snapshot = await read_page(context, base, row)
    if snapshot is None:
        raise Missing(f"page {row.id} is in the trash")
    session = Session(
        replace(snapshot, threads=dialogue.sorted.threads),
        Change(first=False),
        page.desk.prompt,
        findings.ledger(context.state, row.id),
        only_threads=True,
        raised=origins.raised(context.state, row.id),
    )
    context.tell("page.answering", title=row.title, threads=len(dialogue.sorted.waiting))
    review = await hold(context, base, session)
    record_replies(context, row, session, review, dialogue)
    context.tell("page.answered", title=row.title, replies=len(review.replies), model=review.model)
    alerts.settle(context, "models")
    await context.deliver(context, row.id)
