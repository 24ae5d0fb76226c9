"""How one bot sees the world under one version: users, rich text, parents, signed files."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from hashlib import sha256
from urllib.parse import quote

from daemon.sandbox import rich
from daemon.sandbox.clock import exact
from daemon.sandbox.ids import bare
from daemon.sandbox.model import Bot, Json, Parent, Person, Rich
from daemon.sandbox.state import State


OLD = "2025-09-03"
NEW = "2026-03-11"
VERSIONS = (OLD, NEW)


@dataclass(frozen=True, slots=True)
class View:
    """Whose eyes see the world, and under which version of the API."""

    state: State
    bot: Bot
    version: str = NEW

    def with_archived(self, thing: Json) -> Json:
        """Add what only the older version carries."""
        return thing | ({"archived": thing["in_trash"]} if self.version == OLD else {})


def partial_user(user_id: str) -> Json:
    """Show a user by id alone, as `created_by` does."""
    return {"object": "user", "id": user_id}


def user(view: View, user_id: str) -> Json:
    """Show a user or group as far as the bot may know; a vanished one by id alone."""
    state = view.state
    if group := state.groups.get(user_id):
        return {"object": "group", "id": user_id, "name": group.name}
    if not view.bot.users:
        return partial_user(user_id)
    if found := state.people.get(user_id):
        return person(view, found)
    if other := state.bots.get(user_id):
        return bot(state, other, whole=other.id == view.bot.id)
    return partial_user(user_id)


def person(view: View, found: Person) -> Json:
    """Show a person; the address only to a bot that may know it."""
    told = {"email": found.email} if view.bot.emails and found.email else {}
    known: Json = {"name": found.name, "avatar_url": None, "type": "person", "person": told}
    return partial_user(found.id) | known


def bot(state: State, found: Bot, *, whole: bool) -> Json:
    """Show a bot; only itself sees its owner and workspace."""
    told: Json = {
        "owner": {"type": "workspace", "workspace": True},
        "workspace_name": state.workspace_name,
        "workspace_id": state.workspace_id,
        "workspace_limits": {"max_file_upload_size_in_bytes": 5242880},
    }
    known: Json = {"name": found.name, "avatar_url": None, "type": "bot"}
    return partial_user(found.id) | known | {"bot": told if whole else {}}


def text(view: View, items: Rich) -> Rich:
    """Show kept rich text."""
    return rich.answer(items, lambda kind, target: _mentioned(view, kind, target))


def _mentioned(view: View, kind: str, target: str) -> tuple[Json, str, str | None]:
    if kind == "user":
        shown = user(view, target)
        return shown, f"@{shown.get('name') or 'Anonymous'}", None
    state = view.state
    thing = state.pages.get(target) or state.databases.get(target)
    if thing is None or not state.is_shared(target, view.bot):
        return {"id": target}, "Untitled", f"https://app.notion.com/p/{bare(target)}"
    return {"id": target}, state.title_of(target) or "Untitled", thing.url


def plain(view: View, items: Rich) -> str:
    """Give the text of kept rich text, mentions by name."""
    return "".join(item["plain_text"] for item in text(view, items))


def parent(held: Parent, state: State) -> Json:
    """Show what holds a page or a database."""
    if held.kind == "workspace":
        return {"type": "workspace", "workspace": True}
    shown: Json = {"type": held.kind, held.kind: held.id}
    if held.kind == "data_source_id":
        shown["database_id"] = state.sources[held.id].database_id
    return shown


def signed(state: State, owner: str, name: str) -> Json:
    """Show a file that Notion keeps: an address that is another one at each read."""
    now = state.now()
    state.reads += 1
    signature = sha256(f"{owner}{name}{state.reads}".encode()).hexdigest()
    url = (
        f"https://prod-files-secure.s3.us-west-2.amazonaws.com/{state.workspace_id}/{owner}/"
        f"{quote(name)}?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Date={now:%Y%m%dT%H%M%SZ}"
        f"&X-Amz-Expires=3600&X-Amz-Signature={signature}&x-id=GetObject"
    )
    return {"url": url, "expiry_time": exact(now + timedelta(hours=1))}
