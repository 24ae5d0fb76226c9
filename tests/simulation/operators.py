"""The operator of one history: asks for reviews, pauses pages, tries again, takes reviews back."""

from __future__ import annotations

import random
from collections.abc import Iterable
from datetime import timedelta
from functools import partial

from daemon.domain import due
from daemon.domain.errors import ReviewError
from daemon.operations import pages as operate
from daemon.store import pages, prompts
from daemon.sweep import sweep
from daemon.sweep.context import Context
from daemon.sweep.delivery.retract import retract
from daemon.sweep.discovery import find_page
from simulation.record import Record
from support import virtual_time


WEIGHTS = {"review": 5, "pause": 1, "resume": 2, "retry": 2, "retract": 4}
LASTS = (None, timedelta(minutes=30), timedelta(hours=2), timedelta(days=7))


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
                    await self.retract(context)
                case _:
                    self._touch(context, page, what)
        except ReviewError as error:
            self._record.note(virtual_time.now(), "operator is told", why=str(error))

    async def _review(self, context: Context, page: str) -> None:
        row, target = await find_page(context, page)
        self._record.asked[page] += 1
        row = due.asked_for(row, context.notion.now)
        pages.save(context.state, [row])
        await sweep.sweep(context, (row, target))

    async def retract(self, context: Context) -> None:
        """Take a review back: mostly the last, of which something may be on its way."""
        rows = context.state.execute("SELECT id FROM reviews ORDER BY id").fetchall()
        if rows:
            [review] = rows[-1] if self._dice.random() < 0.5 else self._dice.choice(rows)
            for line in await retract(context, review):
                self._record.note(virtual_time.now(), "operator retracts", line=line)

    def _touch(self, context: Context, page: str, what: str) -> None:
        row = pages.page(context.state, page)
        if row is not None:
            pause = partial(operate.pause, lasts=self._dice.choice(LASTS))
            act = {"pause": pause, "resume": operate.resume, "retry": operate.retry}[what]
            act(context.state, row)

    def resume_all(self, context: Context) -> None:
        """Take up every page, and prompt, that somebody paused without an end."""
        for given, pause in prompts.paused(context.state).items():
            if pause.until is None:
                prompts.resume(context.state, given)
        for (page,) in context.state.execute(
            "SELECT id FROM pages WHERE paused AND paused_until IS NULL"
        ).fetchall():
            self._touch(context, page, "resume")
