"""What must hold of own comments, each as a function that says what is wrong."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator
from datetime import datetime, timedelta
from itertools import pairwise

from daemon.domain.notation import when
from daemon.domain.records import COMMENT_GONE, DeliveryState
from daemon.review.quotes import fold
from daemon.sandbox.state import Doing
from daemon.store import prompts
from daemon.sweep.delivery import status as statuses
from daemon.sweep.delivery.retract import NOTE as RETRACTED
from daemon.sweep.delivery.retract import OUTDATED
from simulation.final import Final
from simulation.record import Own, Record
from simulation.writers import plain


# From the look at a block to the comment on it: requests in between, not more.
STALE = timedelta(seconds=15)


def every_comment_stands_once(final: Final) -> Iterator[str]:
    """Own comments and posted messages are one to one, and no message is left over."""
    messages = final.rows("SELECT key, kind, state, comment_id, page_id, note FROM outbox")
    posted = Counter(
        row[3]
        for row in messages
        if row[1] != "edit" and (row[2] == "posted" or (row[5] in (RETRACTED, OUTDATED) and row[3]))
    )
    made = {own.id: own for own in final.record.own}
    # The one open corner, see `outbox`: one of them was hidden when it was looked for.
    hidden = {(o.parent_id, o.text) for o in made.values() if o.id in final.record.hidden_by_people}
    unsettled, doubles = _unsettled(final), _deleted_doubles(final)
    for comment_id, count in posted.items():
        if comment_id not in made or count > 1:
            yield f"{count} messages claim the comment {comment_id[:8]}, of {len(made)} made"
    for own in made.values():
        if own.id not in posted and own.id not in doubles:
            place = own.parent_id if unsettled[own.parent_id] else own.discussion_id
            if (own.parent_id, own.text) in hidden or _is_gone(final, own):
                final.record.counts["hidden before it was found"] += 1
            elif place := next(
                (at for at in (own.discussion_id, own.parent_id) if unsettled[at]), ""
            ):
                unsettled[place] -= 1
            else:
                yield f"the comment {own.id[:8]} “{own.text}” was made without a message"
    # What waits on a paused page is sent when it is taken up again.
    paused = {page for (page,) in final.rows("SELECT id FROM pages WHERE paused")}
    reachable = set(final.hashes) - paused
    for key, _, state, _, page, note in messages:
        if state in ("intent", "sending", "unclear") and page in reachable:
            yield f"the message {key} is still {state} ({note})"


def _deleted_doubles(final: Final) -> set[str]:
    """Return the comments that were saved late and are deleted: their message made another."""
    claimed = {one for (one,) in final.rows("SELECT comment_id FROM outbox") if one}
    standing = {one.id for one in final.ended.box.world.comments()}
    twins = {(o.parent_id, o.text) for o in final.record.own if o.id in claimed}
    return {
        own.id
        for own in final.record.own
        if own.id not in claimed | standing and (own.parent_id, own.text) in twins
    }


def _unsettled(final: Final) -> Counter[str]:
    """Count the places of messages of which nobody can say whether they stand.

    Notion lists no comment there, ever, and none is posted again blindly; or the page is paused
    since the message was sent, and it is looked for when the page is taken up again.
    """
    refusals = final.ended.box.world.state.refusals
    return Counter(
        target
        for target, page, state, paused in final.rows(
            "SELECT target, page_id, outbox.state, paused FROM outbox"
            " JOIN pages ON pages.id = page_id WHERE kind != 'edit'"
            " AND outbox.state IN ('sending', 'unclear')"
        )
        if paused or (state == "unclear" and (page, Doing.LIST_COMMENTS) in refusals)
    )


def _is_gone(final: Final, own: Own) -> bool:
    """Tell whether the block of a comment is gone, and the comment with it."""
    return final.ended.box.world.state.in_trash(own.parent_id)


def what_was_retracted_is_taken_back(final: Final) -> Iterator[str]:
    """A comment of a review that an operator took back is deleted, or says so.

    Not one whose thread people resolved, or whose block they deleted: Notion shows it to nobody,
    and no connection can edit it. And an edit that is taken back leaves what was said before it.
    """
    rows = final.rows(
        "SELECT comment_id FROM outbox"
        " WHERE note = ? AND kind != 'edit' AND comment_id IS NOT NULL",
        RETRACTED,
    )
    beyond = {own.id for own in final.record.own if _is_gone(final, own)}
    beyond |= set(final.record.hidden_by_people)
    # A later review may have written its summary there meanwhile.
    later = final.rows(
        "SELECT target FROM outbox WHERE kind = 'edit' AND state = 'posted'"
        " AND retracted_at IS NULL"
        " AND target IN (SELECT comment_id FROM outbox WHERE kind = 'summary')"
    )
    beyond |= {target for (target,) in later}
    standing = {one.id: plain(one.rich_text) for one in final.ended.box.world.comments()}
    for (comment,) in rows:
        if comment not in beyond and standing.get(comment, "Withdrawn.") != "Withdrawn.":
            yield f"the comment {comment[:8]} was retracted and says “{standing[comment]}”"


def no_point_stands_twice(final: Final) -> Iterator[str]:
    """Two findings on one block never have the same quote and text while that stood."""
    found, hidden = defaultdict(list), _deleted_doubles(final) | set(final.record.hidden_by_people)
    for own in final.record.own:
        if own.opens and own.id not in hidden:
            found[own.parent_id, own.text.partition("\n")[2]].append(own)
    for (parent, words), several in found.items():
        if parent not in final.record.texts:
            continue
        quote = words.split("\n")[0]
        for one, two in pairwise(several):
            between = [said for at, said in final.record.texts[parent] if one.sent <= at <= two.at]
            if all(fold(quote).text in fold(said).text for said in between):
                yield f"“{words}” stands twice on the block {parent[:8]}"


def every_quote_stood(final: Final) -> Iterator[str]:
    """A comment on a block quotes words that stood there when it was sent."""
    quotes = dict(
        final.rows(
            "SELECT outbox.comment_id, findings.quote FROM outbox"
            " JOIN findings ON findings.id = outbox.finding_id WHERE comment_id IS NOT NULL"
        )
    )
    for own in final.record.own:
        if own.id in quotes and not _stood(final.record, own, quotes[own.id]):
            yield f"the comment {own.id[:8]} quotes “{quotes[own.id]}”, which did not stand there"


def _stood(record: Record, own: Own, quote: str) -> bool:
    wanted = fold(quote).text
    history = record.texts[own.parent_id]
    later = [at for at, _ in history[1:]] + [datetime.max.replace(tzinfo=own.at.tzinfo)]
    return any(
        wanted in fold(said).text and began <= own.sent and ended >= own.sent - STALE
        for (began, said), ended in zip(history, later, strict=True)
    )


def comments_stay_in_the_database(final: Final) -> Iterator[str]:
    """Nothing is posted outside the pages of the database, wherever those and their blocks go.

    But for what was looked at in the moments before a move, and the prompt page's own comment.
    """
    for own in final.record.own:
        if own.page_id == final.ended.company.prompt.id:
            continue
        moves = final.record.away.get(own.parent_id) or final.record.away.get(own.page_id) or []
        if own.page_id not in final.ended.company.pages and not _just_moved(own, moves):
            yield f"a comment was posted on {own.parent_id[:8]}, which is not ours"
        gone = [at for at in moves if at < own.sent]
        if own.page_id in final.record.away and len(gone) % 2 and not _just_moved(own, moves):
            yield f"a comment was posted on the page {own.page_id[:8]} while it was away"


def _just_moved(own: Own, moves: list[datetime]) -> bool:
    return any(at <= own.at and own.sent - at < STALE for at in moves)


def the_prompt_page_has_one_status(final: Final) -> Iterator[str]:
    """One comment stands on the prompt page, unless people took it away: what is in use."""
    page = final.ended.company.prompt.id
    told = [o for o in final.record.own if o.page_id == page and o.text.startswith(statuses.IN_USE)]
    hidden = final.record.hidden_by_people
    for one, two in pairwise(told):
        if one.id not in hidden or hidden[one.id] > two.at:
            yield f"the status comment {two.id[:8]} was posted while {one.id[:8]} stood"
    status, last = prompts.status(final.state, page), statuses.last_status(final.state, page)
    standing = {one.id: plain(one.rich_text) for one in final.ended.box.world.comments(page)}
    if told and told[-1].id in standing and told[-1].id not in hidden and status and last:
        says = standing[told[-1].id]
        if last.state is DeliveryState.POSTED and status.version not in says:
            yield f"the status comment says “{says}”, and {status.version} is in use"
    # It is edited at once on what matters, else once a day at most.
    messages_of = final.rows(
        "SELECT body, created_at, note FROM outbox WHERE key LIKE 'status:%' ORDER BY key"
    )
    for (before, then, note), (after, now, _) in pairwise(messages_of):
        same = before.partition(statuses.DAILY)[0] == after.partition(statuses.DAILY)[0]
        if same and note != COMMENT_GONE and when(now) < when(then) + statuses.STATUS_EVERY:
            yield f"the status comment was written anew at {now} without cause"
