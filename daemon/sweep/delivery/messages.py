"""The messages that are no review: a finding, the mark that it is settled, a prompt page's.

And what the owner of a prompt reads there: the week in numbers, what waits, what is not well.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from daemon.domain.errors import Forbidden
from daemon.domain.events import PLAIN, split_alert
from daemon.domain.findings import CLOSED, Event
from daemon.domain.notation import counted, joined, some, when
from daemon.domain.records import (
    COMMENT_GONE,
    STATUS_KEY,
    DeliveryState,
    FindingRow,
    MessageKind,
    OutboxMessage,
    PageRow,
)
from daemon.domain.values import Finding, Snapshot
from daemon.notion import from_markdown, properties, to_markdown
from daemon.review.cleaning import cleaned
from daemon.review.points import reanchored
from daemon.review.summary import without_point
from daemon.store import findings, outbox, pages, prompts, sweeps
from daemon.store.database import State
from daemon.store.views import reporting
from daemon.sweep.context import Context, Target
from daemon.sweep.delivery import retract
from daemon.sweep.delivery.validity import CHANGED, TEXT_GONE, Away, checker, is_overtaken


def finding_message(page_id: str, row: FindingRow, name: str, at: datetime) -> OutboxMessage:
    """Return the comment that raises a finding, under the reviewer's name."""
    finding = row.finding
    said = hashlib.sha256(f"{finding.quote}\0{finding.text}".encode()).hexdigest()[:16]
    return OutboxMessage(
        key=f"finding:{page_id}:{finding.block_id}:{said}:{row.review_id}",
        page_id=page_id,
        kind=MessageKind.FINDING,
        target=finding.block_id,
        place=finding.block_id,
        body=from_markdown.finding_body(finding),
        name=name,
        created_at=at,
        review_id=row.review_id,
        finding_id=row.id,
    )


async def lost_kept(context: Context, row: PageRow, snapshot: Snapshot | None) -> dict[int, str]:
    """Return which kept findings of a page have lost their text, and how.

    Or `CHANGED`, where a block that the text of a finding names did. Without a snapshot the blocks
    of each are read.
    """
    kept, lost = findings.kept(context.state, row.id, findings.of_page(context.state, row.id)), {}
    try:
        why_not = None if snapshot else (await checker(context, row.id))[0]
    except Away:
        return {}
    for one in kept:
        stand = reanchored([one.finding], snapshot.blocks if snapshot else ())
        why = "" if one.finding.block_id in [found.block_id for found in stand] else TEXT_GONE
        if why_not:
            why = await why_not(finding_message(row.id, one, "", context.notion.now))
        if why or await is_overtaken(context, one, snapshot):
            lost[one.id] = why or CHANGED
    return lost


def post_kept(
    context: Context, row: PageRow, name: str, most: int, lost: Mapping[int, str]
) -> tuple[list[Finding], int]:
    """Post the next kept findings of a page; return them, and how many are left.

    Those that lost their text end. Those that name a block which changed wait for a review.
    """
    state, now = context.state, context.notion.now
    kept = findings.kept(state, row.id, findings.of_page(state, row.id))
    for one in kept:
        if lost.get(one.id, CHANGED) != CHANGED:
            findings.apply_event(state, one.id, Event.UNPOSTED, now, lost[one.id])
            forget_point(state, one.id)
    stand = [one for one in kept if one.id not in lost]
    for one in stand[:most]:
        findings.apply_event(state, one.id, Event.ASKED_FOR, now)
    outbox.add(state, [finding_message(row.id, one, name, now) for one in stand[:most]])
    return [one.finding for one in stand[:most]], len(stand[most:])


def forget_point(state: State, finding_id: int) -> None:
    """Take a finding that is not posted out of the summary that is still to be sent with it."""
    row = findings.get(state, finding_id)
    for one in outbox.messages_of(state, review_id=row.review_id) if row else ():
        if row and one.kind in (MessageKind.SUMMARY, MessageKind.EDIT) and one.marks is None:
            outbox.set_body(state, one.key, without_point(one.body, row.finding))


def open_mark(state: State, finding_id: int, at: datetime, why: str) -> OutboxMessage | None:
    """Return the edit by which a finding's own comment says that it is open again, and why."""
    row = findings.get(state, finding_id)
    raised = outbox.message_of(state, row.review_id, finding_id) if row else None
    if raised is None or raised.state is not DeliveryState.POSTED or not raised.comment_id:
        return None
    times = len(findings.history(state, finding_id))
    body = from_markdown.reopened_body(raised.body, why)
    return raised.edit(f"open again:{finding_id}:{times}", raised.comment_id, body, at)


