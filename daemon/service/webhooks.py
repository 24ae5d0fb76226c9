"""Notion's webhooks, passed on by the team's own proxy: what they name is looked at sooner.

https://developers.notion.com/reference/webhooks

Nothing that an event says is believed but ids and a time, and these decide only when a sweep looks:
what is lost, comes twice, late or in another order changes nothing else.
"""

from __future__ import annotations

import asyncio
import hmac
import json
import re
from collections.abc import Awaitable, Callable
from contextlib import closing, suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from http import HTTPStatus
from pathlib import Path
from socket import socket
from typing import Any

from daemon import loopback
from daemon.domain.errors import ReviewError
from daemon.domain.events import Emit
from daemon.domain.notation import iso, notion_id
from daemon.store import sweeps
from daemon.store.database import State, get_json, translated
from daemon.store.lock import keep_token, kept_token, mark_of, token_file
from daemon.store.sweeps import MOST_EVENTS, MOST_NOMINATIONS, Nomination
from daemon.sweep.people import OWN_IDS


BODY_BYTES = 1_000_000
# The whole life of a connection, and how many live at once: what a stranger can hold is bounded.
CONNECTION_SECONDS = 10.0
CONNECTIONS = 64
# What comes within this time is stored together; what only is to be counted, within the longer one.
TOGETHER_SECONDS, COUNTED_SECONDS = 1.0, 60.0
BUSY_SECONDS = 60.0
# Notion tries for about a day to deliver an event: what is older was kept and sent by another.
OLDEST = timedelta(hours=26)
_TOKEN = re.compile(r"[!-~]{16,200}")
_ID = re.compile(r"[0-9a-fA-F-]{32,36}")


