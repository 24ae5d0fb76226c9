"""Notion's webhooks as they arrive: who is believed, and what."""

from __future__ import annotations

import asyncio
import json
import stat
from contextlib import closing
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from pathlib import Path
from tempfile import TemporaryDirectory
from unittest.mock import patch

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon import loopback
from daemon.domain.notation import iso
from daemon.domain.records import SourceRow
from daemon.sandbox.webhooks import signed
from daemon.service import webhooks
from daemon.service.webhooks import Inbox, application, named_by
from daemon.store import database, pages, sweeps
from daemon.store.lock import kept_token, token_file
from support import virtual_time
from support.states import page_row


# https://developers.notion.com/reference/webhooks: its example, body and signature.
TOKEN = "secret_tMrlL1qK5vuQAh1b6cZGhFChZTSYJlce98V0pYn7yBl"
SHAKEN = b'{"verification_token":"%s"}' % TOKEN.encode()
OF_SHAKEN = "sha256=461e8cbcba8a75c3edd866f0e71280f5a85cbf21eff040ebd10fe266df38a735"
ANOTHER = SHAKEN.replace(b"tMrl", b"evil")
NOON = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
PAGE, BLOCK, OUTSIDE = (f"{digit * 8}-0000-4000-8000-{digit * 12}" for digit in "123")


def an_id(number):
    return f"{number:08x}-0000-4000-8000-000000000000"


SOURCE = SourceRow(an_id(1_000), an_id(1_001), "RFCs", NOON)


def event(number=1, kind="comment.created", at=NOON, page=PAGE, place=BLOCK, **more):
    """An event as Notion writes it."""
    said = {"id": an_id(number), "timestamp": iso(at), "type": kind, "attempt_number": 1}
    if kind.startswith("comment."):
        said["entity"] = {"id": an_id(9), "type": "comment"}
        said["data"] = {"page_id": page, "parent": {"id": place, "type": "block"}}
    else:
        parent = {"id": SOURCE.database_id, "type": "database", "data_source_id": SOURCE.id}
        said["entity"] = {"id": page, "type": "page"}
        said["data"] = {"parent": parent}
    return json.dumps(said | more).encode()


class Box:
    """An inbox with its state; what it said stands in `told`."""

    def __init__(self, folder):
        self.path = folder / "state.db"
        self.state = database.copy_in_memory(self.path)
        pages.save_source(self.state, SOURCE)
        pages.save(self.state, [page_row(1, id=PAGE, source_id=SOURCE.id)])
        self.told, self.time = [], NOON
        self.start()

    def start(self):
        self.inbox = Inbox(
            self.state, self.path, lambda name, /, **_: self.told.append(name), lambda: self.time
        )

    def take(self, *sent, token=TOKEN):
        """Take bodies that a token signs; give the statuses, when all is stored."""

        async def go():
            statuses = [
                self.inbox.take(body, signed(body, token) if token else "") for body in sent
            ]
            self.inbox.store()
            return statuses

        return virtual_time.run(go())

    @property
    def named(self):
        later = self.time + timedelta(days=400)
        found = (sweeps.nominations(self.state, later, 10_000, edits=one) for one in (True, False))
        return [(one.page_id, one.place) for some in found for one in some]

    @property
    def seen(self):
        return sweeps.events_seen(self.state)


@pytest.fixture
def box(tmp_path):
    made = Box(tmp_path)
    with closing(made.state):
        yield made


@pytest.fixture
def shaken(box):
    box.take(SHAKEN, token="")
    return box


def test_the_official_example_of_a_handshake_is_kept_for_the_operator_alone(box):
    assert box.take(SHAKEN, token="") == [HTTPStatus.OK]
    assert kept_token(box.path) == TOKEN
    assert stat.S_IMODE(token_file(box.path).stat().st_mode) == 0o600
    assert "events.token" in box.told


def test_the_official_example_of_a_signature_is_right(box):
    box.take(SHAKEN, token="")
    assert signed(SHAKEN, TOKEN) == OF_SHAKEN
    assert box.take(event()) == [HTTPStatus.OK]


def test_a_signature_is_of_the_bytes_as_they_came(shaken):
    body = event()
    assert shaken.inbox._seen.taken == 0
    spaced = json.dumps(json.loads(body), indent=1).encode()
    sign = signed(body, TOKEN)
    statuses = virtual_time.run(taking(shaken.inbox, (body, sign), (spaced, sign)))
    assert statuses == [HTTPStatus.OK, HTTPStatus.UNAUTHORIZED]


async def taking(inbox, *sent):
    statuses = [inbox.take(body, sign) for body, sign in sent]
    inbox.store()
    return statuses


@pytest.mark.parametrize(
    "sign", ["", "sha256=", OF_SHAKEN, OF_SHAKEN.removeprefix("sha256="), "sha256=ü", "x" * 10_000]
)
def test_a_wrong_signature_is_refused_and_counted_and_names_nothing(shaken, sign):
    statuses = virtual_time.run(taking(shaken.inbox, (event(), sign)))
    assert statuses == [HTTPStatus.UNAUTHORIZED]
    assert (shaken.named, shaken.seen.refused, shaken.seen.taken) == ([], 1, 0)
    assert "events.refused" in shaken.told


