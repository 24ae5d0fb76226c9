"""The threads of a page as they were read, sorted by what the state knows of them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Container, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from daemon.domain.errors import Forbidden, Invalid, Missing, NotionError
from daemon.domain.events import HOLDING, PLAIN, split_alert
from daemon.domain.findings import LIVE, MENDED, FindingState, who_said_no
from daemon.domain.records import FindingRow, PageRow, PageState, ThreadRow
from daemon.domain.scope import Capability
from daemon.domain.values import Author, AuthorKind, Comment, Prompt, Snapshot, Thread
from daemon.notion import from_markdown, reading
from daemon.notion.from_markdown import quoted
from daemon.review.points import OwnPoint
from daemon.review.summary import question_of
from daemon.store import findings, outbox, pages, reviews, sweeps
from daemon.store import threads as thread_store
from daemon.store.views import browse
from daemon.sweep import failures
from daemon.sweep.budget import narrowed
from daemon.sweep.context import Answers, Context, Target
from daemon.sweep.conversation.commands import Command
from daemon.sweep.conversation.gate import ClaimCheck
from daemon.sweep.conversation.threads import SortedThreads, ThreadState, sort
from daemon.sweep.delivery.messages import lost_kept


_AuthorOf = Callable[[dict[str, Any]], Awaitable[Author]]


@dataclass(frozen=True, slots=True)
class Dialogue:
    """The threads of a page as they were read.

    Attributes:
        sorted: The threads with the comments that want an answer marked.
        known: What the state knew before.
        reviewer: The name that we speak under.
        at: The server's time when the reading began.
        looked: The places whose comments were listed: blocks, and the page under its own id.
        missing: Blocks that were to be looked at and are gone.
        gone: Threads that left the list of open ones.
        left: Threads that were listed though their blocks left the page: nothing can be said there.
        unread: Such threads that could not be listed.
        refusal: Why Notion gave no comments, or None.
        lost: Where more is asked for, the kept findings that are not posted, and why.
    """

    sorted: SortedThreads
    known: ThreadState
    reviewer: str
    at: datetime
    looked: tuple[str, ...] = ()
    missing: frozenset[str] = frozenset()
    gone: frozenset[str] = frozenset()
    left: frozenset[str] = frozenset()
    unread: frozenset[str] = frozenset()
    refusal: Forbidden | None = None
    lost: Mapping[int, str] = field(default_factory=dict)

    @property
    def readable(self) -> bool:
        """Whether Notion gave the comments; else nothing is known of them."""
        return self.refusal is None


async def read(
    context: Context,
    target: Target,
    row: PageRow,
    places: Sequence[str],
    prompt: Prompt,
    snapshot: Snapshot | None = None,
) -> Dialogue:
    """List the comments of some places of a page, and sort them.

    Args:
        context: The sweep.
        target: The page's database.
        row: The page.
        places: Blocks, and the page under its own id; at least one.
        prompt: What it is answered under; its name addresses the reviewer.
        snapshot: The page as it was just read; None where it was not.

    Raises:
        Missing: The page is gone.
        NotionError: A request failed; what is missing must not pass for nothing said.
    """
    authors, began = await context.people.on_page(row.id), context.notion.now
    try:
        found, missing, left = await _listed(context, row, places, authors, snapshot)
    except Forbidden as error:
        refusal = failures.refused(context, Capability.READ_COMMENTS, row.id, error)
        known = _known(context, target, row, prompt, authors.own, snapshot, ())
        return Dialogue(sort((), known), known, prompt.name, began, refusal=refusal)
    if row.id in missing:
        raise Missing(f"“{row.title}”: its comments cannot be listed, it is gone or not shared")
    failures.allowed(context, Capability.READ_COMMENTS, row.id)
    known = _known(context, target, row, prompt, authors.own, snapshot, found)
    decided, missing = await _sorted(context, found, known, snapshot, missing)
    looked = tuple(place for place in places if place not in missing)
    where = {None if place == row.id else place for place in looked}
    gone = frozenset(one.id for one in _gone(known.threads.values(), found, where))
    wants_more = any(one.word is Command.MORE and not one.is_hint for one in decided.commands)
    lost = await lost_kept(context, row, snapshot) if wants_more else {}
    return Dialogue(decided, known, prompt.name, began, looked, missing, gone, *left, lost=lost)


async def _sorted(
    context: Context,
    found: Iterable[Thread],
    known: ThreadState,
    snapshot: Snapshot | None,
    missing: frozenset[str],
) -> tuple[SortedThreads, frozenset[str]]:
    """Sort threads without those whose blocks are in the trash; return with them what is `missing`.

    Where the page was not read, the blocks are asked for on which a person's comment is decided on,
    or waits. What gets an answer is counted.
    """
    decided, trash = sort(found, known), frozenset[str]()
    if snapshot is None:
        talked_on = {
            thread.block_id
            for thread in decided.threads
            if thread.block_id
            for one in thread.comments
            if one.author.kind is AuthorKind.PERSON and (one.new or one.id in decided.states)
        }
        # Of a block that is not shown comments were listed: its page says what is the matter.
        trash = await _in_trash(context, talked_on, missing=False)
    if trash:
        decided = sort((one for one in decided.threads if one.block_id not in trash), known)
    _grant(context, decided)
    return decided, missing | trash


async def _listed(
    context: Context,
    row: PageRow,
    places: Sequence[str],
    author: _AuthorOf,
    snapshot: Snapshot | None,
) -> tuple[tuple[Thread, ...], frozenset[str], tuple[frozenset[str], frozenset[str]]]:
    """Return the threads, the blocks that are gone, and the `left` and `unread` of a dialogue.

    Notion does not say whether comments on a block in the trash are listed. That such a thread is
    refused, or not listed, tells nothing of what people said there.
    """
    found, missing = await reading.discussions(context.notion, places, author)
    _learn_findings(context, row, found)
    if snapshot is None:
        stored = thread_store.threads(context.state, row.id).values()
        gone = _gone(stored, found, {*places} - missing)
        trash = await _in_trash(context, {one.block_id for one in gone if one.block_id})
        return found, missing | trash, (frozenset(), frozenset())
    left, there = _left(context, snapshot), list[Thread]()
    # One that was moved to another page is not ours any more.
    trash = await _in_trash(context, {*left.values()})
    left = {thread: block for thread, block in left.items() if block in trash}
    for block in sorted(trash):
        try:
            threads, _ = await reading.discussions(context.notion, [block], author)
        except (Forbidden, Invalid):
            continue
        there += [one for one in threads if one.id in left]
    heard = frozenset(one.id for one in there)
    return (*found, *there), missing, (heard, frozenset(left) - heard)


def _left(context: Context, snapshot: Snapshot) -> dict[str, str]:
    """Return the threads of open points whose blocks left the page, and the blocks.

    A block that was cut and pasted is asked for until its points are posted anew; a deleted one is
    at the first review without it.
    """
    known = thread_store.threads(context.state, snapshot.page.id)
    last = pages.last_reviewed(context.state, snapshot.page.id)
    before = {key for key, _ in last.blocks} if last else set()
    left = {}
    for one in findings.of_page(context.state, snapshot.page.id):
        thread = known.get(one.discussion_id or "")
        block = thread.block_id if thread and one.state in LIVE else None
        is_due = one.finding.block_id in snapshot.by_id or block in before
        if thread and block and block not in snapshot.by_id and is_due:
            left[thread.id] = block
    return left


def threads_shown(
    context: Context, row: PageRow, points: Iterable[OwnPoint], dialogue: Dialogue
) -> tuple[Thread, ...]:
    """Return the threads that were listed, and one for each point whose own was not.

    Such a one is gone with its block, or its block is not due. What was said there is told as the
    state knows it; also in the thread in which such a point was posted anew.
    """
    listed, shown = {thread.id: thread for thread in dialogue.sorted.threads}, {}
    me = Author("", dialogue.reviewer, AuthorKind.OWN)
    said: dict[str, list[Comment]] = {}
    for one in browse.comments_of_people(context.state, row.id):
        text = one.text if one.is_whole or not one.text else f"{one.text} …"
        person = Author("", one.author, AuthorKind.PERSON)
        said.setdefault(one.thread_id, []).append(Comment("", person, one.at, text, text, one.at))
    for one in browse.own_replies(context.state, row.id):
        plain = from_markdown.plain_text(from_markdown.rich_text(one.text))
        said.setdefault(one.thread_id, []).append(Comment("", me, one.at, one.text, plain, one.at))
    earlier = findings.earlier_threads(context.state, row.id)
    for point in points:
        thread = listed.get(point.thread_id)
        ids = [id_ for id_, number in earlier.items() if number == point.id]
        ids += [] if thread else [point.thread_id]
        told = [one for id_ in ids for one in said.get(id_, []) if one.text]
        at, words = point.made or dialogue.at, point.finding.text
        first, *rest = thread.comments if thread else [Comment("", me, at, words, words, at)]
        comments = (first, *sorted(told, key=lambda one: one.created), *rest)
        stands = thread is not None and thread.id not in dialogue.left
        on = thread.block_id if thread and stands else point.finding.block_id
        shown[point.thread_id] = Thread(point.thread_id, on, comments)
    return tuple((listed | shown).values())


def _gone(
    known: Iterable[ThreadRow], found: Iterable[Thread], where: Container[str | None]
) -> list[ThreadRow]:
    """Return the open threads that stood where we looked and are not listed any more."""
    stood = (one for one in known if not one.gone_at and one.block_id in where)
    listed = {thread.id for thread in found}
    return [one for one in stood if one.id not in listed]


async def _in_trash(
    context: Context, places: Iterable[str], *, missing: bool = True
) -> frozenset[str]:
    """Return those blocks that are gone themselves: nobody resolved the threads there.

    One that Notion does not show counts where `missing` says so.
    """
    blocks = set[str]()
    for block in sorted(places):
        try:
            raw = await context.notion.block(block)
        except Missing:
            raw = {"in_trash": missing}
        blocks |= {block} if raw.get("in_trash") else set()
    return frozenset(blocks)


def _answers_left(context: Context, found: Iterable[Thread]) -> dict[str, int]:
    """Return how many answers each person in the threads may still get today.

    What was given is counted once in a sweep; what the sweep grants is added as it is granted.
    """
    answers, day = context.tally.answers, context.notion.now.replace(hour=0, minute=0, second=0)
    people = {
        comment.author.id
        for thread in found
        for comment in thread.comments
        if comment.author.kind is AuthorKind.PERSON and comment.author.id
    }
    for person in people - answers.keys():
        given = outbox.answers_to(context.state, person, day.replace(microsecond=0))
        answers[person] = Answers(given)
    most = context.config.limits.replies_per_person
    return {person: most - answers[person].given for person in people}


def _grant(context: Context, decided: SortedThreads) -> None:
    """Count an answer for each person in each thread, and for each word to the reviewer."""
    words = {one.comment.id for one in decided.commands}
    granted = dict[tuple[str, str, str], list[str]]()
    for thread, comment in decided.granted:
        word = comment.id if comment.id in words else ""
        granted.setdefault((comment.author.id, thread.id, word), []).append(comment.id)
    for (person, *_), comments in granted.items():
        if (answers := context.tally.answers.get(person)) and not answers.granted & {*comments}:
            answers.given += 1
        if answers:
            answers.granted |= {*comments}


def _learn_findings(context: Context, row: PageRow, found: Iterable[Thread]) -> None:
    """Learn which threads findings began, as soon as they stand, whoever wrote there since."""
    own = {
        comment.id: thread.id
        for thread in found
        for comment in thread.comments
        if comment.author.kind is AuthorKind.OWN
    }
    with context.state.atomic():
        findings.link_threads(context.state, row.id, own)
        thread_store.add_from_findings(context.state, row.id)


def _closed(known: Iterable[FindingRow]) -> dict[str, str | None]:
    """Return who turned down the findings that are closed, by threads; None for no person."""
    closed = dict[str, str | None]()
    for one in known:
        who = who_said_no(one.why) if one.state is FindingState.DISMISSED else None
        if one.discussion_id and (who or one.state in (*MENDED, FindingState.WITHDRAWN)):
            closed[one.discussion_id] = who
    return closed


def _claims(context: Context, row: PageRow, snapshot: Snapshot | None) -> dict[str, ClaimCheck]:
    """Tell what is known of the text under each open point, by the thread that it began."""
    found = {}
    for one in findings.of_page(context.state, row.id):
        if one.state not in LIVE or one.discussion_id is None:
            continue
        if snapshot is None and (row.state is PageState.DUE or row.due_at):
            found[one.discussion_id] = ClaimCheck.TO_READ
        elif snapshot is None and reviews.content_hash(context.state, one.review_id) == row.hash:
            found[one.discussion_id] = ClaimCheck.AS_BEFORE
        else:
            found[one.discussion_id] = ClaimCheck.FOR_MODEL
    return found


def why_waiting(context: Context, row: PageRow) -> str:
    """Tell people, who see no terminal, why a page waits for its review; "" where it does not."""
    if pause := pages.asleep(context.state, context.config.prompts).get(row.source_id):
        by = f" by {quoted(pause.by)}" if pause.by else ""
        why = f"all that is reviewed under my prompt is paused since {pause.at:%Y-%m-%d %H:%M} UTC"
        why += f"{by}, {_until(pause.until)} on the prompt's page"
    elif row.paused:
        why = f"it is paused {_until(row.paused_until)} here"
    elif row.state is PageState.PARKED:
        why = "its review failed too often; it is read again after its next edit"
    elif row.state is PageState.DUE and row.due_at and row.due_at > context.notion.now:
        was = "its review failed" if row.attempts else "what may be spent on it in a day is spent"
        was = was if row.error else f"it was edited {row.edited:%H:%M} UTC"
        more = ", later if edits follow" * (not row.error)
        why = f"{was}; it is read from {row.due_at:%Y-%m-%d %H:%M} UTC on{more}"
    elif row.state is not PageState.DUE:
        return ""
    else:
        source = pages.source(context.state, row.source_id)
        ours = {"", *(source.config_ids if source else ())}
        standing = (split_alert(one["name"]) for one in sweeps.alerts(context.state))
        held = {name for name, of in standing if of in ours} & HOLDING
        why = " ".join(PLAIN[name] for name in sorted(held)).rstrip(".") or "it is read shortly"
    return f"This page waits: {why}."


def _until(end: datetime | None) -> str:
    at = f"{end:%Y-%m-%d %H:%M} UTC, or until " if end else ""
    return f"until {at}somebody writes `resume`"


def _asks(context: Context, row: PageRow) -> str:
    """Return the id of the comment with the summary where that asks something; else ""."""
    standing = outbox.summaries(context.state, row.id)[:1]
    return next((id_ for id_, text in standing if question_of(text)), "")


def _known(
    context: Context,
    target: Target,
    row: PageRow,
    prompt: Prompt,
    own: frozenset[str],
    snapshot: Snapshot | None,
    found: Iterable[Thread],
) -> ThreadState:
    source = pages.source(context.state, row.source_id)
    if source is None:
        raise NotionError(f"“{row.title}”: its data source is not known")
    looks = thread_store.last_listed(context.state, row.id)
    known = findings.of_page(context.state, row.id)
    was = findings.last_times(context.state, row.id)
    return ThreadState(
        comments=thread_store.comments(context.state, row.id),
        threads=thread_store.threads(context.state, row.id),
        baseline=source.baseline,
        setting=target.settings.replies.value,
        limit=narrowed(context.config.limits, prompt.rules).replies_per_thread,
        reviewer=prompt.name,
        own=own,
        raised=findings.by_thread(known),
        turned_down=frozenset(
            findings.by_thread(one for one in known if (one.id, FindingState.DISMISSED) in was)
        ),
        closed=_closed(known),
        claims=_claims(context, row, snapshot),
        answers_left=_answers_left(context, found),
        waits="" if snapshot else why_waiting(context, row),  # what was just read is reviewed now
        paused=row.paused,
        pause_ends=row.paused_until is not None,
        asleep=row.source_id in pages.asleep(context.state, context.config.prompts),
        unreviewed=row.state is PageState.BASELINED,
        receipts=frozenset(outbox.replies_on(context.state, row.id, by_model=False)),
        question=_asks(context, row),
        granted=frozenset(id_ for one in context.tally.answers.values() for id_ in one.granted),
        looks={None if place == row.id else place: at for place, at in looks.items()},
    )
