"""What the model reads: pure functions from values to text.

A handle such as `[B3]` opens a line at the first column; everything else that comes out of Notion
is indented or follows a label on its line, so no text can pass for a handle.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from daemon.domain import AuthorKind, Block, Change, Comment, Finding, Prompt, Snapshot, Thread
from daemon.review.rules import visible


INDENT = "  "
# A long thread shows how it began and how it stands now.
FIRST_COMMENTS, LAST_COMMENTS = 3, 12
# Mixed prose and code; low, so that what is cut to a window fits.
CHARS_PER_TOKEN = 3.0
# Blocks shown on each side of a block whose thread is answered.
NEIGHBOURS = 3


@dataclass(frozen=True, slots=True)
class Handles:
    """The short names of one snapshot's blocks and threads."""

    blocks: Mapping[str, Block]
    threads: Mapping[str, Thread]

    @classmethod
    def of(cls, snapshot: Snapshot) -> Handles:
        """Number the blocks that say something, and the threads."""
        speaking = [block for block in snapshot.blocks if block.line]
        return cls(
            {f"B{number}": block for number, block in enumerate(speaking, 1)},
            {f"T{number}": thread for number, thread in enumerate(snapshot.threads, 1)},
        )

    @property
    def of_block(self) -> dict[str, str]:
        """Block id to handle."""
        return {block.id: handle for handle, block in self.blocks.items()}


@dataclass(frozen=True, slots=True)
class Task:
    """All that one review is about."""

    snapshot: Snapshot
    change: Change
    prompt: Prompt
    settled: Sequence[Finding] = ()
    notes: Sequence[str] = ()


@cache
def _resource(name: str) -> str:
    return files("daemon.review").joinpath(name).read_text("utf-8").strip()


def built_in() -> Prompt:
    """Return the RFC prompt that comes with the program."""
    return Prompt("RFC reviewer", _resource("rfc.md"), "built in")


def system(prompt: Prompt) -> str:
    """Return the instructions: what never changes first, then the prompt page, then its reading."""
    parts = [_resource("instructions.md"), f"# What this team asks of you\n\n{prompt.text}"]
    parts += [
        f"# Background: {one_line(title)}\n\n{visible(text)}" for title, text in prompt.knowledge
    ]
    return "\n\n".join(parts)


def document(task: Task, handles: Handles, left_out: frozenset[str] = frozenset()) -> str:
    """Return the document with its marks, then the threads, then what is known besides.

    Args:
        task: The review.
        handles: The names of its blocks and threads.
        left_out: Ids of blocks that do not fit and are not shown.
    """
    page = task.snapshot.page
    parts = [f"Title: {one_line(page.title)}"]
    if page.properties:
        parts.append("Properties:")
        parts += [f"{INDENT}{one_line(name)}: {one_line(text)}" for name, text in page.properties]
    parts.append("Document:")
    parts += _blocks(task, handles, left_out)
    parts += _threads(handles)
    parts += _remarks(task, handles)
    return "\n".join(parts)


def one_line(text: str) -> str:
    """Fold every kind of line break into a space."""
    return " ".join(visible(text).split())


def indented(text: str, margin: str) -> str:
    """Put a margin before every line but the first, whatever breaks the lines."""
    first, *rest = visible(text).splitlines() or [""]
    return "\n".join([first, *(margin + line for line in rest)])


def _blocks(task: Task, handles: Handles, left_out: frozenset[str]) -> list[str]:
    lines: list[str] = []
    skipped = 0
    for handle, block in handles.blocks.items():
        if block.id in left_out:
            skipped += 1
            continue
        if skipped:
            lines.append(_gap(skipped))
            skipped = 0
        lines += _block(handle, block, task.change)
    return [*lines, _gap(skipped)] if skipped else lines


def _gap(blocks: int) -> str:
    return f"{INDENT}({blocks} blocks left out here)"


def _block(handle: str, block: Block, change: Change) -> list[str]:
    margin = INDENT * block.depth
    text = margin + indented(block.line, margin + INDENT)
    if block.id in change.new:
        return [f"[{handle} new] {text}"]
    if block.id in change.changed:
        was = indented(change.changed[block.id], INDENT * 3) or "(empty)"
        return [f"[{handle} changed] {text}", f"{INDENT}was: {was}"]
    return [f"[{handle}] {text}"]


