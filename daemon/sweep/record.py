"""What a review leaves behind, in one transaction: hash, findings, decisions and messages."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace
from datetime import datetime

from daemon.domain import due
from daemon.domain.change import FORM, Reviewed, content_hash
from daemon.domain.findings import CLOSED, LIVE, MENDED, Event, FindingState, LedgerEntry
from daemon.domain.notation import counted, joined, some
from daemon.domain.passages import unseen_note
from daemon.domain.records import (
    NOT_READ,
    WORD_KEY,
    DeliveryState,
    FindingRow,
    MessageKind,
    OutboxMessage,
    PageRow,
)
from daemon.domain.values import Finding, Review, ReviewKind, Severity, Snapshot, Verdict
from daemon.notion.from_markdown import quoted
from daemon.review.points import is_repeat, standing
from daemon.review.summary import (
    OPEN_AGAIN,
    SEE_MY_ANSWER,
    SHRUNK,
    SummaryParts,
    followed,
    incomplete_note,
    question_of,
    relinked,
    shrunk,
)
from daemon.store import findings, outbox, pages, prompts, reviews, sweeps
from daemon.store import threads as thread_store
from daemon.store.database import State
from daemon.store.reviews import ReviewedText
from daemon.sweep import second_look
from daemon.sweep.context import Context, Session
from daemon.sweep.conversation.anchoring import anchored
from daemon.sweep.conversation.answers import record_answers
from daemon.sweep.conversation.commands import AGAIN, FIRST_TIME
from daemon.sweep.conversation.dialogue import Dialogue
from daemon.sweep.conversation.rulings import MADE_ELSEWHERE, close, raise_anew, record_rulings
from daemon.sweep.delivery import approval, recovery, retract
from daemon.sweep.delivery.approval import Case, Waits
from daemon.sweep.delivery.messages import finding_message, settled_mark
from daemon.sweep.delivery.validity import has_taken, named_since
from daemon.sweep.prompts import current


GONE = "the text that it was made on is gone"


def record_review(
    context: Context, row: PageRow, session: Session, review: Review, dialogue: Dialogue
) -> int:
    """Store a review of a page with everything that follows from it; return its number."""
    state, snapshot, version = context.state, session.snapshot, current.version(session.prompt)
    content, now = content_hash(snapshot.page, snapshot.blocks), context.notion.now
    after = replace(
        due.done(row, snapshot.page.edited, snapshot.read_at),
        hash=content,
        form=FORM,
        prompt=version,
        settings=current.settings_version(context, session.target),
        reviewed_at=now,
    )
    with state.atomic():
        known = findings.of_page(state, row.id)
        review = approval.not_said_meanwhile(known, session, review)
        kind, sweep_id = ReviewKind.REVIEW, context.tally.number
        told = {"prompt": version, "content_hash": content, "settings": after.settings or ""}
        number = reviews.add(state, row.id, review, kind=kind, sweep_id=sweep_id, at=now, **told)
        prompts.save_version(state, version, session.prompt, now)
        case = Case(number, kind, version, content, review)
        waits = approval.judge(context, session.target, row, case)
        stand = anchored(state, known, session.change, snapshot)
        sort_kept(context, stand, snapshot, [*review.findings, *review.kept, *review.refuted])
        messages = _findings(context, row, session, case, waits)
        messages += record_rulings(context, row, session, case, dialogue, now)
        messages += raise_anew(context, row, session, case, now)
        messages += _summaries(context, row, session, case, dialogue)
        approval.file(context, row, case, waits, messages)
        closings = _closings(context, row, case, messages, waits)
        outbox.add(state, [*map(waits.message, messages), *closings])
        pages.save(state, [after])
        pages.save_reviewed(state, row.id, Reviewed.of(snapshot, review.digest))
        reviews.save_text(state, number, row.id, ReviewedText.of(snapshot), now)
        places = [block.id for block in snapshot.blocks if block.may_hold_comments]
        thread_store.set_places(state, row.id, places, now)
        record_answers(context, row, case, dialogue, waits)
        _explain(context, row, after, session, case, dialogue)
    return number


def sort_kept(
    context: Context, known: Iterable[FindingRow], snapshot: Snapshot, made: Sequence[Finding]
) -> None:
    """End those of a page's kept and refuted findings that a review `made` again.

    Kept ones end too where their text is gone.
    """
    blocks = snapshot.by_id
    for one in known:
        if one.state not in (FindingState.KEPT, FindingState.REFUTED):
            continue
        if not standing([one.finding], snapshot.blocks):  # of a refuted one, that changes nothing
            findings.apply_event(context.state, one.id, Event.UNPOSTED, context.notion.now, GONE)
        elif is_repeat(one.finding, made, blocks[one.finding.block_id]):
            findings.apply_event(context.state, one.id, Event.MADE_AGAIN, context.notion.now)


def adopt(context: Context, row: PageRow, snapshot: Snapshot) -> None:
    """Settle the points whose blocks say what was offered instead of the quote.

    That shows without a model where a comment names no other block. Their comments say so.
    """
    state, now = context.state, context.notion.now
    for one in findings.of_page(state, row.id):
        made = one.finding
        if not has_taken(made, snapshot):
            continue
        if named_since(one, snapshot, reviews.text(state, one.review_id), None):
            continue
        with state.atomic():
            why = f"“{quoted(made.instead)}”"
            if close(context, one.id, Event.ADOPTED, now, why) is FindingState.ADOPTED:
                mark = settled_mark(state, one.id, None, now)
                outbox.add(state, [mark] if mark else [])
                sweeps.record_decision(state, row.id, now, "adopted", f"“{made.title}”: {why}")


def _findings(
    context: Context, row: PageRow, session: Session, case: Case, waits: Waits
) -> list[OutboxMessage]:
    now, review = context.notion.now, case.review
    made = FindingState.HELD if waits.comments else FindingState.OPEN

    def add(finding: Finding, state: FindingState, why: str = "made") -> FindingRow:
        section = session.snapshot.section(finding.block_id)
        id_ = findings.add(
            context.state, case.number, row.id, finding, now, why, section=section, state=state
        )
        return FindingRow(id_, finding, state, None, now, case.number)

    for finding in review.kept:
        add(finding, FindingState.KEPT)
    reasons = review.look.reasons if review.look else ()
    for finding, why in zip(review.refuted, reasons, strict=True):
        add(finding, FindingState.REFUTED, why)
    rows = [add(finding, made) for finding in review.findings]
    return [finding_message(row.id, one, session.prompt.name, now) for one in rows]


def _summaries(
    context: Context, row: PageRow, session: Session, case: Case, dialogue: Dialogue
) -> list[OutboxMessage]:
    """Write the summary: in place where one stands, anew where a grave finding came.

    And where it would put another question above what a person wrote. Every older one shrinks to a
    line, which goes when the next one shrinks.
    """
    review, number, now = case.review, case.number, context.notion.now
    standing = _standing(context, row, session)
    # Nothing was said then, and there is nothing new to say.
    is_idle = not standing and session.is_follow_up and not review.findings
    if is_idle or not session.target.settings.page_comment:
        return []
    asked = question_of(review.summary)
    asks_another = any(asked != question_of(says) for _, says in standing[:1])
    grave = any(finding.severity is not Severity.MINOR for finding in review.findings)
    wanted = grave or not standing or outbox.awaits_summary(context.state, row.id)
    wanted = wanted or (asks_another and _is_answered(context, row, dialogue, standing[0][0]))
    anew = wanted and review.summary != ""
    key, kind, name = f"summary:{number}", MessageKind.SUMMARY, session.prompt.name
    message = OutboxMessage(key, row.id, kind, row.id, row.id, review.summary, name, now)
    message = replace(message, review_id=number)
    messages = [message] if anew else []
    for place, (comment_id, says) in enumerate(standing):
        body = review.summary or says
        if anew or place:
            answered = not place and _is_answered(context, row, dialogue, comment_id)
            body = shrunk(says, answered=answered)
        if anew and says.startswith(SHRUNK):  # the line on the one before the new one is enough
            outbox.outdate(context.state, row.id, comment_id, retract.OUTDATED, message.created_at)
        if says != body:
            messages.append(message.edit(f"edit:{comment_id}:{number}", comment_id, body, now))
    return messages


def _is_answered(context: Context, row: PageRow, dialogue: Dialogue, comment_id: str) -> bool:
    return recovery.is_answered(context.state, row.id, dialogue.sorted.threads, comment_id)


def _closings(
    context: Context, row: PageRow, case: Case, messages: Sequence[OutboxMessage], waits: Waits
) -> list[OutboxMessage]:
    """Tell who asked for a review that it is done, once in each thread.

    A new summary tells it by itself.
    """
    if any(one.kind is MessageKind.SUMMARY for one in messages):
        return []
    threads, closings = thread_store.threads(context.state, row.id), {}
    for one in outbox.messages_of(context.state, page_id=row.id):
        is_asked = one.answers_word and one.body.startswith((AGAIN, FIRST_TIME))
        is_since = row.reviewed_at is None or one.created_at > row.reviewed_at
        stored = threads.get(one.target)
        if is_asked and is_since and stored and not (stored.handed_over or stored.gone_at):
            key, kind = f"{WORD_KEY}reviewed:{one.target}:{case.number}", MessageKind.REPLY
            said, now = _told_done(context, row, case, one, waits), context.notion.now
            closings[one.target] = OutboxMessage(
                key, row.id, kind, one.target, one.place, said, one.name, now
            )
    return [*closings.values()]


def _told_done(
    context: Context, row: PageRow, case: Case, asked: OutboxMessage, waits: Waits
) -> str:
    """Return in numbers what a review brought that was asked for."""
    review = case.review
    ruled = Counter(one.verdict for one in review.rulings)
    dropped = ruled[Verdict.WITHDRAWN] + ruled[Verdict.TURNED_DOWN]
    parts = [
        some(len(review.findings), "new point"),
        f"{ruled[Verdict.FIXED]} settled" if ruled[Verdict.FIXED] else "",
        f"{dropped} dropped" if dropped else "",
    ]
    said = (
        f"I reviewed the page{' again' * bool(row.reviewed_at)}: {joined(parts) or 'nothing new'}"
    )
    if waits.comments:
        return f"{said}. What I found waits for approval before it is posted."
    where = " above" if asked.place == row.id else ""
    is_written = review.summary and outbox.summaries(context.state, row.id)
    at = f"{context.notion.now:%Y-%m-%d %H:%M} UTC"
    of_now = f"; the summary{where} is of {at}" if is_written else ""
    return joined([f"{said}{of_now}.", incomplete_note(review.outcome)], " ")


def follow_from_now(state: State) -> None:
    """Set up to which change the summaries followed, where a state does not tell: the last one."""
    if findings.followed(state) is None:
        findings.set_followed(state, findings.last_change(state))


async def follow(context: Context) -> None:
    """Let the summaries follow what became of points since, where no review wrote them anew.

    That edits the comment that stands, which notifies nobody, at most once in a sweep. Up to which
    change they followed is stored with the edits.

    Raises:
        ReviewError: An edit could not be made; the next sweep makes it.
    """
    state, last = context.state, findings.last_change(context.state)
    since = findings.followed(state) or 0
    if since == last:
        return
    changed = findings.changed_since(state, since)
    edited = []
    with state.atomic():
        for page_id, numbers in changed.items():
            row = pages.page(state, page_id)
            source = pages.source(state, row.source_id) if row else None
            ours = source.config_ids if source else ()
            told = any(one.page_comment for one in context.config.databases if one.id in ours)
            if row and told and (edit := _followed(context, row, {*numbers}, last)):
                outbox.add(state, [edit])
                edited.append(page_id)
        findings.set_followed(state, last)
    for page_id in edited:
        await context.deliver(context, page_id)


def _followed(
    context: Context, row: PageRow, changed: Collection[int], last: int
) -> OutboxMessage | None:
    """Return the edit by which a page's summary follows its points; None where none is needed.

    One that is not sent yet is given another text.
    """
    state, known = context.state, findings.of_page(context.state, row.id)
    here = {*LIVE, FindingState.KEPT, FindingState.HELD}
    # Of a point that was made again the newest tells how it stands, unless one of them is open.
    newest = {(one.finding.title, one.finding.block_id): one for one in known}
    stand = {(one.finding.title, one.finding.block_id) for one in known if one.state in here}
    # Not only of those that changed: a summary may stand again as it was before a later review.
    ended = [one for name, one in newest.items() if name not in stand]
    settled = [one.finding for one in ended if one.state in MENDED]
    gone = [one.finding for one in ended if one.state not in MENDED]
    messages = [
        message
        for message in outbox.messages_of(state, page_id=row.id)
        if message.kind in (MessageKind.SUMMARY, MessageKind.EDIT) and message.finding_id is None
    ]
    made = {one.id: one.at for one in reviews.reviews_of(state, row.id)}
    times = {one.key: made.get(one.review_id or 0, one.created_at) for one in messages}
    said = [times[one.key] for one in messages if one.state is not DeliveryState.DROPPED]
    since = max(said, default=context.notion.now)
    now = replace(_as_they_stand(state, row, known, changed, since), settled=settled)
    points = [one.finding for one in newest.values()]
    for message in messages:
        text = relinked(message.body, points)
        outbox.set_body(state, message.key, followed(text, now, gone, times[message.key]))
    comment_id, says = next(iter(outbox.summaries(state, row.id)), ("", ""))
    if not comment_id:
        return None
    # Who takes that review back takes this back too.
    last_text = outbox.last_text(state, row.id, comment_id)
    body = followed(relinked(says, points), now, gone, times[last_text.key])
    if body == says:
        return None
    return last_text.edit(f"follow:{comment_id}:{last:09}", comment_id, body, context.notion.now)


def _as_they_stand(
    state: State,
    row: PageRow,
    known: Iterable[FindingRow],
    changed: Collection[int],
    since: datetime,
) -> SummaryParts:
    """Return what a page's summary, written at a time, is to say of the points that changed."""
    known, opened = list(known), dict[Finding, str]()
    for one in (one for one in known if one.id in changed and one.state in LIVE):
        past = findings.history(state, one.id)
        was = {then.state for then in past}
        if was & {*CLOSED, FindingState.RESOLVED}:
            opened_at = max(then.at for then in past if then.state is FindingState.OPEN)
            answered = outbox.answered_since(state, one.discussion_id, opened_at)
            opened[one.finding] = f"{OPEN_AGAIN}; {SEE_MY_ANSWER}" if answered else OPEN_AGAIN
        elif FindingState.KEPT in was or one.at > since:
            opened[one.finding] = ""
    closed = findings.closed_since_review(state, row.id, before=1)
    dropped = [one for one in closed if one.state not in MENDED and one.why != MADE_ELSEWHERE]
    return SummaryParts(
        row.url,
        {one.finding.block_id for one in known},
        "",
        still_open=opened,
        dropped=[LedgerEntry(one.finding, one.state, one.why) for one in dropped],
    )


