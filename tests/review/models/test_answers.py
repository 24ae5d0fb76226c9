"""What servers say when they refuse a request, word for word, and what it means."""

from __future__ import annotations

from typing import Any

import pytest

from daemon.review.models.answers import (
    Lesson,
    Meaning,
    applied,
    cure,
    lesson,
    meaning,
    own_words,
    window_told,
)


LONG, FLAG, KEY = Meaning.TOO_LONG, Meaning.FLAGGED, Meaning.KEY
SAID = [
    (400, "prompt is too long: 210000 tokens > 200000 maximum", LONG, 200_000),
    (
        400,
        "input length and `max_tokens` exceed context limit: 174167 + 64000 > 200000",
        LONG,
        200_000,
    ),
    (
        400,
        "This model's maximum context length is 8192 tokens. However, you requested 9000 tokens",
        LONG,
        8_192,
    ),
    (
        400,
        "{'type': 'exceed_context_size_error', 'n_prompt_tokens': 9000, 'n_ctx': 4096}",
        LONG,
        4096,
    ),
    (422, "Input is too long for requested model.", LONG, None),
    (
        400,
        "This model's maximum prompt length is 131072 but the request contains 537812 tokens.",
        LONG,
        131_072,
    ),
    (
        429,
        "Request too large for gpt-4o on tokens per min (TPM): Limit 30000, Requested 47000.",
        LONG,
        30_000,
    ),
    (
        422,
        "`inputs` must have less than 3072 tokens. Given: 9000",
        LONG,
        3_072,
    ),
    (
        400,
        "The input token count (1200000) exceeds the maximum number of tokens allowed (1048576).",
        LONG,
        1_048_576,
    ),
    (400, "Please reduce the length of the messages or completion.", LONG, None),
    (413, "<html><title>413 Request Entity Too Large</title></html>", LONG, None),
    (500, "the request exceeds the available context size", LONG, None),
    (422, "`inputs` tokens + `max_new_tokens` must be <= 8193. Given: 9000 `inputs`", LONG, 8_193),
    (400, "Invalid request: Your request exceeded model token limit: 8192", LONG, 8_192),
    (400, "Prompt exceeds max length", LONG, None),
    (400, "Range of input length should be [1, 129024]", LONG, 129_024),
    (400, "33000 tokens, too large for model with 32768 maximum context length", LONG, 32_768),
    (400, "the request exceeds the available context size (4096 tokens)", LONG, 4_096),
    (400, "The number of tokens in the prompt (9000) exceeds the limit 8192", LONG, None),
    (400, "The decoder prompt (length 40000) is longer than the maximum of 32768.", LONG, None),
    (400, "The length of input and output tokens should be less than 8192", LONG, None),
    (400, "prompt token count of 200000 exceeds the limit of 128000", LONG, None),
    (413, "Request body too large for gpt-4o model. Max size: 8000 tokens.", LONG, 8_000),
    (400, "输入长度超过限制", LONG, None),
    (
        429,
        "This request would exceed your rate limit of 30,000 input tokens per minute.",
        Meaning.PASSING,
        None,
    ),
    (400, "max_tokens (6000) is greater than the maximum 4096", Meaning.REJECTED, None),
    (403, 'x requires moderation. Your input was flagged for "violence"', FLAG, None),
    (400, "Output blocked by content filtering policy", FLAG, None),
    (400, "{'code': 'content_filter', 'innererror': {}}", FLAG, None),
    (400, "{'code': 'data_inspection_failed'}", FLAG, None),
    (401, "anything", KEY, None),
    (403, "Your API key does not have permission to use the specified resource.", KEY, None),
    (403, "<html>Access token missing</html>", Meaning.REJECTED, None),
    (403, "Forbidden", Meaning.REJECTED, None),
    (404, "No endpoints found that support tool use.", Meaning.MODEL, None),
    (402, "Insufficient credits", Meaning.ACCOUNT, None),
    (429, "You exceeded your current quota {'code': 'insufficient_quota'}", Meaning.ACCOUNT, None),
    (400, "Your credit balance is too low to access the API", Meaning.ACCOUNT, None),
    (
        429,
        "Rate limit reached on tokens per min (TPM): Limit 30000, Used 29000, Requested 5000.",
        Meaning.PASSING,
        None,
    ),
    (500, "Failed to parse tool call arguments as JSON", Meaning.PASSING, None),
    (529, "Overloaded", Meaning.PASSING, None),
    (400, "Provider returned error", Meaning.REJECTED, None),
    (
        400,
        "max_tokens is too large: 6000. This model supports at most 4096",
        Meaning.REJECTED,
        None,
    ),
]


