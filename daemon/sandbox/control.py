"""The sandbox by hand: everything that people do, and its clock, faults and log, over HTTP.

Every action is POST /_sandbox/<name> with a JSON object, answered with JSON.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any, Protocol

from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import BaseRoute, Route

from daemon.sandbox import objects
from daemon.sandbox.clock import Clock, parse
from daemon.sandbox.faults import Faults
from daemon.sandbox.importing import person
from daemon.sandbox.markdown import convert
from daemon.sandbox.model import Json, Page
from daemon.sandbox.requests import Requests, Window
from daemon.sandbox.view import View, user
from daemon.sandbox.world import World


class Box(Protocol):
    """What is controlled."""

    clock: Clock
    world: World

    @property
    def faults(self) -> Faults:
        """What goes wrong."""
        ...

    @property
    def requests(self) -> Requests:
        """What was asked."""
        ...

    @property
    def window(self) -> Window:
        """The limit of requests."""
        ...

    @property
    def prompt(self) -> Page:
        """The prompt page."""
        ...


Action = Callable[[Box, Json], Any]


def _by(box: Box, told: Json) -> str | None:
    return person(box.world, told["by"]) if told.get("by") else None


def _built(told: Json) -> list[Json]:
    """Read blocks: Markdown, or one block as the builders make it."""
    return [told["block"]] if "block" in told else convert(told.get("markdown", ""))


def _page(box: Box, told: Json) -> str:
    world = box.world
    values = told.get("properties", {})
    by = _by(box, told)
    return world.page(told.get("place"), told["title"], _built(told), by=by, properties=values).id


def _add_block(box: Box, told: Json) -> list[str]:
    after, made = told.get("after"), []
    for one in _built(told):
        block = box.world.add_block(told["parent"], one, after, _by(box, told))
        after = None if after is None else block.id
        made.append(block.id)
    return made


def _edit_block(box: Box, told: Json) -> str:
    content = told.get("content", {})
    return box.world.edit_block(told["block"], told.get("text"), _by(box, told), **content).id


def _move_block(box: Box, told: Json) -> None:
    place = {"after": told.get("after"), "to": told.get("to")}
    box.world.move_block(told["block"], **place, by=_by(box, told))


def _edit_property(box: Box, told: Json) -> None:
    box.world.edit_property(told["page"], told["name"], told["value"], _by(box, told))


def _comment(box: Box, told: Json) -> str:
    return box.world.comment(told["target"], told["text"], by=_by(box, told)).id


def _set_clock(box: Box, told: Json) -> str:
    if "set" in told:
        box.clock.set(parse(told["set"]))
    if "advance" in told:
        box.clock.advance(timedelta(seconds=told["advance"]))
    if told.get("run"):
        box.clock.run()
    return _clock(box, told)


def _clock(box: Box, _: Json) -> str:
    return box.clock().isoformat()


def _plant(box: Box, told: Json) -> list[Json]:
    box.faults.plant(told["kind"], **{name: told[name] for name in told if name != "kind"})
    return _faults(box, told)


def _faults(box: Box, _: Json) -> list[Json]:
    names = ("kind", "method", "path", "times", "skip", "wait", "status", "reason", "struck")
    return [{name: getattr(fault, name) for name in names} for fault in box.faults.planted]


def _requests(box: Box, _: Json) -> Json:
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


def _comments(box: Box, _: Json) -> list[Json]:
    """Show every comment of every page, resolved threads too."""
    state = box.world.state
    view = View(state, next(iter(state.bots.values())))
    return [
        objects.comment(view, comment)
        | {
            "resolved": state.discussions[comment.discussion_id].resolved,
            "page_id": page_of(box.world, comment.parent_id),
            "author": user(view, comment.author_id),
        }
        for comment in box.world.comments()
    ]


def page_of(world: World, object_id: str) -> str:
    """Give the page that a block stands on; a page gives itself."""
    block = world.state.blocks.get(object_id)
    return block.page_id if block and object_id not in world.state.pages else object_id


def _world(box: Box, _: Json) -> Json:
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


def _bot(box: Box, told: Json) -> str:
    capabilities = {name: value for name, value in told.items() if name != "name"}
    return box.world.bot(told["name"], **capabilities).token


def _limit(box: Box, told: Json) -> int | None:
    box.window.per_minute = told.get("per_minute")
    return box.window.per_minute


ACTIONS: dict[tuple[str, str], Action] = {
    ("POST", "page"): _page,
    ("POST", "rename"): lambda box, told: box.world.rename(told["page"], told["title"]),
    ("POST", "edit-property"): _edit_property,
    ("POST", "add-block"): _add_block,
    ("POST", "edit-block"): _edit_block,
    ("POST", "delete-block"): lambda box, told: box.world.delete_block(told["block"]),
    ("POST", "move-block"): _move_block,
    ("POST", "rewrite"): lambda box, told: box.world.rewrite(told["page"], _built(told)),
    ("POST", "prompt"): lambda box, told: box.world.rewrite(box.prompt, _built(told)),
    ("POST", "trash"): lambda box, told: box.world.trash(told["object"]),
    ("POST", "restore"): lambda box, told: box.world.restore(told["object"]),
    ("POST", "share"): lambda box, told: box.world.share(told["object"], told.get("bot")),
    ("POST", "unshare"): lambda box, told: box.world.unshare(told["object"], told.get("bot")),
    ("POST", "comment"): _comment,
    ("POST", "edit-comment"): lambda box, told: (
        box.world.edit_comment(told["comment"], told["text"]).id
    ),
    ("POST", "delete-comment"): lambda box, told: box.world.delete_comment(told["comment"]),
    ("POST", "resolve"): lambda box, told: box.world.resolve(told["thread"]),
    ("POST", "reopen"): lambda box, told: box.world.reopen(told["thread"]),
    ("POST", "bot"): _bot,
    ("POST", "limit"): _limit,
    ("GET", "clock"): _clock,
    ("POST", "clock"): _set_clock,
    ("GET", "faults"): _faults,
    ("POST", "faults"): _plant,
    ("DELETE", "faults"): lambda box, _: box.faults.clear(),
    ("GET", "requests"): _requests,
    ("POST", "reset-counts"): lambda box, _: box.requests.reset(),
    ("GET", "comments"): _comments,
    ("GET", "world"): _world,
}


def routes(box: Box) -> list[BaseRoute]:
    """Make the routes under /_sandbox/."""
    return [
        Route(f"/_sandbox/{name}", _route(box, method, action), methods=[method])
        for (method, name), action in ACTIONS.items()
    ]


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
