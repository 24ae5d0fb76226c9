"""The gateway against the embedded Notion, in virtual time, with everything going wrong."""

from __future__ import annotations

import asyncio
import json
import time
from collections import Counter
from datetime import UTC, datetime, timedelta

import httpx
import pytest
import stamina

from daemon.domain import errors
from daemon.notion.gateway import ANSWER_SECONDS, Gateway
from daemon.notion.retry import ATTEMPTS, PATIENCE_SECONDS, Limiter
from daemon.sandbox import Sandbox, blocks
from daemon.sandbox.faults import Fault, FaultKind
from support import virtual_time


WORDS = [{"type": "text", "text": {"content": "Which region?"}}]
# What every read must outlive: nothing is lost by asking again.
PASSING = [kind for kind in FaultKind if kind not in (FaultKind.STALE_CURSOR, FaultKind.EMPTY_PAGE)]


class Scene:
    """A page with a paragraph, and a gateway to it, in virtual time."""

    def __init__(self):
        self.box = Sandbox(virtual_time.now)
        world = self.box.world
        self.rfcs = world.database("RFCs")
        self.page = world.page(self.rfcs, "Queues", [blocks.paragraph("We need queues.")])
        self.block = world.blocks(self.page)[0]
        self.gateway = self.connect()

    def connect(self, **options):
        return Gateway(self.box.token, transport=self.box.transport(), **options)

    def plant(self, kind, **more):
        return self.box.faults.plant(Fault(kind, **more))

    async def post(self, words=WORDS):
        target = {"parent": {"block_id": self.block.id}}
        return await self.gateway.post_comment(target, words, "RFC reviewer")

    @property
    def posted(self):
        return len(self.box.world.comments())

    @property
    def sent(self):
        return len(self.box.requests.log)


def play(story):
    """Run `story(scene)` in virtual time and give (its result, the seconds it took)."""

    async def go():
        scene = Scene()
        async with scene.gateway:
            began = asyncio.get_running_loop().time()
            result = await story(scene)
            return result, asyncio.get_running_loop().time() - began

    return virtual_time.run(go())


async def query(scene):
    pages = scene.gateway.query(scene.rfcs.source_id)
    return [row["id"] async for page in pages for row in page.rows]


async def post_and_list(scene):
    scene.box.world.comment(scene.block, "Why?")
    return len(await scene.gateway.comments(scene.block.id))


READS = {
    "page": (lambda scene: scene.gateway.page(scene.page.id)),
    "children": (lambda scene: scene.gateway.children(scene.page.id)),
    "query": query,
    "comments": post_and_list,
    "me": (lambda scene: scene.gateway.me()),
    "database": (lambda scene: scene.gateway.database(scene.rfcs.id)),
}


@pytest.mark.parametrize("kind", PASSING)
@pytest.mark.parametrize("read", READS.values(), ids=READS)
def test_n1_a_read_outlives_every_fault_that_passes(read, kind):
    async def story(scene):
        scene.plant(kind, times=2, wait=75)
        return await read(scene)

    async def undisturbed(scene):
        return await read(scene)

    def without_id(answer):
        return answer | {"request_id": ""} if isinstance(answer, dict) else answer

    found, _ = play(story)
    expected, _ = play(undisturbed)
    assert without_id(found) == without_id(expected)


