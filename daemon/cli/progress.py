"""What a person at a terminal sees of a sweep: one live line, and a sentence for what counts."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.status import Status

from daemon.sweep.context import Tell
from daemon.domain.english import counted, joined, some


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
    "page.reviewed": "[green]✓[/] [bold]{title}[/]: {told}",
    "page.answered": "[green]✓[/] [bold]{title}[/]: {replies}",
    "page.failed": "[red]✗[/] [bold]{title}[/]: {error}",
    "comment.dropped": "[yellow]![/] not posted ({kind}): {why}",
    "prompt.page_not_read": "[yellow]![/] a page that the prompt mentions was not read: {why}",
    "alert.raised": "[red]![/] {text}",
    "sweep.done": "{told}",
}
_ENDS_A_PAGE = frozenset({"page.unchanged", "page.reviewed", "page.failed"})


@contextmanager
def on_terminal(console: Console) -> Iterator[Tell]:
    """Show events on a terminal while the block runs."""
    with console.status("Starting") as status:
        yield _Teller(console, status)


def in_words(console: Console) -> Tell:
    """Return what shows events without a live line, where other output goes to the terminal too."""
    return _Teller(console, None)


class _Teller:
    def __init__(self, console: Console, status: Status | None) -> None:
        self._console = console
        self._status = status
        self._due = 0
        self._done = 0

    def __call__(self, event: str, /, **facts: Any) -> None:
        words = defaultdict(str, {key: escape(_shown(key, one)) for key, one in facts.items()})
        if event in _TOLD:
            words["told"] = escape(_TOLD[event](facts))
        self._due = int(facts["count"]) if event == "pages.due" else self._due
        self._done += event in _ENDS_A_PAGE
        if event in _LIVE and self._status is not None:
            share = f"[dim]{self._done}/{self._due}[/] " if self._due else ""
            self._status.update(share + _LIVE[event].format_map(words))
        if event in _SAID:
            self._console.print(_SAID[event].format_map(words), highlight=False)


def _shown(key: str, value: Any) -> str:
    return counted(int(value), _COUNTED[key]) if key in _COUNTED else str(value)


_COUNTED = {"replies": "reply", "seen": "page"}


def _came_of(review: Mapping[str, Any]) -> str:
    """Say what a review came to; how it ended, unless it ended well."""
    made = joined([some(review["findings"], "comment"), some(review["replies"], "reply")])
    ended_well = made and review["outcome"] == "done"
    return joined([made, "" if ended_well else review["outcome"]])


def _summed(sweep: Mapping[str, Any]) -> str:
    """Say what a sweep came to."""
    kinds = {"comments": "comment", "replies": "reply", "summaries": "summary"}
    posted = joined([some(sweep[f"{kind}_posted"], noun) for kind, noun in kinds.items()])
    parts = [
        some(sweep["pages_reviewed"], "page", "reviewed"),
        f"{posted} posted" if posted else "",
        some(sweep["pages_failed"], "page", "failed"),
        some(sweep["pages_waiting"], "page", "waiting"),
    ]
    cost = f", ${sweep['cost_usd']:.2f}" if sweep["cost_usd"] else ""
    requests = counted(sweep["notion_requests"], "request")
    models = f"{sweep['model_requests']} to models{cost}"
    return f"{joined(parts, '; ') or 'Nothing to do'}. {requests} to Notion, {models}."


_TOLD: dict[str, Callable[[Mapping[str, Any]], str]] = {
    "page.reviewed": _came_of,
    "sweep.done": _summed,
}
