"""What a dialogue leaves behind: first what needs no model, then the answers that one gave."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime

from daemon.domain import due
from daemon.domain.comments import Decision
from daemon.domain.findings import CLOSED, SAID_NO, Event, FindingState
from daemon.domain.notation import counted, iso, joined
from daemon.domain.providers import OFFLINE
from daemon.domain.records import WORD_KEY, DeliveryState, MessageKind, OutboxMessage, PageRow
from daemon.domain.values import AuthorKind, Comment, Outcome, Review, ReviewKind, Source, Thread
from daemon.notion.from_markdown import ended, quoted
from daemon.review.points import nearest_heading
from daemon.review.summary import incomplete_note
from daemon.store import findings, outbox, pages, prompts, reviews, sweeps
from daemon.store import threads as thread_store
from daemon.sweep.context import Context, Session
from daemon.sweep.conversation.commands import (
    AGAIN,
    ASLEEP,
    FIRST_TIME,
    NOT_PAUSED,
    RESUMED,
    Command,
    CommandComment,
    addressed,
    more_posted,
    paused,
    told_word,
)
from daemon.sweep.conversation.dialogue import Dialogue, why_waiting
from daemon.sweep.conversation.gate import AS_BEFORE, ENOUGH, HANDED_OVER
from daemon.sweep.conversation.points import evidence, settles
from daemon.sweep.conversation.rulings import opened_again, record_rulings
from daemon.sweep.conversation.stance import is_dismissal
from daemon.sweep.conversation.threads import (
    ThreadState,
    replies_so_far,
    shown,
)
from daemon.sweep.delivery import approval
from daemon.sweep.delivery.approval import Case, Waits
from daemon.sweep.delivery.messages import post_kept, settled_mark
from daemon.sweep.delivery.validity import CHANGED
from daemon.sweep.prompts import current


NO_WAIT = "This page waits for nothing: I know of no edit since I read it."
NOTHING_KNOWN = "I have no record of a review of this page."
NEXT_REVIEW = "I keep {count} back until my next review: other text that is named there changed."
NO_GONE = "the comment with the no was deleted"


@dataclass(frozen=True, slots=True)
class _Reply:
    """A reply to be sent.

    Attributes:
        key: Names it in the outbox: what has the same key is sent once.
        words: What it says, as Markdown.
        asked_at: When the person wrote who waits longest for it.
        review: The review that it comes from; None for what needs no model.
        waits: Why it waits for approval, "" where it does not.
        person: Whom it answers, by id; "" for nobody in particular.
    """

    key: str
    words: str
    asked_at: datetime
    review: int | None = None
    waits: str = ""
    person: str = ""


def store_decisions(context: Context, row: PageRow, dialogue: Dialogue) -> PageRow:
    """Store all that needs no model, in one transaction, and return the page as it stands then.

    That is: commands carried out and acknowledged, threads handed over, findings that people
    settled, and every comment that wants no answer. Who waits is left as it was.
    """
    with context.state.atomic():
        after = _run_commands(context, row, dialogue)
        for thread in dialogue.sorted.hand_over:
            people = [one for one in thread.comments if one.author.kind is AuthorKind.PERSON]
            asked = (people or thread.comments)[-1].created
            times = counted(replies_so_far(thread, dialogue.known), "time")
            said = HANDED_OVER.format(times=times)
            reply = _Reply(f"hand over:{thread.id}", said, asked)
            _queue_reply(context, row, dialogue, thread, reply)
            thread_store.hand_over(context.state, thread.id)
        for thread, comment in dialogue.sorted.corrected:
            _correct(context, row, dialogue, thread, comment)
        for thread, comment in dialogue.sorted.enough:
            _tell_enough(context, row, dialogue, thread, comment)
        threads = dialogue.sorted.threads
        for thread in threads:
            thread_store.save_thread(context.state, row.id, thread, dialogue.sorted.states)
        thread_store.mark_gone(context.state, dialogue.gone, dialogue.at)
        outbox.reopen_replies(context.state, row.id, [thread.id for thread in threads])
        _update_findings(context, row, dialogue)
        # A place where somebody waits counts as looked at only when that is answered.
        waited_on = {thread.block_id or row.id for thread in dialogue.sorted.waiting}
        seen = [place for place in dialogue.looked if place not in waited_on]
        thread_store.record_listing(context.state, row.id, seen, dialogue.at)
        thread_store.remove_places(context.state, row.id, dialogue.missing)
        thread_store.mark_places_with_threads(context.state, row.id)
        for reason in dialogue.sorted.reasons:
            sweeps.record_decision(context.state, row.id, dialogue.at, "comment", reason)
    return after


def record_replies(
    context: Context, row: PageRow, session: Session, review: Review, dialogue: Dialogue
) -> int:
    """Store the answers to waiting threads; return the number of the sitting.

    The page's hash stays what was reviewed.
    """
    version, content, now = current.version(session.prompt), row.hash or "", context.notion.now
    with context.state.atomic():
        number = reviews.add(
            context.state,
            row.id,
            review,
            kind=ReviewKind.REPLY,
            prompt=version,
            content_hash=content,
            sweep_id=context.tally.number,
            at=now,
        )
        prompts.save_version(context.state, version, session.prompt, context.notion.now)
        case = Case(number, ReviewKind.REPLY, version, content, review)
        waits = approval.judge(context, session.target, row, case)
        messages = record_rulings(context, row, session, case, dialogue, now)
        approval.file(context, row, case, waits, messages)
        outbox.add(context.state, map(waits.message, messages))
        record_answers(context, row, case, dialogue, waits)
        for refusal in review.refusals:
            what = f"{refusal.tool}: {refusal.reason}"
            sweeps.record_decision(context.state, row.id, context.notion.now, "refused", what)
    return number


def record_answers(
    context: Context, row: PageRow, case: Case, dialogue: Dialogue, waits: Waits
) -> None:
    """Store what became of the comments that waited; part of the caller's transaction."""
    left, anew = case.review.left, findings.earlier_threads(context.state, row.id)
    replies = {reply.thread_id: reply.text for reply in case.review.replies}
    for thread in dialogue.sorted.waiting:
        states = {one.id: dialogue.known.state_of(one) for one in thread.waiting}
        if thread.id in replies:
            # Since when it is asked; an edit asks anew.
            asked = min(
                one.edited if states[one.id].answers else one.created for one in thread.waiting
            )
            key = _key(thread, thread.waiting[-1], dialogue)
            person = thread.waiting[-1].author.id
            reply = _Reply(
                key, replies[thread.id], asked, case.number, waits.replies, person=person
            )
            if thread.id not in anew:  # there the point's comment says it
                approval.overtake(context, row, thread.id)
                _queue_reply(context, row, dialogue, thread, reply)
            states = {id_: state.after_answer() for id_, state in states.items()}
        elif thread.id in left:
            states = {id_: state.without_answer(Decision.LEFT) for id_, state in states.items()}
        else:
            states = {id_: state.after_passing_over() for id_, state in states.items()}
        thread_store.save_thread(context.state, row.id, thread, states)
        for one in thread.waiting:
            became = "not answered (the model passed over it)"
            if thread.id in replies:
                became = "answered"
            elif states[one.id].waits:
                became = "the model passed over it; it is offered again"
            elif reason := left.get(thread.id):
                became = f"not answered ({reason})"
            what = f"{shown(one)}: {became}"
            sweeps.record_decision(context.state, row.id, dialogue.at, "comment", what)
    thread_store.record_listing(context.state, row.id, dialogue.looked, dialogue.at)


