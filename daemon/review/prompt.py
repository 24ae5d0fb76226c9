"""The text that the model reads. Pure.

A handle such as `[B3]` begins a line at the first column. All other text from Notion is indented or
follows a label on its line, so no text of a document can pass for a handle or a label.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import cache
from importlib.resources import files

from daemon.domain.change import Change, differing_part
from daemon.domain.findings import BY_PEOPLE, TITLE_WORDS, LedgerEntry
from daemon.domain.notation import counted, first_of
from daemon.domain.phrases import WORDS
from daemon.domain.values import AuthorKind, Comment, Finding, Prompt, Severity, Snapshot, Thread
from daemon.notion.from_markdown import as_typed
from daemon.review.cleaning import beginning, both_ends, person_name, visible
from daemon.review.handles import Handles
from daemon.review.points import MOVED_QUOTE_CHARS, OwnPoint, how_closed, standing_in
from daemon.review.quotes import fold, unmarked_line
from daemon.review.summary import checklist_instructions


INDENT = "  "
# A long thread shows its first and last comments; between them only comments that wait.
FIRST_COMMENTS, WAITING_COMMENTS, LAST_COMMENTS = 3, 12, 12
# Characters shown of one comment, and of one that waits: that is whole, but a window has an end.
COMMENT_CHARS, WAITING_CHARS = 1_000, 40_000
# The most removed blocks that are shown, and characters of each.
REMOVED_LINES, REMOVED_CHARS = 20, 300
RAISED_CHARS = 300
# How many of the points that people closed are named, and where one stands whose block is gone.
NOES_NAMED, GONE = 40, "a block that is gone"
FOUND_LINES = 12  # of findings of the rules, at most
# Bytes of UTF-8. English prose has more, East Asian text and code about as many. It is a low
# estimate, so that a text that was cut to a window fits into it.
BYTES_PER_TOKEN = 3.0

_SEVERAL = (
    "Read the document through each of the lenses below; each comment names the lens that shows "
    "it. What several show is one comment. The limit of comments holds for all together.\n\n"
)
_BLOCK_LINK = re.compile(r"\[((?:\\.|[^\[\]\\])*)\]\(https?://[^()\s]*#[0-9a-f]{8,}\)")
# The headings of the instructions that only some reviews are given.
AT_ONCE, IN_SECTIONS, CHANGED = "At once", "In sections", "What changed"
OWN_POINTS, CLOSED_POINTS = "Your own points", "Closed points"
ANSWERS, EXAMPLES = "Answers to people", "Examples"
_RAISED = "Already raised, do not raise again:"
_NOES = "Already turned down or resolved, do not raise again, whatever became of the words:"
_REPORTED = "Already reported by checks, do not raise again:"
_KEPT = "Kept from the last review, not posted; comment again on what still matters:"
_NOTICED = "Found by checks, raise only what bears on the decision:"


@dataclass(frozen=True, slots=True)
class ReviewInput:
    """The values from which the model's document is written.

    Attributes:
        snapshot: The page with its threads.
        change: The difference from the last review.
        prompt: The prompt page.
        ledger: The earlier findings that no thread shows, with their states.
        notes: Other sentences for the model.
        raised: The findings that began threads, by the threads' ids.
        reported: Findings of the rules that are posted.
        noticed: Findings of the rules that are not posted.
        points: The reviewer's own points that may be ruled on, by the ids of the threads that
            show them.
        kept: Findings of earlier reviews that were not posted for the limit.
        question: What the last review asked; "" for nothing.
        today: The date; None where it does not matter.
        comments: How many are posted at most; 0 where threads alone are answered, else None.
        comments_per_block: How many a block takes, those that are open included.
    """

    snapshot: Snapshot
    change: Change
    prompt: Prompt
    ledger: Sequence[LedgerEntry] = ()
    notes: Sequence[str] = ()
    raised: Mapping[str, Finding] = field(default_factory=dict)
    reported: Sequence[Finding] = ()
    noticed: Sequence[Finding] = ()
    points: Mapping[str, OwnPoint] = field(default_factory=dict)
    kept: Sequence[Finding] = ()
    question: str = ""
    today: date | None = None
    comments: int | None = None
    comments_per_block: int = 0


@dataclass(frozen=True, slots=True)
class Excerpt:
    """The part of a document that is shown.

    Attributes:
        left_out: Ids of the blocks that are not shown.
        longest: The most characters of one block; None for no limit.
        sections: Names, for people, of the sections that are not shown whole.
        note: A note on what is left out, in place of one in each gap.
        pieces: Of the blocks of which a piece is shown: where in their lines it begins and ends.
        threads: Ids of the threads that are shown; None for all that somebody may miss.
    """

    left_out: frozenset[str] = frozenset()
    longest: int | None = None
    sections: tuple[str, ...] = ()
    note: str = ""
    pieces: Mapping[str, tuple[int, int]] = field(default_factory=dict)
    threads: frozenset[str] | None = None


WHOLE = Excerpt()


@cache
def resource(name: str) -> str:
    """Return a text that comes with the program, such as `instructions.md`."""
    return files("daemon.review").joinpath(name).read_text("utf-8").strip()


def instructions(leaving: Collection[str] = ()) -> str:
    """Return the program's own instructions, but for those under some headings."""
    severities = ". ".join(f"{one.value}: {one.test}" for one in Severity)
    text = resource("instructions.md").replace("{severities}", severities)
    told = text.replace("{words}", "`, `".join(WORDS)).split("\n\n")
    return "\n\n".join(one for one in told if one.split("\n")[0] not in leaving)


