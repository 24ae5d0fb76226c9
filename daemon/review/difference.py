"""What a change of a page means for its review: what invites comments, what was mended. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from daemon.domain.change import Change
from daemon.domain.values import Block, Finding, Source
from daemon.review.quotes import stands


def unchanged(change: Change, blocks: Iterable[Block]) -> frozenset[str]:
    """Return the blocks that say what they said at the last review."""
    if change.first:
        return frozenset()
    return frozenset(block.id for block in blocks) - {*change.new, *change.changed}


def closed(change: Change, blocks: Iterable[Block]) -> frozenset[str]:
    """Return the blocks that invite no comment: what did not change had its review.

    Where nothing is new or changed, something was taken out, or the title or a property changed:
    that may put any block in another light, so all of them are open.
    """
    if not (change.new or change.changed):
        return frozenset()
    return unchanged(change, blocks)


def is_addressed(
    raised: Finding, change: Change, blocks: Sequence[Block], made: Iterable[Finding]
) -> bool:
    """Tell whether a finding counts as addressed: its text changed, and it did not come again.

    A block where this review had something to say, in whatever words, may mean the same point;
    that a point is not repeated on text that stands means nothing.

    Args:
        raised: The finding.
        change: What differs from the last review.
        blocks: The page as it reads now.
        made: What this review raised.
    """
    block = next((one for one in blocks if one.id == raised.block_id), None)
    if block is None:
        return not any(stands(raised.quote, one.plain) for one in blocks)
    if block.id not in change.changed or stands(raised.quote, block.plain):
        return False
    return not any(_may_be_the_same(raised, one) for one in made)


def _may_be_the_same(raised: Finding, made: Finding) -> bool:
    if (made.block_id, made.source) != (raised.block_id, raised.source):
        return False
    # A rule's words begin with its name.
    return raised.source is Source.MODEL or _rule(raised) == _rule(made)


def _rule(finding: Finding) -> str:
    return finding.text.partition(":")[0]
