"""One page: read, compare, review, record; one snapshot from the hash to the record."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from daemon.sweep.conversation import dialogue as dialogues
from daemon.domain import due
from daemon.sweep.prompts import current as prompts
from daemon.sweep import orphans as strays
from daemon.sweep.conversation.answers import settle
from daemon.domain.change import Change, Reviewed
from daemon.sweep.context import Base, Context
from daemon.sweep.conversation.dialogue import Dialogue
from daemon.domain.values import Snapshot, Thread
from daemon.domain.findings import Entry, FindingState
from daemon.notion import reading, canonical as text
from daemon.sweep.record import record_review
from daemon.sweep.reviewing import Extent, Session, hold
from daemon.store import drafts, findings, sweeps as ledger, origins, pages, reviews
from daemon.store import threads as thread_store
from daemon.store.pages import PageRow, Standing
from daemon.sweep.conversation.threads import places


# Blocks without a known thread that a later review looks at besides, the oldest look first.
OTHER_PLACES = 10
EMPTY = "the page is empty"


@dataclass(frozen=True, slots=True)
class Visit:
    """What came of one page."""

    changed: bool = False
    reviewed: bool = False
    why: str = ""


async def visit(context: Context, base: Base, row: PageRow, *, asked: bool = False) -> Visit:
    """Review a page if it says something new or an operator asks for it, and deliver the review.

    Raises:
        ReviewError: The page stays due; see `sweep` for what happens then.
    """
    snapshot = await read_page(context, base, row)
    if snapshot is None:
        pages.save(context.state, [replace(row, state=Standing.LEFT, due_at=None)])
        return Visit(why="left the database")
    content = text.content_hash(snapshot.page, snapshot.blocks)
    change = Change.between(pages.reviewed(context.state, row.id), snapshot)
    findings.move(context.state, row.id, change.moved)
    wanted = asked or await prompts.changed_since(context, base, row)
    reason = _nothing_said(snapshot) or ("" if wanted else _nothing_new(row, content, change))
    if reason == EMPTY:
        row = replace(row, prompt=None)  # no prompt is new to it, and its next text is reviewed
    if reason:
        _record_unchanged(context, row, snapshot, content, reason)
        return Visit(changed=row.hash != content, why=reason)
    prompt = await prompts.current(context, base)
    if prompt is None:
        return Visit(changed=True, why="there is no prompt to review it under")
    context.tell("page.reading_threads", title=row.title)
    looked = [row.id, *_places(context, snapshot, change)]
    dialogue = await dialogues.read(context, base, row, looked, prompt)
    row = settle(context, row, dialogue)
    if row.paused and not asked:
        await context.deliver(context, row.id)
        return Visit(changed=True, why="a person paused it")
    threads = dialogue.sorted.threads
    session = Session(
        replace(snapshot, threads=threads, comments_readable=dialogue.readable),
        Change.between(drafts.last_said(context.state, row.id), snapshot),
        prompt,
        [*_earlier(context, row.id, threads)],
        raised=origins.raised(context.state, row.id),
        extent=Extent.WHOLE if wanted or _is_asked_for(row) else Extent.DIFFERENCE,
    )
    await _review(context, base, row, session, dialogue)
    return Visit(changed=True, reviewed=True)


async def read_page(context: Context, base: Base, row: PageRow) -> Snapshot | None:
    """Read the page without its threads; None where it is not for us any more."""
    raw = context.rows.pop(row.id, None) or await context.notion.page(row.id)
    if raw.get("in_trash"):
        return None
    read_at = context.notion.now
    raw = await reading.page_properties(context.notion, raw, base.settings.properties)
    page = text.page(raw, row.source_id, base.settings.properties)
    blocks = await reading.blocks(context.notion, row.id)
    return Snapshot(page, blocks, (), read_at)


def _earlier(context: Context, page_id: str, threads: Iterable[Thread]) -> Iterator[Entry]:
    yield from findings.ledger(context.state, page_id)
    for stray in strays.findings(threads, reviews.own_comments(context.state, page_id)):
        yield Entry(stray, FindingState.OPEN)


def _nothing_said(snapshot: Snapshot) -> str:
    return "" if any(block.line for block in snapshot.blocks) else EMPTY


def _is_asked_for(row: PageRow) -> bool:
    """Tell whether the page counts as not reviewed: it never was, or a person wants it again."""
    return row.hash is None or row.prompt is None


def _nothing_new(row: PageRow, content: str, change: Change) -> str:
    """Say why there is nothing to review, or return "" where there is."""
    if _is_asked_for(row):
        return ""
    if row.hash == content:
        return "the text is the same"
    if row.form != text.FORM:
        return "the form of the hash is new"
    return "" if change.says_something else "blocks only moved"


def _record_unchanged(
    context: Context, row: PageRow, snapshot: Snapshot, content: str, reason: str
) -> None:
    after = due.done(row, snapshot.page.edited, snapshot.read_at)
    with context.state.atomic():
        pages.save(context.state, [replace(after, hash=content, form=text.FORM)])
        pages.save_reviewed(context.state, row.id, Reviewed.of(snapshot))
        places = [block.id for block in snapshot.blocks if block.may_hold_comments]
        thread_store.keep_places(context.state, row.id, places, context.notion.now)
        ledger.decide(context.state, row.id, context.notion.now, "not reviewed", reason)
    context.tell("page.unchanged", title=row.title, why=reason)


async def _review(
    context: Context, base: Base, row: PageRow, session: Session, dialogue: Dialogue
) -> None:
    context.tell("page.reviewing", title=row.title)
    review = await hold(context, base, session)
    record_review(context, row, session, review, dialogue)
    context.tell(
        "page.reviewed",
        title=row.title,
        outcome=review.outcome.value,
        model=review.model,
        findings=len(review.findings),
        replies=len(review.replies),
        tokens=review.usage.input_tokens + review.usage.output_tokens,
    )
    await context.deliver(context, row.id)


def _places(context: Context, snapshot: Snapshot, change: Change) -> list[str]:
    if change.first:
        return [block.id for block in snapshot.blocks if block.may_hold_comments]
    row_id = snapshot.page.id
    known = thread_store.threads(context.state, row_id).values()
    return places(
        snapshot,
        {*change.new, *change.changed, *change.moved},
        [thread.block_id for thread in known if thread.block_id and not thread.gone_at],
        thread_store.oldest_places(context.state, row_id, OTHER_PLACES),
    )
