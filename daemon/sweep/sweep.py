"""One sweep: deliver what is left, discover edited pages, answer comments, review what is due."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum

from structlog.contextvars import bound_contextvars

from daemon.config import schedule
from daemon.domain import due
from daemon.domain.errors import (
    AccessLost,
    BudgetEmpty,
    Missing,
    NotionError,
    PromptUnusable,
    ReviewError,
    Unavailable,
)
from daemon.domain.events import Alert
from daemon.domain.notation import iso
from daemon.domain.records import MessageKind, PageRow, PageState
from daemon.store import pages, prompts, sweeps, threads
from daemon.sweep import alerts, discovery, failures, memory, record, recording, snapshot
from daemon.sweep.context import FATAL, HALTING, Context, Target
from daemon.sweep.conversation import owner
from daemon.sweep.conversation.watch import watch
from daemon.sweep.delivery import approval, messages, status
from daemon.sweep.page import NO_PROMPT, review_page
from daemon.sweep.prompts import current


# So much of what events named is looked at in one sweep; the rest follows at once.
NAMED_AT_ONCE = 100
# During a long sweep reviews are interrupted for it no more often.
NAMED_APART = timedelta(minutes=1)


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


async def sweep(
    context: Context, asked: tuple[PageRow, Target] | None = None, *, named: bool = False
) -> tuple[Result, list[ReviewError]]:
    """Sweep once, or review the page that an operator asked for, or see what events named.

    Return the numbers, and what kept the sweep from doing everything.
    """
    started, clock = datetime.now(UTC), time.monotonic()
    requests, tally = context.notion.requests, context.tally
    tally.number = sweeps.begin_sweep(context.state, started)
    tally.by_name = asked[0].id if asked else ""
    with bound_contextvars(sweep=tally.number):
        context.emit("sweep.started")
        record.follow_from_now(context.state)
        try:
            async with _part(context):
                await context.deliver(context, None)
            if named:
                await _named_pages(context)
            elif asked is None:
                await _all_pages(context)
            else:
                await _asked_page(context, *asked)
            async with _part(context):
                await record.follow(context)
        except FATAL as error:
            failures.note(context, error)
        failures.note_faults(context)
        if not tally.has(BudgetEmpty):
            alerts.clear_budget(context)
        result = _result(context, started, time.monotonic() - clock, requests)
        at, only = datetime.now(UTC), "" if named else tally.by_name or None
        sweeps.end_sweep(context.state, tally.number, asdict(result), at, tally.why, of_page=only)
        sweeps.prune(context.state, context.notion.surely_now)
        recording.prune(context)
        context.emit("sweep.done", **asdict(result))
    return result, tally.errors


async def _asked_page(context: Context, row: PageRow, target: Target) -> None:
    """Review a page that an operator asked for: a pause keeps sweeps away, not who asks by name."""
    context.tally.swept = 1
    context.models.warm(target.models)
    if row.paused or row.source_id not in _awake(context, [row.source_id]):
        why = "it is reviewed once, since you asked for it, and stays paused"
        context.emit("page.paused", title=row.title, why=f"{why}; notion-review resume {row.id}")
        sweeps.record_decision(context.state, row.id, context.notion.now, "paused", why)
    await _review(context, target, row, asked=True)


async def _all_pages(context: Context) -> None:
    targets = await _discover(context)
    approval.expire(context)
    # Take up the pages whose pause was given an end
    for row in pages.paused(context.state):
        if row.paused_until and row.paused_until <= context.notion.now:
            with context.state.atomic():
                pages.resume(context.state, row.id)
                what, why = "resumed", f"its pause ended {iso(row.paused_until)}"
                sweeps.record_decision(context.state, row.id, context.notion.now, what, why)
    for given, pause in prompts.paused(context.state).items():
        if pause.until and pause.until <= context.notion.now:
            prompts.resume(context.state, given)
            title = prompts.title(context.state, given)
            context.emit("prompt.resumed", name=title, by="the time that was set")
    async with _part(context):
        await _hear(context, targets)
    if context.tally.has(FATAL):
        return
    for source_id, target in targets.items():
        async with _part(context):
            await current.queue_changed(context, target, source_id)
            await current.look_again(context, target)
    await _review_due(context, targets)
    prompt_pages = status.by_prompt_page(context)
    for page_id, of_page in () if context.tally.halted else prompt_pages.items():
        async with _part(context):
            await current.look(context, page_id, of_page)
    async with _part(context):
        await memory.read(context, targets)
    async with _part(context):
        await messages.post_mistakes(context)
    for page_id, of_page in prompt_pages.items():
        async with _part(context):
            await status.post(context, page_id, of_page)


async def _review_due(context: Context, targets: Mapping[str, Target]) -> None:
    """Review what is due; see between the reviews who asked meanwhile.

    Whom an event names is seen at once, others whenever an interval of the schedule passed: nobody
    waits for the end of a long sweep. The reviews under way end first: a page is never reviewed and
    answered at the same time.
    """
    rows = pages.due(context.state, context.notion.now, _awake(context, targets))
    if rows:
        context.emit("pages.due", count=len(rows))
        context.models.warm(targets[rows[0].source_id].models)
    planned = schedule.next_run(context.config.schedule, context.notion.now)
    while rows:

        def is_time(
            planned: datetime = planned, named: datetime = context.notion.now + NAMED_APART
        ) -> bool:
            now = context.notion.now
            asked = now >= named and sweeps.nominations(context.state, now, 1, edits=False)
            return bool(asked) or now >= planned

        left = await failures.each(
            context,
            rows,
            lambda row: _review(context, targets[row.source_id], row),
            until=is_time,
        )
        is_planned = context.notion.now >= planned
        if is_planned:
            planned = schedule.next_run(context.config.schedule, context.notion.now)
        if left and not context.tally.halted:
            async with _part(context):
                await (_hear if is_planned else _see_named)(context, targets)
        # Somebody may have paused a page meanwhile, or asked for all of it.
        waiting = {row.id for row in left}
        due_now = pages.due(context.state, context.notion.now, _awake(context, targets))
        rows = [row for row in due_now if row.id in waiting and not context.tally.halted]


def _awake(context: Context, targets: Iterable[str]) -> list[str]:
    """Return the data sources whose prompt is not paused."""
    asleep = pages.asleep(context.state, context.config.prompts)
    return [source_id for source_id in targets if source_id not in asleep]


async def _named_pages(context: Context) -> None:
    """Look at what events named, as a sweep over everything would some time; nothing else."""
    context.tally.swept = 1
    targets: dict[str, Target] = {}
    for settings in context.config.databases:
        target = context.target(settings)
        for source in pages.sources_of(context.state, settings.id):
            snapshot.claim(targets, source, target)
    now = context.notion.now
    edited = sweeps.nominations(context.state, now, NAMED_AT_ONCE, edits=True)
    for one in edited:
        await _look_at(context, targets, one.page_id)
    async with _part(context):
        await _see_named(context, targets)
    ids = {one.page_id for one in edited}
    due_now = pages.due(context.state, context.notion.now, _awake(context, targets))
    rows = [row for row in due_now if row.id in ids]
    await failures.each(context, rows, lambda row: _review(context, targets[row.source_id], row))
    if context.tally.halted:
        return  # what was named waits for a better time
    for one in edited:
        row = pages.page(context.state, one.page_id)
        if row and not row.paused and row.due_at and row.due_at > context.notion.now:
            sweeps.put_off_nomination(context.state, one, row.due_at)
        else:
            sweeps.drop_nomination(context.state, one)


async def _hear(context: Context, targets: Mapping[str, Target]) -> None:
    """Look where somebody may have written, on the prompt pages first, and answer."""
    heard = await owner.listen(context)
    await _see_named(context, targets)
    await watch(context, targets, spent=heard)


async def _see_named(context: Context, targets: Mapping[str, Target]) -> None:
    """Look at the places that events named, answer who waits there, and take them off."""
    now, watched = context.notion.now, timedelta(days=context.config.watch_days)
    named = sweeps.nominations(context.state, now, NAMED_AT_ONCE, edits=False)
    asked = [(one.page_id, one.place) for one in named if context.config.watch_requests]
    sources = list(targets)
    places = threads.named_places(context.state, sources, now - watched, asked)
    if places:
        await watch(context, targets, places)
    await owner.listen(context, named=frozenset(one.page_id for one in named))
    if context.tally.halted:
        return
    seen = {(one.page_id, one.place) for one in places}
    after = threads.named_places(context.state, sources, now - watched, asked)
    learned = {(one.page_id, one.place) for one in after} - seen
    for one in named:
        if (one.page_id, one.place) not in learned:
            sweeps.drop_nomination(context.state, one)


async def _look_at(context: Context, targets: Mapping[str, Target], page_id: str) -> None:
    """Ask for a page that an event named; what goes wrong is the next whole sweep's to tell."""
    unknown = PageRow(page_id, "", page_id, "", context.notion.now, PageState.BASELINED)
    row = pages.page(context.state, page_id) or unknown

    def record_failure(why: str, bug: Exception | None) -> None:
        context.emit("page.failed", title=row.title, error=why, exc_info=bug)

    async with failures.border(context, row, record_failure):
        with suppress(Missing):
            await discovery.look_at(context, targets, page_id)


