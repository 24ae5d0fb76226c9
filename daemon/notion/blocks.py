"""A block of the API -> what a reader sees of it, in Markdown.

Besides Markdown's own signs, `+ ` marks a toggle and `[kind: words]` what is no text of the page:
files, other pages, and blocks that the API cannot give. Signed addresses of Notion's own files are
never shown; they change with every read.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import unquote, urlsplit

from daemon.domain.values import Block
from daemon.domain.errors import Incomplete
from daemon.notion.to_markdown import both, markdown, plain
from daemon.notion.numbering import ordinal
from daemon.notion.rich_text import tidy


Json = Mapping[str, Any]
# A block's line and its plain text.
Said = tuple[str, str]

NOTHING: Said = ("", "")
# Containers that a reader does not see as a level of their own.
FLAT = frozenset({"column", "column_list", "synced_block", "tab", "table"})
# Pages of their own: named, never entered.
PAGES = frozenset({"child_database", "child_page", "link_to_page"})

_SILENT = FLAT | {"breadcrumb", "divider", "table_of_contents"}
# No comment can be put on them, or it would stand on another page.
_CLOSED = (_SILENT - {"synced_block", "table"}) | {"child_database", "child_page"}
_MARKS = {
    "bulleted_list_item": "-",
    "heading_1": "#",
    "heading_2": "##",
    "heading_3": "###",
    "heading_4": "####",
    "quote": ">",
    "toggle": "+",
}
_LISTED = frozenset({"bulleted_list_item", "toggle"})
# What would make a paragraph look like a block of another type.
_POSING = re.compile(r"(\d+(?=[.)] ))|(?:#{1,4}|[-+>|]|\[[ x]\])(?= |$)")
# What would end an address in angle brackets.
_BREAKS_OUT = re.compile(r"[\s<>]")
_USUAL_PLACES = ("rich_text", "caption", "title", "name", "expression")
_FENCES = re.compile("`{3,}")
# Longer than any address that Notion itself takes.
_MAX_URL = 2000


def block(raw: Json, depth: int, number: int | None = None) -> Block:
    """Read one block without its children.

    Args:
        raw: The API's object.
        depth: Nesting level as a reader sees it.
        number: A numbered item's place in its list, as `numbers` gives it.

    Raises:
        Incomplete: the object has no id, no type or no content.
    """
    kind, value = kind_of(raw), content(raw)
    line, words = _said(kind, value, number, has_children=bool(raw.get("has_children")))
    return Block(raw["id"], kind, depth, line, words, is_readable(kind) and kind not in _CLOSED)


def is_readable(kind: str) -> bool:
    """Tell whether the API gives blocks of this type in a form that is known here."""
    return kind != "unsupported" and (kind in _READERS or kind in _SILENT)


def kind_of(raw: Json) -> str:
    """Return a block's type.

    Raises:
        Incomplete: there is none, as in the partial form `{object, id}`.
    """
    if not isinstance(raw, dict) or not raw.get("id") or not isinstance(raw.get("type"), str):
        raise Incomplete("Notion sent a block without id or type; the page is read again")
    return str(raw["type"])


def content(raw: Json) -> Json:
    """Return what a block holds under its type's name.

    Raises:
        Incomplete: there is none.
    """
    value = raw.get(kind_of(raw))
    if not isinstance(value, dict):
        raise Incomplete(f"Notion sent a {raw['type']} block without content; it is read again")
    return value


def noted(found: Block, note: str) -> Block:
    """Add a remark in brackets to what a block says."""
    line = f"{found.line} [{note}]" if found.line else f"[{note}]"
    return Block(
        found.id, found.type, found.depth, line, found.plain or note, commentable=found.commentable
    )


def file_name(file: Json) -> str:
    """Return the name of a file, from the path of its address where it has no other."""
    kind = file.get("type") or "file"
    url = (file.get(kind) or {}).get("url") or ""
    name = file.get("name") or unquote(urlsplit(url).path.rpartition("/")[2])
    return _one_line(name)


def shown_url(url: Any) -> str:
    """Write a web address in angle brackets; "" for what is none or is no reading matter."""
    if not isinstance(url, str) or len(url) > _MAX_URL:
        return ""
    if not url.lower().startswith(("http://", "https://")):
        return ""
    return f"<{_BREAKS_OUT.sub(_percent, tidy(url))}>"


def _percent(match: re.Match[str]) -> str:
    return f"%{ord(match[0]):02X}"


def _said(kind: str, value: Json, number: int | None, *, has_children: bool) -> Said:
    if kind in _SILENT:
        return NOTHING
    if kind == "numbered_list_item":
        mark = f"{ordinal(1 if number is None else number, value.get('list_format'))}."
        return _marked(mark, value, alone=has_children)
    if kind in _MARKS:
        return _marked(_MARKS[kind], value, alone=has_children and kind in _LISTED)
    read = _READERS.get(kind)
    return read(value) if read else _unknown(kind, value)


def _items(value: Json, key: str) -> list[Any]:
    items = value.get(key, [] if key == "caption" else None)
    if not isinstance(items, list):
        raise Incomplete(f"Notion sent a block without its {key}; the page is read again")
    return items


def _rich(value: Json, key: str = "rich_text") -> Said:
    items = _items(value, key)
    return both(items) if items else NOTHING


def _words(text: Any) -> Said:
    """Read a title, which is a plain string here and rich text there."""
    if isinstance(text, list):
        return both([item for item in text if isinstance(item, Mapping)])
    name = _one_line(text if isinstance(text, str) else "")
    return markdown([{"plain_text": name}]), name


def _one_line(text: str) -> str:
    return " ".join(tidy(text).split())


def _marked(mark: str, value: Json, *, alone: bool) -> Said:
    line, words = _rich(value)
    if not line.strip():
        # An empty item says nothing, unless others stand below it.
        return (mark, "") if alone else NOTHING
    if mark == ">":
        return "\n".join(f"> {part}".rstrip() for part in line.split("\n")), words
    return f"{mark} {line}", words


def _paragraph(value: Json) -> Said:
    line, words = _rich(value)
    icon = _icon(value)
    if icon:
        return f"{icon} {line}".rstrip(), words
    return (_sober(line), words) if line.strip() else NOTHING


def _sober(line: str) -> str:
    """Escape a beginning that would look like another type of block."""
    match = _POSING.match(line)
    if match is None:
        return line
    end = match.end(1) if match[1] else 0
    return f"{line[:end]}\\{line[end:]}"


def _icon(value: Json) -> str:
    icon = value.get("icon") or {}
    name = (icon.get("custom_emoji") or {}).get("name")
    return icon.get("emoji") or (f":{name}:" if name else "")


def _to_do(value: Json) -> Said:
    line, words = _rich(value)
    return f"[{'x' if value.get('checked') else ' '}] {line}".rstrip(), words


def _code(value: Json) -> Said:
    code = plain(_items(value, "rich_text"))
    caption, caption_words = _rich(value, "caption")
    if not code and not caption:
        return NOTHING
    fence = "`" * max(3, 1 + max(map(len, _FENCES.findall(code)), default=0))
    language = value.get("language") or ""
    opening = fence + ("" if language == "plain text" else language)
    return (
        "\n".join(filter(None, [f"{opening}\n{code}\n{fence}", caption])),
        "\n".join(filter(None, [code, caption_words])),
    )


def _equation(value: Json) -> Said:
    expression = tidy(value.get("expression") or "").strip()
    return (f"$${expression}$$", expression) if expression else NOTHING


def _table_row(value: Json) -> Said:
    cells = [both(cell) for cell in _items(value, "cells")]
    lines = [line.replace("|", "\\|").replace("\n", "<br>") for line, _ in cells]
    return f"| {' | '.join(lines)} |", " | ".join(words for _, words in cells)


def _labelled(kind: str, said: Said, url: Any = None) -> Said:
    line, words = (f"[{kind}: {text}]" if text else f"[{kind}]" for text in said)
    shown = shown_url(url)
    return f"{line} {shown}".rstrip(), f"{words[1:-1]} {shown[1:-1]}".rstrip()


def _media(kind: str) -> Callable[[Json], Said]:
    def read(value: Json) -> Said:
        url = (value.get("external") or {}).get("url")
        name = _one_line(value.get("name") or "") if url else file_name(value)
        shown, words = (
            f"{caption} ({name})" if caption and name else caption or name
            for caption in _rich(value, "caption")
        )
        return _labelled(kind, (shown, words), url)

    return read


def _address(kind: str) -> Callable[[Json], Said]:
    return lambda value: _labelled(kind, _rich(value, "caption"), value.get("url"))


def _titled(kind: str) -> Callable[[Json], Said]:
    return lambda value: _labelled(kind, _words(value.get("title")))


def _link_to_page(value: Json) -> Said:
    target = str(value.get("type") or "page_id").removesuffix("_id")
    return _labelled(f"link to another {target}", NOTHING)


def _unknown(kind: str, value: Json) -> Said:
    """Name a type that is not known here, with all text that it gives in the usual places."""
    found = [value[key] for key in _USUAL_PLACES if value.get(key)]
    found += value["cells"] if isinstance(value.get("cells"), list) else []
    named = _labelled("unsupported block", (kind, kind))
    lines, words = zip(named, *map(_words, found), strict=True)
    return " ".join(filter(None, lines)), " ".join(filter(None, words))


def _unsupported(value: Json) -> Said:
    return _labelled("unsupported block", (value.get("block_type") or "",) * 2)


_READERS: dict[str, Callable[[Json], Said]] = {
    **dict.fromkeys([*_MARKS, "numbered_list_item", "callout", "paragraph"], _paragraph),
    "bookmark": _address("bookmark"),
    "child_database": _titled("database"),
    "child_page": _titled("page"),
    "code": _code,
    "embed": _address("embed"),
    "equation": _equation,
    "link_preview": _address("link preview"),
    "link_to_page": _link_to_page,
    "meeting_notes": _titled("meeting notes"),
    "table_row": _table_row,
    "template": lambda value: _labelled("template button", _rich(value)),
    "to_do": _to_do,
    "transcription": _titled("meeting notes"),
    "unsupported": _unsupported,
    **{kind: _media(kind) for kind in ("audio", "file", "image", "pdf", "video")},
}
