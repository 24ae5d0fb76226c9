"""A prompt page as it is read: prose, settings, checklist, and the pages that it mentions."""

from __future__ import annotations

import re
from collections.abc import Container, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from daemon.sweep.context import Context
from daemon.domain.values import Block, Prompt
from daemon.domain.errors import NotionError
from daemon.domain.ids import notion_id
from daemon.notion import reading, canonical as text
from daemon.notion.gateway import Gateway
from daemon.sweep.prompts import settings as rules


KNOWLEDGE_PAGES = 20
KNOWLEDGE_CHARS = 60_000
CHECKLIST = "checklist"


class Unreadable(Exception):
    """The page cannot be used; the text says why, and what to do."""


async def read(context: Context, page_id: str, raw: dict[str, Any]) -> Prompt:
    """Read a prompt page whole.

    Raises:
        Unreadable: It is empty, or its settings have mistakes.
        NotionError: A request failed.
    """
    found = await _read(context, page_id, raw)
    settings = [block for block in found.blocks if block.id in found.yaml]
    words = found.text(leaving_out=set(found.yaml))
    if not words:
        raise Unreadable("it is empty; write the prompt into it")
    if len(settings) > 1:
        raise Unreadable("it has several YAML blocks; keep the settings in one")
    source = found.yaml[settings[0].id] if settings else ""
    try:
        said = rules.read(source, _checklist(found.blocks), context.config.limits)
    except rules.Mistaken as mistaken:
        raise Unreadable(str(mistaken)) from None
    knowledge = await _knowledge(context, page_id, found.mentioned)
    return Prompt(found.title or "Reviewer", words, page_id, knowledge, said)


@dataclass(frozen=True, slots=True)
class _Page:
    """A page that was read, without its comments.

    Attributes:
        title: Its title.
        blocks: Its blocks, in order.
        yaml: The text of its code blocks in YAML, by block.
        mentioned: The ids of the pages that it mentions, links to, or holds.
    """

    title: str
    blocks: tuple[Block, ...]
    yaml: Mapping[str, str]
    mentioned: tuple[str, ...]

    def text(self, leaving_out: Container[str] = ()) -> str:
        """Return what it says, a line for each block."""
        lines = [
            "  " * block.depth + block.line
            for block in self.blocks
            if block.line and block.id not in leaving_out
        ]
        return "\n".join(lines).strip()


async def _read(context: Context, page_id: str, raw: dict[str, Any]) -> _Page:
    listening = _Listening(context.notion)
    blocks = await reading.blocks(listening, page_id)
    yaml = {raw["id"]: _plain(raw) for raw in listening.heard if _is_yaml(raw)}
    title = text.page(raw, "", ()).title
    return _Page(title, tuple(blocks), yaml, tuple(_mentioned(listening.heard)))


def _is_yaml(raw: dict[str, Any]) -> bool:
    return raw["type"] == "code" and (raw["code"].get("language") or "").lower() == "yaml"


def _plain(raw: dict[str, Any]) -> str:
    """Return a code block's text as it stands: for YAML every blank counts."""
    items = raw["code"].get("rich_text") or ()
    return "".join(item.get("plain_text") or "" for item in items)


def _checklist(blocks: Iterable[Block]) -> list[str]:
    """Return the to-do items under a heading "Checklist", up to the next heading of its rank."""
    items, rank = [], ""
    for block in blocks:
        if block.type.startswith("heading_"):
            named = block.plain.strip().rstrip(":").casefold() == CHECKLIST
            if named or not rank or block.type <= rank:
                rank = block.type if named else ""
        elif rank and block.type == "to_do" and block.plain.strip():
            items.append(" ".join(block.plain.split()))
    return items


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
            read = await _read(context, following, raw)
        except NotionError as error:
            context.tell("prompt.page_not_read", page=following, why=str(error))
            continue
        words = read.text()
        found.append((read.title, words[:room]))
        room -= len(words)
        waiting += read.mentioned
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
