"""A snapshot as the rules read it, and what a rule reports of a passage in it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import cache, cached_property
from typing import TYPE_CHECKING

from daemon.domain.findings import title_of
from daemon.domain.values import Block, Finding, Severity, Snapshot


if TYPE_CHECKING:
    from markdown_it import MarkdownIt
    from markdown_it.token import Token


# Without one of these there is neither code nor struck text nor a link.
_MARK = re.compile(r"`|~~|\]\(|<http")
# A line longer than this is not parsed: what its marks hide is not known, so all of it is hidden.
_LONGEST = 20_000
_BREAKS = {"softbreak": "\n", "hardbreak": "\n", "html_inline": "\n"}


@dataclass(frozen=True, slots=True)
class Link:
    """A link: the span of its text in the plain text, and where it leads."""

    start: int
    end: int
    target: str


@dataclass(frozen=True, slots=True)
class Marks:
    """The marks of a block: the spans of what is code or struck out, and the links."""

    hidden: tuple[tuple[int, int], ...] = ()
    links: tuple[Link, ...] = ()


def marks(block: Block) -> Marks:
    """Find the marks of a block; where its line cannot be followed, all of it counts as code."""
    everything = Marks(hidden=((0, len(block.plain)),))
    if block.type in ("code", "equation"):
        return everything
    if not _MARK.search(block.line):
        return Marks()
    if len(block.line) > _LONGEST:
        return everything
    [inline] = _parser().parseInline(block.line)
    text, found = _walk(inline.children or ())
    # Before the text stands the block's own mark, "## " or "| ".
    at = text.find(block.plain)
    if at < 0:
        return everything
    hidden = ((start - at, end - at) for start, end in found.hidden if start >= at)
    links = (
        replace(link, start=link.start - at, end=link.end - at)
        for link in found.links
        if link.start >= at
    )
    return Marks(tuple(hidden), tuple(links))


def unmarked(markdown: str) -> str:
    """Return the plain text of inline Markdown, such as a block's line without its own mark."""
    [inline] = _parser().parseInline(markdown)
    return _walk(inline.children or ())[0]


@cache
def _parser() -> MarkdownIt:
    from markdown_it import MarkdownIt

    return MarkdownIt("commonmark").enable("strikethrough")


def _walk(tokens: Sequence[Token]) -> tuple[str, Marks]:
    """Return the text of the tokens without marks, and the marks by their place in it."""
    text, struck, targets = "", 0, [(0, "")]
    hidden: list[tuple[int, int]] = []
    links: list[Link] = []
    for token in tokens:
        start = len(text)
        text += _BREAKS.get(token.type, token.content)
        struck += token.nesting if token.tag == "s" else 0
        if token.type == "code_inline" or (struck and len(text) > start):
            hidden.append((start, len(text)))
        if token.type == "link_open":
            targets.append((start, str(token.attrGet("href"))))
        elif token.type == "link_close":
            opened, target = targets.pop()
            links.append(Link(opened, start, target))
    return text, Marks(tuple(hidden), tuple(links))


def vocabulary(text: str) -> frozenset[str]:
    """Return the words of `text`."""
    return frozenset(text.split())


def any_of(text: str) -> re.Pattern[str]:
    r"""Return a pattern for any of the phrases of `text`, from the start of a word, in any case.

    A phrase is a regular expression; it may begin a word ("migrat") or end with `\b`.
    """
    return re.compile(rf"\b(?:{alternatives(text)})", re.IGNORECASE)


def alternatives(text: str) -> str:
    """Return the phrases of `text` as the inside of a group."""
    return "|".join(" ".join(text.split()).split(" | "))


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
    """Return a snapshot as the rules read it, in time linear in its length."""
    passages: list[Passage] = []
    heading: int | None = None
    cited_below: int | None = None
    for index, block in enumerate(snapshot.blocks):
        if cited_below is not None and block.depth <= cited_below:
            cited_below = None
        if cited_below is None and block.type == "quote":
            cited_below = block.depth
        kind, _, rank = block.type.rpartition("_")
        is_heading = kind == "heading" and rank.isdigit() and block.plain.strip()
        level = int(rank) if is_heading else 0
        found, text = marks(block), block.plain.translate(_PLAIN_MARKS)
        prose = text
        for start, end in found.hidden:
            prose = prose[:start] + BLANK * (end - start) + prose[end:]
        prose = _ADDRESS.sub(_blanks, prose)
        own = _QUOTED.sub(_blanks, prose)
        cited = cited_below is not None
        passages.append(Passage(index, block, text, prose, own, cited, heading, level, found.links))
        heading = index if level else heading
    return Document(snapshot, tuple(passages))


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
    return re.sub(r"([\\`*_\[\]<>~|])", r"\\\1", _cut(text, limit))


def _cut(text: str, limit: int) -> str:
    line = " ".join(text.split())
    if len(line) <= limit:
        return line
    cut = line[:limit] if line[limit - 1] == " " else line[: limit - 1]
    return (cut.rpartition(" ")[0] or cut).rstrip(" ,;:") + "…"


def _blanks(found: re.Match[str]) -> str:
    return BLANK * len(found[0])


TITLE_QUOTE = 40  # characters


class Kind(StrEnum):
    """A rule. The value opens the title of its findings, so that a finding tells its rule."""

    MISSING = "Missing"
    EMPTY = "Empty section"
    LEFTOVER = "Unfinished"
    COUNT = "Wrong count"
    REFERENCE = "Broken reference"
    DATE = "Past date"
    DOUBLED = "Repeated word"

    @property
    def severity(self) -> Severity:
        """How much a finding of this rule matters."""
        if self in (Kind.MISSING, Kind.EMPTY, Kind.LEFTOVER, Kind.DATE):
            return Severity.IMPORTANT
        return Severity.MINOR


@dataclass(frozen=True, slots=True)
class Hit:
    """A defect in one passage.

    Attributes:
        kind: The rule.
        passage: Where it stands.
        start: Where the quote begins in the block's plain text.
        end: Where it ends.
        says: What its comment says.
        about: What its title names; "" for the quote.
    """

    kind: Kind
    passage: Passage
    start: int
    end: int
    says: str
    about: str = ""

    @property
    def finding(self) -> Finding:
        """The hit as it crosses to the rest of the program."""
        block = self.passage.block
        quote = block.plain[self.start : self.end]
        title = title_of(f"{self.kind}: {self.about or f'“{_cut(quote, TITLE_QUOTE)}”'}")
        return Finding(block.id, quote, self.says, self.kind.severity, title=title)


def whole(kind: Kind, passage: Passage, says: str, about: str = "") -> Hit:
    """Return a hit that quotes the whole block."""
    plain = passage.block.plain
    start = len(plain) - len(plain.lstrip())
    return Hit(kind, passage, start, len(plain.rstrip()), says, about)


def kind_of(finding: Finding) -> Kind | None:
    """Return the rule that raised `finding`; None where none of these did."""
    for words in (finding.title, finding.text):
        opening = words.partition(":")[0]
        opening = _EARLIER.get(opening, opening)
        if opening in set(Kind):
            return Kind(opening)
    return None


# The names of rules in states of earlier versions, which a finding's text began with.
_EARLIER = {
    "Left open": Kind.LEFTOVER,
    "Count is off": Kind.COUNT,
    "Points nowhere": Kind.REFERENCE,
    "Date has passed": Kind.DATE,
    "Word doubled": Kind.DOUBLED,
}
