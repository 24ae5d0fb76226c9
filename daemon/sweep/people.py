"""Who is who: own comments by stored ids and bot ids, never by a shown name."""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections import defaultdict
from datetime import datetime, timedelta
from typing import Any

from daemon.domain.errors import Forbidden, Invalid, Missing, NotionError, Unavailable
from daemon.domain.values import Author, AuthorKind
from daemon.notion import rich_text
from daemon.notion.gateway import Gateway
from daemon.notion.rich_text import NOBODY
from daemon.store import database, outbox, threads
from daemon.store.database import State


OWN_IDS = "own bot ids"
# Names must not hold a review up: after a look-up that failed, or took longer once it was sent,
# nobody is looked up for a while. Whose kind is not known by then is decided on at a later look.
LOOK_UP_SECONDS = 15.0
REST = timedelta(minutes=5)
_KINDS = {"person": AuthorKind.PERSON, "bot": AuthorKind.BOT, "agent": AuthorKind.BOT}


class People:
    """Authors of comments; users are looked up once and kept in the state."""

    def __init__(self, state: State, notion: Gateway, token: str) -> None:
        self._state = state
        self._notion = notion
        # Tells tokens apart without keeping one: a new token may be a new bot.
        self._fact = "bot of token " + hashlib.sha256(token.encode()).hexdigest()[:12]
        self._users = threads.users(state)
        self._unanswered: set[str] = set()
        self._rests_until: datetime | None = None
        # One look-up of each user at a time; a task that gives up must not take others along.
        self._asking: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)

    async def bot_id(self) -> str:
        """Return the id of the token's bot; asks Notion once for each token."""
        async with self._asking[self._fact]:
            if (known := database.get_value(self._state, self._fact)) is not None:
                return known
            bot = str((await self._notion.me())["id"])
            with self._state.atomic():
                database.set_value(self._state, self._fact, bot)
                ids = sorted({*self._stored_ids(), bot})
                database.set_value(self._state, OWN_IDS, json.dumps(ids))
            return bot

    def _stored_ids(self) -> list[str]:
        return list(database.get_json(self._state, OWN_IDS) or ())

    async def own_ids(self) -> frozenset[str]:
        """Return the ids of every bot that this instance has been: tokens are rotated."""
        return frozenset({*self._stored_ids(), await self.bot_id()})

    async def on_page(self, page_id: str) -> PageAuthors:
        """Return the judge of a page's comments."""
        bots = await self.own_ids()
        own = outbox.posted_comment_ids(self._state, page_id)
        seen = threads.comments(self._state, page_id)
        return PageAuthors(self, bots, own, set(seen))

    def remembered(self, user_id: str) -> tuple[str, AuthorKind] | None:
        """Return a user that was looked up before, or None."""
        return self._users.get(user_id)

    async def user(self, user_id: str) -> tuple[str, AuthorKind] | None:
        """Look a user up, once; None where Notion does not say."""
        async with self._asking[user_id]:
            if user_id not in self._users and user_id not in self._unanswered:
                await self._look_up(user_id)
        return self._users.get(user_id)

    def is_open(self, user_id: str) -> bool:
        """Tell whether who a user is may be found out later."""
        return user_id not in self._users and user_id not in self._unanswered

    async def _look_up(self, user_id: str) -> None:
        if self._rests_until and self._notion.now < self._rests_until:
            return
        now = asyncio.get_running_loop().time
        try:
            # Its turn among the requests of many pages may come late, which is no failure.
            async with asyncio.timeout(None) as limit:
                user = await self._notion.user(
                    user_id, lambda: limit.reschedule(limit.when() or now() + LOOK_UP_SECONDS)
                )
        except (Forbidden, Missing, Invalid):
            # No user capability, or a guest: the comment's own words must do.
            self._unanswered.add(user_id)
            return
        except (NotionError, Unavailable, TimeoutError):
            self._rests_until = self._notion.now + REST
            return
        kind = _KINDS.get(str(user.get("type")), AuthorKind.UNKNOWN)
        if kind is AuthorKind.UNKNOWN:
            self._unanswered.add(user_id)
            return
        self._users[user_id] = rich_text.person(user), kind
        threads.save_user(self._state, user_id, *self._users[user_id], self._notion.now)


class PageAuthors:
    """Judges the authors of one page's comments."""

    def __init__(self, people: People, bots: frozenset[str], own: set[str], seen: set[str]) -> None:
        self._people = people
        self._bots = bots
        self._own = own
        self._seen = seen

    @property
    def own(self) -> frozenset[str]:
        """The ids of the bots that we comment or commented as."""
        return self._bots

    async def __call__(self, comment: dict[str, Any]) -> Author:
        """Return a comment's author; only the author of an unseen comment is looked up."""
        user_id = str((comment.get("created_by") or {}).get("id", ""))
        shown = comment.get("display_name") or {}
        name = rich_text.person({"id": user_id, "name": shown.get("resolved_name")})
        if user_id in self._bots or comment["id"] in self._own:
            return Author(user_id, name, AuthorKind.OWN)
        if shown.get("type") in ("integration", "custom"):
            return Author(user_id, name, AuthorKind.BOT)
        is_seen = comment["id"] in self._seen
        if is_seen or not user_id:
            known = self._people.remembered(user_id)
        else:
            known = await self._people.user(user_id)
        if known:
            return Author(user_id, known[0] if name == NOBODY else name, known[1])
        if not user_id or (not is_seen and self._people.is_open(user_id)):
            return Author(user_id, name, AuthorKind.UNKNOWN)
        return Author(user_id, name, AuthorKind.PERSON, is_guess=shown.get("type") != "user")
