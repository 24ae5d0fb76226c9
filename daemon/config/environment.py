"""Secrets and addresses out of the environment; nothing else reads them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path

from daemon.config import network
from daemon.config.network import Proxies
from daemon.config.values import web_url
from daemon.domain.providers import PROVIDERS
from daemon.domain.secrets import Place, looks_secret


NOTION_TOKEN = "NOTION_TOKEN"  # noqa: S105 (a variable's name)
OPENAI_MODEL = "OPENAI_MODEL"
PING_URL = "PING_URL"
NOTION_BASE_URL = "NOTION_BASE_URL"
# https://opentelemetry.io/docs/specs/otel/protocol/exporter/
TRACES_URL = "OTEL_EXPORTER_OTLP_ENDPOINT"
# Where requests go without it: `HOST` of the gateway.
_NOTION_URL = "https://api.notion.com"
_KEYS = {provider.name: provider.key_variable for provider in PROVIDERS.values()}
_URLS = (NOTION_BASE_URL, *(provider.url_variable for provider in PROVIDERS.values()))
SYSTEM = Path("/etc/notion-review/config.yaml")
# The service's secrets lie beside its config; systemd hands them over, nobody else reads them.
SECRET_MODE = 0o600
CONFIG_MODE = 0o644
_SECRETS = (NOTION_TOKEN, *_KEYS.values(), PING_URL)


@dataclass(frozen=True, slots=True)
class Secrets:
    """The secrets of the environment; none of them shows in a repr.

    Attributes:
        notion: The connection's token.
        keys: The keys that are there, by the provider's name.
        ping: The URL that is called after every sweep. Anybody who knows it can report a sweep.
        places: Where this installation reads each variable that names a secret or an address.
    """

    notion: str = field(repr=False)
    keys: Mapping[str, str] = field(default_factory=dict, repr=False)
    ping: str | None = field(default=None, repr=False)
    places: Mapping[str, Place] = field(default_factory=dict, compare=False)

    @property
    def values(self) -> tuple[str, ...]:
        """Every secret there is, to be searched for in what leaves the process."""
        return tuple(filter(None, (self.notion, *self.keys.values(), self.ping)))


@dataclass(frozen=True, slots=True)
class Addresses:
    """Base URLs without a trailing slash, and the proxies on the way there.

    Attributes:
        notion: None means Notion's own.
        urls: Those that replace a provider's own, by its name.
        proxies: The proxies.
        traces: Where spans of the requests to models go; None: nowhere.
    """

    notion: str | None = None
    urls: Mapping[str, str] = field(default_factory=dict)
    proxies: Proxies = field(default_factory=Proxies)
    traces: str | None = None

    def proxy(self, name: str) -> str:
        """Return the proxy on the way to `notion` or a provider, in words; "" for none."""
        if name == "notion":
            return self.proxies.of(self.notion or _NOTION_URL)
        return self.proxies.of(self.urls.get(name) or PROVIDERS[name].url)


@dataclass(frozen=True, slots=True)
class Environment:
    """What the environment says.

    Attributes:
        secrets: The token and the keys.
        addresses: Base URLs.
        openai_model: A model that `OPENAI_MODEL` adds, without `openai:`.
        given: The providers whose key is set, also where it could not be read.
        problems: One line for each mistake, without secrets.
        notes: One line for each thing worth knowing, without secrets.
        runtime: The folder that systemd made for the files that a running service writes.
    """

    secrets: Secrets
    addresses: Addresses
    openai_model: str | None
    given: frozenset[str]
    problems: tuple[str, ...]
    notes: tuple[str, ...]
    runtime: Path | None = None


def read(env: Mapping[str, str], config: Path | None = None) -> Environment:
    """Read secrets and addresses; every mistake ends in `problems`.

    Args:
        env: The environment.
        config: The config file, from whose place follows where a service keeps its secrets.
    """
    problems: list[str] = []
    env = _with_credentials(env)
    places = _places(env, config)
    runtime = env.get("RUNTIME_DIRECTORY", "").strip().partition(":")[0]  # systemd may name several
    found = {name: _secret(env, name, places, problems) for name in _SECRETS}
    if not _is_set(env, NOTION_TOKEN):
        problems.append(_without_token(places[NOTION_TOKEN]))
    keys = {name: key for name, variable in _KEYS.items() if (key := found[variable])}
    addresses = _addresses(env, problems)
    problems += network.problems(env, [addresses.notion or "", *addresses.urls.values()])
    return Environment(
        secrets=Secrets(found[NOTION_TOKEN] or "", keys, _ping(found[PING_URL], problems), places),
        addresses=addresses,
        openai_model=_model(env, problems),
        given=frozenset(name for name, variable in _KEYS.items() if _is_set(env, variable)),
        problems=tuple(problems),
        notes=tuple(
            f"{name} and {name}_FILE are both set: {name} is used"
            for name in _SECRETS
            if _given(env, name) and _given(env, f"{name}_FILE")
        ),
        runtime=Path(runtime) if runtime else None,
    )


def credential(variable: str) -> str:
    """Return the name of the systemd credential for `variable`, such as `anthropic-api-key`."""
    return variable.lower().replace("_", "-")


def service_files(folder: Path, around: Environment) -> Iterator[tuple[Path, str, int]]:
    """Yield path, content and mode of each file that a service reads what `around` holds from."""
    keys = {PROVIDERS[name].key_variable: key for name, key in around.secrets.keys.items()}
    secrets = {NOTION_TOKEN: around.secrets.notion, **keys, PING_URL: around.secrets.ping}
    for variable, secret in secrets.items():
        if secret:
            yield folder / credential(variable), f"{secret}\n", SECRET_MODE
    yield from _environment_file(folder / "environment", around.addresses)


def _environment_file(path: Path, addresses: Addresses) -> Iterator[tuple[Path, str, int]]:
    """Yield the file of addresses, with those that it lacks: the service knows no other ones."""
    named = {NOTION_BASE_URL: addresses.notion}
    named |= {PROVIDERS[name].url_variable: url for name, url in addresses.urls.items()}
    is_there = path.exists()
    before = path.read_text("utf-8").rstrip("\n") + "\n" if is_there else ""
    known = {line.partition("=")[0].strip() for line in before.splitlines()}
    missing = [f"{name}={url}\n" for name, url in named.items() if url and name not in known]
    if missing:
        # A proxy's password may stand in it, hidden from others.
        mode = path.stat().st_mode & 0o777 if is_there else CONFIG_MODE
        yield path, before + "".join(missing), mode


def _with_credentials(env: Mapping[str, str]) -> Mapping[str, str]:
    """Add the credentials that systemd passed; a blank one counts as absent.

    https://www.freedesktop.org/software/systemd/man/systemd.exec.html#LoadCredential=
    """
    folder = _given(env, "CREDENTIALS_DIRECTORY")
    if folder is None:
        return env
    added = {}
    for name in _SECRETS:
        file = Path(folder) / credential(name)
        try:
            is_given = bool(file.read_bytes().strip())
        except FileNotFoundError:
            is_given = False
        except OSError:
            is_given = True  # reading it later gives the reason
        if is_given and not _is_set(env, name):
            added[f"{name}_FILE"] = str(file)
    return {**env, **added}


def _places(env: Mapping[str, str], config: Path | None) -> dict[str, Place]:
    """Return where each variable is read from, as an operator reaches it.

    systemd hands a service copies of its files: https://systemd.io/CREDENTIALS
    """
    places = {name: Place(name) for name in (*_SECRETS, *_URLS)}
    credentials = _given(env, "CREDENTIALS_DIRECTORY") or ""
    folder = config.absolute().parent if config else Path()
    is_service = bool(credentials) and SYSTEM.parent in (folder, folder.parent)
    unit = "notion-review" if folder == SYSTEM.parent else f"notion-review@{folder.name}"
    # Each run of the timer's unit reads them anew.
    then = "" if credentials.endswith("-once.service") else f", then run systemctl restart {unit}"
    for name in _SECRETS:
        file = _given(env, f"{name}_FILE") if not _given(env, name) else None
        if is_service and (file is None or Path(file).parent == Path(credentials)):
            places[name] = Place(str(folder / credential(name)), is_file=True, then=then)
        elif file and "/" in file and not looks_secret(file):
            places[name] = Place(file, is_file=True)
    if is_service:
        around = folder / "environment"
        places |= {name: Place(f"{name} in {around}", then=then) for name in _URLS}
    return places


def _without_token(place: Place) -> str:
    if place.is_file:
        return f"{place.absent}; write the connection's token into it{place.then}"
    return (
        "NOTION_TOKEN: is not set; set it to the connection's token, "
        "or NOTION_TOKEN_FILE to a file that holds it"
    )


def _ping(url: str | None, problems: list[str]) -> str | None:
    try:
        return url and web_url(url)
    except ValueError:
        problems.append(f"{PING_URL}: is no URL; set it to one that begins with https://")
        return None


def _is_set(env: Mapping[str, str], name: str) -> bool:
    return bool(_given(env, name) or _given(env, f"{name}_FILE"))


def _given(env: Mapping[str, str], name: str) -> str | None:
    return env.get(name, "").strip() or None


def _secret(
    env: Mapping[str, str], name: str, places: Mapping[str, Place], problems: list[str]
) -> str | None:
    if value := _given(env, name):
        source = name
    elif file := _given(env, f"{name}_FILE"):
        place = places[name]
        if place.is_file and place.name != file:  # a copy that systemd made
            source = place.name
            value = _from_file(file, f"{source}:", problems)
        else:
            source = f"{name}_FILE"
            # Somebody may have put the key where the path belongs: what has no slash may be a key.
            shown = "(hidden)" if looks_secret(file) or "/" not in file else file
            value = _from_file(file, f"{source}: {shown}", problems)
    if value and not (value.isascii() and value.isprintable() and " " not in value):
        problems.append(f"{source}: holds characters that no key has; copy the key again")
        return None
    return value


def _from_file(path: str, words: str, problems: list[str]) -> str | None:
    """Read a secret; `words` begin the line about a problem."""
    try:
        value = Path(path).read_text(encoding="utf-8-sig").strip()
    except UnicodeDecodeError:
        problems.append(f"{words} is not text; write the key into it, nothing else")
    except OSError as error:
        reason = (error.strerror or "unreadable").lower()
        problems.append(f"{words} cannot be read ({reason}); mend the path or its rights")
    except ValueError:
        problems.append(f"{words} is not a path; name the file that holds the key")
    else:
        if value:
            return value
        problems.append(f"{words} is empty; write the key into it")
    return None


def _addresses(env: Mapping[str, str], problems: list[str]) -> Addresses:
    variables = {p.name: p.url_variable for p in PROVIDERS.values()}
    # Notion's client adds the version itself, unlike the models' SDKs.
    notion = (_address(env, NOTION_BASE_URL, problems) or "").removesuffix("/v1").rstrip("/")
    urls = {name: _address(env, variable, problems) for name, variable in variables.items()}
    used = {name: url for name, url in urls.items() if url}
    traces = _address(env, TRACES_URL, problems)
    if traces and not (find_spec("opentelemetry") and find_spec("opentelemetry.sdk")):
        problems.append(
            f"{TRACES_URL}: needs the packages of notion-review[otel]; unset it, or add them"
        )
    return Addresses(notion or None, used, network.proxies(env), traces)


def _address(env: Mapping[str, str], name: str, problems: list[str]) -> str | None:
    value = _given(env, name)
    try:
        return value and web_url(value).rstrip("/")
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
