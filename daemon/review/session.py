"""One sitting with the model: from a snapshot to a checked review."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from daemon.context import Base, Context
from daemon.domain import Change, Finding, Outcome, Prompt, Review, Snapshot
from daemon.errors import ModelsDown, Unavailable
from daemon.review import offline, prompt
from daemon.review.agent import Brief, Conversation, Limits, Toolbox, Window
from daemon.review.prompt import CHARS_PER_TOKEN, Handles, Task
from daemon.review.rules import SUMMARY_CHARS, cleaned, links
from daemon.review.tools import SPECS, Desk, Scope


@dataclass(frozen=True, slots=True)
class Session:
    """What one sitting is about.

    Attributes:
        snapshot: The page with its threads.
        change: What differs from the last review.
        prompt: The instructions.
        earlier: Every finding made on this page before.
        only_threads: Whether it is about the waiting threads alone.
    """

    snapshot: Snapshot
    change: Change
    prompt: Prompt
    earlier: Sequence[Finding]
    only_threads: bool = False


async def hold(context: Context, base: Base, session: Session) -> Review:
    """Let the first provider that works review the page.

    Raises:
        ModelsDown: No provider works.
        BudgetEmpty: The day's budget does not allow it.
        ConfigError, TokenRefused: A provider refuses the model or the key.
    """
    handles = Handles.of(session.snapshot)
    limits = context.config.limits
    try:
        talk = await context.models.converse(
            base.models,
            lambda window: _brief(context, session, handles, window),
            lambda tools: _offline(context, session, handles, tools),
            Limits(limits.rounds, float(limits.seconds_per_review)),
        )
    except Unavailable as error:
        raise ModelsDown(str(error)) from error
    return _review(talk, session)


def _brief(
    context: Context, session: Session, handles: Handles, window: Window | None
) -> tuple[Brief, Toolbox]:
    system = prompt.system(session.prompt)
    task = _task(session)
    left_out, omitted = _left_out(session, handles, window, task, system)
    brief = Brief(
        system=system,
        document=prompt.document(task, handles, left_out),
        key=session.snapshot.page.id,
        omitted=omitted,
    )
    return brief, _desk(context, session, handles)


def _left_out(
    session: Session, handles: Handles, window: Window | None, task: Task, system: str
) -> tuple[frozenset[str], tuple[str, ...]]:
    if session.only_threads:
        return prompt.around_threads(task, handles), ()
    if window is None:
        return frozenset(), ()
    tools = sum(len(str(spec.parameters)) + len(spec.description) for spec in SPECS)
    room = window.prompt - int((len(system) + tools) / CHARS_PER_TOKEN)
    return prompt.fitting(task, handles, max(room, 0))


def _task(session: Session) -> Task:
    notes = ["only the threads are to be answered now"] if session.only_threads else []
    open_now = {thread.block_id for thread in session.snapshot.threads}
    hidden = [one for one in session.earlier if one.block_id not in open_now]
    return Task(session.snapshot, session.change, session.prompt, hidden, notes)


def _desk(context: Context, session: Session, handles: Handles) -> Desk:
    limits = context.config.limits
    words = [block.line for block in session.snapshot.blocks]
    words += [session.prompt.text, *(text for _, text in session.prompt.knowledge)]
    return Desk(
        Scope(
            handles=handles,
            earlier=session.earlier,
            links=links("\n".join(words)),
            comments_per_review=limits.comments_per_review,
            comments_per_block=limits.comments_per_block,
            comments_on_blocks=not session.only_threads,
            unchanged=_unchanged(session),
        )
    )


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
        raised = next((f for f in session.earlier if f.block_id == thread.block_id), None)
        words = offline.answer(thread, snapshot, today, raised)
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
    words = session.prompt.text + "\n".join(block.line for block in session.snapshot.blocks)
    # A refusal and a cut-off answer are no summary.
    said = talk.text if talk.outcome.is_complete else ""
    summary = desk.summary or cleaned(said, links(words), SUMMARY_CHARS)
    nothing = not (desk.findings or desk.replies or summary)
    done = talk.outcome is Outcome.DONE
    return Review(
        outcome=Outcome.NOTHING_TO_ADD if nothing and done else talk.outcome,
        findings=() if session.only_threads else desk.findings,
        replies=tuple(desk.replies),
        left=tuple(desk.left),
        summary="" if session.only_threads else _with_remarks(summary, desk, talk),
        refusals=tuple(desk.refusals),
        model=talk.model,
        usage=talk.usage,
        omitted=talk.omitted,
    )


def _with_remarks(summary: str, desk: Desk, talk: Conversation) -> str:
    """Add what the model does not know: what was held back, left out, or cut short."""
    remarks = []
    if desk.unposted:
        remarks.append(f"{desk.unposted} smaller points were left out.")
    if talk.omitted:
        remarks.append(f"Not read, too long for the model: {', '.join(talk.omitted)}.")
    if not talk.outcome.is_complete and (desk.findings or summary):
        remarks.append(f"This review is not complete: {talk.outcome.value}.")
    return "\n\n".join(part for part in (summary, " ".join(remarks)) if part)
