"""What counts as an edit, what Notion only writes anew, and titles and names as they were typed."""

from __future__ import annotations

import json
import sqlite3
import zlib
from contextlib import closing
from datetime import timedelta
from typing import Any

import pytest

from daemon.sandbox import Sandbox, blocks
from support.program import NOW, Program, ScriptedModel, comment, finish, posted
from support.rows import pairs


HOUR = timedelta(hours=1)
TEXT = "We need queues because the poller is slow."


def review(document: str, _turn: int) -> list[Any]:
    said = [] if "was:" in document else [comment("B1", "queues", "Which ones?", title="Which")]
    return [*said, finish("Say which.")]


def sweep_later(box: Sandbox, program: Program) -> int:
    """Sweep once the page has settled; return how many pages were reviewed."""
    box.clock.advance(HOUR)
    return int(program.sweep().json["pages_reviewed"])


# What a property refers to


@pytest.mark.parametrize("kind", ["relation", "people", "files"])
def test_a_property_that_refers_to_another_thing_of_the_same_name_is_an_edit(
    box: Sandbox, program: Program, model: ScriptedModel, kind: str
) -> None:
    rfcs = box.world.database("RFCs", {"Refers": kind})
    program.config["databases"].append({"id": rfcs.id, "properties": ["Refers"]})
    things = {
        "relation": [box.world.page(rfcs, name, at=NOW - 99 * HOUR) for name in "ab"],
        "people": [box.world.person("Eva Lund"), box.world.person("Eva Lund")],
        "files": ["https://a.example/plan.pdf", "https://b.example/plan.pdf"],
    }[kind]
    page = box.world.page(
        rfcs, "Queues", [blocks.paragraph(TEXT)], at=NOW - HOUR, Refers=[things[0]]
    )
    assert program.sweep().json["pages_reviewed"] == 1
    box.world.edit_property(page, "Refers", [things[1]])
    assert sweep_later(box, program) == 1
    assert "Changed besides blocks: Refers" in model.documents[-1]
    box.world.edit_property(page, "Refers", [things[1]])
    assert sweep_later(box, program) == 0


# Notion's own addresses


ID = "0123456789abcdef0123456789abcdef"
OTHER = "f" * 32
WRITTEN = f"https://www.notion.so/{ID}"
FORMS = {
    "shared": f"https://www.notion.so/acme/Plan-{ID}?pvs=4",
    "app": f"https://app.notion.com/p/{ID}",
    "site": f"https://acme.notion.site/A-new-title-{ID}",
}


HOLDERS = {
    "link": lambda address: blocks.paragraph(f"As [the plan]({address}) says."),
    "bookmark": lambda address: blocks.block("bookmark", {"url": address, "caption": []}),
    "cell": lambda address: blocks.table([["Plan", f"[it]({address})"]]),
}


@pytest.mark.parametrize(("form", "block"), pairs(FORMS, HOLDERS))
def test_another_form_of_the_same_address_is_no_edit_and_another_page_is(
    box: Sandbox, program: Program, model: ScriptedModel, rfcs: str, form: str, block: Any
) -> None:
    content = [blocks.paragraph(TEXT), block(WRITTEN)]
    page = box.world.page(rfcs, "Queues", content, at=NOW - HOUR)
    assert program.sweep().json["pages_reviewed"] == 1
    box.world.rewrite(page, [blocks.paragraph(TEXT), block(form)])
    assert sweep_later(box, program) == 0
    box.world.rewrite(page, [blocks.paragraph(TEXT), block(form.replace(ID, OTHER))])
    assert sweep_later(box, program) == 1


# Titles and names as they were typed


TITLES = ["RFC <bot> `v2`", "[draft] *2* ~~x~~ _y_", "a\\*b & &amp; $x$ | #1"]


