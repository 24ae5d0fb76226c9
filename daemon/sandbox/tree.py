"""Built blocks -> blocks of the world."""

from __future__ import annotations

from collections.abc import Iterable

from daemon.sandbox.model import Block, Json, Stamp
from daemon.sandbox.state import State


def grow(
    state: State, parent_id: str, built: Iterable[Json], by: str, after: str | None = None
) -> list[Block]:
    """Put built blocks and all below them under a parent, now.

    Args:
        state: The world.
        parent_id: A page or a block.
        built: Blocks as `blocks` builds them.
        by: The id of who makes them.
        after: The sibling they follow; None for the end, "" for the start.
    """
    now = state.now()
    return plant(state, parent_id, built, Stamp(by, now, now), after)


def plant(
    state: State, parent_id: str, built: Iterable[Json], stamp: Stamp, after: str | None = None
) -> list[Block]:
    """Put built blocks under a parent as of a time."""
    made: list[Block] = []
    for one in built:
        block = _block(state, parent_id, one, stamp)
        if after is None:
            state.add_block(block)
        else:
            _insert(state, block, after)
            after = block.id
        plant(state, block.id, one.get("children", ()), stamp)
        made.append(block)
    return made


def _insert(state: State, block: Block, after: str) -> None:
    if after:
        state.add_block(block, after)
        return
    state.blocks[block.id] = block
    state.children.setdefault(block.parent_id, []).insert(0, block.id)


def _block(state: State, parent_id: str, one: Json, stamp: Stamp) -> Block:
    kind = one["type"]
    held = state.blocks.get(parent_id)
    page_id = parent_id if parent_id in state.pages or held is None else held.page_id
    times = (stamp.created, stamp.edited, stamp.by, stamp.by)
    return Block(state.ids(), kind, dict(one[kind]), parent_id, page_id, *times)
