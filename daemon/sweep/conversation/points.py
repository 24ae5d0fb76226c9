"""What a sitting is about: the reviewer's own points, where each stands, and what may be said."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from daemon.domain.change import Change, Reviewed, content_hash, differing_part
from daemon.domain.findings import CLOSED, LIVE, MENDED, FindingState, who_said_no
from daemon.domain.notation import iso
from daemon.domain.records import NOT_READ, FindingRow, PageRow
from daemon.domain.values import AuthorKind, Finding, Prompt, Snapshot, Source, Thread
from daemon.notion.from_markdown import SHORTENED, as_typed, quoted
from daemon.review.cleaning import in_sentences
from daemon.review.offline.document import kind_of
from daemon.review.points import (
    SAID_ALREADY,
    OwnPoint,
    how_closed,
    page_texts,
)
from daemon.review.prompt import one_line
from daemon.review.quotes import (
    contains_words,
    is_quote_of,
    reworded,
    unmarked_line,
)
from daemon.review.rulings import MOVED, block_said, block_texts, moved_blocks, moved_near
from daemon.store import drafts, findings, outbox, pages, reviews, sweeps
from daemon.store import threads as thread_store
from daemon.store.database import State
from daemon.sweep import memory
from daemon.sweep.context import Context, Session, Target
from daemon.sweep.conversation.anchoring import anchored, read_by
from daemon.sweep.conversation.dialogue import Dialogue, threads_shown
from daemon.sweep.conversation.stance import is_acknowledgement, is_dismissal, is_plain_no
from daemon.sweep.conversation.threads import replies_so_far
from daemon.sweep.delivery.validity import has_taken, named_since


WENT = "its thread went with its block; where the matter stands elsewhere, a review comments there"
POSTED_ANEW = "its block was cut and pasted, and the point is posted anew there"
# What settled a point, where it is words that came and not a whole block.
OWN_BLOCK = "its block says "
_CAME = re.compile(rf"(?P<own>{OWN_BLOCK})?“(?P<words>.*)”", re.DOTALL)
NOBODY_ASKS = "only a person's later word in its thread opens it again"


def session(
    context: Context,
    target: Target,
    row: PageRow,
    snapshot: Snapshot,
    prompt: Prompt,
    dialogue: Dialogue,
    *,
    only_threads: bool = False,
) -> Session:
    """Put together what a sitting about a page is about: its change, its points, their threads."""
    change = Change.between(drafts.last_published(context.state, row.id), snapshot)
    rows = findings.of_page(context.state, row.id)
    known = anchored(context.state, rows, change, snapshot)
    last = pages.last_reviewed(context.state, row.id)
    live = [one for one in known if one.state in LIVE]
    points = [*_open_points(context, row, live, last, snapshot, dialogue)]
    points += closed_points(context.state, known, dialogue, snapshot)
    kept = [] if only_threads else findings.kept(context.state, row.id, known)
    return Session(
        target,
        replace(
            snapshot,
            threads=threads_shown(context, row, points, dialogue),
            comments_readable=dialogue.readable,
        ),
        change,
        prompt,
        findings.ledger(known),
        only_threads=only_threads,
        raised=findings.by_thread(known),
        points=points,
        kept=[one.finding for one in kept],
        memory=memory.told(context, target, snapshot),
        digest=last.digest_now(snapshot) if last else None,
    )


def closed_points(
    state: State, known: Iterable[FindingRow], dialogue: Dialogue, snapshot: Snapshot
) -> list[OwnPoint]:
    """Return those of a page's findings that are closed, and that a ruling may be about again.

    Their threads are listed, or went with a block that was cut and pasted. What a person turned
    down is taken up again only where a person writes there after the last no.
    """
    listed = {thread.id: thread for thread in dialogue.sorted.threads}
    times = findings.last_times(state, snapshot.page.id)
    points = []
    for one in known:
        thread = listed.get(one.discussion_id or "")
        pasted = _mute(one, thread, dialogue, snapshot) == POSTED_ANEW
        if one.state not in CLOSED or not (thread or pasted):
            continue
        ruled = times.get((one.id, FindingState.DISMISSED), one.at)
        is_shut = bool(findings.standing_no(state, one.id)) and not _asked_since(
            thread, ruled, who_said_no(one.why)
        )
        declined = one.state is FindingState.DISMISSED
        read = read_by(state, snapshot.page.id, one.review_id) if declined else None
        point = OwnPoint(
            one.id,
            one.finding,
            one.discussion_id or "",
            _texts(read),
            mute=NOBODY_ASKS if is_shut else "",
            made=one.at,
            closed=how_closed(one.state, one.why) + _told_now(state, one, snapshot),
            declined=declined,
            no=_no(thread, one.why) if declined else "",
            pasted=pasted,
        )
        points.append(_on_block(point, (read,), None, snapshot))
    return points


def evidence(context: Context, row: PageRow, own: FindingRow, origin: findings.Origin) -> str:
    """Say which words a point is about, where they stood, and what of the page was read."""
    is_named = origin.section and own.finding.quote not in origin.section
    section = f" in the section “{quoted(origin.section)}”" if is_named else ""
    now = _texts(pages.last_reviewed(context.state, row.id))
    is_gone = now and not any(contains_words(own.finding.quote, text) for text in now)
    gone = "; these words are gone by now" if is_gone else ""
    words = f"“{quoted(own.finding.quote).rstrip('.,;:')}”{section}"
    if own.finding.source is Source.CHECK and (kind := kind_of(own.finding)):
        return f"My rule “{kind.value}” found {words}{gone}."
    decided = sweeps.decisions(context.state, row.id)
    omitted = [detail for at, what, detail in decided if (at, what) == (iso(origin.at), NOT_READ)]
    apart = f" but {quoted(omitted[0])}" if omitted else ""
    return f"It rests on {words}, read with all of the page{apart}{gone}."


def settles(raised: Finding) -> str:
    """Say what settles a point, and what drops it."""
    how = "Words that answer it settle it, here or elsewhere on the page"
    if raised.source is Source.CHECK:
        how = "It is settled once the rule finds nothing there"
    elif raised.instead:
        how = "The offered wording settles it, or other words that answer it"
    return f"{how}; a no in this thread drops it."


def _told_now(state: State, row: FindingRow, snapshot: Snapshot) -> str:
    """Say how the words that settled a point read now; "" where they read as they did."""
    now, was, how = reads_now(state, row, snapshot), row.why.strip("“”"), ""
    move = MOVED.fullmatch(row.why) if row.state in MENDED else None
    if move and not any(contains_words(move["words"], one.plain) for one in snapshot.blocks):
        was, how = move["words"], "moving "
        there = moved_blocks(was, read_by_reviews(state, row, snapshot), snapshot)
        now = next((_sentence_now(was, one.plain) or one.plain for one in there), "")
    was = one_line(as_typed(was))
    part = differing_part(one_line(now), was)
    return f"; settled by {how}“{was}”, which reads now “{part}”" if now else ""


def _sentence_now(words: str, text: str) -> str:
    """Return the sentences of a text that are about these words; "" where none are."""
    return in_sentences(reworded(words, text) or "", text)


def reads_now(state: State, row: FindingRow, snapshot: Snapshot) -> str:
    """Return the sentences of what those words became that settled a point; "" where none did.

    None did where those still stand, where what is like them stood when the point was made, or
    where the point's own words are back since the last review. Words of which signs alone went,
    as of code or figures, became others.
    """
    settled = _CAME.fullmatch(row.why)
    if row.state not in MENDED or settled is None:
        return ""
    texts: Sequence[str] = page_texts(snapshot)
    words, last = settled["words"], _texts(pages.last_reviewed(state, snapshot.page.id))
    own = row.finding.quote
    is_back = any(contains_words(own, text) for text in texts) and not any(
        contains_words(own, text) for text in last
    )
    plain = [one.plain for one in snapshot.blocks]
    if settled["own"]:
        reads, plain = read_by_reviews(state, row, snapshot), []
        texts = block_texts(row.finding.block_id, reads, snapshot)
    alike = [text for text in texts if contains_words(words, text)]
    stands = row.state is not FindingState.ADDRESSED or _stands(words, [*texts, *plain])
    if is_back or (alike and stands):
        return ""
    if alike:
        return _sentence_now(words, alike[0])
    before = _texts(read_by(state, snapshot.page.id, row.review_id))
    came = (text for text in texts if text not in before)
    return next(filter(None, (_sentence_now(words, text) for text in came)), "")


def _stands(words: str, texts: Iterable[str]) -> bool:
    """Tell whether words, escaped and shortened as they were posted, stand to the letter."""
    parts = as_typed(words).split(SHORTENED)
    return any(all(part in " ".join(text.split()) for part in parts) for text in texts)


def _no(thread: Thread | None, why: str) -> str:
    """Return the words by which a person turned a point down; "" where they are not listed.

    Code knows a no by its words. Of one that the model heard, its author is known.
    """
    comments = thread.comments if thread else ()
    said = [one for one in comments if one.author.kind is AuthorKind.PERSON]
    theirs = [one for one in said if quoted(one.author.name.strip()) == who_said_no(why)] or said
    noes = [one.plain for one in theirs if is_dismissal(one.plain)]
    return (noes or [one.plain for one in theirs] or [""])[-1]


def _asked_since(thread: Thread | None, no: datetime, by: str) -> bool:
    """Tell whether a person wrote in a thread after a no, and said no no more.

    The times of comments are floored to the minute: one of the same minute counts where nobody has
    dealt with it yet. What anybody wrote below the words of who said no, `by`, counts also where
    it stood there when these were taken for one.
    """
    since, is_below = False, False
    for said in thread.comments if thread else ():
        if said.author.kind is AuthorKind.PERSON:
            is_later, refuses_still = said.new or said.created > no, is_dismissal(said.plain)
            is_theirs = quoted(said.author.name.strip()) == by
            if is_theirs and not is_later and (refuses_still or not is_below):
                since, is_below = False, True
                continue
            speaks = (is_later or is_below) and not is_acknowledgement(said.plain)
            # Below a no, "I disagree" may be one to that.
            refuses = is_dismissal if is_later else is_plain_no
            since = (since or speaks) and (said.new or not refuses(said.plain))
    return since


def _open_points(
    context: Context,
    row: PageRow,
    points: Sequence[FindingRow],
    last: Reviewed | None,
    snapshot: Snapshot,
    dialogue: Dialogue,
) -> Iterator[OwnPoint]:
    """Yield a page's open findings as points; `last` is what the last review read."""
    state, listed = context.state, {thread.id: thread for thread in dialogue.sorted.threads}
    ruled = _ruled(context, row, points, snapshot, dialogue)
    again, times = findings.opened_since_review(state, row.id), findings.last_times(state, row.id)
    made_on = {key: reviews.text(state, key) for key in {one.review_id for one in points}}
    before = {key: read.reviewed if read else last for key, read in made_on.items()}
    since = {key: Change.between(read, snapshot) for key, read in before.items()}
    for one in points:
        thread_id = one.discussion_id or f"point {one.id}"
        mute = _mute(one, listed.get(thread_id), dialogue, snapshot)
        mute = mute or SAID_ALREADY * (one.id in ruled)
        opened, anew = _opened(state, row.id, one, times)
        point = OwnPoint(
            one.id,
            one.finding,
            thread_id,
            _texts(before[one.review_id]),
            _texts(last),
            mute,
            one.at,
            opened,
            again=again.get(one.id, ""),
            pasted=mute == POSTED_ANEW,
            gone=mute == WENT,
            unread=_unread_since(one, dialogue),
            moved=moved_near(one.finding.block_id, since[one.review_id], snapshot),
            beside=named_since(one, snapshot, made_on[one.review_id], last, anew),
            taken=has_taken(one.finding, snapshot),
            since=_texts(anew),
        )
        yield _on_block(point, (before[one.review_id], anew), last, snapshot)


