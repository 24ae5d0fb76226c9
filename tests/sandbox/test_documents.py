"""The sandbox's own documents: the demo's story."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from daemon.sandbox import Sandbox, documents, rich


NOW = datetime(2031, 3, 4, 10, 30, tzinfo=UTC)


@pytest.fixture(scope="module")
def box():
    return Sandbox.with_documents(lambda: NOW)


@pytest.fixture(scope="module")
def state(box):
    return box.world.state


@pytest.fixture(scope="module")
def rfcs(state):
    (database,) = state.databases.values()
    return [state.pages[row] for row in state.rows[database.source_id]]


def blocks_of(state, page):
    return [block for block in state.blocks.values() if block.page_id == page.id]


def test_there_are_four_rfcs_with_status_owner_and_dates_relative_to_now(rfcs, state):
    told = [(page.name, page.values["Status"], (NOW - page.edited).days) for page in rfcs]
    assert told == [
        ("Move shipment tracking to an event queue", "In review", 0),
        ("Sign the webhooks that partners receive", "In review", 0),
        ("Read replicas for reports", "In review", 0),
        ("Retire the nightly CSV export", "Draft", 5),
    ]
    assert all(page.created < page.edited < NOW for page in rfcs)
    owners = {state.people[owner].name for page in rfcs for owner in page.values["Owner"]}
    assert len(owners) == 4


def test_the_weak_rfc_shows_what_kinds_of_blocks_there_are(rfcs, state):
    kinds = {block.type for block in blocks_of(state, rfcs[0])}
    assert kinds >= {"callout", "toggle", "table", "to_do", "code", "column_list", "column"}


def test_a_question_waits_unanswered_and_somebody_said_thanks(rfcs, state):
    threads = {}
    for comment in state.comments.values():
        threads.setdefault(comment.discussion_id, []).append(comment)
    last = {rich.plain(said[-1].rich_text): said for said in threads.values()}
    (question,) = [text for text in last if text.startswith("What happens to a report")]
    block = state.blocks[last[question][0].parent_id]
    assert (block.page_id, len(last[question])) == (rfcs[2].id, 1)
    assert len(last["thanks"]) == 2
    assert len({comment.author_id for comment in last["thanks"]}) == 2


def test_two_threads_are_resolved_and_every_comment_is_older_than_now(state):
    resolved = [one for one in state.discussions.values() if one.resolved]
    assert len(resolved) == 2
    assert all(comment.created < NOW for comment in state.comments.values())
    assert all(comment.author_id in state.people for comment in state.comments.values())


def test_the_prompt_page_mentions_the_page_with_the_knowledge(api_of, box, state):
    rows = api_of(box).get(f"blocks/{box.prompt.id}/children")["results"]
    items = [item for row in rows for item in row[row["type"]]["rich_text"]]
    (mention,) = [item for item in items if item["type"] == "mention"]
    assert mention["plain_text"] == "How we write RFCs"
    assert state.pages[mention["mention"]["page"]["id"]].name == "How we write RFCs"


def test_the_story_holds_on_any_day(box):
    other = Sandbox.with_documents(lambda: NOW + timedelta(days=400))
    first, second = (
        [page.edited - made.clock() for page in made.world.state.pages.values()]
        for made in (box, other)
    )
    assert first == second


def test_no_directive_and_no_link_mark_is_left_in_the_text(state):
    texts = [rich.plain(block.content.get("rich_text", [])) for block in state.blocks.values()]
    assert not [text for text in texts if "notion:" in text or "[[" in text]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("50m", timedelta(minutes=50)),
        ("2h", timedelta(hours=2)),
        ("20d", timedelta(days=20)),
    ],
)
def test_times_are_told_as_how_long_ago(text, told):
    assert documents.ago(text) == told
