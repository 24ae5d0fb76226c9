"""The brake: what of a review is unusual for its database, and which reviews are drawn. Pure.

A review is measured by those of the same database that went out before it. What nobody would call
a flood always passes, and while there are few to compare with, fixed limits hold.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import astuple

from daemon.domain.values import Load


# A review that says or costs more than 99 of 100 is unusual.
PART, WHOLE = 99, 100
# So many reviews are a history; a prompt version that has fewer of its own is new.
ENOUGH = 20
# What passes while the history is short; of comments, also while the prompt version is new.
FIXED = Load(comments=4, replies=4, tokens=100_000)
# What always passes: in a database where most reviews find nothing, two comments are no flood.
HARMLESS = Load(comments=2, replies=2, tokens=20_000)


def usual(history: Sequence[Load], under_prompt: int) -> Load:
    """Return the most that passes.

    Args:
        history: The loads of the database's earlier reviews that went out.
        under_prompt: How many of its reviews went out under this prompt version.
    """
    if len(history) < ENOUGH:
        return FIXED
    measured = zip(*(astuple(load) for load in history), strict=True)
    comments, replies, tokens = map(max, map(_nearly_all, measured), astuple(HARMLESS))
    if under_prompt < ENOUGH:
        comments = min(comments, FIXED.comments)
    return Load(comments, replies, tokens)


def _nearly_all(values: Iterable[int]) -> int:
    """Return the 99th percentile: the smallest value that 99 of 100 do not exceed."""
    ranked = sorted(values)
    return ranked[-(-len(ranked) * PART // WHOLE) - 1]


def excess(load: Load, limit: Load) -> dict[str, str]:
    """Return what of a load is more than usual: the measure's name, and both numbers in words."""
    measures = zip(("comments", "replies", "tokens"), astuple(load), astuple(limit), strict=True)
    return {
        name: f"{value} {name} where at most {most} are usual"
        for name, value, most in measures
        if value > most
    }


def is_drawn(seed: str, page_id: str, content_hash: str, share: float) -> bool:
    """Tell whether a review is among the share that a person looks at.

    The same page with the same text is always drawn, or never: a crash changes nothing.
    """
    drawn = hashlib.sha256(f"{seed}\0{page_id}\0{content_hash}".encode()).digest()
    return int.from_bytes(drawn[:8]) < share * 2**64