def built_in_prompt() -> Prompt:
    """Return the RFC prompt that comes with the program."""
    return Prompt("RFC reviewer", resource("rfc.md"), "built in")


def estimated_tokens(text: str) -> int:
    """Return an estimate of a text's tokens, rather too high."""
    return int(len(text.encode(errors="replace")) / BYTES_PER_TOKEN) + 1


def system_text(prompt: Prompt, leaving: Collection[str] = (IN_SECTIONS,)) -> str:
    """Return the system text: the program's instructions, the prompt page, the pages it mentions.

    What never changes comes first, so that providers cache it. The prompt page speaks for the team.
    The pages that it mentions are data, so they are indented.
    """
    several = _SEVERAL if len(prompt.lenses) > 1 else ""
    wanted = f"# What this team asks of you\n\n{several}{visible(prompt.text)}"
    parts = [instructions(leaving), wanted]
    if prompt.rules.sections:
        names = ", ".join(one_line(name) for name in prompt.rules.sections)
        parts.append(
            f"# Sections\n\nA document should have these: {names}. The program itself names those "
            "that are missing; do not comment on that."
        )
    if items := [one_line(item) for item in prompt.rules.checklist]:
        parts.append(f"# Checklist\n\n{checklist_instructions(items)}")
    parts += [
        f"# Background: {one_line(title)}\n\n{INDENT}{indented(text, INDENT)}"
        for title, text in prompt.knowledge
    ]
    return "\n\n".join(parts)


def document_text(task: ReviewInput, handles: Handles, excerpt: Excerpt = WHOLE) -> str:
    """Return the first message: what changes from review to review, then the document.

    That is its title, its properties, its marked blocks, its threads, and remarks.
    """
    return f"{opening_text(task)}\n{body_text(task, handles, excerpt)}"


def opening_text(task: ReviewInput) -> str:
    """Return the beginning of the first message, which no excerpt of the document changes."""
    page = task.snapshot.page
    parts = [f"Today: {task.today}"] * bool(task.today)
    parts += [*_conditions(task), f"Title: {one_line(page.title)}"]
    parts += ["Properties:"] * bool(page.properties)
    parts += [f"{INDENT}{one_line(name)}: {one_line(text)}" for name, text in page.properties]
    return "\n".join(parts)


def body_text(task: ReviewInput, handles: Handles, excerpt: Excerpt) -> str:
    """Return the rest of it: what an excerpt shows."""
    parts = ["Document:", *[f"{INDENT}({excerpt.note})"] * bool(excerpt.note)]
    parts += _blocks(task, handles, excerpt)
    parts += _threads(task, handles, excerpt)
    parts += _remarks(task, handles, excerpt)
    return "\n".join(parts)


def _conditions(task: ReviewInput) -> Iterator[str]:
    if task.comments is None:
        return
    if task.comments:
        most = f"{task.comments}, on one block {task.comments_per_block} with your open ones"
        yield f"Comments posted at most: {most}; put the most important first"
    else:
        yield (
            "Only threads are answered now: reply to what is marked new, or leave it; follow_up "
            "may rule on every point of yours below, waited for or not; finish without a summary"
        )
    yield "Language: that of the document, in a thread that of the person you answer"


def one_line(text: str) -> str:
    """Return a visible text on one line, with single spaces."""
    return " ".join(visible(text).split())


def indented(text: str, margin: str) -> str:
    """Return a visible text with a margin before every line but the first."""
    return visible(text).replace("\n", "\n" + margin)


