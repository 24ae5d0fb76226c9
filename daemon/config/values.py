"""Single values of config.yaml: read strictly, shown without giving a secret away."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import timedelta
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from pydantic import BeforeValidator, Field, ValidationInfo, WithJsonSchema

from daemon.domain.notation import database_id, notion_id
from daemon.domain.providers import OFFLINE, PROVIDERS
from daemon.domain.secrets import looks_secret


_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
_DURATION = re.compile(r"(\d{1,12}) ?([smhd])", re.ASCII)
_LONGEST = 3650 * _UNITS["d"]
_TRUE = {"true", "yes", "on"}
_BOOL_TAG = "tag:yaml.org,2002:bool"
_TEXT_TAG = "tag:yaml.org,2002:str"
_NULL_TAG = "tag:yaml.org,2002:null"
_SHOWN = 100
_VARIABLE = re.compile(r"\$(?:\{\w+\}|[A-Za-z_]\w*)")
_MOMENT = re.compile(r"((Mon|Tue|Wed|Thu|Fri|Sat|Sun) )?([01]\d|2[0-3]):[0-5]\d", re.ASCII)
_OWN_ADDRESS = re.compile(r"(?:127\.0\.0\.1|localhost):(\d{1,5})", re.ASCII)
_WHOLE = re.compile(r"\d[\d_]{0,17}", re.ASCII)
_DECIMAL = re.compile(r"\d[\d_]{0,17}(\.\d{1,12})?", re.ASCII)


@dataclass(frozen=True, slots=True)
class Scalar:
    """One value as it stands in the file: its text, and the type YAML gives it."""

    text: str
    tag: str
    quoted: bool

    @property
    def is_null(self) -> bool:
        """Whether nothing stands after the colon."""
        return self.tag == _NULL_TAG

    @property
    def is_bare(self) -> bool:
        """Whether YAML takes it for something else than text, such as a number."""
        return not self.quoted and self.tag != _TEXT_TAG


def shown(value: Any) -> str:
    """Return `value` as a message may show it: short, on one line, never a secret."""
    if isinstance(value, list | tuple):
        return "a list"
    if isinstance(value, dict):
        return "a section"
    text = value.text if isinstance(value, Scalar) else str(value)
    if looks_secret(text):
        return "(hidden)"
    bare = not isinstance(value, str) if not isinstance(value, Scalar) else value.is_bare
    return one_line(text) if bare else f'"{one_line(text)}"'


def one_line(text: str) -> str:
    """Return `text` without line breaks and control characters, and not too long."""
    line = "".join(char if char.isprintable() else " " for char in " ".join(text.split()))
    return f"{line[:_SHOWN]}…" if len(line) > _SHOWN else line


def _present(value: Scalar) -> Scalar:
    if value.is_null:
        raise ValueError("has no value; give one or delete the line")
    return value


def as_text(value: Any) -> Any:
    """Return the text as it was typed: a name such as `No` or `2026` needs no quotes."""
    if isinstance(value, Scalar):
        value = _present(value).text.strip()
    if not isinstance(value, str):
        raise ValueError(f"is {shown(value)}, not one value; write a text")  # noqa: TRY004 (pydantic reads ValueError)
    if not value:
        raise ValueError("is empty; give a value or delete the line")
    return value


def as_flag(value: Any) -> Any:
    """Return a YAML boolean; nothing that only looks like one."""
    if isinstance(value, bool):
        return value
    if isinstance(value, Scalar) and _present(value).tag == _BOOL_TAG:
        return value.text.lower() in _TRUE
    raise ValueError(f"{shown(value)} is not a switch; write true or false, without quotes")


def as_duration(value: Any) -> Any:
    """Return `90s`, `10m`, `1h` or `30d` as a timedelta."""
    if isinstance(value, timedelta):
        return value
    match = _DURATION.fullmatch(as_text(value))
    if match is None:
        raise ValueError(f"{shown(value)} is not a duration; write it as 90s, 10m, 1h or 30d")
    seconds = int(match[1]) * _UNITS[match[2]]
    if seconds > _LONGEST:
        raise ValueError(f"{shown(value)} is too long; ten years (3650d) is the most")
    return timedelta(seconds=seconds)


def as_interval(value: Any) -> Any:
    """Return a duration of a minute or more."""
    interval = as_duration(value)
    if interval < timedelta(minutes=1):
        raise ValueError(f"{shown(value)} is too short; 1m is the least")
    return interval


def as_retention(value: Any) -> Any:
    """Return a duration; a bare 0 stands for none."""
    if isinstance(value, Scalar) and not value.quoted and value.text == "0":
        return timedelta(0)
    return as_duration(value)


def duration_text(value: timedelta) -> str:
    """Return a timedelta as the config writes it, in the largest unit that is exact."""
    seconds = int(value.total_seconds())
    for unit in ("d", "h", "m"):
        if seconds and seconds % _UNITS[unit] == 0:
            return f"{seconds // _UNITS[unit]}{unit}"
    return f"{seconds}s"


def whole(low: int, high: int) -> BeforeValidator:
    """Return the check for a whole number from `low` to `high`."""
    return _within(int, low, high, "a whole number")


def amount(low: float) -> BeforeValidator:
    """Return the check for a number of US dollars from `low` to a million."""
    return _within(float, low, 1_000_000, "US dollars")


def share() -> BeforeValidator:
    """Return the check for a share, from 0 to 1."""
    return _within(float, 0, 1, "a share")


def _within(kind: type[int | float], low: float, high: int, form: str) -> BeforeValidator:
    def check(value: Any) -> Any:
        number = _number(value, _WHOLE if kind is int else _DECIMAL)
        if number is None or (kind is int and number % 1) or not low <= number <= high:
            raise ValueError(f"{shown(value)} does not fit; write {form} from {low} to {high}")
        return kind(number)

    return BeforeValidator(check, json_schema_input_type=Annotated[kind, Field(ge=low, le=high)])


def _number(value: Any, form: re.Pattern[str]) -> float | None:
    """Return a number that is written in digits; quotes, octals and exponents are none."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        return value
    if isinstance(value, Scalar) and not _present(value).quoted and form.fullmatch(value.text):
        return float(value.text)
    return None