def test_nothing_is_believed_before_the_handshake(box):
    assert box.take(event(), token="") == [HTTPStatus.UNAUTHORIZED]
    assert virtual_time.run(taking(box.inbox, (event(), signed(event(), "")))) == [401]
    assert box.named == []


def test_a_token_that_is_not_in_use_yet_is_replaced_by_the_next_one(shaken):
    assert shaken.take(ANOTHER, token="") == [HTTPStatus.OK]
    assert kept_token(shaken.path) in ANOTHER.decode()


def test_a_stranger_cannot_replace_a_token_in_use_also_after_a_restart(shaken):
    shaken.take(event())
    for _ in range(2):
        assert shaken.take(ANOTHER, token="") == [HTTPStatus.UNAUTHORIZED]
        assert kept_token(shaken.path) == TOKEN
        shaken.start()
    assert shaken.take(SHAKEN, token="") == [HTTPStatus.OK]


def test_the_operator_makes_room_for_another_token_by_deleting_the_file(shaken):
    shaken.take(event())
    token_file(shaken.path).unlink()
    assert shaken.take(ANOTHER, token="") == [HTTPStatus.OK]
    assert shaken.take(event()) == [HTTPStatus.UNAUTHORIZED]


def test_a_replayed_event_names_nothing_again(shaken):
    shaken.take(event())
    [one] = sweeps.nominations(shaken.state, NOON, 10, edits=False)
    sweeps.drop_nomination(shaken.state, one)
    assert shaken.take(event(), event(attempt_number=2)) == [HTTPStatus.OK] * 2
    assert (shaken.named, shaken.seen.repeated) == ([], 2)
    shaken.start()  # nor after a restart
    assert shaken.take(event(attempt_number=3)) == [HTTPStatus.OK]
    assert (shaken.named, shaken.seen.repeated) == ([], 3)


@given(st.lists(st.integers(1, 12), max_size=40), st.sets(st.integers(0, 40)))
def test_an_event_is_known_again_as_long_as_not_too_many_came_since(numbers, restarts):
    with TemporaryDirectory() as folder, patch.object(webhooks, "MOST_EVENTS", 5):
        box, last, repeated = Box(Path(folder)), [], 0
        with closing(box.state), patch.object(sweeps, "MOST_EVENTS", 5):
            box.take(SHAKEN, token="")
            for at, number in enumerate(numbers):
                if at in restarts:
                    box.start()
                box.take(event(number))
                if number in last:
                    repeated += 1
                else:
                    last = [*last[-4:], number]
                assert box.seen.repeated == repeated
            assert sweeps.events_known(box.state) == [an_id(one) for one in last]


def test_an_event_that_is_older_than_notion_tries_was_kept_by_somebody_else(shaken):
    day = timedelta(days=1)
    shaken.take(event(1, at=NOON - 2 * day), event(2, at=NOON - day, place=PAGE))
    assert (shaken.named, shaken.seen.repeated) == ([(PAGE, PAGE)], 1)


@pytest.mark.parametrize(
    "body",
    [
        event(page=OUTSIDE),
        event(kind="page.content_updated", page=OUTSIDE, data={"parent": {"id": an_id(5)}}),
        event(kind="page.created", page=OUTSIDE, data={}),
    ],
)
def test_a_page_outside_the_configured_databases_is_named_by_nobody(shaken, body):
    assert shaken.take(body) == [HTTPStatus.OK]
    assert shaken.named == []


def test_a_new_page_is_named_by_the_database_that_holds_it(shaken):
    shaken.take(event(kind="page.created", page=OUTSIDE))
    assert shaken.named == [(OUTSIDE, "")]


def test_what_we_wrote_ourselves_is_no_news(shaken):
    database.set_value(shaken.state, webhooks.OWN_IDS, json.dumps([an_id(7)]))
    ours = [{"id": an_id(7), "type": "bot"}]
    shaken.take(event(authors=ours))
    assert shaken.named == []
    shaken.take(event(2, authors=[*ours, {"id": an_id(8), "type": "person"}]))
    assert shaken.named == [(PAGE, BLOCK)]


def test_watching_slows_down_for_a_day_after_an_event_of_a_comment_and_after_no_other(shaken):
    day = timedelta(days=1)
    shaken.take(event(kind="page.content_updated"))
    assert not sweeps.events_tell(shaken.state, NOON)
    shaken.take(event(2))
    assert sweeps.events_tell(shaken.state, NOON)
    assert not sweeps.events_tell(shaken.state, NOON + day)
    shaken.time += day
    shaken.take(event(2))  # again, which shows nothing
    assert not sweeps.events_tell(shaken.state, NOON + day)
    shaken.take(event(3))
    assert sweeps.events_tell(shaken.state, NOON + day)
    sweeps.miss_event(shaken.state, NOON + day)
    assert not sweeps.events_tell(shaken.state, NOON + day)


