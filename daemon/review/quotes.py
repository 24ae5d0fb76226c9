"""Finding a model's quote in a block, although marks or letters differ; how alike texts are."""

from __future__ import annotations

import html
import re
import unicodedata
from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from math import log, sqrt

from daemon.domain.values import Block
from daemon.review.cleaning import to_sentences, visible


# Fewer characters match almost anywhere: by letters and digits alone, and by a fuzzy search.
LOOSE_FROM, FUZZY_FROM = 8, 12
FUZZY_SCORE = 90.0
# In a block that is known to be the same, words may have changed.
REWORDED_SCORE = 75.0
# A fuzzy search is slow on long texts; the first characters of a long quote are enough.
FUZZY_TO = 400
# The least characters of each part of a quote with an ellipsis in its middle.
PART_FROM = 3
# A quote across blocks may begin or end this many blocks away.
NEIGHBOURS = 3

_FOLDS = {
    **dict.fromkeys(map(ord, "\u2018\u2019\u201a\u201b\u2032`\u00b4\u02bc"), "'"),
    **dict.fromkeys(map(ord, "\u201c\u201d\u201e\u201f\u2033\u00ab\u00bb"), '"'),
    **dict.fromkeys(map(ord, "\u2010\u2011\u2012\u2013\u2014\u2015\u2212"), "-"),
    ord("\u2026"): "...",
}
# ASCII text without these folds one character to one; nearly every text is so.
_UNEVEN = re.compile(r"^ |  | $|[^ -_a-~]")
_ELLIPSIS = re.compile(r"[\[(]\s*(?:\.{3,}|\u2026)\s*[\])]|\.{3,}|\u2026")
# Models copy the handle and the block's own marks at the beginning of a line.
_HANDLE = re.compile(r"^\s*(?:\[[BT]\d+(?: \w+)*\]:?|[BT]\d+:)(?:\s+|$)", re.MULTILINE)
_LEADING = re.compile(
    r"(?m)^(?:\s*(?:#{1,6}|[-+>*\u2022]|(?:\d{1,4}|[a-z]|[ivxl]{2,6})[.)]|\[[ xX]\])(?:\s+|$))+"
)
_FENCE = re.compile(r"^\s*`{3,}\w*\s*$", re.MULTILINE)
_BREAK = re.compile(r"<br\s*/?>", re.IGNORECASE)
_TARGET = re.compile(r"\]\((?:\\.|[^()\s\\]|\([^()\s]*\))*\)")
_LINK = re.compile(rf"(?<!\\)\[(?P<label>(?:\\.|`[^`]*`|[^\[\]\\`])*){_TARGET.pattern}")
# What is code or escaped is text; all else here marks it. In a quote "[" may be half of a link.
_MARKS = re.compile(
    r"(?s)(?<!\\)(?P<ticks>`+)(?!`)(?P<code>.+?)(?<!`)(?P=ticks)(?!`)"
    r"|\\(?P<escaped>[!-/:-@\[-`{-~])|\*\*|~~|[*`]|(?<!\w)_|_(?!\w)"
)
_MARKS_OF_QUOTE = re.compile(rf"{_MARKS.pattern}|(?<!\w)\[")
_ADDED = "'\"*_~|["  # as `fold` leaves them
_EDGES = re.compile(r"^\W+|\W+$")
_WORDS = re.compile(r"[^\W_].*[^\W_]|[^\W_]", re.DOTALL)
_AROUND = " \t\n\"'`|\u2018\u2019\u201a\u201c\u201d\u201e\u00ab\u00bb\u2026"


@dataclass(frozen=True, slots=True)
class Folded:
    """A text in comparable form; `at[i]` is the index of its i-th character in the original."""

    text: str
    at: tuple[int, ...]


def fold(text: str) -> Folded:
    """Return a text without differences of case, width, accents, quotes, dashes and spaces.

    Invisible characters are dropped.
    """
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
    if not visible(char):
        return ""
    if char.isspace():
        return " "
    parts = unicodedata.normalize("NFKD", char.translate(_FOLDS)).casefold()
    return "".join(
        part for part in unicodedata.normalize("NFKD", parts) if not unicodedata.combining(part)
    )


def _letters(folded: Folded, also: str = "") -> Folded:
    """Return a folded text with only its letters and digits, and the characters of `also`."""
    pairs = zip(folded.text, folded.at, strict=True)
    kept = [(char, at) for char, at in pairs if char.isalnum() or char in also]
    return Folded("".join(char for char, _ in kept), tuple(at for _, at in kept))


def is_quote_of(quote: str, plain: str) -> bool:
    """Return whether a text contains exactly these words, apart from what `fold` drops."""
    needle = fold(quote).text
    return bool(needle) and needle in fold(plain).text


def locate(quote: str, plain: str) -> str | None:
    """Return the slice of `plain` that a quote means, or None.

    The quote may have Markdown marks, other quotation marks or dashes, an ellipsis instead of some
    words, and small slips.
    """
    hay = fold(plain)
    span = _surely(quote, plain, hay) or _nearly(quote, plain, hay)
    return plain[slice(*span)].strip() if span else None