# What becomes of one POST of a comment under each fault: the error, the comments that stand on the
# server afterwards, the POSTs that were sent.
POSTS = {
    FaultKind.RATE_LIMITED: (None, 1, 2),
    FaultKind.OVERLOADED: (None, 1, 2),
    FaultKind.CONFLICT: (None, 1, 2),
    FaultKind.SERVER_ERROR: (errors.Unclear, 0, 1),
    FaultKind.BAD_GATEWAY: (errors.Unclear, 0, 1),
    FaultKind.UNAVAILABLE: (errors.Unclear, 0, 1),
    FaultKind.GATEWAY_TIMEOUT: (errors.Unclear, 0, 1),
    FaultKind.OVER_BUDGET: (errors.Unclear, 0, 1),
    FaultKind.OVER_BUDGET_SAVED: (errors.Unclear, 1, 1),
    FaultKind.HTML: (errors.Unclear, 0, 1),
    FaultKind.DROP: (errors.Unclear, 0, 1),
    FaultKind.SLOW: (errors.Unclear, 0, 1),
    FaultKind.SAVED: (errors.Unclear, 1, 1),
    FaultKind.DROP_SAVED: (errors.Unclear, 1, 1),
    FaultKind.SLOW_SAVED: (errors.Unclear, 1, 1),
    FaultKind.TRUNCATED: (errors.Unclear, 1, 1),
    FaultKind.BLANK: (errors.Unclear, 1, 1),
    FaultKind.NULL_CURSOR: (None, 1, 1),
    FaultKind.STALE_CURSOR: (None, 1, 1),
    FaultKind.EMPTY_PAGE: (None, 1, 1),
}


@pytest.mark.parametrize("kind", POSTS)
def test_n1_a_comment_is_never_posted_again_blindly(kind):
    error, stands, sent = POSTS[kind]

    async def story(scene):
        scene.plant(kind, method="POST", wait=75)
        caught = None
        try:
            await scene.post()
        except errors.ReviewError as raised:
            caught = type(raised)
        return caught, scene.posted, scene.box.requests.count("POST", "/v1/comments")

    assert play(story)[0] == (error, stands, sent)


@pytest.mark.parametrize("fails", [httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout])
def test_n1_a_comment_that_never_left_is_sent_again(fails):
    async def story(scene):
        inner = scene.box.transport()
        tries = []

        async def flaky(request):
            tries.append(request)
            if len(tries) < 3:
                raise fails("no connection", request=request)
            return await inner.handle_async_request(request)

        scene.gateway = Gateway(scene.box.token, transport=_Through(flaky))
        async with scene.gateway:
            await scene.post()
        return scene.posted, len(tries)

    assert play(story)[0] == (1, 3)


class _Through(httpx.AsyncBaseTransport):
    """A transport that is one function."""

    def __init__(self, answer):
        self._answer = answer

    async def handle_async_request(self, request):
        return await self._answer(request)


@pytest.mark.parametrize(
    "kind", [FaultKind.SAVED, FaultKind.DROP_SAVED, FaultKind.TRUNCATED, FaultKind.DROP]
)
def test_n1_an_edit_is_sent_again_since_twice_is_once(kind):
    async def story(scene):
        made = await scene.post()
        scene.plant(kind, method="PATCH")
        answer = await scene.gateway.edit_comment(
            made["id"], [{"type": "text", "text": {"content": "Which regions?"}}]
        )
        return answer["rich_text"][0]["plain_text"], scene.posted

    assert play(story)[0] == ("Which regions?", 1)


def test_a_deletion_whose_answer_was_lost_ends_as_missing():
    async def story(scene):
        made = await scene.post()
        scene.plant(FaultKind.DROP_SAVED, method="DELETE")
        with pytest.raises(errors.Missing):
            await scene.gateway.delete_comment(made["id"])
        return scene.posted

    assert play(story)[0] == 0


def malformed(body):
    """A gateway to a server that answers everything with one body."""
    transport = httpx.MockTransport(lambda _: httpx.Response(200, content=body))
    return Gateway("token", transport=transport)


@pytest.mark.parametrize(
    "body", [b"{}", b"null", b"[]", b'"words"', b"", b"\xff\xfe", b'{"id": 7}']
)
def test_n1_a_malformed_answer_is_no_answer(body):
    async def story(_):
        async with malformed(body) as gateway:
            with pytest.raises((errors.Incomplete, errors.Unavailable)):
                await gateway.page("a-page")
            with pytest.raises((errors.Incomplete, errors.Unavailable)):
                await gateway.children("a-page")
            reads = gateway.requests
            with pytest.raises(errors.Unclear):
                await gateway.post_comment({"discussion_id": "d"}, WORDS, "RFC reviewer")
            return reads, gateway.requests - reads

    assert play(story)[0] == (2 * ATTEMPTS, 1)