def _run_commands(context: Context, row: PageRow, dialogue: Dialogue) -> PageRow:
    """Carry out what people told the reviewer, and acknowledge it."""
    after, known, words_spoken = row, dialogue.known, Counter[str]()
    told = list[str]()
    for said in dialogue.sorted.commands:
        after, words = _run_command(context, after, dialogue, said)
        is_asleep = known.asleep and said.word in (Command.PAUSE, Command.RESUME)
        told.append(f"{words} {ASLEEP}" if is_asleep else words)
    for said, words in zip(dialogue.sorted.commands, told, strict=True):
        is_asked = said.word is Command.WHY and (said.is_hint or not said.thread.block_id)
        # What was said after it may have begun or ended a pause.
        wait = [why_waiting(context, after) or NO_WAIT] * bool(is_asked and known.waits)
        person, spent = said.comment.author.id, words_spoken[said.comment.author.id]
        words_spoken[person] += 1
        if known.setting != "none" and spent < known.answers_left.get(person, spent + 1):
            # The word was carried out, so it is acknowledged, also after the thread was left.
            key = f"{WORD_KEY}{_key(said.thread, said.comment, dialogue)}"
            all_words = joined([words, *wait], "\n\n")
            reply = _Reply(key, all_words, said.comment.created, person=person)
            _queue_reply(context, row, dialogue, said.thread, reply)
        what = f"asked for {said.word.value}" if said.is_hint else said.word.value
        name = said.comment.author.name
        sweeps.record_decision(context.state, row.id, dialogue.at, what, name)
    if after != row:
        pages.save(context.state, [after])
    if row.paused and not after.paused:
        pages.resume(context.state, row.id)
    elif after.paused and (after.paused_until, after.paused) != (row.paused_until, row.paused):
        pages.pause(context.state, row.id, context.notion.now, after.paused_until)
    return after


