"""Notifications out of the service: alerts to people, and signs of life to a monitor."""

from __future__ import annotations

import asyncio
import json
import os
import re
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import PurePath
from signal import SIGKILL
from typing import Any, TypeVar

import httpx

from daemon.config import Alerts
from daemon.config.limits import Format
from daemon.config.network import Proxies
from daemon.domain.errors import why_not_connected
from daemon.domain.events import Emit, split_alert
from daemon.store import database, sweeps
from daemon.store.database import State


SECONDS = 10.0
# The alerts that were sent and are not over, by name: each is sent once.
TOLD = "alerts told"
# A command needs no secret, and is not the service that systemd talks to.
_PRIVATE = ("NOTION_TOKEN", "_API_KEY", "PING_URL", "CREDENTIALS_", "NOTIFY_", "WATCHDOG_")


Written = TypeVar("Written", str, bytes)
# What a chat service takes for a mention, a link or markup of its own, such as <!channel>.
_FOR_NO_CHAT = (
    (re.compile("<"), "("),
    (re.compile(">"), ")"),
    (re.compile(r"(?<!\w)@(?=\w)"), "@\u200b"),
    (re.compile(r"\](?=\()"), "] "),
)


class NotTold(Exception):
    """The notification did not get through; the text says why.

    `is_doubted` says that it may have arrived all the same.
    """

    def __init__(self, why: str, *, is_doubted: bool = False) -> None:
        super().__init__(why)
        self.is_doubted = is_doubted


@dataclass(frozen=True, slots=True)
class Notification:
    """A notification to people.

    Attributes:
        alert: The alert that it is about.
        words: What it says, in one line.
        since: When that began.
        state: `raised` or `over`, and `test` where `doctor` tries a way.
    """

    alert: str
    words: str
    since: str
    state: str = "raised"

    @property
    def is_over(self) -> bool:
        """Whether the alert is over."""
        return self.state == "over"

    @property
    def subject(self) -> str:
        """The notification in a few words of our own."""
        return f"notion-review: {split_alert(self.alert)[0]}{' is over' if self.is_over else ''}"

    @property
    def text(self) -> str:
        """The whole notification in one line, with every sign that a document has."""
        return f"notion-review: {'over: ' if self.is_over else ''}{self.words}"

    def as_json(self) -> dict[str, str]:
        """Return the object that a command reads, and a URL that is no chat service.

        `text` is under the name that chat services read.
        """
        words = self.text
        for sign, instead in _FOR_NO_CHAT:
            words = sign.sub(instead, words)
        return {"text": words, "alert": self.alert, "state": self.state, "since": self.since}


