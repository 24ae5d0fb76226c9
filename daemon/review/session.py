"""One sitting with the model: from a snapshot to a checked review."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from daemon import budget
from daemon.context import Base, Context
from daemon.domain import AuthorKind, Change, Finding, Outcome, Prompt, Review, Snapshot, Thread
from daemon.errors import ModelsDown, Unavailable
from daemon.review import offline, prompt
from daemon.review.agent import Brief, Conversation, Toolbox, Window
from daemon.review.checklist import in_words
from daemon.review.cleaning import may_hold_links
from daemon.review.excerpt import around_threads, fitting
from daemon.review.failures import Unfit
from daemon.review.handles import Handles
from daemon.review.leaks import guard
from daemon.review.outline import missing
from daemon.review.prompt import WHOLE, Excerpt, Task
from daemon.review.quotes import stands
from daemon.review.rules import cleaned, links, standing
from daemon.review.specs import specs
from daemon.review.tools import Desk, Scope


# Sections that a summary names as not read.
OMITTED_NAMED = 8
REMARK_CHARS = 1_000


@dataclass(frozen=True, slots=True)
class Session:
    """What one sitting is about.

    Attributes:
        snapshot: The page with its threads.
        change: What differs from the last review.
        prompt: The instructions.
        earlier: Every finding made on this page before.
        only_threads: Whether it is about the waiting threads alone.
        raised: The findings that began threads, by the threads' ids.
    """

    snapshot: Snapshot
    change: Change
    prompt: Prompt
    earlier: Sequence[Finding]
    only_threads: bool = False
    raised: Mapping[str, Finding] = field(default_factory=dict)


async def hold(context: Context, base: Base, session: Session) -> Review:
    """Let the first provider that works review the page.

    Raises:
        ModelsDown: No provider works.
        BudgetEmpty, PageSpent: A budget does not allow it.
        PageTooLarge: No provider can take the page.
        ConfigError, TokenRefused: A provider refuses the model or the key.
    """
    handles = Handles.of(session.snapshot)
    try:
        talk = await context.models.converse(
            base.models,
            lambda window: _brief(context, session, handles, window),
            lambda tools: _offline(context, session, handles, tools),
            budget.of_review(context.config.limits, session.prompt.rules, session.snapshot.page.id),
        )
    except Unavailable as error:
        raise ModelsDown(str(error)) from error
    return _review(talk, session)


def _brief(
    context: Context, session: Session, handles: Handles, window: Window | None
) -> tuple[Brief, Toolbox]:
    system = prompt.system(session.prompt)
    task = _task(session)
    excerpt = _excerpt(session, handles, window, task, system)
    brief = Brief(
        system=system,
        document=prompt.document(task, handles, excerpt),
        key=session.snapshot.page.id,
        omitted=excerpt.sections,
    )
    return brief, _desk(context, session, handles)


def _excerpt(
    session: Session, handles: Handles, window: Window | None, task: Task, system: str
) -> Excerpt:
    """Choose what of the document is shown.

    Raises:
        Unfit: The window leaves no room for any of it.
    """
    shown = around_threads(task, handles) if session.only_threads else WHOLE
    if window is None:
        return shown
    offered = specs(len(session.prompt.rules.checklist))
    tools = "".join(f"{spec.name}{spec.description}{spec.parameters}" for spec in offered)
    room = window.prompt - prompt.tokens(system + tools)
    found = fitting(task, handles, room, shown)
    if found is None:
        raise Unfit(
            f"its window of {window.tokens} tokens has no room for the document "
            "beside the instructions and the prompt page"
        )
    return found


def _task(session: Session) -> Task:
    snapshot = session.snapshot
    notes = ["only the threads are to be answered now"] if session.only_threads else []
    earlier = standing(session.earlier, snapshot.blocks)
    unseen = [one for one in earlier if not _is_shown(one, snapshot.threads)]
    return Task(snapshot, session.change, session.prompt, unseen, notes, session.raised)


def _is_shown(finding: Finding, threads: Sequence[Thread]) -> bool:
    """Tell whether the model sees a finding in its thread."""
    return any(
        comment.author.kind is AuthorKind.OWN and stands(finding.quote, comment.plain)
        for thread in threads
        if thread.block_id == finding.block_id
        for comment in thread.comments
    )


def _desk(context: Context, session: Session, handles: Handles) -> Desk:
    asked = session.prompt
    limits = budget.narrowed(context.config.limits, asked.rules)
    return Desk(
        Scope(
            handles=handles,
            earlier=session.earlier,
            links=_addresses(session),
            comments_per_review=limits.comments_per_review,
            comments_per_block=limits.comments_per_block,
            comments_on_blocks=not session.only_threads,
            unchanged=_unchanged(session),
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


def _unchanged(session: Session) -> frozenset[str]:
    change = session.change
    if change.first:
        return frozenset()
    said_anew = {*change.new, *change.changed}
    return frozenset(block.id for block in session.snapshot.blocks) - said_anew


def _offline(context: Context, session: Session, handles: Handles, tools: Toolbox) -> None:
    """Let the rules propose through the same tools as a model."""
    snapshot, today = session.snapshot, context.notion.now.date()
    names = handles.of_block
    found = () if session.only_threads else offline.findings(snapshot, today)
    for one in found:
        arguments = {"block": names[one.block_id], "quote": one.quote, "text": one.text}
        tools.call("comment", arguments | {"severity": one.severity.value})
    for handle, thread in handles.threads.items():
        if not thread.waiting:
            continue
        words = offline.answer(thread, snapshot, today, session.raised.get(thread.id))
        if words:
            tools.call("reply", {"thread": handle, "text": words})
        else:
            tools.call("leave", {"thread": handle, "reason": "the rules have no answer"})
    summary = "" if session.only_threads else offline.summary(snapshot, found)
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
    return Review(
        outcome=Outcome.NOTHING_TO_ADD if nothing and done else talk.outcome,
        findings=() if session.only_threads else desk.findings,
        replies=tuple(desk.replies),
        left=desk.left,
        summary="" if session.only_threads else _with_remarks(summary, desk, talk, session),
        refusals=tuple(desk.refusals),
        model=talk.model,
        usage=talk.usage,
        omitted=talk.omitted,
    )


def _with_remarks(summary: str, desk: Desk, talk: Conversation, session: Session) -> str:
    """Add what code knows: what is missing, not answered, held back, left out, or cut short."""
    rules, remarks = session.prompt.rules, []
    if talk.outcome.is_complete or desk.findings or summary:
        points = in_words(rules.checklist, desk.answers, desk.for_people)
        absent = missing(rules.sections, session.snapshot.blocks)
        gap = f"**Missing sections:** {', '.join(absent)}." if absent else ""
        summary = "\n\n".join(part for part in (summary, gap, points) if part)
    if desk.unposted == 1:
        remarks.append("One smaller point was left out.")
    elif desk.unposted:
        remarks.append(f"{desk.unposted} smaller points were left out.")
    if talk.omitted:
        remarks.append(f"Not read, too long for the model: {_listed(talk.omitted)}.")
    if not talk.outcome.is_complete and (desk.findings or summary):
        remarks.append(f"This review is not complete: {talk.outcome.value}.")
    said = cleaned(" ".join(remarks), frozenset(), REMARK_CHARS)
    return "\n\n".join(part for part in (summary, said) if part)


def _listed(sections: Sequence[str]) -> str:
    named = ", ".join(sections[:OMITTED_NAMED])
    more = len(sections) - OMITTED_NAMED
    return f"{named} and {more} more" if more > 0 else named