def _run_command(
    context: Context, row: PageRow, dialogue: Dialogue, said: CommandComment
) -> tuple[PageRow, str]:
    """Return the page as a command leaves it, and the reply."""
    if said.is_hint or said.word is Command.HELP:
        return row, "" if said.word is Command.WHY else told_word(said)
    match said.word:
        case Command.PAUSE:
            until = context.notion.now + said.lasts if said.lasts else None
            return replace(row, paused=True, paused_until=until), paused(until)
        case Command.RESUME:
            return replace(
                row, paused=False, paused_until=None
            ), RESUMED if said.paused else NOT_PAUSED
        case Command.REVIEW_AGAIN:
            # Without a hash the page counts as not reviewed, whatever it says.
            words = AGAIN if row.reviewed_at else FIRST_TIME
            return replace(due.asked_for(row, context.notion.now), hash=None), words
        case Command.WHY:
            return row, _because(context, row, dialogue, said.thread.id)
    most, lost = context.config.limits.comments_per_review, dialogue.lost
    posted, left = post_kept(context, row, dialogue.reviewer, most, lost)
    held = [*lost.values()].count(CHANGED)
    all_held = not posted and 0 < held == len(lost)
    told = "" if all_held else more_posted(posted, left, len(lost) - held)
    return row, joined([told, NEXT_REVIEW.format(count=counted(held, "point")) * bool(held)], " ")


def _because(context: Context, row: PageRow, dialogue: Dialogue, thread_id: str) -> str:
    """Tell what its comment does not say of a thread's point, in four lines at most.

    What it rests on, why it is so grave, and what settles it, or how it was closed; and where it
    comes from. In a thread without a point, where the last review comes from.
    """
    state, origin = context.state, findings.origin_of_thread(context.state, row.id, thread_id)
    if origin is None:
        return NOTHING_KNOWN
    own = {one.discussion_id: one for one in findings.of_page(state, row.id)}.get(thread_id)
    by_rule = own is not None and own.finding.source is Source.CHECK
    prompt, used = prompts.version(state, origin.prompt) or (None, None)
    version = f", in the version first used on {used:%Y-%m-%d}" if used else ""
    name, model = prompt.name if prompt else dialogue.reviewer, OFFLINE if by_rule else origin.model
    when = f"{origin.at:%Y-%m-%d %H:%M} UTC"
    by = f"by `{model}` under the prompt “{quoted(name)}”{version}"
    if model == OFFLINE:
        by = "by my own checks, without a model"
    if own is None:
        cut = incomplete_note(Outcome(origin.outcome))
        return joined([f"I last reviewed this page on {when}, {by}.", cut], " ")
    head = nearest_heading(prompt.text, own.finding) if prompt and not by_rule else ""
    nearest = f"; its part “{quoted(head)}” is nearest" if head else ""
    lines = (
        joined([*ended(own.state, own.why)], ": ") if own.state in CLOSED else "",
        evidence(context, row, own, origin),
        f"Raised as {own.finding.severity.value}: {own.finding.severity.test}.",
        "" if own.state in CLOSED else settles(own.finding),
        f"From the review of {when}, {by}{nearest}.",
    )
    return "\n".join(filter(None, lines))


def _tell_enough(
    context: Context, row: PageRow, dialogue: Dialogue, thread: Thread, comment: Comment
) -> None:
    """Tell a person, once a day, that it had its answers."""
    now, author = context.notion.now, comment.author
    key = f"enough:{author.id}:{now:%Y-%m-%d}"
    if outbox.present(context.state, [key]):
        return
    most = context.config.limits.replies_per_person
    reply = _Reply(key, ENOUGH.format(count=most), comment.created)
    _queue_reply(context, row, dialogue, thread, reply)
    what = f"{shown(comment)}: waits, had {most} answers today"
    sweeps.record_decision(context.state, row.id, now, "comment", what)


