"""What a review leaves behind, in one transaction: hash, findings, decisions and letters."""

from __future__ import annotations

import hashlib
from dataclasses import replace

from daemon.sweep.delivery import approval
from daemon.domain import due
from daemon.sweep.prompts import current as prompts
from daemon.sweep import orphans as strays
from daemon.sweep.conversation.answers import record_answers
from daemon.sweep.delivery.approval import Case, Waits
from daemon.domain.change import Reviewed
from daemon.sweep.context import Context
from daemon.sweep.conversation.dialogue import Dialogue
from daemon.domain.values import Finding, Review, Severity
from daemon.domain.findings import LIVE, Event, FindingState
from daemon.notion import canonical as text, from_markdown as writing
from daemon.domain.english import counted
from daemon.review.difference import is_addressed
from daemon.sweep.reviewing import Session
from daemon.store import findings, sweeps as ledger, pages, reviews, texts
from daemon.store import threads as thread_store
from daemon.store.pages import PageRow
from daemon.store.reviews import Kind, Letter
from daemon.store.texts import Text


def record_review(
    context: Context, row: PageRow, session: Session, review: Review, dialogue: Dialogue
) -> None:
    """Store a review of a page with everything that follows from it."""
    snapshot, version = session.snapshot, prompts.version(session.prompt)
    content = text.content_hash(snapshot.page, snapshot.blocks)
    now = context.notion.now
    after = replace(
        due.done(row, snapshot.page.edited, snapshot.read_at),
        hash=content,
        form=text.FORM,
        prompt=version,
        reviewed_at=now,
    )
    with context.state.atomic():
        review = approval.not_said_meanwhile(context, session, review)
        _settle_earlier(context, session, review)
        number = reviews.add(
            context.state,
            row.id,
            review,
            kind="review",
            prompt=version,
            content_hash=content,
            sweep_id=context.sweep_id,
            at=now,
        )
        case = Case(number, "review", version, content, review)
        waits = approval.judge(context, row, case)
        letters = _findings(context, row, session, case, waits)
        letters += _summary(context, row, number, session, review)
        approval.file(context, row, case, waits, letters)
        reviews.intend(context.state, map(waits.letter, letters))
        pages.save(context.state, [after])
        pages.save_reviewed(context.state, row.id, Reviewed.of(snapshot))
        texts.keep(context.state, number, row.id, Text.of(snapshot), now)
        places = [block.id for block in snapshot.blocks if block.may_hold_comments]
        thread_store.keep_places(context.state, row.id, places, now)
        record_answers(context, row, case, dialogue, waits)
        _explain(context, row, review, dialogue)


def _settle_earlier(context: Context, session: Session, review: Review) -> None:
    """Close earlier findings whose text changed and whose point did not come again.

    A model that was cut short, or did not see all of the page, may only not have come to them.
    """
    if not review.outcome.is_complete or review.omitted:
        return
    change, blocks = session.change, session.snapshot.blocks
    for stored in findings.of_page(context.state, session.snapshot.page.id):
        if stored.state in LIVE and is_addressed(stored.finding, change, blocks, review.findings):
            findings.happened(context.state, stored.id, Event.ADDRESSED, context.notion.now)


def _findings(
    context: Context, row: PageRow, session: Session, case: Case, waits: Waits
) -> list[Letter]:
    letters, number, now = [], case.number, context.notion.now
    state = FindingState.HELD if waits.comments else FindingState.OPEN
    for finding in case.review.findings:
        section = session.snapshot.section(finding.block_id)
        finding_id = findings.record(
            context.state, number, row.id, finding, now, section=section, state=state
        )
        letters.append(
            Letter(
                key=f"finding:{row.id}:{finding.block_id}:{_digest(finding)}:{number}",
                page_id=row.id,
                kind=Kind.FINDING,
                target=finding.block_id,
                place=finding.block_id,
                body=writing.finding_body(finding),
                name=session.prompt.name,
                created_at=now,
                review_id=number,
                finding_id=finding_id,
            )
        )
    return letters


def _digest(finding: Finding) -> str:
    return hashlib.sha256(f"{finding.quote}\0{finding.text}".encode()).hexdigest()[:16]


def _summary(
    context: Context, row: PageRow, number: int, session: Session, review: Review
) -> list[Letter]:
    """Write the summary: in place where one stands, anew where a grave finding came."""
    words = review.summary
    if not words or not _summary_wanted(context, row):
        return []
    standing = reviews.summary_comment(context.state, row.id)
    standing = standing or strays.summary(session.snapshot.threads)
    grave = any(finding.severity is not Severity.MINOR for finding in review.findings)
    if not standing and session.is_follow_up and not review.findings:
        return []  # nothing was said then, and there is nothing new to say
    if standing and not grave:
        if standing[1] == words:
            return []
        kind, target, key = Kind.EDIT, standing[0], f"edit:{standing[0]}:{number}"
    else:
        kind, target, key = Kind.SUMMARY, row.id, f"summary:{number}"
    return [
        Letter(
            key=key,
            page_id=row.id,
            kind=kind,
            target=target,
            place=row.id,
            body=words,
            name=session.prompt.name,
            created_at=context.notion.now,
            review_id=number,
        )
    ]


def _summary_wanted(context: Context, row: PageRow) -> bool:
    source = pages.source(context.state, row.source_id)
    ids = {source.id, source.database_id} if source else set()
    return any(base.page_comment for base in context.config.databases if base.id in ids)


def _explain(context: Context, row: PageRow, review: Review, dialogue: Dialogue) -> None:
    def decide(what: str, detail: str) -> None:
        ledger.decide(context.state, row.id, context.notion.now, what, detail)

    said = f"{counted(len(review.findings), 'comment')}, {counted(len(review.replies), 'reply')}"
    decide("reviewed", f"{review.outcome.value} by {review.model}: {said}")
    for refusal in review.refusals:
        decide("refused", f"{refusal.tool}: {refusal.reason}")
    if review.omitted:
        decide("not read", f"too long for {review.model}: {', '.join(review.omitted)}")
    if not dialogue.readable:
        decide("comments", "not readable: the connection lacks the capability")