def clipped(text: str, limit: int) -> str:
    """Return a text cut to a number of characters, with a note if it was cut."""
    cut = len(text) - limit
    return text if cut <= 0 else f"{text[:limit].rstrip()} … ({counted(cut, 'character')} left out)"


def block_lines(task: ReviewInput, handles: Handles, handle: str) -> list[str]:
    """Return one block whole, as the document shows it: with its mark and what it was."""
    return list(_block(handle, handles, task.change, None))


def _blocks(task: ReviewInput, handles: Handles, excerpt: Excerpt) -> Iterator[str]:
    skipped = 0
    for handle, block in handles.blocks.items():
        if block.id in excerpt.left_out:
            skipped += 1
            continue
        if skipped and not excerpt.note:
            yield _gap(skipped)
        skipped = 0
        if block.id in excerpt.pieces:
            begin, end = excerpt.pieces[block.id]
            piece = indented(block.line[begin:end], INDENT * (block.depth + 2))
            yield f"[{handle}] {INDENT * block.depth}{'… ' if begin else ''}{piece}"
        else:
            yield from _block(handle, handles, task.change, excerpt.longest)
    if skipped and not excerpt.note:
        yield _gap(skipped)


def _gap(blocks: int) -> str:
    return f"{INDENT}({counted(blocks, 'block')} left out here)"


def _block(handle: str, handles: Handles, change: Change, longest: int | None) -> Iterator[str]:
    block = handles.blocks[handle]
    margin, mark = INDENT * block.depth, change.mark(block.id)
    old, line = change.changed.get(block.id), block.line
    if longest is not None and len(line) > longest:
        line = clipped(line if old is None else differing_part(line, old), longest)
    # Indented deeper than our own labels.
    text = margin + indented(line, margin + INDENT * 2)
    yield f"[{handle}{mark and ' '}{mark}] {text}"
    if old is not None:
        part = differing_part(old, block.line)
        was = indented(part if longest is None else clipped(part, longest), INDENT * 3)
        yield f"{INDENT}was: {was or '(empty)'}"
    if block.id in change.moved:
        stood = one_line(change.where_stood(block.id, handles.of_block, handles.brief))
        yield f"{INDENT}moved: {stood or 'along with the block above'}"


def _threads(task: ReviewInput, handles: Handles, excerpt: Excerpt) -> list[str]:
    names, lines, hidden = handles.of_block, [], 0
    there = {block.id for block in task.snapshot.blocks}
    for handle, thread in handles.threads.items():
        own = task.points.get(thread.id)
        is_open = own is not None and not own.closed
        if excerpt.threads is not None and thread.id not in excerpt.threads:
            continue
        if thread.block_id in excerpt.left_out and not thread.waiting and not is_open:
            hidden += 1
            continue
        on = "the page" if thread.block_id is None else names.get(thread.block_id)
        if on is None and thread.block_id in there:
            on = "a block without text"
        elif on is None:
            stand = standing_in(own.finding, task.snapshot.blocks) if own else []
            where = ", ".join(names[block.id] for block in stand if block.id in names)
            on = f"words that stand in {where} now" if where else GONE
        lines.append(f"[{handle} on {on}]")
        if own:
            stands = own.stands(names, excerpt.left_out)
            lines.append(f"{INDENT}begun by your {_point(own.finding)}{stands}")
        elif raised := task.raised.get(thread.id):
            lines.append(f"{INDENT}begun by your {_point(raised)} (closed)")
        lines += _comments(thread)
    if hidden:
        lines.append(f"{INDENT}({counted(hidden, 'thread')} on blocks that are left out)")
    return ["Threads:", *lines] if lines else []


def _point(raised: Finding) -> str:
    title = one_line(raised.title) or "without a title"
    cut = f" (so cut: a title has at most {TITLE_WORDS} words)" if title.endswith("…") else ""
    return f"{raised.severity.value} point “{title}”{cut}, about: {_about(raised)}"


def _about(raised: Finding) -> str:
    return beginning(one_line(raised.quote), RAISED_CHARS)


def _comments(thread: Thread) -> list[str]:
    comments = thread.comments
    end = max(len(comments) - LAST_COMMENTS, FIRST_COMMENTS)
    first, middle, last = comments[:FIRST_COMMENTS], comments[FIRST_COMMENTS:end], comments[end:]
    waiting = [comment for comment in middle if comment.new][-WAITING_COMMENTS:]
    hidden = len(middle) - len(waiting)
    gap = [f"{INDENT}({counted(hidden, 'comment')} left out)"] if hidden else []
    return [*map(_comment, first), *gap, *map(_comment, (*waiting, *last))]


