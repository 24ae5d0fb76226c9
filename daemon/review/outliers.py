"""Which reviews are unusual for their database, and which are sampled for a person. Pure.

A review is compared with the earlier reviews of the same database. A very small review always
passes, and fixed limits hold while there are few reviews to compare with.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import astuple

from daemon.domain.values import ReviewSize


# A review that says or costs more than this percentage of the earlier ones is unusual.
PERCENTILE = 99
# With fewer reviews there is no history to compare with, and a prompt version is new.
ENOUGH_REVIEWS = 20
# The limit while the history is short; its comments also hold while the prompt version is new.
FIXED_LIMIT = ReviewSize(comments=4, replies=4, tokens=100_000)
# No limit is below this: where most reviews find nothing, two comments are not too many.
ALWAYS_ALLOWED = ReviewSize(comments=2, replies=2, tokens=20_000)


def usual_limit(history: Sequence[ReviewSize], under_prompt: int) -> ReviewSize:
    """Return the largest size that is not unusual.

    Args:
        history: The sizes of the database's earlier reviews that were posted.
        under_prompt: How many of them were posted under this prompt version.
    """
    if len(history) < ENOUGH_REVIEWS:
        return FIXED_LIMIT
    measures = zip(*map(astuple, history), strict=True)
    # The smallest value that 99 of 100 do not exceed; the minus signs round up.
    at = -(-len(history) * PERCENTILE // 100) - 1
    percentiles = (sorted(values)[at] for values in measures)
    comments, replies, tokens = map(max, percentiles, astuple(ALWAYS_ALLOWED))
    if under_prompt < ENOUGH_REVIEWS:
        comments = min(comments, FIXED_LIMIT.comments)
    return ReviewSize(comments, replies, tokens)


def exceeded(size: ReviewSize, limit: ReviewSize) -> dict[str, str]:
    """Return the measures in which a size is over the limit, each with both numbers in words."""
    measures = zip(("comments", "replies", "tokens"), astuple(size), astuple(limit), strict=True)
    return {
        name: f"{value} {name} where at most {most} are usual"
        for name, value, most in measures
        if value > most
    }


def is_drawn(seed: str, page_id: str, content_hash: str, share: float) -> bool:
    """Return whether a review is in the share (0 to 1) that a person looks at.

    The answer for the same page with the same text is always the same, also after a crash.
    """
    digest = hashlib.sha256(f"{seed}\0{page_id}\0{content_hash}".encode()).digest()
    return int.from_bytes(digest[:8]) < share * 2**64
