"""The numbers of numbered lists."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any


_ROMAN = (
    (1000, "m"),
    (900, "cm"),
    (500, "d"),
    (400, "cd"),
    (100, "c"),
    (90, "xc"),
    (50, "l"),
    (40, "xl"),
    (10, "x"),
    (9, "ix"),
    (5, "v"),
    (4, "iv"),
    (1, "i"),
)
_NO_ROMAN = 4000


def numbers(siblings: Sequence[Mapping[str, Any]]) -> list[int | None]:
    """Number the numbered items among siblings; whatever stands between two of them starts anew.

    An item's `list_start_index` restarts the count where it differs from its list's first.
    """
    found: list[int | None] = []
    start: int | None = None
    for raw in siblings:
        if raw.get("type") != "numbered_list_item":
            start = None
            found.append(None)
            continue
        last = found[-1] if found else None
        given = raw["numbered_list_item"].get("list_start_index")
        if last is None or (given is not None and given != start):
            last = (1 if given is None else int(given)) - 1
        start = start if given is None else given
        found.append(last + 1)
    return found


def ordinal(number: int, form: Any) -> str:
    """Write a place in a list as its format wants it: a number, letters or roman.

    What has no letters or no roman form is written as a number.
    """
    if not 0 < number < _NO_ROMAN:
        return str(number)
    if form == "letters":
        return _letters(number)
    return _roman(number) if form == "roman" else str(number)


def _letters(number: int) -> str:
    text = ""
    while number > 0:
        number, place = divmod(number - 1, 26)
        text = chr(ord("a") + place) + text
    return text


def _roman(number: int) -> str:
    text = ""
    for value, sign in _ROMAN:
        count, number = divmod(number, value)
        text += sign * count
    return text
