from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import event, given
from hypothesis import strategies as st

from daemon.config.limits import Period
from daemon.config.schedule import (
    Digest,
    Schedule,
    crontab,
    interval,
    last_digest,
    next_run,
    rest,
    turns,
)


MONDAY = datetime(2026, 11, 23, tzinfo=UTC)
MINUTES = "write numbers from 0 to 59, a range such as 0-30, or a step such as */10"
HOURS = "write numbers from 0 to 23, a range such as 8-18, or a step such as */2"
DAYS = "write numbers from 1 to 31, days that the months have"
MONTHS = "write numbers from 1 to 12, names such as jan, or a range such as jan-mar"
WEEKDAYS = "write numbers from 0 to 7, names such as mon, or a range such as mon-fri"


def first_run(line):
    return next_run(Schedule(cron=line), MONDAY - timedelta(seconds=1))


@pytest.mark.parametrize(
    ("line", "runs"),
    [
        ("0 * * * *", MONDAY),
        ("30 9 * * *", MONDAY + timedelta(hours=9, minutes=30)),
        ("*/7 3 * * *", MONDAY + timedelta(hours=3)),
        ("0 9 * * 1", MONDAY + timedelta(hours=9)),
        ("0 9 * * mon", MONDAY + timedelta(hours=9)),
        ("0 9 * * 0", MONDAY + timedelta(days=6, hours=9)),
        ("0 9 * * 7", MONDAY + timedelta(days=6, hours=9)),
        ("0 9 * * 2-4", MONDAY + timedelta(days=1, hours=9)),
        ("0 9 * * FRI-sun", MONDAY + timedelta(days=4, hours=9)),
        ("0 9 * * 0-5", MONDAY + timedelta(hours=9)),
        ("0 9 * * */6", MONDAY + timedelta(days=5, hours=9)),
        ("0 0 1 dec,jan *", datetime(2026, 12, 1, tzinfo=UTC)),
        ("0 0 29 2 *", datetime(2028, 2, 29, tzinfo=UTC)),
        ("5/20 0 * * *", MONDAY + timedelta(minutes=5)),
    ],
)
def test_a_line_means_what_it_means_in_a_crontab(line, runs):
    assert first_run(line) == runs


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("", "has 0 fields instead of 5 (minute hour day month weekday)"),
        ("@hourly", "has 1 fields instead of 5 (minute hour day month weekday)"),
        ("0 0 * * * *", "has 6 fields instead of 5 (minute hour day month weekday)"),
        ("60 * * * *", f"has '60' as minute; {MINUTES}"),
        ("x * * * *", f"has 'x' as minute; {MINUTES}"),
        ("1;2 * * * *", f"has '1;2' as minute; {MINUTES}"),
        ("1, * * * *", f"has '1,' as minute; {MINUTES}"),
        ("*/0 * * * *", f"has '*/0' as minute; {MINUTES}"),
        ("*/90 * * * *", "has a step of 90 as minute; 59 is the longest"),
        ("0 24 * * *", f"has '24' as hour; {HOURS}"),
        ("0 22-2 * * *", f"has '22-2' as hour; {HOURS}"),
        ("0 0 0 * *", f"has '0' as day of month; {DAYS}"),
        ("0 0 30 2 *", f"has '30' as day of month; {DAYS}"),
        ("0 0 * 13 *", f"has '13' as month; {MONTHS}"),
        ("0 0 * * 8", f"has '8' as day of week; {WEEKDAYS}"),
        ("0 0 * * monday", f"has 'monday' as day of week; {WEEKDAYS}"),
        ("0 0 1 * 1", "sets a day of the month and a weekday; set one, since crons differ"),
    ],
)
def test_a_line_that_is_wrong_is_refused_with_the_field(line, message):
    with pytest.raises(ValueError) as caught:
        crontab(line)

    assert str(caught.value) == message


