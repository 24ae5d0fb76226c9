"""Messages out of the service: alerts to people, and signs of life to a monitor."""

from __future__ import annotations

import asyncio
import json
import os
import re
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from signal import SIGKILL
from typing import Any

import httpx

from daemon.config import Alerts
from daemon.config.network import Proxies
from daemon.domain.errors import why_not_connected
from daemon.domain.events import Emit
from daemon.store import database, sweeps
from daemon.store.database import State


SECONDS = 10.0
# The alerts that were sent and are not over, by name: each is sent once.
TOLD = "alerts told"
# A command needs no secret, and is not the service that systemd talks to.
_PRIVATE = ("NOTION_TOKEN", "_API_KEY", "PING_URL", "CREDENTIALS_", "NOTIFY_", "WATCHDOG_")


# Takes a message as JSON; raises `NotTold`.
Way = Callable[[dict[str, str]], Awaitable[None]]
# What a chat service takes for a mention, a link or markup of its own, such as <!channel>.
_FOR_NO_CHAT = (
    (re.compile("<"), "("),
    (re.compile(">"), ")"),
    (re.compile(r"(?<!\w)@(?=\w)"), "@\u200b"),
    (re.compile(r"\](?=\()"), "] "),
)


class NotTold(Exception):
    """The message did not get through; the text says why."""


@dataclass(frozen=True, slots=True)
class Message:
    """A message about an alert that began, or one that is over."""

    alert: str
    words: str
    since: str
    is_over: bool = False

    def as_json(self) -> dict[str, str]:
        """Return the object that the command reads and the URL receives.

        `text` is the whole message in one line, under the name that chat services read.
        """
        state = "over" if self.is_over else "raised"
        words = f"notion-review: {'over: ' if self.is_over else ''}{self.words}"
        for sign, instead in _FOR_NO_CHAT:
            words = sign.sub(instead, words)
        return {
            "text": words,
            "alert": self.alert,
            "state": state,
            "since": self.since,
        }


def ways(alerts: Alerts, proxies: Proxies) -> dict[str, Way]:
    """Return how people are told, by the config's key."""
    found: dict[str, Way] = {}
    if alerts.command:
        found["alerts.command"] = partial(_run, alerts.command)
    if (url := alerts.url) is not None:
        found["alerts.url"] = lambda message: _post(url, proxies, json=message)
    return found


async def try_ping(url: str, proxies: Proxies) -> None:
    """See whether the monitor can be reached, without a sign of life.

    `/log` changes nothing there: https://healthchecks.io/docs/http_api/#log-uuid

    Raises:
        NotTold: It cannot.
    """
    await _post(_with_ending(url, "log"), proxies, content=b"doctor looks whether this arrives")


async def tell_people(
    state: State, alerts: Alerts, emit: Emit, proxies: Proxies | None = None
) -> None:
    """Send every alert that stands and was not sent, and every sent one that is over.

    A message that does not get through is a warning, and is sent again after the next sweep.
    """
    known = ways(alerts, proxies or Proxies())
    if not known:
        return
    for message in _messages(sweeps.alerts(state), _told(state)):
        if not await tell(known, message, emit):
            continue
        if message.is_over:
            told = _told(state)
            del told[message.alert]
            database.set_value(state, TOLD, json.dumps(told))
        else:
            keep_told(state, message)


async def tell(known: Mapping[str, Way], message: Message, emit: Emit) -> bool:
    """Send a message every way there is; tell whether one got through, which is enough."""
    came_through = False
    for way in known.values():
        try:
            await way(message.as_json())
            came_through = True
        except NotTold as error:
            emit("alert.not_told", alert=message.alert, why=str(error))
    return came_through


def keep_told(state: State, message: Message) -> None:
    """Keep that people were told of an alert: they hear of its end, too."""
    now = {"text": message.words, "since": message.since}
    database.set_value(state, TOLD, json.dumps(_told(state) | {message.alert: now}))


def _told(state: State) -> dict[str, dict[str, str]]:
    return dict(database.get_json(state, TOLD) or {})


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


async def _run(command: Sequence[str], message: dict[str, str]) -> None:
    """Run a command with the message as one line of JSON on its standard input."""
    public = {
        name: value
        for name, value in os.environ.items()
        if not any(part in name for part in _PRIVATE)
    }
    # In memory: a machine may have no folder for temporary files, and a pipe would be held open by
    # what the command leaves running.
    with os.fdopen(os.memfd_create("said"), "w+b") as errors:
        try:
            process = await asyncio.create_subprocess_exec(
                *command,
                stdin=PIPE,
                stdout=DEVNULL,
                stderr=errors,
                env=public,
                start_new_session=True,
            )
        except OSError as error:
            raise NotTold(f"alerts.command: {command[0]}: {error.strerror}") from error
        await _fed(process, (json.dumps(message, ensure_ascii=False) + "\n").encode())
        if process.returncode:
            errors.seek(0)
            said = errors.read().decode(errors="replace").strip().splitlines()
            why = f"exit code {process.returncode}" + (f" ({said[-1][:200]})" if said else "")
            raise NotTold(f"alerts.command: {command[0]}: {why}")


async def _fed(process: Process, words: bytes) -> None:
    """Wait for the end of a command; one that takes too long is killed with its children."""
    try:
        async with asyncio.timeout(SECONDS):
            await process.communicate(words)
    except TimeoutError:
        raise NotTold(
            f"alerts.command: did not end within {SECONDS:.0f} s; it was killed"
        ) from None
    finally:
        if process.returncode is None:
            os.killpg(process.pid, SIGKILL)
            await process.wait()


async def _post(url: str, proxies: Proxies, **content: Any) -> None:
    try:
        # The environment's proxies are meant, as for everything else.
        async with httpx.AsyncClient(timeout=SECONDS) as client:
            answer = await client.post(url, **content)
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        # The address may be a secret: it is not repeated.
        why = why_not_connected(error, proxies.of(url)) or type(error).__name__
        raise NotTold(f"the URL does not answer ({why})") from None
    if not answer.is_success:
        raise NotTold(f"the URL answers {answer.status_code}")


async def ping(
    url: str | None,
    emit: Emit,
    ending: str = "",
    words: str = "",
    proxies: Proxies | None = None,
) -> None:
    """Send a sign of life to the monitor's `url`, if there is one: `start`, "" for success, `fail`.

    The endings are those of https://healthchecks.io/docs/http_api/; failures are warnings.
    """
    if url is None:
        return
    try:
        await _post(_with_ending(url, ending), proxies or Proxies(), content=words.encode())
    except NotTold as error:
        emit("ping.failed", sign=ending or "success", why=str(error))


def _with_ending(url: str, ending: str) -> str:
    address = httpx.URL(url)
    if not ending:
        return url
    return str(address.copy_with(path=f"{address.path.rstrip('/')}/{ending}"))