@pytest.mark.parametrize(
    "body",
    [
        b'{"results": null, "has_more": false}',
        b'{"results": {}, "has_more": false}',
        b'{"results": [null], "has_more": false}',
        b'{"results": []}',
        b'{"results": [], "has_more": null}',
        b'{"results": [], "has_more": true, "next_cursor": null}',
        b'{"results": [], "has_more": true}',
        b'{"results": [], "has_more": true, "next_cursor": ""}',
    ],
)
def test_n1_a_malformed_list_never_passes_for_an_empty_or_a_whole_one(body):
    async def story(_):
        async with malformed(body) as gateway:
            with pytest.raises(errors.Incomplete):
                await gateway.comments("a-block")

    play(story)


def several_pages(scene, number=7):
    scene.box.world.quirks.page_size = 3
    return [scene.box.world.comment(scene.block, f"Question {n}").id for n in range(number)]


def ids(rows):
    return [row["id"] for row in rows]


def test_a25_a_list_that_has_more_but_no_cursor_is_told_not_cut():
    async def story(scene):
        several_pages(scene)
        scene.plant(FaultKind.NULL_CURSOR, times=None)
        with pytest.raises(errors.Incomplete, match="there is more, but not where"):
            await scene.gateway.comments(scene.block.id)

    play(story)


def test_a25_a_stale_cursor_at_the_end_is_not_followed():
    async def story(scene):
        made = several_pages(scene, 2)
        scene.plant(FaultKind.STALE_CURSOR)
        return ids(await scene.gateway.comments(scene.block.id)) == made, scene.sent

    assert play(story)[0] == (True, 1)


@pytest.mark.parametrize("skip", [0, 1, 2])
def test_n1_an_empty_page_in_the_middle_is_not_the_end(skip):
    async def story(scene):
        made = several_pages(scene)
        scene.plant(FaultKind.EMPTY_PAGE, skip=skip)
        assert ids(await scene.gateway.comments(scene.block.id)) == made

    play(story)


@pytest.mark.parametrize("length", [1, 2, 3])
def test_a25_cursors_that_lead_round_in_a_circle_end(length):
    cursors = iter(f'"{number % length}"' for number in range(100))

    def answer(_):
        body = f'{{"results": [], "has_more": true, "next_cursor": {next(cursors)}}}'
        return httpx.Response(200, content=body)

    async def story(_):
        async with Gateway("token", transport=httpx.MockTransport(answer)) as gateway:
            with pytest.raises(errors.Incomplete, match="circle"):
                await gateway.children("a-page")
            return gateway.requests

    assert play(story)[0] == length + 1


OVER_BUDGET = (
    "Public API object rendering exceeded the response time budget. Retry with exponential"
    " backoff; if the issue persists, reduce the size of the request."
)
TOO_SLOW = {
    "504": (504, "gateway_timeout", ""),
    "503": (503, "service_unavailable", "Please try again later."),
    "400": (400, "validation_error", OVER_BUDGET),
}


@pytest.mark.parametrize(("status", "code", "message"), TOO_SLOW.values(), ids=TOO_SLOW)
def test_n1_a_query_that_takes_too_long_is_asked_for_less_at_a_time(status, code, message):
    """Notion's advice with its 503: "reduce page_size"."""

    async def story(scene):
        made = {scene.page.id}
        for number in range(24):
            made.add(scene.box.world.page(scene.rfcs, f"RFC {number}").id)
        sizes = []
        inner = scene.box.transport()

        async def slow(request):
            size = json.loads(request.content)["page_size"]
            sizes.append(size)
            if size > 10:
                told = {"object": "error", "code": code, "message": message}
                return httpx.Response(status, json=told)
            return await inner.handle_async_request(request)

        scene.gateway = Gateway(scene.box.token, transport=_Through(slow))
        async with scene.gateway:
            found = await query(scene)
        return set(found) == made and len(found) == len(made), Counter(sizes)

    assert play(story)[0] == (True, Counter({100: ATTEMPTS, 10: 3}))