@asynccontextmanager
async def _part(context: Context) -> AsyncIterator[None]:
    """Note a failure of one part of the sweep and go on, unless no further part can succeed."""
    try:
        yield
    except FATAL:
        raise
    except ReviewError as error:
        failures.note(context, error)


async def _discover(context: Context) -> dict[str, Target]:
    """Queue what was edited; return the database of each data source that was swept."""
    targets: dict[str, Target] = {}
    for settings in context.config.databases:
        target = context.target(settings)
        try:
            target, troubles = await _sweep_sources(context, target, targets)
            if found := await discovery.census(context, target):
                _count(context, target, found)
                for row in await discovery.sources(context, target):
                    snapshot.claim(targets, row, target)
            if troubles:
                raise troubles[0]
            alerts.clear(context, Alert.ACCESS.of(target.settings.id))
            context.tally.swept += 1
        except AccessLost as error:
            discovery.access_lost(context, target, error)
            failures.note(context, error)
        except (NotionError, Unavailable) as error:
            failures.note(context, error)
    return targets


async def _sweep_sources(
    context: Context, target: Target, targets: dict[str, Target]
) -> tuple[Target, list[ReviewError]]:
    """Sweep every data source of a database, whatever becomes of the others.

    Returns:
        The database under its name, and what kept sources from being swept.
    """
    troubles: list[ReviewError] = []
    for source in await discovery.sources(context, target):
        target = replace(target, name=target.settings.called(source.title))
        snapshot.claim(targets, source, target)
        try:
            _count(context, target, await discovery.edited(context, target, source))
        except (AccessLost, NotionError, Unavailable) as error:
            troubles.append(error)
    return target, troubles


