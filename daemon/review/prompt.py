"""What the model reads: pure functions from values to text.

A handle such as `[B3]` opens a line at the first column; everything else that comes out of Notion
is indented or follows a label on its line, so no text can pass for a handle or a label.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from importlib.resources import files

from daemon.domain.change import Change
from daemon.domain.values import AuthorKind, Block, Comment, Finding, Prompt, Snapshot, Thread
from daemon.domain.findings import Entry
from daemon.domain.english import counted
from daemon.review.shortening import beginning, differing
from daemon.review.addresses import told_once
from daemon.review.requirements import asked
from daemon.review.handles import Handles
from daemon.review.visible import visible
from daemon.review.quotes import stands
from daemon.domain.ruleset import Rules


INDENT = "  "
# A long thread shows how it began and how it stands now; between them only who waits.
FIRST_COMMENTS, WAITING_COMMENTS, LAST_COMMENTS = 3, 12, 12
# Characters of one comment: who waits is read longer.
COMMENT_CHARS, WAITING_CHARS = 1_000, 4_000
# What is gone is told in outline.
REMOVED_LINES, REMOVED_CHARS = 20, 300
RAISED_CHARS = 120
# What the rules found is told in so many lines.
FOUND_LINES = 12
NAME_CHARS = 60
# Of UTF-8. English prose has more; East Asian text and code come near it. Low, so that what is cut
# to a window fits.
BYTES_PER_TOKEN = 3.0

_REPORTED = "Already reported by checks, do not raise again:"
_NOTICED = "Found by checks, raise only what bears on the decision:"
_PUNCTUATION = re.compile(r"[()\[\]<>:,]+")


@dataclass(frozen=True, slots=True)
class Task:
    """All that one review is about.

    Attributes:
        snapshot: The page with its threads.
        change: What differs from the last review.
        prompt: The instructions.
        settled: The part of the page's ledger that the threads do not show.
        notes: What else is to be known.
        raised: The findings that began threads, by the threads' ids.
        reported: What the rules found, and is posted.
        noticed: What the rules found, and is not.
    """

    snapshot: Snapshot
    change: Change
    prompt: Prompt
    settled: Sequence[Entry] = ()
    notes: Sequence[str] = ()
    raised: Mapping[str, Finding] = field(default_factory=dict)
    reported: Sequence[Finding] = ()
    noticed: Sequence[Finding] = ()


@dataclass(frozen=True, slots=True)
class Excerpt:
    """What of a document is shown.

    Attributes:
        left_out: Ids of the blocks that are not shown.
        longest: Characters that are shown of one block; None for all.
        sections: What is not shown whole, in words for people.
        beside: Ids of blocks that are there for what stands near them: shown by their beginning.
        note: What is left out, told once in place of in each gap.
    """

    left_out: frozenset[str] = frozenset()
    longest: int | None = None
    sections: tuple[str, ...] = ()
    beside: frozenset[str] = frozenset()
    note: str = ""


WHOLE = Excerpt()


@cache
def _resource(name: str) -> str:
    return files("daemon.review").joinpath(name).read_text("utf-8").strip()


def instructions() -> str:
    """Return what the program itself tells every model."""
    return _resource("instructions.md")


def built_in() -> Prompt:
    """Return the RFC prompt that comes with the program."""
    return Prompt("RFC reviewer", _resource("rfc.md"), "built in")


def tokens(text: str) -> int:
    """Return about how many tokens a text takes, rather too many."""
    return int(len(text.encode(errors="replace")) / BYTES_PER_TOKEN) + 1


def system(prompt: Prompt) -> str:
    """Return the instructions: what never changes first, then the prompt page, then its reading.

    The prompt page speaks for the team. The pages that it mentions are data, so they are indented.
    """
    wanted = f"# What this team asks of you\n\n{visible(prompt.text)}"
    parts = [instructions(), wanted, *_rules(prompt.rules)]
    parts += [
        f"# Background: {one_line(title)}\n\n{INDENT}{indented(text, INDENT)}"
        for title, text in prompt.knowledge
    ]
    return "\n\n".join(parts)


def _rules(rules: Rules) -> Iterator[str]:
    if rules.sections:
        names = ", ".join(one_line(name) for name in rules.sections)
        yield (
            f"# Sections\n\nA document should have these: {names}. The program itself names those "
            "that are missing; do not comment on that."
        )
    if rules.checklist:
        yield f"# Checklist\n\n{asked([one_line(item) for item in rules.checklist])}"


def document(task: Task, handles: Handles, excerpt: Excerpt = WHOLE) -> str:
    """Return the document with its marks, then the threads, then what is known besides."""
    page = task.snapshot.page
    parts = [f"Title: {one_line(page.title)}"]
    if page.properties:
        parts.append("Properties:")
        parts += [f"{INDENT}{one_line(name)}: {one_line(text)}" for name, text in page.properties]
    parts.append("Document:")
    parts += [f"{INDENT}({excerpt.note})"] if excerpt.note else []
    parts += _blocks(task, handles, excerpt)
    parts += _threads(task, handles, excerpt)
    parts += _remarks(task, handles, excerpt)
    return "\n".join(parts)


def one_line(text: str) -> str:
    """Fold every kind of line break into a space."""
    return " ".join(visible(text).split())


def indented(text: str, margin: str) -> str:
    """Put a margin before every line but the first, whatever breaks the lines."""
    return visible(text).replace("\n", "\n" + margin)


def clipped(text: str, limit: int) -> str:
    """Cut a text to a number of characters, and say so."""
    cut = len(text) - limit
    return text if cut <= 0 else f"{text[:limit].rstrip()} … ({cut} characters left out)"


def _blocks(task: Task, handles: Handles, excerpt: Excerpt) -> Iterator[str]:
    skipped, told = 0, set[str]()
    for handle, block in handles.blocks.items():
        if block.id in excerpt.left_out:
            skipped += 1
            continue
        if skipped and not excerpt.note:
            yield _gap(skipped)
        skipped = 0
        line = _line(block, task.change, told)
        line = beginning(line) if block.id in excerpt.beside else line
        shown = block if line == block.line else replace(block, line=line)
        yield from _block(handle, shown, task.change, excerpt.longest)
    if skipped and not excerpt.note:
        yield _gap(skipped)


def _line(block: Block, change: Change, told: set[str]) -> str:
    """Return a block's line; of what changed every letter is shown."""
    if block.type == "code":
        return block.line
    line = told_once(block.line, told)
    return block.line if block.id in change.changed else line


