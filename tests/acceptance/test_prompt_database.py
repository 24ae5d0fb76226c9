"""A database of prompts: which of its rows reviews a document, and what they say together."""

from __future__ import annotations

import json
import re
from datetime import timedelta
from typing import Any

import pytest

from daemon.sandbox import Sandbox, blocks
from support.program import Program, ScriptedModel, comment, finish, posted, words


HOUR = timedelta(hours=1)
LINES = (
    "We need queues because the poller is slow.",
    "They are fast enough for every carrier we know.",
    "Rollout happens in one step next week.",
)
COLUMNS = {
    "Applies to": "multi_select",
    "Active": "checkbox",
    "Order": "number",
}


class House:
    """A team whose prompts are the rows of a database; its documents have a type and tags."""

    def __init__(self, box: Sandbox, program: Program) -> None:
        self.box, self.program = box, program
        self.prompts = box.world.database("Lenses", COLUMNS)
        columns = {"Type": ["API", "Library", "Blog"], "Tags": "multi_select"}
        self.rfcs = box.world.database("RFCs", columns)
        entry = {"id": self.rfcs.id, "name": "RFCs", "prompt": self.prompts.id}
        program.config["databases"] = [entry]
        self.entry: dict[str, Any] = entry

    def row(self, title: str, *applies: str, text: str = "", **values: Any) -> Any:
        said = text or f"Look at {title.lower()}."
        values = {"Active": True, **values}
        values |= {"Applies to": list(applies)} if applies else {}
        content = [blocks.paragraph(said)] if said.strip() else []
        at = self.box.clock() - 3 * HOUR
        return self.box.world.page(self.prompts, title, content, at=at, properties=values)

    def writes(self, title: str, **values: Any) -> str:
        content = [blocks.paragraph(line) for line in LINES]
        made = self.box.world.page(
            self.rfcs, title, content, at=self.box.clock() - HOUR, properties=values
        )
        return made.id

    def edits(self, page: str) -> None:
        block = self.box.world.blocks(page)[-1]
        self.box.world.edit_block(block, f"Rollout is in steps, {self.box.clock():%H:%M}.")
        self.box.clock.advance(HOUR)

    def sweeps(self) -> Any:
        return self.program.sweep().json

    def alerts(self) -> list[str]:
        return [one["text"] for one in self.program.run("status", "--json").json["alerts"]]


@pytest.fixture
def house(box: Sandbox, program: Program) -> House:
    return House(box, program)


def asked_under(model: ScriptedModel) -> list[str]:
    """The rows under which the last request was made, by their texts."""
    return re.findall(r"Look at (\w+)\.", json.dumps(model.sent[-1].body["system"]))


ROWS: list[tuple[str, tuple[str, ...], dict[str, Any]]] = [
    ("Security", ("API",), {"Order": 2}),
    ("Style", ("Blog", "Tags: public"), {"Order": 1}),
    ("Rest", (), {}),
]


def test_the_first_row_that_applies_reviews_a_document(house: House, model: ScriptedModel) -> None:
    for title, applies, properties in ROWS:
        house.row(title, *applies, **properties)
    house.writes("RFC 1", Type="API", Tags=["public"])
    assert house.sweeps()["pages_reviewed"] == 1
    assert asked_under(model) == ["style"]


def test_a_row_that_is_switched_off_reviews_nothing_and_one_without_text_is_left_out_and_told(
    house: House, model: ScriptedModel
) -> None:
    house.row("Security", "API", Active=False)
    house.row("Empty", "API", text=" ")
    house.row("Rest")
    house.writes("RFC 1", Type="API")
    assert house.sweeps()["pages_reviewed"] == 1
    assert asked_under(model) == ["rest"]
    (told,) = house.alerts()
    assert told == (
        "the prompt page “Empty” of RFCs: it is empty; write the prompt into it; it is left out."
    )


def test_a_document_that_fits_no_row_is_left_alone_and_explain_and_doctor_say_so(
    house: House, model: ScriptedModel
) -> None:
    house.row("Security", "API")
    page = house.writes("RFC 1", Type="Blog")
    done = house.sweeps()
    assert (done["outcome"], done["pages_reviewed"]) == ("ok", 0)
    assert model.sent == []
    why = (
        "no row of the prompt database “Lenses” applies to it (Type: Blog); "
        "its rows are: Security (API)"
    )
    assert why in house.program.run("explain", page).out
    assert "RFC 1 fits none" in house.program.run("doctor").out
    assert house.sweeps()["model_requests"] == 0

    house.row("Rest")
    house.edits(page)
    assert house.sweeps()["pages_reviewed"] == 1
    assert asked_under(model) == ["rest"]
    assert "fits none" not in house.program.run("doctor").out