def _ruled(
    context: Context,
    row: PageRow,
    points: Iterable[FindingRow],
    snapshot: Snapshot,
    dialogue: Dialogue,
) -> set[int]:
    """Return the points that were ruled not yet on this text, and in whose threads nobody waits."""
    keys = not_yet_keys(context.state, row.id, [one.discussion_id for one in points], snapshot)
    said = outbox.present(context.state, keys.values())
    text = content_hash(snapshot.page, snapshot.blocks)
    waiting = {thread.id for thread in dialogue.sorted.waiting}
    return {
        one.id
        for one in points
        if (one.id, text) in context.tally.ruled or keys.get(one.discussion_id or "") in said
        if one.discussion_id not in waiting
    }


def _on_block(
    point: OwnPoint,
    reads: Iterable[Reviewed | None],
    last: Reviewed | None,
    snapshot: Snapshot,
) -> OwnPoint:
    """Return a point with what its block says, and said when it was opened and at last."""
    on, own = point.finding.block_id, snapshot.by_id.get(point.finding.block_id)
    return replace(
        point,
        own=unmarked_line(own.line) if own else None,
        was=block_said(on, reads, snapshot),
        ended="" if own else "".join(block_said(on, (last,), snapshot)),
    )


def _opened(
    state: State, page_id: str, row: FindingRow, times: Mapping[tuple[int, FindingState], datetime]
) -> tuple[datetime, Reviewed | None]:
    """Return when a point was opened last, and what the first review read since it is so again."""
    opened = times.get((row.id, FindingState.OPEN), row.at)
    return opened, reviews.read_since(state, page_id, opened) if opened > row.at else None


