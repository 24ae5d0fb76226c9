"""N1: the table of which request is sent again, and what its last failure means."""

from __future__ import annotations

import json

import httpx
import pytest
from notion_client.errors import (
    InvalidPathParameterError,
    RequestTimeoutError,
    build_request_error,
)

from daemon.domain import errors
from daemon.notion.retry import PATIENCE_SECONDS, failure, retry_after, wait_before_retry


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
    "401": (answer(401, "unauthorized"), errors.TokenRefused),
    "403": (answer(403, "restricted_resource"), errors.Forbidden),
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


def test_a_long_message_of_notions_is_told_by_its_first_line():
    error = answer(400, "validation_error", message="body failed\n" + "x" * 5000)
    assert str(failure(error, "page 1", repeatable=True)) == "page 1: 400 body failed"
