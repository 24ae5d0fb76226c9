"""What happened in one history: seen from outside the program, for the invariants."""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any


@dataclass(frozen=True)
class Own:
    """A comment that the program's bot made; `sent` is when the request left the program."""

    id: str
    discussion_id: str
    parent_id: str
    text: str
    at: datetime
    sent: datetime
    opens: bool
    page_id: str


@dataclass(frozen=True)
class Words:
    """A comment by a person or another bot."""

    id: str
    discussion_id: str
    author_id: str
    kind: str
    by_person: bool
    at: datetime


@dataclass
class Record:
    """Everything that a history leaves behind, and its trace: one line an event."""

    seed: int
    trace: list[str] = field(default_factory=list)
    own: list[Own] = field(default_factory=list)
    words: dict[str, Words] = field(default_factory=dict)
    edited_words: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    texts: dict[str, list[tuple[datetime, str]]] = field(default_factory=lambda: defaultdict(list))
    hidden_by_people: dict[str, datetime] = field(default_factory=dict)
    visible_since: dict[str, datetime] = field(default_factory=dict)
    asked: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    # When each page or block was moved away, and back.
    away: dict[str, list[datetime]] = field(default_factory=lambda: defaultdict(list))
    # When somebody last moved a block within a page.
    moved: dict[str, datetime] = field(default_factory=dict)
    # The pages that were paused when it was last looked, since when, and when that was.
    paused: dict[str, str] = field(default_factory=dict)
    looked_at: datetime | None = None
    asked_before: dict[str, int] = field(default_factory=dict)
    requests: list[tuple[datetime, int]] = field(default_factory=list)
    troubles: list[str] = field(default_factory=list)
    kills: int = 0
    conversations: int = 0
    said: list[str] = field(default_factory=list)
    counts: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    rulings: Counter[tuple[str, str]] = field(default_factory=Counter)  # by page and verdict

    def note(self, at: datetime, what: str, /, **facts: Any) -> None:
        """Add a line to the trace."""
        words = " ".join(f"{name}={value}" for name, value in facts.items())
        self.trace.append(f"{at:%d %H:%M:%S} {what} {words}".rstrip())

    @property
    def digest(self) -> str:
        """A hash of the whole trace: the same seed gives the same one."""
        return hashlib.sha256("\n".join(self.trace).encode()).hexdigest()[:16]
