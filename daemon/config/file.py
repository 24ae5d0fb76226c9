"""config.yaml as a tree that knows its lines, and the mistakes in it."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import yaml

from daemon.config.values import Scalar, one_line, shown
from daemon.domain.errors import ConfigError
from daemon.domain.providers import PROVIDERS
from daemon.domain.secrets import looks_secret


Place = tuple[str | int, ...]

_SECRET_KEY = re.compile(r"(token|secret|password|passwd|passphrase|key|credential)s?$")


# The variable that a secret belongs into, by a word in the key under which it stands.
_VARIABLES = {
    **{
        word: provider.key_variable
        for provider in PROVIDERS.values()
        for word in (provider.name, provider.families[0])
    },
    "notion": "NOTION_TOKEN",
    "token": "NOTION_TOKEN",
}


@dataclass(frozen=True, slots=True)
class Mistake:
    """One mistake: its place, what is wrong and what to do; `line` if it is not the place's."""

    place: Place
    text: str
    line: int | None = None


@dataclass(frozen=True, slots=True)
class Tree:
    """A parsed file: mappings, lists and `Scalar` leaves, with the line of every place."""

    path: Path
    data: dict[str, Any]
    lines: Mapping[Place, int]
    mistakes: Sequence[Mistake]

    def messages(self, mistakes: Sequence[Mistake]) -> list[str]:
        """Return one line for each mistake, in the order of the file."""
        found: list[tuple[int, Mistake]] = []
        for mistake in mistakes:
            # A place that is missing has the line of the nearest one around it.
            around = (mistake.place[:end] for end in range(len(mistake.place), 0, -1))
            known = (self.lines[place] for place in around if place in self.lines)
            found.append((mistake.line or next(known, 0), mistake))
        texts = []
        for line, mistake in sorted(found, key=lambda pair: pair[0]):
            where = f"{self.path}:{line}" if line else str(self.path)
            texts.append(": ".join(filter(None, (where, dotted(mistake.place), mistake.text))))
        return texts


def dotted(place: Place) -> str:
    """Return a place as a person would type it: `databases[0].settle`."""
    words = (f"[{part}]" if isinstance(part, int) else f".{one_line(part)}" for part in place)
    return "".join(words).removeprefix(".")