def _gap(blocks: int) -> str:
    return f"{INDENT}({blocks} blocks left out here)"


def _block(handle: str, block: Block, change: Change, longest: int | None) -> Iterator[str]:
    margin = INDENT * block.depth
    line = block.line if longest is None else clipped(block.line, longest)
    # Deeper than "was:", which only a label of ours may open.
    text = margin + indented(line, margin + INDENT * 2)
    if block.id in change.new:
        yield f"[{handle} new] {text}"
    elif block.id in change.changed:
        old = change.changed[block.id]
        part = differing(old, block.line)
        was = indented(part if longest is None else clipped(part, longest), INDENT * 3)
        yield f"[{handle} changed] {text}"
        yield f"{INDENT}was: {was or '(empty)'}"
    else:
        yield f"[{handle}] {text}"


def _threads(task: Task, handles: Handles, excerpt: Excerpt) -> list[str]:
    names, lines, hidden = handles.of_block, [], 0
    for handle, thread in handles.threads.items():
        if thread.block_id in excerpt.left_out and not thread.waiting:
            hidden += 1
            continue
        on = "the page" if thread.block_id is None else names.get(thread.block_id)
        lines.append(f"[{handle} on {on or 'a block without text'}]")
        if raised := task.raised.get(thread.id):
            lines.append(
                f"{INDENT}begun by your {raised.severity.value} finding about: {_about(raised)}"
            )
        lines += _comments(thread)
    if hidden:
        lines.append(f"{INDENT}({counted(hidden, 'thread')} on blocks that are left out)")
    return ["Threads:", *lines] if lines else []


