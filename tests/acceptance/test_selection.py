"""What config.yaml names is compared with what Notion has; a data source has one entry."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from daemon.sandbox import Sandbox, blocks
from support.program import Program, ScriptedModel, comment, finish, posted


HOUR = timedelta(hours=1)
DAY = timedelta(days=1)


def write(box: Sandbox, place: Any, title: str, **values: Any) -> Any:
    text = blocks.paragraph("We need queues because the poller is slow.")
    return box.world.page(place, title, [text], at=box.clock() - HOUR, **values)


def alerts(program: Program) -> dict[str, str]:
    found = program.run("status", "--json").json["alerts"]
    return {one["name"].split()[0]: one["text"] for one in found}


@pytest.fixture
def base(box: Sandbox, program: Program) -> Any:
    """A database of which what is in review is reviewed."""
    made = box.world.database("RFCs", {"Status": ["Draft", "In review", "Done"]})
    program.config["databases"].append(
        {"id": made.id, "name": "RFCs", "where": {"Status": ["In review"]}}
    )
    for title in ("Queues", "Logs"):
        write(box, made, title, Status="In review")
    return made


def test_an_option_that_is_renamed_in_notion_is_told_and_over_when_the_config_follows(
    box: Sandbox, program: Program, model: ScriptedModel, base: Any
) -> None:
    assert program.sweep().json["pages_reviewed"] == 2
    assert alerts(program) == {}
    box.world.rename_option(base.source_id, "Status", "In review", "Reviewing")
    box.clock.advance(DAY + HOUR)
    program.sweep()
    told = alerts(program)["selection"]
    assert "RFCs" in told
    assert "'Status' has no option 'In review', known are Draft, Reviewing, Done" in told
    program.config["databases"][0]["where"] = {"Status": ["Reviewing"]}
    write(box, base, "Late", Status="Reviewing")
    box.clock.advance(HOUR)
    assert program.sweep().json["pages_reviewed"] == 1
    assert alerts(program) == {}
    assert program.run("status", "--json").json["pages"]["done"] == 3


def test_a_value_that_never_was_an_option_is_told_at_the_first_sweep(
    program: Program, model: ScriptedModel, base: Any
) -> None:
    entry = program.config["databases"][0]
    entry |= {"where": {"Status": ["in review"]}, "properties": ["Owners"]}
    program.sweep()
    told = alerts(program)["selection"]
    assert "no option 'in review'" in told
    assert "no property 'Owners'" in told


def test_pages_that_all_leave_at_once_are_told_and_a_page_that_is_finished_is_not(
    box: Sandbox, program: Program, model: ScriptedModel, base: Any
) -> None:
    program.sweep()
    pages = [one for one in box.world.state.pages.values() if one.parent.id == base.source_id]
    for one in pages:
        box.world.edit_property(one, "Status", "Done")
    box.clock.advance(HOUR)
    program.sweep()
    assert "selects none of the pages that it selected before" in alerts(program)["selection"]
    box.clock.advance(HOUR)
    program.sweep()
    assert set(alerts(program)) == {"selection"}
    box.world.edit_property(pages[0], "Status", "In review")
    box.clock.advance(HOUR)
    program.sweep()
    assert alerts(program) == {}
    box.world.edit_property(pages[0], "Status", "Done")
    box.clock.advance(HOUR)
    program.sweep()
    assert alerts(program) == {}


@pytest.mark.parametrize(
    ("where", "words"),
    [
        ({"Status": ["In reviw"]}, "'Status' has no option 'In reviw'"),
        ({"Status": ["In review", "Ready"]}, "'Status' has no option 'Ready'"),
        ({"Public": ["true"]}, "'Public' has no option 'true'"),
        ({"Tags": ["db"]}, "'Tags' has no option 'db'"),
        ({"Stage": ["x"]}, "has no property 'Stage'"),
        ({"Owner": ["Ana Costa"], "Status": ["Done"], "Public": ["yes"], "Tags": ["api"]}, ""),
    ],
)
def test_doctor_compares_the_values_of_where_with_what_notion_has(
    box: Sandbox, program: Program, model: ScriptedModel, where: dict[str, Any], words: str
) -> None:
    columns: Any = {
        "Status": ["In review", "Done"],
        "Owner": "people",
        "Public": "checkbox",
        "Tags": "multi_select",
    }
    made = box.world.database("RFCs", columns)
    write(box, made, "Queues", Status="Done", Tags=["api"])
    program.config["databases"].append({"id": made.id, "name": "RFCs", "where": where})
    found = program.run("doctor", "--json").json["checks"]
    wrong = [one for one in found if one["name"] == "database RFCs" and one["remedy"]]
    assert len(wrong) == bool(words)
    assert all(words in one["words"] and "known are" in one["remedy"] for one in wrong)


@pytest.mark.parametrize("command", ["--once", "review", "doctor"])
@pytest.mark.parametrize("first", [0, 1])
def test_a_database_and_one_of_its_data_sources_are_a_mistake_of_the_config(
    box: Sandbox, program: Program, model: ScriptedModel, base: Any, first: int, command: str
) -> None:
    page = write(box, base, "Queues", Status="In review")
    entries = [*program.config["databases"], {"id": base.source_id, "approve": "all"}]
    program.config["databases"] = [entries[first], entries[1 - first]]
    done = program.run(command, *([page.id] if command == "review" else []))
    said = done.out if command == "doctor" else done.err
    assert done.code == (3 if command == "doctor" else 78)
    assert "both cover the data source" in said
    assert base.id in said
    assert base.source_id in said
    assert posted(box) == []
    assert model.sent == [] or command == "doctor"


def test_entries_for_two_data_sources_of_one_database_each_hold_for_their_own(
    box: Sandbox, program: Program, model: ScriptedModel, base: Any
) -> None:
    model.think = lambda _document, _turn: [comment("B1", "queues", "Which ones?"), finish("Say.")]
    other = box.world.source(base, "Decisions", {"Status": ["In review"]})
    program.config["databases"] = [{"id": base.source_id}, {"id": other.id, "approve": "all"}]
    pages = {name: write(box, place, name) for name, place in (("A", base), ("B", other))}
    for page in pages.values():
        assert program.run("review", page.id).code == 0
    assert program.sweep().json["outcome"] == "ok"
    drafts = program.run("drafts", "--json").json["drafts"]
    assert [one["title"] for one in drafts] == ["B"]


def test_check_sees_an_overlap_once_the_data_sources_are_known(
    program: Program, model: ScriptedModel, base: Any
) -> None:
    program.sweep()
    assert program.run("check").code == 0
    program.config["databases"].append({"id": base.source_id})
    done = program.run("check")
    assert done.code == 78
    assert "both cover the data source 'RFCs'; keep one of them" in done.err
