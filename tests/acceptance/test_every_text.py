"""Every text of a document and of a prompt page reaches the model, wherever it stands."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest

from daemon.sandbox import Sandbox, blocks
from daemon.sandbox.model import SandboxPage, bare
from support.program import NOW, Program, ScriptedModel
from support.rows import pairs


def page(box: Sandbox, target: str, *content: Any) -> SandboxPage:
    return box.world.page(target, "Queues", content, at=NOW - timedelta(hours=1))


def test_a_block_of_which_notion_gives_the_id_alone_is_named_and_the_rest_is_read(
    box: Sandbox, program: Program, model: ScriptedModel, rfcs: str
) -> None:
    made = page(
        box, rfcs, blocks.paragraph("Before."), blocks.paragraph("x"), blocks.bullet("After.")
    )
    box.world.quirks.partial = {box.world.blocks(made)[1].id}
    assert program.sweep().json["pages_failed"] == 0
    [document] = model.documents
    assert "[B1] Before.\n[B2] [unsupported block]\n[B3] - After." in document


def test_the_parts_of_meeting_notes_are_read_also_where_they_are_named_by_their_ids_alone(
    box: Sandbox, program: Program, model: ScriptedModel, rfcs: str
) -> None:
    parts = {
        name: [blocks.paragraph(f"The {name}.")] for name in ("summary", "notes", "transcript")
    }
    made = page(box, rfcs, blocks.meeting_notes("Weekly", **parts))
    box.world.quirks.notes_list_children = False
    summary = box.world.blocks(box.world.blocks(made)[0])[0]
    box.world.unshare(summary)
    program.sweep()
    [document] = model.documents
    assert "[meeting notes: Weekly] [Notion does not give its summary]" in document
    assert [document.count(f"The {name}.") for name in parts] == [0, 1, 1]


def test_a_synced_copy_whose_source_is_not_shared_is_read_at_its_own_children(
    box: Sandbox, program: Program, model: ScriptedModel, rfcs: str
) -> None:
    secret = box.world.page(None, "Secret")
    original = box.world.add_block(secret, blocks.synced(blocks.paragraph("Shared words.")))
    page(box, rfcs, blocks.synced_copy(original), blocks.paragraph("Own words."))
    box.world.unshare(secret)
    box.world.quirks.copies_list_children = True
    program.sweep()
    [document] = model.documents
    assert "Shared words." in document
    assert "not shared" not in document


def test_half_a_character_in_a_language_or_an_icon_fails_no_page(
    box: Sandbox, program: Program, model: ScriptedModel, rfcs: str
) -> None:
    code = blocks.code("x = 1", language="py\ud83d")
    page(box, rfcs, code, blocks.callout("Mind the gap.", icon="\udca1"))
    assert program.sweep().json["pages_reviewed"] == 1
    [document] = model.documents
    assert "x = 1" in document
    assert "Mind the gap." in document


LINKS = {
    "a bare path": "/{id}",
    "a bare path with a query": "/{id}?pvs=25",
    "the app's address": "https://app.notion.com/p/Guide-{id}",
}


HOLDERS = {
    "paragraph": lambda link: blocks.block("paragraph", {"rich_text": link}),
    "caption": lambda link: blocks.code("x", caption=link),
    "table cell": lambda link: blocks.table([[link]]),
    "title": blocks.meeting_notes,
}


@pytest.mark.parametrize(("held", "href"), pairs(HOLDERS, LINKS))
def test_a_page_that_the_prompt_links_is_read_wherever_the_link_stands(
    box: Sandbox, program: Program, model: ScriptedModel, rfcs: str, held: Any, href: str
) -> None:
    guide = box.world.page(None, "Guide", [blocks.paragraph("Guide knowledge.")])
    url = href.format(id=bare(guide.id))
    link = [{"type": "text", "text": {"content": "guide", "link": {"url": url}}}]
    prompt = box.world.page(None, "Prompt", [blocks.paragraph("Be strict."), held(link)])
    program.config["databases"][0]["prompt"] = prompt.id
    page(box, rfcs, blocks.paragraph("We need queues."))
    program.sweep()
    assert "Guide knowledge." in json.dumps(model.sent[0].body["system"])