@pytest.mark.parametrize("status", [FaultKind.RATE_LIMITED, FaultKind.OVERLOADED])
@pytest.mark.parametrize("wait", [1, 60, 90, 299])
def test_n1_retry_after_is_waited_out_above_a_minute_too(status, wait):
    async def story(scene):
        scene.plant(status, wait=wait)
        await scene.gateway.page(scene.page.id)
        return scene.sent

    sent, seconds = play(story)
    assert sent == 2
    assert wait <= seconds < wait + 0.5


def test_n1_a_pause_that_was_asked_for_holds_every_request_back():
    async def story(scene):
        scene.plant(FaultKind.RATE_LIMITED, wait=40)
        first = asyncio.create_task(scene.gateway.page(scene.page.id))
        await asyncio.sleep(1)
        await scene.gateway.me()
        await first
        return [
            (entry.time - virtual_time.START).total_seconds() for entry in scene.box.requests.log
        ]

    assert play(story)[0] == [0, 40, 40]


def test_n2_a_longer_pause_than_our_patience_fails_at_once_and_sends_nothing_more():
    async def story(scene):
        scene.plant(FaultKind.RATE_LIMITED, wait=PATIENCE_SECONDS + 60)
        for _ in range(3):
            with pytest.raises(errors.Unavailable):
                await scene.gateway.page(scene.page.id)
        return scene.sent

    assert play(story) == (1, 0)


@pytest.mark.parametrize("wait", [70, 100, 250])
def test_n2_pauses_that_never_end_are_given_up_within_our_patience(wait):
    async def story(scene):
        scene.plant(FaultKind.RATE_LIMITED, times=None, wait=wait)
        with pytest.raises(errors.Unavailable):
            await scene.gateway.page(scene.page.id)

    _, seconds = play(story)
    assert seconds <= PATIENCE_SECONDS


@pytest.mark.parametrize(
    "kind", [FaultKind.UNAVAILABLE, FaultKind.DROP, FaultKind.TRUNCATED, FaultKind.HTML]
)
def test_n2_a_failure_that_lasts_ends_after_a_few_tries_and_some_seconds(kind):
    async def story(scene):
        scene.plant(kind, times=None)
        with pytest.raises(errors.Unavailable):
            await scene.gateway.page(scene.page.id)
        return scene.sent

    sent, seconds = play(story)
    assert sent == ATTEMPTS
    assert 7 < seconds < 20


def test_n2_a_server_that_never_answers_is_given_up():
    async def story(scene):
        scene.plant(FaultKind.SLOW, times=None, wait=1_000_000)
        with pytest.raises(errors.Unavailable):
            await scene.gateway.page(scene.page.id)

    _, seconds = play(story)
    assert seconds < PATIENCE_SECONDS + 150


def test_n2_an_answer_that_comes_in_drops_is_given_up():
    class Drops(httpx.AsyncByteStream):
        async def __aiter__(self):
            for _ in range(20):
                await asyncio.sleep(30)
                yield b" "

    async def story(_):
        async def answer(_):
            return httpx.Response(200, stream=Drops())

        async with Gateway("token", transport=_Through(answer)) as gateway:
            with pytest.raises(errors.Unclear):
                await gateway.post_comment({"discussion_id": "d"}, WORDS, "RFC reviewer")

    assert play(story)[1] == ANSWER_SECONDS


def test_n2_a_wait_ends_at_once_when_the_service_stops():
    async def story(scene):
        scene.plant(FaultKind.RATE_LIMITED, wait=250)
        waiting = asyncio.create_task(scene.gateway.page(scene.page.id))
        await asyncio.sleep(5)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting

    assert play(story)[1] == 5