def as_page(value: Any) -> Any:
    """Return the dashed id of a page given as id or URL."""
    return read_with(notion_id, value)


def as_database(value: Any) -> Any:
    """Return the dashed id of a database or data source given as id or URL."""
    return read_with(database_id, value)


def read_with(read: Callable[[str], str], value: Any) -> str:
    """Return what `read` makes of a text; its error is put after the value."""
    text = as_text(value)
    try:
        return read(text)
    except ValueError as error:
        raise ValueError(f"{shown(value)} {error}") from None


def as_model(value: Any) -> Any:
    """Return a model's name: `anthropic:…`, `openai:…` or `offline`."""
    text = as_text(value)
    provider, colon, name = text.partition(":")
    if text == OFFLINE or (provider in PROVIDERS and re.fullmatch(r"\S+", name)):
        return text
    raise ValueError(f"{shown(value)} is not a model; {_model_remedy(provider, colon, name)}")


def _model_remedy(provider: str, colon: str, name: str) -> str:
    if not colon:
        if get_close_matches(provider, [OFFLINE], 1):
            return "did you mean offline?"
        for row in PROVIDERS.values():
            if provider.startswith(row.families):
                return f"did you mean {row.name}:{provider}?"
    elif name and (close := get_close_matches(provider.lower(), PROVIDERS, 1)):
        return f"did you mean {close[0]}:{name}?"
    forms = ", ".join(f"{name}:NAME" for name in PROVIDERS)
    return f"write {forms} or {OFFLINE}"


def as_url(value: Any) -> Any:
    """Return an http(s) URL; never shown, since hooks carry their secret in the path."""
    return web_url(as_text(value))


def web_url(text: str) -> str:
    """Return `text` where it is an http(s) URL with a host and no password in it.

    Raises:
        ValueError: Says what is wrong, without the value.
    """
    try:
        parts = urlsplit(text)
        _ = parts.port
    except ValueError:
        raise ValueError("is not a URL that can be read; write it as https://host/path") from None
    if parts.scheme not in {"http", "https"} or not parts.hostname or re.search(r"\s", text):
        raise ValueError("is not an http(s) URL; write it as https://host/path")
    if parts.username is not None or parts.password is not None:
        raise ValueError("carries a user name or password; take it out of the URL")
    return text


def as_file(value: Any, info: ValidationInfo) -> Any:
    """Read a path: `~` is the home, and others start at the folder of the file."""
    path = value
    if not isinstance(value, Path):
        text = as_text(value)
        if "\0" in text:
            raise ValueError("holds a zero byte; write a path")
        if variable := _VARIABLE.search(text):
            raise ValueError(
                f"{shown(text)} holds {variable[0]}, which is not replaced here; write the path "
                "in full, or ~/ for the home folder"
            )
        try:
            path = Path(text).expanduser()
        except RuntimeError:
            raise ValueError(f"{shown(text)} names a home folder that is unknown here") from None
    folder = (info.context or {}).get("folder")
    return folder / path if folder else path


def as_moment(value: Any) -> Any:
    """Return a time of day, or of the week, as `09:00` or `Mon 09:00`."""
    text = " ".join(as_text(value).split()).title()
    if _MOMENT.fullmatch(text) is None:
        raise ValueError(f"{shown(value)} is no time of a day or week; write 09:00 or Mon 09:00")
    return text


