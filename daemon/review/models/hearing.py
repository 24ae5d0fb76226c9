"""The HTTP client under the SDKs: sends what a server takes, and hears what it meant.

Servers that speak another vendor's API leave things out, or say them in another way; the SDKs and
the library above them take the documented shape alone. What means something is kept, what is
unknown is left out, and nothing is made up but ids. The same answer to the same request reads the
same each time: a recorded review comes out again.

Imports httpx2, so it is imported only when a model is about to be asked.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import httpx2

from daemon.review.models.access import TAPE
from daemon.review.models.answers import Lesson, Meaning, applied, lesson, meaning


# How many parameters of one request a server may refuse, one after the other.
LESSONS = 6
_TEACHING = (400, 422)
_OF_THE_BODY = ("content-encoding", "content-length", "content-type", "transfer-encoding")


class _Listening(httpx2.AsyncClient):
    """A client that learns what its server does not take, for as long as it lives."""

    lessons: list[Lesson]

    async def send(self, request: httpx2.Request, **options: Any) -> httpx2.Response:
        """Send a request as the server takes it; return the answer in the documented shape."""
        sent = _json(request.content) if request.method == "POST" else None
        if not isinstance(sent, dict):
            return await self._exchanged(request, options)
        for _ in range(LESSONS):
            if tape := TAPE.get():
                tape.begin(self.lessons)
            known = tuple(self.lessons)
            asked = applied(sent, known)
            response = await self._exchanged(_with_body(request, sent, asked), options)
            await response.aread()
            if not self._learns(response, asked, known):
                break
        return _as_documented(response, asked)

    async def _exchanged(self, request: httpx2.Request, options: dict[str, Any]) -> httpx2.Response:
        """Send one request as it stands, through the tape of its review where there is one."""
        tape, send = TAPE.get(), partial(super().send, request, **options)
        return await (tape.exchange(request, send) if tape else send())

    def _learns(
        self, response: httpx2.Response, asked: dict[str, Any], known: Sequence[Lesson]
    ) -> bool:
        """Note what a refusal teaches; tell whether the request did not know it.

        Another request may have learned it meanwhile.
        """
        words = response.text if response.status_code in _TEACHING else ""
        if not words or meaning(response.status_code, words) is not Meaning.REJECTED:
            return False
        learned = lesson(words, asked)
        if learned is None or learned in known:
            return False
        if learned not in self.lessons:
            self.lessons.append(learned)
        return True


def listening(base: type[httpx2.AsyncClient], lessons: list[Lesson]) -> httpx2.AsyncClient:
    """Return a client like `base`, an SDK's own, that listens; `lessons` gets what it learns."""
    client: _Listening = type("ListeningClient", (_Listening, base), {})()
    client.lessons = lessons
    return client


def _with_body(
    request: httpx2.Request, sent: dict[str, Any], asked: dict[str, Any]
) -> httpx2.Request:
    if asked == sent:
        return request
    headers = [pair for pair in request.headers.raw if pair[0].lower() != b"content-length"]
    return httpx2.Request(
        request.method,
        request.url,
        headers=headers,
        content=json.dumps(asked).encode(),
        extensions=request.extensions,
    )


def _as_documented(response: httpx2.Response, asked: dict[str, Any]) -> httpx2.Response:
    body = _json(response.content) if response.status_code == httpx2.codes.OK else None
    if body is None:
        return response
    status, body = heard(body, asked)
    kept = [pair for pair in response.headers.multi_items() if pair[0] not in _OF_THE_BODY]
    headers = [*kept, ("content-type", "application/json")]
    again = httpx2.Response(
        status,
        headers=headers,
        content=json.dumps(body).encode(),
        request=response.request,
        extensions=response.extensions,
    )
    again.elapsed = response.elapsed
    return again


def _json(raw: bytes) -> Any:
    """Return the JSON in a body; None where it is none."""
    try:
        return json.loads(raw)
    except ValueError:
        return None


Json = dict[str, Any]

