"""The values of a review, made with as few words as a test needs."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

from daemon.domain.change import Change
from daemon.domain.findings import FindingState, LedgerEntry, title_of
from daemon.domain.values import (
    Author,
    AuthorKind,
    Block,
    Comment,
    Finding,
    Page,
    Prompt,
    Severity,
    Snapshot,
    Thread,
)
from daemon.review.cleaning import links_in
from daemon.review.handles import Handles
from daemon.review.leaks import NO_GUARD, LeakGuard
from daemon.review.points import OwnPoint, page_texts
from daemon.review.prompt import ReviewInput
from daemon.review.tool_specs import ToolContext
from daemon.review.tools import ReviewTools


NOW = datetime(2026, 11, 20, 10, 41, tzinfo=UTC)
BREAKS = ("\n", "\r", "\r\n", "\x0b", "\x0c", "\x1c", "\x1d", "\x1e", "\x85", "\u2028", "\u2029")
PERSON, BOT, OWN = AuthorKind.PERSON, AuthorKind.BOT, AuthorKind.OWN


def block(
    key: str,
    line: str,
    *,
    kind: str = "paragraph",
    depth: int = 0,
    plain: str | None = None,
    commentable: bool = True,
) -> Block:
    return Block(key, kind, depth, line, line if plain is None else plain, commentable)


def heading(key: str, words: str) -> Block:
    return block(key, f"## {words}", kind="heading_2", plain=words)


def comment(
    key: str,
    text: str,
    kind: AuthorKind = PERSON,
    *,
    name: str = "Ana Costa",
    minutes: int = 0,
    edited: int | None = None,
    new: bool = False,
) -> Comment:
    at = NOW + timedelta(minutes=minutes)
    last = at if edited is None else NOW + timedelta(minutes=edited)
    return Comment(key, Author(f"user-{name}", name, kind), at, text, text, last, new)


def thread(key: str, on: str | None, *comments: Comment) -> Thread:
    return Thread(key, on, comments)


def snapshot(
    blocks: Iterable[Block],
    threads: Iterable[Thread] = (),
    *,
    title: str = "Queues",
    properties: tuple[tuple[str, str], ...] = (),
) -> Snapshot:
    page = Page("page-id", "source-id", title, "https://n.example/p", NOW, NOW, properties)
    return Snapshot(page, tuple(blocks), tuple(threads), NOW)


def task(read: Snapshot, change: Change | None = None, *settled: Finding) -> ReviewInput:
    known = [LedgerEntry(one, FindingState.OPEN) for one in settled]
    return ReviewInput(
        read, change or Change(first=True), Prompt("RFC reviewer", "", "test"), known
    )


def finding(
    on: str,
    quote: str,
    text: str = "Say why.",
    severity: Severity = Severity.IMPORTANT,
    title: str = "",
) -> Finding:
    return Finding(on, quote, text, severity, title=title or title_of(text))


def review_tools(
    blocks: Iterable[Block],
    threads: Iterable[Thread] = (),
    *,
    earlier: Iterable[Finding] = (),
    ledger: Iterable[LedgerEntry] = (),
    per_review: int = 8,
    per_block: int = 2,
    on_blocks: bool = True,
    unchanged: Iterable[str] = (),
    closed: Iterable[str] = (),
    floor: Severity = Severity.MINOR,
    guard: LeakGuard = NO_GUARD,
    points: Iterable[OwnPoint] = (),
    kept: Iterable[Finding] = (),
    checklist: int = 0,
    change: Change | None = None,
) -> ReviewTools:
    read = snapshot(blocks, threads)
    words = "\n".join(one.line for one in read.blocks)
    return ReviewTools(
        ToolContext(
            Handles.of(read),
            [*(LedgerEntry(one, FindingState.OPEN, "made") for one in earlier), *ledger],
            links_in(words),
            per_review,
            per_block,
            on_blocks,
            frozenset(unchanged),
            frozenset(closed),
            change or Change(first=True),
            floor,
            guard,
            points={one.thread_id: one for one in points},
            kept=tuple(kept),
            checklist_items=checklist,
            page_texts=page_texts(read),
        )
    )
