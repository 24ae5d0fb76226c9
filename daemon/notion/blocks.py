"""A block of the API -> what a reader sees of it, in Markdown.

Besides Markdown's own signs, `+ ` marks a toggle and `[kind: words]` what is no text of the page:
files, other pages, and blocks that the API cannot give. Signed addresses of Notion's own files are
never shown; they change with every read.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import unquote, urlsplit

from daemon.domain.errors import Incomplete
from daemon.domain.values import Block
from daemon.notion.rich_text import linked_pages, tidy
from daemon.notion.to_markdown import both, markdown, plain


_ROMAN = (
    (1000, "m"),
    (900, "cm"),
    (500, "d"),
    (400, "cd"),
    (100, "c"),
    (90, "xc"),
    (50, "l"),
    (40, "xl"),
    (10, "x"),
    (9, "ix"),
    (5, "v"),
    (4, "iv"),
    (1, "i"),
)
_NO_ROMAN = 4000


def numbers(siblings: Sequence[Mapping[str, Any]]) -> list[int | None]:
    """Number the numbered items among siblings; whatever stands between two of them starts anew.

    An item's `list_start_index` restarts the count where it differs from its list's first.
    """
    found: list[int | None] = []
    start: int | None = None
    for raw in siblings:
        if raw.get("type") != "numbered_list_item":
            start = None
            found.append(None)
            continue
        last = found[-1] if found else None
        given = raw["numbered_list_item"].get("list_start_index")
        if last is None or (given is not None and given != start):
            last = (1 if given is None else int(given)) - 1
        start = start if given is None else given
        found.append(last + 1)
    return found


def ordinal(number: int, form: Any) -> str:
    """Return the number of a list item as the list's format writes it: digits, letters or roman.

    A number that cannot be written in letters or as roman is written in digits.
    """
    if form not in ("letters", "roman") or not 0 < number < _NO_ROMAN:
        return str(number)
    text = ""
    if form == "letters":
        while number > 0:
            number, letter = divmod(number - 1, 26)
            text = chr(ord("a") + letter) + text
        return text
    for value, sign in _ROMAN:
        count, number = divmod(number, value)
        text += sign * count
    return text


Json = Mapping[str, Any]
# A block's line and its plain text.
Said = tuple[str, str]

NOTHING: Said = ("", "")
# What would make a paragraph look like a block of another type.
_POSING = re.compile(r"(\d+(?=[.)] ))|(?:#{1,4}|[-+>|]|\[[ x]\])(?= |$)")
# What would end an address in angle brackets.
_BREAKS_OUT = re.compile(r"[\s<>]")
_USUAL_PLACES = ("rich_text", "caption", "title", "name", "expression")
UNSUPPORTED = "unsupported"
MEETING_NOTES = ("meeting_notes", "transcription")
_FENCES = re.compile("`{3,}")
# Longer than any address that Notion itself takes.
_MAX_URL = 2000


def read_block(raw: Json, depth: int, number: int | None = None) -> Block:
    """Read one block without its children.

    Args:
        raw: The API's object.
        depth: Nesting level as a reader sees it.
        number: A numbered item's place in its list, as `numbers` gives it.

    Raises:
        Incomplete: The object has no id, no type or no content.
    """
    kind, value = kind_of(raw), content(raw)
    known = TYPES.get(kind)
    if known is None:
        line, words = _unknown(kind, value)
    elif known.mark:
        mark = known.mark
        if kind == "numbered_list_item":
            mark = f"{ordinal(1 if number is None else number, value.get('list_format'))}."
        alone = known.is_list and bool(raw.get("has_children"))
        line, words = _marked(mark, value, alone=alone)
    else:
        line, words = known.read(value)
    editor = raw.get("last_edited_by") or {}
    last_edit = str(editor.get("id") or ""), str(raw.get("last_edited_time") or "")
    takes_comments = known is not None and known.commentable
    its_own = raw["id"] if kind == "child_page" else str(value.get("page_id") or "")
    pages = tuple(filter(None, (its_own, *linked_pages(value))))
    return Block(raw["id"], kind, depth, line, words, takes_comments, last_edit, pages)


def is_readable(kind: str) -> bool:
    """Tell whether the API gives blocks of this type in a form that is known here."""
    return kind in TYPES and TYPES[kind].is_readable


def is_flat(kind: str) -> bool:
    """Tell whether a reader does not see blocks of this type as a level of their own."""
    return kind in TYPES and TYPES[kind].is_flat


def kind_of(raw: Json) -> str:
    """Return a block's type; of the partial form `{object, id}` that it is not supported.

    Raises:
        Incomplete: there is none.
    """
    if isinstance(raw, dict) and isinstance(raw.get("id"), str):
        if _is_partial(raw):
            return UNSUPPORTED
        if isinstance(raw.get("type"), str):
            return str(raw["type"])
    raise Incomplete("Notion sent a block without id or type; the page is read again")


def _is_partial(raw: Json) -> bool:
    """Tell whether Notion says of a block only that it is there (notion-sdk-js#219)."""
    return raw.get("object") == "block" and raw.keys() <= {"object", "id", "request_id"}


def content(raw: Json) -> Json:
    """Return what a block holds under its type's name.

    Raises:
        Incomplete: there is none.
    """
    kind = kind_of(raw)
    value = {} if _is_partial(raw) else raw.get(kind)
    if not isinstance(value, dict):
        raise Incomplete(f"Notion sent a {kind} block without content; it is read again")
    return value


def noted(found: Block, note: str) -> Block:
    """Add a remark in brackets to what a block says."""
    line = f"{found.line} [{note}]" if found.line else f"[{note}]"
    return replace(found, line=line, plain=found.plain or note)


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
    encoded = _BREAKS_OUT.sub(lambda match: f"%{ord(match[0]):02X}", tidy(url))
    return f"<{encoded}>"


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
    icon = value.get("icon") or {}
    name = _one_line((icon.get("custom_emoji") or {}).get("name") or "")
    if shown := _one_line(icon.get("emoji") or "") or (f":{name}:" if name else ""):
        return f"{shown} {line}".rstrip(), words
    if not line.strip():
        return NOTHING
    if match := _POSING.match(line):
        # A backslash, after the number of a list item, keeps it from looking like another type.
        end = match.end(1) if match[1] else 0
        line = f"{line[:end]}\\{line[end:]}"
    return line, words


def _to_do(value: Json) -> Said:
    line, words = _rich(value)
    return f"[{'x' if value.get('checked') else ' '}] {line}".rstrip(), words


def _code(value: Json) -> Said:
    code = plain(_items(value, "rich_text"))
    caption, caption_words = _rich(value, "caption")
    if not code and not caption:
        return NOTHING
    fence = "`" * max(3, 1 + max(map(len, _FENCES.findall(code)), default=0))
    language = _one_line(value.get("language") or "")
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


def _unknown(kind: str, value: Json) -> Said:
    """Name a type that is not known here, with all text that it gives in the usual places."""
    found = [value[key] for key in _USUAL_PLACES if value.get(key)]
    found += value["cells"] if isinstance(value.get("cells"), list) else []
    named = _labelled("unsupported block", (kind, kind))
    lines, words = zip(named, *map(_words, found), strict=True)
    return " ".join(filter(None, lines)), " ".join(filter(None, words))


@dataclass(frozen=True, slots=True)
class BlockType:
    """What the program knows of a type of block.

    Attributes:
        read: Takes the block's content and gives its line and its plain text; default: no text.
        mark: The Markdown sign before the text; a numbered item's is its number.
        is_list: Whether the mark stands also without text, where other blocks lie below it.
        commentable: Whether Notion takes a comment on such a block. On a child page or database
            it would stand on another page.
        is_flat: Whether it is a container that a reader does not see as a level of its own.
        is_page: Whether it is a page or database of its own: named, never entered.
        is_readable: Whether the API gives its content.
    """

    read: Callable[[Json], Said] = lambda _: NOTHING
    mark: str = ""
    is_list: bool = False
    commentable: bool = True
    is_flat: bool = False
    is_page: bool = False
    is_readable: bool = True


# https://developers.notion.com/reference/block: every type that is known here, one row each.
TYPES: dict[str, BlockType] = {
    "audio": BlockType(_media("audio")),
    "bookmark": BlockType(_address("bookmark")),
    "breadcrumb": BlockType(commentable=False),
    "bulleted_list_item": BlockType(mark="-", is_list=True),
    "callout": BlockType(_paragraph),
    "child_database": BlockType(_titled("database"), commentable=False, is_page=True),
    "child_page": BlockType(_titled("page"), commentable=False, is_page=True),
    "code": BlockType(_code),
    "column": BlockType(commentable=False, is_flat=True),
    "column_list": BlockType(commentable=False, is_flat=True),
    "divider": BlockType(commentable=False),
    "embed": BlockType(_address("embed")),
    "equation": BlockType(_equation),
    "file": BlockType(_media("file")),
    "heading_1": BlockType(mark="#"),
    "heading_2": BlockType(mark="##"),
    "heading_3": BlockType(mark="###"),
    "heading_4": BlockType(mark="####"),
    "image": BlockType(_media("image")),
    "link_preview": BlockType(_address("link preview")),
    "link_to_page": BlockType(
        lambda value: _labelled(
            f"link to another {str(value.get('type') or 'page_id').removesuffix('_id')}", NOTHING
        ),
        is_page=True,
    ),
    "meeting_notes": BlockType(_titled("meeting notes")),
    "numbered_list_item": BlockType(mark="1.", is_list=True),
    "paragraph": BlockType(_paragraph),
    "pdf": BlockType(_media("pdf")),
    "quote": BlockType(mark=">"),
    "synced_block": BlockType(is_flat=True),
    "tab": BlockType(commentable=False, is_flat=True),
    "table": BlockType(is_flat=True),
    "table_of_contents": BlockType(commentable=False),
    "table_row": BlockType(_table_row),
    "template": BlockType(lambda value: _labelled("template button", _rich(value))),
    "to_do": BlockType(_to_do),
    "toggle": BlockType(mark="+", is_list=True),
    "transcription": BlockType(_titled("meeting notes")),
    UNSUPPORTED: BlockType(
        lambda value: _labelled(
            "unsupported block", (_one_line(value.get("block_type") or ""),) * 2
        ),
        commentable=False,
        is_readable=False,
    ),
    "video": BlockType(_media("video")),
}
