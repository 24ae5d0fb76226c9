"""Finding a quote in a block, whatever the model did to its quotes, dashes and spaces."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass

from daemon.domain import Block


# Below it a fuzzy match would find anything anywhere.
FUZZY_FROM = 12
FUZZY_SCORE = 90.0

_FOLDS = {
    **dict.fromkeys(map(ord, "\u2018\u2019\u201a\u201b\u2032`\u00b4"), "'"),
    **dict.fromkeys(map(ord, "\u201c\u201d\u201e\u201f\u2033\u00ab\u00bb"), '"'),
    **dict.fromkeys(map(ord, "\u2010\u2011\u2012\u2013\u2014\u2015\u2212"), "-"),
    ord("\u2026"): "...",
}
_MARKS = re.compile(
    r"\*\*|~~|[*_`]|^\s*(?:#{1,4}|[-+>•]|\d+\.|\[[ x]\])\s+|\]\([^)\s]*\)|(?<!\w)\["
)


@dataclass(frozen=True, slots=True)
class Folded:
    """A text made comparable; `at[i]` is where its i-th character stands in the original."""

    text: str
    at: tuple[int, ...]


def fold(text: str) -> Folded:
    """Fold case, width, quotes, dashes and runs of space; drop invisible characters."""
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


def _folded(char: str) -> str:
    if char.isspace():
        return " "
    if unicodedata.category(char) in ("Cf", "Cc"):
        return ""
    return unicodedata.normalize("NFKC", char.translate(_FOLDS)).casefold()


def locate(quote: str, plain: str) -> str | None:
    """Return the slice of `plain` that the quote means, or None.

    The quote may carry Markdown marks, other quotation marks or dashes, and small slips.
    """
    hay = fold(plain)
    for candidate in (quote, _MARKS.sub("", quote)):
        needle = fold(candidate.strip().strip('"“”…').strip()).text
        if not needle:
            continue
        start = hay.text.find(needle)
        if start >= 0:
            return _slice(plain, hay, start, start + len(needle))
    return _nearly(fold(_MARKS.sub("", quote)).text, plain, hay)


def _nearly(needle: str, plain: str, hay: Folded) -> str | None:
    if len(needle) < FUZZY_FROM or len(hay.text) < FUZZY_FROM:
        return None
    from rapidfuzz import fuzz

    found = fuzz.partial_ratio_alignment(needle, hay.text, score_cutoff=FUZZY_SCORE)
    # The shorter text is the one that is looked for: a quote longer than the block is no quote.
    if found is None or len(needle) > len(hay.text) * 1.1:
        return None
    start, end = _to_words(hay.text, found.dest_start, found.dest_end)
    return _slice(plain, hay, start, end) if end > start else None


def _to_words(text: str, start: int, end: int) -> tuple[int, int]:
    while start > 0 and text[start - 1].isalnum() and text[start].isalnum():
        start -= 1
    while end < len(text) and text[end - 1].isalnum() and text[end].isalnum():
        end += 1
    return start, end


def _slice(plain: str, hay: Folded, start: int, end: int) -> str:
    return plain[hay.at[start] : hay.at[end - 1] + 1].strip()


def overlap(one: str, other: str, plain: str) -> bool:
    """Tell whether two quotes share a character of the text; False where either is gone."""
    hay = fold(plain).text
    spans = []
    for quote in (one, other):
        needle = fold(quote).text
        start = hay.find(needle)
        if start < 0 or not needle:
            return False
        spans.append((start, start + len(needle)))
    (a, b), (c, d) = spans
    return a < d and c < b


def place(quote: str, named: Block, blocks: tuple[Block, ...]) -> tuple[Block, str] | None:
    """Return the block that a quote stands in and its exact words there.

    The named block first; else the only other block that holds it; None where none or several do.
    """
    if (found := locate(quote, named.plain)) is not None:
        return named, found
    needle = fold(_MARKS.sub("", quote)).text
    holders = [block for block in blocks if needle and needle in fold(block.plain).text]
    if len(holders) != 1:
        return None
    found = locate(quote, holders[0].plain)
    return (holders[0], found) if found is not None else None
