"""The prompt of a database: a Notion page, a file, or what comes with the program."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from daemon.alerts import settle, tell_once
from daemon.context import Base, Context
from daemon.domain import Prompt
from daemon.due import SAME_MINUTE
from daemon.errors import NotionError, Unavailable
from daemon.ids import notion_id
from daemon.notion import reading, text
from daemon.notion.gateway import Gateway
from daemon.review import prompt as builtin
from daemon.store import ledger, pages
from daemon.store.pages import PageRow


# A prompt that was looked at so lately is not looked at again.
FRESH = timedelta(minutes=1)
KNOWLEDGE_PAGES = 20
KNOWLEDGE_CHARS = 60_000


class Unreadable(Exception):
    """The prompt page is empty or cannot be read."""


def version(prompt: Prompt) -> str:
    """Return a short hash of all that the prompt says."""
    said = "\0".join(
        (prompt.name, prompt.text, *(part for pair in prompt.knowledge for part in pair))
    )
    return hashlib.sha256(said.encode()).hexdigest()[:12]


async def current(context: Context, base: Base) -> Prompt | None:
    """Return the prompt to review under, or None where there has never been a good one.

    A page that cannot be read, or is empty, leaves its last good version in use; people are told
    once, and once when it is mended.
    """
    prompt = await _found(context, base)
    if prompt is None or base.settings.reviewer is None:
        return prompt
    return replace(prompt, name=base.settings.reviewer)


async def changed_since(context: Context, base: Base, row: PageRow) -> bool:
    """Tell whether a page is to be reviewed again because the prompt changed."""
    if not context.config.review_on_prompt_change or row.prompt is None:
        return False
    prompt = await current(context, base)
    return prompt is not None and version(prompt) != row.prompt


async def queue_changed(context: Context, base: Base, source_id: str) -> None:
    """Make the pages due that were reviewed under another prompt, where the config asks for it."""
    if not context.config.review_on_prompt_change:
        return
    if prompt := await current(context, base):
        rows = pages.reviewed_under_another(context.state, source_id, version(prompt))
        due = [replace(row, due_at=context.notion.now) for row in rows]
        with context.state.atomic():
            pages.save(context.state, due)


async def look_again(context: Context, base: Base) -> None:
    """Read the prompt once more where people were told that it is broken: it may be mended."""
    if any(alert["name"] == _alert(base) for alert in ledger.alerts(context.state)):
        await current(context, base)


def _alert(base: Base) -> str:
    return f"prompt {base.settings.id}"


async def _found(context: Context, base: Base) -> Prompt | None:
    if base.settings.file is not None:
        words = base.settings.file.read_text("utf-8").strip()
        return Prompt(base.settings.file.stem, words, str(base.settings.file))
    if base.settings.prompt is None:
        return builtin.built_in()
    return await _of_page(context, base, base.settings.prompt)


async def _of_page(context: Context, base: Base, page_id: str) -> Prompt | None:
    kept, alert = ledger.prompt(context.state, page_id), _alert(base)
    if kept and context.notion.now < kept[2] + FRESH:
        settle(context, alert)  # another database read it just now
        return kept[0]
    try:
        prompt = await _reread(context, page_id)
    except (Unreadable, NotionError, Unavailable) as error:
        use = "its last good version stays in use" if kept else f"{base.name} is not reviewed"
        tell_once(context, alert, f"the prompt page {page_id}: {error}; {use}")
        return kept[0] if kept else None
    settle(context, alert)
    return prompt


async def _reread(context: Context, page_id: str) -> Prompt:
    """Read the page, or keep what is known where its edit time has not moved."""
    now = context.notion.now
    raw = await context.notion.page(page_id)
    if raw.get("in_trash"):
        raise Unreadable("it is in the trash; restore it")
    edited = text.moment(raw["last_edited_time"])
    kept = ledger.prompt(context.state, page_id)
    # Pages that it mentions are followed too, and their edits move no time of its own.
    if kept and kept[1] == edited and kept[2] >= edited + SAME_MINUTE and not kept[0].knowledge:
        prompt = kept[0]
    else:
        prompt = await _read(context, page_id, raw)
    ledger.save_prompt(context.state, prompt, edited, now)
    return prompt


async def _read(context: Context, page_id: str, raw: dict[str, Any]) -> Prompt:
    title, words, mentioned = await _words(context, page_id, raw)
    if not words:
        raise Unreadable("it is empty; write the prompt into it")
    knowledge = await _knowledge(context, page_id, mentioned)
    return Prompt(title or "Reviewer", words, page_id, knowledge)


async def _words(
    context: Context, page_id: str, raw: dict[str, Any]
) -> tuple[str, str, tuple[str, ...]]:
    """Return title, text and the ids of mentioned pages; comments are never read here."""
    listening = _Listening(context.notion)
    blocks = await reading.blocks(listening, page_id)
    lines = ["  " * block.depth + block.line for block in blocks if block.line]
    title = text.page(raw, "", ()).title
    return title, "\n".join(lines).strip(), tuple(_mentioned(listening.heard))


class _Listening:
    """Reads through the gateway and keeps the blocks as Notion sent them."""

    def __init__(self, notion: Gateway) -> None:
        self._notion = notion
        self.heard: list[dict[str, Any]] = []
        self.comments = notion.comments
        self.property_items = notion.property_items

    @property
    def now(self) -> datetime:
        return self._notion.now

    async def children(self, block_id: str) -> list[dict[str, Any]]:
        found = await self._notion.children(block_id)
        self.heard += found
        return found


async def _knowledge(
    context: Context, page_id: str, mentioned: Iterable[str]
) -> tuple[tuple[str, str], ...]:
    """Read mentioned pages, those that they mention too, each once, up to the limits."""
    found: list[tuple[str, str]] = []
    waiting, seen, room = list(mentioned), {page_id}, KNOWLEDGE_CHARS
    while waiting and len(found) < KNOWLEDGE_PAGES and room > 0:
        following = waiting.pop(0)
        if following in seen:
            continue
        seen.add(following)
        try:
            raw = await context.notion.page(following)
            title, words, deeper = await _words(context, following, raw)
        except NotionError as error:
            context.tell("prompt.page_not_read", page=following, why=str(error))
            continue
        found.append((title, words[:room]))
        room -= len(words)
        waiting += deeper
    return tuple(found)


_NOTION = re.compile(r"https?://([\w-]+\.)*notion\.(so|site|com)/")


def _mentioned(raws: Iterable[dict[str, Any]]) -> Iterator[str]:
    """Yield the ids of the pages that blocks mention, link to, or hold."""
    for raw in raws:
        content = raw.get(raw["type"]) or {}
        if raw["type"] == "child_page":
            yield raw["id"]
        elif content.get("page_id"):
            yield content["page_id"]
        for item in content.get("rich_text") or ():
            yield from _linked(item)


def _linked(item: dict[str, Any]) -> Iterator[str]:
    mention = item.get("mention") or {}
    if mention.get("type") == "page":
        yield mention["page"]["id"]
    elif _NOTION.match(href := item.get("href") or ""):
        with suppress(ValueError):
            yield notion_id(href)
