"""The arguments of a tool call, as far as they can be read without the document."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from daemon.domain.values import Severity


# What an argument means that was not given; the others are asked for again.
_DEFAULTS = {"summary": "", "reason": ""}
_GRADES = {
    **{severity.value: severity for severity in Severity},
    **dict.fromkeys(("blocker", "critical"), Severity.BLOCKING),
    **dict.fromkeys(("major", "high"), Severity.IMPORTANT),
    **dict.fromkeys(("low", "nit", "trivial"), Severity.MINOR),
}


class Refused(Exception):
    """A proposal breaks a rule; the text is what the model is told."""


def string(arguments: Mapping[str, Any], key: str) -> str:
    """Return an argument that is a text.

    Raises:
        Refused: It is missing, or no text.
    """
    value = arguments.get(key)
    if value is None:
        value = _DEFAULTS.get(key)
    if key in ("block", "thread") and type(value) is int:
        value = str(value)
    if not isinstance(value, str):
        raise Refused(f"{key} is missing or no text")
    return value


def grade(severity: str) -> Severity:
    """Return the severity that a word means.

    Raises:
        Refused: It means none.
    """
    found = _GRADES.get(severity.strip().strip(".").lower())
    if found is None:
        raise Refused("severity is blocking, important or minor")
    return found
