"""The operator of one history: asks for reviews, pauses pages, tries again, takes reviews back."""

from __future__ import annotations

import random
from collections.abc import Iterable

import virtual_time
from record import Record

from daemon.domain import due
from daemon.operations import pages as operate
from daemon.sweep import sweep
from daemon.sweep.context import Context
from daemon.sweep.discovery import find_page
from daemon.domain.errors import ReviewError
from daemon.sweep.delivery.retract import retract
from daemon.store import pages


WEIGHTS = {"review": 5, "pause": 1, "resume": 2, "retry": 2, "retract": 4}


class Operator:
    """Does now and then what the commands do."""

    def __init__(self, dice: random.Random, record: Record) -> None:
        self._dice = dice
        self._record = record

    async def act(self, context: Context, company: Iterable[str]) -> None:
        """Run one command, of any kind, for any page or review."""
        what = self._dice.choices(list(WEIGHTS), list(WEIGHTS.values()))[0]
        page = self._dice.choice(list(company))
        self._record.note(virtual_time.now(), f"operator {what}", page=page[:8])
        try:
            match what:
                case "review":
                    await self._review(context, page)
                case "retract":
                    await self._retract(context)
                case _:
                    self._touch(context, page, what)
        except ReviewError as error:
            self._record.note(virtual_time.now(), "operator is told", why=str(error))

    async def _review(self, context: Context, page: str) -> None:
        row, base = await find_page(context, page)
        self._record.asked[page] += 1
        row = due.asked_for(row, context.notion.now)
        pages.save(context.state, [row])
        await sweep.sweep(context, (row, base))

    async def _retract(self, context: Context) -> None:
        rows = context.state.execute("SELECT id FROM reviews ORDER BY id").fetchall()
        if rows:
            for line in await retract(context, self._dice.choice(rows)[0]):
                self._record.note(virtual_time.now(), "operator retracts", line=line)

    def _touch(self, context: Context, page: str, what: str) -> None:
        row = pages.page(context.state, page)
        if row is not None:
            act = {"pause": operate.pause, "resume": operate.resume, "retry": operate.retry}[what]
            act(context.state, row)

    def resume_all(self, context: Context) -> None:
        """Take up every page that somebody paused."""
        for (page,) in context.state.execute("SELECT id FROM pages WHERE paused").fetchall():
            self._touch(context, page, "resume")