BAD_GATEWAY = 502
_ERROR_STATUS = re.compile("[45][0-9]{2}")
_SURROGATE = re.compile("[\ud800-\udfff]")
_FINISHED = ("stop", "length", "tool_calls", "content_filter")
# Other servers' words for the same ends.
_FINISH = {
    "function_call": "tool_calls",
    "tool_use": "tool_calls",
    "tool_call": "tool_calls",
    "max_tokens": "length",
    "max_length": "length",
    "model_length": "length",
    "truncated": "length",
    "context_length_exceeded": "length",
    "safety": "content_filter",
    "refusal": "content_filter",
    "recitation": "content_filter",
    "blocked": "content_filter",
}
_STOPPED = (
    "end_turn",
    "tool_use",
    "max_tokens",
    "stop_sequence",
    "pause_turn",
    "refusal",
    "model_context_window_exceeded",
)
_WORDS = ("refusal", "reasoning", "reasoning_content")
_BLOCKS = ("text", "tool_use", "thinking", "redacted_thinking")
_ITEMS = ("message", "function_call", "reasoning")


def heard(body: Any, sent: Mapping[str, Any]) -> tuple[int, Any]:
    """Return the status that an answer deserves, and its body in the documented shape.

    Args:
        body: The JSON of an answer with status 200.
        sent: The request that it answers.
    """
    body = mended(body)
    if not isinstance(body, dict):
        return 200, body
    if error := _error_in(body):
        said = (str(error.get(key)) for key in ("code", "status", "status_code"))
        status = next(filter(_ERROR_STATUS.fullmatch, said), BAD_GATEWAY)
        return int(status), {"error": error}
    for key, read in _SHAPES.items():
        if isinstance(body.get(key), list):
            return 200, read(body, sent)
    return 200, body


def mended(value: Any) -> Any:
    """Return `value` with a replacement character for each half of a pair that stands alone.

    Such a text can neither be stored nor sent.
    """
    if isinstance(value, str):
        return _SURROGATE.sub("\ufffd", value) if not value.isascii() else value
    if isinstance(value, list):
        return [mended(one) for one in value]
    if isinstance(value, dict):
        return {mended(key): mended(one) for key, one in value.items()}
    return value


def _error_in(body: Json) -> Json | None:
    """Return the error that an answer with status 200 is; None where it has something to say.

    The Responses API has errors of its own in an answer, which the library reads.
    """
    error = body.get("error")
    choices = body.get("choices")
    if not error and isinstance(choices, list):
        first = choices[0] if choices and isinstance(choices[0], dict) else {}
        error = first.get("error")
    elif choices or body.get("content") or "output" in body:
        return None
    if not error:
        return None
    return error if isinstance(error, dict) else {"message": str(error)}


def _chat(body: Json, sent: Mapping[str, Any]) -> Json:
    choices = [
        _choice(one, n, sent) for n, one in enumerate(body["choices"][:1]) if isinstance(one, dict)
    ]
    return {
        "id": str(body.get("id") or ""),
        "object": "chat.completion",
        "created": body["created"] if isinstance(body.get("created"), int) else 0,
        "model": str(body.get("model") or sent.get("model") or ""),
        "choices": choices,
        "usage": _chat_usage(body.get("usage"), sent),
    }


def _choice(choice: Json, index: int, sent: Mapping[str, Any]) -> Json:
    given = choice.get("message") or choice.get("delta")
    given = given if isinstance(given, dict) else {"content": choice.get("text")}
    content, calls = given.get("content"), [*_chat_calls(given, sent)]
    message: Json = {
        "role": "assistant",
        "content": content if isinstance(content, str | list) else None,
        "tool_calls": calls or None,
        **{key: given[key] for key in _WORDS if isinstance(given.get(key), str)},
    }
    reason = _finish(choice.get("finish_reason"), calls, content)
    return {"index": index, "message": message, "finish_reason": reason, "logprobs": None}


def _chat_calls(message: Json, sent: Mapping[str, Any]) -> list[Json]:
    found = message.get("tool_calls")
    found = found if isinstance(found, list) else [found]
    calls = [one for one in found if isinstance(one, dict)]
    if not calls and isinstance(old := message.get("function_call"), dict):
        calls = [{"function": old}]
    ids = _Ids(sent)
    return [_chat_call(call, ids) for call in calls]


def _chat_call(call: Json, ids: _Ids) -> Json:
    function = call.get("function")
    function = function if isinstance(function, dict) else call
    given = function.get("arguments", function.get("parameters"))
    arguments = given if isinstance(given, str) else json.dumps({} if given is None else given)
    name = str(function.get("name") or "")
    # gpt-oss's own form: https://github.com/vllm-project/vllm/issues/32587
    name = name.partition("<|")[0].strip().removeprefix("functions.")
    return {
        "id": ids.of(call.get("id")),
        "type": "function",
        "function": {"name": name, "arguments": arguments},
    }


