"""The reviewer's own points as the model is shown them: where each stands, and what may be said."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime

from daemon.domain.change import Change, content_hash
from daemon.domain.findings import CLOSED, LIVE, FindingState, who_said_no
from daemon.domain.records import FindingRow, PageRow
from daemon.domain.values import AuthorKind, Finding, Snapshot, Thread
from daemon.notion.from_markdown import quoted
from daemon.review.points import OwnPoint, how_closed, reanchored
from daemon.review.quotes import is_quote_of, is_taken, reworded, unmarked_line
from daemon.store import findings, outbox, pages, reviews
from daemon.store import threads as thread_store
from daemon.store.database import State
from daemon.sweep.context import Context
from daemon.sweep.conversation.dialogue import Dialogue
from daemon.sweep.conversation.stance import is_acknowledgement, is_dismissal
from daemon.sweep.conversation.threads import replies_so_far
from daemon.sweep.delivery.validity import named_since


WENT = "its thread went with its block; where the matter stands elsewhere, a review comments there"
POSTED_ANEW = "its block was cut and pasted, and the point is posted anew there"
SAID_ALREADY = "that was said of this text already"
NOBODY_ASKS = "only a person's later word in its thread opens it again"


def anchored(known: Iterable[FindingRow], change: Change, snapshot: Snapshot) -> list[FindingRow]:
    """Return a page's findings, each on the block where its text stands now.

    Notion gives a block that is cut and pasted a new id, and other words may come into it then. A
    quote that changed a little there is quoted as it reads now.
    """
    pasted = {old: new for new, old in change.pasted.items()}
    rows = []
    for one in known:
        there = replace(
            one.finding, block_id=pasted.get(one.finding.block_id, one.finding.block_id)
        )
        standing = reanchored([there], snapshot.blocks)
        if not standing and there.block_id not in snapshot.by_id:
            standing = reanchored([there], [snapshot.by_id[id_] for id_ in change.new])
        block = snapshot.by_id.get(there.block_id) if there.block_id in change.pasted else None
        if not standing and block and (words := reworded(there.quote, block.plain)):
            standing = [replace(there, quote=words)]
        rows.append(replace(one, finding=standing[0] if standing else there))
    return rows


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
        pasted = thread is None and _mute(one, None, dialogue, snapshot) == POSTED_ANEW
        if one.state not in CLOSED or not (thread or pasted):
            continue
        ruled = times.get((one.id, FindingState.DISMISSED), one.at)
        is_shut = bool(findings.standing_no(state, one.id)) and not _asked_since(thread, ruled)
        declined = one.state is FindingState.DISMISSED
        points.append(
            OwnPoint(
                one.id,
                one.finding,
                one.discussion_id or "",
                _page_texts(state, snapshot.page.id, one.review_id) if declined else (),
                mute=NOBODY_ASKS if is_shut else "",
                made=one.at,
                closed=how_closed(one.state, one.why),
                declined=declined,
                no=_no(thread, one.why) if declined else "",
                pasted=pasted,
            )
        )
    return points


def _no(thread: Thread | None, why: str) -> str:
    """Return the words by which a person turned a point down; "" where they are not listed.

    Code knows a no by its words. Of one that the model heard, its author is known.
    """
    comments = thread.comments if thread else ()
    said = [one for one in comments if one.author.kind is AuthorKind.PERSON]
    theirs = [one for one in said if quoted(one.author.name.strip()) == who_said_no(why)] or said
    noes = [one.plain for one in theirs if is_dismissal(one.plain)]
    return (noes or [one.plain for one in theirs] or [""])[-1]


def _asked_since(thread: Thread | None, no: datetime) -> bool:
    """Tell whether a person wrote in a thread after a no, and said no no more.

    The times of comments are floored to the minute: one of the same minute counts where nobody has
    dealt with it yet.
    """
    since = False
    for said in thread.comments if thread else ():
        if said.author.kind is AuthorKind.PERSON:
            is_later = said.new or said.created > no
            speaks = is_later and not is_acknowledgement(said.plain)
            since = (since or speaks) and (said.new or not is_dismissal(said.plain))
    return since


def open_points(
    context: Context,
    row: PageRow,
    known: Iterable[FindingRow],
    snapshot: Snapshot,
    dialogue: Dialogue,
) -> list[OwnPoint]:
    """Return those of a page's findings that are still open, the oldest first."""
    open_ones = [one for one in known if one.state in LIVE]
    state, listed = context.state, {thread.id: thread for thread in dialogue.sorted.threads}
    keys = not_yet_keys(state, row.id, [one.discussion_id for one in open_ones], snapshot)
    said = outbox.present(state, keys.values())
    last, times = _page_texts(state, row.id, None), findings.last_times(state, row.id)
    again = findings.opened_since_review(state, row.id)
    ids = {one.review_id for one in open_ones}
    before = {review_id: _page_texts(state, row.id, review_id) for review_id in ids}
    points = []
    for one in open_ones:
        thread_id = one.discussion_id or f"point {one.id}"
        mute = _mute(one, listed.get(thread_id), dialogue, snapshot)
        mute = mute or (SAID_ALREADY if keys.get(thread_id) in said else "")
        points.append(
            OwnPoint(
                one.id,
                one.finding,
                thread_id,
                before[one.review_id],
                last,
                mute,
                one.at,
                times.get((one.id, FindingState.OPEN), one.at),
                again=again.get(one.id, ""),
                pasted=mute == POSTED_ANEW,
                gone=mute == WENT,
                beside=named_since(state, one, snapshot)
                if has_taken(one.finding, snapshot)
                else {},
            )
        )
    return points


def has_taken(finding: Finding, snapshot: Snapshot) -> bool:
    """Tell whether the block of a finding says what it offers in place of its quote."""
    block = snapshot.by_id.get(finding.block_id)
    return block is not None and is_taken(finding.instead, finding.quote, block.plain)


def _page_texts(state: State, page_id: str, review_id: int | None) -> tuple[str, ...]:
    """Return what the page said when a review read it, or at its last review."""
    if review_id is not None and (read := reviews.text(state, review_id)):
        lines = (unmarked_line(line.text) for line in read.lines)
        return (read.title, *(value for _, value in read.properties), *lines)
    if last := pages.last_reviewed(state, page_id):
        lines = (unmarked_line(line) for _, line in last.blocks)
        return (last.title, *(value for _, value in last.properties), *lines)
    return ()


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
