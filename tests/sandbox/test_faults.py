"""Faults as the world sees them, in process and over a real socket (facts, sections 7 and 11)."""

from __future__ import annotations

import asyncio
import json
import threading
from datetime import timedelta

import httpx
import pytest

from daemon.sandbox import Sandbox
from daemon.sandbox.faults import Fault, FaultKind


ERRORS = {
    FaultKind.RATE_LIMITED: (429, "rate_limited"),
    FaultKind.SERVER_ERROR: (500, "internal_server_error"),
    FaultKind.BAD_GATEWAY: (502, "bad_gateway"),
    FaultKind.UNAVAILABLE: (503, "service_unavailable"),
    FaultKind.GATEWAY_TIMEOUT: (504, "gateway_timeout"),
    FaultKind.OVERLOADED: (529, "service_overload"),
    FaultKind.CONFLICT: (409, "conflict_error"),
    FaultKind.OVER_BUDGET: (400, "validation_error"),
}


@pytest.fixture
def page(world, rfcs):
    return world.page(rfcs, "Queues")


class Ways:
    """Asks the same thing in process or over a socket."""

    def __init__(self, box, api, url=None):
        self.box, self.api, self.url = box, api, url

    def ask(self, method, path, body=None, timeout=5.0):
        if self.url is None:
            return asyncio.run(self._in_process(method, path, body, timeout))
        given = self.api.headers
        with httpx.Client(base_url=self.url, headers=given, timeout=timeout) as client:
            return client.request(method, f"/v1/{path}", json=body)

    async def _in_process(self, method, path, body, patience):
        async with self.api.client() as client:
            return await client.request(
                method, f"/v1/{path}", json=body, headers=self.api.headers, timeout=patience
            )

    def comment(self, page, timeout=5.0):
        body = {"parent": {"page_id": page.id}, "rich_text": [{"text": {"content": "x"}}]}
        return self.ask("POST", "comments", body, timeout)


@pytest.fixture(params=["in process", "over a socket"])
def way(request, box, api):
    if request.param == "in process":
        yield Ways(box, api)
    else:
        with box.serve() as url:
            yield Ways(box, api, url)


@pytest.mark.parametrize("kind", ERRORS)
def test_an_error_before_saving_saves_nothing(way, world, page, kind):
    way.box.faults.plant(kind)
    answer = way.comment(page)
    told = answer.json()
    assert (answer.status_code, told["code"]) == ERRORS[kind]
    assert (told["object"], told["status"]) == ("error", answer.status_code)
    assert told["request_id"]
    assert world.comments() == []
    assert way.comment(page).status_code == 200


def test_a_rate_limit_says_how_long_to_wait(way):
    way.box.faults.plant(Fault(FaultKind.RATE_LIMITED, wait=17))
    answer = way.ask("GET", "users/me")
    assert answer.headers["retry-after"] == "17"
    assert answer.json()["additional_data"] == {
        "rate_limit_reason": "public_api_request_rate_limit",
        "retry_after": "17",
    }


def test_a_503_after_saving_says_that_it_was_saved(way, world, page):
    way.box.faults.plant(FaultKind.SAVED)
    answer = way.comment(page)
    told = answer.json()
    assert (answer.status_code, told["code"]) == (503, "service_unavailable")
    assert told["message"].startswith("The change was saved, but the response could not be built")
    assert "Do not repeat the write." in told["additional_data"]["retry_guidance"]
    assert len(world.comments()) == 1


@pytest.mark.parametrize(("kind", "saved"), [(FaultKind.DROP, 0), (FaultKind.DROP_SAVED, 1)])
def test_a_dropped_connection_answers_nothing(way, world, page, kind, saved):
    way.box.faults.plant(kind)
    with pytest.raises((httpx.RemoteProtocolError, httpx.ReadError)):
        way.comment(page)
    assert len(world.comments()) == saved
    assert way.comment(page).status_code == 200
    assert [entry.status for entry in way.box.requests.log] == [0, 200]


