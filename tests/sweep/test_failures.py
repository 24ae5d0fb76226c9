"""What a failure on one page stops: that page, or every further one."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from sqlite_utils import Database

from daemon.domain.errors import (
    BudgetEmpty,
    CapabilityOff,
    Missing,
    ModelsDown,
    PageSpent,
    ReviewError,
    StateDamaged,
    StateUnwritable,
    TokenRefused,
    Unavailable,
)
from daemon.domain.records import PageRow, PageState
from daemon.domain.scope import NOTION_IS_DOWN
from daemon.store import pages, schema
from daemon.sweep import failures
from daemon.sweep.context import Tally


NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
ROW = PageRow("page", "source", "Queues", "url", NOON, PageState.DONE)


class Scene:
    """One page within its border; `recorded` holds its failures, each with the bug if it is one."""

    def __init__(self) -> None:
        self.state = Database(memory=True)
        schema.migrations.apply(self.state)
        pages.save(self.state, [ROW])
        self.recorded: list[tuple[str, Exception | None]] = []
        self.tally = Tally()
        self.context: Any = SimpleNamespace(
            state=self.state,
            config=SimpleNamespace(state=Path("state.db")),
            notion=SimpleNamespace(now=NOON),
            emit=lambda _event, **_facts: None,
            tally=self.tally,
        )

    def meet(self, error: Exception | None, row: PageRow = ROW) -> None:
        """Let a page meet an error within its border."""

        def act() -> None:
            if error:
                raise error

        self.let(act, row)

    def let(self, act: Callable[[], object], row: PageRow = ROW) -> None:
        """Do something within the border of a page."""

        async def go() -> None:
            async with failures.border(self.context, row, self.record):
                act()

        asyncio.run(go())

    def record(self, why: str, bug: Exception | None) -> None:
        """Take down a failure."""
        self.recorded.append((why, bug))


@pytest.fixture
def scene() -> Scene:
    return Scene()


def test_a_bug_is_this_pages_failure_and_its_traceback_is_logged(scene: Scene) -> None:
    bug = KeyError("title")
    scene.meet(bug)
    assert scene.recorded == [("internal error: KeyError('title')", bug)]
    assert (scene.tally.failed, scene.tally.halted) == (1, False)


def test_an_expected_error_is_this_pages_failure_and_has_no_traceback(scene: Scene) -> None:
    scene.meet(Missing("block b: is gone"))
    assert scene.recorded == [("block b: is gone", None)]
    assert (scene.tally.failed, scene.tally.halted) == (1, False)


@pytest.mark.parametrize(
    "error",
    [TokenRefused("no"), ModelsDown("no"), BudgetEmpty("no"), CapabilityOff("no")],
    ids=lambda error: type(error).__name__,
)
def test_what_every_further_page_would_meet_halts_the_sweep_and_is_no_pages_failure(
    scene: Scene, error: Exception
) -> None:
    scene.meet(error)
    assert (scene.tally.errors, scene.tally.halted) == ([error], True)
    assert (scene.tally.failed, scene.recorded) == (0, [])


def test_an_unreadable_stored_value_of_a_page_ends_the_sweep_as_a_damaged_state(
    scene: Scene,
) -> None:
    scene.state.execute("UPDATE pages SET edited = '2026-1q-20T12:00:00.000Z'")
    with pytest.raises(StateDamaged, match=r"state\.db: the state is damaged"):
        scene.let(lambda: pages.page(scene.state, ROW.id))
    assert scene.recorded == []


@pytest.mark.parametrize(
    ("code", "meaning"),
    [(sqlite3.SQLITE_FULL, StateUnwritable), (sqlite3.SQLITE_CORRUPT, StateDamaged)],
)
def test_a_state_that_cannot_be_used_is_no_pages_failure(
    scene: Scene, code: int, meaning: type[ReviewError]
) -> None:
    error = sqlite3.OperationalError("of the file")
    error.sqlite_errorcode = code
    with pytest.raises(meaning):
        scene.meet(error)
    assert scene.recorded == []


def test_a_text_that_cannot_be_stored_is_this_pages_failure(scene: Scene) -> None:
    scene.let(lambda: pages.save(scene.state, [replace(ROW, title="\ud83d")]))
    [(why, _)] = scene.recorded
    assert why.startswith("internal error: UnicodeEncodeError")


def test_a_page_that_spent_its_share_is_put_off_and_did_not_fail(scene: Scene) -> None:
    until = NOON + timedelta(hours=12)
    scene.meet(PageSpent("limits.tokens_per_page: spent", until))
    row = pages.page(scene.state, ROW.id)
    assert row is not None
    assert (row.state, row.due_at) == (PageState.DUE, until)
    assert (scene.tally.failed, scene.tally.halted) == (0, False)
    assert len(scene.tally.errors) == 1


def silent(scene: Scene, pages_: int) -> None:
    for number in range(pages_):
        scene.meet(Unavailable("no answer"), replace(ROW, id=f"page {number}"))


def test_several_pages_in_a_row_without_an_answer_halt_the_sweep(scene: Scene) -> None:
    silent(scene, NOTION_IS_DOWN - 1)
    scene.meet(None)
    silent(scene, NOTION_IS_DOWN - 1)
    assert not scene.tally.halted
    silent(scene, NOTION_IS_DOWN)
    assert scene.tally.halted


def test_one_page_without_an_answer_however_often_halts_nothing(scene: Scene) -> None:
    for _ in range(2 * NOTION_IS_DOWN):
        scene.meet(Unavailable("no answer"))
    assert not scene.tally.halted