def _correct(
    context: Context, row: PageRow, dialogue: Dialogue, thread: Thread, comment: Comment
) -> None:
    """Answer "done" where nothing changed; the comment itself tells the answer's key."""
    raised = findings.by_thread(findings.of_page(context.state, row.id))
    quote = raised[thread.id].quote
    words = AS_BEFORE.format(quote=quoted(quote))
    key = _key(thread, comment, dialogue)
    reply = _Reply(key, words, comment.created, person=comment.author.id)
    _queue_reply(context, row, dialogue, thread, reply)


def _queue_reply(
    context: Context, row: PageRow, dialogue: Dialogue, thread: Thread, reply: _Reply
) -> None:
    """Put a reply into the outbox; what answers the same thing is sent once.

    What a review worded counts for the limit of its thread.
    """
    message = OutboxMessage(
        key=reply.key,
        page_id=row.id,
        kind=MessageKind.REPLY,
        target=thread.id,
        place=thread.block_id or row.id,
        body=reply.words,
        name=dialogue.reviewer,
        created_at=context.notion.now,
        review_id=reply.review,
        asked_at=reply.asked_at,
        last_seen=thread.comments[-1].id,
        person=reply.person,
        state=DeliveryState.HELD if reply.waits else DeliveryState.INTENT,
        note=reply.waits or None,
    )
    thread_store.save_thread(context.state, row.id, thread, {})
    if reply.review is not None:
        thread_store.count_reply(context.state, thread.id)
    outbox.add(context.state, [message])


def _key(thread: Thread, comment: Comment, dialogue: Dialogue) -> str:
    """Name the answer to a comment as it reads now; an edit may not show in its time."""
    again = ":again" if dialogue.known.state_of(comment).answers else ""
    return f"reply:{thread.id}:{comment.id}:{iso(comment.edited)}{again}"


def _update_findings(context: Context, row: PageRow, dialogue: Dialogue) -> None:
    """Let findings follow their threads: closed by people, turned down, or spoken to."""
    listed = {thread.id: thread for thread in dialogue.sorted.threads}
    for stored in findings.of_page(context.state, row.id):
        thread_id, events = stored.discussion_id or "", []
        if thread_id in dialogue.gone:
            events.append(Event.CLOSED)
        elif thread_id in dialogue.sorted.dismissed:
            events.append(Event.TURNED_DOWN)
        if thread := listed.get(thread_id):
            events.append(Event.REOPENED)  # where it was closed: it is listed again
            if stored.state is FindingState.DISMISSED and _is_no_gone(
                thread, dialogue.known, stored.why
            ):
                events.append(Event.UNSETTLED)
            if any(one.author.kind is AuthorKind.PERSON for one in thread.comments):
                events.append(Event.SPOKEN)
        now = context.notion.now
        for event in events:
            who = dialogue.sorted.dismissed.get(thread_id) if event is Event.TURNED_DOWN else ""
            why = f"{quoted(who)}{SAID_NO}" if who else NO_GONE if event is Event.UNSETTLED else ""
            after = findings.apply_event(context.state, stored.id, event, now, why)
            if event is Event.TURNED_DOWN and after is not stored.state:
                mark = settled_mark(context.state, stored.id, None, now)
                outbox.add(context.state, [mark] if mark else [])
            if event is Event.UNSETTLED and after is not stored.state:
                messages = opened_again(context, row, stored.id, Event.UNSETTLED, NO_GONE)
                outbox.add(context.state, messages)


def _is_no_gone(thread: Thread, known: ThreadState, why: str) -> bool:
    """Tell whether the comment with the no that closed a point is gone, and no other stands.

    Code knows a no by its words. One that the model heard is its author's, whom `why` names.
    """
    listed = {one.id for one in thread.comments}
    seen = (one for one in known.comments.values() if one.thread_id == thread.id)
    gone = [(one.author, one.text) for one in seen if one.id not in listed]
    people = (one for one in thread.comments if one.author.kind is AuthorKind.PERSON)
    standing = [(one.author.name, one.plain) for one in people]

    def by_words(said: Iterable[tuple[str, str]]) -> bool:
        return any(is_dismissal(addressed(text, known.reviewer, {})[1]) for _, text in said)

    def by_name(said: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
        return [one for one in said if why == f"{quoted(one[0].strip())}{SAID_NO}"]

    if not by_name([*gone, *standing]):
        return by_words(gone) and not by_words(standing)
    if not (theirs := by_name(gone)) or by_words(standing):
        return False
    return by_words(theirs) or not by_name(standing)