def reworded(quote: str, plain: str) -> str | None:
    """Return the slice of a block's new text that is nearest to a quote of its old one, or None."""
    hay = fold(plain)
    span = _surely(quote, plain, hay) or _nearly(quote, plain, hay, REWORDED_SCORE)
    return plain[slice(*span)].strip() if span else None


def shortened(quote: str, limit: int) -> str:
    """Return at most the first `limit` characters of a quote, cut at a space if it has one."""
    if len(quote) <= limit:
        return quote
    kept = quote[:limit]
    words = kept.rsplit(None, 1)
    whole = quote[limit].isspace() or kept[-1].isspace() or len(words) < 2  # noqa: PLR2004
    return kept.rstrip() if whole else words[0]


def overlap(one: str, other: str, plain: str) -> bool:
    """Return whether two quotes share a character of a text; False if it lacks either."""
    hay, needles = fold(plain).text, (fold(one).text, fold(other).text)
    starts, others = ([start for start, _ in _all(needle, hay)] for needle in needles)
    long, short = map(len, needles)
    # The other quote begins before this one ends, and ends after it begins.
    return any(
        bisect_left(others, start + long) > bisect_right(others, start - short) for start in starts
    )


def locate_in_blocks(quote: str, named: Block, blocks: Sequence[Block]) -> tuple[Block, str] | None:
    """Return the block with a quote, and the quote's exact words there.

    These are tried in order: the named block; the only other block with the quote; of a quote
    across blocks, the part in the named block; the most similar words in the named block.

    Args:
        quote: The words as the model wrote them.
        named: The block that the model named.
        blocks: All blocks, in order.

    Returns:
        The block and the words, or None if nothing was found.
    """
    if (found := locate_surely(quote, named.plain)) is not None:
        return named, found
    others = blocks_with(quote, [block for block in blocks if block is not named])
    if len(others) == 1 and (found := locate_surely(quote, others[0].plain)) is not None:
        return others[0], found
    found = _part(quote, named, blocks) or locate(quote, named.plain)
    return (named, found) if found else None


def blocks_with(quote: str, blocks: Iterable[Block]) -> list[Block]:
    """Return the blocks that contain a quote as whole words."""
    return [block for block in blocks if contains_words(quote, block.plain)]


def nearly_in(quote: str, blocks: Sequence[Block]) -> tuple[Block, str] | None:
    """Return the block with words like a quote, or a part of one across blocks; None for none."""
    from rapidfuzz import fuzz

    ways: tuple[Callable[[Block], str | None], ...] = (
        lambda one: locate(quote, one.plain),
        lambda one: _part(quote, one, blocks),
    )
    for find in ways:
        if found := [(block, words) for block in blocks if (words := find(block))]:
            return max(found, key=lambda one: fuzz.ratio(fold(quote).text, fold(one[1]).text))
    return None


def contains_words(quote: str, plain: str) -> bool:
    """Return whether a text contains these words as whole words, apart from marks."""
    return _surely(quote, plain, fold(plain), whole=True) is not None


def stands_in(words: str, text: str) -> bool:
    """Return whether a text has these words letter by letter, apart from what `fold` drops."""
    return _find(fold(words).text, fold(text), text, whole=True) is not None


def is_taken(instead: str, quote: str, text: str) -> bool:
    """Return whether a text says what was offered in place of a quote; "" was not offered."""
    is_kept = contains_words(quote, text) and not contains_words(quote, instead)
    return instead != "" and contains_words(instead, text) and not is_kept


@lru_cache(maxsize=8192)  # most lines of a page stood there at its last reviews
def unmarked_line(line: str) -> str:
    """Return about the plain text of a block's line: without its Markdown marks."""
    if _FENCE.match(line):
        return _FENCE.sub("", line).strip("\n")
    return _LEADING.sub("", _unmarked(_LINK.sub(r"\g<label>", line), _MARKS))


def locate_surely(quote: str, plain: str) -> str | None:
    """Return the slice of `plain` with exactly these words, apart from marks; None for none."""
    span = _surely(quote, plain, fold(plain))
    return plain[slice(*span)].strip() if span else None


def _part(quote: str, named: Block, blocks: Sequence[Block]) -> str | None:
    """Return the part in the named block of a quote that begins before or ends after it."""
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
    """Return the span of a quote in `plain` if only its marks differ, or None."""
    unmarked, letters = _unmarked(quote), _letters(hay)
    # A list's number may be part of the words, so the least changed form comes first.
    bare = _LEADING.sub("", unmarked)
    for candidate in (quote, unmarked, bare):
        core = candidate.strip(_AROUND)
        needle = fold(core)
        if span := _find(needle.text, hay, plain, whole=whole):
            return _with_marks(span, plain, *candidate.split(core, 1))
        loose = _letters(needle).text
        if len(loose) >= LOOSE_FROM and (span := _find(loose, letters, plain, whole=True)):
            return _with_marks(span, plain, *_around_words(quote))
    return _with_gaps(bare, plain, hay)


def _around_words(quote: str) -> tuple[str, str]:
    """Return what stands before the first and after the last letter or digit of a quote."""
    before, *_, after = _WORDS.split(quote)
    return before, after


