"""Models that a test scripts turn by turn, behind a real chain."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

from pydantic_ai.exceptions import ModelHTTPError
from pydantic_ai.messages import ModelMessage, ModelResponse, TextPart, ToolCallPart
from pydantic_ai.models.function import AgentInfo, FunctionModel
from pydantic_ai.usage import RequestUsage

from daemon.domain.providers import PROVIDERS
from daemon.domain.values import Usage
from daemon.review.agent import ContextWindow, Conversation, ModelInput, ReviewLimits, Toolbox
from daemon.review.models.access import ModelAccess
from daemon.review.models.chain import Chain
from daemon.review.models.cost import Spender
from daemon.review.models.endpoints import Endpoint
from daemon.review.models.failures import Destination
from support.tool_fakes import FakeTools


Step = ModelResponse | Exception | Callable[[], Awaitable[ModelResponse]]
LIMITS = ReviewLimits(rounds=4, seconds=60)
SECRET = "sk-planted-4711"
AT_HOME = ModelAccess(urls=dict.fromkeys(("anthropic", "openai"), "http://127.0.0.1:9"))
USED = RequestUsage(input_tokens=1000, cache_read_tokens=400, output_tokens=50)


@dataclass(frozen=True)
class Price:
    input: float
    output: float
    cached: float | None = None


def turn(*parts: TextPart | ToolCallPart, finish: str | None = "stop") -> ModelResponse:
    return ModelResponse(parts=list(parts), usage=USED, finish_reason=finish)


def text(words: str) -> TextPart:
    return TextPart(words)


def call(name: str, **arguments: Any) -> ToolCallPart:
    return ToolCallPart(name, arguments)


def comment(words: str = "Say why.") -> ModelResponse:
    return turn(call("comment", block="B1", text=words), finish="tool_call")


def finish() -> ModelResponse:
    return turn(call("finish", summary="Good."), finish="tool_call")


def http(
    status: int, message: str = "no", *, retry_after: float | None = None, **fields: Any
) -> ModelHTTPError:
    """Return the error that the library raises for an HTTP status."""
    from pydantic_ai._model_errors import openai_compatible_category

    body = {"message": message, **fields}
    code = fields.get("code")
    return ModelHTTPError.for_category(
        openai_compatible_category(status, code, None, message),
        status_code=status,
        model_name="m",
        body=body,
        provider_error_code=code,
        retry_after=retry_after,
    )


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


class ScriptedModel:
    """Takes its steps in order, the last one for ever."""

    def __init__(self, *steps: Step) -> None:
        self._steps = list(steps)
        self.heard: list[list[ModelMessage]] = []
        self.settings: list[Mapping[str, Any]] = []

    async def __call__(self, messages: list[ModelMessage], info: AgentInfo) -> ModelResponse:
        self.heard.append(list(messages))
        self.settings.append(dict(info.model_settings or {}))
        step = self._steps.pop(0) if len(self._steps) > 1 else self._steps[0]
        if isinstance(step, Exception):
            raise step
        if isinstance(step, ModelResponse):
            return step
        return await step()

    @property
    def requests(self) -> int:
        return len(self.heard)


class OpenPurse:
    """Has enough for everything, unless it is told to refuse; keeps what was asked and spent."""

    def __init__(self) -> None:
        self.spent: list[tuple[str, Usage]] = []
        self.reserved: dict[int, tuple[str, Usage]] = {}
        self.lost: list[Usage] = []
        self.refusal: Exception | None = None
        self.asked = 0

    async def reserve(self, spender: Spender, model: str, worst: Usage) -> int:
        self.asked += 1
        if self.refusal:
            raise self.refusal
        self.reserved[self.asked] = model, worst
        return self.asked

    def settle(self, number: int, usage: Usage | None) -> None:
        model, _ = self.reserved.pop(number)
        if usage:
            self.spent.append((model, usage))

    def lose(self, number: int) -> None:
        self.lost.append(self.reserved.pop(number)[1])


class NoClient:
    closed = False

    async def close(self) -> None:
        self.closed = True


class Rig:
    """A chain over scripted models, with what it spent and which tools it was given."""

    def __init__(self, *, access: ModelAccess | None = None, **models: ScriptedModel) -> None:
        self.clock = Clock()
        self.spending_limiter = OpenPurse()
        self.windows: list[ContextWindow | None] = []
        self.tools: list[FakeTools] = []
        self.document = "The document."
        self.chain = Chain(
            access or AT_HOME,
            monotonic=self.clock,
            spending_limiter=self.spending_limiter,
        )
        for vendor, model in models.items():
            name = f"{vendor}:m"
            self.chain._endpoints[name] = Endpoint(
                FunctionModel(model),
                NoClient(),
                Destination(name, PROVIDERS[vendor], own_server=False, secret=SECRET),
            )

    @property
    def spent(self) -> list[tuple[str, Usage]]:
        return self.spending_limiter.spent

    def make(self, window: ContextWindow | None) -> tuple[ModelInput, FakeTools]:
        self.windows.append(window)
        self.tools.append(FakeTools())
        size = window.tokens * 2 if window else len(self.document)
        omitted = ("Rollout",) if size < len(self.document) else ()
        return ModelInput("How to review.", self.document[:size], "page-1", omitted), self.tools[-1]

    @staticmethod
    def offline(tools: Toolbox) -> None:
        tools.call("comment", {"block": "B1", "text": "By rule."})
        tools.call("finish", {"summary": "By rule."})

    async def converse(
        self,
        *names: str,
        limits: ReviewLimits = LIMITS,
        offline: Callable[[Toolbox], None] | None = None,
    ) -> Conversation:
        return await self.chain.converse(names, self.make, offline or self.offline, limits)
