"""Faults planted into the program, one at a time: what the simulation must be able to catch."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import replace
from datetime import timedelta
from typing import Any
from unittest.mock import patch

from daemon.domain import due
from daemon.domain.errors import NotionError
from daemon.notion import reading
from daemon.store import outbox, pages
from daemon.sweep import discovery
from daemon.sweep.context import Context
from daemon.sweep.conversation import threads


Planted = AbstractContextManager[Any]


def checkpoint_early() -> Planted:
    """Move the checkpoint when a walk begins, before its pages are queued."""
    real = discovery._queue

    def queue(context: Context, target: Any, source: Any, rows: Any) -> Any:
        if (known := pages.source(context.state, source.id)) and known.checkpoint:
            moved = max(known.checkpoint, context.notion.now)
            pages.save_source(context.state, replace(known, checkpoint=moved))
        return real(context, target, source, rows)

    return patch.object(discovery, "_queue", queue)


def intent_after_post() -> Planted:
    """Write only after the POST that it begins."""
    return patch.object(outbox, "claim", lambda *_: True)


def equal_timestamp_skipped() -> Planted:
    """Take a page whose time did not move for unchanged, also within the minute."""
    return patch.object(due, "SAME_MINUTE", timedelta(0))


def hash_of_a_partial_read() -> Planted:
    """Take what could not be read for empty."""
    real = reading._listing

    async def listing(*arguments: Any) -> Any:
        try:
            return await real(*arguments)
        except NotionError:
            return []

    return patch.object(reading, "_listing", listing)


def reply_cursor_by_time() -> Planted:
    """Take for new only what was said after the newest comment that was seen in its thread."""
    real = threads._is_undecided

    def undecided(comment: Any, thread: Any, known: Any) -> bool:
        seen = [one.edited for one in known.comments.values() if one.thread_id == thread.id]
        if comment.id not in known.comments and seen and comment.created <= max(seen):
            return False
        return real(comment, thread, known)

    return patch.object(threads, "_is_undecided", undecided)


ALL: tuple[Callable[[], Planted], ...] = (
    checkpoint_early,
    intent_after_post,
    equal_timestamp_skipped,
    hash_of_a_partial_read,
    reply_cursor_by_time,
)
