"""One conversation on the wire: what a model is told, and what its answers hold.

Imports pydantic-ai: imported itself only where a model is about to be asked.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Literal, cast

from pydantic import TypeAdapter
from pydantic_ai.direct import model_request
from pydantic_ai.messages import (
    CachePoint,
    ModelMessage,
    ModelRequest,
    ModelResponse,
    ToolCallPart,
    ToolReturnPart,
    UserPromptPart,
)
from pydantic_ai.models import ModelRequestParameters
from pydantic_ai.settings import ModelSettings
from pydantic_ai.tools import ToolDefinition

from daemon.review.agent import Answer, Brief, Call, Ending, ToolSpec, Turn
from daemon.review.models.failures import Hiccup, TooLong, is_unbilled, sort_out
from daemon.review.models.cost import Tokens
from daemon.review.models.purse import Charge
from daemon.review.models.endpoints import Endpoint


CUT = "This call was cut off at the length limit and was not run. Make it again, shorter."
ECHO = 200  # characters of unreadable arguments that are said back
_MESSAGES: TypeAdapter[list[ModelMessage]] = TypeAdapter(list[ModelMessage])
_TOOLS = TypeAdapter(ModelRequestParameters)
_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")


class Line:
    """One conversation with one model; holds what was said, so that a request can be repeated."""

    def __init__(
        self, at: Endpoint, brief: Brief, specs: Sequence[ToolSpec], output_tokens: int
    ) -> None:
        self._at = at
        self._system = brief.system
        self._said: list[ModelMessage] = [_opening(at, brief)]
        self._open: list[ToolCallPart] = []
        self.output_tokens = output_tokens
        self._settings = _settings(at, brief, output_tokens)
        self._tools = ModelRequestParameters(function_tools=[_tool(spec) for spec in specs])

    def answer(self, answers: Sequence[Answer]) -> None:
        """Answer every call of the last turn, in one message and in their order."""
        if self._open:
            parts = [_returned(*pair) for pair in zip(self._open, answers, strict=True)]
            self._said.append(ModelRequest(parts, instructions=self._system))
            self._open = []

    @property
    def name(self) -> str:
        """The model, as the config names it."""
        return self._at.origin.name

    @property
    def wire_bytes(self) -> int:
        """About how many bytes the next request has: rather too many."""
        said = _MESSAGES.dump_json(self._said, exclude={"__all__": {"instructions"}})
        return len(said) + len(self._system.encode()) + len(_TOOLS.dump_json(self._tools))

    async def send(self, charge: Charge) -> Turn:
        """Send what was said so far and return the model's turn.

        Args:
            charge: Told what the answer used, also one that is of no use, or that nothing was
                billed. It stays open where nobody tells.

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
                charge.release()
            raise sort_out(error, self._at.origin) from None
        charge.settle(_tokens(response))
        heard = [_heard(part) for part in response.tool_calls]
        turn = _turn(response, heard)
        self._open = [part for part, _ in heard]
        self._said.append(_kept(response, self._open))
        return turn


def _opening(at: Endpoint, brief: Brief) -> ModelRequest:
    marked = UserPromptPart([brief.document, CachePoint()])
    document = marked if at.marks_cache else UserPromptPart(brief.document)
    return ModelRequest([document], instructions=brief.system)


def _settings(at: Endpoint, brief: Brief, output_tokens: int) -> ModelSettings:
    keyed = {at.cache_key: brief.key} if at.cache_key else {}
    return cast("ModelSettings", {**at.settings, **keyed, "max_tokens": output_tokens})


def _tool(spec: ToolSpec) -> ToolDefinition:
    return ToolDefinition(
        name=spec.name,
        description=spec.description,
        parameters_json_schema=dict(spec.parameters),
        strict=True,
    )


def _returned(call: ToolCallPart, answer: Answer) -> ToolReturnPart:
    outcome: Literal["success", "failed"] = "success" if answer.accepted else "failed"
    return ToolReturnPart(call.tool_name, answer.text, call.tool_call_id, outcome=outcome)


def _tokens(response: ModelResponse) -> Tokens:
    usage = response.usage
    return Tokens(
        input_tokens=usage.input_tokens,
        cache_read_tokens=usage.cache_read_tokens,
        cache_write_tokens=usage.cache_write_tokens,
        output_tokens=usage.output_tokens,
    )


def _turn(response: ModelResponse, heard: Sequence[tuple[ToolCallPart, Call]]) -> Turn:
    """Return the turn that `response` holds.

    Raises:
        Hiccup: The answer ended without saying how: its end is missing.
        TooLong: The window was full before the answer was whole.
    """
    details = response.provider_details or {}
    calls = [call for _, call in heard]
    match response.finish_reason:
        case None:
            raise Hiccup("malformed answer: its end is missing")
        case "content_filter":
            return Turn(details.get("refusal") or response.text or "", (), Ending.REFUSED)
        case "length":
            if details.get("finish_reason") == "model_context_window_exceeded":
                raise TooLong
            return Turn(response.text or "", _without_stump(response, calls), Ending.CUT)
        case "error":
            raise Hiccup("malformed answer: the provider reports an error in it")
    return Turn(response.text or "", tuple(calls))


def _without_stump(response: ModelResponse, calls: Sequence[Call]) -> tuple[Call, ...]:
    """Return the calls of an answer that was cut; the one at the cut is not to be run.

    Anthropic gives arguments as an object, whole or not; JSON text that parses is whole.
    """
    last = response.parts[-1] if response.parts else None
    if not isinstance(last, ToolCallPart):
        return tuple(calls)
    whole = isinstance(last.args, str) and not calls[-1].problem
    return tuple(calls) if whole else (*calls[:-1], Call(last.tool_name, problem=CUT))


def _heard(part: ToolCallPart) -> tuple[ToolCallPart, Call]:
    """Return a call, and the part that is kept of it.

    Servers reject a history that holds arguments or tool names that they cannot read, so neither
    is repeated to them.
    """
    name = part.tool_name if _NAME.fullmatch(part.tool_name) else "unknown"
    try:
        arguments = _arguments(part.args)
    except ValueError as error:
        problem = f"Not run: the arguments are no JSON object ({error}): {str(part.args)[:ECHO]}"
        return replace(part, tool_name=name, args={}), Call(part.tool_name, problem=problem)
    kept = part if name == part.tool_name else replace(part, tool_name=name)
    if isinstance(part.args, str):
        kept = replace(kept, args=arguments)
    return kept, Call(part.tool_name, arguments)


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
    return dict(value)


def _kept(response: ModelResponse, calls: Sequence[ToolCallPart]) -> ModelResponse:
    """Return `response` as it is sent back: thinking and texts unchanged, calls readable."""
    readable = iter(calls)
    parts = [next(readable) if isinstance(part, ToolCallPart) else part for part in response.parts]
    return replace(response, parts=parts)