def test_html_instead_of_json(way):
    way.box.faults.plant(Fault(FaultKind.HTML, status=403))
    answer = way.ask("GET", "users/me")
    assert (answer.status_code, answer.headers["content-type"][:9]) == (403, "text/html")
    assert answer.text.startswith("<html>")


def test_json_that_ends_in_the_middle(way, world, page):
    way.box.faults.plant(FaultKind.TRUNCATED)
    answer = way.comment(page)
    assert answer.status_code == 200
    with pytest.raises(json.JSONDecodeError):
        answer.json()
    assert len(world.comments()) == 1


def test_a_success_that_says_nothing(way, world, page):
    way.box.faults.plant(FaultKind.BLANK)
    answer = way.comment(page)
    assert (answer.status_code, answer.json()) == (200, {})
    assert len(world.comments()) == 1


def test_a_rate_limit_may_have_another_reason(way):
    way.box.faults.plant(Fault(FaultKind.RATE_LIMITED, reason="public_api_request_blocked"))
    told = way.ask("GET", "users/me").json()["additional_data"]
    assert told["rate_limit_reason"] == "public_api_request_blocked"


@pytest.mark.parametrize("kind", [FaultKind.SLOW, FaultKind.SLOW_SAVED])
def test_a_slow_answer_runs_into_the_timeout_of_the_client(way, world, page, kind):
    way.box.faults.plant(Fault(kind, wait=30))
    with pytest.raises(httpx.ReadTimeout):
        way.comment(page, timeout=0.2)
    assert [entry.status for entry in way.box.requests.log] == [0]
    assert len(world.comments()) == (1 if kind is FaultKind.SLOW_SAVED else 0)


def test_a_slow_answer_comes_to_who_waits(way, world, page):
    way.box.faults.plant(Fault(FaultKind.SLOW, wait=0.01))
    assert way.comment(page).status_code == 200


@pytest.fixture
def rows(world, page):
    for number in range(3):
        world.comment(page, str(number))
    return f"comments?block_id={page.id}&page_size=2"


def test_more_without_a_cursor(way, rows):
    way.box.faults.plant(FaultKind.NULL_CURSOR)
    told = way.ask("GET", rows).json()
    assert (told["has_more"], told["next_cursor"], len(told["results"])) == (True, None, 2)


@pytest.mark.parametrize("path", ["comments", "users"])
def test_no_more_with_a_stale_cursor(way, rows, path):
    way.box.faults.plant(FaultKind.STALE_CURSOR)
    told = way.ask("GET", rows if path == "comments" else path).json()
    assert told["has_more"] is False
    assert told["next_cursor"]


def test_an_empty_page_of_results_leads_on(way, rows):
    way.box.faults.plant(FaultKind.EMPTY_PAGE)
    empty = way.ask("GET", rows).json()
    assert (empty["results"], empty["has_more"]) == ([], True)
    full = way.ask("GET", f"{rows}&start_cursor={empty['next_cursor']}").json()
    assert len(full["results"]) == 2


@pytest.mark.parametrize("moving", [False, True])
def test_an_empty_page_in_the_midst_of_a_query_loses_nothing(box, api, world, rfcs, moving):
    world.quirks.moving_cursors = moving
    for number in range(5):
        world.page(rfcs, str(number))
    path, cursor, found = f"data_sources/{rfcs.source_id}/query", {}, set()
    box.faults.plant(Fault(FaultKind.EMPTY_PAGE, skip=1))
    sizes = []
    for _ in range(4):
        told = api.post(path, {"page_size": 2} | cursor)
        found |= {row["id"] for row in told["results"]}
        sizes.append(len(told["results"]))
        cursor = {"start_cursor": told["next_cursor"]}
    assert (sizes, len(found)) == ([2, 0, 2, 1], 5)


def test_a_fault_strikes_its_method_and_path_after_skips_and_as_often_as_told(box, api, page):
    fault = box.faults.plant("server_error", "GET", "/v1/pages/*", times=2, skip=1)
    for _ in range(2):
        assert api.ask("PATCH", f"pages/{page.id}", {}).status_code == 200
        assert api.ask("GET", "users/me").status_code == 200
    asked = [api.ask("GET", f"pages/{page.id}").status_code for _ in range(4)]
    assert asked == [200, 500, 500, 200]
    assert fault.struck == 2


