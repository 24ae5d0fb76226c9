"""The sandbox by hand: everything that people do, and its clock, faults and log, over HTTP.

Every action is POST /_sandbox/<name> with a JSON object, answered with JSON.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any, Protocol, TypeVar

from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import BaseRoute, Route

from daemon.sandbox import objects
from daemon.sandbox.documents import person
from daemon.sandbox.faults import ApiRefusal, Faults
from daemon.sandbox.markdown import convert
from daemon.sandbox.model import Clock, Json, SandboxPage, parse
from daemon.sandbox.objects import View, user
from daemon.sandbox.requests import RequestLog, RequestWindow
from daemon.sandbox.state import Doing, Quirks
from daemon.sandbox.webhooks import Webhooks
from daemon.sandbox.world import World


class Box(Protocol):
    """What is controlled."""

    clock: Clock
    world: World
    webhooks: Webhooks

    @property
    def faults(self) -> Faults:
        """What goes wrong."""
        ...

    @property
    def requests(self) -> RequestLog:
        """What was asked."""
        ...

    @property
    def window(self) -> RequestWindow:
        """The limit of requests."""
        ...

    @property
    def prompt(self) -> SandboxPage:
        """The prompt page."""
        ...


Action = Callable[[Box, Json], Any]
AnAction = TypeVar("AnAction", bound=Action)
# What can be done, by method and name.
ACTIONS: dict[tuple[str, str], Action] = {}


def _action(method: str, name: str) -> Callable[[AnAction], AnAction]:
    """Register what a request does; it is called with the sandbox and the request's JSON."""

    def register(action: AnAction) -> AnAction:
        ACTIONS[method, name] = action
        return action

    return register


def _by(box: Box, told: Json) -> str | None:
    return person(box.world, told["by"]) if told.get("by") else None


def _built(told: Json) -> list[Json]:
    """Read blocks: Markdown, or one block as the builders make it."""
    return [told["block"]] if "block" in told else convert(told.get("markdown", ""))


@_action("POST", "page")
def write_page(box: Box, told: Json) -> str:
    """Write a page; its id comes back."""
    world = box.world
    values = told.get("properties", {})
    by = _by(box, told)
    return world.page(told.get("place"), told["title"], _built(told), by=by, properties=values).id


@_action("POST", "add-block")
def add_block(box: Box, told: Json) -> list[str]:
    """Write blocks under a page or a block; their ids come back."""
    after, made = told.get("after"), []
    for one in _built(told):
        block = box.world.add_block(told["parent"], one, after, _by(box, told))
        after = None if after is None else block.id
        made.append(block.id)
    return made


@_action("POST", "edit-block")
def edit_block(box: Box, told: Json) -> str:
    """Give a block another text or other content; its id comes back."""
    content = told.get("content", {})
    return box.world.edit_block(told["block"], told.get("text"), _by(box, told), **content).id


@_action("POST", "move-block")
def move_block(box: Box, told: Json) -> None:
    """Move a block after a sibling or under another block."""
    place = {"after": told.get("after"), "to": told.get("to")}
    box.world.move_block(told["block"], **place, by=_by(box, told))


@_action("POST", "edit-property")
def edit_property(box: Box, told: Json) -> None:
    """Set a property of a page."""
    box.world.edit_property(told["page"], told["name"], told["value"], _by(box, told))


@_action("POST", "comment")
def comment(box: Box, told: Json) -> str:
    """Comment on a page or a block, or answer in a thread; the id comes back."""
    return box.world.comment(told["target"], told["text"], by=_by(box, told)).id


@_action("POST", "clock")
def set_clock(box: Box, told: Json) -> str:
    """Set the clock, advance it by seconds, or let it run; its time comes back."""
    if "set" in told:
        box.clock.set(parse(told["set"]))
    if "advance" in told:
        box.clock.advance(timedelta(seconds=told["advance"]))
    if told.get("run"):
        box.clock.run()
    return show_clock(box, told)


@_action("GET", "clock")
def show_clock(box: Box, _: Json) -> str:
    """Show the time of the sandbox."""
    return box.clock().isoformat()


