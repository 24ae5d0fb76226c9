"""The status comment of a prompt page: what is in use, what a trial of it found, the week."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial

from daemon.domain.errors import Forbidden, ReviewError
from daemon.domain.events import PLAIN, split_alert
from daemon.domain.notation import counted, joined, some, when
from daemon.domain.records import (
    COMMENT_GONE,
    STATUS_KEY,
    DeliveryState,
    MessageKind,
    OutboxMessage,
    PromptStatus,
    Trial,
    TrialState,
)
from daemon.domain.values import Prompt
from daemon.notion import from_markdown, properties, to_markdown
from daemon.store import outbox, pages, prompts, sweeps
from daemon.store.database import State
from daemon.store.views import reporting
from daemon.sweep.context import Context, Target
from daemon.sweep.delivery import trial as trials
from daemon.sweep.delivery.messages import NAME
from daemon.sweep.prompts import current


NOT_COUNTED = "counted when this is posted."
# Versions that are remembered as tried.
REMEMBERED = 20


def by_prompt_page(context: Context) -> dict[str, list[Target]]:
    """Return the databases that are reviewed under each prompt page."""
    found: dict[str, list[Target]] = {}
    for settings in context.config.databases:
        target, given = context.target(settings), settings.prompt
        for page_id in prompts.pages_of(context.state, given) if given else ():
            found.setdefault(page_id, []).append(target)
    return found


async def post_alerts(context: Context) -> None:
    """Say at once on each prompt page which alerts were raised or are over; what fails waits."""
    for page_id, targets in by_prompt_page(context).items():
        if (told := prompts.status(context.state, page_id)) and is_wanted(targets):
            with suppress(ReviewError):
                await _say(context, page_id, told, targets)


def is_wanted(targets: Iterable[Target]) -> bool:
    """Tell whether a prompt page is to have a status comment."""
    return any(one.settings.status_comment for one in targets)


async def post(context: Context, page_id: str, targets: Sequence[Target]) -> None:
    """Say on a prompt page what is in use, and what a trial of an edit found.

    Makes no request where nothing changed.

    Raises:
        ReviewError: Notion or every model failed; the next sweep goes on.
    """
    status = _in_use(context, page_id, targets) if is_wanted(targets) else None
    if status is None:
        return
    await _say(context, page_id, status, targets)
    if status.trial is None or status.trial.state is TrialState.DONE or context.tally.halted:
        return
    last = last_status(context.state, page_id)
    is_read = last and last.state is DeliveryState.POSTED  # else nobody reads what it finds
    if is_read and not paused(context, targets):
        status = await trials.with_trial(context, page_id, status, targets)
        await _say(context, page_id, status, targets)


def _in_use(context: Context, page_id: str, targets: Sequence[Target]) -> PromptStatus | None:
    """Return what is in use; a new version only once nobody has edited it for a while."""
    kept, now = prompts.prompt(context.state, page_id), context.notion.now
    if kept is None:
        return None
    prompt, edited, _ = kept
    version, before = current.version(prompt), prompts.status(context.state, page_id)
    since = prompts.first_seen(context.state, page_id, version, now)
    if before is not None and before.version == version:
        return before
    # Notion tells when the page was edited, and not when one was that it mentions.
    was_edited = before is None or edited > before.edited
    if now < (edited if was_edited else since) + context.config.settle:
        return before
    status = PromptStatus(prompt, version, edited, since, tried=before.tried if before else ())
    if before is not None and trials.wanted(targets) and version not in before.tried:
        tried = (*before.tried, version)[-REMEMBERED:]
        status = replace(status, trial=Trial(before.prompt), tried=tried)
    prompts.save_status(context.state, page_id, status)
    context.emit("prompt.taken_up", page=page_id, name=prompt.name, version=version)
    return status


async def _say(
    context: Context, page_id: str, status: PromptStatus, targets: Sequence[Target]
) -> None:
    said = words(status, versions(context, status.prompt, targets))
    head = joined([said, paused(context, targets), alerts(context, targets)], "\n\n")
    # A dry run would count its own reviews, which are not made.
    rest = partial(daily, context, targets) if context.notion.writes else lambda: NOT_COUNTED
    await _write(context, page_id, head, rest, status.prompt.name)
    if outbox.undelivered(context.state, page_id):
        await context.deliver(context, page_id)


def versions(context: Context, prompt: Prompt, targets: Iterable[Target]) -> dict[str, str]:
    """Return the hash under which each database's reviews count, by the database's name."""
    return {one.name: current.version(current.as_reviewed(context, prompt, one)) for one in targets}


def words(status: PromptStatus, named: Mapping[str, str]) -> str:
    """Return the comment.

    Args:
        status: What it tells.
        named: The version's hash, by the name of the database.
    """
    several = len(set(named.values())) > 1
    hashes = {
        f"`{version}`" + (f" ({from_markdown.quoted(name)})" if several else "")
        for name, version in named.items()
    }
    noun = "versions" if several else "version"
    head = f"{IN_USE} {status.since:%Y-%m-%d %H:%M} UTC: {noun} {', '.join(sorted(hashes))}."
    trial = trials.in_words(status.trial) if status.trial else ""
    return joined([head, trial], "\n\n")


# How the status comment begins: by this it is known again where the state was lost.
IN_USE = "In use since"
# What stands before this matters and is said at once; what follows, once a day.
DAILY = "\n\n**The last seven days"
# So long what a comment says will do; and so long after one that Notion did not take.
STATUS_EVERY = timedelta(days=1)


async def _write(
    context: Context, page_id: str, head: str, rest: Callable[[], str], name: str
) -> None:
    """Write the message by which the status comment of a prompt page says a text, if it is time.

    Each page has one such comment, which is edited. A new one takes its place only where people
    deleted it, or resolved its thread, and another version is in use.

    Args:
        context: The sweep.
        page_id: The prompt page.
        head: What is said at once.
        rest: Gives what is said with it, and alone once a day at most.
        name: The name that the comment bears.
    """
    messages = _of_status(context.state, page_id)
    if not messages and (adopted := await _adopted(context, page_id)):
        outbox.add(context.state, [adopted])
        messages = [adopted]
    standing = _standing(messages)
    if _will_do(messages, head, context.notion.now) or (standing and not standing.comment_id):
        return
    key, now, told = _status_key(page_id, len(messages)), context.notion.now, rest()

    def said(at: datetime) -> str:
        return f"{head}{DAILY}, as of {at:%Y-%m-%d %H:%M} UTC:** {told}"

    last = messages[-1] if messages else None
    if last and last.state is not DeliveryState.DROPPED and last.body == said(last.created_at):
        return  # nothing changed but the time
    kind, target = MessageKind.NOTICE, page_id
    if standing and standing.comment_id:
        kind, target = MessageKind.EDIT, standing.comment_id
    message = OutboxMessage(key, page_id, kind, target, page_id, said(now), name, now)
    outbox.add(context.state, [message])


def last_status(state: State, page_id: str) -> OutboxMessage | None:
    """Return the last message that writes the status comment of a prompt page, or None."""
    return next(reversed(_of_status(state, page_id)), None)


def _of_status(state: State, page_id: str) -> list[OutboxMessage]:
    messages = [one for one in outbox.messages_of(state, page_id=page_id) if one.is_status]
    return sorted(messages, key=lambda one: one.key)


def _status_key(page_id: str, number: int) -> str:
    return f"{STATUS_KEY}{page_id}:{number:06}"


def _standing(messages: Iterable[OutboxMessage]) -> OutboxMessage | None:
    standing = None
    for one in messages:
        if one.state is DeliveryState.DROPPED:
            standing = None if one.note == COMMENT_GONE else standing
        elif one.kind is MessageKind.NOTICE:
            standing = one
    return standing


def _will_do(messages: Sequence[OutboxMessage], head: str, now: datetime) -> bool:
    """Tell whether the last message will do for now, whatever happened in the week."""
    if not messages:
        return False
    last = messages[-1]
    if last.state is not DeliveryState.DROPPED:
        is_said = last.body.partition(DAILY)[0] == head
    elif last.note == COMMENT_GONE:
        stood = [one.body for one in messages if one.state is DeliveryState.POSTED]
        return bool(stood) and stood[-1].partition("\n")[0] == head.partition("\n")[0]
    else:
        is_said = True  # Notion did not take it
    return is_said and now < last.created_at + STATUS_EVERY


async def _adopted(context: Context, page_id: str) -> OutboxMessage | None:
    """Return the message of a status comment that stands without one: its state was lost."""
    try:
        own = await context.people.own_ids()
        listed = await context.notion.comments(page_id)
    except Forbidden:
        return None
    for comment in listed:
        text = to_markdown.plain(comment.get("rich_text") or [])
        is_own = (comment.get("created_by") or {}).get("id") in own
        if is_own and text.startswith(IN_USE):
            made = properties.moment(comment["created_time"])
            message = OutboxMessage(
                _status_key(page_id, 0),
                page_id,
                MessageKind.NOTICE,
                page_id,
                page_id,
                text,
                NAME,
                made,
            )
            return replace(
                message, state=DeliveryState.POSTED, comment_id=str(comment["id"]), posted_at=made
            )
    return None


WEEK = timedelta(days=7)
STEER = "To steer me, write only `pause`, `resume`, `report` or `help` in this thread."
WRONG = "**Something is wrong; ask whoever runs me:**"


def daily(context: Context, targets: Iterable[Target]) -> str:
    """Return what the status comment says of the week, and the words that steer."""
    return f"{told(context, targets)}\n\n{STEER}"


def told(context: Context, targets: Iterable[Target], *, before: bool = False) -> str:
    """Return the last seven days in words; with those before them, if so wanted."""
    state, now = context.state, context.notion.now + timedelta(seconds=1)  # with this very second
    sources = [pages.sources_of(state, one.settings.id) for one in targets]
    ids = [source.id for found in sources for source in found]
    said = in_words(reporting.week(state, ids, now - WEEK, now))
    if before:
        earlier = in_words(reporting.week(state, ids, now - 2 * WEEK, now - WEEK))
        said = f"{said}\n**The seven days before:** {earlier}"
    return joined([said, waiting_in_words(reporting.for_people(state, ids))], "\n")


def report(context: Context, targets: Sequence[Target]) -> str:
    """Return what the word `report` is answered with."""
    said = f"{DAILY.strip()}:** {told(context, targets, before=True)}"
    return joined([said, paused(context, targets), alerts(context, targets)], "\n\n")


def paused(context: Context, targets: Iterable[Target]) -> str:
    """Say that all is paused that is reviewed under a prompt; "" where it is not."""
    found = prompts.paused(context.state)
    pauses = [found.get(one.settings.prompt or "") for one in targets]
    if not pauses or not all(pauses) or not (pause := pauses[0]):
        return ""
    until = f"until {pause.until:%Y-%m-%d %H:%M} UTC or " if pause.until else ""
    by = f" by {from_markdown.quoted(pause.by)}" if pause.by else ""
    return f"**Paused** since {pause.at:%Y-%m-%d %H:%M} UTC{by}, {until}until `resume`."


def alerts(context: Context, targets: Iterable[Target]) -> str:
    """Return the alerts that stand and concern some databases, in plain words."""
    databases = [one.settings.id for one in targets]
    sources = pages.source_ids(context.state, databases)
    lines = []
    for alert in sweeps.alerts(context.state):
        name, subject = split_alert(alert["name"])
        if subject in ("", *databases, *sources):
            said = PLAIN.get(name) or from_markdown.quoted(alert["text"])
            lines.append(f"• {said} Since {when(alert['since']):%Y-%m-%d %H:%M} UTC.")
    return "\n".join([WRONG, *lines]) if lines else ""


def in_words(week: reporting.Week) -> str:
    """Return the numbers of a week in a line."""
    if week.is_empty:
        return "nothing was reviewed."
    settled = [
        some(week.addressed, "point", "addressed"),
        some(week.declined, "point", "declined"),
        some(week.resolved, "thread", "closed by people"),
    ]
    parts = [
        f"{counted(week.reviews, 'review')}, {counted(week.points, 'point')}",
        joined(settled),
        some(week.answered, "question", "answered"),
        f"${week.cost_usd:.2f}.",
    ]
    return joined(parts, "; ")


def waiting_in_words(waiting: reporting.ForPeople) -> str:
    """Return what waits for people in a line; "" for nothing."""
    waits = []
    if waiting.points_since:
        grave = f", {waiting.blocking} of them blocking" if waiting.blocking else ""
        points = counted(waiting.points, "open point")
        waits.append(f"{points}{grave}, since {waiting.points_since:%Y-%m-%d}")
    if waiting.drafts_since:
        drafts = counted(waiting.drafts, "review")
        waits.append(f"{drafts} to approve, since {waiting.drafts_since:%Y-%m-%d}")
    return f"**Waiting for people:** {joined(waits, '; ')}." if waits else ""
