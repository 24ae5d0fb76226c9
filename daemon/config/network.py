"""What the environment says of the way to other machines: proxies and certificates.

The HTTP clients read these variables themselves; here is found what they would trip over.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from importlib.util import find_spec
from ipaddress import IPv6Network, ip_address, ip_network
from pathlib import Path
from urllib.parse import urlsplit

from daemon.config.values import shown
from daemon.domain.secrets import looks_secret


_SCHEMES = ("http", "https", "all")
_KINDS = ("http", "https", "socks5", "socks5h")


@dataclass(frozen=True, slots=True)
class Proxies:
    """The proxies of the environment, as messages name them.

    Attributes:
        by_scheme: The proxy of `http`, `https` or `all`, with its variable, without a password.
        direct: The hosts that are reached without one; `*` means all.
    """

    by_scheme: Mapping[str, str] = field(default_factory=dict)
    direct: tuple[str, ...] = ()

    def of(self, url: str) -> str:
        """Return the proxy through which a request to `url` goes; "" for none."""
        parts = urlsplit(url)
        host = parts.hostname or ""
        if any(one in ("*", host) or host.endswith(f".{one}") for one in self.direct):
            return ""
        return self.by_scheme.get(parts.scheme) or self.by_scheme.get("all") or ""


def proxies(env: Mapping[str, str]) -> Proxies:
    """Return the proxies that `env` names."""
    found = {}
    for scheme in _SCHEMES:
        name, value = _variable(env, scheme)
        if value:
            kind, _, rest = value.rpartition("://")
            found[scheme] = f"{kind or 'http'}://{rest.rpartition('@')[2]} ({name})"
    return Proxies(found, tuple(one.lower().lstrip(".") for one in _exceptions(env)))


def problems(env: Mapping[str, str], urls: Sequence[str]) -> Iterator[str]:
    """Yield a line for each variable that keeps the HTTP clients from working.

    Args:
        env: The environment.
        urls: The base URLs in use, for exceptions from the proxy that would not be heeded.
    """
    for scheme in _SCHEMES:
        name, value = _variable(env, scheme)
        if value and (wrong := _wrong_with_proxy(value)):
            yield f"{name}: {wrong}"
    hosts = [urlsplit(url).hostname or "" for url in urls] if proxies(env).by_scheme else []
    for entry in _exceptions(env):
        if wrong := _wrong_with_exception(entry, hosts):
            yield f"{_variable(env, 'no')[0]}: {shown(entry)} {wrong}"
    yield from _wrong_with_certificates(env)
    # ssl opens it for every client: https://docs.python.org/3/library/ssl.html
    if (keys := env.get("SSLKEYLOGFILE")) and not _can_be_written(Path(keys)):
        yield f"SSLKEYLOGFILE: {shown(keys)} cannot be written; unset it"


def _can_be_written(path: Path) -> bool:
    try:
        was_there = path.exists()
        with path.open("ab"):
            pass
        if not was_there:
            path.unlink()
    except (OSError, ValueError):
        return False
    return True


def _variable(env: Mapping[str, str], scheme: str) -> tuple[str, str]:
    """Return name and value of a variable as the HTTP clients see it: small letters first."""
    name = f"{scheme}_proxy"
    name = name if name in env else name.upper()
    return name, env.get(name, "")


def _exceptions(env: Mapping[str, str]) -> list[str]:
    entries = [one.strip() for one in _variable(env, "no")[1].split(",")]
    return ["*"] if "*" in entries else list(filter(None, entries))


def _wrong_with_proxy(value: str) -> str:
    try:
        parts = urlsplit(value if "://" in value else f"http://{value}")
        _ = parts.port
    except ValueError:
        parts = urlsplit("")
    # urlsplit drops line breaks, which the clients trip over.
    if any(one.isspace() for one in value):
        parts = urlsplit("")
    if parts.scheme not in _KINDS or not parts.hostname:
        return (
            "is not the address of a proxy; write it as http://HOST:PORT or socks5://HOST:PORT, "
            "or unset it"
        )
    if parts.scheme.startswith("socks") and find_spec("socksio") is None:
        return f"a SOCKS proxy needs a package; {sys.executable} -m pip install socksio"
    return ""


def _wrong_with_exception(entry: str, hosts: Sequence[str]) -> str:
    """Say why httpx cannot read an entry of NO_PROXY, or would not heed it for one of `hosts`."""
    if "[" in entry or "]" in entry:
        return "cannot be read; write an IPv6 address without brackets and port, such as ::1"
    try:
        addresses = ip_network(entry, strict=False)
    except ValueError:
        port = entry.rpartition("://")[2].partition("/")[0].partition(":")[2]
        if entry.isascii() and (not port or port.isdigit()):
            return ""
        return "cannot be read; write the host's name in plain letters, and its port in digits"
    if "/" not in entry:
        return ""
    if isinstance(addresses, IPv6Network) or any(_is_in(host, entry) for host in hosts):
        return "is a range, which is not read; name each address itself"
    return ""


def _is_in(host: str, addresses: str) -> bool:
    try:
        return ip_address(host) in ip_network(addresses, strict=False)
    except ValueError:
        return False


def _wrong_with_certificates(env: Mapping[str, str]) -> Iterator[str]:
    remedy = "name a file of certificates in PEM, or unset it"
    if file := env.get("SSL_CERT_FILE"):
        import ssl

        name = "(hidden)" if looks_secret(file) else file
        try:
            ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(cafile=file)
        except ssl.SSLError:
            yield f"SSL_CERT_FILE: {name} holds no certificate; {remedy}"
        except (OSError, ValueError) as error:
            reason = (getattr(error, "strerror", None) or "no path").lower()
            yield f"SSL_CERT_FILE: {name} cannot be read ({reason}); {remedy}"
    elif folder := env.get("SSL_CERT_DIR"):
        try:
            found = any(Path(folder).glob("????????.[0-9]"))  # as OpenSSL looks them up
        except (OSError, ValueError):
            found = False
        if not found:
            yield (
                f"SSL_CERT_DIR: no certificate is found in {shown(folder)}; prepare it with "
                "openssl rehash, or unset it"
            )
