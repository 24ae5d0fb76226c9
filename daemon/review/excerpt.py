"""Choosing the part of a document that the model is shown."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace

from daemon.domain.values import Block
from daemon.review.handles import Handles
from daemon.review.prompt import (
    WHOLE,
    Excerpt,
    ReviewInput,
    block_lines,
    document_text,
    estimated_tokens,
    one_line,
)
from daemon.review.tool_specs import ToolRefusal


# Blocks shown on each side of a block with a waiting thread, and of one that changed.
NEIGHBOURS, BESIDE = 3, 1
# The changes are shown alone if they take less than this share of the document.
CHANGED_SHARE = 0.4
# If sections must be left out, no block may take more than about half of the window: this many
# characters for each token of the window, and at least LEAST_CHARS.
BLOCK_SHARE, LEAST_CHARS = 1.5, 200
NAME_CHARS = 60

# Each heading with the blocks below it; None stands for the beginning, before any heading.
_Sections = Sequence[tuple[Block | None, Sequence[Block]]]


def excerpt_for_threads(task: ReviewInput, handles: Handles) -> Excerpt:
    """Return what is shown of a long document if only threads are to be answered.

    That is every heading, and each block with a waiting thread and its neighbours. If a thread on
    the page itself waits, the whole document is shown.
    """
    blocks = list(handles.blocks.values())
    where = _waited_on(task)
    if None in where:
        return WHOLE  # a question about the page may be about any of it
    return _outline_and(_beside(blocks, where, NEIGHBOURS), blocks)


def excerpt_for_changes(task: ReviewInput, handles: Handles) -> Excerpt:
    """Return what is shown of a long document that was reviewed before.

    If little of it changed, that is: the top headings; all headings of sections with a
    change; new and changed blocks with the beginning of their neighbours; blocks with waiting
    threads and their neighbours. Otherwise the whole document is shown.
    """
    blocks = list(handles.blocks.values())
    anew, where = {*task.change.new, *task.change.changed}, _waited_on(task)
    if task.change.first or not anew or None in where:
        return WHOLE
    beside = _beside(blocks, anew, BESIDE) - anew
    asked = _beside(blocks, where, NEIGHBOURS)
    found = replace(
        _outline_and(anew | beside | asked, blocks, _far(blocks, anew)),
        beside=frozenset(beside - asked),
        note="what did not change is left out, or cut short with …",
    )
    size, whole = (len(document_text(task, handles, shown)) for shown in (found, WHOLE))
    return found if size < CHANGED_SHARE * whole else WHOLE


def _beside(blocks: Sequence[Block], where: Collection[str | None], reach: int) -> set[str]:
    """Return the ids of the blocks in `where`, and of up to `reach` blocks on each side."""
    return {
        blocks[beside].id
        for index, block in enumerate(blocks)
        if block.id in where
        for beside in range(max(index - reach, 0), min(index + reach + 1, len(blocks)))
    }


def _outline_and(
    near: Collection[str], blocks: Sequence[Block], far: Collection[str] = ()
) -> Excerpt:
    shown = {block.id for block in blocks if block.is_heading} - set(far) | set(near)
    return Excerpt(frozenset(block.id for block in blocks if block.id not in shown))


def _far(blocks: Sequence[Block], anew: Collection[str]) -> set[str]:
    """Return the ids of the lower headings in top sections without a new or changed block."""
    top = min((block.type for block in blocks if block.is_heading), default="")
    sections: list[list[Block]] = [[]]
    for block in blocks:
        if block.type == top:
            sections.append([])
        sections[-1].append(block)
    quiet = [section for section in sections if not any(one.id in anew for one in section)]
    return {one.id for section in quiet for one in section if one.is_heading and one.type != top}


def fit_to_window(
    task: ReviewInput, handles: Handles, room_tokens: int, shown: Excerpt = WHOLE
) -> Excerpt | None:
    """Return the largest excerpt that fits into a number of tokens, leaving out sections.

    Whole sections are left out, from the end; their headings stay as the outline. New and changed
    blocks and those with waiting threads are left out last. A very long block is cut at its end.

    Args:
        task: The review.
        handles: The handles of its snapshot.
        room_tokens: Tokens for the document.
        shown: The excerpt to begin with.

    Returns:
        The excerpt; None if it would show nothing but headings.
    """

    def fits(excerpt: Excerpt) -> bool:
        return estimated_tokens(document_text(task, handles, excerpt)) <= room_tokens

    if fits(shown):
        return shown
    sections = _sections(handles.blocks)
    order = list(_order(task, sections))
    cut = replace(shown, longest=max(int(room_tokens * BLOCK_SHARE), LEAST_CHARS))

    def without(steps: int) -> Excerpt:
        return replace(cut, left_out=cut.left_out.union(*order[:steps]))

    steps = bisect_left(range(len(order) + 1), 1, key=lambda steps: fits(without(steps)))
    found = without(steps)
    bodies = {block.id for _, body in sections for block in body} - shown.left_out
    if steps > len(order) or (bodies and bodies <= found.left_out):
        return None
    return replace(found, sections=missing_sections(handles, found))


def _waited_on(task: ReviewInput) -> set[str | None]:
    return {thread.block_id for thread in task.snapshot.threads if thread.waiting}


def _sections(blocks: Mapping[str, Block]) -> _Sections:
    sections: list[tuple[Block | None, list[Block]]] = [(None, [])]
    for block in blocks.values():
        if block.is_heading:
            sections.append((block, []))
        else:
            sections[-1][1].append(block)
    return [section for section in sections if section[0] or section[1]]


def _order(task: ReviewInput, sections: _Sections) -> Iterator[set[str]]:
    """Yield the ids of the blocks to leave out at each step."""
    anew = {*task.change.new, *task.change.changed}
    waited_on = _waited_on(task)
    first = next((body for _, body in sections if body), ())
    for _, body in reversed(sections):
        out = [block.id for block in body if block.id not in anew | waited_on]
        # Sections are left out whole, except the first: something must remain to be read.
        yield from ({key} for key in reversed(out)) if body is first else [{*out}]
    bodies = [block.id for _, body in sections for block in body]
    yield from ({key} for key in reversed(bodies) if key in anew - waited_on)
    yield from ({key} for key in reversed(bodies) if key in waited_on)
    yield from ({heading.id} for heading, _ in reversed(sections) if heading)


def missing_sections(
    handles: Handles, excerpt: Excerpt, read: Collection[str] = ()
) -> tuple[str, ...]:
    """Return the names of the sections that an excerpt does not show whole, in order.

    Args:
        handles: The handles of the document.
        excerpt: What is shown.
        read: Ids of blocks that were read besides.
    """
    sections = _sections(handles.blocks)
    opening = "the beginning" if len(sections) > 1 else "the document"
    names = []
    for heading, body in sections:
        blocks = [heading, *body] if heading else body
        absent = [one for one in blocks if one.id not in read]
        out = [one for one in absent if one.id in excerpt.left_out]
        cut = [one for one in absent if len(one.line) > (excerpt.longest or len(one.line))]
        name = one_line(heading.plain)[:NAME_CHARS] if heading else opening
        if body and all(block in out for block in body):
            names.append(name)
        elif out or cut:
            names.append(f"part of {name}")
    return tuple(names)


class Reader:
    """Reads the blocks of one document aloud, and knows which of them were read.

    Args:
        task: The review.
        handles: The handles of its snapshot.
        shown: What the model was shown.
        room: Tokens for all that is read.
    """

    def __init__(self, task: ReviewInput, handles: Handles, shown: Excerpt, room: int) -> None:
        self._task = task
        self._handles = handles
        self._shown = shown
        self._room = room
        self._read: set[str] = set()

    @property
    def unread(self) -> tuple[str, ...]:
        """The names of the sections that were neither shown nor read whole."""
        return (
            missing_sections(self._handles, self._shown, self._read) if self._shown.sections else ()
        )

    def read(self, first: str, last: str) -> str:
        """Return the blocks from one handle to another, as many as there is room for.

        Raises:
            ToolRefusal: There is no such block, or no more room.
        """
        names = list(self._handles.blocks)
        begin, end = sorted((names.index(self._named(first)), names.index(self._named(last))))
        lines: list[str] = []
        for at in range(begin, end + 1):
            block = block_lines(self._task, self._handles, names[at])
            cost = estimated_tokens("\n".join(block))
            if cost > self._room and not lines:
                raise ToolRefusal(
                    f"there is no room to read {names[at]}; judge by what you have read"
                )
            if cost > self._room:
                return "\n".join([*lines, f"(no room for {names[at]} and what follows)"])
            self._room -= cost
            lines += block
            self._read.add(self._handles.blocks[names[at]].id)
        return "\n".join(lines)

    def _named(self, text: str) -> str:
        found = self._handles.parse(text, "B")
        if len(found) != 1 or found[0] not in self._handles.blocks:
            last = len(self._handles.blocks)
            raise ToolRefusal(f"read takes one handle each, from B1 to B{last}")
        return found[0]
