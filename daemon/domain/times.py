"""Times as the state holds them; numbers with their nouns, and lists, as people read them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TypeVar


T = TypeVar("T")


def iso(time: datetime) -> str:
    """Write an aware time in UTC, as `2026-11-20T10:41:00Z`; as text it sorts by time."""
    return time.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def when(text: str) -> datetime:
    """Read a time that `iso` wrote."""
    return datetime.fromisoformat(text)


def counted(number: int, noun: str) -> str:
    """Write a number with its noun, as `1 page`, `2 replies`."""
    if number == 1:
        return f"1 {noun}"
    changes = noun.endswith("y") and noun[-2] not in "aeiou"
    return f"{number} {noun[:-1]}ies" if changes else f"{number} {noun}s"


def some(number: int, noun: str, then: str = "") -> str:
    """Write a number with its noun and what follows, such as `2 pages waiting`; "" for zero."""
    return f"{counted(number, noun)} {then}".rstrip() if number else ""


def joined(parts: list[str], by: str = ", ") -> str:
    """Join the parts that are not empty."""
    return by.join(filter(None, parts))


def first_of(items: Sequence[T], most: int) -> tuple[Sequence[T], int]:
    """Return the first of the items, and how many more there are.

    A single one more is among the first: to say that there is one takes the room of its name.
    """
    shown = items if len(items) == most + 1 else items[:most]
    return shown, len(items) - len(shown)
