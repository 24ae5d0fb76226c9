"""The life of the service in virtual time: when it sweeps, rests, reloads, stops and gives up."""

from __future__ import annotations

import asyncio
import contextlib
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace
from zoneinfo import ZoneInfo

import apscheduler.schedulers.asyncio  # noqa: F401 - loaded before time is frozen
import pytest

from daemon.config.schema import Schedule
from daemon.domain.errors import ConfigError, LockHeld, StateUnwritable, TokenRefused, Unavailable
from daemon.service.service import Service
from daemon.service.system import Hung
from support import wall


START = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)
MINUTE = timedelta(minutes=1)
HOURLY = Schedule(every=HOUR)


def settings(schedule=HOURLY, state="state.db", events=None):
    config = SimpleNamespace(schedule=schedule, state=Path(state), events=events)
    return SimpleNamespace(config=config)


class Work:
    """Sweeps that only take time; `plan` says how long each takes and how it ends."""

    def __init__(self, plan=lambda _number: (MINUTE, True)):
        self.plan = plan
        self.began = []
        self.ended = []
        self.adopted = []
        self.lives = []
        self.closed = 0
        self.patience = 600.0
        self.progress = 0
        self.probing = None
        self.events = []
        self.looks = []
        self.look_ends = lambda _number: True

    async def probe(self):
        if isinstance(self.probing, Exception):
            raise self.probing
        if self.probing:
            await asyncio.sleep(self.probing)

    async def listen(self):
        """Events come at the times in `events`, each to be looked at once."""

    async def named(self):
        at = self.events[0] if self.events else START + timedelta(days=365)
        await asyncio.sleep(max((at - datetime.now(UTC)).total_seconds(), 0))

    async def sweep(self, *, named=False):
        if named:
            self.looks.append((datetime.now(UTC), len(self.ended) == len(self.began)))
            fine = self.look_ends(len(self.looks))
            if fine:
                self.events = [at for at in self.events if at > datetime.now(UTC)]
            return fine
        self.began.append(datetime.now(UTC))
        takes, ending = self.plan(len(self.began))
        while takes:
            step = min(takes, timedelta(minutes=5))
            await asyncio.sleep(step.total_seconds())
            takes -= step
            self.progress += 1
        self.ended.append(datetime.now(UTC))
        if isinstance(ending, Exception):
            raise ending
        return ending

    def report(self, life):
        self.lives.append(life)
        return f"swept {len(self.ended)}" + (f"; {life.trouble}" if life.trouble else "")

    async def adopt(self, new):
        self.adopted.append((len(self.began), new))

    async def aclose(self):
        self.closed += 1


class Systemd:
    def __init__(self, watchdog_seconds=0):
        self.watchdog_seconds = watchdog_seconds
        self.heard = []

    def __getattr__(self, name):
        def say(*words):
            self.heard.append((name, datetime.now(UTC), *words))

        return say

    def names(self):
        return [one[0] for one in self.heard if one[0] not in ("status", "alive")]

    @property
    def status_now(self):
        return [one[2] for one in self.heard if one[0] == "status"][-1]


class World:
    """A service with everything around it."""

    def __init__(self, work=None, schedule=HOURLY, watchdog_seconds=0):
        self.work = work or Work()
        self.systemd = Systemd(watchdog_seconds)
        self.told = []
        self.next_settings = settings(schedule)
        self.schedule = schedule

    def emit(self, event, /, **facts):
        self.told.append((event, facts))

    def events(self):
        return [event for event, _ in self.told]

    def reading(self):
        if isinstance(self.next_settings, Exception):
            raise self.next_settings
        return self.next_settings

    @contextlib.asynccontextmanager
    async def living(self):
        service = Service(settings(self.schedule), self.work, self.reading, self.emit, self.systemd)
        task = asyncio.create_task(service.run())
        try:
            yield service
        finally:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task

    def live(self, lasting, start=START):
        async def go():
            async with self.living():
                await asyncio.sleep(lasting.total_seconds())

        wall.run(go(), start)
        return self.work.began

    def end(self, start=START, within=timedelta(days=1)):
        """Live until the service ends by itself."""

        async def go():
            service = Service(
                settings(self.schedule), self.work, self.reading, self.emit, self.systemd
            )
            async with asyncio.timeout(within.total_seconds()):
                await service.run()

        wall.run(go(), start)


