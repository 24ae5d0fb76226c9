"""The story of one sweep: deliver what is left, discover, answer, review, tell."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from enum import StrEnum

from structlog.contextvars import bound_contextvars

from daemon.sweep import alerts, limits as budget, discovery as discover
from daemon.sweep.delivery import approval
from daemon.domain import due
from daemon.sweep.prompts import current as prompts
from daemon.sweep.context import Base, Context
from daemon.domain.errors import (
    AccessLost,
    BudgetEmpty,
    ConfigError,
    Forbidden,
    ModelsDown,
    NotionError,
    PageSpent,
    ReviewError,
    TokenRefused,
    Unavailable,
)
from daemon.sweep.delivery import prompt_notice as notice
from daemon.store import sweeps as ledger, pages
from daemon.store.database import iso
from daemon.store.pages import PageRow
from daemon.store.reviews import Kind
from daemon.sweep.page import visit
from daemon.sweep.conversation.watch import watch


# So many pages in a row without an answer from Notion, and the rest waits for the next sweep.
NOTION_IS_DOWN = 3
# What stops the sweep: nothing that follows could go better.
FATAL = (TokenRefused, ConfigError)
# What stops the reviews of a sweep: the pages stay due.
HALTING = (*FATAL, ModelsDown, BudgetEmpty, Forbidden)


class Ending(StrEnum):
    """How a sweep ended."""

    OK = "ok"
    PARTIAL = "partial"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Result:
    """One sweep in numbers: what `--once --json` prints."""

    outcome: Ending
    started: str
    finished: str
    seconds: float
    pages_seen: int
    pages_changed: int
    pages_reviewed: int
    pages_waiting: int
    pages_failed: int
    comments_posted: int
    replies_posted: int
    summaries_posted: int
    notion_requests: int
    model_requests: int
    input_tokens: int
    output_tokens: int
    cost_usd: float


@dataclass
class Tally:
    """What happened so far."""

    seen: int = 0
    changed: int = 0
    reviewed: int = 0
    handled: int = 0
    failed: int = 0
    swept: int = 0
    silent: int = 0
    errors: list[ReviewError] = field(default_factory=list)

    @property
    def halted(self) -> bool:
        """Whether something happened that would happen to every further page too."""
        return self.silent >= NOTION_IS_DOWN or any(isinstance(e, HALTING) for e in self.errors)


async def sweep(
    context: Context, asked: tuple[PageRow, Base] | None = None
) -> tuple[Result, list[ReviewError]]:
    """Run one sweep, or review the one page that an operator asked for.

    Returns:
        The numbers, and what kept the sweep from doing everything.
    """
    started, clock = datetime.now(UTC), time.monotonic()
    requests, tally = context.notion.requests, Tally()
    number = ledger.begin_sweep(context.state, started)
    context = replace(context, sweep_id=number)
    with bound_contextvars(sweep=number):
        context.tell("sweep.started")
        await _story(context, tally, asked)
        if not any(isinstance(error, BudgetEmpty) for error in tally.errors):
            budget.settle(context)
        result = _result(context, tally, started, time.monotonic() - clock, requests)
        ledger.end_sweep(context.state, number, asdict(result), datetime.now(UTC))
        ledger.prune(context.state, context.notion.now)
        context.tell("sweep.done", **asdict(result))
    return result, tally.errors


async def _story(context: Context, tally: Tally, asked: tuple[PageRow, Base] | None) -> None:
    try:
        async with _noted(context, tally):
            await context.deliver(context, None)
        if asked is not None:
            row, base = asked
            tally.swept = 1
            with bound_contextvars(page=row.id):
                await _visit(context, tally, base, row, asked=True)
            return
        bases = await _discover(context, tally)
        approval.expire(context)
        async with _noted(context, tally):
            tally.failed += len(await watch(context, bases))
        for source_id, base in bases.items():
            async with _noted(context, tally):
                await prompts.queue_changed(context, base, source_id)
                await prompts.look_again(context, base)
        await _review(context, tally, bases)
        async with _noted(context, tally):
            await notice.post(context)
    except FATAL as error:
        _note(context, tally, error)


class _noted:  # noqa: N801 - reads as a statement
    """Note a failure of one part of the sweep and go on, unless nothing else could go better."""

    def __init__(self, context: Context, tally: Tally) -> None:
        self._context = context
        self._tally = tally

    async def __aenter__(self) -> None:
        return None

    async def __aexit__(self, kind: object, error: BaseException | None, trace: object) -> bool:
        if not isinstance(error, ReviewError) or isinstance(error, FATAL):
            return False
        _note(self._context, self._tally, error)
        return True


def _note(context: Context, tally: Tally, error: ReviewError) -> None:
    if isinstance(error, BudgetEmpty) and any(isinstance(one, BudgetEmpty) for one in tally.errors):
        return  # several reviews ran into it at the same time
    tally.errors.append(error)
    context.tell("sweep.trouble", error=str(error))
    if isinstance(error, ModelsDown):
        alerts.tell_once(context, "models", str(error))
    elif isinstance(error, BudgetEmpty):
        budget.ran_out(context, error)
    elif isinstance(error, Forbidden):
        alerts.tell_once(
            context,
            "capability",
            f"Notion refuses ({error}); turn on the comment capabilities of the connection",
        )


async def _discover(context: Context, tally: Tally) -> dict[str, Base]:
    """Queue what was edited; return the database of each data source that was swept."""
    bases: dict[str, Base] = {}
    for settings in context.config.databases:
        base = Base(settings, settings.name or settings.id, context.chains[settings.id])
        try:
            for source in await discover.sources(context, base):
                base = replace(base, name=settings.name or source.title or settings.id)
                bases[source.id] = base
                _tell_swept(context, tally, base, await discover.edited(context, base, source))
            if found := await discover.census(context, base):
                _tell_swept(context, tally, base, found)
                bases |= {row.id: base for row in await discover.sources(context, base)}
            discover.access_is_there(context, base)
            tally.swept += 1
        except AccessLost as error:
            discover.access_lost(context, base, error)
            _note(context, tally, error)
        except (NotionError, Unavailable) as error:
            _note(context, tally, error)
    return bases


def _tell_swept(context: Context, tally: Tally, base: Base, found: discover.Found) -> None:
    tally.seen += found.seen
    facts = {"seen": found.seen, "queued": found.queued, "baselined": found.baselined}
    context.tell("source.swept", database=base.name, **facts)


async def _review(context: Context, tally: Tally, bases: Mapping[str, Base]) -> None:
    rows = pages.due(context.state, context.notion.now, list(bases))
    if rows:
        context.tell("pages.due", count=len(rows))
    places = asyncio.Semaphore(context.config.limits.concurrent_reviews)

    async def one(row: PageRow) -> None:
        async with places:
            if not tally.halted:
                with bound_contextvars(page=row.id):
                    await _visit(context, tally, bases[row.source_id], row)

    async with asyncio.TaskGroup() as group:
        for row in rows:
            group.create_task(one(row))


async def _visit(
    context: Context, tally: Tally, base: Base, row: PageRow, *, asked: bool = False
) -> None:
    """Visit one page; whatever it raises stays with this page."""
    context.tell("page.reading", title=row.title)
    try:
        visited = await visit(context, base, row, asked=asked)
    except PageSpent as error:
        _note(context, tally, error)
        _put_off(context, row, error)
    except HALTING as error:
        _note(context, tally, error)
    except ReviewError as error:
        tally.silent += isinstance(error, Unavailable)
        _failed(context, tally, row, error)
    except Exception as error:  # noqa: BLE001 - the one broad catch: a page must not stop the rest
        _failed(context, tally, row, error)
    else:
        tally.silent = 0
        tally.handled += 1
        tally.changed += visited.changed
        tally.reviewed += visited.reviewed
        if visited.reviewed:
            alerts.settle(context, "models")


def _put_off(context: Context, row: PageRow, error: PageSpent) -> None:
    current = pages.page(context.state, row.id) or row
    with context.state.atomic():
        pages.save(context.state, [due.put_off(current, str(error), error.until)])
        ledger.decide(context.state, row.id, context.notion.now, "waits", str(error))


def _failed(context: Context, tally: Tally, row: PageRow, error: Exception) -> None:
    tally.failed += 1
    said = str(error) if isinstance(error, ReviewError) else f"internal error: {error!r}"
    # The page may have been recorded before the failure, when only its delivery is left.
    current = pages.page(context.state, row.id) or row
    with context.state.atomic():
        pages.save(context.state, [due.failed(current, said, context.notion.now)])
        ledger.decide(context.state, row.id, context.notion.now, "failed", said)
    bug = None if isinstance(error, ReviewError) else error
    context.tell("page.failed", title=row.title, error=said, exc_info=bug)


def _result(
    context: Context, tally: Tally, started: datetime, seconds: float, requests: int
) -> Result:
    counts = pages.counts(context.state, context.notion.now)
    posted, usage = context.posted, context.meter.total
    return Result(
        outcome=_ending(tally),
        started=iso(started),
        finished=iso(datetime.now(UTC)),
        seconds=round(seconds, 3),
        pages_seen=tally.seen,
        pages_changed=tally.changed,
        pages_reviewed=tally.reviewed,
        pages_waiting=counts["due"] + counts["settling"],
        pages_failed=tally.failed,
        comments_posted=posted[Kind.FINDING],
        replies_posted=posted[Kind.REPLY],
        summaries_posted=posted[Kind.SUMMARY] + posted[Kind.EDIT],
        notion_requests=context.notion.requests - requests,
        model_requests=usage.requests,
        input_tokens=usage.input_tokens,
        output_tokens=usage.output_tokens,
        cost_usd=round(usage.cost_usd, 6),
    )


def _ending(tally: Tally) -> Ending:
    if not tally.errors and not tally.failed:
        return Ending.OK
    stopped = not tally.swept or any(isinstance(error, HALTING) for error in tally.errors)
    return Ending.FAILED if stopped and not tally.handled else Ending.PARTIAL


def exit_code(result: Result, errors: Sequence[ReviewError]) -> int:
    """Return the exit code of a sweep that ran once."""
    for error in errors:
        if isinstance(error, FATAL):
            return error.exit_code
    if result.outcome is Ending.OK:
        return 0
    if result.outcome is Ending.FAILED and errors:
        return errors[0].exit_code
    return 3
