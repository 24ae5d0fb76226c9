"""What the reviewer rules on its own points, and what follows from that."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from daemon.domain.findings import KNOWN_UNTIL, LIVE, MENDED, SAID_NO, Event, FindingState
from daemon.domain.notation import joined
from daemon.domain.records import (
    DeliveryState,
    FindingRow,
    MessageKind,
    OutboxMessage,
    PageRow,
)
from daemon.domain.values import (
    Finding,
    Ruling,
    Snapshot,
    Source,
    Verdict,
)
from daemon.notion.from_markdown import QUOTE_CHARS, SHORTENED, quoted, without_offer
from daemon.review import offline
from daemon.review.points import (
    OwnPoint,
    makes_anew,
    page_texts,
)
from daemon.review.prompt import clipped, one_line
from daemon.review.quotes import contains_words, is_quote_of, stands_in, unmarked_line
from daemon.review.rulings import (
    MOVED,
    block_texts,
    came_into_block,
    moved_again,
    went_with_block,
)
from daemon.store import findings, outbox, sweeps
from daemon.store import threads as thread_store
from daemon.store.database import State
from daemon.sweep.context import Context, Session
from daemon.sweep.conversation.dialogue import Dialogue
from daemon.sweep.conversation.points import (
    OWN_BLOCK,
    not_yet_keys,
    read_by_reviews,
    reads_now,
)
from daemon.sweep.delivery.approval import Case
from daemon.sweep.delivery.messages import finding_message, open_mark, settled_mark
from daemon.sweep.delivery.validity import has_taken


MADE_ELSEWHERE = "made again on another block"
BY_RULE, FOUND_AGAIN = "it is no longer there", "it is there again"
_LOST = "its block with “"
_SHOWN = re.compile(
    rf"(?:(?P<own>{OWN_BLOCK})|(?P<whole>the block ))?“(?P<words>.*)”(?P<gone> is gone)?", re.DOTALL
)


def reopen(context: Context, row: PageRow, snapshot: Snapshot) -> None:
    """Open points again whose settling words are gone, or whose own words are back.

    So is one that a move settled, once its block is moved again or goes, and a rule's that the rule
    finds again. Their comments say so instead of the mark; whether they are settled all the same is
    asked of the model anew. One whose settling words were only reworded stays settled, while its
    own are not back, or where a move settled it: the model is told how they read now.
    """
    state, now = context.state, context.notion.now
    mended = [one for one in findings.of_page(state, row.id) if one.state in MENDED]
    by_rule = any(one.finding.source is Source.CHECK for one in mended)
    found = offline.findings(snapshot, context.for_review.today) if by_rule else ()
    for one in mended:
        why = _shows_no_more(state, one, snapshot) or _is_found_again(one, snapshot, found)
        if not why:
            continue
        if reads_now(state, one, snapshot):
            continue
        with state.atomic():
            findings.open_again(state, one.id, Event.UNSETTLED, now, why)
            outbox.add(state, opened_again(context, row, one.id, Event.UNSETTLED, why))


def _is_found_again(point: FindingRow, snapshot: Snapshot, found: Sequence[Finding]) -> str:
    """Say that the rule that raised a point finds it again; "" where it does not."""
    raised = point.finding
    block = snapshot.by_id.get(raised.block_id)
    stands = block is not None and is_quote_of(raised.quote, block.plain)
    by_rule = raised.source is Source.CHECK
    return FOUND_AGAIN if by_rule and stands and offline.still_finds(raised, found) else ""


def _shows_no_more(state: State, point: FindingRow, snapshot: Snapshot) -> str:
    """Say why what settled a point does not show it any more; "" where it does."""
    told = point.why
    if told.startswith(_LOST):
        return "its block is back" if point.finding.block_id in snapshot.by_id else ""
    if move := MOVED.fullmatch(told):
        return moved_again(move, read_by_reviews(state, point, snapshot), snapshot)
    if (shown := _SHOWN.fullmatch(told)) is None:
        return ""
    words, whole, gone = shown["words"], shown["whole"] or "", bool(shown["gone"])
    if is_own := shown["own"] or point.state is FindingState.ADOPTED:
        reads = read_by_reviews(state, point, snapshot)
        texts: Sequence[str] = block_texts(point.finding.block_id, reads, snapshot)
    else:
        texts = page_texts(snapshot)
    if _still_shows(words, texts, gone=gone, whole=bool(whole)):
        return ""
    became = "is gone from its block" if is_own else "is back" if gone else "is gone"
    return f"{whole}“{words}” {became}"


def opened_again(
    context: Context, row: PageRow, finding_id: int, event: Event, why: str
) -> list[OutboxMessage]:
    """Record that a closed point is open again; its comment says so instead of the mark.

    Where a person's no holds again, the comment says that.
    """
    state, now = context.state, context.notion.now
    outbox.drop_marks(state, row.id, finding_id, event.value)
    if (point := findings.get(state, finding_id)) is None:
        return []
    is_open, said = point.state in LIVE, f"“{point.finding.title}”: {why}"
    sweeps.record_decision(
        state, row.id, now, "open again" if is_open else "turned down again", said
    )
    told = "" if event is Event.TAKEN_UP else why  # the reviewer's answer says it
    mark = open_mark(state, point.id, now, told)
    if not is_open:
        mark = settled_mark(state, point.id, None, now)
    return [mark] if mark else []


def _still_shows(
    words: str, texts: Sequence[str], *, gone: bool = False, whole: bool = False
) -> bool:
    """Tell whether words, escaped as they were posted, still stand, or are still gone.

    `whole` says that they are to be all that a text says.

    Words that came may be set anew with other punctuation. Words that went may differ from those
    that stand by just that.
    """
    if whole:
        return any(quoted(text) == words for text in texts)
    if not gone:
        return any(contains_words(words, text) for text in texts)
    parts = [unmarked_line(part) for part in words.split(SHORTENED)]
    return not any(all(stands_in(part, text) for part in parts) for text in texts)


def raise_anew(
    context: Context, row: PageRow, session: Session, case: Case, now: datetime
) -> list[OutboxMessage]:
    """Return the comments that raise open points anew whose blocks were cut and pasted.

    Notion gives the pasted block a new id, and their threads went with the old one. The words of a
    ruling, or else of the last one there and of an answer to who wrote there last, follow those of
    the point, which nobody would understand without the other. A point whose text went too ends
    where the review makes it again on another block.
    """
    rulings = {one.finding_id: one for one in case.review.rulings}
    answers = {one.thread_id: one.text for one in case.review.replies}
    messages, made = list[OutboxMessage](), [*case.review.findings, *case.review.kept]
    for point in session.points:
        if point.gone and any(makes_anew(one, point.finding) for one in made):
            findings.apply_event(context.state, point.id, Event.WITHDRAWN, now, MADE_ELSEWHERE)
        found = findings.get(context.state, point.id) if point.pasted else None
        if found is None:
            continue
        ruling, raised = rulings.get(point.id), point.finding
        words = [_last_not_yet(context, row, point), answers.get(point.thread_id, "")]
        words = [ruling.text] if ruling and ruling.text else words
        added = [one for one in words if one not in raised.text]
        raised = replace(raised, text=joined([raised.text, *added], "\n\n"))
        findings.set_place(context.state, point.id, raised)
        if found.state in LIVE and (ruling is None or ruling.verdict is Verdict.NOT_YET):
            findings.unlink_thread(context.state, point.id)
            if point.unread:
                told = KNOWN_UNTIL.format(point.unread)
                raised = replace(raised, text=f"{raised.text}\n\n{told}")
            found = replace(found, finding=raised)
            messages.append(finding_message(row.id, found, session.prompt.name, context.notion.now))
    return messages


def _last_not_yet(context: Context, row: PageRow, point: OwnPoint) -> str:
    """Return the last words of a ruling in a point's thread since it is open; "" for none."""
    said = [
        one.body
        for one in outbox.messages_of(context.state, page_id=row.id)
        if one.key.startswith(f"not yet:{point.thread_id}:")
        if one.state is DeliveryState.POSTED and not one.retracted_at
        if point.opened is None or one.created_at >= point.opened
    ]
    return said[-1] if said else ""


