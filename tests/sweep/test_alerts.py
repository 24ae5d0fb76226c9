"""Which alerts stand after a sweep."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from daemon.domain.errors import ConfigError, TokenRefused, Unavailable
from daemon.domain.records import PageState, SourceRow
from daemon.store import pages, sweeps
from daemon.sweep import alerts
from support.small_state import DAY, NOW, row, sweep


def standing(context):
    return {alert["name"] for alert in sweeps.alerts(context.state)}


@pytest.mark.parametrize(
    ("error", "name"), [(TokenRefused("NOTION_TOKEN: x"), "token"), (ConfigError("m: x"), "config")]
)
def test_what_stops_the_service_is_an_alert_until_a_sweep_goes_through(context, error, name):
    alerts.after_sweep(context, [error])
    assert standing(context) == {name}
    alerts.after_sweep(context, [])
    assert standing(context) == set()
    assert [event for event, _ in context.said] == ["alert.raised", "alert.over"]


def test_three_failed_sweeps_in_a_row_are_an_alert_and_two_are_not(context):
    outage = [Unavailable("Notion cannot be reached")]
    for number in (1, 2, 3):
        sweep(context.state, "failed")
        alerts.after_sweep(context, outage)
        assert standing(context) == ({"sweeps"} if number == 3 else set())
    sweep(context.state, "partial")
    alerts.after_sweep(context, [])
    assert standing(context) == set()


@pytest.mark.parametrize(
    ("page", "alert"),
    [
        (row(since=NOW - DAY, state=PageState.DUE), True),
        (row(since=NOW - DAY, state=PageState.PARKED), True),
        (row(since=NOW - DAY + timedelta(minutes=1), state=PageState.DUE), False),
        (row(since=NOW - DAY, state=PageState.DUE, paused=True), False),
        (row(since=NOW - DAY, state=PageState.GONE), False),
    ],
)
def test_a_page_that_waits_for_a_day_is_an_alert(context, page, alert):
    pages.save(context.state, [page])
    alerts.after_sweep(context, [])
    assert standing(context) == ({"waiting"} if alert else set())


def test_a_page_of_a_database_that_is_not_configured_any_more_wakes_nobody(context):
    pages.save_source(context.state, SourceRow("old", "other", "Old", NOW))
    pages.save(
        context.state, [replace(row(since=NOW - 9 * DAY, state=PageState.DUE), source_id="old")]
    )
    alerts.after_sweep(context, [])
    assert standing(context) == set()


@pytest.mark.parametrize(("days", "alert"), [(13, False), (14, True)])
def test_a_fortnight_without_an_edit_is_an_alert(context, days, alert):
    pages.save(context.state, [row(edited=NOW - days * DAY), row("q", edited=NOW - 90 * DAY)])
    alerts.after_sweep(context, [])
    assert standing(context) == ({"quiet"} if alert else set())
