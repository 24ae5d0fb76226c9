"""Which part of a document is shown: where a window is small, or only threads are answered."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace

from daemon.domain.values import Block
from daemon.review.handles import Handles
from daemon.review.prompt import WHOLE, Excerpt, Task, document, one_line, tokens


# Blocks shown on each side of a block whose thread is answered, and of one that changed.
NEIGHBOURS, BESIDE = 3, 1
# What changed is shown by itself where that takes less than this part of a long document. Of one
# with fewer characters, all is shown: it costs less than the instructions do.
SMALL, LONG = 0.4, 4_000
# Where sections must go, no block may take more than about half of the window: characters for
# each token of it, and at least so many.
BLOCK_SHARE, LEAST_CHARS = 1.5, 200
NAME_CHARS = 60

# Headings with the blocks below them; blocks before the first one come under None.
_Sections = Sequence[tuple[Block | None, Sequence[Block]]]


def around_threads(task: Task, handles: Handles) -> Excerpt:
    """Choose what is shown where only threads are answered.

    What stays: the outline, and each waiting thread's block with the blocks beside it.
    """
    blocks = list(handles.blocks.values())
    where = _waited_on(task)
    if None in where:
        return WHOLE  # a question about the page may be about any of it
    return _outline_and(_beside(blocks, where, NEIGHBOURS), blocks)


def by_difference(task: Task, handles: Handles) -> Excerpt:
    """Choose what is shown of a document that was reviewed before.

    Where little of a long one changed: the sections by their headings, of those with a change all
    headings, what is new or changed with the blocks beside it, and the blocks whose threads wait.
    Where that is no small part, or nothing is new or changed, all.
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
    size, whole = (len(document(task, handles, shown)) for shown in (found, WHOLE))
    return found if whole >= LONG and size < SMALL * whole else WHOLE


def _beside(blocks: Sequence[Block], where: Collection[str | None], reach: int) -> set[str]:
    """Return the blocks of which one is meant within so many to either side."""
    return {
        blocks[beside].id
        for index, block in enumerate(blocks)
        if block.id in where
        for beside in range(max(index - reach, 0), min(index + reach + 1, len(blocks)))
    }


def _outline_and(
    near: Collection[str], blocks: Sequence[Block], far: Collection[str] = ()
) -> Excerpt:
    shown = {block.id for block in blocks if _is_heading(block)} - set(far) | set(near)
    return Excerpt(frozenset(block.id for block in blocks if block.id not in shown))


def _far(blocks: Sequence[Block], anew: Collection[str]) -> set[str]:
    """Return the lower headings of the sections in which nothing is new or changed."""
    top = min((block.type for block in blocks if _is_heading(block)), default="")
    sections: list[list[Block]] = [[]]
    for block in blocks:
        if block.type == top:
            sections.append([])
        sections[-1].append(block)
    quiet = [section for section in sections if not any(one.id in anew for one in section)]
    return {one.id for section in quiet for one in section if _is_heading(one) and one.type != top}


def fitting(
    task: Task, handles: Handles, room_tokens: int, shown: Excerpt = WHOLE
) -> Excerpt | None:
    """Choose what to leave out so that the document fits, whole sections from the end.

    Headings stay, as the outline; changed and new blocks and those with waiting threads stay
    longest. Of a very long block the end is not shown.

    Returns:
        The largest excerpt that fits; None where it would show nothing but headings.
    """

    def fits(excerpt: Excerpt) -> bool:
        return tokens(document(task, handles, excerpt)) <= room_tokens

    if fits(shown):
        return shown
    sections = _sections(handles.blocks)
    order = list(_order(task, sections))
    cut = replace(shown, longest=max(int(room_tokens * BLOCK_SHARE), LEAST_CHARS))

    def without(steps: int) -> Excerpt:
        return replace(cut, left_out=cut.left_out.union(*order[:steps]))

    steps = bisect_left(range(len(order) + 1), 1, key=lambda steps: fits(without(steps)))
    found = without(steps)
    if steps > len(order) or _says_nothing(sections, found, shown):
        return None
    return replace(found, sections=tuple(_missing(sections, found)))


def _is_heading(block: Block) -> bool:
    return block.type.startswith("heading_")


def _waited_on(task: Task) -> set[str | None]:
    return {thread.block_id for thread in task.snapshot.threads if thread.waiting}


def _sections(blocks: Mapping[str, Block]) -> _Sections:
    sections: list[tuple[Block | None, list[Block]]] = [(None, [])]
    for block in blocks.values():
        if _is_heading(block):
            sections.append((block, []))
        else:
            sections[-1][1].append(block)
    return [section for section in sections if section[0] or section[1]]


def _order(task: Task, sections: _Sections) -> Iterator[set[str]]:
    """Yield the ids of what is left out, step by step."""
    anew = {*task.change.new, *task.change.changed}
    waited_on = _waited_on(task)
    first = next((body for _, body in sections if body), ())
    for _, body in reversed(sections):
        out = [block.id for block in body if block.id not in anew | waited_on]
        # A section is left out whole, except the first: something must be read.
        yield from ({key} for key in reversed(out)) if body is first else [{*out}]
    bodies = [block.id for _, body in sections for block in body]
    yield from ({key} for key in reversed(bodies) if key in anew - waited_on)
    yield from ({key} for key in reversed(bodies) if key in waited_on)
    yield from ({heading.id} for heading, _ in reversed(sections) if heading)


def _says_nothing(sections: _Sections, found: Excerpt, shown: Excerpt) -> bool:
    bodies = {block.id for _, body in sections for block in body} - shown.left_out
    return bool(bodies) and bodies <= found.left_out


def _missing(sections: _Sections, excerpt: Excerpt) -> Iterator[str]:
    """Name what an excerpt does not show whole, in the order of the document."""
    opening = "the beginning" if len(sections) > 1 else "the document"
    for heading, body in sections:
        blocks = [heading, *body] if heading else body
        out = [block for block in blocks if block.id in excerpt.left_out]
        cut = [block for block in blocks if len(block.line) > (excerpt.longest or len(block.line))]
        name = one_line(heading.plain)[:NAME_CHARS] if heading else opening
        if body and all(block in out for block in body):
            yield name
        elif out or cut:
            yield f"part of {name}"
