"""A query that shows edits late, as Notion's index does; the pages themselves show them at once."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from daemon.sandbox import Sandbox, query
from daemon.sandbox.model import SandboxPage


_real = query._found


def delay_index(box: Sandbox, lag: timedelta) -> None:
    """Let the queries of a sandbox show every page as it was `lag` ago."""
    state, touch = box.world.state, box.world.state.touch_page
    versions: dict[str, list[tuple[datetime, SandboxPage]]] = {}

    def touched(page_id: str, by: str, *parts: str, **more: str) -> None:
        touch(page_id, by, *parts, **more)
        versions.setdefault(page_id, []).append((state.now(), state.pages[page_id]))

    def as_indexed(page: SandboxPage) -> SandboxPage:
        known = versions.get(page.id, [])
        late = [version for at, version in known if at > state.now() - lag]
        if not late:
            return page
        before = [version for at, version in known if at <= state.now() - lag]
        edited = before[-1].edited if before else page.created
        return replace(page, edited=edited)

    state.touch_page = touched  # type: ignore[method-assign]
    state.as_indexed = as_indexed  # type: ignore[attr-defined]


def found_late(call: Any, source: Any, body: Any) -> Iterable[SandboxPage]:
    """Stand in for the sandbox's own search: it sees each page as the index does."""
    state = call.state
    now = state.pages
    state.pages = {id_: state.as_indexed(page) for id_, page in now.items()}
    try:
        return list(_real(call, source, body))
    finally:
        state.pages = now
