"""A folder of Markdown files -> a database."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import yaml

from daemon.sandbox import properties, rich
from daemon.sandbox.inline import as_rich
from daemon.sandbox.markdown import Fence, code, convert
from daemon.sandbox.model import Database, Json, Rich
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
class Document:
    """A file: its title, its front matter, its blocks."""

    title: Rich
    front: Mapping[str, Any]
    blocks: Sequence[Json]


def document(text: str, name: str, fence: Fence = code) -> Document:
    """Read a Markdown document.

    The title is the front matter's; else the first heading of the first level, unless that is the
    name of a section; else `name`. A heading that opens the document moves into the title.
    """
    front, body = _front(text)
    found = convert(body, fence)
    titled = {key: value for key, value in front.items() if key.lower() == "title"}
    others = {key: value for key, value in front.items() if key not in titled}
    if titled:
        return Document(as_rich(str(next(iter(titled.values())))), others, found)
    heading = _heading(found)
    if heading is None:
        return Document([rich.text(name)], others, found)
    return Document(heading, others, found[1:] if found[0]["type"] == _H1 else found)


def _heading(found: Sequence[Json]) -> Rich | None:
    """Give the first heading of the first level, if it can be a title."""
    headings = (block[_H1]["rich_text"] for block in found if block["type"] == _H1)
    heading: Rich = next(headings, [])
    words = rich.plain(heading).strip().lower().strip(":.")
    return heading if words and words not in _SECTIONS else None


def _front(text: str) -> tuple[dict[str, Any], str]:
    """Take the front matter off a document; what is no mapping stays in the text."""
    match = _FRONT.match(text)
    if match is None:
        return {}, text
    try:
        found = yaml.safe_load(match[1])
    except yaml.YAMLError:
        return {}, text
    if not isinstance(found, dict):
        return {}, text
    return {str(key): value for key, value in found.items()}, text[match.end() :]


def folder(world: World, path: Path) -> Database:
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


def _kinds(found: Sequence[Document]) -> dict[str, str]:
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
        if key.lower() == "status" and value is not None:
            values["Status"] = str(value)
        elif key.lower() == "owner" and value is not None:
            values["Owner"] = [person(world, str(name)) for name in _several(value)]
        elif value is not None:
            values[key] = _written(value) if kinds[key] == "rich_text" else value
    return values


def _several(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _written(value: Any) -> Rich:
    """Write a value of any shape as text that says all of it."""
    if isinstance(value, (dict, list)):
        value = yaml.safe_dump(value, allow_unicode=True, default_flow_style=True).strip()
    return [rich.text(str(value))]


def person(world: World, name: str) -> str:
    """Give the id of the person of that name, who joins if need be."""
    for known in world.state.people.values():
        if known.name == name:
            return known.id
    return world.person(name).id
