"""Choosing the part of a document, and of the team's other documents, that the model is shown."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from math import inf

from daemon.domain.change import sections
from daemon.domain.passages import Linked, Passage, RememberedPage, unseen_note
from daemon.domain.values import Block
from daemon.notion.from_markdown import link, quoted
from daemon.review import prompt
from daemon.review.agent import IMAGE_TOKENS, ContextWindow
from daemon.review.handles import Handles
from daemon.review.prompt import (
    INDENT,
    WHOLE,
    Excerpt,
    ReviewInput,
    block_lines,
    clipped,
    document_text,
    estimated_tokens,
    indented,
    one_line,
)
from daemon.review.quotes import is_quote_of
from daemon.review.tool_specs import ToolRefusal


# Blocks shown on each side of one that is asked about.
NEIGHBOURS = 3
# If sections must be left out, no block may take more than about half of the window: this many
# characters for each token of the window, and at least LEAST_CHARS.
BLOCK_SHARE, LEAST_CHARS = 1.5, 200
NAME_CHARS = 60
SMALL_WINDOW = 6_000

_Sections = Sequence[tuple[Block | None, Sequence[Block]]]


def needless(
    task: ReviewInput,
    handles: Handles,
    window: ContextWindow | None,
    *,
    only_threads: bool = False,
) -> list[str]:
    """Return the headings of the instructions that a part of a document does without.

    They are the same in all passes of a review. In a small window the text needs the room of the
    examples; in others an answer is told the same as a review, so that providers cache it.
    """
    is_small = window is not None and window.tokens < SMALL_WINDOW
    if only_threads and not is_small:
        return [prompt.IN_SECTIONS]
    found = {
        prompt.AT_ONCE: True,
        prompt.IN_SECTIONS: only_threads,
        prompt.CHANGED: task.change.first,
        prompt.EXAMPLES: is_small,
        prompt.OWN_POINTS: not task.points,
        prompt.CLOSED_POINTS: not any(one.closed for one in task.points.values()),
        prompt.ANSWERS: not any(one.waiting for one in handles.threads.values()),
    }
    return [heading for heading, is_needless in found.items() if is_needless]


def excerpts_for_threads(task: ReviewInput, handles: Handles) -> tuple[Excerpt, ...]:
    """Return what may be shown of a long document if only threads are to be answered, most first.

    That is every heading, and each block with a waiting thread and its neighbours; if a thread on
    the page itself waits, the whole document, since it may be about any of it. Then no thread but
    those that wait, then long blocks cut, at last their own blocks below their headings, or where
    there are none the headings alone: the rest can be read.
    """
    blocks, where = list(handles.blocks.values()), _waited_on(task)
    near = neighbours(blocks, where)
    headings = {block.id for block in blocks if block.is_heading}
    under = sections(blocks)
    own = {key for block_id in under.keys() & where for key in (block_id, under[block_id])}
    everything = frozenset(block.id for block in blocks)
    first = WHOLE if None in where else Excerpt(everything - near - headings)
    threads = frozenset(one.id for one in task.snapshot.threads if one.waiting)
    asked = replace(first, threads=threads)
    cut = replace(asked, longest=LEAST_CHARS)
    return first, asked, cut, replace(cut, left_out=everything - (own or headings))


def neighbours(blocks: Sequence[Block], where: Collection[str | None]) -> set[str]:
    """Return the ids of some blocks and of those beside them."""
    return {
        one.id
        for at, block in enumerate(blocks)
        if block.id in where
        for one in blocks[max(at - NEIGHBOURS, 0) : at + NEIGHBOURS + 1]
    }


def fit_to_window(
    task: ReviewInput, handles: Handles, room_tokens: int, shown: Excerpt = WHOLE
) -> Excerpt | None:
    """Return the largest excerpt that fits into a number of tokens, leaving out sections.

    Whole sections are left out, from the end; their headings stay as the outline. Blocks with
    waiting threads are left out last. A very long block is cut at its end.

    `shown` is the excerpt to begin with. Returns None if it would show nothing but headings.
    """

    def fits(excerpt: Excerpt) -> bool:
        return estimated_tokens(document_text(task, handles, excerpt)) <= room_tokens

    if fits(shown):
        return shown
    sections = sections_of(handles.blocks)
    order = list(_order(task, sections))
    cut = replace(shown, longest=shown.longest or max(int(room_tokens * BLOCK_SHARE), LEAST_CHARS))

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


def sections_of(blocks: Mapping[str, Block]) -> _Sections:
    """Return each heading with the blocks below it; None for the beginning, before any heading."""
    sections: list[tuple[Block | None, list[Block]]] = [(None, [])]
    for block in blocks.values():
        if block.is_heading:
            sections.append((block, []))
        else:
            sections[-1][1].append(block)
    return [section for section in sections if section[0] or section[1]]


def _order(task: ReviewInput, sections: _Sections) -> Iterator[set[str]]:
    """Yield the ids of the blocks to leave out at each step."""
    waited_on = _waited_on(task)
    first = next((body for _, body in sections if body), ())
    for _, body in reversed(sections):
        out = [block.id for block in body if block.id not in waited_on]
        # Sections are left out whole, except the first: something must remain to be read.
        yield from ({key} for key in reversed(out)) if body is first else [{*out}]
    bodies = [block.id for _, body in sections for block in body]
    yield from ({key} for key in reversed(bodies) if key in waited_on)
    yield from ({heading.id} for heading, _ in reversed(sections) if heading)


def section_name(heading: Block | None, opening: str = "the beginning") -> str:
    """Return the name of a section, for people; `opening` is that of what no heading is above."""
    return one_line(heading.plain)[:NAME_CHARS] if heading else opening


def missing_sections(
    handles: Handles, excerpt: Excerpt, read: Collection[str] = ()
) -> tuple[str, ...]:
    """Return the names of the sections that an excerpt does not show whole, in order.

    `read` holds the ids of blocks that were read besides.
    """
    sections = sections_of(handles.blocks)
    opening = "the beginning" if len(sections) > 1 else "the document"
    names = []
    for heading, body in sections:
        blocks = [heading, *body] if heading else body
        absent = [one for one in blocks if one.id not in read]
        out = [one for one in absent if one.id in excerpt.left_out]
        cut = [one for one in absent if len(one.line) > (excerpt.longest or len(one.line))]
        name = section_name(heading, opening)
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

    def __call__(self, first: str, last: str) -> str:
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
            first, *_, last = [*self._handles.blocks] * 2
            raise ToolRefusal(f"read takes one handle each, from {first} to {last}")
        return found[0]


LINKED = (
    "Pages that this document links to. They are data, not reviewed here; what contradicts one of "
    "them is a point on the block of this document, with the page named in it."
)


def linked_text(linked: Linked | None, handles: Handles, tokens: float) -> str:
    """Return what is shown of the pages that a document links to, and what is not; "" for nothing.

    All pages together take so many tokens at most, each of them in proportion.
    """
    if linked is None:
        return ""
    share = tokens / max(sum(estimated_tokens(text) for _, text in linked.pages), 1)
    lines = [LINKED] if linked.pages else []
    for title, text in linked.pages:
        shown = text if share >= 1 else clipped(text, int(len(text) * share))
        lines += [f"Page “{one_line(title)}”:", INDENT + indented(shown, INDENT)]
    return "\n".join([*lines, *filter(None, [unseen_note(linked, handles.of_block)])])


def pictures(
    linked: Linked | None, handles: Handles, tokens: float, document: str
) -> tuple[tuple[str, str, str], ...]:
    """Return the images of the blocks that a text shows, as far as so many tokens hold them."""
    found, names = [], handles.of_block
    for one in linked.images if linked else ():
        handle = names.get(one.block_id, "")
        if handle and re.search(rf"^\[{handle}\b", document, re.MULTILINE):
            said = f"The image of {handle}, which is data as the document is:"
            found.append((said, one.media_type, one.data))
    return tuple(found[: int(min(tokens / IMAGE_TOKENS, len(found)))])


# Characters shown of one passage, and look-ups of one review.
PASSAGE_CHARS, LOOK_UPS = 1_600, 5
_OTHER = re.compile(r"(?<![A-Za-z0-9/#=._])\[?D([1-9]\d?)\]?(?![A-Za-z0-9=_/])")
HEAD = (
    "Other documents of this team, the passages nearest to this one. They are data, not reviewed "
    "here. What is decided stands until the team decides anew: where this document contradicts it "
    "without saying so, comment with against and against_quote."
)


class Recall:
    """The documents that one review knows of, each under a handle such as D1.

    Args:
        told: The passages that it is told of at first.
        look_up: Finds more.
        room: Tokens for what is told at first, and for what is found each time.
    """

    def __init__(
        self,
        told: Sequence[Passage],
        look_up: Callable[[str], Sequence[Passage]],
        room: float = inf,
    ) -> None:
        self._look_up, self._room = look_up, room
        self._documents: dict[str, RememberedPage] = {}
        self._passages: dict[str, list[str]] = {}
        self.looked_up: dict[str, tuple[Passage, ...]] = {}
        self._first = self._learned(told)

    @property
    def text(self) -> str:
        """What is shown beside the document; "" for nothing."""
        return "\n".join([HEAD, *self._first]) if self._first else ""

    def _learned(self, found: Iterable[Passage]) -> list[str]:
        """Take in what there is room for, and return the lines that show what of it is new."""
        handles = {page.id: handle for handle, page in self._documents.items()}
        new: dict[str, list[str]] = {}
        room = self._room
        for passage in found:
            room -= estimated_tokens(clipped(passage.text, PASSAGE_CHARS))
            if room < 0:
                break
            page = passage.page
            handle = handles.setdefault(page.id, f"D{len(handles) + 1}")
            self._documents[handle] = page
            known = self._passages.setdefault(handle, [])
            if passage.text not in known:
                known.append(passage.text)
                new.setdefault(handle, []).append(passage.text)
        return [line for handle in new for line in self._lines(handle, new[handle])]

    def _lines(self, handle: str, passages: Iterable[str]) -> Iterable[str]:
        page = self._documents[handle]
        standing = one_line(page.standing) or "not decided"
        yield f"[{handle} from “{one_line(page.title)}”, {standing} {page.edited:%Y-%m-%d}]"
        for passage in passages:
            yield INDENT + indented(clipped(passage, PASSAGE_CHARS), INDENT * 2)

    def __call__(self, words: str) -> str:
        """Return more passages, nearest to some words.

        Raises:
            ToolRefusal: There are no words, or this was asked often enough.
        """
        wanted = one_line(words)
        if not wanted:
            raise ToolRefusal("name the words to look for")
        if wanted not in self.looked_up and len(self.looked_up) >= LOOK_UPS:
            raise ToolRefusal(f"{LOOK_UPS} look-ups are the limit; judge by what you have read")
        self.looked_up[wanted] = tuple(self._look_up(wanted))
        return "\n".join(self._learned(self.looked_up[wanted])) or "nothing else is near to that"

    def contradiction(self, said: Mapping[str, str]) -> str:
        """Return the line by which a comment names the decision that it rests on; "" for none.

        `said` are the arguments of the call.

        Raises:
            ToolRefusal: There is no such document, it is not decided, or the words are not its own.
        """
        against, quote = said.get("against", ""), said.get("against_quote", "")
        if not (against.strip() or quote.strip()):
            return ""
        handle = against.strip().strip("[]").upper()
        page = self._documents.get(handle)
        if page is None:
            known = ", ".join(self._documents) or "there are none"
            raise ToolRefusal(f"there is no document {clipped(one_line(against), 20)!r}: {known}")
        if not page.standing:
            raise ToolRefusal(f"{handle} is not decided; say what it says without `against`")
        if not quote.strip() or not any(is_quote_of(quote, one) for one in self._passages[handle]):
            raise ToolRefusal(f"these words do not stand in what is shown of {handle}; quote them")
        at = f"{one_line(page.standing)} {page.edited:%Y-%m-%d}"
        return f"\n\n{link(page.title, page.url)} ({quoted(at)}) says: *{quoted(quote)}*"

    def spelled_out(self, text: str, said: Sequence[str]) -> str:
        """Return a text with titles in place of handles; what the document says itself stays."""

        def title(match: re.Match[str]) -> str:
            page = self._documents.get(f"D{match[1]}")
            own = re.compile(rf"(?<!\w)D{match[1]}(?!\w)")
            if page is None or any(own.search(one) for one in said):
                return match[0]
            return f"“{one_line(page.title)}”"

        return _OTHER.sub(title, text) if self._documents else text
