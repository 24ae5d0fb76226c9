"""The canonical form of a page, and its hash: what decides whether a page changed. Pure."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable

from daemon.domain.ids import addresses_by_id
from daemon.domain.values import Block, Page


# The version of the canonical form. Any change of what `canonical` gives for the same page, so also
# of how a line is written, needs a new one: else every page would seem edited.
FORM = 2


def canonical(page: Page, blocks: Iterable[Block]) -> str:
    """Write a page as the text that its hash is taken of: one JSON array a line.

    It holds the title, the properties with a digest of what they refer to, and of each block the
    type, depth and line. It leaves out what changes while the page says the same: ids, times,
    signed addresses, colours, comments, and all but the ids of Notion's own addresses.
    """
    lines: list[list[object]] = [["form", FORM], ["title", page.title]]
    lines += [["property", name, addresses_by_id(text)] for name, text in page.properties]
    lines += [["reference", name, digest] for name, digest in page.references]
    lines += [[block.type, block.depth, addresses_by_id(block.line)] for block in blocks]
    return "\n".join(json.dumps(line, ensure_ascii=False) for line in lines)


def content_hash(page: Page, blocks: Iterable[Block]) -> str:
    """Return the SHA-256 of the canonical form, in hex."""
    return hashlib.sha256(canonical(page, blocks).encode()).hexdigest()
