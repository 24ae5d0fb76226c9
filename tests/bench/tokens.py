"""Tokens of the forty RFCs, or of the own documents: against the earlier program's form.

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

import virtual_time
from anthropic_tokenizer import encode
from benchlab import Calls, Lab, Read, later
from table import Line

from daemon.domain.values import Block
from daemon.review.models import cost as pricing
from daemon.review.models.access import ModelAccess
from daemon.review.agent import ToolSpec
from daemon.review.models.cost import Tokens
from daemon.review.tools import SPECS
from daemon.sandbox import Sandbox


RFCS = Path(__file__).parents[3] / "shared" / "data" / "rfcs"
MODELS = ("anthropic:claude-sonnet-5-5", "openai:gpt-6.1-sol")
ANSWER = 900  # tokens that a review of eight comments and a summary takes, about
COMMENTS = 5  # put on each document before its first review
_MARK = re.compile(r"^\[B\d+(?: new| changed)?\] ?", re.MULTILINE)


def count(text: str) -> int:
    return len(encode(text))


@dataclass(frozen=True)
class Document:
    """One document: tokens of its first review, of the review after an edit of one block, and of
    the earlier program's form of it; `system` is what stands before each."""

    title: str
    blocks: int
    first: int
    again: int
    earlier: int
    marks: float
    system: int


async def measure(folder: Path, box: Sandbox | None = None) -> list[Document]:
    """Review every document, edit one paragraph of each, and review it again."""
    lab = Lab(folder, box=box or _box(), lookback="3650d")
    for page in lab.pages:
        lab.ask(page, _paragraphs(lab, page)[:COMMENTS])
    await later(2)
    lab.model.think = leaving
    await lab.sweep()
    first = {one.page: one for one in lab.model.read}
    lab.model.read.clear()
    for page in lab.pages:
        held = lab.box.world.blocks(page)
        number = _paragraphs(lab, page)[-1]
        lab.box.world.edit_block(held[number], "It now says something else, in one sentence.")
    await later(2)
    await lab.sweep()
    again = {one.page: one for one in lab.model.read}
    return [_document(lab, one, again[page].document) for page, one in first.items()]


def leaving(document: str) -> Calls:
    """Find nothing, and leave every thread."""
    threads = re.findall(r"^\[(T\d+) on", document, re.MULTILINE)
    left = [("leave", {"thread": thread, "reason": "settled"}) for thread in threads]
    return [*left, ("finish", {"summary": ""})]


def _box() -> Sandbox:
    if RFCS.is_dir():
        return Sandbox.importing(RFCS, clock=virtual_time.now, seed=5)
    return Sandbox.with_documents(clock=virtual_time.now, seed=5)


def _paragraphs(lab: Lab, page: str) -> list[int]:
    held = lab.box.world.blocks(page)
    return [number for number, block in enumerate(held) if block.type == "paragraph"]


def _document(lab: Lab, read: Read, again: str) -> Document:
    blocks = [block for block in read.blocks.values() if block.line]
    bare = _MARK.sub("", read.document)
    return Document(
        title=read.document.splitlines()[0].removeprefix("Title: "),
        blocks=len(blocks),
        first=count(read.document),
        again=count(again),
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
        "at most 70 % each",
        shares[-1] <= 0.7,
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
    again = median(one.again / one.first for one in found)
    whole = median((one.again + one.system) / (one.first + one.system) for one in found)
    yield Line(
        "7. review after an edit of one block, tokens against the first",
        f"{again:.0%} in the median, {whole:.0%} with instructions and tools, which are cached",
        "at most 30 %",
        again <= 0.3,
        "100 %",
        {"median": round(again, 3), "with_instructions": round(whole, 3)},
    )
    yield from _costs(found)


def _costs(found: list[Document]) -> Iterator[Line]:
    system = round(median(one.system for one in found))
    ours, theirs = round(median(o.first for o in found)), round(median(o.earlier for o in found))
    for model in MODELS:
        plain, cached, earlier = (
            pricing.cost(model, tokens, ModelAccess())
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
