"""Where a document speaks of what a question asks."""

from __future__ import annotations

import math
import re
from collections import Counter
from dataclasses import dataclass

from daemon.review.offline.document import Document, Passage, sentences, shown, words
from daemon.review.offline.patterns import vocabulary


_STOP = vocabulary(
    """a about above after again all already also am an and any are as at be because been before
    being below between both but by can cannot come could did do document does doing done down each
    else ever every exist few for from further get give go going good got had happen happens has
    have having he her here him his how i if in into is it its just know let like long look made
    make many may maybe me might more most much must my need no nor not now of off often ok on once
    one only or other our out over own page part people please question rather really same section
    shall she should since so some someone something still such sure take tell text than that the
    their them then there these they thing think this those through to too under until up us use
    used using very want was way we well were what when where whether which while who whom whose
    why will with within without work would yes yet you your"""
)
# The share of a question's weight that a block and its heading must speak of.
_ENOUGH = 0.5
# What a word under the right heading counts besides.
_HEADING_BONUS = 0.5
_NEAR_BEST = 0.85
_FEWEST = 2
_MANY = 0.6
_MOST = 2
_QUOTE = 160
_HEADING = 80
# As if a word that stands nowhere stood in half a block: it weighs most.
_NOWHERE = 0.5
_ENDINGS = re.compile(r"(?:ations?|ions?|ings?|ies|ied|ers?|ed|es|ly|s|y|e)$")
_SHORTEST = 3


@dataclass(frozen=True, slots=True)
class _Place:
    passage: Passage
    score: float


def content(text: str) -> frozenset[str]:
    """Return the stems of the words that say what a text is about, and its numbers."""
    found = {word for word in words(text) if word not in _STOP and len(word) > 1}
    return frozenset(map(_stem, found)) | frozenset(re.findall(r"\b\d{2,}\b", text))


def pointers(question: str, document: Document, asked_on: str | None) -> list[str]:
    """Describe the one or two places that share the rarest words with a question.

    The block `asked_on`, which bears the thread, is left out: who asks has read it.
    """
    texts = [p for p in document.passages if p.text.strip() and p.block.id != asked_on]
    if not texts:
        return []
    contents = [content(passage.text) for passage in texts]
    weights = _weights(content(question), contents)
    places = [
        _Place(passage, _score(weights, found, _heading_words(document, passage)))
        for passage, found in zip(texts, contents, strict=True)
        if not weights.keys().isdisjoint(found)
    ]
    best = sorted(places, key=lambda place: (-place.score, place.passage.index))[:_MOST]
    near = [place for place in best if place.score >= best[0].score * _NEAR_BEST > 0]
    return list(dict.fromkeys(_described(document, place.passage, weights) for place in near))


def _weights(asked: frozenset[str], contents: list[frozenset[str]]) -> dict[str, float]:
    """Weigh each word asked for by its rarity; all weights together are 1."""
    counts = Counter(word for found in contents for word in found & asked)
    raw = {word: math.log(1 + len(contents) / (counts[word] or _NOWHERE)) for word in asked}
    total = sum(raw.values())
    return {word: weight / total for word, weight in raw.items()}


def _heading_words(document: Document, passage: Passage) -> frozenset[str]:
    heading = document.heading_of(passage)
    return content(heading.text) if heading and not passage.level else frozenset()


def _score(weights: dict[str, float], found: frozenset[str], heading: frozenset[str]) -> float:
    """Return what a block covers of a question, and a bonus for its heading; 0 for too little."""
    shared = weights.keys() & (found | heading)
    covered = sum(weights[word] for word in shared)
    # The rare words decide; but most of the words, though common, are enough as well.
    are_most = len(shared) >= max(_FEWEST, len(weights) * _MANY)
    bonus = sum(weights[word] for word in shared & heading)
    return covered + bonus * _HEADING_BONUS if covered >= _ENOUGH or are_most else 0.0


def _described(document: Document, passage: Passage, weights: dict[str, float]) -> str:
    heading = passage if passage.level else document.heading_of(passage)
    name = shown(heading.block.plain, _HEADING) if heading else ""
    where = f"the section “{name}”" if name else "the opening"
    return where if heading is passage else f"{where}: “{_best_sentence(passage, weights)}”"


def _best_sentence(passage: Passage, weights: dict[str, float]) -> str:
    plain = passage.block.plain
    texts = [plain[start:end] for start, end in sentences(passage.text)]
    return shown(max(texts, key=lambda text: _score(weights, content(text), frozenset())), _QUOTE)


def _stem(word: str) -> str:
    """Return a word without a common ending: enough for "shards" to meet "sharding"."""
    word = word.removesuffix("'s")
    bare = _ENDINGS.sub("", word)
    return bare if len(bare) >= _SHORTEST else word
