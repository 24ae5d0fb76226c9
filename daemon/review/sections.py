"""The sections of a document: cut to what is read at once, and tied by what was noted. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from daemon.domain.values import Block
from daemon.review.excerpt import section_name, sections_of
from daemon.review.handles import Handles
from daemon.review.points import words_of
from daemon.review.prompt import (
    BYTES_PER_TOKEN,
    INDENT,
    ReviewInput,
    block_lines,
    estimated_tokens,
    indented,
)


# The most sections that are read again for what changed in others.
RELATED = 2
# A shorter word without a digit ties no two sections.
LONG_WORD = 4


@dataclass(frozen=True, slots=True)
class Part:
    """A section, or as much of a long one as is read at once.

    Attributes:
        number: Its place in the document, from 0.
        section: The id of the block that its section begins with.
        title: The name of its section, for people.
        pieces: Where in the lines of its blocks it begins and ends, by the blocks' ids.
        tokens: About how many tokens it takes.
    """

    number: int
    section: str
    title: str
    pieces: Mapping[str, tuple[int, int]]
    tokens: int

    @property
    def first(self) -> str:
        """The id of its first block."""
        return next(iter(self.pieces))


def parts_of(task: ReviewInput, handles: Handles, room: int) -> tuple[Part, ...]:
    """Cut a document along its headings; a section above `room` tokens is cut at its blocks.

    Every text is in one part, in order. A block that is too long alone is cut between words.
    """
    found: list[Part] = []
    names = handles.of_block

    def add(blocks: Sequence[Block], pieces: Mapping[str, tuple[int, int]], taken: int) -> None:
        title = section_name(blocks[0] if blocks[0].is_heading else None)
        found.append(Part(len(found), blocks[0].id, title, pieces, taken))

    for heading, body in sections_of(handles.blocks):
        blocks = [heading, *body] if heading else [*body]
        pieces, taken = dict[str, tuple[int, int]](), 0
        for block in blocks:
            whole = estimated_tokens("\n".join(block_lines(task, handles, names[block.id])))
            all_of_it = [(0, len(block.line), whole)]
            for begin, end, cost in all_of_it if whole <= room else _pieces(block, room):
                if pieces and taken + cost > room:
                    add(blocks, pieces, taken)
                    pieces, taken = {}, 0
                pieces[block.id] = begin, end
                taken += cost
        add(blocks, pieces, taken)
    return tuple(found)


def _pieces(block: Block, room: int) -> Iterator[tuple[int, int, int]]:
    """Yield where each piece of a line begins and ends, and its tokens."""
    line, begin, margin = block.line, 0, INDENT * (block.depth + 3)

    def cost(end: int) -> int:
        return estimated_tokens(f"[B10000] … {margin}{indented(line[begin:end], margin)}")

    while begin < len(line):
        end = min(len(line), begin + int(room * BYTES_PER_TOKEN))
        while cost(end) > room and end > begin + 1:
            end = begin + (end - begin) * 4 // 5
        if end < len(line):
            last = max(line.rfind(" ", begin, end), line.rfind("\n", begin, end))
            end = last + 1 if last > begin else end
        yield begin, end, cost(end)
        begin = end


def grouped(parts: Iterable[Part], most: int) -> list[list[Part]]:
    """Put neighbouring parts together up to `most` tokens."""
    groups: list[list[Part]] = []
    for part in parts:
        last = groups[-1] if groups else []
        follows = bool(last) and last[-1].number == part.number - 1
        if follows and sum(one.tokens for one in last) + part.tokens <= most:
            last.append(part)
        else:
            groups.append([part])
    return groups


def related(differing: Iterable[str], noted: Mapping[int, Iterable[str]]) -> list[int]:
    """Return the numbers of the parts whose notes share most with notes that came or went.

    A word that many parts note tells nothing. `noted` has the notes of each part that may be read
    again.
    """
    changed = set[str]().union(*map(_telling, differing))
    words = {number: set[str]().union(*map(_telling, lines)) for number, lines in noted.items()}
    holders = Counter(word for one in words.values() for word in one)
    shared = {
        number: sum(holders[word] <= RELATED for word in one & changed)
        for number, one in words.items()
    }
    best = sorted((number for number in shared if shared[number]), key=lambda one: -shared[one])
    return sorted(best[:RELATED])


def _telling(line: str) -> set[str]:
    return {one for one in words_of(line) if len(one) >= LONG_WORD or any(map(str.isdigit, one))}