@pytest.mark.parametrize(("status", "words", "means", "window"), SAID)
def test_every_wording_has_one_meaning(
    status: int, words: str, means: Meaning, window: int | None
) -> None:
    assert meaning(status, words) is means
    if means is LONG:
        assert window_told(words) == window


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({"error": {"message": "no\nsuch"}}, "no such"),
        ({"error": "no"}, "no"),
        ({"message": "no"}, "no"),
        ({"detail": "no"}, "no"),
        ({"detail": [{"loc": ["body", "strict"], "msg": "Extra"}]}, "body.strict: Extra"),
        ("<!doctype html><title>403\n Forbidden</title><p>x", "403 Forbidden"),
        ("<html><p>Blocked</p></html>", "Blocked"),
        (None, ""),
    ],
)
def test_a_servers_own_words_are_found_wherever_they_stand(body: object, words: str) -> None:
    assert own_words(body) == words


@pytest.mark.parametrize(
    ("words", "remedy"),
    [
        ('"auto" tool choice requires --enable-auto-tool-choice', "--tool-call-parser"),
        (
            "library/gemma does not support tools",
            "name a model that can call them",
        ),
        ("No endpoints found that support tool use.", "name a model that can call them"),
        ('model "llama9" not found, try pulling it first', "ollama pull"),
        ("Insufficient credits", "add credit"),
        ("Something else", ""),
    ],
)
def test_where_the_words_tell_it_the_remedy_is_named(words: str, remedy: str) -> None:
    assert remedy in cure(words)
    assert bool(cure(words)) == bool(remedy)


TOOL = {"type": "function", "function": {"name": "finish", "strict": True, "parameters": {}}}
SENT: dict[str, Any] = {
    "model": "m",
    "messages": [{"role": "user", "content": [{"type": "text", "cache_control": {}}]}],
    "tools": [TOOL],
    "max_tokens": 6000,
    "tool_choice": "auto",
    "parallel_tool_calls": True,
    "store": False,
}


@pytest.mark.parametrize(
    ("words", "learned"),
    [
        (
            "Unsupported parameter: 'max_tokens'. Use 'max_completion_tokens' instead.",
            Lesson("max_tokens", "max_completion_tokens"),
        ),
        ("Unrecognized request argument supplied: strict", Lesson("strict")),
        ("tools.0.function.strict: Extra inputs are not permitted", Lesson("strict")),
        (
            "[{'loc': ['body', 'tools', 0, 'strict'], 'msg': 'extra fields not permitted'}]",
            Lesson("strict"),
        ),
        ("property 'store' is unsupported", Lesson("store")),
        ("parallel_tool_calls is not supported with this model", Lesson("parallel_tool_calls")),
        ("This model does not support cache_control: unknown field", Lesson("cache_control")),
        (
            "max_tokens is too large: 6000. This model supports at most 4096 completion tokens",
            Lesson("max_tokens", "max_tokens", 4096),
        ),
        (
            "max_tokens: 6000 > 4096, which is the maximum allowed number of output tokens",
            Lesson("max_tokens", "max_tokens", 4096),
        ),
    ],
)
def test_a_refusal_that_names_a_parameter_teaches_it(words: str, learned: Lesson) -> None:
    assert lesson(words, SENT) == learned


@pytest.mark.parametrize(
    "words",
    [
        "Provider returned error",
        "messages: unexpected role",
        "tools are not supported",
        "The document is in a store that is not supported",
        "temperature is not supported",
    ],
)
def test_any_other_refusal_teaches_nothing(words: str) -> None:
    assert lesson(words, SENT) is None


def test_a_request_is_sent_as_it_is_taken() -> None:
    known = (
        Lesson("strict"),
        Lesson("cache_control"),
        Lesson("store"),
        Lesson("max_tokens", "max_tokens", 4096),
        Lesson("max_tokens", "max_completion_tokens"),
    )
    assert applied(SENT, known) == {
        "model": "m",
        "messages": [{"role": "user", "content": [{"type": "text"}]}],
        "tools": [{"type": "function", "function": {"name": "finish", "parameters": {}}}],
        "max_completion_tokens": 4096,
        "tool_choice": "auto",
        "parallel_tool_calls": True,
    }
    assert SENT["tools"] == [TOOL]