def record_rulings(
    context: Context,
    row: PageRow,
    session: Session,
    case: Case,
    dialogue: Dialogue,
    now: datetime,
) -> list[OutboxMessage]:
    """Store what a review says of the open points; return the messages that follow from it.

    `now` is the review's own time: what it settles was not settled since.
    """
    points = {one.id: one for one in session.points}
    answered = {reply.thread_id for reply in case.review.replies}
    # What code reads as a no holds, whatever becomes of the review in which it was heard.
    noes = {thread.id for thread in dialogue.sorted.waiting if thread.noes}
    messages: list[OutboxMessage] = []
    for ruling in case.review.rulings:
        point = points[ruling.finding_id]
        by = f" by {ruling.person}: “{ruling.quote}”" if ruling.person else ""
        said = f"“{point.finding.title}”: {ruling.verdict.value.replace('_', ' ')}{by}"
        sweeps.record_decision(context.state, row.id, now, "ruling", said)
        if ruling.verdict is not Verdict.NOT_YET:
            # What an answer says below the point's comment is not said in it too.
            told = replace(ruling, text="") if point.thread_id in answered else ruling
            is_no = ruling.verdict is Verdict.TURNED_DOWN and point.thread_id in noes
            number = None if is_no else case.number
            messages += _settle(context, told, number, point, session.snapshot, now)
            continue
        messages += _unoffered(context, session, case, point)
        if point.closed:
            findings.apply_event(context.state, point.id, Event.TAKEN_UP, now)
            why = clipped(one_line(ruling.text), QUOTE_CHARS)
            messages += opened_again(context, row, point.id, Event.TAKEN_UP, why)
        elif point.again and (mark := open_mark(context.state, point.id, context.notion.now, "")):
            # The reviewer's answer says why, better than the mark that is not sent yet.
            outbox.set_body(context.state, mark.key, mark.body)
        if point.thread_id not in answered and not point.pasted:
            messages.append(_not_yet(context, row, session, case, point, ruling, dialogue))
    return messages


