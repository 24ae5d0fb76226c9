"""What Notion gives -> text: Markdown, plain words, and the canonical form with its hash.

Pure. The parts live in `runs`, `inline`, `blocks` and `properties`; this module is their face.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable

from daemon.domain.values import Block, Page
from daemon.notion.blocks import block
from daemon.notion.to_markdown import markdown, plain
from daemon.notion.numbering import numbers
from daemon.notion.properties import database_title, moment, page, property_text
from daemon.notion.rich_text import person


__all__ = [
    "FORM",
    "block",
    "canonical",
    "content_hash",
    "database_title",
    "markdown",
    "moment",
    "numbers",
    "page",
    "person",
    "plain",
    "property_text",
]

# The version of the canonical form. Any change of what `canonical` gives for the same page, so also
# of how a line is written, needs a new one: else every page would seem edited.
FORM = 1


def canonical(page: Page, blocks: Iterable[Block]) -> str:
    """Write a page as the text that its hash is taken of: one JSON array a line.

    It holds the title, the properties, and of each block the type, depth and line. It leaves out
    what changes while the page says the same: ids, times, signed addresses, colours, comments.
    """
    lines: list[list[object]] = [["form", FORM], ["title", page.title]]
    lines += [["property", name, text] for name, text in page.properties]
    lines += [[block.type, block.depth, block.line] for block in blocks]
    return "\n".join(json.dumps(line, ensure_ascii=False) for line in lines)


def content_hash(page: Page, blocks: Iterable[Block]) -> str:
    """Return the SHA-256 of the canonical form, in hex."""
    return hashlib.sha256(canonical(page, blocks).encode()).hexdigest()
