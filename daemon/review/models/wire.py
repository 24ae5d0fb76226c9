"""One conversation with a model over its provider's API: what is sent, what an answer holds.

Imports pydantic-ai, so it is imported only when a model is about to be asked.
"""

from __future__ import annotations

import json
import re
from base64 import b64decode
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from typing import Any, cast

from pydantic import TypeAdapter
from pydantic_ai.direct import model_request
from pydantic_ai.messages import (
    BinaryContent,
    CachePoint,
    ModelMessage,
    ModelRequest,
    ModelResponse,
    TextPart,
    ThinkingPart,
    ToolCallPart,
    ToolReturnPart,
    UserContent,
    UserPromptPart,
)
from pydantic_ai.models import ModelRequestParameters
from pydantic_ai.settings import ModelSettings
from pydantic_ai.tools import ToolDefinition

from daemon.review.agent import (
    IMAGE_TOKENS,
    ModelInput,
    ReviewLimits,
    ToolCall,
    ToolResult,
    ToolSpec,
    Turn,
    TurnEnding,
)
from daemon.review.models.cost import Reservation, Tokens
from daemon.review.models.endpoints import Endpoint
from daemon.review.models.failures import Hiccup, TooLong, is_unbilled, sort_out
from daemon.review.models.hearing import mended
from daemon.review.protocol import spoken, written_calls


CUT = "This call was cut off at the length limit and was not run. Make it again, shorter."
CALL_MISSING = (
    "it announces a call and holds none; turn on the tool calls of the server (vLLM: "
    "--enable-auto-tool-choice and the --tool-call-parser of this model; llama.cpp: --jinja)"
)
THOUGHT_ALONE = "the answer holds thinking and no words; turn the model's thinking off or down"
ECHO = 200  # characters of unreadable arguments that are quoted to the model
_MESSAGES: TypeAdapter[list[ModelMessage]] = TypeAdapter(list[ModelMessage])
_TOOLS = TypeAdapter(ModelRequestParameters)
_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")


class Line:
    """One conversation with one model; holds what was said, so that a request can be repeated."""

    def __init__(
        self, at: Endpoint, brief: ModelInput, specs: Sequence[ToolSpec], limits: ReviewLimits
    ) -> None:
        self._at = at
        self._system = brief.system
        texts = [text for text in (brief.opening, brief.document) if text]
        marked: list[UserContent] = [part for text in texts for part in (text, CachePoint())]
        images = [
            part
            for words, media_type, data in brief.images
            for part in (words, BinaryContent(b64decode(data), media_type=media_type))
        ]
        plain = "\n".join(texts)
        shown = [*marked[:-1], *images, *marked[-1:]] if at.marks_cache else [plain, *images]
        first = UserPromptPart(shown if images or at.marks_cache else plain)
        # An image takes so many tokens at most, whatever its bytes.
        self._spared = sum(len(data) - IMAGE_TOKENS for _, _, data in brief.images)
        self._said: list[ModelMessage] = [ModelRequest([first], instructions=brief.system)]
        self._open: list[ToolCallPart] = []
        self.output_tokens = limits.output_tokens
        self._settings = _settings(at, brief, limits)
        tools = [
            ToolDefinition(
                name=spec.name,
                description=spec.description,
                parameters_json_schema=dict(spec.parameters),
                strict=True,
            )
            for spec in specs
        ]
        self._tools = ModelRequestParameters(function_tools=tools)

    def answer(self, answers: Sequence[ToolResult]) -> None:
        """Answer every call of the last turn, in one message and in their order."""
        if self._open:
            parts = [
                ToolReturnPart(
                    call.tool_name,
                    answer.text,
                    call.tool_call_id,
                    outcome="success" if answer.accepted else "failed",
                )
                for call, answer in zip(self._open, answers, strict=True)
            ]
            self._said.append(ModelRequest(parts, instructions=self._system))
            self._open = []

    @property
    def name(self) -> str:
        """The model, as the config names it."""
        return self._at.destination.name

    @property
    def wire_bytes(self) -> int:
        """About how many bytes the next request has: rather too many."""
        said = _MESSAGES.dump_json(self._said, exclude={"__all__": {"instructions"}})
        told = len(said) + len(self._system.encode()) + len(_TOOLS.dump_json(self._tools))
        return told - self._spared

    async def send(self, reservation: Reservation) -> Turn:
        """Send what was said so far and return the model's turn.

        Args:
            reservation: Settled with what the answer used, even if the answer is of no use;
                released where nothing was billed. It stays open where the usage is unknown.

        Raises:
            Down, TooLong, Flagged: See failures.py.
            ReviewError: A mistake in the configuration.
        """
        try:
            response = await model_request(
                self._at.model,
                self._said,
                model_settings=self._settings,
                model_request_parameters=self._tools,
            )
        except Exception as error:  # noqa: BLE001 - the SDKs let parsers' bare errors through
            if is_unbilled(error):
                reservation.release()
            raise sort_out(error, self._at.destination) from None
        reservation.settle(_tokens(response))
        offered = [tool.name for tool in self._tools.function_tools]
        response, problems = _with_written_calls(response, offered, len(self._said))
        heard = [_heard(part, problems.get(part.tool_call_id, "")) for part in response.tool_calls]
        turn = replace(_turn(response, heard, offered), written=bool(problems))
        self._open = [part for part, _ in heard]
        # It is sent back with its thinking and texts unchanged, and its calls readable.
        calls = iter(self._open)
        parts = [next(calls) if isinstance(part, ToolCallPart) else part for part in response.parts]
        self._said.append(replace(response, parts=parts))
        return turn


