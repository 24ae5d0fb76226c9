"""Lines of the benchmark: what was measured, against its target and the earlier program."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Line:
    """One line.

    Attributes:
        what: What was measured.
        value: The result, in words.
        target: What it has to reach; "" for what is only told.
        reached: Whether it did; None where there is no target.
        earlier: What the earlier program takes, computed from its way of working.
        data: The numbers, for `--json`.
    """

    what: str
    value: str
    target: str = ""
    reached: bool | None = None
    earlier: str = ""
    data: dict[str, Any] = field(default_factory=dict)

    @property
    def sign(self) -> str:
        return {None: "", True: "yes", False: "NO"}[self.reached]


HEADS = ("", "measured", "target", "reached", "earlier program")


def table(lines: Iterable[Line]) -> Iterator[str]:
    """Write lines as a Markdown table, which a terminal shows as well."""
    rows = [(one.what, one.value, one.target, one.sign, one.earlier) for one in lines]
    widths = [max(map(len, column)) for column in zip(HEADS, *rows, strict=True)]
    for row in (HEADS, tuple("-" * width for width in widths), *rows):
        cells = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        yield f"| {' | '.join(cells)} |"


def stacked(lines: Iterable[Line]) -> Iterator[str]:
    """Write lines for a narrow terminal: what was measured, and below it what came out."""
    for one in lines:
        yield one.what
        target = f"  (target: {one.target}; reached: {one.sign})" if one.target else ""
        yield f"    {one.value}{target}"
        if one.earlier:
            yield f"    earlier program: {one.earlier}"
