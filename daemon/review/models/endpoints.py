"""The vendors' clients and models. Each SDK is imported when a model of its vendor is asked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from daemon.domain.errors import ConfigError
from daemon.review.models.access import ModelAccess, split
from daemon.review.models.failures import Origin
from daemon.review.models.cost import price_problems


if TYPE_CHECKING:
    from anthropic import AsyncAnthropic
    from httpx2 import Timeout
    from openai import AsyncOpenAI
    from pydantic_ai.models import Model


TIMEOUT_SECONDS = 120.0  # one answer; a provider that is silent for longer counts as down
OWN_SERVER_SECONDS = 600.0  # a model on a CPU reads a long document for minutes
CONNECT_SECONDS = 5.0
# Thinking is paid as output and counts towards its limit: as much of it as leaves room to speak.
EFFORT: Literal["low"] = "low"


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A model within reach, and how to speak to it.

    Attributes:
        model: Speaks the API.
        client: Holds the connections.
        origin: Names it in messages.
        settings: What goes with every request.
        marks_cache: Whether the document carries a mark up to which the prompt is cached.
        cache_key: The setting that takes the brief's key, or "".
    """

    model: Model[Any]
    client: AsyncAnthropic | AsyncOpenAI
    origin: Origin
    settings: Mapping[str, Any] = field(default_factory=dict)
    marks_cache: bool = False
    cache_key: str = ""


def endpoint(name: str, access: ModelAccess) -> Endpoint:
    """Return the endpoint of the model `name`; opens no connection.

    Raises:
        ConfigError: Its key is missing, or its price is not known.
    """
    vendor, model = split(name)
    if problems := price_problems([name], access):
        raise ConfigError(*problems)
    if not access.key(vendor):
        raise ConfigError(f"{name}: {vendor.key_variable} is not set; put a key there")
    own_server = access.is_own_server(vendor)
    origin = Origin(
        name, vendor.key_variable, vendor.url_variable, own_server, secret=access.key(vendor)
    )
    if vendor.name == "anthropic":
        return _anthropic(model, origin, access.url(vendor))
    speak = _openai_compatible if own_server else _openai
    return speak(model, origin, access.url(vendor))


def _timeout(origin: Origin) -> Timeout:
    from httpx2 import Timeout

    seconds = OWN_SERVER_SECONDS if origin.own_server else TIMEOUT_SECONDS
    return Timeout(seconds, connect=CONNECT_SECONDS)


def _anthropic(model: str, origin: Origin, url: str) -> Endpoint:
    from anthropic import AsyncAnthropic
    from pydantic_ai.models.anthropic import AnthropicModel, AnthropicModelSettings
    from pydantic_ai.providers.anthropic import AnthropicProvider

    client = AsyncAnthropic(
        api_key=origin.secret, base_url=url, timeout=_timeout(origin), max_retries=0
    )
    model_ = AnthropicModel(model, provider=AnthropicProvider(anthropic_client=client))
    settings = AnthropicModelSettings(
        anthropic_cache_instructions=True,  # covers the tools: they stand before the instructions
        anthropic_cache_messages=True,  # moves on with every turn
    )
    # Where effort is not known, the library asks for a budget of thinking, which new models refuse.
    if model_.profile.get("anthropic_supports_effort"):
        settings["thinking"] = EFFORT
    return Endpoint(model_, client, origin, {**settings}, marks_cache=True)


def _openai_client(origin: Origin, url: str) -> AsyncOpenAI:
    from openai import AsyncOpenAI

    return AsyncOpenAI(api_key=origin.secret, base_url=url, timeout=_timeout(origin), max_retries=0)


def _openai(model: str, origin: Origin, url: str) -> Endpoint:
    """Speak the Responses API: on Chat Completions, models that reason refuse tools."""
    from pydantic_ai.models.openai import OpenAIResponsesModel, OpenAIResponsesModelSettings
    from pydantic_ai.providers.openai import OpenAIProvider

    client = _openai_client(origin, url)
    settings = OpenAIResponsesModelSettings(
        thinking=EFFORT,
        openai_store=False,
        openai_prompt_cache_diagnostics=False,  # compares with an answer that is not stored
    )
    model_ = OpenAIResponsesModel(model, provider=OpenAIProvider(openai_client=client))
    return Endpoint(model_, client, origin, {**settings}, cache_key="openai_prompt_cache_key")


def _openai_compatible(model: str, origin: Origin, url: str) -> Endpoint:
    """Speak Chat Completions, the one API that every compatible server knows."""
    from pydantic_ai.models.openai import OpenAIChatModel
    from pydantic_ai.profiles.openai import OpenAIModelProfile
    from pydantic_ai.providers.openai_compatible import OpenAICompatibleProvider

    client = _openai_client(origin, url)
    provider = OpenAICompatibleProvider("openai-compatible", openai_client=client)
    # Ollama lists `max_tokens` alone: https://docs.ollama.com/api/openai-compatibility
    profile = OpenAIModelProfile(openai_chat_supports_max_completion_tokens=False)
    return Endpoint(OpenAIChatModel(model, provider=provider, profile=profile), client, origin)
