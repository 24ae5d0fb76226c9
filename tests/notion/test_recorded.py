"""Recorded answers of Notion, where they are at hand: every text of every block, once, in order.

The recordings are other people's and no part of the project. `RECORDED` names the file of JSON
lines, by default `shared/data/recorded/recorded.jsonl.gz` beside a folder that holds this one.
"""

from __future__ import annotations

import asyncio
import gzip
import json
import os
import re
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from daemon.notion.reading import blocks
from support.notion_objects import Json, Pages


PLACE = "shared/data/recorded/recorded.jsonl.gz"
TOKEN = re.compile(r"§\d+§")


def recordings() -> Path | None:
    named = os.environ.get("RECORDED")
    places = [Path(named)] if named else [up / PLACE for up in Path(__file__).parents]
    return next((place for place in places if place.is_file()), None)


needs_recordings = pytest.mark.skipif(recordings() is None, reason="no recordings are here")


def recorded() -> dict[str, list[Json]]:
    """Every block that was recorded, once for each repository: 4,201 of 8,012.

    Left out are two of types that a test made up, without the object of their type.
    """
    found: dict[str, dict[str, Json]] = defaultdict(dict)
    place = recordings()
    assert place is not None
    with gzip.open(place, "rt", encoding="utf-8") as lines:
        for line in lines:
            row = json.loads(line)
            for block in _blocks(row["body"]):
                if isinstance(block.get(block.get("type")), dict) or "type" not in block:
                    found[row["repo"]][json.dumps(block, sort_keys=True)] = block
    return {repo: list(by_text.values()) for repo, by_text in found.items()}


def _blocks(told: Any) -> Iterator[Json]:
    if isinstance(told, dict):
        if told.get("object") == "block" and told.get("id"):
            yield told
        for value in told.values():
            yield from _blocks(value)
    elif isinstance(told, list):
        for value in told:
            yield from _blocks(value)


def alone(block: Json, ident: str) -> Json:
    """A block under an id of its own, without the other objects that its recorder put into it.

    The first versions of the API called `rich_text` `text`.
    """
    if "type" not in block:
        return {"object": "block", "id": ident}
    kind = block["type"]
    own = {
        "rich_text" if name == "text" else name: value
        for name, value in block[kind].items()
        if not _holds_blocks(name, value)
    }
    return {"object": "block", "id": ident, "type": kind, kind: own}


def _holds_blocks(name: str, value: Any) -> bool:
    if isinstance(value, list):
        return name == "children" or any(isinstance(one, dict) and "object" in one for one in value)
    return isinstance(value, dict) and ("object" in value or "block" in value)


class Tokens:
    """Puts a token of its own into each text of a block."""

    def __init__(self) -> None:
        self.made: list[str] = []

    def into(self, told: Any) -> Any:
        if isinstance(told, list):
            return [self.into(one) for one in told]
        if not isinstance(told, dict):
            return told
        if "plain_text" in told:
            return self._text(told)
        # A reader sees a caption below what it belongs to.
        names = sorted(told, key=lambda name: name == "caption")
        return {name: self.into(told[name]) for name in names}

    def _text(self, item: Json) -> Json:
        if not item["plain_text"].strip():
            return item
        self.made.append(f"§{len(self.made)}§")
        shown = {"type": "text", "plain_text": self.made[-1], "href": item.get("href")}
        return shown | {"annotations": item.get("annotations") or {}}


@needs_recordings
def test_a5_every_recorded_text_is_read_once_and_in_order():
    read = texts = 0
    for found in recorded().values():
        pages, tokens = Pages(), Tokens()
        for number, block in enumerate(found):
            one = alone(block, f"block {number}")
            pages.listings.setdefault("page", []).append(tokens.into(one))
            read += 1
        shown = "\n".join(block.plain for block in asyncio.run(blocks(pages, "page")))
        assert TOKEN.findall(shown) == tokens.made
        texts += len(tokens.made)
    assert read > 4_000
    assert texts > 3_000
