"""A snapshot as the rules read it: running text, headings, sentences."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

from daemon.domain.values import Block, Snapshot

from daemon.review.offline.marks import Link, marks
from daemon.review.offline.patterns import vocabulary


BLANK = "\ufffc"
"""Stands where code stood: no letter, no digit, no space, so that nothing joins across it."""

PROSE_TYPES = vocabulary(
    """bulleted_list_item callout heading_1 heading_2 heading_3 heading_4 numbered_list_item
    paragraph table_row to_do toggle"""
)
LIST_TYPES = vocabulary("bulleted_list_item numbered_list_item to_do toggle")

# One for one, so that places in the text stay what they are.
_PLAIN_MARKS = {
    0x2018: "'",
    0x2019: "'",
    0x201C: '"',
    0x201D: '"',
    0x201E: '"',
    0x00AB: '"',
    0x00BB: '"',
    0x2013: "-",
    0x2014: "-",
    0x00A0: " ",
}
_ADDRESS = re.compile(r"\b(?:https?://|www\.|mailto:)\S+|[\w.+-]{1,64}@[\w.-]{1,64}")
_QUOTED = re.compile(r"\"[^\"\n]*\"|(?<!\w)'[^'\n]{1,80}'(?!\w)")
_BREAK = re.compile(r"(?<!\be\.g)(?<!\bi\.e)[.!?][)\"'*]?\s+(?=[A-Z\"(\[\ufffc])|\n+")
_WORD = re.compile(r"[^\W\d_]+(?:'[^\W\d_]+)*")
_ENGLISH = vocabulary(
    """a all an and are as at be by can for from has have how if in is it its no not of on or our
    should that the their there these they this to was we what when which who why will with"""
)
# About a third of English words are among these; other languages share only a few.
_ENGLISH_SHARE = 0.15
_ENOUGH_WORDS = 30
_LABEL = re.compile(r"\s*([^:.|\n]{3,60}?)\s*(?:[:|]|-\s|$)")
_BOLD = re.compile(r"[^\w*]*\*\*([^*\n]{3,60})\*\*")
_LABEL_LENGTH = 80
_LABEL_WORDS = 8
# How far a sentence is followed to either side.
_REACH = 400


@dataclass(frozen=True, slots=True)
class Passage:
    """A block as the rules read it.

    `text`, `prose` and `own` have the length of the block's plain text, place for place.

    Attributes:
        index: Its place in the document.
        block: The block itself.
        text: The plain text with typographic quotes and dashes made plain.
        prose: `text` with code, addresses and struck text blanked.
        own: `prose` with quotations blanked: only what the author says himself.
        cited: Whether it stands in a quotation block.
        heading: The index of the heading it stands under; None above the first.
        level: The level of a heading that says something, 0 for any other block.
        links: The links in its text.
    """

    index: int
    block: Block
    text: str
    prose: str
    own: str
    cited: bool
    heading: int | None
    level: int
    links: tuple[Link, ...]

    @property
    def is_prose(self) -> bool:
        """Whether it is the author's own running text, and may carry a comment."""
        return self.block.commentable and not self.cited and self.block.type in PROSE_TYPES


@dataclass(frozen=True)
class Document:
    """A snapshot with what several rules need to know of it."""

    snapshot: Snapshot
    passages: tuple[Passage, ...]

    @cached_property
    def headings(self) -> tuple[Passage, ...]:
        """The headings that say something, in order."""
        return tuple(passage for passage in self.passages if passage.level)

    @cached_property
    def labels(self) -> tuple[str, ...]:
        """What the blocks announce, where they announce something."""
        return tuple(text for text in map(label, self.passages) if text)

    @cached_property
    def words(self) -> tuple[str, ...]:
        """The words of the prose, lower case."""
        return tuple(word for passage in self.passages for word in words(passage.prose))

    @cached_property
    def is_english(self) -> bool:
        """Whether the text reads as English; a text too short to tell counts as English."""
        known = sum(word in _ENGLISH for word in self.words)
        return len(self.words) < _ENOUGH_WORDS or known >= len(self.words) * _ENGLISH_SHARE

    def heading_of(self, passage: Passage) -> Passage | None:
        """Return the heading that `passage` stands under."""
        return None if passage.heading is None else self.passages[passage.heading]


def read(snapshot: Snapshot) -> Document:
    """Prepare a snapshot for the rules, in time linear in its length."""
    return Document(snapshot, tuple(_passages(snapshot.blocks)))


def sentences(text: str) -> Iterator[tuple[int, int]]:
    """Yield the spans of the sentences of `text`, without the white space around them."""
    start = 0
    for found in _BREAK.finditer(text):
        end = found.start() + len(found[0].rstrip())
        if text[start:end].strip():
            yield start, end
        start = found.end()
    if text[start:].strip():
        yield start, len(text.rstrip())


def sentence_at(text: str, at: int) -> tuple[int, int]:
    """Return the span of the sentence around `at`, or as much of it as is near."""
    first = max(0, at - _REACH)
    near = text[first : at + _REACH]
    spans = ((first + start, first + end) for start, end in sentences(near))
    return next(((start, end) for start, end in spans if start <= at < end), (first, at + _REACH))


def label(passage: Passage) -> str:
    """Return what a block announces: a heading, a bold lead, words before a colon; else ""."""
    if passage.level:
        return passage.text
    bold = _BOLD.match(passage.block.line, 0, _LABEL_LENGTH)
    found = bold or _LABEL.match(passage.text, 0, _LABEL_LENGTH)
    return found[1] if found and len(words(found[1])) <= _LABEL_WORDS else ""


def words(text: str) -> list[str]:
    """Return the words of `text`, lower case."""
    return _WORD.findall(text.lower())


def listed(items: list[str]) -> str:
    """Return "a", "a and b" or "a, b and c"."""
    *most, last = items
    return f"{', '.join(most)} and {last}" if most else last


def shown(text: str, limit: int = 120) -> str:
    """Return `text` on one line, cut at a word, its Markdown escaped: it reads as it stands."""
    line = " ".join(text.split())
    if len(line) > limit:
        cut = line[: limit - 1]
        line = (cut.rpartition(" ")[0] or cut).rstrip(" ,;:") + "…"
    return re.sub(r"([\\`*_\[\]<>~|])", r"\\\1", line)


def _passages(blocks: tuple[Block, ...]) -> Iterator[Passage]:
    heading: int | None = None
    cited_below: int | None = None
    for index, block in enumerate(blocks):
        if cited_below is not None and block.depth <= cited_below:
            cited_below = None
        if cited_below is None and block.type == "quote":
            cited_below = block.depth
        found, level, text = marks(block), _level(block), _plain_marks(block.plain)
        prose = _ADDRESS.sub(_blanks, _blanked(text, found.hidden))
        own = _QUOTED.sub(_blanks, prose)
        cited = cited_below is not None
        yield Passage(index, block, text, prose, own, cited, heading, level, found.links)
        heading = index if level else heading


def _blanked(text: str, spans: tuple[tuple[int, int], ...]) -> str:
    for start, end in spans:
        text = text[:start] + BLANK * (end - start) + text[end:]
    return text


def _blanks(found: re.Match[str]) -> str:
    return BLANK * len(found[0])


def _plain_marks(text: str) -> str:
    return text if text.isascii() else text.translate(_PLAIN_MARKS)


def _level(block: Block) -> int:
    kind, _, level = block.type.rpartition("_")
    return int(level) if kind == "heading" and level.isdigit() and block.plain.strip() else 0
