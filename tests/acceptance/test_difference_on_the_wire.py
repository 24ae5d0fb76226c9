"""What a small edit costs on the wire, measured over forty real RFCs where they are at hand."""

from __future__ import annotations

import json
import re
from collections import Counter
from datetime import timedelta
from pathlib import Path
from statistics import median

import pytest
from program import NOW, Program, ScriptedModel

from daemon.review.prompt import tokens
from daemon.sandbox import Sandbox


HOUR = timedelta(hours=1)
RFCS = Path(__file__).parents[3] / "shared" / "data" / "rfcs"


@pytest.fixture
def box() -> Sandbox:
    if not RFCS.is_dir():
        pytest.skip(f"{RFCS} is not here")
    return Sandbox.importing(RFCS, clock=lambda: NOW, seed=3)


def told(block: object) -> str:
    return "".join(item["text"]["content"] for item in block.content.get("rich_text", ()))


def on_the_wire(model: ScriptedModel) -> dict[str, int]:
    """Tokens that each document's requests took, by title: instructions, tools, and all."""
    sizes: Counter[str] = Counter()
    for sent, document in zip(model.sent, model.documents, strict=True):
        asked = {key: sent.body[key] for key in ("system", "tools", "messages")}
        body = json.dumps(asked, ensure_ascii=False, separators=(",", ":"))
        sizes[document.splitlines()[0]] += tokens(body)
    return sizes


@pytest.mark.real
def test_one_edited_block_costs_less_than_a_third_of_the_first_review_of_an_rfc(
    box: Sandbox, program: Program, model: ScriptedModel
) -> None:
    [database] = box.world.state.databases
    program.config["databases"] = [{"id": database}]
    program.config |= {"lookback": "3650d", "watch_requests": 0}
    box.clock.set(NOW + HOUR)
    program.sweep()
    first, whole = on_the_wire(model), by_title(model)
    del first["Title: README"]  # twenty words that lead to the others
    assert len(first) == 40
    box.clock.advance(HOUR)
    for page in list(box.world.state.pages.values()):
        if page.parent.id in box.world.state.sources:
            edit_in_the_middle(box, page.id)
    box.clock.advance(HOUR)
    model.sent.clear()
    program.sweep()
    again, part = on_the_wire(model), by_title(model)
    assert again.keys() >= first.keys()
    assert median(again[title] / first[title] for title in first) <= 0.30
    assert sum(map(again.get, first)) / sum(first.values()) <= 0.25
    assert median(len(part[title]) / len(whole[title]) for title in first) <= 0.12
    for document in part.values():
        [changed] = re.findall(r"^\[B\d+ changed\] .*Decided on Monday\.$", document, re.MULTILINE)
        assert f"{changed}\n  was: " in document


def by_title(model: ScriptedModel) -> dict[str, str]:
    return {document.splitlines()[0]: document for document in model.documents}


def edit_in_the_middle(box: Sandbox, page: str) -> None:
    paragraphs = [one for one in box.world.blocks(page) if one.type == "paragraph" and told(one)]
    block = paragraphs[len(paragraphs) // 2]
    box.world.edit_block(block, f"{told(block)} Decided on Monday.")
