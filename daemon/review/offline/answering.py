"""Replies to people: checks a finding again, or points to where the document speaks of it."""

from __future__ import annotations

import math
import re
from collections import Counter

from daemon.domain.phrases import asks, says_done
from daemon.domain.values import AuthorKind, Comment, Finding, Thread
from daemon.review.offline.document import (
    Document,
    Kind,
    Passage,
    kind_of,
    sentences,
    shown,
    vocabulary,
    words,
)


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
# The weight that a word of the heading adds.
_HEADING_BONUS = 0.5
_NEAR_BEST = 0.85
_FEWEST = 2
_MANY = 0.6
_QUOTE = 160
_HEADING = 80
# The number of blocks that a word counts as having if it is in none, so that it weighs most.
_NOWHERE = 0.5
_ENDINGS = re.compile(r"(?:ations?|ions?|ings?|ies|ied|ers?|ed|es|ly|s|y|e)$")
_SHORTEST = 3


def content(text: str) -> frozenset[str]:
    """Return the stems of the words that say what a text is about, and its numbers."""
    stems: set[str] = set()
    for word in words(text):
        if word not in _STOP and len(word) > 1:
            whole = word.removesuffix("'s")
            # Without its ending, "shards" is the same word as "sharding".
            bare = _ENDINGS.sub("", whole)
            stems.add(bare if len(bare) >= _SHORTEST else whole)
    return frozenset(stems) | frozenset(re.findall(r"\b\d{2,}\b", text))


def pointer(question: str, document: Document, asked_on: str | None) -> str:
    """Describe the place that shares the rarest words with a question; "" where none does.

    The block `asked_on`, which bears the thread, is left out: its reader asked the question.
    """
    texts = [p for p in document.passages if p.is_prose and p.block.id != asked_on]
    if not texts:
        return ""
    contents = [content(passage.text) for passage in texts]
    # Weigh each word asked for by its rarity; all weights together are 1
    asked = content(question)
    counts = Counter(word for found in contents for word in found & asked)
    raw = {word: math.log(1 + len(contents) / (counts[word] or _NOWHERE)) for word in asked}
    total = sum(raw.values())
    weights = {word: weight / total for word, weight in raw.items()}
    scores: dict[int, float] = {}
    for passage, found in zip(texts, contents, strict=True):
        if not weights.keys().isdisjoint(found):
            heading = None if passage.level else document.heading_of(passage)
            above = content(heading.text) if heading else frozenset[str]()
            shared = len(weights.keys() & (found | above))
            # One word in common is chance, but where it is half of a heading.
            if shared >= _FEWEST or (passage.level and shared * 2 >= len(found)):
                scores[passage.index] = _score(weights, found, above)
    enough = max(scores.values(), default=0.0) * _NEAR_BEST
    near = [document.passages[index] for index in scores if scores[index] >= enough > 0]
    if not near:
        return ""
    # Of those that are nearly as good, the one that has most of the question's words as they stand.
    said = {*words(question)}
    best = max(near, key=lambda one: (len(said & {*words(one.text)}), scores[one.index]))
    return _described(document, best, weights)


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
    name = f"section “{shown(heading.block.plain, _HEADING)}”" if heading else "opening"
    texts = [passage.block.plain[start:end] for start, end in sentences(passage.text)]
    best = max(texts, key=lambda text: _score(weights, content(text), frozenset()), default="")
    quote = shown(best, _QUOTE)
    # A sentence that shares one word with the question, or is cut before the others, is no answer.
    if heading is passage or len(weights.keys() & content(quote)) < min(_FEWEST, len(weights)):
        return f"See the {name}."
    return f"The {name} says: “{quote}”"