def _unoffered(
    context: Context, session: Session, case: Case, point: OwnPoint
) -> list[OutboxMessage]:
    """Take back the wording that an open point offers, where its block went past it.

    It no longer says the quote, or says the wording, which settles nothing as it seems.
    """
    state, found = context.state, findings.get(context.state, point.id)
    block = session.snapshot.by_id.get(point.finding.block_id)
    if found is None or block is None or not found.finding.instead:
        return []
    stands = is_quote_of(point.finding.quote, block.plain)
    if stands and not has_taken(point.finding, session.snapshot):
        return []
    findings.set_place(state, point.id, replace(found.finding, instead=""))
    raised = outbox.message_of(state, found.review_id, point.id)
    if raised is None or point.pasted:
        return []
    body = without_offer(raised.body)
    outbox.rewrite(state, raised.key, body)
    # A point that is opened again has an edit that says so, of this text.
    if not raised.comment_id or point.closed or point.again:
        return []
    edit = raised.edit(f"unoffered:{point.id}", raised.comment_id, body, context.notion.now)
    return [replace(edit, review_id=case.number)]


def _settle(
    context: Context,
    ruling: Ruling,
    review_id: int | None,
    point: OwnPoint,
    snapshot: Snapshot,
    now: datetime,
) -> list[OutboxMessage]:
    """Close a point."""
    event, why = {
        Verdict.WITHDRAWN: (Event.WITHDRAWN, ruling.text),
        Verdict.TURNED_DOWN: (Event.TURNED_DOWN, f"{quoted(ruling.person)}{SAID_NO}"),
    }.get(ruling.verdict) or (Event.FIXED, _evidence(ruling.quote, point, snapshot))
    before = findings.get(context.state, ruling.finding_id)
    declined = before and point.declined and before.state is FindingState.DISMISSED
    if before is None or not (before.state in LIVE or declined):
        return []  # people settled it meanwhile
    if declined and not point.mute:  # a person took the no back, so it holds no more
        findings.apply_event(context.state, before.id, Event.TAKEN_UP, now)
    close(context, ruling.finding_id, event, now, why)
    mark = settled_mark(context.state, ruling.finding_id, review_id, now)
    return [mark] if mark else []


def close(
    context: Context, finding_id: int, event: Event, now: datetime, why: str
) -> FindingState | None:
    """Apply an event that closes a point; return its state after it, None where nothing changed.

    A comment that was not sent yet is not sent any more.
    """
    state = context.state
    before = findings.get(state, finding_id)
    after = findings.apply_event(state, finding_id, event, now, why)
    if before is None or after is before.state:
        return None
    raised = outbox.message_of(state, before.review_id, finding_id)
    if raised and raised.state is DeliveryState.INTENT:
        outbox.set_state(state, raised.key, DeliveryState.DROPPED, event.value)
        if not outbox.was_posted(state, raised.page_id, finding_id):
            return findings.apply_event(state, finding_id, Event.UNPOSTED, now, event.value)
    return after


def _evidence(quote: str, point: OwnPoint, snapshot: Snapshot) -> str:
    """Say what shows that a point is fixed: words that came, went or moved, or a block."""
    if not quote:
        return BY_RULE
    words, texts = quoted(quote), page_texts(snapshot)
    if _still_shows(words, texts, gone=True):
        return f"“{words}” is gone"
    if came_into_block(quote, point) and sum(stands_in(quote, text) for text in texts) > 1:
        return f"{OWN_BLOCK}“{words}”"
    stood = any(stands_in(quote, text) for text in point.before)
    moved = [
        one.id for one in snapshot.blocks if one.id in point.moved and stands_in(quote, one.plain)
    ]
    if stood and moved:
        return ", now ".join(filter(None, (f"moved: “{words}”", point.moved[moved[0]])))
    if went_with_block(quote, point, texts):
        return f"{_LOST}{words}” is gone"
    block = "the block " if stood and _still_shows(words, texts, whole=True) else ""
    return f"{block}“{words}”"


def _not_yet(
    context: Context,
    row: PageRow,
    session: Session,
    case: Case,
    point: OwnPoint,
    ruling: Ruling,
    dialogue: Dialogue,
) -> OutboxMessage:
    thread_store.count_reply(context.state, point.thread_id)
    keys = not_yet_keys(context.state, row.id, [point.thread_id], session.snapshot)
    return OutboxMessage(
        key=keys[point.thread_id],
        page_id=row.id,
        kind=MessageKind.REPLY,
        target=point.thread_id,
        place=point.finding.block_id,
        body=ruling.text,
        name=dialogue.reviewer,
        created_at=context.notion.now,
        review_id=case.number,
    )
