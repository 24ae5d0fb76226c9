"""What follows from the schema: the table of keys, the commented example, the form for editors."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import yaml
from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core.core_schema import WithDefaultSchema

from daemon.config import file
from daemon.config.environment import (
    NOTION_BASE_URL,
    NOTION_TOKEN,
    OPENAI_MODEL,
    PING_URL,
    Environment,
)
from daemon.config.file import Tree
from daemon.config.limits import Section
from daemon.config.schema import Config, Database
from daemon.config.values import Condition, duration_text
from daemon.domain.providers import PROVIDERS
from daemon.domain.secrets import looks_secret


PLACEHOLDER = "https://app.notion.com/p/00000000000000000000000000000000"
_COMMENT_COLUMN = 44
_BLOCKS = ("schedule", "effort", "limits", "notion", "alerts", "events", "digest")
_KEYS = " and ".join(provider.key_variable for provider in PROVIDERS.values())
SCHEMA = Path(__file__).with_name("schema.json")
_HEAD = f"""\
# Only databases with an id is needed. Every value below is the default; a line behind # shows
# the form of a key that has none. Durations are 90s, 10m, 1h or 30d. Secrets do not belong
# here: set NOTION_TOKEN, {_KEYS} in the environment, or name
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


class _ForEditors(GenerateJsonSchema):
    """Describes the file, not what it is read into: durations are texts, None is an absent key."""

    def default_schema(self, schema: WithDefaultSchema) -> JsonSchemaValue:
        default = schema.get("default")
        if default is not None and not isinstance(default, Section):
            return super().default_schema(schema)
        found = self.generate_inner(schema["schema"])
        if default is not None:
            return found
        forms = [one for one in found.get("anyOf", [found]) if one != {"type": "null"}]
        return forms[0] if len(forms) == 1 else {"anyOf": forms}

    def encode_default(self, dft: Any) -> Any:
        if isinstance(dft, timedelta):
            return duration_text(dft)
        if isinstance(dft, Mapping):
            return {word: list(one.any_of) for word, one in dft.items()}
        return dft.as_posix() if isinstance(dft, Path) else super().encode_default(dft)

    def field_title_should_be_set(self, schema: Any) -> bool:  # noqa: ARG002 - the names stand there
        return False


def json_schema() -> str:
    """Return the JSON schema of config.yaml, for editors; `check` is stricter.

    https://json-schema.org/draft/2020-12
    """
    found = Config.model_json_schema(schema_generator=_ForEditors)

    def read(part: Any) -> None:
        """Make YAML values of the examples, which are texts."""
        for one in part.values() if isinstance(part, dict) else part:
            if isinstance(one, dict | list):
                read(one)
        if isinstance(part, dict) and isinstance(part.get("examples"), list):
            part["examples"] = [yaml.safe_load(one) for one in part["examples"]]

    read(found)
    return json.dumps(found | {"$schema": _ForEditors.schema_dialect}, indent=1) + "\n"


def reference() -> str:
    """Return the table of all keys in Markdown."""
    rows = ["| Key | Default | Meaning |", "|---|---|---|"]
    for key in keys():
        default = "required" if key.name == "databases[].id" else "none"
        default = f"`{key.default}`" if key.default else default
        rows.append(f"| `{key.name}` | {default} | {key.meaning} |")
    return "\n".join(rows) + "\n"


def keys() -> Iterator[Key]:
    """Yield every key of config.yaml in the order of the schema."""
    for name in Config.model_fields:
        yield from _under(name)


def _under(name: str) -> Iterator[Key]:
    """Yield the key `name` of the top level, or the keys of the section it is."""
    field = Config.model_fields[name]
    if name == "databases":
        needed_first = sorted(Database.model_fields, key=lambda leaf: leaf != "id")
        for leaf in needed_first:
            inner = Database.model_fields[leaf]
            yield _key(f"databases[].{leaf}", inner, inner.default)
    elif name in _BLOCKS:
        block: Section = field.default
        for leaf, inner in type(block).model_fields.items():
            yield _key(f"{name}.{leaf}", inner, getattr(block, leaf))
    else:
        yield _key(name, field, field.default)


def _key(name: str, field: FieldInfo, default: Any) -> Key:
    text = "" if field.is_required() else _text(default)
    return Key(name, text, field.description or "", *(field.examples or [""]))


