"""The providers of models, a row each: name, variables, address, models and the shape of a key.

Another provider is another row here, its client in `review/models/endpoints.py`, what is special in
its errors in `review/models/answers.py`, and `LoadCredential=` lines in the systemd units. Prices
are those of `genai-prices`, or of `prices` in config.yaml.
"""

from __future__ import annotations

from dataclasses import dataclass


OFFLINE = "offline"  # the rule-based reviewer: no provider, no key


@dataclass(frozen=True, slots=True)
class Provider:
    """One provider of models.

    Attributes:
        name: How a model's name begins, before the colon.
        key_variable: The environment variable with its key.
        url_variable: The environment variable with another base URL.
        url: Its own base URL.
        default_model: The model that a config uses unless it names others.
        families: How its own model names begin.
        key_shape: A regular expression for its keys.
    """

    name: str
    key_variable: str
    url_variable: str
    url: str
    default_model: str
    families: tuple[str, ...]
    key_shape: str


_ROWS = (
    Provider(
        name="anthropic",
        key_variable="ANTHROPIC_API_KEY",
        url_variable="ANTHROPIC_BASE_URL",
        url="https://api.anthropic.com",
        default_model="anthropic:claude-sonnet-5-5",
        families=("claude",),
        key_shape=r"sk-ant-[\w-]{8,}",
    ),
    Provider(
        name="openai",
        key_variable="OPENAI_API_KEY",
        url_variable="OPENAI_BASE_URL",
        url="https://api.openai.com/v1",
        default_model="openai:gpt-6.1-sol",
        families=("gpt", "o1", "o3", "o4"),
        key_shape=r"sk-[A-Za-z0-9]{20,}|sk-(?:proj|svcacct|admin)-[\w-]{8,}",
    ),
)
PROVIDERS = {row.name: row for row in _ROWS}


def split(model: str) -> tuple[Provider, str]:
    """Return the provider of `model`, such as `openai:gpt-6.1-sol`, and its own name for it.

    Raises:
        KeyError: No such provider; config.yaml was checked for it.
    """
    provider, _, name = model.partition(":")
    return PROVIDERS[provider], name
