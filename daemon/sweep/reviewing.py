"""One sitting with the model: from a snapshot to a checked review."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from itertools import product
from math import inf

from daemon.config.limits import Deep
from daemon.domain.change import closed_blocks, unchanged_blocks
from daemon.domain.errors import ModelsDown, Unavailable
from daemon.domain.findings import BY_PEOPLE, LIVE, LedgerEntry
from daemon.domain.values import (
    AuthorKind,
    Finding,
    Review,
    Ruling,
    Severity,
    Source,
    Verdict,
)
from daemon.review import offline, prompt
from daemon.review.agent import ContextWindow, ModelInput, Toolbox, ToolSpec
from daemon.review.cleaning import links_in, may_contain_links
from daemon.review.deep import DIGEST_PART, NO_ROOM, SectionTools, Shown
from daemon.review.digest import notes_for_threads
from daemon.review.excerpt import (
    Reader,
    Recall,
    excerpts_for_threads,
    fit_to_window,
    linked_text,
    needless,
    pictures,
)
from daemon.review.handles import Handles
from daemon.review.leaks import leak_guard
from daemon.review.models.access import taped
from daemon.review.models.failures import WindowTooSmall
from daemon.review.points import OwnPoint, is_repeat, page_texts, standing_in
from daemon.review.prompt import WHOLE, Excerpt, ReviewInput
from daemon.review.tool_specs import ToolContext, specs_for
from daemon.review.tools import ReviewTools
from daemon.sweep import budget
from daemon.sweep.conclusion import concluded
from daemon.sweep.context import Extent, Prepared, ReviewContext, Session
from daemon.sweep.second_look import look


# Other documents are not shown where they took more of a window than one of so many parts.
PART_OF_WINDOW = 8
# Tokens of one pass of a deep reading, where the window has them and no whole document is so long.
LEAST_ROOM = 4_000
PART_READ = 4  # one of so many parts of the room for a document is for what is read besides
CHARACTERS_PER_TOKEN = 4  # of English prose, roughly


async def run_review(context: ReviewContext, session: Session) -> Review:
    """Let the first provider that works review the page.

    Raises:
        ModelsDown: No provider works.
        BudgetEmpty, PageSpent: A budget does not allow it.
        PageTooLarge: No provider can take the page.
        ConfigError, TokenRefused: A provider refuses the model or the key.
    """
    by_rules = [one for one in session.points if one.finding.source is Source.CHECK]
    seen: tuple[Finding, ...] = ()
    if by_rules or not session.only_threads:
        seen = offline.findings(session.snapshot, context.today)
    fire = {one.id: offline.still_finds(one.finding, seen) for one in by_rules}
    prepared = Prepared(
        replace(session, points=[replace(p, fires=bool(fire.get(p.id))) for p in session.points]),
        Handles.of(session.snapshot, session.prompt.text),
        () if session.only_threads else seen,
        _mended(session, fire),
    )
    payer = context.payer or session.snapshot.page.id
    wanted = context.config.effort
    effort = wanted.first if session.change.first else wanted.again
    if session.only_threads:
        effort = wanted.reply
    limits = budget.of_review(context.config, session.prompt.rules, payer, effort)
    with taped(context.tape):
        try:
            conversation = await context.models.converse(
                session.target.models,
                lambda window: _brief(context, prepared, window),
                lambda tools: _offline(context, prepared, tools),
                limits,
            )
        except Unavailable as error:
            raise ModelsDown(str(error)) from error
        heard, usage = await look(context, prepared, conversation, limits, _floor(prepared))
    return replace(concluded(conversation, prepared, heard), usage=usage)


def _mended(session: Session, fire: Mapping[int, bool | None]) -> tuple[Ruling, ...]:
    """Rule on the points of rules: one that a rule finds no more is fixed."""
    if session.only_threads:
        return ()
    return tuple(
        Ruling(point.id, Verdict.FIXED)
        for point in session.points
        if not point.closed and fire.get(point.id) is False
    )


def _brief(
    context: ReviewContext, prepared: Prepared, window: ContextWindow | None
) -> tuple[ModelInput, Toolbox]:
    """Make what a model reads first, and tools that nobody used yet.

    Raises:
        WindowTooSmall: The window leaves no room for any of the document.
    """
    session = prepared.session
    most = window.whole / PART_OF_WINDOW if window else inf
    recall = None if session.memory is None else Recall(session.memory, context.look_up, most)
    linked = linked_text(session.linked, prepared.handles, most)
    beside = "\n".join(filter(None, (recall.text if recall else "", linked)))
    about = _checked(context, prepared)
    fits = _fits(context, prepared, window, beside)
    is_deep = not session.only_threads and not (fits and context.config.deep is Deep.LONG)
    tools = SectionTools(about, recall) if is_deep else ReviewTools(about, recall)
    tools.rulings += prepared.mended
    checks = session.target.settings.checks
    reported = tools.add_rule_findings(prepared.found) if checks else ()
    task = _task(context, prepared, reported, () if checks else _noticed(prepared))
    if isinstance(tools, SectionTools):
        return _in_sections(context, prepared, window, task, tools, beside), tools
    whole = prompt.document_text(task, prepared.handles) if fits else ""
    leaving = _PLAIN if fits else needless(task, prepared.handles, window, only_threads=True)
    document = whole or _part(context, prepared, window, task, tools, beside, leaving)
    said = "\n".join(filter(None, (document, beside)))
    system = prompt.system_text(session.prompt, leaving)
    images = pictures(session.linked, prepared.handles, most, document)
    return ModelInput(system, said, session.snapshot.page.id, images=images), tools


def _part(
    context: ReviewContext,
    prepared: Prepared,
    window: ContextWindow | None,
    task: ReviewInput,
    tools: ReviewTools,
    beside: str,
    leaving: Collection[str],
) -> str:
    """Write what is shown where threads of a document are answered that does not fit.

    Raises:
        WindowTooSmall: The window leaves no room for any of it.
    """
    session, handles = prepared.session, prepared.handles
    ways, room = excerpts_for_threads(task, handles), context.config.whole_up_to
    excerpt: Excerpt | None = ways[0]
    if window:
        system = prompt.system_text(session.prompt, leaving)
        room = min(room, window.part - _taken(system, leaving, beside, tools.specs))
        most = room - room // PART_READ
        rooms = (most - most // DIGEST_PART, most) if session.digest else (most,)
        tried = (*product(ways, rooms), *product(ways, (room,)))  # at last nothing can be read
        sizes = (fit_to_window(task, handles, size, one) for one, size in tried)
        excerpt = next(filter(None, sizes), None)
    if excerpt is None:
        raise WindowTooSmall(NO_ROOM)
    document = prompt.document_text(task, handles, excerpt)
    left = room - prompt.estimated_tokens(document)
    if excerpt.left_out or excerpt.longest:
        tools.reader = Reader(task, handles, excerpt, min(left, room // PART_READ))
    most = left - room // PART_READ
    notes = notes_for_threads(session.digest or (), task, handles, excerpt, most)
    return "\n".join(filter(None, (document, notes)))


def _fits(
    context: ReviewContext, prepared: Prepared, window: ContextWindow | None, beside: str
) -> bool:
    """Tell whether the whole document can be shown at once."""
    most = context.config.whole_up_to
    if window:
        asked = prepared.session.prompt
        offered = specs_for(len(asked.rules.checklist), asked.lenses, recalls=True)
        taken = _taken(prompt.system_text(asked), _PLAIN, beside, offered)
        most = min(most, window.whole - taken)
    text = prompt.document_text(_task(context, prepared), prepared.handles)
    return prompt.estimated_tokens(text) <= most


_PLAIN = (prompt.IN_SECTIONS,)


def _taken(system: str, leaving: Collection[str], beside: str, tools: Iterable[ToolSpec]) -> int:
    """Return the tokens of what is sent besides the document.

    What the program itself says is English, of which the tokens are known better.
    """
    told = prompt.instructions(leaving)
    offered = "".join(f"{spec.name}{spec.description}{spec.parameters}" for spec in tools)
    theirs = prompt.estimated_tokens(system.removeprefix(told) + beside)
    return len(told + offered) // CHARACTERS_PER_TOKEN + theirs


def _in_sections(
    context: ReviewContext,
    prepared: Prepared,
    window: ContextWindow | None,
    task: ReviewInput,
    tools: SectionTools,
    beside: str,
) -> ModelInput:
    """Make what is read in the first pass of a deep reading; the others follow it.

    Raises:
        WindowTooSmall: The window leaves no room for any of the document.
    """
    session, room = prepared.session, max(context.config.whole_up_to, LEAST_ROOM)
    leaving = needless(task, prepared.handles, window)
    system = prompt.system_text(session.prompt, leaving)
    tools.reader = Reader(task, prepared.handles, WHOLE, 0)  # the tool takes room too
    if window:
        room = min(room, window.part - _taken(system, leaving, beside, tools.specs))
    tools.reader = Reader(task, prepared.handles, WHOLE, room // PART_READ)
    opening = "\n".join(filter(None, (prompt.opening_text(task), beside)))
    is_whole = session.change.first or session.extent is Extent.WHOLE
    most = window.whole / PART_OF_WINDOW if window else inf

    def brief(shown: Shown) -> ModelInput:
        def following(words: str) -> ModelInput | None:
            more = tools.next_pass(words)
            return brief(more) if more else None

        said, key = shown.document, session.snapshot.page.id
        images = pictures(session.linked, prepared.handles, most, said)
        return ModelInput(system, said, key, shown.later, opening, following, images)

    return brief(tools.begin(task, room, None if is_whole else session.digest))


_LEFT_OUT = "what is less than {floor} is not posted; leave it out"
_ANEW = (
    "all of it is reviewed again, since somebody asked for it or the prompt is another; blocks "
    "without a mark take comments too"
)


def _task(
    context: ReviewContext,
    prepared: Prepared,
    reported: Sequence[Finding] = (),
    noticed: Sequence[Finding] = (),
) -> ReviewInput:
    session = prepared.session
    limits, floor = budget.narrowed(context.config.limits, session.prompt.rules), _floor(prepared)
    notes = [] if floor is Severity.MINOR else [_LEFT_OUT.format(floor=floor.value)]
    if session.extent is Extent.WHOLE and not session.change.first:
        notes.append(_ANEW)
    return ReviewInput(
        session.snapshot,
        session.change,
        session.prompt,
        _unseen(session),
        () if session.only_threads else notes,
        session.raised,
        reported,
        noticed,
        points=_own(prepared),
        kept=session.kept,
        question=session.question,
        today=context.today,
        comments=0 if session.only_threads else limits.comments_per_review,
        comments_per_block=limits.comments_per_block,
    )


def _own(prepared: Prepared) -> dict[str, OwnPoint]:
    """Return the points that may be ruled on, by the threads that show them."""
    ruled = {one.finding_id for one in prepared.mended}
    return {one.thread_id: one for one in prepared.session.points if one.id not in ruled}


def _floor(prepared: Prepared) -> Severity:
    """Return the least severity that is posted; the prompt page can only raise it."""
    wanted = prepared.session.prompt.rules.report or Severity.MINOR
    return min(prepared.session.target.settings.report, wanted, key=lambda one: one.rank)


def _noticed(prepared: Prepared) -> list[Finding]:
    """Return what the rules found where comments are invited, and nobody has said yet."""
    shut, blocks = _closed(prepared.session), prepared.session.snapshot.by_id
    earlier = prepared.session.earlier
    return [
        one
        for one in prepared.found
        if one.block_id not in shut and not is_repeat(one, earlier, blocks[one.block_id])
    ]


def _unseen(session: Session) -> list[LedgerEntry]:
    """Return what of the ledger is closed, and no thread shows, while its words stand.

    What people closed is among it whatever became of its words and its block.
    """
    snapshot, found = session.snapshot, []
    threads = (session.raised.get(thread.id) for thread in snapshot.threads)
    shown = {*(one.finding for one in session.points), *filter(None, threads)}
    for entry in session.ledger:
        finding = entry.finding
        stand = standing_in(finding, snapshot.blocks)
        is_told = entry.state in BY_PEOPLE or (stand and entry.state not in LIVE)
        if is_told and finding not in shown:
            on = stand[0].id if stand else finding.block_id
            found.append(replace(entry, finding=replace(finding, block_id=on)))
    return found


def _checked(context: ReviewContext, prepared: Prepared) -> ToolContext:
    """Return what the tools check the model's proposals against."""
    session, asked, page = prepared.session, prepared.session.prompt, prepared.session.snapshot.page
    said = [page.title, *(text for _, text in page.properties)]  # the page; its comments aside
    said += [block.line for block in session.snapshot.blocks]
    limits = budget.narrowed(context.config.limits, asked.rules)
    return ToolContext(
        handles=prepared.handles,
        ledger=session.ledger,
        # Of the document and the prompt page: addresses in comments do not count, nor those of
        # background pages, since who may edit or read one does not write the prompt.
        allowed_links=links_in("\n".join(filter(may_contain_links, [*said, asked.text]))),
        comments_per_review=limits.comments_per_review,
        comments_per_block=limits.comments_per_block,
        comments_on_blocks=not session.only_threads,
        unchanged_blocks=unchanged_blocks(session.change, session.snapshot.blocks),
        closed_blocks=_closed(session),
        is_anew=session.extent is Extent.WHOLE,
        change=session.change,
        least_severity=_floor(prepared),
        checklist_items=len(asked.rules.checklist),
        points=_own(prepared),
        kept=session.kept,
        page_texts=page_texts(session.snapshot),
        known=(*page_texts(session.snapshot), asked.text),
        lenses=asked.lenses,
        guard=leak_guard(
            context.secrets,
            prompt.instructions(),
            asked.text,
            "\n".join(said),
            background=[text for _, text in asked.knowledge],
            told=_told(session),
        ),
    )


def _told(session: Session) -> list[str]:
    """Return what we said on the page before: our points, and our comments in its threads."""
    own = [
        comment.plain
        for thread in session.snapshot.threads
        for comment in thread.comments
        if comment.author.kind is AuthorKind.OWN
    ]
    return [*(f"{one.title}\n{one.text}" for one in session.earlier), *own]


def _closed(session: Session) -> frozenset[str]:
    if session.extent is Extent.WHOLE:
        return frozenset()
    return closed_blocks(session.change, session.snapshot.blocks)


def _offline(context: ReviewContext, prepared: Prepared, tools: Toolbox) -> None:
    """Let the rules propose through the same tools as a model."""
    session, today = prepared.session, context.today
    # With `checks` they had their say already.
    if isinstance(tools, ReviewTools) and not session.target.settings.checks:
        tools.add_rule_findings(prepared.found)
    for handle, thread in prepared.handles.threads.items():
        if not thread.waiting:
            continue
        raised = session.raised.get(thread.id)
        if words := offline.answer(thread, session.snapshot, today, raised):
            tools.call("reply", {"thread": handle, "text": words})
        else:
            tools.call("leave", {"thread": handle, "reason": "the rules have no answer"})
    tools.call("finish", {})
