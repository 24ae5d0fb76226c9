"""Rich text out of a request: what Notion refuses, and the kept form of the rest.

https://developers.notion.com/reference/request-limits
"""

from __future__ import annotations

import re
from typing import Any

from daemon.sandbox import rich
from daemon.sandbox.ids import dashed
from daemon.sandbox.model import Json, Rich
from daemon.sandbox.refusal import failed, invalid


MAX_ITEMS = 100
MAX_URL = 2000
MAX_EQUATION = 1000
_KINDS = ("text", "mention", "equation")
_ADDRESS = re.compile(r"(https?|mailto|tel|notion):\S+|/[0-9a-fA-F-]{32,36}\S*")


def rich_text(value: Any, where: str) -> Rich:
    """Check rich text of a request and bring it to the kept form.

    Raises:
        Refusal: 400, in Notion's words.
    """
    if not isinstance(value, list):
        raise failed(where, "should be an array", value)
    if len(value) > MAX_ITEMS:
        raise failed(f"{where}.length", f"should be ≤ `{MAX_ITEMS}`", len(value))
    return rich.kept(_item(item, f"{where}[{at}]") for at, item in enumerate(value))


def _item(item: Any, where: str) -> Json:
    if not isinstance(item, dict):
        raise failed(where, "should be an object", item)
    kind = item.get("type") or next((kind for kind in _KINDS if kind in item), None)
    if kind not in _KINDS or not isinstance(item.get(kind), dict):
        raise failed(f"{where}.{kind or 'text'}", "should be defined", None)
    made = {"text": _text, "mention": _mention, "equation": _equation}[kind](item[kind], where)
    marks = _annotations(item.get("annotations") or {}, f"{where}.annotations")
    return made | ({"annotations": marks} if marks else {})


def _text(told: Json, where: str) -> Json:
    content = told.get("content")
    if not isinstance(content, str):
        raise failed(f"{where}.text.content", "should be a string", content)
    if (size := rich.units(content)) > rich.ITEM_UNITS:
        raise failed(f"{where}.text.content.length", f"should be ≤ `{rich.ITEM_UNITS}`", size)
    return rich.text(content, _link(told.get("link"), f"{where}.text.link"))


def _link(link: Any, where: str) -> str | None:
    if link is None:
        return None
    address = link.get("url") if isinstance(link, dict) else None
    if not isinstance(address, str):
        raise failed(f"{where}.url", "should be a string", address)
    if len(address) > MAX_URL:
        raise failed(f"{where}.url.length", f"should be ≤ `{MAX_URL}`", len(address))
    if not _ADDRESS.fullmatch(address):
        raise invalid("Invalid URL for link.")
    return address


def _mention(told: Json, where: str) -> Json:
    kind = told.get("type") or next(
        (k for k in ("user", "page", "database", "date") if k in told), ""
    )
    if kind == "date" and isinstance(told.get("date"), dict):
        return rich.mention_date(str(told["date"].get("start", "")), told["date"].get("end"))
    target = told.get(kind)
    found = dashed(str(target.get("id", ""))) if isinstance(target, dict) else None
    if kind not in ("user", "page", "database") or not found:
        raise failed(f"{where}.mention.{kind or 'user'}", "should be defined", None)
    return rich.mention(kind, found)


def _equation(told: Json, where: str) -> Json:
    expression = told.get("expression")
    if not isinstance(expression, str):
        raise failed(f"{where}.equation.expression", "should be a string", expression)
    if len(expression) > MAX_EQUATION:
        size = len(expression)
        raise failed(f"{where}.equation.expression.length", f"should be ≤ `{MAX_EQUATION}`", size)
    return rich.equation(expression)


def _annotations(given: Any, where: str) -> Json:
    if not isinstance(given, dict):
        raise failed(where, "should be an object", given)
    for name, value in given.items():
        if name not in (*rich.MARKS, "color"):
            raise failed(f"{where}.{name}", "should be not present", value)
        if name in rich.MARKS and not isinstance(value, bool):
            raise failed(f"{where}.{name}", "should be a boolean", value)
    return {k: v for k, v in given.items() if v and v != "default"}
