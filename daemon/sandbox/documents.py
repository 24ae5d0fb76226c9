"""The sandbox's own documents: four RFCs of an invented company, and the page with the prompt.

Each file is Markdown with front matter. `created`, `edited` and `ago` say how long ago (`20d`,
`2h`, `50m`), so that the demo always plays today. Fences named notion:callout, notion:toggle,
notion:columns and notion:column hold Markdown and become those blocks. `[[Title]]` mentions a page,
`@Full Name` a person. `threads` name the beginning of the block that they hang on, or "page".
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from importlib.resources import files
from typing import Any

from daemon.sandbox import blocks, rich
from daemon.sandbox.importing import Document, document, person
from daemon.sandbox.inline import markdown
from daemon.sandbox.markdown import code, convert
from daemon.sandbox.model import Block, Database, Json, Page, Rich, Thing
from daemon.sandbox.world import World


_UNITS = {"m": "minutes", "h": "hours", "d": "days"}
_LINK = re.compile(r"\[\[([^\]]+)\]\]")
_CALLOUT, _TOGGLE, _COLUMNS, _COLUMN = (
    f"notion:{kind}" for kind in ("callout", "toggle", "columns", "column")
)


def ago(text: str) -> timedelta:
    """Read how long ago: a number and m, h or d."""
    return timedelta(**{_UNITS[text[-1]]: int(text[:-1])})


def load(world: World) -> tuple[Database, Page]:
    """Put the documents into a world; gives their database and the prompt page."""
    found = {name: _read(name) for name in _names()}
    knowledge = _write(world, None, found.pop("knowledge"))
    prompt = _write(world, None, found.pop("prompt"), {knowledge.name: knowledge})
    made = world.database("RFCs")
    for one in found.values():
        _write(world, made, one)
    return made, prompt


def prompt_page(world: World) -> Page:
    """Put only the prompt page, and the page it mentions, into a world."""
    knowledge = _write(world, None, _read("knowledge"))
    return _write(world, None, _read("prompt"), {knowledge.name: knowledge})


def _names() -> list[str]:
    folder = files("daemon.sandbox") / "documents"
    return sorted(
        one.name.removesuffix(".md") for one in folder.iterdir() if one.name[-3:] == ".md"
    )


def _read(name: str) -> Document:
    text = (files("daemon.sandbox") / "documents" / f"{name}.md").read_text("utf-8")
    return document(text, name, _fence)


def _fence(info: str, text: str) -> Iterable[Json]:
    kind, _, label = info.partition(" ")
    makes: dict[str, Callable[[], Json]] = {
        _CALLOUT: lambda: _headed("callout", convert(text, _fence), label),
        _TOGGLE: lambda: blocks.toggle(label, *convert(text, _fence)),
        _COLUMNS: lambda: blocks.block("column_list", {}, convert(text, _fence)),
        _COLUMN: lambda: blocks.block("column", {}, convert(text, _fence)),
    }
    return [makes[kind]()] if kind in makes else code(info, text)


def _headed(kind: str, inner: list[Json], icon: str) -> Json:
    """Take the first paragraph as the block's own text."""
    first, *others = inner
    made = blocks.callout(first["paragraph"]["rich_text"], *others, icon=icon)
    return {**made, "type": kind}


def _write(
    world: World, place: Thing | None, one: Document, mentioned: Mapping[str, Page] | None = None
) -> Page:
    now, front = world.state.now(), one.front
    owner = person(world, front.get("owner", "Ana Costa"))
    values: dict[str, Any] = {}
    if place is not None:
        values = {"Status": front["status"], "Owner": [owner]}
    links = {name: rich.mention("page", page) for name, page in (mentioned or {}).items()}
    page = world.page(
        place,
        one.title,
        [_linked(block, links) for block in one.blocks],
        by=owner,
        at=now - ago(front["created"]),
        edited=now - ago(front["edited"]),
        properties=values,
    )
    for thread in front.get("threads", ()):
        _talk(world, page, thread, now)
    return page


def _linked(block: Json, links: Mapping[str, Json]) -> Json:
    """Turn `[[Title]]` into mentions, here and below."""
    kind = block["type"]
    held = block[kind]
    if "rich_text" in held:
        held = held | {"rich_text": list(_mentions(held["rich_text"], links))}
    below = [_linked(child, links) for child in block.get("children", ())]
    return {"type": kind, kind: held, "children": below}


def _mentions(items: Rich, links: Mapping[str, Json]) -> Iterator[Json]:
    for item in items:
        pieces = _LINK.split(item["text"]["content"]) if item["type"] == "text" else []
        if len(pieces) <= 1:
            yield item
            continue
        for at, piece in enumerate(pieces):
            if at % 2 and piece in links:
                yield links[piece]
            elif piece:
                yield {**item, "text": {**item["text"], "content": piece}}


def _talk(world: World, page: Page, thread: Mapping[str, Any], now: datetime) -> None:
    target: Thing = page if thread["at"] == "page" else _block(world, page, thread["at"])
    said = None
    for told in thread["comments"]:
        place = target if said is None else said
        who = person(world, told["by"])
        said = world.comment(place, markdown(told["text"]), by=who, at=now - ago(told["ago"]))
    if thread.get("resolved") and said is not None:
        world.resolve(said)


def _block(world: World, page: Page, beginning: str) -> Block:
    for block in world.state.blocks.values():
        text = rich.plain(block.content.get("rich_text", []))
        if block.page_id == page.id and text.startswith(beginning):
            return block
    raise LookupError(f"{page.name}: no block begins with {beginning!r}")