@pytest.mark.parametrize("title", TITLES)
def test_a_title_is_shown_as_it_was_typed_wherever_it_is_shown(
    box: Sandbox, program: Program, model: ScriptedModel, rfcs: str, title: str
) -> None:
    typed: Any = [{"type": "text", "text": {"content": title}}]
    prompt = box.world.page(None, typed, [blocks.paragraph("Be strict.")], at=NOW - 9 * HOUR)
    program.config["databases"][0]["prompt"] = prompt.id
    page = box.world.page(rfcs, typed, [blocks.paragraph(TEXT)], at=NOW - HOUR)
    model.think = review
    done = program.sweep()
    assert {one.shown for one in posted(box)} == {("custom", title)}
    assert f"Title: {title}\n" in model.documents[-1]
    assert f'"title": {json.dumps(title)}' in done.err
    assert program.run("explain", page.id).out.splitlines()[0] == title


# A new version of the canonical form


def as_of_another_version(program: Program, page_id: str) -> None:
    """Let the state be as the version before left it: another hash, titles in Markdown."""
    [path] = program.folder.glob("**/*.db")
    with closing(sqlite3.connect(path)) as state:
        [packed] = state.execute("SELECT snapshot FROM pages WHERE id = ?", [page_id]).fetchone()
        kept = json.loads(zlib.decompress(packed))
        kept.pop("references")
        kept["title"] = kept["title"].replace("<", "\\<").replace("`", "\\`")
        packed = zlib.compress(json.dumps(kept).encode())
        state.execute(
            "UPDATE pages SET hash = 'another', form = form - 1, snapshot = ? WHERE id = ?",
            [packed, page_id],
        )
        state.commit()


@pytest.mark.parametrize("edited", [True, False])
def test_a_new_form_reviews_nothing_and_loses_no_edit(
    box: Sandbox, program: Program, model: ScriptedModel, rfcs: str, *, edited: bool
) -> None:
    typed: Any = [{"type": "text", "text": {"content": TITLES[0]}}]
    page = box.world.page(rfcs, typed, [blocks.paragraph(TEXT)], at=NOW - HOUR)
    assert program.sweep().json["pages_reviewed"] == 1
    as_of_another_version(program, page.id)
    block = box.world.blocks(page)[0]
    box.world.edit_block(block, f"{TEXT} And soon." if edited else TEXT)
    assert sweep_later(box, program) == edited
    assert ("was: " in model.documents[-1]) == edited
    box.world.edit_block(block, "We need nothing.")
    assert sweep_later(box, program) == 1


# `where` of a property that lists things


COLUMNS: Any = {"Owner": "people", "Part of": "relation", "Owners": "rollup"}


@pytest.mark.parametrize("kind", ["people", "relation", "rollup"])
def test_where_selects_a_page_by_any_element_of_a_list(
    box: Sandbox, program: Program, model: ScriptedModel, kind: str
) -> None:
    rfcs = box.world.database("RFCs", COLUMNS)
    ben, eva = (box.world.person(name) for name in ("Ben Ode", "Eva Lund"))
    plans = [box.world.page(rfcs, name, at=NOW - 99 * HOUR) for name in ("Plan", "Other")]
    where: dict[str, list[str]] = {
        "people": {"Owner": ["Ana Costa", "Eva Lund"]},
        "relation": {"Part of": [plans[0].url]},
        "rollup": {"Owners": ["Eva Lund"]},
    }[kind]
    program.config["databases"].append({"id": rfcs.id, "where": where})
    for title, people, parts in (
        ("Both", [ben, eva], plans[::-1]),
        ("Other", [ben], plans[1:]),
        ("None", [], []),
    ):
        values: dict[str, Any] = {"Owner": people, "Part of": parts}
        if kind == "rollup":
            shown = {
                "type": "people",
                "people": [{"id": one.id, "name": one.name} for one in people],
            }
            values["Owners"] = {"type": "array", "array": [shown], "function": "show_original"}
        box.world.page(rfcs, title, [blocks.paragraph(TEXT)], at=NOW - HOUR, properties=values)
    assert program.sweep().json["pages_reviewed"] == 1
    assert "Title: Both\n" in model.documents[-1]
