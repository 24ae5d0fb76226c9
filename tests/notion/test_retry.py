"""N1: the table of which request is sent again, and what its last failure means."""

from __future__ import annotations

import asyncio
import json
from datetime import timedelta

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from notion_client.errors import (
    InvalidPathParameterError,
    RequestTimeoutError,
    build_request_error,
)

from daemon.domain import errors
from daemon.domain.errors import Unavailable
from daemon.notion.gateway import Gateway
from daemon.notion.retry import (
    MARGIN_SECONDS,
    PATIENCE_SECONDS,
    WINDOW_SECONDS,
    Limiter,
    failure,
    is_too_slow,
    retry_after,
    wait_before_retry,
)
from daemon.sandbox import Sandbox
from support import virtual_time


BUDGET = (
    "Public API object rendering exceeded the response time budget. Retry with exponential backoff;"
    " if the issue persists, reduce the size of the request."
)
HTML = "<html><body><h1>403 Forbidden</h1></body></html>"


def answer(status, code="some_code", *, body=None, headers=None, **more):
    """What notion-client raises for an answer."""
    told = {"object": "error", "status": status, "code": code, "message": "Notion's words", **more}
    text = json.dumps(told) if body is None else body
    response = httpx.Response(status, headers=headers, text=text)
    return build_request_error(response, text)


def timeout(cause):
    """What notion-client raises for a timeout: httpx's own stands in the context only."""
    try:
        try:
            raise cause
        except httpx.TimeoutException:
            raise RequestTimeoutError  # noqa: B904 - as notion-client does
    except RequestTimeoutError as error:
        return error


def not_json(content):
    with pytest.raises((json.JSONDecodeError, UnicodeDecodeError)) as caught:
        httpx.Response(200, content=content).json()
    return caught.value


RETRIED = {
    "429": answer(429, "rate_limited"),
    "429 of the workspace": answer(
        429,
        "rate_limited",
        additional_data={"rate_limit_reason": "public_api_space_request_rate_limit"},
    ),
    "429 of a proxy": answer(429, body="error code: 1015"),
    "529": answer(529, "service_overload"),
    "409": answer(409, "conflict_error"),
    "connection refused": httpx.ConnectError("refused"),
    "no connection in time": timeout(httpx.ConnectTimeout("")),
    "no free connection in time": timeout(httpx.PoolTimeout("")),
}
LOST = {
    "500": answer(500, "internal_server_error"),
    "502": answer(502, "bad_gateway"),
    "502 HTML": answer(502, body=HTML),
    "502 of a proxy": answer(502, body="error code: 502"),
    "503": answer(503, "service_unavailable"),
    "503 database": answer(503, "database_connection_unavailable"),
    "503 empty": answer(503, body=""),
    "504": answer(504, "gateway_timeout"),
    "520": answer(520, body=HTML),
    "403 HTML": answer(403, body=HTML),
    "404 HTML": answer(404, body=HTML),
    "302": answer(302, body=""),
    "JSON of somebody else": answer(400, body='{"message": "nginx"}'),
    "JSON that is no object": answer(400, body="[]"),
    "400 that asks for another try": answer(400, "validation_error", message=BUDGET),
    "403 that asks for another try": answer(403, "x", message="Busy.\nPlease try again later."),
    "read timeout": timeout(httpx.ReadTimeout("")),
    "write timeout": timeout(httpx.WriteTimeout("")),
    "dropped": httpx.RemoteProtocolError("Server disconnected without sending a response."),
    "reset": httpx.ReadError("reset"),
    "broken pipe": httpx.WriteError("broken pipe"),
    "garbled": httpx.DecodingError("bad gzip"),
    "cut off": not_json(b'{"object": "comm'),
    "cut off in a character": not_json('{"text": "é'.encode()[:-1]),
    "not what was asked for": errors.Incomplete("Notion's answer holds no list"),
}
REFUSED = {
    "400": (answer(400, "validation_error"), errors.Invalid),
    "400 unknown code": (answer(400, "invalid_beta"), errors.Invalid),
    "400 that wants no other try": (
        answer(400, "validation_error", message="Invalid URL. Do not retry."),
        errors.Invalid,
    ),
    "401": (answer(401, "unauthorized"), errors.TokenRefused),
    "403": (answer(403, "restricted_resource"), errors.Forbidden),
    "400 for a permission": (
        answer(400, "validation_error", message="You don't have permission to comment."),
        errors.Forbidden,
    ),
    "404": (answer(404, "object_not_found"), errors.Missing),
    "a path that leads elsewhere": (InvalidPathParameterError("a..b"), errors.Invalid),
}


