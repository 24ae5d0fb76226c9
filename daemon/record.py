"""What a review leaves behind, in one transaction: hash, findings, decisions and letters."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime

from daemon import due, prompts
from daemon.context import Context
from daemon.domain import AuthorKind, Finding, Review, Reviewed, Severity, Thread
from daemon.notion import text, writing
from daemon.review.quotes import locate
from daemon.review.session import Session
from daemon.store import ledger, pages, reviews
from daemon.store import threads as thread_store
from daemon.store.database import iso
from daemon.store.pages import PageRow
from daemon.store.reviews import FindingState, Kind, Letter, StoredFinding
from daemon.store.threads import ANSWERED, LEFT, SEEN
from daemon.threads import HANDED_OVER, Known, Sorted, passed_over


@dataclass(frozen=True, slots=True)
class Dialogue:
    """The threads of a page as they were read.

    Attributes:
        sorted: The threads with the comments that want an answer marked.
        known: What the state knew before.
        readable: False where Notion refused the comments.
        looked: The blocks whose comments were listed.
        gone: Threads that left the list of open ones.
        at: The server's time when the reading began.
    """

    sorted: Sorted
    known: Known
    readable: bool
    looked: tuple[str, ...]
    gone: tuple[str, ...]
    at: datetime


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
        _settle_earlier(context, session, review)
        number = _add(context, row, "review", review, version, content)
        pages.save(context.state, [after])
        pages.save_reviewed(context.state, row.id, Reviewed.of(snapshot))
        letters = _findings(context, row, number, session, review)
        letters += _summary(context, row, number, session, review)
        letters += _replies(context, row, number, session.prompt.name, review, dialogue)
        reviews.intend(context.state, letters)
        commentable = [block.id for block in snapshot.blocks if block.commentable]
        thread_store.keep_places(context.state, row.id, commentable, now)
        _record_threads(context, row, review, dialogue)
        _explain(context, row, review, dialogue)


def record_replies(
    context: Context, row: PageRow, session: Session, review: Review, dialogue: Dialogue
) -> None:
    """Store the answers to waiting threads; the page's hash stays what was reviewed."""
    version = prompts.version(session.prompt)
    with context.state.atomic():
        number = _add(context, row, "reply", review, version, row.hash or "")
        letters = _replies(context, row, number, session.prompt.name, review, dialogue)
        reviews.intend(context.state, letters)
        _record_threads(context, row, review, dialogue)
        _explain(context, row, review, dialogue)


def record_looks(context: Context, row: PageRow, dialogue: Dialogue, name: str) -> None:
    """Store what was seen in threads where nobody waits for a model."""
    with context.state.atomic():
        reviews.intend(context.state, _handing_over(context, row, None, name, dialogue))
        _record_threads(context, row, None, dialogue)
        for reason in dialogue.sorted.reasons:
            ledger.decide(context.state, row.id, dialogue.at, "comment", reason)


def _add(
    context: Context, row: PageRow, kind: str, review: Review, version: str, content: str
) -> int:
    return reviews.add(
        context.state,
        row.id,
        review,
        kind=kind,
        prompt=version,
        content_hash=content,
        sweep_id=context.sweep_id,
        at=context.notion.now,
    )


def _settle_earlier(context: Context, session: Session, review: Review) -> None:
    """Close earlier findings whose text changed and whose point did not come again."""
    blocks = session.snapshot.by_id
    for stored in reviews.findings(context.state, session.snapshot.page.id):
        if stored.state not in (FindingState.OPEN, FindingState.ANSWERED):
            continue
        block = blocks.get(stored.finding.block_id)
        if block is not None and locate(stored.finding.quote, block.plain) is not None:
            continue
        if not _came_again(stored, review):
            reviews.set_finding(context.state, stored.id, FindingState.ADDRESSED)


def _came_again(stored: StoredFinding, review: Review) -> bool:
    return any(
        found.block_id == stored.finding.block_id and found.quote == stored.finding.quote
        for found in review.findings
    )