def _text(value: Any) -> str:
    """Return a value as YAML, "" for none."""
    if value in (None, (), {}):
        return ""
    if isinstance(value, Condition):
        parts = {"is": value.any_of, "not": value.none_of, "pattern": value.patterns}
        asked = {name: part for name, part in parts.items() if part}
        value = value.any_of if [*asked] == ["is"] else asked
    match value:
        case bool():
            return str(value).lower()
        case timedelta():
            return duration_text(value)
        case Mapping():
            said = (f"{word}: {_text(one)}" for word, one in value.items())
            return f"{{{', '.join(said)}}}"
        case tuple():
            return f"[{', '.join(map(_text, value))}]"
        case _:
            return value.as_posix() if isinstance(value, Path) else str(value)


@dataclass(frozen=True, slots=True)
class Setting:
    """What a key or a variable is set to, in words, and where that comes from."""

    key: str
    value: str
    origin: str


def effective(config: Config, tree: Tree) -> Iterator[Setting]:
    """Yield every key with its value, and the line or `default` that it comes from.

    Args:
        config: What `tree` was read into.
        tree: The file. An address for alerts is shown without its path, which may be a secret.
    """

    def walk(section: BaseModel, place: tuple[str | int, ...]) -> Iterator[Setting]:
        for name in type(section).model_fields:
            value, at = getattr(section, name), (*place, name)
            if isinstance(value, BaseModel):
                yield from walk(value, at)
            elif at == ("databases",):
                for index, one in enumerate(value):
                    yield from walk(one, (*at, index))
            else:
                text = _text(value) or "none"
                if at == ("alerts", "url") and value:
                    text = f"{urlsplit(text).scheme}://{urlsplit(text).netloc}/…"
                line = tree.lines.get(at)
                origin = f"{tree.path.name}:{line}" if line else "default"
                yield Setting(file.dotted(at), text, origin)

    yield from walk(config, ())


def surroundings(around: Environment) -> Iterator[Setting]:
    """Yield every variable that names a secret or an address; a secret is only said to be set."""
    held = {
        NOTION_TOKEN: bool(around.secrets.notion),
        PING_URL: bool(around.secrets.ping),
        NOTION_BASE_URL: around.addresses.notion,
    }
    for name, provider in PROVIDERS.items():
        held[provider.key_variable] = name in around.secrets.keys
        held[provider.url_variable] = around.addresses.urls.get(name)
    for variable, place in around.secrets.places.items():
        value = held[variable]
        is_shown = isinstance(value, str) and not looks_secret(value)
        shown = (str(value) if is_shown else "set") if value else "not set"
        origin = "environment" if place.name == variable else place.name
        yield Setting(variable, shown, origin)
    yield Setting(OPENAI_MODEL, around.openai_model or "not set", "environment")


def example(
    database: str = PLACEHOLDER,
    prompt: str | None = None,
    state: str | None = None,
    models: Sequence[str] = (),
    seconds_per_review: int | None = None,
    schema: str = "daemon/config/schema.json",
) -> str:
    """Return a commented config.yaml that reviews `database` under the page `prompt`.

    What is not given has its default. Editors read `schema`, a path from the file's folder:
    https://github.com/redhat-developer/yaml-language-server#using-inlined-schema
    """
    given = {
        "databases[].id": _plain(database),
        "databases[].prompt": _plain(prompt or ""),
        "state": _plain(state or ""),
        "models": f"[{', '.join(map(_plain, models))}]" if models else "",
        "limits.seconds_per_review": str(seconds_per_review or ""),
    }
    lines: list[str] = []
    for name in Config.model_fields:
        inner = list(_under(name))
        if name == "databases" or name in _BLOCKS:
            lines.append(f"{name}:")
        for key in inner:
            lines += _lines(key, given.get(key.name, ""))
    head = f"# yaml-language-server: $schema={schema}\n{_HEAD}"
    return head + "\n".join(lines) + "\n"


def _plain(text: str) -> str:
    return text if re.fullmatch(r"[\w:/.?=&%#+-]*", text) else json.dumps(text)


def _lines(key: Key, value: str) -> list[str]:
    start = "    " if key.name.startswith("databases") else "  " * key.name.count(".")
    if key.name == "databases[].id":
        start = "  - "
    value = value or ("" if key.example else key.default)
    text = f"{start}{key.leaf}: {value}" if value else f"{start}# {key.leaf}: {key.example}"
    if len(text) <= _COMMENT_COLUMN:
        return [f"{text:<{_COMMENT_COLUMN}}  # {key.meaning}"]
    # Where the line is too long for the comment, the comment is above it.
    return [f"{start.removesuffix('- ')}# {key.meaning}", text]
