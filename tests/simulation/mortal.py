"""A process that can be killed between any two of its effects.

An effect is a statement sent to SQLite, a request sent to Notion, or an answer that arrives. At the
chosen one the process is dead: the transaction that was open is lost, and nothing that its code
still does on the way out reaches the state or Notion.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

from sqlite_utils import Database

from support.dying import Killed


class Life:
    """One process: counts its effects and ends at number `doom`; None lives on.

    Args:
        number: Tells lives apart.
        doom: The effect before which it dies.
        near: Or, where that is given, it dies near requests of one kind: (kind, how many of them
            pass before, how many effects after).
        full: The effects from which to which the disk is full.
    """

    def __init__(
        self,
        number: int,
        doom: int | None,
        near: tuple[str, int, int] | None = None,
        full: range = range(0),
    ) -> None:
        self.number = number
        self.doom = doom
        self._near = near
        self._full = full
        self.suffered = False
        self.effects = 0
        self.dead = False
        self._burials: list[Callable[[], None]] = []

    def at_end(self, do: Callable[[], None]) -> None:
        """Have something done the moment the process dies."""
        self._burials.append(do)

    def effect(self) -> None:
        """Let one effect happen, or die before it."""
        if self.dead:
            raise Killed
        self.effects += 1
        if self.effects == self.doom:
            self.dead = True
            for bury in self._burials:
                bury()
            raise Killed

    def sends(self, kind: str) -> None:
        """Count a request of a kind."""
        if self._near is not None and self._near[0] == kind:
            _, left, after = self._near
            self._near = (kind, left - 1, after) if left else None
            if not left:
                self.doom = self.effects + 1 + after

    def write(self, sql: str) -> None:
        """Refuse a statement that writes while the disk is full."""
        self.effect()
        if self.effects in self._full and not sql.lstrip().upper().startswith(_READS):
            self.suffered = True
            raise sqlite3.OperationalError("database or disk is full")


_READS = ("SELECT", "PRAGMA", "ROLLBACK", "RELEASE", "WITH")


class Connection(sqlite3.Connection):
    """A connection that ends with the process that opened it."""

    life: Life | None = None
    closed = False

    def execute(self, *arguments: Any) -> sqlite3.Cursor:
        if self.life is not None:
            self.life.write(arguments[0])
        return super().execute(*arguments)

    def executemany(self, *arguments: Any) -> sqlite3.Cursor:
        if self.life is not None:
            self.life.write(arguments[0])
        return super().executemany(*arguments)

    @property
    def in_transaction(self) -> bool:
        """Tell it to the living: on its way out of a dead process code asks before a rollback."""
        if self.life is not None and self.life.dead:
            raise Killed
        return super().in_transaction

    def close(self) -> None:
        self.life, self.closed = None, True
        super().close()

    def bury(self) -> None:
        """Lose what was not committed, as a killed process does."""
        if not self.closed:
            self.rollback()
            super().close()


def connect(path: Path, life: Life) -> Database:
    """Open the state as the program does, but without waiting for the disk."""
    connection = sqlite3.connect(path, isolation_level=None, factory=Connection)
    for pragma in ("journal_mode = WAL", "synchronous = OFF", "foreign_keys = ON"):
        connection.execute(f"PRAGMA {pragma}")
    connection.life = life
    life.at_end(connection.bury)
    return Database(connection)
