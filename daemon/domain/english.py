"""Numbers with their nouns, as people read them."""

from __future__ import annotations


def counted(number: int, noun: str) -> str:
    """Write a number with its noun, in the plural where it is not one."""
    if number == 1:
        return f"1 {noun}"
    return f"{number} {noun[:-1]}ies" if noun.endswith("y") else f"{number} {noun}s"


def some(number: int, noun: str, then: str = "") -> str:
    """Write a number with its noun and what is said of them, or "" for none."""
    return f"{counted(number, noun)} {then}".rstrip() if number else ""


def joined(parts: list[str], by: str = ", ") -> str:
    """Join what is not empty."""
    return by.join(filter(None, parts))