def cases(table):
    return [pytest.param(*(row if isinstance(row, tuple) else (row,)), id=name)
            for name, row in table.items()]  # fmt: skip


@pytest.mark.parametrize("repeatable", [True, False])
@pytest.mark.parametrize("error", cases(RETRIED))
def test_n1_what_was_not_done_for_sure_is_sent_again_even_a_comment(error, repeatable):
    assert wait_before_retry(error, repeatable=repeatable)
    found = failure(error, "posting a comment", repeatable=repeatable)
    assert type(found) is errors.Unavailable


@pytest.mark.parametrize("error", cases(LOST))
def test_n1_what_may_have_been_done_is_sent_again_only_where_twice_is_once(error):
    assert wait_before_retry(error, repeatable=True) is True
    assert wait_before_retry(error, repeatable=False) is False


@pytest.mark.parametrize("error", cases(LOST))
def test_n1_a_lost_answer_to_a_comment_is_unclear_and_to_a_read_is_not(error):
    expected = errors.Incomplete if isinstance(error, errors.Incomplete) else errors.Unavailable
    assert type(failure(error, "a read", repeatable=True)) is expected
    assert type(failure(error, "a comment", repeatable=False)) is errors.Unclear


@pytest.mark.parametrize("repeatable", [True, False])
@pytest.mark.parametrize(("error", "expected"), cases(REFUSED))
def test_n1_a_refusal_of_notions_own_is_never_sent_again(error, expected, repeatable):
    assert wait_before_retry(error, repeatable=repeatable) is False
    assert type(failure(error, "page 1", repeatable=repeatable)) is expected


@pytest.mark.parametrize("repeatable", [True, False])
@pytest.mark.parametrize("status", [429, 529])
@pytest.mark.parametrize("seconds", [1, 59, 60, 61, 90, 300])
def test_n1_retry_after_is_honoured_above_a_minute_too(status, seconds, repeatable):
    error = answer(status, "rate_limited", headers={"Retry-After": str(seconds)})
    assert wait_before_retry(error, repeatable=repeatable) == seconds


def test_n1_retry_after_beside_another_failure_is_honoured_where_it_is_sent_again():
    error = answer(503, "service_unavailable", headers={"Retry-After": "17"})
    assert wait_before_retry(error, repeatable=True) == 17
    assert wait_before_retry(error, repeatable=False) is False


@pytest.mark.parametrize("value", ["", "soon", "-3", "1.5", "²", "Fri, 20 Nov 2026 12:00:00 GMT"])
def test_n1_a_retry_after_that_is_no_number_leaves_the_usual_back_off(value):
    # httpx writes headers as Latin-1, where ² is one, and the reader gets it back as it was.
    headers = [(b"Retry-After", value.encode("latin-1"))]
    error = answer(429, "rate_limited", headers=headers)
    assert retry_after(error) is None
    assert wait_before_retry(error, repeatable=True) is True


def test_n1_retry_after_zero_is_not_a_hot_loop():
    error = answer(429, "rate_limited", headers={"Retry-After": "0"})
    assert wait_before_retry(error, repeatable=True) == 0.1


@pytest.mark.parametrize("error", [*RETRIED.values(), *LOST.values()], ids=[*RETRIED, *LOST])
def test_n2_nothing_is_sent_again_when_our_patience_is_at_its_end(error):
    assert wait_before_retry(error, repeatable=True, left=0) is False


