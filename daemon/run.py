"""One sweep of its own: lock, state, connections, and the page that an operator asks for."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import ExitStack

from sqlite_utils import Database

from daemon import due, wiring
from daemon.config import Settings
from daemon.context import Tell
from daemon.discover import find_page
from daemon.errors import ReviewError
from daemon.store import database, pages
from daemon.sweep import Result, sweep


def once(
    settings: Settings, tell: Tell, *, dry_run: bool = False, only: str | None = None
) -> tuple[Result, Sequence[ReviewError]]:
    """Sweep once, or review the one page `only`.

    A dry run works on a copy of the state in memory, so it needs no lock and leaves no trace.

    Raises:
        LockHeld, StateDamaged, StateForeign, StateUnwritable: The state cannot be used.
        ReviewError: The page `only` cannot be found.
    """
    path = settings.config.state
    with ExitStack() as held:
        if dry_run:
            state = database.copy_in_memory(path)
        else:
            held.enter_context(database.told(path))
            held.enter_context(database.lock(path))
            state = database.open_state(path)
        return asyncio.run(_once(settings, state, tell, dry_run=dry_run, only=only))


async def _once(
    settings: Settings, state: Database, tell: Tell, *, dry_run: bool, only: str | None
) -> tuple[Result, Sequence[ReviewError]]:
    async with wiring.context(settings, state, tell, dry_run=dry_run) as context:
        asked = None
        if only is not None:
            row, base = await find_page(context, only)
            row = due.asked_for(row, context.notion.now)
            pages.save(state, [row])
            asked = row, base
        return await sweep(context, asked)