@pytest.fixture
def _few_pulses(monkeypatch):
    """Between sweeps the service looks at the clock: ten times as seldom, where days are lived."""
    monkeypatch.setattr("daemon.service.service.PULSE_SECONDS", 300.0)


def hours(times):
    return [round((time - START) / HOUR, 2) for time in times]


@pytest.mark.usefixtures("_few_pulses")
def test_the_first_sweep_comes_at_the_start_and_then_one_an_hour_for_a_week():
    began = World().live(timedelta(days=7) - MINUTE)
    assert hours(began) == [float(hour) for hour in range(168)]


def test_a1_of_polling_a_sweep_of_three_hours_is_followed_by_exactly_one():
    work = Work(lambda number: (3 * HOUR + 10 * MINUTE if number == 5 else MINUTE, True))
    assert hours(World(work).live(10 * HOUR + MINUTE)) == [0, 1, 2, 3, 4, 7.17, 8, 9, 10]


@pytest.mark.usefixtures("_few_pulses")
def test_sweeps_never_run_at_the_same_time():
    work = Work(lambda number: (timedelta(minutes=7 * number % 150), True))
    World(work).live(timedelta(days=1))
    assert len(work.began) > 10
    assert all(end <= began for end, began in zip(work.ended, work.began[1:], strict=False))


@pytest.mark.usefixtures("_few_pulses")
@pytest.mark.parametrize(
    ("start", "hour"),
    [
        (datetime(2026, 10, 24, 0, tzinfo=UTC), "autumn"),
        (datetime(2027, 3, 27, 0, tzinfo=UTC), "spring"),
    ],
)
def test_hourly_by_cron_misses_and_doubles_no_hour_when_clocks_change(start, hour):
    world = World(schedule=Schedule(cron="0 * * * *", timezone="Europe/Berlin"))
    began = world.live(timedelta(days=2) - MINUTE, start)
    assert [time - start for time in began] == [HOUR * n for n in range(48)]


@pytest.mark.usefixtures("_few_pulses")
@pytest.mark.parametrize(
    "start", [datetime(2026, 10, 23, 22, tzinfo=UTC), datetime(2027, 3, 26, 23, tzinfo=UTC)]
)
def test_daily_by_cron_comes_once_a_day_also_on_the_day_whose_hour_is_missing_or_double(start):
    world = World(schedule=Schedule(cron="30 2 * * *", timezone="Europe/Berlin"))
    began = world.live(timedelta(days=4), start)[1:]
    days = [time.astimezone(ZoneInfo("Europe/Berlin")).date() for time in began]
    assert len(days) == len(set(days)) == 4


def test_a_suspended_machine_sweeps_once_soon_after_it_wakes():
    world = World()

    async def go():
        async with world.living():
            await asyncio.sleep(2.5 * 3600)
            wall.suspend(5 * HOUR)
            await asyncio.sleep(3 * 3600)

    wall.run(go(), START)
    began = hours(world.work.began)
    assert began[:3] == [0, 1, 2]
    assert 7.5 <= began[3] <= 7.51
    assert began[4:] == [8, 9, 10]


def test_a_clock_that_is_set_back_by_days_does_not_put_off_the_next_sweep():
    world = World()

    async def go():
        async with world.living():
            await asyncio.sleep(1800)
            wall.suspend(-timedelta(days=3))
            await asyncio.sleep(3700)

    wall.run(go(), START)
    assert len(world.work.began) == 2
    assert "service.clock_set_back" in world.events()


