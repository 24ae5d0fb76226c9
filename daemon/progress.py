"""What a person at a terminal sees of a sweep: one live line, and a sentence for what counts."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.status import Status

from daemon.context import Tell


_LIVE = {
    "sweep.started": "Looking for edited pages",
    "page.reading": "Reading [bold]{title}[/]",
    "page.reading_threads": "Reading the threads of [bold]{title}[/]",
    "page.reviewing": "Reviewing [bold]{title}[/]",
    "page.answering": "Answering in [bold]{title}[/]",
    "comment.posted": "Posting: {kind}",
}
_SAID = {
    "source.swept": "[bold]{database}[/]: {seen} seen, {queued} to review, {baselined} baselined",
    "source.new": "[bold]{database}[/] has a new data source: {title}",
    "page.unchanged": "[dim]- {title}: {why}[/]",
    "page.reviewed": "[green]✓[/] [bold]{title}[/]: {findings}, {replies}{outcome}",
    "page.answered": "[green]✓[/] [bold]{title}[/]: {replies}",
    "page.failed": "[red]✗[/] [bold]{title}[/]: {error}",
    "comment.dropped": "[yellow]![/] not posted ({kind}): {why}",
    "prompt.page_not_read": "[yellow]![/] a page that the prompt mentions was not read: {why}",
    "alert.raised": "[red]![/] {text}",
}
_ENDS_A_PAGE = frozenset({"page.unchanged", "page.reviewed", "page.failed"})


@contextmanager
def on_terminal(console: Console) -> Iterator[Tell]:
    """Show events on a terminal while the block runs."""
    with console.status("Starting") as status:
        yield _Teller(console, status)


class _Teller:
    def __init__(self, console: Console, status: Status) -> None:
        self._console = console
        self._status = status
        self._due = 0
        self._done = 0

    def __call__(self, event: str, /, **facts: Any) -> None:
        words = defaultdict(str, {key: escape(_shown(key, one)) for key, one in facts.items()})
        self._due = int(facts["count"]) if event == "pages.due" else self._due
        self._done += event in _ENDS_A_PAGE
        if event in _LIVE:
            share = f"[dim]{self._done}/{self._due}[/] " if self._due else ""
            self._status.update(share + _LIVE[event].format_map(words))
        if event in _SAID:
            self._console.print(_SAID[event].format_map(words), highlight=False)


def _shown(key: str, value: Any) -> str:
    if key in _COUNTED:
        return counted(int(value), _COUNTED[key])
    if key == "outcome":
        return "" if value == "done" else f" ({value})"
    return str(value)


_COUNTED = {"findings": "comment", "replies": "reply", "seen": "page"}


def counted(number: int, noun: str) -> str:
    """Write a number with its noun, in the plural where it is not one."""
    if number == 1:
        return f"1 {noun}"
    return f"{number} {noun[:-1]}ies" if noun.endswith("y") else f"{number} {noun}s"
