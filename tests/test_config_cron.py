from datetime import UTC, datetime, timedelta

import pytest
from apscheduler.triggers.cron import CronTrigger
from hypothesis import event, given
from hypothesis import strategies as st

from daemon.config.cron import crontab


MONDAY = datetime(2026, 11, 23, tzinfo=UTC)


def first_run(line):
    trigger = CronTrigger.from_crontab(crontab(line), timezone=UTC)
    return trigger.get_next_fire_time(None, MONDAY)


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
def test_a_line_means_to_the_scheduler_what_it_means_in_a_crontab(line, runs):
    assert first_run(line) == runs


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("", "has 0 fields instead of 5 (minute hour day month weekday)"),
        ("@hourly", "has 1 fields instead of 5 (minute hour day month weekday)"),
        ("0 0 * * * *", "has 6 fields instead of 5 (minute hour day month weekday)"),
        ("60 * * * *", "has '60' as minute, which goes from 0 to 59"),
        ("0 24 * * *", "has '24' as hour, which goes from 0 to 23"),
        ("0 0 0 * *", "has '0' as day of month, which goes from 1 to 31"),
        ("0 0 * 13 *", "has '13' as month, which goes from 1 to 12"),
        ("0 0 * * 8", "has '8' as day of week, which goes from 0 to 7"),
        ("0 0 * * monday", "has 'monday' as day of week, which goes from 0 to 7"),
        ("x * * * *", "has 'x' as minute, which goes from 0 to 59"),
        ("1;2 * * * *", "has '1;2' as minute, which is no number, range or step"),
        ("1, * * * *", "has '' as minute, which is no number, range or step"),
        ("0 22-2 * * *", "has '22-2' as hour, which runs backwards"),
        ("*/0 * * * *", "has a step of 0 as minute, which does not fit its range"),
        ("*/90 * * * *", "has a step of 90 as minute, which does not fit its range"),
        ("1-5/9 * * * *", "has a step of 9 as minute, which does not fit its range"),
        ("0 0 30 2 *", "names a day that its months do not have; choose another"),
        (
            "0 0 1 * 1",
            "sets both a day of the month and a weekday; crons differ on that, set one",
        ),
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


@given(LINES.map(" ".join))
def test_what_is_accepted_the_scheduler_accepts_too_and_it_runs(line):
    try:
        crontab(line)
    except ValueError:
        event("refused")
        return
    assert first_run(line) is not None