def as_own_address(value: Any) -> Any:
    """Return the address of a port of this machine alone, as `127.0.0.1:PORT`."""
    text = as_text(value)
    match = _OWN_ADDRESS.fullmatch(text)
    if match and 0 < int(match[1]) < 1 << 16:
        return f"127.0.0.1:{int(match[1])}"
    raise ValueError(
        f"{shown(value)} is no port of this machine alone; write 127.0.0.1:8100, and let your "
        "proxy pass events on to it"
    )


@dataclass(frozen=True, slots=True)
class Condition:
    """What a property must say: one of `any_of`, none of `none_of`, something like a pattern.

    What is empty asks for nothing. In a pattern `*` stands for any characters and `?` for one;
    capitals do not matter there.
    """

    any_of: tuple[str, ...] = ()
    none_of: tuple[str, ...] = ()
    patterns: tuple[str, ...] = ()

    @property
    def words(self) -> tuple[str, ...]:
        """The values that it names."""
        return (*self.any_of, *self.none_of)

    def holds(self, said: Collection[str]) -> bool:
        """Tell whether what a property says meets it."""
        forms = [
            re.escape(one).replace(r"\*", ".*").replace(r"\?", ".").casefold()
            for one in self.patterns
        ]
        likes = [re.fullmatch(form, one.casefold(), re.DOTALL) for form in forms for one in said]
        return (
            (not self.any_of or not set(self.any_of).isdisjoint(said))
            and set(self.none_of).isdisjoint(said)
            and (not forms or any(likes))
        )


_CONDITION_KEYS = {"is": "any_of", "not": "none_of", "pattern": "patterns"}
_CONDITION_FORMS = 'write [one, two], {not: [one, two]} or {pattern: "RFC*"}'


def as_condition(value: Any) -> Any:
    """Return what a property must say: values, or a section with `is`, `not` or `pattern`."""
    if isinstance(value, Condition):
        return value
    if not isinstance(value, dict):
        return Condition(_texts(value))
    if unknown := [key for key in value if key not in _CONDITION_KEYS]:
        raise ValueError(f"{one_line(', '.join(unknown))} is unknown here; {_CONDITION_FORMS}")
    if not value:
        raise ValueError(f"is empty; {_CONDITION_FORMS}")
    found = {}
    for key, given in value.items():
        try:
            found[_CONDITION_KEYS[key]] = _texts(given)
        except ValueError as error:
            raise ValueError(f"{key} {error}") from None
    return Condition(**found)


def _texts(value: Any) -> tuple[str, ...]:
    """Return one text or a list of them."""
    if not isinstance(value, list | tuple):
        return (as_text(value),)
    if not value:
        raise ValueError("is empty; list at least one")
    return tuple(as_text(one) for one in value)


def as_zone(value: Any) -> Any:
    """Return the name of a known time zone."""
    text = as_text(value)
    try:
        ZoneInfo(text)
    except (OSError, ValueError, LookupError):
        message = f"{shown(value)} is not a time zone; write one such as Europe/Berlin or UTC"
        raise ValueError(message) from None
    return text


# What editors are told of a value, for the JSON schema of config.yaml.
_SCALAR = {"type": ["string", "number", "boolean"]}
_FORM = {"type": "string", "pattern": rf"^{_DURATION.pattern}$"}
_TEXTS = {"anyOf": [_SCALAR, {"type": "array", "items": _SCALAR, "minItems": 1}]}
_SAYS = {"type": "object", "properties": dict.fromkeys(_CONDITION_KEYS, _TEXTS), "minProperties": 1}
_MODEL = rf"^({'|'.join(PROVIDERS)}):\S+$|^{OFFLINE}$"

Text = Annotated[str, BeforeValidator(as_text), WithJsonSchema(_SCALAR)]
Flag = Annotated[bool, BeforeValidator(as_flag)]
Duration = Annotated[timedelta, BeforeValidator(as_duration), WithJsonSchema(_FORM)]
Retention = Annotated[
    timedelta, BeforeValidator(as_retention), WithJsonSchema({"anyOf": [_FORM, {"const": 0}]})
]
Interval = Annotated[timedelta, BeforeValidator(as_interval), WithJsonSchema(_FORM)]
PageId = Annotated[str, BeforeValidator(as_page)]
DatabaseId = Annotated[str, BeforeValidator(as_database)]
ModelName = Annotated[
    str, BeforeValidator(as_model), WithJsonSchema({"type": "string", "pattern": _MODEL})
]
Url = Annotated[str, BeforeValidator(as_url), WithJsonSchema({"type": "string", "format": "uri"})]
FilePath = Annotated[Path, BeforeValidator(as_file)]
OwnAddress = Annotated[str, BeforeValidator(as_own_address)]
Where = Mapping[
    Text,
    Annotated[
        Condition,
        BeforeValidator(as_condition),
        WithJsonSchema({"anyOf": [*_TEXTS["anyOf"], {**_SAYS, "additionalProperties": False}]}),
    ],
]
Zone = Annotated[str, BeforeValidator(as_zone)]
Moment = Annotated[str, BeforeValidator(as_moment)]
