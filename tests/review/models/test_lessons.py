"""What a refusal teaches about a parameter."""

from __future__ import annotations

from typing import Any

import pytest

from daemon.review.models.lessons import Lesson, applied, lesson


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
