"""Whether a proposal speaks of what it has to, and whether its headings have text."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

from daemon.review.offline.document import Document, Passage, listed, shown, words
from daemon.review.offline.hits import Hit, Kind, whole
from daemon.review.offline.patterns import any_of
from daemon.review.offline.topics import (
    OTHER_KIND,
    PROPOSAL,
    PROPOSAL_HEADING,
    PROPOSAL_TITLE,
    ROLLOUT,
    RUNNING,
    SERVED,
    TOPICS,
    Topic,
)


_TEMPLATE = any_of("template")
# A note of a few lines owes nobody its alternatives.
_ENOUGH_WORDS = 120
_ENOUGH_HEADINGS = 2
_ENOUGH_TOPICS = 2
_ENOUGH_WEAK = 2
_ENOUGH_RUNNING = 2
_ENOUGH_OPERATED = 4
# Words under headings that no topic knows: from here on they may well be the proposal.
_UNTITLED_PROPOSAL = 40
# Headings that wait for others to fill them.
_LEFT_TO_READERS = any_of(
    r"discussion | comments?\b | feedback | notes?\b | q\s?&\s?a | sign.?offs? | approv | votes?\b"
)
_BARE = frozenset({"paragraph", "divider"})
_LONG_HEADING = 12
# From so many empty sections on, one comment names them all.
_MANY = 4
_NAMED = 8


def missing(document: Document) -> Iterator[Hit]:
    """Name the topics that a proposal leaves out, all in one hit."""
    if not _is_proposal(document):
        return
    absent = [topic for topic in TOPICS if not _speaks_of(document, topic)]
    place = _place(document)
    if absent and place:
        names = listed([f"{topic.name} ({topic.ask})" for topic in absent])
        advice = "Add a section on each." if len(absent) > 1 else "Add a section on it."
        yield whole(Kind.MISSING, place, f"the document says nothing of {names}. {advice}")


def empty(document: Document) -> Iterator[Hit]:
    """Find headings with nothing under them."""
    hollow = [heading for heading in _hollow(document) if heading.is_prose]
    if len(hollow) < _MANY:
        for heading in hollow:
            yield whole(Kind.EMPTY, heading, "write it, or drop the heading.")
        return
    names = [f"“{shown(heading.block.plain, 40)}”" for heading in hollow[1 : _NAMED + 1]]
    more = len(hollow) - 1 - len(names)
    others = listed([*names, f"{more} more"] if more else names)
    detail = f"nothing stands here, nor under {others}. Write them, or drop the headings."
    yield whole(Kind.EMPTY, hollow[0], detail)


def _is_proposal(document: Document) -> bool:
    page = document.snapshot.page
    if len(document.words) < _ENOUGH_WORDS or not document.is_english:
        return False
    heads = [heading.text for heading in document.headings]
    if len(heads) < _ENOUGH_HEADINGS or _TEMPLATE.search(page.title):
        return False
    named = [page.title, heads[0], *(text for _, text in page.properties)]
    is_named = any(PROPOSAL_TITLE.search(text) for text in named)
    if not is_named and any(OTHER_KIND.search(text) for text in (page.title, *heads)):
        return False
    known = [topic for topic in TOPICS if any(topic.label.search(head) for head in heads)]
    is_marked = is_named or any(PROPOSAL_HEADING.search(head) for head in heads)
    return is_marked and len(known) >= _ENOUGH_TOPICS


def _speaks_of(document: Document, topic: Topic) -> bool:
    if any(map(topic.label.search, document.labels)):
        return True
    if topic is PROPOSAL and _untitled_words(document) >= _UNTITLED_PROPOSAL:
        return True
    texts = [passage.prose for passage in document.passages]
    if any(map(topic.strong.search, texts)):
        return True
    if sum(bool(topic.weak.search(text)) for text in texts) >= _ENOUGH_WEAK:
        return True
    return topic is ROLLOUT and not _is_operated(texts)


def _is_operated(texts: list[str]) -> bool:
    """Whether the proposal is about a running system, by the words that it uses."""
    running, served = (
        {word.lower().rstrip("s") for text in texts for word in pattern.findall(text)}
        for pattern in (RUNNING, SERVED)
    )
    return len(running) >= _ENOUGH_RUNNING and len(running) + len(served) >= _ENOUGH_OPERATED


def _untitled_words(document: Document) -> int:
    """Count the words that stand under no heading that a topic knows."""
    known = {
        heading.index
        for heading in document.headings
        if any(topic.label.search(heading.text) for topic in TOPICS)
    }
    others = [p for p in document.passages if not p.level and p.heading not in known]
    return sum(len(words(passage.prose)) for passage in others)


def _place(document: Document) -> Passage | None:
    """Return the heading that opens the document, for it stays in place; else the last one."""
    heads = [heading for heading in document.headings if heading.block.commentable]
    first = next((p for p in document.passages if p.block.plain.strip()), None)
    if not heads:
        return None
    return heads[0] if heads[0] is first else heads[-1]


def _hollow(document: Document) -> Iterator[Passage]:
    said = [passage for passage in document.passages if not _is_bare(passage)]
    for passage, follower in pairwise([*said, None]):
        is_title = passage is said[0] and _is_title(passage)
        if passage and passage.level and not is_title and _is_hollow(passage, follower):
            yield passage


def _is_bare(passage: Passage) -> bool:
    """Whether the block is an empty line or a rule; an image without text says something."""
    is_heading = passage.block.type.startswith("heading")
    return not passage.block.plain.strip() and (is_heading or passage.block.type in _BARE)


def _is_hollow(heading: Passage, follower: Passage | None) -> bool:
    text = heading.text.strip()
    if text.endswith((".", ":", "!", "…")) or len(words(text)) > _LONG_HEADING:
        return False
    if _LEFT_TO_READERS.search(text):
        return False
    if follower is None:
        return heading.block.depth == 0
    is_near = follower.block.depth == heading.block.depth
    return is_near and 0 < follower.level <= heading.level


def _is_title(heading: Passage) -> bool:
    """Whether a heading that opens the page names the page, not a section."""
    return heading.level == 1 and not any(topic.label.match(heading.text) for topic in TOPICS)