@_action("POST", "faults")
def plant_fault(box: Box, told: Json) -> list[Json]:
    """Plant a fault; all planted faults come back."""
    box.faults.plant(told["kind"], **{name: told[name] for name in told if name != "kind"})
    return show_faults(box, told)


@_action("GET", "faults")
def show_faults(box: Box, _: Json) -> list[Json]:
    """Show the planted faults."""
    names = ("kind", "method", "path", "times", "skip", "wait", "status", "reason", "struck")
    return [{name: getattr(fault, name) for name in names} for fault in box.faults.planted]


@_action("GET", "requests")
def show_requests(box: Box, _: Json) -> Json:
    """Show the log of requests, their counts, and the fullest minute."""
    log = [
        {
            "time": entry.time.isoformat(),
            "method": entry.method,
            "path": entry.path,
            "status": entry.status,
            "token": entry.token,
        }
        for entry in list(box.requests.log)
    ]
    counts = {f"{method} {path}": n for (method, path), n in box.requests.counts.items()}
    return {"log": log, "counts": counts, "busiest_minute": box.requests.busiest()}


@_action("GET", "comments")
def show_comments(box: Box, _: Json) -> list[Json]:
    """Show every comment of every page, resolved threads too."""
    state = box.world.state
    view = View(state, next(iter(state.bots.values())))
    return [
        objects.comment(view, comment)
        | {
            "resolved": state.discussions[comment.discussion_id].resolved,
            "page_id": state.page_of(comment.parent_id),
            "author": user(view, comment.author_id),
        }
        for comment in box.world.comments()
    ]


@_action("GET", "world")
def show_world(box: Box, _: Json) -> Json:
    """Show the databases, pages and bots with their ids."""
    state = box.world.state
    return {
        "prompt": box.prompt.url,
        "databases": [
            {"id": one.id, "title": one.title, "url": one.url, "sources": list(one.sources)}
            for one in state.databases.values()
        ],
        "pages": [
            {"id": one.id, "title": one.name, "url": one.url, "parent": one.parent.id}
            for one in state.pages.values()
        ],
        "bots": [
            {"id": one.id, "name": one.name, "token": one.token} for one in state.bots.values()
        ],
    }


@_action("POST", "bot")
def add_bot(box: Box, told: Json) -> str:
    """Make another connection; its token comes back."""
    capabilities = {name: value for name, value in told.items() if name != "name"}
    return box.world.bot(told["name"], **capabilities).token


@_action("POST", "refuse")
def refuse(box: Box, told: Json) -> None:
    """Refuse something of one object for ever: `doing` as in `Doing`, by default with a 403."""
    status = told.get("status", 403)
    code, message = told.get("code", "restricted_resource"), told.get("message", "Refused.")
    box.world.refuse(
        told["object"], Doing(told["doing"]), refusal=ApiRefusal(status, code, message)
    )


@_action("POST", "allow")
def allow(box: Box, told: Json) -> None:
    """Allow again all that was refused of an object."""
    box.world.allow(told["object"])


@_action("POST", "delete-source")
def delete_source(box: Box, told: Json) -> None:
    """Delete a data source."""
    box.world.delete_source(told["source"])


@_action("POST", "move-page")
def move_page(box: Box, told: Json) -> None:
    """Move a page to a database, data source or page, or to the workspace."""
    box.world.move_page(told["page"], told.get("to"))


@_action("POST", "move-source")
def move_source(box: Box, told: Json) -> None:
    """Move a data source to another database."""
    box.world.move_source(told["source"], told["to"])


@_action("POST", "archive")
def archive(box: Box, told: Json) -> None:
    """Archive a page, or take it out of the archive."""
    box.world.archive(told["page"], archived=told.get("archived", True))


@_action("POST", "quirks")
def set_quirks(box: Box, told: Json) -> None:
    """Set what Notion leaves open: fields of `Quirks`."""
    for name, value in told.items():
        if name not in Quirks.__dataclass_fields__:
            raise LookupError(name)
        setattr(box.world.quirks, name, value)


@_action("POST", "limit")
def limit_requests(box: Box, told: Json) -> int | None:
    """Limit the requests of each token a minute, or lift the limit."""
    box.window.per_minute = told.get("per_minute")
    return box.window.per_minute