def _with_marks(span: tuple[int, int], plain: str, before: str, after: str) -> tuple[int, int]:
    """Return a span with the marks of `before` and `after` that stand around it in `plain`.

    Blanks between them do not count: a brace that closes code belongs to the quote.
    """
    begin, end = span
    return begin - _reach(plain[:begin][::-1], before[::-1]), end + _reach(plain[end:], after)


def _reach(text: str, marks: str) -> int:
    """Return how far a text goes on with the same marks, whatever the blanks between.

    Marks that the text lacks were added around its own. A bar after a blank does not count: it
    parts the cells of a row.
    """
    wanted, reach = fold(marks).text.replace(" ", ""), 0
    for at, char in enumerate(text):
        if not char.isspace():
            folded = _folded(char)
            while wanted and wanted[0] in _ADDED and not wanted.startswith(folded):
                wanted = wanted[1:]
            parts = char == "|" and text[:at][-1:].isspace()
            if not folded or parts or not wanted.startswith(folded):
                break
            wanted, reach = wanted[len(folded) :], at + 1
    return reach


def _unmarked(quote: str, marks: re.Pattern[str] = _MARKS_OF_QUOTE) -> str:
    """Return a quote without the handles, marks and addresses that a model copies or adds."""
    text = _BREAK.sub(" ", html.unescape(visible(quote)))
    text = _TARGET.sub("", _HANDLE.sub("", _FENCE.sub("", text)))
    return marks.sub(lambda found: found["code"] or found["escaped"] or "", text)


def _with_gaps(quote: str, plain: str, hay: Folded) -> tuple[int, int] | None:
    """Return the span from the first to the last part of a quote with an ellipsis, or None."""
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
    """Return the span in `plain` of the first occurrence as whole words.

    Without such an occurrence, returns None if `whole`, else the first occurrence.
    """
    spans = [
        (hay.at[first], hay.at[last - 1] + 1)
        for first, last in _all(needle, hay.text)
        if hay.at[first] >= start
    ]
    # Scripts without upper and lower case have no word borders to check.
    bounded = (span for span in spans if not any(_is_inside(plain, at) for at in span))
    return next(bounded, None if whole or not spans else spans[0])


def _all(needle: str, hay: str) -> Iterator[tuple[int, int]]:
    at = hay.find(needle) if needle else -1
    while at >= 0:
        yield at, at + len(needle)
        at = hay.find(needle, at + 1)


def _is_inside(plain: str, at: int) -> bool:
    """Return whether an index is within a word; underscores join the parts of one."""
    return _is_cased(plain[:at].rstrip("_")[-1:]) and _is_cased(plain[at:].lstrip("_")[:1])


def _is_cased(char: str) -> bool:
    return char.isdigit() or char.lower() != char.upper()


def _nearly(
    quote: str, plain: str, hay: Folded, score: float = FUZZY_SCORE
) -> tuple[int, int] | None:
    needle, hay = (
        _letters(fold(_EDGES.sub("", _LEADING.sub("", _unmarked(quote)))), " ").text,
        _letters(hay, " "),
    )
    # A quote that is longer than the block is from elsewhere.
    if min(len(needle), len(hay.text)) < FUZZY_FROM or len(needle) > len(hay.text) * 1.1:
        return None
    from rapidfuzz import fuzz

    needle = needle[:FUZZY_TO]
    found = fuzz.partial_ratio_alignment(needle, hay.text, score_cutoff=score)
    if found is None or found.dest_end <= found.dest_start:
        return None
    begin, end = hay.at[found.dest_start], hay.at[found.dest_end - 1] + 1
    while _is_inside(plain, begin):
        begin -= 1
    while _is_inside(plain, end):
        end += 1
    span = _with_marks((begin, end), plain, *_around_words(quote))
    return to_sentences(plain, span, quote)


# A word of weight has so many letters, or a digit; so many of its first ones tell it from others.
WEIGHTY_CHARS, STEM = 4, 5


def weighty(text: str) -> set[str]:
    """Return the different words of weight of a text, folded."""
    words = re.findall(r"\w+", fold(text).text)
    return {one for one in words if len(one) >= WEIGHTY_CHARS or any(map(str.isdigit, one))}


def alike(one: str, other: str, texts: tuple[str, ...]) -> float:
    """Return how much two texts speak of the same, from 0 to 1.

    A word that both say counts the more, the fewer of `texts` say it.
    """
    rarity, rarest = _rarity(texts), log(len(texts) + 1)
    ours, theirs = ({w: rarity.get(w, rarest) for w in _stems(text)} for text in (one, other))
    said = sqrt(sum(ours.values()) * sum(theirs.values()))
    return sum(ours[word] for word in ours.keys() & theirs) / said if said else 0.0


@lru_cache(maxsize=4)  # all comments of a review are held against the same texts
def _rarity(texts: tuple[str, ...]) -> Mapping[str, float]:
    counts = Counter(word for text in texts for word in _stems(text))
    return {word: log((len(texts) + 1) / count) for word, count in counts.items()}


def _stems(text: str) -> set[str]:
    return {word[:STEM] for word in weighty(text)}