class _Ids:
    """The ids of an answer's calls: each is there once, and one that is missing is made up.

    The length of the conversation so far keeps those that are made up apart from earlier ones.
    """

    def __init__(self, sent: Mapping[str, Any]) -> None:
        said = sent.get("messages") or sent.get("input")
        self._turn = len(said) if isinstance(said, list) else 0
        self._taken: set[str] = set()

    def of(self, given: Any) -> str:
        """Return the id of the next call."""
        usable = isinstance(given, str) and given and given not in self._taken
        name = str(given) if usable else f"call_made_up_{self._turn}_{len(self._taken)}"
        self._taken.add(name)
        return name


def _finish(given: Any, calls: list[Json], content: Any) -> str | None:
    """Return why an answer ended; an odd or missing word counts by what the answer holds."""
    word = str(given).lower() if given else ""
    if word in _FINISHED:
        return word
    if word in _FINISH:
        return _FINISH[word]
    if calls:
        return "tool_calls"
    return "stop" if word or content else None


def _chat_usage(given: Any, sent: Mapping[str, Any]) -> Json | None:
    """Return the usage, with what is missing at its worst; None where nothing is known."""
    if not isinstance(given, dict) or not isinstance(given.get("prompt_tokens"), int):
        return None
    read, total = given["prompt_tokens"], given.get("total_tokens")
    written = given.get("completion_tokens")
    if not isinstance(written, int):
        most = sent.get("max_tokens") or sent.get("max_completion_tokens") or 0
        written = total - read if isinstance(total, int) and total >= read else most
    return {
        **given,
        "completion_tokens": written,
        "total_tokens": total if isinstance(total, int) else read + written,
    }


def _message(body: Json, sent: Mapping[str, Any]) -> Json:
    ids = _Ids(sent)
    blocks = [
        _block(one, ids)
        for one in body["content"]
        if isinstance(one, dict) and one.get("type") in _BLOCKS
    ]
    given = body.get("stop_reason")
    if given is None or given in _STOPPED:
        stop = None if given is None else str(given)
    else:
        stop = "tool_use" if any(one["type"] == "tool_use" for one in blocks) else "end_turn"
    return {
        **body,
        "id": str(body.get("id") or ""),
        "type": "message",
        "role": "assistant",
        "model": str(body.get("model") or sent.get("model") or ""),
        "content": blocks,
        "stop_reason": stop,
        "usage": _message_usage(body.get("usage"), sent),
    }


def _message_usage(given: Any, sent: Mapping[str, Any]) -> Json:
    """Return the usage, with a missing output at its worst; no tokens where nothing is known."""
    if not isinstance(given, dict) or not isinstance(given.get("input_tokens"), int):
        return {"input_tokens": 0, "output_tokens": 0}
    written = given.get("output_tokens")
    most = sent.get("max_tokens", 0)
    return {**given, "output_tokens": written if isinstance(written, int) else most}


def _block(block: Json, ids: _Ids) -> Json:
    if block["type"] == "text":
        return {**block, "text": str(block.get("text") or "")}
    if block["type"] != "tool_use":
        return block
    given = block.get("input")
    return {
        **block,
        "id": ids.of(block.get("id")),
        "name": str(block.get("name") or ""),
        "input": {} if given is None else given,
    }


def _response(body: Json, sent: Mapping[str, Any]) -> Json:
    ids = _Ids(sent)
    items = [
        _item(one, ids)
        for one in body["output"]
        if isinstance(one, dict) and one.get("type") in _ITEMS
    ]
    return {**body, "model": str(body.get("model") or sent.get("model") or ""), "output": items}


def _item(item: Json, ids: _Ids) -> Json:
    if item["type"] != "function_call":
        return item
    given = item.get("arguments")
    arguments = given if isinstance(given, str) else json.dumps({} if given is None else given)
    return {**item, "call_id": ids.of(item.get("call_id")), "arguments": arguments}


_SHAPES: Mapping[str, Callable[[Json, Mapping[str, Any]], Json]] = {
    "choices": _chat,
    "content": _message,
    "output": _response,
}
