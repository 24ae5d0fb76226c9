"""What a person at a terminal sees of a sweep: one live line, and a sentence for what counts."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.status import Status

from daemon.domain.events import Emit
from daemon.domain.times import counted, joined, some


_LIVE = {
    "sweep.started": "Looking for edited pages",
    "page.reading": "Reading [bold]{title}[/]",
    "page.reading_threads": "Reading the threads of [bold]{title}[/]",
    "page.reviewing": "Reviewing [bold]{title}[/]",
    "page.answering": "Answering in [bold]{title}[/]",
    "prompt.trying": "Trying the new prompt on [bold]{title}[/]",
    "comment.posted": "Posting: {kind}",
}
_SAID = {
    "source.swept": "[bold]{database}[/]: {seen} seen, {queued} to review, {baselined} baselined",
    "source.new": "[bold]{database}[/] has a new data source: {title}",
    "page.paused": "[yellow]![/] [bold]{title}[/] is paused: {why}",
    "page.unchanged": "[dim]- {title}: {why}[/]",
    "page.reviewed": "[green]✓[/] [bold]{title}[/]: {told}",
    "page.answered": "[green]✓[/] [bold]{title}[/]: {replies}",
    "page.failed": "[red]✗[/] [bold]{title}[/]: {error}",
    "comment.dropped": "[yellow]![/] not posted ({kind}): {why}",
    "prompt.not_read": "[yellow]![/] the prompt page of [bold]{database}[/] was not read: {why}",
    "prompt.page_not_read": "[yellow]![/] a page that the prompt mentions was not read: {why}",
    "prompt.taken_up": "[green]✓[/] the prompt [bold]{name}[/] is in use as version {version}",
    "prompt.not_tried": "[yellow]![/] the prompt [bold]{name}[/] is tried later: {why}",
    "prompt.tried": "[green]✓[/] the prompt [bold]{name}[/] was tried: {found}",
    "alert.raised": "[red]![/] {text}",
    "sweep.done": "{told}",
}
_ENDS_A_PAGE = frozenset({"page.unchanged", "page.reviewed", "page.failed"})


@contextmanager
def on_terminal(console: Console) -> Iterator[Emit]:
    """Show events on a terminal while the block runs."""
    with console.status("Starting") as status:
        yield _Progress(console, status)


def in_words(console: Console) -> Emit:
    """Return what shows events without a live line, where other output goes to the terminal too."""
    return _Progress(console, None)


class _Progress:
    def __init__(self, console: Console, status: Status | None) -> None:
        self._console = console
        self._status = status
        self._due = 0
        self._done = 0

    def __call__(self, event: str, /, **facts: Any) -> None:
        words = defaultdict(str)
        for key, one in facts.items():
            shown = counted(int(one), _COUNTED[key]) if key in _COUNTED else str(one)
            words[key] = escape(shown)
        words["told"] = escape(_outcome(event, facts))
        self._due = int(facts["count"]) if event == "pages.due" else self._due
        self._done += event in _ENDS_A_PAGE
        if event in _LIVE and self._status is not None:
            share = f"[dim]{self._done}/{self._due}[/] " if self._due else ""
            self._status.update(share + _LIVE[event].format_map(words))
        if event in _SAID:
            self._console.print(_SAID[event].format_map(words), highlight=False)


_COUNTED = {"replies": "reply", "seen": "page"}


def _outcome(event: str, facts: Mapping[str, Any]) -> str:
    """Return what a review or a sweep led to, "" for any other event."""
    if event == "page.reviewed":
        made = joined([some(facts["findings"], "comment"), some(facts["replies"], "reply")])
        ended_well = made and facts["outcome"] == "done"
        return joined([made, "" if ended_well else facts["outcome"]])
    if event != "sweep.done":
        return ""
    kinds = {"comments": "comment", "replies": "reply", "summaries": "summary"}
    posted = joined([some(facts[f"{kind}_posted"], noun) for kind, noun in kinds.items()])
    parts = [
        some(facts["pages_reviewed"], "page", "reviewed"),
        f"{posted} posted" if posted else "",
        some(facts["pages_failed"], "page", "failed"),
        some(facts["pages_waiting"], "page", "waiting"),
    ]
    cost = f", ${facts['cost_usd']:.2f}" if facts["cost_usd"] else ""
    requests = counted(facts["notion_requests"], "request")
    models = f"{facts['model_requests']} to models{cost}"
    return f"{joined(parts, '; ') or 'Nothing to do'}. {requests} to Notion, {models}."
