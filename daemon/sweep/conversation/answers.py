"""What a dialogue leaves behind: first what needs no model, then the answers that one gave."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime

from daemon.sweep.delivery import approval
from daemon.domain import due
from daemon.sweep.prompts import current as prompts
from daemon.sweep.delivery.approval import Case, Waits
from daemon.sweep.context import Context
from daemon.sweep.conversation.dialogue import Dialogue
from daemon.domain.values import AuthorKind, Comment, Review, Source, Thread
from daemon.domain.findings import Event
from daemon.review.models.access import OFFLINE
from daemon.review.offline.hits import kind_of
from daemon.sweep.reviewing import Session
from daemon.store import findings, sweeps as ledger, origins, pages, reviews
from daemon.store import threads as thread_store
from daemon.store.database import iso
from daemon.store.pages import PageRow
from daemon.store.reviews import Kind, Letter, Sending
from daemon.store.threads import LEFT
from daemon.sweep.conversation.threads import (
    HANDED_OVER,
    answered,
    excerpt,
    passed_over,
    replies_so_far,
    unanswered,
    was_answered,
)
from daemon.sweep.conversation.commands import (
    AGAIN,
    NOT_PAUSED,
    PAUSED,
    RESUMED,
    Said,
    Word,
    because,
)


@dataclass(frozen=True, slots=True)
class Say:
    """A reply to be sent.

    Attributes:
        key: Names it in the outbox: what has the same key is sent once.
        words: What it says, as Markdown.
        asked_at: When the person wrote who waits longest for it.
        review: The review that it comes from; None for what needs no model.
        waits: Why it waits for approval, "" where it does not.
        hands_over: Whether it leaves the thread to people.
    """

    key: str
    words: str
    asked_at: datetime
    review: int | None = None
    waits: str = ""
    hands_over: bool = False


def settle(context: Context, row: PageRow, dialogue: Dialogue) -> PageRow:
    """Store all that needs no model, in one transaction, and return the page as it stands then.

    That is: words to the reviewer carried out and acknowledged, threads handed over, findings
    that people settled, and every comment that wants no answer. Who waits is left as it was.
    """
    with context.state.atomic():
        after = _obey(context, row, dialogue)
        for thread in dialogue.sorted.hand_over:
            words, asked = _handed_over(dialogue), _last_person(thread)
            say = Say(f"hand over:{thread.id}", words, asked, hands_over=True)
            _speak(context, row, dialogue, thread, say)
        for thread in dialogue.sorted.threads:
            thread_store.save_thread(context.state, row.id, thread, dialogue.sorted.states)
        thread_store.gone(context.state, dialogue.gone, dialogue.at)
        reviews.take_up(context.state, row.id, [thread.id for thread in dialogue.sorted.threads])
        _follow_people(context, row, dialogue)
        _note_looks(context, row, dialogue)
        for reason in dialogue.sorted.reasons:
            ledger.decide(context.state, row.id, dialogue.at, "comment", reason)
    return after


def record_replies(
    context: Context, row: PageRow, session: Session, review: Review, dialogue: Dialogue
) -> None:
    """Store the answers to waiting threads; the page's hash stays what was reviewed."""
    version, content = prompts.version(session.prompt), row.hash or ""
    with context.state.atomic():
        number = reviews.add(
            context.state,
            row.id,
            review,
            kind="reply",
            prompt=version,
            content_hash=content,
            sweep_id=context.sweep_id,
            at=context.notion.now,
        )
        case = Case(number, "reply", version, content, review)
        waits = approval.judge(context, row, case)
        approval.file(context, row, case, waits, ())
        record_answers(context, row, case, dialogue, waits)
        for refusal in review.refusals:
            what = f"{refusal.tool}: {refusal.reason}"
            ledger.decide(context.state, row.id, context.notion.now, "refused", what)


def record_answers(
    context: Context, row: PageRow, case: Case, dialogue: Dialogue, waits: Waits
) -> None:
    """Store what became of the comments that waited; part of the caller's transaction."""
    review = case.review
    replies = {reply.thread_id: reply.text for reply in review.replies}
    for thread in dialogue.sorted.waiting:
        if thread.id in replies:
            key, asked = _key(thread, thread.waiting[-1], dialogue), _asked(thread, dialogue)
            say = Say(key, replies[thread.id], asked, case.number, waits.replies)
            approval.overtake(context, row, thread.id)
            _speak(context, row, dialogue, thread, say)
        states = {one.id: _state(one.id, thread, review, dialogue) for one in thread.waiting}
        thread_store.save_thread(context.state, row.id, thread, states)
        for one in thread.waiting:
            became = "answered"
            if thread.id not in replies:
                became = _unanswered(states[one.id], review.left.get(thread.id, ""))
            what = f"{one.author.name}, “{excerpt(one)}”: {became}"
            ledger.decide(context.state, row.id, dialogue.at, "comment", what)
    thread_store.looked(context.state, row.id, dialogue.looked, dialogue.at)


def _state(comment_id: str, thread: Thread, review: Review, dialogue: Dialogue) -> str:
    seen = dialogue.known.comments.get(comment_id)
    if any(reply.thread_id == thread.id for reply in review.replies):
        return answered(seen)
    return unanswered(seen, LEFT) if thread.id in review.left else passed_over(seen)


def _unanswered(state: str, reason: str) -> str:
    if state.startswith("tried"):
        return "the model passed over it; it is offered again"
    return f"left by the model ({reason})" if reason else "passed over by the model, and left"