def _findings(
    context: Context, row: PageRow, number: int, session: Session, review: Review
) -> list[Letter]:
    letters = []
    for finding in review.findings:
        finding_id = reviews.add_finding(context.state, number, row.id, finding)
        letters.append(
            Letter(
                key=f"finding:{row.id}:{finding.block_id}:{_digest(finding)}:{number}",
                page_id=row.id,
                kind=Kind.FINDING,
                target=finding.block_id,
                place=finding.block_id,
                body=writing.finding_body(finding),
                name=session.prompt.name,
                created_at=context.notion.now,
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
    grave = any(finding.severity is not Severity.MINOR for finding in review.findings)
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


def _replies(
    context: Context, row: PageRow, number: int, name: str, review: Review, dialogue: Dialogue
) -> list[Letter]:
    threads = {thread.id: thread for thread in dialogue.sorted.threads}
    letters = [
        _reply(context, row, number, name, threads[reply.thread_id], reply.text)
        for reply in review.replies
    ]
    for reply in review.replies:
        thread_store.save_thread(context.state, row.id, threads[reply.thread_id], {})
        thread_store.replied(context.state, reply.thread_id)
    return letters + _handing_over(context, row, number, name, dialogue)


def _handing_over(
    context: Context, row: PageRow, number: int | None, name: str, dialogue: Dialogue
) -> list[Letter]:
    letters = []
    for thread in dialogue.sorted.hand_over:
        words = HANDED_OVER.format(count=dialogue.known.limit)
        letters.append(_reply(context, row, number, name, thread, words))
        thread_store.save_thread(context.state, row.id, thread, {})
        thread_store.replied(context.state, thread.id, handed_over=True)
    return letters


def _reply(
    context: Context, row: PageRow, number: int | None, name: str, thread: Thread, words: str
) -> Letter:
    asked = [one for one in thread.comments if one.author.kind is AuthorKind.PERSON]
    last = (thread.waiting or tuple(asked) or thread.comments)[-1]
    return Letter(
        key=f"reply:{thread.id}:{last.id}:{iso(last.edited)}",
        page_id=row.id,
        kind=Kind.REPLY,
        target=thread.id,
        place=thread.block_id or row.id,
        body=words,
        name=name,
        created_at=context.notion.now,
        review_id=number,
    )


def _record_threads(
    context: Context, row: PageRow, review: Review | None, dialogue: Dialogue
) -> None:
    """Record what was decided of every comment, and the threads that people closed."""
    answered = {reply.thread_id for reply in review.replies} if review else set()
    left = set(review.left) if review else set()
    for thread in dialogue.sorted.threads:
        states = {
            comment.id: dialogue.sorted.states.get(comment.id, SEEN)
            for comment in thread.comments
            if comment.id in dialogue.sorted.states or comment.id not in dialogue.known.comments
        }
        for comment in thread.waiting:
            seen = dialogue.known.comments.get(comment.id)
            states[comment.id] = (
                _answered(seen.state if seen else "")
                if thread.id in answered
                else LEFT
                if thread.id in left
                else passed_over(seen)
            )
        thread_store.save_thread(context.state, row.id, thread, states)
    thread_store.gone(context.state, dialogue.gone, dialogue.at)
    _follow_people(context, row, dialogue)
    places = [row.id, *dialogue.looked]
    thread_store.looked(context.state, row.id, places, dialogue.at)
    thread_store.mark_known(context.state, row.id)


def _answered(before: str) -> str:
    """A comment that was edited after its answer is answered once more, then never."""
    return "answered twice" if before == ANSWERED else ANSWERED


def _follow_people(context: Context, row: PageRow, dialogue: Dialogue) -> None:
    """Let findings follow their threads: closed by people, or spoken to by them."""
    spoken = _spoken_to(dialogue.sorted.threads)
    for stored in reviews.findings(context.state, row.id):
        if stored.discussion_id is None:
            continue
        if stored.discussion_id in dialogue.gone and stored.state in _LIVE:
            reviews.set_finding(context.state, stored.id, FindingState.RESOLVED)
        elif stored.discussion_id in spoken and stored.state is FindingState.OPEN:
            reviews.set_finding(context.state, stored.id, FindingState.ANSWERED)


_LIVE = (FindingState.OPEN, FindingState.ANSWERED)


def _spoken_to(threads: Iterable[Thread]) -> set[str]:
    return {
        thread.id
        for thread in threads
        if any(comment.author.kind is AuthorKind.PERSON for comment in thread.comments)
    }


def _explain(context: Context, row: PageRow, review: Review, dialogue: Dialogue) -> None:
    def decide(what: str, detail: str) -> None:
        ledger.decide(context.state, row.id, context.notion.now, what, detail)

    findings = f"{len(review.findings)} comments, {len(review.replies)} replies"
    decide("reviewed", f"{review.outcome.value} by {review.model}: {findings}")
    for refusal in review.refusals:
        decide("refused", f"{refusal.tool}: {refusal.reason}")
    for reason in dialogue.sorted.reasons:
        decide("comment", reason)
    if not dialogue.readable:
        decide("comments", "not readable: the connection lacks the capability")
