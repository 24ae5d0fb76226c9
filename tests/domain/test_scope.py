"""What a refusal is about: the smallest that explains it, wider only on evidence."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from daemon.domain import scope
from daemon.domain.due import PARKED_AFTER
from daemon.domain.scope import NOTION_IS_DOWN, Refusals, Scope, Silence


NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)


def after(*events: str) -> Refusals:
    """What is known after refusals (`-page`) and permissions (`+page`), in order."""
    known: Refusals = {}
    for event in events:
        page = event[1:]
        if event[0] == "-":
            known = scope.refused(known, page, "403", NOW)
        else:
            known = scope.allowed(known, page)
    return known


def test_one_page_is_a_page_however_often_it_is_refused() -> None:
    assert scope.of_refusals(after("-a")) is Scope.PAGE
    assert scope.of_refusals(after(*["-a"] * 20)) is Scope.PAGE


def test_a_second_page_without_one_that_is_allowed_is_the_connection() -> None:
    assert scope.of_refusals(after("-a", "-b")) is Scope.CONNECTION
    assert scope.of_refusals(after("-a", "-a", "-b", "-b")) is Scope.CONNECTION


def test_a_page_that_is_allowed_shows_that_the_others_are_refused_alone() -> None:
    assert scope.of_refusals(after("-a", "+c", "-b")) is Scope.PAGE
    assert scope.of_refusals(after("-a", "-b", "+c")) is Scope.PAGE


def test_pages_that_were_refused_before_show_nothing_new() -> None:
    assert scope.of_refusals(after("-a", "-b", "+c", "-a", "-b")) is Scope.PAGE
    assert scope.of_refusals(after("-a", "-b", "+c", "-a", "-d")) is Scope.CONNECTION


def test_a_page_that_is_allowed_is_refused_no_more() -> None:
    assert after("-a", "-a", "+a") == {}


def test_a_refused_page_waits_longer_each_time_and_is_parked_then() -> None:
    waits = []
    for times in range(1, PARKED_AFTER):
        until = after(*["-a"] * times)["a"].until
        assert until is not None
        waits.append(until - NOW)
    assert waits == sorted(waits)
    assert (waits[0], waits[1], waits[-1]) == (
        timedelta(minutes=5),
        timedelta(minutes=10),
        timedelta(hours=6),
    )
    assert after(*["-a"] * PARKED_AFTER)["a"].until is None


def test_a_page_is_left_alone_while_it_waits_and_no_other_is() -> None:
    known = after("-a")
    assert scope.waits(known, "a", NOW)
    assert not scope.waits(known, "a", NOW + timedelta(minutes=5))
    assert not scope.waits(known, "b", NOW)
    assert scope.waits(after(*["-a"] * PARKED_AFTER), "a", NOW + timedelta(days=9))


def test_where_every_page_is_refused_none_is_left_alone_so_that_the_end_is_seen() -> None:
    assert not scope.waits(after("-a", "-b"), "a", NOW)


def test_a_source_is_gone_where_its_database_lists_others() -> None:
    assert scope.of_source("a", ["b"]) is Scope.DATA_SOURCE
    assert scope.of_source("a", ["a", "b"]) is Scope.DATABASE
    assert scope.of_source("a", None) is Scope.DATABASE


def test_notion_is_out_of_reach_only_after_several_objects_in_a_row() -> None:
    silence = Silence()
    assert {silence.missed("a") for _ in range(9)} == {Scope.PAGE}
    silence.heard()
    found = [silence.missed(str(number)) for number in range(NOTION_IS_DOWN)]
    assert found == [Scope.PAGE] * (NOTION_IS_DOWN - 1) + [Scope.CONNECTION]