class Inbox:
    """Takes events, and keeps what they name until a sweep looks at it.

    Args:
        state: The database.
        path: Its file; the token stands beside it.
        emit: Where events of the log go.
        now: Gives the time.
    """

    def __init__(
        self,
        state: State,
        path: Path,
        emit: Emit,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._state, self._path, self._emit, self._now = state, path, emit, now
        self.named = asyncio.Event()
        self._seen = sweeps.events_seen(state)
        self._refused = self._seen.refused
        self._names: dict[tuple[str, str], Nomination] = {}
        self._ids = dict.fromkeys(sweeps.events_known(state))
        self._new: list[str] = []
        self._timer: asyncio.TimerHandle | None = None

    def take(self, body: bytes, signature: str) -> HTTPStatus:
        """Take what was sent, and return the status of the answer."""
        token, offered = kept_token(self._path), _offered(body)
        if offered is not None:
            return self._shake(offered, token)
        right = "sha256=" + hmac.new(token.encode(), body, "sha256").hexdigest()
        if not token or not hmac.compare_digest(right.encode(), signature.encode()):
            return self._refuse()
        self._seen = replace(
            self._seen, last=iso(self._now()), token=mark_of(token), taken=self._seen.taken + 1
        )
        self._believe(body)
        self._store_within(TOGETHER_SECONDS)
        return HTTPStatus.OK

    def _shake(self, offered: str, token: str) -> HTTPStatus:
        """Take Notion's token, unless events come that another one signs."""
        if offered == token:
            return HTTPStatus.OK
        if token and self._seen.token == mark_of(token):
            return self._refuse()
        try:
            keep_token(self._path, offered)
        except ReviewError as error:
            self._emit("events.not_listening", why=str(error))
            return HTTPStatus.SERVICE_UNAVAILABLE
        # A token in the log would be one that whoever reads the log can sign with.
        self._emit("events.token", file=str(token_file(self._path)), todo="paste it in Notion")
        return HTTPStatus.OK

    def _refuse(self) -> HTTPStatus:
        self._seen = replace(self._seen, refused=self._seen.refused + 1)
        self._store_within(COUNTED_SECONDS)
        return HTTPStatus.UNAUTHORIZED

    def _believe(self, body: bytes) -> None:
        """Note what an event names, unless it came before: the newest time of each place."""
        found = named_by(body)
        if found is None:
            return
        number, name, authors = found
        if number in self._ids or name.at < self._now() - OLDEST:
            self._seen = replace(self._seen, repeated=self._seen.repeated + 1)
            return
        self._ids[number] = None
        self._new.append(number)
        if len(self._ids) > MOST_EVENTS:
            del self._ids[next(iter(self._ids))]
        if name.place:
            self._seen = replace(self._seen, commented=self._seen.last)
        if authors and authors <= {*(get_json(self._state, OWN_IDS) or ())}:
            return  # what we wrote ourselves
        key = (name.page_id, name.place)
        before = self._names.get(key)
        if before is None and len(self._names) < MOST_NOMINATIONS:
            self._names[key] = name
        elif before is not None:
            self._names[key] = replace(name, at=max(name.at, before.at))

    def _store_within(self, seconds: float) -> None:
        loop = asyncio.get_running_loop()
        if self._timer is not None:
            if self._timer.when() <= loop.time() + seconds:
                return
            self._timer.cancel()
        self._timer = loop.call_later(seconds, self.store)

    def store(self) -> None:
        """Store what was named and counted; a state that cannot be used is the sweeps' to tell."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        names, self._names = list(self._names.values()), {}
        new, self._new = self._new, []
        refused, self._refused = self._seen.refused - self._refused, self._seen.refused
        if refused:
            self._emit("events.refused", requests=refused)
        with suppress(ReviewError), translated(self._path):
            with self._state.atomic():
                kept = sweeps.nominate(self._state, names)
                sweeps.know_events(self._state, new)
                sweeps.save_events_seen(self._state, self._seen)
            if kept:
                self._emit("events.named", places=kept)
                self.named.set()


def _offered(body: bytes) -> str | None:
    """Return the token that a handshake brings; None where it is none."""
    if len(body) > 1 << 10:
        return None
    try:
        said = json.loads(body)
    except ValueError:
        return None
    token = said.get("verification_token") if isinstance(said, dict) and len(said) == 1 else None
    return token if isinstance(token, str) and _TOKEN.fullmatch(token) else None


def named_by(body: bytes) -> tuple[str, Nomination, set[str]] | None:
    """Return an event's own id, what it names, and who did it; None without page or comment."""
    try:
        said = json.loads(body)
        kind, at = str(said["type"]), datetime.fromisoformat(said["timestamp"]).astimezone(UTC)
        data = said.get("data") or {}
        parent = data.get("parent") or {}
        if kind.startswith("comment."):
            name = Nomination(_id(data["page_id"]), _id(parent["id"]), at)
        elif kind.startswith("page."):
            around = (str(parent.get("id")), str(parent.get("data_source_id")))
            parents = tuple(_id(one) for one in around if _ID.fullmatch(one))
            name = Nomination(_id(said["entity"]["id"]), "", at, parents)
        else:
            return None
        return _id(said["id"]), name, {_id(one["id"]) for one in said.get("authors") or ()}
    except (ValueError, TypeError, KeyError, AttributeError, OverflowError, RecursionError):
        return None


def _id(given: object) -> str:
    if not isinstance(given, str) or not _ID.fullmatch(given):
        raise ValueError("no id")
    return notion_id(given)


async def listen(port: int, inbox: Inbox, emit: Emit) -> None:
    """Take events on a port of this machine until cancelled; one that is in use is waited for."""
    told = False
    while True:
        try:
            with closing(loopback.listen(port)) as listening:
                emit("events.listening", port=port)
                told = False
                await serve(listening, inbox)
        except OSError as error:
            if not told:
                emit("events.not_listening", port=port, why=error.strerror)
            told = True
            await asyncio.sleep(BUSY_SECONDS)


async def serve(listening: socket, inbox: Inbox) -> None:
    """Take events on a socket until cancelled."""
    from uvicorn import Config
    from uvicorn.protocols.http.h11_impl import H11Protocol
    from uvicorn.server import ServerState

    class Brief(H11Protocol):
        """A connection that does not live long, one of not too many."""

        def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
            super().connection_made(transport)
            if len(self.connections) > CONNECTIONS:
                transport.abort()
            self.loop.call_later(CONNECTION_SECONDS, transport.abort)

    # What uvicorn says of a request that is none would be a stranger's words in the log.
    quiet = {"log_level": "critical", "log_config": None, "access_log": False}
    plain = {"ws": "none", "lifespan": "off", "proxy_headers": False, "server_header": False}
    config, around = Config(application(inbox), **quiet, **plain), ServerState()  # type: ignore[arg-type]
    config.load()
    make = partial(Brief, config, around, {})
    server = await asyncio.get_running_loop().create_server(make, sock=listening)
    try:
        await server.serve_forever()
    finally:
        server.close()
        for one in list(around.connections):
            one.transport.abort()


def application(inbox: Inbox) -> Callable[..., Awaitable[None]]:
    """Return the ASGI application: it takes POSTs, and answers with a status alone."""
    from starlette.requests import ClientDisconnect, Request
    from starlette.responses import Response

    async def status_of(request: Request) -> HTTPStatus:
        if request.method != "POST":
            return HTTPStatus.METHOD_NOT_ALLOWED
        body = bytearray()
        async for part in request.stream():
            body += part
            if len(body) > BODY_BYTES:
                return HTTPStatus.REQUEST_ENTITY_TOO_LARGE
        return inbox.take(bytes(body), request.headers.get("x-notion-signature", ""))

    async def answer(scope: Any, receive: Any, send: Any) -> None:
        with suppress(ClientDisconnect):
            status = await status_of(Request(scope, receive))
            await Response(None, status, {"Connection": "close"})(scope, receive, send)

    return answer
