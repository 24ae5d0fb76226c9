"""Secrets and addresses out of the environment; nothing else reads them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from daemon.config.values import web_url
from daemon.domain.secrets import looks_secret


KEYS = {"anthropic": "ANTHROPIC_API_KEY", "openai": "OPENAI_API_KEY"}
NOTION_TOKEN = "NOTION_TOKEN"  # noqa: S105 (a variable's name)
OPENAI_MODEL = "OPENAI_MODEL"
PING_URL = "PING_URL"
_SECRETS = (NOTION_TOKEN, *KEYS.values(), PING_URL)
_NOTION = "NOTION_BASE_URL"
_ADDRESSES = (_NOTION, "ANTHROPIC_BASE_URL", "OPENAI_BASE_URL")


@dataclass(frozen=True, slots=True)
class Secrets:
    """The keys; none of them shows in a repr. A model's key is None where it is absent.

    `ping` is the URL that hears of every sweep: whoever knows it can pretend to be well.
    """

    notion: str = field(repr=False)
    anthropic: str | None = field(default=None, repr=False)
    openai: str | None = field(default=None, repr=False)
    ping: str | None = field(default=None, repr=False)

    @property
    def values(self) -> tuple[str, ...]:
        """Every secret there is, for those who search outputs for them."""
        every = (self.notion, self.anthropic, self.openai, self.ping)
        return tuple(key for key in every if key)


@dataclass(frozen=True, slots=True)
class Addresses:
    """Base URLs without a trailing slash; None means the vendor's own host."""

    notion: str | None = None
    anthropic: str | None = None
    openai: str | None = None


@dataclass(frozen=True, slots=True)
class Environment:
    """What the environment says. `problems` and `notes` hold one line each, without secrets.

    `given` names the providers with a key, also with one that could not be read. `runtime` is the
    folder that systemd made for what a running service shows.
    """

    secrets: Secrets
    addresses: Addresses
    openai_model: str | None
    given: frozenset[str]
    problems: tuple[str, ...]
    notes: tuple[str, ...]
    runtime: Path | None = None


def read(env: Mapping[str, str]) -> Environment:
    """Read secrets and addresses; every mistake ends in `problems`."""
    problems: list[str] = []
    env = _with_credentials(env)
    token, anthropic, openai, ping = (_secret(env, name, problems) for name in _SECRETS)
    if not _is_set(env, NOTION_TOKEN):
        problems.append(
            "NOTION_TOKEN: is not set; set it to the connection's token, "
            "or NOTION_TOKEN_FILE to a file that holds it"
        )
    return Environment(
        secrets=Secrets(token or "", anthropic, openai, _ping(ping, problems)),
        addresses=Addresses(*(_address(env, name, problems) for name in _ADDRESSES)),
        openai_model=_model(env, problems),
        given=frozenset(provider for provider, name in KEYS.items() if _is_set(env, name)),
        problems=tuple(problems),
        notes=tuple(_doubles(env)),
        runtime=_runtime(env),
    )


def _with_credentials(env: Mapping[str, str]) -> Mapping[str, str]:
    """Add what systemd passed as credentials, such as `anthropic-api-key`; a blank one is none.

    https://www.freedesktop.org/software/systemd/man/systemd.exec.html#LoadCredential=
    """
    folder = _given(env, "CREDENTIALS_DIRECTORY")
    if folder is None:
        return env
    added = {}
    for name in _SECRETS:
        file = Path(folder) / name.lower().replace("_", "-")
        if not _is_set(env, name) and _holds_something(file):
            added[f"{name}_FILE"] = str(file)
    return {**env, **added}


def _holds_something(file: Path) -> bool:
    try:
        return bool(file.read_bytes().strip())
    except FileNotFoundError:
        return False
    except OSError:
        return True  # reading it tells the reason


def _ping(url: str | None, problems: list[str]) -> str | None:
    try:
        return url and web_url(url)
    except ValueError:
        problems.append(f"{PING_URL}: is no URL; set it to one that begins with https://")
        return None


def _runtime(env: Mapping[str, str]) -> Path | None:
    first = (_given(env, "RUNTIME_DIRECTORY") or "").partition(":")[0]
    return Path(first) if first else None


def _doubles(env: Mapping[str, str]) -> Iterator[str]:
    for name in _SECRETS:
        if _given(env, name) and _given(env, f"{name}_FILE"):
            yield f"{name} and {name}_FILE are both set: {name} is used"


def _is_set(env: Mapping[str, str], name: str) -> bool:
    return bool(_given(env, name) or _given(env, f"{name}_FILE"))


def _given(env: Mapping[str, str], name: str) -> str | None:
    return env.get(name, "").strip() or None


def _secret(env: Mapping[str, str], name: str, problems: list[str]) -> str | None:
    if value := _given(env, name):
        source = name
    elif place := _given(env, f"{name}_FILE"):
        source = f"{name}_FILE"
        value = _from_file(source, place, problems)
    if value and not (value.isascii() and value.isprintable() and " " not in value):
        problems.append(f"{source}: holds characters that no key has; copy the key again")
        return None
    return value


def _from_file(variable: str, place: str, problems: list[str]) -> str | None:
    file = _file_shown(place)
    try:
        value = Path(place).read_text(encoding="utf-8-sig").strip()
    except UnicodeDecodeError:
        problems.append(f"{variable}: {file} is not text; write the key into it, nothing else")
    except OSError as error:
        reason = (error.strerror or "unreadable").lower()
        problems.append(
            f"{variable}: {file} cannot be read ({reason}); mend the path or its rights"
        )
    except ValueError:
        problems.append(f"{variable}: {file} is not a path; name the file that holds the key")
    else:
        if value:
            return value
        problems.append(f"{variable}: {file} is empty; write the key into it")
    return None


def _file_shown(place: str) -> str:
    """A key put where a path belongs must not be told: what has no slash may be one."""
    return "(hidden)" if looks_secret(place) or "/" not in place else place


def _address(env: Mapping[str, str], name: str, problems: list[str]) -> str | None:
    value = _given(env, name)
    if value is None:
        return None
    try:
        url = web_url(value).rstrip("/")
        # The client adds the version itself, unlike the models' SDKs.
        return url.removesuffix("/v1").rstrip("/") if name == _NOTION else url
    except ValueError as error:
        problems.append(f"{name}: {error}")
        return None


def _model(env: Mapping[str, str], problems: list[str]) -> str | None:
    value = _given(env, OPENAI_MODEL)
    if value and (value.startswith("openai:") or " " in value or looks_secret(value)):
        problems.append(
            f"{OPENAI_MODEL}: is not a model's name; write the bare name, without openai:"
        )
        return None
    return value
