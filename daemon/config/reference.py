"""The documents that follow from the schema: the table of keys and the commented example."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

from pydantic.fields import FieldInfo

from daemon.config.limits import Section
from daemon.config.schema import Config, Database
from daemon.config.values import duration_text


PLACEHOLDER = "https://app.notion.com/p/00000000000000000000000000000000"
_COMMENT_COLUMN = 44
_BLOCKS = ("schedule", "limits", "notion", "alerts")
_HEAD = """\
# Only databases with an id is needed. Every value below is the default; a line behind # shows
# the form of a key that has none. Durations are 90s, 10m, 1h or 30d. Secrets do not belong
# here: set NOTION_TOKEN, ANTHROPIC_API_KEY and OPENAI_API_KEY in the environment, or name
# files that hold them with NOTION_TOKEN_FILE and so on.
"""


@dataclass(frozen=True, slots=True)
class Key:
    """One key: its dotted name, its default as YAML ("" for none), what it means, an example."""

    name: str
    default: str
    meaning: str
    example: str

    @property
    def leaf(self) -> str:
        """The last part of the name."""
        return self.name.rpartition(".")[2]


def reference() -> str:
    """Return the table of all keys in Markdown."""
    rows = ["| Key | Default | Meaning |", "|---|---|---|"]
    rows += [f"| `{key.name}` | {_cell(key)} | {key.meaning} |" for key in keys()]
    return "\n".join(rows) + "\n"


def _cell(key: Key) -> str:
    if key.name == "databases[].id":
        return "required"
    return f"`{key.default}`" if key.default else "none"


def keys() -> Iterator[Key]:
    """Yield every key of config.yaml in the order of the schema."""
    for name in Config.model_fields:
        yield from _under(name)


def _under(name: str) -> Iterator[Key]:
    """Yield the key `name` of the top level, or the keys of the section it is."""
    field = Config.model_fields[name]
    if name == "databases":
        yield from (_key(f"databases[].{leaf}", inner, inner.default) for leaf, inner in _entry())
    elif name in _BLOCKS:
        block: Section = field.default
        for leaf, inner in type(block).model_fields.items():
            yield _key(f"{name}.{leaf}", inner, getattr(block, leaf))
    else:
        yield _key(name, field, field.default)


def _entry() -> list[tuple[str, FieldInfo]]:
    """Return a database's keys, the one that is needed first."""
    return sorted(Database.model_fields.items(), key=lambda item: not item[1].is_required())


def _key(name: str, field: FieldInfo, default: Any) -> Key:
    default = "" if field.is_required() else _yaml(default)
    return Key(name, default, field.description or "", *(field.examples or [""]))


def _yaml(value: Any) -> str:
    if value in (None, (), {}):
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, timedelta):
        return duration_text(value)
    if isinstance(value, tuple):
        return f"[{', '.join(value)}]"
    return value.as_posix() if isinstance(value, Path) else str(value)


def example(
    database: str = PLACEHOLDER,
    prompt: str | None = None,
    state: str | None = None,
    models: str | None = None,
) -> str:
    """Return a commented config.yaml that reviews `database` under the page `prompt`.

    `models` stands there as YAML, as it is given.
    """
    given = {
        "databases[].id": _plain(database),
        "databases[].prompt": _plain(prompt or ""),
        "state": _plain(state or ""),
        "models": models or "",
    }
    lines: list[str] = []
    for name in Config.model_fields:
        inner = list(_under(name))
        if name == "databases" or name in _BLOCKS:
            lines.append(f"{name}:")
        for key in inner:
            lines += _lines(key, given.get(key.name, ""))
    return _HEAD + "\n".join(lines) + "\n"


def _plain(text: str) -> str:
    return text if re.fullmatch(r"[\w:/.?=&%#+-]*", text) else json.dumps(text)


def _lines(key: Key, value: str) -> list[str]:
    start = _start(key.name)
    value = value or ("" if key.example else key.default)
    text = f"{start}{key.leaf}: {value}" if value else f"{start}# {key.leaf}: {key.example}"
    if len(text) <= _COMMENT_COLUMN:
        return [f"{text:<{_COMMENT_COLUMN}}  # {key.meaning}"]
    # Too long to share its line: the words stand above it.
    return [f"{start.removesuffix('- ')}# {key.meaning}", text]


def _start(name: str) -> str:
    if name == "databases[].id":
        return "  - "
    return "    " if name.startswith("databases") else "  " * name.count(".")