def test_n2_a_wait_beyond_our_patience_is_not_begun():
    error = answer(429, "rate_limited", headers={"Retry-After": "100"})
    assert wait_before_retry(error, repeatable=True, left=100) == 100
    assert wait_before_retry(error, repeatable=True, left=99) is False
    late = answer(429, "rate_limited", headers={"Retry-After": str(int(PATIENCE_SECONDS) + 1)})
    assert wait_before_retry(late, repeatable=True) is False


def test_n1_a_blocked_connection_is_not_sent_again_and_says_whom_to_ask():
    error = answer(
        429,
        "rate_limited",
        headers={"Retry-After": "1"},
        additional_data={"rate_limit_reason": "public_api_request_blocked"},
    )
    assert wait_before_retry(error, repeatable=True) is False
    found = failure(error, "page 1", repeatable=True)
    assert type(found) is errors.Unavailable
    assert "support" in str(found)


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (REFUSED["404"][0], "page 1: 404 Notion's words"),
        (RETRIED["529"], "Notion cannot be reached (page 1): 529 Notion's words; try again later"),
        (LOST["502 HTML"], "502 an answer that is not Notion's"),
        (LOST["read timeout"], "timed out"),
        (LOST["reset"], "reset"),
        (httpx.ReadError(""), "ReadError"),
        (LOST["cut off in a character"], "the answer is not JSON"),
    ],
)
def test_a_failure_tells_on_one_line_what_was_done_and_what_notion_said(error, words):
    told = str(failure(error, "page 1", repeatable=True))
    assert words in told
    assert "\n" not in told


def test_every_line_of_a_message_is_told_on_one():
    said = "Content creation Failed. Fix the following: \nInvalid URL for link.\n"
    error = answer(400, "validation_error", message=said)
    told = "page 1: 400 Content creation Failed. Fix the following: Invalid URL for link."
    assert str(failure(error, "page 1", repeatable=True)) == told


def test_a_very_long_message_keeps_its_beginning_and_its_end():
    error = answer(400, "validation_error", message="body failed\n" + "x" * 5000 + "\nthe reason")
    told = str(failure(error, "page 1", repeatable=True))
    assert told.startswith("page 1: 400 body failed x")
    assert told.endswith("x the reason")
    assert len(told) < 1100


def test_what_took_too_long_may_be_asked_for_in_smaller_parts():
    slow = [answer(503), answer(504), answer(400, "validation_error", message=BUDGET)]
    assert all(map(is_too_slow, slow))
    assert not any(
        map(is_too_slow, [answer(400), answer(500), RETRIED["429"], httpx.ReadError("")])
    )


PATIENCE = 300


async def start(limiter, number, starts):
    await limiter.turn()
    starts.append((number, asyncio.get_running_loop().time()))


# One step: seconds to wait first, requests that come, a pause or not, one that gives up or not.
step = st.tuples(
    st.floats(0, 90),
    st.integers(0, 8),
    st.none() | st.floats(0, PATIENCE),
    st.none() | st.integers(0, 30),
)


async def play(per_minute, steps):
    """Return what started as (number, time), what was given up, and the pauses as (from, until)."""
    limiter, loop = Limiter(per_minute, PATIENCE), asyncio.get_running_loop()
    tasks, starts, given_up, pauses = [], [], set(), []
    for gap, arrivals, pause, quits in steps:
        await asyncio.sleep(gap)
        for _ in range(arrivals):
            tasks.append(asyncio.create_task(start(limiter, len(tasks), starts)))
        await asyncio.sleep(0)
        if pause is not None:
            limiter.pause(pause)
            pauses.append((loop.time(), loop.time() + pause))
        if quits is not None and quits < len(tasks) and tasks[quits].cancel():
            given_up.add(quits)
    await asyncio.gather(*tasks, return_exceptions=True)
    return starts, given_up, pauses


@given(st.integers(1, 6), st.lists(step, max_size=8))
def test_n3_no_minute_sees_more_than_the_limit_and_none_who_waits_is_forgotten(per_minute, steps):
    starts, given_up, pauses = virtual_time.run(play(per_minute, steps))

    times = [time for _, time in starts]
    for late, early in zip(times[per_minute:], times, strict=False):
        assert late - early >= WINDOW_SECONDS
    everybody = set(range(sum(arrivals for _, arrivals, _, _ in steps)))
    assert [number for number, _ in starts] == sorted(everybody - given_up)
    for began, ended in pauses:
        # What started in the very moment of the pause came before it.
        assert not [time for time in times if began < time < ended - 1e-6]