def test_n1_the_back_off_is_jittered():
    async def story(scene):
        loop, waits = asyncio.get_running_loop(), []
        for _ in range(10):
            scene.plant(FaultKind.BAD_GATEWAY)
            began = loop.time()
            await scene.gateway.page(scene.page.id)
            waits.append(loop.time() - began)
        return waits

    waits, _ = play(story)
    assert all(0.5 <= wait <= 1.5 for wait in waits)
    assert len(set(waits)) > 1


def test_n3_two_gateways_with_one_limiter_keep_one_limit():
    async def story(scene):
        limiter = Limiter(10, PATIENCE_SECONDS)
        for _ in range(3):
            async with scene.connect(limiter=limiter) as gateway:
                await asyncio.gather(*(gateway.page(scene.page.id) for _ in range(8)))
        return scene.box.requests.busiest()

    assert play(story)[0] == 10


def test_the_time_is_the_servers_whatever_this_machine_thinks():
    async def story(scene):
        scene.box.clock.set(datetime(2031, 5, 1, 12, 0, 0, tzinfo=UTC))
        await scene.gateway.me()
        before = scene.gateway.now
        await asyncio.sleep(90)
        return before, scene.gateway.now

    before, after = play(story)[0]
    assert before == datetime(2031, 5, 1, 12, 0, 0, tzinfo=UTC)
    assert after - before == timedelta(seconds=90)


def test_the_servers_time_is_asked_for_where_no_answer_told_it():
    async def story(scene):
        scene.box.clock.set(datetime(2031, 5, 1, 12, 0, 0, tzinfo=UTC))
        first = await scene.gateway.server_time()
        second = await scene.gateway.server_time()
        return first.year, second.year, scene.sent

    assert play(story)[0] == (2031, 2031, 1)


def test_a_comment_that_must_not_go_any_more_is_kept_back_after_a_pause_too():
    """It is asked for right before each sending, not when the waiting begins."""

    async def story(scene):
        asked = []

        def may_go():
            asked.append(asyncio.get_running_loop().time())
            if len(asked) == 2:
                raise KeyError("too late")

        scene.plant(FaultKind.RATE_LIMITED, wait=60, method="POST")
        target = {"parent": {"block_id": scene.block.id}}
        with pytest.raises(KeyError):
            await scene.gateway.post_comment(target, WORDS, "RFC reviewer", may_go)
        return asked, scene.posted, scene.sent

    assert play(story)[0] == ([0, 60], 0, 1)


def test_a_refusal_tells_the_time_too():
    async def story(scene):
        scene.box.clock.set(datetime(2031, 5, 1, 12, 0, 0, tzinfo=UTC))
        with pytest.raises(errors.Missing):
            await scene.gateway.page("00000000-0000-0000-0000-000000000000")
        return scene.gateway.now.year

    assert play(story)[0] == 2031


@pytest.mark.parametrize("date", ["", "yesterday", "Fri, 99 Nov 2026 12:00:00 GMT"])
def test_a_date_that_cannot_be_read_breaks_nothing(date):
    async def story(_):
        def answer(_):
            answered = {"object": "user", "id": "me"}
            return httpx.Response(200, json=answered, headers={"Date": date})

        async with Gateway("token", transport=httpx.MockTransport(answer)) as gateway:
            await gateway.me()
            return gateway.now

    assert abs(play(story)[0] - datetime.now(UTC)) < timedelta(minutes=1)


def test_a_date_without_a_zone_is_utc(monkeypatch):
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    time.tzset()

    async def story(_):
        def answer(_):
            headers = {"Date": "Fri, 20 Nov 2026 12:00:00 -0000"}
            return httpx.Response(200, json={"object": "user", "id": "me"}, headers=headers)

        async with Gateway("token", transport=httpx.MockTransport(answer)) as gateway:
            await gateway.me()
            return gateway.now

    try:
        assert play(story)[0] == datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
    finally:
        monkeypatch.undo()
        time.tzset()


