"""The choices of config.yaml that are made by a word."""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum
from typing import Any

from daemon.config.values import as_text, shown


class Replies(StrEnum):
    """Which threads the reviewer answers in."""

    ANY = "any"
    OURS = "ours"
    MENTIONED = "mentioned"
    NONE = "none"


class Approve(StrEnum):
    """Which reviews wait for a person before they are posted."""

    NONE = "none"
    UNUSUAL = "unusual"
    ALL = "all"


def word_of(choice: type[StrEnum]) -> Callable[[Any], Any]:
    """Return the check for one of the words of an enumeration."""
    *first, last = [member.value for member in choice]

    def check(value: Any) -> Any:
        word = value if isinstance(value, choice) else as_text(value)
        if word not in tuple(choice):
            raise ValueError(f"{shown(value)} is unknown; write {', '.join(first)} or {last}")
        return choice(word)

    return check
