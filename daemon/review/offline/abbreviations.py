"""Abbreviations that the document uses and never explains."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from .document import Document, Passage, label
from .hits import Hit, Kind
from .known import ABBREVIATIONS, WORDS
from .patterns import alternatives


# No part of a name, a path, a number or an identifier: "RFC-12", "IFIP 1983", "X.509", "A/B".
_CAPITALS = re.compile(
    r"(?<![\w.&/#@$%'+*=<>:\\-])([A-Z]{3,6})s?(?![\w/&#@$%+*=<>\\:-]|\.\w|'\w|\s[\d#])"
)
_WORD = re.compile(r"[A-Za-z]{3,7}")
# A run of capitals is shouting, or a name in two words.
_SHOUTED = re.compile(r"[A-Z]{2,}(?:[\s-]+[A-Z]{2,})+")
_AFTER = alternatives(
    """,? stands for\\b | ,? means\\b | ,? is (?:a|an|the|our|short)\\b | ,? are (?:the|our)\\b
    | ,? was (?:a|an|the)\\b | ,? refers to\\b | ,? short for\\b | , (?:a|an|the|our|or|which)\\s"""
)
_EXPLAINED_AFTER = re.compile(rf"s?\s*(?:[)\]\"(:=|]|- )|s?(?:{_AFTER})")
_BEFORE = "called|named|aka|a\\.k\\.a\\.|abbreviated(?: as)?|known as|or|so-called|for short,?"
_EXPLAINED_BEFORE = re.compile(rf"(?:[(\[\"/]|\b(?:{_BEFORE})\s)$")
_SPELLED_OUT = re.compile(r"[a-z] \([A-Z]{2,6}s?\)")
# Where the author spells others out, two uses of one that is not are a slip; elsewhere it may well
# be a name that all his readers know.
_FEWEST_USES = 3
_FEWEST_WITH_HABIT = 2
_MOST = 2
_NEAR = 30
_SMALL_WORD = 3


@dataclass(frozen=True, slots=True)
class _Use:
    passage: Passage
    start: int
    end: int


def abbreviations(document: Document) -> Iterator[Hit]:
    """Find abbreviations used again and again that no passage explains, the first few."""
    if not document.is_english:
        return
    uses = _uses(document)
    has_habit = any(_SPELLED_OUT.search(passage.prose) for passage in document.passages)
    fewest = _FEWEST_WITH_HABIT if has_habit else _FEWEST_USES
    often = {short: found for short, found in uses.items() if len(found) >= fewest}
    explained = _explained(document, frozenset(often))
    for short in [short for short in often if short not in explained][:_MOST]:
        first = often[short][0]
        detail = f"{short} is used {len(often[short])} times. Write it out where it first stands."
        yield Hit(Kind.ABBREVIATION, first.passage, first.start, first.end, detail)


def _uses(document: Document) -> dict[str, list[_Use]]:
    """Return where each unknown abbreviation stands in the author's own text."""
    uses: dict[str, list[_Use]] = {}
    for passage in document.passages:
        if not passage.is_prose:
            continue
        text = _SHOUTED.sub(lambda found: " " * len(found[0]), passage.own)
        for found in _CAPITALS.finditer(text):
            if found[1] not in ABBREVIATIONS and found[1] not in WORDS:
                uses.setdefault(found[1], []).append(_Use(passage, *found.span(1)))
    return uses


def _explained(document: Document, shorts: frozenset[str]) -> set[str]:
    """Return those of `shorts` that the page explains, links, or writes as a word or a name."""
    page = document.snapshot.page
    around = " ".join([page.title, *(f"{name} {text}" for name, text in page.properties)])
    known = set(_WORD.findall(around)) & shorts
    for passage in document.passages if shorts else ():
        found = {_singular(word) for word in _WORD.findall(passage.text)}
        known |= {word.upper() for word in found if not word[1:].isupper()} & shorts
        known |= {short for short in (found & shorts) - known if _explains(passage, short)}
    return known


def _singular(word: str) -> str:
    return word[:-1] if word.endswith("s") and word[:-1].isupper() else word


def _explains(passage: Passage, short: str) -> bool:
    if passage.level or passage.cited or label(passage).strip() == short:
        return True
    text = passage.text
    if any(short in text[link.start : link.end] for link in passage.links):
        return True
    return _spelled(text, short) or any(
        _EXPLAINED_AFTER.match(text, found.end())
        or _EXPLAINED_BEFORE.search(text[max(0, found.start() - _NEAR) : found.start()])
        for found in re.finditer(rf"\b{short}", text)
    )


def _spelled(text: str, short: str) -> bool:
    """Whether words in a row begin with the letters of `short`, small words counted or not."""
    found = re.findall(r"[A-Za-z]+", text)
    every = "".join(word[0] for word in found).lower()
    large = [word for word in found if len(word) > _SMALL_WORD or word[0].isupper()]
    return short.lower() in every or short.lower() in "".join(word[0] for word in large).lower()