@pytest.mark.parametrize("write", ["post_comment", "edit_comment", "delete_comment"])
def test_a_dry_run_sends_no_write(write):
    arguments = {
        "post_comment": ({"discussion_id": "d"}, WORDS, "RFC reviewer"),
        "edit_comment": ("c", WORDS),
        "delete_comment": ("c",),
    }

    async def story(scene):
        async with scene.connect(writes=False) as gateway:
            with pytest.raises(RuntimeError):
                await getattr(gateway, write)(*arguments[write])
        return scene.sent

    assert play(story)[0] == 0


def test_a_refused_token_is_told_without_the_token():
    async def story(scene):
        async with Gateway("ntn_planted_secret", transport=scene.box.transport()) as gateway:
            with pytest.raises(errors.TokenRefused) as caught:
                await gateway.me()
        return str(caught.value), scene.sent

    said, sent = play(story)[0]
    assert sent == 1
    assert said.startswith("NOTION_TOKEN: ")
    assert "planted" not in said


def test_capabilities_and_sharing_have_their_own_errors():
    async def story(scene):
        mute = scene.box.add_bot("Mute", insert_comments=False, read_comments=False)
        scene.gateway = Gateway(mute, transport=scene.box.transport())
        async with scene.gateway:
            with pytest.raises(errors.Forbidden):
                await scene.post()
            with pytest.raises(errors.Forbidden):
                await scene.gateway.comments(scene.block.id)
            scene.box.world.unshare(scene.page)
            with pytest.raises(errors.Missing):
                await scene.gateway.page(scene.page.id)

    play(story)


def test_a_capped_query_says_so():
    async def story(scene):
        scene.box.world.quirks.query_cap = 2
        for number in range(4):
            scene.box.world.page(scene.rfcs, f"RFC {number}")
        pages = scene.gateway.query(scene.rfcs.source_id)
        return [(len(page.rows), page.capped) async for page in pages]

    assert play(story)[0] == [(2, True)]


def test_a_property_with_a_coded_id_is_read_whole():
    async def story(scene):
        names = [scene.box.world.person(f"Person {number}").id for number in range(30)]
        scene.box.world.edit_property(scene.page, "Owner", names)
        raw = await scene.gateway.page(scene.page.id)
        owner = raw["properties"]["Owner"]
        items = await scene.gateway.property_items(scene.page.id, owner["id"])
        return len(owner["people"]), len(items)

    assert play(story)[0] == (25, 30)


def test_half_a_character_is_dropped_wherever_it_stands():
    """JSON can hold it as an escape; neither a hash nor the state can."""

    async def story(scene):
        half = {"language": "c\ud83d", "emoji": "\U0001f680"}
        scene.box.world.edit_block(scene.block, "x \ud83d y", **half)
        [found] = await scene.gateway.children(scene.page.id)
        return found["paragraph"]

    found, _ = play(story)
    assert found["rich_text"][0]["plain_text"] == "x  y"
    assert (found["language"], found["emoji"]) == ("c", "\U0001f680")


def test_over_a_real_socket_too():
    """The faults of the connection itself, as httpx tells them there."""

    async def go(box, url, block):
        async with Gateway(box.token, base_url=url) as gateway:
            target = {"parent": {"block_id": block.id}}
            box.faults.plant(FaultKind.DROP_SAVED, "POST", "/v1/comments")
            with pytest.raises(errors.Unclear):
                await gateway.post_comment(target, WORDS, "RFC reviewer")
            box.faults.plant(FaultKind.TRUNCATED, "POST", "/v1/comments")
            with pytest.raises(errors.Unclear):
                await gateway.post_comment(target, WORDS, "RFC reviewer")
            listed = await gateway.comments(block.id)
        nowhere = Gateway(box.token, base_url="http://127.0.0.1:9")
        async with nowhere:
            with stamina.set_testing(True, attempts=2), pytest.raises(errors.Unavailable):
                await nowhere.post_comment(target, WORDS, "RFC reviewer")
        return len(listed)

    box = Sandbox()
    page = box.world.page(box.world.database("RFCs"), "Queues", [blocks.paragraph("Queues.")])
    with box.serve() as url:
        assert asyncio.run(go(box, url, box.world.blocks(page)[0])) == 2
