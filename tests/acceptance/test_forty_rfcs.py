"""Forty real RFCs, where they are at hand: every text reaches the model once, then nothing more."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from daemon.sandbox import Sandbox
from support.places import RFCS
from support.program import NOW, Program, ScriptedModel, posted


pytestmark = pytest.mark.real
HOUR = timedelta(hours=1)
MODEL = "anthropic:claude-sonnet-5-5"
SPANS = ("review", "page", "day", "month")
HANDLE = re.compile(r"\[B\d+\] ?")
TARGET = re.compile(r"\]\((?:<[^>]*>|(?:[^()\\]|\\.|\([^()]*\))*)\)")


@pytest.fixture
def box() -> Sandbox:
    if not RFCS.is_dir():
        pytest.skip(f"{RFCS} is not here")
    return Sandbox.importing(RFCS, clock=lambda: NOW, seed=3)


def told(rich: list[Any]) -> str:
    return "".join(item["text"]["content"] for item in rich)


def texts(box: Sandbox, holder: str) -> Iterator[str]:
    """Every text of a page as the world holds it, in document order."""
    for block in box.world.blocks(holder):
        content = block.content
        if "rich_text" in content:
            yield told(content["rich_text"])
        for cell in content.get("cells", ()):
            yield told(cell)
        yield from texts(box, block.id)


def letters(text: str) -> str:
    return "".join(char for char in text if char.isalnum())


def without_marks(document: str) -> str:
    """Drop what Markdown adds to the words: handles, languages of code, addresses of links."""
    lines = [HANDLE.sub("", line, count=1) for line in document.splitlines()]
    text = "\n".join(re.sub(r"^\s*```[^`]*$", "", line) for line in lines)
    return letters(html.unescape(TARGET.sub("]", text)))


def test_every_text_of_every_rfc_reaches_the_model_once_and_a_second_sweep_asks_once(
    box: Sandbox, program: Program, model: ScriptedModel
) -> None:
    [database] = box.world.state.databases
    program.config["databases"] = [{"id": database}]
    program.config |= {"lookback": "3650d", "watch_requests": 0}
    box.clock.set(NOW + HOUR)
    done = program.sweep().json
    pages = len(list(RFCS.glob("*.md")))
    assert done["pages_reviewed"] == len(model.sent) == pages
    by_title = {re.search(r"(?m)^Title: .*", one)[0]: one for one in model.documents}
    for page in box.world.state.pages.values():
        if page.parent.id not in box.world.state.sources:
            continue
        document = by_title[f"Title: {told(page.title)}"].split("Document:\n", 1)[1]
        words, at = without_marks(document), 0
        for text in map(letters, texts(box, page.id)):
            at = words.find(text, at) + len(text)
            assert at >= len(text), (told(page.title), text)
    box.requests.reset()
    calls = len(model.sent)
    program.sweep()
    assert box.requests.count() == 1
    assert len(model.sent) == calls
    assert posted(box) == []


PASS = re.compile(r"(?s)^.*?Document:\n  \(parts? \d[^\n]*\)\n")
REMARKS = re.compile(r"(?m)^(?:Threads|Found by checks|Already|Note)\b.*\Z", re.DOTALL)


@pytest.mark.parametrize("window", [4_000, 8_000, 32_000])
def test_in_a_small_window_every_text_of_every_rfc_reaches_the_model_once_in_order(
    box: Sandbox, program: Program, model: ScriptedModel, window: int
) -> None:
    [database] = box.world.state.databases
    program.config["databases"] = [{"id": database}]
    program.config |= {"lookback": "3650d", "watch_requests": 0}
    program.config |= {"windows": {MODEL: window}, "models": [MODEL]}
    limits = {"tokens_per_review": 10**9, "tokens_per_page": 10**9, "tokens_per_day": 10**9}
    program.config["limits"] = limits | {f"cost_per_{one}": 10_000 for one in SPANS}
    box.clock.set(NOW + HOUR)
    done = program.sweep().json
    assert done["pages_reviewed"] == len(list(RFCS.glob("*.md")))
    assert all(len(sent.raw) < window * 4 for sent in model.sent)
    by_title: dict[str, list[str]] = {}
    for document in model.documents:
        by_title.setdefault(re.search(r"(?m)^Title: .*", document)[0], []).append(document)
    for page in box.world.state.pages.values():
        if page.parent.id not in box.world.state.sources:
            continue
        shown = by_title[f"Title: {told(page.title)}"]
        passes = [one for one in shown if PASS.match(one)] or shown
        read = [REMARKS.sub("", PASS.sub("", one).split("Document:\n")[-1]) for one in passes]
        words, at = "".join(map(without_marks, read)), 0
        wanted = [*map(letters, texts(box, page.id))]
        for text in wanted:
            at = words.find(text, at) + len(text)
            assert at >= len(text), (told(page.title), text)
        everything = "".join(wanted)
        for text in wanted:
            assert len(text) < 60 or words.count(text) == everything.count(text), text