def test_n3_a_busy_limiter_uses_nearly_the_whole_of_every_window():
    async def rush():
        limiter, starts = Limiter(170, PATIENCE), []
        await asyncio.gather(*(start(limiter, number, starts) for number in range(1700)))
        return asyncio.get_running_loop().time()

    seconds = virtual_time.run(rush())
    possible = (1700 / 170 - 1) * WINDOW_SECONDS
    assert seconds == pytest.approx(9 * (WINDOW_SECONDS + MARGIN_SECONDS))
    assert possible / seconds >= 0.95


def test_n3_a_burst_within_the_limit_does_not_wait():
    async def burst():
        limiter, starts = Limiter(170, PATIENCE), []
        await asyncio.gather(*(start(limiter, number, starts) for number in range(170)))
        return asyncio.get_running_loop().time()

    assert virtual_time.run(burst()) == 0


def test_a_pause_holds_back_whoever_waits_already():
    async def wait():
        limiter, starts = Limiter(1, PATIENCE), []
        tasks = [asyncio.create_task(start(limiter, number, starts)) for number in range(3)]
        await asyncio.sleep(30)
        limiter.pause(100)
        await asyncio.gather(*tasks)
        return starts

    assert virtual_time.run(wait()) == [(0, 0), (1, 130), (2, 191)]


def test_a_shorter_pause_does_not_end_a_longer_one():
    async def wait():
        limiter = Limiter(5, PATIENCE)
        limiter.pause(100)
        limiter.pause(10)
        await limiter.turn()
        return asyncio.get_running_loop().time()

    assert virtual_time.run(wait()) == 100


def test_giving_up_at_the_head_of_the_queue_lets_the_next_one_through():
    async def wait():
        limiter, starts = Limiter(1, PATIENCE), []
        await limiter.turn()
        head, following = (
            asyncio.create_task(start(limiter, number, starts)) for number in range(2)
        )
        await asyncio.sleep(10)
        head.cancel()
        await following
        return starts

    assert virtual_time.run(wait()) == [(1, 61)]


def test_n2_a_pause_beyond_our_patience_fails_at_once_and_for_everybody():
    async def wait():
        limiter, loop = Limiter(1, PATIENCE), asyncio.get_running_loop()
        limiter.pause(PATIENCE + 1)
        for _ in range(3):
            with pytest.raises(Unavailable, match="301 seconds"):
                await limiter.turn()
        assert loop.time() == 0
        await asyncio.sleep(2)
        await limiter.turn()
        return loop.time()

    assert virtual_time.run(wait()) == PATIENCE + 1


@pytest.mark.parametrize("phase", [0, 1, 29.5, 59, 59.9])
def test_n3_no_fixed_window_of_the_server_overflows_wherever_it_begins(phase):
    """Seen from the server, which counts what arrives in windows of its own clock."""

    async def rush():
        box = Sandbox(virtual_time.now)
        box.window.per_minute = 20
        page = box.world.page(box.world.database("RFCs"), "Queues")
        await asyncio.sleep(phase)
        async with Gateway(
            box.token, transport=_Slow(box.transport()), requests_per_minute=20
        ) as gateway:
            await asyncio.gather(*(gateway.page(page.id) for _ in range(130)))
        return box.requests

    requests = virtual_time.run(rush())
    assert len(requests.log) == 130
    assert {entry.status for entry in requests.log} == {200}
    assert requests.busiest() <= 20
    lasted = requests.log[-1].time - requests.log[0].time
    assert lasted < timedelta(minutes=6.5)


class _Slow(httpx.AsyncBaseTransport):
    """Takes up to half a second on the way to the server."""

    def __init__(self, inner):
        self._inner = inner
        self._sent = 0

    async def handle_async_request(self, request):
        self._sent += 1
        await asyncio.sleep(self._sent % 7 / 14)
        return await self._inner.handle_async_request(request)