def _threads(handles: Handles) -> list[str]:
    names = handles.of_block
    lines: list[str] = []
    for handle, thread in handles.threads.items():
        if thread.block_id is None:
            lines.append(f"[{handle} on the page]")
        else:
            lines.append(f"[{handle} on {names.get(thread.block_id, 'a block without text')}]")
        lines += _comments(thread.comments)
    return ["Threads:", *lines] if lines else []


def _comments(comments: Sequence[Comment]) -> list[str]:
    shown = [_comment(comment) for comment in comments]
    hidden = len(comments) - FIRST_COMMENTS - LAST_COMMENTS
    if hidden <= 0:
        return shown
    kept = [
        shown[index]
        for index in range(FIRST_COMMENTS, FIRST_COMMENTS + hidden)
        if comments[index].new
    ]
    gap = f"{INDENT}({hidden - len(kept)} comments left out)"
    return [*shown[:FIRST_COMMENTS], gap, *kept, *shown[-LAST_COMMENTS:]]


def _comment(comment: Comment) -> str:
    who = one_line(comment.author.name)
    you = " (you)" if comment.author.kind is AuthorKind.OWN else ""
    mark = ", new" if comment.new else ""
    at = f"{comment.created:%Y-%m-%d %H:%M}"
    return f"{INDENT}{who}{you}, {at}{mark}: {indented(comment.text, INDENT * 2)}"


def _remarks(task: Task, handles: Handles) -> list[str]:
    lines: list[str] = []
    if task.change.fields:
        lines.append(f"Changed besides blocks: {one_line(', '.join(task.change.fields))}")
    if task.change.removed:
        lines.append("Removed since the last review:")
        lines += [f"{INDENT}{indented(line, INDENT * 2)}" for line in task.change.removed]
    if not task.snapshot.comments_readable:
        lines.append("Comments: Notion does not let this reviewer read them; there may be some.")
    names = handles.of_block
    raised = [finding for finding in task.settled if finding.block_id in names]
    if raised:
        lines.append("Already raised, do not raise again:")
        lines += [f"{INDENT}{names[f.block_id]}: {one_line(f.quote)}" for f in raised]
    return [*lines, *(f"Note: {one_line(note)}" for note in task.notes)]


def fitting(
    task: Task, handles: Handles, room_tokens: int
) -> tuple[frozenset[str], tuple[str, ...]]:
    """Choose what to leave out so that the document fits, whole sections from the end.

    Headings stay, as the outline; changed and new blocks and those with threads stay longest.

    Returns:
        The ids of the blocks to leave out, and the names of their sections.
    """
    room = int(room_tokens * CHARS_PER_TOKEN)
    surplus = len(document(task, handles)) - room
    if surplus <= 0:
        return frozenset(), ()
    out: set[str] = set()
    sections: list[str] = []
    for number, (title, blocks) in reversed(list(enumerate(_sections(handles)))):
        drop = [block for block in reversed(blocks) if not _must_stay(block, task)]
        for block in drop:
            if surplus <= 0 and (number == 0 or title not in sections):
                break  # a section is left out whole, except the first: something must be read
            surplus -= len(block.line) + len("[B000] \n")
            out.add(block.id)
            sections += [title] if title not in sections else []
    return frozenset(out), tuple(reversed(sections))


def _sections(handles: Handles) -> list[tuple[str, list[Block]]]:
    sections: list[tuple[str, list[Block]]] = [("the beginning", [])]
    for block in handles.blocks.values():
        if block.type.startswith("heading_"):
            sections.append((one_line(block.plain)[:60], []))
        else:
            sections[-1][1].append(block)
    return sections


def _must_stay(block: Block, task: Task) -> bool:
    threaded = {thread.block_id for thread in task.snapshot.threads if thread.waiting}
    return block.id in task.change.new or block.id in task.change.changed or block.id in threaded


def around_threads(task: Task, handles: Handles) -> frozenset[str]:
    """Choose what to leave out where only threads are answered.

    What stays: the outline, and each waiting thread's block with the blocks beside it.
    """
    blocks = list(handles.blocks.values())
    where = {thread.block_id for thread in task.snapshot.threads if thread.waiting}
    if None in where:
        return frozenset()  # a question about the page may be about any of it
    near = {
        blocks[beside].id
        for index, block in enumerate(blocks)
        if block.id in where
        for beside in range(max(index - NEIGHBOURS, 0), min(index + NEIGHBOURS + 1, len(blocks)))
    }
    return frozenset(
        block.id
        for block in blocks
        if block.id not in near and not block.type.startswith("heading_")
    )
