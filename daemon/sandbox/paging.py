"""Pages of results: sizes, cursors, and the list object."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from daemon.sandbox.call import Call
from daemon.sandbox.model import Json
from daemon.sandbox.refusal import failed, invalid


MAX_SIZE = 100
Row = TypeVar("Row")


def size(call: Call) -> int:
    """Read how many results are wanted: from the body of a POST, else from the query string.

    Raises:
        Refusal: 400.
    """
    part, given = _asked(call, "page_size")
    if given is None:
        return call.state.quirks.page_size
    try:
        wanted = int(given)
    except (TypeError, ValueError):
        raise failed(f"{part}.page_size", "should be a number", given) from None
    if wanted > MAX_SIZE:
        raise failed(f"{part}.page_size", f"should be ≤ `{MAX_SIZE}`", given)
    if wanted < 1:
        raise failed(f"{part}.page_size", "should be ≥ `1`", given)
    return min(wanted, call.state.quirks.page_size)


def _asked(call: Call, name: str) -> tuple[str, Any]:
    if isinstance(call.body, dict):
        return "body", call.body.get(name)
    return "query", call.param(name)


def resume(call: Call, walk: str) -> Any:
    """Read where the last page of a walk ended; None at its start.

    Args:
        call: The request.
        walk: What is walked; a cursor of another walk is refused.

    Raises:
        Refusal: 400.
    """
    _, cursor = _asked(call, "start_cursor")
    if cursor is None:
        return None
    of, place = call.state.cursors.get(str(cursor), ("", None))
    if of != walk:
        raise invalid(f"The start_cursor provided is invalid: {cursor}")
    return place


def mark(call: Call, walk: str, place: Any) -> str:
    """Make the cursor that resumes a walk at `place`."""
    cursor = call.state.serials()
    call.state.cursors[cursor] = (walk, place)
    return cursor


def listing(kind: str, results: Sequence[Json], cursor: str | None = None) -> Json:
    """Write the list object."""
    return {
        "object": "list",
        "results": list(results),
        "next_cursor": cursor,
        "has_more": cursor is not None,
        "type": kind,
        kind: {},
    }


def page(call: Call, rows: Sequence[Row], show: Callable[[Row], Json], kind: str) -> Json:
    """Show one page of rows; the walk is the request's path and what it asks about."""
    walk = " ".join([kind, *call.path.values(), call.param("block_id") or ""])
    start = resume(call, walk) or 0
    end = start + size(call)
    cursor = mark(call, walk, end) if end < len(rows) else None
    return listing(kind, [show(row) for row in rows[start:end]], cursor)