def _obey(context: Context, row: PageRow, dialogue: Dialogue) -> PageRow:
    """Carry out the words to the reviewer, and acknowledge each in its thread."""
    spoken: Counter[str] = Counter()
    after = row
    for said in dialogue.sorted.told:
        after = _carried_out(context, after, said)
        so_far = replies_so_far(said.thread, dialogue.known) + spoken[said.thread.id]
        spoken[said.thread.id] += 1
        _acknowledge(context, row, dialogue, said, dialogue.known.limit - so_far)
        ledger.decide(context.state, row.id, dialogue.at, said.word.value, said.comment.author.name)
    if after != row:
        pages.save(context.state, [after])
    if after.paused != row.paused:
        pages.set_paused(context.state, row.id, paused=after.paused)
    return after


def _carried_out(context: Context, row: PageRow, said: Said) -> PageRow:
    match said.word:
        case Word.PAUSE | Word.RESUME:
            return replace(row, paused=said.word is Word.PAUSE)
        case Word.REVIEW_AGAIN:
            # Without a hash the page counts as not reviewed, whatever it says.
            return replace(due.asked_for(row, context.notion.now), hash=None)
        case Word.WHY:
            return row


def _acknowledge(context: Context, row: PageRow, dialogue: Dialogue, said: Said, room: int) -> None:
    """Answer a word where the thread takes another reply; the last one hands it over to people."""
    known = dialogue.known.threads.get(said.thread.id)
    if room < 0 or dialogue.known.setting == "none" or (known and known.handed_over):
        return
    words = _in_reply(context, row, dialogue, said)
    if room == 0:
        words = f"{words}\n\n{_handed_over(dialogue)}"
    key, asked = _key(said.thread, said.comment, dialogue), said.comment.created
    say = Say(key, words, asked, hands_over=room == 0)
    _speak(context, row, dialogue, said.thread, say)


def _in_reply(context: Context, row: PageRow, dialogue: Dialogue, said: Said) -> str:
    match said.word:
        case Word.PAUSE:
            return PAUSED
        case Word.RESUME:
            return RESUMED if said.paused else NOT_PAUSED
        case Word.REVIEW_AGAIN:
            return AGAIN
        case Word.WHY:
            return _why(context, row, dialogue, said.thread)


def _why(context: Context, row: PageRow, dialogue: Dialogue, thread: Thread) -> str:
    origin = origins.of_thread(context.state, row.id, thread.id)
    raised = origins.raised(context.state, row.id).get(thread.id)
    rule = None
    if origin and raised and raised.source is Source.CHECK:
        origin, rule = replace(origin, model=OFFLINE), kind_of(raised)
    return because(origin, dialogue.reviewer, rule.value if rule else "")


def _handed_over(dialogue: Dialogue) -> str:
    return HANDED_OVER.format(count=dialogue.known.limit)


def _speak(context: Context, row: PageRow, dialogue: Dialogue, thread: Thread, say: Say) -> None:
    """Put a reply into the outbox, and count it; what answers the same thing is sent once."""
    letter = Letter(
        key=say.key,
        page_id=row.id,
        kind=Kind.REPLY,
        target=thread.id,
        place=thread.block_id or row.id,
        body=say.words,
        name=dialogue.reviewer,
        created_at=context.notion.now,
        review_id=say.review,
        asked_at=say.asked_at,
        last_seen=thread.comments[-1].id,
        state=Sending.HELD if say.waits else Sending.INTENT,
        note=say.waits or None,
    )
    thread_store.save_thread(context.state, row.id, thread, {})
    thread_store.replied(context.state, thread.id, handed_over=say.hands_over)
    reviews.intend(context.state, [letter])


def _asked(thread: Thread, dialogue: Dialogue) -> datetime:
    """Return since when a thread's waiting comments ask what they ask; an edit asks anew."""
    comments = dialogue.known.comments
    return min(
        one.edited if was_answered(comments.get(one.id)) else one.created for one in thread.waiting
    )


def _last_person(thread: Thread) -> datetime:
    people = [one for one in thread.comments if one.author.kind is AuthorKind.PERSON]
    return (people or thread.comments)[-1].created


def _key(thread: Thread, comment: Comment, dialogue: Dialogue) -> str:
    """Name the answer to a comment as it reads now; an edit may not show in its time."""
    seen = dialogue.known.comments.get(comment.id)
    again = ":again" if was_answered(seen) else ""
    return f"reply:{thread.id}:{comment.id}:{iso(comment.edited)}{again}"


def _follow_people(context: Context, row: PageRow, dialogue: Dialogue) -> None:
    """Let findings follow their threads: closed by people, turned down, or spoken to."""
    for stored in findings.of_page(context.state, row.id):
        for event in _events(stored.discussion_id, dialogue):
            findings.happened(context.state, stored.id, event, context.notion.now)


def _events(thread_id: str | None, dialogue: Dialogue) -> Iterator[Event]:
    found = {thread.id: thread for thread in dialogue.sorted.threads}.get(thread_id or "")
    if thread_id in dialogue.gone:
        yield Event.CLOSED
    elif thread_id in dialogue.sorted.dismissed:
        yield Event.TURNED_DOWN
    if found:
        yield Event.REOPENED  # where it was closed: it is listed again
        if _has_people(found):
            yield Event.SPOKEN


def _has_people(thread: Thread) -> bool:
    return any(comment.author.kind is AuthorKind.PERSON for comment in thread.comments)


def _note_looks(context: Context, row: PageRow, dialogue: Dialogue) -> None:
    """Note where was looked; a place where somebody waits counts when that is answered."""
    waited_on = {thread.block_id or row.id for thread in dialogue.sorted.waiting}
    seen = [place for place in dialogue.looked if place not in waited_on]
    thread_store.looked(context.state, row.id, seen, dialogue.at)
    thread_store.forget_places(context.state, row.id, dialogue.missing)
    thread_store.mark_known(context.state, row.id)
