"""Where the text of a page's findings stands now, though its blocks were cut and pasted."""

from __future__ import annotations

from collections.abc import Container, Iterable
from dataclasses import replace
from functools import cache

from daemon.domain.change import Change, Reviewed
from daemon.domain.records import FindingRow
from daemon.domain.values import Block, Finding, Snapshot
from daemon.review.points import holding, standing
from daemon.review.quotes import reworded, stands_in, unmarked_line
from daemon.store import pages, reviews
from daemon.store.database import State


def anchored(
    state: State, known: Iterable[FindingRow], change: Change, snapshot: Snapshot
) -> list[FindingRow]:
    """Return a page's findings, each on the block where its text stands now.

    Notion gives a block that is cut and pasted a new id, and other words may come into it then. So
    when its block is gone, a finding moves to the only block into which its words came since. A
    quote that changed a little in a pasted block is quoted as it reads now.
    """
    page_id, pasted = snapshot.page.id, {old: new for new, old in change.pasted.items()}
    read = cache(lambda key: read_by(state, page_id, key))
    since = cache(lambda key: Change.between(read(key), snapshot))
    rows = []
    for one in known:
        on, made = pasted.get(one.finding.block_id, one.finding.block_id), one.finding
        there = replace(made, block_id=on)
        held = [] if on in snapshot.by_id else holding(made, snapshot.blocks)
        if held:
            then = [key for key, _ in was.blocks] if (was := read(one.review_id)) else []
            came = [block for block in held if _came(made, block, then, since(one.review_id))]
            there = replace(made, block_id=came[0].id) if len(came) == 1 else made
        elif on in change.pasted and not standing([there], snapshot.blocks):
            there = replace(
                there, quote=reworded(made.quote, snapshot.by_id[on].plain) or made.quote
            )
        rows.append(replace(one, finding=there))
    return rows


def _came(made: Finding, block: Block, then: Container[str], since: Change) -> bool:
    """Tell whether the words of a finding came into a block that has them, since it was made.

    `then` are the ids of the blocks of that time. A finding on none of them was moved since, so its
    own block is any that was pasted.
    """
    was, home = since.changed.get(block.id), since.pasted.get(block.id)
    is_own = home is not None and (home == made.block_id or made.block_id not in then)
    is_changed = was is not None and not stands_in(made.quote, unmarked_line(was))
    return is_own or is_changed or block.id in since.new


def read_by(state: State, page_id: str, review_id: int) -> Reviewed | None:
    """Return what a review read; what the page said at its last review where that is not kept."""
    read = reviews.text(state, review_id)
    return read.reviewed if read else pages.last_reviewed(state, page_id)
