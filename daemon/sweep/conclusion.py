"""From the end of a conversation to a review: what is posted, kept, ruled, and summed up."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import replace

from daemon.domain.findings import MENDED, SAID_NO, FindingState, LedgerEntry
from daemon.domain.passages import Unread, unseen_note
from daemon.domain.providers import OFFLINE
from daemon.domain.second_look import Heard
from daemon.domain.values import (
    AuthorKind,
    Block,
    Comment,
    Finding,
    Outcome,
    Refusal,
    Review,
    Ruling,
    Snapshot,
    Thread,
    Verdict,
)
from daemon.notion.from_markdown import quoted
from daemon.review.agent import Conversation
from daemon.review.deep import SectionTools
from daemon.review.points import OwnPoint, is_repeat, makes_anew, standing
from daemon.review.prompt import clipped, one_line
from daemon.review.quotes import fold
from daemon.review.summary import (
    OPEN_AGAIN,
    SEE_MY_ANSWER,
    SummaryParts,
    assembled,
    incomplete_note,
    left_out_note,
    unread_note,
)
from daemon.review.tools import ReviewTools
from daemon.review.wording import ECHO_CHARS, QUOTE_CHARS, unsaid
from daemon.sweep.context import Prepared, Session


ANSWER_CHARS = 300
NOT_ANSWERED = "not answered"
_ENDED = {
    Verdict.FIXED: FindingState.ADDRESSED,
    Verdict.WITHDRAWN: FindingState.WITHDRAWN,
    Verdict.TURNED_DOWN: FindingState.DISMISSED,
}


def concluded(conversation: Conversation, prepared: Prepared, heard: Heard | None = None) -> Review:
    """Return the review that a conversation ended with, after what a second look let be heard."""
    tools, session = conversation.tools, prepared.session
    if conversation.is_blind and (linked := session.linked):
        unread = (*linked.unread, *((Unread.IMAGE, one.block_id) for one in linked.images))
        session = replace(session, linked=replace(linked, unread=unread))
    if not isinstance(tools, ReviewTools):
        raise TypeError("the chain returned other tools than it was given")
    _hear_noes(tools, session)
    refuted = heard.refuted if heard else ()
    summary = unsaid(
        tools.summary or tools.final_text(conversation.text), refuted, prepared.handles
    )
    by_rule = conversation.model == OFFLINE
    nothing = not (tools.findings or tools.replies or tools.rulings or summary)
    done = conversation.outcome is Outcome.DONE
    review = Review(
        outcome=Outcome.NOTHING_TO_ADD if nothing and done else conversation.outcome,
        findings=() if session.only_threads else tools.findings,
        replies=tuple(tools.replies),
        left=tools.left,
        summary="",
        refusals=(*tools.refusals, *_unposted(tools)),
        model=conversation.model,
        usage=conversation.usage,
        omitted=(*conversation.omitted, *(tools.reader.unread if tools.reader else ())),
        rulings=tuple(tools.rulings),
        kept=() if session.only_threads else tools.kept,
        question="" if session.only_threads else unsaid(tools.question, refuted, prepared.handles),
        looked_up=tools.recall.looked_up if tools.recall else {},
        refuted=refuted,
        look=heard.look if heard else None,
        digest=tools.digest if isinstance(tools, SectionTools) and not by_rule else None,
    )
    if session.only_threads:
        return review
    return replace(review, summary=_summary(summary, session, tools, review))


def _hear_noes(tools: ReviewTools, session: Session) -> None:
    """Turn down the points of which the model says nothing, where people's words read as a no."""
    verdicts = {one.finding_id: one.verdict for one in tools.rulings}
    threads = {thread.id: thread for thread in session.snapshot.threads}
    for point in session.points:
        thread, ruled = threads.get(point.thread_id), verdicts.get(point.id)
        if not (thread and thread.noes) or ruled not in (None, Verdict.TURNED_DOWN):
            continue
        if ruled is None:
            words, person = thread.noes[-1].plain, thread.noes[-1].author.name.strip()
            quote = clipped(one_line(words), QUOTE_CHARS)
            tools.rulings.append(
                Ruling(point.id, Verdict.TURNED_DOWN, "", quote, person or "a person")
            )
        if thread.noes == thread.waiting:  # a no gets no answer
            tools.replies = [one for one in tools.replies if one.thread_id != thread.id]
            tools.left.setdefault(thread.id, "a no to the point")