def _standing(context: Context, row: PageRow, session: Session) -> list[tuple[str, str]]:
    """Return (comment id, text) of the summaries that stand on a page, the newest first."""
    standing = outbox.summaries(context.state, row.id)
    orphan = None if standing else recovery.orphan_summary(session.snapshot.threads)
    if orphan and not outbox.awaits_summary(context.state, row.id):
        standing = [orphan]
    if row.hash is not None or not session.snapshot.comments_readable:
        return standing
    # Who asked for this review reads a new summary where people took the old one away.
    on_page = [one for one in session.snapshot.threads if one.block_id is None]
    listed = {comment.id for thread in on_page for comment in thread.comments}
    return [one for one in standing if one[0] in listed]


def _explain(
    context: Context, row: PageRow, after: PageRow, session: Session, case: Case, dialogue: Dialogue
) -> None:
    review, at = case.review, after.reviewed_at or context.notion.now

    def decide(what: str, detail: str) -> None:
        sweeps.record_decision(context.state, row.id, at, what, detail)

    said = f"{counted(len(review.findings), 'comment')}, {counted(len(review.replies), 'reply')}"
    usage = review.usage
    cost = f"{usage.tokens} tokens, ${usage.cost_usd:.4f}"
    decide("reviewed", f"{review.outcome.value} by {review.model}: {said}; {cost}")
    for one in review.kept:
        decide("kept", f"“{one.title}” ({one.severity.value}), over the limit of a review")
    for what, detail in second_look.told(review):
        decide(what, detail)
    for refusal in review.refusals:
        decide("refused", f"{refusal.tool}: {refusal.reason}")
    if review.omitted:
        decide(NOT_READ, ", ".join(review.omitted))
    if session.linked and (session.linked.pages or session.linked.unread):
        read = ", ".join(f"“{title}”" for title, _ in session.linked.pages)
        decide("links", f"read: {read or 'none'}. {unseen_note(session.linked)}".strip())
    if not dialogue.readable:
        decide("comments", f"not readable: {dialogue.refusal}")
    if row.settings and row.settings != after.settings:
        was = f"{row.settings} to {after.settings}"
        decide("settings", f"the models or settings of a review changed: {was}")