def words(low, high, *names):
    """Words of one field, most of them right."""
    number = st.one_of(st.integers(low, high + 1).map(str), st.sampled_from(names or ("1",)))
    step = st.integers(1, max(1, (high - low) // 2)).map(lambda value: f"/{value}")
    span = st.tuples(number, number).map("-".join)
    some = st.one_of(st.just("*"), number, span)
    item = st.one_of(some, st.tuples(some, step).map("".join))
    return st.one_of(st.just("*"), st.lists(item, min_size=1, max_size=2).map(",".join))


LINES = st.tuples(
    words(0, 59),
    words(0, 23),
    words(1, 31),
    words(1, 12, "jan", "feb", "DEC"),
    words(0, 7, "mon", "sat", "Sun"),
)


@given(LINES.map(" ".join), st.datetimes(datetime(2026, 1, 1), datetime(2028, 1, 1)))  # noqa: DTZ001 - made aware below
def test_what_is_accepted_runs_later_and_again_later(line, start):
    try:
        crontab(line)
    except ValueError:
        event("refused")
        return
    schedule = Schedule(cron=line, timezone="Europe/Berlin")
    first = next_run(schedule, start.replace(tzinfo=UTC))
    assert start.replace(tzinfo=UTC) < first < next_run(schedule, first)


# 2026-10-25 in Berlin: 03:00 is 02:00 again; at 01:00 UTC the second of the two hours begins.
@pytest.mark.parametrize(
    ("line", "hours"),
    [
        ("30 2 * * *", [0.5, 25.5]),
        ("0 * * * *", [0, 1, 2]),
        ("*/30 2 * * *", [0, 0.5, 1, 1.5, 25]),
    ],
)
def test_in_the_hour_that_comes_twice_a_line_with_hours_and_minutes_runs_once(line, hours):
    night = datetime(2026, 10, 25, tzinfo=UTC)
    schedule = Schedule(cron=line, timezone="Europe/Berlin")
    at, found = night - timedelta(seconds=1), []
    for _ in hours:
        at = next_run(schedule, at)
        found.append((at - night) / timedelta(hours=1))
    assert found == hours


def test_asked_in_the_second_of_the_two_hours_the_next_run_is_not_over():
    second = datetime(2026, 10, 25, 1, 15, tzinfo=UTC)
    schedule = Schedule(cron="30 2 * * *", timezone="Europe/Berlin")
    assert next_run(schedule, second) == datetime(2026, 10, 26, 1, 30, tzinfo=UTC)


def test_the_interval_of_a_schedule_is_the_time_between_two_runs():
    for schedule in (Schedule(every=timedelta(hours=6)), Schedule(cron="0 */6 * * *")):
        assert interval(schedule, MONDAY) == timedelta(hours=6)


@pytest.mark.parametrize(
    ("failures", "minutes", "rests"),
    [(1, 60, 0), (2, 60, 0), (3, 60, 120), (9, 60, 120), (3, 5, 10), (4, 5, 20), (7, 5, 60)],
)
def test_rest_doubles_up_to_its_limit(failures, minutes, rests):
    assert rest(failures, timedelta(minutes=minutes)) == timedelta(minutes=rests)


def test_rest_has_a_limit_however_long_the_outage():
    assert rest(10**6, timedelta(days=1)) == timedelta(days=2)


@given(st.integers(0, 400), st.lists(st.floats(0.5, 5000), max_size=30))
def test_the_turns_of_a_day_are_given_once_however_the_sweeps_come(
    a_day: int, minutes: list[float]
) -> None:
    at, given_ = MONDAY, 0
    for one in minutes:
        at += timedelta(minutes=one)
        given_ += turns(a_day, timedelta(minutes=one), at)
    assert abs(given_ - a_day * ((at - MONDAY) / timedelta(days=1))) <= 1


@pytest.mark.parametrize(
    ("every", "on", "now", "due"),
    [
        ("week", "Mon 09:00", "2026-11-23T08:00:00", "2026-11-23T08:00:00"),
        ("week", "Mon 09:00", "2026-11-23T07:59:59", "2026-11-16T08:00:00"),
        ("week", "sun 23:30", "2026-11-23T08:00:00", "2026-11-22T22:30:00"),
        ("day", "09:00", "2026-11-23T07:00:00", "2026-11-22T08:00:00"),
        # Clocks went back on 25 October, forward on 29 March: nine stays nine.
        ("week", "Mon 09:00", "2026-10-25T12:00:00", "2026-10-19T07:00:00"),
        ("week", "Mon 09:00", "2026-10-26T12:00:00", "2026-10-26T08:00:00"),
        # An hour that comes twice counts once, and one that is left out counts.
        ("day", "02:30", "2026-10-25T01:45:00", "2026-10-25T00:30:00"),
        ("day", "02:30", "2026-03-29T12:00:00", "2026-03-29T01:30:00"),
    ],
)
def test_a_digest_is_due_at_its_hour_in_its_time_zone(every, on, now, due):
    digest = Digest(every=Period(every), on=on)
    now, due = (datetime.fromisoformat(one).replace(tzinfo=UTC) for one in (now, due))
    assert last_digest(digest, "Europe/Berlin", now) == due
