"""The webhooks of the sandbox: what it tells, signed, of what people and bots do.

https://developers.notion.com/reference/webhooks
"""

from __future__ import annotations

import hashlib
import hmac
import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from threading import Event, Thread

import httpx

from daemon.sandbox.model import Bot, Happening, Ids, Json, Parent, exact
from daemon.sandbox.objects import VERSION
from daemon.sandbox.state import State


SIGNATURE = "X-Notion-Signature"
# Notion tries eight times, in about a day.
ATTEMPTS = 8
FIRST_RETRY = timedelta(minutes=1)
# In the served sandbox, what happens within this time is told together.
TOGETHER_SECONDS = 1.0
POST_SECONDS = 10.0
# What is told once for all that happened to a page since, and the list of what it was.
_AGGREGATED = {
    "page.content_updated": "updated_blocks",
    "page.properties_updated": "updated_properties",
}
# Gets an address, the body and its headers; gives the status of the answer, 0 for none.
Post = Callable[[str, bytes, Mapping[str, str]], int]


def signed(body: bytes, token: str) -> str:
    """Return what the signature's header says of a body."""
    return "sha256=" + hmac.new(token.encode(), body, hashlib.sha256).hexdigest()


@dataclass(slots=True)
class Subscription:
    """Where a connection wants to be told, and the token that it has to show it received."""

    id: str
    bot: Bot
    url: str
    token: str
    is_verified: bool = False


@dataclass(frozen=True, slots=True)
class Waiting:
    """An event that waits to be told: what it says, how often it was tried, and until when."""

    subscription: Subscription
    says: Json
    attempts: int = 0
    not_before: str = ""

    @property
    def body(self) -> bytes:
        """What is sent."""
        return json.dumps(self.says | {"attempt_number": self.attempts + 1}).encode()


def post(url: str, body: bytes, headers: Mapping[str, str]) -> int:
    """Send over the network."""
    try:
        answer = httpx.post(url, content=body, headers=dict(headers), timeout=POST_SECONDS)
    except httpx.HTTPError:
        return 0
    return answer.status_code


@dataclass
class Webhooks:
    """All subscriptions, and the events that wait.

    Attributes:
        state: The world.
        ids: Makes ids and tokens; of its own, so that who subscribes changes no other id.
        waiting: The events, the oldest first.
    """

    state: State
    ids: Ids
    subscriptions: list[Subscription] = field(default_factory=list)
    waiting: list[Waiting] = field(default_factory=list)
    woken: Event = field(default_factory=Event)

    def __post_init__(self) -> None:
        self.state.told = self._happened

    def subscribe(self, bot: Bot, url: str, send: Post = post) -> int:
        """Send the verification token to an address; give the status of the answer.

        Where it goes over the network, a thread tells what happens from now on.
        """
        if send is post:
            Thread(target=self.tell_for_ever, name="webhooks", daemon=True).start()
        token = "secret_" + self.ids.token().removeprefix("ntn_sandbox")
        made = Subscription(self.ids(), bot, url, token)
        self.subscriptions.append(made)
        return send(url, json.dumps({"verification_token": token}).encode(), _headers())

    def verify(self, token: str) -> int:
        """Take the token that a person pastes: events are told from now on; give a status.

        Raises:
            LookupError: It belongs to no subscription.
        """
        for one in self.subscriptions:
            if one.token == token:
                one.is_verified = True
                return 200
        raise LookupError("the verification token is wrong")

    def _happened(self, what: Happening) -> None:
        for one in self.subscriptions:
            page = self.state.pages[what.page_id]
            hears = one.bot.read_comments or not what.kind.startswith("comment.")
            if one.is_verified and hears and self.state.is_shared(page.id, one.bot):
                self._add(one, what, _data(self.state, what, page.parent))

    def _add(self, to: Subscription, what: Happening, data: Json) -> None:
        """Let an event wait, with those that are told together with it."""
        state, author = self.state, {"id": what.by, "type": "person"}
        if what.by in state.bots:
            author["type"] = "bot"
        says = {
            "id": self.ids(),
            "timestamp": exact(state.now()),
            "workspace_id": state.workspace_id,
            "workspace_name": state.workspace_name,
            "subscription_id": to.id,
            "integration_id": to.bot.id,
            "authors": [author],
            "api_version": VERSION,
            "type": what.kind,
            "entity": {"id": what.entity, "type": what.kind.partition(".")[0]},
            "data": data,
        }
        for at, other in enumerate(self.waiting):
            keys = ("subscription_id", "type", "entity")
            alike = all(other.says[key] == says[key] for key in keys)
            if alike and not other.attempts and (listed := _AGGREGATED.get(what.kind)):
                before = other.says["data"][listed]
                data[listed] = [*before, *(new for new in data[listed] if new not in before)]
                others = [one for one in other.says["authors"] if one["id"] != what.by]
                says["authors"] = [*others, author]
                del self.waiting[at]
                break
        self.waiting.append(Waiting(to, says))
        self.woken.set()

    def due(self) -> list[Waiting]:
        """Take the events whose time has come."""
        with self.state.lock:
            now = exact(self.state.now())
            taken = [one for one in self.waiting if one.not_before <= now]
            self.waiting = [one for one in self.waiting if one.not_before > now]
            return taken

    def tell(self, send: Post = post) -> None:
        """Send what is due; what is not taken is tried again later, at most eight times."""
        for one in self.due():
            status = send(one.subscription.url, one.body, _headers(one))
            tried = one.attempts + 1
            if not 200 <= status < 300 and tried < ATTEMPTS:  # noqa: PLR2004 - HTTP's own numbers
                again = exact(self.state.now() + FIRST_RETRY * 2**one.attempts)
                with self.state.lock:
                    self.waiting.append(replace(one, attempts=tried, not_before=again))

    def tell_for_ever(self) -> None:
        """Tell whatever happens, as it happens."""
        while True:
            self.woken.wait(FIRST_RETRY.total_seconds())
            time.sleep(TOGETHER_SECONDS)
            self.woken.clear()
            self.tell()


def _headers(event: Waiting | None = None) -> dict[str, str]:
    headers = {"Content-Type": "application/json", "User-Agent": "notion-api"}
    if event is not None:
        headers[SIGNATURE] = signed(event.body, event.subscription.token)
    return headers


def _data(state: State, what: Happening, parent: Parent) -> Json:
    if what.kind.startswith("comment."):
        on = "page" if what.place == what.page_id else "block"
        return {"parent": {"id": what.place, "type": on}, "page_id": what.page_id}
    told: Json = {"id": parent.id, "type": parent.kind.removesuffix("_id")}
    if source := state.sources.get(parent.id):
        told = {"id": source.database_id, "type": "database", "data_source_id": source.id}
    elif not parent.id:
        told = {"id": state.workspace_id, "type": "space"}
    data: Json = {"parent": told}
    if what.kind == "page.content_updated":
        data["updated_blocks"] = [{"id": one, "type": "block"} for one in what.parts]
    if what.kind == "page.properties_updated":
        data["updated_properties"] = list(what.parts)
    return data