def test_n4_failed_sweeps_make_it_rest_twice_as_long_and_a_good_one_ends_that():
    work = Work(lambda number: (MINUTE, not 2 <= number <= 7))
    world = World(work, Schedule(every=10 * MINUTE))
    world.live(6 * HOUR)
    gaps = [(later - sooner) / MINUTE for sooner, later in pairwise(work.began)]
    assert gaps[:10] == [10, 10, 10, 20, 40, 60, 60, 10, 10, 10]


@pytest.mark.usefixtures("_few_pulses")
def test_a_rest_is_never_longer_than_an_hour_or_twice_the_schedules_interval():
    work = Work(lambda _number: (MINUTE, False))
    began = World(work, Schedule(every=6 * HOUR)).live(timedelta(days=2))
    assert max(later - sooner for sooner, later in pairwise(began)) == 12 * HOUR


def test_a2_of_polling_a_bug_in_a_sweep_is_told_and_the_service_goes_on():
    work = Work(lambda number: (MINUTE, ValueError("oops") if number == 1 else True))
    world = World(work)
    assert len(world.live(3 * HOUR + MINUTE)) == 4
    [crash] = [facts for event, facts in world.told if event == "sweep.crashed"]
    assert isinstance(crash["exc_info"], ValueError)


def test_a_state_that_another_program_locked_for_a_moment_fails_one_sweep_only():
    locked = LockHeld("state.db: the state is locked by another program; close it")
    world = World(Work(lambda number: (MINUTE, locked if number == 2 else True)))
    assert len(world.live(3 * HOUR + MINUTE)) == 4
    assert world.events().count("sweep.trouble") == 1


@pytest.mark.parametrize(
    "error", [TokenRefused("NOTION_TOKEN: refused"), StateUnwritable("state.db: disk full")]
)
def test_a3_of_polling_what_no_later_sweep_can_mend_ends_the_service(error):
    world = World(Work(lambda number: (MINUTE, error if number == 2 else True)))
    with pytest.raises(type(error), match=str(error)):
        world.end()
    assert world.systemd.names()[-1] == "stopping"
    assert world.work.closed == 1


def test_it_is_ready_only_after_notion_answered():
    world = World()
    world.work.probing = 4.0
    world.live(MINUTE)
    [ready] = [one for one in world.systemd.heard if one[0] == "ready"]
    assert ready[1] == START + timedelta(seconds=4)
    assert world.work.began[0] >= ready[1]


def test_a_refused_token_ends_the_start_and_it_is_never_ready():
    world = World()
    world.work.probing = TokenRefused("NOTION_TOKEN: refused")
    with pytest.raises(TokenRefused):
        world.end()
    assert "ready" not in world.systemd.names()
    assert world.work.began == []


@pytest.mark.parametrize("outage", [Unavailable("Notion cannot be reached"), 3600.0])
def test_an_outage_at_the_start_is_said_and_gone_after_the_first_good_sweep(outage):
    world = World(Work(lambda number: (MINUTE, number > 1)))
    world.work.probing = outage
    world.live(3 * HOUR)
    assert "service.degraded" in world.events()
    troubles = [life.trouble for life in world.work.lives]
    assert troubles[0].startswith("Notion")
    assert troubles[-1] == ""


def test_a_stop_in_the_middle_of_a_sweep_is_at_once_and_closes_what_was_open():
    work = Work(lambda _number: (3 * HOUR, True))
    world = World(work)
    world.live(HOUR)
    assert work.ended == []
    assert work.closed == 1
    assert world.systemd.heard[-1][:2] == ("stopping", START + HOUR)


def reloaded(world, new, then=3 * HOUR + MINUTE):
    async def go():
        async with world.living() as service:
            await asyncio.sleep(90)
            world.next_settings = new
            service.reload()
            await asyncio.sleep(then.total_seconds())

    wall.run(go(), START)