def settled_mark(
    state: State, finding_id: int, review_id: int | None, at: datetime
) -> OutboxMessage | None:
    """Return the edit by which a finding's own comment says that it is settled.

    None where the finding is not, or its comment does not stand.
    """
    row = findings.get(state, finding_id)
    if row is None or row.state not in CLOSED:
        return None
    raised = outbox.message_of(state, row.review_id, finding_id)
    if raised is None or raised.state is not DeliveryState.POSTED or not raised.comment_id:
        return None
    history = findings.history(state, finding_id)
    body = from_markdown.settled_body(raised.body, row.finding, row.state, history[-1].why)
    edit = raised.edit(f"settled:{finding_id}:{len(history)}", raised.comment_id, body, at)
    return replace(edit, review_id=review_id)


NAME = "notion-review"
LONGEST = 1_500
MENDED = "_Mended: what is written here now is in use._"


def words(mistakes: str, *, kept: bool) -> str:
    """Return the comment about the mistakes, one a line."""
    use = "the last good version stays in use" if kept else "nothing is reviewed under it yet"
    listed = "\n".join(f"- {line}" for line in mistakes.splitlines())
    said = f"This prompt page cannot be used as it stands; {use}.\n\n{listed}"
    return cleaned(said, frozenset(), LONGEST)


async def post(context: Context) -> None:
    """Bring the comments in line with what is wrong: say it, say it anew, or take it back.

    Makes no request where nothing changed.

    Raises:
        ReviewError: Notion refused; it is tried again at the next sweep.
    """
    for page_id, mistakes in prompts.all_mistakes(context.state):
        messages = outbox.messages_of(context.state, page_id=page_id)
        messages = [one for one in messages if not one.is_for_owner]
        notes = [one for one in messages if one.kind is MessageKind.NOTICE]
        standing = next((one for one in notes if one.state is not DeliveryState.DROPPED), None)
        if mistakes:
            _say(context, page_id, mistakes, messages, standing)
        elif standing is None:
            prompts.delete_mistakes(context.state, page_id)
        elif standing.comment_id and context.notion.writes:
            await _take_back(context, standing, standing.comment_id)
        if any(
            one.state is DeliveryState.INTENT for one in outbox.undelivered(context.state, page_id)
        ):
            await context.deliver(context, page_id)


def _say(
    context: Context,
    page_id: str,
    mistakes: str,
    messages: list[OutboxMessage],
    standing: OutboxMessage | None,
) -> None:
    said = words(mistakes, kept=prompts.prompt(context.state, page_id) is not None)
    number = sum(one.kind is MessageKind.NOTICE for one in messages)
    kind, target, key = MessageKind.NOTICE, page_id, f"notice:{page_id}:{number}"
    if standing is not None:
        edits = [one for one in messages if one.target == standing.comment_id]
        if not standing.comment_id or said == (edits[-1] if edits else standing).body:
            return
        digest = hashlib.sha256(said.encode()).hexdigest()[:12]
        kind, target = MessageKind.EDIT, standing.comment_id
        key = f"edit:{target}:{len(edits)}:{digest}"
    message = OutboxMessage(key, page_id, kind, target, page_id, said, NAME, context.notion.now)
    outbox.add(context.state, [message])


async def _take_back(context: Context, standing: OutboxMessage, comment_id: str) -> None:
    """Delete the comment; where a person answered it, say that it is mended."""
    authors = await context.people.on_page(standing.page_id)
    try:
        done = await retract.remove(context, standing, comment_id, authors, MENDED)
    except Forbidden:
        await context.notion.edit_comment(comment_id, from_markdown.rich_text(MENDED))
        done = "edited, since nobody knows who answered it"
    outbox.set_state(context.state, standing.key, DeliveryState.DROPPED, f"mended: {done}")
    prompts.delete_mistakes(context.state, standing.page_id)


# How the status comment begins: by this it is known again where the state was lost.
IN_USE = "In use since"
# What stands before this matters and is said at once; what follows, once a day.
DAILY = "\n\n**The last seven days"
# So long what a comment says will do; and so long after one that Notion did not take.
STATUS_EVERY = timedelta(days=1)


async def say_status(
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