def _count(context: Context, target: Target, found: discovery.Found) -> None:
    context.tally.seen += found.seen
    facts = {"seen": found.seen, "queued": found.queued, "baselined": found.baselined}
    context.emit("source.swept", database=target.name, **facts)


async def _review(context: Context, target: Target, row: PageRow, *, asked: bool = False) -> None:
    """Review one page; whatever goes wrong stays with this page."""

    def record_failure(why: str, bug: Exception | None) -> None:
        # The page may have been recorded before the failure, when only its delivery is left.
        stored = pages.page(context.state, row.id) or row
        with context.state.atomic():
            pages.save(context.state, [due.failed(stored, why, context.notion.now)])
            sweeps.record_decision(context.state, row.id, context.notion.now, "failed", why)
        context.emit("page.failed", title=row.title, error=why, exc_info=bug)

    with bound_contextvars(page=row.id):
        context.emit("page.reading", title=row.title)
        async with failures.border(context, row, record_failure):
            result = await review_page(context, target, row, asked=asked)
            context.tally.changed += result.changed
            context.tally.reviewed += result.reviewed
            context.tally.model_answered |= result.reviewed
            if result.why != NO_PROMPT:
                context.tally.handled += 1
                return
            texts = {alert["name"]: alert["text"] for alert in sweeps.alerts(context.state)}
            why = texts.get(Alert.PROMPT.of(target.settings.id)) or f"{target.name} has no prompt"
            if why not in map(str, context.tally.errors):
                failures.note(context, PromptUnusable(why))


def _result(context: Context, started: datetime, seconds: float, requests: int) -> Result:
    tally = context.tally
    counts = pages.counts(context.state, context.notion.now)
    posted, usage = tally.posted, context.meter.total
    ending = Ending.OK
    if tally.errors or tally.failed:
        stopped = not tally.swept or tally.has(HALTING)
        ending = Ending.FAILED if stopped and not tally.handled else Ending.PARTIAL
    return Result(
        outcome=ending,
        started=iso(started),
        finished=iso(datetime.now(UTC)),
        seconds=round(seconds, 3),
        pages_seen=tally.seen,
        pages_changed=tally.changed,
        pages_reviewed=tally.reviewed,
        pages_waiting=counts["due"] + counts["settling"],
        pages_failed=tally.failed,
        comments_posted=posted[MessageKind.FINDING],
        replies_posted=posted[MessageKind.REPLY],
        summaries_posted=posted[MessageKind.SUMMARY] + posted[MessageKind.EDIT],
        notion_requests=context.notion.requests - requests,
        model_requests=usage.requests,
        input_tokens=usage.input_tokens,
        output_tokens=usage.output_tokens,
        cost_usd=round(usage.cost_usd, 6),
    )


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