_REASONS = {
    Kind.MISSING: "Who decides on a proposal looks for this first.",
    Kind.EMPTY: "A heading with nothing under it reads like a section that was forgotten.",
    Kind.LEFTOVER: "Words like TODO and TBD tell readers that something is not decided yet.",
    Kind.COUNT: "The number in the text and the list after it should agree.",
    Kind.REFERENCE: "Readers who follow this reference find nothing.",
    Kind.DATE: "The date has passed, so readers cannot tell whether it was done.",
    Kind.DOUBLED: "The same word stands here twice in a row.",
}
_CHECK = re.compile(
    r"\b(?:check|look|try|run|see) (?:\w+ )?again|\bre-?check"
    r"|\bstill (?:there|stands?|valid|applies|true|an issue)",
    re.IGNORECASE,
)
_WHY = re.compile(r"\W*(?:why|how so|how come)\b", re.IGNORECASE)
_ABOUT_THE_FINDING = vocabulary(
    """bot check clear comment detail elaborat error exactl explain find fix issu mean meant
    placehold point problem reason remark rul say see suggest understand valid warn wrong"""
)


def reply(
    thread: Thread, document: Document, now: tuple[Finding, ...], raised: Finding | None
) -> str | None:
    """Answer the waiting comments of a thread; None where a rule has nothing to say.

    `now` are the findings as the document stands; `raised` is the one that began the thread.
    """
    checked = [
        comment
        for comment in thread.waiting
        if raised and (_CHECK.search(comment.plain) or says_done(comment.plain))
    ]
    asked = [
        comment
        for comment in thread.waiting
        if asks(comment.plain) and not _is_answered(comment, thread)
    ]
    question = asked[-1].plain.replace("\u2019", "'") if asked else ""
    if raised and asked and not checked and _is_about(question, raised):
        kind = kind_of(raised)
        return f"{_REASONS[kind]} {_checked(kind, raised, document, now)}" if kind else None
    parts = []
    if raised and checked and (kind := kind_of(raised)):
        parts.append(_checked(kind, raised, document, now))
    if asked and asked[-1] not in checked:
        parts.append(pointer(question, document, thread.block_id))
    return "\n\n".join(filter(None, parts)) or None


def _is_about(question: str, raised: Finding) -> bool:
    """Whether a question in a finding's thread is about the finding, and not about the matter."""
    about = _ABOUT_THE_FINDING | content(f"{raised.quote} {raised.text}")
    return bool(_WHY.match(question)) or not content(question) - about


def _is_answered(asked: Comment, thread: Thread) -> bool:
    """Whether somebody else has said something since that is no question itself."""
    after = thread.comments[thread.comments.index(asked) + 1 :]
    return any(
        comment.author.id != asked.author.id
        and comment.author.kind is AuthorKind.PERSON
        and not asks(comment.plain)
        for comment in after
    )


def _checked(kind: Kind, raised: Finding, document: Document, now: tuple[Finding, ...]) -> str:
    """Say whether a finding still stands in the document as it is now."""
    standing = next((found for found in now if is_same(kind, raised, found)), None)
    if standing and kind is Kind.MISSING:
        return f"I looked again. {standing.text}"
    block = document.snapshot.by_id.get(raised.block_id)
    if standing:
        before = "there is still nothing under" if kind is Kind.EMPTY else "it still says"
        says = f"{before} “{shown(standing.quote, _QUOTE)}”"
    elif kind is Kind.MISSING:
        says = "nothing is missing now"
    elif block is None:
        says = "the passage is gone"
    elif not block.plain.strip():
        says = "it is no longer there"
    elif kind is Kind.EMPTY:
        says = "there is something under this heading now"
    else:
        now_says = f"The text now says “{shown(block.plain, _QUOTE)}”"
        return f"I looked again, and it is no longer there. {now_says}"
    return f"I looked again, and {says}."


def is_same(kind: Kind, raised: Finding, found: Finding) -> bool:
    """Return whether `found` is the point that was raised, perhaps in other words by now."""
    if kind_of(found) is not kind:
        return False
    if kind is Kind.MISSING:
        return True
    is_there = found.block_id == raised.block_id
    return is_there and (kind is not Kind.DOUBLED or found.quote == raised.quote)
