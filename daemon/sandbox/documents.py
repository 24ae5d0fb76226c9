"""The sandbox's own documents: four RFCs of an invented company, and the page with the prompt.

Each file is Markdown with front matter. `created`, `edited` and `ago` say how long ago (`20d`,
`2h`, `50m`), so that the demo always plays today. Fences named notion:callout, notion:toggle,
notion:columns and notion:column hold Markdown and become those blocks. `[[Title]]` mentions a page,
`@Full Name` a person. `threads` name the beginning of the block that they hang on, or "page".
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from importlib.resources import files
from pathlib import Path
from typing import Any

import yaml

from daemon.sandbox import blocks, properties, rich
from daemon.sandbox.markdown import Fence, code, convert
from daemon.sandbox.model import Json, Rich, SandboxBlock, SandboxDatabase, SandboxPage, Thing
from daemon.sandbox.rich import as_rich, markdown
from daemon.sandbox.world import COLUMNS, World


_FRONT = re.compile(r"\A---[ \t]*\n(.*?)^---[ \t]*(?:\n|\Z)", re.DOTALL | re.MULTILINE)
# A first-level heading of this name is a section of a document, not its title.
_SECTIONS = frozenset(
    ["abstract", "background", "introduction", "motivation", "overview", "problem", "summary"]
)
IN_REVIEW = "In review"
# A page that was written just now would still be settling in the reviewer's eyes.
AGE = timedelta(hours=1)
_H1 = "heading_1"


@dataclass(frozen=True, slots=True)
class MarkdownDocument:
    """A file: its title, its front matter, its blocks."""

    title: Rich
    front: Mapping[str, Any]
    blocks: Sequence[Json]


def document(text: str, name: str, fence: Fence = code) -> MarkdownDocument:
    """Read a Markdown document.

    The title is the front matter's; else the first heading of the first level, unless that is the
    name of a section; else `name`. A heading that opens the document moves into the title.
    """
    front, body = _front(text)
    found = convert(body, fence)
    titled = {key: value for key, value in front.items() if key.lower() == "title"}
    others = {key: value for key, value in front.items() if key not in titled}
    if titled:
        return MarkdownDocument(as_rich(str(next(iter(titled.values())))), others, found)
    headings = (block[_H1]["rich_text"] for block in found if block["type"] == _H1)
    heading: Rich = next(headings, [])
    words = rich.plain(heading).strip().lower().strip(":.")
    if not words or words in _SECTIONS:
        return MarkdownDocument([rich.text(name)], others, found)
    return MarkdownDocument(heading, others, found[1:] if found[0]["type"] == _H1 else found)


def _front(text: str) -> tuple[dict[str, Any], str]:
    """Take the front matter off a document; what is no mapping stays in the text."""
    match = _FRONT.match(text)
    if match is None:
        return {}, text
    try:
        found = yaml.safe_load(match[1])
    except (yaml.YAMLError, ValueError):  # the second for a date that is none, such as 2026-00-00
        return {}, text
    if not isinstance(found, dict):
        return {}, text
    return {str(key): value for key, value in found.items()}, text[match.end() :]


def folder(world: World, path: Path) -> SandboxDatabase:
    """Make a database "Documents" out of a folder's *.md files, in the order of their names.

    Raises:
        FileNotFoundError: There is no such file in the folder.
    """
    files = sorted(path.glob("*.md"))
    if not files:
        raise FileNotFoundError(f"{path}: no *.md files in this folder")
    found = [document(file.read_text("utf-8-sig", "replace"), file.stem) for file in files]
    kinds = _kinds(found)
    others = {key: kind for key, kind in kinds.items() if key.lower() not in ("status", "owner")}
    made = world.database("Documents", {"Title": "title", **COLUMNS, **others})
    written = world.state.now() - AGE
    for one in found:
        values = {"Status": IN_REVIEW} | _values(world, one.front, kinds)
        world.page(made, one.title, one.blocks, at=written, properties=values)
    return world.state.databases[made.id]


def _kinds(found: Sequence[MarkdownDocument]) -> dict[str, str]:
    """Find a type for each front matter key that fits all documents; text fits everything."""
    seen: dict[str, set[str]] = defaultdict(set)
    for one in found:
        for key, value in one.front.items():
            if value is not None:
                seen[key].add(properties.guess(value))
    return {key: kinds.pop() if len(kinds) == 1 else "rich_text" for key, kinds in seen.items()}


def _values(world: World, front: Mapping[str, Any], kinds: Mapping[str, str]) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for key, value in front.items():
        if value is None:
            continue
        if key.lower() == "status":
            values["Status"] = str(value)
        elif key.lower() == "owner":
            names = value if isinstance(value, list) else [value]
            values["Owner"] = [person(world, str(name)) for name in names]
        else:
            values[key] = [rich.text(_said(value))] if kinds[key] == "rich_text" else value
    return values


def _said(value: Any) -> str:
    """Return all that a value of the front matter says."""
    if isinstance(value, (dict, list)):
        return str(yaml.safe_dump(value, allow_unicode=True, default_flow_style=True)).strip()
    return str(value)


def person(world: World, name: str) -> str:
    """Give the id of the person of that name, who joins if need be."""
    for known in world.state.people.values():
        if known.name == name:
            return known.id
    return world.person(name).id


_UNITS = {"m": "minutes", "h": "hours", "d": "days"}
_LINK = re.compile(r"\[\[([^\]]+)\]\]")


def ago(text: str) -> timedelta:
    """Read how long ago: a number and m, h or d."""
    return timedelta(**{_UNITS[text[-1]]: int(text[:-1])})


def load(world: World) -> tuple[SandboxDatabase, SandboxPage]:
    """Put the documents into a world; gives their database and the prompt page."""
    folder = files("daemon.sandbox") / "documents"
    names = sorted(one.name for one in folder.iterdir() if one.name.endswith(".md"))
    found = {name: _read(name) for name in (name.removesuffix(".md") for name in names)}
    knowledge = _write(world, None, found.pop("knowledge"))
    prompt = _write(world, None, found.pop("prompt"), {knowledge.name: knowledge})
    made = world.database("RFCs")
    for one in found.values():
        _write(world, made, one)
    return made, prompt


def prompt_page(world: World) -> SandboxPage:
    """Put only the prompt page, and the page it mentions, into a world."""
    knowledge = _write(world, None, _read("knowledge"))
    return _write(world, None, _read("prompt"), {knowledge.name: knowledge})


def _read(name: str) -> MarkdownDocument:
    text = (files("daemon.sandbox") / "documents" / f"{name}.md").read_text("utf-8")
    return document(text, name, _fence)


def _fence(info: str, text: str) -> Iterable[Json]:
    """Make the blocks of a fence; one whose name begins with "notion:" holds Markdown."""
    kind, _, label = info.partition(" ")
    match kind:
        case "notion:callout":
            # The first paragraph is the callout's own text.
            first, *others = convert(text, _fence)
            return [blocks.callout(first["paragraph"]["rich_text"], *others, icon=label)]
        case "notion:toggle":
            return [blocks.toggle(label, *convert(text, _fence))]
        case "notion:columns":
            return [blocks.block("column_list", {}, convert(text, _fence))]
        case "notion:column":
            return [blocks.block("column", {}, convert(text, _fence))]
        case _:
            return code(info, text)


def _write(
    world: World,
    place: Thing | None,
    one: MarkdownDocument,
    mentioned: Mapping[str, SandboxPage] | None = None,
) -> SandboxPage:
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


def _talk(world: World, page: SandboxPage, thread: Mapping[str, Any], now: datetime) -> None:
    target: Thing = page if thread["at"] == "page" else _block(world, page, thread["at"])
    said = None
    for told in thread["comments"]:
        place = target if said is None else said
        who = person(world, told["by"])
        said = world.comment(place, markdown(told["text"]), by=who, at=now - ago(told["ago"]))
    if thread.get("resolved") and said is not None:
        world.resolve(said)


def _block(world: World, page: SandboxPage, beginning: str) -> SandboxBlock:
    for block in world.state.blocks.values():
        text = rich.plain(block.content.get("rich_text", []))
        if block.page_id == page.id and text.startswith(beginning):
            return block
    raise LookupError(f"{page.name}: no block begins with {beginning!r}")
