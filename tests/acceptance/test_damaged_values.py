"""A stored value that a flipped bit made unreadable is told as a damaged state, never as a bug."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from daemon.sandbox import Sandbox, blocks
from support.program import NOW, Program, ScriptedModel, comment, finish


HOUR = timedelta(hours=1)
COMMANDS = (
    ("--once",),
    ("status",),
    ("explain", "PAGE"),
    ("report",),
    ("retract", "1"),
    ("drafts",),
    ("pause", "PAGE"),
    ("forget", "PAGE"),
)
# What each command reads of these, so that it ends in 65.
TOLD = {
    "sources.checkpoint": {"--once", "status"},
    "pages.edited": {"--once", "explain", "pause", "forget"},
    "reviews.at": {"explain", "retract"},
    "reviews.refusals": {"explain", "retract"},
    "outbox.created_at": {"explain", "retract"},
}


@pytest.fixture
def state(box: Sandbox, program: Program, model: ScriptedModel, rfcs: str) -> Path:
    """The file after a review with a comment that was refused, and one with an answer."""
    text = "We need queues because the poller is slow."
    page = box.world.page(rfcs, "Queues", [blocks.paragraph(text)], at=NOW - HOUR)
    model.think = lambda _document, turn: (
        [finish("Say which.")]
        if turn
        else [comment("B1", "queues", "Which?"), comment("B1", "no such words", "Never.")]
    )
    program.sweep()
    box.world.comment(page, "Why?")
    program.run("--once")
    box.clock.advance(HOUR)
    box.world.edit_block(box.world.blocks(page)[0], f"{text} Really.")
    return program.folder / "state" / "notion-review.db"


def columns(path: Path) -> list[tuple[str, str]]:
    """Every column with a time or with JSON in some row."""
    found = []
    with closing(sqlite3.connect(path)) as db:
        for (table,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'table'"):
            for column in [row[1] for row in db.execute(f"PRAGMA table_info({table})")]:
                where = f"{column} GLOB '20??-*T*Z' OR {column} GLOB '[[]*' OR {column} GLOB '{{*'"
                if db.execute(f"SELECT 1 FROM {table} WHERE {where}").fetchone():
                    found.append((table, column))
    return [one for one in found if one[0] != "_sqlite_migrations"]


def flip(path: Path, table: str, column: str) -> None:
    """Flip a bit of a column's first letter in every row."""
    with closing(sqlite3.connect(path)) as db, db:
        first = f"unicode({column})"
        flipped = f"char({first} + iif({first} & 64, -64, 64)) || substr({column}, 2)"
        db.execute(f"UPDATE {table} SET {column} = {flipped} WHERE {column} IS NOT NULL")


def ends(program: Program, path: Path, page: str) -> dict[str, Any]:
    sound, codes = path.read_bytes(), {}
    for command in COMMANDS:
        done = program.run(*(page if part == "PAGE" else part for part in command))
        codes[command[0]] = done
        path.write_bytes(sound)
    return codes


def test_a_flipped_bit_in_any_stored_time_or_json_is_no_bug(
    box: Sandbox, program: Program, model: ScriptedModel, state: Path
) -> None:
    sound = state.read_bytes()
    [page] = [one.id for one in box.world.state.pages.values() if one.name == "Queues"]
    found = columns(state)
    assert {f"{table}.{column}" for table, column in found} >= TOLD.keys()
    for table, column in found:
        flip(state, table, column)
        done = ends(program, state, page)
        name = f"{table}.{column}"
        for command, one in done.items():
            assert one.code in (0, 3, 65), f"{name}, {command}: {one.err}"
            assert "internal error" not in one.err, f"{name}, {command}"
            if one.code == 65:
                assert f"{state}: the state is damaged (" in one.err, name
                assert one.err.count("\n") == 1 or command == "--once"
        told = {command for command, one in done.items() if one.code == 65}
        assert told >= TOLD.get(name, set()), name
        state.write_bytes(sound)


def test_what_is_stored_of_one_page_and_cannot_be_read_is_65_for_the_whole_sweep(
    box: Sandbox, program: Program, model: ScriptedModel, rfcs: str, state: Path
) -> None:
    box.world.page(rfcs, "Other", [blocks.paragraph("Words.")])
    box.clock.advance(HOUR)
    with closing(sqlite3.connect(state)) as db, db:
        db.execute("UPDATE texts SET body = x'00'")
    done = program.run("--once")
    assert done.code == 65, done.err
    assert f"{state}: the state is damaged (" in done.err
    assert "internal error" not in done.err