def _settings(at: Endpoint, brief: ModelInput, limits: ReviewLimits) -> ModelSettings:
    keyed = {at.cache_key: brief.key} if at.cache_key else {}
    # Thinking is paid as output and counts towards its limit.
    thinking = {"thinking": limits.effort.value} if "thinking" in at.settings else {}
    limit = {"max_tokens": limits.output_tokens}
    return cast("ModelSettings", {**at.settings, **keyed, **thinking, **limit})


def _tokens(response: ModelResponse) -> Tokens:
    usage = response.usage
    return Tokens(
        input_tokens=usage.input_tokens,
        cache_read_tokens=usage.cache_read_tokens,
        cache_write_tokens=usage.cache_write_tokens,
        output_tokens=usage.output_tokens,
    )


def _with_written_calls(
    response: ModelResponse, offered: Collection[str], turn: int
) -> tuple[ModelResponse, dict[str, str]]:
    """Return `response` with the calls that its text holds as calls, and what is wrong with them.

    As calls they also go back to the server: the model sees how a call is made. Their ids are the
    same each time, so that a recorded review comes out again.
    """
    calls = [] if response.tool_calls else written_calls(response.text or "", offered)
    if not calls:
        return response, {}
    made = [
        ToolCallPart(call.name, mended(dict(call.arguments)), f"call_written_{turn}_{at}")
        for at, call in enumerate(calls)
    ]
    rest = [part for part in response.parts if not isinstance(part, TextPart)]
    problems = {part.tool_call_id: call.problem for part, call in zip(made, calls, strict=True)}
    return replace(response, parts=[*rest, *made]), problems


def _turn(
    response: ModelResponse,
    heard: Sequence[tuple[ToolCallPart, ToolCall]],
    offered: Collection[str],
) -> Turn:
    """Return the turn that `response` holds.

    Raises:
        Hiccup: The answer ended without saying how, or the call that it announces is missing.
        TooLong: The window was full before the answer was whole.
    """
    details = response.provider_details or {}
    calls = [call for _, call in heard]
    text = spoken(response.text or "", offered)
    match response.finish_reason:
        case None:
            raise Hiccup("malformed answer: its end is missing")
        case "content_filter":
            return Turn("", (), TurnEnding.REFUSED)
        case "length":
            if details.get("finish_reason") == "model_context_window_exceeded":
                raise TooLong
            return Turn(text, _without_stump(response, calls), TurnEnding.CUT)
        case "error":
            raise Hiccup("malformed answer: the provider reports an error in it")
        case "tool_call" if not calls:
            raise Hiccup(f"malformed answer: {CALL_MISSING}")
    has_thought = bool(response.text) or any(
        isinstance(part, ThinkingPart) for part in response.parts
    )
    hollow = THOUGHT_ALONE if has_thought and not text and not calls else ""
    return Turn(text, tuple(calls), hollow=hollow)


def _without_stump(response: ModelResponse, calls: Sequence[ToolCall]) -> tuple[ToolCall, ...]:
    """Return the calls of an answer that was cut; the one at the cut is not to be run.

    Anthropic gives arguments as an object, whole or not; JSON text that parses is whole.
    """
    last = response.parts[-1] if response.parts else None
    if not isinstance(last, ToolCallPart):
        return tuple(calls)
    whole = isinstance(last.args, str) and not calls[-1].problem
    return tuple(calls) if whole else (*calls[:-1], ToolCall(last.tool_name, problem=CUT))


def _heard(part: ToolCallPart, problem: str = "") -> tuple[ToolCallPart, ToolCall]:
    """Return a call, and the part that is kept of it.

    Servers reject a history that holds arguments or tool names that they cannot read, so neither
    is repeated to them.
    """
    name = part.tool_name if _NAME.fullmatch(part.tool_name) else "unknown"
    if problem:
        return part, ToolCall(name, problem=problem)
    try:
        arguments = _arguments(part.args)
    except ValueError as error:
        problem = f"Not run: the arguments are no JSON object ({error}): {str(part.args)[:ECHO]}"
        return replace(part, tool_name=name, args={}), ToolCall(part.tool_name, problem=problem)
    kept = part if name == part.tool_name else replace(part, tool_name=name)
    if isinstance(part.args, str):
        kept = replace(kept, args=arguments)
    return kept, ToolCall(part.tool_name, arguments)


def _arguments(raw: str | Mapping[str, Any] | None) -> dict[str, Any]:
    """Return a call's arguments; reads line breaks inside texts, and JSON wrapped in JSON.

    Raises:
        ValueError: No JSON object.
    """
    value: Any = raw
    for _ in range(2):
        if isinstance(value, str):
            value = json.loads(value, strict=False) if value.strip() else {}
    if value is None:
        return {}
    if not isinstance(value, Mapping):
        raise ValueError(f"it is a {type(value).__name__}")  # noqa: TRY004 - as JSON's own error
    return dict(mended(dict(value)))