def test_several_lenses_have_one_cap_and_one_summary_and_each_point_names_its_own(
    house: House, model: ScriptedModel
) -> None:
    house.row("Security", Order=1)
    house.row("Style", Order=2, text="Look at style.")
    house.entry["lenses"] = 2
    house.program.config["limits"] = {"comments_per_review": 2}

    def think(_document: str, turn: int) -> list[tuple[str, dict[str, str]]]:
        quotes = ("the poller is slow", "every carrier we know", "in one step")
        names = ("Security", "Tone", "style")
        calls = [
            (name, {**arguments, "lens": lens})
            for (name, arguments), lens in zip(
                [comment(f"B{n}", quote, f"Point {n}.") for n, quote in enumerate(quotes, 1)],
                names,
                strict=True,
            )
        ]
        if not turn:
            return calls
        again = comment("B2", "every carrier we know", "Point 2.", severity="blocking")
        return [(again[0], {**again[1], "lens": "Style"}), finish("Both lenses looked.")]

    model.think = think
    house.writes("RFC 1", Type="API")
    house.sweeps()
    said = [words(one) for one in posted(house.box)]
    points = [one for one in said if one.endswith(("Point 1.", "Point 2.", "Point 3."))]
    assert len(points) == 2
    assert any("blocking · Style\n" in one for one in points)
    assert any("important · Security\n" in one for one in points)
    assert len([one for one in said if "Both lenses looked." in one]) == 1
    refused = json.dumps(model.sent[-1].body, ensure_ascii=False)
    assert "there is no lens 'Tone'; they are Security, Style" in refused
    until = f"{house.box.clock() + HOUR:%Y-%m-%dT%H:%M:%S%z}"
    by_lens = house.program.run("report", "--json", "--until", until).json["now"]["by_lens"]
    assert {name: work["findings"] for name, work in by_lens.items()} == {"Security": 1, "Style": 2}
    assert "findings, by lens" in house.program.run("report", "--until", until).out


def test_an_outage_of_the_prompt_database_leaves_its_last_rows_in_use(
    house: House, model: ScriptedModel
) -> None:
    house.row("Security", "API")
    page = house.writes("RFC 1", Type="API")
    house.sweeps()
    house.box.world.unshare(house.prompts)
    house.edits(page)
    done = house.program.run("--once", "--json")
    assert (done.code, done.json["pages_reviewed"]) == (0, 1)
    assert asked_under(model) == ["security"]
    assert any("its last rows stay in use" in one for one in house.alerts())
    house.box.world.share(house.prompts)
    house.edits(page)
    house.sweeps()
    assert house.alerts() == []


def test_a_new_prompt_reviews_again_what_was_reviewed_under_that_row_where_the_config_asks(
    house: House, model: ScriptedModel
) -> None:
    security, _ = house.row("Security", "API", Order=1), house.row("Rest")
    house.program.config["review_on_prompt_change"] = True
    house.writes("RFC 1", Type="API")
    house.writes("RFC 2", Type="Blog")
    assert house.sweeps()["pages_reviewed"] == 2
    house.box.clock.advance(HOUR)
    assert house.sweeps()["pages_reviewed"] == 0
    house.box.world.rewrite(security, [blocks.paragraph("Look at safety.")])
    house.box.clock.advance(HOUR)
    assert house.sweeps()["pages_reviewed"] == 1
    assert asked_under(model) == ["safety"]
    house.box.clock.advance(HOUR)
    assert house.sweeps()["pages_reviewed"] == 0


def test_a_person_is_answered_under_the_row_that_reviews_the_page(
    house: House, box: Sandbox, model: ScriptedModel
) -> None:
    house.row("Security", "API", Order=1)
    house.row("Rest")

    def think(_document: str, turn: int) -> list[tuple[str, dict[str, str]]]:
        if not turn:
            return [comment("B1", "the poller is slow", "How slow?"), finish("")]
        return [finish("")]

    model.think = think
    house.writes("RFC 1", Type="API")
    house.sweeps()
    (point,) = [one for one in posted(box) if "How slow?" in words(one)]
    ana = next(iter(box.world.state.people))
    box.world.comment(point.discussion_id, "What would be fast?", by=ana)
    box.clock.advance(HOUR)
    model.think = lambda *_: [("reply", {"thread": "T1", "text": "Ten a second."}), finish("")]
    assert house.sweeps()["replies_posted"] == 1
    assert asked_under(model) == ["security"]


def test_the_rows_are_listed_once_for_many_documents_and_read_only_when_edited(
    house: House, box: Sandbox, model: ScriptedModel
) -> None:
    rows = [house.row(title, *applies, **properties).id for title, applies, properties in ROWS]
    pages = [house.writes(f"RFC {n}", Type="API") for n in range(5)]
    house.sweeps()
    for page in pages:
        house.box.world.edit_block(box.world.blocks(page)[-1], "Rollout is in steps.")
    box.clock.advance(HOUR)
    before = len(list(box.requests.log))
    house.sweeps()
    asked = [one.path for one in list(box.requests.log)[before:]]
    rows = {row.id for row in box.world.state.pages.values() if row.title != "RFC"}
    source = house.prompts.id
    assert len([path for path in asked if source in path]) == 1
    assert not [
        path for path in asked if any(f"blocks/{row}/children" in path for row in rows - {*pages})
    ]
