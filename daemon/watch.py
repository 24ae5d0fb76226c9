"""Who answered on pages that were not edited: which places to look at next, and the replies."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta

from daemon import prompts
from daemon.context import Base, Context
from daemon.domain import Change
from daemon.errors import Missing
from daemon.record import record_looks, record_replies
from daemon.review.session import Session, hold
from daemon.store import pages, reviews
from daemon.store import threads as thread_store
from daemon.store.pages import PageRow
from daemon.store.threads import Place
from daemon.visit import read_page, read_threads


# The share of the budget that places without a known thread always get, so that none starves.
OTHERS_SHARE = 0.25


def choose(known: Sequence[Place], others: Sequence[Place], budget: int) -> dict[str, list[Place]]:
    """Choose the places to look at, by page: known threads first, and a share for the others.

    Both lists come with the oldest look first. What one kind does not use, the other gets.
    """
    reserved = min(len(others), int(budget * OTHERS_SHARE))
    first = known[: budget - reserved]
    chosen = [*first, *others[: budget - len(first)]]
    by_page: dict[str, list[Place]] = defaultdict(list)
    for place in chosen:
        by_page[place.page_id].append(place)
    return dict(by_page)


async def watch(context: Context, bases: Mapping[str, Base]) -> Sequence[str]:
    """Look for new comments and answer them; return the ids of pages that failed.

    Args:
        context: The sweep.
        bases: The database of each data source, by the source's id.
    """
    budget = context.config.watch_requests
    since = context.notion.now - timedelta(days=context.config.watch_days)
    known = thread_store.oldest_looks(context.state, since, budget, known=True)
    others = thread_store.oldest_looks(context.state, since, budget, known=False)
    failed = []
    for page_id, places in choose(known, others, budget).items():
        row = pages.page(context.state, page_id)
        if row is None or row.paused or row.source_id not in bases:
            continue
        if not await _look(context, bases[row.source_id], row, places):
            failed.append(page_id)
    return failed


async def _look(context: Context, base: Base, row: PageRow, places: Iterable[Place]) -> bool:
    looked = [place.place for place in places if place.place != row.id]
    try:
        await answer(context, base, row, looked)
    except Missing as error:
        # A block or the page went away; the next reading of the page finds out which.
        context.tell("watch.gone", title=row.title, why=str(error))
        thread_store.looked(context.state, row.id, [row.id, *looked], context.notion.now)
        return False
    return True


async def answer(context: Context, base: Base, row: PageRow, looked: Sequence[str]) -> None:
    """List the comments of some places of a page and answer who waits there."""
    prompt = await prompts.current(context, base)
    if prompt is None:
        return
    dialogue = await read_threads(context, base, row, looked, prompt.name)
    if not dialogue.sorted.waiting:
        record_looks(context, row, dialogue, prompt.name)
        if dialogue.sorted.hand_over:
            await context.deliver(context, row.id)
        return
    snapshot = await read_page(context, base, row)
    if snapshot is None:
        return
    session = Session(
        replace(snapshot, threads=dialogue.sorted.threads, comments_readable=dialogue.readable),
        Change(first=False),
        prompt,
        [one.finding for one in reviews.findings(context.state, row.id)],
        only_threads=True,
    )
    context.tell("page.answering", title=row.title, threads=len(dialogue.sorted.waiting))
    review = await hold(context, base, session)
    record_replies(context, row, session, review, dialogue)
    context.tell("page.answered", title=row.title, replies=len(review.replies), model=review.model)
    await context.deliver(context, row.id)
