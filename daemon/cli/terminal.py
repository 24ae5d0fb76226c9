"""What a person at a terminal sees: how a sweep goes on, and documents with their threads."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import groupby
from operator import itemgetter
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.rule import Rule
from rich.status import Status
from rich.text import Text

from daemon.domain.events import Emit
from daemon.domain.notation import counted, joined, some
from daemon.domain.records import MessageKind, OutboxMessage
from daemon.notion import from_markdown
from daemon.store import pages, prompts, reviews, threads
from daemon.store.database import State
from daemon.store.reviews import ReviewedLine


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
    "source.swept": "[bold]{database}[/]: {told}",
    "source.new": "[bold]{database}[/] has a new data source: {title}",
    "page.paused": "[yellow]![/] [bold]{title}[/] is paused: {why}",
    "page.unchanged": "[dim]- {title}: {why}[/]",
    "page.reviewed": "[green]✓[/] [bold]{title}[/]: {told}",
    "page.answered": "[green]✓[/] [bold]{title}[/]: {replies}",
    "page.failed": "[red]✗[/] [bold]{title}[/]: {error}",
    "comment.dropped": "[yellow]![/] Not posted ({kind}): {why}",
    "prompt.not_read": "[yellow]![/] The prompt page of [bold]{database}[/] was not read: {why}",
    "prompt.page_not_read": "[yellow]![/] A page that the prompt mentions was not read: {why}",
    "prompt.taken_up": "[green]✓[/] The prompt [bold]{name}[/] {is_} in use [dim]({version})[/]",
    "prompt.not_tried": "[yellow]![/] The prompt [bold]{name}[/] is tried later: {why}",
    "prompt.tried": "[green]✓[/] The prompt [bold]{name}[/] was tried: {found}",
    "alert.raised": "[red]![/] {text}",
    "sweep.done": "{told}",
}
_ENDS_A_PAGE = frozenset({"page.unchanged", "page.reviewed", "page.failed"})


@contextmanager
def on_terminal(console: Console, *, is_dry: bool = False) -> Iterator[Emit]:
    """Show events on a terminal while the block runs."""
    with console.status("Starting") as status:
        yield _Progress(console, status, is_dry=is_dry)


def in_words(console: Console, *, is_dry: bool) -> Emit:
    """Return what shows events without a live line, where other output goes to the terminal too."""
    return _Progress(console, None, is_dry=is_dry)


class _Progress:
    def __init__(self, console: Console, status: Status | None, *, is_dry: bool) -> None:
        self._console = console
        self._is_dry = is_dry
        self._status = status
        self._due = 0
        self._done = 0

    def __call__(self, event: str, /, **facts: Any) -> None:
        words = defaultdict(str)
        for key, one in facts.items():
            shown = counted(int(one), _COUNTED[key]) if key in _COUNTED else str(one)
            words[key] = escape(shown)
        words["is_"] = "would be" if self._is_dry else "is"
        words["told"] = escape(_outcome(event, facts, is_dry=self._is_dry))
        self._due = int(facts["count"]) if event == "pages.due" else self._due
        self._done += event in _ENDS_A_PAGE
        if event in _LIVE and self._status is not None:
            share = f"[dim]{self._done}/{self._due}[/] " if self._due else ""
            self._status.update(share + _LIVE[event].format_map(words))
        if event in _SAID:
            self._console.print(_SAID[event].format_map(words), highlight=False)


_COUNTED = {"replies": "reply"}


def _outcome(event: str, facts: Mapping[str, Any], *, is_dry: bool) -> str:
    """Return what a listing, a review or a sweep led to, "" for any other event."""
    if event == "source.swept":
        new = f"{facts['queued']} to review" if facts["queued"] else ""
        older = some(facts["baselined"], "older page", "left until edited")
        return joined([new, older]) or "nothing new"
    if event == "page.reviewed":
        made = joined([some(facts["findings"], "comment"), some(facts["replies"], "reply")])
        ended_well = made and facts["outcome"] == "done"
        return joined([made, "" if ended_well else facts["outcome"]])
    if event != "sweep.done":
        return ""
    kinds = {"comments": "comment", "replies": "reply", "summaries": "summary"}
    posted = joined([some(facts[f"{kind}_posted"], noun) for kind, noun in kinds.items()])
    told = f"would post {posted}" if is_dry else f"{posted} posted"
    parts = [
        some(facts["pages_reviewed"], "page", "reviewed"),
        told if posted else "",
        some(facts["pages_failed"], "page", "failed"),
        some(facts["pages_waiting"], "page", "waiting"),
    ]
    cost = f", ${facts['cost_usd']:.2f}" if facts["cost_usd"] else ""
    requests = counted(facts["notion_requests"], "request")
    models = f"{facts['model_requests']} to models{cost}"
    return f"{joined(parts, '; ') or 'Nothing to do'}. {requests} to Notion, {models}."


@dataclass(frozen=True, slots=True)
class Said:
    """A comment as its readers see it; `text` is Markdown."""

    author: str
    text: str
    is_own: bool


@dataclass(frozen=True, slots=True)
class Document:
    """A document with its discussions, by the block that they stand on; "" is the page itself."""

    title: str
    facts: Sequence[str]
    lines: Sequence[ReviewedLine]
    threads: Mapping[str, Sequence[Sequence[Said]]]


def draw_proposed(console: Console, state: State, messages: Iterable[OutboxMessage]) -> None:
    """Draw what is to be posted, document by document."""
    by_page: dict[str, list[OutboxMessage]] = {}
    for message in messages:
        by_page.setdefault(message.page_id, []).append(message)
    for page_id, of_page in by_page.items():
        draw(console, _proposed(state, page_id, of_page))


def _proposed(state: State, page_id: str, messages: Sequence[OutboxMessage]) -> Document:
    """Return a page as it would be with what is to be posted on it."""
    row, said = pages.page(state, page_id), threads.comments(state, page_id).values()
    read = (reviews.text(state, one.review_id) for one in messages if one.review_id)
    text = next(filter(None, read), None)
    lines = text.lines if text else ()
    places = {one.id for one in lines}
    found: dict[str, list[list[Said]]] = {}
    for one in messages:
        held = f", held: {one.note}" if one.state == "held" else ""
        edits = ", in place of its comment" if one.kind is MessageKind.EDIT else ""
        if row is None:  # a prompt page, where the reviewer tells of what it did
            edits = ", once the rest is posted"
        thread = [
            Said(seen.author, from_markdown.quoted(seen.text), is_own=False)
            for seen in said
            if one.kind is MessageKind.REPLY and seen.thread_id == one.target and seen.text
        ]
        thread.append(Said(f"{one.name}{edits}{held}", one.body, is_own=True))
        found.setdefault(one.place if one.place in places else "", []).append(thread)
    title = row.title if row else prompts.title(state, page_id)
    return Document(title, [row.url] if row else [], lines, found)


def draw(console: Console, document: Document, *, whole: bool = False) -> None:
    """Draw the discussions of the page, and the blocks that bear some, each after its neighbour.

    With `whole` all blocks are drawn.
    """
    console.print()
    console.print(Rule(Text(document.title or "(no title)", "bold")))
    facts = [*document.facts, *([] if document.threads else ["no comments"])]
    if facts:
        console.print(Text(" · ".join(facts), "dim"), soft_wrap=True)  # an address stays whole
    for thread in document.threads.get("", ()):
        _draw_thread(console, thread, 0)
    lines = [one for one in document.lines if one.text or one.id in document.threads]
    talked = [one.id in document.threads for one in lines]
    if not (whole or any(talked)):
        return
    shown = [
        whole or is_talked or is_next
        for is_talked, is_next in zip(talked, [*talked[1:], False], strict=False)
    ]
    for is_shown, group in groupby(zip(lines, talked, shown, strict=True), key=itemgetter(2)):
        if not is_shown:
            console.print(Text("⋮", "dim"))
            continue
        for one, is_talked, _ in group:
            if whole and one.type.startswith("heading"):
                console.print()
            _draw_block(console, one, is_dim=not (whole or is_talked))
            for thread in document.threads.get(one.id, ()):
                _draw_thread(console, thread, one.depth * _INDENT)


_INDENT = 2
_MARK = re.compile(r"^(?:#{1,6} |- (?:\[[ x]\] )?|\[[ x]\] |> )")
_BULLET = "• "
_SIGNS = {"bulleted_list_item": _BULLET, "toggle": "▸ ", "quote": "▎ ", "code": "  "}
_STYLES = {"bold": "bold", "italic": "italic", "strikethrough": "strike", "code": "green"}


def _draw_block(console: Console, one: ReviewedLine, *, is_dim: bool) -> None:
    """Draw a block; a neighbour in one line."""
    sign = _SIGNS.get(one.type, "")
    if one.type == "to_do":
        sign = "☑ " if "[x]" in one.text[:5] else "☐ "
    words = one.text if one.type == "table_row" else _MARK.sub("", one.text, count=1)
    text = marked(words)
    if one.type.startswith("heading"):
        text.stylize("bold underline")
    if is_dim:
        text = Text(" ".join(text.plain.split()), "dim", no_wrap=True, overflow="ellipsis")
    _put(console, text, one.depth * _INDENT, sign)


def _draw_thread(console: Console, thread: Sequence[Said], indent: int) -> None:
    for index, one in enumerate(thread):
        name = Text(f"{'↳' if index else '💬'} {one.author}")
        name.stylize("bold yellow" if one.is_own else "bold cyan")
        _put(console, name, indent + 4)
        for line in marked(one.text).split("\n", allow_blank=True):
            sign = _BULLET if line.plain.startswith(_BULLET) else ""
            _put(console, line[len(sign) :], indent + 7, sign)


def marked(markdown: str) -> Text:
    """Return Markdown as Notion shows it."""
    text = Text()
    for item in from_markdown.rich_text(markdown):
        style = " ".join(_STYLES[name] for name in item.get("annotations", ()))
        text.append(item["text"]["content"], style or None)
    return text


def _put(console: Console, text: Text, indent: int, sign: str = "") -> None:
    """Print a text with its lines below each other, and no blanks behind them."""
    width = max(console.width - indent - len(sign), 1)
    for number, line in enumerate(text.wrap(console, width)):
        line.rstrip()
        lead = " " * indent + (" " * len(sign) if number else sign) if line else ""
        console.print(Text(lead).append_text(line), soft_wrap=True)