def _about(raised: Finding) -> str:
    return clipped(one_line(raised.quote), RAISED_CHARS)


def _comments(thread: Thread) -> list[str]:
    first, middle, last = _parts(thread.comments)
    waiting = [comment for comment in middle if comment.new][-WAITING_COMMENTS:]
    hidden = len(middle) - len(waiting)
    gap = [f"{INDENT}({hidden} comments left out)"] if hidden else []
    return [*map(_comment, first), *gap, *map(_comment, (*waiting, *last))]


def _parts(
    comments: Sequence[Comment],
) -> tuple[Sequence[Comment], Sequence[Comment], Sequence[Comment]]:
    end = max(len(comments) - LAST_COMMENTS, FIRST_COMMENTS)
    return comments[:FIRST_COMMENTS], comments[FIRST_COMMENTS:end], comments[end:]


def _comment(comment: Comment) -> str:
    you = " (you)" if comment.author.kind is AuthorKind.OWN else ""
    mark = ", new" if comment.new else ""
    text = clipped(comment.text, WAITING_CHARS if comment.new else COMMENT_CHARS)
    at = f"{comment.created:%Y-%m-%d %H:%M}"
    return f"{INDENT}{_name(comment.author.name)}{you}, {at}{mark}: {indented(text, INDENT * 2)}"


def _name(name: str) -> str:
    """Write a name so that it cannot pass for a mark, such as "(you)" or ", new"."""
    plain = _PUNCTUATION.sub(" ", unicodedata.normalize("NFKC", one_line(name)))
    return one_line(plain)[:NAME_CHARS].rstrip() or "Someone"


def _remarks(task: Task, handles: Handles, excerpt: Excerpt) -> Iterator[str]:
    if task.change.fields:
        yield f"Changed besides blocks: {one_line(', '.join(task.change.fields))}"
    yield from _removed(task.change.removed)
    if not task.snapshot.comments_readable:
        yield "Comments: Notion does not let this reviewer read them; there may be some."
    yield from _ledger(task, handles, excerpt)
    names, hidden = handles.of_block, excerpt.left_out
    for label, found in ((_REPORTED, task.reported), (_NOTICED, task.noticed)):
        known = [one for one in found if one.block_id in names and one.block_id not in hidden]
        if known:
            yield label
        for one in known[:FOUND_LINES]:
            yield f"{INDENT}{names[one.block_id]}: {clipped(one_line(one.text), RAISED_CHARS)}"
    for note in task.notes:
        yield f"Note: {one_line(note)}"


def _ledger(task: Task, handles: Handles, excerpt: Excerpt) -> Iterator[str]:
    """Tell what was raised before: first what stands, then what was said of an earlier text."""
    shown = [one for one in task.settled if one.finding.block_id not in excerpt.left_out]
    known = [one for one in shown if one.finding.block_id in handles.of_block]
    standing = [one for one in known if _stands(one.finding, task)]
    if standing:
        yield "Already raised, do not raise again:"
    for one in standing:
        yield f"{INDENT}{_named(one, handles)}"
    earlier = [one for one in known if one not in standing]
    if earlier:
        yield "Raised on the earlier text, raise again only what still holds:"
    for one in earlier:
        yield f"{INDENT}{_named(one, handles)}: {clipped(one_line(one.finding.text), RAISED_CHARS)}"


def _stands(finding: Finding, task: Task) -> bool:
    block = task.snapshot.by_id.get(finding.block_id)
    return block is not None and stands(finding.quote, block.plain)


def _named(one: Entry, handles: Handles) -> str:
    name = handles.of_block[one.finding.block_id]
    return f"{name} ({one.state.value}): {_about(one.finding)}"


def _removed(lines: Sequence[str]) -> Iterator[str]:
    if lines:
        yield "Removed since the last review:"
    for line in lines[:REMOVED_LINES]:
        yield f"{INDENT}- {clipped(one_line(line), REMOVED_CHARS)}"
    if len(lines) > REMOVED_LINES:
        yield f"{INDENT}({len(lines) - REMOVED_LINES} more removed blocks)"
