"""What goes wrong with one page, and does not reach the others; what refusals of several show."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager
from typing import TypeVar

from daemon.domain import due, scope
from daemon.domain.errors import (
    BudgetEmpty,
    CapabilityOff,
    Forbidden,
    LockHeld,
    ModelRefused,
    ModelsDown,
    PageRejected,
    PageSpent,
    ReviewError,
    StateDamaged,
    StateUnwritable,
    Unavailable,
)
from daemon.domain.events import Alert
from daemon.domain.records import PageRow
from daemon.domain.scope import Capability, Scope
from daemon.store import database, pages, sweeps
from daemon.sweep import alerts
from daemon.sweep.context import FATAL, HALTING, Context


T = TypeVar("T")


@asynccontextmanager
async def border(
    context: Context, row: PageRow, record: Callable[[str, Exception | None], None]
) -> AsyncIterator[None]:
    """Keep every exception within one page, whether it is reviewed or its threads are answered.

    A page that spent its share of a day is put off. An error that every further page would meet is
    noted in the tally, which is halted from then on. Anything else is this page's failure, but for
    a state that cannot be used: nothing that is done from then on could be kept.

    Args:
        context: The sweep.
        row: The page.
        record: Stores and logs a failure of the page; gets the reason, and the exception where it
            is a bug, for its traceback.

    Raises:
        StateDamaged, StateUnwritable, LockHeld: The state cannot be used any more.
    """
    try:
        with database.translated(context.config.state):
            yield
    except (StateDamaged, StateUnwritable, LockHeld):
        raise
    except PageSpent as error:
        _put_off(context, row, error)
    except HALTING as error:
        note(context, error)
    except Exception as error:  # noqa: BLE001 - the one broad catch: a page must not stop the rest
        expected = isinstance(error, ReviewError)
        if isinstance(error, Unavailable):
            context.tally.silence.missed(row.id)
        context.tally.failed += 1
        if isinstance(error, PageRejected):
            alerts.count_answer(context, str(error))
        why = str(error) if expected else f"internal error: {error!r}"
        context.tally.failures.append(why)
        record(why, None if expected else error)
    else:
        context.tally.silence.heard()


def _put_off(context: Context, row: PageRow, error: PageSpent) -> None:
    note(context, error)
    stored = pages.page(context.state, row.id) or row
    with context.state.atomic():
        pages.save(context.state, [due.put_off(stored, str(error), error.until)])
        sweeps.record_decision(context.state, row.id, context.notion.now, "waits", str(error))


async def each(
    context: Context,
    pages_: Iterable[T],
    handle: Callable[[T], Awaitable[None]],
    *,
    until: Callable[[], bool] | None = None,
) -> list[T]:
    """Handle pages side by side, as many at a time as the limit allows, until the tally halts.

    Returns:
        The pages that were not begun since `until` said that it is time for something else.
    """
    places, left = asyncio.Semaphore(context.config.limits.concurrent_reviews), list[T]()

    async def one(page: T) -> None:
        async with places:
            if context.tally.halted:
                return
            if until is not None and until():
                left.append(page)
            else:
                await handle(page)

    async with asyncio.TaskGroup() as group:
        for page in pages_:
            group.create_task(one(page))
    return left


def note_faults(context: Context) -> None:
    """Add to the tally which models a provider refused while others went on."""
    if not context.tally.has(FATAL):
        for fault in context.models.faults.values():
            note(context, ModelRefused(fault))


def note(context: Context, error: ReviewError) -> None:
    """Add an error to the tally, and raise the alert that belongs to it."""
    if isinstance(error, BudgetEmpty) and context.tally.has(BudgetEmpty):
        return  # several pages ran into it at the same time
    context.tally.errors.append(error)
    context.emit("sweep.trouble", error=str(error))
    if isinstance(error, ModelsDown):
        alerts.raise_alert(context, Alert.MODELS, str(error))
    elif isinstance(error, BudgetEmpty):
        alerts.ran_out(context, error)


_ALERTS = {
    Capability.READ_COMMENTS: (Alert.READING_COMMENTS, "nobody is answered; turn on Read comments"),
    Capability.INSERT_COMMENTS: (Alert.CAPABILITY, "nothing is posted; turn on Insert comments"),
}


def refused(context: Context, capability: Capability, page_id: str, error: Forbidden) -> Forbidden:
    """Keep a refusal of one page; return the error that says what it is about.

    That is `CapabilityOff` where this page is the one that shows that every page is refused.
    """
    before = pages.refusals(context.state, capability)
    after = scope.refused(before, page_id, str(error), context.notion.now)
    pages.save_refusals(context.state, capability, after)
    if scope.of_refusals(after) is Scope.PAGE:
        return error
    name, cure = _ALERTS[capability]
    row = pages.page(context.state, page_id)
    said = str(error).replace(page_id, f"“{row.title}”" if row else page_id)
    words = f"Notion refuses ({said}): {cure} in the connection's capabilities"
    alerts.raise_alert(context, name, words)
    return error if page_id in before else CapabilityOff(words)


def allowed(context: Context, capability: Capability, page_id: str) -> None:
    """Keep that Notion allowed something of a page: what it refuses of others is their own."""
    before = pages.refusals(context.state, capability)
    after = scope.allowed(before, page_id)
    if after != before:
        pages.save_refusals(context.state, capability, after)
    alerts.clear(context, _ALERTS[capability][0])


def is_off(context: Context, capability: Capability) -> bool:
    """Tell whether a capability counts as off for the whole connection."""
    return scope.of_refusals(pages.refusals(context.state, capability)) is Scope.CONNECTION


def waits(context: Context, capability: Capability, page_id: str) -> bool:
    """Tell whether a page is left alone for now, since Notion refused it lately."""
    return scope.waits(pages.refusals(context.state, capability), page_id, context.notion.now)
