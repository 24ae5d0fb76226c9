"""One page: read, compare, review, record; one snapshot from the hash to the record."""

from __future__ import annotations

from dataclasses import dataclass, replace

from daemon.domain import due
from daemon.domain.change import FORM, Change, Reviewed, content_hash
from daemon.domain.findings import FindingState, LedgerEntry
from daemon.domain.records import LEFT, PageRow
from daemon.domain.values import Prompt, Snapshot
from daemon.store import findings, outbox, pages, reviews, sweeps
from daemon.store import threads as thread_store
from daemon.sweep import alerts, memory, recording, second_look
from daemon.sweep.context import Context, Extent, Session, Target
from daemon.sweep.conversation import dialogue as dialogues
from daemon.sweep.conversation import points
from daemon.sweep.conversation.answers import store_decisions
from daemon.sweep.conversation.dialogue import Dialogue
from daemon.sweep.conversation.rulings import reopen
from daemon.sweep.delivery import recovery
from daemon.sweep.prompts import current
from daemon.sweep.record import adopt, record_review
from daemon.sweep.reviewing import run_review
from daemon.sweep.snapshot import read_page


# Blocks without a known thread that a later review looks at besides, the oldest look first.
OTHER_PLACES = 10
EMPTY = "the page is empty"
NO_PROMPT = "there is no prompt to review it under"
NEW_FORM = "the form of the hash is new"
SAME_TEXT = "the text is the same"
NO_WORDS = "no words changed or moved"


@dataclass(frozen=True, slots=True)
class PageResult:
    """What came of one page."""

    changed: bool = False
    reviewed: bool = False
    why: str = ""


async def review_page(
    context: Context, target: Target, row: PageRow, *, asked: bool = False
) -> PageResult:
    """Review a page if it says something new or an operator asks for it, and deliver the review.

    Raises:
        ReviewError: The page stays due; see `sweep` for what happens then.
    """
    snapshot = await read_page(context, target, row)
    if snapshot is None:
        return PageResult(why=LEFT)
    content = content_hash(snapshot.page, snapshot.blocks)
    change = Change.between(pages.last_reviewed(context.state, row.id), snapshot)
    findings.replace_block_ids(context.state, row.id, change.pasted)
    reason, wanted, prompt = EMPTY, asked, None
    if any(block.line for block in snapshot.blocks):
        try:
            wanted = wanted or await current.changed_since(context, target, row, snapshot.page)
            reason = "" if wanted else _nothing_new(row, snapshot, content, change)
            if not reason:
                prompt = await current.current(context, target, snapshot.page)
        except current.NoneFits as error:
            reason = str(error)
    if reason:
        _record_unchanged(context, row, snapshot, content, reason)
        return PageResult(changed=row.hash != content and reason != NEW_FORM, why=reason)
    if prompt is None:
        return PageResult(changed=True, why=NO_PROMPT)
    context.emit("page.reading_threads", title=row.title)
    looked = [row.id, *_places(context, snapshot, change)]
    if asked or not _is_silent(context, row):
        _follow_text(context, row, snapshot)
    dialogue = await dialogues.read(context, target, row, looked, prompt, snapshot)
    row = store_decisions(context, row, dialogue)
    if not asked and _is_silent(context, row):
        await context.deliver(context, row.id)
        return PageResult(changed=True, why="a person paused it")
    session = await _session(context, target, row, snapshot, prompt, dialogue, whole=wanted)
    await _review(context, row, dialogue, session)
    return PageResult(changed=True, reviewed=True)


def _is_silent(context: Context, row: PageRow) -> bool:
    """Tell whether a person paused a page, or all that is reviewed under its prompt."""
    return row.paused or row.source_id in pages.asleep(context.state, context.config.prompts)


def _follow_text(context: Context, row: PageRow, snapshot: Snapshot) -> None:
    """Open points again and settle points where the text shows it without a model.

    That comes before people are heard: who says "done" to what is settled waits for nothing.
    """
    reopen(context, row, snapshot)
    adopt(context, row, snapshot)


def _is_asked_for(row: PageRow) -> bool:
    """Tell whether the page counts as not reviewed: it never was, or a person wants it again."""
    return row.hash is None or row.prompt is None


