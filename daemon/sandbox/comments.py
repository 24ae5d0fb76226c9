"""Endpoints of comments.

What Notion does without saying so (recorded, June 2026): a page's id lists the page's own
comments only; those share one discussion; each post on a block opens another; a comment moves no
time of last edit.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from daemon.sandbox import objects, requests, rich
from daemon.sandbox.blocks import UNCOMMENTABLE
from daemon.sandbox.faults import failed, invalid
from daemon.sandbox.model import Discussion, Json, Rich, SandboxComment
from daemon.sandbox.requests import ApiCall, block_at, need, page_at, valid_id
from daemon.sandbox.rich import comment_markdown
from daemon.sandbox.state import Doing, State


def listed(call: ApiCall) -> Json:
    """Answer GET /v1/comments?block_id=: open discussions only, in the order of posting."""
    need(allowed=call.bot.read_comments)
    block_id = valid_id(call.param("block_id"), "query.block_id")
    found = block_at(call, block_id)
    if found.in_trash and not call.state.quirks.lists_trash:
        raise call.missing("block", block_id)
    requests.unless_refused(call, Doing.LIST_COMMENTS, block_id)
    rows = call.state.open_comments(block_id)
    return requests.result_page(call, rows, lambda one: objects.comment(call.view, one), "comment")


def retrieved(call: ApiCall) -> Json:
    """Answer GET /v1/comments/{comment_id}."""
    need(allowed=call.bot.read_comments)
    return objects.comment(call.view, _comment_at(call))


def _comment_at(call: ApiCall) -> SandboxComment:
    comment_id = call.id("comment_id")
    found = call.state.comments.get(comment_id)
    if found is None or not call.sees(found.parent_id):
        raise call.missing("comment", comment_id)
    if call.state.discussions[found.discussion_id].resolved:
        raise call.missing("comment", comment_id)
    return found


def _own(call: ApiCall) -> SandboxComment:
    """Find a comment of the bot's own; another's is a 404.

    https://developers.notion.com/reference/update-a-comment
    """
    found = _comment_at(call)
    if found.author_id != call.bot.id:
        raise call.missing("comment", found.id)
    requests.unless_refused(call, Doing.CHANGE_COMMENT, found.parent_id)
    return found


def created(call: ApiCall) -> Json:
    """Answer POST /v1/comments; without the right to read comments only the id comes back."""
    need(allowed=call.bot.insert_comments)
    body = call.fields(
        "parent", "discussion_id", "rich_text", "markdown", "display_name", "attachments"
    )
    content = _content(call, body)
    shown = _display(body.get("display_name"))
    if body.get("attachments"):
        raise call.missing("file_upload", str(body["attachments"][0].get("file_upload_id")))
    discussion = _target(call, body)
    requests.unless_refused(call, Doing.COMMENT, discussion.parent_id)
    made = post(call.state, discussion, content, call.bot.id, shown)
    if not call.bot.read_comments:
        return {"object": "comment", "id": made.id}
    return objects.comment(call.view, made)


def post(
    state: State, discussion: Discussion, content: Rich, by: str, shown: tuple[str, str]
) -> SandboxComment:
    """Put a comment into a discussion, now."""
    now = state.now()
    made = SandboxComment(
        state.ids(), discussion.id, discussion.parent_id, content, now, now, by, shown
    )
    state.discussions[discussion.id] = discussion
    return state.add_comment(made)


def _content(call: ApiCall, body: Json) -> Rich:
    content = _given(body)
    held = {"text"} if content else set()
    for item in content:
        held |= {"links"} if (item.get("text") or {}).get("link") else set()
        held |= (
            {"marks"} if any(v is True for v in (item.get("annotations") or {}).values()) else set()
        )
    if held & call.state.quirks.refused_content:
        raise invalid("Content creation Failed. Fix the following: \nInvalid URL for link.")
    return content


def _given(body: Json) -> Rich:
    given = [name for name in ("rich_text", "markdown") if body.get(name) is not None]
    if len(given) != 1:
        rule = "should be defined" if not given else "should be not present"
        raise failed("body.rich_text" if not given else "body.markdown", rule, None)
    if given == ["rich_text"]:
        content = rich.rich_text(body["rich_text"], "body.rich_text")
    elif isinstance(body["markdown"], str):
        content = comment_markdown(body["markdown"])
    else:
        raise failed("body.markdown", "should be a string", body["markdown"])
    if not content:
        raise failed(f"body.{given[0]}", "should not be empty")
    return content


def _display(told: Any) -> tuple[str, str]:
    if told is None:
        return "integration", ""
    kind = told.get("type") if isinstance(told, dict) else None
    if kind not in ("integration", "user", "custom"):
        raise failed("body.display_name.type", "should be a display name type", kind)
    if kind != "custom":
        return str(kind), ""
    name = (told.get("custom") or {}).get("name")
    if not isinstance(name, str) or not name:
        raise failed("body.display_name.custom.name", "should be defined", None)
    return "custom", name


def _target(call: ApiCall, body: Json) -> Discussion:
    given = [name for name in ("parent", "discussion_id") if body.get(name) is not None]
    if len(given) != 1:
        rule = "should be defined" if not given else "should be not present"
        raise failed("body.parent" if not given else "body.discussion_id", rule, None)
    if given == ["discussion_id"]:
        discussion_id = valid_id(body["discussion_id"], "body.discussion_id")
        found = call.state.discussions.get(discussion_id)
        gone = found is None or found.resolved or call.state.in_trash(found.parent_id)
        if found is None or gone or not call.sees(found.parent_id):
            raise call.missing("discussion", discussion_id)
        return found
    return _new(call, body["parent"])


def _new(call: ApiCall, parent: Any) -> Discussion:
    told = parent if isinstance(parent, dict) else {}
    if "page_id" in told:
        page = page_at(call, valid_id(told["page_id"], "body.parent.page_id"))
        if call.state.in_trash(page.id):
            raise call.missing("page", page.id)
        return page_discussion(call.state, page.id)
    block = block_at(call, valid_id(told.get("block_id"), "body.parent.block_id"))
    if call.state.in_trash(block.id):
        raise call.missing("page" if block.id in call.state.pages else "block", block.id)
    if block.id in call.state.pages:
        return page_discussion(call.state, block.id)
    if block.type in UNCOMMENTABLE:
        raise invalid(f"Comments are not supported on blocks of type {block.type}.")
    return Discussion(call.state.ids(), block.id)


def page_discussion(state: State, page_id: str) -> Discussion:
    """Give the open discussion of a page, or a new one."""
    for comment in state.open_comments(page_id):
        return state.discussions[comment.discussion_id]
    return Discussion(state.ids(), page_id)


def updated(call: ApiCall) -> Json:
    """Answer PATCH /v1/comments/{comment_id}."""
    need(allowed=call.bot.insert_comments)
    content = _content(call, call.fields("rich_text", "markdown"))
    changed = replace(_own(call), rich_text=content, edited=call.state.now())
    return objects.comment(call.view, call.state.change_comment(changed))


def deleted(call: ApiCall) -> Json:
    """Answer DELETE /v1/comments/{comment_id}: the comment as it was."""
    need(allowed=call.bot.insert_comments)
    found = _own(call)
    shown = objects.comment(call.view, found)
    call.state.drop_comment(found)
    return shown