def _comment(comment: Comment) -> str:
    you = " (you)" if comment.author.kind is AuthorKind.OWN else ""
    mark = ", new" if comment.new else ""
    # A summary links each title to a long address.
    words = as_typed(_BLOCK_LINK.sub(r"\1", comment.text)) if you else comment.text
    text = both_ends(words, WAITING_CHARS if comment.new or you else COMMENT_CHARS)
    at = f"{comment.created:%Y-%m-%d %H:%M}"
    if not you and comment.edited > comment.created:
        at += f", edited {comment.edited:%Y-%m-%d %H:%M}"
    name = person_name(comment.author.name)
    return f"{INDENT}{name}{you}, {at}{mark}: {indented(text, INDENT * 2)}"


def _remarks(task: ReviewInput, handles: Handles, excerpt: Excerpt) -> Iterator[str]:
    if task.change.fields:
        yield f"Changed besides blocks: {one_line(', '.join(task.change.fields))}"
    # What stands elsewhere now, also within one block or in two, only moved.
    blocks = task.snapshot.blocks if task.change.removed else ()
    here = " ".join(fold(block.plain).text for block in blocks)
    plain = {line: fold(unmarked_line(line)).text for line in task.change.removed}
    removed = [
        line for line, words in plain.items() if len(words) < MOVED_QUOTE_CHARS or words not in here
    ]
    if removed:
        where = "; an unmarked block takes a comment where that makes it wrong"
        yield f"Removed since the last review{where if task.comments else ''}:"
    for line in removed[:REMOVED_LINES]:
        yield f"{INDENT}- {clipped(one_line(line), REMOVED_CHARS)}"
    if len(removed) > REMOVED_LINES:
        yield f"{INDENT}({counted(len(removed) - REMOVED_LINES, 'more removed block')})"
    if not task.snapshot.comments_readable:
        yield "Comments: Notion does not let this reviewer read them; there may be some."
    yield from _ledger(task, handles, excerpt)
    yield from _left_from_last_time(task, handles)
    names, hidden = handles.of_block, excerpt.left_out
    for label, found in ((_REPORTED, task.reported), (_NOTICED, task.noticed)):
        known = [one for one in found if one.block_id in names and one.block_id not in hidden]
        if known:
            yield label
        for one in known[:FOUND_LINES]:
            yield f"{INDENT}{names[one.block_id]}: {beginning(one_line(one.text), RAISED_CHARS)}"
    for note in task.notes:
        yield f"Note: {one_line(note)}"


def _left_from_last_time(task: ReviewInput, handles: Handles) -> Iterator[str]:
    kept = [one for one in task.kept if one.block_id in handles.of_block]
    if kept:
        yield _KEPT
    for one in kept:
        yield f"{INDENT}{handles.of_block[one.block_id]}: your {_point(one)}"
    if task.question:
        yield f"Your question at the last review: {one_line(task.question)}"


def _ledger(task: ReviewInput, handles: Handles, excerpt: Excerpt) -> Iterator[str]:
    """Yield the earlier findings on what is shown; where all is, also those whose block is gone."""
    names, left_out = handles.of_block, excerpt.left_out
    there = names.keys() - left_out
    known = [one for one in task.ledger if one.finding.block_id in there]
    gone = [one for one in task.ledger if not left_out and one.finding.block_id not in names]
    raised = [_named(one, handles) for one in known if one.state not in BY_PEOPLE]
    noes = [
        f"{_named(one, handles)}: {beginning(one_line(one.finding.text), RAISED_CHARS)}"
        for one in (*reversed(known), *reversed(gone))
        if one.state in BY_PEOPLE
    ]
    shown, more = first_of(noes, NOES_NAMED)
    for label, lines in ((_RAISED, raised), (_NOES, [*shown, *[f"({more} more)"] * bool(more)])):
        yield from [label] * bool(lines)
        yield from (f"{INDENT}{line}" for line in lines)


def _named(one: LedgerEntry, handles: Handles) -> str:
    name, how = handles.of_block.get(one.finding.block_id, GONE), how_closed(one.state, one.why)
    became = f"{one.state.value}: {how}" if how else one.state.value
    title = f"“{one_line(one.finding.title)}”, about: " if one.finding.title else ""
    return f"{name} ({became}): {title}{_about(one.finding)}"