@_action("POST", "rename")
def rename(box: Box, told: Json) -> None:
    """Give a page another title."""
    box.world.rename(told["page"], told["title"])


@_action("POST", "delete-block")
def delete_block(box: Box, told: Json) -> None:
    """Put a block into the trash."""
    box.world.delete_block(told["block"])


@_action("POST", "rewrite")
def rewrite(box: Box, told: Json) -> None:
    """Replace all blocks of a page."""
    box.world.rewrite(told["page"], _built(told))


@_action("POST", "prompt")
def rewrite_prompt(box: Box, told: Json) -> None:
    """Replace all blocks of the prompt page."""
    box.world.rewrite(box.prompt, _built(told))


@_action("POST", "trash")
def trash(box: Box, told: Json) -> None:
    """Put a page or a database into the trash."""
    box.world.trash(told["object"])


@_action("POST", "restore")
def restore(box: Box, told: Json) -> None:
    """Take a page or a database out of the trash."""
    box.world.restore(told["object"])


@_action("POST", "share")
def share(box: Box, told: Json) -> None:
    """Let one bot, or every bot, see an object."""
    box.world.share(told["object"], told.get("bot"))


@_action("POST", "unshare")
def unshare(box: Box, told: Json) -> None:
    """Hide an object from one bot, or from every bot."""
    box.world.unshare(told["object"], told.get("bot"))


@_action("POST", "edit-comment")
def edit_comment(box: Box, told: Json) -> str:
    """Give a comment another text; its id comes back."""
    return box.world.edit_comment(told["comment"], told["text"]).id


@_action("POST", "delete-comment")
def delete_comment(box: Box, told: Json) -> None:
    """Delete a comment."""
    box.world.delete_comment(told["comment"])


@_action("POST", "resolve")
def resolve(box: Box, told: Json) -> None:
    """Resolve a thread, given by its id or by one of its comments."""
    box.world.resolve(told["thread"])


@_action("POST", "reopen")
def reopen(box: Box, told: Json) -> None:
    """Open a resolved thread again."""
    box.world.reopen(told["thread"])


@_action("POST", "reset-counts")
def reset_requests(box: Box, _: Json) -> None:
    """Empty the log of requests and their counts."""
    box.requests.reset()


@_action("POST", "webhook")
def webhook(box: Box, told: Json) -> int:
    """Subscribe a `url`, or paste the `token` that its handshake brought; a status comes back."""
    if "token" in told:
        return box.webhooks.verify(told["token"])
    return box.webhooks.subscribe(next(iter(box.world.state.bots.values())), told["url"])


@_action("DELETE", "faults")
def clear_faults(box: Box, _: Json) -> None:
    """Take all faults away."""
    box.faults.clear()


def routes(box: Box) -> list[BaseRoute]:
    """Make the routes under /_sandbox/."""
    there = [
        Route(f"/_sandbox/{name}", _route(box, method, action), methods=[method])
        for (method, name), action in ACTIONS.items()
    ]
    return [*there, Route("/_sandbox/{name:path}", _no_action, methods=["GET", "POST", "DELETE"])]


async def _no_action(request: Request) -> JSONResponse:
    """Name the methods that an action takes, or all actions where there is none of this name."""
    name = request.path_params["name"]
    methods = sorted(method for method, known in ACTIONS if known == name)
    if methods:
        return JSONResponse({"error": f"{name}: ask for it by {' or '.join(methods)}"}, 405)
    known = ", ".join(sorted({known for _, known in ACTIONS}))
    return JSONResponse({"error": f"{name}: no such action; there are {known}"}, 404)


def _route(box: Box, method: str, action: Action) -> Any:
    async def run(request: Request) -> JSONResponse:
        # Only JSON: a page of another site cannot send that without being asked about it.
        if method == "POST" and "application/json" not in request.headers.get("content-type", ""):
            return JSONResponse({"error": "the body must be application/json"}, 415)
        try:
            told = await request.json() if method == "POST" else {}
            with box.world.state.lock:
                return JSONResponse({"result": action(box, told)})
        except (LookupError, TypeError, ValueError) as error:
            return JSONResponse({"error": f"{type(error).__name__}: {error}"}, 400)

    return run
