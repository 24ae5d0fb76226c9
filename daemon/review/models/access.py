"""What it takes to reach the models: keys, addresses, prices, windows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from ipaddress import ip_address
from typing import Protocol
from urllib.parse import urlsplit


OFFLINE = "offline"
# Names that no public server has: RFC 6761, RFC 6762, RFC 8375, and ICANN's `.internal`.
HOME_DOMAINS = (".localhost", ".local", ".internal", ".home.arpa", ".lan", ".test")


@dataclass(frozen=True, slots=True)
class Vendor:
    """One maker of models, and the variables that lead to it."""

    name: str
    key_variable: str
    url_variable: str
    url: str


VENDORS = {
    vendor.name: vendor
    for vendor in (
        Vendor("anthropic", "ANTHROPIC_API_KEY", "ANTHROPIC_BASE_URL", "https://api.anthropic.com"),
        Vendor("openai", "OPENAI_API_KEY", "OPENAI_BASE_URL", "https://api.openai.com/v1"),
    )
}


class Price(Protocol):
    """US dollars for a million tokens; without `cached`, cached input costs as `input`."""

    @property
    def input(self) -> float:
        """Tokens that are read anew."""

    @property
    def output(self) -> float:
        """Tokens that are written, thoughts included."""

    @property
    def cached(self) -> float | None:
        """Tokens that are read from the provider's cache."""


@dataclass(frozen=True, slots=True)
class ModelAccess:
    """How to reach the models of a config.

    Attributes:
        keys: The key of each vendor, by its name.
        urls: The base URLs that replace a vendor's own.
        prices: By model name, such as `openai:my-model`.
        windows: Context windows in tokens, by model name.
    """

    keys: Mapping[str, str] = field(default_factory=dict, repr=False)
    urls: Mapping[str, str] = field(default_factory=dict)
    prices: Mapping[str, Price] = field(default_factory=dict)
    windows: Mapping[str, int] = field(default_factory=dict)

    def key(self, vendor: Vendor) -> str:
        """Return the key of `vendor`, or "" where none is known."""
        return self.keys.get(vendor.name, "")

    def url(self, vendor: Vendor) -> str:
        """Return the base URL at which `vendor`'s API is spoken."""
        return self.urls.get(vendor.name) or vendor.url

    def is_own_server(self, vendor: Vendor) -> bool:
        """Tell whether `vendor`'s API is spoken by somebody else's server."""
        return urlsplit(self.url(vendor)).hostname != urlsplit(vendor.url).hostname

    def is_at_home(self, vendor: Vendor) -> bool:
        """Tell whether `vendor`'s API is spoken by a server in one's own network: not billed.

        Any other server may be a reseller, whose prices must be known.
        """
        host = urlsplit(self.url(vendor)).hostname or ""
        try:
            address = ip_address(host)
        except ValueError:
            return "." not in host or host.endswith(HOME_DOMAINS)
        return not address.is_global


def split(name: str) -> tuple[Vendor, str]:
    """Return the vendor and the vendor's own name of the model `name`.

    Raises:
        KeyError: No such vendor; config.yaml was checked for it.
    """
    vendor, _, model = name.partition(":")
    return VENDORS[vendor], model
