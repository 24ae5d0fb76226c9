"""Public model servers by the shape of what they send: another server is another row."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from typing import Any

import pytest
import stamina

from daemon.domain.errors import ConfigError, ReviewError, Unavailable
from daemon.domain.values import Outcome, Usage
from daemon.review.agent import Conversation, ModelInput, ReviewLimits
from daemon.review.models.access import ModelAccess
from daemon.review.models.chain import Chain
from support.model_fakes import OpenPurse
from support.tool_fakes import FakeTools
from support.vendor_server import (
    Json,
    Reply,
    VendorServer,
    anthropic_message,
    chat_completion,
    serving,
    text,
    tool_use,
)


LOCAL, SONNET = "openai:local", "anthropic:claude-sonnet-5-5"
COMMENT = {"block": "B1", "text": "Say why."}
FINISH = chat_completion(None, ("finish", '{"summary": "Good."}'), finish="tool_calls")


@pytest.fixture(autouse=True)
def _no_waiting() -> Iterator[None]:
    with stamina.set_testing(True, attempts=3, cap=True):
        yield


@pytest.fixture
def vendor() -> Iterator[VendorServer]:
    with serving(VendorServer()) as server:
        yield server


def review(vendor: VendorServer, name: str, *replies: Reply | Json, times: int = 1) -> Conversation:
    """Hold as many reviews as asked for, and return the last."""
    vendor.script = [each if isinstance(each, Reply) else Reply(each) for each in replies]
    access = ModelAccess(
        keys=dict.fromkeys(("anthropic", "openai"), "any"),
        urls={"anthropic": vendor.url, "openai": f"{vendor.url}/v1"},
    )

    async def go() -> Conversation:
        chain = Chain(access, monotonic=lambda: 0.0, spending_limiter=OpenPurse())
        brief = ModelInput("How to review.", "The document.", "page-1")
        try:
            for _ in range(times):
                held = await chain.converse(
                    [name], lambda _: (brief, FakeTools()), lambda _: None, ReviewLimits(4, 30)
                )
        finally:
            await chain.aclose()
        return held

    return asyncio.run(go())


def comments(conversation: Conversation) -> list[str]:
    assert isinstance(conversation.tools, FakeTools)
    return conversation.tools.comments


def chat(message: Json, finish: Any = "stop", **more: Any) -> Json:
    """A chat answer with nothing in it but what is given."""
    return {"choices": [{"message": message, "finish_reason": finish}], **more}


def call(arguments: Any, **more: Any) -> Json:
    return {"function": {"name": "comment", "arguments": arguments}, **more}


WORD = json.dumps(COMMENT)
CALL = call(WORD, id="c", type="function")
SERVERS = {
    "llama.cpp, arguments as an object": chat({"tool_calls": [call(COMMENT, id="c")]}),
    "without id and type": chat({"role": "assistant", "tool_calls": [call(WORD)]}),
    "an empty id": chat({"tool_calls": [call(WORD, id="", type="function")]}),
    "an empty finish reason": chat({"content": None, "tool_calls": [CALL]}, ""),
    "a finish reason of its own": chat({"content": "", "tool_calls": [CALL]}, "eos"),
    "no finish reason": chat({"content": "", "tool_calls": [CALL]}, None),
    "no content": chat({"tool_calls": [CALL]}, "tool_calls"),
    "usage without an output": chat({"tool_calls": [CALL]}, usage={"prompt_tokens": 9}),
    "usage null": chat({"tool_calls": [CALL]}, usage=None),
    "odd ids and times": chat({"tool_calls": [CALL]}, id=7, created="now", model=None),
    "unknown parts": chat({"tool_calls": [CALL, 3], "audio": 1, "annotations": None}, mystery=[1]),
    "the old function_call": chat(
        {"content": None, "function_call": {"name": "comment", "arguments": WORD}}, "function_call"
    ),
    "vLLM without a parser": chat(
        {"content": f'<tool_call>{{"name": "comment", "arguments": {WORD}}}</tool_call>'}
    ),
    "Ollama, bare JSON": chat({"content": f'{{"name": "comment", "parameters": {WORD}}}'}),
    "a thought, then a call as text": chat(
        {"content": f"Okay.\n</think>\n[TOOL_CALLS]comment{WORD}"}, "stop"
    ),
    "Mistral, words in parts": chat(
        {
            "content": [
                {"type": "thinking", "thinking": [{"type": "text", "text": "Hm."}]},
                {"type": "text", "text": "I comment."},
            ],
            "tool_calls": [CALL],
        }
    ),
    "a call in words in parts": chat(
        {"content": [{"type": "text", "text": f'{{"name": "comment", "arguments": {WORD}}}'}]}
    ),
    "gpt-oss, a name with its channel": chat(
        {"tool_calls": [{"function": {"name": "comment<|channel|>commentary", "arguments": WORD}}]}
    ),
    "a name with its space": chat(
        {"tool_calls": [{"function": {"name": "functions.comment", "arguments": WORD}}]}
    ),
    "one call, in no list": chat({"tool_calls": CALL}, "tool_calls"),
    "a delta": {"choices": [{"delta": {"tool_calls": [CALL]}, "finish_reason": "tool_calls"}]},
    "thinking in a field": chat({"reasoning_content": "Hm.", "tool_calls": [CALL]}),
}


@pytest.mark.parametrize("answer", SERVERS.values(), ids=SERVERS)
def test_a_call_is_heard_with_one_request_whatever_its_shape(
    vendor: VendorServer, answer: Json
) -> None:
    conversation = review(vendor, LOCAL, answer, FINISH)
    assert comments(conversation) == ["Say why."]
    assert conversation.outcome is Outcome.DONE
    assert len(vendor.sent) == 2
    # What goes back is in the documented shape, and the answer has the call's own id.
    said, answered = vendor.sent[1].body["messages"][-2:]
    [made] = said["tool_calls"]
    assert (made["type"], made["function"]["name"]) == ("function", "comment")
    assert json.loads(made["function"]["arguments"]) == COMMENT
    assert answered["tool_call_id"] == made["id"] != ""


def test_ids_that_are_missing_are_made_up_and_stay_unique(vendor: VendorServer) -> None:
    twice = chat({"tool_calls": [call(WORD), call(WORD, id="c"), call(WORD, id="c")]})
    review(vendor, LOCAL, twice, twice, FINISH)
    said = [one for one in vendor.sent[-1].body["messages"] if one["role"] == "assistant"]
    for turn in said:
        ids = [made["id"] for made in turn["tool_calls"]]
        assert len(set(ids)) == len(ids) == 3


MESSAGES = {
    "an unknown block": anthropic_message(
        {"type": "novel", "data": 1}, tool_use("comment", **COMMENT), stop="tool_use"
    ),
    "a stop reason of its own": anthropic_message(tool_use("comment", **COMMENT), stop="done"),
    "no usage": {
        key: value
        for key, value in anthropic_message(tool_use("comment", **COMMENT)).items()
        if key != "usage"
    },
    "no id": {
        "content": [{"type": "tool_use", "name": "comment", "input": COMMENT}],
        "stop_reason": "tool_use",
        "usage": {"input_tokens": 9},
    },
    "a call as text": anthropic_message(
        text(f'<tool_call>{{"name": "comment", "arguments": {WORD}}}</tool_call>')
    ),
}


@pytest.mark.parametrize("answer", MESSAGES.values(), ids=MESSAGES)
def test_a_call_over_anthropics_api_is_heard_whatever_its_shape(
    vendor: VendorServer, answer: Json
) -> None:
    done = anthropic_message(tool_use("finish", summary="Good."), stop="tool_use")
    assert comments(review(vendor, SONNET, answer, done)) == ["Say why."]
    assert len(vendor.sent) == 2


def test_tokens_that_are_not_counted_count_at_worst(vendor: VendorServer) -> None:
    answer = chat({"content": "Good."}, usage={"prompt_tokens": 9})
    usage = review(vendor, LOCAL, answer).usage
    assert usage == Usage(1, input_tokens=9, output_tokens=6_000)


@pytest.mark.parametrize(
    "arguments",
    ['{"block": "B1", "text": "UDP \\ud83d promises nothing."}', {"text": "UDP \ud83d promises"}],
)
def test_half_a_pair_is_replaced_when_it_is_heard(vendor: VendorServer, arguments: Any) -> None:
    conversation = review(vendor, LOCAL, chat({"tool_calls": [call(arguments)]}), FINISH)
    [said] = comments(conversation)
    assert said.startswith("UDP \ufffd promises")


THOUGHTS = [
    "Okay, the user wants me to review this RFC. Hmm.\n</think>\n\nThe promise does not hold.",
    "<think>Hmm.</think>The promise does not hold.",
    "<|channel|>analysis<|message|>H.<|end|><|channel|>final<|message|>The promise does not hold.",
]


@pytest.mark.parametrize("words", THOUGHTS)
def test_of_a_final_text_only_the_words_are_kept(vendor: VendorServer, words: str) -> None:
    assert review(vendor, LOCAL, chat({"content": words})).text == "The promise does not hold."


def refused(words: str, status: int = 400, **more: Any) -> Reply:
    return Reply({"error": {"message": words, "type": "invalid_request_error", **more}}, status)


LESSONS = {
    "Azure, o-series": (
        refused("Unsupported parameter: 'max_tokens'. Use 'max_completion_tokens' instead."),
        lambda body: body.get("max_completion_tokens") == 6_000 and "max_tokens" not in body,
    ),
    "strict, a FastAPI server": (
        Reply(
            {
                "detail": [
                    {
                        "loc": ["body", "tools", 0, "function", "strict"],
                        "msg": "Extra inputs are not permitted",
                    }
                ]
            },
            422,
        ),
        lambda body: all("strict" not in tool["function"] for tool in body["tools"]),
    ),
    "tool_choice": (
        refused("tool_choice is not supported", param="tool_choice"),
        lambda body: "tool_choice" not in body,
    ),
    "a smaller answer": (
        refused("max_tokens is too large: 6000. This model supports at most 4096 tokens."),
        lambda body: body["max_tokens"] == 4_096,
    ),
}


@pytest.mark.parametrize(("refusal", "takes"), LESSONS.values(), ids=LESSONS)
def test_a_refused_parameter_is_learned_once_and_remembered(
    vendor: VendorServer, refusal: Reply, takes: Any
) -> None:
    review(vendor, LOCAL, refusal, FINISH, times=3)
    assert [takes(sent.body) for sent in vendor.sent] == [False, True, True, True]


def test_a_parameter_over_anthropics_api_is_learned_too(vendor: VendorServer) -> None:
    words = "tools.0.strict: Extra inputs are not permitted"
    error = {"type": "error", "error": {"type": "invalid_request_error", "message": words}}
    done = anthropic_message(tool_use("finish", summary="Good."), stop="tool_use")
    review(vendor, SONNET, Reply(error, 400), done, times=2)
    assert ["strict" in sent.body["tools"][0] for sent in vendor.sent] == [True, False, False]


TOLD = {
    "OpenRouter, an error in a 200": (
        Reply({"error": {"message": "Insufficient credits", "code": 402}}),
        Unavailable,
        r"402 Insufficient credits; add credit",
    ),
    "an error in a choice": (
        Reply({"choices": [{"error": {"message": "Upstream is gone", "code": 502}}]}),
        Unavailable,
        r"502 Upstream is gone",
    ),
    "an error as a text": (Reply({"error": "model is loading"}), Unavailable, "model is loading"),
    "a page for people": (
        Reply("<html><title>Welcome</title></html>", 200, {"Content-Type": "text/html"}),
        Unavailable,
        r"malformed answer: .*expected JSON data; see that .* often ends in /v1",
    ),
    "nothing at all": (Reply("", 200), Unavailable, r"malformed answer: .* often ends in /v1"),
    "no choices": (Reply({"choices": []}), Unavailable, "malformed answer"),
    "no endpoint with tools": (
        refused("No endpoints found that support tool use.", 404),
        ConfigError,
        r"No endpoints found that support tool use.*can call them",
    ),
    "Ollama, no tools": (
        refused("registry.ollama.ai/library/gemma:2b does not support tools"),
        ConfigError,
        r"does not support tools.*can call them",
    ),
    "Ollama, not pulled": (
        refused('model "local" not found, try pulling it first', 404),
        ConfigError,
        r"try pulling it first.*ollama pull",
    ),
    "vLLM without its options": (
        refused('"auto" tool choice requires --enable-auto-tool-choice and --tool-call-parser'),
        ConfigError,
        r"start vLLM with --enable-auto-tool-choice",
    ),
    "a call announced and missing": (
        Reply(chat({"content": ""}, "tool_calls")),
        Unavailable,
        r"announces a call and holds none.*--tool-call-parser",
    ),
}


@pytest.mark.parametrize(("answer", "kind", "words"), TOLD.values(), ids=TOLD)
def test_a_servers_own_words_are_told_with_what_to_do(
    vendor: VendorServer, answer: Reply, kind: type[ReviewError], words: str
) -> None:
    with pytest.raises(kind, match=words):
        review(vendor, LOCAL, answer)
