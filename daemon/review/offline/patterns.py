"""Vocabulary written as text: words by spaces, phrases by ` | `."""

from __future__ import annotations

import re


def vocabulary(text: str) -> frozenset[str]:
    """Return the words of `text`."""
    return frozenset(text.split())


def any_of(text: str) -> re.Pattern[str]:
    r"""Return a pattern for any of the phrases of `text`, from the start of a word, in any case.

    A phrase is a regular expression; it may begin a word ("migrat") or end with `\b`.
    """
    return re.compile(rf"\b(?:{alternatives(text)})", re.IGNORECASE)


def alternatives(text: str) -> str:
    """Return the phrases of `text` as the inside of a group."""
    return "|".join(" ".join(text.split()).split(" | "))
