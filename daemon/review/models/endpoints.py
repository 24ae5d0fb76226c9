"""The providers' clients. Each SDK is imported when a model of its provider is asked."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from typing import TYPE_CHECKING, Any, Literal

from daemon.domain.errors import ConfigError
from daemon.domain.providers import OFFLINE, Provider, split
from daemon.review.models.access import ModelAccess
from daemon.review.models.answers import Lesson
from daemon.review.models.cost import price_problems
from daemon.review.models.failures import Destination


if TYPE_CHECKING:
    from anthropic import AsyncAnthropic
    from httpx2 import Timeout
    from openai import AsyncOpenAI
    from opentelemetry.sdk.trace import TracerProvider
    from pydantic_ai.models import Model


TIMEOUT_SECONDS = 300.0  # one answer; a provider that is silent for longer counts as down
# A model on a CPU reads a long document for minutes: `limits.seconds_per_review` ends the wait.
OWN_SERVER_SECONDS = 3600.0
CONNECT_SECONDS = 5.0
EFFORT: Literal["low"] = "low"  # where nobody asks for another


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A model within reach, and how to speak to it.

    Attributes:
        model: Speaks the API.
        client: Holds the connections.
        destination: Names it in messages.
        settings: Sent with every request.
        marks_cache: Whether the document carries a mark up to which the prompt is cached.
        cache_key: The setting that takes the brief's key, or "".
        lists_window: Whether its list of models may hold the size of the window.
        lessons: What its server was found not to take; grows with the requests.
    """

    model: Model[Any]
    client: AsyncAnthropic | AsyncOpenAI
    destination: Destination
    settings: Mapping[str, Any] = field(default_factory=dict)
    marks_cache: bool = False
    cache_key: str = ""
    lists_window: bool = False
    lessons: Sequence[Lesson] = ()


def load(provider: Provider) -> None:
    """Import what the models of `provider` are spoken to with; takes seconds."""
    from daemon.review.models import hearing  # noqa: F401

    if provider.name == "anthropic":
        import pydantic_ai.models.anthropic
        import pydantic_ai.providers.anthropic
    else:
        import pydantic_ai.models.openai
        import pydantic_ai.providers.openai_compatible  # noqa: F401


def endpoint(name: str, access: ModelAccess) -> Endpoint:
    """Return the endpoint of the model `name`; opens no connection.

    Raises:
        ConfigError: Its key is missing, or its price is not known.
    """
    provider, model = split(name)
    if problems := price_problems([name], access):
        raise ConfigError(*problems)
    key = access.place(provider.key_variable)
    if not access.key(provider):
        raise ConfigError(f"{name}: {key.absent}; put a key there{key.then}")
    own_server = access.is_own_server(provider)
    proxy = access.proxies.get(provider.name, "")
    url = access.place(provider.url_variable)
    destination = Destination(name, provider, own_server, access.key(provider), proxy, key, url)
    speak = _openai_compatible if own_server else _openai
    if provider.name == "anthropic":
        speak = _anthropic
    found = speak(model, destination, access.url(provider))
    return replace(found, model=_traced(found.model)) if access.traces else found


def _traced(model: Model[Any]) -> Model[Any]:
    """Send a span of each request of `model`: what was asked and used, and no word of it.

    https://opentelemetry.io/docs/specs/semconv/gen-ai/gen-ai-spans/
    """
    from pydantic_ai.models.instrumented import InstrumentationSettings, instrument_model

    settings = InstrumentationSettings(tracer_provider=_tracers(), include_content=False)
    return instrument_model(model, settings)


@cache
def _tracers() -> TracerProvider:
    """Return what sends spans, in the background and once more at the end of the process."""
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    provider = TracerProvider(resource=Resource.create({"service.name": "notion-review"}))
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    return provider


def _timeout(destination: Destination) -> Timeout:
    from httpx2 import Timeout

    seconds = OWN_SERVER_SECONDS if destination.own_server else TIMEOUT_SECONDS
    return Timeout(seconds, connect=CONNECT_SECONDS)


def _anthropic(model: str, destination: Destination, url: str) -> Endpoint:
    from anthropic import AsyncAnthropic, DefaultAsyncHttpxClient
    from pydantic_ai.models.anthropic import AnthropicModel, AnthropicModelSettings
    from pydantic_ai.providers.anthropic import AnthropicProvider

    from daemon.review.models.hearing import listening

    lessons: list[Lesson] = []
    client = AsyncAnthropic(
        api_key=destination.secret,
        # The SDK adds `/v1`; many name the address with it.
        base_url=url.rstrip("/").removesuffix("/v1"),
        timeout=_timeout(destination),
        max_retries=0,
        http_client=listening(DefaultAsyncHttpxClient, lessons),
    )
    model_ = AnthropicModel(model, provider=AnthropicProvider(anthropic_client=client))
    settings = AnthropicModelSettings(
        anthropic_cache_instructions=True,  # covers the tools: they stand before the instructions
        anthropic_cache_messages=True,  # moves on with every turn
    )
    # Where effort is not known, the library asks for a budget of thinking, which new models refuse.
    if model_.profile.get("anthropic_supports_effort"):
        settings["thinking"] = EFFORT
    return Endpoint(model_, client, destination, {**settings}, marks_cache=True, lessons=lessons)


