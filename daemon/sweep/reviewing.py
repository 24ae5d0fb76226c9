"""One sitting with the model: from a snapshot to a checked review."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import Enum, auto

from daemon.sweep import limits as budget
from daemon.domain.change import Change
from daemon.sweep.context import Base, Context
from daemon.domain.values import (
    AuthorKind,
    Finding,
    Outcome,
    Prompt,
    Review,
    Severity,
    Snapshot,
    Source,
    Thread,
)
from daemon.domain.errors import ModelsDown, Unavailable
from daemon.domain.findings import LIVE, Entry, FindingState
from daemon.review import difference, offline, prompt
from daemon.review.models.access import OFFLINE
from daemon.review.agent import Brief, Conversation, Toolbox, Window
from daemon.review.requirements import in_words
from daemon.review.cleaning import may_hold_links
from daemon.review.summary import cut_short, left_out, to_do, unread, whole
from daemon.review.excerpt import around_threads, by_difference, fitting
from daemon.review.models.failures import Unfit
from daemon.review.handles import Handles
from daemon.review.leaks import guard
from daemon.review.outline import missing
from daemon.review.prompt import WHOLE, Excerpt, Task
from daemon.review.quotes import stands
from daemon.review.repeats import links, repeats, standing
from daemon.review.tool_specs import specs
from daemon.review.tools import Desk, Scope


# What people made of a point counts for the new text too; what was mended is over.
_TOLD_AFTER_A_CHANGE = LIVE | {FindingState.DISMISSED, FindingState.RESOLVED}


class Extent(Enum):
    """How much of a page is to be reviewed."""

    WHOLE = auto()  # an operator or a person asks, or the prompt is another
    DIFFERENCE = auto()


@dataclass(frozen=True, slots=True)
class Session:
    """What one sitting is about.

    Attributes:
        snapshot: The page with its threads.
        change: What differs from the last review.
        prompt: The instructions.
        ledger: What was raised on this page before, and what became of it.
        only_threads: Whether it is about the waiting threads alone.
        raised: The findings that began threads, by the threads' ids.
        extent: Whether all of it is to be reviewed, or what changed.
    """

    snapshot: Snapshot
    change: Change
    prompt: Prompt
    ledger: Sequence[Entry]
    only_threads: bool = False
    raised: Mapping[str, Finding] = field(default_factory=dict)
    extent: Extent = Extent.DIFFERENCE

    @property
    def is_follow_up(self) -> bool:
        """Whether it is about what changed since an earlier review."""
        return self.extent is Extent.DIFFERENCE and not self.change.first

    @property
    def earlier(self) -> list[Finding]:
        """Every finding that people have heard of, or are to hear of."""
        return [entry.finding for entry in self.ledger]


@dataclass(frozen=True, slots=True)
class _Table:
    """A session laid out: the names of its blocks, and what the rules found in it."""

    base: Base
    session: Session
    handles: Handles
    found: tuple[Finding, ...]


async def hold(context: Context, base: Base, session: Session) -> Review:
    """Let the first provider that works review the page.

    Raises:
        ModelsDown: No provider works.
        BudgetEmpty, PageSpent: A budget does not allow it.
        PageTooLarge: No provider can take the page.
        ConfigError, TokenRefused: A provider refuses the model or the key.
    """
    table = _Table(base, session, Handles.of(session.snapshot), _found(context, session))
    try:
        talk = await context.models.converse(
            base.models,
            lambda window: _brief(context, table, window),
            lambda tools: _offline(context, table, tools),
            budget.of_review(context.config.limits, session.prompt.rules, session.snapshot.page.id),
        )
    except Unavailable as error:
        raise ModelsDown(str(error)) from error
    return _review(talk, session)


def _found(context: Context, session: Session) -> tuple[Finding, ...]:
    if session.only_threads:
        return ()
    return offline.findings(session.snapshot, context.notion.now.date())


def _brief(context: Context, table: _Table, window: Window | None) -> tuple[Brief, Toolbox]:
    system = prompt.system(table.session.prompt)
    desk = _desk(context, table)
    checks = table.base.settings.checks
    reported = desk.report(table.found) if checks else ()
    task = _task(table, reported, () if checks else _noticed(table))
    excerpt = _excerpt(table, window, task, system)
    brief = Brief(
        system=system,
        document=prompt.document(task, table.handles, excerpt),
        key=table.session.snapshot.page.id,
        omitted=excerpt.sections,
    )
    return brief, desk


def _excerpt(table: _Table, window: Window | None, task: Task, system: str) -> Excerpt:
    """Choose what of the document is shown.

    Raises:
        Unfit: The window leaves no room for any of it.
    """
    shown = _shown(table, task)
    if window is None:
        return shown
    offered = specs(len(table.session.prompt.rules.checklist))
    tools = "".join(f"{spec.name}{spec.description}{spec.parameters}" for spec in offered)
    room = window.prompt - prompt.tokens(system + tools)
    found = fitting(task, table.handles, room, shown)
    if found is None:
        raise Unfit(
            f"its window of {window.tokens} tokens has no room for the document "
            "beside the instructions and the prompt page"
        )
    return found


def _shown(table: _Table, task: Task) -> Excerpt:
    if table.session.only_threads:
        return around_threads(task, table.handles)
    return WHOLE if table.session.extent is Extent.WHOLE else by_difference(task, table.handles)


def _task(table: _Table, reported: Sequence[Finding], noticed: Sequence[Finding]) -> Task:
    session, snapshot = table.session, table.session.snapshot
    unseen = [one for one in _current(session) if not _is_shown(one.finding, snapshot.threads)]
    return Task(
        snapshot,
        session.change,
        session.prompt,
        unseen,
        tuple(_notes(table)),
        session.raised,
        reported,
        noticed,
    )


def _notes(table: _Table) -> Iterator[str]:
    if table.session.only_threads:
        yield "only the threads are to be answered now"
    elif (floor := _floor(table)) is not Severity.MINOR:
        yield f"what is less than {floor.value} is not posted; leave it out"


def _floor(table: _Table) -> Severity:
    """Return the least severity that is posted; the prompt page can only raise it."""
    wanted = table.session.prompt.rules.report or Severity.MINOR
    return min(table.base.settings.report, wanted, key=lambda one: one.rank)


def _noticed(table: _Table) -> list[Finding]:
    """Return what the rules found where comments are invited, and nobody has said yet."""
    shut, blocks = _closed(table.session), table.session.snapshot.by_id
    earlier = table.session.earlier
    return [
        one
        for one in table.found
        if one.block_id not in shut and not repeats(one, earlier, blocks[one.block_id])
    ]


def _current(session: Session) -> list[Entry]:
    """Return what of the ledger concerns the text as it is: it stands, or its block changed."""
    blocks, found = session.snapshot.blocks, []
    for entry in session.ledger:
        if stand := standing([entry.finding], blocks):
            found.append(replace(entry, finding=stand[0]))
        elif (
            entry.state in _TOLD_AFTER_A_CHANGE and entry.finding.block_id in session.change.changed
        ):
            found.append(entry)
    return found


def _is_shown(finding: Finding, threads: Sequence[Thread]) -> bool:
    """Tell whether the model sees a finding in its thread."""
    return any(
        comment.author.kind is AuthorKind.OWN and stands(finding.quote, comment.plain)
        for thread in threads
        if thread.block_id == finding.block_id
        for comment in thread.comments
    )


def _desk(context: Context, table: _Table) -> Desk:
    session, asked = table.session, table.session.prompt
    limits = budget.narrowed(context.config.limits, asked.rules)
    return Desk(
        Scope(
            handles=table.handles,
            earlier=session.earlier,
            links=_addresses(session),
            comments_per_review=limits.comments_per_review,
            comments_per_block=limits.comments_per_block,
            comments_on_blocks=not session.only_threads,
            unchanged=difference.unchanged(session.change, session.snapshot.blocks),
            closed=_closed(session),
            floor=_floor(table),
            points=len(asked.rules.checklist),
            guard=guard(
                context.secrets,
                prompt.instructions(),
                [asked.text, *(text for _, text in asked.knowledge)],
                "\n".join(_said(session)),
            ),
        )
    )


def _addresses(session: Session) -> frozenset[str]:
    """Return the addresses of the document and the prompt; those in comments do not count."""
    asked = session.prompt
    words = [*_said(session), asked.text, *(text for _, text in asked.knowledge)]
    return links("\n".join(filter(may_hold_links, words)))


def _said(session: Session) -> list[str]:
    """Return what the page says, its comments aside."""
    page = session.snapshot.page
    words = [page.title, *(text for _, text in page.properties)]
    return [*words, *(block.line for block in session.snapshot.blocks)]


def _closed(session: Session) -> frozenset[str]:
    if session.extent is Extent.WHOLE:
        return frozenset()
    return difference.closed(session.change, session.snapshot.blocks)


def _offline(context: Context, table: _Table, tools: Toolbox) -> None:
    """Let the rules propose through the same tools as a model."""
    session, today = table.session, context.notion.now.date()
    # With `checks` they had their say already.
    for one in () if table.base.settings.checks else table.found:
        block = table.handles.of_block[one.block_id]
        said = {"quote": one.quote, "text": one.text, "severity": one.severity.value}
        tools.call("comment", {"block": block, **said})
    for handle, thread in table.handles.threads.items():
        if not thread.waiting:
            continue
        raised = session.raised.get(thread.id)
        if words := offline.answer(thread, session.snapshot, today, raised):
            tools.call("reply", {"thread": handle, "text": words})
        else:
            tools.call("leave", {"thread": handle, "reason": "the rules have no answer"})
    summary = "" if session.only_threads else offline.summary(session.snapshot, table.found)
    tools.call("finish", {"summary": summary})


def _review(talk: Conversation, session: Session) -> Review:
    desk = talk.tools
    if not isinstance(desk, Desk):
        raise TypeError("the chain returned other tools than it was given")
    # A refusal and a cut-off answer are no summary.
    said = talk.text if talk.outcome.is_complete else ""
    summary = desk.summary or desk.closing(said)
    nothing = not (desk.findings or desk.replies or summary)
    done = talk.outcome is Outcome.DONE
    findings = desk.findings
    if talk.model == OFFLINE:
        findings = tuple(replace(one, source=Source.CHECK) for one in findings)
    return Review(
        outcome=Outcome.NOTHING_TO_ADD if nothing and done else talk.outcome,
        findings=() if session.only_threads else findings,
        replies=tuple(desk.replies),
        left=desk.left,
        summary="" if session.only_threads else _summary(summary, session, desk, talk),
        refusals=(*desk.refusals, *desk.kept_back),
        model=talk.model,
        usage=talk.usage,
        omitted=talk.omitted,
    )


def _summary(words: str, session: Session, desk: Desk, talk: Conversation) -> str:
    """Put before and after the model's words what it does not know."""
    blocks = session.snapshot.blocks
    still = standing([one.finding for one in session.ledger if one.state in LIVE], blocks)
    # The rules' own summary is such a list.
    todo = [] if talk.model == OFFLINE else [*desk.findings, *still]
    first = to_do(todo, blocks) if words else ""
    has_spoken = talk.outcome.is_complete or desk.findings or words
    body = "\n\n".join(part for part in (words, *_asked_for(session, desk)) if part)
    return whole(
        body if has_spoken else words,
        first=first,
        left_out=left_out(desk.unposted),
        unread=unread(talk.omitted),
        cut=cut_short(talk.outcome) if desk.findings or body else "",
    )


def _asked_for(session: Session, desk: Desk) -> Iterator[str]:
    """Yield what the prompt page wants to be said of every document."""
    rules = session.prompt.rules
    if absent := missing(rules.sections, session.snapshot.blocks):
        yield f"**Missing sections:** {', '.join(absent)}."
    yield in_words(rules.checklist, desk.answers, desk.for_people)
