"""A state that an earlier version left is taken up where it stopped.

`fixtures/earlier` was written by the version of 20 November 2026, before its package had rooms, in
three sweeps of an embedded Notion with the offline reviewer: `state.sql` is a dump of its state,
`world.json` what stood in Notion at the end. On one page a finding was turned down; on the second
the answers to both comments were lost, of which one was saved; the third waits for approval; and
one database is not shared.
"""

from __future__ import annotations

import json
import re
import sqlite3
import zlib
from collections import Counter
from contextlib import closing
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from daemon.sandbox import Sandbox, blocks
from support.program import Program, plain, posted


FIXTURES = Path(__file__).parents[1] / "fixtures" / "earlier"
WORLD = json.loads((FIXTURES / "world.json").read_text("utf-8"))
Ids = dict[str, str]


@pytest.fixture
def ids(box: Sandbox, program: Program) -> Ids:
    """Rebuild that Notion, put the state beside the config, and return today's ids by role."""
    found, renamed = rebuilt(box)
    dump = with_ids((FIXTURES / "state.sql").read_text("utf-8"), renamed)
    path = program.folder / "notion-review.db"
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(dump)
    program.config |= {"state": str(path), "models": ["offline"], "settle": "0s"}
    program.config["databases"] = [
        {"id": found["database RFCs"]},
        {"id": found["database Approved"], "approve": "all"},
        {"id": WORLD["unshared"]},
    ]
    box.clock.set(datetime.fromisoformat(WORLD["clock"]) + timedelta(hours=1))
    return found


def rebuilt(box: Sandbox) -> tuple[Ids, dict[str, str]]:
    """Return today's ids by role, and today's by those of the dump."""
    found = {"bot": box.bot.id, "Ana Costa": box.world.person("Ana Costa").id}
    for name in ("RFCs", "Approved"):
        database = box.world.database(name)
        [source] = [one for one in box.world.state.sources.values() if one.title == name]
        found |= {f"database {name}": database.id, f"source {name}": source.id}
    for title, page in WORLD["pages"].items():
        content = [blocks.paragraph(line) for line in page["lines"]]
        at = datetime.fromisoformat(page["at"])
        made = box.world.page(found[f"database {page['database']}"], title, content, at=at)
        found[f"page {title}"] = made.id
        for number, block in enumerate(box.world.blocks(made)):
            found[f"block {title} {number}"] = block.id
    renamed = {WORLD["ids"][role]: id_ for role, id_ in found.items()}
    for comment in WORLD["comments"]:
        target = renamed.get(comment["discussion"], renamed[comment["on"]])
        by = box.bot.id if comment["by"] == "bot" else found[comment["by"]]
        at = datetime.fromisoformat(comment["at"])
        said = box.world.comment(target, comment["rich"], by=by, at=at)
        renamed |= {comment["id"]: said.id, comment["discussion"]: said.discussion_id}
    return found, renamed


def with_ids(dump: str, renamed: dict[str, str]) -> str:
    """Put today's ids into a dump, also into its compressed snapshots."""
    pattern = re.compile("|".join(map(re.escape, renamed)))

    def put(text: str) -> str:
        return pattern.sub(lambda match: renamed[match[0]], text)

    def packed(match: re.Match[str]) -> str:
        text = zlib.decompress(bytes.fromhex(match[1])).decode()
        return f"X'{zlib.compress(put(text).encode()).hex()}'"

    return re.sub(r"X'([0-9A-Fa-f]+)'", packed, put(dump))


def said(box: Sandbox) -> Counter[tuple[str, str]]:
    """Count our comments by place and words."""
    return Counter((one.parent_id, plain(one)) for one in posted(box))


def status(program: Program) -> Any:
    return program.run("status", "--json").json


def test_what_was_on_its_way_is_posted_once_and_nothing_twice(
    box: Sandbox, program: Program, ids: Ids
) -> None:
    before = said(box)
    assert status(program)["outbox"] == {"pending": 0, "unclear": 2}
    done = program.run("--once", "--json")
    assert done.code == 3, done.err  # one database is still not shared
    assert status(program)["outbox"] == {"pending": 0, "unclear": 0}
    new = said(box) - before
    # The finding was saved though its answer was lost; the summary was not.
    assert list(new) == [
        (ids["page Exports"], "To do: Settle what was left open: “TBD: who is paged?”")
    ]
    assert max(said(box).values()) == 1


def test_a_page_that_is_edited_later_does_not_get_its_old_points_again(
    box: Sandbox, program: Program, ids: Ids
) -> None:
    program.run("--once")
    before = said(box)
    box.world.edit_block(ids["block Queues 0"], "Owner of the queue: TODO")
    box.clock.advance(timedelta(hours=1))
    done = program.run("--once", "--json").json
    assert done["pages_reviewed"] == 1
    assert done["comments_posted"] == 0
    assert {place for place, _ in said(box) - before} <= {ids["page Queues"]}


def test_unedited_pages_are_not_reviewed_again(program: Program, ids: Ids) -> None:
    done = program.run("--once", "--json").json
    assert (done["pages_seen"], done["pages_changed"], done["pages_reviewed"]) == (0, 0, 0)


def test_explain_shows_the_reviews_and_what_people_said(program: Program, ids: Ids) -> None:
    for _ in range(2):
        shown = program.run("explain", ids["page Queues"]).out
        assert "review by offline: done" in shown
        assert "“No, we leave it like that.”: dismiss" in shown
        assert re.search(r"finding of review 2: posted\n\s+dismissed, important", shown)
        program.run("--once")


def test_an_alert_stands_on_since_it_began(program: Program, ids: Ids) -> None:
    [alert] = status(program)["alerts"]
    assert alert["since"] == "2026-11-20T12:00:30Z"
    program.run("--once")
    assert status(program)["alerts"] == [alert]


def test_a_draft_that_waited_can_be_approved_and_is_posted(
    box: Sandbox, program: Program, ids: Ids
) -> None:
    [draft] = program.run("drafts", "--json").json["drafts"]
    assert draft["page"] == ids["page Payments"]
    assert program.run("drafts", "approve", str(draft["id"])).code == 0
    program.run("--once")
    places = {place for place, _ in said(box)}
    assert {ids["page Payments"], ids["block Payments 0"]} <= places
    assert max(said(box).values()) == 1