def test_a_reload_changes_the_schedule_at_once_and_the_rest_from_the_next_sweep_on():
    world, new = World(), settings(Schedule(every=10 * MINUTE))
    reloaded(world, new, HOUR + MINUTE)
    minutes = [round((time - START) / MINUTE, 1) for time in world.work.began]
    assert minutes == [0, 11.5, 21.5, 31.5, 41.5, 51.5, 61.5]
    assert world.work.adopted == [(1, new)]
    assert world.systemd.names()[:3] == ["ready", "reloading", "ready"]
    assert "config.adopted" in world.events()


@pytest.mark.parametrize(
    "bad",
    [
        ConfigError("config.yaml:3: settle: wrong", "more"),
        settings(state="elsewhere.db"),
        settings(events="127.0.0.1:8100"),
    ],
)
def test_a_bad_reload_changes_nothing_and_is_said_until_a_good_one(bad):
    world = World()
    reloaded(world, bad)
    assert hours(world.work.began) == [0, 1, 2, 3]
    assert world.work.adopted == []
    assert "config.yaml is bad, the old one holds" in world.systemd.status_now
    assert "config.refused" in world.events()
    assert world.systemd.names()[:3] == ["ready", "reloading", "ready"]


def test_a_good_reload_after_a_bad_one_takes_the_words_back():
    world = World()

    async def go():
        async with world.living() as service:
            await asyncio.sleep(90)
            world.next_settings = ConfigError("config.yaml:3: wrong")
            service.reload()
            world.next_settings = settings()
            service.reload()
            await asyncio.sleep(1)

    wall.run(go(), START)
    assert "bad" not in world.systemd.status_now


def test_a_sweep_that_shows_nothing_for_too_long_ends_the_service_and_says_where_it_waits():
    class Hanging(Work):
        async def sweep(self, *, named=False):
            await asyncio.get_running_loop().create_future()

    world = World(Hanging(), watchdog_seconds=90)
    with pytest.raises(Hung, match="600 s"):
        world.end(within=timedelta(minutes=11))
    [stuck] = [facts for event, facts in world.told if event == "service.stuck"]
    assert any("test_service.py" in stack for stack in stuck["stacks"])


def test_a_long_sweep_that_gets_on_keeps_its_watchdog_content():
    work = Work(lambda _number: (5 * HOUR, True))
    world = World(work, watchdog_seconds=90)
    world.live(5 * HOUR + MINUTE)
    assert len(work.ended) == 1
    signs = [one[1] for one in world.systemd.heard if one[0] == "alive"]
    gaps = {later - sooner for sooner, later in pairwise(signs)}
    assert max(gaps) <= timedelta(seconds=31)


def test_the_next_sweep_is_shown_as_it_will_be():
    world = World()
    world.live(2 * HOUR + 5 * MINUTE)
    assert world.work.lives[-1].next_sweep == START + 3 * HOUR


def seconds(looks):
    return [round((time - START).total_seconds()) for time, _ in looks]


def test_what_events_name_is_looked_at_within_seconds_and_together():
    work = Work()
    at = START + 10 * MINUTE
    work.events = [at, at + timedelta(seconds=1), at + timedelta(seconds=30)]
    began = World(work).live(HOUR - MINUTE)
    assert seconds(work.looks) == [602, 632]
    assert hours(began) == [0]


def test_what_events_name_waits_for_the_end_of_a_sweep():
    work = Work(lambda _number: (30 * MINUTE, True))
    work.events = [START + 10 * MINUTE]
    World(work).live(HOUR - MINUTE)
    assert work.looks == [(START + 30 * MINUTE, True)]


def test_a_look_that_fails_is_taken_again_after_growing_pauses_and_sweeps_come_as_ever():
    work = Work()
    work.look_ends = lambda number: number > 4
    work.events = [START + 10 * MINUTE]
    world = World(work)
    began = world.live(3 * HOUR - MINUTE)
    assert seconds(work.looks) == [602, 606, 614, 630, 662]
    assert hours(began) == [0, 1, 2]
    assert "service.resting" not in world.events()
