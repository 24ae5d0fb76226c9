"""Whoever brings Notion's events: loses some, brings others twice, late, or made up."""

from __future__ import annotations

import asyncio
import json
import random
from datetime import timedelta
from http import HTTPStatus

from daemon.sandbox import Sandbox
from daemon.sandbox.webhooks import signed
from daemon.service.webhooks import Inbox
from daemon.store import sweeps
from simulation.record import Record
from support import virtual_time


KINDS = ("comment.created", "comment.deleted", "page.content_updated", "page.created", "page.moved")


class Postman:
    """Takes what the embedded Notion tells, and brings it in his own way."""

    def __init__(self, box: Sandbox, dice: random.Random, record: Record) -> None:
        self._box, self._dice, self._record = box, dice, record
        self._bag = list[tuple[float, bytes]]()
        self.forges = True
        box.webhooks.subscribe(box.bot, "https://team.example/", self._shake)
        self._token = box.webhooks.subscriptions[0].token
        box.webhooks.verify(self._token)

    def _shake(self, _: str, body: bytes, __: object) -> int:
        self._bag.append((0.0, body))
        return HTTPStatus.OK

    def bring(self, inbox: Inbox) -> bool:
        """Bring what is due; tell whether something is to be looked at."""
        now, dice = asyncio.get_running_loop().time(), self._dice
        for one in self._box.webhooks.due():
            for _ in range(dice.choice((0, 1, 1, 1, 2))):
                later = dice.choice((0, 0, 30, 600, 5000)) * dice.random()
                self._bag.append((now + later, one.body))
        if self.forges and dice.random() < 0.1:
            self._bag.append((now, self._forged()))
        due = [body for at, body in self._bag if at <= now]
        self._bag = [(at, body) for at, body in self._bag if at > now]
        dice.shuffle(due)
        for body in due:
            taken = inbox.take(body, signed(body, self._token))
            self._record.note(virtual_time.now(), "event comes", status=int(taken))
        inbox.store()
        next_at = sweeps.next_nomination(inbox._state)
        return next_at is not None and next_at <= virtual_time.now().isoformat()

    def _forged(self) -> bytes:
        dice, state = self._dice, self._box.world.state
        everything = [*state.pages, *state.blocks, *state.sources, *state.databases]
        page, place, parent = (dice.choice(everything) for _ in range(3))
        said = {
            "id": f"{dice.getrandbits(32):08x}-0000-4000-8000-000000000000",
            "timestamp": (virtual_time.now() + timedelta(days=dice.choice((-1, 0, 9)))).isoformat(),
            "type": dice.choice(KINDS),
            "entity": {"id": page, "type": "page"},
            "data": {"page_id": page, "parent": {"id": place, "data_source_id": parent}},
        }
        return json.dumps(said).encode()