def _fitting(text: str, room: int, written: Callable[[str], Written]) -> Written:
    """Return a text as `written` writes it, cut where that is longer than `room`."""
    found = written(text)
    while len(found) > room:
        text = text[: len(text) * 9 // 10]
        found = written(f"{text.rstrip()}…")
    return found


def _slack(notification: Notification) -> dict[str, Any]:
    """https://docs.slack.dev/messaging/formatting-message-text: three signs are written otherwise.

    The recommended length is 4,000 characters.
    """
    signs = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;"})
    text = _fitting(notification.text, 4_000, lambda words: words.translate(signs))
    return {"json": {"text": text, "mrkdwn": False, "unfurl_links": False}}


def _teams(notification: Notification) -> dict[str, Any]:
    """A card is 28 KB at most; a run of text is no Markdown, where a block of text is.

    https://learn.microsoft.com/en-us/connectors/teams/#microsoft-teams-webhook
    https://learn.microsoft.com/en-us/adaptive-cards/authoring-cards/text-features
    """
    lines = _fitting(notification.text, 6_000, str).splitlines()
    card = {
        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
        "type": "AdaptiveCard",
        "version": "1.4",
        "body": [
            {"type": "RichTextBlock", "inlines": [{"type": "TextRun", "text": line}]}
            for line in lines
        ],
    }
    kind = "application/vnd.microsoft.card.adaptive"
    held = [{"contentType": kind, "contentUrl": None, "content": card}]
    return {"json": {"type": "message", "attachments": held}}


_ADDRESS = re.compile(r"(https?://[^\s<>()\[\]*`|\\]+)")
_DISCORD_SIGN = re.compile(r"([\\*_~`|<>\[\]#])")
# Its links show no preview: https://discord.com/developers/docs/resources/message
_SUPPRESS_EMBEDS = 1 << 2


def _discord(notification: Notification) -> dict[str, Any]:
    """https://discord.com/developers/docs/resources/webhook#execute-webhook: 2,000 characters."""

    def written(words: str) -> str:
        # Every second part is an address, in which a sign marks nothing.
        parts = _ADDRESS.split(words)
        parts[::2] = [_DISCORD_SIGN.sub(r"\\\1", part) for part in parts[::2]]
        return "".join(parts)

    content = _fitting(notification.text, 2_000, written)
    nobody: dict[str, list[str]] = {"parse": []}
    return {"json": {"content": content, "allowed_mentions": nobody, "flags": _SUPPRESS_EMBEDS}}


def _ntfy(notification: Notification) -> dict[str, Any]:
    """https://docs.ntfy.sh/publish: what is longer than 4,096 bytes becomes a file."""
    tags = {"raised": "warning", "over": "white_check_mark"}.get(notification.state, "memo")
    headers = {
        "Title": notification.subject,
        "Tags": tags,
        "Content-Type": "text/plain; charset=utf-8",
    }
    if notification.state == "raised":
        headers["Priority"] = "high"
    return {"content": _fitting(notification.text, 4_096, str.encode), "headers": headers}


_PAYLOADS: Mapping[Format, Callable[[Notification], dict[str, Any]]] = {
    Format.JSON: lambda notification: {"json": notification.as_json()},
    Format.SLACK: _slack,
    Format.TEAMS: _teams,
    Format.DISCORD: _discord,
    Format.NTFY: _ntfy,
}
# Addresses that take one format alone. What a workflow of Slack or of Microsoft takes is its
# author's choice, and Discord's addresses that end in `/slack` take `text`.
_CERTAIN = (
    (re.compile(r"hooks\.slack(-gov)?\.com/services/.+"), Format.SLACK),
    (re.compile(r"[\w.-]+\.webhook\.office\.com/webhookb2/.+"), Format.TEAMS),
    (
        re.compile(r"(\w+\.)?discord(app)?\.com/api/(v\d+/)?webhooks/\d+/[^/]+/?"),
        Format.DISCORD,
    ),
    (re.compile(r"ntfy\.sh/[^/]+/?"), Format.NTFY),
)


def format_of(alerts: Alerts) -> Format:
    """Return what `alerts.url` takes: as the config says, else what its address tells."""
    address = httpx.URL(alerts.url or "")
    place = f"{address.host}{address.path}"
    told = (found for pattern, found in _CERTAIN if pattern.fullmatch(place))
    return alerts.format or next(told, Format.JSON)


# Takes a notification; raises `NotTold`.
Way = Callable[[Notification], Awaitable[None]]


def ways(alerts: Alerts, proxies: Proxies) -> dict[str, Way]:
    """Return how people are told, by the config's key."""
    found: dict[str, Way] = {}
    if alerts.command:
        found["alerts.command"] = partial(_run, alerts.command)
    if (url := alerts.url) is not None:
        payload = _PAYLOADS[format_of(alerts)]
        found["alerts.url"] = lambda notification: _post(url, proxies, **payload(notification))
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

    A notification that does not get through is a warning, and is sent again after the next sweep.
    """
    known = ways(alerts, proxies or Proxies())
    if not known:
        return
    for notification in _notifications(sweeps.alerts(state), _told(state)):
        if not await tell(known, notification, emit):
            continue
        if notification.is_over:
            told = _told(state)
            del told[notification.alert]
            database.set_value(state, TOLD, json.dumps(told))
        else:
            keep_told(state, notification)


async def tell(
    known: Mapping[str, Way], notification: Notification, emit: Emit, *, doubted: bool = False
) -> bool:
    """Send a notification every way there is; tell whether one got through, which is enough.

    `doubted` is what counts where it may have arrived, and nobody knows.
    """
    came_through = False
    for way in known.values():
        try:
            await way(notification)
            came_through = True
        except NotTold as error:
            came_through |= doubted and error.is_doubted
            emit("alert.not_told", alert=notification.alert, why=str(error))
    return came_through


def keep_told(state: State, notification: Notification) -> None:
    """Keep that people were told of an alert: they hear of its end, too."""
    now = {"text": notification.words, "since": notification.since}
    database.set_value(state, TOLD, json.dumps(_told(state) | {notification.alert: now}))


def _told(state: State) -> dict[str, dict[str, str]]:
    return dict(database.get_json(state, TOLD) or {})


def _notifications(
    standing: Sequence[dict[str, str]], told: Mapping[str, dict[str, str]]
) -> list[Notification]:
    names = {alert["name"] for alert in standing}
    begun = [
        Notification(alert["name"], alert["text"], alert["since"])
        for alert in standing
        if alert["name"] not in told
    ]
    over = [
        Notification(name, was["text"], was["since"], "over")
        for name, was in told.items()
        if name not in names
    ]
    return begun + over


SUBJECT = "{subject}"
# These take a mail with its headers.
_MAILERS = frozenset({"sendmail", "msmtp"})


def _said_to(command: Sequence[str], notification: Notification) -> bytes:
    """Return what a command reads: text where it takes the subject, a mail, else a line of JSON.

    No line of a text begins with a sign: `mail` of GNU runs what stands behind a `~` there
    (https://github.com/advisories/GHSA-m985-3f3v-cwmm), and `sendmail` ends at a `.`.
    """
    text = re.sub(r"(?m)^(?=[~.])", " ", notification.text)
    if any(SUBJECT in word for word in command):
        return f"{text}\n".encode()
    if PurePath(command[0]).name not in _MAILERS:
        return (json.dumps(notification.as_json(), ensure_ascii=False) + "\n").encode()
    from email.message import EmailMessage

    mail = EmailMessage()
    mail["Subject"] = notification.subject
    mail["Auto-Submitted"] = "auto-generated"
    mail.set_content(text)
    return bytes(mail)


async def _run(command: Sequence[str], notification: Notification) -> None:
    """Run a command with the notification on its standard input."""
    words = _said_to(command, notification)
    command = [word.replace(SUBJECT, notification.subject) for word in command]
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
        await _fed(process, words)
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
            f"alerts.command: did not end within {SECONDS:.0f} s; it was killed", is_doubted=True
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
        unsent = (httpx.ConnectError, httpx.ConnectTimeout, httpx.InvalidURL, httpx.ProxyError)
        is_doubted = not isinstance(error, unsent)
        raise NotTold(f"the URL does not answer ({why})", is_doubted=is_doubted) from None
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