def _nothing_new(row: PageRow, snapshot: Snapshot, content: str, change: Change) -> str:
    """Say why there is nothing to review, or return "" where there is."""
    if _is_asked_for(row):
        return ""
    if row.hash == content:
        return SAME_TEXT
    # Where only the form is new, lines may be written anew that nobody edited.
    edited = row.read_at is None or snapshot.page.edited + due.SAME_MINUTE > row.read_at
    if row.form != FORM and not (edited and change.says_something):
        return NEW_FORM
    return "" if change.says_something else NO_WORDS


def _record_unchanged(
    context: Context, row: PageRow, snapshot: Snapshot, content: str, reason: str
) -> None:
    after = due.done(row, snapshot.page.edited, snapshot.read_at)
    if reason not in (SAME_TEXT, NEW_FORM, NO_WORDS):
        # No prompt is new to it, and its next text is reviewed.
        after = replace(after, prompt=None, settings=None)
    with context.state.atomic():
        pages.save(context.state, [replace(after, hash=content, form=FORM)])
        last = pages.last_reviewed(context.state, row.id)
        noted = last.digest_now(snapshot) if last else None
        pages.save_reviewed(context.state, row.id, Reviewed.of(snapshot, noted))
        places = [block.id for block in snapshot.blocks if block.may_hold_comments]
        thread_store.set_places(context.state, row.id, places, context.notion.now)
        sweeps.record_decision(context.state, row.id, context.notion.now, "not reviewed", reason)
    context.emit("page.unchanged", title=row.title, why=reason)


async def _session(
    context: Context,
    target: Target,
    row: PageRow,
    snapshot: Snapshot,
    prompt: Prompt,
    dialogue: Dialogue,
    *,
    whole: bool,
) -> Session:
    """Put together what one review is about; the page itself is remembered for those of others."""
    memory.keep(context, target, snapshot)
    posted = outbox.posted_comment_ids(context.state, row.id)
    orphans = recovery.orphan_findings(dialogue.sorted.threads, posted)
    unknown = [LedgerEntry(one, FindingState.OPEN) for one in orphans]
    about = points.session(context, target, row, snapshot, prompt, dialogue)
    return replace(
        about,
        ledger=[*about.ledger, *unknown],
        extent=Extent.WHOLE if whole or _is_asked_for(row) else Extent.DIFFERENCE,
        closed=findings.closed_since_review(context.state, row.id),
        question=reviews.last_question(context.state, row.id),
        answers=outbox.replies_on(context.state, row.id, by_model=True),
        second_look=second_look.planned(context, target, row),
        linked=await memory.linked(context, target, snapshot),
    )


async def _review(context: Context, row: PageRow, dialogue: Dialogue, session: Session) -> None:
    """Review a page, record the review and deliver it."""
    context.emit("page.reviewing", title=row.title)
    made_with = memory.with_look_ups(context, recording.listening(context), session)
    review = await run_review(made_with, session)
    number = record_review(context, row, session, review, dialogue)
    second_look.record(context, session, review)
    recording.keep(context, made_with, number, session, review)
    alerts.count_answer(context, review.nothing_said)
    context.emit(
        "page.reviewed",
        title=row.title,
        outcome=review.outcome.value,
        model=review.model,
        findings=len(review.findings),
        kept=len(review.kept),
        refuted=len(review.refuted),
        unjudged=review.look.unjudged if review.look else 0,
        replies=len(review.replies),
        rulings=len(review.rulings),
        tokens=review.usage.tokens,
        cost_usd=round(review.usage.cost_usd, 4),
    )
    await context.deliver(context, row.id)


def _places(context: Context, snapshot: Snapshot, change: Change) -> list[str]:
    """Return the blocks whose comments to list, in page order."""
    if change.first:
        return [block.id for block in snapshot.blocks if block.may_hold_comments]
    row_id = snapshot.page.id
    known = thread_store.threads(context.state, row_id).values()
    wanted = {*change.new, *change.changed, *change.pasted}
    wanted |= {thread.block_id for thread in known if thread.block_id and not thread.gone_at}
    wanted |= set(thread_store.blocks_to_list(context.state, row_id, OTHER_PLACES))
    return [block.id for block in snapshot.blocks if block.id in wanted and block.commentable]