def _unposted(tools: ReviewTools) -> Iterator[Refusal]:
    """Give the reason for each accepted finding that is neither posted nor kept."""
    for one in tools.below_floor:
        said = clipped(one_line(one.text), ECHO_CHARS)
        yield Refusal("comment", f"left out, {one.severity.value} is not posted: {said}")


def _summary(words: str, session: Session, tools: ReviewTools, review: Review) -> str:
    """Put around the model's words what it does not know; "" where there is nothing to say."""
    verdicts = {one.finding_id: one.verdict for one in review.rulings}
    opened = any(one.closed and one.id in verdicts for one in session.points)
    # Of a point that this review rules on again, its last state alone counts.
    before = (one for one in session.closed if one.id not in verdicts)
    ended = [LedgerEntry(one.finding, one.state, one.why) for one in before]
    closed = [one for one in session.points if verdicts.get(one.id) in _ENDED]
    noes = {one.finding_id: f"{quoted(one.person)}{SAID_NO}" for one in review.rulings}
    ended += [LedgerEntry(one.finding, _ENDED[verdicts[one.id]], noes[one.id]) for one in closed]
    settled = [one.finding for one in ended if one.state in MENDED]
    still_open = _still_open(session, review, verdicts)
    tells = review.outcome.is_complete or review.findings or words
    said = "\n\n".join(filter(None, (words, *(_asked_for(session, tools) if tells else ()))))
    has_words = review.findings or said or review.omitted
    incomplete = incomplete_note(review.outcome) if has_words else ""
    remarks = [left_out_note(tools.below_floor), unread_note(review.omitted), incomplete]
    bare, first = _is_bare(session.snapshot), session.change.first
    # A summary that stands does not list a new point, also where the page is read as at first.
    stands = not (bare if session.snapshot.comments_readable else first)
    listed = review.findings and (review.model == OFFLINE or stands)
    if not (said or closed or opened or settled or listed or any(remarks)):
        return ""
    return assembled(
        SummaryParts(
            url=session.snapshot.page.url,
            blocks=session.snapshot.by_id,
            words=said,
            posted=[one for one in review.findings if one not in still_open],
            still_open=still_open,
            settled=settled,
            dropped=[one for one in ended if one.state not in MENDED],
            question=review.question,
            kept=[*review.kept, *_still_kept(session, review)],
            remarks=(*remarks, unseen_note(session.linked), _not_first_choice(session, review)),
            is_first=first or bare,
        )
    )


def _asked_for(session: Session, tools: ReviewTools) -> Iterator[str]:
    """Yield what the prompt page wants to be said of every document."""
    rules = session.prompt.rules
    if absent := missing_sections(rules.sections, session.snapshot.blocks):
        yield f"**Missing sections:** {', '.join(absent)}."
    yield checklist_text(rules.checklist, tools.answers, tools.wording.for_people)


def _not_first_choice(session: Session, review: Review) -> str:
    """Say which model reviewed under which prompt, where it is not the first of the chain."""
    if review.model in ("", *session.target.models[:1]) or not session.target.models:
        return ""
    how = "by my own checks alone, without a model"
    if review.model != OFFLINE:
        how = f"by `{review.model}`, not the model of my first choice"
    return f"Reviewed {how}, under the prompt “{quoted(session.prompt.name)}”."


def _is_bare(snapshot: Snapshot) -> bool:
    """Tell whether nothing of ours stands on the page itself: no summary yet, or none any more."""
    return snapshot.comments_readable and not any(
        one.author.kind is AuthorKind.OWN
        for thread in snapshot.threads
        if thread.block_id is None
        for one in thread.comments
    )