def read(path: Path) -> Tree:
    """Read a file into a tree.

    Raises:
        ConfigError: The file cannot be read, or is no YAML that stands for a mapping.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        raise ConfigError(f"{path}: is not UTF-8; save it as UTF-8 text") from None
    except OSError as error:
        reason = (error.strerror or "unreadable").lower()
        raise ConfigError(f"{path}: cannot be read ({reason}); mend it or name another") from None
    return parsed(text, path)


def parsed(text: str, path: Path) -> Tree:
    """Turn a text into a tree; `path` names it in messages.

    Raises:
        ConfigError: It is no YAML that stands for a mapping.
    """
    try:
        root = yaml.compose(text, Loader=_Loader)
    except RecursionError:
        raise ConfigError(f"{path}: is nested too deeply; a config has three levels") from None
    except yaml.YAMLError as error:
        raise ConfigError(_broken(path, error)) from None
    if root is None:
        raise ConfigError(f"{path}: is empty; notion-review init writes one to start from")
    if not isinstance(root, yaml.MappingNode):
        raise ConfigError(f"{path}:1: is not a mapping of keys; start with databases:")
    walk = _Walk()
    return Tree(path, walk.mapping(root, ()), walk.lines, walk.mistakes)


class _Loader(yaml.SafeLoader):
    """Knows no aliases: a config needs none, and they can nest without end."""

    def compose_node(self, parent: Any, index: Any) -> Any:
        if self.check_event(yaml.AliasEvent):
            event: Any = self.peek_event()  # type: ignore[no-untyped-call]
            problem = "aliases (*name) are not read"
            raise yaml.MarkedYAMLError(problem=problem, problem_mark=event.start_mark)
        return super().compose_node(parent, index)


# By words of the problem; the last fits every problem.
_YAML_REMEDIES = {
    "mapping values": "put a value that holds a colon in quotes, and mind the indentation",
    "cannot start any token": (
        "indent with spaces, and put a value that begins with a sign in quotes"
    ),
    "alias": "write the value out, or put it in quotes",
    "": "check indentation, brackets and quotes just before this place",
}


def _broken(path: Path, error: yaml.YAMLError) -> str:
    mark = getattr(error, "problem_mark", None)
    where = f"{path}:{mark.line + 1}:{mark.column + 1}" if mark else str(path)
    problem = str(getattr(error, "problem", None) or "a character that YAML does not allow")
    if problem.startswith("but"):
        problem = f"{getattr(error, 'context', '')}, {problem}"
    # Quoted words may be a secret from the file; one character or a <kind> cannot be one.
    problem = re.sub(r"'(?!<|\\.')[^']{2,}'", "(hidden)", one_line(problem))
    remedies = (remedy for words, remedy in _YAML_REMEDIES.items() if words in problem)
    return f"{where}: is broken YAML: {problem}; {next(remedies)}"


@dataclass(slots=True)
class _Walk:
    """Turns nodes into data, and collects lines and mistakes on the way."""

    lines: dict[Place, int] = field(default_factory=dict)
    mistakes: list[Mistake] = field(default_factory=list)

    def value(self, node: yaml.Node, place: Place) -> Any:
        if isinstance(node, yaml.MappingNode):
            return self.mapping(node, place)
        if isinstance(node, yaml.SequenceNode):
            return [self.item(child, (*place, i)) for i, child in enumerate(node.value)]
        return Scalar(node.value, node.tag, quoted=getattr(node, "style", None) is not None)

    def item(self, node: yaml.Node, place: Place) -> Any:
        self.lines[place] = node.start_mark.line + 1
        return self.value(node, place)

    def mapping(self, node: yaml.MappingNode, place: Place) -> dict[str, Any]:
        data: dict[str, Any] = {}
        for key, child in node.value:
            self.entry(data, key, child, place)
        return data

    def entry(self, data: dict[str, Any], key: yaml.Node, child: yaml.Node, place: Place) -> None:
        line = key.start_mark.line + 1
        if not isinstance(key, yaml.ScalarNode):
            self.mistakes.append(Mistake(place, "a key is not a text; put it in quotes", line))
            return
        name = "(hidden)" if looks_secret(key.value) else key.value
        inner = (*place, name)
        if name in data:
            text = f"stands here again, first in line {self.lines[inner]}; keep one"
            self.mistakes.append(Mistake(inner, text, line))
            return
        self.lines[inner] = line
        data[name] = self.value(child, inner)


def secrets_in(data: Any, place: Place = ()) -> Iterator[Mistake]:
    """Yield a mistake for every value that looks like a key or a password."""
    if isinstance(data, Scalar):
        if looks_secret(data.text):
            yield Mistake(place, _secret_text(str(place[-1])))
        return
    for part, child in data.items() if isinstance(data, dict) else enumerate(data):
        yield from secrets_in(child, (*place, part))


def unknown_key(place: Place, value: Any, sections: Mapping[str, Collection[str]]) -> Mistake:
    """Return what to say about a key that does not exist, without its value.

    Args:
        place: The key's place.
        value: What stands there; only asked whether it is a text.
        sections: The keys of each section, those of the top level under "".
    """
    name = str(place[-1])
    within = [str(part) for part in reversed(place[:-1]) if str(part) in sections]
    known = sections.get(within[0] if within else "", ()) if within or len(place) == 1 else ()
    plain = name.lower().replace("-", "_")
    if _SECRET_KEY.search(plain) and not (isinstance(value, Scalar) and value.text.isdigit()):
        return Mistake(place, _secret_text(plain))
    for section, keys in sections.items():
        if plain in keys and keys is not known:
            home = f"under {section}" if section else "at the top level"
            return Mistake(place, f"unknown key here; {plain} belongs {home}")
    if close := get_close_matches(plain, known, 1, 0.65):
        return Mistake(place, f"unknown key; did you mean {close[0]}?")
    return Mistake(place, f"unknown key; known here: {', '.join(sorted(known))}")


def _secret_text(key: str) -> str:
    keys = " or ".join(provider.key_variable for provider in PROVIDERS.values())
    variable = next(
        (name for word, name in _VARIABLES.items() if word in key.lower()),
        f"NOTION_TOKEN, {keys}",
    )
    return (
        "a secret has no place in this file; take it out and set it in the environment as "
        f"{variable}, or with _FILE after the name to read it from a file"
    )


def mistakes_of(
    errors: Sequence[Mapping[str, Any]], sections: Mapping[str, Collection[str]]
) -> Iterator[Mistake]:
    """Yield a mistake for each error of pydantic's `ValidationError.errors()`."""
    for error in errors:
        place = tuple(part for part in error["loc"] if part != "[key]")
        kind = error["type"]
        if kind == "extra_forbidden":
            yield unknown_key(place, error["input"], sections)
        elif kind == "value_error":
            yield Mistake(place, str(error["ctx"]["error"]))
        else:
            yield Mistake(
                place, _kind_text(kind, error["input"], in_list=isinstance(place[-1], int))
            )


def _kind_text(kind: str, value: Any, *, in_list: bool) -> str:
    if isinstance(value, Scalar) and value.is_null:
        return "has no value; give one or delete the line"
    if kind == "missing":
        return "is missing; add it"
    if kind == "tuple_type":
        return f"{shown(value)} is not a list; begin each entry with a dash, or write [one, two]"
    if kind in {"dict_type", "mapping_type", "model_type", "model_attributes_type"}:
        form = "write it as - key: value" if in_list else "put its keys below it, indented"
        return f"{shown(value)} is not a section; {form}"
    return f"{shown(value)} cannot be read; see the commented config.yaml for the form"
