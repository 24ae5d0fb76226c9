"""Finding a quote in a block, whatever the model did to its quotes, dashes, spaces and marks."""

from __future__ import annotations

import html
import re
import unicodedata
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

from daemon.domain.values import Block
from daemon.review.visible import visible


# Below it a match by letters and digits alone, or a fuzzy one, would find anything anywhere.
LOOSE_FROM, FUZZY_FROM = 8, 12
FUZZY_SCORE = 90.0
# A fuzzy search takes time with the length of both; the beginning of a long quote tells enough.
FUZZY_TO = 400
# Each part of a quote with an ellipsis in its middle.
PART_FROM = 3
# A quote may run on into so many blocks on each side.
NEIGHBOURS = 3

_FOLDS = {
    **dict.fromkeys(map(ord, "\u2018\u2019\u201a\u201b\u2032`\u00b4\u02bc"), "'"),
    **dict.fromkeys(map(ord, "\u201c\u201d\u201e\u201f\u2033\u00ab\u00bb"), '"'),
    **dict.fromkeys(map(ord, "\u2010\u2011\u2012\u2013\u2014\u2015\u2212"), "-"),
    ord("\u2026"): "...",
}
# ASCII without any of these folds character by character, which is nearly every text.
_UNEVEN = re.compile(r"^ |  | $|[^ -_a-~]")
_ELLIPSIS = re.compile(r"[\[(]\s*(?:\.{3,}|\u2026)\s*[\])]|\.{3,}|\u2026")
# What a model copies along at the beginning of a line: the handle, and the block's own marks.
_HANDLE = re.compile(r"^\s*(?:\[[BT]\d+(?: \w+)*\]:?|[BT]\d+:)(?:\s+|$)", re.MULTILINE)
_LEADING = re.compile(
    r"^(?:\s*(?:#{1,6}|[-+>*\u2022]|(?:\d{1,4}|[a-z]|[ivxl]{2,6})[.)]|\[[ xX]\])(?:\s+|$))+",
    re.MULTILINE,
)
_FENCE = re.compile(r"^\s*`{3,}\w*\s*$", re.MULTILINE)
_BREAK = re.compile(r"<br\s*/?>", re.IGNORECASE)
_TARGET = re.compile(r"\]\((?:\\.|[^()\s\\]|\([^()\s]*\))*\)")
_ESCAPED = re.compile(r"\\([!-/:-@\[-`{-~])")
_MARKS = re.compile(r"\*\*|~~|[*_`]|(?<!\w)\[")
_EDGES = re.compile(r"^\W+|\W+$")
_AROUND = " \t\n\"'`|\u2018\u2019\u201a\u201c\u201d\u201e\u00ab\u00bb\u2026"


@dataclass(frozen=True, slots=True)
class Folded:
    """A text made comparable; `at[i]` is where its i-th character stands in the original."""

    text: str
    at: tuple[int, ...]


def fold(text: str) -> Folded:
    """Fold case, width, accents, quotes, dashes and runs of space; drop invisible characters."""
    if text.isascii() and not _UNEVEN.search(text):
        return Folded(text.lower(), tuple(range(len(text))))
    out: list[str] = []
    at: list[int] = []
    for index, char in enumerate(text):
        for part in _folded(char):
            if part == " " and (not out or out[-1] == " "):
                continue
            out.append(part)
            at.append(index)
    while out and out[-1] == " ":
        out.pop()
        at.pop()
    return Folded("".join(out), tuple(at))


@lru_cache(maxsize=4096)
def _folded(char: str) -> str:
    if char.isspace():
        return " "
    if not visible(char):
        return ""
    parts = unicodedata.normalize("NFKD", char.translate(_FOLDS)).casefold()
    return "".join(
        part for part in unicodedata.normalize("NFKD", parts) if not unicodedata.combining(part)
    )


def _letters(folded: Folded, also: str = "") -> Folded:
    """Keep letters and digits alone."""
    pairs = zip(folded.text, folded.at, strict=True)
    kept = [(char, at) for char, at in pairs if char.isalnum() or char in also]
    return Folded("".join(char for char, _ in kept), tuple(at for _, at in kept))


def stands(quote: str, plain: str) -> bool:
    """Tell whether these very words stand in a text; differences that `fold` drops do not count."""
    needle = fold(quote).text
    return bool(needle) and needle in fold(plain).text


def locate(quote: str, plain: str) -> str | None:
    """Return the slice of `plain` that the quote means, or None.

    The quote may carry Markdown marks, other quotation marks or dashes, an ellipsis in place of
    words, and small slips.
    """
    hay = fold(plain)
    span = _surely(quote, plain, hay) or _nearly(quote, plain, hay)
    return plain[slice(*span)].strip() if span else None


def shortened(quote: str, limit: int) -> str:
    """Return the beginning of a quote, cut at a space where there is one."""
    if len(quote) <= limit:
        return quote
    kept = quote[:limit]
    words = kept.rsplit(None, 1)
    whole = quote[limit].isspace() or kept[-1].isspace() or len(words) < 2  # noqa: PLR2004
    return kept.rstrip() if whole else words[0]


def overlap(one: str, other: str, plain: str) -> bool:
    """Tell whether two quotes share a character of the text; False where either is gone."""
    hay, needles = fold(plain).text, (fold(one).text, fold(other).text)
    starts, others = ([start for start, _ in _all(needle, hay)] for needle in needles)
    long, short = map(len, needles)
    # The other quote begins before this one ends, and ends after it begins.
    return any(
        bisect_left(others, start + long) > bisect_right(others, start - short) for start in starts
    )


