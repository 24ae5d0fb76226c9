"""Own comments that the state does not know: they were posted after the backup that was put back.

They still stand in the document, so what they say counts as said.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable

from daemon.domain.values import AuthorKind, Comment, Finding, Severity, Thread


# What is left of a comment that was taken back after a person had answered it.
WITHDRAWN = "_Withdrawn._"


def findings(threads: Iterable[Thread], known: Collection[str]) -> list[Finding]:
    """Return the findings whose comments stand and are not among the ids of `known` ones."""
    return [
        Finding(thread.block_id, quote, text, Severity.IMPORTANT)
        for thread, comment in _begun(threads)
        if thread.block_id and comment.id not in known
        for quote, _, text in [comment.plain.partition("\n")]
        if text
    ]


def summary(threads: Iterable[Thread]) -> tuple[str, str] | None:
    """Return (comment id, text) of the newest summary that stands on the page, or None."""
    found = [comment for thread, comment in _begun(threads) if thread.block_id is None]
    newest = max(found, key=lambda comment: comment.created, default=None)
    return (newest.id, newest.text) if newest else None


def _begun(threads: Iterable[Thread]) -> Iterable[tuple[Thread, Comment]]:
    """Give the threads that began with an own comment, and that comment."""
    for thread in threads:
        for comment in thread.comments[:1]:
            if comment.author.kind is AuthorKind.OWN and comment.plain != WITHDRAWN.strip("_"):
                yield thread, comment
