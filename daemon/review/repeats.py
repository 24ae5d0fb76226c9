"""What a proposal must pass, and who gets an answer: tables without I/O and without a clock."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from functools import cache

from daemon.domain.values import Block, Finding, Severity
from daemon.review.cleaning import cleaned, has_secret, links, removed
from daemon.sweep.conversation.gate import Asked, Gate, gate
from daemon.review.visible import visible
from daemon.review.quotes import fold, overlap, stands


__all__ = [
    "FINDING_CHARS",
    "REPLY_CHARS",
    "ROUND_CHARS",
    "SUMMARY_CHARS",
    "Asked",
    "Gate",
    "best",
    "cleaned",
    "gate",
    "has_secret",
    "links",
    "removed",
    "repeats",
    "standing",
    "visible",
]

# Longer texts are cut, and say so: a wall of text is noise whatever it says. One that says the same
# again and again is cut after its beginning.
FINDING_CHARS = REPLY_CHARS = 6_000
SUMMARY_CHARS = 12_000
ROUND_CHARS = 1_000
# Two texts this alike on one block make the same point; shorter ones must have the same words.
SAME_POINT, SAME_POINT_FROM = 88.0, 4
# A shorter quote may stand in a block by chance.
TELLING_CHARS = 12


def repeats(finding: Finding, earlier: Iterable[Finding], block: Block) -> bool:
    """Tell whether a finding makes a point again whose text still stands in the block.

    The same point: an overlapping quote, or nearly the same words about the same block.
    """
    return any(
        overlap(finding.quote, old.quote, block.plain) or _alike(finding.text, old.text)
        for old in earlier
        if old.block_id == block.id and stands(old.quote, block.plain)
    )


def _alike(one: str, other: str) -> bool:
    from rapidfuzz import fuzz

    words, others = (re.findall(r"\w+", fold(text).text) for text in (one, other))
    # A short text would be part of many that say something else.
    if min(len(set(words)), len(set(others))) < SAME_POINT_FROM:
        return set(words) == set(others)
    return fuzz.token_set_ratio(" ".join(words), " ".join(others)) >= SAME_POINT


def standing(earlier: Iterable[Finding], blocks: Sequence[Block]) -> list[Finding]:
    """Return the findings whose quote still stands, each on the block where it stands now.

    Notion gives a block that was cut and pasted a new id: where the old block is gone, the only
    one that holds the quote takes its place.
    """
    by_id = {block.id: block for block in blocks}
    says = cache(lambda key: fold(by_id[key].plain).text)
    found = []
    for old in earlier:
        words = fold(old.quote).text
        home = old.block_id if old.block_id in by_id else _new_home(words, by_id, says)
        if home is not None and words and words in says(home):
            found.append(replace(old, block_id=home))
    return found


def _new_home(words: str, ids: Iterable[str], says: Callable[[str], str]) -> str | None:
    holders = [key for key in ids if words in says(key)]
    return holders[0] if len(holders) == 1 and len(words) >= TELLING_CHARS else None


def best(
    findings: Iterable[Finding], limit: int, floor: Severity, blocks: Sequence[Block]
) -> tuple[Finding, ...]:
    """Keep the gravest findings from the floor on, in the order of the document.

    Of equally grave ones the first of the document stay, in whatever order they were made.
    """
    places = {block.id: (index, block.plain) for index, block in enumerate(blocks)}

    def place(finding: Finding) -> tuple[int, int]:
        index, plain = places[finding.block_id]
        return index, plain.find(finding.quote)

    told = sorted((one for one in findings if one.severity.rank <= floor.rank), key=place)
    ranked = sorted(told, key=lambda one: one.severity.rank)
    return tuple(sorted(ranked[:limit], key=place))