def _still_open(
    session: Session, review: Review, verdicts: Mapping[int, Verdict]
) -> dict[Finding, str]:
    """Return the points that are open after a review, and how each stands: who wrote last.

    One that lost its block and is made again stands on the block of today.
    """
    replied = {reply.thread_id for reply in review.replies}
    made, threads = [*review.findings, *review.kept], session.snapshot.threads
    spoken = {thread.id: _spoken(thread, session.answers) for thread in threads}
    found = dict[Finding, str]()
    for point in session.points:
        ruled, last = verdicts.get(point.id), next(reversed(spoken.get(point.thread_id, [])), None)
        again = OPEN_AGAIN if point.closed or point.again else ""
        if (
            point.gone
            and ruled not in _ENDED
            and (anew := [one for one in made if makes_anew(one, point.finding)])
        ):
            found |= dict.fromkeys((one for one in anew if one in review.findings), again)
            continue  # it stands on another block now
        said = ""
        is_mine = point.thread_id in replied or (last and last.id in session.answers)
        if point.pasted:
            said = ""  # its link leads to its new thread, where nobody wrote yet
        elif ruled is Verdict.NOT_YET or is_mine:
            said = SEE_MY_ANSWER
        elif last and _is_news(point, last):
            said = f"see what {quoted(last.author.name)} wrote"  # true also once it is answered
        if ruled is Verdict.NOT_YET or (ruled is None and not point.closed):
            found[point.finding] = "; ".join(filter(None, (again, said)))
    return found


def _is_news(point: OwnPoint, last: Comment) -> bool:
    """Tell whether the last words below a point are a person's, said since it is open again."""
    opened = point.opened.replace(second=0, microsecond=0) if point.opened else last.created
    is_since = last.new or not point.again or last.created >= opened
    return last.author.kind is AuthorKind.PERSON and bool(last.author.name.strip()) and is_since


def _spoken(thread: Thread, answers: Collection[str]) -> list[Comment]:
    """Return what people and the reviewer said below a point, without what code answered."""
    said = list[Comment]()
    for one in thread.comments[1:]:
        if one.author.kind is AuthorKind.PERSON or one.id in answers:
            said.append(one)
        elif one.author.kind is AuthorKind.OWN and said and said[-1].id not in answers:
            said.pop()
    return said


def _still_kept(session: Session, review: Review) -> list[Finding]:
    """Return what was kept before, stands on the page as it is, and was not made again."""
    blocks = session.snapshot.by_id
    made = [*review.findings, *review.kept]
    stand = standing(session.kept, session.snapshot.blocks)
    return [one for one in stand if not is_repeat(one, made, blocks[one.block_id])]


def checklist_text(
    items: Sequence[str], given: Mapping[int, str], clean: Callable[[str, int], str]
) -> str:
    """Return the checklist with its answers as Markdown; "" without a checklist."""
    if not items:
        return ""
    lines = ["Checklist:"]
    for number, item in enumerate(items, 1):
        answer = clean(given.get(number, ""), ANSWER_CHARS)
        said = " ".join(answer.split()) or f"**{NOT_ANSWERED}**"
        lines.append(f"- {clean(item, ANSWER_CHARS)} — {said}")
    return "\n".join(lines)


_NUMBER = re.compile(r"^[\W\d]*(?:[ivx]+\.)?[\W\d]*")


def missing_sections(wanted: Sequence[str], blocks: Sequence[Block]) -> tuple[str, ...]:
    """Return the wanted sections that no heading names, in their order.

    A heading names a section when it begins with its name. Numbers before it and capitals do not
    count: `3. Rollout plan` names `Rollout`.
    """
    heads = [_plain(block.plain) for block in blocks if block.is_heading]
    return tuple(
        name
        for name in wanted
        if not any(re.match(re.escape(_plain(name)) + r"(?!\w)", head) for head in heads)
    )


def _plain(text: str) -> str:
    return _NUMBER.sub("", " ".join(fold(text).text.split()))