def _unread_since(row: FindingRow, dialogue: Dialogue) -> datetime | None:
    """Return since when it is not known what was written in a thread that could not be read."""
    if row.discussion_id not in dialogue.unread:
        return None
    known = dialogue.known
    block = known.threads[row.discussion_id].block_id
    heard = [one.edited for one in known.comments.values() if one.thread_id == row.discussion_id]
    return max([row.at, *filter(None, [known.looks.get(block)]), *filter(None, heard)])


def read_by_reviews(state: State, row: FindingRow, snapshot: Snapshot) -> list[Reviewed]:
    """Return what the review read that made a finding, and what the last one did."""
    page_id = snapshot.page.id
    reads = read_by(state, page_id, row.review_id), pages.last_reviewed(state, page_id)
    return [one for one in reads if one]


def _texts(read: Reviewed | None) -> tuple[str, ...]:
    if read is None:
        return ()
    lines = (unmarked_line(line) for _, line in read.blocks)
    return (read.title, *(value for _, value in read.properties), *lines)


def _mute(row: FindingRow, thread: Thread | None, dialogue: Dialogue, snapshot: Snapshot) -> str:
    """Say why nothing more can be said in a point's thread; "" where something can."""
    if row.discussion_id is None:
        return "its comment does not stand in a thread yet"
    known = dialogue.known
    if known.setting == "none":
        return "this database takes no replies"
    stored = known.threads.get(row.discussion_id)
    if stored and (stored.block_id is not None and stored.block_id not in snapshot.by_id):
        block = snapshot.by_id.get(row.finding.block_id)
        stands = block is not None and is_quote_of(row.finding.quote, block.plain)
        return POSTED_ANEW if stands else WENT
    replies = replies_so_far(thread, known) if thread else stored.replies if stored else 0
    if replies >= known.limit or (stored and stored.handed_over):
        return "it takes no more replies"
    return ""


def not_yet_keys(
    state: State, page_id: str, threads: Iterable[str | None], snapshot: Snapshot
) -> dict[str, str]:
    """Name what is said in a thread once for each change of the page, or new comment there."""
    content = content_hash(snapshot.page, snapshot.blocks)[:16]
    said = Counter(
        one.thread_id for one in thread_store.comments(state, page_id).values() if one.text
    )
    return {one: f"not yet:{one}:{content}:{said[one]}" for one in threads if one}