def place(quote: str, named: Block, blocks: Sequence[Block]) -> tuple[Block, str] | None:
    """Return the block that a quote stands in and its exact words there.

    The named block first; else the only other block that holds it; else the part of a quote across
    blocks that stands in the named one; else what is nearly the same there. None where none or
    several hold it.
    """
    if (found := _sure(quote, named.plain)) is not None:
        return named, found
    others = holders(quote, [block for block in blocks if block is not named])
    if len(others) == 1 and (found := _sure(quote, others[0].plain)) is not None:
        return others[0], found
    found = _part(quote, named, blocks) or locate(quote, named.plain)
    return (named, found) if found else None


def holders(quote: str, blocks: Iterable[Block]) -> list[Block]:
    """Return the blocks in which a quote stands as whole words."""
    return [block for block in blocks if _surely(quote, block.plain, fold(block.plain), whole=True)]


def _sure(quote: str, plain: str) -> str | None:
    span = _surely(quote, plain, fold(plain))
    return plain[slice(*span)].strip() if span else None


def _part(quote: str, named: Block, blocks: Sequence[Block]) -> str | None:
    """Return what stands in the named block of a quote that begins before it or ends after it."""
    index = next((index for index, block in enumerate(blocks) if block is named), None)
    if index is None:
        return None
    first = max(index - NEIGHBOURS, 0)
    texts = [block.plain for block in blocks[first : index + NEIGHBOURS + 1]]
    whole = "\n".join(texts)
    span = _surely(quote, whole, fold(whole))
    if span is None:
        return None
    begin = sum(len(text) + 1 for text in texts[: index - first])
    end = begin + len(named.plain)
    return whole[max(span[0], begin) : min(span[1], end)].strip() or None


def _surely(quote: str, plain: str, hay: Folded, *, whole: bool = False) -> tuple[int, int] | None:
    """Return where the words of a quote stand, unchanged but for marks, or None."""
    unmarked, letters = _unmarked(quote), _letters(hay)
    # A list's number may be part of the words: what is less changed comes first.
    bare = _LEADING.sub("", unmarked)
    for candidate in (quote, unmarked, bare):
        needle = fold(candidate.strip(_AROUND))
        if span := _find(needle.text, hay, plain, whole=whole):
            return span
        loose = _letters(needle).text
        if len(loose) >= LOOSE_FROM and (span := _find(loose, letters, plain, whole=True)):
            return span
    return _with_gaps(bare, plain, hay)


def _unmarked(quote: str) -> str:
    """Take off what a model copies or adds around the words: handles, marks, addresses."""
    text = _BREAK.sub(" ", html.unescape(visible(quote)))
    text = _TARGET.sub("", _HANDLE.sub("", _FENCE.sub("", text)))
    return _MARKS.sub("", _ESCAPED.sub(r"\1", text))


def _with_gaps(quote: str, plain: str, hay: Folded) -> tuple[int, int] | None:
    """Return the span from the first to the last part of a quote with an ellipsis between."""
    parts = [fold(_EDGES.sub("", part)).text for part in _ELLIPSIS.split(quote)]
    parts = [part for part in parts if part]
    if len(parts) < 2 or min(map(len, parts)) < PART_FROM:  # noqa: PLR2004 - two ends
        return None
    begin = end = None
    for part in parts:
        span = _find(part, hay, plain, whole=True, start=end or 0)
        if span is None:
            return None
        begin, end = (span[0] if begin is None else begin), span[1]
    return (begin, end) if begin is not None and end is not None else None


def _find(
    needle: str, hay: Folded, plain: str, *, whole: bool, start: int = 0
) -> tuple[int, int] | None:
    """Return the span in `plain` of the first occurrence as whole words, else of the first."""
    spans = [
        (hay.at[first], hay.at[last - 1] + 1)
        for first, last in _all(needle, hay.text)
        if hay.at[first] >= start
    ]
    bounded = (span for span in spans if _is_whole(plain, *span))
    return next(bounded, None if whole or not spans else spans[0])


def _all(needle: str, hay: str) -> Iterator[tuple[int, int]]:
    at = hay.find(needle) if needle else -1
    while at >= 0:
        yield at, at + len(needle)
        at = hay.find(needle, at + 1)


def _is_whole(plain: str, begin: int, end: int) -> bool:
    """Tell whether a span begins and ends with words; scripts without case have no such borders."""
    return not (_is_inside(plain, begin) or _is_inside(plain, end))


def _is_inside(plain: str, at: int) -> bool:
    return 0 < at < len(plain) and _is_cased(plain[at - 1]) and _is_cased(plain[at])


def _is_cased(char: str) -> bool:
    return char.isdigit() or char.lower() != char.upper()


def _nearly(quote: str, plain: str, hay: Folded) -> tuple[int, int] | None:
    needle, hay = (
        _letters(fold(_EDGES.sub("", _LEADING.sub("", _unmarked(quote)))), " ").text,
        _letters(hay, " "),
    )
    # A quote longer than the block is no quote of it.
    if min(len(needle), len(hay.text)) < FUZZY_FROM or len(needle) > len(hay.text) * 1.1:
        return None
    from rapidfuzz import fuzz

    needle = needle[:FUZZY_TO]
    found = fuzz.partial_ratio_alignment(needle, hay.text, score_cutoff=FUZZY_SCORE)
    if found is None or found.dest_end <= found.dest_start:
        return None
    begin, end = hay.at[found.dest_start], hay.at[found.dest_end - 1] + 1
    while _is_inside(plain, begin):
        begin -= 1
    while _is_inside(plain, end):
        end += 1
    return begin, end