def test_a_flood_is_one_line_for_each_place_with_the_newest_time(shaken):
    times = [NOON + timedelta(seconds=number % 700) for number in range(2_000)]
    flood = [event(number, at=at) for number, at in enumerate(times)]
    shaken.take(*flood, *(event(9_000 + n, kind="page.content_updated") for n in range(500)))
    kept = sweeps.nominations(shaken.state, NOON, 10_000, edits=False)
    assert [(one.place, one.at) for one in kept] == [(BLOCK, max(times))]
    assert sorted(shaken.named) == [(PAGE, ""), (PAGE, BLOCK)]


def test_the_queue_is_bounded(shaken, monkeypatch):
    monkeypatch.setattr(sweeps, "MOST_NOMINATIONS", 5)
    shaken.take(*(event(number, place=an_id(number)) for number in range(20)))
    shaken.take(*(event(100 + number, place=an_id(number)) for number in range(20)))
    assert len(shaken.named) == 5


def test_what_comes_together_is_stored_once(shaken, monkeypatch):
    stored = []
    monkeypatch.setattr(sweeps, "save_events_seen", lambda _db, seen: stored.append(seen.taken))

    async def go():
        for number in range(10):
            body = event(number)
            shaken.inbox.take(body, signed(body, TOKEN))
            await asyncio.sleep(0.05)
        await asyncio.sleep(2)
        return shaken.inbox.named.is_set()

    assert virtual_time.run(go())
    assert stored == [10]


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text() | st.sampled_from([PAGE, BLOCK, OUTSIDE]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@given(st.data())
def test_whatever_is_signed_is_read_without_a_fault_and_names_ids_alone(data):
    said = json.loads(event(kind=data.draw(st.sampled_from(["comment.created", "page.moved"]))))
    for key in data.draw(st.lists(st.sampled_from(sorted(said)), unique=True)):
        said[key] = data.draw(values)
    found = named_by(json.dumps(said).encode())
    if found is not None:
        number, name, authors = found
        for one in (number, name.page_id, *authors, *filter(None, (name.place, *name.parents))):
            assert len(one) == 36
            assert set(one) <= set("0123456789abcdef-")


@given(st.binary(max_size=200))
def test_what_is_no_event_names_nothing(body):
    assert named_by(body) is None


@pytest.mark.parametrize("body", [b"[" * 100_000, b"1e999", b"{}", b"null", b'"type"'])
def test_a_body_that_is_no_event_is_taken_and_forgotten(shaken, body):
    assert shaken.take(body) == [HTTPStatus.OK]
    assert shaken.named == []


def asked(inbox, *arguments, **more):
    async def go():
        transport = httpx.ASGITransport(app=application(inbox))
        async with httpx.AsyncClient(transport=transport, base_url="http://here") as client:
            return await client.request(*arguments, **more)

    return virtual_time.run(go())


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "DELETE", "OPTIONS", "PATCH"])
def test_the_port_answers_nothing_but_posts(shaken, method):
    answer = asked(shaken.inbox, method, "/events")
    assert (answer.status_code, answer.content) == (405, b"")


@pytest.mark.parametrize(
    ("body", "headers", "status"),
    [
        (event(), {"X-Notion-Signature": signed(event(), TOKEN)}, 200),
        (event(), {}, 401),
        (b"x" * (webhooks.BODY_BYTES + 1), {}, 413),
    ],
)
def test_an_answer_is_a_status_and_holds_nothing_of_the_body(shaken, body, headers, status):
    answer = asked(shaken.inbox, "POST", "/any/path", content=body, headers=headers)
    assert (answer.status_code, answer.content) == (status, b"")
    assert "content-type" not in answer.headers


def test_it_listens_on_this_machine_alone_and_lets_the_port_go(shaken):
    with closing(loopback.listen(0)) as free:
        port = loopback.port_of(free)

    async def go():
        task = asyncio.create_task(webhooks.listen(port, shaken.inbox, lambda *_, **__: None))
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}") as client:
            while True:
                try:
                    answer = await client.post("/", content=event())
                    break
                except httpx.ConnectError:
                    await asyncio.sleep(0)
        task.cancel()
        await asyncio.wait([task])
        return answer

    assert asyncio.run(go()).status_code == 401
    loopback.listen(port).close()


def test_a_port_in_use_is_told_once_and_waited_for(shaken):
    told = []
    taken = loopback.listen(0)

    async def go():
        port = loopback.port_of(taken)
        emit = lambda event, /, **facts: told.append((event, facts))  # noqa: E731 - an argument
        task = asyncio.create_task(webhooks.listen(port, shaken.inbox, emit))
        await asyncio.sleep(3 * webhooks.BUSY_SECONDS)
        taken.close()
        await asyncio.sleep(2 * webhooks.BUSY_SECONDS)
        task.cancel()
        await asyncio.wait([task])

    virtual_time.run(go())
    assert [event for event, _ in told] == ["events.not_listening", "events.listening"]
    assert told[0][1]["why"] == "Address already in use"
