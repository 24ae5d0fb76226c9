"""Telling the world outside: alerts to people, and signs of life to whoever waits for them."""

from __future__ import annotations

import asyncio
import json
import os
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from signal import SIGKILL
from tempfile import TemporaryFile
from typing import IO, Any

import httpx
from sqlite_utils import Database

from daemon.config import Alerts
from daemon.sweep.context import Tell
from daemon.store import database, sweeps as ledger


SECONDS = 10.0
# What was told to people and is not over, by name: kept, so that each is told once.
TOLD = "alerts told"
# A command needs no secret, and is not the service that systemd talks to.
_PRIVATE = ("NOTION_TOKEN", "_API_KEY", "PING_URL", "CREDENTIALS_", "NOTIFY_", "WATCHDOG_")


Way = Callable[[dict[str, str]], Awaitable[None]]


class NotTold(Exception):
    """The message did not get through; the text says why."""


@dataclass(frozen=True, slots=True)
class Message:
    """What people are told: an alert that began, or one that is over."""

    alert: str
    words: str
    since: str
    is_over: bool = False

    def as_json(self) -> dict[str, str]:
        """Return the object that the command reads and the URL receives.

        `text` is the whole message in one line, under the name that chat services read.
        """
        state = "over" if self.is_over else "raised"
        lead = "over: " if self.is_over else ""
        return {
            "text": f"notion-review: {lead}{self.words}",
            "alert": self.alert,
            "state": state,
            "since": self.since,
        }


async def tell_people(state: Database, alerts: Alerts, tell: Tell) -> None:
    """Tell every alert that stands and was not told, and every told one that is over.

    What does not get through is a warning, and is tried again after the next sweep.
    """
    ways = _ways(alerts)
    told = _told(state)
    for message in _messages(ledger.alerts(state), told) if ways else ():
        if not await _send(message, ways, tell):
            continue
        if message.is_over:
            del told[message.alert]
        else:
            told[message.alert] = {"text": message.words, "since": message.since}
        database.remember(state, TOLD, json.dumps(told))


def _told(state: Database) -> dict[str, dict[str, str]]:
    return dict(json.loads(database.fact(state, TOLD) or "{}"))


def _messages(
    standing: Sequence[dict[str, str]], told: Mapping[str, dict[str, str]]
) -> list[Message]:
    names = {alert["name"] for alert in standing}
    begun = [
        Message(alert["name"], alert["text"], alert["since"])
        for alert in standing
        if alert["name"] not in told
    ]
    over = [
        Message(name, was["text"], was["since"], is_over=True)
        for name, was in told.items()
        if name not in names
    ]
    return begun + over


def _ways(alerts: Alerts) -> list[Way]:
    ways: list[Way] = []
    if alerts.command:
        ways.append(partial(_run, alerts.command))
    if (url := alerts.url) is not None:
        ways.append(lambda message: _post(url, json=message))
    return ways


async def _send(message: Message, ways: Sequence[Way], tell: Tell) -> bool:
    """Send a message each way; one that gets through is enough."""
    came_through = False
    for way in ways:
        try:
            await way(message.as_json())
        except NotTold as error:
            tell("alert.not_told", alert=message.alert, why=str(error))
        else:
            came_through = True
    return came_through


async def _run(command: Sequence[str], message: dict[str, str]) -> None:
    """Run a command with the message as one line of JSON on its standard input."""
    with TemporaryFile() as errors:
        try:
            process = await asyncio.create_subprocess_exec(
                *command,
                stdin=PIPE,
                stdout=DEVNULL,
                stderr=errors,
                env=_public(os.environ),
                start_new_session=True,
            )
        except OSError as error:
            raise NotTold(f"alerts.command: {command[0]}: {error.strerror}") from error
        await _fed(process, (json.dumps(message, ensure_ascii=False) + "\n").encode())
        if process.returncode:
            why = f"exit code {process.returncode}{_last_line(errors)}"
            raise NotTold(f"alerts.command: {command[0]}: {why}")


async def _fed(process: Process, words: bytes) -> None:
    """Wait for the end of a command; what takes too long is ended with all that it started."""
    try:
        async with asyncio.timeout(SECONDS):
            await process.communicate(words)
    except TimeoutError:
        raise NotTold(f"alerts.command: did not end within {SECONDS:.0f} s") from None
    finally:
        if process.returncode is None:
            os.killpg(process.pid, SIGKILL)
            await process.wait()


def _last_line(errors: IO[bytes]) -> str:
    errors.seek(0)
    said = errors.read().decode(errors="replace").strip()
    return f" ({said.splitlines()[-1][:200]})" if said else ""


def _public(env: Mapping[str, str]) -> dict[str, str]:
    return {
        name: value for name, value in env.items() if not any(part in name for part in _PRIVATE)
    }


async def _post(url: str, **content: Any) -> None:
    try:
        # The environment's proxies are meant, as for everything else.
        async with httpx.AsyncClient(timeout=SECONDS) as client:
            answer = await client.post(url, **content)
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        # The address may be a secret: it is not repeated.
        raise NotTold(f"the URL does not answer ({type(error).__name__})") from None
    if not answer.is_success:
        raise NotTold(f"the URL answers {answer.status_code}")


async def ping(url: str | None, tell: Tell, ending: str = "", words: str = "") -> None:
    """Give a sign of life, if anybody waits for one: `start`, "" for success, or `fail`.

    The endings are those of https://healthchecks.io/docs/http_api/; failures are warnings.
    """
    if url is None:
        return
    address = httpx.URL(url)
    if ending:
        address = address.copy_with(path=f"{address.path.rstrip('/')}/{ending}")
    try:
        await _post(str(address), content=words.encode())
    except NotTold as error:
        tell("ping.failed", sign=ending or "success", why=str(error))
