"""Tokens of the forty RFCs, or of long documents made here: against the earlier program's form.

Counted with the tokenizer that Anthropic published for its second models; the newer ones are not
public. What is compared is counted alike.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from anthropic_tokenizer import encode

from bench.benchlab import Calls, Lab, Read, later
from bench.table import Line
from daemon.domain.values import Block
from daemon.review.agent import ToolSpec
from daemon.review.models import cost
from daemon.review.models.access import ModelAccess
from daemon.review.models.cost import Tokens
from daemon.review.tool_specs import SPECS
from daemon.sandbox import Sandbox
from support import virtual_time
from support.places import FIXTURES, RFCS


MODELS = ("anthropic:claude-sonnet-5-5", "openai:gpt-6.1-sol")
ANSWER = 900  # tokens that a review of eight comments and a summary takes, about
COMMENTS = 5  # put on each document before its first review
MADE = 6  # documents, where the RFCs are not here
_MARK = re.compile(r"^\[B\d+(?: new| changed)?\] ?", re.MULTILINE)


def count(text: str) -> int:
    return len(encode(text))


@dataclass(frozen=True)
class Document:
    """One document: tokens of its first review, and of the earlier program's form of it; `system`
    is what stands before each."""

    title: str
    blocks: int
    first: int
    earlier: int
    marks: float
    system: int


async def measure(folder: Path, box: Sandbox | None = None) -> list[Document]:
    """Review every document."""
    lab = Lab(folder, box=box or _box(folder), lookback="3650d")
    for page in lab.pages:
        lab.ask(page, _paragraphs(lab, page)[:COMMENTS])
    await later(2)
    lab.model.think = leaving
    await lab.sweep()
    return [_document(lab, one) for one in lab.model.read]


def leaving(document: str) -> Calls:
    """Find nothing, and leave every thread."""
    threads = re.findall(r"^\[(T\d+) on", document, re.MULTILINE)
    left = [("leave", {"thread": thread, "reason": "settled"}) for thread in threads]
    return [*left, ("finish", {"summary": ""})]


def _box(folder: Path) -> Sandbox:
    documents = RFCS if RFCS.is_dir() else _long_documents(folder / "documents")
    return Sandbox.importing(documents, clock=virtual_time.now, seed=5)


def _long_documents(folder: Path) -> Path:
    """Make long documents of the short ones that tests have, each in another order."""
    folder.mkdir()
    short = [path.read_text("utf-8") for path in sorted((FIXTURES / "offline/clean").glob("*.md"))]
    for first in range(MADE):
        text = "\n\n".join(short[first:] + short[:first])
        (folder / f"{first}.md").write_text(text, "utf-8")
    return folder


def _paragraphs(lab: Lab, page: str) -> list[int]:
    held = lab.box.world.blocks(page)
    return [number for number, block in enumerate(held) if block.type == "paragraph"]


def _document(lab: Lab, read: Read) -> Document:
    blocks = [block for block in read.blocks.values() if block.line]
    # What stands before the title is told of the review, not of the document.
    document = read.document[read.document.index("Title: ") :]
    bare = _MARK.sub("", read.document)
    return Document(
        title=document.splitlines()[0].removeprefix("Title: "),
        blocks=len(blocks),
        first=count(document),
        earlier=count(_earlier(lab, blocks)),
        marks=(count(read.document) - count(bare)) / len(blocks),
        system=count(read.system) + count(json.dumps([_told(spec) for spec in SPECS])),
    )


def _told(spec: ToolSpec) -> dict[str, object]:
    return {"name": spec.name, "description": spec.description, "input": dict(spec.parameters)}


def _earlier(lab: Lab, blocks: Iterable[Block]) -> str:
    """Write blocks and comments in the form of the earlier program, which leaves nested ones out;
    here they are given to it."""
    people = lab.box.world.state.people
    lines: list[str] = []
    for block in blocks:
        lines += [f"block_id: {block.id}", block.line]
        for one in lab.box.world.comments(block.id):
            if one.author_id not in people:
                continue  # the reviewer's own, made after it had read
            who = people[one.author_id]
            at = f"{one.created:%Y-%m-%dT%H:%M:00.000Z}"
            words = "".join(item["text"]["content"] for item in one.rich_text)
            lines += [
                f"comment block id: {one.id}",
                f'**Comment by "{who.name}" "{who.email}" ({who.id}) at {at}:**',
                words,
            ]
        lines.append("")
    return "\n".join(lines)


def lines(found: list[Document]) -> Iterator[Line]:
    shares = sorted(one.first / one.earlier for one in found)
    data = {"median": round(median(shares), 3), "most": round(shares[-1], 3)}
    yield Line(
        f"7. first review of {len(found)} documents, tokens against the earlier form",
        f"{median(shares):.0%} in the median, {shares[-1]:.0%} at most",
        # Links are shown whole wherever they stand, so a document of links saves less than others.
        "at most 60 % in the median, 80 % each",
        median(shares) <= 0.6 and shares[-1] <= 0.8,
        "100 %: `block_id: <uuid>`, e-mails, ids",
        data,
    )
    marks = max(one.marks for one in found)
    yield Line(
        "7. marks and handles",
        f"{marks:.1f} tokens a block at most",
        "at most 8",
        marks <= 8,
        f"{count('block_id: 3c90c3cc-0d44-4b50-8888-8dd25736052a')} a block",
        {"marks": round(marks, 2)},
    )
    yield from _costs(found)


def _costs(found: list[Document]) -> Iterator[Line]:
    system = round(median(one.system for one in found))
    ours, theirs = round(median(o.first for o in found)), round(median(o.earlier for o in found))
    for model in MODELS:
        plain, cached, earlier = (
            cost.cost(model, tokens, ModelAccess())
            for tokens in (
                Tokens(system + ours, output_tokens=ANSWER),
                Tokens(system + ours, cache_read_tokens=system, output_tokens=ANSWER),
                Tokens(system + theirs, output_tokens=ANSWER),
            )
        )
        yield Line(
            f"7. first review of the median document by {model}",
            f"${plain:.4f}, ${cached:.4f} with the instructions cached",
            earlier=f"${earlier:.4f}",
            data={"cost": plain, "cached": cached, "earlier": earlier},
        )
