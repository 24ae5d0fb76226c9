"""A state that cannot be used is waited for under systemd, and people hear of it once."""

from __future__ import annotations

import asyncio
import contextlib
import json
from datetime import UTC, datetime
from types import SimpleNamespace

import pytest

from daemon.config import Alerts
from daemon.config.network import Proxies
from daemon.domain.errors import ConfigError, LockHeld, StateUnwritable
from daemon.operations import notify
from daemon.service import service
from daemon.service.runner import LONGEST_PAUSE, Outage, Pause
from daemon.service.service import serve
from daemon.service.system import Systemd
from daemon.store import database
from support import wall


START = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
FULL = StateUnwritable("state.db: cannot be written (disk full); free space")


class Manager:
    """Notes what systemd hears."""

    watchdog_seconds = 180.0
    address = "/run/notify"

    def __init__(self):
        self.heard = []

    def __getattr__(self, name):
        return lambda *words: self.heard.append((name, *words))


@pytest.fixture
def settings(tmp_path):
    """Settings whose alerts go into the file `told`."""
    command = ("/bin/sh", "-c", f"cat >> {tmp_path}/told")
    return SimpleNamespace(
        config=SimpleNamespace(state=tmp_path / "state.db", alerts=Alerts(command=command)),
        addresses=SimpleNamespace(proxies=Proxies()),
    )


class Attempts:
    """Lets the service start after so many failures; notes each wait."""

    def __init__(self, monkeypatch, failures, stopped_at=None):
        self.pauses, self.served = [], 0
        self._failures = list(failures)
        self._stopped_at = stopped_at
        monkeypatch.setattr(service, "until_stopped", self.ran)
        monkeypatch.setattr(service, "lock", self.lock)

    @contextlib.contextmanager
    def lock(self, _path):
        if self._failures:
            raise self._failures.pop(0)
        yield

    def ran(self, one):
        if isinstance(one, Pause):
            self.pauses.append(one._outage.seconds)
            return len(self.pauses) == self._stopped_at
        self.served += 1
        return True


def emit_nothing(_event, /, **_facts):
    pass


def test_the_state_is_tried_again_after_growing_waits_for_as_long_as_it_lasts(
    monkeypatch, settings
):
    attempts = Attempts(monkeypatch, [FULL] * 9 + [LockHeld("held")])
    serve(settings, lambda: settings, emit_nothing, Manager())
    assert attempts.pauses == [15, 30, 60, 120, 240, 480, 600, 600, 600, 600]
    assert attempts.served == 1
    with contextlib.closing(database.open_state(settings.config.state)) as state:
        told = json.loads(database.get_value(state, notify.TOLD))
    assert list(told) == ["state"]


def test_people_who_heard_nothing_of_it_hear_nothing_of_its_end(monkeypatch, settings):
    Attempts(monkeypatch, [LockHeld("held")] * 2)
    serve(settings, lambda: settings, emit_nothing, Manager())
    with contextlib.closing(database.open_state(settings.config.state)) as state:
        assert database.get_value(state, notify.TOLD) is None


def test_a_signal_ends_the_waiting(monkeypatch, settings):
    attempts = Attempts(monkeypatch, [FULL] * 9, stopped_at=3)
    serve(settings, lambda: settings, emit_nothing, Manager())
    assert (len(attempts.pauses), attempts.served) == (3, 0)


@pytest.mark.parametrize("error", [FULL, LockHeld("held by pid 1")])
def test_without_systemd_it_is_said_at_once(monkeypatch, settings, error):
    attempts = Attempts(monkeypatch, [error])
    with pytest.raises(type(error)):
        serve(settings, lambda: settings, emit_nothing, Systemd())
    assert attempts.pauses == []


def test_a_config_that_moves_the_state_is_taken_up_and_a_bad_one_is_refused(
    monkeypatch, settings, tmp_path
):
    said = []
    attempts = Attempts(monkeypatch, [FULL, FULL])
    elsewhere = SimpleNamespace(
        config=SimpleNamespace(state=tmp_path / "other.db", alerts=Alerts()),
        addresses=settings.addresses,
    )
    answers = [ConfigError("bad"), elsewhere]

    def again():
        answer = answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    serve(settings, again, lambda event, /, **_: said.append(event), Manager())
    assert attempts.served == 1
    assert (tmp_path / "other.db").exists()
    assert said.count("config.refused") == 1


def test_an_outage_long_after_another_one_is_new():
    first = Outage.after(None, "full", 1000.0)
    assert Outage.after(first, "full", 1000.0 + LONGEST_PAUSE).attempts == 2
    assert Outage.after(first, "full", 1001.0 + 2 * LONGEST_PAUSE).attempts == 1


def paused(pause, until=None):
    """Run a pause in virtual time; return how many seconds it took."""

    async def go():
        loop = asyncio.get_running_loop()
        began = loop.time()
        if until is not None:
            loop.call_later(until, pause.reload)
        await pause.run()
        return loop.time() - began

    return wall.run(go(), START)


def pause_of(settings, attempts):
    manager = Manager()
    return Pause(Outage("full", START, attempts, 0.0), settings, emit_nothing, manager), manager


def test_while_it_waits_systemd_knows_why_and_its_watchdog_is_content(settings):
    pause, manager = pause_of(settings, 20)
    assert paused(pause) == LONGEST_PAUSE
    assert ("status", "full; tried again at 12:10:00 UTC") in manager.heard
    assert manager.heard[0] == ("ready",)
    assert manager.heard.count(("alive",)) == 10


def test_a_reload_ends_the_wait(settings):
    pause, manager = pause_of(settings, 20)
    assert paused(pause, until=100) == 100
    assert manager.heard[-2:] == [("reloading",), ("ready",)]


def test_people_are_told_once_and_not_of_what_is_over_soon(settings, tmp_path):
    for attempts in (1, 2, 3, 4):
        pause, _ = pause_of(settings, attempts)
        pause.reload()
        asyncio.run(pause.run())
    [line] = (tmp_path / "told").read_text().splitlines()
    message = json.loads(line)
    assert (message["alert"], message["state"]) == ("state", "raised")
    assert message["text"] == "notion-review: full"
