"""Messages that a review is not needed for: findings, marks on them, a prompt page's mistakes."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime

from daemon.domain.errors import Forbidden
from daemon.domain.findings import CLOSED, Event
from daemon.domain.records import (
    DeliveryState,
    FindingRow,
    MessageKind,
    OutboxMessage,
    PageRow,
)
from daemon.domain.values import Finding, Snapshot
from daemon.notion import from_markdown
from daemon.review.cleaning import cleaned
from daemon.review.points import standing
from daemon.review.summary import without_point
from daemon.store import findings, outbox, prompts
from daemon.store.database import State
from daemon.sweep.context import Context
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
        stands = standing([one.finding], snapshot.blocks if snapshot else ())
        why = "" if stands else TEXT_GONE
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


async def post_mistakes(context: Context) -> None:
    """Bring the comments on prompt pages in line with what is wrong there.

    It is said, said anew, or taken back.

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
    kept = prompts.prompt(context.state, page_id) is not None
    use = "the last good version stays in use" if kept else "nothing is reviewed under it yet"
    listed = "\n".join(f"- {line}" for line in mistakes.splitlines())
    said = f"This prompt page cannot be used as it stands; {use}.\n\n{listed}"
    said = cleaned(said, frozenset(), LONGEST)
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