def _openai_client(destination: Destination, url: str, lessons: list[Lesson]) -> AsyncOpenAI:
    from openai import AsyncOpenAI, DefaultAsyncHttpxClient

    from daemon.review.models.hearing import listening

    return AsyncOpenAI(
        api_key=destination.secret,
        base_url=url,
        timeout=_timeout(destination),
        max_retries=0,
        http_client=listening(DefaultAsyncHttpxClient, lessons),
    )


def _openai(model: str, destination: Destination, url: str) -> Endpoint:
    """Speak the Responses API: on Chat Completions, models that reason refuse tools."""
    from pydantic_ai.models.openai import OpenAIResponsesModel, OpenAIResponsesModelSettings
    from pydantic_ai.providers.openai import OpenAIProvider

    lessons: list[Lesson] = []
    client = _openai_client(destination, url, lessons)
    settings = OpenAIResponsesModelSettings(
        thinking=EFFORT,
        openai_store=False,
        openai_prompt_cache_diagnostics=False,  # compares with an answer that is not stored
    )
    model_ = OpenAIResponsesModel(model, provider=OpenAIProvider(openai_client=client))
    return Endpoint(
        model_,
        client,
        destination,
        {**settings},
        cache_key="openai_prompt_cache_key",
        lessons=lessons,
    )


def _openai_compatible(model: str, destination: Destination, url: str) -> Endpoint:
    """Speak Chat Completions, the one API that every compatible server knows."""
    from pydantic_ai.models.openai import OpenAIChatModel
    from pydantic_ai.profiles.openai import OpenAIModelProfile
    from pydantic_ai.providers.openai_compatible import OpenAICompatibleProvider

    lessons: list[Lesson] = []
    client = _openai_client(destination, url, lessons)
    provider = OpenAICompatibleProvider("openai-compatible", openai_client=client)
    # Ollama lists `max_tokens` alone: https://docs.ollama.com/api/openai-compatibility
    profile = OpenAIModelProfile(
        openai_chat_supports_max_completion_tokens=False,
        # The library takes a thought without an end for words, and so drops its mark.
        thinking_tags=("\0", "\0"),
    )
    model_ = OpenAIChatModel(model, provider=provider, profile=profile)
    return Endpoint(model_, client, destination, lists_window=True, lessons=lessons)


SECONDS = 5.0  # after that the window counts as unknown
SMALLEST, LARGEST = 512, 10**9
# vLLM: `max_model_len`. LM Studio, and gateways: `loaded_context_length`, `context_length` and so
# on. llama.cpp: `meta.n_ctx`; what it was trained with may be more than what it was started with.
_NAMES = (
    ("max_model_len",),
    ("meta", "n_ctx"),
    ("loaded_context_length",),
    ("context_length",),
    ("context_window",),
    ("max_context_length",),
    ("meta", "n_ctx_train"),
)


async def ask_window(at: Endpoint, model: str) -> int | None:
    """Ask a server for the window of `model`; return it in tokens, None where it does not say."""
    try:
        async with asyncio.timeout(SECONDS):
            listed = await at.client.get("/models", cast_to=object)
    except Exception:  # noqa: BLE001 - many servers have no such list; a review needs none
        return None
    return listed_window(listed, model)


def listed_window(listed: Any, model: str) -> int | None:
    """Return the window of `model` in a server's list; a list of one model is taken for it."""
    data = listed.get("data") if isinstance(listed, Mapping) else None
    models = [one for one in data if isinstance(one, Mapping)] if isinstance(data, list) else []
    named = [
        one
        for one in models
        if one.get("id") == model
        or (isinstance(aliases := one.get("aliases"), list) and model in aliases)
    ]
    chosen = named or (models if len(models) == 1 else [])
    return next(filter(None, (_size(chosen[0], path) for path in _NAMES)), None) if chosen else None


def _size(one: Any, path: Sequence[str]) -> int | None:
    for name in path:
        one = one.get(name) if isinstance(one, Mapping) else None
    usable = isinstance(one, int) and not isinstance(one, bool) and SMALLEST <= one <= LARGEST
    return one if usable else None


async def retirement(name: str, access: ModelAccess) -> str:
    """Return when the model `name` goes away, in words; "" where its provider does not say.

    Only Anthropic's API says (https://docs.anthropic.com/en/api/models). A provider that cannot
    be asked is no failure here: `Chain.ping` finds out whether the model answers.
    """
    from anthropic import AnthropicError, AsyncAnthropic

    if name == OFFLINE or split(name)[0].name != "anthropic":
        return ""
    client = endpoint(name, access).client
    if not isinstance(client, AsyncAnthropic):
        raise TypeError("not a client of Anthropic's")
    async with client:
        try:
            model = await client.models.retrieve(split(name)[1])
        except (AnthropicError, ValueError):
            return ""
    stage = getattr(model, "lifecycle", "active")  # another server may leave it out
    if stage not in ("deprecated", "retired"):
        return ""
    retires = getattr(model, "retires_at", None)
    return f"is {stage}" + (f" and retires on {retires:%Y-%m-%d}" if retires else "")