def test_a_fault_may_strike_for_ever_until_it_is_cleared(box, api):
    box.faults.plant(Fault(FaultKind.SERVER_ERROR, times=None))
    assert {api.ask("GET", "users/me").status_code for _ in range(5)} == {500}
    box.faults.clear()
    assert api.ask("GET", "users/me").status_code == 200


def test_planted_faults_strike_in_the_order_of_planting(box, api):
    box.faults.plant("server_error")
    box.faults.plant("unavailable")
    asked = [api.ask("GET", "users/me").status_code for _ in range(3)]
    assert asked == [500, 503, 200]


def test_a_policy_draws_faults_where_none_is_planted(box, api):
    box.faults.policy = lambda method, path: (
        Fault(FaultKind.OVERLOADED) if (method, path) == ("GET", "/v1/users/me") else None
    )
    assert api.ask("GET", "users/me").status_code == 529
    assert api.ask("GET", "users").status_code == 200


def test_a_fault_after_saving_leaves_refusals_as_they_are(box, api):
    box.faults.plant(FaultKind.SAVED)
    assert api.refused("GET", "pages/nonsense")[0] == 400


def test_the_window_is_fixed_and_counts_by_token(box, api, as_bot):
    box.window.per_minute = 3
    other = as_bot()
    assert [api.ask("GET", "users/me").status_code for _ in range(4)] == [200, 200, 200, 429]
    assert other.ask("GET", "users/me").status_code == 200
    limited = api.ask("GET", "users/me")
    assert (limited.headers["retry-after"], limited.json()["code"]) == ("18", "rate_limited")
    box.clock.advance(timedelta(seconds=18))
    assert [api.ask("GET", "users/me").status_code for _ in range(4)] == [200, 200, 200, 429]


def test_without_a_limit_nobody_is_limited(box, api):
    assert box.window.per_minute is None
    assert {api.ask("GET", "users/me").status_code for _ in range(200)} == {200}


def test_every_request_is_logged_and_counted_by_template(box, api, page):
    api.ask("GET", f"pages/{page.id}")
    api.ask("GET", f"pages/{page.id}")
    api.ask("GET", "nonsense")
    last = box.requests.log[-1]
    assert (last.method, last.path, last.status, last.token) == (
        "GET",
        "/v1/nonsense",
        400,
        box.token,
    )
    assert box.requests.log[0].template == "/v1/pages/{page_id}"
    assert box.requests.count("GET", "/v1/pages/{page_id}") == 2
    assert box.requests.count("GET") == box.requests.count() == 3
    assert box.requests.count("POST") == 0
    box.requests.reset()
    assert (box.requests.count(), len(box.requests.log)) == (0, 0)


def test_the_busiest_minute_is_found_wherever_it_begins(box, api):
    for seconds in (50, 5, 5, 55, 1):
        box.clock.advance(timedelta(seconds=seconds))
        api.ask("GET", "users/me")
    assert box.requests.busiest(60) == 3
    assert box.requests.busiest(5) == 2


def test_requests_a_whole_minute_apart_are_not_of_one_minute(box, api):
    for _ in range(3):
        api.ask("GET", "users/me")
        box.clock.advance(timedelta(seconds=60))
    assert box.requests.busiest() == 1


def test_a_server_ends_with_its_block_and_leaves_no_thread():
    before = threading.active_count()
    with Sandbox().serve() as url:
        assert url.startswith("http://127.0.0.1:")
        assert httpx.get(f"{url}/v1/users/me").status_code == 401
    assert threading.active_count() == before
    with pytest.raises(httpx.ConnectError):
        httpx.get(f"{url}/v1/users/me")


def test_a_taken_port_is_said():
    with Sandbox().serve() as url, pytest.raises(OSError):  # noqa: SIM117
        with Sandbox().serve(int(url.rsplit(":", 1)[1])):
            pass
